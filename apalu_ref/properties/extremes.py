"""How large a function and its slope become, and where."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.properties.facts import Fact, How, number
from apalu_ref.properties.features import GRID, NEAR, Univariate, growth, highest, runs
from apalu_ref.properties.limits import Limit
from apalu_ref.properties.outline import Sampled

Array = NDArray[Any]


class Extreme(NamedTuple):
    """A largest or smallest slope: its value, where in words, and the place.

    ``side`` is 0, or -1 or 1 for the limit from the left or the right.
    """

    value: float
    where: str
    place: float
    side: int


def of_slope(shape: Sampled, limits: list[Limit], sign: int) -> Extreme:
    """Supremum (1) or infimum (-1) of f′."""
    x, best = highest(partial(_times, sign, shape.slope), shape.curvature, GRID[shape.near])
    level = _level(shape, shape.slopes, sign * best)
    found = [Extreme(sign * best, level or f"at x = {number(x)}", x, 0)]
    for place, slope in shape.vertical:
        where = f"at x = {number(place)}, where f′ has no bound"
        found.append(Extreme(slope, where, place, 0))
    for kink in shape.kinks:
        if kink.order == 0:
            rise = math.copysign(math.inf, kink.right - kink.left)
            found.append(Extreme(rise, "at the jump", kink.x, 0))
        if kink.order == 1:
            for side, name, slope in ((-1, "left", kink.left), (1, "right", kink.right)):
                where = f"at x = {number(kink.x)}, from the {name}"
                found.append(Extreme(slope, where, kink.x, side))
    for limit in limits:
        there = f"as x → {'∞' if limit.side > 0 else '-∞'}"
        if limit.slope is not None:
            found.append(Extreme(limit.slope, there, limit.side * 1e3, 0))
        elif limit.growth:
            slope = math.copysign(math.inf, limit.growth)
            found.append(Extreme(slope, there, limit.side * math.inf, 0))
    found = [e for e in found if not math.isnan(e.value)]
    if not found:
        return Extreme(math.nan, "f′ is NaN everywhere", math.nan, 0)
    top = max(sign * e.value for e in found)
    slack = 1e-12 * shape.steep if math.isfinite(top) else 0.0
    same = [e for e in found if sign * e.value >= top - slack]
    # The end of the grid is no place of its own where a limit says the same.
    if not level and abs(x) == NEAR and same[0].place == x:
        same = [e for e in same[1:] if "→" in e.where] or same
    return same[0]._replace(value=same[0].value + 0.0)


def of_values(shape: Sampled, limits: list[Limit]) -> Fact:
    """Infimum and supremum of f."""
    f = shape.f
    ends: list[tuple[float, str]] = []
    for sign in (-1, 1):
        x, value = highest(partial(_times, sign, f), partial(_times, sign, f.slope), GRID)
        limit = max((sign * c.value for c in limits if c.value is not None), default=-math.inf)
        grown = [sign * growth(f, place, side) for place, side in shape.poles]
        limit = max(limit, *grown, -math.inf) if any(grown) else limit
        level = _level(shape, shape.values, sign * value)
        if limit >= value - 1e-12 * shape.scale and not level:
            ends.append((sign * limit, "not reached" if math.isfinite(limit) else ""))
        else:
            ends.append((sign * value, level or f"at x = {number(x)}"))
    text = "; ".join(t for t in (ends[0][1], ends[1][1]) if t)
    return Fact([ends[0][0] + 0.0, ends[1][0] + 0.0], "sampled", text)


def fact(shape: Sampled, extreme: Extreme, value: float) -> Fact:
    """For the card: sampled, where f is not finite everywhere near 0."""
    how: How = "sampled" if shape.poles else "computed"
    return Fact(value, how, extreme.where)


def _level(shape: Sampled, values: Array, value: float) -> str:
    """Where there is one value on a whole stretch that does not fade into it."""
    scale = shape.steep if values is shape.slopes else shape.scale
    same = np.abs(values - value) <= 1e-14 * scale
    for sign, i, j in runs(same.astype(int)):
        beside = [values[m] - value for m in (i - 1, j + 1) if 0 <= m < len(GRID)]
        if not sign or j - i <= 100 or any(0 < abs(v) < 1e-9 * scale for v in beside):
            continue
        left = math.inf if i == 0 else shape.snapped(float(GRID[i]))
        right = math.inf if j == len(GRID) - 1 else shape.snapped(float(GRID[j]))
        if math.isinf(left):
            return "everywhere" if math.isinf(right) else f"for x < {number(right)}"
        return f"for x > {number(left)}" + ("" if math.isinf(right) else f" up to {number(right)}")
    return ""


def _times(sign: int, g: Univariate, x: Array) -> Array:
    return sign * g(x)
