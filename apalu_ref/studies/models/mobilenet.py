"""MobileNet: convolutions split into one for each channel and one over the channels.

Howard et al., *MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications* (arXiv 1704.04861, 2017).
"""

from __future__ import annotations

from apalu_ref.studies.models.parts import (
    Activation,
    Stem,
    check,
    conv,
    head,
    repeated,
    scaled,
)
from minigrad import nn

# Channels and number of the blocks in a row at one resolution: the paper's table 1.
_FIRST = 32
_STAGES = ((64, 1), (128, 2), (256, 2), (512, 6), (1024, 2))


def mobilenet(
    activation: Activation,
    num_classes: int,
    in_channels: int = 3,
    *,
    width: float = 1.0,
    depth: float = 1.0,
    stem: Stem = "imagenet",
) -> nn.Module:
    """Build MobileNet v1: as published, 4 231 976 parameters.

    Parameters
    ----------
    activation : callable
        Called with the number of channels wherever an activation stands; makes a new one.
    num_classes, in_channels : int
        Channels of the output and of the images.
    width : float
        Factor for all channels: the paper's width multiplier α.
    depth : float
        Factor for the blocks at each resolution, of which at least one remains.
    stem : {"imagenet", "cifar"}
        "imagenet" begins with the paper's 3x3 convolution of stride 2; "cifar" gives it
        stride 1, for images of 32x32 or so. Parameters are the same.

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
    The last 3x3 convolution has stride 1: the paper's table says 2, but keeps the size. Weights
    begin as those of :class:`minigrad.nn.Conv2d`, since the paper says nothing of them.

    Examples
    --------
    >>> import numpy as np
    >>> network = mobilenet(lambda channels: nn.ReLU(), 10, width=0.125, stem="cifar")
    >>> network(np.zeros((2, 3, 32, 32), np.float32)).shape
    (2, 10)
    """
    check(num_classes, in_channels, width, depth, stem)
    channels = scaled(_FIRST, width)
    first = conv(in_channels, channels, 3, 2 if stem == "imagenet" else 1, activation=activation)
    parts: dict[str, nn.Module] = {"stem": first}
    for number, (wanted, blocks) in enumerate(_STAGES):
        stage: list[nn.Module] = []
        for k in range(repeated(blocks, depth)):
            after = scaled(wanted, width)
            stride = 2 if number > 0 and k == 0 else 1
            stage.append(
                nn.Sequential(
                    conv(channels, channels, 3, stride, groups=channels, activation=activation),
                    conv(channels, after, 1, activation=activation),
                )
            )
            channels = after
        parts[f"stage{number + 1}"] = nn.Sequential(*stage)
    return nn.Sequential({**parts, **head(channels, num_classes)})
