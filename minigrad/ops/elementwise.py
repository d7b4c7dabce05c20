"""Elementwise operations: one value in, one value out, and broadcasting between inputs.

Each line is a forward function and the derivative by each input. The upstream gradient is
``g``, the output ``y``; a ufunc's inputs are ``x``, or ``x1`` and ``x2``, as NumPy calls them.

At points where there is no derivative a rule gives a subgradient, and a finite one: 0 for
``abs`` at 0, half to each side for ``maximum`` and ``minimum`` at ties, all of it at the ends
of ``clip``, 0 for ``power`` where the formula would say 0·∞. Where the derivative is infinite
(``sqrt``, ``cbrt`` and ``log`` at 0, ``arcsin`` at 1) it is infinite here, too.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.core import RULES, Tensor, plain
from minigrad.engine import Op
from minigrad.special import erf as _erf
from minigrad.special import erfc as _erfc

# -- arithmetic

add = Op(np.add, lambda g: g, lambda g: g)
subtract = Op(np.subtract, lambda g: g, lambda g: -g)
multiply = Op(np.multiply, lambda g, x2: g * x2, lambda g, x1: g * x1)
divide = Op(np.divide, lambda g, x2: g / x2, lambda g, x2, y: -g * y / x2)
negative = Op(np.negative, lambda g: -g)
positive = Op(np.positive, lambda g: g)
reciprocal = Op(np.reciprocal, lambda g, y: -g * y * y)
square = Op(np.square, lambda g, x: g * (2 * x))
absolute = Op(np.absolute, lambda g, x: g * np.sign(x), numpy=(np.fabs,))
sqrt = Op(np.sqrt, lambda g, y: g * 0.5 / y)
cbrt = Op(np.cbrt, lambda g, y: g / (3 * y * y))


def _power_by_base(g: Any, x1: Any, x2: Any) -> Any:
    # Exponent 0: the slope is 0, but 0 * x**-1 is not a number at x = 0.
    if isinstance(x2, (int, float)):
        return g * (x2 * x1 ** (x2 - 1)) if x2 else g * 0
    zero = np.equal(x2, 0)
    return g * np.where(zero, 0, x2) * x1 ** np.where(zero, 1, x2 - 1)


def _power_by_exponent(g: Any, x1: Any, y: Any) -> Any:
    # 0 to a power above 0 is 0 whatever the power, and 0 * log(0) is not a number.
    x1 = x1 if hasattr(x1, "dtype") else np.asarray(x1, y.dtype)  # 2, in the type of 2**x
    zero = np.logical_and(np.equal(x1, 0), np.isfinite(y))
    return g * y * np.log(np.where(zero, 1, x1))


power = Op(np.power, _power_by_base, _power_by_exponent)

# -- exponentials and logarithms

exp = Op(np.exp, lambda g, y: g * y)
exp2 = Op(np.exp2, lambda g, y: g * (math.log(2) * y))
expm1 = Op(np.expm1, lambda g, x: g * np.exp(x))
log = Op(np.log, lambda g, x: g / x)
log2 = Op(np.log2, lambda g, x: g / (math.log(2) * x))
log10 = Op(np.log10, lambda g, x: g / (math.log(10) * x))
log1p = Op(np.log1p, lambda g, x: g / (1 + x))


def _share(a: Any, b: Any) -> Any:
    """e^a / (e^a + e^b), without overflow; a half where both are the same infinity."""
    tie = np.logical_and(np.equal(a, b), np.isinf(a))
    return np.where(tie, 0.5, sigmoid(np.where(tie, 0, a) - np.where(tie, 0, b)))


logaddexp = Op(
    np.logaddexp, lambda g, x1, x2: g * _share(x1, x2), lambda g, x1, x2: g * _share(x2, x1)
)

# -- trigonometric and hyperbolic functions

sin = Op(np.sin, lambda g, x: g * np.cos(x))
cos = Op(np.cos, lambda g, x: -g * np.sin(x))
tan = Op(np.tan, lambda g, y: g * (1 + y * y))
arcsin = Op(np.arcsin, lambda g, x: g / np.sqrt((1 - x) * (1 + x)))
arccos = Op(np.arccos, lambda g, x: -g / np.sqrt((1 - x) * (1 + x)))
arctan = Op(np.arctan, lambda g, x: g / (1 + x * x))
sinh = Op(np.sinh, lambda g, x: g * np.cosh(x))
cosh = Op(np.cosh, lambda g, x: g * np.sinh(x))
tanh = Op(np.tanh, lambda g, y: g * (1 - y * y))
arcsinh = Op(np.arcsinh, lambda g, x: g / np.sqrt(1 + x * x))
arccosh = Op(np.arccosh, lambda g, x: g / np.sqrt((x - 1) * (x + 1)))
arctanh = Op(np.arctanh, lambda g, x: g / ((1 - x) * (1 + x)))
arctan2 = Op(
    np.arctan2,
    lambda g, x1, x2: g * x2 / (x1 * x1 + x2 * x2),
    lambda g, x1, x2: -g * x1 / (x1 * x1 + x2 * x2),
)


def _ratio(x: Any, y: Any) -> Any:
    """x / y where y is a length: 0 where it is 0, and so is the derivative of it."""
    return x / np.where(np.equal(y, 0), np.inf, y)


hypot = Op(np.hypot, lambda g, x1, y: g * _ratio(x1, y), lambda g, x2, y: g * _ratio(x2, y))

# -- the error function, and the logistic one

erf = Op(_erf, lambda g, x: g * (2 / math.sqrt(math.pi) * np.exp(-x * x)), name="erf")
erfc = Op(_erfc, lambda g, x: g * (-2 / math.sqrt(math.pi) * np.exp(-x * x)), name="erfc")


def _sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), accurate in both tails."""
    t = np.exp(-np.abs(x))
    return np.maximum(t, np.greater_equal(x, 0)) / (1 + t)  # 1 where x >= 0: t is not above it


sigmoid: Op = Op(_sigmoid, lambda g, x, y: g * y * sigmoid(-x), name="sigmoid")

# -- choosing


def _first_is_chosen(g: Any, x1: Any, x2: Any) -> Any:
    return np.where(np.equal(x1, x2), g * 0.5, np.where(np.greater(x1, x2), g, 0))


def _second_is_chosen(g: Any, x1: Any, x2: Any) -> Any:
    return np.where(np.equal(x1, x2), g * 0.5, np.where(np.greater(x1, x2), 0, g))


maximum = Op(np.maximum, _first_is_chosen, _second_is_chosen)
minimum = Op(np.minimum, _second_is_chosen, _first_is_chosen)

where = Op(
    lambda condition, x, y_: np.where(condition, x, y_),
    None,
    lambda g, condition: np.where(condition, g, 0),
    lambda g, condition: np.where(condition, 0, g),
    name="where",
    broadcasts=True,
)
RULES[np.where] = where


def _inside(g: Any, a: Any, a_min: Any, a_max: Any) -> Any:
    low = True if a_min is None else np.greater_equal(a, a_min)
    high = True if a_max is None else np.less_equal(a, a_max)
    return np.where(np.logical_and(low, high), g, 0)


def _above(a: Any, a_min: Any, a_max: Any) -> Any:
    # Bounds may be the wrong way round: the upper one has the last word.
    return np.greater(a if a_min is None else np.maximum(plain(a), plain(a_min)), a_max)


def _below(a: Any, a_min: Any, a_max: Any) -> Any:
    low = np.less(a, a_min)
    return low if a_max is None else np.logical_and(low, np.less_equal(a_min, a_max))


_clip = Op(
    lambda a, a_min=None, a_max=None: np.clip(a, a_min, a_max),
    _inside,
    lambda g, a, a_min, a_max: np.where(_below(a, a_min, a_max), g, 0),
    lambda g, a, a_min, a_max: np.where(_above(a, a_min, a_max), g, 0),
    name="clip",
    broadcasts=True,
)


def clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """``np.clip``: the gradient passes where ``a_min <= a <= a_max``, ends included."""
    return _clip(a, min if a_min is None else a_min, max if a_max is None else a_max)


RULES[np.clip] = clip

_CHEAPER = {1: positive, 2: square, -1: reciprocal, 0.5: sqrt}


def pow(x: Any, exponent: Any) -> Any:
    """``x ** exponent``, the common exponents by cheaper operations (as NumPy does)."""
    cheaper = _CHEAPER.get(exponent) if type(exponent) in (int, float) else None
    return power(x, exponent) if cheaper is None else cheaper(x)


def astype(x: Tensor, dtype: Any) -> Any:
    """``x.astype(dtype)``: gradients are converted back; an integer type ends them."""
    dtype = np.dtype(dtype)
    if dtype == x.dtype:
        return x
    return _astype(x, dtype) if dtype.kind == "f" else Tensor(x.data.astype(dtype))


# The engine converts a gradient to its input's type by itself.
_astype = Op(lambda x, dtype: x.astype(dtype), lambda g: g, name="astype")
