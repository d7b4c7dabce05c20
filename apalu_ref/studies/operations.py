"""How many arithmetic operations a network makes for a sample, counted layer by layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from apalu_ref.bench import contenders
from minigrad import Tensor, nn, no_grad

_KERNELS = {
    "relu": ("relu", 0), "relu-scaled": ("relu", 1), "relu-wide": ("relu", 0),
    "leaky-relu": ("leaky_relu", 0), "prelu": ("prelu", 0), "elu": ("elu", 0),
    # With a scale in the exponent, and one in front.
    "pelu": ("elu", 2),
    "gelu": ("gelu_erf", 0), "silu": ("silu", 0), "swish": ("silu", 1), "tanh": ("tanh", 0),
    "sigmoid": ("sigmoid", 0),
}  # fmt: skip
"""The kernel of :mod:`apalu_ref.bench.kernels` an arm is counted by, and what it does besides."""


def of_activation(arm: str) -> int | None:
    """Operations of an arm's values for an element; None for one's own function.

    They are counted while the fused kernel runs, as :mod:`apalu_ref.bench.counting` does:
    additions, multiplications and the like and transcendental functions, one each; masks and
    comparisons are not among them.
    """
    kernel = ("apalu", 0) if arm.startswith("apalu") else _KERNELS.get(arm)
    if kernel is None:
        return None
    name, more = kernel
    counts = contenders.counts((name, "fused"), "float32")
    assert counts is not None
    forward = counts["forward"]
    return forward.arithmetic + forward.transcendental + more


def of_network(network: nn.Module, shape: tuple[int, ...], arm: str) -> int | None:
    """Operations of a forward pass for one sample.

    A multiplication and an addition are two. A convolution makes 2·C·k² for each number that it
    gives, a linear layer 2·n, with a bias one fewer for the first product and one more for the
    bias; a pooling layer as many comparisons as its window has numbers, less one.

    Parameters
    ----------
    network : Module
        Of convolutions, linear layers, pooling and the arm's activation.
    shape : tuple of int
        Of one sample.
    arm : str
    """
    each = of_activation(arm)
    if each is None:
        return None
    total = 0

    def note(module: Any, inputs: tuple[Any, ...], output: Any) -> None:
        nonlocal total
        given = math.prod(output.shape)
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            total += given * (2 * math.prod(module.weight.shape[1:]) - (module.bias is None))
        elif isinstance(module, nn.MaxPool2d):
            total += math.prod(inputs[0].shape) - given
        elif not isinstance(module, nn.Flatten):
            total += given * each

    leaves = [m for m in network.modules() if not list(m.children())]
    remove = [m.register_forward_hook(note) for m in leaves]
    try:
        with no_grad():
            network(Tensor(np.zeros((1, *shape), np.float32)))
    finally:
        for undo in remove:
            undo()
    return total
