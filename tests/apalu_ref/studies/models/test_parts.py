import numpy as np
import pytest

from apalu_ref.studies.models.parts import check, conv, head, repeated, scaled
from minigrad import nn


def test_scaled_rounds_half_up_and_keeps_the_least():
    assert [scaled(8, w) for w in (1, 0.5, 0.3125, 0.31, 0.01)] == [8, 4, 3, 2, 2]
    assert scaled(8, 0.01, least=1) == 1
    assert isinstance(scaled(64, 1.013), int)


def test_scaled_at_one_is_the_identity():
    assert [scaled(n, 1.0) for n in range(2, 3000)] == list(range(2, 3000))


def test_scaled_sums_rise_by_at_least_one():
    """What DenseNet relies on: each layer adds at least one channel, however thin."""
    for width in np.geomspace(0.01, 3, 301):
        sums = [0, *(scaled(32 * k, width, least=k) for k in range(1, 60))]
        assert min(np.diff(sums)) >= 1


def test_repeated_keeps_one():
    assert [repeated(6, d) for d in (0.01, 0.3, 1, 1.5)] == [1, 2, 6, 9]


def test_conv():
    x = np.zeros((2, 4, 7, 7), np.float32)
    layer = conv(4, 6, 5, 2, 2, activation=lambda channels: nn.PReLU(channels))
    assert layer(x).shape == (2, 6, 4, 4)
    assert [type(part).__name__ for part in layer] == ["Conv2d", "BatchNorm2d", "PReLU"]
    assert layer[0].bias is None
    bare = conv(4, 6, 1, batch_norm=False)
    assert [type(part).__name__ for part in bare] == ["Conv2d"]
    assert bare[0].bias.shape == (6,)


def test_head():
    assert list(head(4, 3)) == ["pool", "flatten", "classifier"]
    assert list(head(4, 3, 0.5)) == ["pool", "flatten", "dropout", "classifier"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_classes": 0}, "num_classes"),
        ({"in_channels": 0}, "in_channels"),
        ({"width": 0}, "width is a factor greater than 0, not 0"),
        ({"width": -1.0}, "width"),
        ({"width": float("nan")}, "width"),
        ({"width": float("inf")}, "width"),
        ({"depth": 0.0}, "depth"),
        ({"stem": "mnist"}, "stem must be 'imagenet' or 'cifar', not 'mnist'"),
    ],
)
def test_check(wrong, message):
    with pytest.raises(ValueError, match=message):
        check(**{"num_classes": 10, "in_channels": 3, **wrong})
