"""A schedule that follows how training goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from minigrad.optim.lr_scheduler.schedules import LRScheduler
from minigrad.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by ``factor`` when a quantity has not got better for a while.

    Its ``step`` takes the quantity: ``schedule.step(validation_loss)``.

    Parameters
    ----------
    optimizer : Optimizer
        Whose rates are set.
    mode : {'min', 'max'}
        Which is better, less or more.
    factor : float
        What the rate is multiplied by, below 1.
    patience : int
        How many steps without getting better are let pass.
    threshold : float
        How much better counts, relative to the size of the best.
    cooldown : int
        How many steps after a change are not counted.
    min_lr : float
        The rate is not made smaller than this.
    """

    timed = False

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        if mode not in ("min", "max") or not 0 < factor < 1:
            raise ValueError(
                f"mode is 'min' or 'max' and factor between 0 and 1, not {mode!r} and {factor}"
            )
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.cooldown, self.min_lr = threshold, cooldown, min_lr
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """The rates as they are: they change in ``step`` only."""
        return self.get_last_lr()

    def step(self, metrics: float | None = None) -> None:
        """Take note of the quantity, and lower the rates if it is time to."""
        if metrics is None:
            raise TypeError("ReduceLROnPlateau.step needs the quantity that is watched")
        value = float(metrics)
        self.last_epoch += 1
        margin = abs(self.best) * self.threshold if math.isfinite(self.best) else 0.0
        better = value < self.best - margin if self.mode == "min" else value > self.best + margin
        if better:
            self.best = value
        self.num_bad_epochs = 0 if better or self.cooldown_counter else self.num_bad_epochs + 1
        self.cooldown_counter = max(0, self.cooldown_counter - 1)
        if self.num_bad_epochs > self.patience:
            for group in self.optimizer.param_groups:
                group["lr"] = max(float(group["lr"]) * self.factor, self.min_lr)
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on exactly, in a schedule made with the same arguments."""
        own = {k: getattr(self, k) for k in ("best", "num_bad_epochs", "cooldown_counter")}
        return {**super().state_dict(), **own}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` returned."""
        super().load_state_dict(state_dict)
        for key in ("best", "num_bad_epochs", "cooldown_counter"):
            setattr(self, key, state_dict[key])
