"""ResNet-18, -50 and -152: residual networks with projections where shapes change.

He, Zhang, Ren, Sun, *Deep Residual Learning for Image Recognition* (arXiv 1512.03385, 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

from apalu_ref.studies.models.parts import (
    Activation,
    Stem,
    check,
    conv,
    convolutions,
    head,
    repeated,
    scaled,
)
from minigrad import nn

Block = Literal["basic", "bottleneck"]

# The channels of the four stages inside a block: the paper's table 1.
_CHANNELS = (64, 128, 256, 512)
_FIRST = 64


class Residual(nn.Module):
    """The activation of x + F(x), F two or three convolutions; x projected if shapes differ.

    Parameters
    ----------
    channels : sequence of int
        Of the input, and after each convolution of F.
    sizes : sequence of int
        The sizes of the convolutions' kernels.
    stride : int
        Of the first 3x3 convolution.
    activation : callable
        Makes the activations, one for each convolution: the last stands after the sum.
    """

    def __init__(
        self, channels: Sequence[int], sizes: Sequence[int], stride: int, activation: Activation
    ) -> None:
        super().__init__()
        strided, last = sizes.index(3), len(sizes) - 1
        self.branch = nn.Sequential(
            *(
                conv(
                    before,
                    after,
                    size,
                    stride if k == strided else 1,
                    activation=activation if k < last else None,
                )
                for k, ((before, after), size) in enumerate(
                    zip(pairwise(channels), sizes, strict=True)
                )
            )
        )
        same = stride == 1 and channels[0] == channels[-1]
        self.shortcut = nn.Identity() if same else conv(channels[0], channels[-1], 1, stride)
        self.activation = activation(channels[-1])

    def forward(self, input: Any) -> Any:
        """(N, channels[0], H, W) to (N, channels[-1], H / stride, W / stride)."""
        return self.activation(self.branch(input) + self.shortcut(input))


def resnet(
    block: Block,
    layers: Sequence[int],
    activation: Activation,
    num_classes: int,
    in_channels: int = 3,
    *,
    width: float = 1.0,
    depth: float = 1.0,
    stem: Stem = "imagenet",
) -> nn.Module:
    """Build a ResNet of up to four stages of residual blocks.

    Parameters
    ----------
    block : {"basic", "bottleneck"}
        Two 3x3 convolutions, or 1x1, 3x3 and 1x1 with four times as many channels at the end.
    layers : sequence of int
        The numbers of blocks in the stages, of 64, 128, 256 and 512 channels.
    activation : callable
        Called with the number of channels wherever an activation stands; makes a new one.
    num_classes, in_channels : int
        Channels of the output and of the images.
    width : float
        Factor for all channels (see :func:`apalu_ref.studies.models.parts.scaled`).
    depth : float
        Factor for the blocks of each stage, of which at least one remains.
    stem : {"imagenet", "cifar"}
        "imagenet" begins with the paper's 7x7 convolution of stride 2 and 3x3 max-pooling;
        "cifar" with a 3x3 convolution of stride 1 and no pooling, for images of 32x32 or so.

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
    Stages after the first halve the image in their first block. In a bottleneck its 3x3
    convolution has the stride, in the paper the 1x1 before it: parameters are the same.
    Convolutions begin normal with variance 2 / fan_out (He et al., arXiv 1502.01852, 2015).

    Examples
    --------
    >>> import numpy as np
    >>> network = resnet("basic", (1, 1), lambda channels: nn.ReLU(), 10, width=0.125, stem="cifar")
    >>> network(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    check(num_classes, in_channels, width, depth, stem)
    if block not in ("basic", "bottleneck"):
        raise ValueError(f"block must be 'basic' or 'bottleneck', not {block!r}")
    if not 1 <= len(layers) <= len(_CHANNELS) or min(layers) < 1:
        raise ValueError(f"layers are the blocks of one to four stages, not {layers!r}")
    channels = scaled(_FIRST, width)
    if stem == "imagenet":
        first = [conv(in_channels, channels, 7, 2, activation=activation), nn.MaxPool2d(3, 2, 1)]
    else:
        first = [conv(in_channels, channels, 3, activation=activation)]
    parts: dict[str, nn.Module] = {"stem": nn.Sequential(*first)}
    for number, blocks in enumerate(layers):
        inside = scaled(_CHANNELS[number], width)
        sizes, after = [3, 3], [inside, inside]
        if block == "bottleneck":
            sizes, after = [1, 3, 1], [inside, inside, scaled(4 * _CHANNELS[number], width)]
        stage: list[nn.Module] = []
        for k in range(repeated(blocks, depth)):
            stride = 2 if number > 0 and k == 0 else 1
            stage.append(Residual([channels, *after], sizes, stride, activation))
            channels = after[-1]
        parts[f"stage{number + 1}"] = nn.Sequential(*stage)
    network = nn.Sequential({**parts, **head(channels, num_classes)})
    for module in convolutions(network):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network


def resnet18(
    activation: Activation,
    num_classes: int,
    in_channels: int = 3,
    *,
    width: float = 1.0,
    depth: float = 1.0,
    stem: Stem = "imagenet",
) -> nn.Module:
    """ResNet-18; see :func:`resnet`. As published it has 11 689 512 parameters."""
    return resnet(
        "basic",
        (2, 2, 2, 2),
        activation,
        num_classes,
        in_channels,
        width=width,
        depth=depth,
        stem=stem,
    )


def resnet50(
    activation: Activation,
    num_classes: int,
    in_channels: int = 3,
    *,
    width: float = 1.0,
    depth: float = 1.0,
    stem: Stem = "imagenet",
) -> nn.Module:
    """ResNet-50; see :func:`resnet`. As published it has 25 557 032 parameters."""
    return resnet(
        "bottleneck",
        (3, 4, 6, 3),
        activation,
        num_classes,
        in_channels,
        width=width,
        depth=depth,
        stem=stem,
    )


def resnet152(
    activation: Activation,
    num_classes: int,
    in_channels: int = 3,
    *,
    width: float = 1.0,
    depth: float = 1.0,
    stem: Stem = "imagenet",
) -> nn.Module:
    """ResNet-152; see :func:`resnet`. As published it has 60 192 808 parameters."""
    return resnet(
        "bottleneck",
        (3, 8, 36, 3),
        activation,
        num_classes,
        in_channels,
        width=width,
        depth=depth,
        stem=stem,
    )
