"""The project's own catalogue of wrong implementations, by which causes are named.

``formulas`` are mistakes in what is computed, one side of zero at a time; ``reductions``
and ``habits`` are implementations that can be run: wrong sums and shapes, state, memory,
sizes, types. :func:`implementations` gives all of them as implementations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from apalu_ref.check.catalogue.formulas import MISTAKES, UPSTREAM, Mistake
from apalu_ref.check.catalogue.habits import HABITS, THREADS
from apalu_ref.check.catalogue.reductions import REDUCTIONS, Wrong, altered
from apalu_ref.check.catalogue.right import Array, Right
from apalu_ref.check.catalogue.terms import RIGHT, Terms, terms_of

STRUCTURAL = (*REDUCTIONS, *HABITS)
"""Those that are run on the failing probes."""


def implementations() -> Iterator[Wrong]:
    """Every entry as an implementation with that one mistake."""
    for i, mistake in enumerate(MISTAKES):
        name = f"{mistake.quantity}{mistake.side} {i}: {mistake.cause}"
        yield Wrong(name, mistake.cause, mistake.fix, _with(mistake))
    yield from STRUCTURAL
    yield THREADS


def _with(mistake: Mistake) -> Callable[[], Any]:
    """An implementation that has this formula on its side of one quantity."""
    method = "values" if mistake.quantity == "y" else mistake.quantity

    def wrong(self: Right, *inputs: Array) -> Array:
        negative = inputs[0] < 0
        side = negative if mistake.side == "-" else ~negative
        # The formulas of y have no gy.
        given = inputs if len(inputs) == 4 else (*inputs, np.ones(()))
        x, a, b, g = np.broadcast_arrays(*given)
        terms = Terms(x, a, b, g)
        return np.where(side, mistake.formula(terms), getattr(Right, method)(self, *inputs))

    return altered(**{method: wrong})


__all__ = [
    "MISTAKES",
    "REDUCTIONS",
    "RIGHT",
    "STRUCTURAL",
    "UPSTREAM",
    "Mistake",
    "Right",
    "Terms",
    "Wrong",
    "implementations",
    "terms_of",
]
