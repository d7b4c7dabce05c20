"""Grades tasks of one submission."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from apalu_ref.exercises import reference
from apalu_ref.exercises.process import judge
from apalu_ref.exercises.result import FAILED, TO_DO, Finding, Part, Result
from apalu_ref.exercises.submission import Submission
from apalu_ref.exercises.tasks import TASKS, Task, find
from apalu_ref.exercises.uses import imports, uses

SECONDS = 60.0
"""How long one task may take."""

MEMORY = 2048
"""How many MiB of address space it may have."""

LEAST = 512
"""With less Python, NumPy and the check kit may not find room for themselves."""


def check(
    folder: str | Path,
    tasks: Iterable[str] | None = None,
    *,
    with_reference: bool = False,
    seconds: float = SECONDS,
    memory: int = MEMORY,
    progress: Callable[[Task], None] | None = None,
    done: Callable[[Result], None] | None = None,
) -> list[Result]:
    """Grade tasks of a submission. This runs its code, in a process of its own.

    Parameters
    ----------
    folder : path-like
        Where ``task1_derivatives.py`` and the others are. It is copied, and the copy is run.
    tasks : iterable of str, optional
        Names or numbers; default all.
    with_reference : bool
        Put the project's own functions in the place of earlier tasks' functions that are still
        to do, missing or wrong, so that a later task can be judged by itself.
    seconds : float
        Time limit for each task.
    memory : int
        MiB of address space for each task, where the system can limit it; at least 512.
    progress : callable, optional
        Called with each task before it is graded.
    done : callable, optional
        Called with each result as soon as there is one: an interruption leaves these.

    Returns
    -------
    list of Result
        In the order of the tasks.

    Raises
    ------
    SubmissionError
        If there is no such folder, or no task in it.
    ValueError
        If there is no such task, or too little memory.

    Examples
    --------
    >>> from apalu_ref.exercises import TASKS
    >>> [task.name for task in TASKS]
    ['derivatives', 'sigmoid', 'backward', 'op', 'tape', 'fused', 'activation']
    """
    chosen = [task.name for task in TASKS] if tasks is None else [find(t).name for t in tasks]
    require_room(memory)
    grader = _Grader(Submission(folder), with_reference, seconds, memory, progress)
    results = []
    for task in TASKS:
        if task.name in chosen:
            results.append(grader.result(task))
            if done is not None:
                done(results[-1])
    return results


def require_room(memory: int) -> None:
    """Refuse a limit of memory in which nothing can run: it would fail, or pass, by chance."""
    if memory < LEAST:
        raise ValueError(f"{memory} MiB of memory are too few: at least {LEAST} are needed")


class _Grader:
    """Grades each task once, and those before it where it is needed to know."""

    def __init__(
        self,
        submission: Submission,
        with_reference: bool,
        seconds: float,
        memory: int,
        progress: Callable[[Task], None] | None,
    ) -> None:
        self.submission = submission
        self.with_reference = with_reference
        self.seconds = seconds
        self.memory = memory
        self.progress = progress
        self.done: dict[str, Result] = {}

    def result(self, task: Task) -> Result:
        """The verdict on one task."""
        if task.name not in self.done:
            self.done[task.name] = self._grade(task)
        return self.done[task.name]

    def _grade(self, task: Task) -> Result:
        if self.progress is not None:
            self.progress(task)
        begin = time.perf_counter()
        early = self._before_it_runs(task)
        said = self.submission.name_of(task)
        # Where the file itself is missing, that is a finding and says it.
        names = [said] if said and task.module in self.submission.sources else []
        if len(early) == len(task.parts):
            # What a file imports that it may not, need not be there for others either.
            sound = not isinstance(self.submission.tree(task), Finding)
            sound = sound and not self.submission.strangers(task)
            return Result(task, [early[name] for name in task.parts], names, imported=sound)
        gaps = self._wrong(task) if self.with_reference else []
        gaps = [(before, name) for before, name in gaps if hasattr(reference, name)]
        # What a submission has started may still be writing there.
        with tempfile.TemporaryDirectory(
            prefix="apalu-exercise-", ignore_cleanup_errors=True
        ) as name:
            # What a file that cannot be used gave ready-made is missing as well.
            done = [t for t in TASKS if gaps and t.name in self.done and t != task]
            broken = [t for t in done if not self.done[t.name].imported]
            given = [(t, n) for t in broken for n in t.given if hasattr(reference, n)]
            modules = {t.module for t in broken}
            self.submission.copy_to(Path(name), [*gaps, *given], modules)
            judged = judge(task, Path(name), self.seconds, self.memory << 20)
        # What is to do is to do, whatever else came of calling it.
        parts = [early.get(part.name, part) for part in judged.parts]
        filled = [f"{gap} (task {before.number})" for before, gap in gaps]
        result = Result(
            task, parts, names, filled, judged.printed, imported=judged.imported, fault=judged.fault
        )
        if not result.passed and not self.with_reference:
            wrong = self._wrong(task)
            result.remarks += _because(wrong, self._at_hand(task))
            self._trace(result, wrong)
        result.seconds = time.perf_counter() - begin
        return result

    def _before_it_runs(self, task: Task) -> dict[str, Part]:
        """Parts that reading decides: not written yet, or with imports that are not allowed."""
        tree = self.submission.tree(task)
        if isinstance(tree, Finding):
            missing = task.module not in self.submission.sources
            status = TO_DO if missing else FAILED
            return {name: Part(name, status, [tree]) for name in task.parts}
        strangers = self.submission.strangers(task)
        if strangers:
            return {name: Part(name, FAILED, strangers) for name in task.parts}
        open_ = self.submission.to_do(task)
        left = Finding("still to do")
        return {part: Part(part, TO_DO, [left]) for name in open_ for part in task.asks[name]}

    def _wrong(self, task: Task) -> list[tuple[Task, str]]:
        """What it needs of earlier tasks and is not right yet."""
        return [
            (before, name)
            for before, name in self._uses(task)
            if not all(self.result(before).part(part).passed for part in before.asks[name])
        ]

    def _uses(self, task: Task) -> list[tuple[Task, str]]:
        """What it calls of earlier tasks, and what it imports of those that cannot be imported."""
        called = uses(self.submission, task)
        brought = imports(self.submission, task, lambda before: self.result(before).imported)
        return called + [
            pair for pair in brought if pair not in called and not self.result(pair[0]).imported
        ]

    def _at_hand(self, task: Task) -> set[int]:
        """The numbers of earlier tasks that it calls, or imports itself."""
        direct = imports(self.submission, task, lambda _: False)
        return {before.number for before, _ in [*uses(self.submission, task), *direct]}

    def _trace(self, result: Result, wrong: list[tuple[Task, str]]) -> None:
        """Note of each part that fails which earlier tasks it uses, of those that are wrong."""
        task = result.task
        alone = {name for name, parts in task.asks.items() if parts == (name,)}
        for part in result.parts:
            if part.passed or part.status == TO_DO:
                continue
            # A part called as its function is tried by itself; others through all of the task.
            of_it = uses(self.submission, task, [part.name]) if part.name in alone else None
            mine = [t.number for t, name in wrong
                    if of_it is None or not result.imported or (t, name) in of_it]  # fmt: skip
            part.after = list(dict.fromkeys(mine))


def _because(wrong: list[tuple[Task, str]], at_hand: set[int]) -> list[str]:
    """What it needs and is not right, in words: a sentence for each earlier task."""

    def needs(names: list[str], number: int) -> str:
        said = f"{' and '.join(names)} of task {number}"
        return f"uses {said}" if number in at_hand else f"needs {said} for a file that it imports"

    by_task: dict[int, list[str]] = {}
    for before, name in wrong:
        by_task.setdefault(before.number, []).append(name)
    return [
        f"this task {needs(names, number)}, not right yet: do it first, "
        "or check with --with-reference"
        for number, names in by_task.items()
    ]
