r"""GELU on one block, x Φ(x): by the error function, and the approximation with tanh.

NumPy has no error function. :func:`minigrad.special.ndtr` has the last digits of Φ, for which it
gathers the elements of two cases; here one fit serves both tails of the normal distribution:

.. math::

    Φ(-m) = e^{-m²/2} · r · P(r - 9/16), \qquad r = \frac{1}{1 + m/4}, \qquad m ≥ 0.

P has relative errors of 1.8e-8 with 9 coefficients, for float32, and 2.2e-17 with 22, for float64.
With mpmath they are made again by ``chebyfit(tail, [1/(1 + M/4) - 9/16, 7/16], n)``, M = 15 and 39,
beyond which e^(-m²/2) is 0, where::

    mp.dps = 40
    def tail(u):
        r = u + mpf(9) / 16
        m = 4 * (1 / r - 1)
        return exp(m * m / 2) * erfc(m / sqrt(2)) / 2 / r
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from apalu_ref.bench.kernels.parts import (
    Array,
    Arrays,
    Parameters,
    choose,
    minus_absolute,
    numbers,
    positive,
    zeros,
)

CUBIC = 0.044715
"""The factor of x³ in the approximation."""

_ROOT = 2 * math.sqrt(2 / math.pi)

# fmt: off
_FITS: dict[np.dtype[Any], tuple[float, ...]] = {
    np.dtype(np.float32): (
        0.02783552135369782, -0.03742024937891533, -0.07833822105971196, 0.03474802327308197,
        0.25686146765974954, 0.43551821756024306, 0.46287559196093375, 0.35695208078382434,
        0.20942513636075485,
    ),
    np.dtype(np.float64): (
        -0.0011521926588516777, 0.00157540829457705, 0.001960762212787238, -0.004161893461213972,
        -0.000745934956330064, 0.0063687618169800475, -0.0024344536255045306,
        -0.0077507949359937765, 0.007190361114846564, 0.008884372423174547, -0.014132140308128864,
        -0.011884477463446556, 0.02557344404490594, 0.024381912503872425, -0.04386263472965231,
        -0.07697587972495792, 0.03533539918394825, 0.2567412752068965, 0.43549748142741396,
        0.46287877572390723, 0.35695228837837994, 0.20942512359414156,
    ),
}
# fmt: on


def _tail(z: Array, p: Array, e: Array, r: Array, m: Array) -> None:
    """p = Φ(-|z|), e = e^(-z²/2) and m = -|z|; r is scratch memory."""
    quarter, one, centre, half = numbers(z.dtype, -0.25, 1, -9 / 16, -0.5)
    first, second, *rest = numbers(z.dtype, *_FITS[z.dtype])
    minus_absolute(z, m)
    np.multiply(m, quarter, out=r)
    np.add(r, one, out=r)
    np.divide(one, r, out=r)
    np.add(r, centre, out=e)
    np.multiply(e, first, out=p)
    np.add(p, second, out=p)
    for coefficient in rest:
        np.multiply(p, e, out=p)
        np.add(p, coefficient, out=p)
    np.multiply(p, r, out=p)
    np.multiply(z, z, out=e)
    np.multiply(e, half, out=e)
    np.exp(e, out=e)
    np.multiply(p, e, out=p)


def by_erf(z: Array, parameters: Parameters, out: Array, scratch: Arrays) -> None:
    """x Φ(x) = max(x, 0) - |x| Φ(-|x|)."""
    p, e, r, m = scratch[:4]
    _tail(z, p, e, r, m)
    np.multiply(p, m, out=p)
    np.maximum(z, zeros(z), out=e)
    np.add(e, p, out=out)


def by_erf_backward(
    z: Array, parameters: Parameters, gy: Array, dx: Array, terms: Arrays, scratch: Arrays
) -> None:
    """Φ(x) + x e^(-x²/2) / √(2π)."""
    one, density = numbers(z.dtype, 1, 1 / math.sqrt(2 * math.pi))
    p, e, r, m = scratch[:4]
    _tail(z, p, e, r, m)
    np.multiply(e, z, out=e)
    np.multiply(e, density, out=e)
    mask = positive(z, m)
    np.subtract(one, p, out=r)
    choose(mask, r, p, r)
    np.add(r, e, out=r)
    np.multiply(r, gy, out=dx)


def by_tanh(z: Array, parameters: Parameters, out: Array, scratch: Arrays) -> None:
    """x (1 + tanh(v/2)) / 2 = x / (1 + e^-v) with v = √(8/π) (x + 0.044715 x³)."""
    one, root, cubic = numbers(z.dtype, 1, -_ROOT, -_ROOT * CUBIC)
    t = scratch[0]
    np.multiply(z, z, out=t)
    np.multiply(t, cubic, out=t)
    np.add(t, root, out=t)
    np.multiply(t, z, out=t)
    np.exp(t, out=t)
    np.add(t, one, out=t)
    np.divide(z, t, out=out)


def by_tanh_backward(
    z: Array, parameters: Parameters, gy: Array, dx: Array, terms: Arrays, scratch: Arrays
) -> None:
    """σ(v) (1 + x v′ (1 - σ(v)))."""
    one, root, cubic = numbers(z.dtype, 1, -_ROOT, -_ROOT * CUBIC)
    up, slope = numbers(z.dtype, _ROOT, 3 * _ROOT * CUBIC)
    s, q, c = scratch[:3]
    np.multiply(z, z, out=q)
    np.multiply(q, cubic, out=s)
    np.add(s, root, out=s)
    np.multiply(s, z, out=s)
    np.exp(s, out=s)
    np.add(s, one, out=s)
    np.divide(one, s, out=s)
    np.multiply(q, slope, out=q)
    np.add(q, up, out=q)
    np.multiply(q, z, out=q)
    np.subtract(one, s, out=c)
    np.multiply(q, c, out=q)
    np.add(q, one, out=q)
    np.multiply(q, s, out=q)
    np.multiply(q, gy, out=dx)
