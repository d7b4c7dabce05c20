"""What a and b do in the course of a run: their paths, and how these end."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.layer import APALU
from minigrad import nn, no_grad
from minigrad.train import Callback, Run

Array = NDArray[Any]

BAND = 0.1
"""A value has settled if it stays within this share of the range it has covered in all..."""
STILL = 0.02
"""... or within this, however little it has moved before."""
ONE_WAY = 0.75
"""It drifts if its net change is more than this share of the band it covers late in the run."""
NOTHING = 0.01
"""Magnitudes below it count as nothing."""


def pairs(model: nn.Module) -> tuple[Array, Array]:
    """All a and all b of a network's APALU layers, each in one row; empty if it has none."""
    with no_grad():
        found = [
            (m.a.data.ravel().copy(), m.b.data.ravel().copy())
            for m in model.modules()
            if isinstance(m, APALU)
        ]
    if not found:
        return np.zeros(0), np.zeros(0)
    a, b = (np.concatenate(part).astype(np.float64) for part in zip(*found, strict=True))
    return a, b


class Paths(Callback):
    """Records all a and b at the start and after every so many steps.

    Parameters
    ----------
    each : int
        How many steps lie between two records.
    """

    def __init__(self, each: int) -> None:
        self.each = each
        self._a: list[Array] = []
        self._b: list[Array] = []

    def on_start(self, run: Run) -> None:
        """Record where they start."""
        self._look(run.model)

    def on_step(self, run: Run) -> None:
        """Record, if it is time."""
        if run.step % self.each == 0:
            self._look(run.model)

    def _look(self, model: nn.Module) -> None:
        a, b = pairs(model)
        self._a.append(a)
        self._b.append(b)

    @property
    def a(self) -> Array:
        """A row a record, a column a pair."""
        return np.array(self._a)

    @property
    def b(self) -> Array:
        """As ``a``."""
        return np.array(self._b)


class Fates(NamedTuple):
    """Shares of values that settle, drift and wander; they add up to 1."""

    settled: float
    drifting: float
    wandering: float


def fates(paths: Array) -> Fates | None:
    """How paths end; None if there are none.

    Over the last quarter of the records, a value that stays within a tenth of the range it has
    covered in all (or within 0.02) has settled. One that does not, and ends further from where
    the quarter began than three quarters of the band it covers in it, drifts; any other wanders.

    Parameters
    ----------
    paths : ndarray, shape (T, n)
        The records of n values.

    Examples
    --------
    >>> t = np.linspace(0, 1, 41)
    >>> fates(np.column_stack([1 - np.exp(-20 * t), t, t, np.sin(16 * np.pi * t)]))
    Fates(settled=0.25, drifting=0.5, wandering=0.25)
    """
    if paths.ndim != 2 or paths.shape[1] == 0 or len(paths) < 5:
        return None
    late = paths[-(len(paths) // 4) - 1 :]
    whole, band = np.ptp(paths, axis=0), np.ptp(late, axis=0)
    settled = (band <= BAND * whole) | (band <= STILL)
    drifting = ~settled & (np.abs(late[-1] - late[0]) > ONE_WAY * band)
    shares = settled.mean(), drifting.mean(), (~settled & ~drifting).mean()
    return Fates(*map(float, shares))


def collapsed(a: Array, b: Array) -> Array:
    """Which pairs give nothing any more: both a and b below 0.01 in magnitude."""
    return (np.abs(a) < NOTHING) & (np.abs(b) < NOTHING)


def opposed(a: Array, b: Array) -> Array:
    """Which pairs have a and b of opposite signs, neither below 0.01 in magnitude: no monotony."""
    return (a * b < 0) & (np.minimum(np.abs(a), np.abs(b)) >= NOTHING)


def kinks(a: Array, b: Array) -> Array:
    """By how much the slopes at 0 differ: abs(b - 3a/2)."""
    return np.abs(b - 1.5 * a)


def memory(start: Array, end: Array) -> float | None:
    """The correlation of where values end with where they started; None without a spread."""
    if len(start) < 3 or min(np.std(start), np.std(end)) < 1e-9:
        return None
    value = float(np.corrcoef(start, end)[0, 1])
    return value if np.isfinite(value) else None
