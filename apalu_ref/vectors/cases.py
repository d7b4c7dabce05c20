"""The inputs of the vectors, and the reason for each.

Everything is made of exact operations on floats, so that every platform makes the same ones.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from apalu_ref.vectors.exact import Limits
from apalu_ref.vectors.flags import Element

_LN2 = 0.6931471805599453
_KAPPA = 1.702

Shape = tuple[int, ...]


class Case(NamedTuple):
    """One element, and why it is asked."""

    comment: str
    element: Element


class Draw:
    """Random-looking numbers of a format, the same ones everywhere."""

    def __init__(self, limits: Limits, seed: int) -> None:
        self.limits = limits
        self._random = random.Random(seed)

    def number(self, low: int = -2, high: int = 0, negative: float = 0.25) -> float:
        """±m·2^k, m in [1, 2), k in low..high; never a power of two, which hides a factor."""
        while True:
            # random() is promised to be the same in every version; its methods are not.
            m = 1 + self._random.random()
            k = low + int(self._random.random() * (high - low + 1))
            sign = -1 if self._random.random() < negative else 1
            x = self.limits.nearest(math.ldexp(sign * m, k))
            if abs(math.frexp(x)[0]) != 0.5:
                return x

    def scales(self, negative: float = 0.25) -> tuple[float, float, float]:
        """a, b and gy: three different sizes."""
        while True:
            a, b, gy = (self.number(negative=n) for n in (negative, negative, 0.5))
            if len({abs(a), abs(b), abs(gy)}) == 3:
                return a, b, gy

    def around(self, x: float) -> float:
        """A number within a sixteenth of x."""
        return self.limits.nearest(x * (1 + (self._random.random() - 0.5) / 8))

    def case(self, comment: str, x: float, **given: float) -> Case:
        """A case with random parameters, but for those given."""
        drawn = dict(zip(("a", "b", "gy"), self.scales(), strict=True))
        return Case(comment, Element(x=x, limits=self.limits, **{**drawn, **given}))


def elementwise(limits: Limits) -> list[Case]:
    """The single elements, in the order of the file."""
    draw = Draw(limits, seed=limits.format.precision)
    parts = (_zero, _small, _working, _sigmoid_tail, _exponential_tail, _large)
    return [case for part in (*parts, _parameters, _overflow) for case in part(draw)]


def _zero(draw: Draw) -> Iterator[Case]:
    a = abs(draw.number(-1, 0))
    yield draw.case("plus zero", 0.0)
    yield draw.case("minus zero", -0.0)
    yield draw.case("plus zero, a < 0 < b", 0.0, a=-a, b=abs(draw.number()))
    yield draw.case("minus zero, b < 0 < a", -0.0, a=a, b=-abs(draw.number()))
    yield draw.case("plus zero, a = 0: slope 0", 0.0, a=0.0)
    yield draw.case("minus zero, b = 0", -0.0, b=0.0)
    yield draw.case("plus zero, b much larger than a", 0.0, b=draw.number(8, 8))
    yield draw.case("minus zero, b = 3a/2: no kink", -0.0, a=0.75, b=1.125)


def _small(draw: Draw) -> Iterator[Case]:
    f = draw.limits
    half = math.frexp(f.tiny)[1] // 2
    magnitudes = [
        ("smallest subnormal", f.eta),
        ("subnormal", 5 * f.eta),
        ("largest subnormal", f.tiny - f.eta),
        ("smallest normal number", f.tiny),
        ("tiny, normal", 3 * f.tiny),
        ("half way down the exponents", f.nearest(math.ldexp(1.3, half))),
        ("below eps: 1 + x = 1", f.nearest(0.3 * f.eps)),
        ("some eps", f.nearest(2.7 * f.eps)),
        ("square root of eps", f.nearest(math.ldexp(1.1, -f.format.precision // 2))),
    ]
    for comment, x in magnitudes:
        yield draw.case(comment, x)
        yield draw.case(f"minus: {comment}", -x)
    for x in (1e-3, 0.01, 0.06, 0.11):
        yield draw.case("just below zero", f.nearest(-draw.around(x)))


def _working(draw: Draw) -> Iterator[Case]:
    f = draw.limits
    few = (0.2, 0.5, 0.8, 1.2, 1.7, 2.5, 3.5, 5.0)
    many = (*few, 0.1, 0.35, 0.65, 1.0, 2.0, 3.0, 4.2, 6.0, 7.5, 9.0)
    for x in sorted(many if f.name == "float64" else few):
        yield draw.case("working range", draw.around(x))
        yield draw.case("working range", -draw.around(x))
    yield draw.case("x = 1", 1.0)
    yield draw.case("x = -1", -1.0)
    peak = f.nearest("1.40972813191273070965495869406")
    yield draw.case("the steepest slope, u' = 2.0998...", peak)
    yield draw.case("the steepest slope, a < 0", peak, a=-abs(draw.number()))


def _sigmoid_tail(draw: Draw) -> Iterator[Case]:
    f = draw.limits
    p = f.format.precision
    for bits in (p - 4, p - 2, p - 1, p - 0.5, p, p + 0.5, p + 1.5):
        yield draw.case(f"1 - sigma is about 2^-{bits:g}", f.nearest(bits * _LN2 / _KAPPA))
    for bits in (p + 8, 3 * p):
        yield draw.case("sigma = 1, nothing left of its slope", f.nearest(bits * _LN2 / _KAPPA))


def _exponential_tail(draw: Draw) -> Iterator[Case]:
    f = draw.limits
    p, lowest = f.format.precision, -f.format.smallest
    normal = lowest - p + 1
    for bits, comment in (
        (p + 0.5, "e^x - 1 is almost -1"),
        (p + 6, "e^x - 1 is -1"),
        (0.6 * lowest, "far left"),
        (normal - 1.5, "e^x is barely normal"),
        (normal + 0.7, "e^x is barely subnormal"),
        (lowest - 1.3, "e^x is some of the smallest subnormal numbers"),
        (lowest + 0.6, "e^x rounds to the smallest subnormal number"),
        (lowest + 1.4, "e^x underflows to 0"),
        (lowest + 30, "e^x is far below the smallest number"),
    ):
        yield draw.case(comment, f.nearest(-bits * _LN2))
    deep = f.nearest(-(lowest + 3) * _LN2)
    yield draw.case("e^x underflows, gy b e^x does not", deep, b=draw.number(5, 5), gy=14.5)


def _large(draw: Draw) -> Iterator[Case]:
    f = draw.limits
    top = 2 ** (f.format.exponent_bits - 1)
    for k in sorted({9, 10, top // 4, top // 2, top - 9} - set(range(9))):
        for comment, sign in (("large", 1), ("large, negative", -1)):
            # a·2x may be half-way between two numbers of few bits, and what u(x) is less than
            # 2x in the 10^30-th digit: not if x is a power of two.
            m = draw.number(0, 0, 0) if k <= 10 else 1.0
            yield draw.case(comment, sign * math.ldexp(m, k))


def _parameters(draw: Draw) -> Iterator[Case]:
    far = {5: 10, 8: 60, 11: 600}[draw.limits.format.exponent_bits]
    for sign in (1, -1):
        small, usual = sign * draw.around(0.4), sign * draw.around(2.2)
        a, b = abs(draw.number()), abs(draw.number(-1, 1))
        cases: list[tuple[float, str, dict[str, float]]] = [
            (small, "a < 0", {"a": -a, "b": b}),
            (usual, "b < 0", {"a": a, "b": -b}),
            (usual, "a < 0, b < 0", {"a": -a, "b": -b}),
            (small, "a = 0", {"a": 0.0}),
            (usual, "b = 0", {"b": 0.0}),
            (usual, "a = b = 0", {"a": 0.0, "b": 0.0}),
            (small, "a = b", {"a": b, "b": b}),
            (usual, "a = 1, b = 1, gy = 1", {"a": 1.0, "b": 1.0, "gy": 1.0}),
            (small, "a tiny", {"a": draw.number(-far - 1, -far - 1)}),
            (usual, "b tiny", {"b": draw.number(-far - 1, -far - 1)}),
            (usual, "a large", {"a": draw.number(far, far)}),
            (small, "b large", {"b": draw.number(far, far)}),
            (usual, "gy = 0", {"gy": 0.0}),
            (small, "gy tiny", {"gy": draw.number(-far - 1, -far - 1)}),
            (small, "gy large", {"gy": draw.number(far, far)}),
        ]
        # The small formats get half of them on either side.
        kept = cases if draw.limits.format.precision > 11 else cases[sign < 0 :: 2]
        for x, comment, given in kept:
            yield draw.case(comment, x, **given)


def _overflow(draw: Draw) -> Iterator[Case]:
    f = draw.limits
    top, g = f.largest, f.nearest(0.3)
    b = draw.number()
    for comment, x, a in (
        ("u(x) overflows, a u(x) does not", f.nearest(0.7 * top), 0.6),
        ("the largest number", top, 0.45),
        ("a x is in range, a u(x) is not: infinite", f.nearest(0.6 * top), 1.3),
        ("a x is out of range: infinite", top, 2.7),
    ):
        yield draw.case(comment, x, a=f.nearest(a), b=b, gy=g)
    yield draw.case("the most negative number", -top, gy=g)


def not_finite(limits: Limits) -> list[tuple[Case, int]]:
    """Infinities and NaN, each with the bit pattern of x."""
    draw = Draw(limits, seed=100 + limits.format.precision)
    infinity = limits.format.infinity
    sign = 1 << (4 * limits.width - 1)
    quiet = infinity | 1 << (limits.format.precision - 2)

    def positive() -> float:
        return abs(draw.number())

    return [
        (draw.case("plus infinity", math.inf, a=positive()), infinity),
        (draw.case("plus infinity, a < 0", math.inf, a=-positive()), infinity),
        (draw.case("minus infinity", -math.inf, b=positive()), sign | infinity),
        (draw.case("minus infinity, b < 0", -math.inf, b=-positive()), sign | infinity),
        (draw.case("NaN", math.nan), quiet),
        (draw.case("NaN with the sign bit set", math.nan), sign | quiet),
        (draw.case("NaN with a payload", math.nan), quiet | 5),
    ]


class Arrays(NamedTuple):
    """One call with arrays, and why it is asked; values in C order (last index fastest)."""

    comment: str
    shapes: dict[str, Shape]
    values: dict[str, list[float]]


# Distinct primes tell the axes apart; squares hide a wrong axis from a look at the shape.
_SHAPES: tuple[tuple[str, Shape, Shape, Shape], ...] = (
    ("one pair for all", (5,), (), ()),
    ("one pair a feature, 3 features", (2, 3), (3,), (3,)),
    ("one pair a channel, 2 channels", (2, 2, 3), (2, 1), (2, 1)),
    ("one pair a neuron: nothing is summed", (3, 2), (3, 2), (3, 2)),
    ("square: a along the rows, b along the columns", (3, 3), (3,), (3, 1)),
    ("lengths 1 are kept: a of shape (1,), b of shape (1, 1)", (2, 3), (1,), (1, 1)),
    ("x is broadcast: dx is a sum", (3,), (2, 1), (2, 3)),
    ("x has no axes", (), (4,), (4,)),
    ("no axes at all", (), (), ()),
    ("no elements", (0, 3), (3,), ()),
)


def broadcast(limits: Limits) -> list[Arrays]:
    """The calls with arrays, in the order of the file."""
    draw = Draw(limits, seed=200 + limits.format.precision)
    cases = []
    for comment, *three in _SHAPES:
        shapes = dict(zip("xab", three, strict=True))
        shapes["gy"] = shapes["y"] = np.broadcast_shapes(*three)
        values = {
            name: [draw.number(-2, 1, often) for _ in range(math.prod(shapes[name]))]
            for name, often in (("x", 0.5), ("a", 0.25), ("b", 0.25), ("gy", 0.5))
        }
        cases.append(Arrays(comment, shapes, values))
    cases.append(_cancelling(draw))
    return cases


def _cancelling(draw: Draw) -> Arrays:
    """Terms that leave little of da and nothing of db."""
    x = draw.number(0, 0, 0)
    near = draw.limits.nearest(x * 1.02)
    gy = draw.number(0, 0, 0)
    values = {
        "x": [x, -x, near, -x],
        "a": [draw.number()],
        "b": [draw.number()],
        "gy": [gy, gy, -gy, -gy],
    }
    shapes: dict[str, Shape] = {"x": (4,), "a": (), "b": (), "gy": (4,), "y": (4,)}
    return Arrays("the terms of da nearly cancel, those of db do", shapes, values)
