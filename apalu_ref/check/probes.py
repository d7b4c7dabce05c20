"""The questions asked of a subject, each with the reason it is asked.

A probe is one or more calls with fixed inputs. Inputs are built from the probe's id alone,
so that the process that runs the subject and the one that judges it need not exchange them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from apalu_ref.check.inputs import (
    LAYOUTS,
    Array,
    Call,
    backwards,
    parameters,
    random_call,
    strided,
    upstream,
    value_grid,
)

PROFILES = ("quick", "standard", "strict", "exhaustive")

DTYPES = ("float64", "float32", "float16")


@dataclass(frozen=True)
class Probe:
    """One question.

    ``kind`` says how the calls are made: ``"gradients"`` (forward, backward),
    ``"repeated"`` (the same call twice), ``"interleaved"`` (both forwards, then both
    backwards) or ``"differences"`` (backward, and differences of forward). ``optional``
    names the class of input that a subject may refuse.
    """

    id: str
    why: str
    build: Callable[[np.random.Generator], list[Call]] = field(repr=False)
    kind: str = "gradients"
    optional: str = ""

    def calls(self) -> list[Call]:
        """The inputs, fresh and the same every time."""
        return self.build(np.random.default_rng(zlib.crc32(self.id.encode())))


def probes(profile: str = "standard") -> list[Probe]:
    """The probes of a profile, in the order they are run.

    ``strict`` asks what ``standard`` asks and differs in how it judges.
    """
    if profile not in PROFILES:
        raise ValueError(f"no profile {profile!r}: one of {', '.join(PROFILES)}")
    found = [*_plain(), *_values(quick=profile == "quick"), *_shapes(), *_upstream(), *_state()]
    found += _differences()
    if profile != "quick":
        found += [*_layouts(), *_sizes(), *_mixed(), *_special()]
    if profile == "exhaustive":
        found += _every_float16()
    return found


def _plain() -> Iterator[Probe]:
    yield Probe(
        "plain/float64",
        "the first plain call: three values, scalar parameters",
        lambda rng: [
            Call(
                np.array([-1.25, 0.75, 2.5]),
                np.array(1.5),
                np.array(0.625),
                upstream(rng, (3,), "float64"),
            )
        ],
    )


# a ≠ b but where both are 1: equal parameters hide a swap.
_PAIRS = {
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


def _value_call(pair: tuple[float, float], dtype: str, grid: Array) -> Callable[..., list[Call]]:
    def build(rng: np.random.Generator) -> list[Call]:
        a, b = (np.array(p, dtype) for p in pair)
        # Within a factor 8 of overflow even a right subject may overflow on the way.
        largest = max(1.0, abs(float(a)), abs(float(b))) * 1.5
        x = rng.permutation(grid)
        x = x[np.abs(x.astype(np.float64)) <= float(np.finfo(dtype).max) / 8 / largest]
        return [Call(x, np.full_like(x, a), np.full_like(x, b), upstream(rng, x.shape, dtype))]

    return build


def _mixed_call(rng: np.random.Generator, dtype: str, grid: Array) -> Call:
    # In random order, so that "from here to the end" and "for large x" look different.
    grid = rng.permutation(grid)
    x = grid[np.abs(grid.astype(np.float64)) <= float(np.finfo(dtype).max) / 24]
    a, b = (parameters(rng, x.shape, dtype) * rng.choice([-1, 1], x.shape) for _ in range(2))
    return Call(x, a.astype(dtype), b.astype(dtype), upstream(rng, x.shape, dtype))


def _values(quick: bool) -> Iterator[Probe]:
    for dtype in DTYPES[:2] if quick else DTYPES:
        grid = value_grid(dtype)
        yield Probe(
            f"values/{dtype}/mixed",
            "every region of x, with a and b of both signs that change from element to element",
            lambda rng, d=dtype, g=grid: [_mixed_call(rng, d, g)],  # type: ignore[misc]
        )
        for name, pair in _PAIRS.items():
            if quick and name not in ("generic", "negative-a", "both-zero"):
                continue
            yield Probe(
                f"values/{dtype}/{name}",
                f"every region of x, with a, b = {pair[0]:g}, {pair[1]:g}, element by element",
                _value_call(pair, dtype, grid),
            )


_SHAPES: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = {
    # Distinct primes tell every axis apart; squares hide a wrong axis from a shape check.
    "scalar-parameters": ((5, 7), (), ()),
    "one-element-parameters": ((5, 7), (1,), (1,)),
    "per-feature": ((4, 5), (5,), (5,)),
    "per-neuron": ((3, 5, 7), (5, 7), (5, 7)),
    "per-channel": ((2, 3, 5, 7), (3, 1, 1), (3, 1, 1)),
    "kept-dimensions": ((2, 3, 5, 7), (1, 3, 1, 1), (1, 3, 1, 1)),
    "square-last": ((5, 5), (5,), (5,)),
    "square-first": ((5, 5), (5, 1), (5, 1)),
    "different": ((4, 5), (5,), (4, 1)),
    "only-a": ((4, 5), (5,), ()),
    "elementwise": ((4, 5), (4, 5), (4, 5)),
    "wider-than-x": ((5,), (3, 1), (2, 1, 1)),
    "outer": ((5, 1), (1, 7), (7,)),
}


def _shapes() -> Iterator[Probe]:
    for name, shapes in _SHAPES.items():
        for dtype in ("float64", "float32") if name == "per-feature" else ("float64",):
            yield Probe(
                f"shapes/{dtype}/{name}",
                "x {}, a {}, b {}: each gradient has its input's shape".format(*shapes),
                lambda rng, s=shapes, d=dtype: [random_call(rng, *s, dtype=d)],  # type: ignore[misc]
            )
    for name, x, a in (("0-d", (), ()), ("empty", (0,), ()), ("empty-rows", (0, 3), (3,))):
        yield Probe(
            f"shapes/float64/{name}",
            f"x of shape {x}: nothing is special about it",
            lambda rng, x=x, a=a: [random_call(rng, x, a, a)],  # type: ignore[misc]
            optional="0-d" if name == "0-d" else "empty",
        )


def _upstream() -> Iterator[Probe]:
    def build(rng: np.random.Generator, dtype: str) -> list[Call]:
        call = random_call(rng, (64,), (64,), (64,), dtype)
        scale = 2.0 ** rng.permutation(np.repeat([-20, -6, 0, 3, 9, 20], 11))[:64]
        gy = (call.gy * scale).astype(dtype)
        gy[rng.permutation(64)[:8]] = 0
        return [call._replace(gy=gy)]

    for dtype in DTYPES[:2]:
        yield Probe(
            f"upstream/{dtype}/zero-and-wide",
            "upstream gradients that are zero, tiny and large: nothing divides by or clips them",
            lambda rng, d=dtype: build(rng, d),  # type: ignore[misc]
        )


def _state() -> Iterator[Probe]:
    yield Probe(
        "state/repeated",
        "the same call twice gives the same answer",
        lambda rng: [c := random_call(rng, (7, 11), (11,), ()), Call(*(t.copy() for t in c))],
        kind="repeated",
    )
    for name, second in (("same-shape", (4, 5)), ("other-shape", (3, 5))):
        yield Probe(
            f"state/interleaved-{name}",
            "forward, forward, backward, backward: each backward belongs to its own forward",
            lambda rng, s=second: [  # type: ignore[misc]
                random_call(rng, (4, 5), (5,), (5,)),
                random_call(rng, s, (5,), (5,)),
            ],
            kind="interleaved",
        )


def _differences() -> Iterator[Probe]:
    x = np.concatenate([[0.0], np.geomspace(1e-3, 6, 14), [12.5, 21.6]])

    def build(rng: np.random.Generator) -> list[Call]:
        both = np.concatenate([-x[::-1], x])
        a, b = (parameters(rng, both.shape, "float64") for _ in range(2))
        a, b = a * rng.choice([-1, 1], both.shape), b * rng.choice([-1, 1], both.shape)
        return [Call(both, a, b, upstream(rng, both.shape, "float64"))]

    yield Probe(
        "differences/float64",
        "backward is the derivative of forward, whatever forward computes",
        build,
        kind="differences",
    )


def _layouts() -> Iterator[Probe]:
    for dtype in ("float64", "float32"):
        for name, lay in LAYOUTS.items():
            for which in ("x", "gy"):

                def build(
                    rng: np.random.Generator,
                    lay: Callable[[Array], Array] = lay,
                    which: str = which,
                    dtype: str = dtype,
                ) -> list[Call]:
                    call = random_call(rng, (6, 7), (7,), (6, 1), dtype)
                    return [call._replace(**{which: lay(getattr(call, which))})]

                yield Probe(
                    f"layouts/{dtype}/{name}-{which}",
                    f"{which} is {name.replace('-', ' ')} in memory",
                    build,
                    optional=f"{name} {which}",
                )
    yield Probe(
        "layouts/float64/parameters",
        "a and b are strided views",
        lambda rng: [
            (c := random_call(rng, (6, 7), (7,), (7,)))._replace(a=strided(c.a), b=backwards(c.b))
        ],
        optional="strided parameters",
    )


def _sizes() -> Iterator[Probe]:
    around = sorted({n + d for n in (2, 4, 8, 16, 32, 64, 128, 1024, 4096) for d in (-1, 0, 1)})

    def build(rng: np.random.Generator, sizes: list[int], dtype: str) -> list[Call]:
        return [random_call(rng, (n,), (), (), dtype) for n in sizes]

    for dtype in ("float64", "float32"):
        yield Probe(
            f"sizes/{dtype}/around-powers-of-two",
            "vector widths and block edges: nothing is lost or counted twice",
            lambda rng, d=dtype: build(rng, around, d),  # type: ignore[misc]
        )
        for n in (65536, 65537, 2**17 + 3) if dtype == "float64" else (65537,):
            yield Probe(
                f"sizes/{dtype}/{n}",
                "past what a 16-bit index, a block or one chunk of work holds",
                lambda rng, n=n, d=dtype: build(rng, [n], d),  # type: ignore[misc]
            )

    def accumulation(rng: np.random.Generator, dtype: str, n: int) -> list[Call]:
        call = random_call(rng, (n,), (), (), dtype)
        # One sign, so that a running sum grows until a narrow one no longer moves.
        return [call._replace(gy=np.abs(call.gy))]

    for dtype, n in (("float32", 2**17 + 3), ("float16", 4099)):
        yield Probe(
            f"sizes/{dtype}/accumulation",
            f"{n} terms of one sign: are sums accumulated wide enough",
            lambda rng, n=n, d=dtype: accumulation(rng, d, n),  # type: ignore[misc]
        )
    yield Probe(
        "sizes/float64/per-channel-large",
        "sums over the batch and both spatial axes of a large input",
        lambda rng: [random_call(rng, (5, 3, 64, 67), (3, 1, 1), (3, 1, 1))],
    )


def _mixed() -> Iterator[Probe]:
    for x, p in (("float32", "float64"), ("float64", "float32"), ("float16", "float32")):

        def build(rng: np.random.Generator, x: str = x, p: str = p) -> list[Call]:
            call = random_call(rng, (4, 5), (5,), (5,))
            wide = np.result_type(x, p)
            return [
                Call(call.x.astype(x), call.a.astype(p), call.b.astype(p), call.gy.astype(wide))
            ]

        yield Probe(
            f"types/{x}-x-{p}-parameters",
            "each gradient has its own input's type",
            build,
            optional=f"{x} x with {p} parameters",
        )
    for dtype in ("int64", "int32"):
        yield Probe(
            f"types/{dtype}-x",
            "integer x is computed in float64",
            lambda rng, d=dtype: [  # type: ignore[misc]
                (c := random_call(rng, (4, 5), (5,), (5,)))._replace(x=np.rint(c.x).astype(d))
            ],
            optional="integer x",
        )


def _special() -> Iterator[Probe]:
    for dtype in ("float64", "float32"):

        def build(rng: np.random.Generator, dtype: str = dtype) -> list[Call]:
            call = random_call(rng, (9,), (9,), (9,), dtype)
            x = call.x.copy()
            x[[1, 4, 7]] = np.nan, np.inf, -np.inf
            return [call._replace(x=x)]

        yield Probe(
            f"special/{dtype}/nan-and-infinity",
            "NaN stays NaN, infinities have limits, neighbours are not touched",
            build,
        )


def _every_float16() -> list[Probe]:
    finite = np.arange(0x7C00, dtype=np.uint16)
    every = np.concatenate([finite, finite | np.uint16(0x8000)]).view(np.float16)
    found = [
        Probe(
            f"exhaustive/float16/{name}",
            "every finite float16 x",
            _value_call(_PAIRS[name], "float16", every),
        )
        for name in ("generic", "negative-a")
    ]

    def edge(rng: np.random.Generator, dtype: str) -> list[Call]:
        top = float(np.finfo(dtype).max)
        x = np.array([s * top / k for s in (1, -1) for k in (1, 2, 3, 4, 6, 8)], dtype)
        a = np.full_like(x, 0.25)
        return [Call(x, a, a, np.full_like(x, 0.25))]

    found += [
        Probe(
            f"exhaustive/{dtype}/near-overflow",
            "x close to the largest number, with results that are representable",
            lambda rng, d=dtype: edge(rng, d),  # type: ignore[misc]
        )
        for dtype in DTYPES
    ]
    return found
