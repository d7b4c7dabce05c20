"""How a and b begin: the ranges compared, the gain each brings, and activations that start so."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.layer import APALU, VARIANCE_PRESERVING
from apalu_ref.studies.arms import MOMENTS, Factory, ScaledReLU
from apalu_ref.studies.arms import arm as named_arm
from minigrad import nn

Array = NDArray[Any]

RANGES = {"U[0,1]": (0.0, 1.0), "U[0,2]": (0.0, 2.0), "U[0,5]": (0.0, 5.0), "U[-1,1]": (-1.0, 1.0)}
"""a and b are drawn from these; U[0,2] is the paper's."""
PAIRS = {
    "constant 1": (1.0, 1.0),
    "variance-preserving": (VARIANCE_PRESERVING, 1.5 * VARIANCE_PRESERVING),
}
"""All pairs (a, b) begin at these."""
INITS = (*RANGES, *PAIRS)
ARMS = ("apalu", "apalu-frozen", "apalu-tied", "relu-scaled")
"""The arms that an init means something to."""


def drawn(init: str, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """a and b to begin with. Ranges stretch the same numbers between 0 and 1."""
    u = rng.random((2, count))
    if init in RANGES:
        low, high = RANGES[init]
        a, b = low + (high - low) * u
    else:
        a, b = (np.full(count, value) for value in PAIRS[init])
    return a, b


def moment(init: str) -> float:
    """E f(z)² for z ~ N(0, 1), over the draws of a and b: by how much a layer amplifies.

    Examples
    --------
    >>> round(moment("variance-preserving"), 12)
    1.0
    """
    if init in RANGES:
        low, high = RANGES[init]
        square = (low * low + low * high + high * high) / 3
        return square * sum(MOMENTS)
    a, b = PAIRS[init]
    return a * a * MOMENTS[0] + b * b * MOMENTS[1]


def factory(arm: str, init: str, entropy: int) -> Factory | None:
    """The activation of an arm, begun so; None for arms that have neither a and b nor a gain.

    Parameters
    ----------
    arm : str
        Trained, frozen or tied pairs begin with the same numbers; with "relu-scaled" it is a
        ReLU times the constant that gives it the second moment of APALU begun so.
    init : str
        One of :data:`INITS`.
    entropy : int
        Seeds what is drawn; minigrad's generator, which weights come from, is left alone.
    """
    rng = np.random.default_rng([entropy, 3])
    makers: dict[str, Callable[[int], nn.Module]] = {
        "apalu": lambda n: APALU(n, init=1.0),
        "apalu-frozen": lambda n: APALU(n, init=1.0, frozen=True),
        "apalu-tied": lambda n: APALU(n, init=1.0, tied=True),
        "relu-scaled": lambda n: ScaledReLU(math.sqrt(2 * moment(init))),
    }
    if arm not in makers:
        return None

    def make(channels: int) -> nn.Module:
        module = makers[arm](channels)
        for name, values in zip("ab", drawn(init, channels, rng), strict=True):
            parameter = dict(module.named_parameters()).get(name)
            if parameter is not None:
                parameter.data[...] = values
        return module

    return make


def matched(arm: str) -> float:
    """The gain of weights, gain / √fan_in, that keeps the second moment through an arm's function.

    It is the arm's at the start, over the draws of its parameters where they are drawn; and it is
    for one layer, and a signal of variance 1. Through many layers the second moment stays near 1
    only where the function lets it come back: with b = 3a/2, ELU or tanh. ReLU keeps any. With a
    and b from U(0, 2), and with GELU or SiLU, 1 is an unstable fixed point: a smaller signal of
    APALU's shrinks further, by as little as 0.83 times a layer.

    Examples
    --------
    >>> round(matched("relu") ** 2, 9), round(matched("apalu-vp"), 9)
    (2.0, 1.0)
    """
    start = {"apalu": "U[0,2]", "apalu-frozen": "U[0,2]", "apalu-vp": "variance-preserving"}
    start["apalu-vp-frozen"] = "variance-preserving"
    if arm in start:
        return 1 / math.sqrt(moment(start[arm]))
    if arm == "apalu-tied":
        return 1 / math.sqrt(4 / 3 * (MOMENTS[0] + 9 / 4 * MOMENTS[1]))
    return nn.init.gain(named_arm(arm).make(1).eval())
