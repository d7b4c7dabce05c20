"""The activations that studies compare: APALU, its relatives, and the controls."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from apalu_ref.layer import APALU
from minigrad import nn, random

Factory = Callable[[int], nn.Module]
"""Makes an activation for so many channels (units, where there are no others)."""


@dataclass(frozen=True)
class Arm:
    """An activation in a study.

    Attributes
    ----------
    name, text : str
    make : callable
        Given the number of channels, a new module.
    kind : {"apalu", "fixed", "trained", "control", "own"}
    as_wide : str
        The arm whose number of parameters this one's network is widened to; "" for none.
    """

    name: str
    text: str
    make: Factory
    kind: str
    as_wide: str = ""


MOMENTS = 1.82051243165663782, 0.144945417492923863
"""E f(z)² for z ~ N(0, 1) is a² times the first plus b² times the second."""


class ScaledReLU(nn.Module):
    """c·max(0, x): ReLU with a gain and nothing to train.

    Parameters
    ----------
    gain : float
        Default: what makes E (c·max(0, z))² = c²/2 that of APALU with a, b from U(0, 2), for which
        E a² = E b² = 4/3: the same second moment, without the shape or anything that adapts.
    """

    def __init__(self, gain: float = math.sqrt(2 * 4 / 3 * sum(MOMENTS))) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return nn.functional.relu(input) * self.gain

    def extra_repr(self) -> str:
        """The gain."""
        return f"gain={self.gain:.6g}"


def _arms(*arms: Arm) -> dict[str, Arm]:
    return {arm.name: arm for arm in arms}


ARMS = _arms(
    Arm("apalu", "APALU, a and b from U(0, 2), as in the paper", APALU, "apalu"),
    Arm(
        "apalu-vp", "APALU, started so that the variance is preserved (a = 0.6825, b = 3a/2)",
        lambda n: APALU(n, init="variance-preserving"), "apalu",
    ),
    Arm("relu", "ReLU", lambda n: nn.ReLU(), "fixed"),
    Arm("leaky-relu", "LeakyReLU, slope 0.01", lambda n: nn.LeakyReLU(), "fixed"),
    Arm("prelu", "PReLU", nn.PReLU, "trained"),
    Arm("elu", "ELU", lambda n: nn.ELU(), "fixed"),
    Arm("pelu", "PELU", nn.PELU, "trained"),
    Arm("gelu", "GELU", lambda n: nn.GELU(), "fixed"),
    Arm("silu", "SiLU", lambda n: nn.SiLU(), "fixed"),
    Arm("swish", "Swish with trained β", nn.Swish, "trained"),
    Arm("tanh", "tanh", lambda n: nn.Tanh(), "fixed"),
    Arm("sigmoid", "sigmoid", lambda n: nn.Sigmoid(), "fixed"),
    Arm(
        "apalu-frozen", "control: a and b from U(0, 2), not trained",
        lambda n: APALU(n, frozen=True), "control",
    ),
    Arm(
        "apalu-vp-frozen", "control: variance-preserving a and b, not trained",
        lambda n: APALU(n, init="variance-preserving", frozen=True), "control",
    ),
    Arm(
        "apalu-tied", "control: b = 3a/2 throughout, a from U(0, 2)",
        lambda n: APALU(n, tied=True), "control",
    ),
    Arm(
        "relu-scaled", "control: ReLU times a constant, with APALU's second moment",
        lambda n: ScaledReLU(), "control",
    ),
    Arm(
        "relu-wide", "control: ReLU, the network widened to no fewer parameters than APALU's",
        lambda n: nn.ReLU(), "control", as_wide="apalu",
    ),
)  # fmt: skip
"""All arms by name."""


class Own(nn.Module):
    """A function of a user's file as an activation: NumPy syntax, parameters not trained."""

    def __init__(self, name: str) -> None:
        super().__init__()
        from apalu_ref.properties.named import found

        self.activation = found(name)

    def forward(self, input: Any) -> Any:
        """Elementwise, in the type of the input."""
        return self.activation.function(input, **self.activation.parameters)


def arm(name: str) -> Arm:
    """An arm by its name, or by ``file.py:function`` for one's own.

    Raises
    ------
    ValueError
        If there is none, with the nearest.
    """
    if name in ARMS:
        return ARMS[name]
    if ".py" in name:
        return Arm(name, f"{name}, parameters not trained", lambda n: Own(name), "own")
    near = difflib.get_close_matches(name.lower().replace("_", "-"), ARMS, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    if "(" in name:
        hint = "parameters cannot be set here, but in a file of your own. "
    raise ValueError(
        f"there is no activation {name!r}: {hint}There are {', '.join(ARMS)}, and file.py:function"
    )


def activation(name: str, entropy: int) -> Factory:
    """A factory for an arm whose random numbers are its own.

    The initial weights of a network are drawn from minigrad's generator. An arm that draws its
    parameters from there, too, would change all weights that follow; so it gets numbers of its
    own, and networks of different arms begin with the same weights.

    Parameters
    ----------
    name : str
        Of an arm.
    entropy : int
        A seed.
    """
    make = arm(name).make
    seeds = iter(np.random.SeedSequence(entropy).generate_state(4096).tolist())

    def factory(channels: int) -> nn.Module:
        state = random.get_state()
        random.manual_seed(next(seeds))
        try:
            return make(channels)
        finally:
            random.set_state(state)

    return factory
