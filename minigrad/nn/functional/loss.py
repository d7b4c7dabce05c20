"""The losses: each compares an input with a target and, as a rule, returns one number.

``reduction`` is "mean", "sum" or "none" everywhere; the mean of nothing is refused. A target
that is not a class label is converted to the input's type.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigrad.autograd import Function
from minigrad.core import Tensor, plain
from minigrad.engine import Op
from minigrad.nn.functional.activation import log_softmax, sigmoid

Array = NDArray[Any]


def _reduced(loss: Any, reduction: str, count: Any = None) -> Any:
    """The loss of each element put together; the mean is over ``count``."""
    if reduction == "sum":
        return np.sum(loss)
    if reduction == "none":
        return loss
    if reduction != "mean":
        raise ValueError(f"reduction must be 'mean', 'sum' or 'none', not {reduction!r}")
    if loss.size == 0 or count == 0:
        raise ValueError("a loss has no mean over nothing: the batch is empty or all ignored")
    return np.mean(loss) if count is None else np.sum(loss) / count


def _matched(input: Any, target: Any) -> Any:
    """The target in the input's type, if it has the input's shape."""
    trained = isinstance(target, Tensor) and target.requires_grad
    target = target if trained else np.asarray(plain(target))
    if target.shape != input.shape:
        # Broadcasting (N, 1) with (N,) would compare everything with everything.
        raise ValueError(f"input and target differ in shape: {input.shape} and {target.shape}")
    return target.astype(input.dtype) if trained else target.astype(input.dtype, copy=False)


# -- classes


class _CrossEntropy(Function):
    """The common case in one step: the mean over a batch (N, C) with labels (N,)."""

    @staticmethod
    def forward(ctx: Any, input: Array, target: Array) -> Any:
        with np.errstate(over="ignore"):
            z = input - input.max(axis=1, keepdims=True)
        e = np.exp(z)
        # In float16 the sum over many classes would overflow.
        wide = np.float32 if e.dtype == np.float16 else e.dtype
        total = e.sum(axis=1, keepdims=True, dtype=wide)
        np.divide(e, total, out=e, casting="same_kind")
        rows = np.arange(len(target))
        ctx.softmax, ctx.chosen = e, (rows, target)
        return (np.log(total)[:, 0] - z[rows, target]).mean().astype(e.dtype)

    @staticmethod
    def backward(ctx: Any, grad_output: Array) -> Any:
        g = ctx.softmax.copy()  # backward may run again
        g[ctx.chosen] -= 1
        g *= grad_output.item() / len(g)
        return g, None

    @staticmethod
    def formula(input: Any, target: Array) -> Any:
        return -np.mean(log_softmax(input, 1)[np.arange(len(target)), target])


def cross_entropy(
    input: Any,
    target: Any,
    weight: ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """−log of the softmax of ``input`` at the class in ``target``.

    Parameters
    ----------
    input : Tensor
        Logits, (N, C), (N, C, …) or (C,).
    target : array_like
        Class labels: integers from 0 to C − 1, shape (N,), (N, …) or (). Or probabilities of
        the classes: floating, of the input's shape.
    weight : array_like, optional
        A weight for each class, (C,). The mean over labels is then a weighted one.
    ignore_index : int
        A label that does not count.
    reduction : str
        "mean", "sum" or "none".
    label_smoothing : float
        How much of the target is spread evenly over all classes, from 0 to 1.

    Raises
    ------
    ValueError
        If shapes do not match, a label is out of range, or there is nothing to average over.

    Examples
    --------
    >>> import numpy as np
    >>> logits = np.array([[0.0, 0.0], [99.0, 0.0]])
    >>> cross_entropy(logits, [0, 0]).item() == float(np.log(2) / 2)
    True
    """
    input = input if hasattr(input, "ndim") else np.asarray(input)
    target = np.asarray(target) if not isinstance(target, Tensor) else target
    dim = min(1, input.ndim - 1)
    classes = input.shape[dim]
    if target.dtype.kind == "f" and target.ndim == input.ndim - 1:
        raise ValueError(
            f"class labels must be integers, not {target.dtype}: use .astype(np.int64). "
            f"(Floating targets are probabilities, of the input's shape {input.shape}.)"
        )
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must lie between 0 and 1, not {label_smoothing}")
    if target.dtype.kind == "f":
        return _of_probabilities(input, target, dim, weight, reduction, label_smoothing)
    target, kept = _labels(input, target, dim, ignore_index)
    usual = kept is None and weight is None and not label_smoothing and reduction == "mean"
    if usual and input.ndim == 2 and target.size:
        return _CrossEntropy.apply(input, target)
    logp = log_softmax(input, dim)
    of_label = _of_labels(weight, input, target, kept)
    loss = _picked(logp, target, kept, dim) * -of_label
    if label_smoothing:
        if weight is not None:
            logp = logp * _class_weights(weight, input, dim)
        spread = -np.sum(logp, axis=dim)
        if kept is not None:
            spread = np.where(kept, spread, 0)
        loss = (1 - label_smoothing) * loss + label_smoothing / classes * spread
    return _reduced(loss, reduction, of_label.sum().item())


def _of_probabilities(
    input: Any, target: Any, dim: int, weight: Any, reduction: str, smoothing: float
) -> Any:
    q = _matched(input, target)
    if smoothing:
        q = (1 - smoothing) * q + smoothing / input.shape[dim]
    # A class of probability 0 counts nothing, even where its logit is -inf.
    logp = np.where(np.equal(q, 0), 0, log_softmax(input, dim))
    if weight is not None:
        q = q * _class_weights(weight, input, dim)
    return _reduced(-np.sum(logp * q, axis=dim), reduction)


def nll_loss(
    input: Any,
    target: Any,
    weight: ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    """Minus ``input`` at the class ``target``; for log-probabilities. See :func:`cross_entropy`."""
    dim = min(1, input.ndim - 1)
    target, kept = _labels(input, np.asarray(plain(target)), dim, ignore_index)
    of_label = _of_labels(weight, input, target, kept)
    loss = _picked(input, target, kept, dim) * -of_label
    return _reduced(loss, reduction, of_label.sum().item())


def _labels(
    input: Any, target: Any, dim: int, ignore_index: int
) -> tuple[Array, NDArray[np.bool_] | None]:
    """The labels, checked, and which of them count; None if all do."""
    target = plain(target)
    shape, classes = input.shape, input.shape[dim]
    if target.dtype.kind not in "iu":
        raise TypeError(f"class labels are integers, not {target.dtype}")
    if target.shape != shape[:dim] + shape[dim + 1 :]:
        raise ValueError(
            f"labels of shape {shape[:dim] + shape[dim + 1 :]} go with an input of shape {shape}, "
            f"not {target.shape}"
        )
    inside = not target.size or (target.min() >= 0 and target.max() < classes)
    if inside and not 0 <= ignore_index < classes:
        return target, None
    kept = target != ignore_index
    wrong = target[kept & ((target < 0) | (target >= classes))]
    if wrong.size:
        raise ValueError(
            f"label {wrong[0]} is out of range: there are {classes} classes, from 0 to "
            f"{classes - 1}"
        )
    return np.where(kept, target, 0), kept


def _picked(input: Any, target: Array, kept: Array | None, dim: int) -> Any:
    """The input at each label; 0 where it is ignored, even if the input is infinite there."""
    picked = np.squeeze(np.take_along_axis(input, np.expand_dims(target, dim), dim), dim)
    return picked if kept is None else np.where(kept, picked, 0)


def _class_weights(weight: Any, input: Any, dim: int) -> Array:
    """The weights of the classes, in a shape to go with the input."""
    weight = np.asarray(plain(weight), input.dtype)
    if weight.shape != (input.shape[dim],):
        raise ValueError(
            f"weight has shape {weight.shape}: one for each of {input.shape[dim]} classes is needed"
        )
    return weight.reshape([-1 if i == dim else 1 for i in range(input.ndim)])


def _of_labels(weight: Any, input: Any, target: Array, kept: Array | None) -> Array:
    """The weight of each label: 0 where it is ignored."""
    if weight is None:
        result = np.ones(target.shape, input.dtype)
    else:
        of_class = _class_weights(weight, input, min(1, input.ndim - 1))
        result = of_class.ravel()[target]
    return result if kept is None else result * kept


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


# Through sigmoid(-x), and not 1 - sigmoid(x): right far out on either side.
_logit_loss = Op(
    lambda input, target, positive: (
        positive * target * _softplus(-input) + (1 - target) * _softplus(input)
    ),
    lambda g, input, target, positive: (
        g * ((1 - target) * sigmoid(input) - positive * target * sigmoid(-input))
    ),
    lambda g, input, positive: g * (positive * np.logaddexp(0, -input) - np.logaddexp(0, input)),
    name="logit_loss",
    broadcasts=True,
)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: ArrayLike | None = None,
    *,
    reduction: str = "mean",
    pos_weight: ArrayLike | None = None,
) -> Any:
    """−(p · t · log σ(x) + (1 − t) · log σ(−x)), for yes-or-no questions.

    Parameters
    ----------
    input : Tensor
        Logits x, any shape.
    target : array_like
        The probability t of yes, from 0 to 1, of the same shape.
    weight : array_like, optional
        A weight for each element; broadcast.
    reduction : str
        "mean", "sum" or "none".
    pos_weight : array_like, optional
        The weight p of yes; broadcast.
    """
    positive = 1.0 if pos_weight is None else np.asarray(plain(pos_weight), input.dtype)
    loss = _logit_loss(input, _matched(input, target), positive)
    if weight is not None:
        loss = loss * np.asarray(plain(weight), input.dtype)
    return _reduced(loss, reduction)


# -- numbers

_squared_error = Op(
    lambda input, target: np.square(input - target),
    lambda g, input, target: g * (2 * (input - target)),
    lambda g, input, target: g * (2 * (target - input)),
    name="squared_error",
)


def mse_loss(input: Any, target: Any, *, reduction: str = "mean") -> Any:
    """(x − t)²."""
    return _reduced(_squared_error(input, _matched(input, target)), reduction)


def l1_loss(input: Any, target: Any, *, reduction: str = "mean") -> Any:
    """abs(x − t); the derivative where they are equal is 0."""
    return _reduced(np.abs(input - _matched(input, target)), reduction)


def _huber_forward(input: Array, target: Array, delta: float) -> Any:
    d = np.abs(input - target)
    m = np.minimum(d, delta)
    return m * (d - 0.5 * m)


_huber = Op(
    _huber_forward,
    lambda g, input, target, delta: g * np.clip(input - target, -delta, delta),
    lambda g, input, target, delta: g * np.clip(target - input, -delta, delta),
    name="huber",
)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """d²/2 where d = abs(x − t) < ``delta``, else ``delta`` · (d − ``delta``/2)."""
    if not delta > 0:
        raise ValueError(f"delta must be positive, not {delta}")
    return _reduced(_huber(input, _matched(input, target), float(delta)), reduction)


def smooth_l1_loss(input: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Any:
    """d²/(2 ``beta``) where d = abs(x − t) < ``beta``, else d − ``beta``/2: Huber over ``beta``."""
    if not beta >= 0:
        raise ValueError(f"beta must not be negative, not {beta}")
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return huber_loss(input, target, reduction, beta) / beta
