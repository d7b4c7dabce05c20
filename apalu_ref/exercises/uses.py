"""What a task's file uses of earlier tasks, as its text shows."""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from apalu_ref.exercises.submission import Submission
from apalu_ref.exercises.tasks import TASKS, Task

Name = tuple[str, str]
"""A module of the submission, and a name in it."""

_ALL = "*"
_RUN = ""  # in the place of a name: what runs when the file is imported, and defines none


def uses(
    submission: Submission, task: Task, names: Iterable[str] | None = None
) -> list[tuple[Task, str]]:
    """What it calls of earlier tasks, directly or through other files, in order.

    ``names`` are those of the task's functions that are looked at, all if not given. Where it
    cannot be seen which are used of a task, as with ``import *``, it is all of that task.
    """
    files = _files(submission)
    if task.module not in files:
        return []
    # A module that the file has to import is not used by that.
    own = [name for name in task.given if name in files[task.module].bodies]
    begin = (*task.asks, *own) if names is None else names
    waiting = [(task.module, name) for name in (*begin, _RUN)]
    found = _closure(files, waiting)
    gone = [use for use in found if use[0] not in files]
    return _earlier(task, [*found, *_in_full(gone)])


def imports(
    submission: Submission, task: Task, inside: Callable[[Task], bool] = lambda _: True
) -> list[tuple[Task, str]]:
    """What it imports of earlier tasks, used or not: without these it does not run.

    Files that it imports, import others. ``inside`` says of which earlier tasks that counts: of
    those for which the reference stands in, or which fail by themselves, it does not.
    """
    files = _files(submission)
    earlier = {t.module: t for t in TASKS if t.number < task.number}
    found: set[Name] = set()
    waiting, seen = [task.module], set[str]()
    while waiting:
        module = waiting.pop()
        if module in seen or module not in files:
            continue
        seen.add(module)
        if module in earlier and not inside(earlier[module]):
            continue
        found |= files[module].imported
        waiting += [name for name, _ in files[module].imported]
    return _earlier(task, _in_full(found))


def _in_full(names: Iterable[Name]) -> Iterator[Name]:
    """For something ready-made that a file has, all that is to be written in it."""
    asked = {task.module: task.asks for task in TASKS}
    for module, name in names:
        yield module, name if name in asked.get(module, ()) else _ALL


def _earlier(task: Task, found: Iterable[Name]) -> list[tuple[Task, str]]:
    there = set(found)
    return [
        (before, name)
        for before in TASKS
        if before.number < task.number
        for name in before.asks
        if there & {(before.module, name), (before.module, _ALL)}
    ]


def _files(submission: Submission) -> dict[str, _File]:
    trees = {name: submission.parsed(name) for name in submission.sources}
    files: dict[str, _File] = {}
    for name, tree in trees.items():
        # What is nested too deeply to be gone through, as a long chain of elif, is not seen.
        with contextlib.suppress(RecursionError):
            if isinstance(tree, ast.Module):
                files[name] = _File(tree)
    return files


def _closure(files: dict[str, _File], waiting: list[Name]) -> set[Name]:
    found: set[Name] = set()
    while waiting:
        use = waiting.pop()
        module, name = use
        if use in found:
            continue
        found.add(use)
        if module in files:
            inner, outer = files[module].reads(name)
            waiting += [*((module, one) for one in inner), *outer]
    return found


class _Import(NamedTuple):
    """What a local name stands for; without ``name`` it is the module itself."""

    module: str
    name: str = ""


class _File:
    """The definitions and imports of one file: of each name the last, as when it runs."""

    def __init__(self, tree: ast.Module) -> None:
        self.bodies: dict[str, list[ast.AST]] = {}
        self.imports: dict[str, _Import] = {}
        self.every: set[str] = set()  # of these all may be used
        self.imported: set[Name] = set()  # used or not
        self._take(tree.body)
        for node in ast.walk(tree):
            # An import inside a function serves that function, and hides nothing at the top.
            if isinstance(node, ast.ImportFrom):
                for name, it in self._named(node):
                    self.imported |= self._whole(it)
                    if name not in self.bodies:
                        self.imports.setdefault(name, it)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                # It may be imported by its name, as a text; a sentence about it is none.
                said = node.value.strip(".")
                self.every |= {t.module for t in TASKS if t.module in said and " " not in said}
        self.imported |= {(module, _ALL) for module in self.every}

    def reads(self, name: str) -> tuple[set[str], set[Name]]:
        """Names of this file, and of others, that the definition of a name reads."""
        inner: set[str] = set()
        outer = {(module, _ALL) for module in self.every}
        if name == _ALL:
            return {*self.bodies, *self.imports}, outer
        if name in self.imports:  # passed on
            outer |= self._whole(self.imports[name])
        for node in self.bodies.get(name, ()):
            more = self._loaded(node)
            inner |= more[0]
            outer |= more[1]
        return inner, outer

    def _take(self, statements: Iterable[ast.stmt], surely: bool = True) -> None:
        for node in statements:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self._define(node.name, node, surely)
            elif isinstance(node, ast.ImportFrom):
                for name, it in self._named(node):
                    self.imports[name] = it
                    if surely:
                        self.bodies.pop(name, None)
            elif isinstance(node, ast.If) and "__name__" in ast.dump(node.test):
                self._take(node.orelse, surely=False)  # the rest is for those who start the file
            elif isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.Match)):
                for part in ast.iter_child_nodes(node):
                    if isinstance(part, (ast.ExceptHandler, ast.match_case)):
                        self._take(part.body, surely=False)
                    elif isinstance(part, ast.stmt):
                        self._take([part], surely=False)
                    else:
                        self._keep(part, surely=False)
            else:
                self._keep(node, surely)

    def _keep(self, node: ast.AST, surely: bool) -> None:
        """A statement or an expression at the top, by the names that it gives a value."""
        names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
        read = {part.id for part in names if isinstance(part.ctx, ast.Load)}
        given = [part.id for part in names if isinstance(part.ctx, ast.Store)]
        # R |= {f} and f = better(f) are made of the one before.
        surely = surely and not isinstance(node, ast.AugAssign)
        for name in given:
            self._define(name, node, surely and name not in read)
        targets = getattr(node, "targets", [node])
        if not given or not all(isinstance(t, (ast.Name, ast.Tuple)) for t in targets):
            # TABLE["f"] = f, R.append(f): what it is for cannot be seen.
            self.bodies.setdefault(_RUN, []).append(node)

    def _define(self, name: str, node: ast.AST, surely: bool) -> None:
        if surely:
            self.imports.pop(name, None)
            self.bodies.pop(name, None)
        # Under an `if` or a `try` there may be two: either may be the one.
        self.bodies.setdefault(name, []).append(node)

    def _named(self, node: ast.ImportFrom) -> Iterator[tuple[str, _Import]]:
        if node.level != 1:
            return
        for alias in node.names:
            if alias.name == "*":
                self.every.add(node.module or "")
            elif node.module:
                yield alias.asname or alias.name, _Import(node.module, alias.name)
            else:
                yield alias.asname or alias.name, _Import(alias.name)

    def _loaded(self, node: ast.AST) -> tuple[set[str], set[Name]]:
        inner: set[str] = set()
        outer: set[Name] = set()
        told: set[ast.AST] = set()
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
                it = self.imports.get(part.value.id)
                if it is not None and not it.name:
                    told.add(part.value)
                    outer.add((it.module, part.attr))
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part not in told:
                if part.id in self.imports:
                    outer |= self._whole(self.imports[part.id])
                inner.add(part.id)
        return inner, outer

    @staticmethod
    def _whole(it: _Import) -> set[Name]:
        return {(it.module, it.name or _ALL)}
