"""How gradients fare on the way: their sizes by layer, their turns, and whether the loss rises."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad import Tensor, nn, no_grad
from minigrad.nn import functional as F
from minigrad.train import Callback, Run

Array = NDArray[Any]

LEAST = 1e-12
"""Gradients below it are counted as of this size."""
EDGES: Array = np.linspace(-9, 1, 21)
"""Of the histograms, in decades."""


class Flow(Callback):
    """Records gradients before each step, and the loss on the same few rows after it.

    Parameters
    ----------
    each : int
        How many steps lie between two records of the gradients by layer.
    probe : sequence of ndarray
        Inputs and labels. The loss on these, with the network in training mode, says whether a
        step was one down; the loss of the batches differs from step to step by itself.
    """

    def __init__(self, each: int, probe: Sequence[Array]) -> None:
        self.each = each
        self.probe = probe
        self.losses: list[float] = []
        self.angles: list[float] = []
        self.sizes: list[list[float]] = []
        self.histograms: list[list[list[int]]] = []
        self._last: Array | None = None
        self._count = 0

    def on_start(self, run: Run) -> None:
        """The loss before the first step."""
        self.losses.append(probed(run.model, self.probe))

    def on_backward(self, run: Run) -> None:
        """The angle to the gradient before, and from time to time the sizes by layer."""
        gradients = [_array(p) for p in run.model.parameters() if p.grad is not None]
        whole = np.concatenate([g.ravel() for g in gradients]).astype(np.float64)
        if self._last is not None and self._last.shape == whole.shape:
            turned = angle(self._last, whole)
            if turned is not None:
                self.angles.append(turned)
        self._last = whole
        if self._count % self.each == 0:
            # Weights alone: biases and what an activation trains are no layers.
            layers = [g for g in gradients if g.ndim >= 2]
            self.sizes.append([decades(g) for g in layers])
            self.histograms.append([_histogram(g) for g in (layers[0], layers[-1])])
        self._count += 1

    def on_step(self, run: Run) -> None:
        """The loss after it."""
        self.losses.append(probed(run.model, self.probe))


def _array(parameter: Any) -> Array:
    found: Array = parameter.grad.data
    return found


def angle(first: Array, second: Array) -> float | None:
    """Between two vectors, in degrees; None if one is 0 or not finite.

    Examples
    --------
    >>> angle(np.array([1.0, 0.0]), np.array([0.0, 2.0]))
    90.0
    """
    with np.errstate(all="ignore"):
        lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
        if not (math.isfinite(lengths) and lengths > 0):
            return None
        cosine = float(first @ second) / lengths
    return math.degrees(math.acos(min(1.0, max(-1.0, cosine))))


def decades(gradient: Array) -> float:
    """log10 of the root mean square."""
    with np.errstate(all="ignore"):
        size = math.sqrt(float(np.square(gradient, dtype=np.float64).mean()))
    return math.log10(max(size, LEAST)) if math.isfinite(size) else math.inf


def _histogram(gradient: Array) -> list[int]:
    """How many elements have a magnitude of so many decades; those beyond are in the last bins."""
    size = np.clip(np.nan_to_num(np.abs(gradient), nan=np.inf), 10.0 ** EDGES[0], 10.0 ** EDGES[-1])
    counts: list[int] = np.histogram(np.log10(size), EDGES)[0].tolist()
    return counts


def rises(losses: Sequence[float]) -> float | None:
    """The share of steps after which the loss is larger than before.

    Examples
    --------
    >>> rises([3.0, 2.0, 2.5, 1.0, 1.0])
    0.25
    """
    if len(losses) < 2:
        return None
    return float(np.mean(np.diff(np.asarray(losses, np.float64)) > 0))


def apart(sizes: Sequence[Sequence[float]]) -> float | None:
    """How many decades lie between the layers of largest and smallest gradients, on average."""
    table = np.asarray(sizes, np.float64)
    if table.size == 0 or not np.isfinite(table).all():
        return None
    return float(np.ptp(table, axis=1).mean())


def probed(model: nn.Module, probe: Sequence[Array]) -> float:
    """The loss in training mode, the running statistics left as they are."""
    buffers = [b for _, b in model.named_buffers()]
    kept = [np.array(_plain(b)) for b in buffers]
    was = model.training
    model.train()
    with no_grad():
        loss = float(F.cross_entropy(model(Tensor(probe[0])), probe[1]).data)
    model.train(was)
    for buffer, value in zip(buffers, kept, strict=True):
        _plain(buffer)[...] = value
    return loss


def _plain(buffer: Any) -> Array:
    found: Array = buffer.data if isinstance(buffer, Tensor) else buffer
    return found
