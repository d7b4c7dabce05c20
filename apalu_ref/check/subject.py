"""Somebody's implementation: how it is named, loaded and called."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


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


def load(name: str) -> Subject:
    """Import a subject into this process.

    Parameters
    ----------
    name : str
        ``file.py``, ``file.py:attribute``, ``package.module`` or
        ``package.module:attribute``. See :class:`Subject` for what it may name.

    Returns
    -------
    Subject

    Raises
    ------
    SubjectError
        If there is no such file, module or attribute, or it names something else.
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
                f"{source} has no attribute {attribute!r}{_suggest(module)}", 2
            ) from None
    return Subject(target, name, module)


def _suggest(module: Any) -> str:
    """What the module does define, for messages."""
    found = [
        key
        for key, value in vars(module).items()
        if not key.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
    ]
    return f"; it defines {', '.join(found[:8])}" if found else ""


class Subject:
    """What is checked: a pair of functions, or a forward function alone.

    ``target`` is an object (module, class made without arguments, or instance) with
    ``forward(x, a, b) -> (y, ctx)`` and ``backward(ctx, gy) -> (dx, da, db)``, or a function
    ``f(x, a, b) -> y``, of which only the values are checked.
    """

    def __init__(self, target: Any, name: str, module: Any = None) -> None:
        self.name = name
        self.forward_only = False
        forward, backward = (getattr(target, key, None) for key in ("forward", "backward"))
        if callable(forward) and callable(backward):
            self._target: Any = target() if inspect.isclass(target) else target
        elif not inspect.ismodule(target) and callable(target) and not inspect.isclass(target):
            self._target = target
            self.forward_only = True
        else:
            one = "backward" if callable(forward) else "forward"
            missing = f"no {one}" if callable(forward) or callable(backward) else "neither"
            raise SubjectError(
                f"{name} has {missing}{'' if missing != 'neither' else ' forward nor backward'}: "
                "name an object with forward(x, a, b) -> (y, ctx) and backward(ctx, gy) -> "
                f"(dx, da, db), or a function f(x, a, b) -> y{_suggest(module or target)}",
                2,
            )

    def forward(self, x: Array, a: Array, b: Array) -> tuple[Array, Any]:
        """Call forward; (y, ctx). Raises WrongReturnError if it returns something else."""
        if self.forward_only:
            return _array("f", "y", self._target(x, a, b)), None
        result = self._target.forward(x, a, b)
        if not isinstance(result, tuple) or len(result) != 2:
            raise WrongReturnError(
                f"forward returned {_describe(result)}, expected a pair (y, ctx)"
            )
        return _array("forward", "y", result[0]), result[1]

    def backward(self, ctx: Any, gy: Array) -> tuple[Array, Array, Array]:
        """Call backward; (dx, da, db). Raises WrongReturnError if it returns something else."""
        result = self._target.backward(ctx, gy)
        if not isinstance(result, (tuple, list)) or len(result) != 3:
            raise WrongReturnError(
                f"backward returned {_describe(result)}, expected three (dx, da, db)"
            )
        dx, da, db = (
            _array("backward", n, r) for n, r in zip(("dx", "da", "db"), result, strict=True)
        )
        return dx, da, db


def _array(function: str, name: str, value: Any) -> Array:
    if not isinstance(value, (np.ndarray, np.generic)):
        raise WrongReturnError(
            f"{function} returned {_describe(value)} for {name}, expected a NumPy array"
        )
    array = np.asarray(value)
    if array.dtype.kind not in "fiubc":
        raise WrongReturnError(f"{function} returned an array of {array.dtype} for {name}")
    return array


def _describe(value: Any) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"a {type(value).__name__}" if value is not None else "None"
