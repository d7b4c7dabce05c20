"""The right values, but summed over other axes or in another order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.causes import AVERAGED, Cause
from apalu_ref.check.search import MATCH_EPS, Search

Array = NDArray[Any]


def permuted(search: Search) -> list[Cause]:
    """The right values in another order."""
    high = np.asarray(search.want.value.high)
    if high.ndim < 2 or high.size < 4:
        return []
    got = search.got.reshape(search.target)

    def same(one: Array, two: Array) -> bool:
        return one.shape == two.shape and bool(
            np.allclose(one, two, rtol=MATCH_EPS * search.eps, atol=0)
        )

    if same(got, high.T):
        return [Cause("the result is transposed", "do not reorder the axes",
                      "square shapes hide it")]  # fmt: skip
    if not same(got, high) and same(np.sort(got, axis=None), np.sort(high, axis=None)):
        return [Cause(
            "the values are right, but in another order: transposed, or reshaped in another memory "
            "order",
            "reshape in C order, without reordering axes",
        )]  # fmt: skip
    return []


def axes(search: Search) -> list[Cause]:
    """A sum over other axes than those that were broadcast (square shapes hide it), or a mean."""
    if not search.summed:
        return []
    padded = (1,) * (search.right.ndim - len(search.target)) + tuple(search.target)
    stretched = (i for i, n in enumerate(padded) if n == 1 and search.full[i] != 1)
    needed = ", ".join(map(str, stretched))
    for how, axes, values in reductions(search.right, search.target):
        if np.allclose(search.got, values, rtol=MATCH_EPS * search.eps, atol=1e-12):
            if (how, axes) == ("mean", needed):
                return [Cause(AVERAGED, "sum over the broadcast axes; do not take the mean")]
            return [Cause(
                "reduced over the wrong axis",
                f"sum over the axes along which {search.quantity[1:]} was broadcast",
                f"it is the {how} over axis {axes}",
            )]  # fmt: skip
    return []


def reductions(terms: Array, target: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """Sums and means of the elementwise terms that have ``target``'s number of elements."""
    for count in range(1, terms.ndim + 1) if terms.size else ():
        for axes in combinations(range(terms.ndim), count):
            for how in ("sum", "mean"):
                values = np.asarray(getattr(terms, how)(axis=axes))
                if values.size == int(np.prod(target)):
                    yield how, ", ".join(map(str, axes)), values.reshape(target)
