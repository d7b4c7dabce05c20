"""Where a function jumps, bends, crosses zero and turns: places found by halving intervals.

A jump of f, f′ or f″ between two points stays when the interval around it is halved again and
again; a steep but smooth passage does not. So every kink that lies alone in its interval of the
grid is found, and where, to rounding. Two that share an interval (1/128 long up to 16, longer
beyond) can hide from each other, and jumps of less than 1e-7 of the largest value near 0 are taken
for rounding: what is said of the absence of kinks is sampled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Univariate = Callable[[Array], Array]

NEAR = 16.0
"""Up to here the grid is close: beyond, a standard normal number never comes."""

_FAR = np.geomspace(NEAR, 1e4, 200)[1:]

GRID: Array = np.concatenate([-_FAR[::-1], np.linspace(-NEAR, NEAR, 4097), _FAR])
"""The places looked at, 0 among them."""


@dataclass(frozen=True)
class Kink:
    """A place where f (order 0), f′ (1) or f″ (2) jumps."""

    x: float
    order: int
    left: float
    """The limit from the left of what jumps."""
    right: float


def kinks(derivatives: list[Univariate]) -> list[Kink]:
    """Jumps of f, f′, f″ …: the lowest order at each place.

    Parameters
    ----------
    derivatives : list of callable
        f, f′, …
    """
    found: list[Kink] = []
    for order, g in enumerate(derivatives):
        with np.errstate(all="ignore"):
            near = np.abs(g(GRID[np.abs(GRID) <= NEAR]))
        least = 1e-7 * float(near[np.isfinite(near)].max(initial=0))
        for x in _jumps(g, least):
            if all(abs(x - k.x) > 1e-7 * max(1.0, abs(x)) for k in found):
                left, right = one_sided(g, x, -1.0), one_sided(g, x, 1.0)
                if not abs(left - right) <= least + 1e-7 * (abs(left) + abs(right)):
                    found.append(Kink(x, order, left, right))
    return sorted(found, key=lambda k: k.x)


def _jumps(g: Univariate, least: float) -> list[float]:
    left, right = GRID[:-1], GRID[1:]
    low, high = g(left), g(right)
    fine = np.isfinite(low) & np.isfinite(high)
    left, right, low, high = (v[fine] for v in (left, right, low, high))
    for _ in range(80):
        middle = (left + right) / 2
        value = g(middle)
        first = np.abs(value - low) >= np.abs(high - value)
        left, low = np.where(first, left, middle), np.where(first, low, value)
        right, high = np.where(first, middle, right), np.where(first, value, high)
        # Smooth passages shrink with the interval; a jump of this size or more does not.
        jump = np.abs(high - low) > 1e-7 * (np.abs(low) + np.abs(high)) + least
        jump |= ~np.isfinite(value)
        left, right, low, high = (v[jump] for v in (left, right, low, high))
        if not left.size:
            break
    places = sorted(_simple(a, b) for a, b in zip(left.tolist(), right.tolist(), strict=True))
    return [x for i, x in enumerate(places) if not i or x - places[i - 1] > 1e-9 * max(1, abs(x))]


def _simple(left: float, right: float) -> float:
    """The number with the fewest digits in or next to a tiny interval."""
    middle = (left + right) / 2
    for digits in range(13):
        candidate = round(middle, digits)
        if abs(candidate - middle) <= (right - left) + 1e-14 * max(1.0, abs(middle)):
            return candidate + 0.0
    return middle


def one_sided(g: Univariate, x: float, side: float) -> float:
    """The limit from the left (-1) or right (1): extrapolated, for g may have any value at x."""
    h = side * 1e-5 * max(1.0, abs(x))
    first, second, third = g(np.array([x + h, x + 2 * h, x + 3 * h]))
    return float(3 * (first - second) + third)


def not_integrable(slope: Univariate) -> bool:
    """Whether the square of f′ has no integral at the steepest place of the grid, as of 1/√x."""
    inner = GRID[np.abs(GRID) <= NEAR]
    with np.errstate(all="ignore"):
        steep = np.abs(slope(inner))
        x = float(inner[int(np.argmax(np.where(np.isfinite(steep), steep, np.inf)))])
        for side in (-1, 1):
            h = np.array([1e-4, 1e-6, 1e-8])
            squares = slope(x + side * h) ** 2
            # Growing, and as fast as 1/h: of each decade as much is left as of the one before.
            if (squares[1:] > 9 * squares[:-1]).all() and squares[2] * h[2] > 0.9 * squares[1] * h[
                1
            ]:
                return True
    return False


def crossing(g: Univariate, left: float, right: float) -> float:
    """Where g changes its sign between two points, to rounding."""
    sign = float(np.sign(g(np.array([right])))[0])
    for _ in range(200):
        middle = (left + right) / 2
        if middle in (left, right):
            break
        if float(np.sign(g(np.array([middle])))[0]) == sign:
            right = middle
        else:
            left = middle
    return _simple(left, right)


def runs(signs: Array) -> list[tuple[int, int, int]]:
    """Stretches of equal sign: sign, first and last index."""
    starts = np.concatenate([[0], np.flatnonzero(np.diff(signs)) + 1])
    ends = np.concatenate([starts[1:] - 1, [len(signs) - 1]])
    return [(int(signs[i]), int(i), int(j)) for i, j in zip(starts, ends, strict=True)]


def highest(g: Univariate, curvature: Univariate, places: Array) -> tuple[float, float]:
    """The largest value of g and its place: the best of a grid, then where g′ is 0 beside it.

    Parameters
    ----------
    g : callable
        What is to be largest.
    curvature : callable
        Its derivative, but for a factor.
    places : ndarray
        The grid, in ascending order.
    """
    values = g(places)
    if not np.isfinite(values).any():
        return float("nan"), float("nan")
    i = int(np.nanargmax(np.where(np.isfinite(values), values, -np.inf)))
    x, best = float(places[i]), float(values[i])
    if 0 < i < len(places) - 1:
        left, right = float(places[i - 1]), float(places[i + 1])
        ends = curvature(np.array([left, right]))
        if np.isfinite(ends).all() and ends[0] * ends[1] < 0:
            inner = crossing(curvature, left, right)
            value = float(g(np.array([inner]))[0])
            if value >= best:
                x, best = inner, value
    return x, best
