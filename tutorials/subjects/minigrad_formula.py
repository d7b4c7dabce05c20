"""APALU for minigrad: a NumPy formula is enough.

    apalu-ref check tutorials/subjects/minigrad_formula.py:formula --adapter minigrad
    apalu-ref check tutorials/subjects/minigrad_formula.py:with_functional
    apalu-ref check tutorials/subjects/minigrad_formula.py:Activation --map a=alpha,b=beta

``formula`` is a function of arrays. Given Tensors it records what it does, because NumPy's
functions hand over to them, and so it has gradients of every order. ``with_functional`` is
made of minigrad's own activations, ``Activation`` is a layer for a network. The layer to use is
:class:`apalu_ref.layer.APALU`, which can be checked too:

    apalu-ref check apalu_ref.layer:apalu --profile strict
"""

import numpy as np

from minigrad import nn
from minigrad.nn import functional as F

KAPPA = 1.702


def formula(x, a, b):
    """Each branch sees its own half of x: what overflows in the other would come back as NaN."""
    below = x < 0
    right, left = np.where(below, 0, x), np.where(below, x, 0)
    s = 1 / (1 + np.exp(-KAPPA * right))
    return np.where(below, b * np.expm1(left), a * right * (1 + s))


def with_functional(x, a, b):
    """The same from ready-made parts."""
    return np.where(x < 0, b * F.elu(x), a * x * (1 + F.sigmoid(KAPPA * x)))


class Activation(nn.Module):
    """A layer with one pair of parameters, which it calls alpha and beta."""

    def __init__(self):
        super().__init__()
        self.alpha = nn.Parameter(np.float32(1.0))
        self.beta = nn.Parameter(np.float32(0.5))

    def forward(self, x):
        return with_functional(x, self.alpha, self.beta)
