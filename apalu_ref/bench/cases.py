"""What the activations are timed on: arrays of a size, and parameters that go with them."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

# For each way to have parameters the lengths of x beside that of the batch. They divide a thousand,
# so that the sizes that people ask for come out even.
_INNER = {"scalar": (), "channel": (10, 10, 10), "neuron": (500,), "element": ()}

SHARED = tuple(_INNER)
"""Among which elements a parameter is shared: all, those of a channel, of a neuron, none."""


class Case(NamedTuple):
    """Input, trained parameters and the output's gradient; and on how many threads to work."""

    x: Array
    parameters: tuple[Array, ...]
    gy: Array
    shared: str
    threads: int

    def traffic(self) -> dict[str, int]:
        """Bytes that must be moved at least, by stage: what is read, and what is written.

        Forward, x and the parameters are read and y is written; backward, x, the parameters and gy
        are read and the gradients of x and of the parameters are written; both are the two after
        each other, as in training, where other layers come between them.
        """
        own = sum(p.nbytes for p in self.parameters)
        forward, backward = 2 * self.x.nbytes + own, 3 * self.x.nbytes + 2 * own
        return {"forward": forward, "backward": backward, "both": forward + backward}


def draw(
    n: int, parameters: int, dtype: str, shared: str = "scalar", threads: int = 1, seed: int = 0
) -> Case:
    """Normal values, about ``n`` of them.

    Parameters
    ----------
    n : int
        Elements of x; fewer if ``shared`` does not divide them, but a batch of one at least.
    parameters : int
        How many trained parameters the activation has; drawn from U(0, 2).
    dtype : str
        float32 or float64.
    shared : str
        ``"scalar"``: one of each for all. ``"channel"``: x is (N, 10, 10, 10), one for each of 10
        channels. ``"neuron"``: x is (N, 500), one for each column. ``"element"``: x is (N,), one
        for each.
    threads, seed : int
        To work on; to draw with.

    Returns
    -------
    Case
    """
    rng = np.random.default_rng(seed)
    inner = _INNER[shared]
    shape = (max(1, n // math.prod(inner)), *inner)
    own = {"scalar": (), "channel": (*inner[:1], 1, 1), "neuron": inner, "element": shape}
    x, gy = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    given = (rng.uniform(0, 2, own[shared]) for _ in range(parameters))
    return Case(x, tuple(np.asarray(p, dtype) for p in given), gy, shared, threads)
