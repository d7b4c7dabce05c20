"""A folder of submissions: everybody's results, and what went wrong most often."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apalu_ref
from apalu_ref.exercises.grade import MEMORY, SECONDS, check, require_room
from apalu_ref.exercises.names import like
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
    ``names`` is what there is to say of the names of its files.
    """

    name: str
    results: list[Result] = field(default_factory=list)
    error: str = ""
    names: list[str] = field(default_factory=list)


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
        """For each task, what was found and in how many submissions, most frequent first.

        What may follow from an earlier task that is not right is left out.
        """
        found: dict[str, Counter[str]] = {task.name: Counter() for task in self.tasks}
        for submission in self.submissions:
            for result in submission.results:
                seen = {
                    f.what for part in result.parts if part.status != TO_DO and not part.after
                    for f in part.findings
                }  # fmt: skip
                found[result.task.name].update(seen)
        return {
            name: sorted(counts.items(), key=lambda item: (-item[1], item[0]))
            for name, counts in found.items()
        }

    def following(self) -> dict[str, list[tuple[tuple[int, ...], int]]]:
        """For each task, from which earlier ones mistakes may follow, in how many submissions."""
        found: dict[str, Counter[tuple[int, ...]]] = {task.name: Counter() for task in self.tasks}
        for submission in self.submissions:
            for result in submission.results:
                numbers = {number for part in result.parts for number in part.after}
                found[result.task.name].update([tuple(sorted(numbers))] if numbers else [])
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
        named = [f"  {s.name}: {said}" for s in self.submissions for said in s.names]
        lines += ["", "names of files:", *named] if named else []
        mistakes, following = self.mistakes(), self.following()
        for task in self.tasks:
            common = mistakes[task.name][:5]
            said = [
                (f"mistakes that may follow from task {' and '.join(map(str, numbers))} are not "
                 "listed: --with-reference grades each task by itself", n)
                for numbers, n in following[task.name]
            ]  # fmt: skip
            if common or said:
                lines += ["", f"{task.number} {task.name}, most often:"]
                lines += [f"  {n:3} of {len(graded)}  {what}" for what, n in [*common, *said]]
        return "\n".join(lines) + "\n"

    def as_csv(self) -> str:
        """A row for each submission: how many parts of each task are right, and of all.

        For a spreadsheet. A task that was not begun is an empty field. Text that a spreadsheet
        would take for a formula has an apostrophe before it.
        """
        whole = sum(len(task.parts) for task in self.tasks)
        heads = [f"{t.number} {t.name} (of {len(t.parts)})" for t in self.tasks]
        rows: list[list[object]] = [["name", *heads, f"total (of {whole})", "remarks"]]
        for s in self.submissions:
            right = [sum(part.passed for part in result.parts) for result in s.results]
            shown = ["" if r.status == TO_DO else n for r, n in zip(s.results, right, strict=True)]
            shown = shown or [""] * len(heads)
            total = "" if s.error else sum(right)
            remarks = s.error or "; ".join(s.names)
            rows.append([_plain(s.name), *shown, total, _plain(remarks)])
        written = io.StringIO(newline="")
        csv.writer(written).writerows(rows)
        return written.getvalue()

    def as_json(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        return {
            "schema": SCHEMA,
            "tasks": [task.name for task in self.tasks],
            "submissions": [
                {
                    "name": s.name,
                    "error": s.error,
                    "names": s.names,
                    "results": [r.as_json() for r in s.results],
                }
                for s in self.submissions
            ],
            "mistakes": {
                name: [{"what": what, "submissions": n} for what, n in counts]
                for name, counts in self.mistakes().items()
            },
            "following": {
                name: [{"from": list(numbers), "submissions": n} for numbers, n in counts]
                for name, counts in self.following().items()
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
    chosen = sorted(TASKS if tasks is None else map(find, tasks), key=lambda task: task.number)
    require_room(memory)
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
        if kept is not None and results is not None:
            _hand_back(kept, path.name, results, anew=False)
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
        named = [said for task in chosen if (said := submission.name_of(task))]
        report.submissions.append(Graded(path.name, results, names=named))
    return report


def _files_in(path: Path) -> Path:
    """The folder that has the task files: this one, or the only one in it that has."""
    if any((path / f"{task.module}.py").is_file() for task in TASKS):
        return path
    found = {p.parent for task in TASKS for p in path.rglob(f"{task.module}.py")}
    if not found:  # to say of them what their names should be
        found = {p.parent for p in path.rglob("*") if like(p.name) is not None and p.is_file()}
    deeper = [p for p in sorted(found) if "solutions" not in p.relative_to(path).parts]
    if len(deeper) > 1:
        several = " and ".join(str(p.relative_to(path)) for p in deeper)
        raise SubmissionError(f"{path} has the task files more than once, in {several}: leave one")
    return deeper[0] if deeper else path


def _store(folder: Path, name: str, settings: dict[str, Any], results: list[Result]) -> None:
    whole = {"settings": settings, "results": [r.as_json() for r in results]}
    _hand_back(folder, name, results)
    write_atomically(
        folder / f"{name}.json", json.dumps(whole, indent=1, ensure_ascii=False).encode()
    )


def _hand_back(folder: Path, name: str, results: list[Result], anew: bool = True) -> None:
    """Write the report for who handed in; if not ``anew``, then only where it is missing."""
    path = folder / f"{name}.txt"
    if anew or not path.is_file():
        write_atomically(path, text(results).encode())


def _plain(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.lstrip()[:1] in tuple("=+-@＝＋－＠") else text


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
