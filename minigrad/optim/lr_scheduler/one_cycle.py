"""The one-cycle schedule of rate and momentum."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad.optim.lr_scheduler.schedules import LRScheduler, count
from minigrad.optim.optimizer import Optimizer


class OneCycleLR(LRScheduler):
    """Up to ``max_lr`` and down to almost nothing, the momentum the other way round.

    Made to be stepped after every optimiser step.

    Parameters
    ----------
    optimizer : Optimizer
        Whose rates and momenta (``betas[0]`` of Adam) are set.
    max_lr : float or list of float
        The highest rate, of all groups or of each.
    total_steps : int, optional
        The length of the cycle; or give ``epochs`` and ``steps_per_epoch``.
    epochs, steps_per_epoch : int, optional
        Their product is ``total_steps``.
    pct_start : float
        The share of the steps in which the rate rises.
    anneal_strategy : {'cos', 'linear'}
        The form of the rise and fall.
    cycle_momentum : bool
        Whether the momentum goes from ``max_momentum`` to ``base_momentum`` and back.
    base_momentum, max_momentum : float or list of float
        The lowest and highest momentum.
    div_factor : float
        The first rate is ``max_lr / div_factor``.
    final_div_factor : float
        The last rate is the first one divided by this.
    three_phase : bool
        Fall to the first rate in as many steps as the rise took, then to the last one.

    Notes
    -----
    Smith and Topin, arXiv 1708.07120.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("give total_steps, or epochs and steps_per_epoch")
            total_steps = count("epochs", epochs) * count("steps_per_epoch", steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise ValueError(f"pct_start must be from 0 to 1, not {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy is 'cos' or 'linear', not {anneal_strategy!r}")
        groups = optimizer.param_groups
        momentum = "momentum" if "momentum" in optimizer.defaults else "betas"
        if cycle_momentum and momentum not in optimizer.defaults:
            raise ValueError(
                f"{type(optimizer).__name__} has neither momentum nor betas: pass "
                "cycle_momentum=False"
            )
        self.total_steps = count("total_steps", total_steps)
        self.anneal_strategy = anneal_strategy
        self.momentum = momentum if cycle_momentum else None
        high = _per_group("max_lr", max_lr, groups)
        first = [lr / div_factor for lr in high]
        last = [lr / final_div_factor for lr in first]
        low_m = _per_group("base_momentum", base_momentum, groups)
        high_m = _per_group("max_momentum", max_momentum, groups)
        # The end of each phase, and where rate and momentum are then.
        self._start = (first, high_m)
        self._phases = [(pct_start * total_steps - 1, high, low_m)]
        if three_phase:
            self._phases.append((2 * pct_start * total_steps - 2, first, high_m))
        self._phases.append((total_steps - 1, last, high_m))
        for group, lr in zip(groups, first, strict=True):
            group["initial_lr"] = lr
        super().__init__(optimizer)

    def _at_present(self) -> tuple[list[float], list[float]]:
        t, begin, (lrs, momenta) = self.last_epoch, 0.0, self._start
        for end, next_lrs, next_momenta in self._phases:
            if t <= end or end == self._phases[-1][0]:
                break
            begin, lrs, momenta = end, next_lrs, next_momenta
        share = (t - begin) / (end - begin) if end != begin else 1.0

        def between(start: float, stop: float) -> float:
            if self.anneal_strategy == "linear":
                return start + (stop - start) * share
            return stop + (start - stop) / 2 * (1 + math.cos(math.pi * share))

        return list(map(between, lrs, next_lrs)), list(map(between, momenta, next_momenta))

    def get_lr(self) -> list[float]:
        """The rate of each group at time ``last_epoch``."""
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"step {self.last_epoch} of a cycle of {self.total_steps} steps: give the number "
                "of optimiser steps of the whole training as total_steps"
            )
        return self._at_present()[0]

    def apply(self) -> None:
        """Set the optimiser's rates and momenta to those of the present time."""
        super().apply()
        if self.momentum is None:
            return
        momenta = self._at_present()[1]
        for group, momentum in zip(self.optimizer.param_groups, momenta, strict=True):
            if self.momentum == "betas":
                group["betas"] = (momentum, group["betas"][1])
            else:
                group["momentum"] = momentum


def _per_group(name: str, value: float | Sequence[float], groups: list[Any]) -> list[float]:
    if not isinstance(value, (list, tuple)):
        return [float(value)] * len(groups)  # type: ignore[arg-type]
    if len(value) != len(groups):
        raise ValueError(f"{name} has {len(value)} values for {len(groups)} parameter groups")
    return [float(v) for v in value]
