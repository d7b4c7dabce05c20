"""A network for sequences in which an activation can be exchanged."""

from __future__ import annotations

from typing import Any

from apalu_ref.studies.arms import Factory
from minigrad import nn


class SequenceNetwork(nn.Module):
    """Every frame projected and activated, a GRU over the frames, and a head that is activated.

    A GRU is made of sigmoids, because its gates are shares, and of tanh, because its state must
    stay bounded however long the sequence is. What is left to choose is the activation before it
    and after it, and there the arm's stands, with one pair (a, b) a unit where it has any.

    Parameters
    ----------
    activation : callable
        Makes one for so many units.
    inputs, hidden, outputs : int
        Numbers of a frame; units of the projection, the GRU and the head; numbers given.
    mean : bool
        Whether the head is given the mean of the GRU's states, which suits what is told by the
        whole of a sequence; else the last state, which suits a forecast.
    """

    def __init__(
        self, activation: Factory, inputs: int, hidden: int, outputs: int, mean: bool = False
    ) -> None:
        super().__init__()
        self.mean = mean
        self.project = nn.Sequential(nn.Linear(inputs, hidden), activation(hidden))
        self.gru = nn.GRU(hidden, hidden)
        self.head = nn.Sequential(
            nn.Linear(hidden, hidden), activation(hidden), nn.Linear(hidden, outputs)
        )

    def forward(self, input: Any) -> Any:
        """(N, T, inputs) to (N, outputs)."""
        n, steps, width = input.shape
        # All frames as one batch: units are then along axis 1, where activations expect them.
        frames = self.project(input.reshape((n * steps, width)))
        states, last = self.gru(frames.reshape((n, steps, -1)))
        return self.head(states.mean(1) if self.mean else last[0])
