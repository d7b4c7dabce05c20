"""Schedules that depend on the time alone."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minigrad.optim.optimizer import Optimizer


class LRScheduler:
    """The base of the schedules: a subclass defines :meth:`get_lr`.

    Parameters
    ----------
    optimizer : Optimizer
        Whose rates are set. Its rates at this moment are the base rates.
    """

    last_epoch = 0
    """The time: how many steps were taken."""
    timed = True
    """Whether the rates depend on the time alone."""

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"a schedule needs an optimiser, not a {type(optimizer).__name__}")
        self.optimizer = optimizer
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self.apply()

    def get_lr(self) -> list[float]:
        """The rate of each group at time ``last_epoch``."""
        raise NotImplementedError

    def apply(self) -> None:
        """Set the optimiser's rates to those of the present time."""
        for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = lr

    def get_last_lr(self) -> list[float]:
        """The rates of the groups as they are."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def step(self) -> None:
        """Go on by one step in time and set the rates."""
        self.last_epoch += 1
        self.apply()

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on exactly, in a schedule made with the same arguments."""
        return {"last_epoch": self.last_epoch, "base_lrs": list(self.base_lrs)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` returned (the rates are in the optimiser's own state)."""
        if len(state_dict["base_lrs"]) != len(self.base_lrs):
            raise ValueError(
                f"the saved schedule is for {len(state_dict['base_lrs'])} parameter groups, this "
                f"one for {len(self.base_lrs)}"
            )
        self.last_epoch = int(state_dict["last_epoch"])
        self.base_lrs = list(state_dict["base_lrs"])


def count(name: str, value: Any) -> int:
    """``value`` as an int that is 1 or more, or a ValueError that names it."""
    if value != int(value) or value < 1:
        raise ValueError(f"{name} must be a whole number, 1 or more, not {value!r}")
    return int(value)


class StepLR(LRScheduler):
    """Multiply the rate by ``gamma`` every ``step_size`` steps: ``lr · gamma^⌊t/step_size⌋``.

    Examples
    --------
    >>> from minigrad import tensor
    >>> from minigrad.optim import SGD
    >>> optimizer = SGD([tensor(0.0, requires_grad=True)], lr=1.0)
    >>> schedule = StepLR(optimizer, step_size=2)
    >>> for _ in range(4):
    ...     print(schedule.get_last_lr())
    ...     schedule.step()
    [1.0]
    [1.0]
    [0.1]
    [0.1]
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = count("step_size", step_size), gamma
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """The rate of each group at time ``last_epoch``."""
        factor = self.gamma ** (self.last_epoch // self.step_size)
        return [lr * factor for lr in self.base_lrs]


class LambdaLR(LRScheduler):
    """Multiply the base rate by a function of time, or by one function a group.

    The functions are not part of ``state_dict``: they come from the constructor.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
    ) -> None:
        groups = len(optimizer.param_groups)
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise ValueError(f"{len(self.lr_lambdas)} functions for {groups} parameter groups")
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """The rate of each group at time ``last_epoch``."""
        return [
            lr * float(f(self.last_epoch))
            for lr, f in zip(self.base_lrs, self.lr_lambdas, strict=True)
        ]


class LinearLR(LRScheduler):
    """A warm-up: from ``lr · start_factor`` to ``lr · end_factor`` in ``total_iters`` steps."""

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
    ) -> None:
        if not 0 < start_factor <= 1 or not 0 <= end_factor <= 1:
            raise ValueError(
                "start_factor must be above 0 and at most 1, end_factor from 0 to 1, not "
                f"{start_factor} and {end_factor}"
            )
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = count("total_iters", total_iters)
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """The rate of each group at time ``last_epoch``."""
        done = min(self.last_epoch, self.total_iters) / self.total_iters
        factor = self.start_factor + (self.end_factor - self.start_factor) * done
        return [lr * factor for lr in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the base rate to ``eta_min`` in ``T_max`` steps (and back after them).

    ``eta_min + (lr − eta_min) · (1 + cos(π·t/T_max)) / 2``; Loshchilov and Hutter, arXiv
    1608.03983, without restarts.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0) -> None:
        self.T_max, self.eta_min = count("T_max", T_max), eta_min
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:
        """The rate of each group at time ``last_epoch``."""
        share = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (lr - self.eta_min) * share for lr in self.base_lrs]


class SequentialLR(LRScheduler):
    """One schedule after the other, each beginning at its milestone with a time of its own.

    Parameters
    ----------
    optimizer : Optimizer
        Whose rates are set.
    schedulers : list of LRScheduler
        The schedules, all of this optimiser.
    milestones : list of int
        When the second, third … begins.

    Examples
    --------
    >>> from minigrad import tensor
    >>> from minigrad.optim import SGD
    >>> optimizer = SGD([tensor(0.0, requires_grad=True)], lr=1.0)
    >>> schedule = SequentialLR(
    ...     optimizer,
    ...     [LinearLR(optimizer, 0.5, total_iters=2), CosineAnnealingLR(optimizer, T_max=2)],
    ...     milestones=[2],
    ... )
    >>> rates = []
    >>> for _ in range(5):
    ...     rates += schedule.get_last_lr()
    ...     schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 0.5, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[LRScheduler], milestones: Sequence[int]
    ) -> None:
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"{len(schedulers)} schedules need {len(schedulers) - 1} milestones, not "
                f"{len(milestones)}"
            )
        if list(milestones) != sorted(milestones):
            raise ValueError(f"milestones must rise, not {list(milestones)}")
        for s in schedulers:
            if not isinstance(s, LRScheduler) or not s.timed:
                raise TypeError(f"a {type(s).__name__} is not a schedule in time")
            if s.optimizer is not optimizer:
                raise ValueError("the schedules must be of this same optimiser")
        self.schedulers, self.milestones = list(schedulers), list(milestones)
        super().__init__(optimizer)

    def apply(self) -> None:
        """Set the optimiser's rates as the schedule whose turn it is has them."""
        turn = bisect.bisect_right(self.milestones, self.last_epoch)
        begin = self.milestones[turn - 1] if turn else 0
        self.schedulers[turn].last_epoch = self.last_epoch - begin
        self.schedulers[turn].apply()

    def state_dict(self) -> dict[str, Any]:
        """What is needed to go on exactly, in a schedule made with the same arguments."""
        return {**super().state_dict(), "schedulers": [s.state_dict() for s in self.schedulers]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` returned."""
        super().load_state_dict(state_dict)
        for own, theirs in zip(self.schedulers, state_dict["schedulers"], strict=True):
            own.load_state_dict(theirs)
