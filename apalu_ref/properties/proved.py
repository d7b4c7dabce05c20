"""What follows from the formulas of some activations, by section and name of the fact.

A report replaces what it computed by what is proved, after seeing that both agree.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from apalu_ref.properties.shape import CLASSES

Proofs = dict[tuple[str, str], tuple[Any, str]]

FINE = 1e-5
"""A kink that is smaller than this share of the slopes may be too fine for computing to see."""

STEEPEST = 2.09983932012886691695818492432
"""The supremum of u′, at x = 1.40972813191273070965495869406; see :mod:`apalu_ref.formula`."""


def proofs(name: str, parameters: dict[str, float]) -> Proofs:
    """What is known of an activation of :data:`~apalu_ref.properties.activation.NAMED`."""
    return _KNOWN[name](**parameters) if name in _KNOWN else {}


def _apalu(a: float, b: float) -> Proofs:
    low, high = sorted((1.5 * a, STEEPEST * a))
    inf, sup = min(low, b, 0.0), max(high, b, 0.0)
    jump = 1.5 * a - b
    kink = abs(jump) > 1e-15 * max(abs(a), abs(b))
    fine = f" They differ by {jump:.1g}." if 0 < abs(jump) < FINE * abs(b) else ""
    found: Proofs = {
        ("shape", "smoothness"): (
            CLASSES[1 if kink else 2] if a or b else CLASSES[3],
            f"C¹ only at b = 3a/2: the slopes at 0 are b and 3a/2.{fine} C² only at a = b = 0",
        ),
        ("shape", "slope at 0"): (
            [b, 1.5 * a] if kink else b,
            "left e⁰·b, right (1 + σ(0))·a",
        ),
        ("shape", "Lipschitz constant"): (
            max(STEEPEST * abs(a), abs(b)),
            "max(2.0998·|a|, |b|): sup u′ at x = 1.40973, sup eˣ at 0",
        ),
        ("shape", "infimum of f′"): (inf, _where(inf, a, b)),
        ("shape", "supremum of f′"): (sup, _where(sup, a, b)),
        ("shape", "asymptote left"): (f"y = {-b + 0.0:.6g}", "eˣ → 0"),
    }
    if a:
        slope = {1.0: "", -1.0: "-"}.get(2 * a, f"{2 * a:.6g}·")
        found["shape", "asymptote right"] = (f"y = {slope}x", "σ → 1 faster than 1/x")
    if a > 0 and b > 0:
        found["shape", "monotone"] = ("increasing", "u′ >= 1.5 and eˣ > 0, as a and b are positive")
        found["shape", "range"] = ([-b, math.inf], "-b is not reached")
    elif a < 0 and b < 0:
        found["shape", "monotone"] = ("decreasing", "a and b are negative")
        found["shape", "range"] = ([-math.inf, -b], "-b is not reached")
    return found


def _where(value: float, a: float, b: float) -> str:
    if value == b:
        return "b, at x = 0 from the left"
    if value == STEEPEST * a:
        return "2.0998·a, at x = 1.40973"
    if value == 1.5 * a:
        return "3a/2, at x = 0 from the right"
    return "b·eˣ → 0 as x → -∞, not reached"


def _leaky(slope: float) -> Proofs:
    low, high = sorted((slope, 1.0))
    square = (1 + slope * slope) / 2
    return {
        ("shape", "smoothness"): (
            CLASSES[1] if slope != 1 else CLASSES[3],
            "two lines that meet at 0",
        ),
        ("shape", "Lipschitz constant"): (max(1.0, abs(slope)), "the steeper of two lines"),
        ("shape", "infimum of f′"): (low, "the slope of a line"),
        ("shape", "supremum of f′"): (high, "the slope of a line"),
        ("under N(0, 1)", "E f"): ((1 - slope) / math.sqrt(2 * math.pi), "half of E |z|, twice"),
        ("under N(0, 1)", "E f²"): (square, "half of 1, half of the slope's square"),
        ("under N(0, 1)", "E f′²"): (square, "f′ is the slope or 1, each half of the time"),
        ("through depth", "gain"): (1 / math.sqrt(square), "1/√E f²"),
        ("through depth", "χ₁"): (1.0, "f scales with its input, so E f′² = E f²"),
        ("through depth", "Q′(1)"): (1.0, "f scales with its input"),
    }


_KNOWN: dict[str, Callable[..., Proofs]] = {
    "apalu": _apalu,
    "identity": lambda: _leaky(1.0),
    "leaky_relu": lambda negative_slope: _leaky(negative_slope),
    "prelu": lambda weight: _leaky(weight),
    "relu": lambda: _leaky(0.0),
}


def agrees(computed: Any, proved: Any) -> bool:
    """Whether a computed value is the proved one, to rounding."""
    if isinstance(proved, (list, tuple)):
        return (
            isinstance(computed, (list, tuple))
            and len(computed) == len(proved)
            and all(map(agrees, computed, proved))
        )
    if isinstance(proved, float) and isinstance(computed, float):
        if not math.isfinite(proved):
            return computed == proved
        return abs(computed - proved) <= 1e-9 * max(1.0, abs(proved))
    return bool(computed == proved)
