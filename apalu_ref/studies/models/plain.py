"""Networks without branches: LeNet, perceptrons, stacks of convolutions.

The deep ones are for the flow of signals and gradients: with and without residual connections,
with and without batch norm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from apalu_ref.studies.models.parts import Activation, check, conv, convolutions, head, scaled
from minigrad import nn

_HE = math.sqrt(2)


def lenet(
    activation: Activation,
    num_classes: int,
    in_channels: int = 1,
    *,
    width: float = 1.0,
    image_size: int = 28,
) -> nn.Module:
    """Build 8c5-p2-16c5-p2-dense: two 5x5 convolutions with max-pooling, and a classifier.

    After LeCun, Bottou, Bengio, Haffner, *Gradient-Based Learning Applied to Document
    Recognition* (1998), in small.

    Parameters
    ----------
    activation : callable
        Called with the number of channels wherever an activation stands; makes a new one.
    num_classes, in_channels : int
        Channels of the output and of the images.
    width : float
        Factor for the 8 and 16 channels.
    image_size : int
        Height and width of the images, at least 16.

    Returns
    -------
    minigrad.nn.Module
        From (N, in_channels, image_size, image_size) to (N, num_classes).

    Raises
    ------
    ValueError
        If an argument makes no sense.

    Examples
    --------
    >>> import numpy as np
    >>> network = lenet(lambda channels: nn.ReLU(), 10)
    >>> network(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 10)
    """
    check(num_classes, in_channels, width)
    if image_size < 16:
        raise ValueError(f"image_size must be at least 16, not {image_size}")
    first, second = scaled(8, width), scaled(16, width)
    side = ((image_size - 4) // 2 - 4) // 2
    return nn.Sequential(
        nn.Conv2d(in_channels, first, 5),
        activation(first),
        nn.MaxPool2d(2),
        nn.Conv2d(first, second, 5),
        activation(second),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(second * side * side, num_classes),
    )


def mlp(activation: Activation, sizes: Sequence[int], *, width: float = 1.0) -> nn.Module:
    """Linear layers with activations between them.

    Parameters
    ----------
    activation : callable
        Called with the number of neurons wherever an activation stands; makes a new one.
    sizes : sequence of int
        Features of the input, neurons of the hidden layers, features of the output.
    width : float
        Factor for the hidden layers.

    Returns
    -------
    minigrad.nn.Module
        From (N, …), flattened to sizes[0] features, to (N, sizes[-1]).

    Raises
    ------
    ValueError
        If an argument makes no sense.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes are at least two numbers of features, not {sizes!r}")
    check(sizes[-1], sizes[0], width)
    before = [sizes[0], *(scaled(n, width, 1) for n in sizes[1:-1])]
    layers: list[nn.Module] = [nn.Flatten()]
    for n, m in pairwise(before):
        layers += [nn.Linear(n, m), activation(m)]
    return nn.Sequential(*layers, nn.Linear(before[-1], sizes[-1]))


class Skip(nn.Module):
    """x + f(x).

    Parameters
    ----------
    branch : Module
        f, which keeps the shape.
    """

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, input: Any) -> Any:
        """Of the input's shape."""
        return input + self.branch(input)


def deep_mlp(
    activation: Activation,
    num_classes: int,
    in_features: int,
    *,
    layers: int,
    neurons: int,
    width: float = 1.0,
    residual: bool = False,
    gain: float = _HE,
) -> nn.Module:
    """Many equal linear layers, each with an activation, and a classifier.

    Parameters
    ----------
    activation : callable
        Called with the number of neurons wherever an activation stands; makes a new one.
    num_classes, in_features : int
        Features of the output and of the input.
    layers : int
        The number of hidden layers.
    neurons : int
        The neurons of each.
    width : float
        Factor for the neurons.
    residual : bool
        Whether each hidden layer but the first adds its output to its input.
    gain : float
        Weights of the hidden layers begin normal with deviation gain / √fan_in, biases with 0.
        √2 suits a ReLU (He et al., arXiv 1502.01852, 2015); for others see
        :func:`minigrad.nn.init.gain`.

    Returns
    -------
    minigrad.nn.Module
        From (N, …), flattened to in_features, to (N, num_classes).

    Raises
    ------
    ValueError
        If an argument makes no sense.
    """
    check(num_classes, in_features, width)
    if min(layers, neurons) < 1:
        raise ValueError(f"layers and neurons must be at least 1, not {layers} and {neurons}")
    n = scaled(neurons, width, 1)
    parts: list[nn.Module] = [nn.Flatten()]
    for k in range(layers):
        layer = nn.Sequential(_he(nn.Linear(in_features if k == 0 else n, n), gain), activation(n))
        parts.append(Skip(layer) if residual and k > 0 else layer)
    return nn.Sequential(*parts, nn.Linear(n, num_classes))


def _he(layer: Any, gain: float) -> Any:
    """The layer, its weights normal with deviation gain / √fan_in and its biases 0."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(nn.init.fans(layer.weight)[0]))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def plain_convnet(
    activation: Activation,
    num_classes: int,
    in_channels: int = 3,
    *,
    layers: int = 6,
    channels: int = 16,
    width: float = 1.0,
    batch_norm: bool = False,
    gain: float = _HE,
) -> nn.Module:
    """A stack of 3x3 convolutions on three resolutions, and a classifier.

    In the manner of Simonyan, Zisserman, *Very Deep Convolutional Networks for Large-Scale Image
    Recognition* (arXiv 1409.1556, 2014), in small.

    Parameters
    ----------
    activation : callable
        Called with the number of channels wherever an activation stands; makes a new one.
    num_classes, in_channels : int
        Channels of the output and of the images.
    layers : int
        The number of convolutions, at least 3: a third at each resolution, one more at the
        greater ones if they do not divide evenly.
    channels : int
        At the first resolution; at the others twice and four times as many.
    width : float
        Factor for all channels.
    batch_norm : bool
        Batch norm after each convolution, in place of its bias.
    gain : float
        As that of :func:`deep_mlp`, for the convolutions.

    Returns
    -------
    minigrad.nn.Module
        From (N, in_channels, H, W), H and W at least 4, to (N, num_classes).

    Raises
    ------
    ValueError
        If an argument makes no sense.
    """
    check(num_classes, in_channels, width)
    if layers < 3 or channels < 1:
        raise ValueError(
            f"layers must be at least 3 and channels at least 1, not {layers} and {channels}"
        )
    parts: dict[str, nn.Module] = {}
    before = in_channels
    for number in range(3):
        after = scaled(channels << number, width, 1)
        stage: list[nn.Module] = [nn.MaxPool2d(2)] if number else []
        for _ in range((layers + 2 - number) // 3):
            stage.append(conv(before, after, 3, activation=activation, batch_norm=batch_norm))
            before = after
        parts[f"stage{number + 1}"] = nn.Sequential(*stage)
    network = nn.Sequential({**parts, **head(before, num_classes)})
    for module in convolutions(network):
        _he(module, gain)
    return network
