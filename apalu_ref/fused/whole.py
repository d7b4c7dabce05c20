"""Small arrays: all is one block, and planning would take longer than computing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.arguments import fits
from apalu_ref.fused.kernel import TYPES
from apalu_ref.fused.layout import BLOCK_BYTES
from apalu_ref.fused.sums import block_sum
from apalu_ref.fused.worker import Kernel

Array = NDArray[Any]

# Of other layouts, and with rows of parameters as short as that, only so many elements.
_FEW, _SHORT = 4096, 64


def fitting(x: Any, *others: Any) -> list[Array] | None:
    """The arguments as arrays, if x is small and all fit it without further ado; else None."""
    if type(x) is not np.ndarray or not 0 < x.nbytes <= BLOCK_BYTES or not x.ndim:
        return None
    dtype, shape = x.dtype, x.shape
    few = x.size <= _FEW
    if dtype not in TYPES or not (few or x.flags.c_contiguous):
        return None
    arrays = [x]
    for v in others:
        if type(v) in (float, int):
            if not fits(v, dtype):
                return None
            v = np.array(v, dtype)
        elif type(v) is not np.ndarray or v.dtype is not dtype:
            return None
        if v.ndim and v.shape != shape:
            missing = len(shape) - v.ndim
            own = zip(v.shape, shape[max(0, missing) :], strict=False)
            if missing < 0 or not all(n in (1, m) for n, m in own):
                return None
            if not few and _row(shape, v.shape) < _SHORT:
                return None
        arrays.append(v)
    return arrays


def _row(shape: tuple[int, ...], own: tuple[int, ...]) -> int:
    """Neighbouring elements that NumPy does in one go: of one parameter, or one of each."""
    own = (1,) * (len(shape) - len(own)) + own
    row = 1
    for n, m in zip(reversed(shape), reversed(own), strict=True):
        if (m == 1) != (own[-1] == 1) and n != 1:
            break
        row *= n
    return row


def forward(kernel: Kernel, x: Array, *parameters: Array) -> Array:
    """The values, for arrays that fit."""
    y = np.empty_like(x)
    scratch = np.empty((kernel.scratch, *x.shape), x.dtype)
    with np.errstate(all="ignore"):
        kernel.forward(x, parameters, y, list(scratch))
    return y


def backward(kernel: Kernel, x: Array, *rest: Array) -> tuple[Array, ...] | None:
    """The gradients, for arrays that fit; or None if a sum has left the range of its type.

    ``rest`` are the parameters, and last gy.
    """
    *parameters, gy = rest
    if gy.shape != x.shape:
        gy = np.broadcast_to(gy, x.shape)
    dx = np.empty_like(x)
    n = len(parameters)
    memory = list(np.empty((n + kernel.scratch, *x.shape), x.dtype))
    terms = memory[:n]
    with np.errstate(all="ignore"):
        kernel.backward(x, tuple(parameters), gy, dx, terms, memory[n:])
        gradients = [dx]
        for t, p in zip(terms, parameters, strict=True):
            if p.shape == t.shape:
                # Not a part of the scratch memory, which would be kept as long as the result.
                gradients.append(t.copy())
                continue
            total = _summed(t, p)
            if not (math.isfinite(total) if not p.ndim else np.isfinite(total).all()):
                return None
            gradients.append(np.asarray(total, x.dtype))
    return tuple(gradients)


def _summed(t: Array, p: Array) -> Any:
    """Terms summed to the shape of a parameter, in float64."""
    if not p.ndim:
        return np.add.reduce(t, None, np.float64)
    missing = t.ndim - p.ndim
    axes = tuple(i for i, n in enumerate(t.shape) if i < missing or n != p.shape[i - missing])
    return block_sum(t, axes).reshape(p.shape)
