"""minigrad: derivatives of NumPy programs, to learn from and to train with.

A :class:`Tensor` is a NumPy array that records what is computed from it; ``backward`` and
:func:`grad` then give derivatives, of any order. On the engine stand layers and losses
(:mod:`minigrad.nn`), optimisers (:mod:`minigrad.optim`), data loaders (:mod:`minigrad.data`) and
a training loop (:mod:`minigrad.train`), with PyTorch's names. Beside it stand finite differences
and the complex step (:mod:`minigrad.differences`) and the gradient check built on them
(:mod:`minigrad.gradcheck`), which know no derivative rule and so can judge any.

>>> import numpy as np
>>> x = tensor([0.5, 1.0], requires_grad=True)
>>> (np.exp(x) * x).sum().backward()
>>> x.grad
tensor([2.47308191, 5.43656366])
"""

from minigrad.autograd import Function, grad
from minigrad.checkpoint import load, save
from minigrad.core import Tensor, tensor
from minigrad.draw import draw
from minigrad.memory import keep_freed
from minigrad.modes import detect_anomaly, enable_grad, is_grad_enabled, no_grad
from minigrad.random import manual_seed

__all__ = [
    "Function",
    "Tensor",
    "detect_anomaly",
    "draw",
    "enable_grad",
    "grad",
    "is_grad_enabled",
    "load",
    "manual_seed",
    "no_grad",
    "save",
    "tensor",
]

keep_freed()
