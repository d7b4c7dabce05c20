"""A function seen from afar: values and slopes on a grid, kinks, and where it is not finite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.properties.activation import Activation
from apalu_ref.properties.features import (
    GRID,
    NEAR,
    Kink,
    Univariate,
    bends,
    growth,
    kinks,
    one_sided,
    runs,
)

Array = NDArray[Any]


class Outline:
    """The kinks of a function: where to cut the axis.

    Attributes
    ----------
    f : Activation
    kinks : list of Kink
        Where f, f′ or f″ jumps. (f″ is not looked at where f′ is not minigrad's: differences of f′
        would invent kinks.)
    """

    _alone: Sequence[tuple[float, float]] = ()

    def __init__(self, f: Activation) -> None:
        self.f = f
        orders: list[Univariate] = [f]
        if not f.differences:
            orders.append(self.slope)
        if f.by_minigrad:
            orders.append(self.curvature)
        found = kinks(orders)
        if f.differences:
            found = sorted([*found, *bends(f, found)], key=lambda k: k.x)
        self.kinks: list[Kink] = [k for k in found if not math.isnan(k.left + k.right)]
        self._alone = self._lone_slopes()

    def slope(self, x: Array) -> Array:
        """f′, and NaN where f is not finite: a rule may have a number there.

        Where a rule has a number of its own for a single place, as that of ``sign`` has at 0, but
        the limits from both sides agree, it is their limit.
        """
        slopes = np.where(np.isfinite(self.f(x)), self.f.slope(x), np.nan)
        for place, value in self._alone:
            slopes[x == place] = value
        return slopes

    def moved(self, other: Activation) -> bool:
        """Whether a kink is elsewhere with other parameters: then f′ alone says too little."""
        for kink in self.kinks:
            g = (other, other.slope, other.curvature)[kink.order]
            jump = abs(one_sided(g, kink.x, 1) - one_sided(g, kink.x, -1))
            if not jump > 0.5 * abs(kink.right - kink.left):
                return True
        return False

    def _lone_slopes(self) -> list[tuple[float, float]]:
        places = GRID[np.abs(GRID) <= NEAR]
        s = self.slope(places)
        with np.errstate(invalid="ignore"):
            across = np.abs(s[2:] - s[:-2])
            away = np.minimum(np.abs(s[1:-1] - s[2:]), np.abs(s[1:-1] - s[:-2]))
            lone = np.flatnonzero((away > 4 * across) & (away > 1e-6)) + 1
        found = []
        for x in places[lone].tolist():
            left, right = one_sided(self.slope, x, -1), one_sided(self.slope, x, 1)
            own = float(self.slope(np.array([x]))[0])
            if abs(left - right) <= 1e-6 * (1 + abs(left)) < abs(own - left):
                found.append((x, (left + right) / 2))
        return found

    def curvature(self, x: Array) -> Array:
        """f″, likewise."""
        return np.where(np.isfinite(self.f(x)), self.f.curvature(x), np.nan)


class Sampled(Outline):
    """With values and slopes on a grid.

    Attributes
    ----------
    values, slopes : ndarray
        f and f′ on :data:`~apalu_ref.properties.features.GRID`.
    near : ndarray of bool
        Which places of the grid are at most 16 from 0.
    scale, steep : float
        The largest sizes of f and f′ on them: what is far smaller may be rounding.
    poles : list of (float, int)
        Beside places where f is not finite: the place, and the side on which f is.
    vertical : list of (float, float)
        Where f′ grows without end, and ∞ with its sign.
    """

    def __init__(self, f: Activation) -> None:
        super().__init__(f)
        self.values, self.slopes = f(GRID), self.slope(GRID)
        self.near = np.abs(GRID) <= NEAR
        self.scale = _largest(self.values[self.near])
        self.steep = _largest(self.slopes[self.near])
        self.poles = self._poles()
        self.vertical = self._vertical()

    def beyond(self, values: Array) -> tuple[Array, Array]:
        """Those of values on the grid that belong to x < -16, and to x > 16."""
        first, *_, last = np.flatnonzero(self.near)
        return values[:first], values[last + 1 :]

    def snapped(self, x: float) -> float:
        """A kink next to a place of the grid, or the place itself."""
        beside = [k.x for k in self.kinks if abs(k.x - x) < 0.01]
        return min(beside, key=lambda k: abs(k - x)) if beside else x

    def _poles(self) -> list[tuple[float, int]]:
        found = []
        bad = ~np.isfinite(self.values)
        for sign, i, j in runs((bad & self.near).astype(int)):
            if not sign:
                continue
            for outside, inside, side in ((i - 1, i, -1), (j + 1, j, 1)):
                if 0 <= outside < len(GRID) and not bad[outside]:
                    found.append((self._end(float(GRID[outside]), float(GRID[inside])), side))
        return found

    def _end(self, fine: float, bad: float) -> float:
        """Where f ceases to be finite, between a place where it is and one where it is not."""
        for _ in range(60):
            middle = (fine + bad) / 2
            if np.isfinite(self.f(np.array([middle])))[0]:
                fine = middle
            else:
                bad = middle
        return round(bad, 12) + 0.0

    def _steepest(self, i: int) -> float:
        """The place beside one of the grid where f′ grows from zoom to zoom, or that itself."""
        if not 0 < i < len(GRID) - 1:
            return float(GRID[i])
        left, right, best = float(GRID[i - 1]), float(GRID[i + 1]), abs(float(self.slopes[i]))
        for _ in range(10):
            places = np.linspace(left, right, 33)
            steep = np.nan_to_num(np.abs(self.slope(places)), posinf=0.0)
            j = int(steep.argmax())
            if not steep[j] > 1.5 * best:
                return float(GRID[i])
            left, right, best = places[max(j - 1, 0)], places[min(j + 1, 32)], float(steep[j])
        return float((left + right) / 2)

    def _vertical(self) -> list[tuple[float, float]]:
        steep = np.where(np.isfinite(self.slopes), np.abs(self.slopes), np.inf)
        i = int(np.argmax(np.where(np.isfinite(self.values), steep, -1)))
        x = self._steepest(i)
        sides = [(x, -1), (x, 1), *self.poles]
        found = []
        for x, side in sides:
            grown = growth(self.slope, x, side)
            if grown and (x, grown) not in found:
                found.append((x, grown))
        return found


def _largest(values: Array) -> float:
    sizes = np.abs(values[np.isfinite(values)])
    return float(sizes.max(initial=0)) or 1.0
