"""Small images, where they come from, and a network for them: for many runs or many steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from apalu_ref.datasets import Images, MissingDataError, cifar10, fashion_mnist
from apalu_ref.studies.arms import Factory
from apalu_ref.studies.plan import Task
from apalu_ref.studies.splits import Split, official
from minigrad import nn


def reduced(images: Images, side: int) -> Images:
    """The images with each side ``side``, by means over squares.

    Raises
    ------
    ValueError
        If the images' sides are no multiple of it.
    """
    n, channels, height, width = images.images.shape
    if height % side or width % side:
        raise ValueError(f"images of {height}x{width} cannot be made {side}x{side} by means")
    if height == width == side:
        return images
    squares = images.images.reshape(n, channels, side, height // side, side, width // side)
    small = np.zeros((n, channels, side, side), np.float32)
    for i, j in np.ndindex(height // side, width // side):
        small += squares[:, :, :, i, :, j]
    return replace(images, images=small / ((height // side) * (width // side)))


def split(
    task: Task, load: Callable[[str], Images], side: int, count: int, validation: int
) -> Split:
    """:func:`~apalu_ref.studies.splits.official` of the images reduced to this side.

    ``load`` is given "train" and "test".
    """
    train, test = (reduced(load(part), side) for part in ("train", "test"))
    return official(train, test, task, count, validation)


def natural(part: str, source: str) -> Images:
    """CIFAR-10; where it is not there, Fashion-MNIST, unless full data are asked for.

    What was taken is told by the facts of what is returned.
    """
    try:
        return cifar10(part, source=source)
    except MissingDataError:
        if source == "full":
            raise
        return fashion_mnist(part, source=source)


def stand_in(source: str) -> str:
    """Why :func:`natural` takes Fashion-MNIST, or "" if CIFAR-10 is there."""
    try:
        cifar10("test", source=source)
    except MissingDataError as error:
        if source == "full":
            raise
        return f"Fashion-MNIST takes the place of CIFAR-10: {error}"
    return ""


class PerNeuron(nn.Module):
    """An activation made for as many channels as the input has places, one for each neuron."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.activation = activation

    def forward(self, input: Any) -> Any:
        """Of the input's shape."""
        flat = np.reshape(input, (input.shape[0], -1))
        return np.reshape(self.activation(flat), input.shape)


def small_cnn(
    activation: Factory,
    width: float,
    side: int = 14,
    pairs: Literal["layer", "channel", "neuron"] = "channel",
) -> nn.Module:
    """8c3-p2-16c3-p2-10, the activation after each convolution.

    Parameters
    ----------
    activation : callable
        Makes the activation for so many channels.
    width : float
        Factor for 8 and 16.
    side : int
        Of the images.
    pairs : {"layer", "channel", "neuron"}
        What shares the activation's parameters.
    """

    def placed(channels: int, size: int) -> nn.Module:
        if pairs == "neuron":
            return PerNeuron(activation(channels * size * size))
        return activation(1 if pairs == "layer" else channels)

    first, second = max(1, round(8 * width)), max(1, round(16 * width))
    before, after = side - 2, (side - 2) // 2 - 2
    left = after // 2
    parts: list[Any] = [
        nn.Conv2d(1, first, 3), placed(first, before), nn.MaxPool2d(2),
        nn.Conv2d(first, second, 3), placed(second, after), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(second * left * left, 10),
    ]  # fmt: skip
    return nn.Sequential(*parts)
