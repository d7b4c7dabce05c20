"""What probes are made of: calls, random values, the grid of x, and memory layouts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.precision import precision

Array = NDArray[Any]


class Call(NamedTuple):
    """The inputs of one forward and one backward.

    NumPy has no bfloat16: where ``storage`` says so, the arrays are float32 and hold
    values that are bfloat16 numbers.
    """

    x: Array
    parameters: dict[str, Array]
    gy: Array
    storage: str = ""

    @property
    def inputs(self) -> dict[str, Array]:
        """x and the parameters, by name."""
        return {"x": self.x, **self.parameters}

    @property
    def arrays(self) -> dict[str, Array]:
        """All of them, by name."""
        return {**self.inputs, "gy": self.gy}

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of y."""
        return np.broadcast_shapes(*(t.shape for t in self.inputs.values()))

    def copy(self) -> Call:
        """The same values in fresh, contiguous arrays."""
        copies = {n: np.array(t) for n, t in self.parameters.items()}
        return self._replace(x=np.array(self.x), parameters=copies, gy=np.array(self.gy))


def call(x: Array, a: Array, b: Array, gy: Array, storage: str = "") -> Call:
    """A call of APALU."""
    return Call(x, {"a": a, "b": b}, gy, storage)


def renamed(given: Call, names: tuple[str, ...]) -> Call:
    """The call for a function with parameters of these names.

    The first takes a's values, the second b's, and so on in turn; gy keeps what of it the
    new shape has room for.
    """
    if names == tuple(given.parameters):
        return given
    own = list(given.parameters.values())
    parameters = {name: own[i % len(own)] for i, name in enumerate(names)}
    fresh = Call(given.x, parameters, given.gy, given.storage)
    if fresh.shape != given.gy.shape:
        fresh = fresh._replace(gy=np.resize(given.gy, fresh.shape))
    # y may have another type without some of the parameters.
    floats = [t.dtype for t in fresh.inputs.values() if t.dtype.kind == "f"]
    return fresh._replace(
        gy=fresh.gy.astype(np.result_type(*(floats or [np.dtype(np.float64)])), copy=False)
    )


def as_bfloat16(t: Array) -> Array:
    """Values rounded to bfloat16 (ties to even), as float32."""
    bits = np.asarray(t, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return rounded.view(np.float32)


def cast(values: Any, dtype: str) -> Array:
    """Values rounded to a type; bfloat16 stays float32 in memory."""
    with np.errstate(over="ignore"):
        return as_bfloat16(values) if dtype == "bfloat16" else np.asarray(values).astype(dtype)


def upstream(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """A random gy: never ones, never near zero, both signs, with all the digits of its type."""
    size = rng.uniform(0.5, 1.5, shape)
    return cast(size * rng.choice([-1.0, 1.0], shape), dtype)


def parameters(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Random positive parameters, as drawn for training."""
    return cast(rng.uniform(0.125, 2.0, shape), dtype)


def points(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Random x of both signs; at most 101 different ones, so that the oracle is quick."""
    pool = rng.normal(size=101) * 2
    return cast(rng.choice(pool, shape), dtype)


def random_call(
    rng: np.random.Generator,
    x: tuple[int, ...],
    a: tuple[int, ...] = (),
    b: tuple[int, ...] = (),
    dtype: str = "float64",
) -> Call:
    """Random inputs of these shapes."""
    shape = np.broadcast_shapes(x, a, b)
    return call(
        points(rng, x, dtype),
        parameters(rng, a, dtype),
        parameters(rng, b, dtype),
        upstream(rng, shape, dtype),
        "bfloat16" if dtype == "bfloat16" else "",
    )


def value_grid(dtype: str) -> Array:
    """Both signs: ±0, subnormal, tiny, around the kink, the working range, tails, large."""
    info = precision(dtype)
    lowest = -float(np.log(info.smallest))
    magnitudes = np.concatenate(
        [
            [0, info.smallest, info.tiny / 4, info.tiny, info.tiny * 1024],
            [info.eps / 4, info.eps, info.eps * 37],
            np.geomspace(info.eps, 0.05, 12),
            [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.02],
            # Steps of a ninth and whole numbers, where people put thresholds.
            np.arange(1, 60) / 9.0,
            np.arange(1.0, 13.0),
            [1.3, 1.40972813, 1.7, 14, 15.5, 17, 18.5, 19.7, 20, 20.5, 21.6, 25, 30, 31, 35, 36.5],
            [37, 40, 44, 50, 52, 60, 75, 88.5, 89, 96, 103, 105, 130, 200, 260, 300, 400, 418, 430],
            [500, 600, 700, 709, 710, 744, 746],
            np.linspace(0.7 * lowest, lowest + 3, 9),
            [info.max / 2.0**k for k in (4, 8, 12)],
            [1e3, 3e3, 2e4, 1e6, 1e12, 1e30, 1e100],
        ]
    )
    magnitudes = magnitudes[magnitudes <= info.max]
    grid = np.unique(cast(magnitudes, dtype))
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


def cotangents(given: Call, rng: np.random.Generator) -> dict[str, Array]:
    """Random weights of the gradients, by whose sum second derivatives are asked for."""
    return {f"d{n}": upstream(rng, t.shape, "float64") for n, t in given.inputs.items()}
