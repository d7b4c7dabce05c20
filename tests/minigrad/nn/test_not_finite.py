"""A NaN or an infinity stays where it belongs: zeros do not carry it elsewhere."""

import numpy as np
import pytest

from minigrad import nn, tensor
from minigrad.nn import functional as F

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("batch", [3, 16])
def test_a_depthwise_convolution_spreads_it_over_its_window_only(batch, bad):
    x, w = RNG.normal(size=(batch, 2, 8, 8)), RNG.normal(size=(2, 1, 3, 3))
    x[0, 0, 4, 4] = bad
    y = F.conv2d(tensor(x), tensor(w), padding=1, groups=2).data
    rows, columns = np.nonzero(~np.isfinite(y[0, 0]))
    assert {*rows} == {*columns} == {3, 4, 5}
    assert np.isfinite(y[1:]).all()
    assert np.isfinite(y[:, 1]).all()


@pytest.mark.parametrize("size", [2, 3, (4, 5)])
def test_adaptive_pooling_keeps_it_in_its_bin(size):
    x = np.ones((1, 1, 8, 8))
    x[0, 0, 0, 0] = np.inf
    y = F.adaptive_avg_pool2d(tensor(x), size).data.ravel()
    assert y[0] == np.inf
    np.testing.assert_array_equal(y[1:], 1)


def test_max_pooling_gives_no_gradient_to_its_padding():
    x = tensor(np.full((1, 1, 4, 4), -np.inf), requires_grad=True)
    F.max_pool2d(x, 3, 1, 1).sum().backward()
    assert x.grad.data.sum() == 16


@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 1)])
def test_max_pooling_gives_the_gradient_to_the_nan(place):
    x = tensor(np.ones((1, 1, 2, 2)), requires_grad=True)
    x.data[0, 0][place] = np.nan
    F.max_pool2d(x, 2).sum().backward()
    assert list(map(tuple, np.argwhere(x.grad.data[0, 0]))) == [place]


def test_a_sequence_that_has_ended_does_not_grow_on():
    layer = nn.RNN(1, 2, nonlinearity="relu")
    layer.weight_hh_l0.data[...], layer.weight_ih_l0.data[...] = 2, 1
    x = np.ones((2, 200, 1), np.float32)
    y, _ = layer(tensor(x), lengths=[2, 3])
    y.sum().backward()
    assert all(np.isfinite(p.grad.data).all() for p in layer.parameters())
    again = nn.RNN(1, 2, nonlinearity="relu")
    again.load_state_dict(layer.state_dict())
    y, _ = again(tensor(x[:, :3]), lengths=[2, 3])
    y.sum().backward()
    for p, q in zip(layer.parameters(), again.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.data, rtol=1e-6)
