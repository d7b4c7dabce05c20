"""Task 1: the derivatives of u and v.

APALU is made of two functions of one variable, with κ = 1.702 and σ(z) = 1 / (1 + e^-z):

    u(x) = x (1 + σ(κx))    for x >= 0
    v(x) = e^x - 1          for x < 0

Take pencil and paper first: the product rule and the chain rule are all you need, and
σ′(z) = σ(z) (1 - σ(z)). Then write the four functions. Each takes a NumPy array of any shape and
returns a new one of the same shape, element by element: no loop, and no `if x > 0`.

NumPy and Python's own modules are all you may import.

    apalu-ref exercise check derivatives
"""

import numpy as np

KAPPA = 1.702


def u(x):
    """x (1 + σ(κx)), for x >= 0."""
    raise NotImplementedError


def du(x):
    """The derivative of u."""
    raise NotImplementedError


def v(x):
    """e^x - 1, for x < 0."""
    raise NotImplementedError


def dv(x):
    """The derivative of v."""
    raise NotImplementedError


if __name__ == "__main__":
    # Try your functions here; from the folder that has mine in it: python -m mine.task1_derivatives
    print(u(np.array([0.0, 1.0, 2.0])))
