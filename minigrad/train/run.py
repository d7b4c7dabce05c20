"""A training run in progress: what callbacks see, and what a checkpoint holds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from minigrad import random
from minigrad.core import Tensor
from minigrad.modes import no_grad
from minigrad.optim import Optimizer
from minigrad.train.callbacks import Callback, EarlyStopping, NonFiniteError, warn
from minigrad.train.history import History
from minigrad.train.progress import Progress

_REMEDY = "try a smaller learning rate, clip_grad_norm=1.0, or a warm-up"


class Run:
    """The state of a training run; callbacks are given it."""

    def __init__(
        self,
        model: Any,
        loss: Any,
        optimizer: Optimizer,
        train_loader: Iterable[Any],
        validation: Iterable[Any] | None,
        scheduler: Any,
        metrics: Mapping[str, Any],
        callbacks: Sequence[Callback],
        stopping: EarlyStopping | None,
        progress: Progress,
    ) -> None:
        self.model = model
        self.loss_function = loss
        self.optimizer = optimizer
        self.train_loader = train_loader
        self.validation = validation
        self.scheduler = scheduler
        self.metrics = dict(metrics)
        self.callbacks = list(callbacks)
        self.stopping = stopping
        self.progress = progress
        self.history = History()
        """What has been recorded so far."""
        self.epoch = 1
        """The number of the epoch, from 1."""
        self.step = 0
        """How many optimiser steps were taken, in all epochs."""
        self.batch = 0
        """How many batches of this epoch are done."""
        self.loss = math.nan
        """The loss of the present batch."""
        self.seconds = 0.0
        """How long the epoch has taken so far."""
        self.totals: dict[str, float] = {"examples": 0}
        self.best: float | None = None
        self.waited = 0  # epochs since the best one
        self.best_model: dict[str, Any] | None = None
        self.rule = stopping or EarlyStopping()
        self.monitor = self.rule.monitor or ("loss" if validation is None else "val_loss")
        self._warned: set[str] = set()
        if taken := {"loss", "epoch", "lr", "seconds", "examples"} & set(self.metrics):
            raise ValueError(f"metrics cannot be named {', '.join(sorted(taken))}")
        columns = ["loss", *self.metrics]
        if validation is not None:
            columns += [f"val_{name}" for name in columns]
        if self.monitor not in columns:
            raise ValueError(f"monitor={self.monitor!r}: there will be {', '.join(columns)}")

    # -- for callbacks

    def stop(self, reason: str) -> None:
        """End training after this step; ``reason`` is kept as ``history.stopped``."""
        self.history.stopped = reason

    def warn(self, message: str, once: str | None = None) -> None:
        """Issue a TrainingWarning and note it in the history.

        With ``once``, only the first message under that name is issued.
        """
        if once is not None:
            if once in self._warned:
                return
            self._warned.add(once)
        self.history.warnings.append(message)
        self.progress.clear()
        warn(message)

    def where(self) -> str:
        """The present place, for messages: ``step 120 (epoch 2, batch 20)``."""
        return f"step {self.step} (epoch {self.epoch}, batch {self.batch})"

    def fail(self, what: str, hint: str = _REMEDY) -> None:
        """Raise a NonFiniteError that says what, where and what to do."""
        error = NonFiniteError(f"{what} at {self.where()}; {hint}")
        error.history = self.history
        raise error

    # -- looking for NaN and infinities

    def check_loss(self, inputs: Sequence[Any], target: Any) -> None:
        """Raise if the loss is not finite, and say what else is not."""
        if math.isfinite(self.loss):
            return
        self.check_parameters()
        for i, x in enumerate((*inputs, target)):
            data = x.data if isinstance(x, Tensor) else np.asarray(x)
            if data.dtype.kind == "f" and not np.isfinite(data).all():
                name = "the target" if i == len(inputs) else f"input {i}"
                self.fail(
                    f"the loss is {self.loss}: {name} of the batch has {_not_finite(data)}",
                    "clean the data, or look at the transform",
                )
        self.fail(
            f"the loss is {self.loss}, though parameters and inputs are finite",
            f"minigrad.detect_anomaly() says which operation made it; or {_REMEDY}",
        )

    def check_parameters(self) -> None:
        """Raise if a parameter or buffer is not finite."""
        for name, value in [*self.model.named_parameters(), *self.model.named_buffers()]:
            data = getattr(value, "data", value) if isinstance(value, Tensor) else value
            if data.dtype.kind == "f" and not np.isfinite(data).all():
                self.fail(f"{name} has {_not_finite(data)}")

    def check_gradients(self) -> None:
        """Raise if a gradient is not finite."""
        for name, p in self.model.named_parameters():
            if p.grad is not None and not np.isfinite(p.grad.data).all():
                self.fail(f"the gradient of {name} has {_not_finite(p.grad.data)}")

    # -- an epoch's numbers

    def count(self, output: Tensor, target: Any) -> None:
        """Add a batch to the means of the epoch."""
        n = len(target)
        totals = self.totals
        totals["examples"] += n
        totals["loss"] = totals.get("loss", 0.0) + self.loss * n
        if self.metrics:
            plain_target = target.data if isinstance(target, Tensor) else target
            for name, metric in self.metrics.items():
                value = float(metric(output.data, plain_target))
                totals[name] = totals.get(name, 0.0) + value * n

    def means(self) -> dict[str, float]:
        """The means of the epoch so far, over examples."""
        n = self.totals["examples"] or math.nan
        return {name: value / n for name, value in self.totals.items() if name != "examples"}

    def evaluate(self, batches: Iterable[Any]) -> dict[str, float]:
        """Loss and metrics of the model on other data: the metrics of all examples at once."""
        self.model.eval()
        total, n = 0.0, 0
        outputs, targets = [], []
        with no_grad():
            for *inputs, target in batches:
                output = self.model(*inputs)
                total += self.loss_function(output, target).item() * len(target)
                n += len(target)
                if self.metrics:
                    outputs.append(output.data)
                    targets.append(target.data if isinstance(target, Tensor) else target)
        if not n:
            raise ValueError("validation has no examples")
        values = {"loss": total / n}
        if self.metrics:
            whole, wanted = np.concatenate(outputs), np.concatenate(targets)
            for name, metric in self.metrics.items():
                values[name] = float(metric(whole, wanted))
        return values

    def note(self, row: dict[str, Any]) -> bool:
        """Take an epoch's row into the history; whether it is the best so far."""
        self.history.rows.append(row)
        value = float(row[self.monitor])
        better = self.rule.better(value, self.best)
        if better:
            self.best, self.waited = value, 0
            self.history.best_epoch = self.epoch
            if self.stopping is not None and self.stopping.restore_best:
                self.best_model = self.model.state_dict()
        else:
            self.waited += 1
            if self.stopping is not None and self.waited >= self.stopping.patience:
                self.stop(
                    f"{self.monitor} has not got better for {self.waited} epochs (best "
                    + ("none" if self.best is None else f"{self.best:.6g} in epoch ")
                    + ("" if self.best is None else f"{self.history.best_epoch}")
                    + ")"
                )
        return better

    # -- a checkpoint's contents

    def snapshot(self) -> dict[str, Any]:
        """All that is needed to go on exactly."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": None if self.scheduler is None else self.scheduler.state_dict(),
            "loaders": [_state(self.train_loader), _state(self.validation)],
            "generator": random.get_state(),
            "callbacks": [[type(c).__name__, c.state_dict()] for c in self.callbacks],
            "history": self.history.state_dict(),
            "warned": sorted(self._warned),
            "epoch": self.epoch,
            "step": self.step,
            "batch": self.batch,
            "seconds": self.seconds,
            "totals": self.totals,
            "best": self.best,
            "waited": self.waited,
            "best_model": self.best_model,
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go to where ``snapshot`` was taken."""
        if (saved["scheduler"] is None) != (self.scheduler is None):
            had, has = ("no", "one") if saved["scheduler"] is None else ("a", "none")
            raise ValueError(f"the saved run had {had} scheduler, this has {has}")
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(saved["scheduler"])
        loaders: tuple[Any, Any] = (self.train_loader, self.validation)
        for loader, state in zip(loaders, saved["loaders"], strict=True):
            if state is not None and hasattr(loader, "load_state_dict"):
                loader.load_state_dict(state)
        self.history.load_state_dict(saved["history"])
        kinds = [type(c).__name__ for c in self.callbacks]
        if [kind for kind, _ in saved["callbacks"]] == kinds:
            for callback, (_, state) in zip(self.callbacks, saved["callbacks"], strict=True):
                callback.load_state_dict(state)
        else:
            self.warn(
                "the callbacks are not those of the saved run "
                f"({', '.join(kind for kind, _ in saved['callbacks']) or 'none'}): they start anew"
            )
        self._warned = set(saved["warned"])
        for key in ("epoch", "step", "batch", "seconds", "totals", "best", "waited", "best_model"):
            setattr(self, key, saved[key])
        random.set_state(saved["generator"])


def _state(loader: Any) -> Any:
    return loader.state_dict() if hasattr(loader, "state_dict") else None


def _not_finite(data: Any) -> str:
    nan, inf = int(np.isnan(data).sum()), int(np.isinf(data).sum())
    kinds = [f"{n} {kind}" for n, kind in ((nan, "NaN"), (inf, "infinite")) if n]
    first = tuple(int(i) for i in np.argwhere(~np.isfinite(data))[0])
    return f"{' and '.join(kinds)} of {data.size} elements, the first at {list(first)},"
