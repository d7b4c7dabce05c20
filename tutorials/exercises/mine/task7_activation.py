"""Task 7: an activation of your own, with its report card.

Invent a function of one variable that is not in the list of `apalu-ref report --help`, write it and
its slope in NumPy, and say what you expect its report card to tell. Work the numbers out, or
estimate them (a sum over a fine grid, or the mean over a million random numbers, will do), before
you look at the card. It must be finite, and give no warning, for every x up to ±10,000.

    apalu-ref report mine/task7_activation.py:activation

NumPy and Python's own modules are all you may import.

    apalu-ref exercise check activation
"""

import numpy as np


def activation(x):
    """Your function."""
    raise NotImplementedError


def slope(x):
    """Its derivative. Where it has a kink, any slope between the two will do."""
    raise NotImplementedError


CARD = {
    # "increasing", "decreasing" or "neither"; flat stretches do not spoil it
    "monotone": None,
    # where its slope jumps, from left to right: [] for nowhere, [0.0] for a kink at 0
    "kinks": None,
    # what the slope tends to for x → -∞ and for x → ∞
    "slope far left": None,
    "slope far right": None,
    # E f(z)² for z ~ N(0, 1), within 1 %
    "second moment": None,
    # the factor for weights of variance 1 / fan_in that keeps a second moment of 1, within 1 %
    "gain": None,
}


if __name__ == "__main__":
    print(activation(np.linspace(-3, 3, 7)))
