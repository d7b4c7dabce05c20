"""From "this number is wrong" to "this is probably what was done wrong", one mark at a time."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.causes import NOT_REDUCED, Cause
from apalu_ref.check.cover import searchable
from apalu_ref.check.judge import Mark, whole
from apalu_ref.check.orders import axes, permuted, reductions
from apalu_ref.check.places import (
    clipped,
    narrow,
    nothing,
    one_number,
    place,
    shifted,
    side,
    signs,
    zero_parameter,
)

Array = NDArray[np.float64]

# Probes whose point is how they are asked: a value alone does not tell what went wrong.
HOW = ("layouts", "state", "threads", "sizes", "types")


def explain(mark: Mark, apalu: bool, known: Collection[str] = ()) -> list[Cause]:
    """Causes that one mark shows by itself, other than by a formula; [] if unknown.

    ``known`` are the causes found for its quantity already.
    """
    if mark.kind == "shape":
        return _shape(mark, known)
    if mark.kind == "accumulation":
        return [accumulation(mark)]
    if mark.level == "policy":
        convention = Cause(
            "at x = 0 the slope is not that of x >= 0, 3a/2, which is the convention",
            "choose the branch with x >= 0, in backward too",
        )
        return [_negative_zero(mark) or convention]
    if mark.level == "subnormal":
        return [Cause("subnormal x are flushed to zero or use another slope", "none is needed")]
    if mark.level == "precision":
        return _precision(mark)
    if mark.probe.family == "second":
        return [_second()]
    search = searchable(mark, apalu)
    if search is None or mark.probe.family in HOW:
        return []
    return permuted(search) or axes(search)


def locate(mark: Mark, apalu: bool) -> list[Cause]:
    """Where one mark is wrong, if no formula is recognised."""
    search = searchable(mark, apalu)
    how = ("layouts", "state", "threads", "types")
    if search is None or mark.level != "core" or mark.probe.family in how:
        return []
    for step in (nothing, zero_parameter, one_number, shifted, narrow, clipped, side, signs, place):
        found = step(search)
        if found:
            return found
    return []


def _negative_zero(mark: Mark) -> Cause | None:
    """Only -0.0 is on the other side."""
    if mark.call is None or mark.wrong is None or mark.got is None:
        return None
    x = whole(mark.call, mark.call.x, mark.got.shape)
    zero = x == 0
    if np.signbit(x[mark.wrong]).all() and (zero & ~np.signbit(x) & ~mark.wrong).any():
        return Cause(
            "x = -0.0 (negative zero) is on the other side than +0.0: its sign bit is looked at",
            "compare with x >= 0, which holds for -0.0 as well",
        )
    return None


def _second() -> Cause:
    return Cause(
        "the second derivative is wrong: backward is not differentiable as it is written",
        "compute backward from the saved inputs with differentiable operations (no value kept "
        "from forward, no .data, .detach() or NumPy), or mark it once_differentiable",
    )


def _shape(mark: Mark, known: Collection[str]) -> list[Cause]:
    """What was done to the axes, if the values show it."""
    assert mark.call is not None
    assert mark.got is not None
    assert mark.want is not None
    got, quantity = mark.got.astype(np.float64), mark.quantity
    high = mark.want.value.high
    target, full = high.shape, mark.call.gy.shape

    def close(one: Array, two: Array) -> bool:
        return one.shape == two.shape and np.allclose(one, two, rtol=1e-3, atol=1e-3)

    padded = (1,) * (len(full) - len(target)) + target
    needed = tuple(i for i, n in enumerate(padded) if n == 1 and full[i] != 1)
    named = "y" if quantity == "y" else quantity[1:]
    # One element looks the same reduced or not: then what is known decides.
    if quantity != "y" and got.shape == full and (got.size > high.size or NOT_REDUCED in known):
        summed = ", ".join(map(str, needed))
        sums = got.sum(axis=needed).reshape(target)
        exact = close(sums, high)
        said = f"summing yours over axis {summed} matches exactly" if exact else ""
        tail = "" if len(target) + len(needed) == len(full) else f".reshape({target})"
        axis = summed if len(needed) == 1 else f"({summed})"
        return [Cause(
            NOT_REDUCED,
            f"here {quantity} = {quantity}.sum(axis={axis}){tail}; always sum over the axes that "
            f"{named} lacks or has with length 1",
            said,
        )]  # fmt: skip
    if got.size == high.size and close(got.ravel(), high.ravel()):
        return [_axes_of_one(got.shape, target, quantity)]
    if got.ndim > 1 and close(got.T, high):
        return [Cause("the result is transposed", f"{quantity} = {quantity}.T")]
    if quantity == "y":
        return []
    if got.shape == () and target != () and len(full) > 0:
        return [Cause(
            "over-reduced: the result is a scalar",
            f"sum over the axes along which {named} was broadcast, and no others",
        )]  # fmt: skip
    for how, done, values in reductions(mark.want.terms.reshape(full), got.shape):
        if close(values, got):
            wanted = ", ".join(map(str, needed)) or "none"
            return [Cause(
                "reduced over other axes than those along which its input was broadcast",
                f"sum over exactly the axes along which {named} was broadcast",
                f"it is the {how} over axis {done}; it should be the sum over axis {wanted}",
            )]  # fmt: skip
    return []


def _axes_of_one(got: tuple[int, ...], want: tuple[int, ...], quantity: str) -> Cause:
    right = "the values are right, the shape is not: "
    if len(got) < len(want) and got == tuple(n for n in want if n != 1):
        said = "axes of length 1 were squeezed away"
    elif len(got) == 1 and len(want) != 1:
        said = "the result is flat"
    elif len(got) > len(want) and got[len(got) - len(want) :] == want:
        said = "an axis was added in front"
    else:
        said = "axes were kept, added or moved"
    return Cause(right + said, f"{quantity} = {quantity}.reshape({want})")


def accumulation(mark: Mark) -> Cause:
    """Of a sum that is right but for rounding, or only for many terms."""
    assert mark.call is not None
    assert mark.got is not None
    if mark.call.gy.size < 1000 * max(1, mark.got.size):
        return Cause("more rounding than careful code has", "look for cancelling differences")
    return Cause(
        f"sums are accumulated in too narrow a type: {mark.dtype}",
        f"sum in float64 and convert once: {mark.quantity}.sum(..., dtype=np.float64)",
    )


def _precision(mark: Mark) -> list[Cause]:
    assert mark.call is not None
    assert mark.got is not None
    if mark.got.shape != whole(mark.call, mark.call.x, mark.got.shape).shape:
        return []
    x = float(whole(mark.call, mark.call.x, mark.got.shape)[mark.index])
    if -1 < x < 0 and mark.quantity in ("y", "db"):
        return [Cause("e^x - 1 cancels just below zero", "use expm1(x) in place of exp(x) - 1")]
    if x < -1 and mark.quantity == "dx":
        return [Cause(
            "e^x loses its digits in the tail",
            "use exp(x), not (exp(x) - 1) + 1; a framework's gradient of expm1 is just that, that "
            "of exp is not",
        )]  # fmt: skip
    if x > 5 and mark.quantity == "dx":
        return [Cause(
            "1 - σ(κx) cancels in the tail",
            "write it as σ(-κx): with t = exp(-κx), 1 - σ = t / (1 + t)",
        )]  # fmt: skip
    return [Cause("more rounding than careful code has", "look for cancelling differences")]
