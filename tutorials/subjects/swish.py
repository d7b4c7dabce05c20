"""Another activation than APALU: Swish, x σ(βx), with a trainable β, and ports to check.

    apalu-ref check tutorials/subjects/swish.py:Port --against tutorials/subjects/swish.py:swish
    apalu-ref check tutorials/subjects/swish.py:Wrong --against tutorials/subjects/swish.py:swish
    apalu-ref check tutorials/subjects/swish.py:Wrong --against self

The reference, ``swish``, is the formula in NumPy and nothing else: its derivatives come from
minigrad and are confirmed by finite differences. Its parameters' names, all that follows x,
are the ones that a port must have. ``--against self`` needs no reference: it asks only whether
backward is the derivative of forward. ``OtherFunction`` passes that, and is still wrong.
"""

import numpy as np


def swish(x, beta):
    """The reference: 0.5 (1 + tanh(z / 2)) is σ(z), and overflows nowhere."""
    return x * (0.5 * (1 + np.tanh(0.5 * beta * x)))


class Port:
    """A port with a backward written by hand, as for a framework."""

    def forward(self, x, beta):
        s = self.sigmoid(beta * x)
        return x * s, (x, beta, s)

    def backward(self, ctx, gy):
        x, beta, s = ctx
        dx = gy * (s + beta * x * s * (1 - s))
        dbeta = gy * x * (s * (1 - s) * x)  # x * x would overflow
        return sum_to(x, dx), sum_to(beta, dbeta)

    def sigmoid(self, z):
        t = np.exp(-np.abs(z))  # at most 1, for z of either sign
        return np.where(z >= 0, 1, t) / (1 + t)


class Wrong(Port):
    """Forgets the inner derivative: d σ(βx) / dx is β σ (1 - σ), not σ (1 - σ)."""

    def backward(self, ctx, gy):
        x, _, s = ctx
        dx = gy * (s + x * s * (1 - s))
        return sum_to(x, dx), super().backward(ctx, gy)[1]


class OtherFunction(Port):
    """x σ(x): backward belongs to it, but the parameter is not used."""

    def forward(self, x, beta):
        _, (_, _, s) = super().forward(x, np.ones_like(beta))
        return x * s, (x, beta, s)

    def backward(self, ctx, gy):
        x, beta, s = ctx
        return sum_to(x, gy * (s + x * s * (1 - s))), np.zeros_like(beta)


def sum_to(t, gradient):
    """Undo broadcasting: sum over the axes that were added or stretched."""
    while gradient.ndim > t.ndim:
        gradient = gradient.sum(axis=0)
    for axis, n in enumerate(t.shape):
        if n == 1:
            gradient = gradient.sum(axis=axis, keepdims=True)
    return np.asarray(gradient, t.dtype)
