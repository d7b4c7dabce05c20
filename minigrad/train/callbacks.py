"""What looks on while a model is trained, and what may end the training early."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minigrad.train.history import History
    from minigrad.train.run import Run


class TrainingWarning(UserWarning):
    """Something in a training run looks wrong; the message says what, where, and what to do."""


class NonFiniteError(FloatingPointError):
    """NaN or an infinity came up in training; the message says where, and what to do.

    Attributes
    ----------
    history : History or None
        What was recorded up to then.
    """

    history: History | None = None


class Callback:
    """Called at fixed points of a training run; a subclass defines those it wants.

    Each gets the :class:`~minigrad.train.Run`: its model, optimizer, history, the number of the
    ``epoch`` (from 1) and of the ``step`` (optimiser steps so far), the ``loss`` of the present
    batch; ``run.warn(message)``, and ``run.stop(reason)`` to end after this step.
    """

    def on_start(self, run: Run) -> None:
        """Before the first step, after a checkpoint has been read."""

    def on_backward(self, run: Run) -> None:
        """Gradients are there, not clipped yet, and the step is not taken."""

    def on_step(self, run: Run) -> None:
        """The optimiser has taken its step."""

    def on_epoch(self, run: Run, row: dict[str, Any]) -> None:
        """An epoch is complete, validation included; ``row`` is its row of the history."""

    def on_end(self, run: Run) -> None:
        """Training is over, in whatever way: a place to undo what ``on_start`` did."""

    def state_dict(self) -> dict[str, Any]:
        """What the callback needs to go on from a checkpoint (the history is kept anyway)."""
        return {}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` returned."""


@dataclass(frozen=True)
class EarlyStopping:
    """End training when a quantity has not got better for some epochs.

    Parameters
    ----------
    patience : int
        How many epochs in a row without getting better end it.
    monitor : str, optional
        Which column of the history; default ``"val_loss"``, or ``"loss"`` without validation.
    mode : {'min', 'max'}
        Which is better, less or more.
    min_delta : float
        By how much it must get better to count.
    restore_best : bool
        Whether the model is given the parameters of the best epoch when training is over.
    """

    patience: int = 10
    monitor: str | None = None
    mode: str = "min"
    min_delta: float = 0.0
    restore_best: bool = True

    def __post_init__(self) -> None:
        if self.mode not in ("min", "max"):
            raise ValueError(f"mode is 'min' or 'max', not {self.mode!r}")
        if self.patience < 1 or not self.min_delta >= 0:
            raise ValueError(
                f"patience must be 1 or more and min_delta 0 or more, not {self.patience} and "
                f"{self.min_delta}"
            )

    def better(self, value: float, best: float | None) -> bool:
        """Whether ``value`` counts as better than the best so far."""
        if value != value:
            return False
        if best is None:
            return True
        gain = best - value if self.mode == "min" else value - best
        return gain > self.min_delta


def warn(message: str) -> None:
    """Issue a :class:`TrainingWarning` in the name of whoever called ``fit``."""
    # The outermost function of ours is fit itself.
    frame: FrameType | None = sys._getframe(1)
    level = count = 2
    while frame is not None:
        count += 1
        if frame.f_globals.get("__name__", "").startswith("minigrad."):
            level = count
        frame = frame.f_back
    warnings.warn(message, TrainingWarning, stacklevel=level)
