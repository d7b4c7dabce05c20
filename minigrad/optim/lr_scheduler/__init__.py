"""Learning-rate schedules, with PyTorch's names.

A schedule is made for an optimiser, sets its groups' rates at once, and again at each
``step()``: after each epoch, or after each optimiser step, as its times are meant.

Each is written as the rate at time ``t`` and not as a change from the rate before. So a schedule
sets the rate outright; to put schedules one after the other there is :class:`SequentialLR`.
"""

from minigrad.optim.lr_scheduler.one_cycle import OneCycleLR
from minigrad.optim.lr_scheduler.plateau import ReduceLROnPlateau
from minigrad.optim.lr_scheduler.schedules import (
    CosineAnnealingLR,
    LambdaLR,
    LinearLR,
    LRScheduler,
    SequentialLR,
    StepLR,
)

__all__ = [
    "CosineAnnealingLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "OneCycleLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
