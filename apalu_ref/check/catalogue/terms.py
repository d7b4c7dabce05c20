"""What formulas of APALU are made of, and the right ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.inputs import Call

Array = NDArray[Any]


@dataclass(frozen=True)
class Terms:
    """What formulas are made of, in float64, element by element."""

    x: Array
    a: Array
    b: Array
    g: Array
    kappa: float = 1.702

    @cached_property
    def z(self) -> Array:
        """κx."""
        return self.kappa * self.x

    @cached_property
    def s(self) -> Array:
        """σ(κx)."""
        t = np.exp(-np.abs(self.z))
        return np.asarray(np.where(self.z >= 0, 1, t) / (1 + t))

    @cached_property
    def c(self) -> Array:
        """1 - σ(κx)."""
        t = np.exp(-np.abs(self.z))
        return np.asarray(np.where(self.z >= 0, t, 1) / (1 + t))

    @cached_property
    def u(self) -> Array:
        """x (1 + σ(κx))."""
        return self.x * (1 + self.s)

    @cached_property
    def du(self) -> Array:
        """Its derivative."""
        return 1 + self.s + self.z * self.s * self.c

    @cached_property
    def e(self) -> Array:
        """e^x."""
        return np.exp(self.x)

    @cached_property
    def v(self) -> Array:
        """e^x - 1."""
        return np.expm1(self.x)


def terms_of(call: Call) -> Terms:
    """The terms of one call, each in the shape of y."""
    shape = call.shape
    x, a, b, gy = (np.broadcast_to(t, shape).astype(np.float64) for t in call.arrays.values())
    return Terms(x, a, b, gy)


RIGHT: dict[str, Callable[[Terms], Array]] = {
    "y": lambda t: np.where(t.x < 0, t.b * t.v, t.a * t.u),
    "dx": lambda t: t.g * np.where(t.x < 0, t.b * t.e, t.a * t.du),
    "da": lambda t: np.where(t.x < 0, 0, t.g * t.u),
    "db": lambda t: np.where(t.x < 0, t.g * t.v, 0),
}
"""The right answers for any κ: with another constant they show one that was rounded."""
