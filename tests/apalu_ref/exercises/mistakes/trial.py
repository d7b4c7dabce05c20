"""Runs the checks of one task, in this process, on a model solution with mistakes put in.

The texts beside this file hold what people hand in. A line that begins with ``==`` begins a
submission: its name, the part that fails, and what must be said of it; nothing, if it is right.
What follows takes the place of definitions of the same names in the model solution; lines that
begin with ``-`` and ``+`` are text of the solution, and what takes its place.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from apalu_ref.exercises.result import PASSED, Part
from apalu_ref.exercises.tasks import find

HERE = Path(__file__).resolve().parent
SOLUTIONS = HERE.parents[3] / "tutorials" / "exercises" / "solutions"
STUBS = SOLUTIONS.with_name("mine")

_CHECKS = {"backward": "kernel"}  # where the module is not called as the task
_numbers = itertools.count()


class Case(NamedTuple):
    """A submission; without a part it is right."""

    task: str
    name: str
    code: str
    part: str = ""
    says: str = ""

    def __str__(self) -> str:
        return f"{self.part or 'right'}: {self.name}"


def cases(task: str, *files: str) -> list[Case]:
    """What the texts hold."""
    found = []
    for file in files or (task,):
        text = (HERE / f"{file}.txt").read_text(encoding="utf-8")
        for block in text.split("\n== ")[1:]:
            head, _, code = block.partition("\n")
            name, part, says = ([*head.split(" | "), "", ""])[:3]
            found.append(Case(task, name, code.strip("\n") + "\n", part, says))
    return found


def source_with(source: str, code: str) -> str:
    """The model solution with this in it."""
    lines = code.splitlines()
    for minus, group in itertools.groupby(lines, lambda line: line[:1] if line[:1] in "-+" else ""):
        text = "\n".join(line[1:] for line in group)
        if minus == "-":
            assert source.count(text) == 1, f"{source.count(text)} times in the solution:\n{text}"
            source = source.replace(text, "\0")
        elif minus == "+":
            source = source.replace("\0", text)
        else:
            source = source.replace("\0", "")
    source = source.replace("\0", "")
    return _replaced(source, "\n".join(line for line in lines if line[:1] not in ("-", "+")))


def _replaced(source: str, code: str) -> str:
    """With definitions of the same names replaced; others stand where they stood among these."""
    old, new = ast.parse(source), ast.parse(code)
    lines, given = source.splitlines(), code.splitlines()
    there = {name: node for node in old.body for name in _names(node)}
    first = next(n for n in old.body if isinstance(n, (ast.FunctionDef, ast.ClassDef)))
    before: list[str] = []
    texts: dict[ast.stmt, list[str]] = {}
    place = before
    for node in new.body:
        own = next((there[name] for name in _names(node) if name in there), None)
        if own is not None:
            place = texts.setdefault(own, [])
        place += given[node.lineno - 1 : node.end_lineno]
    for node in reversed(old.body):
        if node in texts:
            lines[node.lineno - 1 : node.end_lineno] = texts[node]
        if node is first:
            lines[node.lineno - 1 : node.lineno - 1] = [*before, ""]
    return "\n".join(lines) + "\n"


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [t.id for t in node.targets if isinstance(t, ast.Name)]
    return []


def judge(folder: Path, case: Case, base: Path = SOLUTIONS) -> dict[str, Part]:
    """The verdicts on the task's parts; on a wrong one, up to the part that fails.

    The folder must be on the path, of this process and of those that it starts. ``base`` is what
    the code is put into.
    """
    task = find(case.task)
    number = f"submission{next(_numbers)}"
    package = folder / number / "mine"
    package.mkdir(parents=True)
    for path in base.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        if path.stem == task.module:
            source = source_with(source, case.code)
        (package / path.name).write_text(source, encoding="utf-8")
    name = f"apalu_ref.exercises.checks.{_CHECKS.get(task.name, task.name)}"
    checks = importlib.import_module(name)
    importlib.invalidate_caches()
    found: dict[str, Part] = {}
    limit, stack = sys.getrecursionlimit(), threading.stack_size()
    try:
        for part in checks.parts(importlib.import_module(f"{number}.mine.{task.module}")):
            found[part.name] = part
            if part.name == case.part:
                break
    finally:
        sys.setrecursionlimit(limit)
        threading.stack_size(stack)
        for module in [m for m in sys.modules if m.split(".")[0] == number]:
            del sys.modules[module]
    assert case.part or list(found) == list(task.parts)
    return found


def require_told(folder: Path, case: Case) -> None:
    """A wrong part fails for the reason that is expected, with a hint that keeps the answer back.

    If the submission is a right one, all parts pass.
    """
    parts = judge(folder, case)
    if not case.part:
        wrong = [part.text(answer=True) for part in parts.values() if part.status != PASSED]
        assert not wrong, wrong
        return
    part = parts[case.part]
    told = part.text(answer=True)
    assert part.status == "failed", f"{case.part} is {part.status}: {told}"
    finding = part.findings[0]
    assert case.says
    assert case.says in finding.what, told
    assert finding.hint, f"no hint: {told}"
    for said in (finding.what, finding.hint):
        assert not finding.answer or finding.answer not in said, f"given away: {told}"
