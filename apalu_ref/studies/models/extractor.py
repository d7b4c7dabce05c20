"""The network that makes features of images, trained once and frozen for all arms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.studies.models.parts import conv
from minigrad import Tensor, nn

Array = NDArray[Any]

CHANNELS = (16, 32, 48)


def own_contrast(images: Array) -> Array:
    """Each image with its own mean taken out, over its own standard deviation; one channel.

    Brightness and contrast differ from photograph to photograph and say nothing of defects. 4
    grey levels are added to the deviation, so that nearly flat images stay quiet.

    Parameters
    ----------
    images : ndarray of uint8, shape (N, C, H, W)

    Returns
    -------
    ndarray of float32, shape (N, 1, H, W)
    """
    grey = images.astype(np.float32).mean(1, keepdims=True)
    mean = grey.mean((1, 2, 3), keepdims=True)
    std = grey.std((1, 2, 3), keepdims=True)
    return (grey - mean) / (std + np.float32(4))


class Extractor(nn.Module):
    """Three convolutions, each at half the size, with batch norm and ReLU, and a classifier.

    ReLU is in it for all arms: the extractor is the same whatever activation is studied.

    Parameters
    ----------
    classes : int
        Of the images it is trained on.
    channels : sequence of int
    """

    def __init__(self, classes: int, channels: Sequence[int] = CHANNELS) -> None:
        super().__init__()
        sizes = [1, *channels]
        self.channels = tuple(channels)
        self.stages = nn.ModuleList(
            [
                conv(sizes[i], sizes[i + 1], 5 if i == 0 else 3, 2, activation=lambda n: nn.ReLU())
                for i in range(len(channels))
            ]
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(channels[-1], classes)

    def maps(self, x: Tensor) -> list[Tensor]:
        """The output of each stage: (N, 1, H, W) to maps of a half, a quarter, an eighth."""
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """Logits, for its own training."""
        return self.classifier(self.pool(self.maps(x)[-1]).reshape(len(x), -1))

    def features(self, x: Tensor, scales: Sequence[int] = (1, 2, 4)) -> Tensor:
        """Mean, deviation and maximum over every map of every stage, of the image at all scales.

        Parameters
        ----------
        x : Tensor, shape (N, 1, H, W)
        scales : sequence of int
            The image is made smaller by these.

        Returns
        -------
        Tensor, shape (N, 3 · sum of the channels · number of scales)
        """
        parts = []
        for scale in scales:
            smaller = nn.functional.avg_pool2d(x, scale) if scale > 1 else x
            for h in self.maps(smaller):
                mean = h.mean((2, 3))
                off = h - mean.reshape(*mean.shape, 1, 1)
                # The small number keeps the slope of the root finite where a map is constant.
                parts += [mean, np.sqrt((off * off).mean((2, 3)) + 1e-8), h.max((2, 3))]
        return np.concatenate(parts, axis=1)  # type: ignore[return-value]

    def freeze(self) -> Extractor:
        """In evaluation mode, and nothing in it is trained from here on."""
        self.eval()
        for parameter in self.parameters():
            parameter.requires_grad = False
        return self
