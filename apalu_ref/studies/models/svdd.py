"""The network of Deep SVDD: images to points that are to gather around a centre."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.studies.models.parts import Activation, scaled
from minigrad import Tensor, nn

Array = NDArray[Any]


def embedding(
    activation: Activation, width: float = 1.0, size: int = 28, dimensions: int = 32
) -> nn.Sequential:
    """The LeNet of Ruff et al. (2018) for MNIST: 8c5-p2-4c5-p2, and a layer of 32.

    Nothing in it has a bias, and batch norm has neither gain nor shift: with a bias the last
    layer alone could map every image to the centre, whatever it shows. For the same reason an
    activation should be 0 at 0, and not bounded on both sides; sigmoid is neither.

    Parameters
    ----------
    activation : callable
        Makes an activation for so many channels.
    width : float
        Multiplies the channels of the convolutions.
    size : int
        Height and width of the images, a multiple of 4.
    dimensions : int
        Of the points.

    Returns
    -------
    minigrad.nn.Sequential
        (N, 1, size, size) to (N, dimensions).
    """
    first, second = scaled(8, width), scaled(4, width)
    return nn.Sequential(
        nn.Conv2d(1, first, 5, padding=2, bias=False), nn.BatchNorm2d(first, affine=False),
        activation(first), nn.MaxPool2d(2),
        nn.Conv2d(first, second, 5, padding=2, bias=False), nn.BatchNorm2d(second, affine=False),
        activation(second), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(second * (size // 4) ** 2, dimensions, bias=False),
    )  # fmt: skip


def centre(points: Array, least: float = 0.1) -> Array:
    """The centre of the hypersphere: the mean of what the untrained network makes of the data.

    Coordinates nearer to 0 than ``least`` are moved there, as a network whose weights are all 0
    maps every image to 0.

    Parameters
    ----------
    points : ndarray, shape (N, D)
    least : float
    """
    mean = np.asarray(points).mean(0)
    moved: Array = np.where(np.abs(mean) < least, np.where(mean < 0, -least, least), mean)
    return moved.astype(np.float32)


def squared_distance(points: Any, centres: Any) -> Tensor:
    """The loss of one-class Deep SVDD: the mean squared distance from the centre."""
    return ((points - centres) ** 2).sum(1).mean()
