"""Optimisers, learning-rate schedules and gradient clipping, with PyTorch's names and formulas.

An optimiser holds parameters in groups (dicts), each with its own settings::

    optimizer = Adam([
        {"params": weights},
        {"params": activation_parameters, "lr": 1e-2, "weight_decay": 0.0},
    ], lr=1e-3, weight_decay=1e-4)
"""

from minigrad.optim import lr_scheduler
from minigrad.optim.adam import Adam, AdamW
from minigrad.optim.clip import clip_grad_norm_, clip_grad_value_
from minigrad.optim.optimizer import Optimizer
from minigrad.optim.rmsprop import RMSprop
from minigrad.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "clip_grad_norm_",
    "clip_grad_value_",
    "lr_scheduler",
]
