"""Calling what somebody wrote: what it raises, returns and writes to, put into sentences."""

from __future__ import annotations

import math
import re
import traceback
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.result import FAILED, TO_DO, Finding, Part
from apalu_ref.exercises.submission import PACKAGE
from apalu_ref.exercises.tasks import TASKS

Array = NDArray[Any]

_COPY = "work on a copy, or with operators that make a new array; look for *=, += and out="

# What an error most probably comes from: its type, a pattern of its text, then what to say.
_ERRORS: list[tuple[type[BaseException], str, Finding]] = [
    (ValueError, "truth value of an array",
     Finding("it asks an array for one yes or no, as `if`, `and`, `or`, `not`, `max` and `min` do",
             "such a test gives one answer for the whole array, and here each element needs its own",
             "np.where(condition, one, other), np.maximum, np.minimum, and & for `and`")),
    (ValueError, "setting an array element with a sequence|inhomogeneous shape",
     Finding("it puts an array where there is room for one number",
             "in an array with two axes, x[i] is a row and len(x) the number of rows; computing with "
             "whole arrays needs neither")),
    (TypeError, "only (length-1|size-1|0-dimensional) arrays",
     Finding("it gives an array to what takes one number: a function of math, float() or int()",
             "NumPy has the functions of math for arrays; and x[i] is a row where x has two axes",
             "np.exp for math.exp")),
    (TypeError, "only integer scalar arrays",
     Finding("it uses an array where one whole number is asked for: in range(), as the index of a "
             "list, or as the size of a new array", "does len(), .size or .shape belong there?")),
    (TypeError, "bitwise_xor|for \\^",
     Finding("^ is no power in Python: it is the exclusive or of bits",
             "a power is written with two asterisks; e^x is a function of NumPy", "np.exp(x), x**2")),
    (AttributeError, "module '.*' has no attribute",
     Finding("it uses a name that the module does not have",
             "a typing mistake, or the name belongs to another library?")),
    (AttributeError, "'NoneType' object has no attribute",
     Finding("it goes on with None, in place of a result", "a function without `return` returns None")),
    (TypeError, "'NoneType' object is not callable",
     Finding("it calls None as if it were a function", "is there a case in which there is no function to call?")),
    (TypeError, "NoneType",
     Finding("it computes with None", "has nothing been put there yet, or does a function lack its `return`?")),
    (NameError, "is not defined",
     Finding("it uses a name that does not exist", "a typing mistake, or an import is missing")),
    (UnboundLocalError, "",
     Finding("it uses a local variable before it has a value",
             "is it assigned in one branch of an `if` only, or in a loop that is never entered?")),
    (RecursionError, "",
     Finding("it calls itself too deeply: Python stops at about a thousand nested calls",
             "does it call itself by mistake, or once for each member of a long chain? A loop that keeps "
             "its own list of what is still to do has no such limit",
             "waiting = [start]; while waiting: node = waiting.pop(); …")),
    (MemoryError, "", Finding("it asks for more memory than is allowed",
                              "is an array built whose size is a product of two others, or does a list "
                              "grow in a loop that never ends?")),
    (ValueError, "could not be broadcast together|non-broadcastable",
     Finding("two arrays meet whose shapes do not go together",
             "shapes are compared from the end: axes must be of equal length, or one of them of length 1")),
    (ValueError, "cannot reshape",
     Finding("an array is to be reshaped to a shape that holds another number of elements",
             "reshape moves numbers, it does not add any up: is there a sum still to be taken?")),
    (ValueError, "(read-only|not writeable)",
     Finding("it writes to an array that is read-only", "np.broadcast_to gives a view of its argument; "
             "work on a copy")),
    (ValueError, "to unpack",
     Finding("it unpacks another number of values than there are",
             "compare with what was returned, or saved, at the other end")),
]  # fmt: skip

_ERRORS += [
    (SyntaxError, "",
     Finding("one of the files it imports is no Python",
             "mend that file first: the line is the one named")),
    (EOFError, "", Finding("it asks for input, and there is nobody to answer",
                           "take away input(): what it needs comes as arguments")),
    (OSError, "File too large", Finding("it prints or writes too much",
                                        "take away what prints inside a loop")),
]  # fmt: skip

_ELSE = "try that line by itself, with a small array"

# How a missing file comes back. The reference has what the first three tasks ask for.
_BACK = {
    t.module: "copy the stub back" + ", or check with --with-reference" * (t.number <= 3)
    for t in TASKS
}
_OWN = "a file of your own goes into the same folder; is its name written as in the import?"


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
    if not callable(function):
        raise Wrong(Finding(f"{what} is {with_article(type(function).__name__)}, not a function",
                            "was the name given another value further down?"))  # fmt: skip
    given = [a.copy(order="K") if isinstance(a, np.ndarray) else a for a in arguments]
    seen: Any = "ignore" if quiet else "warn"
    with warnings.catch_warnings(), np.errstate(over=seen, invalid=seen, divide=seen):
        warnings.simplefilter("ignore" if quiet else "error", RuntimeWarning)
        try:
            result = function(*given)
        except SystemExit as error:
            if _from_outside(error):
                raise
            raise explained(what, error) from None
        except Exception as error:
            raise explained(what, error) from None
    for before, after in zip(arguments, given, strict=True):
        if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=True):
            raise Wrong(Finding(f"{what} writes to its argument: the array is another one "
                                "afterwards", "the caller still needs that array", _COPY))  # fmt: skip
    return result


def explained(what: str, error: BaseException) -> Wrong:
    """An exception as a finding: what it most probably means, and the line it comes from."""
    frames = frames_of(error)
    where = f"{frames[-1][0]}, line {frames[-1][1]}: {frames[-1][2]}" if frames else ""
    if isinstance(error, NotImplementedError):
        return _to_do(what, frames, where)
    said = _said(error)
    if isinstance(error, ModuleNotFoundError) and str(error.name).startswith(f"{PACKAGE}."):
        module = str(error.name).partition(".")[2]
        said = f"{what} needs {module}.py, which is not there"
        return Wrong(Finding(said, _BACK.get(module, _OWN), where=where))
    if isinstance(error, RuntimeWarning):
        return Wrong(_warned(what, said.partition(": ")[2], frames[-1][2] if frames else "", where))
    if isinstance(error, SystemExit):
        return Wrong(Finding(f"{what} ends the program: SystemExit, from exit() or the like",
                             "a function gives its result back, and the program goes on", where=where))  # fmt: skip
    place = ", ".join(filter(None, (said, where)))
    if isinstance(error, TypeError) and re.search(_ARGUMENTS, said):
        # Without a line of the submission, the grader's own call did not fit.
        if frames:
            finding = Finding("it calls a function with other arguments than that takes",
                              "compare with the line with `def` of that function")  # fmt: skip
        else:
            finding = Finding("it does not take the arguments it is called with",
                              "leave the line with `def` as it was in the stub")  # fmt: skip
        return Wrong(Finding(f"{what}: {finding.what}", finding.hint, where=place))
    for kind, pattern, finding in _ERRORS:
        if isinstance(error, kind) and re.search(pattern, said):
            return Wrong(Finding(f"{what}: {finding.what}", finding.hint, finding.answer, place))
    return Wrong(Finding(f"{what} raises {said}", _ELSE if frames else "", where=where))


def _said(error: BaseException) -> str:
    """The exception in a line that is not too long; its text is the submission's, too."""
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = "its message cannot be read"
    return f"{type(error).__name__}: {text[:200]}{'…' if len(text) > 200 else ''}"


_ARGUMENTS = (
    "missing .* required .* argument|takes .* positional argument|unexpected keyword argument"
)


def _from_outside(error: BaseException) -> bool:
    """Whether it was raised by the worker's answer to a signal, in the midst of other code."""
    return traceback.extract_tb(error.__traceback__)[-1].filename.endswith("worker.py")


def _to_do(what: str, frames: list[tuple[str, int, str, str]], where: str) -> Wrong:
    name = frames[-1][3] if frames else what
    files = {frame[0] for frame in frames}
    other = "it is" if name == what or not frames else f"{name} is"
    hint = "do the earlier task first, or check with --with-reference"
    if len(files) <= 1:
        hint = "finish it, and take away the line with NotImplementedError"
    return Wrong(Finding(f"{what} cannot be tried: {other} still to do", hint, where=where), TO_DO)


def _warned(what: str, said: str, line: str, where: str) -> Finding:
    """A warning of floating-point arithmetic, with what the line shows of its cause."""
    both = "np.where computes both of its sides, for all elements: " if "where(" in line else ""
    if "overflow" in said:
        hint = both + "which numbers are too large for an exponential, and get there all the same?"
    elif "divide" in said:
        hint = both + "where is the denominator 0?"
    else:
        hint = (
            both + "0 divided by 0, ∞ divided by ∞ and ∞ - ∞ have no value: where do they come up?"
        )
    answer = (
        "let np.exp see only numbers that are not positive: np.exp(-np.abs(z)), or the "
        "half of the axis that the branch is for, np.minimum(x, 0) or np.maximum(x, 0)"
    )
    return Finding(f"{what} makes NumPy warn: {said}", hint, answer, where)


def frames_of(error: BaseException) -> list[tuple[str, int, str, str]]:
    """Where in the submission an error came up: file, line, its text, the function's name."""
    found = []
    for frame in traceback.extract_tb(error.__traceback__):
        folder, _, name = frame.filename.replace("\\", "/").rpartition("/")
        if folder.endswith(f"/{PACKAGE}"):
            found.append((name, frame.lineno or 0, frame.line or "", frame.name))
    return found


def with_article(name: str) -> str:
    """The name of a type after a or an."""
    return f"an {name}" if name[0] in "aeiou" or name == "ndarray" else f"a {name}"


def numbers(value: Any) -> Array | None:
    """What was returned as an array, if it is one of real numbers, or can be taken for one."""
    try:
        got = np.asarray(value)
    except (TypeError, ValueError):  # lists of unequal length, say
        return None
    return got if got.dtype.kind in "biuf" else None


def array(what: str, value: Any, shape: tuple[int, ...], dtype: Any = np.float64) -> Array:
    """What was returned, if it is an array of this shape and type."""
    if value is None:
        raise Wrong(Finding(f"{what} returns None", "is a `return` missing?"))
    if isinstance(value, (list, tuple)):
        kind = type(value).__name__
        hint = "computing with whole arrays needs no loop and no list"
        if kind == "tuple":
            hint = "is there a comma too many in the line with `return`?"
        raise Wrong(Finding(f"{what} returns a {kind}, not an array", hint))
    got = numbers(value)
    if got is None and isinstance(value, np.ndarray):
        raise Wrong(Finding(f"{what} returns an array of {value.dtype}, not of real numbers",
                            "does it hold other things than numbers, or complex ones?"))  # fmt: skip
    if got is None:
        raise Wrong(Finding(f"{what} returns {with_article(type(value).__name__)}, not an array",
                            "what comes back is an array of numbers"))  # fmt: skip
    if got.shape != shape:
        hint = (
            "each element of the result belongs to one of the argument: is there a sum, a mean "
            "or an index that should not be there?"
        )
        if got.size == math.prod(shape):
            hint = "the number of elements is right: is there a ravel, a reshape or a transpose?"
        elif isinstance(value, (bool, int, float)):
            hint = "one number for all: a constant, too, is wanted once for each element"
        raise Wrong(Finding(
            f"{what} returns an array of shape {got.shape} for one of shape {shape}", hint
        ))  # fmt: skip
    if got.dtype != dtype:
        raise Wrong(_another_type(what, got.dtype, np.dtype(dtype)))
    return got


def _another_type(what: str, got: np.dtype[Any], wanted: np.dtype[Any]) -> Finding:
    said = f"{what} returns an array of {got} for one of {wanted}"
    if got.kind in "iub":
        return Finding(said, "such an array holds no fractions: was it made with dtype=int or "
                       "dtype=bool, of whole numbers, or converted at the end?", "np.empty_like(x); 1.0 in place of 1")  # fmt: skip
    if got.kind == "f" and got.itemsize < wanted.itemsize:
        return Finding(said, "a narrower type loses digits: look for astype and dtype=",
                       "np.empty_like(x), or no conversion at all")  # fmt: skip
    return Finding(
        said,
        "an array of a wider type, such as np.float64(1) or np.zeros(…), has been mixed in; "
        "Python's own numbers leave the type as it is",
        "np.empty_like(x), np.asarray(…, x.dtype), or Python numbers",
    )
