"""Pooling: the largest or the mean value of each window.

Each kind rests on a pair of linear operations, one the reverse of the other, so that the
derivative of either is the other: taking one element out of each window and putting it back,
summing each window and spreading over it. Memory is laid out as in ``conv``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.core import plain
from minigrad.engine import Op
from minigrad.ops.conv import Pair, Windows, cropped, offsets, padded, to_inner, to_outer

Array = NDArray[Any]


def _max_pool2d(input: Array, how: Windows) -> Array:
    places = how.output(input.shape)
    x = padded(to_inner(input), how.padding, -np.inf)
    parts = [x[:, rows, columns] for _, _, rows, columns in offsets(how, places)]
    y = parts[0].copy()
    for part in parts[1:]:
        np.maximum(y, part, out=y)
    return to_outer(y)


def _which(input: Any, y: Any, how: Windows) -> Array:
    """The number of the first element in each window that is the largest, as (C, OH, OW, N)."""
    input, y = plain(input), to_inner(plain(y))
    missing = bool(np.isnan(y).any())
    # NaN around equals nothing: the padding is never the largest, not even where all is -inf.
    x = padded(to_inner(input), how.padding, -np.inf if missing else np.nan)
    parts = [x[:, rows, columns] for _, _, rows, columns in offsets(how, y.shape[1:3])]
    # Counted, not assigned: how many elements come before the first that equals the largest.
    which = np.zeros(y.shape, np.uint8 if len(parts) < 256 else np.int64)
    before = np.ones(y.shape, np.bool_)
    for part in parts[:-1]:
        before &= part != y
        if missing:
            before &= ~np.isnan(part)
        which += before
    return which


_max_pool = Op(
    _max_pool2d,
    lambda g, input, y, how: put_back(g, _which(input, y, how), input.shape, how),
    name="max_pool2d",
)


def _take_out(x: Array, which: Array, how: Windows) -> Array:
    x = padded(to_inner(x), how.padding)
    y = np.zeros(which.shape, x.dtype)
    for k, (_, _, rows, columns) in enumerate(offsets(how, which.shape[1:3])):
        np.copyto(y, x[:, rows, columns], where=which == k)
    return to_outer(y)


def _put_back(x: Array, which: Array, shape: tuple[int, ...], how: Windows) -> Array:
    (p, q), (n, c, h, w) = how.padding, shape
    g = to_inner(x)
    result = np.zeros((c, h + 2 * p, w + 2 * q, n), x.dtype)
    apart = all(d * (k - 1) < s for k, s, _, d in zip(*how, strict=True))  # windows do not overlap
    for k, (_, _, rows, columns) in enumerate(offsets(how, which.shape[1:3])):
        if apart:
            np.multiply(g, which == k, out=result[:, rows, columns])
        else:
            result[:, rows, columns] += g * (which == k)
    return to_outer(cropped(result, how.padding))


take_out: Op = Op(
    _take_out,
    lambda g, which, x_shape, how: put_back(g, which, x_shape, how),
    name="take_out",
)
"""From each window the element numbered ``which``."""

put_back: Op = Op(_put_back, lambda g, which, how: take_out(g, which, how), name="put_back")
"""Zeros of ``shape`` with each value added where ``take_out`` would take it."""


def max_pool2d(
    input: Any, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair = (1, 1)
) -> Any:
    """The largest value of each window; at ties the first one has the gradient."""
    return _max_pool(input, Windows(kernel_size, stride, padding, dilation))


def _window_sum(x: Array, how: Windows) -> Array:
    places = how.output(x.shape)
    inner = padded(to_inner(x), how.padding)
    y = np.zeros((inner.shape[0], *places, inner.shape[3]), x.dtype)
    for _, _, rows, columns in offsets(how, places):
        y += inner[:, rows, columns]
    return to_outer(y)


def _spread(x: Array, shape: tuple[int, ...], how: Windows) -> Array:
    (p, q), (n, c, h, w) = how.padding, shape
    g = to_inner(x)
    result = np.zeros((c, h + 2 * p, w + 2 * q, n), x.dtype)
    for _, _, rows, columns in offsets(how, g.shape[1:3]):
        result[:, rows, columns] += g
    return to_outer(cropped(result, how.padding))


window_sum: Op = Op(_window_sum, lambda g, x_shape, how: spread(g, x_shape, how), name="window_sum")
"""The sum of each window."""

spread: Op = Op(_spread, lambda g, how: window_sum(g, how), name="spread")
"""Zeros of ``shape`` with each value added to the whole of its window."""


def avg_pool2d(
    input: Any, kernel_size: Pair, stride: Pair, padding: Pair, count_include_pad: bool = True
) -> Any:
    """The mean of each window; the padding's zeros count unless ``count_include_pad`` is False."""
    how = Windows(kernel_size, stride, padding, (1, 1))
    total = window_sum(input, how)
    if count_include_pad or padding == (0, 0):
        return total / math.prod(kernel_size)
    ones = np.ones((1, 1, *input.shape[2:]), input.dtype)
    return total / window_sum(ones, how)


def adaptive_avg_pool2d(input: Any, output_size: Pair) -> Any:
    """The mean over as many bins as asked for, from floor(i·H/h) to ceil((i+1)·H/h)."""
    if output_size == (1, 1):
        return np.mean(input, axis=(2, 3), keepdims=True)
    (h, w), (rows, columns) = input.shape[2:], output_size
    if h % rows == w % columns == 0:
        size = (h // rows, w // columns)
        return avg_pool2d(input, size, size, (0, 0))
    means = [
        np.mean(input[:, :, top:bottom, left:right], axis=(2, 3))
        for top, bottom in _bins(h, rows)
        for left, right in _bins(w, columns)
    ]
    return np.stack(means, axis=2).reshape((*input.shape[:2], rows, columns))


def _bins(n: int, count: int) -> list[tuple[int, int]]:
    return [(i * n // count, -((i + 1) * n // -count)) for i in range(count)]
