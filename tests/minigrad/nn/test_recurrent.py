"""Recurrent layers: lengths, layouts and refusals. Numbers beside PyTorch's are in tests/extras."""

import math

import numpy as np
import pytest

from minigrad import Tensor, grad, nn, random
from minigrad.gradcheck import gradcheck, gradgradcheck

KINDS = [nn.RNN, nn.GRU, nn.LSTM]
RNG = np.random.default_rng(0)
every_kind = pytest.mark.parametrize("kind", KINDS)


def new(kind, *args, **how):
    random.manual_seed(0)
    return kind(*args, **how).to(np.float64)


def last_of(states):
    return states[0] if isinstance(states, tuple) else states


def test_one_step_by_hand():
    x, h, c = 0.7, -0.4, 0.9

    def sigmoid(z):
        return 1 / (1 + math.exp(-z))

    def filled(kind):
        layer = kind(1, 1).to(np.float64)
        for k, p in enumerate(layer.parameters()):
            p.data.ravel()[:] = 0.1 * (k + 1) + 0.3 * np.arange(p.size)
        return layer, [p.data.ravel() for p in layer.parameters()]

    state = np.full((1, 1), h)
    layer, (w, u, b, d) = filled(nn.RNN)
    assert layer(np.array([[x]]), state)[0].item() == pytest.approx(
        math.tanh(w[0] * x + b[0] + u[0] * h + d[0])
    )
    layer, (w, u, b, d) = filled(nn.GRU)
    r = sigmoid(w[0] * x + b[0] + u[0] * h + d[0])
    z = sigmoid(w[1] * x + b[1] + u[1] * h + d[1])
    n = math.tanh(w[2] * x + b[2] + r * (u[2] * h + d[2]))
    assert layer(np.array([[x]]), state)[0].item() == pytest.approx((1 - z) * n + z * h)
    layer, (w, u, b, d) = filled(nn.LSTM)
    i, f, g, o = w * x + b + u * h + d
    cell = sigmoid(f) * c + sigmoid(i) * math.tanh(g)
    y, (_, last) = layer(np.array([[x]]), (state, np.full((1, 1), c)))
    assert last.item() == pytest.approx(cell)
    assert y.item() == pytest.approx(sigmoid(o) * math.tanh(cell))


@every_kind
@pytest.mark.parametrize("both", [False, True])
def test_shapes(kind, both):
    layer = new(kind, 4, 3, num_layers=2, bidirectional=both)
    d = 2 if both else 1
    y, last = layer(RNG.normal(size=(5, 7, 4)))
    assert y.shape == (5, 7, 3 * d)
    assert last_of(last).shape == (2 * d, 5, 3)
    y, last = layer(RNG.normal(size=(7, 4)))
    assert (y.shape, last_of(last).shape) == ((7, 3 * d), (2 * d, 3))
    y, last = layer(np.zeros((0, 7, 4)))
    assert (y.shape, last_of(last).shape) == ((0, 7, 3 * d), (2 * d, 0, 3))


@every_kind
def test_each_sequence_is_treated_as_if_alone(kind):
    layer = new(kind, 4, 3, num_layers=2, bidirectional=True)
    x, lengths = RNG.normal(size=(3, 6, 4)), [4, 6, 1]
    y, last = layer(x, lengths=lengths)
    for k, n in enumerate(lengths):
        alone, end = layer(x[k, :n])
        np.testing.assert_allclose(y.data[k, :n], alone.data, rtol=1e-13)
        assert not y.data[k, n:].any()
        np.testing.assert_allclose(last_of(last).data[:, k], last_of(end).data, rtol=1e-13)


@every_kind
def test_what_is_padded_has_no_influence_even_if_it_is_nan(kind):
    layer = new(kind, 4, 3, bidirectional=True)
    clean = RNG.normal(size=(2, 5, 4))
    clean[0, 3:] = 0
    dirty = clean.copy()
    dirty[0, 3:] = np.nan
    found = []
    for data in (clean, dirty):
        x = Tensor(data, requires_grad=True)
        y, last = layer(x, lengths=[3, 5])
        loss = (y * y).sum() + last_of(last).sum()
        found.append([loss, *grad(loss, [x, *layer.parameters()])])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    assert not found[1][1].data[0, 3:].any()


@every_kind
def test_gradients_of_both_orders_with_lengths(kind):
    layer = new(kind, 2, 2, bidirectional=True)

    def f(x):
        y, last = layer(x, lengths=[1, 3])
        return np.concatenate([np.ravel(y), np.ravel(last_of(last))])

    x = RNG.normal(size=(2, 3, 2))
    gradcheck(f, [x])
    gradgradcheck(f, [x])


@every_kind
def test_batch_first_is_the_default(kind):
    first, second = new(kind, 4, 3), new(kind, 4, 3, batch_first=False)
    x = RNG.normal(size=(5, 7, 4))
    y, last = first(x)
    z, end = second(x.swapaxes(0, 1))
    np.testing.assert_array_equal(y.data, z.data.swapaxes(0, 1))
    np.testing.assert_array_equal(last_of(last).data, last_of(end).data)


@every_kind
def test_a_sequence_may_be_cut_and_continued(kind):
    layer = new(kind, 4, 3, num_layers=2)
    x = RNG.normal(size=(2, 9, 4))
    whole, end = layer(x)
    first, state = layer(x[:, :4])
    second, state = layer(x[:, 4:], state)
    np.testing.assert_allclose(np.concatenate([first, second], 1).data, whole.data, rtol=1e-13)
    np.testing.assert_allclose(last_of(state).data, last_of(end).data, rtol=1e-13)


@every_kind
def test_gates_do_not_overflow(kind):
    layer = new(kind, 1, 2).to(np.float32)
    x = Tensor(np.array([[[1e30], [-1e30], [0]]], np.float32), requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        y, _ = layer(x)
        y.sum().backward()
    assert np.isfinite(y.data).all()
    assert np.isfinite(x.grad.data).all()


def test_dropout_between_layers_only_in_training():
    layer = new(nn.GRU, 4, 3, num_layers=2, dropout=0.5)
    x = RNG.normal(size=(2, 5, 4))
    assert (layer(x)[0].data != layer(x)[0].data).any()
    layer.eval()
    assert (layer(x)[0].data == layer(x)[0].data).all()
    single = new(nn.GRU, 4, 3, dropout=0.5)
    assert (single(x)[0].data == single(x)[0].data).all()


def test_names_of_parameters():
    layer = nn.LSTM(4, 3, num_layers=2, bidirectional=True)
    shapes = {name: p.shape for name, p in layer.named_parameters()}
    assert list(shapes)[:8] == [
        "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l0_reverse",
        "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse",
    ]  # fmt: skip
    assert shapes["weight_ih_l1"] == (12, 6)
    assert shapes["weight_hh_l1_reverse"] == (12, 3)
    assert len(list(nn.GRU(4, 3, bias=False).parameters())) == 2


@every_kind
def test_refusals(kind):
    layer = new(kind, 4, 3)
    x = np.zeros((2, 5, 4))
    for lengths in ([5], [0, 5], [5, 6], [1.0, 2.0]):
        with pytest.raises(ValueError, match="lengths must"):
            layer(x, lengths=lengths)
    with pytest.raises(ValueError, match="one sequence"):
        layer(x[0], lengths=[5])
    with pytest.raises(ValueError, match=r"takes an input \(N, T, 4\)"):
        layer(np.zeros((2, 5, 3)))
    with pytest.raises(ValueError, match="at least one step"):
        layer(np.zeros((2, 0, 4)))
    with pytest.raises(ValueError, match=r"hx must be"):
        layer(x, np.zeros((2, 2, 3)))
    with pytest.raises(ValueError, match="at least 1"):
        kind(4, 0)
    with pytest.raises(ValueError, match="dropout is a probability"):
        kind(4, 3, dropout=2)
    with pytest.raises(ValueError, match="'tanh' or 'relu', not 'gelu'"):
        nn.RNN(4, 3, nonlinearity="gelu")
