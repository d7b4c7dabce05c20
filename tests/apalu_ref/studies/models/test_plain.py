import math

import numpy as np
import pytest

from apalu_ref.bench import engine
from apalu_ref.studies.models.plain import Skip, deep_mlp, lenet, mlp, plain_convnet
from minigrad import nn

from .common import check_counts, conv, conv_norm, linear, relu


def test_lenet_counts():
    expected = [conv(1, 8, 5, True), conv(8, 16, 5, True), linear(256, 10)]
    check_counts(lambda a: lenet(a, 10), expected, [8, 16])
    expected = [conv(3, 4, 5, True), conv(4, 8, 5, True), linear(8 * 25, 7)]
    check_counts(lambda a: lenet(a, 7, 3, width=0.5, image_size=32), expected, [4, 8])


def test_lenet_is_that_of_the_timings():
    assert repr(lenet(relu, 10)) == repr(engine.lenet(relu))


def test_mlp_counts():
    expected = [linear(784, 32), linear(32, 20), linear(20, 10)]
    check_counts(lambda a: mlp(a, (784, 32, 20, 10)), expected, [32, 20])
    expected = [linear(784, 16), linear(16, 10), linear(10, 10)]
    check_counts(lambda a: mlp(a, (784, 32, 20, 10), width=0.5), expected, [16, 10])
    check_counts(lambda a: mlp(a, (5, 2)), [linear(5, 2)], [])


def test_mlp_flattens_images():
    assert mlp(relu, (784, 8, 10))(np.zeros((2, 1, 28, 28), np.float32)).shape == (2, 10)


@pytest.mark.parametrize("residual", [False, True])
def test_deep_mlp_counts(residual):
    expected = [linear(12, 6), *[linear(6, 6)] * 4, linear(6, 3)]
    check_counts(
        lambda a: deep_mlp(a, 3, 12, layers=5, neurons=6, residual=residual), expected, [6] * 5
    )
    network = deep_mlp(relu, 3, 12, layers=5, neurons=12, width=0.5, residual=residual)
    assert network[-1].in_features == 6
    assert sum(isinstance(m, Skip) for m in network.modules()) == (4 if residual else 0)


def test_skip():
    x = np.random.default_rng(0).standard_normal((2, 3))
    np.testing.assert_array_equal(Skip(nn.ReLU())(x), x + np.maximum(x, 0))


def test_gain_keeps_the_second_moment():
    z = np.random.default_rng(0).standard_normal((200, 400)).astype(np.float32)
    for function in (nn.ReLU(), nn.Tanh()):
        gain = nn.init.gain(function)
        network = deep_mlp(lambda c, f=function: f, 10, 400, layers=1, neurons=400, gain=gain)
        hidden = network[1](z / np.float32(gain)).data
        assert (hidden**2).mean() == pytest.approx(gain**-2, rel=0.1)
    weight = plain_convnet(relu, 10, channels=64, gain=0.5)[0][1][0].weight.data
    assert weight.std() == pytest.approx(0.5 / math.sqrt(64 * 9), rel=0.02)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("layers", "split"), [(3, (1, 1, 1)), (7, (3, 2, 2)), (8, (3, 3, 2))])
def test_plain_convnet_counts(layers, split, batch_norm):
    expected, channels, before = [], [], 3
    for c, n in zip((8, 16, 32), split, strict=True):
        for _ in range(n):
            expected += conv_norm(before, c, 3) if batch_norm else [conv(before, c, 3, True)]
            channels.append(c)
            before = c
    expected.append(linear(32, 10))

    def build(activation):
        return plain_convnet(activation, 10, layers=layers, channels=8, batch_norm=batch_norm)

    check_counts(build, expected, channels)


def test_wrong_arguments():
    for build, message in (
        (lambda: lenet(relu, 10, width=0), "width"),
        (lambda: lenet(relu, 10, image_size=15), "image_size"),
        (lambda: mlp(relu, (3,)), "sizes"),
        (lambda: mlp(relu, (3, 0, 2)), "sizes"),
        (lambda: mlp(relu, (3, 4, 2), width=-1), "width"),
        (lambda: deep_mlp(relu, 2, 3, layers=0, neurons=4), "layers"),
        (lambda: deep_mlp(relu, 0, 3, layers=1, neurons=4), "num_classes"),
        (lambda: plain_convnet(relu, 10, layers=2), "layers"),
        (lambda: plain_convnet(relu, 10, width=0.0), "width"),
    ):
        with pytest.raises(ValueError, match=message):
            build()
