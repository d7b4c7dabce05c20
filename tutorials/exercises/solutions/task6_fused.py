"""Task 6: a fused kernel, in blocks that stay in the cache.

max(x, 0) and min(x, 0) are 0 on the other half of the axis, and so are u and v there: the two
branches can be added, and nothing has to be chosen. Only the slopes, 3a/2 and b at 0, need that.
"""

import numpy as np

from . import task3_backward as task3

KAPPA = 1.702
BLOCK = 16_384


def _in_blocks(x, a, b):
    """Worth it for many x and one a and b; task 3 does the rest."""
    return x.size > BLOCK and a.ndim == b.ndim == 0 and x.dtype.itemsize > 2


def _blocks(*arrays):
    flat = [t.reshape(-1) for t in arrays]
    for i in range(0, flat[0].size, BLOCK):
        yield [t[i : i + BLOCK] for t in flat]


def _sigmoid(above, s):
    """σ(κx) into s; above is max(x, 0), so nothing overflows."""
    np.multiply(above, -KAPPA, out=s)
    np.exp(s, out=s)
    s += 1
    np.reciprocal(s, out=s)


def forward(x, a, b):
    """Each block with the same three scratch arrays, which belong to this call."""
    if not _in_blocks(x, a, b):
        return task3.forward(x, a, b)
    y = np.empty(x.shape, np.result_type(x, a, b))
    scratch = np.empty((2, BLOCK), y.dtype)
    for xs, out in _blocks(x, y):
        above, s = scratch[:, : xs.size]
        np.maximum(xs, 0, out=above)
        _sigmoid(above, s)
        s += 1
        above *= a
        above *= s
        np.minimum(xs, 0, out=s)
        np.expm1(s, out=s)
        s *= b
        np.add(above, s, out=out)
    return y, (x, a, b)


def backward(ctx, gy):
    """The sums for a and b go on in float64 from block to block."""
    x, a, b = ctx
    if not _in_blocks(x, a, b):
        return task3.backward(ctx, gy)
    dx = np.empty(x.shape, x.dtype)
    scratch = np.empty((4, BLOCK), np.result_type(x, a, b))
    da = db = 0.0
    for xs, g, out in _blocks(x, gy, dx):
        above, s, slope, below = scratch[:, : xs.size]
        np.maximum(xs, 0, out=above)
        np.minimum(xs, 0, out=below)
        _sigmoid(above, s)
        np.multiply(above, -KAPPA, out=slope)
        np.exp(slope, out=slope)
        slope *= s  # 1 - σ, without a subtraction
        slope *= s
        slope *= above
        slope *= KAPPA
        s += 1
        slope += s
        slope *= a
        above *= s
        above *= g
        da += float(above.sum(dtype=np.float64))
        np.expm1(below, out=s)
        s *= g
        db += float(s.sum(dtype=np.float64))
        np.exp(below, out=below)
        below *= b
        np.copyto(slope, below, where=np.less(xs, 0))
        np.multiply(slope, g, out=out, casting="same_kind")
    return dx, np.asarray(da, a.dtype), np.asarray(db, b.dtype)
