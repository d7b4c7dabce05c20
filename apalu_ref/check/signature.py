"""Runs the wrong implementations of the catalogue on failing probes, to see which fails alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.adapters.arrays import NumPy
from apalu_ref.check.adapters.base import Options
from apalu_ref.check.calls import Caller
from apalu_ref.check.catalogue import STRUCTURAL, Wrong
from apalu_ref.check.causes import Cause
from apalu_ref.check.exact import Answer, answers
from apalu_ref.check.inputs import Call
from apalu_ref.check.judge import Mark, judge, judged
from apalu_ref.check.probes import Probe
from apalu_ref.check.subject import Target

Array = NDArray[Any]
Arrays = dict[str, Array]

_OF_A_FAMILY = 3
_ELEMENTS = 350_000
_ALIKE_EPS = 512


class Signatures:
    """Compares what a subject answered with what each candidate answers to the same probes.

    ``asked`` are the probes, ``given`` the subject's answers by probe id.
    """

    def __init__(self, asked: dict[str, Probe], given: dict[str, list[Arrays]]) -> None:
        self.asked, self.given = asked, given
        self._kept: dict[tuple[str, str], list[Arrays] | None] = {}
        self._exact: dict[str, list[tuple[Call, dict[str, Answer]]]] = {}

    def cause(self, marks: list[Mark], every: Iterable[Mark]) -> Cause | None:
        """The candidate that fails like these marks of one quantity, if there is one."""
        failing = {m.probe.id: m.probe for m in marks}
        quantity = marks[0].quantity
        spoilt = {m.probe.id for m in every if m.quantity == quantity and m.level == "core"}
        chosen = _spread([p for p in _small(failing.values()) if p.id in self.given])
        passing = [
            p
            for p in _small(p for i, p in self.asked.items() if i in self.given and i not in spoilt)
            if p.family in {f.family for f in failing.values()} | {"shapes", "values"}
        ]
        chosen_ids = {p.id for p in chosen}
        others = [p for p in passing if p.id not in chosen_ids and p.kind != "differences"]
        for wrong in STRUCTURAL:
            alike = chosen and all(self._alike(wrong, p, quantity, fails=True) for p in chosen)
            if alike and all(self._alike(wrong, p, quantity, False) for p in _spread(others)):
                return Cause(wrong.cause, wrong.fix)
        return None

    def _alike(self, wrong: Wrong, probe: Probe, quantity: str, fails: bool) -> bool:
        """Whether a candidate gives the subject's answers, and fails where that does."""
        theirs = self._run(wrong, probe)
        if theirs is None:
            return False
        differs = False
        known = self._answers(probe)
        for (call, exact), ours, its in zip(known, self.given[probe.id], theirs, strict=True):
            if (quantity in ours) != (quantity in its):
                return False
            if quantity not in ours:
                continue
            one, two = ours[quantity], its[quantity]
            if one.shape != two.shape or one.dtype != two.dtype:
                return False
            scale = exact[quantity].scale + exact[quantity].magnitude
            if scale.shape == one.shape:
                with np.errstate(invalid="ignore", over="ignore"):
                    size = _ALIKE_EPS * judged(call).eps * (scale + np.abs(two))
                    near = (np.abs(one - two) <= size) | (one == two)
                if not (near | (np.isnan(one) & np.isnan(two))).all():
                    return False
            elif not np.allclose(one, two, rtol=1e-5, atol=1e-8, equal_nan=True):
                return False
            marks = judge(probe, call, {quantity: two}, exact)
            differs |= any(mark.level == "core" for mark in marks)
        return differs == fails

    def _answers(self, probe: Probe) -> list[tuple[Call, dict[str, Answer]]]:
        """Its calls with their exact answers: many candidates are compared with the same ones."""
        if probe.id not in self._exact:
            self._exact[probe.id] = [(call, answers(call)) for call in probe.calls()]
        return self._exact[probe.id]

    def _run(self, wrong: Wrong, probe: Probe) -> list[Arrays] | None:
        key = (wrong.name, probe.id)
        if key not in self._kept:
            subject = NumPy(Target(wrong.name, wrong.make(), None), Options())
            calls = probe.calls()
            try:
                found = Caller(subject).run(probe, calls)
            except Exception:  # a candidate may fail in its own way: it is not the one
                self._kept[key] = None
            else:
                results: list[Arrays] = [{} for _ in calls]
                for name, array in found.items():
                    number, _, quantity = name.partition(".")
                    results[int(number)][quantity] = array
                self._kept[key] = results
        return self._kept[key]


def _spread(probes: list[Probe]) -> list[Probe]:
    """A few of each family; of shapes all: how they differ is what tells reductions apart."""
    count: dict[str, int] = {}
    chosen = []
    for probe in probes:
        count[probe.family] = count.get(probe.family, 0) + 1
        if probe.family == "shapes" or count[probe.family] <= _OF_A_FAMILY:
            chosen.append(probe)
    return chosen


def _small(probes: Iterable[Probe]) -> list[Probe]:
    """Probes that are quick to ask again, the quickest first."""
    kinds = ("threads", "second", "repeated", "edited-output")
    sized = [(sum(c.gy.size for c in p.calls()), p) for p in probes if p.kind not in kinds]
    return [p for n, p in sorted(sized, key=lambda pair: pair[0]) if n <= _ELEMENTS]
