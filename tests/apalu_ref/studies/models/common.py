"""What the tests of all networks use: activations that are recorded, counts layer by layer."""

from contextlib import contextmanager

import pytest

from minigrad import nn


@contextmanager
def no_values():
    """Nothing is drawn for parameters: to count them takes none."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("uniform_", "normal_", "kaiming_normal_", "lecun_uniform_"):
            patch.setattr(nn.init, name, lambda tensor, *rest, **named: tensor)
        yield


def relu(channels):
    return nn.ReLU()


class Recorded:
    """Makes PReLUs, one slope a channel, and keeps them."""

    def __init__(self):
        self.made = []

    def __call__(self, channels):
        self.made.append(nn.PReLU(channels))
        return self.made[-1]

    @property
    def channels(self):
        return [made.num_parameters for made in self.made]


def total(network):
    return sum(parameter.size for parameter in network.parameters())


def layers(network):
    """The parameters of each convolution, norm and linear layer, in order."""
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
    return [total(module) for module in network.modules() if isinstance(module, kinds)]


# The closed forms: weights and biases of a layer, by the papers' tables.


def conv(n, m, k, bias=False):
    return n * m * k * k + (m if bias else 0)


def norm(n):
    return 2 * n


def linear(n, m):
    return n * m + m


def conv_norm(n, m, k):
    return [conv(n, m, k), norm(m)]


def check_counts(build, expected, channels):
    """Layer by layer as ``expected`` with ReLU; with PReLUs one more for each of ``channels``."""
    with no_values():
        counted = layers(build(relu))
        assert counted == expected
        recorded = Recorded()
        network = build(recorded)
    assert recorded.channels == channels
    assert total(network) == sum(expected) + sum(channels)
    return sum(expected)
