"""What the networks share: scaled sizes, checked arguments, a convolution with what follows it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from minigrad import nn

Activation = Callable[[int], nn.Module]
"""Makes a new activation for so many channels."""

Stem = Literal["imagenet", "cifar"]
"""What comes first: the paper's layers for 224x224 images, or ones that keep 32x32 as large."""

LEAST_CHANNELS = 2


def scaled(channels: int, width: float, least: int = LEAST_CHANNELS) -> int:
    """``channels`` times ``width``, rounded half up, but at least ``least``.

    Each layer is rounded on its own, and never down by more than a half, so that a network's
    number of parameters never falls as ``width`` grows, and grows in small steps.

    Examples
    --------
    >>> scaled(64, 0.125), scaled(64, 1.013), scaled(64, 0.001)
    (8, 65, 2)
    """
    return max(least, math.floor(channels * width + 0.5))


def repeated(blocks: int, depth: float) -> int:
    """``blocks`` times ``depth``, rounded half up, but at least 1."""
    return scaled(blocks, depth, least=1)


def check(
    num_classes: int,
    in_channels: int,
    width: float = 1.0,
    depth: float = 1.0,
    stem: str = "imagenet",
) -> None:
    """Raise ValueError, saying which, if one of the arguments of a network makes no sense."""
    if min(num_classes, in_channels) < 1:
        raise ValueError(
            f"num_classes and in_channels must be at least 1, not {num_classes} and {in_channels}"
        )
    for name, factor in (("width", width), ("depth", depth)):
        if not 0 < factor < math.inf:
            raise ValueError(f"{name} is a factor greater than 0, not {factor}")
    if stem not in ("imagenet", "cifar"):
        raise ValueError(f"stem must be 'imagenet' or 'cifar', not {stem!r}")


def conv(
    in_channels: int,
    out_channels: int,
    size: int,
    stride: int = 1,
    groups: int = 1,
    *,
    activation: Activation | None = None,
    batch_norm: bool = True,
) -> nn.Sequential:
    """A convolution padded to keep the size, batch norm in place of a bias, and an activation.

    Parameters
    ----------
    in_channels, out_channels, size, stride, groups : int
        As :class:`minigrad.nn.Conv2d` takes them; ``size`` is odd.
    activation : callable, optional
        Makes the activation; without it there is none.
    batch_norm : bool
        False for a bias instead.

    Returns
    -------
    minigrad.nn.Sequential
    """
    layers: list[nn.Module] = [
        nn.Conv2d(
            in_channels,
            out_channels,
            size,
            stride,
            padding=size // 2,
            groups=groups,
            bias=not batch_norm,
        )
    ]
    if batch_norm:
        layers.append(nn.BatchNorm2d(out_channels))
    if activation is not None:
        layers.append(activation(out_channels))
    return nn.Sequential(*layers)


def head(channels: int, num_classes: int, dropout: float = 0.0) -> dict[str, nn.Module]:
    """The mean over the image and a linear classifier, as named parts of a Sequential."""
    parts: dict[str, nn.Module] = {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    if dropout:
        parts["dropout"] = nn.Dropout(dropout)
    return {**parts, "classifier": nn.Linear(channels, num_classes)}


def convolutions(network: nn.Module) -> list[Any]:
    """All convolutions of a network, to give them their first weights."""
    return [module for module in network.modules() if isinstance(module, nn.Conv2d)]
