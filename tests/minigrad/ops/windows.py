"""Samples of convolution and pooling, and the same written as loops over every number."""

import math

import numpy as np

from minigrad import ops
from minigrad.ops.conv import Windows
from minigrad.ops.pool import put_back, spread, take_out, window_sum

from .table import numbers, sample


def conv(x, weight, bias, stride, padding, dilation, groups):
    (n, _, h, w), (o, c, kh, kw) = x.shape, weight.shape
    (s, t), (p, q), (d, e) = stride, padding, dilation
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)))
    oh, ow = (h + 2 * p - d * (kh - 1) - 1) // s + 1, (w + 2 * q - e * (kw - 1) - 1) // t + 1
    y = np.zeros((n, o, oh, ow), x.dtype)
    for k in range(o):
        first = k // (o // groups) * c
        for i in range(oh):
            for j in range(ow):
                piece = x[:, first : first + c, i * s :, j * t :]
                window = piece[:, :, : d * (kh - 1) + 1 : d, : e * (kw - 1) + 1 : e]
                y[:, k, i, j] = (window * weight[k]).sum((1, 2, 3))
    return y if bias is None else y + bias[:, None, None]


def adjoint(f, shape, g):
    """The transpose of a linear function of an array of this shape, column by column."""
    result = np.zeros(shape, g.dtype)
    for index in np.ndindex(*shape):
        unit = np.zeros(shape, g.dtype)
        unit[index] = 1
        result[index] = (f(unit) * g).sum()
    return result


# input, weight, stride, padding, dilation, groups
GEOMETRIES = {
    "plain": ((2, 2, 3, 2), (3, 2, 2, 1), (1, 1), (0, 0), (1, 1), 1),
    "strided": ((1, 1, 5, 4), (2, 1, 3, 1), (2, 3), (1, 2), (1, 1), 1),
    "dilated": ((1, 1, 5, 4), (2, 1, 2, 2), (1, 2), (1, 0), (3, 2), 1),
    "grouped": ((1, 4, 2, 2), (2, 2, 2, 1), (1, 1), (1, 0), (1, 1), 2),
    "depthwise": ((2, 3, 2, 3), (3, 1, 2, 3), (2, 1), (0, 1), (1, 1), 3),
    "depthwise twice": ((1, 2, 3, 3), (4, 1, 2, 2), (1, 1), (0, 0), (1, 1), 2),
    # With 16 examples or more, the band matrix
    "depthwise band": ((16, 2, 2, 2), (2, 1, 2, 2), (1, 1), (0, 1), (1, 1), 2),
    "depthwise band, strided": ((16, 2, 1, 4), (2, 1, 2, 2), (1, 2), (1, 1), (1, 2), 2),
    "1 x 1": ((2, 3, 1, 2), (2, 3, 1, 1), (1, 1), (0, 0), (1, 1), 1),
    "1 x 1 strided": ((1, 2, 3, 5), (2, 2, 1, 1), (2, 2), (0, 0), (1, 1), 1),
    "rows left over": ((1, 1, 5, 6), (1, 1, 2, 2), (3, 3), (0, 0), (1, 1), 1),
    "of nothing": ((0, 2, 3, 3), (3, 2, 2, 2), (1, 1), (0, 0), (1, 1), 1),
}
for name, (shape, kernel, *how) in GEOMETRIES.items():
    x, weight, bias = numbers(*shape), numbers(*kernel), numbers(kernel[0])
    sample(
        f"conv2d {name}",
        lambda x, weight, bias, how=how: ops.conv2d(x, weight, bias, *how),
        x,
        weight,
        bias,
        reference=lambda x, weight, bias, how=how: conv(x, weight, bias, *how),
    )
    g = numbers(*conv(x, weight, None, *how).shape)
    sample(
        f"conv2d_input {name}",
        lambda g, weight, s=shape, how=how: ops.conv2d_input(g, weight, s, *how),
        g,
        weight,
        reference=lambda g, weight, s=shape, how=how: adjoint(
            lambda image: conv(image, weight, None, *how), s, g
        ),
    )
    sample(
        f"conv2d_weight {name}",
        lambda g, x, s=kernel, how=how: ops.conv2d_weight(g, x, s, *how),
        g,
        x,
        reference=lambda g, x, s=kernel, how=how: adjoint(lambda w: conv(x, w, None, *how), s, g),
    )
plain = GEOMETRIES["plain"][2:]
sample(
    "conv2d without bias",
    lambda x, weight: ops.conv2d(x, weight, None, *plain),
    numbers(1, 3, 2, 2),
    numbers(2, 3, 2, 1),
    reference=lambda x, weight: conv(x, weight, None, *plain),
)


def pooled(x, f, size, stride, padding=(0, 0), dilation=(1, 1), fill=0.0):
    """f of each window, taken by the numbers in it."""
    (p, q), (s, t), (d, e) = padding, stride, dilation
    x = np.pad(x, ((0, 0), (0, 0), (p, p), (q, q)), constant_values=fill)
    h = (x.shape[2] - d * (size[0] - 1) - 1) // s + 1
    w = (x.shape[3] - e * (size[1] - 1) - 1) // t + 1
    y = np.zeros((*x.shape[:2], h, w), x.dtype)
    for i in range(h):
        for j in range(w):
            piece = x[:, :, i * s :, j * t :]
            window = piece[:, :, : d * (size[0] - 1) + 1 : d, : e * (size[1] - 1) + 1 : e]
            y[:, :, i, j] = f(window.reshape(*x.shape[:2], math.prod(size)))
    return y


# input, size, stride, padding, dilation
POOLS = {
    "apart": ((1, 2, 2, 5), (2, 2), (2, 2), (0, 0), (1, 1)),
    "overlapping": ((2, 1, 3, 3), (3, 2), (1, 1), (1, 0), (1, 1)),
    "dilated": ((1, 1, 5, 4), (2, 2), (2, 1), (0, 1), (3, 2)),
    "of nothing": ((0, 2, 2, 2), (2, 2), (2, 2), (0, 0), (1, 1)),
}
for name, (shape, size, stride, padding, dilation) in POOLS.items():
    how = (size, stride, padding, dilation)
    sample(
        f"max_pool2d {name}",
        lambda x, how=how: ops.max_pool2d(x, *how),
        numbers(*shape),
        reference=lambda x, how=how: pooled(x, lambda w: w.max(-1), *how, fill=-np.inf),
    )
    windows = Windows(*how)
    places = windows.output(shape)
    total = lambda x, how=how: pooled(x, lambda w: w.sum(-1), *how)  # noqa: E731
    small = (*shape[:2], *places)
    sample(
        f"window_sum {name}",
        lambda x, w=windows: window_sum(x, w),
        numbers(*shape),
        reference=total,
    )
    sample(
        f"spread {name}",
        lambda g, s=shape, w=windows: spread(g, s, w),
        numbers(*small),
        reference=lambda g, s=shape, total=total: adjoint(total, s, g),
    )
    # Which element of each window: chosen at random, within the image or in its padding.
    rng = np.random.default_rng(0)
    which = rng.integers(0, math.prod(size), (shape[1], *places, shape[0]))

    def chosen(x, how=how, which=which, places=places):
        index = which.transpose(3, 0, 1, 2).reshape(*x.shape[:2], math.prod(places))
        every = iter(index.transpose(2, 0, 1))
        return pooled(x, lambda w: np.take_along_axis(w, next(every)[..., None], -1)[..., 0], *how)

    sample(
        f"take_out {name}",
        lambda x, k=which, w=windows: take_out(x, k, w),
        numbers(*shape),
        reference=chosen,
    )
    sample(
        f"put_back {name}",
        lambda g, s=shape, k=which, w=windows: put_back(g, k, s, w),
        numbers(*small),
        reference=lambda g, s=shape, chosen=chosen: adjoint(chosen, s, g),
    )
sample(
    "avg_pool2d",
    lambda x: ops.avg_pool2d(x, (2, 3), (1, 2), (1, 1)),
    numbers(1, 2, 3, 3),
    reference=lambda x: pooled(x, lambda w: w.mean(-1), (2, 3), (1, 2), (1, 1)),
)
sample(
    "avg_pool2d, padding not counted",
    lambda x: ops.avg_pool2d(x, (2, 2), (1, 2), (1, 0), False),
    numbers(1, 2, 3, 4),
    reference=lambda x: pooled(
        x, lambda w: np.nanmean(w, -1), (2, 2), (1, 2), (1, 0), fill=math.nan
    ),
)


def adaptive(x, size):
    (h, w), (m, n) = x.shape[2:], size
    rows = [slice(i * h // m, math.ceil((i + 1) * h / m)) for i in range(m)]
    columns = [slice(j * w // n, math.ceil((j + 1) * w / n)) for j in range(n)]
    return np.stack([np.stack([x[:, :, r, c].mean((2, 3)) for c in columns], -1) for r in rows], -2)


for size in [(2, 3), (1, 1), (3, 5)]:
    sample(
        f"adaptive_avg_pool2d {size}",
        lambda x, size=size: ops.adaptive_avg_pool2d(x, size),
        numbers(1, 2, 3, 5),
        reference=lambda x, size=size: adaptive(x, size),
    )
