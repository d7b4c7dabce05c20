import numpy as np
import pytest

from apalu_ref.studies.models.googlenet import LocalResponseNorm, googlenet
from minigrad import nn

from .common import check_counts, conv, layers, linear, norm, relu

# Szegedy et al. 2014, table 1: 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj.
MODULES = (
    (64, 96, 128, 16, 32, 32),
    (128, 128, 192, 32, 96, 64),
    (192, 96, 208, 16, 48, 64),
    (160, 112, 224, 24, 64, 64),
    (128, 128, 256, 24, 64, 64),
    (112, 144, 288, 32, 64, 64),
    (256, 160, 320, 32, 128, 128),
    (256, 160, 320, 32, 128, 128),
    (384, 192, 384, 48, 128, 128),
)  # fmt: skip


def convolutions():
    """Input and output channels and the kernel's size of every convolution."""
    every, before = [(3, 64, 7), (64, 64, 1), (64, 192, 3)], 192
    for one, r3, three, r5, five, pool in MODULES:
        every += [(before, one, 1), (before, r3, 1), (r3, three, 3)]
        every += [(before, r5, 1), (r5, five, 5), (before, pool, 1)]
        before = one + three + five + pool
    assert before == 1024
    return every


CHANNELS = [m for _, m, _ in convolutions()]


def test_published_count():
    """Of the paper's table with biases, hence of Caffe's bvlc_googlenet as deployed."""
    expected = [conv(*c, bias=True) for c in convolutions()] + [linear(1024, 1000)]
    assert check_counts(lambda a: googlenet(a, 1000), expected, CHANNELS) == 6_998_552


def test_count_with_batch_norm():
    """It is torchvision's 6 624 904 as soon as the 5x5 kernels are 3x3, as they are there."""
    expected = [n for c in convolutions() for n in (conv(*c), norm(c[1]))] + [linear(1024, 1000)]
    count = check_counts(lambda a: googlenet(a, 1000, batch_norm=True), expected, CHANNELS)
    assert count == 7_005_832
    assert count - sum((25 - 9) * n * m for n, m, k in convolutions() if k == 5) == 6_624_904


def test_cifar_stem():
    expected = layers(googlenet(relu, 1000))
    assert layers(googlenet(relu, 1000, stem="cifar")) == [3 * 64 * 9 + 64, *expected[1:]]


def test_depth_spreads_over_the_table():
    def ones(depth):
        network = googlenet(relu, 10, width=1.0, depth=depth)
        return [[module.one[0].out_channels for module in network[k][1:]] for k in (1, 2, 3)]

    assert ones(0.3) == [[128], [128, 256], [384]]
    assert ones(0.01) == [[128], [256], [384]]
    assert ones(1.0) == [[64, 128], [192, 160, 128, 112, 256], [256, 384]]
    assert ones(2.0)[0] == [64, 64, 128, 128]


@pytest.mark.parametrize(("batch_norm", "number"), [(False, 2), (True, 0)])
def test_local_response_norms(batch_norm, number):
    network = googlenet(relu, 10, width=0.1, batch_norm=batch_norm)
    assert sum(isinstance(m, LocalResponseNorm) for m in network.modules()) == number


def test_local_response_norm_by_its_definition():
    x = np.random.default_rng(0).standard_normal((2, 7, 3, 2))
    want = np.empty_like(x)
    for c in range(7):
        near = x[:, max(0, c - 2) : c + 3]
        want[:, c] = x[:, c] / (1 + 0.3 / 5 * (near**2).sum(axis=1)) ** 0.75
    np.testing.assert_allclose(LocalResponseNorm(alpha=0.3)(x), want, rtol=1e-14)


def test_first_weights():
    network = googlenet(relu, 10)
    layer = network[1][1].three[1][0]
    assert (layer.bias.data == np.float32(0.2)).all()
    assert layer.weight.data.std() == pytest.approx(np.sqrt(1 / (96 * 9)), rel=0.01)
    assert not network[-1].bias.data.any()


def test_image_sizes():
    for stem, size, sides in (("imagenet", 224, [56, 28, 14, 7]), ("cifar", 32, [32, 16, 8, 4])):
        x = np.zeros((1, 3, size, size), np.float32)
        seen = []
        for part in googlenet(relu, 10, width=0.05, depth=0.1, stem=stem):
            x = part(x)
            seen.append(x.shape[2:])
        assert seen[:4] == [(side, side) for side in sides]


def test_dropout():
    assert any(isinstance(m, nn.Dropout) and m.p == 0.4 for m in googlenet(relu, 10).modules())
    with pytest.raises(ValueError, match="probability"):
        googlenet(relu, 10, width=0.1, dropout=1.5)
