"""Task 3: forward and backward, with broadcasting.

    f(x; a, b) = a u(x)  for x >= 0,    b v(x)  for x < 0

x, a and b are arrays whose shapes broadcast: one pair (a, b) may serve the whole of x, or each
channel may have its own, of shape (3, 1, 1) beside x of shape (n, 3, h, w).

`backward` gets gy, the gradient that arrives from above, in the shape of y. It returns the three
gradients, each in the shape of its own input: what was repeated on the way forward is summed on the
way back. That sum is `sum_to`, and the first thing to write. x, a, b and gy have one floating type,
and so has all that you return: float32 stays float32.

At x = 0 the two slopes of f, b and 1.5 a, differ unless b = 1.5 a: there f has a kink, and no
derivative. What dx is there is agreed on: x = 0 belongs to the branch x >= 0, so it is 1.5 a gy.
Any slope from b to 1.5 a passes, and all but 1.5 a are noted.

Mind that `np.where` computes both sides: give each its own half of the axis.

NumPy, Python's own modules and your own tasks are all you may import.

    apalu-ref exercise check backward
"""

import numpy as np

from .task1_derivatives import dv, v
from .task2_sigmoid import du, u


def sum_to(g, shape):
    """Sum g over the axes that `shape` lacks or has with length 1.

    g has a shape to which `shape` broadcasts; what comes back has the shape `shape`.
    """
    raise NotImplementedError


def forward(x, a, b):
    """Return y, and whatever backward will need."""
    raise NotImplementedError


def backward(ctx, gy):
    """Return dx, da, db. ctx is the second thing that forward returned."""
    raise NotImplementedError


if __name__ == "__main__":
    x = np.array([[-1.0, 0.0, 2.0], [1.0, -3.0, 0.5]])
    y, ctx = forward(x, np.array([1.0, 2.0, 0.5]), np.array(1.5))
    print(y, *backward(ctx, np.ones_like(y)), sep="\n")
