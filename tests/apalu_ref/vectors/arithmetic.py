"""APALU in integers: fixed-point numbers of 2,600 bits, and nothing of the oracle's.

The slope is a central difference of f itself, so that no derivative rule is believed.
"""

import math
from fractions import Fraction
from functools import cache

BITS = 2600
ONE = 1 << BITS
STEP = Fraction(1, 1 << 400)  # the difference is right to 2^-800, relatively
KAPPA = Fraction(1702, 1000)


def fixed(x):
    return (x.numerator << BITS) // x.denominator


@cache
def exp(x):
    """e^x in fixed point, x a fraction below 1."""
    halvings = 40
    term = total = ONE
    x = fixed(x) >> halvings
    for k in range(1, 80):
        term = (term * x >> BITS) // k
        total += term
    for _ in range(halvings):
        total = total * total >> BITS
    return total


def f(x, a, b):
    """f(x; a, b) as a fraction."""
    if x < 0:
        return b * Fraction(exp(x) - ONE, ONE)
    sigma = Fraction(ONE * ONE // (ONE + exp(-KAPPA * x)), ONE)
    return a * x * (1 + sigma)


def slope(x, a, b):
    if x == 0:
        return f(STEP, a, b) / STEP
    h = min(STEP, abs(x) * STEP)
    return (f(x + h, a, b) - f(x - h, a, b)) / (2 * h)


FORMATS = {"float64": (53, 11), "float32": (24, 8), "float16": (11, 5), "bfloat16": (8, 8)}


def decode(pattern, dtype):
    """The value of a pattern, as a fraction; infinity as the next number there would be."""
    precision, exponent_bits = FORMATS[dtype]
    bits = int(pattern, 16)
    sign = -1 if bits >> (precision + exponent_bits - 1) else 1
    exponent = bits >> (precision - 1) & ((1 << exponent_bits) - 1)
    significand = bits & ((1 << (precision - 1)) - 1)
    if exponent:
        significand += 1 << (precision - 1)
    bias = (1 << (exponent_bits - 1)) - 1
    return sign * significand * Fraction(2) ** (max(exponent, 1) - bias - precision + 1)


def is_nearest(pattern, value, dtype, slack=Fraction(1, 1 << 60)):
    """Whether ``value``, known to ``slack`` of itself, rounds to the pattern."""
    precision, exponent_bits = FORMATS[dtype]
    magnitude = int(pattern, 16) & ((1 << (precision + exponent_bits - 1)) - 1)
    infinity = ((1 << exponent_bits) - 1) << (precision - 1)
    got = decode(hex(magnitude), dtype)
    if value and decode(pattern, dtype) and (value < 0) != (decode(pattern, dtype) < 0):
        return False
    size = abs(value)
    low = (got + decode(hex(magnitude - 1), dtype)) / 2 if magnitude else Fraction(-1)
    high = (got + decode(hex(magnitude + 1), dtype)) / 2
    above = size >= low * (1 - slack)
    return above and (magnitude == infinity or size <= high * (1 + slack))


LIMITS = {"float64": 32, "float32": 16, "float16": 8, "bfloat16": 8}


def tolerances(x, a, b, gy, value, quantity, dtype):
    """What one element adds to the tolerance of core, and to both parts of a sum's precision."""
    precision, exponent_bits = FORMATS[dtype]
    eps = Fraction(1, 1 << (precision - 1))
    eta = Fraction(2) ** (3 - (1 << (exponent_bits - 1)) - precision)
    p = abs(b if x < 0 else a)
    s = {"y": p, "dx": p * abs(gy), "da": abs(gy), "db": abs(gy)}[quantity]
    m = {"y": max(1, p), "dx": max(1, p) * max(1, abs(gy))}.get(quantity, max(1, abs(gy)))
    relative = eps * (abs(value) + s)
    return 16 * relative + 16 * eta * m, 4 * relative, 2 * eta * m


def ulp(pattern, dtype):
    precision, exponent_bits = FORMATS[dtype]
    magnitude = int(pattern, 16) & ((1 << (precision + exponent_bits - 1)) - 1)
    start = min(magnitude, (((1 << exponent_bits) - 1) << (precision - 1)) - 1)
    return decode(hex(start + 1), dtype) - decode(hex(start), dtype)


def about(got, want):
    """Equal, but for rounding up to three digits."""
    return want * (1 - 1e-9) <= got <= want * 1.011 or math.isclose(got, want, abs_tol=1e-323)


INPUTS, RESULTS = ("x", "a", "b", "gy"), ("y", "dx", "da", "db")
DTYPES = tuple(FORMATS)


def cases_of(document, kind, dtype=None):
    return [
        (group["dtype"], test)
        for group in document["testGroups"]
        for test in group["tests"]
        if group["type"] == kind and dtype in (None, group["dtype"])
    ]
