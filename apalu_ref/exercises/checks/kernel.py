"""Tasks 3, 4 and 6: forward and backward, by the check kit. One suite for slow and fast versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check import Finding as KitFinding
from apalu_ref.check import Report, SubjectError
from apalu_ref.check import check as run_kit
from apalu_ref.exercises.checks.calling import Wrong, array, call, judged
from apalu_ref.exercises.result import FAILED, TO_DO, Finding, Part

Array = NDArray[Any]

QUANTITIES = ("y", "dx", "da", "db")

# By what the cause says, in this order; a hint points, and leaves the step to the reader.
_HINTS = [
    (r"reduced|averaged|summed|scalar|broadcast", "which axes did the way forward stretch? Backward "
     "sums over just these, and the result has the shape of the input: that is what sum_to is for"),
    (r"transposed|squeezed|flat|an axis|axes were", "compare the shape of each gradient with that of its "
     "input, also for inputs with axes of length 1"),
    (r"not masked|both branches", "an x on one side of 0 does not see the other side's parameter: what is "
     "the derivative of b v(x) by a?"),
    (r"swapped", "write down once more which parameter belongs to x >= 0"),
    (r"upstream|gy is", "the chain rule multiplies by what arrives from above; gy is 1 only by accident"),
    (r"branch not taken|un-taken|overflow|NaN", "np.where computes both of its sides; give each side only "
     "numbers that it can digest"),
    (r"by address|by x alone|earlier call|from call to call|shared|keeps|latest|differ", "whatever is kept from "
     "one call to the next is found by another call: keep what backward needs in ctx, and nowhere else"),
    (r"buffer|overwritten|fresh", "an array that was returned belongs to the caller: the next call must not "
     "write to it"),
    (r"written to", "the caller still needs its array: look for *=, += and out="),
    (r"remainder|last (one|element|chunk)|16 bits|only the first|left out", "is the number of elements a "
     "multiple of your block? The last block is shorter; and sums go on from block to block"),
    (r"memory|layout|strides", "an array may be a view: transposed, reversed, or every other element. "
     "Is it read in the order of its memory?"),
    (r"wrong type|whole numbers|lower precision|too narrow", "compare the dtype of each result with that of its "
     "input; sums of many float32 want float64 on the way"),
    (r"x = 0|-0\.0|negative zero", "x = 0 belongs to the right branch, in backward too: x >= 0, or the "
     "opposite of x < 0"),
    (r"the -1 is missing|parentheses", "put x = 0 in: f(0) = 0"),
    (r"κ|σ|product rule|term|slope", "compare with your own du and dv of task 1, which are right when "
     "task 1 passes"),
    (r"second derivative", "formula is recorded and differentiated instead of backward: is it the same "
     "function, at x = 0 too, made of differentiable steps?"),
    (r"parameter|multiplied in", "which of a, b and gy does the derivative contain? Differentiate "
     "a u(x) by x, and then by a"),
]  # fmt: skip


def parts(package: ModuleType) -> Iterator[Part]:
    """Task 3: the sum, then the kernel."""
    yield judged("sum_to", lambda: _sum_to(package.sum_to))
    yield from kernel(package)


def kernel(package: ModuleType) -> Iterator[Part]:
    """The verdicts on y, dx, da and db of a module with forward and backward."""
    try:
        _plain(package)
    except Wrong as wrong:
        first = "y" if "forward" in wrong.finding.what.split()[0] else "dx"
        for name in QUANTITIES[QUANTITIES.index(first) :]:
            yield Part(name, wrong.status, [wrong.finding])
        return
    yield from by_kit(package.__name__)


def by_kit(subject: str, second: bool = False) -> Iterator[Part]:
    """What the kit finds, by quantity: its errors are findings, its warnings are notes."""
    names = (*QUANTITIES, "second order") if second else QUANTITIES
    try:
        report = run_kit(subject, timeout=5.0, require=["second order"] if second else [])
    except SubjectError as error:
        for name in names:
            yield Part(name, FAILED, [Finding(str(error))])
        return
    for name in names:
        mine = [f for f in report.findings if _part(f) == name]
        wrong = [_told(f) for f in mine if f.level == "core"]
        notes = [f.cause or f.message for f in mine if f.level != "core"]
        yield Part(name, FAILED if wrong else "passed", wrong, list(dict.fromkeys(notes)))
    _no_others(report, names)


def _part(finding: KitFinding) -> str:
    second = finding.quantity.startswith("d2") or "second" in finding.probe
    return "second order" if second else finding.quantity


def _no_others(report: Report, names: tuple[str, ...]) -> None:
    """Nothing the kit holds against it may fall between the parts."""
    stray = [f for f in report.findings if f.level == "core" and _part(f) not in names]
    assert not stray, f"findings without a part: {stray}"


def _told(finding: KitFinding) -> Finding:
    """A finding of the kit: the cause first, then the place; what gives it away is the answer."""
    cause = finding.cause or finding.message
    place, _, evidence = finding.message.partition("; ")
    where = place if finding.cause else ""
    hint = next((said for pattern, said in _HINTS if re.search(pattern, cause)), "")
    answer = ". ".join(said for said in (finding.fix, evidence) if said)
    return Finding(f"{finding.quantity}: {cause}", hint, answer, where)


def _plain(package: ModuleType) -> None:
    """One ordinary call, so that what is raised or returned is told in full."""
    x = np.array([[-1.5, 0.5, 2.0], [1.0, -0.25, 0.75]])
    a, b, gy = np.array([1.0, 0.5, 2.0]), np.array(1.5), np.array([[0.5, 2, -1], [3, 1, 0.25]])
    got = call("forward", package.forward, x, a, b, quiet=True)
    if not (isinstance(got, tuple) and len(got) == 2):
        raise Wrong(Finding(f"forward returns {_kind(got)}, not two things: y and what backward needs",
                            "whatever backward needs goes second", "return y, (x, a, b)"))  # fmt: skip
    array("forward", got[0], x.shape)
    back = call("backward", package.backward, got[1], gy, quiet=True)
    if not (isinstance(back, (tuple, list)) and len(back) == 3):
        raise Wrong(Finding(f"backward returns {_kind(back)}, not three things: dx, da and db",
                            "there is one gradient for each input of forward"))  # fmt: skip
    for name, value in zip(("dx", "da", "db"), back, strict=True):
        if value is None or np.asarray(value).dtype == object:
            raise Wrong(Finding(f"backward returns {_kind(value)} for {name}, not an array"))


def _kind(value: Any) -> str:
    if value is None:
        return "None (is a `return` missing?)"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"one {type(value).__name__}"


_SHAPES = [((2, 3), (3,)), ((2, 3), (1, 3)), ((2, 3), (2, 1)), ((2, 3), ()), ((2, 3), (2, 3)),
           ((2, 3, 4, 5), (3, 1, 1)), ((4, 3), (1, 1)), ((1, 3), (1, 3)), ((), ()), ((0, 3), (3,)),
           ((2, 1, 3), (1, 1, 3)), ((3,), (1,))]  # fmt: skip


def _sum_to(function: Any) -> None:
    for full, shape in _SHAPES:
        g = np.arange(1.0, 1 + np.prod(full, dtype=int)).reshape(full)
        want = np.zeros(shape)
        for index in np.ndindex(*full):  # the definition, element by element
            own = index[len(full) - len(shape) :]
            want[tuple(i if n != 1 else 0 for i, n in zip(own, shape, strict=True))] += g[index]
        what = f"sum_to, from shape {full} to shape {shape}"
        got = np.asarray(call(what, function, g, shape))
        if got.shape == shape and np.allclose(got, want):
            continue
        raise Wrong(_why(what, g, got, want, shape))


def _why(what: str, g: Array, got: Array, want: Array, shape: tuple[int, ...]) -> Finding:
    hint = ("two kinds of axes were stretched: those that were added in front, and those of length 1. "
            "Sum over the first and drop them; sum over the second and keep them")  # fmt: skip
    answer = "g.sum(axis=the axes in front), then .sum(axis=those of length 1, keepdims=True)"
    if got.dtype == object:
        return Finding(f"{what}: it returns {_kind(got.item() if got.shape == () else got)}")
    if got.shape == g.shape and np.array_equal(got, g) and g.shape != shape:
        return Finding(f"{what}: nothing is summed, g comes back as it was", hint, answer)
    if got.shape != shape and got.size == want.size and np.allclose(got.ravel(), want.ravel()):
        return Finding(f"{what}: the numbers are right, but the shape is {got.shape}",
                       "an axis of length 1 is to be kept, one that was added is to go", answer)  # fmt: skip
    if got.shape != shape:
        return Finding(f"{what}: the result has shape {got.shape}", hint, answer)
    n = g.size / max(want.size, 1)
    if np.allclose(got * n, want):
        return Finding(f"{what}: it takes the mean, not the sum",
                       "what was used n times changes the result n times over", "sum, not mean")  # fmt: skip
    if g.size and np.allclose(got, g.sum()):
        return Finding(f"{what}: it sums over everything", hint, answer)
    return Finding(f"{what}: it gives {np.array2string(got, threshold=8)}, and should give "
                   f"{np.array2string(want, threshold=8)}", hint, answer)  # fmt: skip


__all__ = ["QUANTITIES", "TO_DO", "by_kit", "kernel", "parts"]
