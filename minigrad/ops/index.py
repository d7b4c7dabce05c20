"""Indexing: basic, with arrays of positions, and with masks; and its reverse, scattering."""

from __future__ import annotations

from types import EllipsisType
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from minigrad.core import RULES, Tensor, plain
from minigrad.engine import Op, Part


def _may_repeat(index: Any) -> bool:
    """Whether an element may be indexed twice: only by arrays of positions."""
    parts = index if isinstance(index, tuple) else (index,)
    return not all(
        p is None or isinstance(p, (int, slice, EllipsisType)) or np.asarray(p).dtype == np.bool_
        for p in parts
    )


def _scatter(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    result = np.zeros(shape, g.dtype)
    if _may_repeat(index):
        np.add.at(result, index, g)
    else:
        result[index] = g
    return result


scatter = Op(_scatter, lambda g, index: g[index], name="scatter")
"""Zeros of ``shape`` with ``g`` added at ``index``: the reverse of indexing."""


def _taken(g: Any, index: Any, a_shape: tuple[int, ...]) -> Any:
    if isinstance(g, Tensor):
        return scatter(g, index, a_shape)
    return Part(index, g, _may_repeat(index))  # zeros elsewhere, which nobody needs to write


_getitem = Op(lambda a, index: a[index], _taken, name="getitem")


def getitem(a: Tensor, index: Any) -> Any:
    """``a[index]``."""
    index = plain(index)
    if isinstance(index, list):
        index = np.asarray(index, None if index else np.intp)
    return _getitem(a, index)


def take(a: Any, indices: Any, axis: int | None = None) -> Any:
    """``np.take``."""
    indices = np.asarray(plain(indices))
    if axis is None:
        return a.reshape(-1)[indices]
    return a[(slice(None),) * normalize_axis_index(axis, a.ndim) + (indices,)]


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    """``np.take_along_axis``."""
    indices = np.asarray(plain(indices))
    if axis is None:
        return arr.reshape(-1)[indices]
    index: list[Any] = list(np.ogrid[tuple(map(slice, arr.shape))])
    index[axis] = indices
    return arr[tuple(index)]


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """``np.diagonal``: the diagonal's axis comes last."""
    axis1, axis2 = (normalize_axis_index(i, a.ndim) for i in (axis1, axis2))
    rest = [i for i in range(a.ndim) if i not in (axis1, axis2)]
    a = np.transpose(a, (*rest, axis1, axis2))
    start1, start2 = max(-offset, 0), max(offset, 0)
    n = max(min(a.shape[-2] - start1, a.shape[-1] - start2), 0)
    return a[..., start1 + np.arange(n), start2 + np.arange(n)]


def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """``np.trace``: the sum of the diagonal."""
    return np.sum(diagonal(a, offset, axis1, axis2), axis=-1)


def tril(m: Any, k: int = 0) -> Any:
    """``np.tril``: zero above the k-th diagonal."""
    return np.where(np.tri(m.shape[-2], m.shape[-1], k, dtype=bool), m, 0)


def triu(m: Any, k: int = 0) -> Any:
    """``np.triu``: zero below the k-th diagonal."""
    return np.where(np.tri(m.shape[-2], m.shape[-1], k - 1, dtype=bool), 0, m)


RULES.update(
    {
        np.take: take,
        np.take_along_axis: take_along_axis,
        np.diagonal: diagonal,
        np.trace: trace,
        np.tril: tril,
        np.triu: triu,
    }
)
