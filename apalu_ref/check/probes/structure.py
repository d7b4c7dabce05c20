"""How inputs are laid out: shapes and broadcasting, memory, sizes, types."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from apalu_ref.check.inputs import LAYOUTS, Array, Call, backwards, random_call, strided, transposed
from apalu_ref.check.probes.base import Probe, probe

Shape = tuple[int, ...]

_SHAPES: dict[str, tuple[Shape, Shape, Shape]] = {
    # Distinct primes tell every axis apart; squares hide a wrong axis from a shape check.
    "scalar-parameters": ((5, 7), (), ()),
    "one-element-parameters": ((5, 7), (1,), (1,)),
    "per-feature": ((4, 5), (5,), (5,)),
    "per-neuron": ((3, 5, 7), (5, 7), (5, 7)),
    "per-channel": ((2, 3, 5, 7), (3, 1, 1), (3, 1, 1)),
    "kept-dimensions": ((2, 3, 5, 7), (1, 3, 1, 1), (1, 3, 1, 1)),
    "square-last": ((5, 5), (5,), (5,)),
    "square-first": ((5, 5), (5, 1), (5, 1)),
    "cube-middle": ((5, 5, 5), (5, 1), (1, 5, 1)),
    "different": ((4, 5), (5,), (4, 1)),
    "only-a": ((4, 5), (5,), ()),
    "only-b": ((4, 5), (), (4, 1)),
    "elementwise": ((4, 5), (4, 5), (4, 5)),
    "wider-than-x": ((5,), (3, 1), (2, 1, 1)),
    "outer": ((5, 1), (1, 7), (7,)),
    "row": ((1, 7), (7,), (1,)),
    "one-element": ((1,), (1,), (1,)),
    "one-element-matrix": ((1, 1), (1,), ()),
    "five-axes": ((2, 3, 2, 5, 2), (3, 1, 5, 1), (2, 1, 1, 1, 2)),
}


def _parameter_features(x: Shape, *shapes: Shape) -> list[str]:
    kinds = {"scalar" if p == () else "elementwise" if p == x else "broadcast" for p in shapes}
    return [f"{kind} parameters" for kind in sorted(kinds)]


def shapes() -> Iterator[Probe]:
    """Each gradient has its input's shape, whatever was broadcast."""
    for name, shape in _SHAPES.items():
        for dtype in ("float64", "float32") if name == "per-feature" else ("float64",):
            yield probe(
                f"shapes/{dtype}/{name}",
                "x {}, a {}, b {}: each gradient has its input's shape".format(*shape),
                lambda rng, s=shape, d=dtype: [random_call(rng, *s, dtype=d)],  # type: ignore[misc]
                needs=_parameter_features(*shape),
            )
    few: tuple[tuple[str, Shape, Shape], ...] = (
        ("0-d", (), ()),
        ("empty", (0,), ()),
        ("empty-rows", (0, 3), (3,)),
        ("empty-columns", (3, 0), (3, 1)),
    )
    for name, x, a in few:
        yield probe(
            f"shapes/float64/{name}",
            f"x of shape {x}, parameters of shape {a}: nothing is special about it",
            lambda rng, x=x, a=a: [random_call(rng, x, a, a)],  # type: ignore[misc]
            needs=["0-d" if name == "0-d" else "empty", *_parameter_features(x, a)],
        )


_LAYOUT_FEATURES = {
    "reversed": "negative strides",
    "zero-stride": "zero strides",
    "read-only": "read-only",
}


def layouts() -> Iterator[Probe]:
    """The same values in other memory."""
    for dtype in ("float64", "float32"):
        for name, lay in LAYOUTS.items():
            feature = _LAYOUT_FEATURES.get(name, "strides")
            for which in ("x", "gy"):

                def build(
                    rng: np.random.Generator,
                    lay: Callable[[Array], Array] = lay,
                    which: str = which,
                    dtype: str = dtype,
                ) -> list[Call]:
                    given = random_call(rng, (6, 7), (7,), (6, 1), dtype)
                    if which == "x":
                        return [given._replace(x=lay(given.x))]
                    return [given._replace(gy=lay(given.gy))]

                yield probe(
                    f"layouts/{dtype}/{name}-{which}",
                    f"{which} is {name.replace('-', ' ')} in memory",
                    build,
                    needs=(feature, "broadcast parameters"),
                )

    def scalar_parameters(rng: np.random.Generator) -> list[Call]:
        given = random_call(rng, (6, 7))
        return [given._replace(x=strided(given.x)), given._replace(x=given.x.T.copy().T)]

    yield probe(
        "layouts/float64/scalar-parameters",
        "x is strided, then transposed in memory, with scalar parameters",
        scalar_parameters,
        needs=("strides", "scalar parameters"),
    )

    def one_dimensional(rng: np.random.Generator, lay: Callable[[Array], Array]) -> list[Call]:
        given = random_call(rng, (23,), (23,), (23,))
        a = given.parameters["a"]
        return [
            given._replace(x=lay(given.x)),
            given._replace(gy=lay(given.gy)),
            given._replace(parameters={**given.parameters, "a": lay(a)}),
        ]

    for name, lay, feature in (("strided", strided, "strides"),
                               ("reversed", backwards, "negative strides")):  # fmt: skip
        yield probe(
            f"layouts/float64/{name}-1d",
            f"x, then gy, then a, of one axis and {name} in memory",
            lambda rng, lay=lay: one_dimensional(rng, lay),  # type: ignore[misc]
            needs=(feature, "elementwise parameters"),
        )

    def transposed_parameters(rng: np.random.Generator) -> list[Call]:
        given = random_call(rng, (3, 4, 5), (4, 5), (3, 4, 1))
        a, b = given.parameters.values()
        return [given._replace(parameters={"a": transposed(a), "b": transposed(b)})]

    yield probe(
        "layouts/float64/transposed-parameters",
        "a and b of several axes, column by column in memory",
        transposed_parameters,
        needs=("strides", "broadcast parameters"),
    )

    def permuted(rng: np.random.Generator) -> list[Call]:
        given = random_call(rng, (3, 4, 5), (5,), (4, 1))
        x = given.x.transpose(1, 2, 0).copy().transpose(2, 0, 1)
        return [given._replace(x=x, gy=given.gy.transpose(2, 0, 1).copy().transpose(1, 2, 0))]

    yield probe(
        "layouts/float64/permuted-axes",
        "x and gy with their axes in different orders in memory",
        permuted,
        needs=("strides", "broadcast parameters"),
    )
    given = {
        "parameters": ("a and b are views with gaps and with negative strides",
                       ("strides", "negative strides"),
                       lambda a, b: (strided(a), backwards(b))),
        "strided-parameters": ("a and b are views with gaps", ("strides",),
                               lambda a, b: (strided(a), strided(b))),
        "zero-stride-parameters": ("a and b are one number each, repeated without copying",
                                   ("zero strides",),
                                   lambda a, b: (np.broadcast_to(a[0], a.shape),
                                                 np.broadcast_to(b[0], b.shape))),
    }  # fmt: skip
    for name, (why, needs, lay_both) in given.items():

        def with_parameters(
            rng: np.random.Generator,
            lay_both: Callable[[Array, Array], tuple[Array, Array]] = lay_both,
        ) -> list[Call]:
            made = random_call(rng, (6, 7), (7,), (7,))
            a, b = lay_both(*made.parameters.values())
            return [made._replace(parameters={"a": a, "b": b})]

        yield probe(
            f"layouts/float64/{name}",
            why,
            with_parameters,
            needs=(*needs, "broadcast parameters"),
        )


def sizes() -> Iterator[Probe]:
    """Vector widths, block edges, index types, long sums."""
    edges = (2, 4, 8, 16, 32, 64, 100, 128, 256, 512, 1000, 1024, 4096)
    around = sorted({n + d for n in edges for d in (-1, 0, 1)})
    scalar = ("scalar parameters",)

    def build(rng: np.random.Generator, wanted: list[int], dtype: str) -> list[Call]:
        return [random_call(rng, (n,), (), (), dtype) for n in wanted]

    for dtype in ("float64", "float32"):
        yield probe(
            f"sizes/{dtype}/around-powers-of-two",
            "vector widths and block edges: nothing is lost or counted twice",
            lambda rng, d=dtype: build(rng, around, d),  # type: ignore[misc]
            needs=("any size", *scalar),
        )
        yield probe(
            f"sizes/{dtype}/some",
            "sizes on both sides of powers of two, one after the other",
            lambda rng, d=dtype: build(rng, [65, 2, 1025], d),  # type: ignore[misc]
            needs=scalar if dtype == "float64" else ("any size", *scalar),
        )
        for n in (65536, 65537, 300_007) if dtype == "float64" else (65537, 300_007):
            few = n == (65537 if dtype == "float64" else 300_007)
            yield probe(
                f"sizes/{dtype}/{n}",
                "past what a 16-bit index, a block or one chunk of work holds",
                lambda rng, n=n, d=dtype: build(rng, [n], d),  # type: ignore[misc]
                needs=scalar if few else ("any size", *scalar),
            )

    def accumulation(rng: np.random.Generator, dtype: str, shape: Shape, p: Shape) -> list[Call]:
        given = random_call(rng, shape, p, p, dtype)
        # One sign, so that a running sum grows until a narrow one no longer moves.
        return [given._replace(gy=np.abs(given.gy))]

    long: tuple[tuple[str, str, Shape, Shape], ...] = (
        ("accumulation", "float32", (2**17 + 3,), ()),
        ("accumulation", "float16", (20_011,), ()),
        ("accumulation-per-feature", "float32", (50_021, 3), (3,)),
        ("accumulation-per-channel", "float16", (7, 3, 23, 29), (3, 1, 1)),
    )
    for name, dtype, x, p in long:
        yield probe(
            f"sizes/{dtype}/{name}",
            f"x {x} with parameters {p}, terms of one sign: are sums accumulated wide enough",
            lambda rng, d=dtype, x=x, p=p: accumulation(rng, d, x, p),  # type: ignore[misc]
            needs=_parameter_features(x, p),
        )
    large: dict[str, tuple[Shape, Shape]] = {
        "per-channel-large": ((5, 3, 64, 67), (3, 1, 1)),
        "tall": ((33_013, 4), (4,)),
        "wide": ((3, 40_009), (3, 1)),
        "elementwise-large": ((70_001,), (70_001,)),
    }
    for name, (x, p) in large.items():
        yield probe(
            f"sizes/float64/{name}",
            f"large x {x} with parameters of shape {p}",
            lambda rng, x=x, p=p: [random_call(rng, x, p, p)],  # type: ignore[misc]
            needs=[
                "any size" if name == "elementwise-large" else "float64",
                *_parameter_features(x, p),
            ],
        )


def types() -> Iterator[Probe]:
    """Mixed and integer inputs."""
    for x, p in (("float32", "float64"), ("float64", "float32"), ("float16", "float32")):

        def build(rng: np.random.Generator, x: str = x, p: str = p) -> list[Call]:
            given = random_call(rng, (4, 5), (5,), (5,))
            wide = np.result_type(x, p)
            parameters = {n: t.astype(p) for n, t in given.parameters.items()}
            return [Call(given.x.astype(x), parameters, given.gy.astype(wide))]

        yield probe(
            f"types/{x}-x-{p}-parameters",
            "each gradient has its own input's type",
            build,
            needs=("mixed types", "broadcast parameters", x, p),
        )
    for dtype in ("int64", "int32"):
        yield probe(
            f"types/{dtype}-x",
            "integer x is computed in float64",
            lambda rng, d=dtype: [  # type: ignore[misc]
                (c := random_call(rng, (4, 5), (5,), (5,)))._replace(x=np.rint(c.x).astype(d))
            ],
            needs=("integers", "broadcast parameters"),
        )
