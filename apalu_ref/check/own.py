"""The package's own implementations as subjects: what ``apalu-ref check`` checks unasked."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from apalu_ref import formula, fused

Array = NDArray[Any]
Context = tuple[Array, Array, Array]


class Formula:
    """:mod:`apalu_ref.formula`."""

    def forward(self, x: Array, a: Array, b: Array) -> tuple[Array, Context]:
        """The values, and the inputs for backward."""
        return formula.apalu(x, a, b), (x, a, b)

    def backward(self, ctx: Context, gy: Array) -> tuple[Array, Array, Array]:
        """The three gradients."""
        return formula.apalu_grad(*ctx, gy)


class Fused:
    """:mod:`apalu_ref.fused`."""

    def forward(self, x: Array, a: Array, b: Array) -> tuple[Array, Context]:
        """The values, and the inputs for backward."""
        return fused.apalu(x, a, b), (x, a, b)

    def backward(self, ctx: Context, gy: Array) -> tuple[Array, Array, Array]:
        """The three gradients."""
        return fused.apalu_grad(*ctx, gy)


PATHS = {"formula": "apalu_ref.check.own:Formula", "fused": "apalu_ref.check.own:Fused"}
"""Name and subject of each."""
