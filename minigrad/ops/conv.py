"""Convolution in two dimensions, as one matrix product.

All windows of the input are copied side by side into a matrix (im2col); the kernel, one row an
output channel, times that matrix is the output. The output is linear in the input and in the
kernel, so that three operations suffice for derivatives of any order: ``conv2d`` and its two
adjoints, ``conv2d_input`` and ``conv2d_weight``. Each one's derivatives are the other two.

Shapes are (N, C, H, W) as everywhere, but the memory is laid out as (C, H, W, N): copying a
window then moves long runs, the product needs no transposition before or after, and one value a
channel multiplies one contiguous block. Elementwise operations keep the layout of their input,
so that a network stays in it from its first convolution on.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from minigrad.engine import Op

Array = NDArray[Any]
Pair = tuple[int, int]


class Windows(NamedTuple):
    """How a window moves: in each direction its size, step, padding and spacing."""

    size: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

    def output(self, shape: tuple[int, ...]) -> Pair:
        """How many places it takes in an input of this shape."""
        h, w = (
            (n + 2 * p - d * (k - 1) - 1) // s + 1
            for n, k, s, p, d in zip(shape[-2:], *self, strict=True)
        )
        if h < 1 or w < 1:
            raise ValueError(
                f"a window of size {self.size} (dilation {self.dilation}) does not fit into "
                f"an input of {shape[-2]} x {shape[-1]} with padding {self.padding}"
            )
        return h, w


def to_inner(x: Array) -> Array:
    """(N, C, H, W) seen as (C, H, W, N): a view."""
    return x.transpose(1, 2, 3, 0)


def to_outer(x: Array) -> Array:
    """(C, H, W, N) seen as (N, C, H, W): a view."""
    return x.transpose(3, 0, 1, 2)


def padded(x: Array, padding: Pair, value: float = 0) -> Array:
    """(C, H, W, N) contiguous, with ``value`` around."""
    (p, q), (c, h, w, n) = padding, x.shape
    if not (p or q):
        return np.ascontiguousarray(x)
    result = np.full((c, h + 2 * p, w + 2 * q, n), value, x.dtype)
    result[:, p : p + h, q : q + w] = x
    return result


def windows(x: Array, how: Windows, places: Pair) -> Array:
    """All windows of a padded (C, H, W, N): a view (C, kh, kw, OH, OW, N)."""
    c, h, w, n = x.strides
    (s, t), (d, e) = how.stride, how.dilation
    return as_strided(
        x,
        (x.shape[0], *how.size, *places, x.shape[3]),
        (c, h * d, w * e, h * s, w * t, n),
        writeable=False,
    )


def offsets(how: Windows, places: Pair) -> Any:
    """For each place (i, j) within the window, the slices it sweeps over the padded input."""
    (s, t), (d, e) = how.stride, how.dilation
    for i in range(how.size[0]):
        for j in range(how.size[1]):
            rows = slice(i * d, i * d + s * (places[0] - 1) + 1, s)
            yield i, j, rows, slice(j * e, j * e + t * (places[1] - 1) + 1, t)


def cropped(x: Array, padding: Pair) -> Array:
    """Without the padding: a view."""
    p, q = padding
    return x[:, p : x.shape[1] - p, q : x.shape[2] - q]


def _columns(x: Array, how: Windows, places: Pair, groups: int) -> Array:
    """The matrix of windows, (groups, C/groups * kh * kw, OH * OW * N)."""
    x = padded(to_inner(x), how.padding)
    # 1 x 1 windows at every place are the input itself.
    view = x if how.size == how.stride == (1, 1) else windows(x, how, places)
    rows = x.shape[0] // groups * math.prod(how.size)
    return view.reshape(groups, rows, math.prod(places) * x.shape[3])


def _how(weight: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair) -> Windows:
    return Windows((weight[2], weight[3]), stride, padding, dilation)


def _depthwise(weight: tuple[int, ...], groups: int) -> bool:
    """One input channel for each output channel, and several of them: no matrix to speak of."""
    return weight[1] == 1 and weight[0] == groups > 1


def _by_channel(x: Array, kernel: Array, how: Windows, places: Pair) -> Array:
    """Depthwise convolution of a padded (C, H, W, N) with (C, kh, kw)."""
    (c, _, width, n), (h, w) = x.shape, places
    if how.dilation[0] == 1 and n >= 16 and width <= 8 * how.size[1]:
        # As a product with a band matrix, (OW, kh * W) for each channel: a row of the output
        # from kh whole rows of the input, which lie together in memory. Most of the band
        # matrix is zeros, but up to this width it is faster than adding term by term.
        band = np.zeros((c, w, how.size[0], width), kernel.dtype)
        at = np.arange(w)
        for j in range(how.size[1]):
            band[:, at, :, at * how.stride[1] + j * how.dilation[1]] = kernel[:, :, j]
        s, t, u, v = x.strides
        rows = as_strided(
            x, (c, h, how.size[0] * width, n), (s, t * how.stride[0], u, v), writeable=False
        )
        with np.errstate(invalid="ignore", over="ignore"):
            y = np.asarray(band.reshape(c, 1, w, -1) @ rows)
            # The zeros would carry a NaN or an infinity along the row: then term by term.
            if np.isfinite(y.sum()):
                return y
    y = np.zeros((c, h, w, n), np.result_type(x, kernel))
    term = np.empty_like(y)
    factors = kernel[..., None, None, None]
    for i, j, down, across in offsets(how, places):
        np.multiply(x[:, down, across], factors[:, i, j], out=term)
        y += term
    return y


def _conv2d(
    input: Array,
    weight: Array,
    bias: Array | None,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Array:
    how = _how(weight.shape, stride, padding, dilation)
    h, w = places = how.output(input.shape)
    o, n = weight.shape[0], input.shape[0]
    if _depthwise(weight.shape, groups):
        y = _by_channel(padded(to_inner(input), padding), weight[:, 0], how, places)
    else:
        matrix = weight.reshape(groups, o // groups, -1)
        y = (matrix @ _columns(input, how, places, groups)).reshape(o, h, w, n)
    if bias is not None:
        y += bias.reshape(o, 1, 1, 1)
    return to_outer(y)


def _conv2d_input(
    x: Array,
    weight: Array,
    shape: tuple[int, ...],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Array:
    how = _how(weight.shape, stride, padding, dilation)
    h, w = places = how.output(shape)
    n, c = shape[:2]
    o = weight.shape[0]
    dtype = np.result_type(x, weight)
    g = to_inner(x)
    extent = (shape[2] + 2 * padding[0], shape[3] + 2 * padding[1])
    if _depthwise(weight.shape, groups) and stride == dilation == (1, 1):
        # Turned by half, the kernel takes the gradient back to where it came from.
        edge = (how.size[0] - 1, how.size[1] - 1)
        flipped = weight[:, 0, ::-1, ::-1]
        back = Windows(how.size, stride, (0, 0), dilation)
        x = _by_channel(padded(g, edge), flipped, back, extent)
        return to_outer(cropped(x, padding))
    if _depthwise(weight.shape, groups):
        result = np.zeros((c, *extent, n), dtype)
        term = np.empty((o, h, w, n), dtype)
        kernel = weight.reshape(o, *how.size, 1, 1, 1)
        for i, j, rows, columns in offsets(how, places):
            np.multiply(g, kernel[:, i, j], out=term)
            result[:, rows, columns] += term
        return to_outer(cropped(result, padding))
    matrix = weight.reshape(groups, o // groups, -1).transpose(0, 2, 1)
    parts = (matrix @ g.reshape(groups, o // groups, h * w * n)).reshape(c, *how.size, h, w, n)
    if how.size == stride == (1, 1) and padding == (0, 0):
        return to_outer(parts.reshape(c, h, w, n))
    result = np.zeros((c, *extent, n), dtype)
    for i, j, rows, columns in offsets(how, places):
        result[:, rows, columns] += parts[:, i, j]
    return to_outer(cropped(result, padding))


def _conv2d_weight(
    x: Array,
    input: Array,
    shape: tuple[int, ...],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Array:
    how = _how(shape, stride, padding, dilation)
    places = how.output(input.shape)
    o = shape[0]
    g = np.ascontiguousarray(to_inner(x))
    if _depthwise(shape, groups):
        image = padded(to_inner(input), padding)
        result = np.empty(shape, np.result_type(g, input))
        for i, j, rows, columns in offsets(how, places):
            np.einsum("chwn,chwn->c", image[:, rows, columns], g, out=result[:, 0, i, j])
        return result
    columns = _columns(input, how, places, groups)
    return (g.reshape(groups, o // groups, -1) @ columns.transpose(0, 2, 1)).reshape(shape)


conv2d: Op = Op(
    _conv2d,
    lambda g, weight, input_shape, stride, padding, dilation, groups: conv2d_input(
        g, weight, input_shape, stride, padding, dilation, groups
    ),
    lambda g, input, weight_shape, stride, padding, dilation, groups: conv2d_weight(
        g, input, weight_shape, stride, padding, dilation, groups
    ),
    lambda g: np.sum(g, axis=(0, 2, 3)),
    name="conv2d",
)
"""(N, C, H, W) with (O, C/groups, kh, kw) to (N, O, OH, OW); ``bias`` (O,) or None."""

conv2d_input: Op = Op(
    _conv2d_input,
    lambda g, weight, stride, padding, dilation, groups: conv2d(
        g, weight, None, stride, padding, dilation, groups
    ),
    lambda g, x, weight_shape, stride, padding, dilation, groups: conv2d_weight(
        x, g, weight_shape, stride, padding, dilation, groups
    ),
    name="conv2d_input",
)
"""The gradient of a convolution by its input: the transposed convolution."""

conv2d_weight: Op = Op(
    _conv2d_weight,
    lambda g, input, stride, padding, dilation, groups: conv2d(
        input, g, None, stride, padding, dilation, groups
    ),
    lambda g, x, input_shape, stride, padding, dilation, groups: conv2d_input(
        x, g, input_shape, stride, padding, dilation, groups
    ),
    name="conv2d_weight",
)
"""The gradient of a convolution by its kernel."""
