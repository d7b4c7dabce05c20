"""Random networks, to see beside the theory of :mod:`apalu_ref.properties.meanfield`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.properties.activation import Activation
from apalu_ref.properties.gaussian import Gaussian
from apalu_ref.properties.meanfield import Maps, Network

Array = NDArray[Any]


_WALKS = 4000

_LENGTHS = np.geomspace(1e-12, 1e12, 97)


@dataclass(frozen=True)
class Theory:
    """What layers do, starting from q = 1 and a correlation.

    Attributes
    ----------
    lengths, correlations : ndarray
        In networks of infinite width, shape (depth + 1,).
    low, high : ndarray
        Between them lies q in 19 of 20 networks of a given width.
    """

    lengths: Array
    correlations: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Depth:
    """Random networks beside the theory.

    Attributes
    ----------
    network : Network
    width : int
    lengths : ndarray
        q of each draw and layer, shape (draws, depth + 1): the mean square of the pre-activations
        of a layer for the first of two inputs.
    correlations : ndarray
        Of the two inputs, likewise.
    theory : Theory
    """

    network: Network
    width: int
    lengths: Array
    correlations: Array
    theory: Theory

    def as_json(self) -> dict[str, Any]:
        """For ``json.dumps``: theory and simulation layer by layer."""
        arrays = {
            "q": self.lengths,
            "c": self.correlations,
            "q in theory": self.theory.lengths,
            "c in theory": self.theory.correlations,
            "q low": self.theory.low,
            "q high": self.theory.high,
        }
        return {
            **self.network._asdict(),
            "width": self.width,
            "share of q inside": self.share_inside,
            **{name: _listed(v) for name, v in arrays.items()},
        }

    @property
    def share_inside(self) -> float:
        """Which share of the simulated q lies within the band of the theory; 0.95 is expected."""
        t, q = self.theory, self.lengths[:, 1:]
        return float(np.mean((q >= t.low[1:]) & (q <= t.high[1:])))


def theory(
    g: Gaussian, network: Network, depth: int = 200, c: float = 0.5, width: int = 512, seed: int = 0
) -> Theory:
    r"""Lengths and correlations layer by layer, and how far networks of a width stray.

    Notes
    -----
    In a layer of n units the mean of f(h)² over the units strays from E f² by a relative variance
    of (E f⁴/(E f²)² - 1)/n, and the next layer starts from there: q walks at random around the
    map Q. The band is that of 4000 such walks; Q and the variance are taken from a table of q. What
    is seen of a layer, a mean of n squares, strays by a relative variance of 2/n more.
    """
    maps = Maps(g, network)
    lengths, correlations = [1.0], [c]
    for _ in range(depth):
        q, last = lengths[-1], correlations[-1]
        if not _LENGTHS[0] < q < _LENGTHS[-1]:
            lengths.append(math.nan)
            correlations.append(math.nan)
            continue
        after = maps.length(q)
        still = len(lengths) > 2 and abs(last - correlations[-2]) < 1e-9 * (1 - last) + 1e-12
        moved = last if still and abs(after - q) < 1e-9 * q else maps.correlation(last, q)
        correlations.append(max(-1.0, min(1.0, moved)))
        lengths.append(after)
    return Theory(np.array(lengths), np.array(correlations), *_band(g, network, depth, width, seed))


def _band(g: Gaussian, network: Network, depth: int, width: int, seed: int) -> tuple[Array, Array]:
    with np.errstate(all="ignore"):
        places = np.log(_LENGTHS)
        squares = np.array([g.square(q) for q in _LENGTHS])
        fourths = np.array([g.fourth(q) for q in _LENGTHS])
        steps = np.where(squares > 1e-140, fourths / np.maximum(squares, 1e-140) ** 2 - 1, 0)
        gains = np.log(np.maximum(network.sigma_w**2 * squares, 1e-300)) - places
        rng = np.random.default_rng(seed)
        walk = np.zeros(_WALKS)  # log of the variance of a layer's pre-activations
        low, high = [1.0], [1.0]
        for _ in range(depth):
            gain = np.interp(walk, places, gains)
            # Above a variance of 1 the lognormal factor would be no likeness of a mean any more.
            step = np.sqrt(np.clip(np.interp(walk, places, steps) / width, 0, 1))
            # A lognormal factor of mean 1 and this relative variance, to first order in 1/width.
            walk = walk + gain + step * rng.standard_normal(_WALKS) - step * step / 2
            walk = np.logaddexp(walk, 2 * math.log(network.sigma_b)) if network.sigma_b else walk
            seen = walk + math.sqrt(2 / width) * rng.standard_normal(_WALKS)
            bounds = np.exp(np.quantile(seen, [0.025, 0.975]))
            low.append(float(bounds[0]))
            high.append(float(bounds[1]))
        return np.array(low), np.array(high)


def simulate(
    f: Activation,
    g: Gaussian,
    network: Network,
    *,
    depth: int = 200,
    width: int = 512,
    draws: int = 8,
    c: float = 0.5,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Depth:
    """Send two inputs with a correlation through random networks.

    Parameters
    ----------
    f : Activation
    g : Gaussian
        Its means, for the theory.
    network : Network
        How weights and biases are drawn.
    depth, width, draws : int
        Layers, units in each, and networks.
    c : float
        Correlation of the two inputs, whose second moment is 1.
    seed : int
        Of the weights.
    progress : callable, optional
        Called with the number of draws done and of all.

    Returns
    -------
    Depth

    Raises
    ------
    ValueError
        If there is nothing to draw, or ``c`` or σ_w is out of range.
    """
    if width < 2 or depth < 1 or draws < 1:
        raise ValueError(
            f"at least 2 units, 1 layer and 1 draw are needed, not {width}, {depth} and {draws}"
        )
    if not -1 <= c <= 1 or not network.sigma_w > 0:
        raise ValueError(
            f"a correlation is from -1 to 1 and σ_w above 0, not {c} and {network.sigma_w}"
        )
    rng = np.random.default_rng(seed)
    lengths = np.full((draws, depth + 1), np.nan)
    correlations = np.full((draws, depth + 1), np.nan)
    for draw in range(draws):
        # Exactly as the theory begins: second moments of 1 and the correlation asked for.
        basis, _ = np.linalg.qr(rng.standard_normal((width, 2)))
        first, second = math.sqrt(width) * basis.T
        h = np.stack([first, c * first + math.sqrt(1 - c * c) * second])
        for layer in range(depth + 1):
            with np.errstate(all="ignore"):
                squares = (h * h).mean(axis=1)
                lengths[draw, layer] = squares[0]
                correlations[draw, layer] = (h[0] * h[1]).mean() / np.sqrt(squares.prod())
            if layer == depth or not np.isfinite(h).all():
                break
            weights = rng.standard_normal((width, width), dtype=np.float32)
            with np.errstate(all="ignore"):
                h = f(h) @ weights * (network.sigma_w / math.sqrt(width))
                h += network.sigma_b * rng.standard_normal(width)
        if progress is not None:
            progress(draw + 1, draws)
    expected = theory(g, network, depth, c, width, seed)
    return Depth(network, width, lengths, correlations, expected)


def _listed(v: Array) -> Any:
    """Numbers with six digits; None, which JSON has, for what is not finite."""
    if v.ndim > 1:
        return [_listed(row) for row in v]
    return [float(f"{x:.6g}") if math.isfinite(x) else None for x in v.tolist()]
