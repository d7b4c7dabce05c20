"""What a subject should have answered, to twice the precision of float64.

The oracle's values of u, u′, v, v′ are split into a float64 and the float64 remainder
("double-double", about 32 digits), so that products with a, b and gy and their sums over
broadcast axes are exact enough to count the ULP of a float64 result, and quick enough to
do so for every element of every probe. x is taken as given: only finite x have an answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref import oracle

Array = NDArray[Any]

# Enough for the 32 digits of a double-double.
_DIGITS = 36

# Beyond, u(x) = 2x may leave the range although a * u(x) does not: a quarter of it is kept.
_LARGE = 2.0**1000


class Exact(NamedTuple):
    """Values as unevaluated sums ``high + low`` of two float64."""

    high: Array
    low: Array

    def minus(self, got: Array) -> Array:
        """``got - self``, rounded once where the two are close."""
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray((got.astype(np.float64) - self.high) - self.low)


@dataclass(frozen=True)
class Answer:
    """The exact value of one quantity, and what its tolerance is made of.

    ``magnitude`` is Σ|terms| and ``scale`` is Σ|gy|·s, both over the summed axes; ``unit`` is
    the m of the tolerance for underflow.
    """

    value: Exact
    magnitude: Array
    scale: Array
    unit: Array
    summed: bool


@lru_cache(maxsize=1 << 17)
def _split(name: str, x: float) -> tuple[float, float]:
    value = oracle.FUNCTIONS[name](x, _DIGITS)
    if name == "u" and x > _LARGE:
        value /= 4
    high = float(value)
    return high, float(value - Decimal(high))


def univariate(x: Array) -> tuple[Exact, Exact]:
    """u (a quarter of it for x > 2^1000) or v, and u′ or v′, at every finite x (0 elsewhere)."""
    points, place = np.unique(x, return_inverse=True)
    pairs = []
    for positive, negative in (("u", "v"), ("du", "dv")):
        split = [
            _split(negative if p < 0 else positive, p) if math.isfinite(p) else (0.0, 0.0)
            for p in map(float, points)
        ]
        values = np.array(split).reshape(-1, 2)[place.reshape(x.shape)]
        pairs.append(Exact(values[..., 0], values[..., 1]))
    return pairs[0], pairs[1]


def times(value: Exact, factor: Array) -> Exact:
    """Multiply by float64 values, exactly but for the last digits of ``low``."""
    # Significands are multiplied and the exponents added after: nothing overflows on the way.
    m, e = np.frexp(value.high)
    f, k = np.frexp(factor.astype(np.float64))
    low = np.ldexp(value.low, -e)
    # Veltkamp's split into halves whose products are exact, Dekker's product from them.
    a, b = m * 134217729.0, f * 134217729.0
    m1, f1 = a - (a - m), b - (b - f)
    m2, f2 = m - m1, f - f1
    product = m * f
    rest = ((m1 * f1 - product) + m1 * f2 + m2 * f1) + m2 * f2 + low * f
    with np.errstate(under="ignore", over="ignore"):
        return Exact(np.ldexp(product, e + k), np.ldexp(rest, e + k))


def reduce_to(shape: tuple[int, ...], array: Array, how: Callable[[Array], Any]) -> Array:
    """Apply ``how`` to each 1-d group of elements that broadcasting made of one."""
    padded = (1,) * (array.ndim - len(shape)) + shape
    summed = [i for i, n in enumerate(padded) if n == 1]
    kept = [i for i in range(array.ndim) if i not in summed]
    rows = array.transpose(kept + summed).reshape(math.prod(shape), -1)
    return np.array([how(row) for row in rows], dtype=np.float64).reshape(shape)


def answers(x: Array, a: Array, b: Array, gy: Array) -> dict[str, Answer]:
    """The exact y, dx, da and db for one call."""
    shape = np.broadcast_shapes(x.shape, a.shape, b.shape)
    wide = [np.broadcast_to(t, shape).astype(np.float64) for t in (x, a, b, gy)]
    x64, a64, b64, g64 = wide
    negative = x64 < 0
    value, slope = univariate(x64)
    parameter = np.where(negative, b64, a64)
    size, g_size = np.abs(parameter), np.abs(g64)
    unit = np.maximum(1, size)
    g_unit = np.maximum(1, g_size)

    def masked(mask: Array) -> Exact:
        return Exact(*(np.where(mask, part, 0.0) for part in value))

    lift = np.where(x64 > _LARGE, 4.0, 1.0)
    elementwise = {
        "y": (times(value, parameter * lift), size, unit),
        "dx": (times(times(slope, parameter), g64), g_size * size, unit * g_unit),
        "da": (times(masked(~negative), g64 * lift), g_size, g_unit),
        "db": (times(masked(negative), g64), g_size, g_unit),
    }
    targets = {"y": shape, "dx": x.shape, "da": a.shape, "db": b.shape}
    result = {}
    for name, (exact, scale, m) in elementwise.items():
        target = targets[name]
        magnitude = np.abs(exact.high)
        if math.prod(target) == math.prod(shape):
            parts = (part.reshape(target) for part in (*exact, magnitude, scale, m))
            high, low, magnitude, scale, m = parts
            result[name] = Answer(Exact(high, low), magnitude, scale, m, summed=False)
            continue
        high = reduce_to((*target, 1), np.stack(exact, axis=-1), math.fsum)[..., 0]
        magnitude, scale, m = (reduce_to(target, part, np.sum) for part in (magnitude, scale, m))
        result[name] = Answer(Exact(high, np.zeros(target)), magnitude, scale, m, summed=True)
    return result
