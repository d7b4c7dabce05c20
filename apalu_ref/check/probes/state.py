"""Whether calls know of each other: repeated, interleaved, in the same memory, at the same time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from apalu_ref.check.inputs import Call, random_call
from apalu_ref.check.probes.base import Probe, probe
from apalu_ref.check.probes.values import plain

_NEEDS = ("state", "broadcast parameters")


def _twice(given: Call) -> list[Call]:
    return [given, given.copy()]


def again() -> Iterator[Probe]:
    """The first question, asked last."""
    first = next(plain())
    yield Probe(
        "state/first-call-again",
        "the first plain call once more, after all the others: nothing has been left behind",
        lambda _: first.calls(),
        needs=first.needs | {"state"},
    )


def state() -> Iterator[Probe]:
    """Repeated, interleaved, in the same memory, in threads."""
    yield probe(
        "state/repeated",
        "the same call twice gives the same answer",
        lambda rng: _twice(random_call(rng, (7, 11), (11,), (11,))),
        kind="repeated",
        needs=_NEEDS,
    )
    yield probe(
        "state/repeated-large",
        "large equal calls: sums may be added up in another order each time, and no more",
        lambda rng: _twice(random_call(rng, (130, 601), (601,), (601,), "float32")),
        kind="repeated",
        needs=(*_NEEDS, "float32"),
    )
    orders = (("interleaved", "forward, forward, backward, backward"),
              ("stacked", "forward, forward, then the last backward first"))  # fmt: skip
    for kind, said in orders:
        for name, second in (("same-shape", (4, 5)), ("other-shape", (3, 5))):
            yield probe(
                f"state/{kind}-{name}",
                f"{said}: each backward belongs to its own forward",
                lambda rng, s=second: [  # type: ignore[misc]
                    random_call(rng, (4, 5), (5,), (5,)),
                    random_call(rng, s, (5,), (5,)),
                ],
                kind=kind,
                needs=_NEEDS,
            )
    yield probe(
        "state/interleaved-other-type",
        "a float32 call between forward and backward of a float64 one",
        lambda rng: [
            random_call(rng, (4, 5), (5,), (5,)),
            random_call(rng, (4, 5), (5,), (5,), "float32"),
        ],
        kind="interleaved",
        needs=(*_NEEDS, "float32"),
    )

    def other_parameters(rng: np.random.Generator) -> list[Call]:
        one, two = (random_call(rng, (4, 5), (5,), (5,)) for _ in range(2))
        return [one, two._replace(x=one.x.copy())]

    yield probe(
        "state/interleaved-same-x",
        "two calls with equal x and different parameters: nothing is looked up by x alone",
        other_parameters,
        kind="interleaved",
        needs=_NEEDS,
    )
    yield probe(
        "state/same-memory",
        "the arrays of the first call, with new values in them, given again",
        lambda rng: [random_call(rng, (4, 5), (5,), (5,)) for _ in range(2)],
        kind="same-memory",
        needs=_NEEDS,
    )

    for name, shape in (("", (4, 5)), ("-large", (4001, 5))):

        def same_parameters(rng: np.random.Generator, shape: tuple[int, int] = shape) -> list[Call]:
            one = random_call(rng, shape, (5,), (5,))
            return [one, one.copy()._replace(x=random_call(rng, shape).x)]

        yield probe(
            f"state/same-memory-of-x{name}",
            "new values of x in the array of the first call, all else the same",
            same_parameters,
            kind="same-memory",
            needs=_NEEDS,
        )
    yield probe(
        "state/edited-output",
        "the same call twice; the second time the caller edits y in place before backward",
        lambda rng: _twice(random_call(rng, (4, 5), (5,), (5,))),
        kind="edited-output",
        needs=(*_NEEDS, "editable output"),
    )
    yield probe(
        "state/backward-twice",
        "backward twice after one forward, with another gy: nothing is used up or added to",
        lambda rng: [
            (one := random_call(rng, (4, 5), (5,), (5,))),
            one._replace(gy=random_call(rng, (4, 5), (5,), (5,)).gy),
        ],
        kind="backward-twice",
        needs=(*_NEEDS, "second backward"),
    )
    for name, shape in (("small", (6, 5)), ("large", (4001, 5))):
        yield probe(
            f"threads/{name}",
            "several threads at once, each with its own inputs",
            lambda rng, s=shape: [random_call(rng, s, (5,), (5,)) for _ in range(4)],  # type: ignore[misc]
            kind="threads",
            needs=(*_NEEDS, "threads"),
        )
