r"""What depth does to a signal: the Q map of lengths and the C map of correlations.

In a wide network with weights N(0, σ_w²/fan_in) and biases N(0, σ_b²) the pre-activations of a
layer are normal, with a second moment q and, for two inputs, a correlation c. The next layer has

.. math::

    Q(q) = σ_w² \, E f(\sqrt q\, z)² + σ_b², \qquad
    C(c) = \frac{σ_w² \, E f(u) f(v) + σ_b²}{Q(q)}

for u, v ~ N(0, q) with correlation c. χ₁ = σ_w² E f′(√q z)² is the slope of C at c = 1 (where q is
a fixed point) and the factor by which a layer scales the square of a gradient going back: below 1
gradients vanish and inputs grow alike, above 1 they explode and inputs are torn apart. Sources:
Poole et al., arXiv 1606.05340; Schoenholz et al., arXiv 1611.01232.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from apalu_ref.properties.facts import Fact, Section, number
from apalu_ref.properties.features import one_sided, runs
from apalu_ref.properties.gaussian import Gaussian

_LENGTHS = np.geomspace(1e-4, 1e4, 49)

_CLOSE = 1e-10

_MANY = 150
"""Pieces of a function beyond which its map of correlations is left out."""


class Network(NamedTuple):
    """A way to draw weights: σ_w and σ_b."""

    name: str
    sigma_w: float
    sigma_b: float


class Maps:
    """The maps of an activation in a network drawn in one way."""

    def __init__(self, g: Gaussian, network: Network) -> None:
        self.g, self.network = g, network

    def length(self, q: float) -> float:
        """Q(q)."""
        return self.network.sigma_w**2 * self.g.square(q) + self.network.sigma_b**2

    def length_slope(self, q: float) -> float:
        """Q′(q), χ_q: how a deviation of the length goes on."""
        return self.network.sigma_w**2 * self.g.square_growth(q)

    def chi(self, q: float) -> float:
        """χ₁ = σ_w² E f′(√q z)²."""
        return self.network.sigma_w**2 * self.g.slope_square(q)

    def correlation(self, c: float, q: float) -> float:
        """C(c), for inputs of second moment q."""
        n = self.network
        return (n.sigma_w**2 * self.g.product(c, q) + n.sigma_b**2) / self.length(q)

    def correlation_slope(self, c: float, q: float) -> float:
        """C′(c), at a fixed point q: σ_w² E f′(u) f′(v) q / Q(q)."""
        return self.network.sigma_w**2 * self.g.slope_product(c, q) * q / self.length(q)

    def fixed_lengths(self) -> list[float | str] | None:
        """All q > 0 with Q(q) = q between 1e-4 and 1e4; None if every q is one.

        Stretches of them, as of a function that is a line up to some x, are text.
        """
        excess = np.array([self.length(q) / q - 1 for q in _LENGTHS])
        excess = np.where(np.isnan(excess), np.inf, excess)
        if (np.abs(excess) < _CLOSE).all():
            return None
        found: list[float | str] = []
        for still, i, j in runs((np.abs(excess) < _CLOSE).astype(int)):
            if still and j > i:
                found.append(f"from {number(_LENGTHS[i])} to {number(_LENGTHS[j])}")
            elif still:
                found.append(float(_LENGTHS[i]))
            for k in range(i, j) if not still else ():
                if (excess[k] < 0) != (excess[k + 1] < 0):
                    ends = _LENGTHS[k], _LENGTHS[k + 1]
                    found.append(_root(lambda t: self.length(t) / t - 1, *ends))
        return found

    def fixed_correlation(self, q: float) -> float:
        """The correlation that inputs tend to: 1 if χ₁ <= 1, else the root of C(c) = c below 1.

        (C is a power series with coefficients that are not negative, so it has at most one.)
        """
        if self.chi(q) * q <= self.length(q) * (1 + 1e-9):
            return 1.0
        low = (self.network.sigma_w * self.g.mean(q)) ** 2 / self.length(q)
        if low < 1e-14:
            return 0.0
        return _root(lambda c: self.correlation(c, q) - c, 0.0, 1 - 1e-9, 1e-12)


def section(g: Gaussian) -> Section | None:
    """The facts for the card: at the recommended gain, and for customary inits."""
    square = g.square() if g.fine else math.nan
    if not (math.isfinite(square) and square > 0):
        return None
    gain = 1 / math.sqrt(square)
    maps = Maps(g, Network("gain", gain, 0.0))
    chi, slope = maps.chi(1.0), maps.length_slope(1.0)
    facts = {
        "gain": Fact(gain, "computed", "1/√E f²: σ_w that keeps a second moment of 1"),
        "Q′(1)": Fact(_quiet(slope), "computed", _stable(slope)),
        "χ₁": Fact(None if math.isnan(chi) else chi, "computed", _gradients(chi)),
        "C(0)": Fact(
            _quiet(g.mean() ** 2 / square),
            "computed",
            "of two inputs without correlation, one layer on",
        ),
        "depth scale of lengths": _scale(slope),
    }
    if math.isnan(chi):
        return Section("through depth", facts)
    if g.pieces > _MANY:
        text = f"left out: f has {g.pieces} pieces near 0, which would take long"
        facts["C tends to"] = Fact(None, "computed", text)
        return Section("through depth", facts)
    star = maps.fixed_correlation(1.0)
    facts["depth scale of correlations"] = _correlation_scale(maps, chi, star)
    facts["C tends to"] = Fact(star, "computed", "all inputs grow alike" if star == 1 else "")
    facts["C′ there"] = Fact(maps.correlation_slope(star, 1.0), "computed")
    facts["gain: fixed q"] = _fixed(maps)
    for name, sigma in (("LeCun", 1.0), ("He", math.sqrt(2))):
        n = Maps(g, Network(name, sigma, 0.0))
        growth = n.length(1.0)
        facts[f"{name}: Q(1)"] = Fact(growth, "computed", f"σ_w = {number(sigma)}, σ_b = 0")
        facts[f"{name}: fixed q"] = _fixed(n)
    facts["edge of chaos, σ_b = 0"] = edge_without_bias(g)
    facts["edge of chaos"] = _edge(g)
    return Section("through depth", facts)


def _quiet(value: float) -> float:
    return value if abs(value) > 1e-14 else 0.0


def _stable(slope: float) -> str:
    if abs(slope - 1) < 1e-9:
        return "lengths neither return nor run away"
    return "lengths return to 1" if abs(slope) < 1 else "lengths run away from 1"


def _gradients(chi: float) -> str:
    if abs(chi - 1) < 1e-9:
        return "at the edge: gradients keep their size"
    if math.isinf(chi):
        return "inputs however close are torn apart"
    if math.isnan(chi):
        return "f′ is NaN where normal numbers come"
    text = "gradients vanish" if chi < 1 else "gradients explode"
    return f"{text}: their mean square, by this factor a layer"


def _scale(slope: float) -> Fact:
    """ξ = -1/ln|slope|: layers in which a deviation falls to 1/e."""
    size = abs(slope)
    if math.isnan(size):
        return Fact(None, "computed", "f′ is NaN where normal numbers come")
    if math.isinf(size):
        return Fact(None, "computed", "χ₁ is ∞")
    if abs(size - 1) < 1e-9:
        return Fact(math.inf, "computed", "layers")
    if size < 1e-12:
        return Fact(0.0, "computed", "layers")
    text = "layers to fall to 1/e" if size < 1 else "layers to grow e-fold"
    return Fact(1 / abs(math.log(size)), "computed", text)


def _correlation_scale(maps: Maps, chi: float, star: float) -> Fact:
    slope = chi if chi <= 1 + 1e-9 else maps.correlation_slope(star, 1.0)
    fact = _scale(slope)
    return Fact(fact.value, fact.how, fact.text + ", on the way to where C tends to")


def _fixed(n: Maps) -> Fact:
    found = n.fixed_lengths()
    if found is None:
        return Fact("every q", "computed", "f scales with its input")
    if found:
        return Fact(found, "sampled")
    grows = n.length(1.0) > 1
    return Fact(
        None, "computed", f"every length from 1e-4 to 1e4 {'grows' if grows else 'shrinks'}"
    )


def edge_without_bias(g: Gaussian) -> Fact:
    """The σ_w for σ_b = 0 at which a fixed point q has χ₁ = 1: E f² = q E f′² there."""
    with np.errstate(all="ignore"):
        excess = np.array([g.square(q) / np.float64(q * g.slope_square(q)) for q in _LENGTHS]) - 1
    fine = np.isfinite(excess)
    if (np.abs(excess[fine]) < 1e-9).all() and fine.any():
        return Fact(1 / math.sqrt(g.slope_square(1.0)), "computed", "σ_w, for every q")
    for still, i, j in runs((fine & (np.abs(excess) < 1e-9)).astype(int)):
        if still and j > i:
            text = f"σ_w, for q from {number(_LENGTHS[i])} to {number(_LENGTHS[j])}"
            return Fact(1 / math.sqrt(g.slope_square(_LENGTHS[i])), "computed", text)
    for i in np.flatnonzero(fine[:-1] & fine[1:]).tolist():
        if (excess[i] < 0) != (excess[i + 1] < 0):
            q = _root(
                lambda t: g.square(t) / (t * g.slope_square(t)) - 1, _LENGTHS[i], _LENGTHS[i + 1]
            )
            return Fact(1 / math.sqrt(g.slope_square(q)), "computed", f"σ_w, at q = {number(q)}")
    if abs(excess[0]) < 1e-3 and abs(excess[0]) < abs(excess[4]):
        # Short inputs see two lines: E f′² is the mean of both slopes' squares.
        slopes = [one_sided(g.slope, 0.0, side) for side in (-1, 1)]
        sigma = math.sqrt(2 / (slopes[0] ** 2 + slopes[1] ** 2))
        away = Maps(g, Network("", sigma, 0.0)).length(1e-2) > 1e-2
        text = f"σ_w; at q → 0, {'which lengths leave' if away else 'where lengths end'}"
        return Fact(sigma, "computed", text)
    return Fact(None, "computed", "no q from 1e-4 to 1e4 has χ₁ = 1 as a fixed point")


def _edge(g: Gaussian) -> Fact:
    places = edge_of_chaos(g, (0.1, 1.0, 10.0))
    said = [f"({number(w)}, {number(b)}) at q = {number(q)}" for q, w, b in places]
    return Fact(said or None, "computed", "(σ_w, σ_b) at which a length q stays and χ₁ = 1")


def edge_of_chaos(
    g: Gaussian, lengths: Sequence[float] = tuple(np.geomspace(1e-4, 1e3, 60).tolist())
) -> list[tuple[float, float, float]]:
    """The edge of chaos as points (q, σ_w, σ_b): where the fixed point q has χ₁ = 1.

    For each q, σ_w² = 1/E f′(√q z)², and σ_b² = q - σ_w² E f(√q z)² where that is not negative.
    """
    found = []
    for q in lengths:
        slope = g.slope_square(q)
        if 0 < slope < math.inf:
            rest = q - g.square(q) / slope
            if rest >= -1e-12 * q:
                found.append((q, 1 / math.sqrt(slope), math.sqrt(max(0.0, rest))))
    return found


def _root(
    f: Callable[[float], float], left: float, right: float, tolerance: float = 1e-15
) -> float:
    """Where f changes its sign: regula falsi with the Illinois rule, a bisection now and then."""
    a, b = float(left), float(right)
    low, high = f(a), f(b)
    if low == 0 or low * high > 0:
        return a
    for k in range(100):
        middle = (a + b) / 2 if k % 4 == 3 else (a * high - b * low) / (high - low)
        value = f(middle)
        if value == 0 or abs(b - a) <= tolerance * max(1.0, abs(middle)):
            return middle
        if value * high < 0:
            a, low = b, high
        else:
            low /= 2
        b, high = middle, value
    return b
