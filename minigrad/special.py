"""The error function and the normal distribution function, which NumPy lacks.

Two fits serve all three functions. Near zero, |x| < 1,

    erf x = x + x·N(x²),                  N(s) = erf(√s)/√s − 1 on 0 ≤ s ≤ 1,

and N is small, so that its rounding errors are, too. Further out, 1 ≤ x ≤ 28,

    erfc x = e^(−x²) · r · F(r − 9/32),   r = 1/(x + 1),

where F varies little, and a polynomial in r reaches all the way to where erfc underflows.
Rounding x² to 53 bits would cost e^(−x²) up to 400 units in the last place; what the rounding
drops is computed (the upper 26 bits of x have an exact square) and put back.

The coefficients are near-minimax: interpolation at Chebyshev points in 40 digits, rounded once.
With mpmath they are made again by ``chebyfit(near, [0, 1], n)``, n = 13 and 8, and
``chebyfit(far, [1/29 − 9/32, 1/2 − 9/32], n)``, n = 24 and 12, the ends of the intervals as
``mpf``, where::

    mp.dps = 40
    near = lambda s: erf(sqrt(s)) / sqrt(s) - 1 if s else 2 / sqrt(pi) - 1
    def far(u):
        x = 1 / (u + mpf(9) / 32) - 1
        return (x + 1) * exp(x * x) * erfc(x)

The larger n are for float64 (errors of the fits 1.3e-19 and 5.1e-18), the smaller ones for
float32 and float16 (3.4e-11 and 1.3e-10), which are computed in float64 and rounded once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_BLOCK = 16384  # elements at a time: the temporaries stay in the cache
_CENTRE = 9 / 32  # near the middle of the range of 1/(x + 1)
_HALF_ROOT = math.sqrt(0.5)
_UPPER_BITS = ~((1 << 27) - 1)


class _Fit(NamedTuple):
    """Coefficients of N and F, highest power first, and whether x² needs both its halves."""

    near: tuple[Floats, ...]
    far: tuple[Floats, ...]
    long_square: bool


def _constants(*values: float) -> tuple[Floats, ...]:
    """Return 0-d arrays: a Python float would be converted again at every use."""
    return tuple(np.array(v) for v in values)


# fmt: off
_DOUBLE = _Fit(
    near=_constants(
        5.957176147748911e-11, -1.1372848856791674e-09, 1.4659775274047436e-08,
        -1.6350312701054695e-07, 1.6461000484121368e-06, -1.4925595266831182e-05,
        0.0001205533111164271, -0.000854832698083379, 0.0052239776248180145,
        -0.026866170645076792, 0.11283791670954879, -0.3761263890318375, 0.1283791670955126,
    ),
    far=_constants(
        30928.94280934473, 5500.9440879374715, -14154.961166700014, 781.8600957560501,
        2479.9508460305924, -977.0761222746444, 126.0162454229679, 126.0220843390778,
        -132.6313161913287, 53.00254095815713, 6.4912563898466, -21.1077652079335,
        11.388805912659691, 0.08269226025574743, -4.193917840135644, 2.5233577029308436,
        0.23672925953610727, -1.262217182963538, 0.5623619199195168, 0.4221051337882712,
        -0.5423694018574426, -0.17005803067125735, 0.606815185828297, 0.7351167151665512,
    ),
    long_square=True,
)
_SINGLE = _Fit(
    near=_constants(
        -9.667044571486996e-06, 0.00011265959025606609, -0.0008484080405535107,
        0.005221031807858023, -0.026865430727670243, 0.11283782495236845,
        -0.3761263846802871, 0.12837916706154343,
    ),
    far=_constants(
        12.000236014081807, -2.201159540087578, -4.296102625524796, 2.6331556818812043,
        0.24271708164049707, -1.2647956644399867, 0.5622195498342395, 0.42213337113319277,
        -0.5423680717562348, -0.17005814657140744, 0.6068151824177831, 0.7351167152458059,
    ),
    long_square=False,  # the square of a float32 is exact in float64
)
# fmt: on


def erf(x: ArrayLike) -> Any:
    """Error function, 2/√π · ∫₀ˣ e^(−t²) dt, elementwise.

    Parameters
    ----------
    x : array_like of real numbers
        Any shape. Never written to.

    Returns
    -------
    ndarray or scalar
        Of the shape of ``x`` and its dtype if that is float16, float32 or float64; integers and
        booleans give float64. A 0-d ``x`` gives a NumPy scalar, as in ``np.exp``. In float64 the
        error is below 2 units in the last place, in float32 below 1. ±inf give ±1, NaN gives NaN,
        and -0.0 gives -0.0. No input warns.

    Raises
    ------
    TypeError
        If ``x`` is complex, wider than float64, or not numeric.

    Examples
    --------
    >>> erf([-np.inf, 0.0, 0.5])
    array([-1. , 0. , 0.52049988])
    """
    return _apply(_erf_block, x, "erf")


def erfc(x: ArrayLike) -> Any:
    """Complement of the error function, 1 − erf x, elementwise, accurate where it is tiny.

    Parameters
    ----------
    x : array_like of real numbers
        Any shape. Never written to.

    Returns
    -------
    ndarray or scalar
        Shape and dtype as for :func:`erf`. In float64 the error is below 5 units in the last
        place; from x = 26.55 on the result is subnormal, from 27.23 on zero. -inf gives 2,
        inf gives 0, NaN gives NaN. No input warns.

    Raises
    ------
    TypeError
        If ``x`` is complex, wider than float64, or not numeric.

    Examples
    --------
    >>> print(f"{erfc(10.0):.12g}, not {1 - erf(10.0)}")
    2.08848758376e-45, not 0.0
    """
    return _apply(_erfc_block, x, "erfc")


def ndtr(x: ArrayLike) -> Any:
    """Distribution function of the standard normal, erfc(−x/√2)/2, elementwise.

    Parameters
    ----------
    x : array_like of real numbers
        Any shape. Never written to.

    Returns
    -------
    ndarray or scalar
        Shape and dtype as for :func:`erf`. In float64 the error is below 6 units in the last
        place, in the lower tail as well, because x²/2 in the exponent never sees the rounding
        of x/√2. -inf gives 0, inf gives 1, NaN gives NaN. No input warns.

    Raises
    ------
    TypeError
        If ``x`` is complex, wider than float64, or not numeric.

    Examples
    --------
    >>> ndtr([-1.0, 0.0, 1.0])
    array([0.15865525, 0.5 , 0.84134475])
    """
    return _apply(_ndtr_block, x, "ndtr")


def _apply(block: Callable[[Floats, _Fit], Floats], x: ArrayLike, name: str) -> Any:
    """Run ``block`` over x in float64, a cache-sized piece at a time."""
    x = np.asarray(x)
    if x.dtype.kind in "biu":
        x = x.astype(np.float64)
    if x.dtype.kind != "f" or x.dtype.itemsize > 8:
        raise TypeError(f"{name} takes real numbers up to float64, not {x.dtype}: convert x first")
    fit = _DOUBLE if x.dtype.itemsize == 8 else _SINGLE
    out = np.empty_like(x, dtype=x.dtype.newbyteorder("="), subok=False)
    pieces = np.nditer(
        [x, out],
        ["external_loop", "buffered", "zerosize_ok"],
        [["readonly"], ["writeonly"]],
        [np.dtype(np.float64)] * 2,
        casting="same_kind",
        buffersize=_BLOCK,
    )
    with np.errstate(all="ignore"), pieces:
        for source, target in pieces:
            target[...] = block(source, fit)
    return out[()]


def _erf_block(x: Floats, fit: _Fit) -> Floats:
    y = _polynomial(fit.near, x * x)
    y *= x
    y += x
    far = _far(x)
    if far.size:
        v = x[far]
        y[far] = np.copysign(1 - _tail(np.abs(v), 1.0, 1.0, fit, False), v)
    return y


def _erfc_block(x: Floats, fit: _Fit) -> Floats:
    y = _polynomial(fit.near, x * x)
    y *= x
    y = np.subtract(1 - x, y, out=y)  # 1 − x is exact where erfc is small
    far = _far(x)
    if far.size:
        v = x[far]
        tail = _tail(np.abs(v), 1.0, 1.0, fit, fit.long_square)
        y[far] = np.where(v < 0, 2 - tail, tail)
    return y


def _ndtr_block(x: Floats, fit: _Fit) -> Floats:
    z = x * _HALF_ROOT
    y = _polynomial(fit.near, z * z)
    y *= z
    y += 1 + z
    y *= 0.5
    far = _far(z)
    if far.size:
        v = x[far]
        tail = _tail(np.abs(v), _HALF_ROOT, 0.5, fit, fit.long_square)
        tail *= 0.5
        y[far] = np.where(v > 0, 1 - tail, tail)
    return y


def _polynomial(coefficients: tuple[Floats, ...], x: Floats) -> Floats:
    """Horner's rule in one array of our own."""
    p = x * coefficients[0]
    p += coefficients[1]
    for c in coefficients[2:]:
        p *= x
        p += c
    return p


def _far(z: Floats) -> NDArray[np.intp]:
    """Return where |z| ≥ 1, as indices: quicker to gather with than a mask."""
    return np.flatnonzero(np.abs(z) >= 1)


def _tail(x: Floats, root: float, factor: float, fit: _Fit, long_square: bool) -> Floats:
    """Return erfc(root·x) for root·x ≥ 1, where factor = root², exactly; overwrites x."""
    np.minimum(x, 28 / root, out=x)  # everything is zero there; inf − inf would be NaN
    r = 1 / (x * root + 1)
    u = r - _CENTRE
    y = _polynomial(fit.far[:-1], u)
    y *= u
    square = x * x
    if long_square:
        upper = (x.view(np.int64) & _UPPER_BITS).view(np.float64)
        missing = upper * upper
        missing -= square
        missing += (x - upper) * (x + upper)
        # e^(−missing) = 1 − missing, as missing is below 1e-13. The constant, the largest term,
        # is added last, so that this costs no further rounding of the sum.
        missing *= factor
        missing *= y + fit.far[-1]
        y -= missing
    y += fit.far[-1]
    y *= r
    square *= -factor
    y *= np.exp(square, out=square)
    return y
