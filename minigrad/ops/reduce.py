"""Reductions: sums and what is made of them, extremes, products, cumulative sums."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from minigrad.core import RULES
from minigrad.engine import Op, size_of


def _restore(g: Any, shape: tuple[int, ...], axis: Any, keepdims: bool) -> Any:
    """``g`` with the reduced axes back, of length 1."""
    if keepdims or axis is None:
        return g if keepdims else np.reshape(g, (1,) * len(shape))
    return np.expand_dims(g, axis)


def _spread(g: Any, x_shape: tuple[int, ...], axis: Any, keepdims: bool) -> Any:
    return np.broadcast_to(_restore(g, x_shape, axis, keepdims), x_shape)


sum = Op(
    lambda a, axis=None, keepdims=False: a.sum(axis=axis, keepdims=keepdims),
    lambda g, a_shape, axis, keepdims: _spread(g, a_shape, axis, keepdims),
    numpy=(np.sum,),
    name="sum",
)

mean = Op(
    lambda a, axis=None, keepdims=False: a.mean(axis=axis, keepdims=keepdims),
    lambda g, a_shape, axis, keepdims: _spread(g / size_of(a_shape, axis), a_shape, axis, keepdims),
    numpy=(np.mean,),
    name="mean",
)


def _extreme(g: Any, a: Any, y: Any, axis: Any, keepdims: bool) -> Any:
    """Evenly to all elements that are the extreme one: the NaN, where there are any."""
    y = _restore(y, a.shape, axis, keepdims)
    chosen = np.equal(a, y)
    if np.isnan(y).any():
        chosen = np.logical_or(chosen, np.isnan(a))
    ties = np.sum(chosen, axis=axis, keepdims=True, dtype=g.dtype)
    return np.where(chosen, _restore(g, a.shape, axis, keepdims) / ties, 0)


max = Op(
    lambda a, axis=None, keepdims=False: a.max(axis=axis, keepdims=keepdims),
    _extreme,
    numpy=(np.max, np.amax),
    name="max",
)
min = Op(
    lambda a, axis=None, keepdims=False: a.min(axis=axis, keepdims=keepdims),
    _extreme,
    numpy=(np.min, np.amin),
    name="min",
)

cumsum = Op(
    lambda a, axis=None: np.cumsum(a, axis),
    lambda g, a_shape, axis: _flipped_cumsum(g, axis).reshape(a_shape),
    numpy=(np.cumsum,),
    name="cumsum",
)


def _flipped_cumsum(g: Any, axis: int | None) -> Any:
    axis = 0 if axis is None else axis
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


def _norm_rule(g: Any, x: Any, y: Any, axis: Any, keepdims: bool) -> Any:
    # At 0 the norm has a corner; 0 is a subgradient there, and the second derivative is 0, too.
    y = _restore(y, x.shape, axis, keepdims)
    return _restore(g, x.shape, axis, keepdims) * (x / np.where(np.equal(y, 0), np.inf, y))


_norm2 = Op(
    lambda x, axis=None, keepdims=False: np.sqrt((x * x).sum(axis=axis, keepdims=keepdims)),
    _norm_rule,
    name="norm",
)


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """``np.linalg.norm`` for vectors (``ord`` None, 1, 2 or inf) and Frobenius'.

    The gradient of the 2-norm at 0 is 0.
    """
    axes = x.ndim if axis is None else len(axis) if isinstance(axis, tuple) else 1
    if ord is None or (ord == 2 and axes == 1) or (ord == "fro" and axes == 2):
        return _norm2(x, axis, keepdims)
    if ord in (1, np.inf) and axes == 1:
        reduce = np.sum if ord == 1 else np.max
        return reduce(np.abs(x), axis=axis, keepdims=keepdims)
    raise NotImplementedError(
        "minigrad has np.linalg.norm with ord None, for vectors 1, 2 and inf, for matrices 'fro': "
        f"not {ord!r} over {axes} axes"
    )


def _freedom(shape: tuple[int, ...], axis: Any, ddof: float) -> float:
    n = size_of(shape, axis) - ddof
    return n if n > 0 else 0


def var(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """``np.var``: the mean squared distance from the mean (``ddof=1`` for an unbiased one)."""
    d = a - np.mean(a, axis, keepdims=True)
    return np.sum(d * d, axis, keepdims=keepdims) / _freedom(a.shape, axis, ddof)


def std(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    """``np.std``: the root of :func:`var`; its gradient is 0 where all values are equal."""
    d = a - np.mean(a, axis, keepdims=True)
    return _norm2(d, axis, keepdims) / _freedom(a.shape, axis, ddof) ** 0.5


def prod(a: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """``np.prod``, by halves: each element's gradient is the product of the others.

    There is no division by the element, so that zeros are nothing special.
    """
    shape = a.shape
    axes = tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)
    axes = tuple(sorted(axes))
    rest = tuple(i for i in range(len(shape)) if i not in axes)
    kept = tuple(shape[i] for i in rest)
    x = np.transpose(a, (*rest, *axes)).reshape((*kept, size_of(shape, axes)))
    while x.shape[-1] > 1:
        half = x.shape[-1] // 2
        odd = x[..., 2 * half :]
        x = x[..., :half] * x[..., half : 2 * half]
        if odd.shape[-1]:
            x = np.concatenate((x, odd), -1)
    x = x[..., 0] if x.shape[-1] else np.ones(kept, a.dtype) + np.sum(x, -1)
    return x.reshape(tuple(1 if i in axes else n for i, n in enumerate(shape))) if keepdims else x


RULES.update({np.var: var, np.std: std, np.prod: prod, np.linalg.norm: norm})
