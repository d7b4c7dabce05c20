"""What a function does far away: its slope, asymptote and limit, from values at powers of 2."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.properties.activation import Activation
from apalu_ref.properties.facts import Fact, number

Array = NDArray[Any]

_POWERS: Array = 2.0 ** np.arange(3, 41)


class Limit:
    """What f does far to one side.

    Attributes
    ----------
    side : int
        -1 or 1.
    slope : float or None
        The limit of f′, if it has one.
    offset : float or None
        The limit of f - slope·x: the asymptote is y = slope·x + offset.
    value : float or None
        The limit of f, ∞ included.
    growth : float
        1 or -1 if f′ grows without end, upwards or downwards, else 0.
    """

    def __init__(self, f: Activation, side: int) -> None:
        self.side = side
        x = side * _POWERS
        y, slopes = f(x), f.slope(x)
        with np.errstate(all="ignore"):
            rise = np.diff(y) / np.diff(x)
        self.slope = _settled(rise, 0.0)
        fine = np.isfinite(slopes)
        if self.slope is not None and fine.sum() > 6:
            # A wave has no slope far away, though its secants have.
            strays = np.abs(slopes[fine][-6:] - self.slope) > 1e-2 * max(1.0, abs(self.slope))
            if strays.any():
                self.slope = None
        rise = rise[np.isfinite(rise)]
        sizes = np.abs(rise[-4:])
        grows = self.slope is None and sizes.size == 4 and (sizes[1:] > 1.2 * sizes[:-1]).all()
        self.growth = float(np.sign(rise[-1])) if grows else 0.0
        self.offset: float | None = None
        if self.slope is not None:
            with np.errstate(all="ignore"):
                # Its rounding is that of y, not its own.
                self.offset = _settled((y - self.slope * x)[:20], abs(float(y[0])))
        self.value = self._value(y)

    def _value(self, y: Array) -> float | None:
        if self.slope == 0 and self.offset is not None:
            return self.offset
        ends = y[~np.isnan(y)]
        if ends.size < 6:
            return None
        if np.isinf(ends[-1]):
            return float(ends[-1])
        moves = np.sign(np.diff(ends[-6:]))
        return math.copysign(math.inf, moves[0]) if (moves == moves[0]).all() and moves[0] else None

    def fact(self) -> Fact:
        """The asymptote, for the card."""
        if self.slope is None:
            text = "f′ grows without end" if self.growth else "f′ has no limit that was found"
            return Fact(None, "sampled", text)
        if self.offset is None:
            return Fact(None, "sampled", f"f′ tends to {number(self.slope)}, f to no line")
        if self.slope == 0:
            return Fact(f"y = {number(self.offset)}", "sampled")
        offset = (
            ""
            if self.offset == 0
            else f" {'+' if self.offset > 0 else '-'} " + number(abs(self.offset))
        )
        slope = {1.0: "", -1.0: "-"}.get(self.slope, number(self.slope) + "·")
        return Fact(f"y = {slope}x{offset}", "sampled")


def _settled(v: Array, scale: float) -> float | None:
    """The limit of a sequence that comes to rest, or that shrinks by half each time."""
    v = v[np.isfinite(v)]
    if v.size < 6:
        return None
    scale = max(float(np.abs(v).max()), scale) or 1.0
    steps = np.abs(np.diff(v))
    if (steps[-3:] <= 1e-9 * scale).all():
        return _round(float(v[-1]), scale)
    ratios = steps[-4:] / np.maximum(steps[-5:-1], 1e-300)
    if (ratios < 0.75).all() and steps[-1] < 1e-2 * scale:
        a, b, c = (float(t) for t in v[-3:])
        return _round(c - (c - b) ** 2 / ((c - b) - (b - a)), scale)
    return None


def _round(value: float, scale: float) -> float:
    """Noise of the size of rounding is taken off a limit."""
    if abs(value) <= 1e-10 * scale:
        return 0.0
    near = round(value, 9)
    return near if abs(near - value) <= 1e-14 * scale else value
