"""Task 7: an activation of one's own: the identity, and softsign doubled on the left."""

import numpy as np


def activation(x):
    """x on the right; 2x / (1 - x) on the left, which falls to -2."""
    below = np.minimum(x, 0)
    return np.where(x < 0, 2 * below / (1 - below), x)


def slope(x):
    """1 on the right, 2 / (1 - x)² on the left: at 0 it jumps from 2 to 1."""
    below = np.minimum(x, 0)
    return np.where(x < 0, 2 / (1 - below) ** 2, 1.0)


CARD = {
    "monotone": "increasing",
    "kinks": [0.0],
    "slope far left": 0.0,
    "slope far right": 1.0,
    "second moment": 0.866,
    "gain": 1.0746,
}
