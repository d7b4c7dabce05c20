"""Tasks 3, 4 and 6: forward and backward, by the check kit. One suite for slow and fast versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import permutations
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref import apalu, apalu_grad
from apalu_ref.check import Finding as KitFinding
from apalu_ref.check import SubjectError
from apalu_ref.check import check as run_kit
from apalu_ref.exercises.checks import raised, sums
from apalu_ref.exercises.checks.calling import Wrong, array, call, judged, numbers
from apalu_ref.exercises.checks.values import compare
from apalu_ref.exercises.result import FAILED, Finding, Part

Array = NDArray[Any]

QUANTITIES = ("y", "dx", "da", "db")

# x, a, b and gy have one type: the tasks say so.
_ASKED = {"dtypes": ["float64", "float32"], "mixed types": False, "integers": False}

# By what the cause says, in this order; a hint points, and leaves the step to the reader.
_SUMS = r"reduced|averaged|summed|scalar|broadcast"
_DIVIDED = f"{_SUMS}|divided by the number"
_HINTS = [
    (_SUMS, sums.WHICH),
    (r"transposed|squeezed|flat|an axis|axes were", "compare the shape of each gradient with that of its "
     "input, also for inputs with axes of length 1"),
    (r"^wrong at x = -?0|negative zero", "give x = 0, and -0.0, to one branch, that of x >= 0, in backward too: "
     "x >= 0, and its opposite, x < 0"),
    (r"not masked|both branches", "an x on one side of 0 does not see the other side's parameter: what is "
     "the derivative of b v(x) by a?"),
    (r"swapped", "write down once more which parameter belongs to x >= 0"),
    (r"upstream|gy is", "the chain rule multiplies by what arrives from above; gy is 1 only by accident"),
    (r"branch not taken|un-taken|overflow|NaN", "np.where computes both of its sides; give each side only "
     "numbers that it can digest"),
    (r"by address|by x alone|earlier call|from call to call|share|keeps|latest|equal calls", "whatever is kept from "
     "one call to the next is found by another call: keep what backward needs in ctx, and nowhere else"),
    (r"buffer|overwritten|fresh", "an array that was returned belongs to the caller: the next call must not "
     "write to it"),
    (r"written to", "the caller still needs its array: look for *=, += and out="),
    (r"gets no gradient|no gradient flows", "0 says that the result does not depend on it: is that so?"),
    (r"sign of y|chosen by", "for negative a, y is negative where x is positive"),
    (r"ELU|y \+ 1", "of what is y + 1 the derivative? There is a factor b in y"),
    (r"long inputs|remainder|last (one|element|chunk)|16 bits|only the first|left out", "is the number of elements a "
     "multiple of your block? The last block is shorter; and sums go on from block to block"),
    (r"memory|layout|strides", "an array may be a view: transposed, reversed, or every other element. "
     "Is it read in the order of its memory?"),
    (r"wrong type|whole numbers|lower precision|too narrow", "compare the dtype of each result with that of its "
     "input; sums of many float32 want float64 on the way"),
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
        plain(package)
    except Wrong as wrong:
        forward = "forward" in wrong.finding.what.split()[0]
        yield Part("y", wrong.status, [wrong.finding]) if forward else _alone(package)
        for name in QUANTITIES[1:]:
            yield Part(name, wrong.status, [wrong.finding])
        return

    def gradients(x: Array, a: Array, b: Array, gy: Array) -> Sequence[Any]:
        back: Sequence[Any] = package.backward(package.forward(x, a, b)[1], gy)
        return back

    yield from by_kit(package.__name__, gradients, package)


def by_kit(
    subject: str, gradients: sums.Gradients, package: ModuleType, second: bool = False
) -> Iterator[Part]:
    """What the kit finds, by quantity: its errors are findings, its warnings are notes.

    ``gradients`` are the subject's, ``package`` its module: with them it is told what was done in
    place of a sum, and of which gradient an exception is.
    """
    names = (*QUANTITIES, "second order") if second else QUANTITIES
    try:
        required = ["second order"] if second else []
        report = run_kit(subject, timeout=5.0, require=required, capabilities=_ASKED)
    except SubjectError as error:
        for name in names:
            yield Part(name, FAILED, [Finding(str(error))])
        return
    said = [f.cause or f.message for f in report.findings if f.level == "core"]
    # Where a call did not come to an end, it may not be made here: nothing would end it.
    ends = not any(re.search("did not return|ended its process", cause) for cause in said)
    instead = sums.look(gradients) if said and ends else {}
    backward = [f for f in report.findings if re.match(f"backward{_ERROR}", f.cause or f.message)]
    owners, types = raised.look(package, gradients) if backward and ends else ({}, set())
    # Where it raises no gradient comes out: it is of all three, or of those that look tells.
    backward = [f for f in backward if _part(f, names) == "dx"]
    others = [f for f in backward if _type(f) not in types]
    for name in names:
        mine = [f for f in report.findings if _part(f, names) == name and f not in backward]
        mine += others if name in QUANTITIES[1:] else []
        wrong = list(
            {t.what: t for t in reversed([_told(f) for f in mine if f.level == "core"])}.values()
        )
        wrong.reverse()
        if wrong and name in instead:
            wrong = [instead[name], *(w for w in wrong if not re.search(_DIVIDED, w.what))]
        wrong += [owners[name]] if name in owners else []
        notes = [_noted(f) for f in mine if f.level != "core"]
        yield Part(name, FAILED if wrong else "passed", wrong, list(dict.fromkeys(notes)))


def _part(finding: KitFinding, names: tuple[str, ...]) -> str:
    """Where it belongs: what is found of an argument goes to the first result of its function."""
    if finding.quantity.startswith("d2") or "second" in finding.probe:
        return "second order"
    if finding.quantity in names:
        return finding.quantity
    return "dx" if "backward" in f"{finding.message} {finding.cause}" else "y"


def _type(finding: KitFinding) -> str:
    return (finding.cause or finding.message).split(": ")[1]


def _noted(finding: KitFinding) -> str:
    """A warning of the kit, with what to do about it, if there is anything to do here."""
    said = finding.cause or finding.message
    idle = not finding.fix or re.search("declare|none is needed", finding.fix)
    return said if idle else f"{said}; {finding.fix}"


def _told(finding: KitFinding) -> Finding:
    """A finding of the kit: the cause first, then the place; what gives it away is the answer."""
    if re.match(_EXCEPTION, finding.cause or finding.message):
        return _raised(finding)
    cause = finding.cause or finding.message
    place, _, evidence = finding.message.partition("; ")
    where = place if finding.cause else ""
    hint = next((said for pattern, said in _HINTS if re.search(pattern, cause)), _BY_HAND)
    answer = ". ".join(said for said in (finding.fix, evidence) if said)
    return Finding(f"{finding.quantity}: {cause}", hint, answer, where)


_BY_HAND = "work this place out by hand, step by step: at which step do you come to another number?"


_ERROR = r": (\w+(Error|Exception|Warning))(: |$)"
_EXCEPTION = f"(forward|backward){_ERROR}"


def _raised(finding: KitFinding) -> Finding:
    """An exception on an input of the kit's: which input, in place of which line."""
    function, _, said = (finding.cause or finding.message).partition(": ")
    hint = "x may have no axis, or no element, or a million, or be float32; a and b have any shapes that "
    hint += "broadcast with it: try such"
    if "Memory" in said.partition(":")[0]:
        hint = "is an array built whose size is a product of two others?"
    return Finding(f"{function} raises {said}", hint, where=f"in the probe {finding.probe}")


def _call() -> tuple[Array, Array, Array, Array]:
    """An ordinary x, a, b and gy."""
    x = np.array([[-1.5, 0.5, 2.0], [1.0, -0.25, 0.75]])
    return x, np.array([1.0, 0.5, 2.0]), np.array(1.5), np.array([[0.5, 2, -1], [3, 1, 0.25]])


def plain(package: ModuleType) -> None:
    """One ordinary call, so that what is raised or returned is told in full."""
    x, a, b, gy = _call()
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
        if isinstance(value, (list, tuple)) or numbers(value) is None:
            raise Wrong(Finding(f"backward returns {_kind(value)} for {name}, not an array",
                                "there is one gradient for each input, an array of its shape"))  # fmt: skip
    took_y(back[0], got[0], x, a, b, gy)
    _in_order(back, apalu_grad(x, a, b, gy))


def _in_order(back: Sequence[Any], want: Sequence[Array]) -> None:
    """Raise if they are the three gradients, in another order."""
    names = ("dx", "da", "db")
    for order in list(permutations(range(3)))[1:]:
        moved = [np.asarray(want[i]) for i in order]
        given = [np.asarray(g) for g in back]
        if all(g.shape == w.shape and np.allclose(g, w) for g, w in zip(given, moved, strict=True)):
            raise Wrong(Finding(f"backward returns {', '.join(names[i] for i in order)}, in this order",
                                "gradients come in the order of the inputs of forward", "return dx, da, db"))  # fmt: skip


def _alone(package: ModuleType) -> Part:
    """The verdict on y as far as it can be told while there is no backward that runs."""

    def look() -> list[str]:
        x, a, b, _ = _call()
        y = array("forward", call("forward", package.forward, x, a, b, quiet=True)[0], x.shape)
        at = {"x": x, "a": a + 0 * x, "b": b + 0 * x}
        hint = "work out one x on each side of 0 by hand, with the formula at the top of the file"
        compare("y", y, apalu(x, a, b), at, 1e-9, hint=hint)
        return ["it was tried with one array; the rest follows when backward runs"]

    return judged("y", look)


def took_y(dx: Any, y: Array, x: Array, a: Array, b: Array, gy: Array) -> None:
    """Raise if backward was given y where it wants x."""
    dx = np.asarray(dx)
    wrong, right = (apalu_grad(t, a, b, gy)[0] for t in (y, x))
    if dx.shape == x.shape and np.allclose(dx, wrong) and not np.allclose(dx, right):
        raise Wrong(Finding("backward computes with y in the place of x: what forward keeps for it is y",
                            "the slope is that at x: which array does backward need?", "keep x, a and b"))  # fmt: skip


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
        value = call(what, function, g, shape)
        got = numbers(value)
        if got is None:
            raise Wrong(Finding(f"{what}: it returns {_kind(value)}, not an array",
                                "the sum, an array of that shape, is what comes back"))  # fmt: skip
        if got.shape == shape and np.allclose(got, want):
            continue
        raise Wrong(_why(what, g, got, want, shape))


def _why(what: str, g: Array, got: Array, want: Array, shape: tuple[int, ...]) -> Finding:
    hint = ("two kinds of axes were stretched: those that were added in front, and those of length 1. "
            "Sum over the first and drop them; sum over the second and keep them")  # fmt: skip
    answer = "g.sum(axis=the axes in front), then .sum(axis=those of length 1, keepdims=True)"
    if got.shape == g.shape and np.array_equal(got, g) and g.shape != shape:
        return Finding(f"{what}: nothing is summed, g comes back as it was", hint, answer)
    if got.shape != shape and got.size == want.size and np.allclose(got.ravel(), want.ravel()):
        return Finding(f"{what}: the numbers are right, but the shape is {got.shape}",
                       "an axis of length 1 is to be kept, one that was added is to go", answer)  # fmt: skip
    if got.shape != shape:
        over = "; it is the sum over the last axis" if _is_sum(got, g, -1) else ""
        over = (
            "; it is the sum over everything"
            if got.shape == () and np.allclose(got, g.sum())
            else over
        )
        return Finding(f"{what}: the result has shape {got.shape}{over}", hint, answer)
    if g.size and got.shape == want.shape:
        front = (0,) * (g.ndim - len(shape))
        first = g[front] if front else g
        if np.allclose(got, first[tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]):
            return Finding(f"{what}: the first of the elements is taken, not their sum",
                           "each of them has a part in the result", answer)  # fmt: skip
        axes = tuple(i for i, m in enumerate((1,) * (g.ndim - len(shape)) + shape) if m == 1)
        if np.allclose(got, g.max(axis=axes).reshape(shape)):
            return Finding(f"{what}: the largest of the elements is taken, not their sum",
                           "each of them has a part in the result", answer)  # fmt: skip
    n = g.size / max(want.size, 1)
    if np.allclose(got * n, want):
        return Finding(f"{what}: it takes the mean, not the sum",
                       "what was used n times changes the result n times over", "sum, not mean")  # fmt: skip
    if g.size and np.allclose(got, g.sum()):
        return Finding(f"{what}: it sums over everything", hint, answer)
    return Finding(f"{what}: it gives {np.array2string(got, threshold=8)}, and should give "
                   f"{np.array2string(want, threshold=8)}", hint, answer)  # fmt: skip


def _is_sum(got: Array, g: Array, axis: int) -> bool:
    if not g.ndim:
        return False
    summed = g.sum(axis=axis)
    return got.shape == summed.shape and np.allclose(got, summed)
