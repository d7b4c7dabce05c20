"""APALU written with care: passes every probe, also with ``--profile strict``.

    apalu-ref check tutorials/subjects/careful.py --profile strict

What it does that the textbook version does not:

* it computes in float64 and rounds once, so float16 and float32 lose nothing on the way;
* ``expm1(x)`` for e^x - 1, and σ(-z) for 1 - σ(z): no digits cancel;
* each branch sees its own half of the axis, so the other one cannot overflow;
* a and b get gradients from their own half only, summed in float64 over exactly the
  axes along which they were broadcast.
"""

import numpy as np

KAPPA = 1.702


def forward(x, a, b, kappa=KAPPA):
    """The values, and what backward needs."""
    dtype = np.result_type(x, a, b) if x.dtype.kind == "f" else np.float64
    x64, a64, b64 = (t.astype(np.float64) for t in (x, a, b))
    positive, negative = np.maximum(x64, 0), np.minimum(x64, 0)
    _, s, _ = sigmoids(positive, kappa)
    y = np.where(x64 < 0, b64 * np.expm1(negative), a64 * positive * (1 + s))
    return y.astype(dtype), (x, a, b)


def backward(ctx, gy, kappa=KAPPA):
    """The gradients of x, a and b, each in its input's shape and type."""
    x, a, b = ctx
    x64, a64, b64, g = (t.astype(np.float64) for t in (x, a, b, gy))
    positive, negative = np.maximum(x64, 0), np.minimum(x64, 0)
    z, s, c = sigmoids(positive, kappa)
    below = x64 < 0
    dx = g * np.where(below, b64 * np.exp(negative), a64 * (1 + s + z * s * c))
    da = np.where(below, 0, g * positive * (1 + s))
    db = np.where(below, g * np.expm1(negative), 0)
    float_x = x if x.dtype.kind == "f" else x64
    return tuple(
        sum_to(t.shape, gradient).astype(t.dtype)
        for t, gradient in ((float_x, dx), (a, da), (b, db))
    )


def sigmoids(x, kappa=KAPPA):
    """z = κx, σ(z) and σ(-z), for x >= 0."""
    z = kappa * np.minimum(x, 500)  # σ is 1 long before; z must not overflow
    t = np.exp(-z)
    return z, 1 / (1 + t), t / (1 + t)


def sum_to(shape, gradient):
    """Undo broadcasting: sum over the axes that were added or stretched."""
    extra = gradient.ndim - len(shape)
    gradient = gradient.sum(axis=tuple(range(extra)))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and gradient.shape[i] != 1)
    return gradient.sum(axis=stretched, keepdims=True)
