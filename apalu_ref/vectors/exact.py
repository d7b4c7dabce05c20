"""Sums of products with u, u′, v, v′, rounded once, and how far from them an answer may be.

A result of APALU, summed or not, is Σ c·F(x) with rational c and F one of the oracle's
functions. Here that sum is rounded to a format and to 40 decimal digits, as the oracle
rounds one function: with more digits until both ends of the interval that must hold the
value round alike.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_HALF_EVEN, Context, Decimal
from decimal import localcontext as _localcontext
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import NamedTuple

from apalu_ref.check.judge import CORE_EPS as CORE
from apalu_ref.check.judge import SUM_EPS as SUM
from apalu_ref.check.judge import ULP_LIMITS
from apalu_ref.oracle import FORMATS, FUNCTIONS, Format, from_bits, to_bits

DIGITS = 40
"""Significant digits of the decimal values."""

MODERATE = 2.0**10
"""Precision is asked only where a, b and gy are between 1 / MODERATE and MODERATE in size."""

# F(0) is rational: only there may values lie on the boundary between two floats. (v and v′
# stand for their limits from the left.)
_AT_ZERO = {"u": Fraction(0), "du": Fraction(3, 2), "v": Fraction(0), "dv": Fraction(1)}

# Enough for a product of three float64 to be exact, subnormal ones included.
_ENOUGH = 4000

# Larger than every format's numbers: rounds to infinity.
_BEYOND = Decimal("1e10000")

# Decimal exponents that readers of decimal numbers may not take.
_NEGLIGIBLE = -1_000_000

_SHORT = Context(prec=DIGITS, rounding=ROUND_HALF_EVEN, Emin=MIN_EMIN, Emax=MAX_EMAX)


@dataclass(frozen=True)
class Limits:
    """The constants of a format: ``eps`` the spacing at 1, ``eta`` the smallest subnormal number.

    ``tiny`` is the smallest normal number, ``largest`` the largest finite one.
    """

    name: str

    @property
    def format(self) -> Format:
        """The oracle's description of the format."""
        return FORMATS[self.name]

    @cached_property
    def eta(self) -> float:  # noqa: D102
        return math.ldexp(1.0, self.format.smallest)

    @cached_property
    def eps(self) -> float:  # noqa: D102
        return math.ldexp(1.0, 1 - self.format.precision)

    @cached_property
    def tiny(self) -> float:  # noqa: D102
        return math.ldexp(1.0, self.format.smallest + self.format.precision - 1)

    @cached_property
    def largest(self) -> float:  # noqa: D102
        return float(from_bits(self.format.infinity - 1, self.name))

    @property
    def width(self) -> int:
        """Hexadecimal digits of a bit pattern."""
        return (self.format.precision + self.format.exponent_bits) // 4

    def hex(self, bits: int) -> str:
        """Write a bit pattern."""
        return f"0x{bits:0{self.width}x}"

    def encode(self, x: float) -> str:
        """Write the bit pattern of the number nearest to x; of infinity, too."""
        exact = Decimal(x) if math.isfinite(x) else _BEYOND.copy_sign(Decimal(x))
        return self.hex(to_bits(exact, self.name))

    def nearest(self, x: float | str) -> float:
        """The format's number nearest to x."""
        return float(from_bits(to_bits(Decimal(x), self.name), self.name))


class Term(NamedTuple):
    """One summand ``coefficient * F(x)``; F is ``"u"``, ``"du"``, ``"v"`` or ``"dv"``.

    ``scale`` and ``unit`` are the s and the m of the tolerance.
    """

    coefficient: Fraction
    function: str
    x: float
    scale: Fraction
    unit: Fraction


@dataclass(frozen=True)
class Exact:
    """A sum: its nearest bit pattern, 40 digits of it, and Σ|terms|."""

    bits: int
    decimal: str
    size: Decimal
    magnitude: Decimal


def terms(x: float, a: float, b: float, gy: float) -> dict[str, Term]:
    """What one element adds to y, dx, da and db.

    Examples
    --------
    >>> terms(-1.0, 2.0, 3.0, 0.5)["dx"].coefficient
    Fraction(3, 2)
    """
    negative = x < 0
    parameter, g = Fraction(b if negative else a), Fraction(gy)
    value, slope = ("v", "dv") if negative else ("u", "du")
    unit = max(Fraction(1), abs(parameter))
    g_unit = max(Fraction(1), abs(g))
    return {
        "y": Term(parameter, value, x, abs(parameter), unit),
        "dx": Term(g * parameter, slope, x, abs(g * parameter), unit * g_unit),
        "da": Term(g * (not negative), value, x, abs(g), g_unit),
        "db": Term(g * negative, value, x, abs(g), g_unit),
    }


@lru_cache(maxsize=1 << 13)
def _value(function: str, x: float, digits: int) -> Decimal:
    return FUNCTIONS[function](x, digits)


def _decimal(c: Fraction) -> Decimal:
    return Decimal(c.numerator) / Decimal(c.denominator)


def settle(summands: Iterable[Term], fmt: str) -> Exact:
    """Round Σ coefficient·F(x) to a format and to 40 digits.

    Raises
    ------
    ArithmeticError
        If 4,000 digits do not decide: the value is closer to a rounding boundary than that.

    Examples
    --------
    >>> one = terms(1.0, 1.0, 1.0, 1.0)["y"]
    >>> hex(settle([one], "float32").bits), settle([one], "float32").decimal[:20]
    ('0x3fec4309', '1.845795765932821295')
    """
    rational, factors = Fraction(0), dict[tuple[str, float], Fraction]()
    sizes = dict[tuple[str, float], Fraction]()
    for t in summands:
        if t.x == 0:
            rational += t.coefficient * _AT_ZERO[t.function]
        # Equal x are put together, so that terms that cancel leave an exact 0.
        key = (t.function, t.x)
        factors[key] = factors.get(key, Fraction(0)) + t.coefficient * (t.x != 0)
        sizes[key] = sizes.get(key, Fraction(0)) + abs(t.coefficient)
    factors = {key: c for key, c in factors.items() if c}
    digits = DIGITS + 20 if factors else _ENOUGH
    while digits <= _ENOUGH:
        with _localcontext(Context(prec=digits, Emin=MIN_EMIN, Emax=MAX_EMAX)):
            parts = [_decimal(c) * _value(*key, digits) for key, c in factors.items()]
            value = sum(parts, _decimal(rational))
            slack = sum(map(abs, parts), abs(value)).scaleb(3 - digits) if factors else Decimal(0)
            ends = value - slack, value + slack
        low, high = (to_bits(end, fmt) for end in ends)
        if low == high and _quoted(ends[0]) == _quoted(ends[1]):
            magnitude = _magnitude(sizes)
            return Exact(low if value else 0, _quoted(value), _SHORT.abs(value), magnitude)
        digits *= 2
    raise ArithmeticError(f"{fmt}: {factors} is too close to a boundary between two numbers")


def _magnitude(sizes: dict[tuple[str, float], Fraction]) -> Decimal:
    with _localcontext(_SHORT):
        parts = (_decimal(c) * abs(_value(*key, DIGITS)) for key, c in sizes.items())
        return sum(parts, Decimal(0))


def _quoted(value: Decimal) -> str:
    """40 significant digits, or ``0`` for what is that or far below every format's numbers."""
    if not value or value.adjusted() < _NEGLIGIBLE:
        return "0"
    return f"{_SHORT.plus(value):.{DIGITS - 1}e}"


def core(exact: Exact, summands: Sequence[Term], fmt: str, widened: Decimal | None = None) -> float:
    """How far an answer may be from ``exact``: 16 eps (Σ|terms| + Σs) + 16 η Σm.

    ``widened`` takes the place of Σ|terms| + Σs where that is larger.
    """
    f = Limits(fmt)
    with _localcontext(_SHORT):
        scale = _decimal(sum((t.scale for t in summands), Fraction(0)))
        unit = _decimal(sum((t.unit for t in summands), Fraction(0)))
        extent = max(exact.magnitude + scale, widened or Decimal(0))
        return _rounded_up(CORE * (Decimal(f.eps) * extent + Decimal(f.eta) * unit))


def core_at_infinity(value: float, fmt: str) -> float:
    """The tolerance of core for a limit: 16 eps |value|, and none for inf, NaN and 0."""
    f = Limits(fmt)
    return _rounded_up(CORE * Decimal(f.eps) * abs(Decimal(value))) if math.isfinite(value) else 0.0


def precision(exact: Exact, summands: Sequence[Term], quantity: str, fmt: str) -> float:
    """How far careful code stays within.

    So many ULP, or 2 η m if that is more; for a sum 4 eps (Σ|terms| + Σs), or 2 η Σm and an
    ULP if that is more.
    """
    f = Limits(fmt)
    magnitude = exact.bits & ((1 << (4 * f.width - 1)) - 1)
    exponent = min(magnitude, f.format.infinity - 1) >> (f.format.precision - 1)
    ulp = math.ldexp(1.0, max(exponent, 1) - 1 + f.format.smallest)
    with _localcontext(_SHORT):
        scale = _decimal(sum((t.scale for t in summands), Fraction(0)))
        floor = 2 * Decimal(f.eta) * _decimal(sum((t.unit for t in summands), Fraction(0)))
        if len(summands) == 1:
            return _rounded_up(max(ULP_LIMITS[fmt][quantity] * Decimal(ulp), floor))
        wide = SUM * Decimal(f.eps) * (exact.magnitude + scale)
        return _rounded_up(max(wide, floor + Decimal(ulp)))


def precision_asked(x: float, a: float, b: float, gy: float, fmt: str) -> bool:
    """Whether precision is asked of such an element: x normal, the others moderate."""
    moderate = all(1 / MODERATE <= abs(t) <= MODERATE for t in (a, b, gy))
    return moderate and abs(x) >= Limits(fmt).tiny


def _rounded_up(value: Decimal) -> float:
    """Three significant digits, which a file holds in few characters."""
    return float(Context(prec=3, rounding=ROUND_CEILING).create_decimal(value))
