"""Where a function jumps, bends, crosses zero and turns: places found by halving intervals.

A jump of f, f′ or f″ between two points stays when the interval around it is halved again and
again; a steep but smooth passage does not. So every kink that lies alone in its interval of the
grid is found, and where, to rounding. Two that share an interval (1/128 long up to 16, longer
beyond) can hide from each other, and jumps of less than 1e-7 of the largest value near 0 are taken
for rounding: what is said of the absence of kinks is sampled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
                # A vertical tangent looks like a jump, but is half as high from closer by.
                h = 1e-10 * max(1.0, abs(x))
                close = g(np.array([x - h, x + h]))
                if abs(close[1] - close[0]) < 0.5 * abs(left - right):
                    continue
                if not abs(left - right) <= least + 1e-7 * (abs(left) + abs(right)):
                    found.append(Kink(x, order, left, right))
    return sorted(found, key=lambda k: k.x)


def _jumps(g: Univariate, least: float) -> list[float]:
    left, right = GRID[:-1], GRID[1:]
    low, high = g(left), g(right)
    fine = np.isfinite(low) & np.isfinite(high)
    left, right, low, high = (v[fine] for v in (left, right, low, high))
    if not left.size:
        return []
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


def not_integrable(slope: Univariate, places: Sequence[float] = ()) -> bool:
    """Whether the square of f′ has no integral, as of 1/√x.

    At the steepest place of the grid, or at further ``places`` where f′ has no bound.
    """
    inner = GRID[np.abs(GRID) <= NEAR]
    with np.errstate(all="ignore"):
        steep = np.abs(slope(inner))
        steepest = float(inner[int(np.argmax(np.where(np.isfinite(steep), steep, np.inf)))])
        for x in (steepest, *places):
            for side in (-1, 1):
                h = np.array([1e-4, 1e-6, 1e-8])
                squares = slope(x + side * h) ** 2
                # Growing as fast as 1/h: each decade adds as much as the one before.
                shares = squares * h
                if (squares[1:] > 9 * squares[:-1]).all() and shares[2] > 0.9 * shares[1]:
                    return True
    return False


def growth(g: Univariate, x: float, side: int) -> float:
    """∞ or -∞ if g grows without end towards x from one side, else 0.

    Values at distances of 1e-4, 1e-6 and 1e-8 have to grow, the second time by no less than half of
    the first: as a logarithm does, or faster.
    """
    with np.errstate(all="ignore"):
        near = g(x + side * np.array([1e-4, 1e-6, 1e-8]))
        first, second = np.abs(near[1]) - np.abs(near[0]), np.abs(near[2]) - np.abs(near[1])
    if not np.isfinite(near).all() or not (first > 0 and second > 0.5 * first):
        return 0.0
    # Noise of rounding grows, too, if by nothing to speak of.
    if first <= 1e-3 * abs(near[0]):
        return 0.0
    return float(np.copysign(np.inf, near[2]))


def bends(f: Univariate, known: list[Kink]) -> list[Kink]:
    """Jumps of f′ by values of f alone, each to about 1e-6.

    In an interval that is halved the secants of both halves come to agree, but for one with a kink.
    """
    inner = GRID[np.abs(GRID) <= NEAR]
    left, right = inner[:-2].copy(), inner[2:].copy()  # overlapping: a kink may be on the grid
    for _ in range(11):
        quarter = (right - left) / 4
        starts = np.stack([left, left + quarter, left + 2 * quarter])
        turn = np.abs(_turn(f, starts, quarter))
        best = np.argmax(np.where(np.isfinite(turn), turn, -1), axis=0)
        left = np.take_along_axis(starts, best[None], 0)[0]
        right = left + 2 * quarter
    half = (right - left) / 2
    turn = _turn(f, left, half)
    steep = np.abs(f(inner[1:]) - f(inner[:-1])) / np.diff(inner)
    least = 1e-3 * float(steep[np.isfinite(steep)].max(initial=0)) + 1e-12
    found: list[Kink] = []
    for x, h in zip((left + half)[np.abs(turn) > least], half[np.abs(turn) > least], strict=True):
        values = f(x + h * np.array([-4.0, -2.0, 2.0, 4.0]))
        before, after = (values[1] - values[0]) / (2 * h), (values[3] - values[2]) / (2 * h)
        if abs(after - before) <= least:
            continue
        # Where the lines of both sides meet.
        meet = (values[2] - values[1] + before * (x - 2 * h) - after * (x + 2 * h)) / (
            before - after
        )
        place = round(float(meet), 6) + 0.0
        if all(abs(place - k.x) > 1e-4 for k in (*known, *found)):
            found.append(Kink(place, 1, float(before), float(after)))
    return found


def _turn(f: Univariate, start: Array, step: Array) -> Array:
    low, middle, high = f(start), f(start + step), f(start + 2 * step)
    with np.errstate(all="ignore"):
        return np.asarray((high - 2 * middle + low) / step)


def crossings(g: Univariate, left: Array, right: Array) -> list[float]:
    """Where g changes its sign between points, pair by pair, to rounding."""
    left, right = np.array(left, np.float64), np.array(right, np.float64)
    sign = np.sign(g(right))
    for _ in range(200):
        middle = (left + right) / 2
        if ((middle == left) | (middle == right)).all():
            break
        beyond = np.sign(g(middle)) == sign
        left, right = np.where(beyond, left, middle), np.where(beyond, middle, right)
    return [_simple(a, b) for a, b in zip(left.tolist(), right.tolist(), strict=True)]


def crossing(g: Univariate, left: float, right: float) -> float:
    """Where g changes its sign between two points, to rounding."""
    return crossings(g, np.array([left]), np.array([right]))[0]


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
