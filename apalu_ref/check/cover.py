"""The fewest formulas that explain all wrong values of a quantity, and contradict none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from apalu_ref.check.causes import Cause
from apalu_ref.check.exact import answers
from apalu_ref.check.judge import Mark
from apalu_ref.check.search import Idea, Search, another_constant

if TYPE_CHECKING:
    from apalu_ref.check.session import Session

_MOST = 4000
_FEWEST = 8


def searchable(mark: Mark, apalu: bool) -> Search | None:
    """A search in a mark's values; None where they are too few, or too many, to tell."""
    if mark.kind != "value" or mark.level == "nonfinite" or mark.got is None:
        return None
    if mark.got.size > _MOST:
        return None
    search = Search(mark, apalu)
    return search if search.right.size >= _FEWEST else None


class Cover:
    """Causes for the marks of one quantity, those that explain most marks first."""

    def __init__(self, session: Session, marks: Iterable[Mark], apalu: bool) -> None:
        self._session, self._apalu = session, apalu
        self.causes: dict[int, list[Cause]] = {}
        self._kept: list[Search] | None = None
        searches = [(m, s) for m in marks if (s := searchable(m, apalu)) is not None]
        self.searched = {id(mark) for mark, _ in searches}
        if not searches:
            return
        quantity = searches[0][0].quantity
        fitting = [(mark, search, search.fitting()) for mark, search in searches]
        for idea in self._constants(searches):
            for _, search, found in fitting:
                for side in found:
                    if side != "-" and search.fits(idea, search.sides[side]):
                        found[side].append(idea)
        for side in {side for _, _, found in fitting for side in found}:
            concerned = [(m, found[side]) for m, _, found in fitting if side in found]
            self._choose(side, concerned, quantity)

    def _constants(self, searches: list[tuple[Mark, Search]]) -> list[Idea]:
        """The right formulas with another κ, as fitted to the answers with most digits."""
        sharp = [s for m, s in searches if m.dtype == "float64" and m.probe.family == "values"]
        fitted = [kappa for search in sharp[:3] if (kappa := search.kappa()) is not None]
        return [another_constant(kappa) for kappa in fitted[:1]]

    def _choose(self, side: str, concerned: list[tuple[Mark, list[Idea]]], quantity: str) -> None:
        """Again and again the idea that explains most of the marks that are left."""
        left = concerned
        while left:
            count: dict[str, int] = {}
            ideas: dict[str, Idea] = {}
            for _, fits in left:
                for idea in fits:
                    ideas.setdefault(idea.cause.cause, idea)
                for cause in {idea.cause.cause for idea in fits}:
                    count[cause] = count.get(cause, 0) + 1
            order = list(ideas)
            ranked = sorted(order, key=lambda c: (-count[c], order.index(c)))
            best = next(
                (c for c in ranked if not self._contradicted(ideas[c], side, quantity)), None
            )
            if best is None:
                return
            rest = []
            for mark, fits in left:
                if any(idea.cause.cause == best for idea in fits):
                    self.causes.setdefault(id(mark), []).append(ideas[best].cause)
                else:
                    rest.append((mark, fits))
            left = rest

    def _contradicted(self, idea: Idea, side: str, quantity: str) -> bool:
        """Whether an idea would have shown where the answers are right."""
        for search in self._right(quantity):
            mask = search.sides[side]
            if mask.any() and not search.allows(idea, mask):
                return True
        return False

    def _right(self, quantity: str) -> list[Search]:
        """The elementwise answers of a quantity that nothing was found wrong with."""
        if self._kept is None:
            wrong = {m.probe.id for m in self._session.marks
                     if m.quantity == quantity and m.level == "core"}  # fmt: skip
            names = [n for n in self._session.answers
                     if n.startswith("values/float64/") and n not in wrong]  # fmt: skip
            found = (self._passing(name, quantity) for name in names)
            self._kept = [search for search in found if search is not None]
        return self._kept

    def _passing(self, name: str, quantity: str) -> Search | None:
        probe, got = self._session.asked[name], self._session.answers[name][0].get(quantity)
        if got is None or not self._apalu:
            return None
        call = probe.calls()[0]
        want = answers(call)[quantity]
        if got.shape != want.value.high.shape:
            return None
        mark = Mark("", quantity, probe, "value", "", call, got, want, np.ones(got.shape, bool))
        return searchable(mark, self._apalu)


_NO_A, _NO_B = (f"{p} gets no gradient: it is zero everywhere" for p in "ab")

# Two causes that together are one: what both sides of zero show.
_TOGETHER = [
    ({"the gradients of a and b are swapped", _NO_A},
     Cause("the gradients of a and b are swapped", "return (dx, da, db) in this order")),
    ({"the gradients of a and b are swapped", _NO_B},
     Cause("the gradients of a and b are swapped", "return (dx, da, db) in this order")),
    ({"not masked: elements with x < 0 are counted too", _NO_A},
     Cause("the mask is inverted: elements with x < 0 are counted, those with x >= 0 are not",
           "da is summed where x >= 0")),
    ({"not masked: elements with x >= 0 are counted too", _NO_B},
     Cause("the mask is inverted: elements with x >= 0 are counted, those with x < 0 are not",
           "db is summed where x < 0")),
]  # fmt: skip


def merged(found: dict[int, list[Cause]]) -> dict[int, list[Cause]]:
    """Causes of one quantity, with pairs that belong together told as one."""
    names = {cause.cause for causes in found.values() for cause in causes}
    for pair, one in _TOGETHER:
        if pair <= names:
            found = {
                key: list(dict.fromkeys(one if c.cause in pair else c for c in causes))
                for key, causes in found.items()
            }
    return found
