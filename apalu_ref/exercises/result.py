"""What the grader found."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from apalu_ref.exercises.tasks import Task, find

SCHEMA = 2
"""Version of the JSON layout."""

PASSED, FAILED, TO_DO, STOPPED = "passed", "failed", "to do", "stopped"

LEFT_OUT = "[… lines are left out]"
"""Stands in what was printed for lines that are not kept."""


@dataclass
class Finding:
    """One thing that is wrong: in a sentence, with a hint, and the answer for who asks for it.

    ``where`` is the place at which it was seen: numbers, or a line of the file. The rest is the
    same for all who make the mistake.
    """

    what: str
    hint: str = ""
    answer: str = ""
    where: str = ""

    @property
    def said(self) -> str:
        """What is wrong, and where."""
        return f"{self.what} ({self.where})" if self.where else self.what


@dataclass
class Part:
    """The verdict on one part of a task.

    ``status`` is "passed", "failed", "to do" (not written yet, or something it needs is not) or
    "stopped" (the process ended before its turn, or in it). ``notes`` are worth knowing and
    cost nothing. ``after`` are the numbers of earlier tasks that it uses and that are not right:
    what is found may follow from them.
    """

    name: str
    status: str = PASSED
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    after: list[int] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether it is right."""
        return self.status == PASSED

    def text(self, answer: bool = False) -> str:
        """Its findings, one after the other: what, hint, and the answer if it is asked for."""
        lines = []
        for finding in self.findings:
            lines.append(finding.said)
            lines += [f"hint: {finding.hint}"] if finding.hint else []
            lines += [f"answer: {finding.answer}"] if answer and finding.answer else []
        return "\n".join(lines) or self.status


@dataclass
class Result:
    """The verdict on one task of a submission.

    ``imported`` is whether its file could be imported. ``remarks`` concern the whole: that an
    earlier task it uses is not right; ``filled`` is what the reference stood in for. ``printed`` is
    what the code wrote to its output, of each part the last lines, ``fault`` the traceback of the
    grader, if that failed.
    """

    task: Task
    parts: list[Part]
    remarks: list[str] = field(default_factory=list)
    filled: list[str] = field(default_factory=list)
    printed: str = ""
    seconds: float = 0.0
    imported: bool = True
    fault: str = ""

    @property
    def passed(self) -> bool:
        """Whether all of it is right."""
        return all(part.passed for part in self.parts)

    @property
    def status(self) -> str:
        """Of all parts: "passed", "to do" if none is written, or "failed"."""
        if self.passed:
            return PASSED
        return TO_DO if all(part.status == TO_DO for part in self.parts) else FAILED

    @property
    def score(self) -> float:
        """The share of parts that are right."""
        return sum(part.passed for part in self.parts) / len(self.parts)

    def part(self, name: str) -> Part:
        """The verdict on one part.

        Raises
        ------
        KeyError
            If the task has no such part.
        """
        for part in self.parts:
            if part.name == name:
                return part
        raise KeyError(f"task {self.task.name} has no part {name!r}; it has {self.task.parts}")

    def as_json(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        return {
            "task": self.task.name,
            "number": self.task.number,
            "status": self.status,
            "score": self.score,
            "parts": [asdict(part) for part in self.parts],
            "remarks": self.remarks,
            "filled": self.filled,
            "printed": self.printed,
            "fault": self.fault,
            "seconds": round(self.seconds, 2),
        }


def from_json(stored: dict[str, Any]) -> Result:
    """A result, from what :meth:`Result.as_json` made of it."""
    parts = [
        Part(p["name"], p["status"], [Finding(**f) for f in p["findings"]], p["notes"], p["after"])
        for p in stored["parts"]
    ]
    return Result(
        find(stored["task"]), parts, stored["remarks"], stored["filled"], stored["printed"],
        stored["seconds"], fault=stored["fault"],
    )  # fmt: skip
