"""DenseNet: every layer sees the outputs of all before it in its block.

Huang, Liu, van der Maaten, Weinberger, *Densely Connected Convolutional Networks*
(arXiv 1608.06993, 2016).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from apalu_ref.studies.models.parts import (
    Activation,
    Stem,
    check,
    convolutions,
    head,
    repeated,
    scaled,
)
from minigrad import nn

# Channels inside a layer, as a multiple of those it adds.
_BOTTLENECK = 4


class Dense(nn.Module):
    """What a layer adds to its input's channels: norm, activation, 1x1, and again with 3x3.

    Parameters
    ----------
    in_channels, inside, added : int
        Channels of the input, after the 1x1 convolution, and after the 3x3 one.
    activation : callable
        Makes the two activations.
    """

    def __init__(self, in_channels: int, inside: int, added: int, activation: Activation) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.BatchNorm2d(in_channels),
            activation(in_channels),
            nn.Conv2d(in_channels, inside, 1, bias=False),
            nn.BatchNorm2d(inside),
            activation(inside),
            nn.Conv2d(inside, added, 3, padding=1, bias=False),
        )

    def forward(self, input: Any) -> Any:
        """(N, in_channels, H, W) to (N, in_channels + added, H, W)."""
        return np.concatenate([input, self.branch(input)], axis=1)


def densenet(
    layers: Sequence[int],
    growth: int,
    activation: Activation,
    num_classes: int,
    in_channels: int = 3,
    *,
    width: float = 1.0,
    depth: float = 1.0,
    stem: Stem = "imagenet",
) -> nn.Module:
    """Build a DenseNet-BC: dense blocks, and between them transitions that halve.

    Parameters
    ----------
    layers : sequence of int
        The numbers of layers in the blocks.
    growth : int
        The channels each layer adds: the paper's growth rate k. The first convolution makes 2k.
    activation : callable
        Called with the number of channels wherever an activation stands; makes a new one.
    num_classes, in_channels : int
        Channels of the output and of the images.
    width : float
        Factor for all channels, ``growth`` too; a layer adds one channel more or fewer than
        the next where that brings the sum in the block nearest to what is wanted.
    depth : float
        Factor for the layers of each block, of which at least one remains.
    stem : {"imagenet", "cifar"}
        "imagenet" begins with the paper's 7x7 convolution of stride 2 and 3x3 max-pooling;
        "cifar" with the paper's 3x3 convolution for CIFAR, without a norm and an activation
        of its own.

    Returns
    -------
    minigrad.nn.Module
        From (N, in_channels, H, W) to (N, num_classes).

    Raises
    ------
    ValueError
        If an argument makes no sense.

    Notes
    -----
    Transitions keep half of the channels (θ = 0.5) and halve the image by mean pooling.
    Convolutions begin normal with variance 2 / fan_in (He et al., arXiv 1502.01852, 2015), as
    the paper says; biases of the classifier begin with 0.

    Examples
    --------
    >>> import numpy as np
    >>> network = densenet((2, 2), 4, lambda channels: nn.ReLU(), 10, stem="cifar")
    >>> network(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    check(num_classes, in_channels, width, depth, stem)
    if not layers or min(layers) < 1 or growth < 1:
        raise ValueError(
            f"growth and the layers of each block must be at least 1: {growth}, {layers!r}"
        )
    channels = scaled(2 * growth, width)
    parts: dict[str, nn.Module] = {"stem": _stem(in_channels, channels, activation, stem)}
    inside = scaled(_BOTTLENECK * growth, width)
    for number, wanted in enumerate(layers):
        block: list[nn.Module] = []
        if number > 0:
            block.append(_transition(channels, activation))
            channels //= 2
        first = channels
        for k in range(repeated(wanted, depth)):
            # Rounding the sum, not each addend, keeps the steps small as the width grows.
            after = first + scaled((k + 1) * growth, width, least=k + 1)
            block.append(Dense(channels, inside, after - channels, activation))
            channels = after
        parts[f"block{number + 1}"] = nn.Sequential(*block)
    parts["norm"] = nn.BatchNorm2d(channels)
    parts["activation"] = activation(channels)
    network = nn.Sequential({**parts, **head(channels, num_classes)})
    for module in convolutions(network):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    nn.init.zeros_(network[-1].bias)
    return network


def _stem(in_channels: int, channels: int, activation: Activation, stem: Stem) -> nn.Sequential:
    if stem == "cifar":
        return nn.Sequential(nn.Conv2d(in_channels, channels, 3, padding=1, bias=False))
    return nn.Sequential(
        nn.Conv2d(in_channels, channels, 7, 2, padding=3, bias=False),
        nn.BatchNorm2d(channels),
        activation(channels),
        nn.MaxPool2d(3, 2, 1),
    )


def _transition(channels: int, activation: Activation) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(channels),
        activation(channels),
        nn.Conv2d(channels, channels // 2, 1, bias=False),
        nn.AvgPool2d(2),
    )


def densenet121(
    activation: Activation,
    num_classes: int,
    in_channels: int = 3,
    *,
    width: float = 1.0,
    depth: float = 1.0,
    stem: Stem = "imagenet",
) -> nn.Module:
    """DenseNet-121; see :func:`densenet`. As published it has 7 978 856 parameters."""
    return densenet(
        (6, 12, 24, 16),
        32,
        activation,
        num_classes,
        in_channels,
        width=width,
        depth=depth,
        stem=stem,
    )
