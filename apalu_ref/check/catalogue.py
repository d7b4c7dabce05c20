"""Mistakes people make, as formulas: what a wrong answer is compared with to name its cause.

Each entry says what would come out, element by element, for x >= 0 or for x < 0. Where all
of a wrong answer on that side equals an entry, that entry is the probable cause.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_erf = np.vectorize(math.erf, otypes=[np.float64])


@dataclass(frozen=True)
class Terms:
    """What formulas are made of, in float64, element by element."""

    x: Array
    a: Array
    b: Array
    g: Array
    kappa: float = 1.702

    @cached_property
    def z(self) -> Array:
        """κx."""
        return self.kappa * self.x

    @cached_property
    def s(self) -> Array:
        """σ(κx)."""
        t = np.exp(-np.abs(self.z))
        return np.asarray(np.where(self.z >= 0, 1, t) / (1 + t))

    @cached_property
    def c(self) -> Array:
        """1 - σ(κx)."""
        t = np.exp(-np.abs(self.z))
        return np.asarray(np.where(self.z >= 0, t, 1) / (1 + t))

    @cached_property
    def u(self) -> Array:
        """x (1 + σ(κx))."""
        return self.x * (1 + self.s)

    @cached_property
    def du(self) -> Array:
        """Its derivative."""
        return 1 + self.s + self.z * self.s * self.c

    @cached_property
    def e(self) -> Array:
        """e^x."""
        return np.exp(self.x)

    @cached_property
    def v(self) -> Array:
        """e^x - 1."""
        return np.expm1(self.x)


class Mistake(NamedTuple):
    """What comes out on one side (``+`` for x >= 0, ``-`` for x < 0), why, and what to do."""

    quantity: str
    side: str
    formula: Callable[[Terms], Array]
    cause: str
    fix: str


def _tanh_gelu(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


_BRANCH = "y = np.where(x >= 0, a * x * (1 + sigmoid(1.702 * x)), b * np.expm1(x))"
_SLOPE = "dx = gy * a * (1 + s + 1.702 * x * s * (1 - s)) with s = sigmoid(1.702 * x)"
_TAIL = "for x < 0, dx = gy * b * np.exp(x)"
_DA = "da = sum of gy * x * (1 + s) over x >= 0"
_DB = "db = sum of gy * np.expm1(x) over x < 0"
_SWAP = "a and b are swapped"
UPSTREAM = "the upstream gradient gy is not multiplied in"

MISTAKES = [
    # The positive branch of forward.
    Mistake("y", "+", lambda t: t.a * t.x * t.s, "the identity is missing: x σ(κx) for x (1 + σ(κx))", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x, "the sigmoid is missing: x for x (1 + σ(κx))", _BRANCH),
    Mistake("y", "+", lambda t: t.a * (t.x + t.s), "x + σ(κx) for x (1 + σ(κx)): the sigmoid is not times x", _BRANCH),
    Mistake("y", "+", lambda t: t.u, "the parameter a is not multiplied in", _BRANCH),
    Mistake("y", "+", lambda t: t.b * t.u, _SWAP, _BRANCH),
    Mistake("y", "+", lambda t: np.abs(t.a) * t.u, "the sign of a is lost: |a| is used", "use a as it is: it may be negative"),
    Mistake("y", "+", lambda t: np.maximum(t.a, 0) * t.u, "negative a is clipped to 0", "use a as it is: it may be negative"),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + 0.5 * (1 + _erf(t.x / math.sqrt(2)))), "the exact GELU (erf) in place of x σ(1.702 x)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + _tanh_gelu(t.x)), "the tanh form of GELU in place of x σ(1.702 x)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + np.tanh(t.z)), "tanh(κx) in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.b * t.v, "the branches are swapped", _BRANCH),
    # The negative branch of forward.
    Mistake("y", "-", lambda t: t.b * t.e, "the -1 is missing: b e^x for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.b * t.x, "b x, as in PReLU, for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.v, "the parameter b is not multiplied in", _BRANCH),
    Mistake("y", "-", lambda t: t.a * t.v, _SWAP, _BRANCH),
    Mistake("y", "-", lambda t: t.a * t.u, "the positive branch is used for every x", _BRANCH),
    Mistake("y", "-", lambda t: t.b * t.u, "the branches are swapped", _BRANCH),
    Mistake("y", "-", lambda t: -t.b * t.v, "the sign is wrong: b (1 - e^x) for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: 0 * t.x, "zero, as in ReLU, for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: np.abs(t.b) * t.v, "the sign of b is lost: |b| is used", "use b as it is: it may be negative"),
    Mistake("y", "-", lambda t: np.maximum(t.b, 0) * t.v, "negative b is clipped to 0", "use b as it is: it may be negative"),
    # The slope for x >= 0.
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s), "the term κx σ(1 - σ) is missing: σ depends on x too", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.x * t.s * t.c), "the factor κ is missing: the inner derivative of σ(κx)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.kappa * t.s * t.c), "the factor x is missing in κx σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s - t.z * t.s * t.c), "the sign of κx σ(1 - σ) is wrong", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.z * t.s), "the factor 1 - σ is missing in κx σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (t.s + t.z * t.s * t.c), "the 1 is missing: the derivative of the identity", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a, "the slope of the identity alone", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.du, "the parameter a is not multiplied in", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.b * t.du, _SWAP, _SLOPE),
    Mistake("dx", "+", lambda t: t.g * np.abs(t.a) * t.du, "the sign of a is lost: |a| is used", "use a as it is: it may be negative"),
    Mistake("dx", "+", lambda t: t.g * np.maximum(t.a, 0) * t.du, "negative a is clipped to 0", "use a as it is: it may be negative"),
    Mistake("dx", "+", lambda t: t.a * t.du, UPSTREAM, _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.b * t.e, "the negative branch's slope is used for every x", _SLOPE),
    # The slope for x < 0.
    Mistake("dx", "-", lambda t: t.g * t.b, "b for b e^x: the slope at 0 is used everywhere", _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.b * t.v, "b (e^x - 1), the value, for b e^x, the slope", _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.e, "the parameter b is not multiplied in", _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.a * t.e, _SWAP, _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.a * t.du, "the positive branch's slope is used for every x", _TAIL),
    Mistake("dx", "-", lambda t: t.b * t.e, UPSTREAM, _TAIL),
    Mistake("dx", "-", lambda t: 0 * t.x, "no gradient flows for x < 0, as in ReLU", _TAIL),
    Mistake("dx", "-", lambda t: t.g * np.abs(t.b) * t.e, "the sign of b is lost: |b| is used", "use b as it is: it may be negative"),
    Mistake("dx", "-", lambda t: t.g * np.maximum(t.b, 0) * t.e, "negative b is clipped to 0", "use b as it is: it may be negative"),
    # The parameters' gradients: elements that belong to them, and elements that do not.
    Mistake("da", "+", lambda t: t.u, UPSTREAM, _DA),
    Mistake("da", "+", lambda t: t.g * t.a * t.u, "a is multiplied in: y has a factor a, its derivative by a has not", _DA),
    Mistake("da", "+", lambda t: t.g * t.du, "u′ for u: the derivative by x in place of that by a", _DA),
    Mistake("da", "+", lambda t: t.g * t.x, "the factor 1 + σ is missing", _DA),
    Mistake("da", "+", lambda t: t.g * t.x * t.s, "the identity is missing: x σ(κx) for x (1 + σ(κx))", _DA),
    Mistake("da", "+", lambda t: 0 * t.x, "the gradients of a and b are swapped, or a gets none", _DA),
    Mistake("da", "-", lambda t: t.g * t.u, "not masked: elements with x < 0 are counted too", _DA),
    Mistake("da", "-", lambda t: t.u, "not masked: elements with x < 0 are counted too", _DA),
    Mistake("da", "-", lambda t: t.g * t.v, "the gradients of a and b are swapped", _DA),
    Mistake("db", "-", lambda t: t.v, UPSTREAM, _DB),
    Mistake("db", "-", lambda t: t.g * t.b * t.v, "b is multiplied in: y has a factor b, its derivative by b has not", _DB),
    Mistake("db", "-", lambda t: t.g * t.e, "the -1 is missing: e^x for e^x - 1", _DB),
    Mistake("db", "-", lambda t: -t.g * t.v, "the sign is wrong: 1 - e^x for e^x - 1", _DB),
    Mistake("db", "-", lambda t: t.g * t.x, "x for e^x - 1", _DB),
    Mistake("db", "-", lambda t: 0 * t.x, "the gradients of a and b are swapped, or b gets none", _DB),
    Mistake("db", "+", lambda t: t.g * t.v, "not masked: elements with x >= 0 are counted too", _DB),
    Mistake("db", "+", lambda t: t.v, "not masked: elements with x >= 0 are counted too", _DB),
    Mistake("db", "+", lambda t: t.g * t.u, "the gradients of a and b are swapped", _DB),
]  # fmt: skip

RIGHT: dict[str, Callable[[Terms], Array]] = {
    "y": lambda t: np.where(t.x < 0, t.b * t.v, t.a * t.u),
    "dx": lambda t: t.g * np.where(t.x < 0, t.b * t.e, t.a * t.du),
    "da": lambda t: np.where(t.x < 0, 0, t.g * t.u),
    "db": lambda t: np.where(t.x < 0, t.g * t.v, 0),
}
"""The right answers for any κ: with another constant they show one that was rounded."""
