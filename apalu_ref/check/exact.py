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
from apalu_ref.check.inputs import Call
from apalu_ref.check.precision import precision

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

    ``terms`` are what is summed, element by element in the shape of y. ``magnitude`` is
    Σ|terms| and ``scale`` is Σ|gy|·s, both over the summed axes, of which ``count`` elements
    make one; ``unit`` is the m of the tolerance for underflow. ``bar`` is how far the value
    itself may be off, infinite where it is not known. Between the two ``ends``, if there are
    any, lie the slopes that some convention allows at a kink; ``limits`` are what is
    expected where x is not finite.
    """

    value: Exact
    terms: Array
    magnitude: Array
    scale: Array
    unit: Array
    summed: bool
    count: int = 1
    bar: Array | float = 0.0
    ends: tuple[Array, Array] | None = None
    limits: Array | None = None


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


def gathered(
    shape: tuple[int, ...],
    terms: Exact,
    scale: Array,
    unit: Array,
    bar: Array | float = 0.0,
    ends: tuple[Array, Array] | None = None,
    limits: Array | None = None,
) -> Answer:
    """The answer for an input of this shape, from its terms in the shape of y."""
    magnitude = np.abs(terms.high)
    if math.prod(shape) == terms.high.size:
        parts = (part.reshape(shape) for part in (*terms, magnitude, scale, unit))
        high, low, magnitude, scale, unit = parts
        if isinstance(bar, np.ndarray):
            bar = bar.reshape(shape)
        return Answer(Exact(high, low), terms.high, magnitude, scale, unit, False,
                      1, bar, ends, limits)  # fmt: skip
    high = reduce_to((*shape, 1), np.stack(terms, axis=-1), math.fsum)[..., 0]
    magnitude, scale, unit = (reduce_to(shape, t, np.sum) for t in (magnitude, scale, unit))
    if isinstance(bar, np.ndarray):
        bar = reduce_to(shape, bar, np.sum)
    count = terms.high.size // max(1, math.prod(shape))
    value = Exact(high, np.zeros(shape))
    return Answer(value, terms.high, magnitude, scale, unit, True, count, bar, ends, limits)


def answers(call: Call) -> dict[str, Answer]:
    """The exact y, dx, da and db of APALU for one call."""
    shape = call.shape
    x64, a64, b64, g64 = (
        np.broadcast_to(t, shape).astype(np.float64) for t in call.arrays.values()
    )
    negative = x64 < 0
    value, slope = univariate(x64)
    parameter = np.where(negative, b64, a64)
    size, g_size = np.abs(parameter), np.abs(g64)
    unit = np.maximum(1, size)
    g_unit = np.maximum(1, g_size)

    def masked(mask: Array) -> Exact:
        return Exact(*(np.where(mask, part, 0.0) for part in value))

    lift = np.where(x64 > _LARGE, 4.0, 1.0)
    above, below, nan = x64 == np.inf, x64 == -np.inf, np.nan
    with np.errstate(invalid="ignore"):
        y_limits = np.select([above, below], [a64 * np.inf, -b64], nan)
        dx_limits = np.select([above, below], [2 * a64 * g64, 0 * b64], nan)
    # Every convention's slope is allowed at 0, and where the platform may take x for 0.
    x_type = call.storage or (str(call.x.dtype) if call.x.dtype.kind == "f" else "float64")
    kink = np.abs(x64) < precision(x_type).tiny
    ends = (np.where(kink, 1.5 * a64 * g64, nan), np.where(kink, b64 * g64, nan))
    shapes = {name: t.shape for name, t in call.inputs.items()}
    return {
        "y": gathered(shape, times(value, parameter * lift), size, unit, limits=y_limits),
        "dx": gathered(
            shapes["x"],
            times(times(slope, parameter), g64),
            g_size * size,
            unit * g_unit,
            ends=ends,
            limits=dx_limits,
        ),
        "da": gathered(shapes["a"], times(masked(~negative), g64 * lift), g_size, g_unit),
        "db": gathered(shapes["b"], times(masked(negative), g64), g_size, g_unit),
    }


def second_answers(call: Call, cotangents: dict[str, Array]) -> dict[str, Answer]:
    """The gradients of Σ c·(dx, da, db) by x, a, b and gy, to a few eps of float64.

    ``cotangents`` are the c, by ``"dx"``, ``"da"``, ``"db"``.
    """
    shape = call.shape
    x, a, b, g = (np.broadcast_to(t, shape).astype(np.float64) for t in call.arrays.values())
    cx, ca, cb = (np.broadcast_to(cotangents[n], shape) for n in ("dx", "da", "db"))
    negative = x < 0
    (value, _), (slope, _) = univariate(x)
    bend = np.where(negative, slope, _curvature(x))
    parameter, c = np.where(negative, b, a), np.where(negative, cb, ca)
    terms = {
        "d2x": (g * (cx * parameter * bend + c * slope), call.x.shape),
        "d2a": (np.where(negative, 0, g * cx * slope), call.parameters["a"].shape),
        "d2b": (np.where(negative, g * cx * slope, 0), call.parameters["b"].shape),
        "d2gy": (cx * parameter * slope + c * value, shape),
    }
    # Each of the few products is as large as this; four times as much rounding is allowed.
    sizes = np.abs(cx) * (np.abs(parameter) + 1) + np.abs(c) * (np.abs(value) + 1)
    one = np.ones(shape)
    return {
        name: gathered(
            target,
            Exact(np.asarray(t), 0 * one),
            4 * sizes * (np.abs(g) if name != "d2gy" else one),
            one,
        )
        for name, (t, target) in terms.items()
    }


def _curvature(x: Array) -> Array:
    points, place = np.unique(np.abs(x), return_inverse=True)
    values = np.array([_split("d2u", p)[0] for p in map(float, points)])
    return np.asarray(values[place.reshape(x.shape)])
