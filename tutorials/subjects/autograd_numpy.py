"""APALU for HIPS autograd: NumPy, with gradients.

    apalu-ref check tutorials/subjects/autograd_numpy.py:with_expm1
    apalu-ref check tutorials/subjects/autograd_numpy.py:unclamped

``autograd.numpy`` is NumPy with every function wrapped so that it can be differentiated. The
formulas are those of a NumPy program, with one difference: each branch of ``where`` gets x
clamped to its own half. ``unclamped`` leaves that out, as NumPy alone would allow, and its
gradient is NaN where exp(x) overflows: 0 · inf.
"""

import autograd.numpy as np

KAPPA = 1.702


def positive(x, a):
    """a x (1 + σ(κx)); exp would overflow for negative x."""
    return a * x * (1 + 1 / (1 + np.exp(-KAPPA * np.where(x < 0, 0, x))))


def with_expm1(x, a, b):
    """Right."""
    return np.where(x < 0, b * np.expm1(np.where(x < 0, x, 0)), positive(x, a))


def unclamped(x, a, b):
    """Wrong: the gradient is NaN for large x, though y is right."""
    return np.where(x < 0, b * np.expm1(x), positive(x, a))
