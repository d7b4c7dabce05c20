"""Means under a normal distribution, exact to rounding for functions with kinks and jumps.

Gauss and Legendre's rule is exact for polynomials of a high degree, and of an analytic function it
finds every digit, as long as no kink lies between its nodes. So the axis is cut at the kinks, and
elsewhere where the function changes quickly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

REACH = 14.0
"""Beyond it the normal density is below 1e-43."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)
_ROOT = math.sqrt(2 * math.pi)


def cuts(f: Callable[[Array], Array], kinks: Sequence[float]) -> Array:
    """Where to cut the axis for a function: at its kinks, and where halves disagree with wholes.

    Parameters
    ----------
    f : callable
        Of arrays, element by element.
    kinks : sequence of float
        Where it or its derivatives jump.

    Returns
    -------
    ndarray
        In ascending order, from -14 to 14.
    """
    edges = _sorted(np.arange(-REACH, REACH + 1), np.asarray(kinks, np.float64))
    for _ in range(40):
        left, right = edges[:-1], edges[1:]
        middle = (left + right) / 2
        whole = _integrals(f, left, right)
        halves = _integrals(f, left, middle) + _integrals(f, middle, right)
        scale = np.abs(halves) + 1e-3 * (right - left)
        # Pieces that are tiny already are so because of a singularity: more cuts do not help.
        rough = (np.abs(whole - halves) > 1e-13 * scale) & (right - left > 1e-9)
        if not rough.any() or edges.size > 400:
            break
        edges = _sorted(edges, middle[rough])
    return edges


def _integrals(f: Callable[[Array], Array], left: Array, right: Array) -> Array:
    half = (right - left)[:, None] / 2
    with np.errstate(all="ignore"):
        y = f(left[:, None] + half * (1 + _NODES))
        return np.asarray((np.nan_to_num(y) * _WEIGHTS * half).sum(axis=1))


def normal(edges: Array, scale: float = 1.0) -> tuple[Array, Array]:
    """Nodes z and weights w: E g(z) = Σ w g(z) for z ~ N(0, 1), if g(z) = h(scale·z).

    Parameters
    ----------
    edges : ndarray
        Cuts for h.
    scale : float
        Above 0.
    """
    inner = edges / scale
    edges = _sorted(np.arange(-REACH, REACH + 1), inner[np.abs(inner) < REACH])
    half = np.diff(edges)[:, None] / 2
    z = edges[:-1, None] + half * (1 + _NODES)
    w = _WEIGHTS * half * np.exp(-0.5 * z * z) / _ROOT
    return z.ravel(), w.ravel()


def mean(g: Callable[[Array], Array], edges: Array, scale: float = 1.0) -> float:
    """E g(scale·z) for z ~ N(0, 1).

    Examples
    --------
    >>> round(mean(lambda x: np.maximum(x, 0), np.array([0.0])) * math.sqrt(2 * math.pi), 14)
    1.0
    """
    z, w = normal(edges, scale)
    with np.errstate(all="ignore"):
        return float(np.dot(g(scale * z), w))


def product(
    f: Callable[[Array], Array], edges: Array, kinks: Sequence[float], scale: float, c: float
) -> float:
    """E f(scale·u) f(scale·v) for standard normal u and v with correlation c.

    v = c·u + s·w with s = √(1 - c²) and w independent of u. For each u the mean over w is taken
    with the axis of w cut where v meets a kink, so that the kink goes; as a function of u it is
    smooth but for a layer of width s around each kink, where the axis of u is cut closely.

    Parameters
    ----------
    f : callable
        Of arrays, element by element.
    edges : ndarray
        Cuts for f.
    kinks : sequence of float
        Where f or its derivatives jump.
    scale : float
        Above 0.
    c : float
        From -1 to 1.
    """
    s = math.sqrt(max(0.0, (1 - c) * (1 + c)))
    if s < 1e-12:
        return mean(lambda x: f(x) * f(math.copysign(1.0, c) * x), _both(edges), scale)
    layer = s * np.array([0, 0.5, 1, 2, 3, 4.5, 6, 8])
    places = np.asarray(kinks, np.float64) / scale
    near = [k / c + np.concatenate([-layer, layer]) / abs(c) for k in places if abs(c) > 1e-3]
    z, w = normal(_sorted(edges, *(scale * n for n in near)), scale)
    with np.errstate(all="ignore"):
        outer = f(scale * z) * w
    keep = w > 1e-40
    z, outer = z[keep], outer[keep]
    # Cuts every s·scale of x at most, or where f has its own: it is smooth beyond.
    few = s * scale <= 2
    base = np.linspace(-9, 9, 1 + 2 * math.ceil(9 * max(1.0, s * scale) if few else 9))
    if not few:
        places = np.concatenate([places, edges / scale])
    total = 0.0
    rows = max(1, 400_000 // (20 * (base.size + places.size)))
    for start in range(0, z.size, rows):
        u = z[start : start + rows, None]
        cut = np.clip((places - c * u) / s, -9, 9)
        own = np.sort(np.concatenate([np.broadcast_to(base, (len(u), base.size)), cut], 1), 1)
        half = np.diff(own)[..., None] / 2
        t = own[:, :-1, None] + half * (1 + _NODES)
        with np.errstate(all="ignore"):
            values = f(scale * (c * u[..., None] + s * t))
        inner = (values * np.exp(-0.5 * t * t) * (_WEIGHTS / _ROOT) * half).sum(axis=(1, 2))
        total += float(np.dot(inner, outer[start : start + rows]))
    return total


def _both(edges: Array) -> Array:
    return _sorted(edges, -edges)


def _sorted(*edges: Array) -> Array:
    found = np.unique(np.concatenate(edges))
    found = found[np.abs(found) <= 1e6]
    # Cuts a rounding error apart are one.
    keep = np.concatenate([[True], np.diff(found) > 1e-13 * np.maximum(1, np.abs(found[1:]))])
    return np.asarray(found[keep])
