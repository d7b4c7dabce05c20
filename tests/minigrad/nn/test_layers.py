"""Layers: what PyTorch beside them (tests/extras) does not show."""

import numpy as np
import pytest

from minigrad import Tensor, grad, nn, random
from minigrad.gradcheck import gradcheck, gradgradcheck
from minigrad.nn import functional as F

RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(3, 2), (4, 3)),
        (nn.Conv2d(3, 2, 3, padding="same"), (2, 3, 4, 4)),
        (nn.MaxPool2d(2), (2, 3, 4, 4)),
        (nn.AvgPool2d(2), (2, 3, 4, 4)),
        (nn.AdaptiveAvgPool2d((2, 3)), (2, 3, 4, 4)),
        (nn.BatchNorm1d(3), (4, 3)),
        (nn.BatchNorm2d(3), (2, 3, 4, 4)),
        (nn.LayerNorm(3), (4, 3)),
        (nn.Dropout(0.3), (4, 3)),
        (nn.RNN(3, 2), (2, 4, 3)),
        (nn.GRU(3, 2, 2, bidirectional=True), (2, 4, 3)),
        (nn.LSTM(3, 2, 2, dropout=0.2), (2, 4, 3)),
    ],
    ids=lambda x: repr(x).split("(")[0],
)
@pytest.mark.parametrize("train", [True, False])
def test_float32_stays_float32(layer, shape, train):
    x = Tensor(floats(*shape), requires_grad=True)
    y = layer.train(train)(x)
    y = y[0] if isinstance(y, tuple) else y
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32
    assert all(p.grad.dtype == np.float32 for p in layer.parameters())
    assert all(a.dtype == np.float32 for a in layer.buffers() if a.ndim)


def test_linear_names_the_length_it_needs():
    with pytest.raises(ValueError, match=r"length 3: its shape is \(4, 5\)"):
        nn.Linear(3, 2)(floats(4, 5))


def test_a_plain_array_is_an_input_too():
    x = floats(4, 3)
    linear = nn.Linear(3, 2)
    want = x @ linear.weight.data.T + linear.bias.data
    np.testing.assert_allclose(linear(x).data, want, rtol=1e-6)


class TestConv2d:
    def test_same_needs_stride_1(self):
        with pytest.raises(ValueError, match="needs stride 1"):
            nn.Conv2d(1, 1, 3, stride=2, padding="same")(floats(1, 1, 4, 4))

    @pytest.mark.parametrize("wrong", [0, -1, (1, 2, 3), 1.5, "full"])
    def test_wrong_sizes(self, wrong):
        with pytest.raises((ValueError, TypeError)):
            nn.Conv2d(1, 1, wrong)

    def test_wrong_padding(self):
        with pytest.raises(ValueError, match="'same' or 'valid', not 'full'"):
            nn.Conv2d(1, 1, 3, padding="full")(floats(1, 1, 4, 4))

    def test_wrong_groups_and_channels(self):
        with pytest.raises(ValueError, match="groups=2 must divide"):
            nn.Conv2d(3, 4, 3, groups=2)
        with pytest.raises(ValueError, match="needs an input of 3 channels"):
            nn.Conv2d(3, 4, 3)(floats(1, 2, 4, 4))
        with pytest.raises(ValueError, match=r"\(N, C, H, W\) or \(C, H, W\)"):
            nn.Conv2d(3, 4, 3)(floats(3, 4))

    def test_an_empty_batch(self):
        conv = nn.Conv2d(3, 4, 3)
        y = conv(Tensor(floats(0, 3, 5, 5)))
        assert y.shape == (0, 4, 3, 3)
        y.sum().backward()
        assert not conv.weight.grad.data.any()


class TestPooling:
    def test_too_much_padding(self):
        with pytest.raises(ValueError, match="more than half of the window"):
            nn.MaxPool2d(2, padding=2)(floats(1, 1, 4, 4))

    def test_at_ties_the_first_has_the_gradient(self):
        x = Tensor(np.zeros((1, 1, 2, 2)), requires_grad=True)
        nn.MaxPool2d(2)(x).sum().backward()
        assert x.grad.tolist() == [[[[1, 0], [0, 0]]]]

    def test_adaptive_pooling_to_one_is_the_mean(self):
        x = RNG.normal(size=(2, 3, 5, 7))
        y = nn.AdaptiveAvgPool2d(1)(x)
        np.testing.assert_allclose(y, x.mean((2, 3), keepdims=True))


class TestBatchNorm:
    def test_normalises(self):
        x = RNG.normal(3, 5, (64, 4, 3, 3))
        y = nn.BatchNorm2d(4, eps=0)(x).data
        np.testing.assert_allclose(y.mean((0, 2, 3)), 0, atol=1e-14)
        np.testing.assert_allclose(y.var((0, 2, 3)), 1, rtol=1e-12)

    def test_without_a_momentum_the_statistics_are_means_over_the_batches(self):
        layer = nn.BatchNorm1d(3, momentum=None)
        batches = RNG.normal(2, 3, (4, 8, 3))
        for batch in batches:
            layer(batch)
        np.testing.assert_allclose(layer.running_mean, batches.mean((0, 1)), rtol=1e-6)
        unbiased = batches.var(1, ddof=1).mean(0)
        np.testing.assert_allclose(layer.running_var, unbiased, rtol=1e-6)

    def test_running_statistics(self):
        x = RNG.normal(3, 5, (6, 4))
        layer = nn.BatchNorm1d(4, momentum=0.25)
        layer(x)
        np.testing.assert_allclose(layer.running_mean, 0.25 * x.mean(0), rtol=1e-6)
        unbiased = 0.75 + 0.25 * x.var(0, ddof=1)
        np.testing.assert_allclose(layer.running_var, unbiased, rtol=1e-6)
        before = layer.state_dict()
        layer.eval()(x)
        assert all((before[k] == v).all() for k, v in layer.state_dict().items())

    def test_large_mean_and_half_precision(self):
        x = RNG.normal(300, 100, (50, 2)).astype(np.float16)
        y = nn.BatchNorm1d(2).to(np.float16)(x)
        assert y.dtype == np.float16
        want = (x - x.mean(0, dtype=float)) / x.std(0, dtype=float)
        np.testing.assert_allclose(y.data, want, atol=2e-3)

    @pytest.mark.parametrize("train", [True, False])
    def test_gradients_of_all_orders(self, train):
        layer = nn.BatchNorm2d(2).to(np.float64).train(train)
        x = RNG.normal(size=(3, 2, 2, 2))
        gradcheck(layer, [x])
        gradgradcheck(layer, [x])

    def test_backward_sees_the_values_of_its_own_forward(self):
        layer = nn.BatchNorm1d(3).to(np.float64)
        x = Tensor(RNG.normal(size=(5, 3)), requires_grad=True)
        g = RNG.normal(size=(5, 3))
        (alone,) = grad(layer(x), x, g)
        y = layer(x)
        layer(RNG.normal(size=(5, 3)))
        (between,) = grad(y, x, g)
        np.testing.assert_array_equal(between.data, alone.data)

    def test_refusals(self):
        with pytest.raises(ValueError, match="more than one value a channel"):
            nn.BatchNorm1d(3)(floats(1, 3))
        with pytest.raises(ValueError, match="2 or 3 axes"):
            nn.BatchNorm1d(3)(floats(1, 3, 2, 2))
        with pytest.raises(ValueError, match=r"weight has shape \(3,\), the input 2 channels"):
            nn.BatchNorm1d(3)(floats(4, 2))
        with pytest.raises(ValueError, match="needs running_mean"):
            F.batch_norm(floats(4, 2), None, None)


class TestLayerNorm:
    def test_shape(self):
        with pytest.raises(ValueError, match="over \\(3,\\) needs an input"):
            nn.LayerNorm(3)(floats(3, 2))

    def test_one_sample_at_a_time(self):
        x = RNG.normal(size=(4, 3, 5))
        layer = nn.LayerNorm((3, 5)).to(np.float64)
        together = layer(x).data
        for k in range(4):
            np.testing.assert_allclose(layer(x[k]).data, together[k], rtol=1e-14)


class TestDropout:
    def test_drops_and_scales(self):
        random.manual_seed(0)
        x = Tensor(np.ones((200, 200), np.float32), requires_grad=True)
        y = nn.Dropout(0.25)(x)
        kept = y.data != 0
        assert abs(kept.mean() - 0.75) < 0.01
        assert np.unique(y.data[kept]) == pytest.approx([4 / 3])
        y.sum().backward()
        np.testing.assert_array_equal(x.grad.data, y.data)

    def test_the_seed_repeats_it_and_so_does_the_state(self):
        layer, x = nn.Dropout(0.5), np.ones(50)
        random.manual_seed(1)
        first = layer(Tensor(x)).tolist()
        state = random.get_state()
        second = layer(Tensor(x)).tolist()
        random.set_state(state)
        assert layer(Tensor(x)).tolist() == second != first
        random.manual_seed(1)
        assert layer(Tensor(x)).tolist() == first

    def test_eval_and_the_ends(self):
        x = Tensor(floats(5))
        assert nn.Dropout(0.5).eval()(x) is x
        assert nn.Dropout(0.0)(x) is x
        assert not nn.Dropout(1.0)(x).data.any()
        with pytest.raises(ValueError, match="a probability, from 0 to 1"):
            nn.Dropout(1.1)


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [((), (2, 60)), ((0,), (120,)), ((1, 2), (2, 12, 5)), ((-2, -1), (2, 3, 20))],
)
def test_flatten(arguments, shape):
    x = floats(2, 3, 4, 5)
    y = nn.Flatten(*arguments)(Tensor(x))
    assert y.shape == shape
    assert (y.data.ravel() == x.ravel()).all()
    with pytest.raises(ValueError, match="does not go with shape"):
        nn.Flatten(2)(floats(2, 3))


def test_flatten_of_an_empty_batch():
    assert nn.Flatten()(Tensor(floats(0, 3, 4))).shape == (0, 12)


def test_identity():
    x = object()
    assert nn.Identity()(x) is x


def test_a_small_network_learns():
    random.manual_seed(0)
    x = RNG.uniform(-1, 1, (256, 2)).astype(np.float32)
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 2))
    losses = []
    for _ in range(300):
        loss = F.cross_entropy(model(x), labels)
        loss.backward()
        for p in model.parameters():
            p.data -= 0.7 * p.grad.data
        model.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.15 < 0.6 < losses[0]
