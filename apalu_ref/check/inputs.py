"""What probes are made of: calls, random values, the grid of x, and memory layouts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Call(NamedTuple):
    """The inputs of one forward and one backward."""

    x: Array
    a: Array
    b: Array
    gy: Array


def upstream(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """A random gy: never ones, never near zero, both signs, coarse enough for float16."""
    size = rng.integers(64, 192, shape) / 128.0
    return np.asarray(size * rng.choice([-1.0, 1.0], shape)).astype(dtype)


def parameters(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Random positive parameters, as drawn for training."""
    return np.asarray(rng.integers(16, 256, shape) / 128.0).astype(dtype)


def points(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Random x of both signs; at most 101 different ones, so that the oracle is quick."""
    pool = np.round(rng.normal(size=101) * 2 * 512) / 512
    pool[pool == 0] = 0.25
    return np.asarray(rng.choice(pool, shape)).astype(dtype)


def random_call(
    rng: np.random.Generator,
    x: tuple[int, ...],
    a: tuple[int, ...] = (),
    b: tuple[int, ...] = (),
    dtype: str = "float64",
) -> Call:
    """Random inputs of these shapes."""
    shape = np.broadcast_shapes(x, a, b)
    return Call(
        points(rng, x, dtype),
        parameters(rng, a, dtype),
        parameters(rng, b, dtype),
        upstream(rng, shape, dtype),
    )


def value_grid(dtype: str) -> Array:
    """Both signs: ±0, subnormal, tiny, around the kink, the working range, tails, large."""
    info = np.finfo(dtype)
    lowest = float(-np.log(float(info.smallest_subnormal)))
    magnitudes = np.concatenate(
        [
            [0, info.smallest_subnormal, info.tiny / 4, info.tiny, info.tiny * 1024],
            [info.eps / 4, info.eps, info.eps * 37],
            np.geomspace(float(info.eps), 0.05, 12),
            [0.1, 0.3, 0.5, 0.7, 1, 1.3, 1.40972813, 1.7, 2, 2.4, 3, 3.7, 4.5, 5.5, 7, 9, 11],
            [14, 17, 19.7, 21.6, 25, 31, 40, 52],
            np.linspace(0.7 * lowest, lowest + 3, 9),
            [info.max / 2.0**k for k in (4, 8, 12)],
            [3e3, 2e4, 1e6, 1e12, 1e30, 1e100],
        ]
    )
    with np.errstate(over="ignore"):
        grid = np.unique(magnitudes.astype(dtype))
    return np.concatenate([-grid[::-1], grid])


def backwards(t: Array) -> Array:
    """Negative stride along the last axis."""
    return t[..., ::-1].copy()[..., ::-1]


def strided(t: Array) -> Array:
    """Every other element of a wider array."""
    wide = np.repeat(t, 2, axis=-1)
    wide[..., 1::2] = np.nan  # reading across the gaps shows
    return wide[..., ::2]


def transposed(t: Array) -> Array:
    """Column by column in memory."""
    return t.T.copy().T


def sliced(t: Array) -> Array:
    """A window of a larger array."""
    wide = np.full((t.shape[0] + 2, t.shape[1] + 3), np.nan, t.dtype)
    wide[1:-1, 2:-1] = t
    return wide[1:-1, 2:-1]


def read_only(t: Array) -> Array:
    """Not writeable."""
    t = t.copy()
    t.flags.writeable = False
    return t


def zero_stride(t: Array) -> Array:
    """The first row, repeated without copying."""
    return np.broadcast_to(t[0], t.shape)


LAYOUTS = {
    "reversed": backwards,
    "strided": strided,
    "transposed": transposed,
    "sliced": sliced,
    "zero-stride": zero_stride,
    "read-only": read_only,
}
