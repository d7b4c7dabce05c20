"""Task 2: a stable sigmoid.

t = e^-|z| never overflows. For z >= 0, σ(z) = 1 / (1 + t) and 1 - σ(z) = t / (1 + t); for z < 0 it
is the other way round. The slope is the product of the two, which is the same on both sides.
"""

import numpy as np

KAPPA = 1.702


def sigmoid(z):
    """σ(z)."""
    t = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, t) / (1 + t)


def sigmoid_slope(z):
    """σ(z) σ(-z) = t / (1 + t)²."""
    t = np.exp(-np.abs(z))
    return t / (1 + t) ** 2


def u(x):
    """x (1 + σ(κx)), for x >= 0."""
    return x * (1 + sigmoid(KAPPA * x))


def du(x):
    """Its derivative. Far out nothing changes any more, and ∞ times 0 is not a number."""
    z = KAPPA * np.minimum(x, 500)
    return 1 + sigmoid(z) + z * sigmoid_slope(z)
