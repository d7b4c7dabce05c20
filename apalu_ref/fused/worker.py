"""What one thread does with one block after the other."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.fused import layout
from apalu_ref.fused.sums import Target, block_sum

Array = NDArray[Any]

# Rows shorter than this are not worth the time NumPy takes to begin a new one.
_SHORT = 512

_own = threading.local()


class Kernel(NamedTuple):
    """An elementwise function of x with trainable parameters, and its derivatives, on a block.

    ``forward(z, parameters, out, scratch)`` writes the values to ``out``, which may be ``z``.
    ``backward(z, parameters, gy, dx, terms, scratch)`` writes gy ∂f/∂p, element by element, for
    each parameter p to an array of ``terms``, and last gy ∂f/∂x to ``dx``, which may be ``z`` or
    ``gy``. All are float32 or all float64; parameters broadcast against ``z``, the others have its
    shape.
    """

    forward: Callable[[Array, tuple[Array, ...], Array, list[Array]], None]
    backward: Callable[[Array, tuple[Array, ...], Array, Array, list[Array], list[Array]], None]
    scratch: int
    """Scratch arrays that ``backward`` wants, or ``forward`` if that wants more."""
    careful: Callable[..., None] | None = None
    """As ``backward``, but all it writes is scaled by 2 to the power -:data:`GROW`, lest it leaves
    the range of float64. Without it such sums are inf or NaN."""


GROW = 1080
"""Twice the range of float64, nearly, and even."""


class Worker:
    """What one thread does with one block after the other."""

    def __init__(
        self,
        kernel: Kernel,
        gradients: bool,
        tables: list[Array],
        targets: list[Target | None],
        dtype: np.dtype[Any],
    ) -> None:
        self._kernel, self._gradients, self._dtype = kernel, gradients, dtype
        self._tables, self._targets = tables, targets
        self._written: dict[int, Any] = {}
        # Taken, not borrowed: a call in the midst of this one (by a finalizer) makes its own.
        self._memory: list[Array] = _own.__dict__.pop("memory", [])
        self._used = 0

    def finish(self) -> None:
        """Leave the memory to the next call in this thread."""
        _own.memory = self._memory

    def block(self, box: layout.Box, sums: list[Array | None]) -> None:
        """Do one block; what is to be summed is added to ``sums``."""
        x, *parameters = (table[box] for table in self._tables)
        gy = parameters.pop() if self._gradients else None
        shape = x.shape
        short = len(shape) > 1 and shape[-1] < _SHORT
        self._used = len(parameters)
        own = [self._parameter(i, p, box, short) for i, p in enumerate(parameters)]
        z = self._input(x, short)
        first = self._targets[0]
        view = None if first is None or first.axes else first.view[box]
        direct = view is not None and self._suits(view, short)
        result = view if direct else self._take(shape)
        assert result is not None
        out = result.reshape(-1) if short else result
        if gy is None:
            self._kernel.forward(z, tuple(own), out, self._scratch(z.shape))
            staged = [result]
        else:
            g = self._input(gy, short)
            staged = [result, *(self._take(shape) for _ in own)]
            terms = [t.reshape(z.shape) for t in staged[1:]]
            self._kernel.backward(z, tuple(own), g, out, terms, self._scratch(z.shape))
        for i, (target, term) in enumerate(zip(self._targets, staged, strict=True)):
            if target is None:
                continue
            if target.axes:
                amount = block_sum(term, target.axes)
                earlier = sums[i]
                sums[i] = amount if earlier is None else np.add(earlier, amount, out=earlier)
            elif i or not direct:
                np.copyto(target.view[box], term, casting="same_kind")

    def _suits(self, v: Array, short: bool) -> bool:
        if v.dtype != self._dtype:
            return False
        return v.flags.c_contiguous or (not short and v.strides[-1] == v.itemsize)

    def _input(self, v: Array, short: bool) -> Array:
        if not self._suits(v, short):
            copy = self._take(v.shape)
            np.copyto(copy, v)
            v = copy
        return v.reshape(-1) if short else v

    def _parameter(self, i: int, p: Array, box: layout.Box, short: bool) -> Array:
        """A parameter as it broadcasts; written out in full where rows are too short for that."""
        compact = p[tuple(slice(0, 1) if s == 0 else slice(None) for s in p.strides)]
        if compact.size == 1 and p.dtype == self._dtype:
            return compact.reshape(())
        if not short and p.strides[-1] in (0, p.itemsize) and p.dtype == self._dtype:
            return compact
        if p.flags.c_contiguous and p.dtype == self._dtype:
            return p.reshape(-1)
        copy = self._array(i, p.shape)
        # Blocks often come with the same parameters as the one before.
        which = p.shape, tuple(k.start if s else 0 for k, s in zip(box, p.strides, strict=True))
        if self._written.get(i) != which:
            np.copyto(copy, p)
            self._written[i] = which
        return copy.reshape(-1) if short else copy

    def _array(self, number: int, shape: tuple[int, ...]) -> Array:
        while number >= len(self._memory):
            self._memory.append(np.empty(layout.BLOCK_BYTES, np.uint8))
        return self._memory[number].view(self._dtype)[: math.prod(shape)].reshape(shape)

    def _take(self, shape: tuple[int, ...]) -> Array:
        self._used += 1
        return self._array(self._used - 1, shape)

    def _scratch(self, shape: tuple[int, ...]) -> list[Array]:
        return [self._take(shape) for _ in range(self._kernel.scratch)]
