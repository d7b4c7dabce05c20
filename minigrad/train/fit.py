"""fit: train a model on batches, and lose nothing on the way."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.core import Tensor
from minigrad.optim import Optimizer, clip_grad_norm_
from minigrad.optim.lr_scheduler import LRScheduler, OneCycleLR
from minigrad.train.callbacks import Callback, EarlyStopping
from minigrad.train.checks import check_arguments
from minigrad.train.folder import Folder
from minigrad.train.history import History
from minigrad.train.progress import Progress
from minigrad.train.run import Run

Metric = Callable[[NDArray[Any], NDArray[Any]], float]


class Interrupted(KeyboardInterrupt):
    """Training was interrupted (Ctrl-C) and ended cleanly after a step; has ``history``."""

    def __init__(self, message: str, history: History) -> None:
        super().__init__(message)
        self.history = history


def accuracy(output: NDArray[Any], target: NDArray[Any]) -> float:
    """The share of rows whose largest output is at the target's place: a metric for classes.

    Examples
    --------
    >>> import numpy as np
    >>> accuracy(np.array([[0.1, 0.9], [2.0, -1.0]]), np.array([1, 1]))
    0.5
    """
    return float((output.argmax(axis=1) == target).mean())


def fit(
    model: Any,
    loss: Callable[[Any, Any], Tensor],
    optimizer: Optimizer,
    train_loader: Iterable[Any],
    *,
    epochs: int,
    validation: Iterable[Any] | None = None,
    scheduler: LRScheduler | None = None,
    scheduler_interval: str | None = None,
    metrics: Mapping[str, Metric] | None = None,
    callbacks: Sequence[Callback] = (),
    early_stopping: EarlyStopping | None = None,
    clip_grad_norm: float | None = None,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    resume: bool = True,
    checkpoint_steps: int | None = None,
    checkpoint_seconds: float = 60.0,
    progress: bool = True,
) -> History:
    """Train a model; returns the history.

    Parameters
    ----------
    model : Module
        Trained in place, and left in evaluation mode.
    loss : callable
        ``loss(output, target)``, a Tensor with one number: the mean over the batch.
    optimizer : Optimizer
        With the model's parameters.
    train_loader : iterable
        Batches, as a :class:`~minigrad.data.DataLoader` gives them: tuples with the target
        last. The model is called with all that is before it.
    epochs : int
        How many epochs there are to be in all, those of a resumed run included.
    validation : iterable, optional
        Batches on which loss and metrics are computed after each epoch.
    scheduler : LRScheduler, optional
        A schedule for ``optimizer``, stepped here.
    scheduler_interval : {'epoch', 'step'}, optional
        When it is stepped; default after each step for OneCycleLR, after each epoch for others.
        ReduceLROnPlateau is given what early stopping watches.
    metrics : mapping of str to callable, optional
        ``metric(outputs, targets)`` on plain arrays, such as ``{"accuracy": accuracy}``.
        Validation data are given as a whole; on training data it is the mean over the batches,
        in training mode.
    callbacks : sequence of Callback
        Who is called on the way; see :mod:`minigrad.watch` for some.
    early_stopping : EarlyStopping, optional
        When to end before the last epoch.
    clip_grad_norm : float, optional
        Bound the norm of all gradients taken together before each step.
    checkpoint_dir : path-like, optional
        Where ``last.npz`` is written after each epoch, and ``best.npz`` when it was the best.
        One run at a time may use it.
    resume : bool
        Go on from ``last.npz``, if it is there. False begins anew and replaces it.
    checkpoint_steps : int, optional
        Write ``last.npz`` after every so many steps, too.
    checkpoint_seconds : float
        Write ``last.npz`` when it is older than this.
    progress : bool
        Whether to show how it goes on standard error.

    Returns
    -------
    History

    Raises
    ------
    Interrupted
        After Ctrl-C, which lets the step at hand (or the validation) be finished and
        ``last.npz`` be written; a second Ctrl-C raises at once. It is a KeyboardInterrupt, so
        that the script ends; it holds the ``history``.
    NonFiniteError
        If the loss, a parameter, or (with ``clip_grad_norm``) a gradient is not finite. The last
        checkpoint is from before.
    CheckpointError
        If ``last.npz`` is damaged; the message says what can be done.

    Notes
    -----
    A resumed run takes the optimiser's and the schedule's settings from the checkpoint.

    A run that was interrupted or killed at any moment and is started again, with the same
    arguments, gives the same numbers to the last bit as one that was not: the checkpoint holds
    parameters, buffers, the states of optimiser, schedule, loaders, callbacks and of minigrad's
    random generator, and the history.

    Examples
    --------
    >>> from minigrad import nn, random
    >>> from minigrad.data import DataLoader, TensorDataset
    >>> from minigrad.optim import Adam
    >>> rng = random.manual_seed(0)
    >>> x = rng.normal(size=(256, 2))
    >>> data = TensorDataset(x, (x[:, 0] > x[:, 1]).astype(int))
    >>> model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    >>> history = fit(
    ...     model, nn.CrossEntropyLoss(), Adam(model.parameters(), lr=0.05),
    ...     DataLoader(data, batch_size=32, shuffle=True), epochs=5,
    ...     metrics={"accuracy": accuracy}, progress=False,
    ... )
    >>> history["accuracy"][-1] > 0.95
    True
    """
    check_arguments(
        model, loss, optimizer, train_loader, epochs, validation, scheduler_interval, metrics,
        early_stopping, checkpoint_dir,
    )  # fmt: skip
    if scheduler_interval is None:
        scheduler_interval = "step" if isinstance(scheduler, OneCycleLR) else "epoch"
    run = Run(
        model, loss, optimizer, train_loader, validation, scheduler, metrics or {}, callbacks,
        early_stopping, Progress(progress, epochs),
    )  # fmt: skip
    trainer = _Trainer(
        run,
        epochs=epochs,
        scheduler_each_step=scheduler is not None and scheduler_interval == "step",
        clip=clip_grad_norm,
        steps=checkpoint_steps,
        seconds=checkpoint_seconds,
    )
    with contextlib.ExitStack() as stack:
        if checkpoint_dir is not None:
            trainer.folder = stack.enter_context(Folder(checkpoint_dir))
            saved = trainer.folder.read() if resume else None
            if saved is not None:
                trainer.resume(saved)
        trainer.train(stack.enter_context(_interruptible()))
    return run.history


class _Trainer:
    """The loop of :func:`fit`."""

    def __init__(
        self,
        run: Run,
        epochs: int,
        scheduler_each_step: bool,
        clip: float | None,
        steps: int | None,
        seconds: float,
    ) -> None:
        self.run = run
        self.epochs = epochs
        self.scheduler_each_step = scheduler_each_step
        self.clip = clip
        self.steps = steps
        self.seconds = seconds
        self.progress = run.progress
        self.folder: Folder | None = None
        self.saved_at = time.monotonic()
        # Only those that do something are called in every step.
        self.on_backward = [c.on_backward for c in run.callbacks if _defines(c, "on_backward")]
        self.on_step = [c.on_step for c in run.callbacks if _defines(c, "on_step")]

    def resume(self, saved: dict[str, Any]) -> None:
        assert self.folder is not None
        try:
            self.run.restore(saved)
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"{self.folder.last} is not of this run: {error}\nTo begin anew, pass "
                "resume=False or another checkpoint_dir"
            ) from error
        if self.run.epoch <= self.epochs and self.run.history.stopped is None:
            self.progress.say(f"going on from {self.folder.last}: {self.run.where()}")
        else:
            self.progress.say(
                f"{self.folder.last} has {self.run.epoch - 1} epochs already: nothing is left to "
                "do; ask for more, or pass resume=False to begin anew"
            )

    def train(self, interrupted: Callable[[], bool]) -> None:
        run = self.run
        for callback in run.callbacks:
            callback.on_start(run)
        try:
            while run.epoch <= self.epochs and run.history.stopped is None:
                self.epoch(interrupted)
                if interrupted():
                    self.interrupt()
        finally:
            run.model.eval()
            self.progress.clear()
            for callback in run.callbacks:
                callback.on_end(run)
        if run.history.stopped is not None:
            self.progress.say(f"stopped: {run.history.stopped}")
        if run.best_model is not None:
            run.model.load_state_dict(run.best_model)

    def epoch(self, interrupted: Callable[[], bool]) -> None:
        run = self.run
        began = time.monotonic() - run.seconds
        loader: Any = run.train_loader
        batches = len(loader) if hasattr(loader, "__len__") else None
        run.model.train()
        for batch in loader:
            run.seconds = time.monotonic() - began
            self.step(batch)
            loss = run.totals["loss"] / run.totals["examples"]
            self.progress.batch(run.epoch, run.batch, batches, loss, began)
            if run.history.stopped is not None:
                break
            if interrupted():
                self.interrupt()
            if self.folder is not None and (
                (self.steps and run.step % self.steps == 0)
                or time.monotonic() - self.saved_at > self.seconds
            ):
                self.save()
        if not run.batch:
            raise ValueError("train_loader has no batches: is the data set empty?")
        row: dict[str, Any] = {"epoch": run.epoch, **run.means()}
        if run.validation is not None:
            row.update({f"val_{k}": v for k, v in run.evaluate(run.validation).items()})
        row["lr"] = float(run.optimizer.param_groups[0]["lr"])
        row["seconds"] = time.monotonic() - began
        for callback in run.callbacks:
            callback.on_epoch(run, row)
        run.check_parameters()
        best = run.note(row)
        if isinstance(run.scheduler, LRScheduler) and not self.scheduler_each_step:
            if run.scheduler.timed:
                run.scheduler.step()
            else:
                run.scheduler.step(row[run.monitor])  # type: ignore[call-arg]
        self.progress.epoch(row)
        run.epoch += 1
        run.batch, run.seconds, run.totals = 0, 0.0, {"examples": 0}
        self.save(best)

    def step(self, batch: Any) -> None:
        run = self.run
        if not isinstance(batch, (tuple, list)) or len(batch) < 2:
            raise TypeError(
                "a batch is a tuple with the target last, as TensorDataset(inputs, targets) gives"
            )
        *inputs, target = batch
        run.optimizer.zero_grad()
        # What overflows is told below, by name and with what to do.
        with np.errstate(over="ignore", invalid="ignore"):
            output = run.model(*inputs)
            loss = run.loss_function(output, target)
        if not isinstance(loss, Tensor) or loss.size != 1:
            what = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
            raise TypeError(f"the loss must be a Tensor with one number, not {what}")
        run.loss = loss.item()
        run.batch += 1
        run.step += 1
        run.check_loss(inputs, target)
        loss.backward()
        for on_backward in self.on_backward:
            on_backward(run)
        if self.clip is not None:
            params = [p for group in run.optimizer.param_groups for p in group["params"]]
            if not math.isfinite(clip_grad_norm_(params, self.clip)):
                run.check_gradients()
        run.optimizer.step()
        if self.scheduler_each_step:
            run.scheduler.step()
        run.count(output, target)
        for on_step in self.on_step:
            on_step(run)

    def save(self, best: bool = False) -> None:
        if self.folder is None:
            return
        self.run.check_parameters()
        self.saved_at = time.monotonic()
        try:
            self.folder.write(self.run.snapshot(), best)
        except OSError as error:
            self.run.warn(
                f"no checkpoint could be written at {self.run.where()}: {error}. The one before "
                "is as it was; training goes on"
            )

    def interrupt(self) -> None:
        run = self.run
        self.save()
        message = f"interrupted after {run.where()}"
        if self.folder is not None:
            message += (
                f"; saved to {self.folder.last}: to go on, call fit again with the same arguments"
            )
        self.progress.say(message)
        raise Interrupted(message, run.history)


def _defines(callback: Callback, method: str) -> bool:
    return getattr(type(callback), method, None) is not getattr(Callback, method)


@contextlib.contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C into a note that is read between two steps."""
    asked = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    def interrupted() -> bool:
        return asked

    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # signals go to the main thread
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
