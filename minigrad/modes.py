"""Switches that hold for a stretch of code: recording on or off, and looking for NaN."""

from __future__ import annotations

import linecache
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

_INSIDE = tuple(str(Path(file).parent) + os.sep for file in (__file__, np.__file__))
_VIEWS = {"reshape", "transpose", "broadcast_to", "alias"}


class AnomalyError(FloatingPointError):
    """A NaN appeared; the message says which operation made it, where, and from which line."""


class _State(threading.local):
    recording = True
    anomaly = False


state = _State()


@contextmanager
def _set(name: str, value: bool) -> Iterator[None]:
    before = getattr(state, name)
    setattr(state, name, value)
    try:
        yield
    finally:
        setattr(state, name, before)


def no_grad(function: Any = None) -> Any:
    """Do not record: results require no grad. A context manager, also a decorator.

    Holds for the current thread.

    Examples
    --------
    >>> import minigrad
    >>> x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    >>> with minigrad.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """
    context = _set("recording", False)
    return context if function is None else context(function)


def enable_grad() -> Any:
    """Record again inside :func:`no_grad`. A context manager, also a decorator."""
    return _set("recording", True)


def is_grad_enabled() -> bool:
    """Whether operations are recorded at present."""
    return state.recording


def detect_anomaly() -> Any:
    """Debug mode: stop at the first NaN and say which line made it. A context manager.

    Operations are watched as they are applied, and their rules during backward. A NaN that
    comes in with the data is let through; the operation that makes one out of other numbers
    raises :class:`AnomalyError`. Costs time: every result is looked through.

    Examples
    --------
    >>> import minigrad, numpy as np
    >>> x = minigrad.tensor([1.0, -1.0], requires_grad=True)
    >>> with np.errstate(invalid="ignore"), minigrad.detect_anomaly():
    ...     y = np.log(x)
    Traceback (most recent call last):
        ...
    minigrad.modes.AnomalyError: log made a NaN at [1] from x = -1.0
      in <doctest minigrad.modes.detect_anomaly[2]>, line 2: y = np.log(x)
    """
    return _set("anomaly", True)


def calling_line() -> str:
    """The innermost line outside this package and NumPy, as ``file, line n: code``."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_INSIDE):
        frame = frame.f_back
    name, number = frame.f_code.co_filename, frame.f_lineno
    code = linecache.getline(name, number).strip()
    return f"{name}, line {number}" + (f": {code}" if code else "")


def _has_nan(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_has_nan, value))
    if not isinstance(value, (np.ndarray, np.generic, float)):
        if hasattr(value, "saved_tensors"):  # a Function's context
            return _has_nan(value.saved_tensors)
        value = getattr(value, "data", None)  # a Tensor's
    array = np.asarray(value)
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def _first(array: np.ndarray[Any, Any]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(np.isnan(array))[0])


def check_forward(name: str, inputs: Sequence[Any], y: np.ndarray[Any, Any]) -> None:
    """Raise if ``y`` has a NaN and no input has."""
    if not _has_nan(y) or any(_has_nan(x) for x in inputs):
        return
    index = _first(y)
    seen = []
    for x in inputs:
        if isinstance(x, (np.ndarray, np.generic)) and np.shape(x) == y.shape:
            seen.append(f"{np.asarray(x)[index]}")
    origin = f" from {'x' if len(seen) == 1 else 'inputs'} = {', '.join(seen)}" if seen else ""
    where = f" at [{', '.join(map(str, index))}]" if index else ""
    raise AnomalyError(f"{name} made a NaN{where}{origin}\n  in {calling_line()}")


def check_backward(node: Any, g: Any, gradient: Any) -> None:
    """Raise if a rule made a NaN out of a gradient, and kept values, that have none."""
    gradient = gradient.value if hasattr(gradient, "value") else gradient
    if not _has_nan(gradient) or _has_nan(g) or _has_nan(node.values):
        return
    array = np.asarray(gradient if isinstance(gradient, np.ndarray) else gradient.data)
    index = _first(array)
    where = f" at [{', '.join(map(str, index))}]" if index else ""
    upstream = np.asarray(g if isinstance(g, (np.ndarray, np.generic)) else g.data)
    masked = upstream.shape == array.shape and upstream[index] == 0
    hint = "\n  (0 times an infinite slope: keep such values out before where() masks them)"
    line = node.line or "a line that ran outside of detect_anomaly()"
    raise AnomalyError(
        f"the derivative of {node.op.name} made a NaN{where}; the operation was recorded\n"
        f"  in {line}{hint if masked else ''}"
    )


def refuse_changed(node: Any, leaf: Any) -> None:
    """Raise if backward would use a parameter's new value where the old one was meant."""
    named = {j for _, _, names in getattr(node.plan, "rules", ()) for j in names}
    kept = any(edge is leaf and i in named for i, edge in enumerate(node.edges))
    if node.plan is None or kept or _is_view(node):
        raise RuntimeError(
            f"a parameter (shape {leaf.shape}) was changed after {node.op.name} had used it and "
            "before backward: compute the output anew after each optimiser step"
        )


def _is_view(node: Any) -> bool:
    """Whether the output shares the input's data: later operations may have kept it."""
    if node.op.name == "getitem":
        index = node.values[1]
        return not any(
            isinstance(part, (np.ndarray, list))
            for part in (index if isinstance(index, tuple) else (index,))
        )
    return node.op.name in _VIEWS
