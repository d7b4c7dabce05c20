"""The shape of a function: range, zeros, pieces, kinks, slopes, asymptotes."""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.properties.activation import Activation
from apalu_ref.properties.facts import Fact, Section, number
from apalu_ref.properties.features import (
    GRID,
    NEAR,
    Kink,
    Univariate,
    crossing,
    highest,
    kinks,
    one_sided,
    runs,
)
from apalu_ref.properties.limits import Limit

Array = NDArray[Any]

CLASSES = {0: "not continuous", 1: "continuous, not C¹", 2: "C¹, not C²", 3: "C² at least"}
"""By the lowest order of a derivative that jumps."""

MOST = 8
"""Zeros and pieces that are listed."""


class Extreme(NamedTuple):
    """A largest or smallest slope: its value, where in words, and the place.

    ``side`` is 0, or -1 or 1 for the limit from the left or the right.
    """

    value: float
    where: str
    place: float
    side: int


class Outline:
    """The kinks of a function: where to cut the axis.

    Attributes
    ----------
    kinks : list of Kink
        Where f, f′ or f″ jumps.
    """

    def __init__(self, f: Activation) -> None:
        self.f = f
        orders: list[Univariate] = (
            [f, self.slope]
            if f.differences
            else [
                f,
                self.slope,
                self.curvature,
            ]
        )
        found = kinks(orders)
        self.kinks: list[Kink] = [k for k in found if not math.isnan(k.left + k.right)]

    def slope(self, x: Array) -> Array:
        """f′, and NaN where f is not finite: a rule may have a number there."""
        return np.where(np.isfinite(self.f(x)), self.f.slope(x), np.nan)

    def curvature(self, x: Array) -> Array:
        """f″, likewise."""
        return np.where(np.isfinite(self.f(x)), self.f.curvature(x), np.nan)


class Shape(Outline):
    """What the other parts of a report need to know of a function's shape.

    Attributes
    ----------
    inf, sup : Extreme
        Infimum and supremum of f′.
    limits : list of Limit
        What f does far to the left and to the right.
    vertical : list of (float, float)
        Where f′ grows without end, and its sign times ∞.
    """

    def __init__(self, f: Activation) -> None:
        super().__init__(f)
        self._values = f(GRID)
        self._slopes = self.slope(GRID)
        self.limits = [Limit(f, side) for side in (-1, 1)]
        self.vertical = self._vertical()
        self.inf = self._extreme(-1)
        self.sup = self._extreme(1)

    def section(self) -> Section:
        """All of it, for the card."""
        facts: dict[str, Fact] = {}
        bad = self.not_finite()
        if bad:
            facts["not finite"] = Fact(bad, "sampled", "f is NaN or infinite there")
        facts["range"] = self._range()
        facts["zeros"] = self._zeros()
        facts["monotone"] = self._pieces()
        facts["smoothness"] = self._smoothness()
        facts["kinks"] = Fact([k.x for k in self.kinks if k.order < 2], "computed", self._jumps())
        left, right = one_sided(self.slope, 0.0, -1), one_sided(self.slope, 0.0, 1)
        if any(x == 0 for x, _ in self.vertical):
            pass  # there is none
        elif abs(left - right) <= 1e-9 * (1 + abs(left)):
            facts["slope at 0"] = Fact(left, "computed")
        elif math.isfinite(left + right):
            facts["slope at 0"] = Fact([left, right], "computed", "from the left, from the right")
        steepest = self.steepest()
        facts["Lipschitz constant"] = Fact(abs(steepest.value), "computed", steepest.where)
        facts["infimum of f′"] = Fact(self.inf.value, "computed", self.inf.where)
        facts["supremum of f′"] = Fact(self.sup.value, "computed", self.sup.where)
        facts["asymptote left"] = self.limits[0].fact()
        facts["asymptote right"] = self.limits[1].fact()
        return Section("shape", facts)

    def steepest(self) -> Extreme:
        """Where f′ is largest in size."""
        return self.inf if abs(self.inf.value) > abs(self.sup.value) else self.sup

    def lost_slopes(self) -> str:
        """Where f is finite and f′ is NaN, for a remark."""
        lost = np.isfinite(self._values) & np.isnan(self._slopes)
        lost &= ~np.isin(GRID, [x for x, _ in self.vertical])
        stretches = [(i, j) for sign, i, j in runs(lost.astype(int)) if sign]
        said = [
            f"from {number(GRID[i])} to {number(GRID[j])}" if i != j else f"at {number(GRID[i])}"
            for i, j in stretches[:MOST]
        ]
        return ", ".join(said)

    def not_finite(self) -> list[str]:
        """Where f is NaN or infinite."""
        bad = ~np.isfinite(self._values)
        return [
            f"from {number(GRID[i])} to {number(GRID[j])}" if i != j else f"at {number(GRID[i])}"
            for sign, i, j in runs(bad.astype(int))
            if sign
        ]

    def _extreme(self, sign: int) -> Extreme:
        """Supremum (1) or infimum (-1) of f′."""
        near = np.abs(GRID) <= NEAR
        x, best = highest(lambda z: sign * self.slope(z), self.curvature, GRID[near])
        level = self._level(self._slopes, sign * best)
        found = [Extreme(sign * best, level or f"at x = {number(x)}", x, 0)]
        for place, slope in self.vertical:
            where = f"at x = {number(place)}, where f′ has no bound"
            found.append(Extreme(slope, where, place, 0))
        for kink in self.kinks:
            if kink.order < 2:
                for side, name in ((-1, "left"), (1, "right")):
                    where = f"at x = {number(kink.x)}, from the {name}"
                    slope = one_sided(self.slope, kink.x, side)
                    found.append(Extreme(slope, where, kink.x, side))
            if kink.order == 0:
                rise = math.copysign(math.inf, kink.right - kink.left)
                found.append(Extreme(rise, "at the jump", kink.x, 0))
        for limit in self.limits:
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
        slack = 1e-12 * max(1.0, abs(top)) if math.isfinite(top) else 0.0
        same = [e for e in found if sign * e.value >= top - slack]
        # The end of the grid is no place of its own where a limit says the same.
        if not level and abs(x) == NEAR and same[0].place == x:
            same = [e for e in same[1:] if "→" in e.where] or same
        return same[0]._replace(value=same[0].value + 0.0)

    def _vertical(self) -> list[tuple[float, float]]:
        """Where f is finite and f′ grows without end, and which way."""
        steep = np.where(np.isfinite(self._slopes), np.abs(self._slopes), np.inf)
        i = int(np.argmax(np.where(np.isfinite(self._values), steep, -1)))
        x = float(GRID[i])
        found = []
        for side in (-1, 1):
            slopes = self.slope(x + side * np.array([1e-4, 1e-6, 1e-8]))
            if (np.abs(slopes[1:]) > 3 * np.abs(slopes[:-1])).all():
                found.append((x, math.copysign(math.inf, slopes[-1])))
        return found

    def _level(self, values: Array, value: float) -> str:
        """Where there is one value on a whole stretch that does not fade into it."""
        same = np.abs(values - value) <= 1e-14 * max(1.0, abs(value))
        for sign, i, j in runs(same.astype(int)):
            beside = [values[m] - value for m in (i - 1, j + 1) if 0 <= m < len(GRID)]
            if sign and j - i > 100 and not any(0 < abs(v) < 1e-9 for v in beside):
                ends = [float(GRID[i]), float(GRID[j])]
                for n, outside in ((0, i == 0), (1, j == len(GRID) - 1)):
                    near = [k.x for k in self.kinks if abs(k.x - ends[n]) < 0.01]
                    ends[n] = math.inf if outside else near[0] if near else ends[n]
                left, right = ends
                if math.isinf(left):
                    return "everywhere" if math.isinf(right) else f"for x < {number(right)}"
                return f"for x > {number(left)}" + (
                    "" if math.isinf(right) else f" up to {number(right)}"
                )
        return ""

    def _range(self) -> Fact:
        f = self.f
        ends: list[tuple[float, str]] = []
        for sign in (-1, 1):
            x, value = highest(partial(_times, sign, f), partial(_times, sign, f.slope), GRID)
            limit = max(
                (sign * c.value for c in self.limits if c.value is not None), default=-math.inf
            )
            level = self._level(self._values, sign * value)
            if limit >= value - 1e-12 * max(1.0, abs(value)) and not level:
                ends.append((sign * limit, "not reached" if math.isfinite(limit) else ""))
            else:
                ends.append((sign * value, level or f"at x = {number(x)}"))
        text = "; ".join(t for t in (ends[0][1], ends[1][1]) if t)
        return Fact([ends[0][0] + 0.0, ends[1][0] + 0.0], "sampled", text)

    def _zeros(self) -> Fact:
        near = np.abs(GRID) <= NEAR
        places, values = GRID[near], self._values[near]
        signs = np.where(np.isfinite(values), np.sign(values), 2).astype(int)
        found: list[Any] = []
        stretches = runs(signs)
        for k, (sign, i, j) in enumerate(stretches):
            if sign == 0 and i == j:
                found.append(float(places[i]))
            elif sign == 0:
                beside = [values[m] for m in (i - 1, j + 1) if 0 <= m < len(values)]
                if any(abs(v) < 1e-9 for v in beside):
                    continue  # f has become too small for a number of its kind
                left = "-∞" if i == 0 else number(places[i])
                right = "∞" if j == len(places) - 1 else number(places[j])
                found.append(f"from {left} to {right}")
            elif k and stretches[k - 1][0] == -sign:
                place = crossing(self.f, float(places[i - 1]), float(places[i]))
                if all(abs(place - q.x) > 1e-9 or q.order for q in self.kinks):
                    found.append(place)
        if len(found) > MOST:
            return Fact(found[:MOST], "sampled", f"… and {len(found) - MOST} more up to |x| = 16")
        return Fact(found, "sampled")

    def _pieces(self) -> Fact:
        keep = np.isfinite(self._values) & np.isfinite(self._slopes) & (np.abs(GRID) <= NEAR)
        places, slopes = GRID[keep], self._slopes[keep]
        if not places.size:
            return Fact(None, "sampled", "f is not finite anywhere near 0")
        signs = np.sign(slopes).astype(int)
        stretches = [r for r in runs(signs) if r[0] or r[1] != r[2] or signs.size == 1]
        pieces: list[tuple[int, float, float]] = []
        for k, (sign, i, j) in enumerate(stretches):
            if sign == 0:
                sides = [(k - 1, i - 1), (k + 1, j + 1)]
                around = [(stretches[m][0], n) for m, n in sides if 0 <= m < len(stretches)]
                # f′ has become too small for a number of its kind: the function goes on as before.
                faded = [s for s, n in around if abs(slopes[n]) < 1e-8]
                sign = faded[0] if faded else 0
            if pieces and pieces[-1][0] == sign:
                pieces[-1] = (sign, pieces[-1][1], float(places[j]))
                continue
            border = float(places[i])
            if pieces:
                border = self._border(pieces[-1][2], border)
                pieces[-1] = (*pieces[-1][:2], border)
            pieces.append((sign, border, float(places[j])))
        return self._said(pieces)

    def _said(self, pieces: list[tuple[int, float, float]]) -> Fact:
        names = {1: "increasing", -1: "decreasing", 0: "constant"}
        text = "between its jumps" if any(k.order == 0 for k in self.kinks) else ""
        if len(pieces) == 1:
            return Fact(names[pieces[0][0]], "sampled", text)
        last = len(pieces) - 1
        said = []
        for k, (sign, left, right) in enumerate(pieces[:MOST]):
            start = f" from {number(left)}" if k else ""
            end = "" if k == last else f" {'to' if k else 'up to'} {number(right)}"
            said.append(names[sign] + start + end)
        if len(pieces) > MOST:
            text += f"… and {len(pieces) - MOST} more pieces up to |x| = 16"
        return Fact(said, "sampled", text)

    def _border(self, left: float, right: float) -> float:
        inside = [k.x for k in self.kinks if left <= k.x <= right]
        if inside:
            return inside[0]
        return crossing(self.slope, left, right)

    def _smoothness(self) -> Fact:
        order = min((k.order for k in self.kinks), default=3)
        if self.vertical and order > 0:
            place = number(self.vertical[0][0])
            return Fact(CLASSES[1], "sampled", f"at x = {place}, where f′ has no bound")
        if order == 3 and self.f.differences:
            return Fact("C¹ at least", "sampled", "f″ was not looked at: f is not differentiable")
        places = ", ".join(number(k.x) for k in self.kinks if k.order == order)
        return Fact(CLASSES[order], "sampled", f"at x = {places}" if places else "")

    def _jumps(self) -> str:
        what = ("f", "f′")
        return "; ".join(
            f"{what[k.order]} goes from {number(k.left)} to {number(k.right)}"
            for k in self.kinks
            if k.order < 2
        )


def _times(sign: int, g: Univariate, x: Array) -> Array:
    return sign * g(x)
