"""What the kernels are made of: numbers and zeros at hand, and masks."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.fused.layout import BLOCK_BYTES

Array = NDArray[Any]
Arrays = list[Array]
Parameters = tuple[Array, ...]

# Read-only, and long enough for every block.
_ZEROS = {np.dtype(t): np.zeros(BLOCK_BYTES // np.dtype(t).itemsize, t) for t in "fd"}
for _zeros in _ZEROS.values():
    _zeros.flags.writeable = False


@cache
def numbers(dtype: np.dtype[Any], *values: float) -> tuple[Array, ...]:
    """Numbers as arrays of a type: a Python number would be converted anew by every call."""
    return tuple(np.array(value, dtype) for value in values)


def zeros(z: Array) -> Array:
    """Zeros of the shape and type of a block, not to be written to."""
    return _ZEROS[z.dtype][: z.size].reshape(z.shape)


@cache
def _signs(dtype: np.dtype[Any]) -> tuple[np.dtype[Any], Array, Array]:
    """Integers as large as a floating type, the place of the sign bit, and this bit alone."""
    integer = np.dtype(f"i{dtype.itemsize}")
    return integer, np.array(8 * dtype.itemsize - 1, integer), np.array(-0.0, dtype).view(integer)


def positive(z: Array, scratch: Array) -> Array:
    """All bits set where z > 0, none elsewhere: the sign of 0 - z, shifted over a number."""
    (zero,) = numbers(z.dtype, 0)
    integer, place, _ = _signs(z.dtype)
    np.subtract(zero, z, out=scratch)
    mask = scratch.view(integer)
    np.right_shift(mask, place, out=mask)
    return mask


def choose(mask: Array, there: Array, elsewhere: Array, out: Array) -> None:
    """``there`` where the mask is set, else ``elsewhere``; ``there`` is used up."""
    a, b = there.view(mask.dtype), elsewhere.view(mask.dtype)
    np.bitwise_xor(a, b, out=a)
    np.bitwise_and(a, mask, out=a)
    np.bitwise_xor(a, b, out=out.view(mask.dtype))


def minus_absolute(z: Array, out: Array) -> None:
    """The opposite of the absolute value: the sign bit set, the others as they are."""
    integer, _, bit = _signs(z.dtype)
    np.bitwise_or(z.view(integer), bit, out=out.view(integer))
