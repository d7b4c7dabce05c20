"""Task 4: an operation of minigrad."""

import numpy as np

from minigrad import Function

from . import task3_backward as task3
from .task1_derivatives import v

KAPPA = 1.702


class Apalu(Function):
    """f(x; a, b), with x, a and b trainable."""

    @staticmethod
    def forward(ctx, x, a, b):
        """The values; the inputs are all that backward needs."""
        ctx.save_for_backward(x, a, b)
        return task3.forward(x, a, b)[0]

    @staticmethod
    def backward(ctx, gy):
        """Task 3's."""
        return task3.backward(ctx.saved_tensors, gy)

    @staticmethod
    def formula(x, a, b):
        """np.where inside keeps overflow out, np.where outside chooses.

        Task 2's sigmoid contains |z|, whose slope at 0 counts as 0, not as that of σ. Here z is
        never negative, so the sigmoid can be written as it stands.
        """
        negative = np.less(x, 0)
        above, below = np.where(negative, 0, x), np.where(negative, x, 0)
        u = above * (1 + 1 / (1 + np.exp(-KAPPA * above)))
        return np.where(negative, b * v(below), a * u)
