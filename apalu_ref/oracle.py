"""APALU to as many digits as asked for, and correctly rounded, with :mod:`decimal`.

This is the yardstick: slow, and right. It shares no code with the formulas it judges.
Arguments are taken as the exact numbers they are (a float is a fraction with a power
of two below), κ is the decimal number 1.702, and results are :class:`~decimal.Decimal`.

Its own anchor is independent of every derivative rule: the derivatives equal central
differences of :func:`u` and :func:`v` in 80-digit arithmetic (``tests`` do this).

Correct rounding follows Ziv: round the two ends of the interval that must contain the
value; if they round alike, so does the value; if not, double the digits. This ends,
because for rational x other than 0 the values are irrational and never lie on the
boundary between two floats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Overflow, localcontext
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

KAPPA = Decimal("1.702")

DIGITS = 50
"""Significant digits of a result unless told otherwise."""

Number = float | int | str | Decimal

# Covers what is lost near the root of u″ and in sums of a few rounded operations.
_GUARD = 40

# Decimal exponents out of reach of every format: answered at once, without huge integers.
_UNDERFLOW = -1000


@contextmanager
def _digits(digits: int) -> Iterator[None]:
    with localcontext(Context(prec=digits, Emin=MIN_EMIN, Emax=MAX_EMAX)):
        yield


def _decimal(x: Number) -> Decimal:
    """The exact value of x, NumPy's floating scalars included."""
    return Decimal(x) if isinstance(x, (str, int, Decimal)) else Decimal(float(x))


def _sigmoids(x: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """κx, σ(κx) and σ(-κx), in the digits of the current context."""
    z = KAPPA * x
    # Beyond, e^-z is below 10^-400000: zero to every format and every number of digits here.
    t = (-z).exp() if z < 1_000_000 else Decimal(0)
    return z, 1 / (1 + t), t / (1 + t)


def _expm1(x: Decimal, digits: int) -> Decimal:
    if abs(x) > Decimal("0.1"):
        return x.exp() - 1
    total = term = x
    k = 1
    while term and term.adjusted() > total.adjusted() - digits:
        k += 1
        term = term * x / k
        total += term
    return total


def _evaluate(function: Callable[[Decimal, int], Decimal], x: Number, digits: int) -> Decimal:
    with _digits(digits + _GUARD):
        value = function(_decimal(x), digits + _GUARD)
    with _digits(digits):
        return +value


def u(x: Number, digits: int = DIGITS) -> Decimal:
    """u(x) = x (1 + σ(κx)) to so many significant digits.

    Parameters
    ----------
    x : float, int, str or Decimal
        Taken exactly; NumPy's floating scalars too.
    digits : int
        Significant digits of the result.

    Returns
    -------
    Decimal

    Examples
    --------
    >>> u(1, digits=30)
    Decimal('1.84579576593282129570710682653')
    """
    return _evaluate(lambda x, _: x * (1 + _sigmoids(x)[1]), x, digits)


def du(x: Number, digits: int = DIGITS) -> Decimal:
    """u′(x) = 1 + σ + κx σ(1 - σ), as :func:`u`."""

    def value(x: Decimal, _: int) -> Decimal:
        z, s, c = _sigmoids(x)
        return 1 + s + z * s * c

    return _evaluate(value, x, digits)


def d2u(x: Number, digits: int = DIGITS) -> Decimal:
    """u″(x) = κ σ(1 - σ)(2 + κx(1 - 2σ)), as :func:`u`."""

    def value(x: Decimal, _: int) -> Decimal:
        z, s, c = _sigmoids(x)
        return KAPPA * s * c * (2 + z * (c - s))

    return _evaluate(value, x, digits)


def v(x: Number, digits: int = DIGITS) -> Decimal:
    """v(x) = e^x - 1, as :func:`u`."""
    return _evaluate(_expm1, x, digits)


def dv(x: Number, digits: int = DIGITS) -> Decimal:
    """v′(x) = e^x, as :func:`u`; v″ is the same."""
    return _evaluate(lambda x, _: x.exp(), x, digits)


FUNCTIONS: dict[str, Callable[..., Decimal]] = {"u": u, "du": du, "d2u": d2u, "v": v, "dv": dv}


def apalu(x: Number, a: Number, b: Number, digits: int = DIGITS) -> Decimal:
    """f(x; a, b) for one element; x = 0 and -0.0 belong to the branch of ``a``."""
    factor, value = (b, v) if _decimal(x) < 0 else (a, u)
    with _digits(digits):
        return _decimal(factor) * value(x, digits + 5)


def apalu_grad(
    x: Number, a: Number, b: Number, gy: Number, digits: int = DIGITS
) -> tuple[Decimal, Decimal, Decimal]:
    """dx, da, db for one element (nothing is summed), as :func:`apalu`."""
    negative = _decimal(x) < 0
    factor, slope, value = (b, dv, v) if negative else (a, du, u)
    with _digits(digits):
        g = _decimal(gy)
        dx = g * _decimal(factor) * slope(x, digits + 5)
        term = g * value(x, digits + 5)
    return (dx, Decimal(0), term) if negative else (dx, term, Decimal(0))


class Format(NamedTuple):
    """A binary floating format: significant bits, exponent bits, and its NumPy type.

    NumPy has no bfloat16: there the type is that of the bit patterns.
    """

    precision: int
    exponent_bits: int
    dtype: str

    @property
    def smallest(self) -> int:
        """Exponent of the smallest subnormal number: it is 2**smallest."""
        return 3 - (1 << (self.exponent_bits - 1)) - self.precision

    @property
    def infinity(self) -> int:
        """Bit pattern of +inf."""
        return ((1 << self.exponent_bits) - 1) << (self.precision - 1)

    @property
    def bits(self) -> str:
        """NumPy type of the bit patterns."""
        return f"uint{self.precision + self.exponent_bits}"


FORMATS = {
    "float64": Format(53, 11, "float64"),
    "float32": Format(24, 8, "float32"),
    "float16": Format(11, 5, "float16"),
    "bfloat16": Format(8, 8, "uint16"),
}


def _format(name: str) -> Format:
    try:
        return FORMATS[str(name)]
    except KeyError:
        raise ValueError(f"no format {name!r}: one of {', '.join(FORMATS)}") from None


def _quantum(num: int, den: int, fmt: Format) -> int:
    """The exponent of one ULP at num/den > 0: a ULP there is 2**quantum."""
    e = num.bit_length() - den.bit_length()  # floor(log2(num/den)) is e or e - 1
    if num < den << e if e >= 0 else num << -e < den:
        e -= 1
    return max(e - fmt.precision + 1, fmt.smallest)


def to_bits(value: Decimal, fmt: str = "float64") -> int:
    """The bit pattern of ``value`` rounded to nearest, ties to even.

    Examples
    --------
    >>> hex(to_bits(Decimal("0.1")))
    '0x3fb999999999999a'
    >>> hex(to_bits(Decimal("0.1"), "bfloat16"))
    '0x3dcd'
    """
    f = _format(fmt)
    sign = (1 << (f.precision + f.exponent_bits - 1)) if value.is_signed() else 0
    if not value or value.adjusted() < _UNDERFLOW:
        return sign
    if value.adjusted() > -_UNDERFLOW:
        return sign | f.infinity
    num, den = value.copy_abs().as_integer_ratio()
    q = _quantum(num, den, f)
    num, den = (num, den << q) if q >= 0 else (num << -q, den)
    m, rest = divmod(num, den)
    m += 2 * rest > den or (2 * rest == den and m % 2 == 1)
    # A carry out of the significand moves into the exponent by itself.
    magnitude = m + ((q - f.smallest) << (f.precision - 1))
    return sign | min(magnitude, f.infinity)


def from_bits(bits: ArrayLike, fmt: str = "float64") -> NDArray[Any]:
    """The values of bit patterns, as floats (bfloat16 as float32, which holds it).

    Examples
    --------
    >>> float(from_bits(0x3dcd, "bfloat16"))
    0.10009765625
    """
    f = _format(fmt)
    patterns = np.asarray(bits, dtype=f.bits)
    if fmt == "bfloat16":
        return (patterns.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return patterns.view(f.dtype)


def _rounded_bits(name: str, x: float, fmt: str) -> int:
    digits = 25
    while True:
        value = FUNCTIONS[name](x, digits)
        if not value:
            return to_bits(value, fmt)
        with _digits(digits + 20):
            slack = Decimal(1).scaleb(value.adjusted() - digits + 2)
            low, high = to_bits(value - slack, fmt), to_bits(value + slack, fmt)
        if low == high:
            return low
        digits *= 2


def rounded(name: str, x: ArrayLike, fmt: str = "float64") -> NDArray[Any]:
    """Function ``name`` (u, du, d2u, v, dv) at every x, correctly rounded.

    Parameters
    ----------
    name : str
        ``"u"``, ``"du"``, ``"d2u"``, ``"v"`` or ``"dv"``.
    x : array_like of float
        Finite numbers of that format (for bfloat16 their values, see :func:`from_bits`).
    fmt : str
        ``"float64"``, ``"float32"``, ``"float16"`` or ``"bfloat16"``.

    Returns
    -------
    ndarray
        Of that type and the shape of ``x``; for bfloat16 the uint16 bit patterns.

    Raises
    ------
    ValueError
        If a name or format is unknown, or an x is not a finite number of the format.

    Examples
    --------
    >>> float(rounded("u", 1.0))
    1.8457957659328212
    >>> [hex(bits) for bits in rounded("v", [-1.0, -2.0], "bfloat16")]
    ['0xbf22', '0xbf5d']
    """
    f = _format(fmt)
    if name not in FUNCTIONS:
        raise ValueError(f"no function {name!r}: one of {', '.join(FUNCTIONS)}")
    points = np.asarray(x, dtype=np.float64)
    for p in points.flat:
        # Representable x end Ziv's loop: 2x, which u approaches, is then no rounding boundary.
        if not np.isfinite(p) or float(from_bits(to_bits(Decimal(float(p)), fmt), fmt)) != p:
            raise ValueError(f"x = {float(p)!r} is not a finite {fmt} number")
    try:
        bits = [_rounded_bits(name, float(p), fmt) for p in points.flat]
    except Overflow:
        raise ValueError(
            f"{name} is out of reach of decimal for x on the wrong side of 0"
        ) from None
    return np.array(bits, dtype=f.bits).view(f.dtype).reshape(points.shape)


def ulp_error(got: float, exact: Decimal, fmt: str = "float64") -> float:
    """How many ULP of ``fmt`` the value ``got`` lies from ``exact`` (signed).

    A ULP is the spacing of the format's numbers at ``exact``, that of the subnormal
    numbers around zero. A correctly rounded value is at most 0.5 off. An infinity is
    right (0) where ``exact`` rounds to it; otherwise it, and NaN, is infinitely wrong.

    Examples
    --------
    >>> ulp_error(1.8457957659328212, u(1))
    -0.24249922956396322
    """
    f = _format(fmt)
    if not np.isfinite(got):
        overflow = -np.inf if exact.is_signed() else np.inf
        return 0.0 if got == overflow == float(from_bits(to_bits(exact, fmt), fmt)) else np.inf
    q = f.smallest
    if exact and exact.adjusted() > _UNDERFLOW:
        q = _quantum(*exact.copy_abs().as_integer_ratio(), f)
    with _digits(60):
        ulp = Decimal(2) ** q
        return float((_decimal(float(got)) - exact) / ulp)
