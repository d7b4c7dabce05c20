"""What the window shows of an activation: curve, slope, kinks and moments, in a few milliseconds.

A :class:`~apalu_ref.properties.shape.Shape` takes up to 50 ms, most of it for f″ and for limits,
which the window does not show. Jumps of f and f′ alone take 2 to 8 ms: so they are looked for at
each move, and are right where a parameter moves them, opens them or closes them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.properties import quadrature
from apalu_ref.properties.activation import Activation
from apalu_ref.properties.facts import number
from apalu_ref.properties.features import GRID, Kink, kinks, runs

Array = NDArray[Any]

MOMENTS = ("E f", "E f²", "E f′²", "gain", "χ₁")
"""Means over N(0, 1); gain = 1/√E f², χ₁ = E f′²/E f²."""

_X: Array = np.linspace(-8, 8, 1601)
_INNER: Array = GRID[np.abs(GRID) <= quadrature.REACH]
_BESIDE = 1e-9


@dataclass(frozen=True)
class View:
    """An activation at its parameters.

    Attributes
    ----------
    x, y, slope : ndarray
        The curves; NaN where a line must break.
    kinks : list of Kink
        Where f or f′ jumps.
    moments : dict of str to float
        By the names of :data:`MOMENTS`; those that exist.
    remarks : list of str
        What is not as it should be.
    differences : bool
        Whether f′ is a finite difference, in which kinks do not show.
    """

    x: Array
    y: Array
    slope: Array
    kinks: list[Kink] = field(default_factory=list)
    moments: dict[str, float] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    differences: bool = False


def look(f: Activation) -> View:
    """Look at an activation; it may fail at its parameters, and the view then says so.

    Examples
    --------
    >>> view = look(Activation("relu"))
    >>> [(kink.x, kink.left, kink.right) for kink in view.kinks]
    [(0.0, 0.0, 1.0)]
    >>> round(view.moments["E f²"], 12)
    0.5
    """
    try:
        return _look(f)
    except Exception as error:  # of any kind: f is anybody's
        nothing = np.empty(0)
        return View(
            nothing, nothing, nothing, remarks=[f"f fails: {type(error).__name__}: {error}"]
        )


def _look(f: Activation) -> View:
    def slope(x: Array) -> Array:
        return np.where(np.isfinite(f(x)), f.slope(x), np.nan)

    values = np.asarray(f(_INNER), np.float64)
    found = [k for k in kinks([f, slope]) if not math.isnan(k.left + k.right)]
    moments, remarks = _moments(f, slope, found, values)
    places = np.array([k.x for k in found])
    x = np.unique(np.concatenate([_X, places, places - _BESIDE, places + _BESIDE]))
    y, dy = np.asarray(f(x), np.float64), np.asarray(slope(x), np.float64)
    y = np.where(np.isfinite(y), y, np.nan)
    y[np.isin(x, [k.x for k in found if k.order == 0])] = np.nan
    dy = np.where(np.isfinite(dy) & ~np.isin(x, places), dy, np.nan)
    return View(x, y, dy, found, moments, remarks, bool(f.differences))


def _moments(
    f: Activation, slope: Any, found: list[Kink], values: Array
) -> tuple[dict[str, float], list[str]]:
    if not np.isfinite(values).all():
        return {}, [f"f is not finite {_where(~np.isfinite(values))}: no moments"]
    places = [k.x for k in found]
    edges = quadrature.cuts(f, places)
    mean = quadrature.mean(f, edges)
    square = quadrature.mean(lambda x: f(x) ** 2, edges)
    moments = {"E f": mean if abs(mean) > 1e-15 * math.sqrt(square) else 0.0, "E f²": square}
    remarks = []
    if any(k.order == 0 for k in found):
        moments["E f′²"] = math.inf
    elif trouble := _without_bound(slope):
        remarks.append(trouble)
    else:
        steep = quadrature.mean(lambda x: slope(x) ** 2, quadrature.cuts(slope, places))
        if math.isfinite(steep):
            moments["E f′²"] = steep
        else:
            remarks.append(f"f′ is not finite {_where(~np.isfinite(slope(_INNER)))}: no E f′²")
    if square > 0 and math.isfinite(square):
        moments["gain"] = 1 / math.sqrt(square)
        if "E f′²" in moments:
            moments["χ₁"] = moments["E f′²"] / square
    else:
        remarks.append(f"E f² is {number(square)}: no gain")
    return moments, remarks


def _without_bound(slope: Any) -> str:
    """A place where f′ has no number because it grows without end: its square has no mean."""
    for x in _INNER[~np.isfinite(slope(_INNER))][:8]:
        near = np.abs(slope(x + np.array([[-1e-4, -1e-6, -1e-8], [1e-4, 1e-6, 1e-8]])))
        if (near[:, 1:] > 3 * near[:, :-1]).all(axis=1).any():
            return f"f′ has no bound at x = {number(float(x))}: no E f′²"
    return ""


def _where(bad: Array) -> str:
    """Where on the grid, in words."""
    stretches = [(i, j) for sign, i, j in runs(bad.astype(int)) if sign]
    if not stretches:
        return "somewhere"
    i, j = stretches[0]
    first, last = number(float(_INNER[i])), number(float(_INNER[j]))
    text = f"at x = {first}" if i == j else f"from x = {first} to {last}"
    return text + (f" and {len(stretches) - 1} places more" if len(stretches) > 1 else "")
