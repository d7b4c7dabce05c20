"""Task 4: the formula that is recorded when derivatives of derivatives are wanted."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import minigrad
from apalu_ref import apalu_grad
from apalu_ref.check.catalogue.formulas import MISTAKES
from apalu_ref.check.catalogue.terms import RIGHT, Terms
from apalu_ref.exercises.checks.calling import Wrong, array, call
from apalu_ref.exercises.checks.values import Mistake, compare
from apalu_ref.exercises.result import Finding

Array = NDArray[Any]

_X = np.array([-3.0, -1.0, -0.25, 0.25, 1.0, 2.0])
_A, _B = np.array(1.25), np.array(-0.75)
_STEPS = "is every step one that minigrad can differentiate: operators, and functions of NumPy?"
_ZERO = (
    "which steps have a kink at 0 of their own, as np.maximum and np.abs have, though f has not that one? "
    "np.where with a condition has none"
)


def look(op: Any) -> list[str]:
    """Raise for the first thing that is wrong with it; what is worth knowing is returned."""
    got = call("formula", op.formula, _X, _A, _B, quiet=True)
    got = array("formula", got, _X.shape)
    t = Terms(_X, _A + 0 * _X, _B + 0 * _X, np.ones_like(_X))
    compare("formula", got, RIGHT["y"](t), {"x": _X}, 1e-9, _mistakes(t),
            "it is the function again that forward computes: f, not f′")  # fmt: skip
    try:
        dx, da, db, ddx = call("formula, on Tensors,", _derivatives, op.formula, _X)
    except Wrong as wrong:
        wrong.finding.hint = wrong.finding.hint if "`" in wrong.finding.what else _STEPS
        raise
    _near("x", dx, apalu_grad(_X, _A, _B, np.ones_like(_X))[0], _X, _STEPS)
    zero = np.zeros(1)
    dx, da, db, ddx = call("formula, at x = 0,", _derivatives, op.formula, zero, quiet=True)
    # Either branch may have x = 0, with all of its derivatives; half of each is of neither.
    left = bool(np.isclose(dx[0], _B))
    _near("x", dx, _B if left else 1.5 * _A, zero, _ZERO)
    _near("a", da, 0.0, zero, _ZERO)
    _near("b", db, 0.0, zero, _ZERO)
    _near("x, twice,", ddx, _B if left else _A * 1.702 / 2, zero, _ZERO)
    far = np.array([-800.0, 800.0])
    dx, da, db, ddx = call(
        "formula, at x = -800 and 800,", _derivatives, op.formula, far, quiet=True
    )
    for by, value in (("x", dx), ("a", da), ("b", db), ("x, twice,", ddx)):
        if not np.isfinite(value).all():
            raise Wrong(Finding(
                f"formula: its derivative by {by} is not a number for large |x|: what overflows in the "
                "branch not taken comes back as 0 times infinity",
                "np.where outside chooses the value; what keeps overflow out of the derivative?",
                "np.where inside too: give each branch its own half of the axis",
            ))  # fmt: skip
    said = (
        "at x = 0 the slope of formula is not that of x >= 0, 3a/2, which is the convention, but b"
    )
    return [said] if left else []


def _mistakes(t: Terms) -> list[Mistake]:
    right, negative = RIGHT["y"](t), t.x < 0
    found = [Mistake("κ is missing: it has σ(x) for σ(κx)",
                     lambda x: np.where(negative, right, t.a * x * (1 + 1 / (1 + np.exp(-x))))),
             Mistake("this is f′, the slope, not f", lambda x: RIGHT["dx"](t))]  # fmt: skip
    for mistake in MISTAKES:
        if mistake.quantity == "y":
            side = negative if mistake.side == "-" else ~negative
            with np.errstate(all="ignore"):
                would = np.where(side, mistake.formula(t), right)
            found.append(Mistake(mistake.cause, lambda x, would=would: would))
    return found


def _derivatives(formula: Any, x: Array) -> tuple[Array, ...]:
    """By x, a and b, and by x twice."""
    inputs = [minigrad.tensor(t.copy(), requires_grad=True) for t in (x, _A, _B)]
    y = formula(*inputs)
    if not isinstance(y, minigrad.Tensor):
        raise Wrong(Finding(f"formula makes a {type(y).__name__} of Tensors, not a Tensor",
                            "what is computed outside of Tensors leaves no trace"))  # fmt: skip
    first = minigrad.grad(y.sum(), inputs, create_graph=True)
    second = minigrad.grad(first[0].sum(), inputs[:1])
    return (*(t.data for t in first), second[0].data)


def _near(by: str, got: Array, want: Any, x: Array, hint: str) -> None:
    off = ~np.isclose(got, want, rtol=1e-7, atol=1e-9)
    if off.any():
        i = int(np.argmax(off))
        got, want, x = (np.broadcast_to(t, off.shape).ravel() for t in (got, want, x[: off.size]))
        place = f"at x = {x[i]:g} it is {got[i]:.6g}, and should be {want[i]:.6g}"
        at = " at x = 0" if x[i] == 0 else ""
        raise Wrong(Finding(f"formula: its derivative by {by} is wrong{at}", hint,
                            "np.where(negative, 0, x) for max(x, 0)", place))  # fmt: skip
