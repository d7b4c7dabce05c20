"""APALU in PyTorch, out of PyTorch's own functions: four ways to write it, one of them wrong.

    apalu-ref check tutorials/subjects/torch_module.py:with_expm1
    apalu-ref check tutorials/subjects/torch_module.py:unclamped
    apalu-ref check tutorials/subjects/torch_module.py:Activation --map a=alpha,b=beta

PyTorch derives the gradients, so only the values could be wrong, one might think. But ``where``
computes both branches everywhere and throws one away, and its gradient multiplies what was
thrown away by 0: where ``exp(x)`` has overflowed that is 0 · inf, which is NaN. ``unclamped``
shows it for x > 709 (88 in float32). The others give the left branch its own half of the axis.

What remains are warnings. ``exp(x) - 1`` cancels just below 0. PyTorch's gradient of
``expm1(x)`` is ``expm1(x) + 1``, which has no digits left far below 0; its gradient of
``elu`` has them. And at x = inf the derivative of the sigmoid is inf · 0: ``torch_fused.py``
shows what to do about that.
"""

import torch
import torch.nn.functional as F

KAPPA = 1.702


def positive(x, a):
    """a x (1 + σ(κx)); no part of it overflows for negative x."""
    return a * x * (1 + torch.sigmoid(KAPPA * x))


def with_exp(x, a, b):
    """``exp(x) - 1``, of a clamped x."""
    below = x.clamp(max=0)
    return torch.where(x < 0, b * (torch.exp(below) - 1), positive(x, a))


def with_expm1(x, a, b):
    """The same without the cancellation."""
    return torch.where(x < 0, b * torch.expm1(x.clamp(max=0)), positive(x, a))


def with_elu(x, a, b):
    """``elu`` is e^x - 1 below 0 and clamps by itself."""
    return torch.where(x < 0, b * F.elu(x), positive(x, a))


def unclamped(x, a, b):
    """Wrong: the gradient is NaN where exp(x) overflows, though y is right."""
    return torch.where(x >= 0, positive(x, a), b * (torch.exp(x) - 1))


class Activation(torch.nn.Module):
    """A layer with one pair of parameters, which it calls alpha and beta."""

    def __init__(self):
        super().__init__()
        self.alpha = torch.nn.Parameter(2 * torch.rand(()))
        self.beta = torch.nn.Parameter(2 * torch.rand(()))

    def forward(self, x):
        return with_elu(x, self.alpha, self.beta)
