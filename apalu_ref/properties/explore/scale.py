"""How far a slider goes, and in what steps."""

from __future__ import annotations

import math
from typing import NamedTuple

from apalu_ref.properties.activation import Activation, ActivationError

APALU = (-2.0, 4.0)
"""For a and b: from upside down to four times the usual."""


class Scale(NamedTuple):
    """The ends of a slider, and the step of the mouse and the arrow keys."""

    low: float
    high: float
    step: float


def scales(f: Activation) -> dict[str, Scale]:
    """A scale for each parameter: fixed for APALU, around the value for others.

    The value always lies on it.

    Raises
    ------
    ActivationError
        If a value is too large for that, or no number.

    Examples
    --------
    >>> scales(Activation("swish"))
    {'beta': Scale(low=-1.0, high=3.0, step=0.01)}
    """
    return {name: _scale(f, name, value) for name, value in f.parameters.items()}


def _scale(f: Activation, name: str, value: float) -> Scale:
    if f.known == "apalu" and APALU[0] <= value <= APALU[1]:
        low, high = APALU
    else:
        if not abs(value) < 1e100:
            raise ActivationError(f"{name} is {value:g}: there is no slider for it")
        span = max(1.0, 2 * abs(value))
        unit = 10 ** math.floor(math.log10(span)) / 2
        low = math.floor((value - span) / unit) * unit
        high = math.ceil((value + span) / unit) * unit
    if f.known == "apalu":
        low, high = min(low, APALU[0]), max(high, APALU[1])
    return Scale(low, high, 10.0 ** math.floor(math.log10((high - low) / 100)))
