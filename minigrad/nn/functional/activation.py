"""The activation functions, each written once: a formula and its derivative.

A derivative stands beside its function as a rule in NumPy syntax (see :mod:`minigrad.engine`), so
that it is fast the first time and can be differentiated any number of times. All of them are
accurate far out in both tails and make no overflow, warning or NaN out of a finite number.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad import ops
from minigrad.engine import Op
from minigrad.special import ndtr as _ndtr

_sigmoid = ops.sigmoid


below = Op(
    lambda input: np.minimum(input, 0), lambda g, input: g * np.less_equal(input, 0), name="below"
)
"""x where x <= 0, else 0. Unlike np.minimum, it has all of the slope at 0."""


def _slope(x: Any, below: Any, above: float = 1.0) -> Any:
    """``above`` where x > 0, else ``below``; np.where takes ten times as long on mixed signs."""
    up = np.greater(x, 0).astype(x.dtype)
    return up * above + (1 - up) * below


# -- the rectifiers

_relu = Op(lambda input: np.maximum(input, 0), lambda g, y: g * np.greater(y, 0), name="relu")


def relu(input: Any) -> Any:
    """max(0, x). The derivative at 0 is 0."""
    return _relu(input)


_leaky_relu = Op(
    lambda input, slope: np.maximum(input, 0) + slope * np.minimum(input, 0),
    lambda g, input, slope: g * _slope(input, slope),
    name="leaky_relu",
)


def leaky_relu(input: Any, negative_slope: float = 0.01) -> Any:
    """x where x > 0, else ``negative_slope`` · x, which is also the slope at 0."""
    return _leaky_relu(input, negative_slope)


_prelu = Op(
    lambda input, weight: np.maximum(input, 0) + weight * np.minimum(input, 0),
    lambda g, input, weight: g * _slope(input, weight),
    lambda g, input: g * below(input),
    name="prelu",
    broadcasts=True,
)


def along_channels(parameter: Any, ndim: int) -> Any:
    """A parameter of one value, or one a channel, in a shape to go with an input's axis 1."""
    if ndim < 2 or parameter.size == 1:
        return parameter.reshape(()) if parameter.size == 1 else parameter
    return parameter.reshape((-1, *(1,) * (ndim - 2)))


def prelu(input: Any, weight: Any) -> Any:
    """x where x > 0, else ``weight`` · x, with a trained weight.

    Parameters
    ----------
    input : Tensor
        (N, C, …), or (C,).
    weight : Tensor
        Shape (1,), or (C,) for one of each channel.

    References
    ----------
    He, Zhang, Ren, Sun, *Delving Deep into Rectifiers* (arXiv 1502.01852).
    """
    return _prelu(input, along_channels(weight, input.ndim))


# -- exponentials below 0

_elu = Op(
    lambda input, low, high: high * np.maximum(input, 0) + low * np.expm1(np.minimum(input, 0)),
    lambda g, input, low, high: g * (_slope(input, low, high) * np.exp(below(input))),
    name="elu",
)


def elu(input: Any, alpha: float = 1.0) -> Any:
    """x where x > 0, else ``alpha`` · (e^x − 1); the slope at 0 is ``alpha``.

    References
    ----------
    Clevert, Unterthiner, Hochreiter, *Fast and Accurate Deep Network Learning by Exponential
    Linear Units* (arXiv 1511.07289).
    """
    return _elu(input, alpha, 1.0)


SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def selu(input: Any) -> Any:
    """1.0507 · ELU with alpha = 1.6733: keeps mean 0 and variance 1 under LeCun's weights.

    References
    ----------
    Klambauer, Unterthiner, Mayr, Hochreiter, *Self-Normalizing Neural Networks*
    (arXiv 1706.02515).
    """
    return _elu(input, SELU_SCALE * SELU_ALPHA, SELU_SCALE)


_pelu = Op(
    lambda input, a, b: a / b * np.maximum(input, 0) + a * np.expm1(np.minimum(input, 0) / b),
    lambda g, input, a, b: g * (a / b * np.exp(below(input) / b)),
    lambda g, input, b: g * (np.maximum(input, 0) / b + np.expm1(below(input) / b)),
    lambda g, input, a, b: g * (-(a / b) * (input / b * np.exp(below(input) / b))),
    name="pelu",
    broadcasts=True,
)


def pelu(input: Any, a: Any, b: Any) -> Any:
    """(a/b) · x where x >= 0, else a · (e^(x/b) − 1), with trained a, b > 0.

    Smooth at 0 whatever a and b. Both are Tensors of shape (1,), or (C,) for one of each
    channel of an input (N, C, …).

    References
    ----------
    Trottier, Giguère, Chaib-draa, *Parametric Exponential Linear Unit for Deep Convolutional
    Neural Networks* (arXiv 1605.09332).
    """
    ndim = input.ndim
    return _pelu(input, along_channels(a, ndim), along_channels(b, ndim))


# -- x times something between 0 and 1

_REACH = 40.0
"""Beyond ±40 the normal density is 0 in every type, and its argument is no longer squared."""


def _density(x: Any) -> Any:
    t = np.clip(x, -_REACH, _REACH)
    return np.exp(t * t * -0.5) * (1 / math.sqrt(2 * math.pi))


ndtr = Op(_ndtr, lambda g, x: g * _density(x), name="ndtr")
"""Φ(x): the probability that a standard normal variable is at most x."""

_gelu = Op(
    lambda input: input * _ndtr(input),
    lambda g, input: g * (ndtr(input) + input * _density(input)),
    name="gelu",
)

_ROOT = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def _twice_cubic(x: Any) -> Any:
    return (2 * _ROOT) * x * (1 + _CUBIC * x * x)


def _gelu_tanh_rule(g: Any, input: Any) -> Any:
    t = np.clip(input, -_REACH, _REACH)
    s = _sigmoid(_twice_cubic(t))
    return g * (s + t * (2 * _ROOT * (1 + 3 * _CUBIC * t * t)) * (s * (1 - s)))


# (1 + tanh(z/2)) / 2 is _sigmoid(z), which does not cancel where tanh is near -1.
_gelu_tanh = Op(
    lambda input: input * _sigmoid(_twice_cubic(np.clip(input, -_REACH, _REACH))),
    _gelu_tanh_rule,
    name="gelu_tanh",
)


def gelu(input: Any, approximate: str = "none") -> Any:
    """x · Φ(x), Φ the normal distribution function.

    With ``approximate="tanh"``: x · (1 + tanh(√(2/π) · (x + 0.044715 x³))) / 2.

    References
    ----------
    Hendrycks, Gimpel, *Gaussian Error Linear Units* (arXiv 1606.08415).
    """
    if approximate == "none":
        return _gelu(input)
    if approximate == "tanh":
        return _gelu_tanh(input)
    raise ValueError(f"approximate must be 'none' or 'tanh', not {approximate!r}")


def _silu_rule(g: Any, input: Any) -> Any:
    s = _sigmoid(input)
    return g * (s * (1 + input * (1 - s)))


_silu = Op(lambda input: input * _sigmoid(input), _silu_rule, name="silu")


def silu(input: Any) -> Any:
    """x · σ(x): Swish with beta = 1.

    References
    ----------
    Elfwing, Uchibe, Doya, *Sigmoid-Weighted Linear Units* (arXiv 1702.03118).
    """
    return _silu(input)


def _scaled(input: Any, beta: Any) -> Any:
    """beta · x, cut where the sigmoid is 0 or 1 in every type."""
    with np.errstate(over="ignore"):
        return np.clip(input * beta, -800.0, 800.0)


def _swish_by_input(g: Any, input: Any, beta: Any) -> Any:
    z = _scaled(input, beta)
    s = _sigmoid(z)
    return g * (s * (1 + z * (1 - s)))


def _swish_by_beta(g: Any, input: Any, beta: Any) -> Any:
    z = _scaled(input, beta)
    return g * (input * (input * (_sigmoid(z) * _sigmoid(-z))))


_swish = Op(
    lambda input, beta: input * _sigmoid(_scaled(input, beta)),
    _swish_by_input,
    _swish_by_beta,
    name="swish",
    broadcasts=True,
)


def swish(input: Any, beta: Any = 1.0) -> Any:
    """x · σ(beta · x); ``beta`` is a number, or trained: a Tensor of shape (1,) or (C,).

    References
    ----------
    Ramachandran, Zoph, Le, *Searching for Activation Functions* (arXiv 1710.05941).
    """
    if isinstance(beta, (int, float)):
        return _swish(input, beta)
    return _swish(input, along_channels(beta, input.ndim))


# With s = σ(x) and c = 1 − s: tanh(softplus(x)) = s (1 + c) / (1 + c²). Where c cancels, it
# is added to 1.
def _mish_rule(g: Any, input: Any) -> Any:
    s = _sigmoid(input)
    c = 1 - s
    d = 1 + c * c
    r = c / d
    return g * (s * ((1 + c) / d + input * (4 * r * r)))


def _mish_forward(input: Any) -> Any:
    s = _sigmoid(input)
    c = 1 - s
    return input * (s * (1 + c) / (1 + c * c))


_mish = Op(_mish_forward, _mish_rule, name="mish")


def mish(input: Any) -> Any:
    """x · tanh(log(1 + e^x)).

    References
    ----------
    Misra, *Mish: A Self Regularized Non-Monotonic Activation Function* (arXiv 1908.08681).
    """
    return _mish(input)


def _softplus_forward(input: Any, beta: float, threshold: float) -> Any:
    with np.errstate(over="ignore"):
        z = input * beta
    hinge = np.maximum(input, 0) if beta > 0 else np.minimum(input, 0)
    return hinge + np.log1p(np.exp(-np.abs(z))) * np.less_equal(z, threshold) / beta


def _softplus_rule(g: Any, input: Any, beta: float, threshold: float) -> Any:
    z = _scaled(input, beta)
    return g * np.maximum(_sigmoid(z), np.greater(z, threshold))


_softplus = Op(_softplus_forward, _softplus_rule, name="softplus")


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + e^(beta · x)) / beta; x itself where beta · x > ``threshold``."""
    return _softplus(input, beta, threshold)


def sigmoid(input: Any) -> Any:
    """σ(x) = 1 / (1 + e^−x)."""
    return _sigmoid(input)


def tanh(input: Any) -> Any:
    """The hyperbolic tangent."""
    return np.tanh(input)


# -- a whole axis at a time


def _exp_shifted(input: Any, dim: int) -> Any:
    # What is so far below the largest that the difference overflows counts as e^-inf = 0.
    with np.errstate(over="ignore"):
        return np.exp(input - input.max(axis=dim, keepdims=True, initial=-np.inf))


def _softmax_forward(input: Any, dim: int) -> Any:
    e = _exp_shifted(input, dim)
    e /= e.sum(axis=dim, keepdims=True)
    return e


_softmax = Op(
    _softmax_forward,
    lambda g, y, dim: y * (g - np.sum(g * y, axis=dim, keepdims=True)),
    name="softmax",
)


def softmax(input: Any, dim: int) -> Any:
    """e^x / Σ e^x along axis ``dim``."""
    return _softmax(input, dim)


def log_softmax_forward(input: Any, dim: int) -> Any:
    """x − log Σ e^x of a plain array."""
    with np.errstate(over="ignore"):
        z = input - input.max(axis=dim, keepdims=True, initial=-np.inf)
    return z - np.log(np.exp(z).sum(axis=dim, keepdims=True))


_log_softmax = Op(
    log_softmax_forward,
    lambda g, y, dim: g - np.exp(y) * np.sum(g, axis=dim, keepdims=True),
    name="log_softmax",
)


def log_softmax(input: Any, dim: int) -> Any:
    """x − log Σ e^x along axis ``dim``."""
    return _log_softmax(input, dim)


def _logsumexp_forward(input: Any, dim: Any, keepdim: bool) -> Any:
    m = input.max(axis=dim, keepdims=True, initial=-np.inf)
    m = np.where(np.isfinite(m), m, 0)
    with np.errstate(over="ignore", divide="ignore"):
        y = m + np.log(np.exp(input - m).sum(axis=dim, keepdims=True))
    return y if keepdim else y.squeeze(dim)


def _logsumexp_rule(g: Any, input: Any, y: Any, dim: Any, keepdim: bool) -> Any:
    if not keepdim:
        g, y = np.expand_dims(g, dim), np.expand_dims(y, dim)
    y = np.where(np.isfinite(y), y, 0)
    with np.errstate(over="ignore"):
        return g * np.exp(input - y)


_logsumexp = Op(_logsumexp_forward, _logsumexp_rule, name="logsumexp")


def logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    """log Σ e^x along axis ``dim``, or several; −inf for a sum of nothing."""
    return _logsumexp(input, dim, keepdim)
