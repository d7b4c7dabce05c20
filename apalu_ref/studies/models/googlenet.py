"""GoogLeNet: modules of four branches side by side.

Szegedy et al., *Going Deeper with Convolutions* (arXiv 1409.4842, 2014).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

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


class Channels(NamedTuple):
    """A row of the paper's table 1: the channels of an inception module's convolutions."""

    one: int
    three_reduce: int
    three: int
    five_reduce: int
    five: int
    pool: int


# Modules 3a, 3b; 4a to 4e; 5a, 5b. Between the three the image is halved.
_STAGES = (
    (Channels(64, 96, 128, 16, 32, 32), Channels(128, 128, 192, 32, 96, 64)),
    (
        Channels(192, 96, 208, 16, 48, 64),
        Channels(160, 112, 224, 24, 64, 64),
        Channels(128, 128, 256, 24, 64, 64),
        Channels(112, 144, 288, 32, 64, 64),
        Channels(256, 160, 320, 32, 128, 128),
    ),
    (Channels(256, 160, 320, 32, 128, 128), Channels(384, 192, 384, 48, 128, 128)),
)
_FIRST, _SECOND = 64, 192


class LocalResponseNorm(nn.Module):
    """x / (1 + α/n Σ x²)^β, the sum over the ``n`` channels around each.

    Krizhevsky, Sutskever, Hinton, *ImageNet Classification with Deep Convolutional Neural
    Networks* (2012), with the constants of Caffe's GoogLeNet.
    """

    def __init__(self, n: int = 5, alpha: float = 1e-4, beta: float = 0.75) -> None:
        super().__init__()
        self.n = n
        self.alpha = alpha
        self.beta = beta

    def forward(self, input: Any) -> Any:
        """Of the input's shape, (N, C, H, W)."""
        channels = input.shape[1]
        squares = np.pad(input * input, ((0, 0), (self.n // 2, self.n // 2), (0, 0), (0, 0)))
        total = squares[:, :channels]
        for k in range(1, self.n):
            total = total + squares[:, k : k + channels]
        return input / (1 + self.alpha / self.n * total) ** self.beta

    def extra_repr(self) -> str:
        """The constants."""
        return f"n={self.n}, alpha={self.alpha}, beta={self.beta}"


class Inception(nn.Module):
    """Branches of 1x1, 3x3 and 5x5 convolutions and of pooling, their channels put together.

    Parameters
    ----------
    in_channels : int
        Channels of the input.
    channels : Channels
        Of the convolutions.
    activation : callable
        Makes the activation after each convolution.
    batch_norm : bool
        Batch norm in place of biases.
    """

    def __init__(
        self, in_channels: int, channels: Channels, activation: Activation, batch_norm: bool
    ) -> None:
        super().__init__()

        def layer(before: int, after: int, size: int) -> nn.Sequential:
            return conv(before, after, size, activation=activation, batch_norm=batch_norm)

        self.one = layer(in_channels, channels.one, 1)
        self.three = nn.Sequential(
            layer(in_channels, channels.three_reduce, 1),
            layer(channels.three_reduce, channels.three, 3),
        )
        self.five = nn.Sequential(
            layer(in_channels, channels.five_reduce, 1),
            layer(channels.five_reduce, channels.five, 5),
        )
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), layer(in_channels, channels.pool, 1))
        self.out_channels = channels.one + channels.three + channels.five + channels.pool

    def forward(self, input: Any) -> Any:
        """(N, in_channels, H, W) to (N, out_channels, H, W)."""
        branches = (self.one, self.three, self.five, self.pool)
        return np.concatenate([branch(input) for branch in branches], axis=1)


def googlenet(
    activation: Activation,
    num_classes: int,
    in_channels: int = 3,
    *,
    width: float = 1.0,
    depth: float = 1.0,
    stem: Stem = "imagenet",
    batch_norm: bool = False,
    dropout: float = 0.4,
) -> nn.Module:
    """Build GoogLeNet without its auxiliary classifiers: as published, 6 998 552 parameters.

    Parameters
    ----------
    activation : callable
        Called with the number of channels wherever an activation stands; makes a new one.
    num_classes, in_channels : int
        Channels of the output and of the images.
    width : float
        Factor for all channels (see :func:`apalu_ref.studies.models.parts.scaled`).
    depth : float
        Factor for the modules at each resolution, of which at least one remains. Fewer are
        taken at even distances, the last among them; more repeat the rows of the table.
    stem : {"imagenet", "cifar"}
        "imagenet" begins as in the paper; "cifar" with a 3x3 convolution of stride 1 in place
        of that of 7x7 and stride 2, and leaves out the first pooling, for images of 32x32 or so.
    batch_norm : bool
        Batch norm in place of biases, and of the two local response normalisations.
    dropout : float
        The probability before the classifier.

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
    6 998 552 are the weights and biases that the channels in the paper's table 1 make with 1000
    classes (its own column of parameters is rounded, and differs), and so those of the Caffe
    model ``bvlc_googlenet`` as deployed. With ``batch_norm`` it is 7 005 832.
    torchvision's ``googlenet`` has 6 624 904, for its branches of 5x5 convolutions have 3x3
    ones; here they are 5x5.

    Where the paper's pooling rounds sizes up, it is padded by 1 here; sizes are the same for
    224x224 images. Weights begin as in Caffe's model, for the paper says nothing of them:
    uniform, of variance 1 / fan_in, with biases of 0.2, 0 in the classifier.

    Examples
    --------
    >>> network = googlenet(lambda channels: nn.ReLU(), 1000)
    >>> sum(parameter.size for parameter in network.parameters())
    6998552
    """
    check(num_classes, in_channels, width, depth, stem)
    channels = scaled(_FIRST, width)
    parts: dict[str, nn.Module] = {
        "stem": _stem(in_channels, channels, scaled(_SECOND, width), activation, stem, batch_norm)
    }
    channels = scaled(_SECOND, width)
    for number, rows in enumerate(_STAGES):
        stage: list[nn.Module] = [nn.MaxPool2d(3, 2, 1)]
        for row in _spread(rows, repeated(len(rows), depth)):
            wanted = Channels(*(scaled(n, width) for n in row))
            module = Inception(channels, wanted, activation, batch_norm)
            channels = module.out_channels
            stage.append(module)
        parts[f"stage{number + 3}"] = nn.Sequential(*stage)
    network = nn.Sequential({**parts, **head(channels, num_classes, dropout)})
    for layer in (*convolutions(network), network[-1]):
        nn.init.lecun_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.constant_(layer.bias, 0.0 if layer is network[-1] else 0.2)
    return network


def _stem(
    in_channels: int,
    first: int,
    second: int,
    activation: Activation,
    stem: Stem,
    batch_norm: bool,
) -> nn.Sequential:
    """All before the first inception module but the pooling right before it."""
    if stem == "imagenet":
        size, stride, pool = 7, 2, [nn.MaxPool2d(3, 2, 1)]
    else:
        size, stride, pool = 3, 1, []
    norms = [] if batch_norm else [LocalResponseNorm(), LocalResponseNorm()]
    return nn.Sequential(
        conv(in_channels, first, size, stride, activation=activation, batch_norm=batch_norm),
        *pool,
        *norms[:1],
        conv(first, first, 1, activation=activation, batch_norm=batch_norm),
        conv(first, second, 3, activation=activation, batch_norm=batch_norm),
        *norms[1:],
    )


def _spread(rows: tuple[Channels, ...], wanted: int) -> list[Channels]:
    """``wanted`` of the rows in order, as evenly as can be, ending with the last."""
    return [rows[-(-(k + 1) * len(rows) // wanted) - 1] for k in range(wanted)]
