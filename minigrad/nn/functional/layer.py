"""The functions behind the layers: linear maps, convolution, pooling, dropout."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad import ops
from minigrad.engine import Op
from minigrad.random import default_generator

Array = NDArray[Any]


def _linear_forward(input: Array, weight: Array, bias: Array | None = None) -> Array:
    try:
        y = input @ weight.T
    except ValueError:
        raise ValueError(
            f"the input's last axis must have length {weight.shape[1]}: its shape is {input.shape}"
        ) from None
    if bias is None:
        return y
    if y.dtype != bias.dtype:
        return y + bias
    y += bias
    return y


def _rows(x: Any) -> Any:
    """All axes but the last as one."""
    return x if x.ndim == 2 else x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


_linear = Op(
    _linear_forward,
    lambda g, weight: g @ weight,
    lambda g, input: _rows(g).T @ _rows(input),
    lambda g: np.sum(_rows(g), axis=0),
    name="linear",
)


def linear(input: Any, weight: Any, bias: Any = None) -> Any:
    """x Wᵀ + b: input (…, in), weight (out, in), bias (out,) or None."""
    return _linear(input, weight, bias)


def pair(value: Any, what: str, least: int = 1) -> tuple[int, int]:
    """One number for both directions, or one for each; checked."""
    both = (value, value) if isinstance(value, (int, np.integer)) else tuple(value)
    if len(both) != 2 or not all(isinstance(v, (int, np.integer)) and v >= least for v in both):
        raise ValueError(f"{what} must be an integer of at least {least}, or two: not {value!r}")
    return int(both[0]), int(both[1])


def _as_batch(input: Any, function: str) -> Any:
    if input.ndim not in (3, 4):
        raise ValueError(
            f"{function} takes an input (N, C, H, W) or (C, H, W), not one of shape {input.shape}"
        )
    return input if input.ndim == 4 else input.reshape((1, *input.shape))


def _as_before(y: Any, input: Any) -> Any:
    return y if input.ndim == 4 else y.reshape(y.shape[1:])


def conv2d(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Any:
    """Convolution (strictly, cross-correlation) in two dimensions.

    Parameters
    ----------
    input : Tensor
        (N, C, H, W) or (C, H, W).
    weight : Tensor
        (O, C / ``groups``, kh, kw).
    bias : Tensor, optional
        (O,).
    stride, padding, dilation : int or pair of int
        For height and width. ``padding`` may also be "valid" (none) or "same": the output is
        as large as the input, which needs stride 1; where the padding is odd, the greater
        part comes after.
    groups : int
        Channels are divided into groups that do not see one another.

    Returns
    -------
    Tensor
        (N, O, H', W'), with H' = ⌊(H + 2 padding − dilation (kh − 1) − 1) / stride⌋ + 1.
    """
    x = _as_batch(input, "conv2d")
    o, c, kh, kw = weight.shape
    if o % groups or x.shape[1] != c * groups:
        raise ValueError(
            f"a weight {weight.shape} in {groups} group(s) needs an input of {c * groups} channels "
            f"and outputs divisible by groups: the input has shape {input.shape}"
        )
    step, spacing = pair(stride, "stride"), pair(dilation, "dilation")
    if isinstance(padding, str):
        total = _total_padding(padding, (kh, kw), step, spacing)
        if any(p % 2 for p in total):
            x = np.pad(x, ((0, 0), (0, 0), (0, total[0] % 2), (0, total[1] % 2)))
        around = (total[0] // 2, total[1] // 2)
    else:
        around = pair(padding, "padding", 0)
    return _as_before(ops.conv2d(x, weight, bias, step, around, spacing, groups), input)


def _total_padding(
    padding: str, size: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> tuple[int, int]:
    if padding == "valid":
        return 0, 0
    if padding != "same":
        raise ValueError(f"padding must be a number, a pair, 'same' or 'valid', not {padding!r}")
    if stride != (1, 1):
        raise ValueError("padding='same' needs stride 1")
    return dilation[0] * (size[0] - 1), dilation[1] * (size[1] - 1)


def max_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> Any:
    """The largest value of each window of (N, C, H, W) or (C, H, W).

    ``stride`` is ``kernel_size`` unless given. What is padded never is the largest. At ties the
    first has the gradient.
    """
    size = pair(kernel_size, "kernel_size")
    step = size if stride is None else pair(stride, "stride")
    around = _pool_padding(padding, size)
    x = _as_batch(input, "max_pool2d")
    return _as_before(ops.max_pool2d(x, size, step, around, pair(dilation, "dilation")), input)


def avg_pool2d(
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    *,
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window of (N, C, H, W) or (C, H, W).

    ``stride`` is ``kernel_size`` unless given. The zeros of the padding count, unless
    ``count_include_pad`` is False.
    """
    size = pair(kernel_size, "kernel_size")
    step = size if stride is None else pair(stride, "stride")
    around = _pool_padding(padding, size)
    x = _as_batch(input, "avg_pool2d")
    return _as_before(ops.avg_pool2d(x, size, step, around, count_include_pad), input)


def _pool_padding(padding: Any, size: tuple[int, int]) -> tuple[int, int]:
    around = pair(padding, "padding", 0)
    if any(2 * p > k for p, k in zip(around, size, strict=True)):
        raise ValueError(f"padding {around} is more than half of the window {size}")
    return around


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Any:
    """The mean over ``output_size`` bins, as even as can be; None keeps a direction."""
    x = _as_batch(input, "adaptive_avg_pool2d")
    given = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * 2
    size = tuple(
        n if wanted is None else wanted for n, wanted in zip(x.shape[2:], given, strict=True)
    )
    return _as_before(ops.adaptive_avg_pool2d(x, pair(size, "output_size")), input)


def dropout(input: Any, p: float = 0.5, training: bool = True) -> Any:
    """Each element is 0 with probability ``p``, else divided by 1 − p.

    The mask comes from :func:`minigrad.random.default_generator`. Nothing happens unless
    ``training``.
    """
    if not 0 <= p <= 1:
        raise ValueError(f"p is a probability, from 0 to 1, not {p}")
    if not training or p == 0:
        return input
    kept = default_generator().random(input.shape, dtype=np.float32) >= p
    scale = 1 / (1 - p) if p < 1 else 0.0
    return input * (kept * np.asarray(scale, input.dtype))
