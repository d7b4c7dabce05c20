"""Means over seeds, and paired differences with their confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Summary:
    """A number over seeds.

    Attributes
    ----------
    mean, std : float
        Of the runs that gave the number; ``std`` with n - 1 below the line, NaN for one run.
    n : int
        How many runs gave it.
    missing : int
        How many did not.
    """

    mean: float
    std: float
    n: int
    missing: int


@dataclass(frozen=True)
class Interval:
    """A mean paired difference and its confidence interval; NaN where there is none.

    Attributes
    ----------
    mean, low, high : float
    n : int
        How many pairs it rests on.
    """

    mean: float
    low: float
    high: float
    n: int

    @property
    def sign(self) -> int:
        """1 or -1 if the interval lies on one side of 0, else 0; 0 also for fewer than 3 pairs.

        Scores come in steps, of one test image at least, so that two differences may well be
        equal by chance and their interval a point.
        """
        return 0 if self.n < 3 else int(self.low > 0) - int(self.high < 0)


def summary(values: Sequence[float | None]) -> Summary:
    """Mean and standard deviation of the numbers there are.

    Examples
    --------
    >>> summary([1.0, 2.0, None, 3.0])
    Summary(mean=2.0, std=1.0, n=3, missing=1)
    """
    x = [v for v in values if v is not None and math.isfinite(v)]
    missing = len(values) - len(x)
    if not x:
        return Summary(math.nan, math.nan, 0, missing)
    std = float(np.std(x, ddof=1)) if len(x) > 1 else math.nan
    return Summary(float(np.mean(x)), std, len(x), missing)


def paired(
    first: Sequence[float | None], second: Sequence[float | None], level: float = 0.95
) -> Interval:
    """The mean of ``first - second``, run by run, and its interval by Student's t.

    Pairs of which one is missing are left out. The interval supposes differences that are
    near normal; with three to five pairs it is wide, as it should be.

    Examples
    --------
    >>> found = paired([1.0, 2.0, 3.5], [0.5, 1.0, 2.0])
    >>> found.mean, round(found.low, 4), round(found.high, 4), found.n
    (1.0, -0.2421, 2.2421, 3)
    """
    differences = [
        a - b
        for a, b in zip(first, second, strict=True)
        if a is not None and b is not None and math.isfinite(a) and math.isfinite(b)
    ]
    n = len(differences)
    if n < 2:
        return Interval(differences[0] if n else math.nan, math.nan, math.nan, n)
    mean = float(np.mean(differences))
    reach = student(n - 1, level) * float(np.std(differences, ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - reach, mean + reach, n)


def student(freedom: int, level: float = 0.95) -> float:
    """The two-sided quantile of Student's t: abs(t) is below it with probability ``level``.

    For a whole number of degrees of freedom the distribution is a finite sum (Abramowitz and
    Stegun 26.7.3 and 26.7.4), inverted here by bisection.

    Examples
    --------
    >>> round(student(2), 6), round(student(9), 6)
    (4.302653, 2.262157)
    """
    low, high = 0.0, 1.0
    while _within(high, freedom) < level:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < level else (low, middle)
    return (low + high) / 2


def _within(t: float, freedom: int) -> float:
    """P(abs(T) < t)."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    term, total = (cosine, cosine) if freedom % 2 else (1.0, 1.0)
    start = 3 if freedom % 2 else 2
    for k in range(start, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        total += term
    if freedom % 2 == 0:
        return sine * total
    return 2 / math.pi * (angle + (sine * total if freedom > 1 else 0.0))
