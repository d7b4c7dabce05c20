"""APALU got wrong in instructive ways. Each class has one mistake; the check names it.

    apalu-ref check tutorials/subjects/wrong.py:RoundedConstant

Before you run one, read it and guess what the report will say.
"""

import careful
import numpy as np
from careful import KAPPA, sigmoids, sum_to


class Careful:
    """The careful version as an object, for the others to change one thing of."""

    def forward(self, x, a, b):
        return careful.forward(x, a, b)

    def backward(self, ctx, gy):
        return careful.backward(ctx, gy)


class RoundedConstant:
    """κ = 1.7. Forward and backward agree with each other: no gradient check can see it."""

    def forward(self, x, a, b):
        return careful.forward(x, a, b, kappa=1.7)

    def backward(self, ctx, gy):
        return careful.backward(ctx, gy, kappa=1.7)


class MissingTerm(Careful):
    """Forgets that σ depends on x as well: the product rule stopped half way."""

    def backward(self, ctx, gy):
        x, a, b = ctx
        right, da, db = careful.backward(ctx, gy)
        s = sigmoids(np.maximum(x, 0))[1]
        dx = gy * np.where(x < 0, b * np.exp(np.minimum(x, 0)), a * (1 + s))
        return sum_to(x.shape, dx).astype(right.dtype), da, db


class NotReduced(Careful):
    """Returns one gradient per element for parameters that were shared by many."""

    def backward(self, ctx, gy):
        x, a, b = (np.broadcast_to(t, gy.shape) for t in ctx)
        _, da, db = careful.backward((x, a, b), gy)
        return careful.backward(ctx, gy)[0], da, db


class Averaged(Careful):
    """Takes the mean over the broadcast axes where the chain rule asks for the sum."""

    def backward(self, ctx, gy):
        dx, da, db = careful.backward(ctx, gy)
        n = max(1, gy.size)
        return dx, da * (da.size / n), db * (db.size / n)


class NotMasked(Careful):
    """Lets negative x contribute to a's gradient."""

    def backward(self, ctx, gy):
        x, a, _ = ctx
        dx, _, db = careful.backward(ctx, gy)
        with np.errstate(over="ignore"):
            s = 1 / (1 + np.exp(-KAPPA * x.astype(np.float64)))
        return dx, sum_to(a.shape, gy * x * (1 + s)).astype(a.dtype), db


class NoUpstream(Careful):
    """Ignores gy in b's gradient; with gy = 1, the usual test, it looks right."""

    def backward(self, ctx, gy):
        dx, da, _ = careful.backward(ctx, gy)
        return dx, da, careful.backward(ctx, np.ones_like(gy))[2]


class DeadAtZero(Careful):
    """Two strict comparisons: x = 0 belongs to neither branch, and the gradient is 0 there."""

    def backward(self, ctx, gy):
        dx, da, db = careful.backward(ctx, gy)
        return np.where(ctx[0] == 0, 0, dx).astype(dx.dtype), da, db


class OverflowToNaN(Careful):
    """e^z / (1 + e^z) for the sigmoid: inf / inf once κx passes 709."""

    def forward(self, x, a, b):
        y, ctx = careful.forward(x, a, b)
        with np.errstate(over="ignore", invalid="ignore"):
            t = np.exp(KAPPA * x)
            return np.where(x < 0, y, a * x * (1 + t / (1 + t))).astype(y.dtype), ctx


class WritesToInput(Careful):
    """Works in place and changes the caller's x."""

    def forward(self, x, a, b):
        y, ctx = careful.forward(x.copy(), a, b)
        np.maximum(x, 0, out=x)
        return y, ctx


class SharedState:
    """Keeps what backward needs on the object: a second forward overwrites it."""

    def forward(self, x, a, b):
        y, self.ctx = careful.forward(x, a, b)
        return y, None

    def backward(self, ctx, gy):
        return careful.backward(self.ctx, gy)
