"""What only the exhaustive profile asks: every number of the short types, the last binades."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from apalu_ref.check.features import DTYPES
from apalu_ref.check.inputs import Call, call, cast, random_call, value_grid
from apalu_ref.check.precision import precision
from apalu_ref.check.probes.base import Probe, probe
from apalu_ref.check.probes.values import PAIRS, on_pair, storage
from apalu_ref.oracle import FORMATS, from_bits


def exhaustive() -> Iterator[Probe]:
    """All of them."""
    for dtype in ("float16", "bfloat16"):
        finite = np.arange(FORMATS[dtype].infinity, dtype=np.uint16)
        every = from_bits(np.concatenate([finite, finite | np.uint16(0x8000)]), dtype)
        for name in ("generic", "negative-a"):
            yield probe(
                f"exhaustive/{dtype}/{name}",
                f"every finite {dtype} x",
                on_pair(PAIRS[name], dtype, every),
                needs=("elementwise parameters",),
            )
    for name in ("generic", "negative-b", "large"):
        yield probe(
            f"exhaustive/bfloat16/grid-{name}",
            "every region of x in bfloat16",
            on_pair(PAIRS[name], "bfloat16", value_grid("bfloat16")),
            needs=("elementwise parameters",),
        )

    def edge(rng: np.random.Generator, dtype: str) -> list[Call]:
        top = precision(dtype).max
        x = cast([s * top / k for s in (1, -1) for k in (1, 2, 3, 4, 6, 8)], dtype)
        a = np.full_like(x, 0.25)
        return [call(x, a, a, np.full_like(x, 0.25), storage(dtype))]

    for dtype in DTYPES:
        yield probe(
            f"exhaustive/{dtype}/near-overflow",
            "x close to the largest number, with results that are representable",
            lambda rng, d=dtype: edge(rng, d),  # type: ignore[misc]
            needs=("elementwise parameters",),
        )
    yield probe(
        f"exhaustive/float32/{2**20 + 7}",
        "more than a million elements",
        lambda rng: [random_call(rng, (2**20 + 7,), (), (), "float32")],
        needs=("scalar parameters",),
    )
