"""Wrong ways of undoing broadcasting, as implementations that can be run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from apalu_ref.check.catalogue.right import Array, Right, sum_to

Shape = tuple[int, ...]


class Wrong(NamedTuple):
    """One wrong implementation: what it is called, why it is wrong, what to do, and it."""

    name: str
    cause: str
    fix: str
    make: Callable[[], Any]
    level: str = "core"


def altered(**methods: Callable[..., Any]) -> Callable[[], Any]:
    """A maker of implementations with some methods replaced."""
    return type("Altered", (Right,), methods)


_SUM = "sum over exactly the axes along which the input was broadcast"


def _reducing(change: Callable[[Shape, Array], Array], *names: str) -> Callable[[], Any]:
    def reduce(self: Right, name: str, shape: Shape, g: Array) -> Array:
        return change(shape, g) if name in names else sum_to(shape, g)

    return altered(reduce=reduce)


def _padded(shape: Shape, g: Array) -> Shape:
    return (1,) * (g.ndim - len(shape)) + shape


def _over(axes: Callable[[Array], tuple[int, ...]]) -> Callable[[Shape, Array], Array]:
    """Sum over these axes, whatever was broadcast, if the shape then still fits."""

    def reduce(shape: Shape, g: Array) -> Array:
        summed = np.asarray(g.sum(axis=axes(g))) if g.ndim else g
        return summed.reshape(shape) if summed.size == np.prod(shape) else sum_to(shape, g)

    return reduce


def _mean_batch(shape: Shape, g: Array) -> Array:
    broadcast = bool(g.ndim) and _padded(shape, g)[0] == 1 and g.shape[0] > 1
    return sum_to(shape, g) / (g.shape[0] if broadcast else 1)


def _mean(shape: Shape, g: Array) -> Array:
    right = sum_to(shape, g)
    return right * (right.size / max(1, g.size))


def _first(shape: Shape, g: Array) -> Array:
    index = tuple(
        slice(0, 1) if n == 1 and m > 0 else slice(None)
        for n, m in zip(_padded(shape, g), g.shape, strict=True)
    )
    return g[index].reshape(shape) if g[index].size == np.prod(shape) else sum_to(shape, g)


def _largest(shape: Shape, g: Array) -> Array:
    if g.size == 0 or g.shape == shape:
        return sum_to(shape, g)
    axes = tuple(i for i, n in enumerate(_padded(shape, g)) if n == 1)
    return np.asarray(np.abs(g).max(axis=axes)).reshape(shape)


def _only_leading(shape: Shape, g: Array) -> Array:
    return g.sum(axis=tuple(range(g.ndim - len(shape))))


def _transposed(shape: Shape, g: Array) -> Array:
    right = sum_to(shape, g)
    return right.T if right.ndim > 1 else right


def _squeezed(shape: Shape, g: Array) -> Array:
    return np.squeeze(sum_to(shape, g))


_BOTH = ("da", "db")

REDUCTIONS = [
    Wrong("not reduced", "not reduced over the axes along which its input was broadcast", _SUM,
          _reducing(lambda shape, g: g, *_BOTH)),
    Wrong("dx not reduced", "not reduced over the axes along which its input was broadcast", _SUM,
          _reducing(lambda shape, g: g, "dx")),
    Wrong("averaged", "averaged over the broadcast elements, not summed",
          "sum over the broadcast axes; do not take the mean", _reducing(_mean, *_BOTH)),
    Wrong("averaged over the batch", "averaged over the batch (axis 0), not summed",
          "sum over the broadcast axes; the loss has its own mean", _reducing(_mean_batch, *_BOTH)),
    Wrong("summed over everything", "summed over all elements and repeated: over-reduced", _SUM,
          _reducing(lambda shape, g: np.full(shape, g.sum()), *_BOTH)),
    Wrong("axis 0 only", "only axes that were added in front are summed, not those of length 1", _SUM,
          _reducing(_only_leading, *_BOTH)),
    Wrong("summed over the last axis", "reduced over the wrong axis: the last one", _SUM,
          _reducing(_over(lambda g: (-1,)), *_BOTH)),
    Wrong("summed over the first axis", "reduced over the wrong axis: the first one", _SUM,
          _reducing(_over(lambda g: (0,)), *_BOTH)),
    Wrong("first element", "the first of the broadcast elements is taken, not their sum", _SUM,
          _reducing(_first, *_BOTH)),
    Wrong("largest element", "the largest of the broadcast elements is taken, not their sum", _SUM,
          _reducing(_largest, *_BOTH)),
    Wrong("transposed", "the result is transposed", "reduce without reordering the axes",
          altered(reduce=lambda self, name, shape, g: _transposed(shape, g))),
    Wrong("squeezed", "the values are right, the shape is not: axes of length 1 were squeezed away",
          "reshape to the input's shape", _reducing(_squeezed, *_BOTH)),
    Wrong("kept", "the values are right, the shape is not: an axis was added in front",
          "reshape to the input's shape",
          _reducing(lambda shape, g: sum_to(shape, g)[None], *_BOTH)),
    Wrong("flattened", "the values are right, the shape is not: the result is flat",
          "reshape to the input's shape",
          altered(typed=lambda self, name, value, dtype: np.asarray(value).astype(dtype).ravel())),
]  # fmt: skip
