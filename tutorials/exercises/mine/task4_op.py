"""Task 4: an operation of minigrad.

A minigrad Function is a pair of static methods. `forward` gets arrays and hands over to `backward`,
through ctx.save_for_backward, what that will need (ctx.saved_tensors). `backward` gets the gradient
of the result and returns one gradient for each argument of forward.

Such a backward leaves no trace, so it cannot be differentiated a second time. `formula` is what
minigrad records instead when derivatives of derivatives are wanted: the same function in plain
NumPy, which runs on Tensors as it stands. Mind x = 0: the derivatives of formula there are to be
those of one branch, x >= 0 by agreement (the other is noted, and passes). np.maximum(x, 0) shares
the gradient there between its two arguments, and the slope of np.abs(x) there counts as 0.

NumPy, minigrad, Python's own modules and your own tasks are all you may import.

    apalu-ref exercise check op
"""

import numpy as np

from minigrad import Function

from . import task3_backward as task3
from .task1_derivatives import v

KAPPA = 1.702


class Apalu(Function):
    """f(x; a, b), with x, a and b trainable."""

    @staticmethod
    def forward(ctx, x, a, b):
        """The values."""
        raise NotImplementedError

    @staticmethod
    def backward(ctx, gy):
        """The gradients of x, a and b."""
        raise NotImplementedError

    @staticmethod
    def formula(x, a, b):
        """The values again, as a NumPy formula that minigrad can differentiate twice."""
        raise NotImplementedError


if __name__ == "__main__":
    from minigrad import tensor

    x = tensor([-1.0, 0.0, 2.0], requires_grad=True)
    Apalu.apply(x, np.array(1.0), np.array(1.0)).sum().backward()
    print(x.grad)
