"""A normalising flow: an invertible network whose log-likelihood is exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from apalu_ref.studies.models.parts import Activation, scaled
from minigrad import Tensor, nn

CLAMP = 1.9
"""Scales lie between exp(-CLAMP) and exp(CLAMP), so that the inverse stays tame."""


def subnet(
    activation: Activation, ins: int, outs: int, hidden: int, width: float = 1.0
) -> nn.Sequential:
    """Two hidden layers with the activation, a pair (a, b) a unit; the last layer starts at 0.

    A block then starts as the identity, whatever the activation.
    """
    units = scaled(hidden, width)
    last = nn.Linear(units, outs)
    for parameter in last.parameters():
        nn.init.zeros_(parameter)
    return nn.Sequential(
        nn.Linear(ins, units), activation(units), nn.Linear(units, units), activation(units), last
    )


class Coupling(nn.Module):
    """Each half of the input scales and shifts the other, elementwise (RealNVP, Glow).

    y₁ = x₁·exp s(x₂) + t(x₂), then y₂ = x₂·exp s'(y₁) + t'(y₁). Whatever the subnets compute, the
    inverse is known, and the log-determinant of the Jacobian is the sum of all s.

    Parameters
    ----------
    activation : callable
        Makes the subnets' activations.
    dimensions : int
        At least 2.
    hidden : int
        Units of the subnets.
    width : float
        Multiplies them.
    """

    def __init__(
        self, activation: Activation, dimensions: int, hidden: int, width: float = 1.0
    ) -> None:
        super().__init__()
        self.half = dimensions // 2
        rest = dimensions - self.half
        self.first = subnet(activation, rest, 2 * self.half, hidden, width)
        self.second = subnet(activation, self.half, 2 * rest, hidden, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, D) to the output, (N, D), and the log-determinant, (N,)."""
        x1, x2 = x[:, : self.half], x[:, self.half :]
        s1, t1 = _scale_and_shift(self.first(x2))
        y1 = x1 * np.exp(s1) + t1
        s2, t2 = _scale_and_shift(self.second(y1))
        y2 = x2 * np.exp(s2) + t2
        return np.concatenate([y1, y2], axis=1), s1.sum(1) + s2.sum(1)  # type: ignore[return-value]

    def inverse(self, y: Tensor) -> Tensor:
        """The input whose output ``y`` is."""
        y1, y2 = y[:, : self.half], y[:, self.half :]
        s2, t2 = _scale_and_shift(self.second(y1))
        x2 = (y2 - t2) * np.exp(-s2)
        s1, t1 = _scale_and_shift(self.first(x2))
        return np.concatenate([(y1 - t1) * np.exp(-s1), x2], axis=1)  # type: ignore[return-value]


def _scale_and_shift(both: Tensor) -> tuple[Tensor, Tensor]:
    half = both.shape[1] // 2
    return CLAMP * np.tanh(both[:, :half] * (1 / CLAMP)), both[:, half:]


class Flow(nn.Module):
    """Coupling blocks with permutations before them, to a standard normal distribution.

    Parameters
    ----------
    activation : callable
        Makes the subnets' activations.
    dimensions : int
        Of the features.
    blocks : int
    hidden : int
        Units of each hidden layer of the subnets.
    width : float
        Multiplies them.
    seed : int
        Of the permutations: those do not depend on the activation.
    """

    def __init__(
        self,
        activation: Activation,
        dimensions: int,
        blocks: int = 4,
        hidden: int = 64,
        width: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if dimensions < 2:
            raise ValueError(f"a coupling needs at least 2 dimensions, not {dimensions}")
        rng = np.random.default_rng([seed, dimensions])
        self.dimensions = dimensions
        self.orders = [rng.permutation(dimensions) for _ in range(blocks)]
        self.blocks = nn.ModuleList(
            [Coupling(activation, dimensions, hidden, width) for _ in range(blocks)]
        )

    def transform(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, D) to z, (N, D), and the log-determinant of the Jacobian, (N,)."""
        total: Any = 0.0
        for order, block in zip(self.orders, self.blocks, strict=True):
            x, determinant = block(x[:, order])
            total = total + determinant
        return x, total

    def inverse(self, z: Tensor) -> Tensor:
        """The features that are mapped to ``z``."""
        for order, block in reversed(list(zip(self.orders, self.blocks, strict=True))):
            z = block.inverse(z)[:, np.argsort(order)]
        return z

    def forward(self, x: Tensor) -> Tensor:
        """The negative log-likelihood of each row, in nats a dimension: (N, D) to (N,)."""
        z, determinant = self.transform(x)
        energy = (z * z).sum(1) * 0.5 - determinant
        return energy * (1 / self.dimensions) + 0.5 * math.log(2 * math.pi)
