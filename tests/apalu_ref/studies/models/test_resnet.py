import numpy as np
import pytest

from apalu_ref.studies.models import resnet as module
from apalu_ref.studies.models.resnet import resnet, resnet18, resnet50, resnet152
from minigrad import nn

from .common import check_counts, conv_norm, layers, linear, relu

# Blocks of the four stages (He et al. 2015, table 1), whether bottlenecks, and the parameters.
PUBLISHED = {
    resnet18: ((2, 2, 2, 2), False, 11_689_512),
    resnet50: ((3, 4, 6, 3), True, 25_557_032),
    resnet152: ((3, 8, 36, 3), True, 60_192_808),
}


def table(stages, bottleneck, num_classes=1000):
    """Parameters layer by layer, and the channels of the activations."""
    counts, channels, before = conv_norm(3, 64, 7), [64], 64
    for c, blocks in zip((64, 128, 256, 512), stages, strict=True):
        after = 4 * c if bottleneck else c
        for k in range(blocks):
            if bottleneck:
                counts += conv_norm(before, c, 1) + conv_norm(c, c, 3) + conv_norm(c, after, 1)
                channels += [c, c, after]
            else:
                counts += conv_norm(before, c, 3) + conv_norm(c, c, 3)
                channels += [c, c]
            if k == 0 and before != after:
                counts += conv_norm(before, after, 1)
            before = after
    return [*counts, linear(before, num_classes)], channels


@pytest.mark.parametrize("build", PUBLISHED)
def test_published_count(build):
    stages, bottleneck, published = PUBLISHED[build]
    expected, channels = table(stages, bottleneck)
    assert check_counts(lambda activation: build(activation, 1000), expected, channels) == published


def test_cifar_stem_and_classes():
    expected, _ = table((2, 2, 2, 2), False, 10)
    assert layers(resnet18(relu, 10, 1, stem="cifar")) == [1 * 64 * 9, *expected[1:]]


def test_width_and_depth():
    network = resnet50(relu, 10, width=0.25, depth=0.5)
    assert [len(network[k]) for k in range(1, 5)] == [2, 2, 3, 2]
    assert network[0][0][0].out_channels == 16
    assert network[-1].in_features == 512


def test_image_sizes():
    """The stages' sizes of table 1, from 224 to 7, and with the other stem from 32 to 4."""
    for stem, size, sides in (("imagenet", 224, [56, 28, 14, 7]), ("cifar", 32, [32, 16, 8, 4])):
        x = np.zeros((1, 3, size, size), np.float32)
        network = resnet18(relu, 10, width=0.05, depth=0.5, stem=stem)
        seen = []
        for part in network:
            x = part(x)
            seen.append(x.shape[2:])
        assert seen[1:5] == [(side, side) for side in sides]


def test_residual_adds_before_the_activation():
    block = module.Residual([4, 4, 4], [3, 3], 1, relu)
    block.branch[1][1].weight.data[...] = 0  # F is 0 then
    x = np.random.default_rng(0).standard_normal((2, 4, 5, 5)).astype(np.float32)
    np.testing.assert_array_equal(block(x).data, np.maximum(x, 0))
    assert isinstance(block.shortcut, nn.Identity)


def test_first_weights_keep_the_gradient():
    network = resnet18(relu, 10)
    weight = network[3][0].branch[1][0].weight.data  # 256 of 256 channels, 3x3
    assert weight.std() == pytest.approx(np.sqrt(2 / (256 * 9)), rel=0.01)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="block must be"):
        resnet("wide", (1,), relu, 10)
    for wrong in ((), (1, 0), (1, 1, 1, 1, 1)):
        with pytest.raises(ValueError, match="one to four stages"):
            resnet("basic", wrong, relu, 10)
