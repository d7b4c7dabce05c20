"""Calling what somebody wrote: what it raises, returns and writes to, put into sentences."""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.result import FAILED, TO_DO, Finding, Part
from apalu_ref.exercises.submission import PACKAGE

Array = NDArray[Any]

_COPY = "work on a copy, or with operators that make a new array; look for *=, += and out="

# What an error most probably comes from: its type, a pattern of its text, then what to say.
_ERRORS: list[tuple[type[BaseException], str, Finding]] = [
    (ValueError, "truth value of an array",
     Finding("it uses `if`, `and`, `or`, `max` or `min` on an array",
             "such a test gives one answer for the whole array, and here each element needs its own",
             "np.where(condition, one, other), np.maximum, np.minimum, and & for `and`")),
    (TypeError, "only (length-1|size-1|0-dimensional|integer scalar) arrays",
     Finding("it gives an array to a function of Python's math module, or to float() or range()",
             "functions of math take one number; NumPy has the same ones for arrays",
             "np.exp for math.exp")),
    (TypeError, "missing .* required positional argument|takes .* positional argument",
     Finding("it does not take the arguments it is called with",
             "leave the line with `def` as it was in the stub")),
    (NameError, "is not defined",
     Finding("it uses a name that does not exist", "a typing mistake, or an import is missing")),
    (UnboundLocalError, "",
     Finding("it uses a local variable before it has a value",
             "is it assigned in one branch of an `if` only?")),
    (RecursionError, "",
     Finding("it calls itself too deeply: Python stops at about a thousand nested calls",
             "a walk that keeps its own list of what is still to do has no such limit",
             "waiting = [start]; while waiting: node = waiting.pop(); …")),
    (MemoryError, "", Finding("it asks for more memory than is allowed",
                              "is an array built whose size is a product of two others?")),
]  # fmt: skip


class Wrong(Exception):
    """What was found; ends the look at one part."""

    def __init__(self, finding: Finding, status: str = FAILED) -> None:
        super().__init__(finding.what)
        self.finding = finding
        self.status = status


def judged(name: str, look: Callable[[], Sequence[str] | None]) -> Part:
    """The verdict on one part: ``look`` raises :class:`Wrong`, or returns notes."""
    try:
        return Part(name, notes=list(look() or ()))
    except Wrong as wrong:
        return Part(name, wrong.status, [wrong.finding])


def call(what: str, function: Callable[..., Any], *arguments: Any, quiet: bool = False) -> Any:
    """Call it with copies of the arrays, and complain of what it raises, warns of or writes to.

    With ``quiet`` warnings of floating-point arithmetic are let pass.
    """
    given = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    seen: Any = "ignore" if quiet else "warn"
    with warnings.catch_warnings(), np.errstate(over=seen, invalid=seen, divide=seen):
        warnings.simplefilter("ignore" if quiet else "error", RuntimeWarning)
        try:
            result = function(*given)
        except Exception as error:
            raise explained(what, error) from None
    for before, after in zip(arguments, given, strict=True):
        if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=True):
            raise Wrong(Finding(f"{what} writes to its argument: the array is another one "
                                "afterwards", "the caller still needs that array", _COPY))  # fmt: skip
    return result


def explained(what: str, error: BaseException) -> Wrong:
    """An exception as a finding: what it most probably means, and the line it comes from."""
    where, own = _line(error)
    if isinstance(error, NotImplementedError):
        other = f"{own} is" if own and own != what else "it is"
        return Wrong(Finding(f"{what} cannot be tried: {other} still to do",
                             "do the earlier task first, or check with --with-reference",
                             where=where), TO_DO)  # fmt: skip
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, RuntimeWarning):
        return Wrong(Finding(
            f"{what} makes NumPy warn: {error}",
            "np.where computes both of its sides, for all elements; and what can e^-z become?",
            "let np.exp see only numbers that are not positive: np.exp(-np.abs(z)), or the "
            "half of the axis that the branch is for",
            where,
        ))  # fmt: skip
    for kind, pattern, finding in _ERRORS:
        if isinstance(error, kind) and re.search(pattern, str(error)):
            place = ", ".join(filter(None, (said, where)))
            return Wrong(Finding(f"{what}: {finding.what}", finding.hint, finding.answer, place))
    return Wrong(Finding(f"{what} raises {said}", where=where))


def _line(error: BaseException) -> tuple[str, str]:
    """Where in the submission, and in which of its functions, an error came up."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        folder, _, name = frame.filename.replace("\\", "/").rpartition("/")
        if folder.endswith(f"/{PACKAGE}"):
            return f"{name}, line {frame.lineno}: {frame.line}", frame.name
    return "", ""


def array(what: str, value: Any, shape: tuple[int, ...], dtype: Any = np.float64) -> Array:
    """What was returned, if it is an array of this shape and type."""
    if value is None:
        raise Wrong(Finding(f"{what} returns None", "is a `return` missing?"))
    if isinstance(value, (list, tuple)):
        kind = type(value).__name__
        raise Wrong(Finding(f"{what} returns a {kind}, not an array",
                            "computing with whole arrays needs no loop and no list"))  # fmt: skip
    got = np.asarray(value)
    if got.dtype == object:
        raise Wrong(Finding(f"{what} returns a {type(value).__name__}, not an array"))
    if got.shape != shape:
        raise Wrong(Finding(
            f"{what} returns an array of shape {got.shape} for one of shape {shape}",
            "each element of the result belongs to one of the argument: is there a sum, a mean "
            "or an index that should not be there?",
        ))  # fmt: skip
    if got.dtype != dtype:
        raise Wrong(Finding(
            f"{what} returns {got.dtype} for {np.dtype(dtype)}",
            "an array of a wider type, such as np.float64(1) or np.zeros(…), has been mixed in; "
            "Python's own numbers leave the type as it is",
            "np.empty_like(x), np.asarray(…, x.dtype), or Python numbers",
        ))  # fmt: skip
    return got
