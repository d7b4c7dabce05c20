"""Normalisation: over the batch, for each channel; or over the features, for each sample.

Both are fused by hand, for they would be a dozen operations otherwise. Their backward is the
classic one: of the gradient, what would move the mean or the variance is taken out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.autograd import Function
from minigrad.engine import Op
from minigrad.nn.functional.activation import along_channels

Array = NDArray[Any]


def _by_channel(x: Array) -> Array:
    """(N, C, …) as (C, M): a view if memory is laid out as convolution leaves it, or (N, C)."""
    inner = x.transpose(*range(1, x.ndim), 0)
    if x.dtype == np.float16:
        inner = inner.astype(np.float32)  # squares and sums would overflow
    return inner.reshape(x.shape[1], math.prod(x.shape) // max(x.shape[1], 1))


def _by_sample(x: Array, shape: tuple[int, ...]) -> Array:
    return x.transpose(1, 0) if len(shape) == 2 else _outer(x, shape)


def _outer(x: Array, shape: tuple[int, ...]) -> Array:
    inner = x.reshape(*shape[1:], shape[0])
    return inner.transpose(-1, *range(len(shape) - 1))


def _dot(x: Array, y: Array) -> Array:
    """The sum of products of each row with the same row, (rows, 1)."""
    return (x[:, None, :] @ y[:, :, None])[:, 0]


def _standardised(x: Array, eps: float) -> tuple[Array, Array, Array, Array]:
    """Rows less their mean, over their deviation; and 1/deviation, mean and variance (rows, 1)."""
    n = x.shape[1]
    mean = x.mean(axis=1, keepdims=True)
    d = x - mean
    variance = _dot(d, d) / n
    inverse = 1 / np.sqrt(variance + eps)
    d *= inverse
    return d, inverse, mean, variance


def _formula(x: Any, axes: tuple[int, ...], eps: float) -> Any:
    d = x - np.mean(x, axis=axes, keepdims=True)
    return d / np.sqrt(np.mean(d * d, axis=axes, keepdims=True) + eps)


class _BatchNorm(Function):
    @staticmethod
    def forward(
        ctx: Any, input: Array, weight: Any, bias: Any, eps: float, observe: Any = None
    ) -> Any:
        x = _by_channel(input)
        d, inverse, mean, variance = _standardised(x, eps)
        if observe is not None:
            observe(mean[:, 0], variance[:, 0] * (x.shape[1] / (x.shape[1] - 1)))
        ctx.kept = d, inverse, weight, input.shape, input.dtype
        y = d * weight[:, None] if weight is not None else d
        if bias is not None:
            y = y + bias[:, None]
        return _by_sample(y, input.shape).astype(input.dtype, copy=False)

    @staticmethod
    def backward(ctx: Any, grad_output: Array) -> Any:
        d, inverse, weight, shape, dtype = ctx.kept
        g = _by_channel(grad_output)
        n = g.shape[1]
        total, along = g.sum(axis=1, keepdims=True), _dot(g, d)
        dx = None
        if ctx.needs_input_grad[0]:
            dx = d * (along / -n)
            dx += g
            dx -= total / n
            dx *= inverse if weight is None else inverse * weight[:, None]
            dx = _by_sample(dx, shape).astype(dtype, copy=False)
        return dx, along[:, 0], total[:, 0], None, None

    @staticmethod
    def formula(input: Any, weight: Any, bias: Any, eps: float, observe: Any) -> Any:
        y = _formula(input, (0, *range(2, input.ndim)), eps)
        y = y if weight is None else y * along_channels(weight, input.ndim)
        return y if bias is None else y + along_channels(bias, input.ndim)


# With the statistics given, normalisation is a straight line for each channel.
_line = Op(
    lambda input, mean, inverse, weight, bias: (input - mean) * (inverse * weight) + bias,
    lambda g, inverse, weight: g * (inverse * weight),
    None,
    None,
    lambda g, input, mean, inverse: g * ((input - mean) * inverse),
    lambda g: g,
    name="batch_norm_eval",
    broadcasts=True,
)


def batch_norm(
    input: Any,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """(x − mean) / √(variance + eps) · weight + bias for each channel.

    Parameters
    ----------
    input : Tensor
        (N, C) or (N, C, …).
    running_mean, running_var : array or None
        (C,): what is used unless ``training``. If training they are updated in place:
        running = (1 − momentum) · running + momentum · batch, with the unbiased variance.
    weight, bias : Tensor, optional
        (C,).
    training : bool
        Whether to use the mean and the (biased) variance of this batch.
    momentum, eps : float
        As above.

    References
    ----------
    Ioffe, Szegedy, *Batch Normalization* (arXiv 1502.03167).
    """
    ndim = input.ndim
    if ndim < 2:
        raise ValueError(f"batch_norm takes (N, C) or (N, C, …), not shape {input.shape}")
    channels = input.shape[1]
    for what, given in (("weight", weight), ("running_mean", running_mean)):
        if given is not None and given.shape != (channels,):
            raise ValueError(f"{what} has shape {given.shape}, the input {channels} channels")
    if not training:
        if running_mean is None or running_var is None:
            raise ValueError("batch_norm without training needs running_mean and running_var")
        return _line(
            input,
            along_channels(running_mean.astype(input.dtype, copy=False), ndim),
            along_channels((1 / np.sqrt(running_var + eps)).astype(input.dtype, copy=False), ndim),
            1 if weight is None else along_channels(weight, ndim),
            0 if bias is None else along_channels(bias, ndim),
        )
    if math.prod(input.shape) <= channels:
        raise ValueError(
            f"batch_norm in training needs more than one value a channel, not shape {input.shape}"
        )

    def observe(mean: Array, variance: Array) -> None:
        for running, new in ((running_mean, mean), (running_var, variance)):
            if running is not None:
                running *= 1 - momentum
                running += momentum * new

    return _BatchNorm.apply(input, weight, bias, eps, observe)


class _LayerNorm(Function):
    @staticmethod
    def forward(ctx: Any, input: Array, weight: Any, bias: Any, eps: float, count: int) -> Any:
        size = math.prod(input.shape[input.ndim - count :])
        rows = math.prod(input.shape[: input.ndim - count])
        wide = np.float32 if input.dtype == np.float16 else input.dtype
        d, inverse, _, _ = _standardised(input.reshape(rows, size).astype(wide, copy=False), eps)
        ctx.kept = d, inverse, weight, input.shape, input.dtype, count
        y = d * weight.ravel() if weight is not None else d
        if bias is not None:
            y = y + bias.ravel()
        return y.reshape(input.shape).astype(input.dtype, copy=False)

    @staticmethod
    def backward(ctx: Any, grad_output: Array) -> Any:
        d, inverse, weight, shape, dtype, count = ctx.kept
        g = grad_output.reshape(d.shape).astype(d.dtype, copy=False)
        own = shape[len(shape) - count :]
        dweight = None if weight is None else (g * d).sum(axis=0).reshape(own)
        dbias = g.sum(axis=0).reshape(own) if ctx.needs_input_grad[2] else None
        dx = None
        if ctx.needs_input_grad[0]:
            g = g if weight is None else g * weight.ravel()
            dx = d * (_dot(g, d) / -d.shape[1])
            dx += g
            dx -= g.mean(axis=1, keepdims=True)
            dx *= inverse
            dx = dx.reshape(shape).astype(dtype, copy=False)
        return dx, dweight, dbias, None, None

    @staticmethod
    def formula(input: Any, weight: Any, bias: Any, eps: float, count: int) -> Any:
        y = _formula(input, tuple(range(input.ndim - count, input.ndim)), eps)
        y = y if weight is None else y * weight
        return y if bias is None else y + bias


def layer_norm(
    input: Any,
    normalized_shape: Sequence[int],
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    """(x − mean) / √(variance + eps) · weight + bias, over the last axes of each sample.

    Parameters
    ----------
    input : Tensor
        Its last axes have the lengths ``normalized_shape``.
    normalized_shape : sequence of int
        The shape of the axes that are normalised together, and of ``weight`` and ``bias``.

    References
    ----------
    Ba, Kiros, Hinton, *Layer Normalization* (arXiv 1607.06450).
    """
    shape = tuple(normalized_shape)
    if not shape or input.shape[-len(shape) :] != shape:
        raise ValueError(
            f"layer_norm over {shape} needs an input (…, *{shape}): it is {input.shape}"
        )
    return _LayerNorm.apply(input, weight, bias, eps, len(shape))
