"""Operations that move elements and leave their values alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from minigrad import modes
from minigrad.core import RULES, Tensor, wrap
from minigrad.engine import Node, Op, unbroadcast

_reshape = Op(
    lambda a, shape: a.reshape(shape), lambda g, a_shape: g.reshape(a_shape), name="reshape"
)


def reshape(a: Any, *lengths: Any, shape: Any = None) -> Any:
    """``np.reshape``; as a method also with the lengths as arguments."""
    if shape is None:
        shape = lengths[0] if len(lengths) == 1 else lengths
    return _reshape(a, shape)


def ravel(a: Any) -> Any:
    """``np.ravel``: one axis."""
    return _reshape(a, (-1,))


_transpose = Op(
    lambda a, axes: a.transpose(axes),
    lambda g, axes: np.transpose(g, np.argsort([i % len(axes) for i in axes])),
    name="transpose",
)


def transpose(a: Any, axes: Sequence[int] | None = None) -> Any:
    """``np.transpose``: axes reversed, or in the order given."""
    return _transpose(a, tuple(axes) if axes is not None else tuple(range(a.ndim))[::-1])


def swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    """``np.swapaxes``."""
    axes = list(range(a.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return _transpose(a, tuple(axes))


def moveaxis(a: Any, source: Any, destination: Any) -> Any:
    """``np.moveaxis``: an axis, or several, to new places."""
    source, destination = (normalize_axis_tuple(i, a.ndim) for i in (source, destination))
    axes = [i for i in range(a.ndim) if i not in source]
    for place, i in sorted(zip(destination, source, strict=True)):
        axes.insert(place, i)
    return _transpose(a, tuple(axes))


def expand_dims(a: Any, axis: Any) -> Any:
    """``np.expand_dims``: new axes of length 1."""
    return _reshape(a, np.expand_dims(np.broadcast_to(0, a.shape), axis).shape)


def squeeze(a: Any, axis: Any = None) -> Any:
    """``np.squeeze``: without the axes of length 1 (or those named)."""
    return _reshape(a, np.squeeze(np.broadcast_to(0, a.shape), axis).shape)


broadcast_to = Op(
    lambda array, shape: np.broadcast_to(array, shape),
    lambda g, array_shape: unbroadcast(g, array_shape),
    numpy=(np.broadcast_to,),
    name="broadcast_to",
)


copy = Op(lambda a: np.copy(a), lambda g: g, numpy=(np.copy,), name="copy")


def flip(m: Any, axis: Any = None) -> Any:
    """``np.flip``."""
    axes = range(m.ndim) if axis is None else normalize_axis_tuple(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if i in axes else slice(None) for i in range(m.ndim))]


def roll(a: Any, shift: Any, axis: Any = None) -> Any:
    """``np.roll`` along axes, or of the elements in order."""
    if axis is None:
        return roll(ravel(a), shift, 0).reshape(a.shape)
    for step, i in np.broadcast(shift, axis):
        i = normalize_axis_index(i, a.ndim)
        order = (np.arange(a.shape[i]) - step) % max(a.shape[i], 1)
        a = a[(slice(None),) * i + (order,)]
    return a


def repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    """``np.repeat``."""
    if axis is None:
        a, axis = ravel(a), 0
    axis = normalize_axis_index(axis, a.ndim)
    return a[(slice(None),) * axis + (np.repeat(np.arange(a.shape[axis]), repeats),)]


def tile(A: Any, reps: Any) -> Any:
    """``np.tile``."""
    return A.reshape(-1)[np.tile(np.arange(A.size).reshape(A.shape), reps)]


def _crop(g: Any, pad_width: Sequence[tuple[int, int]], array_shape: tuple[int, ...]) -> Any:
    inside = zip(pad_width, array_shape, strict=True)
    return g[tuple(slice(before, before + n) for (before, _), n in inside)]


_pad = Op(
    lambda array, pad_width, value: np.pad(array, pad_width, constant_values=value),
    _crop,
    name="pad",
)


def pad(array: Any, pad_width: Any, mode: str = "constant", constant_values: float = 0) -> Any:
    """``np.pad`` with a constant."""
    if mode != "constant":
        raise NotImplementedError(
            f"minigrad pads with a constant, not mode={mode!r}: index with the positions to repeat"
        )
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2)).tolist()
    return _pad(array, tuple(map(tuple, widths)), constant_values)


class _Concatenate(Op):
    """Joins any number of inputs; each gets its own piece of the gradient."""

    def __call__(self, arrays: Any, axis: int | None = 0) -> Any:
        arrays = list(arrays)
        if axis is None:
            arrays, axis = [ravel(a) for a in arrays], 0
        edges = [a._edge if isinstance(a, Tensor) else None for a in arrays]
        values = [a.data if isinstance(a, Tensor) else np.asarray(a) for a in arrays]
        y = np.concatenate(values, axis)
        if not any(isinstance(a, Tensor) for a in arrays):
            return y
        if not modes.state.recording or not any(e is not None for e in edges):
            return wrap(y, None)
        axis %= y.ndim
        return wrap(y, Node(self, edges, [axis, [v.shape[axis] for v in values]], (), y))

    def gradients(self, node: Node, g: Any, needed: Any) -> Any:
        assert node.values is not None
        axis, lengths = node.values
        start = 0
        for edge, length in zip(node.edges, lengths, strict=True):
            if edge is not None and (needed is None or edge in needed):
                yield edge, g[(slice(None),) * axis + (slice(start, start + length),)]
            start += length


concatenate = _Concatenate(lambda arrays, axis=0: None, numpy=(np.concatenate,), name="concatenate")


def stack(arrays: Any, axis: int = 0) -> Any:
    """``np.stack``: join along a new axis."""
    arrays = list(arrays)
    shapes = {np.shape(a) for a in arrays}
    if len(shapes) != 1:
        raise ValueError(f"all inputs of stack must have the same shape: {sorted(shapes)}")
    return concatenate([np.expand_dims(a, axis) for a in arrays], axis)


def vstack(tup: Any) -> Any:
    """``np.vstack``."""
    return concatenate([a if np.ndim(a) > 1 else np.reshape(a, (1, -1)) for a in tup], 0)


def hstack(tup: Any) -> Any:
    """``np.hstack``."""
    tup = [a if np.ndim(a) else np.reshape(a, (1,)) for a in tup]
    return concatenate(tup, 0 if np.ndim(tup[0]) == 1 else 1)


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """``np.split``: a list of pieces."""
    pieces = np.split(np.arange(ary.shape[axis]), indices_or_sections)
    before = (slice(None),) * normalize_axis_index(axis, ary.ndim)
    ends = np.cumsum([len(p) for p in pieces])
    return [ary[(*before, slice(end - len(p), end))] for p, end in zip(pieces, ends, strict=True)]


RULES.update(
    {
        np.reshape: reshape,
        np.ravel: ravel,
        np.transpose: transpose,
        np.permute_dims: transpose,
        np.swapaxes: swapaxes,
        np.moveaxis: moveaxis,
        np.expand_dims: expand_dims,
        np.squeeze: squeeze,
        np.flip: flip,
        np.roll: roll,
        np.repeat: repeat,
        np.tile: tile,
        np.pad: pad,
        np.stack: stack,
        np.vstack: vstack,
        np.hstack: hstack,
        np.split: split,
    }
)
