r"""APALU on one block: two short programs of NumPy calls that write only into given memory.

Both take a block ``z`` of x of some thousand elements, and scratch arrays like it. A call writes to
its last argument: that is NumPy's ``out=``, by position, which is quicker for small arrays (but
``minimum`` wants the name).

**Forward.** t = e^m - 1 with m = min(z, -κz) serves both branches: left of zero it is e^z - 1, and
right of zero σ(κz) = 1 / (2 + t). m is never positive, so nothing cancels. NumPy's
``expm1`` is quick where it has vector code for it, with AVX-512 on Linux; elsewhere it takes up to
thirty times as long, and ``tanh`` does it better:

.. math::

    u = \tanh(m/2), \qquad e^m - 1 = \frac{2u}{1 - u}, \qquad \sigma(κz) = \frac{1 - u}{2}.

Which of the two is decided by what NumPy says it has found, not by a stopwatch: on one machine the
bits are always the same.

**Backward.** One e = exp(m) does: e^z on the left, and on the right s = σ(κz) = 1/(1 + e) with
σ(1 - σ) = e s². (t above has no digits left in the tails, where 1 + t cancels.) It is computed in
float64 and rounded: NumPy's ``exp`` in float32 is up to 2.5 ULP off, and with two products to come
dx would be up to 5. The gradient of b wants e^z - 1 to the last digit near zero, and so a call of
its own.

**Branches.** Shifting the sign bit of a float over all bits of an integer gives a mask; then
``((left ^ right) & mask) ^ right`` is the left value where the mask is set, bit for bit. Whatever
the other branch holds there, inf or NaN, is gone. NumPy does these three several times faster than
one ``np.where``. (Adding 0 first turns -0.0, which belongs to the right, into 0.0.)
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import apalu_ref.formula as formula
from apalu_ref.fused.worker import GROW

Array = NDArray[Any]

SCRATCH = 3
"""Scratch arrays that a block needs."""

# Integers of the same size, and where the sign bit stands.
_SIGNS: dict[np.dtype[Any], tuple[Any, Array]] = {
    np.dtype(np.float32): (np.int32, np.array(31, np.int32)),
    np.dtype(np.float64): (np.int64, np.array(63, np.int64)),
}

TYPES = frozenset(_SIGNS)
"""The types computed in."""

# In the type at hand and as arrays: a Python number would be converted anew by every call.
_NUMBERS = {
    dtype: tuple(np.array(value, dtype) for value in (0, 0.5, -0.5, 1, 2, -formula.KAPPA))
    for dtype in _SIGNS
}


def _has_vector_expm1() -> bool:
    simd: Any = np.show_config(mode="dicts")
    simd = simd.get("SIMD Extensions", {})
    has = {*simd.get("baseline", ()), *simd.get("found", ())}
    # By the names of NumPy up to 2.3 and since.
    return sys.platform == "linux" and not has.isdisjoint({"AVX512_SKX", "X86_V4"})


_VECTOR_EXPM1 = _has_vector_expm1()

# Up to here nothing overflows on the way, nor meets 0·∞.
_TAME = 2.0**96

# The formula makes some twenty temporaries in float64: in pieces they stay below 1 MiB.
_PIECE = 4096

_SHRINK = 2.0 ** -(GROW // 2)


def forward(z: Array, parameters: tuple[Array, ...], out: Array, scratch: list[Array]) -> None:
    """Write f(z; a, b) to ``out``, which may be the memory of z, a or b.

    Parameters
    ----------
    z : ndarray
        float32 or float64, any shape.
    parameters : (a, b)
        Arrays of z's type that broadcast to its shape.
    out : ndarray
        Of z's shape and type.
    scratch : list of at least 3 ndarrays
        Of z's shape and type, contiguous.
    """
    a, b = parameters
    t, w, y = scratch[:3]
    integer, sign = _SIGNS[z.dtype]
    zero, _, _, one, two, minus_kappa = _NUMBERS[z.dtype]
    np.multiply(z, minus_kappa, t)
    np.minimum(z, t, out=t)
    _expm1(t, t, w)
    if _VECTOR_EXPM1:
        np.add(t, two, w)
        np.divide(one, w, w)
    np.add(w, one, w)
    np.multiply(t, b, t)  # on the left:  b (e^z - 1)
    np.multiply(z, a, y)
    np.multiply(y, w, y)  # on the right: (a z) (1 + σ)
    mask = w.view(integer)
    np.add(z, zero, w)
    np.right_shift(mask, sign, mask)
    _choose(t, y, mask, out)


def backward(
    z: Array,
    parameters: tuple[Array, ...],
    gy: Array,
    dx: Array,
    terms: list[Array],
    scratch: list[Array],
) -> None:
    """Write gy ∂f/∂a and gy ∂f/∂b, element by element, to ``terms``; then gy ∂f/∂x to ``dx``.

    Parameters
    ----------
    z, parameters
        As for :func:`forward`.
    gy : ndarray
        Of z's shape and type.
    dx : ndarray
        The same; may be the memory of z or gy, being written last.
    terms : list of 2 ndarrays
        The same, contiguous; not the memory of any input.
    scratch : list of at least 3 ndarrays
        The same.
    """
    a, b = parameters
    if not _tame(z, a):
        _by_formula(z, a, b, gy, dx, terms, scratch[0])
        return
    mine, yours = terms
    slope, s, bits = scratch[:3]
    integer, sign = _SIGNS[z.dtype]
    zero, _, _, one, _, minus_kappa = _NUMBERS[z.dtype]
    mask = bits.view(integer)
    np.add(z, zero, bits)
    np.right_shift(mask, sign, mask)
    e = mine
    np.multiply(z, minus_kappa, slope)
    np.minimum(z, slope, out=slope)  # m
    np.exp(slope, e, dtype=np.float64, casting="same_kind")
    np.add(e, one, s)
    np.divide(one, s, s)
    np.multiply(slope, e, slope)
    np.multiply(slope, s, slope)
    np.multiply(slope, s, slope)  # m e s² = -κz σ (1 - σ)
    # 1 last: a sum below 1 is rounded half as far as one above.
    np.subtract(s, slope, slope)
    np.add(slope, one, slope)
    np.multiply(slope, a, slope)
    np.multiply(e, b, e)
    _choose(e, slope, mask, slope)
    # b: e^z - 1, on the left only
    _expm1(z, yours, mine)
    np.multiply(yours, gy, yours)
    left = yours.view(integer)
    np.bitwise_and(left, mask, left)
    # a: z (1 + σ), on the right only; gy first, for 2z alone may overflow
    np.add(s, one, s)
    np.multiply(z, gy, mine)
    np.multiply(mine, s, mine)
    right = mine.view(integer)
    np.invert(mask, mask)
    np.bitwise_and(right, mask, right)
    np.multiply(slope, gy, dx)


def careful(
    z: Array,
    parameters: tuple[Array, ...],
    gy: Array,
    dx: Array,
    terms: list[Array],
    _scratch: list[Array],
) -> None:
    """The same as :func:`backward`, all scaled by 2 to the power -GROW, for float64 only.

    The scale is divided evenly between gy and another factor, so that neither is lost.
    """
    a, b = parameters
    mine, yours = terms
    for at in _pieces(z.shape):
        x, alpha, beta, g = _at(at, z, a, b, gy)
        g = g * _SHRINK
        mine[at] = g * formula.apalu(np.maximum(x, 0), _SHRINK)
        yours[at] = g * formula.apalu(np.minimum(x, 0), 1.0, _SHRINK)
        dx[at] = g * formula.apalu_grad(x, alpha * _SHRINK, beta * _SHRINK, 1.0)[0]


def _expm1(m: Array, t: Array, w: Array) -> None:
    """t = e^m - 1; where that takes a tanh, (1 - tanh(m/2)) / 2 is left in ``w``."""
    if _VECTOR_EXPM1:
        np.expm1(m, t)
        return
    _, half, minus_half, *_ = _NUMBERS[m.dtype]
    np.multiply(m, half, t)
    np.tanh(t, t)
    np.multiply(t, minus_half, w)
    np.add(w, half, w)
    np.divide(t, w, t)


def _choose(left: Array, right: Array, mask: Array, out: Array) -> None:
    """``left`` where the mask is set, else ``right``; ``left`` is used up."""
    a, b = left.view(mask.dtype), right.view(mask.dtype)
    np.bitwise_xor(a, b, a)
    np.bitwise_and(a, mask, a)
    np.bitwise_xor(a, b, out.view(mask.dtype))


def _tame(z: Array, a: Array) -> bool:
    """Whether the fast order of multiplication does: not at NaN, inf, or near the range's end."""
    # Without the methods' detour: for a thousand elements it shows.
    if not np.maximum.reduce(z, None) < _TAME:
        return False
    if not a.ndim:
        return -_TAME < float(a) < _TAME
    return bool(a.min() > -_TAME and a.max() < _TAME)


def _by_formula(
    z: Array, a: Array, b: Array, gy: Array, dx: Array, terms: list[Array], slope: Array
) -> None:
    for at in _pieces(z.shape):
        values = formula.apalu_grad(*_at(at, z, a, b, gy))
        for target, value in zip((slope, *terms), values, strict=True):
            target[at] = value
    np.copyto(dx, slope)  # last: it may be the memory of z or gy


def _pieces(shape: tuple[int, ...]) -> Iterator[tuple[Array, ...]]:
    size = math.prod(shape)
    for start in range(0, size, _PIECE):
        yield np.unravel_index(np.arange(start, min(start + _PIECE, size)), shape)


def _at(at: tuple[Array, ...], z: Array, *others: Array) -> tuple[Array, ...]:
    return z[at], *(np.broadcast_to(v, z.shape)[at] for v in others)
