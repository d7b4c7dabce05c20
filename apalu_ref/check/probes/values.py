"""Where the values of x, a, b and gy lie."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from apalu_ref.check.features import DTYPES
from apalu_ref.check.inputs import (
    Array,
    Call,
    call,
    cast,
    parameters,
    random_call,
    upstream,
    value_grid,
)
from apalu_ref.check.precision import precision
from apalu_ref.check.probes.base import Build, Probe, probe

# a ≠ b but where both are 1: equal parameters hide a swap.
PAIRS = {
    "generic": (1.375, 0.5625),
    "a=b=1": (1, 1),
    "a<b": (0.3125, 1.75),
    "negative-a": (-0.8125, 1.5),
    "negative-b": (1.1875, -0.625),
    "both-negative": (-1.0625, -2),
    "zero-a": (0, 1.25),
    "zero-b": (0.75, 0),
    "both-zero": (0, 0),
    "tiny": (2.0**-10, 2.0**-9),
    "large": (700, 900),
}

_QUICK = ("generic", "negative-a", "both-zero")

_ELEMENTWISE = ("elementwise parameters",)
_SCALAR = ("scalar parameters",)


def storage(dtype: str) -> str:
    """What :class:`~apalu_ref.check.inputs.Call` is told of a type."""
    return "bfloat16" if dtype == "bfloat16" else ""


def plain() -> Iterator[Probe]:
    """The first calls: a subject that fails here is told so at once."""
    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
        "": ((3,), ()),
        "/elementwise": ((3,), (3,)),
        "/broadcast": ((2, 3), (3,)),
    }
    needs = {"": _SCALAR, "/elementwise": _ELEMENTWISE, "/broadcast": ("broadcast parameters",)}
    for dtype in DTYPES:
        for name, (x, p) in shapes.items():

            def build(
                rng: np.random.Generator,
                dtype: str = dtype,
                x: tuple[int, ...] = x,
                p: tuple[int, ...] = p,
            ) -> list[Call]:
                values = np.resize([-1.25, 0.75, 2.5], x)
                a, b = np.full(p, 1.5), np.full(p, 0.625)
                x_, a_, b_ = (cast(t, dtype) for t in (values, a, b))
                return [call(x_, a_, b_, upstream(rng, x, dtype), storage(dtype))]

            yield probe(
                f"plain/{dtype}{name}",
                f"a plain call: x of shape {x}, parameters of shape {p}",
                build,
                needs=needs[name],
            )


def within(grid: Array, dtype: str, pair: tuple[float, float], rng: np.random.Generator) -> Array:
    """The grid in random order, without what comes near overflow with these parameters.

    In order, "from here to the end" and "for large x" would look the same. Values too large
    are replaced, so that all of a type have one shape: some frameworks compile for each.
    """
    # Within a factor 8 of overflow even a right subject may overflow on the way.
    largest = max(1.0, *map(abs, pair)) * 1.5
    x = rng.permutation(grid)
    too_large = np.abs(x.astype(np.float64)) > precision(dtype).max / 8 / largest
    return np.where(too_large, cast(np.sign(x) * 2.75, dtype), x).astype(x.dtype)


def on_pair(pair: tuple[float, float], dtype: str, grid: Array, scalar: bool = False) -> Build:
    """Every x of the grid with one pair of parameters."""

    def build(rng: np.random.Generator) -> list[Call]:
        x = within(grid, dtype, pair, rng)
        a, b = (cast(np.full(() if scalar else x.shape, p, np.float64), dtype) for p in pair)
        return [call(x, a, b, upstream(rng, x.shape, dtype), storage(dtype))]

    return build


def _mixed(dtype: str, grid: Array) -> Build:
    def build(rng: np.random.Generator) -> list[Call]:
        x = within(grid, dtype, (2, 2), rng)
        a, b = (parameters(rng, x.shape, dtype) * rng.choice([-1, 1], x.shape) for _ in range(2))
        a, b = cast(a, dtype), cast(b, dtype)
        return [call(x, a, b, upstream(rng, x.shape, dtype), storage(dtype))]

    return build


def values(quick: bool) -> Iterator[Probe]:
    """Every region of x, with parameters of every kind."""
    for dtype in DTYPES[:2] if quick else DTYPES[:3]:
        grid = value_grid(dtype)
        yield probe(
            f"values/{dtype}/mixed",
            "every region of x, with a and b of both signs that change from element to element",
            _mixed(dtype, grid),
            needs=_ELEMENTWISE,
        )
        for name, pair in PAIRS.items():
            if quick and name not in _QUICK:
                continue
            said = f"a, b = {pair[0]:g}, {pair[1]:g}"
            yield probe(
                f"values/{dtype}/{name}",
                f"every region of x, with {said}, element by element",
                on_pair(pair, dtype, grid),
                needs=_ELEMENTWISE,
            )
            if name in ("generic", "negative-a", "negative-b"):
                yield probe(
                    f"scalars/{dtype}/{name}",
                    f"every region of x, with scalars {said}",
                    on_pair(pair, dtype, grid, scalar=True),
                    needs=_SCALAR,
                )


def upstreams() -> Iterator[Probe]:
    """Upstream gradients that are zero, tiny and large."""

    def build(rng: np.random.Generator, dtype: str) -> list[Call]:
        given = random_call(rng, (64,), (64,), (64,), dtype)
        scale = 2.0 ** rng.permutation(np.repeat([-20, -6, 0, 3, 9, 20], 11))[:64]
        gy = (given.gy * scale).astype(dtype)
        gy[rng.permutation(64)[:8]] = 0
        return [given._replace(gy=gy)]

    for dtype in DTYPES[:2]:
        yield probe(
            f"upstream/{dtype}/zero-and-wide",
            "upstream gradients that are zero, tiny and large: nothing divides by or clips them",
            lambda rng, d=dtype: build(rng, d),  # type: ignore[misc]
            needs=_ELEMENTWISE,
        )


def _smooth(rng: np.random.Generator, dtype: str, zero: bool) -> Call:
    x = np.geomspace(1e-3, 6, 14)
    x = np.concatenate([[0.0] if zero else [0.03], x, [12.5, 21.6]])
    both = np.concatenate([-x[::-1], x])
    a, b = (parameters(rng, both.shape, dtype) for _ in range(2))
    a, b = a * rng.choice([-1, 1], both.shape), b * rng.choice([-1, 1], both.shape)
    a, b = cast(a, dtype), cast(b, dtype)
    return call(cast(both, dtype), a, b, upstream(rng, both.shape, dtype))


def differences() -> Iterator[Probe]:
    """Backward against differences of the subject's own forward."""
    for dtype in DTYPES[:2]:
        yield probe(
            f"differences/{dtype}",
            "backward is the derivative of forward, whatever forward computes",
            lambda rng, d=dtype: [_smooth(rng, d, zero=True)],  # type: ignore[misc]
            kind="differences",
            needs=_ELEMENTWISE,
        )


def second() -> Iterator[Probe]:
    """Derivatives of the gradients, where a subject offers them."""
    for dtype in DTYPES[:2]:
        yield probe(
            f"second/{dtype}/elementwise",
            "the gradients' own gradients by x, a, b and gy, through a second backward pass",
            lambda rng, d=dtype: [_smooth(rng, d, zero=False)],  # type: ignore[misc]
            kind="second",
            needs=("second order", *_ELEMENTWISE),
        )
    yield probe(
        "second/float64/per-feature",
        "second derivatives by shared parameters are summed like first ones",
        lambda rng: [random_call(rng, (4, 5), (5,), (4, 1))],
        kind="second",
        needs=("second order", "broadcast parameters"),
    )


def special() -> Iterator[Probe]:
    """NaN and infinities among ordinary values."""
    for dtype in DTYPES[:2]:

        def build(rng: np.random.Generator, dtype: str = dtype) -> list[Call]:
            given = random_call(rng, (9,), (9,), (9,), dtype)
            x = given.x.copy()
            x[[1, 4, 7]] = np.nan, np.inf, -np.inf
            return [given._replace(x=x)]

        yield probe(
            f"special/{dtype}/nan-and-infinity",
            "NaN stays NaN, infinities have limits, neighbours are not touched",
            build,
            needs=_ELEMENTWISE,
        )
