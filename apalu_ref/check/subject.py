"""Somebody's implementation: how it is named and loaded."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class SubjectError(Exception):
    """The check could not begin. ``exit_status`` is 2 (named wrongly) or 3 (does not work)."""

    def __init__(self, message: str, exit_status: int, traceback: str = "") -> None:
        super().__init__(message)
        self.exit_status = exit_status
        self.traceback = traceback


class WrongReturnError(TypeError):
    """A subject returned something else than it should; the message says so by itself."""


def split_name(name: str) -> tuple[str, str]:
    """``file.py:attribute`` or ``package.module:attribute`` into its two parts."""
    source, colon, attribute = name.rpartition(":")
    if colon and all(part.isidentifier() for part in attribute.split(".")):
        return source, attribute
    return name, ""


def is_file(source: str) -> bool:
    """Whether the name means a file rather than a module."""
    return source.endswith(".py") or "/" in source or "\\" in source


def require_exists(name: str) -> None:
    """Raise SubjectError (2) if a file named is not there."""
    source, _ = split_name(name)
    if not source:
        raise SubjectError(f"{name!r} names no file or module: write file.py:attribute", 2)
    if not is_file(source) and not all(part.isidentifier() for part in source.split(".")):
        raise SubjectError(f"{source!r} is neither a .py file nor the name of a module", 2)
    if is_file(source) and not Path(source).is_file():
        raise SubjectError(f"no such file: {source}", 2)


@dataclass
class Target:
    """What a name names, and the module it was found in."""

    name: str
    value: Any
    module: Any


def load(name: str) -> Target:
    """Import what a name names into this process.

    Parameters
    ----------
    name : str
        ``file.py``, ``file.py:attribute``, ``package.module`` or
        ``package.module:attribute``.

    Returns
    -------
    Target

    Raises
    ------
    SubjectError
        If there is no such file, module or attribute.
    Exception
        Whatever importing it raises.
    """
    require_exists(name)
    source, attribute = split_name(name)
    if is_file(source):
        path = Path(source)
        # As for a script: modules beside the file can be imported.
        sys.path.insert(0, str(path.resolve().parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise SubjectError(f"{source} is not a Python file: name a .py file", 2)
        module = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, module)
        spec.loader.exec_module(module)
    else:
        try:
            module = importlib.import_module(source)
        except ModuleNotFoundError as error:
            if error.name and (source == error.name or source.startswith(error.name + ".")):
                raise SubjectError(f"no module named {error.name!r}", 2) from None
            raise
    target: Any = module
    for part in attribute.split(".") if attribute else ():
        try:
            target = getattr(target, part)
        except AttributeError:
            raise SubjectError(
                f"{source} has no attribute {attribute!r}{suggest(module)}", 2
            ) from None
    return Target(name, target, module)


def suggest(module: Any) -> str:
    """What the module does define, for messages."""
    found = [
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
    ]
    more = [f"and {len(found) - 8} more"] if len(found) > 8 else []
    return f"; it defines {', '.join([*found[:8], *more])}" if found else ""


def describe(value: Any) -> str:
    """What a value is, for messages about what was returned."""
    if isinstance(value, (tuple, list)):
        kind = "a tuple" if isinstance(value, tuple) else "a list"
        return f"{kind} of {len(value)}"
    return f"a {type(value).__name__}" if value is not None else "None"
