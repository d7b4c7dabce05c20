"""APALU the way everyone writes it first: the formulas as they stand in the paper.

    apalu-ref check tutorials/subjects/textbook.py

It is right, and the check says so (exit status 0), with warnings: digits cancel in
``exp(x) - 1`` just below zero, and at x = inf the derivative's x s (1 - s) is inf * 0.
``--profile strict`` makes these errors. ``careful.py`` shows what to do about them.
"""

import numpy as np


def forward(x, a, b):
    """The values, and what backward needs."""
    with np.errstate(over="ignore"):  # the branch not taken may overflow
        s = 1 / (1 + np.exp(-1.702 * x))
        y = np.where(x >= 0, a * x * (1 + s), b * (np.exp(x) - 1))
    return y, (x, a, b, s)


def backward(ctx, gy):
    """The gradients of x, a and b."""
    x, a, b, s = ctx
    with np.errstate(over="ignore", invalid="ignore"):
        dx = gy * np.where(x >= 0, a * (1 + s + 1.702 * x * s * (1 - s)), b * np.exp(x))
        da = gy * np.where(x >= 0, x * (1 + s), 0)
        db = gy * np.where(x >= 0, 0, np.exp(x) - 1)
    return sum_to(x, dx), sum_to(a, da), sum_to(b, db)


def sum_to(t, gradient):
    """Undo broadcasting: sum over the axes that were added or stretched."""
    while gradient.ndim > t.ndim:
        gradient = gradient.sum(axis=0)
    for axis, n in enumerate(t.shape):
        if n == 1:
            gradient = gradient.sum(axis=axis, keepdims=True)
    return gradient.astype(t.dtype if t.dtype.kind == "f" else gradient.dtype)
