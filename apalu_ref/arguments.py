"""What may be given to :func:`apalu_ref.apalu` and its gradients, and where results go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def checked(**named: ArrayLike) -> tuple[list[Array], np.dtype[Any], list[np.dtype[Any] | None]]:
    """The arguments as arrays, the type of the result, and each one's own.

    A Python number has no type of its own (None): it follows the others, as in NumPy.

    Raises
    ------
    TypeError
        For bool, complex, object or extended-precision arguments.
    ValueError
        If the shapes do not broadcast.
    """
    arrays: list[Array] = []
    own: list[np.dtype[Any] | None] = []
    for name, value in named.items():
        array = np.asarray(value)
        kind = array.dtype.kind
        if kind not in "iuf" or array.dtype.itemsize > 8:
            raise TypeError(
                f"{name} has dtype {array.dtype}: APALU takes float16, float32, float64 "
                "or integers; convert it first, e.g. with .astype(np.float64)"
            )
        weak = type(value) in (int, float)
        native = array.dtype.newbyteorder("=")
        own.append(None if weak else native if kind == "f" else np.dtype(np.float64))
        arrays.append(array)
    try:
        np.broadcast_shapes(*(array.shape for array in arrays))
    except ValueError:
        shapes = ", ".join(f"{n} {v.shape}" for n, v in zip(named, arrays, strict=True))
        raise ValueError(
            f"shapes do not broadcast: {shapes}. One parameter per channel of an "
            "(N, C, H, W) input has shape (C, 1, 1)"
        ) from None
    return arrays, np.result_type(*(1.0 if t is None else t for t in own)), own


def checked_upstream(gy: ArrayLike, shape: tuple[int, ...]) -> tuple[Array, np.dtype[Any] | None]:
    """The gradient of the output, and its type (None: a Python number).

    Raises
    ------
    TypeError
        As :func:`checked`.
    ValueError
        If it does not broadcast to the output's shape.
    """
    (array,), _, (own,) = checked(gy=gy)
    try:
        np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"gy has shape {array.shape}, the output has {shape}: gy must broadcast to it"
        ) from None
    return array, own


def checked_outputs(out: Sequence[Array | None] | None) -> Sequence[Array | None]:
    """The ``out`` of the gradients: three arrays or None.

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If two of them share memory.
    """
    if out is None:
        return None, None, None
    if not isinstance(out, (tuple, list)) or len(out) != 3:
        raise TypeError(
            "out of the gradients must be (dx, da, db), each an array to write to or None, not "
            + (f"{len(out)} of them" if isinstance(out, (tuple, list)) else type(out).__name__)
        )
    there = [o for o in out if isinstance(o, np.ndarray)]
    for i, first in enumerate(there):
        if any(overlap(first, second) for second in there[i + 1 :]):
            raise ValueError("two arrays of out share memory: one result would overwrite the other")
    return out


def overlap(first: Array, second: Array) -> bool:
    """Whether two arrays have an element in common.

    Arrays may lie in the same memory without: ``v[::2]`` and ``v[1::2]``. To find out can take
    long; where it would, the answer is yes.

    Examples
    --------
    >>> v = np.zeros(8)
    >>> overlap(v[::2], v[1::2]), overlap(v[::2], v[2:])
    (False, True)
    """
    if not np.may_share_memory(first, second):
        return False
    try:
        return np.shares_memory(first, second, max_work=10_000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def fits(value: float, dtype: np.dtype[Any]) -> bool:
    """Whether a number is within the range of a type, and not lost below it.

    Examples
    --------
    >>> fits(1e30, np.dtype(np.float32)), fits(1e40, np.dtype(np.float32))
    (True, False)
    """
    smallest, largest = _RANGE[dtype]
    return smallest <= abs(value) <= largest or value == 0


_RANGE = {
    np.dtype(t): (float(np.finfo(t).smallest_normal), float(np.finfo(t).max))
    for t in (np.float16, np.float32, np.float64)
}


def check_output(
    out: Array | None, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    """See that ``out`` can take a result of this shape and type.

    Raises
    ------
    TypeError
        If it is no array, or of a type that NumPy would not cast to.
    ValueError
        If it has another shape or must not be written to.
    """
    if out is None:
        return
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{name} must be an array, not {type(out).__name__}")
    if not np.can_cast(dtype, out.dtype, "same_kind"):
        raise TypeError(f"{name} has dtype {out.dtype}: it cannot hold a result of {dtype}")
    if out.shape != shape:
        raise ValueError(f"{name} has shape {out.shape}, the result has {shape}")
    if not out.flags.writeable:
        raise ValueError(f"{name} is read-only: give an array that can be written to")


def deliver(out: Array | None, result: Array) -> Array:
    """The result, in ``out`` if one was given."""
    if out is None or out is result:
        return result
    np.copyto(out, result, casting="same_kind")
    return out
