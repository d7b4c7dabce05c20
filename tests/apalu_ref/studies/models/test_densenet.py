import numpy as np
import pytest

from apalu_ref.studies.models.densenet import densenet, densenet121
from minigrad import nn

from .common import check_counts, conv, conv_norm, layers, linear, norm, relu

# Layers of the four blocks (Huang et al. 2016, table 1) with growth rate 32.
BLOCKS, GROWTH = (6, 12, 24, 16), 32


def table():
    c = 2 * GROWTH
    counts, channels = conv_norm(3, c, 7), [c]
    for number, layers_of_block in enumerate(BLOCKS):
        if number:
            counts += [norm(c), conv(c, c // 2, 1)]
            channels.append(c)
            c //= 2
        for _ in range(layers_of_block):
            inside = 4 * GROWTH
            counts += [norm(c), conv(c, inside, 1), norm(inside), conv(inside, GROWTH, 3)]
            channels += [c, inside]
            c += GROWTH
    return [*counts, norm(c), linear(c, 1000)], [*channels, c]


def test_published_count():
    expected, channels = table()
    assert check_counts(lambda a: densenet121(a, 1000), expected, channels) == 7_978_856


def test_cifar_stem():
    expected, _ = table()
    assert layers(densenet121(relu, 1000, stem="cifar")) == [3 * 64 * 9, *expected[2:]]


def test_a_thin_network_still_grows_in_every_layer():
    network = densenet((4, 4), 8, relu, 10, width=0.01)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert all(m.out_channels >= 1 for m in convolutions)
    assert [m.out_channels for m in convolutions if m.kernel_size == (3, 3)] == [1] * 8


def test_growth_is_rounded_in_sum():
    network = densenet((8,), 4, relu, 10, width=0.375)  # 1.5 channels a layer
    assert network[-1].in_features == 3 + 12


def test_block_keeps_its_input():
    network = densenet((1,), 3, relu, 10)
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 5)).astype(np.float32)
    y = network[1](x)
    assert y.shape == (2, 9, 5, 5)
    np.testing.assert_array_equal(y.data[:, :6], x)


def test_image_sizes():
    for stem, size, sides in (("imagenet", 224, [56, 28, 14, 7]), ("cifar", 32, [32, 16, 8, 4])):
        x = np.zeros((1, 3, size, size), np.float32)
        seen = []
        for part in densenet121(relu, 10, width=0.05, depth=0.1, stem=stem):
            x = part(x)
            seen.append(x.shape[2:])
        assert seen[1:5] == [(side, side) for side in sides]


def test_wrong_arguments():
    for blocks, growth in (((), 4), ((1, 0), 4), ((1,), 0)):
        with pytest.raises(ValueError, match="at least 1"):
            densenet(blocks, growth, relu, 10)
