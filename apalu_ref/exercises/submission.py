"""A submission: a folder with one file a task. What is still to do, what it imports, its gaps."""

from __future__ import annotations

import ast
import hashlib
import shutil
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from apalu_ref.exercises.names import like
from apalu_ref.exercises.result import Finding
from apalu_ref.exercises.tasks import TASKS, Task

PACKAGE = "mine"
"""What the copy that is graded is called; the folder itself may have any name."""

_MOST = 1 << 20  # bytes of one file
_WAS = {"is": "was", "are": "were"}


class SubmissionError(ValueError):
    """There is nothing to grade; the message says what was looked for and where."""


class Submission:
    """The files of one submission.

    Parameters
    ----------
    folder : path-like
        Where ``task1_derivatives.py`` and the others are; some may be missing.

    Raises
    ------
    SubmissionError
        If there is no such folder, or none of the files is in it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise SubmissionError(f"there is no folder {self.folder}")
        self.sources: dict[str, bytes] = {}
        for path in sorted(self.folder.glob("*.py")):
            if path.name.startswith(".") or not path.is_file():
                continue  # an editor's, a folder, a pipe
            if path.stat().st_size > _MOST:
                raise SubmissionError(f"{path} is larger than a program of this course can be")
            self.sources[path.stem] = path.read_bytes()
        self.likes: dict[str, list[str]] = {}
        for path in sorted(self.folder.iterdir()):
            task = like(path.name)
            if task is not None and path.is_file():
                self.likes.setdefault(task.module, []).append(path.name)
        if not any(task.module in self.sources for task in TASKS):
            first, last = f"{TASKS[0].module}.py", f"{TASKS[-1].module}.py"
            inside = [p for p in sorted(self.folder.iterdir()) if (p / first).is_file()]
            hint = f"; did you mean {inside[0]}?" if inside else ""
            said = "".join(f"; {self.name_of(task)}" for task in TASKS if task.module in self.likes)
            raise SubmissionError(
                f"{self.folder} has none of the files {first} … {last}{said or hint}"
            )

    @property
    def digest(self) -> str:
        """A number that changes when a file does."""
        told = hashlib.sha256()
        for name, source in sorted(self.sources.items()):
            told.update(f"{name} {len(source)}\n".encode() + source)
        told.update(repr(sorted(self.likes.items())).encode())
        return told.hexdigest()

    def name_of(self, task: Task) -> str:
        """What is to be said of files that may be the task's, but are not called so; or ""."""
        others = self.likes.get(task.module, [])
        if not others:
            return ""
        those, are = " and ".join(others), "is" if len(others) == 1 else "are"
        if task.module in self.sources:
            return (
                f"{task.module}.py was graded; {those}, which {are} there as well, {_WAS[are]} not"
            )
        which = "it" if len(others) == 1 else "the one that counts"
        return f"{those} {are} not taken for {task.module}.py: rename {which} to {task.module}.py"

    def tree(self, task: Task) -> ast.Module | Finding:
        """The syntax of a task's file, or why it has none."""
        if task.module not in self.sources:
            hint = self.name_of(task) or "was it handed in, and under just this name?"
            return Finding(f"the file {task.module}.py is not there", hint)
        return self.parsed(task.module)

    def parsed(self, module: str) -> ast.Module | Finding:
        """The syntax of one of the files, or why it has none."""
        source = self.sources[module]
        try:
            text = source.decode("utf-8-sig")
            if "\0" in text:
                raise ValueError("it has zeros in it: was it stored as UTF-16?")
            return ast.parse(text)
        except (MemoryError, RecursionError):
            return Finding(f"{module}.py is nested too deeply for Python to read")
        except SyntaxError as error:
            line = (error.text or "").strip()
            return Finding(
                f"{module}.py, line {error.lineno}, is no Python: {error.msg}: {line}",
                "look at how far the lines are indented"
                if isinstance(error, IndentationError)
                else "a bracket, a colon or a quotation mark is missing there, or just before",
            )
        except ValueError as error:
            return Finding(f"{module}.py is not a text file in UTF-8: {error}")

    def to_do(self, task: Task) -> list[str]:
        """What the task asks for and is still a stub, or not there."""
        tree = self.tree(task)
        if not isinstance(tree, ast.Module):
            return list(task.asks)
        # Not only at the top: methods of the operation, and what stands under an `if`.
        defined = [pair for node in ast.walk(tree) for pair in _defined(node)]
        written = {name for name, value in defined if not _is_stub(value)}
        return [name for name in task.asks if name not in written]

    def strangers(self, task: Task) -> list[Finding]:
        """Imports that the task does not allow."""
        tree = self.tree(task)
        allowed = {*sys.stdlib_module_names, *task.imports}
        own = ", and your own earlier tasks: from .task1_derivatives import v"
        said = [*task.imports, f"Python's own modules{own if task.number > 1 else ''}"]
        found = []
        for node in ast.walk(tree) if isinstance(tree, ast.Module) else ():
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            else:
                continue
            for name in names:
                if name.split(".")[0] not in allowed:
                    found.append(Finding(
                        f"{task.module}.py, line {node.lineno}, imports {name}",
                        f"the task is to be solved with {' and '.join(said)}",
                    ))  # fmt: skip
        return found

    def copy_to(
        self,
        folder: Path,
        filled: Iterable[tuple[Task, str]] = (),
        broken: Collection[str] = (),
    ) -> None:
        """Write the package that is graded, with the reference in the place of the gaps.

        Parameters
        ----------
        folder : path
            Where to write it.
        filled : iterable of (Task, str)
            What the reference stands in for.
        broken : collection of str
            Modules that cannot be imported: of these nothing but what was filled is written.
        """
        package = folder / PACKAGE
        shutil.rmtree(package, ignore_errors=True)
        package.mkdir(parents=True)
        kept = {name: s for name, s in self.sources.items() if name not in broken}
        sources = {"__init__": b"", **kept}
        for task, name in filled:
            gap = f"\n\nfrom apalu_ref.exercises.reference import {name}\n".encode()
            sources[task.module] = sources.get(task.module, b"") + gap
        for name, source in sources.items():
            (package / f"{name}.py").write_bytes(source)


def _defined(node: ast.AST) -> list[tuple[str, ast.AST]]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [(node.name, node)]
    if isinstance(node, ast.Assign):
        return [(t.id, node.value) for t in node.targets if isinstance(t, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
        return [(node.target.id, node.value)]
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [(alias.asname or alias.name, node) for alias in node.names]
    return []


def _is_stub(value: ast.AST) -> bool:
    """Whether nothing has been written yet: a function that raises, a card of Nones."""
    if isinstance(value, ast.FunctionDef):
        body = [  # without docstrings and `...`
            statement
            for statement in value.body
            if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        ]
        if len(body) != 1:
            return not body
        raises = isinstance(body[0], ast.Raise) and "NotImplementedError" in ast.unparse(body[0])
        return raises or isinstance(body[0], ast.Pass)
    if isinstance(value, ast.Dict) and value.values:
        return all(isinstance(v, ast.Constant) and v.value is None for v in value.values)
    return False
