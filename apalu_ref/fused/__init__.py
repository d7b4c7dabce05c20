r"""APALU for speed: the two functions of :mod:`apalu_ref.formula`, at the speed of the machine.

The textbook formula makes a dozen arrays as large as its input and spends its time on memory that
the system has to hand out page by page, and on ``np.where``; the arithmetic is the smaller part.
The tricks played here, each explained where it is played:

* one ``expm1`` or ``tanh`` an element forward, one more and an ``exp`` backward, branches chosen by
  bit masks, all in place (:mod:`apalu_ref.fused.kernel`);
* blocks that stay in the cache: whatever the layout, the broadcasting and the type, only a block is
  ever copied or converted (:mod:`apalu_ref.fused.layout`, :mod:`apalu_ref.fused.worker`);
* small arrays as a single block, without a plan (:mod:`apalu_ref.fused.whole`);
* several threads, with the same bits for any number of them (:mod:`apalu_ref.fused.threads`);
* sums in float64, of a fixed number of pieces (:mod:`apalu_ref.fused.sums`).

Arithmetic is done in float32 where all arguments are float16 or float32 (or Python numbers that
float32 can hold), else in float64, so that results differ from ``formula``'s, which always computes
in float64, in the last bits; y and dx stay within 4 ULP. Blocks are computed without warnings of
overflow.

Memory beside the results is at most 8 MiB a thread, for any shape, layout and type; more only where
an ``out`` shares elements with an input in another way than being it, and, nine bytes for each
parameter, where a sum leaves the range of its type on the way. The bits of sums depend on the
layouts of all arrays, those of ``out`` among them. (An ``out`` of a wider type than the result's
may hold digits that the result would not.)

The backward pass starts from x again. To keep e^x - 1 from the forward pass was tried: over 4
million elements it makes no difference of more than a few percent in time, now for the better, now
for the worse, and costs as much memory as x.

The number of threads is that of the processors, at most 8, or what the environment variable
``APALU_REF_THREADS`` says, or the argument ``threads``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from apalu_ref.arguments import (
    check_output,
    checked,
    checked_outputs,
    checked_upstream,
    deliver,
    fits,
    overlap,
)
from apalu_ref.fused import blocks, kernel, whole
from apalu_ref.fused.threads import count

__all__ = ["KERNEL", "apalu", "apalu_grad"]

Array = NDArray[Any]

KERNEL = blocks.Kernel(kernel.forward, kernel.backward, kernel.SCRATCH, kernel.careful)
"""What is done to a block."""

_NAMES = ("dx", "da", "db")

# Parameters of another type are converted once if they are not more, else with each block.
_FEW = 1 << 15


def apalu(
    x: ArrayLike,
    a: ArrayLike = 1.0,
    b: ArrayLike = 1.0,
    *,
    out: Array | None = None,
    threads: int | None = None,
) -> Array:
    """APALU: a·u(x) where x >= 0, b·v(x) where x < 0; see :func:`apalu_ref.formula.apalu`.

    Parameters
    ----------
    x : array_like
        Input, any shape and layout, floating or integer.
    a, b : array_like
        Parameters; must broadcast against ``x``.
    out : ndarray, optional
        Where to write the result; it may be ``x``.
    threads : int, optional
        How many threads to use; see :mod:`apalu_ref.fused`.

    Returns
    -------
    ndarray
        Of the broadcast shape, in the type that NumPy's promotion gives: a fresh array in the
        layout of ``x``, or ``out``.

    Raises
    ------
    TypeError
        For bool, complex, object or extended-precision arguments, and for an ``out`` that cannot
        hold the result.
    ValueError
        If the shapes do not broadcast, or ``out`` or ``threads`` is not as it must be.

    Examples
    --------
    >>> x = np.array([-1.0, 0.0, 1.0])
    >>> apalu(x, 2.0)
    array([-0.63212056,  0.        ,  3.69159153])
    >>> apalu(x, 2.0, out=x) is x
    True
    """
    if threads is not None and (type(threads) is not int or threads < 1):
        count(threads)  # says what is wrong, before any work
    small = whole.fitting(x, a, b)
    if small is not None:
        if out is None:
            return whole.forward(KERNEL, *small)
        check_output(out, "out", small[0].shape, small[0].dtype)
        return deliver(out, whole.forward(KERNEL, *small))
    inputs, dtype, own = checked(x=x, a=a, b=b)
    shape = np.broadcast_shapes(*(v.shape for v in inputs))
    check_output(out, "out", shape, dtype)
    plain = _plain(out)
    y = _destination(plain, shape, dtype, inputs[0], inputs)
    compute = _computed_in(dtype, zip(inputs, own, strict=True))
    blocks.forward(KERNEL, *_converted(inputs, compute), out=y, dtype=compute, threads=threads)
    deliver(plain, y)
    return y if out is None else out


def apalu_grad(
    x: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    gy: ArrayLike,
    *,
    out: Sequence[Array | None] | None = None,
    threads: int | None = None,
) -> tuple[Array, Array, Array]:
    """Gradients of ``sum(gy * apalu(x, a, b))``; see :func:`apalu_ref.formula.apalu_grad`.

    Parameters
    ----------
    x, a, b : array_like
        As given to :func:`apalu`.
    gy : array_like
        Gradient with respect to the output; its shape must broadcast to the output's.
    out : sequence of three ndarray or None, optional
        Where to write dx, da and db; None for a fresh array. That of dx may be ``x`` or ``gy``; but
        then a sum that leaves the range of its type on the way stays inf or NaN.
    threads : int, optional
        How many threads to use; see :mod:`apalu_ref.fused`.

    Returns
    -------
    dx, da, db : ndarray
        Each of its input's shape and type. Sums are accumulated in float64, in an order that does
        not depend on the number of threads.

    Raises
    ------
    TypeError, ValueError
        As :func:`apalu`; also if ``gy`` does not broadcast to the output's shape.

    Examples
    --------
    >>> dx, da, db = apalu_grad([-1.0, 0.0, 1.0], 2.0, 1.0, 1.0)
    >>> dx
    array([0.36787944, 3.        , 4.13555921])
    >>> float(da), float(db)
    (1.8457957659328212, -0.6321205588285577)
    """
    if threads is not None and (type(threads) is not int or threads < 1):
        count(threads)  # says what is wrong, before any work
    small = whole.fitting(x, a, b, gy)
    gradients = None if small is None else whole.backward(KERNEL, *small)
    if gradients is not None:
        if out is None:
            return gradients  # type: ignore[return-value]
        outs = _checked(out, gradients)
        dx, da, db = map(deliver, outs, gradients)
        return dx, da, db
    inputs, dtype, own = checked(x=x, a=a, b=b)
    shape = np.broadcast_shapes(*(v.shape for v in inputs))
    gy, kind = checked_upstream(gy, shape)
    outs, everything = checked_outputs(out), [*inputs, gy]
    types = [dtype if t is None else t for t in own]
    for o, name, v, t in zip(outs, _NAMES, inputs, types, strict=True):
        check_output(o, f"out for {name}", v.shape, t)
    plain = [_plain(o) for o in outs]
    results = tuple(
        _destination(o, v.shape, t, v, everything)
        for o, v, t in zip(plain, inputs, types, strict=True)
    )
    wide = np.result_type(dtype, 1.0 if kind is None else kind)
    compute = _computed_in(wide, zip(everything, (*own, kind), strict=True))
    x, parameters = _converted(inputs, compute)
    blocks.backward(KERNEL, x, parameters, gy, out=results, dtype=compute, threads=threads)
    for o, r in zip(plain, results, strict=True):
        deliver(o, r)
    dx, da, db = (r if o is None else o for o, r in zip(outs, results, strict=True))
    return dx, da, db


def _checked(
    out: Sequence[Array | None] | None, results: Sequence[Array]
) -> Sequence[Array | None]:
    outs = checked_outputs(out)
    for o, name, result in zip(outs, _NAMES, results, strict=True):
        check_output(o, f"out for {name}", result.shape, result.dtype)
    return outs


def _plain(out: Array | None) -> Array | None:
    """Not a matrix, nor masked: those are no tables of any shape."""
    return None if out is None else out.view(np.ndarray)


def _destination(
    out: Array | None,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    like: Array,
    inputs: Sequence[Array],
) -> Array:
    """Where the blocks are written: ``out`` if that overlaps no input, or is one exactly."""
    if out is None or any(overlap(out, v) and not _same(out, v) for v in inputs):
        return blocks.empty(shape, like, dtype)
    return out


def _same(first: Array, second: Array) -> bool:
    return (
        first.ctypes.data == second.ctypes.data
        and first.shape == second.shape
        and first.strides == second.strides
        and first.dtype == second.dtype
        and _without_repetition(first)
    )


def _without_repetition(v: Array) -> bool:
    """Whether no two elements lie in the same place, as they do in a sliding window."""
    end = v.itemsize
    for step, n in sorted((abs(s), n) for s, n in zip(v.strides, v.shape, strict=True) if n > 1):
        if step < end:
            return False
        end = step * (n - 1) + end
    return True


def _computed_in(
    dtype: np.dtype[Any], given: Iterable[tuple[Array, np.dtype[Any] | None]]
) -> np.dtype[Any]:
    """float32 or float64; the wider one also for a Python number that float32 cannot hold."""
    dtype = np.result_type(np.float32, dtype)
    if all(own is not None or fits(float(v), dtype) for v, own in given):
        return dtype
    return np.dtype(np.float64)


def _converted(inputs: Sequence[Array], dtype: np.dtype[Any]) -> tuple[Array, tuple[Array, ...]]:
    """x as it is, and parameters of the type computed in if they are few: it saves much later."""
    x, *parameters = inputs
    return x, tuple(p.astype(dtype, copy=False) if p.size <= _FEW else p for p in parameters)
