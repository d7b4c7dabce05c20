"""A folder of submissions: everybody's results, and what went wrong most often."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apalu_ref
from apalu_ref.exercises.grade import MEMORY, SECONDS, check
from apalu_ref.exercises.reports import text
from apalu_ref.exercises.result import SCHEMA, TO_DO, Result, from_json
from apalu_ref.exercises.submission import Submission, SubmissionError
from apalu_ref.exercises.tasks import TASKS, Task, find
from minigrad.checkpoint import write_atomically

REPORT = "class"
"""What the files of the report are called, among those of the submissions."""


@dataclass
class Graded:
    """One submission: its name, and its results, or why there are none.

    ``error`` is what is wrong with the submission as a whole; the others are graded all the same.
    """

    name: str
    results: list[Result] = field(default_factory=list)
    error: str = ""


@dataclass
class ClassReport:
    """The results of a class.

    Attributes
    ----------
    tasks : list of Task
        Those that were graded.
    submissions : list of Graded
        By name.
    """

    tasks: list[Task]
    submissions: list[Graded] = field(default_factory=list)

    def mistakes(self) -> dict[str, list[tuple[str, int]]]:
        """For each task, what was found and in how many submissions, most frequent first."""
        found: dict[str, Counter[str]] = {task.name: Counter() for task in self.tasks}
        for submission in self.submissions:
            for result in submission.results:
                seen = {
                    f.what for part in result.parts if part.status != TO_DO for f in part.findings
                }
                found[result.task.name].update(seen)
        return {
            name: sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            for name, counts in found.items()
        }

    def text(self) -> str:
        """A table of parts that are right, and the most frequent findings of each task."""
        width = max([len(s.name) for s in self.submissions] + [10]) + 2
        heads = [f"{t.number} {t.name}" for t in self.tasks]
        lines = ["".join([" " * width, *(f"{head:>{len(head) + 2}}" for head in heads)])]
        for submission in self.submissions:
            row = f"{submission.name:{width}}"
            if submission.error:
                lines.append(f"{row}  {submission.error}")
                continue
            for head, result in zip(heads, submission.results, strict=True):
                right = sum(part.passed for part in result.parts)
                shown = "-" if result.status == TO_DO else f"{right}/{len(result.parts)}"
                row += f"{shown:>{len(head) + 2}}"
            lines.append(row)
        graded = [s for s in self.submissions if not s.error]
        passed = [sum(s.results[i].passed for s in graded) for i in range(len(heads))]
        lines.append(f"{'passed':{width}}" + "".join(
            f"{n:>{len(head) + 2}}" for n, head in zip(passed, heads, strict=True)))  # fmt: skip
        for task in self.tasks:
            common = self.mistakes()[task.name][:5]
            if common:
                lines += ["", f"{task.number} {task.name}, most often:"]
                lines += [f"  {n:3} of {len(graded)}  {what}" for what, n in common]
        return "\n".join(lines) + "\n"

    def as_json(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        return {
            "schema": SCHEMA,
            "tasks": [task.name for task in self.tasks],
            "submissions": [
                {"name": s.name, "error": s.error, "results": [r.as_json() for r in s.results]}
                for s in self.submissions
            ],
            "mistakes": {
                name: [{"what": what, "submissions": n} for what, n in counts]
                for name, counts in self.mistakes().items()
            },
        }


def check_class(
    folder: str | Path,
    tasks: Iterable[str] | None = None,
    *,
    with_reference: bool = False,
    seconds: float = SECONDS,
    memory: int = MEMORY,
    out: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> ClassReport:
    """Grade every submission in a folder. This runs their code: see :func:`check`.

    Parameters
    ----------
    folder : path-like
        With a folder for each submission, which holds the task files, itself or in a folder of
        its own (``alice/mine``).
    tasks, with_reference, seconds, memory
        As for :func:`check`.
    out : path-like, optional
        A folder for the results: ``NAME.json`` and, to hand back, ``NAME.txt``, each written as
        soon as that submission is graded. A submission that is there and has not changed since
        is not graded again.
    progress : callable, optional
        Called with each name, its place, and how many there are.

    Returns
    -------
    ClassReport

    Raises
    ------
    SubmissionError
        If there is no such folder, or no folder in it.
    ValueError
        If there is no such task.
    """
    chosen = [find(t) for t in tasks] if tasks is not None else list(TASKS)
    chosen.sort(key=lambda task: task.number)
    whole = Path(folder)
    if not whole.is_dir():
        raise SubmissionError(f"there is no folder {whole}")
    kept = None if out is None else Path(out)
    inside = [
        p
        for p in sorted(whole.iterdir())
        if p.is_dir()
        and not p.name.startswith((".", "__"))  # as archivers leave behind
        and (kept is None or p.resolve() != kept.resolve())
    ]
    if not inside:
        raise SubmissionError(f"{whole} has no folders: one for each submission is needed")
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
    report = ClassReport(chosen)
    names = [task.name for task in chosen]
    limits = {"with_reference": with_reference, "seconds": seconds, "memory": memory}
    for i, path in enumerate(inside, 1):
        if progress is not None:
            progress(path.name, i, len(inside))
        try:
            if kept is not None and path.name == REPORT:
                raise SubmissionError(f"the report of the class is called {REPORT}: rename it")
            submission = Submission(_files_in(path))
        except (SubmissionError, OSError) as error:
            report.submissions.append(Graded(path.name, error=str(error)))
            continue
        settings = {
            "schema": SCHEMA, "version": apalu_ref.__version__, "tasks": names,
            "submission": submission.digest, **limits,
        }  # fmt: skip
        results = None if kept is None else _stored(kept / f"{path.name}.json", settings)
        if results is None:
            try:
                results = check(submission.folder, names, with_reference=with_reference,
                                seconds=seconds, memory=memory)  # fmt: skip
            except (SubmissionError, OSError, RecursionError, MemoryError) as error:
                what = f"it cannot be graded: {type(error).__name__}: {error}"
                report.submissions.append(Graded(path.name, error=what))
                continue
            if kept is not None and not any(result.fault for result in results):
                _store(kept, path.name, settings, results)
        report.submissions.append(Graded(path.name, results))
    return report


def _files_in(path: Path) -> Path:
    """The folder that has the task files: this one, or the only one in it that has."""
    if any((path / f"{task.module}.py").is_file() for task in TASKS):
        return path
    found = {p.parent for task in TASKS for p in path.rglob(f"{task.module}.py")}
    deeper = [p for p in sorted(found) if "solutions" not in p.relative_to(path).parts]
    if len(deeper) > 1:
        several = " and ".join(str(p.relative_to(path)) for p in deeper)
        raise SubmissionError(f"{path} has the task files more than once, in {several}: leave one")
    return deeper[0] if deeper else path


def _store(folder: Path, name: str, settings: dict[str, Any], results: list[Result]) -> None:
    whole = {"settings": settings, "results": [r.as_json() for r in results]}
    write_atomically(folder / f"{name}.txt", text(results).encode())
    write_atomically(
        folder / f"{name}.json", json.dumps(whole, indent=1, ensure_ascii=False).encode()
    )


def _stored(path: Path, settings: dict[str, Any]) -> list[Result] | None:
    """Results that were stored for the same files and settings."""
    if not path.is_file():
        return None
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        if whole["settings"] != settings:
            return None
        return [from_json(result) for result in whole["results"]]
    except (ValueError, KeyError, TypeError) as error:
        raise SubmissionError(
            f"{path} is damaged ({type(error).__name__}: {error}): delete it, and it is made again"
        ) from None
