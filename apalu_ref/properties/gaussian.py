"""An activation under a standard normal input: moments, and how much of it is flat."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.properties import quadrature
from apalu_ref.properties.activation import Activation
from apalu_ref.properties.facts import Fact, Section
from apalu_ref.properties.features import GRID, NEAR, crossings, not_integrable, runs
from apalu_ref.properties.outline import Outline, Sampled
from minigrad.special import ndtr

Array = NDArray[Any]

SATURATED = 0.05
"""A unit counts as saturated where f′ is below this share of its supremum, in size."""


class Gaussian:
    """Means of f and f′ over z ~ N(0, q), by quadrature cut at the kinks.

    Parameters
    ----------
    f : Activation
    shape : Outline
        Its kinks: where to cut.

    Attributes
    ----------
    fine : bool
        Whether f is finite where a normal number comes.
    """

    def __init__(self, f: Activation, shape: Outline) -> None:
        self.f = f
        self.outline = shape
        self.slope = shape.slope
        self.kinks = [k.x for k in shape.kinks]
        self._jumps = any(k.order == 0 for k in shape.kinks)
        vertical = [x for x, _ in shape.vertical] if isinstance(shape, Sampled) else []
        self._endless = not_integrable(self.slope, vertical)
        inner = GRID[np.abs(GRID) <= 14]
        self.fine = bool(np.isfinite(f(inner)).all())
        self._edges = quadrature.cuts(f, self.kinks) if self.fine else np.arange(-14.0, 15)
        self._steep = quadrature.cuts(self.slope, self.kinks) if self.fine else self._edges

    def like(self, f: Activation) -> Gaussian:
        """The same for an activation close by, whose kinks are taken to lie where these do."""
        other = object.__new__(Gaussian)
        other.__dict__ = {**self.__dict__, "f": f, "slope": f.slope}
        return other

    def mean(self, q: float = 1.0) -> float:
        """E f(z) for z ~ N(0, q)."""
        return quadrature.mean(self.f, self._edges, math.sqrt(q))

    def square(self, q: float = 1.0) -> float:
        """E f(z)²."""
        return quadrature.mean(lambda x: self.f(x) ** 2, self._edges, math.sqrt(q))

    def fourth(self, q: float = 1.0) -> float:
        """E f(z)⁴."""
        return quadrature.mean(lambda x: self.f(x) ** 4, self._edges, math.sqrt(q))

    def slope_square(self, q: float = 1.0) -> float:
        """E f′(z)²; ∞ if f jumps, or f′ grows as 1/√x or faster."""
        if self._jumps or self._endless:
            return math.inf
        return quadrature.mean(lambda x: self.slope(x) ** 2, self._steep, math.sqrt(q))

    def square_growth(self, q: float = 1.0) -> float:
        """dE f(z)²/dq: by parts, E (z²/q - 1) f(z)² / 2q, so that no f″ is needed."""
        return quadrature.mean(
            lambda x: self.f(x) ** 2 * (x * x / q - 1) / (2 * q), self._edges, math.sqrt(q)
        )

    def expect(self, g: Callable[[Array], Array]) -> float:
        """E g(z) for z ~ N(0, 1), for any g with the kinks of f."""
        return quadrature.mean(g, self._steep)

    @property
    def pieces(self) -> int:
        """Into how many pieces the axis is cut: what a map of correlations costs."""
        return len(self._edges) + len(self.kinks)

    def product(self, c: float, q: float = 1.0) -> float:
        """E f(u) f(v) for u, v ~ N(0, q) with correlation c."""
        return quadrature.product(self.f, self._edges, self.kinks, math.sqrt(q), c)

    def slope_product(self, c: float, q: float = 1.0) -> float:
        """E f′(u) f′(v); ∞ where E f′² is."""
        if self._jumps or self._endless:
            return math.inf
        return quadrature.product(self.slope, self._steep, self.kinks, math.sqrt(q), c)

    def section(self, supremum: float) -> Section:
        """For the card; ``supremum`` is that of the size of f′."""
        if not self.fine:
            return Section(
                "under N(0, 1)",
                {"moments": Fact(None, "sampled", "f is not finite where normal numbers come")},
            )
        mean, square, slope = self.mean(), self.square(), self.slope_square()
        facts = {
            "E f": Fact(mean if abs(mean) > 1e-15 * math.sqrt(square) else 0.0, "computed"),
            "E f²": Fact(square, "computed"),
            "Var f": Fact(square - mean * mean, "computed"),
            "E f′²": Fact(slope, "computed", self._why_endless())
            if not math.isnan(slope)
            else Fact(None, "computed", "f′ is NaN where normal numbers come"),
            "saturated share": Fact(
                self.share_below(SATURATED * supremum),
                "computed",
                f"where |f′| is below {SATURATED:g} of its supremum",
            )
            if math.isfinite(supremum)
            else Fact(None, "computed", "f′ has no bound"),
            "dead share": Fact(self.share_below(0.0), "computed", "where f′ is 0"),
        }
        return Section("under N(0, 1)", facts)

    def _why_endless(self) -> str:
        if self._jumps:
            return "f jumps"
        return "f′ has no bound" if self._endless else ""

    def share_below(self, bound: float) -> float:
        """How often f′(z) is smaller than ``bound`` in size, or, if that is 0, is 0 itself."""
        inner = GRID[np.abs(GRID) <= NEAR]
        points = np.unique(np.concatenate([inner, self.kinks]))
        left, right = points[:-1], points[1:]
        small = np.abs(self.slope((left + right) / 2)) <= bound
        if bound == 0:
            return self._dead(points, small)
        total = float((ndtr(right) - ndtr(left))[small].sum())
        at = np.flatnonzero(np.diff(small.astype(int)))
        at = at[[all(abs(points[i + 1] - k) > 1e-12 for k in self.kinks) for i in at]]
        if not at.size:
            return total
        middle = (left + right) / 2
        places = crossings(lambda x: np.abs(self.slope(x)) - bound, middle[at], middle[at + 1])
        change = ndtr(np.array(places)) - ndtr(points[at + 1])
        return total + float(np.where(small[at], change, -change).sum())

    def _dead(self, points: Array, zero: Array) -> float:
        """The share of stretches where f′ is 0, and has not merely faded as that of tanh."""
        share = 0.0
        steep = np.abs(self.slope(points))
        scale = float(steep[np.isfinite(steep)].max(initial=0)) or 1.0
        for dead, i, j in runs(zero.astype(int)):
            sides = ((i > 0, points[i] - 0.004), (j < len(zero) - 1, points[j + 1] + 0.004))
            beside = [abs(float(self.slope(np.array([x]))[0])) for inner, x in sides if inner]
            if dead and not any(0 < s < 1e-8 * scale for s in beside):
                share += float(ndtr(points[j + 1 : j + 2])[0] - ndtr(points[i : i + 1])[0])
        return share
