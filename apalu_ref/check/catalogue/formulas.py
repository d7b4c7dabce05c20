"""Mistakes people make, as formulas: what a wrong answer is compared with to name its cause.

Each entry says what would come out, element by element, for x >= 0 or for x < 0. Where all
of a wrong answer on that side equals an entry, that entry is the probable cause.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.catalogue.terms import Terms

Array = NDArray[Any]

_erf = np.vectorize(math.erf, otypes=[np.float64])


class Mistake(NamedTuple):
    """What comes out on one side (``+`` for x >= 0, ``-`` for x < 0), why, and what to do."""

    quantity: str
    side: str
    formula: Callable[[Terms], Array]
    cause: str
    fix: str


def _sigmoid(z: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(z / 2)))


def _phi(x: Array) -> Array:
    return np.asarray(0.5 * (1 + _erf(x / math.sqrt(2))))


def _tanh_phi(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))


def _ramp(z: Array) -> Array:
    return np.clip(z, 0, 1)


# What is done to a parameter before it is used, with what was meant: (name, function, cause).
_PARAMETER: list[tuple[Callable[[Array], Array], str, str]] = [
    (np.abs, "the sign of {p} is lost: |{p}| is used", "use {p} as it is: it may be negative"),
    (lambda p: np.maximum(p, 0), "negative {p} is clipped to 0", "use {p} as it is: it may be negative"),
    (lambda p: np.clip(p, 0, 1), "{p} is clipped to the interval from 0 to 1", "use {p} as it is: any number is allowed"),
    (lambda p: np.clip(p, 0, 2), "{p} is clipped to the interval from 0 to 2", "use {p} as it is: U(0, 2) is what it starts from, not a bound"),
    (lambda p: np.clip(p, -1, 1), "{p} is clipped to the interval from -1 to 1", "use {p} as it is: any number is allowed"),
    (lambda p: p * p, "{p} is multiplied in twice", "multiply by {p} once"),
    (lambda p: np.exp(p), "exp({p}) is used in place of {p}", "use {p} as it is, without a positive reparametrisation"),
    (lambda p: np.logaddexp(0, p), "softplus({p}) is used in place of {p}", "use {p} as it is, without a positive reparametrisation"),
    (_sigmoid, "σ({p}) is used in place of {p}", "use {p} as it is"),
    (np.tanh, "tanh({p}) is used in place of {p}", "use {p} as it is"),
    (lambda p: np.where(p == 0, 1, p), "{p} = 0 is replaced by 1, as `{p} or 1` does", "test for None, not for truth: zero is a valid {p}"),
    (lambda p: np.asarray(np.rint(p)), "{p} is rounded to a whole number", "do not convert {p} to an integer"),
    (np.trunc, "{p} is cut to a whole number", "do not convert {p} to an integer"),
    (lambda p: np.maximum(p, 1e-3), "{p} is clipped from below at 0.001", "use {p} as it is: it may be negative"),
    (lambda p: np.maximum(p, 1e-6), "{p} is clipped from below at 0.000001", "use {p} as it is: it may be negative"),
    (lambda p: 1 + p, "1 + {p} is used in place of {p}", "use {p} as it is"),
]  # fmt: skip


def _of_parameters() -> list[Mistake]:
    """The same wrong use of a parameter in y and in dx."""
    found = []
    for change, cause, fix in _PARAMETER:
        for quantity, side, formula in (
            ("y", "+", lambda t, f=change: f(t.a) * t.u),
            ("dx", "+", lambda t, f=change: t.g * f(t.a) * t.du),
            ("y", "-", lambda t, f=change: f(t.b) * t.v),
            ("dx", "-", lambda t, f=change: t.g * f(t.b) * t.e),
        ):
            p = "a" if side == "+" else "b"
            found.append(Mistake(quantity, side, formula, cause.format(p=p), fix.format(p=p)))
    return found


_BRANCH = "y = np.where(x >= 0, a * x * (1 + sigmoid(1.702 * x)), b * np.expm1(x))"
_SLOPE = "dx = gy * a * (1 + s + 1.702 * x * s * (1 - s)) with s = sigmoid(1.702 * x)"
_TAIL = "for x < 0, dx = gy * b * np.exp(x)"
_DA = "da = sum of gy * x * (1 + s) over x >= 0"
_DB = "db = sum of gy * np.expm1(x) over x < 0"
_SWAP = "a and b are swapped"
_BY_Y = "the branch is chosen by the sign of y, which is that of x only for positive parameters"
UPSTREAM = "the upstream gradient gy is not multiplied in"

MISTAKES = [
    # The positive branch of forward.
    Mistake("y", "+", lambda t: t.a * t.x * t.s, "the identity is missing: x σ(κx) for x (1 + σ(κx))", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x, "the sigmoid is missing: x for x (1 + σ(κx))", _BRANCH),
    Mistake("y", "+", lambda t: t.a * (t.x + t.s), "x + σ(κx) for x (1 + σ(κx)): the sigmoid is not times x", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x + t.s, "a x + σ(κx): parentheses are missing in a x (1 + σ(κx))", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * t.c, "x (1 - σ(κx)) for x (1 + σ(κx)): the sign of σ is wrong and the identity has become it", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + t.c), "σ(-κx) for σ(κx): the sign inside the sigmoid is wrong", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.s, "the factor x is missing: σ(κx) alone", _BRANCH),
    Mistake("y", "+", lambda t: t.a * (1 + t.s), "the factor x is missing: 1 + σ(κx) for x (1 + σ(κx))", _BRANCH),
    Mistake("y", "+", lambda t: t.u, "the parameter a is not multiplied in", _BRANCH),
    Mistake("y", "+", lambda t: t.x * (t.a + t.s), "the parameter a multiplies the identity only", _BRANCH),
    Mistake("y", "+", lambda t: t.x * (1 + t.a * t.s), "the parameter a multiplies the sigmoid only", _BRANCH),
    Mistake("y", "+", lambda t: t.x * (1 + _sigmoid(t.a * t.z)), "the parameter a is inside the sigmoid, as in Swish, not in front", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + _sigmoid(t.a * t.z)), "the parameter a is inside the sigmoid as well", _BRANCH),
    Mistake("y", "+", lambda t: t.b * t.u, _SWAP, _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + _phi(t.x)), "the exact GELU (erf) in place of x σ(1.702 x)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * _phi(t.x), "this is the exact GELU (erf): the identity is missing and Φ(x) stands for σ(1.702 x)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + _tanh_phi(t.x)), "the tanh form of GELU in place of x σ(1.702 x)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * _tanh_phi(t.x), "this is the tanh form of GELU: the identity is missing", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * _sigmoid(t.x), "this is SiLU, x σ(x): the identity is missing, and κ", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + np.tanh(t.z)), "tanh(κx) in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + np.tanh(t.x)), "tanh(x) in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * np.tanh(np.logaddexp(0, t.x)), "this is Mish, x tanh(softplus(x))", _BRANCH),
    Mistake("y", "+", lambda t: t.a * np.logaddexp(0, t.x), "this is softplus, log(1 + e^x)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + _ramp(t.x / 6 + 0.5)), "a hard (piecewise linear) sigmoid of x, clip(x/6 + 1/2), in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + _ramp(t.z / 6 + 0.5)), "a hard (piecewise linear) sigmoid, clip(κx/6 + 1/2), in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + _ramp(0.2 * t.z + 0.5)), "a hard (piecewise linear) sigmoid, clip(κx/5 + 1/2), in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + _ramp(0.25 * t.z + 0.5)), "a hard (piecewise linear) sigmoid, clip(κx/4 + 1/2), in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + 0.5 * (1 + t.z / (1 + np.abs(t.z)))), "softsign, (1 + κx/(1 + |κx|))/2, in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + 0.5 + np.arctan(t.z) / np.pi), "arctan, 1/2 + arctan(κx)/π, in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + _ramp(0.2 * t.x + 0.5)), "a hard (piecewise linear) sigmoid of x, clip(x/5 + 1/2), in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1.5 + np.arctan(np.pi / 2 * t.z) / np.pi), "arctan, 1/2 + arctan(πκx/2)/π, in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + np.tanh(np.logaddexp(0, t.x))), "tanh(softplus(x)), as in Mish, in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: 2 * t.a * t.x * t.s, "2 σ(κx) for 1 + σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x * (1 + t.s**2), "σ² in place of σ(κx)", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.x**2 * (1 + t.s), "x is multiplied in twice", _BRANCH),
    Mistake("y", "+", lambda t: t.a * t.u + t.b * t.v, "both branches are added: neither is masked", _BRANCH),
    Mistake("y", "-", lambda t: t.a * t.u + t.b * t.v, "both branches are added: neither is masked", _BRANCH),
    Mistake("y", "+", lambda t: t.a * np.minimum(t.x, 6) * (1 + _sigmoid(t.kappa * np.minimum(t.x, 6))), "x is cut off at 6, as in ReLU6", "do not clip x"),
    Mistake("y", "+", lambda t: 1.5 * t.a * t.x, "the slope at 0, 3a/2, is used everywhere: σ is taken for the constant 1/2", _BRANCH),
    Mistake("y", "+", lambda t: 2 * t.a * t.x, "2 a x, the asymptote: σ is taken for the constant 1", _BRANCH),
    Mistake("y", "+", lambda t: t.b * t.v, "the branches are swapped", _BRANCH),
    # The negative branch of forward.
    Mistake("y", "-", lambda t: t.b * t.e, "the -1 is missing: b e^x for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.b * t.e - 1, "b e^x - 1: parentheses are missing in b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.b * (t.e + 1), "the sign of the 1 is wrong: b (e^x + 1) for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.b * t.x, "b x, as in PReLU, for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: 0.01 * t.x, "0.01 x, as in LeakyReLU, for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.x, "x, the identity, for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.v, "the parameter b is not multiplied in", _BRANCH),
    Mistake("y", "-", lambda t: t.a * t.v, _SWAP, _BRANCH),
    Mistake("y", "-", lambda t: t.a * t.u, "the positive branch is used for every x", _BRANCH),
    Mistake("y", "-", lambda t: t.b * t.u, "the branches are swapped", _BRANCH),
    Mistake("y", "-", lambda t: -t.b * t.v, "the sign is wrong: b (1 - e^x) for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.b * np.expm1(-t.x), "the sign of the exponent is wrong: e^-x for e^x", _BRANCH),
    Mistake("y", "-", lambda t: 0 * t.x, "zero, as in ReLU, for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.b * np.expm1(t.z), "κ is in the exponent: e^(κx) for e^x", _BRANCH),
    Mistake("y", "-", lambda t: np.expm1(t.b * t.x), "b is inside the exponential: e^(bx) - 1 for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.b * np.expm1(t.b * t.x), "b is inside the exponential as well", _BRANCH),
    Mistake("y", "-", lambda t: t.b * np.expm1(t.x / t.b), "x / b in the exponent, as in CELU and PELU", _BRANCH),
    Mistake("y", "-", lambda t: t.a * np.expm1(t.x / t.b), "a (e^(x/b) - 1), as in PELU, for b (e^x - 1)", _BRANCH),
    Mistake("y", "-", lambda t: t.a * t.b * t.v, "both a and b are multiplied in", _BRANCH),
    Mistake("y", "-", lambda t: 1.0507009873554805 * 1.6732632423543772 * t.v, "this is SELU's negative branch", _BRANCH),
    Mistake("y", "-", lambda t: 1.0507009873554805 * 1.6732632423543772 * t.b * t.v, "SELU's constants, 1.0507 times 1.6733, are multiplied in", _BRANCH),
    Mistake("y", "-", lambda t: t.b * (np.exp2(t.x) - 1), "2^x for e^x", "use np.expm1(x)"),
    Mistake("y", "-", lambda t: t.b * np.tanh(t.x), "tanh(x) for e^x - 1", _BRANCH),
    Mistake("y", "-", lambda t: t.b * t.x / (1 - t.x), "softsign, x/(1 + |x|), for e^x - 1", _BRANCH),
    Mistake("y", "-", lambda t: t.b * t.x * t.s, "x σ(κx), as in GELU, for e^x - 1", _BRANCH),
    Mistake("y", "-", lambda t: t.b * t.x * _sigmoid(t.x), "x σ(x), as in SiLU, for e^x - 1", _BRANCH),
    Mistake("y", "-", lambda t: t.b * (2 * _sigmoid(t.x) - 1), "2 σ(x) - 1 for e^x - 1", _BRANCH),
    Mistake("y", "-", lambda t: t.b * (t.s - 1), "σ(κx) - 1 for e^x - 1", _BRANCH),
    Mistake("y", "-", lambda t: t.b * np.maximum(t.x, -1), "a hard (piecewise linear) form, max(x, -1), for e^x - 1", _BRANCH),
    Mistake("y", "-", lambda t: t.b * (t.x + t.x**2 / 2), "two terms of the series, x + x²/2, for e^x - 1", "use np.expm1(x)"),
    # The slope for x >= 0.
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s), "the term κx σ(1 - σ) is missing: σ depends on x too", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.x * t.s * t.c), "the factor κ is missing: the inner derivative of σ(κx)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.kappa * t.z * t.s * t.c), "the factor κ is multiplied in twice", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.kappa * t.s * t.c), "the factor x is missing in κx σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.s * t.c), "the factors κ and x are missing in κx σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s - t.z * t.s * t.c), "the sign of κx σ(1 - σ) is wrong", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.z * t.s), "the factor 1 - σ is missing in κx σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.z * t.c), "the factor σ is missing in κx σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.z * t.s * (1 + t.s)), "1 + σ for 1 - σ in κx σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.z * t.s**2), "σ² for σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.z * (1 - t.s**2)), "1 - σ², the derivative of tanh, for σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.x * _sigmoid(t.x) * (1 - _sigmoid(t.x))), "σ(x) for σ(κx) in its derivative", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + _sigmoid(t.x) + t.z * _sigmoid(t.x) * _sigmoid(-t.x)), "σ(x) for σ(κx): the constant κ is missing in the sigmoid's argument", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + _sigmoid(t.x) + t.x * _sigmoid(t.x) * _sigmoid(-t.x)), "σ(x) for σ(κx): the constant κ is missing in the sigmoid's argument", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s - t.z * (1 + t.s) * t.s), "1 + σ is taken for σ in its derivative", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.s + t.z * t.s**2 * t.c), "σ² (1 - σ) for σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * (t.a * t.du + t.b * t.e), "both branches' slopes are added: neither is masked", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * (t.a * t.du + t.b), "both branches' slopes are added: neither is masked", _SLOPE),
    Mistake("dx", "-", lambda t: t.g * (t.a * t.du + t.b * t.e), "both branches' slopes are added: neither is masked", _TAIL),
    Mistake("dx", "-", lambda t: t.g * (1.5 * t.a + t.b * t.e), "both branches' slopes are added: neither is masked", _TAIL),
    Mistake("dx", "+", lambda t: t.g * t.a * (t.s + t.z * t.s * t.c), "the 1 is missing: the derivative of the identity", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * (1 + t.z * t.s * t.c), "the term σ is missing: the first half of the product rule", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * (t.a * (1 + t.s) + t.z * t.s * t.c), "the parameter a is not multiplied into κx σ(1 - σ)", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * (t.a + t.s + t.z * t.s * t.c), "the parameter a multiplies the identity's slope only", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a, "the slope of the identity alone", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * 1.5, "3a/2, the slope at 0, is used everywhere", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * 2, "2a, the slope far to the right, is used everywhere", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.a * t.u, "u, the value, for u′, the slope", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.du, "the parameter a is not multiplied in", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.b * t.du, _SWAP, _SLOPE),
    Mistake("dx", "+", lambda t: t.a * t.du, UPSTREAM, _SLOPE),
    Mistake("dx", "+", lambda t: t.g * t.b * t.e, "the negative branch's slope is used for every x", _SLOPE),
    Mistake("dx", "+", lambda t: t.g * np.where(t.a * t.u >= 0, t.a * t.du, t.b * t.e), _BY_Y, "choose by x >= 0, and keep x for backward"),
    Mistake("dx", "+", lambda t: t.g * np.where(t.a * t.u >= 0, t.a * t.du, t.b), _BY_Y, "choose by x >= 0, and keep x for backward"),
    Mistake("dx", "+", lambda t: 0 * t.x, "no gradient flows for x >= 0", _SLOPE),
    # The slope for x < 0.
    Mistake("dx", "-", lambda t: t.g * t.b, "b for b e^x: the slope at 0 is used everywhere", _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.b * t.v, "b (e^x - 1), the value, for b e^x, the slope", _TAIL),
    Mistake("dx", "-", lambda t: t.g * (t.v + t.b), "e^x - 1 + b: the ELU trick y + b needs y with its factor b", _TAIL),
    Mistake("dx", "-", lambda t: t.g * (t.b * t.v + 1), "y + 1, as for ELU with b = 1, for y + b", _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.e, "the parameter b is not multiplied in", _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.a * t.e, _SWAP, _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.a * t.du, "the positive branch's slope is used for every x", _TAIL),
    Mistake("dx", "-", lambda t: t.g * np.where(t.b >= 0, t.b * t.e, t.a * t.du), _BY_Y, "choose by x >= 0, and keep x for backward"),
    Mistake("dx", "-", lambda t: t.g * np.where(t.b > 0, t.b * t.e, t.a * t.du), _BY_Y, "choose by x >= 0, and keep x for backward"),
    Mistake("dx", "-", lambda t: t.g * np.where(t.b > 0, t.b * t.e, 1.5 * t.a), _BY_Y, "choose by x >= 0, and keep x for backward"),
    Mistake("dx", "-", lambda t: t.b * t.e, UPSTREAM, _TAIL),
    Mistake("dx", "-", lambda t: 0 * t.x, "no gradient flows for x < 0, as in ReLU", _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.b * t.x * t.e, "x e^x for e^x", _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.kappa * t.b * t.e, "a factor κ too many: it belongs to the positive branch", _TAIL),
    Mistake("dx", "-", lambda t: t.g * t.b * np.exp(t.z), "κ is in the exponent: e^(κx) for e^x", _TAIL),
    # The parameters' gradients: elements that belong to them, and elements that do not.
    Mistake("da", "+", lambda t: t.u, UPSTREAM, _DA),
    Mistake("da", "+", lambda t: t.g * t.a * t.u, "a is multiplied in: y has a factor a, its derivative by a has not", _DA),
    Mistake("da", "+", lambda t: t.g * t.du, "u′ for u: the derivative by x in place of that by a", _DA),
    Mistake("da", "+", lambda t: t.g * t.x, "the factor 1 + σ is missing", _DA),
    Mistake("da", "+", lambda t: t.g * (1 + t.s), "the factor x is missing", _DA),
    Mistake("da", "+", lambda t: t.g * t.x * t.s, "the identity is missing: x σ(κx) for x (1 + σ(κx))", _DA),
    Mistake("da", "+", lambda t: t.g * t.x * (1 + t.c), "σ(-κx) for σ(κx): the sign inside the sigmoid is wrong", _DA),
    Mistake("da", "+", lambda t: t.g * np.where(t.a * t.u > 0, t.u, 0), _BY_Y, "mask by x >= 0"),
    Mistake("da", "+", lambda t: t.g * t.u * np.sign(t.a), "the sign of a is multiplied in", _DA),
    Mistake("da", "+", lambda t: t.g * np.where(t.a < 0, 0, t.u), "a gets no gradient where it is negative", _DA),
    Mistake("db", "-", lambda t: t.g * np.where(t.b < 0, 0, t.v), "b gets no gradient where it is negative", _DB),
    Mistake("da", "+", lambda t: 0 * t.x, "a gets no gradient: it is zero everywhere", _DA),
    Mistake("da", "-", lambda t: t.g * t.u, "not masked: elements with x < 0 are counted too", _DA),
    Mistake("da", "-", lambda t: t.u, "not masked: elements with x < 0 are counted too", _DA),
    Mistake("da", "-", lambda t: t.g * t.v, "the gradients of a and b are swapped", _DA),
    Mistake("db", "-", lambda t: t.v, UPSTREAM, _DB),
    Mistake("db", "-", lambda t: t.g * t.b * t.v, "b is multiplied in: y has a factor b, its derivative by b has not", _DB),
    Mistake("db", "-", lambda t: t.g * t.e, "the -1 is missing: e^x for e^x - 1", _DB),
    Mistake("db", "-", lambda t: -t.g * t.v, "the sign is wrong: 1 - e^x for e^x - 1", _DB),
    Mistake("db", "-", lambda t: t.g * t.x, "x for e^x - 1", _DB),
    Mistake("db", "-", lambda t: t.g * np.where(t.b * t.v < 0, t.v, 0), _BY_Y, "mask by x < 0"),
    Mistake("db", "-", lambda t: t.g * t.v * np.sign(t.b), "the sign of b is multiplied in", _DB),
    Mistake("db", "-", lambda t: 0 * t.x, "b gets no gradient: it is zero everywhere", _DB),
    Mistake("db", "+", lambda t: t.g * t.v, "not masked: elements with x >= 0 are counted too", _DB),
    Mistake("db", "+", lambda t: -t.g, "not masked: where x >= 0, e^x is replaced by 0 and the -1 is counted", _DB),
    Mistake("db", "+", lambda t: t.v, "not masked: elements with x >= 0 are counted too", _DB),
    Mistake("db", "+", lambda t: t.g * t.u, "the gradients of a and b are swapped", _DB),
    *_of_parameters(),
]  # fmt: skip
