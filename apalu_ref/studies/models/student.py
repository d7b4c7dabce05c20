"""A student that learns to say what the teacher's feature maps are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from apalu_ref.studies.models.extractor import CHANNELS
from apalu_ref.studies.models.parts import Activation, conv, scaled
from minigrad import Tensor, nn


class Student(nn.Module):
    """The teacher's three convolutions with another activation, and a linear map after each.

    The linear maps (convolutions of 1 x 1) give what is compared with the teacher. Without them an
    activation whose range is not the teacher's, such as tanh, could not match it.

    Parameters
    ----------
    activation : callable
        Makes an activation for so many channels.
    width : float
        Multiplies the channels of the student, not of what it predicts.
    channels : sequence of int
        The teacher's.
    """

    def __init__(
        self, activation: Activation, width: float = 1.0, channels: Sequence[int] = CHANNELS
    ) -> None:
        super().__init__()
        sizes = [1, *(scaled(c, width) for c in channels)]
        self.stages = nn.ModuleList(
            [
                conv(sizes[i], sizes[i + 1], 5 if i == 0 else 3, 2, activation=activation)
                for i in range(len(channels))
            ]
        )
        self.heads = nn.ModuleList(
            [nn.Conv2d(s, c, 1) for s, c in zip(sizes[1:], channels, strict=True)]
        )

    def maps(self, x: Tensor) -> list[Tensor]:
        """What it takes the teacher's maps to be, (N, C, H, W) each."""
        found = []
        for stage, head in zip(self.stages, self.heads, strict=True):
            x = stage(x)
            found.append(head(x))
        return found

    def forward(self, x: Tensor) -> Tensor:
        """All maps in one row an image: (N, sum of C·H·W)."""
        return np.concatenate([h.reshape(len(x), -1) for h in self.maps(x)], axis=1)  # type: ignore[return-value]
