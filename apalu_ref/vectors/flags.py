"""What the flags of a test say, and which tests have them."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from apalu_ref.vectors.exact import Limits


class Element(NamedTuple):
    """One element's inputs, numbers of the format."""

    x: float
    a: float
    b: float
    gy: float
    limits: Limits


# Literal, so that no platform's logarithm decides which flags a test has.
_LN2 = 0.6931471805599453


def _bits_lost(e: Element) -> float:
    """Significant bits that 1 - σ(κx) loses: how far e^-κx is below 1, in binary digits."""
    return 1.702 * e.x / _LN2


def _cancels(e: Element) -> bool:
    p = e.limits.format.precision
    return p - 5 <= _bits_lost(e) <= p + 2


def _tail(e: Element) -> bool:
    p = e.limits.format.precision
    return e.x < -p * _LN2 or (_bits_lost(e) > p + 2 and e.x < 500)


def _near_overflow(e: Element) -> bool:
    extent = abs(e.x) * max(1.0, abs(e.a), abs(e.b))  # may be inf, which is what is asked
    return extent * max(1.0, abs(e.gy)) >= e.limits.largest / 8


_TABLE: dict[str, tuple[Callable[[Element], bool] | None, str]] = {
    "Zero": (
        lambda e: e.x == 0,
        "x = 0, which belongs to the branch of a: y = 0, dx = gy * 3a/2, da = db = 0.",
    ),
    "NegativeZero": (
        lambda e: e.x == 0 and math.copysign(1, e.x) < 0,
        "x = -0.0, which is equal to 0 and belongs to the branch of a as well.",
    ),
    "Kink": (
        lambda e: e.x == 0 and 2 * Fraction(e.b) != 3 * Fraction(e.a),
        "The slope jumps from b (left) to 3a/2 (right) at x = 0. dx is the right one's; dxOther "
        "is the left one's. Any value between the two is acceptable.",
    ),
    "Subnormal": (
        lambda e: 0 < abs(e.x) < e.limits.tiny,
        "x is below the smallest normal number. Hardware that takes x for 0 is acceptable: y, "
        "dx, da and db may be 0, and dx may be anything between dx and dxOther (the other side's "
        "slope).",
    ),
    "Tiny": (
        lambda e: e.limits.tiny <= abs(e.x) < e.limits.eps,
        "x is so close to 0 that 1 + x = 1, and not subnormal. Ordinary tests: y is not 0.",
    ),
    "CancellationBelowZero": (
        lambda e: -0.125 < e.x < 0,
        "Just below zero e^x - 1 cancels: written like that, y and db lose digits, down to none. "
        "Use expm1.",
    ),
    "Tail": (
        _tail,
        "Far out: for x < 0 e^x is lost in e^x - 1 and dx goes down to underflow; for x > 0 sigma "
        "is 1.",
    ),
    "SigmoidTail": (
        _cancels,
        "sigma(kappa x) is so close to 1 that 1 - sigma, written like that, has lost most digits "
        "(x = 21.6 in float64). u' = 1 + sigma + kappa x sigma (1 - sigma) is then off by up to "
        "16 ULP; sigma(-kappa x) in place of 1 - sigma is not.",
    ),
    "LargeX": (
        lambda e: abs(e.x) >= 500,
        "A large x, to which e^x or e^(-kappa x) of the branch not taken must do no harm: no NaN.",
    ),
    "NearOverflow": (
        _near_overflow,
        "|x| max(1, |a|, |b|) max(1, |gy|) is within a factor 8 of the largest number. An "
        "intermediate result may overflow, and inf or NaN come out: acceptable, if undesirable. "
        "u(x) = 2x may leave the range where a u(x) does not: (a x)(1 + sigma) holds.",
    ),
    "NegativeParameter": (
        lambda e: e.a < 0 or e.b < 0,
        "a or b is negative, which training may bring about.",
    ),
    "ZeroParameter": (lambda e: e.a == 0 or e.b == 0, "a or b is 0; its gradient need not be."),
    "ExtremeScale": (
        lambda e: not all(2.0**-10 <= abs(t) <= 2.0**10 or t == 0 for t in (e.a, e.b, e.gy)),
        "a, b or gy is beyond 2^-10 .. 2^10 in size.",
    ),
    "ZeroUpstream": (lambda e: e.gy == 0, "gy is 0: so are dx, da and db."),
    "SumOverBroadcast": (
        None,
        "a, b or x is broadcast: its gradient is the exact sum over the elements it was used for, "
        "rounded once, in the shape of that input.",
    ),
    "SumCancels": (
        None,
        "The terms of a sum cancel. The tolerance grows with the terms, not with the result.",
    ),
    "Empty": (None, "An array has no elements. y and dx are empty; the sums are 0."),
    "NaN": (
        lambda e: math.isnan(e.x),
        "x is NaN: y and dx must be NaN, of any bit pattern. da and db are not judged. Anything "
        "else is a fault, but not one in the values: result is acceptable.",
    ),
    "Infinity": (
        lambda e: math.isinf(e.x),
        "x is infinite: y = a inf and dx = 2 a gy at +inf, y = -b and dx = 0 at -inf. da and db "
        "are not judged. Anything else is a fault, but not one in the values: result is "
        "acceptable.",
    ),
}

NOTES = {flag: text for flag, (_, text) in _TABLE.items()}
"""The explanation of every flag."""

ACCEPTABLE = {"Kink", "Subnormal", "NearOverflow", "NaN", "Infinity"}
"""Flags of tests whose ``result`` is ``acceptable`` and not ``valid``."""

_NOT_FINITE = ["NegativeParameter", "NaN", "Infinity"]


def flags_of(element: Element) -> list[str]:
    """The flags of one element, in the order of :data:`NOTES`.

    Examples
    --------
    >>> flags_of(Element(-0.0, 1.5, 0.5, 0.25, Limits("float32")))
    ['Zero', 'NegativeZero', 'Kink']
    """
    judged = NOTES if math.isfinite(element.x) else _NOT_FINITE
    return [flag for flag in judged if (holds := _TABLE[flag][0]) and holds(element)]
