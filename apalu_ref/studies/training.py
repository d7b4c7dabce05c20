"""How studies train a network: one way for all arms."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.studies.arms import Factory, activation, arm
from apalu_ref.studies.plan import Task
from minigrad import Tensor, nn, no_grad, optim
from minigrad.data import DataLoader, TensorDataset
from minigrad.nn import functional as F
from minigrad.random import manual_seed
from minigrad.train import Callback, NonFiniteError, TrainingWarning, fit

Array = NDArray[Any]
Build = Callable[[Factory, float], nn.Module]
"""``build(activation, width)``: a network; ``width`` multiplies its widths, 1 for most arms."""


class Trained(NamedTuple):
    """What came of a training run.

    Attributes
    ----------
    losses : list of float
        The loss of every step.
    validation : list of float
        The loss on validation data after every epoch; empty without.
    diverged : str or None
        Why training could not go on, if it could not.
    """

    losses: list[float]
    validation: list[float]
    diverged: str | None


class _Losses(Callback):
    def __init__(self) -> None:
        self.values: list[float] = []

    def on_step(self, run: Any) -> None:
        self.values.append(float(run.loss))


def network(task: Task, build: Build) -> nn.Module:
    """The network of a run, with the arm's activation; the random generator is seeded for it.

    An arm that is to have as many parameters as another is given the least width at which it has
    no fewer.
    """
    chosen = arm(task.arm)
    width = 1.0
    if chosen.as_wide:
        width = _as_wide(task, build, chosen.as_wide)
    manual_seed(task.entropy)
    return build(activation(task.arm, task.entropy), width)


def count(module: nn.Module) -> int:
    """How many numbers a network trains."""
    return sum(p.size for p in module.parameters() if p.requires_grad)


def _as_wide(task: Task, build: Build, other: str) -> float:
    target = count(build(activation(other, task.entropy), 1.0))

    def off(width: float) -> int:
        return count(build(activation(task.arm, task.entropy), width)) - target

    low, high = 1.0, 2.0
    while off(high) < 0 and high < 16:
        high *= 2
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if off(middle) < 0 else (low, middle)
    return high


def train(
    network: nn.Module,
    loss: Callable[[Any, Any], Tensor],
    data: Sequence[Array],
    task: Task,
    *,
    epochs: int,
    batch: int,
    rate: float | None = None,
    validation: Sequence[Array] | None = None,
    schedule: bool = True,
    callbacks: Sequence[Callback] = (),
    transform: Callable[[Array, np.random.Generator], Array] | None = None,
    optimizer: Callable[..., optim.Optimizer] = optim.Adam,
    clip: float | None = None,
) -> Trained:
    """Train a network in place, with Adam and a one-cycle schedule unless told otherwise.

    Parameters
    ----------
    network : Module
    loss : callable
        ``loss(output, target)``.
    data : sequence of ndarray
        Inputs and, last, targets.
    task : Task
        Seeds the order of the data, and gives the learning rate.
    epochs, batch : int
    rate : float, optional
        Another learning rate than the task's.
    validation : sequence of ndarray, optional
        The loss on these is taken after every epoch.
    schedule : bool
        One cycle of learning rates, up and down, as OneCycleLR has it; else a constant rate.
    callbacks, transform, optimizer, clip
        As :func:`minigrad.train.fit` and :class:`minigrad.data.DataLoader` have them.

    Returns
    -------
    Trained
        A loss or parameter that is not finite ends the run; it is told in ``diverged``.
    """
    if rate is None:
        if task.rate is None:
            raise ValueError(f"{task.name} has no learning rate")
        rate = task.rate
    generator = np.random.default_rng([task.entropy, 1])
    loader = DataLoader(
        TensorDataset(*data), batch, shuffle=True, drop_last=len(data[0]) > batch,
        generator=generator, transform=transform,
    )  # fmt: skip
    check = None if validation is None else DataLoader(TensorDataset(*validation), 500)
    weights = [p for p in network.parameters() if p.requires_grad]
    optimiser = optimizer(weights, lr=rate)
    cycle = None
    if schedule:
        cycle = optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=rate, total_steps=epochs * len(loader)
        )
    losses = _Losses()
    diverged = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        try:
            history = fit(
                network, loss, optimiser, loader, epochs=epochs, validation=check,
                scheduler=cycle, callbacks=[losses, *callbacks], clip_grad_norm=clip,
                progress=False,
            )  # fmt: skip
            rows = history.rows
        except NonFiniteError as error:
            diverged = str(error).splitlines()[0]
            rows = error.history.rows if error.history else []
    network.eval()
    return Trained(losses.values, [row["val_loss"] for row in rows if "val_loss" in row], diverged)


def predict(network: nn.Module, *inputs: Array, batch: int = 500) -> Array:
    """The network's outputs for all rows, in evaluation mode, as an array."""
    network.eval()
    parts = []
    # What overflows in a network that has diverged is seen in the result.
    with no_grad(), np.errstate(over="ignore", invalid="ignore"):
        for start in range(0, len(inputs[0]), batch):
            rows = (Tensor(x[start : start + batch]) for x in inputs)
            parts.append(network(*rows).data)
    return np.concatenate(parts)


def accuracy(outputs: Array, labels: Array) -> float | None:
    """The share of rows whose largest output is the label's; None if one is not finite."""
    if not np.isfinite(outputs).all():
        return None
    return float((outputs.argmax(1) == labels).mean())


cross_entropy = F.cross_entropy


def thinned(values: Sequence[float], most: int = 50) -> list[float]:
    """At most ``most`` means of neighbouring values: a curve that can be kept."""
    if len(values) <= most:
        return list(values)
    parts = np.array_split(np.asarray(values, float), most)
    return [float(part.mean()) for part in parts]


def steps_to(losses: Sequence[float], level: float, window: int = 10) -> float | None:
    """After how many steps the mean loss of ``window`` steps is first at or below ``level``."""
    values = np.asarray(losses, float)
    if len(values) < window:
        return None
    means = np.convolve(values, np.ones(window) / window, mode="valid")
    below = np.flatnonzero(means <= level)
    return float(below[0] + window) if len(below) else None
