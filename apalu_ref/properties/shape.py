"""The shape of a function: range, zeros, pieces, kinks, slopes, asymptotes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.properties import extremes
from apalu_ref.properties.activation import Activation
from apalu_ref.properties.extremes import Extreme
from apalu_ref.properties.facts import Fact, Section, number
from apalu_ref.properties.features import GRID, runs
from apalu_ref.properties.limits import Limit
from apalu_ref.properties.outline import Sampled
from apalu_ref.properties.pieces import MOST, monotone, zeros

Array = NDArray[Any]

CLASSES = {0: "not continuous", 1: "continuous, not C¹", 2: "C¹, not C²", 3: "C² at least"}
"""By the lowest order of a derivative that jumps."""


class Shape(Sampled):
    """What the other parts of a report need to know of a function's shape.

    Attributes
    ----------
    limits : list of Limit
        What f does far to the left and to the right.
    inf, sup : Extreme
        Infimum and supremum of f′.
    """

    def __init__(self, f: Activation) -> None:
        super().__init__(f)
        self.limits = [Limit(f, side) for side in (-1, 1)]
        self.inf = extremes.of_slope(self, self.limits, -1)
        self.sup = extremes.of_slope(self, self.limits, 1)

    def section(self) -> Section:
        """All of it, for the card."""
        facts: dict[str, Fact] = {}
        bad = self.not_finite()
        if bad:
            facts["not finite"] = Fact(bad, "sampled", "f is NaN or infinite there")
        facts["range"] = extremes.of_values(self, self.limits)
        facts["zeros"] = zeros(self)
        facts["monotone"] = monotone(self)
        facts["smoothness"] = self._smoothness()
        facts["kinks"] = self._kinks()
        slope = self._slope_at_0()
        if slope is not None:
            facts["slope at 0"] = slope
        steepest = self.steepest()
        facts["Lipschitz constant"] = extremes.fact(self, steepest, abs(steepest.value))
        facts["infimum of f′"] = extremes.fact(self, self.inf, self.inf.value)
        facts["supremum of f′"] = extremes.fact(self, self.sup, self.sup.value)
        facts["asymptote left"] = self.limits[0].fact()
        facts["asymptote right"] = self.limits[1].fact()
        return Section("shape", facts)

    def steepest(self) -> Extreme:
        """Where f′ is largest in size."""
        return self.inf if abs(self.inf.value) > abs(self.sup.value) else self.sup

    def lost_slopes(self) -> str:
        """Where f is finite and f′ is NaN, for a remark."""
        lost = np.isfinite(self.values) & np.isnan(self.slopes)
        lost &= ~np.isin(GRID, [x for x, _ in self.vertical])
        return ", ".join(_stretches(lost)[:MOST])

    def not_finite(self) -> list[str]:
        """Where f is NaN or infinite."""
        return _stretches(~np.isfinite(self.values))

    def _slope_at_0(self) -> Fact | None:
        zero = np.zeros(1)
        if not np.isfinite(self.f(zero))[0] or any(x == 0 for x, _ in self.vertical):
            return None
        for kink in self.kinks:
            if kink.x == 0 and kink.order == 1:
                text = "from the left, from the right"
                return Fact([kink.left, kink.right], "computed", text)
        slope = float(self.slope(zero)[0])
        return Fact(slope, "computed") if np.isfinite(slope) else None

    def _smoothness(self) -> Fact:
        order = min((k.order for k in self.kinks), default=3)
        if self.vertical and order > 0:
            place = number(self.vertical[0][0])
            return Fact(CLASSES[1], "sampled", f"at x = {place}, where f′ has no bound")
        if order == 3 and not self.f.by_minigrad:
            return Fact("C¹ at least", "sampled", "f″ was not looked at: f′ is not minigrad's")
        places = [k.x for k in self.kinks if k.order == order]
        said = ", ".join(map(number, places[:MOST])) + _more(places)
        return Fact(CLASSES[order], "sampled", f"at x = {said}" if places else "")

    def _kinks(self) -> Fact:
        found = [k for k in self.kinks if k.order < 2]
        what = ("f", "f′")
        said = "; ".join(
            f"{what[k.order]} goes from {number(k.left)} to {number(k.right)}" for k in found[:MOST]
        )
        places = [k.x for k in found[:MOST]]
        return Fact(places, "computed" if found else "sampled", said + _more(found))


def _more(found: list[Any]) -> str:
    return f" … and {len(found) - MOST} more" if len(found) > MOST else ""


def _stretches(which: Array) -> list[str]:
    return [
        f"from {number(GRID[i])} to {number(GRID[j])}" if i != j else f"at {number(GRID[i])}"
        for sign, i, j in runs(which.astype(int))
        if sign
    ]
