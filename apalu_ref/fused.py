r"""APALU for speed: the same function as ``formula``, in blocks that stay in the cache.

The textbook formula makes a dozen arrays as large as its input, and spends its time on memory
rather than on arithmetic. Here the input is taken in blocks of some thousand elements; every
intermediate result of a block is written into scratch memory that is used again for the next.

What the code does differently from the page to read first:

* In the forward pass one ``t = expm1(min(x, -κx))`` serves both branches. Left of zero it is
  e^x - 1; right of zero it is e^{-κx} - 1, so that σ(κx) = 1/(2 + t).
* In the backward pass one ``e = exp(min(x, -κx))`` does: e^x on the left, and on the right
  σ = 1/(1 + e), σ(1 - σ) = eσ². (Not ``expm1``: 1 + t has no digits left in the tails.)
  The gradient of b wants e^x - 1 exactly and so an ``expm1`` of its own.
* A branch is chosen by the sign bit, copied over all bits of an integer (``x >> 31``) and
  combined with ``&`` and ``^``: NumPy does this several times faster than ``np.where``, and
  whatever the branch not taken holds, NaN included, is gone.
* Sums over a block are added up in float64.

Results differ from ``formula``'s in the last few bits: arithmetic is done in the type of the
input, not in float64.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import apalu_ref.formula as formula

Array = NDArray[Any]

# Elements in a block: six scratch arrays of them fit into a core's second-level cache.
_BLOCK = 8192

# e^-900 is 0 in either type; the cap keeps inf * 0 out of the slope.
_CAP = 900.0

_BITS: dict[np.dtype[Any], Any] = {
    np.dtype(np.float32): (np.int32, 31),
    np.dtype(np.float64): (np.int64, 63),
}

# Constants in the type at hand: a Python number is converted anew by every call.
_CONSTANTS = {
    dtype: tuple(np.array(value, dtype) for value in (0, 1, 2, -formula.KAPPA, -_CAP))
    for dtype in _BITS
}


class _Plan(NamedTuple):
    """x as a table of rows in memory order, with a and b either one a row or one a column."""

    axes: tuple[int, ...]  # the order of x's axes in memory
    shape: tuple[int, ...]  # its lengths in that order
    rows: int
    columns: int
    by_row: bool  # whether a parameter belongs to a row (else to a column)
    outer: int  # how often the parameters are repeated over the rows


def _plan(x: Array, a: Array, b: Array) -> _Plan | None:
    """How to go through ``x`` in one pass, or None where ``formula`` has to do."""
    if x.dtype not in _BITS or a.dtype != x.dtype or b.dtype != x.dtype or a.shape != b.shape:
        return None
    return _planned(x.shape, x.strides, x.itemsize, a.shape)


@lru_cache(maxsize=256)
def _planned(
    shape: tuple[int, ...], strides: tuple[int, ...], itemsize: int, parameter: tuple[int, ...]
) -> _Plan | None:
    ndim = len(shape)
    own = (1,) * (ndim - len(parameter)) + parameter
    if len(own) > ndim or 0 in shape:
        return None
    if any(n not in (1, m) for n, m in zip(own, shape, strict=True)):
        return None
    axes = tuple(sorted(range(ndim), key=lambda i: (-strides[i], -shape[i])))
    ordered = tuple(shape[i] for i in axes)
    dense = itemsize
    for i in reversed(axes):
        if shape[i] != 1 and strides[i] != dense:
            return None
        dense *= shape[i]
    # Axes with parameters must be neighbours in memory: (outer, parameters, inner).
    with_own = [k for k, i in enumerate(axes) if own[i] != 1]
    if not with_own:
        return _Plan(axes, ordered, 1, math.prod(shape), True, 1)
    first, last = with_own[0], with_own[-1]
    if any(ordered[k] != 1 for k in range(first, last + 1) if k not in with_own):
        return None
    outer, count = math.prod(ordered[:first]), math.prod(ordered[first : last + 1])
    inner = math.prod(ordered[last + 1 :])
    if inner == 1:
        return _Plan(axes, ordered, outer, count, False, outer)
    return _Plan(axes, ordered, outer * count, inner, True, outer)


def _parameters(p: Array, x: Array, plan: _Plan) -> Array:
    """A parameter as a column (one a row of the table) or as a row."""
    p = p.reshape((1,) * (x.ndim - p.ndim) + p.shape).transpose(plan.axes).reshape(-1)
    if not plan.by_row:
        return p.reshape(1, -1)
    return (np.tile(p, plan.outer) if plan.outer > 1 else p).reshape(-1, 1)


def _blocks(plan: _Plan) -> Any:
    """Slices of rows and columns that cut the table into blocks."""
    width = min(plan.columns, _BLOCK)
    height = max(1, _BLOCK // width)
    for r in range(0, plan.rows, height):
        for c in range(0, plan.columns, width):
            yield slice(r, min(r + height, plan.rows)), slice(c, min(c + width, plan.columns))


def _scratch(plan: _Plan, count: int, dtype: Any) -> list[Array]:
    width = min(plan.columns, _BLOCK)
    height = min(plan.rows, max(1, _BLOCK // width))
    return list(np.empty((count, height, width), dtype))


def apalu(x: Array, a: Array, b: Array) -> Array:
    """APALU: a·u(x) where x >= 0, b·v(x) where x < 0; see :func:`apalu_ref.formula.apalu`.

    Parameters
    ----------
    x, a, b : ndarray
        Fast where they share float32 or float64, a and b have the same shape, and x is dense in
        memory (in any order of its axes); else as fast as ``formula``, which then does the work.

    Returns
    -------
    ndarray
        A fresh array of the broadcast shape, in the layout of ``x``.

    Examples
    --------
    >>> apalu(np.array([-1.0, 0.0, 1.0]), np.array(2.0), np.array(1.0))
    array([-0.63212056,  0.        ,  3.69159153])
    """
    plan = _plan(x, a, b)
    # What is not finite would spread, 0·∞, to the other branch.
    if plan is None or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return formula.apalu(x, a, b)
    table = x.transpose(plan.axes).reshape(plan.rows, plan.columns)
    a, b = _parameters(a, x, plan), _parameters(b, x, plan)
    y = np.empty_like(table)
    bits, sign = _BITS[x.dtype]
    zero, one, two, minus_kappa, _ = _CONSTANTS[x.dtype]
    t0, w0, m0 = _scratch(plan, 3, x.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for r, c in _blocks(plan):
            z, out = table[r, c], y[r, c]
            h, w = z.shape
            t, gate, mask = t0[:h, :w], w0[:h, :w], m0[:h, :w].view(bits)
            pa, pb = (a[r], b[r]) if plan.by_row else (a[:, c], b[:, c])
            np.multiply(z, minus_kappa, out=t)
            np.minimum(z, t, out=t)
            np.expm1(t, out=t)
            np.add(t, two, out=gate)
            np.divide(one, gate, out=gate)
            np.add(gate, one, out=gate)
            np.maximum(z, zero, out=out)
            np.multiply(out, pa, out=out)
            np.multiply(out, gate, out=out)
            np.right_shift(z.view(bits), sign, out=mask)
            np.bitwise_and(t.view(bits), mask, out=t.view(bits))
            np.multiply(t, pb, out=t)
            np.add(out, t, out=out)
    return _untable(y, plan)


def _untable(y: Array, plan: _Plan) -> Array:
    return y.reshape(plan.shape).transpose([plan.axes.index(i) for i in range(len(plan.axes))])


def apalu_grad(x: Array, a: Array, b: Array, gy: Array) -> tuple[Array, Array, Array]:
    """Gradients of ``sum(gy * apalu(x, a, b))``; see :func:`apalu_ref.formula.apalu_grad`.

    Parameters
    ----------
    x, a, b : ndarray
        As given to :func:`apalu`.
    gy : ndarray
        Gradient with respect to the output, of its shape.

    Returns
    -------
    dx, da, db : ndarray
        Fresh arrays, each of its input's shape and type; dx in the layout of ``x``. Sums are
        accumulated in float64.
    """
    plan = _plan(x, a, b)
    if plan is None or gy.dtype != x.dtype or gy.shape != x.shape:
        return formula.apalu_grad(x, a, b, gy)
    table = x.transpose(plan.axes).reshape(plan.rows, plan.columns)
    upstream = gy.transpose(plan.axes).reshape(plan.rows, plan.columns)
    pa_all, pb_all = _parameters(a, x, plan), _parameters(b, x, plan)
    dx = np.empty_like(table)
    sums = np.zeros((2, plan.rows if plan.by_row else plan.columns))
    axis = 1 if plan.by_row else 0
    bits, sign = _BITS[x.dtype]
    zero, one, _, minus_kappa, cap = _CONSTANTS[x.dtype]
    e0, w0, q0, m0 = _scratch(plan, 4, x.dtype)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for r, c in _blocks(plan):
            z, g, out = table[r, c], upstream[r, c], dx[r, c]
            h, w = z.shape
            e, s, q, mask = e0[:h, :w], w0[:h, :w], q0[:h, :w], m0[:h, :w].view(bits)
            pa, pb = (pa_all[r], pb_all[r]) if plan.by_row else (pa_all[:, c], pb_all[:, c])
            total = sums[:, r if plan.by_row else c]
            np.multiply(z, minus_kappa, out=q)
            np.maximum(q, cap, out=q)
            np.minimum(z, q, out=e)
            np.exp(e, out=e)
            np.add(e, one, out=s)
            np.divide(one, s, out=s)
            # q = 1 + σ + κx·eσ², the slope on the right
            np.multiply(q, e, out=q)
            np.multiply(q, s, out=q)
            np.subtract(one, q, out=q)
            np.multiply(q, s, out=q)
            np.add(q, one, out=q)
            np.multiply(q, pa, out=q)
            np.multiply(e, pb, out=e)
            # Where the mask's bits are set (x < 0), e in place of q; -0 has a sign, -0 + 0 has none
            np.add(z, zero, out=mask.view(x.dtype))
            np.right_shift(mask, sign, out=mask)
            np.bitwise_xor(q.view(bits), e.view(bits), out=e.view(bits))
            np.bitwise_and(e.view(bits), mask, out=e.view(bits))
            np.bitwise_xor(q.view(bits), e.view(bits), out=q.view(bits))
            np.multiply(q, g, out=out)
            # a: u = x(1 + σ), with nothing on the left; b: e^x - 1, with nothing on the right
            np.maximum(z, zero, out=q)
            np.add(s, one, out=s)
            np.multiply(q, s, out=q)
            np.multiply(q, g, out=q)
            total[0] += q.sum(axis, dtype=np.float64)
            np.minimum(z, zero, out=e)
            np.expm1(e, out=e)
            np.multiply(e, g, out=e)
            total[1] += e.sum(axis, dtype=np.float64)
    if plan.by_row and plan.outer > 1:
        sums = sums.reshape(2, plan.outer, -1).sum(axis=1)
    da, db = (total.reshape(_in_memory(a, x, plan)) for total in sums)
    return _untable(dx, plan), _back(da, a, x, plan), _back(db, b, x, plan)


def _in_memory(p: Array, x: Array, plan: _Plan) -> tuple[int, ...]:
    own = (1,) * (x.ndim - p.ndim) + p.shape
    return tuple(own[i] for i in plan.axes)


def _back(total: Array, p: Array, x: Array, plan: _Plan) -> Array:
    """A sum in the order of memory, as its parameter has it."""
    order = [plan.axes.index(i) for i in range(x.ndim)]
    return total.transpose(order).reshape(p.shape).astype(p.dtype)
