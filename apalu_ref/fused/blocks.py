"""Run a function's forward and backward pass over arrays of any size, block by block.

What a :class:`Kernel` does to one block is done here to all of them, on several threads: blocks are
cut as :mod:`apalu_ref.fused.layout` plans it, intermediate results stay in a few arrays the size of
a block that each thread uses again and again, and sums are added up in float64. A block that is not
as the kernel wants it (another type, strides in its innermost axis) is copied, the block alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.fused import layout
from apalu_ref.fused.sums import Target
from apalu_ref.fused.threads import count, share
from apalu_ref.fused.worker import GROW, Kernel, Worker

__all__ = ["Kernel", "backward", "forward"]

Array = NDArray[Any]

# Below so many bytes of x another thread costs more than it saves.
_ALONE = 1 << 20


def forward(
    kernel: Kernel,
    x: Array,
    parameters: Sequence[Array],
    *,
    out: Array | None = None,
    dtype: np.dtype[Any] | None = None,
    threads: int | None = None,
) -> Array:
    """Values of the function.

    Parameters
    ----------
    kernel : Kernel
        The function.
    x : ndarray
        Input, floating.
    parameters : sequence of ndarray
        Floating; they broadcast against ``x``.
    out : ndarray, optional
        Where to write. It may be one of the inputs, but not overlap one otherwise.
    dtype : dtype, optional
        float32 or float64, to compute in; by default the promoted type, at least float32.
    threads : int, optional
        See :func:`apalu_ref.fused.threads.count`.

    Returns
    -------
    ndarray
        ``out``, or a fresh array in the layout of ``x``.
    """
    arrays = (x, *parameters)
    shape = np.broadcast_shapes(*(v.shape for v in arrays))
    if out is None:
        out = empty(shape, x, np.result_type(*arrays))
    if out.size:
        compute = np.dtype(dtype or np.result_type(np.float32, *arrays))
        _run(kernel, None, arrays, (out,), shape, compute, count(threads))
    return out


def backward(
    kernel: Kernel,
    x: Array,
    parameters: Sequence[Array],
    gy: Array,
    *,
    out: Sequence[Array] | None = None,
    dtype: np.dtype[Any] | None = None,
    threads: int | None = None,
) -> tuple[Array, ...]:
    """Gradients of ``sum(gy * f(x, ...))``.

    Parameters
    ----------
    kernel, x, parameters, dtype, threads
        As for :func:`forward`.
    gy : ndarray
        Floating, of a shape that broadcasts to the output's.
    out : sequence of ndarray, optional
        Where to write the gradients of x and of each parameter.

    Returns
    -------
    tuple of ndarray
        Gradients of x and of each parameter, of its shape and type, or those of ``out``.
    """
    arrays = (x, *parameters)
    shape = np.broadcast_shapes(*(v.shape for v in arrays))
    results = tuple(empty(v.shape, v, v.dtype) for v in arrays) if out is None else tuple(out)
    if not math.prod(shape):
        for result in results:
            result[...] = 0
        return results
    compute = np.dtype(dtype or np.result_type(np.float32, *arrays, gy))
    lost = _run(kernel, gy, arrays, results, shape, compute, count(threads))
    inputs = (*arrays, gy)
    if kernel.careful and any(lost) and not _overlap(results, inputs) and all(map(_finite, inputs)):
        _find_again(kernel, gy, arrays, results, lost, count(threads))
    return results


def empty(shape: tuple[int, ...], like: Array, dtype: Any) -> Array:
    """A fresh array, in the layout of another if it has the same shape."""
    return np.empty_like(like, dtype, shape=shape if shape != like.shape else None)


def _find_again(
    kernel: Kernel,
    gy: Array,
    inputs: tuple[Array, ...],
    results: tuple[Array, ...],
    lost: list[bool],
    threads: int,
) -> None:
    """Form the lost sums from scaled terms: only on their way have they left the range."""
    assert kernel.careful is not None
    careful = kernel._replace(backward=kernel.careful)
    shape = np.broadcast_shapes(*(v.shape for v in inputs))
    again = tuple(np.empty(r.shape) if i else None for i, r in zip(lost, results, strict=True))
    _run(careful, gy, inputs, again, shape, np.dtype(np.float64), threads)
    with np.errstate(all="ignore"):
        for result, sums in zip(results, again, strict=True):
            if sums is not None:
                np.ldexp(sums, GROW, out=sums)
                np.copyto(result, sums, where=~np.isfinite(result), casting="same_kind")


def _overlap(results: tuple[Array, ...], inputs: tuple[Array, ...]) -> bool:
    return any(np.may_share_memory(r, v) for r in results for v in inputs)


def _finite(v: Array) -> bool:
    return math.isfinite(v.max(initial=0)) and math.isfinite(v.min(initial=0))


def _run(
    kernel: Kernel,
    gy: Array | None,
    inputs: tuple[Array, ...],
    results: tuple[Array | None, ...],
    shape: tuple[int, ...],
    compute: np.dtype[Any],
    threads: int,
) -> list[bool]:
    """Do all blocks; for each result, whether a sum was not finite. None is not wanted."""
    arrays = inputs if gy is None else (*inputs, gy)
    wanted = [v for v in results if v is not None]
    plan = layout.plan(
        shape,
        tuple(_strides(v, shape) for v in (*arrays, *wanted)),
        (False,) * len(arrays) + tuple(v.size != math.prod(shape) for v in wanted),
        compute.itemsize,
    )
    tables = [np.broadcast_to(v, shape).transpose(plan.axes).reshape(plan.table) for v in arrays]
    targets = [None if v is None else Target(v, plan) for v in results]
    threads = min(threads, plan.pieces)
    if plan.in_turn or math.prod(shape) * compute.itemsize < _ALONE:
        threads = 1
    shared = [t is not None and t.shared for t in targets]
    alone = [not s for s in shared]
    # Sums to which several pieces add are added in the order of the pieces; the others at once, as
    # all are if one thread does everything.
    waiting: list[tuple[int, layout.Box, list[Array | None]]] = []

    def work(pieces: Iterator[tuple[int, layout.Box, list[layout.Box]]]) -> None:
        worker = Worker(kernel, gy is not None, tables, targets, compute)
        with np.errstate(all="ignore"):
            for number, cell, boxes in pieces:
                sums: list[Array | None] = [None] * len(targets)
                for box in boxes:
                    worker.block(box, sums)
                if threads > 1:
                    waiting.append((number, cell, _only(shared, sums)))
                    sums = _only(alone, sums)
                _add(targets, cell, sums)
        worker.finish()

    share(work, layout.pieces(plan), threads)
    with np.errstate(all="ignore"):
        for _, cell, sums in sorted(waiting, key=lambda entry: entry[0]):
            _add(targets, cell, sums)
        for target in targets:
            if target is not None:
                target.finish()
    return [t is not None and t.lost for t in targets]


def _only(which: list[bool], sums: list[Array | None]) -> list[Array | None]:
    return [s if w else None for w, s in zip(which, sums, strict=True)]


def _strides(v: Array, shape: tuple[int, ...]) -> tuple[int, ...]:
    steps = (s if n != 1 else 0 for s, n in zip(v.strides, v.shape, strict=True))
    return (0,) * (len(shape) - v.ndim) + tuple(steps)


def _add(targets: list[Target | None], cell: layout.Box, sums: list[Array | None]) -> None:
    for target, amount in zip(targets, sums, strict=True):
        if amount is not None and target is not None:
            target.add(cell, amount)
