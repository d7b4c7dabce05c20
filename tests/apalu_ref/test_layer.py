"""The APALU layer: shapes of its parameters, inits, constraints, and derivatives of any order."""

import numpy as np
import pytest

import minigrad
from apalu_ref import apalu_grad, formula, oracle
from apalu_ref.layer import APALU, VARIANCE_PRESERVING, apalu, parameter_groups
from minigrad import nn, optim
from minigrad.gradcheck import gradcheck, gradgradcheck
from minigrad.random import manual_seed

X = np.random.default_rng(0).standard_normal((4, 3, 5, 2)) * 2


def leaf(value, dtype=np.float64):
    return minigrad.tensor(value, dtype, requires_grad=True)


@pytest.mark.parametrize(
    ("count", "axis", "broadcast"),
    [(1, 1, ()), (3, 1, (3, 1, 1)), (2, -1, (2,)), (5, 2, (5, 1)), ((3, 5, 2), 1, (3, 5, 2))],
)
def test_one_pair_a_layer_a_channel_or_a_neuron(count, axis, broadcast):
    layer = APALU(count, axis, dtype=np.float64)
    x = leaf(X)
    y = layer(x)
    a, b = layer.a.data.reshape(broadcast), layer.b.data.reshape(broadcast)
    np.testing.assert_allclose(y.data, formula.apalu(X, a, b), rtol=1e-14)
    gy = np.random.default_rng(1).standard_normal(X.shape)
    y.backward(gy)
    dx, da, db = apalu_grad(X, a, b, gy)
    np.testing.assert_allclose(x.grad.data, dx, rtol=1e-13)
    np.testing.assert_allclose(layer.a.grad.data, da.reshape(layer.a.shape), rtol=1e-12)
    np.testing.assert_allclose(layer.b.grad.data, db.reshape(layer.b.shape), rtol=1e-12)


def test_values_are_the_oracles():
    x = np.linspace(-4, 4, 41)
    y = apalu(minigrad.tensor(x), 0.75, 1.25).data
    exact = [float(oracle.apalu(float(v), 0.75, 1.25)) for v in x]
    np.testing.assert_allclose(y, exact, rtol=1e-15, atol=1e-300)


SHAPES = [((7,), ()), ((4, 3), (3,)), ((2, 3, 2, 2), (3, 1, 1)), ((2, 3), (2, 3)), ((), ())]


@pytest.mark.parametrize(("shape", "own"), SHAPES)
def test_first_and_second_derivatives_are_those_of_the_values(shape, own):
    rng = np.random.default_rng(2)
    inputs = [rng.standard_normal(shape) * 2, *rng.uniform(0.5, 2, (2, *own))]
    assert gradcheck(apalu, inputs, names=["x", "a", "b"])
    assert gradgradcheck(apalu, inputs)


def test_at_zero_the_slope_is_the_right_one_in_every_order():
    x, a, b = leaf([0.0, -0.0]), leaf(2.0), leaf(1.0)
    for create_graph in (False, True):
        (dx,) = minigrad.grad(apalu(x, a, b).sum(), x, create_graph=create_graph)
        np.testing.assert_array_equal(dx.data, [3.0, 3.0])
    (d2x,) = minigrad.grad(dx.sum(), x, create_graph=True)
    np.testing.assert_allclose(d2x.data, [1.702, 1.702], rtol=1e-15)  # a·κ/2


def test_a_parameter_may_depend_on_the_input():
    def f(x):
        return apalu(x, np.exp(x), 1 + x * x)

    x = [np.array([-1.5, -0.5, 0.5, 1.5])]
    assert gradcheck(f, x)
    assert gradgradcheck(f, x)


def test_far_out_values_stay_finite_under_create_graph():
    x = leaf([-800.0, -50.0, 50.0, 800.0])
    y = apalu(x, 1.0, 1.0)
    (dx,) = minigrad.grad(y.sum(), x, create_graph=True)
    np.testing.assert_array_equal(dx.data, [0.0, np.exp(-50.0), 2.0, 2.0])
    (d2x,) = minigrad.grad(dx.sum(), x)
    assert np.isfinite(d2x.data).all()


def test_float32_is_the_default_and_stays():
    layer = APALU(3)
    x = leaf(X, np.float32)
    y = layer(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == layer.a.grad.dtype == np.float32


def test_the_papers_init_is_uniform_between_0_and_2():
    manual_seed(0)
    layer = APALU((100, 100))
    for values in (layer.a.data, layer.b.data):
        assert 0 < values.min() < 0.01
        assert 1.99 < values.max() <= 2
        assert abs(values.mean() - 1) < 0.02
        assert abs((values**2).mean() - 4 / 3) < 0.04
    manual_seed(0)
    np.testing.assert_array_equal(APALU((100, 100)).a.data, layer.a.data)


def test_the_variance_preserving_init_keeps_the_second_moment_and_has_no_kink():
    layer = APALU(init="variance-preserving", dtype=np.float64)
    assert layer.a.item() == VARIANCE_PRESERVING
    assert layer.b.item() == 1.5 * VARIANCE_PRESERVING
    z, w = np.polynomial.hermite_e.hermegauss(201)
    assert abs((w * layer(minigrad.tensor(z)).data ** 2).sum() / w.sum() - 1) < 1e-4
    network = nn.Sequential(*(nn.Linear(256, 256, bias=False) for _ in range(20)))
    rng = np.random.default_rng(0)
    h = minigrad.tensor(rng.standard_normal((64, 256)))
    for linear in network:
        linear.weight.data = rng.standard_normal((256, 256)) / 16
        h = layer(linear(h))
    assert 0.2 < (h.data**2).mean() < 5


def test_constants_as_init():
    layer = APALU(4, init=(0.5, 2))
    np.testing.assert_array_equal(layer.a.data, np.full(4, 0.5))
    np.testing.assert_array_equal(layer.b.data, np.full(4, 2.0))
    np.testing.assert_array_equal(APALU(init=0.5).b.data, [0.5])


def trained(layer, steps=200):
    """Push a and b down, hard."""
    optimizer = optim.SGD(list(layer.parameters()), lr=0.1)
    x = minigrad.tensor(X.astype(np.float32))
    for _ in range(steps):
        optimizer.zero_grad()
        (layer(x) * np.sign(X)).sum().backward()
        optimizer.step()
    return layer


def test_positive_keeps_them_positive():
    free, kept = trained(APALU(3, init=1.0)), trained(APALU(3, init=1.0, positive=True))
    assert (free.a.data < 0).all()
    assert (kept.a.data > 0).all()
    assert (kept.b.data > 0).all()
    assert {name for name, _ in kept.named_parameters()} == {"raw_a", "raw_b"}
    np.testing.assert_allclose(APALU(3, init=(0.3, 1.7), positive=True).b.data, 1.7, rtol=1e-6)


def test_positive_is_above_0_even_where_softplus_underflows():
    layer = APALU(init=1.0, positive=True)
    layer.raw_a.data[...] = -1000
    assert layer.a.item() > 0


def test_what_is_computed_is_not_assigned():
    with pytest.raises(AttributeError, match="set a"):
        APALU(tied=True).b = nn.Parameter(np.ones(1))
    with pytest.raises(AttributeError, match="raw_a"):
        APALU(positive=True).a = nn.Parameter(np.ones(1))
    layer = APALU(3)
    with pytest.raises(TypeError, match=r"nn\.Parameter of shape"):
        layer.a = 1.0
    layer.a = nn.Parameter(np.ones(3, np.float32))
    assert len(list(layer.parameters())) == 2


@pytest.mark.parametrize("positive", [False, True])
def test_tied_keeps_it_differentiable_at_zero(positive):
    layer = APALU(3, init=1.0, tied=True, positive=positive)
    assert len(list(layer.parameters())) == 1
    x = leaf(X, np.float32)
    layer(x).sum().backward()
    (parameter,) = layer.parameters()
    a, b = layer.a.data.reshape(3, 1, 1), layer.b.data.reshape(3, 1, 1)
    _, da, db = apalu_grad(X.astype(np.float32), a, b, np.ones(X.shape, np.float32))
    slope = 1 / (1 + np.exp(-parameter.data)) if positive else 1
    want = (da + 1.5 * db).reshape(3) * slope
    np.testing.assert_allclose(parameter.grad.data, want, rtol=1e-5)
    trained(layer, 3)
    np.testing.assert_array_equal(layer.b.data, layer.a.data * np.float32(1.5))


def test_frozen_is_not_trained_but_saved():
    layer = APALU(3, frozen=True)
    x = leaf(X, np.float32)
    layer(x).sum().backward()
    assert layer.a.grad is None
    assert x.grad is not None
    assert set(layer.state_dict()) == {"a", "b"}


def test_the_state_comes_back():
    first, second = APALU(3), APALU(3)
    second.load_state_dict(first.state_dict())
    np.testing.assert_array_equal(first.a.data, second.a.data)


def test_parameter_groups_keep_decay_away_from_a_and_b():
    network = nn.Sequential(nn.Linear(2, 3), APALU(3), nn.Linear(3, 1), APALU(positive=True))
    rest, own = parameter_groups(network, lr=0.5)
    assert [p.shape for p in own["params"]] == [(3,), (3,), (1,), (1,)]
    assert own["lr"] == 0.5
    assert own["weight_decay"] == 0
    assert len(rest["params"]) == 4
    optimizer = optim.AdamW([rest, own], lr=0.01, weight_decay=0.1)
    assert [g["weight_decay"] for g in optimizer.param_groups] == [0.1, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_parameters": 0}, "positive lengths"),
        ({"num_parameters": ()}, "positive lengths"),
        ({"init": "he"}, "'paper', 'variance-preserving'"),
        ({"init": (1, 2, 3)}, "a pair"),
        ({"init": np.nan}, "finite"),
        ({"init": -1.0, "positive": True}, "positive initial values"),
        ({"init": (1.0, 1.0), "tied": True}, "b = 3a/2"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        APALU(**options)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (APALU(3), (2, 4), "3 pairs along axis 1"),
        (APALU(3), (3,), "3 pairs along axis 1"),
        (APALU((3, 2)), (2, 3), "does not end in it"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer(minigrad.tensor(np.ones(shape, np.float32)))


def test_it_prints_as_it_was_made():
    assert repr(APALU()) == "APALU(1)"
    text = "APALU(4, channel_axis=2, init='variance-preserving', tied=True)"
    assert repr(APALU(4, 2, "variance-preserving", tied=True)) == text
