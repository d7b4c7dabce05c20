"""Sums along axes, in float64: of a block, and of all blocks in an array of results."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.fused.layout import Box, Plan

Array = NDArray[Any]

# Rows shorter than this are added several at a time: NumPy is slow to go from row to row.
_ROW = 2048


def block_sum(t: Array, axes: tuple[int, ...]) -> Array:
    """Sum over some axes, which are kept with length 1.

    Parameters
    ----------
    t : ndarray
        Contiguous, float32 or float64.
    axes : tuple of int
        In ascending order.

    Returns
    -------
    ndarray
        float64, accumulated in float64, in an order that depends on the shape only.

    Examples
    --------
    >>> block_sum(np.ones((5, 3), np.float32), (0,))
    array([[5., 5., 5.]])
    """
    leading = 0
    while leading < len(axes) and axes[leading] == leading:
        leading += 1
    if not leading or leading == t.ndim:
        return np.asarray(np.add.reduce(t, axis=axes, dtype=np.float64, keepdims=True))
    rest = t.shape[leading:]
    rows = _sum_of_rows(t.reshape(-1, math.prod(rest))).reshape((1,) * leading + rest)
    return np.asarray(np.add.reduce(rows, axis=axes[leading:], keepdims=True))


def _sum_of_rows(t: Array) -> Array:
    rows, width = t.shape
    together = min(rows, _ROW // max(1, width))
    if together < 2:
        return np.asarray(np.add.reduce(t, axis=0, dtype=np.float64))
    whole = rows // together * together
    wide = t[:whole].reshape(-1, together * width)
    folded = np.add.reduce(wide, axis=0, dtype=np.float64).reshape(together, width)
    total = np.add.reduce(folded, axis=0)
    total += np.add.reduce(t[whole:], axis=0, dtype=np.float64)
    return np.asarray(total)


class Target:
    """An array of results, seen as a table; sums are written to it a *window* at a time.

    A window is the part of the array to which cells that follow each other add. Its sums are kept
    in float64 until the next begins, so that long sums take little memory; see
    :mod:`apalu_ref.fused.layout` for the order of cells.

    Parameters
    ----------
    v : ndarray
        Of a shape that broadcasts to that of the plan.
    plan : Plan
        How blocks are cut.
    """

    def __init__(self, v: Array, plan: Plan) -> None:
        v = v.reshape((1,) * (len(plan.axes) - v.ndim) + v.shape)
        lengths = [math.prod(v.shape[i] for i in group) for group in plan.groups]
        self.view = v.transpose(plan.axes).reshape(lengths)
        """Its table, with length 1 along the axes that are summed."""
        self.axes = tuple(
            k for k, (m, n) in enumerate(zip(lengths, plan.table, strict=True)) if m != n
        )
        """Those along which it is summed."""
        self._fixed = tuple(itertools.takewhile(lambda k: k not in self.axes, plan.cut))
        self.shared = bool(self.axes) and (plan.segments > 1 or self._fixed != plan.cut)
        """Whether several pieces add to the same sum."""
        self._window: Box | None = None
        self._total: Array | None = None
        self.lost = False
        """Whether a sum was not finite."""

    def add(self, cell: Box, amount: Array) -> None:
        """Add the sum of one piece of work; if shared, in the order of the pieces."""
        cell = tuple(slice(0, 1) if k in self.axes else s for k, s in enumerate(cell))
        if not self.shared:
            self._write(cell, amount)
            return
        window = tuple(
            s if k in self._fixed or k in self.axes else slice(None) for k, s in enumerate(cell)
        )
        if window != self._window:
            self.finish()
            self._window, self._total = window, np.zeros(self.view[window].shape)
        assert self._total is not None
        self._total[tuple(slice(None) if k in self._fixed else s for k, s in enumerate(cell))] += (
            amount
        )

    def finish(self) -> None:
        """Write the sums of the last window."""
        if self._window is not None and self._total is not None:
            self._write(self._window, self._total)

    def _write(self, where: Box, sums: Array) -> None:
        self.view[where] = sums
        if not np.isfinite(sums).all():
            self.lost = True
