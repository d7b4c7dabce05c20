"""APALU in PyTorch as an ``autograd.Function``, with the backward pass written by hand.

    apalu-ref check tutorials/subjects/torch_fused.py:Fused --profile strict
    apalu-ref check tutorials/subjects/torch_fused.py:FusedOnce

What a backward has to do, and what is checked:

* sum the gradients of a and b over the axes along which these were broadcast
  (``sum_to_size``). PyTorch would do it; then backward is right only by PyTorch's help;
* compute only what is asked for (``needs_input_grad``);
* keep the inputs, not results, and compute with differentiable operations: then the gradient
  can be differentiated again. ``FusedOnce`` keeps σ from forward, which is quicker but is a
  constant to the second derivative. It must say so, by ``once_differentiable``: otherwise
  second derivatives would come out wrong without a word.
"""

import torch
from torch.autograd.function import once_differentiable

KAPPA = 1.702


def sigmoids(x):
    """κx, σ(κx) and σ(-κx), for x >= 0."""
    z = KAPPA * x.clamp(max=500)  # σ is 1 long before; z σ(-z) must not become inf · 0
    return z, torch.sigmoid(z), torch.sigmoid(-z)  # σ(-z) is 1 - σ(z) without cancelling


def halves(x):
    """x where it is the branch's own, 0 elsewhere: for the right branch, and for the left."""
    below = x < 0
    return below, torch.where(below, 0, x), torch.where(below, x, 0)


def value(x, a, b):
    below, right, left = halves(x)
    _, s, _ = sigmoids(right)
    return torch.where(below, b * torch.expm1(left), a * right * (1 + s))


class Fused(torch.autograd.Function):
    """Differentiable as often as you like."""

    @staticmethod
    def forward(ctx, x, a, b):
        ctx.save_for_backward(x, a, b)
        return value(x, a, b)

    @staticmethod
    def backward(ctx, gy):
        x, a, b = ctx.saved_tensors
        below, right, left = halves(x)
        z, s, c = sigmoids(right)
        dx = da = db = None
        if ctx.needs_input_grad[0]:
            slope = torch.where(below, b * torch.exp(left), a * (1 + s + z * s * c))
            dx = (gy * slope).sum_to_size(x.shape)
        # The other half adds 0, whatever gy is.
        if ctx.needs_input_grad[1]:
            da = summed(torch.where(below, 0, gy * right * (1 + s)), a)
        if ctx.needs_input_grad[2]:
            db = summed(torch.where(below, gy * torch.expm1(left), 0), b)
        return dx, da, db


class FusedOnce(torch.autograd.Function):
    """Keeps σ from forward, and refuses to be differentiated twice."""

    @staticmethod
    def forward(ctx, x, a, b):
        below, right, left = halves(x)
        z, s, c = sigmoids(right)
        ctx.save_for_backward(x, a, b, z, s, c)
        return torch.where(below, b * torch.expm1(left), a * right * (1 + s))

    @staticmethod
    @once_differentiable
    def backward(ctx, gy):
        x, a, b, z, s, c = ctx.saved_tensors
        below, right, left = halves(x)
        dx = gy * torch.where(below, b * torch.exp(left), a * (1 + s + z * s * c))
        da = torch.where(below, 0, gy * right * (1 + s))
        db = torch.where(below, gy * torch.expm1(left), 0)
        return dx.sum_to_size(x.shape), summed(da, a), summed(db, b)


def summed(gradient, parameter):
    """Sum to a parameter's shape, in float64: many terms of float32 lose digits."""
    return gradient.double().sum_to_size(parameter.shape).to(parameter.dtype)


def fused(x, a, b):
    """What a network would call."""
    return Fused.apply(x, a, b)
