"""The flow against what defines it: its inverse, its Jacobian, and a density that sums to one."""

import math

import numpy as np
import pytest

from apalu_ref.studies.arms import activation
from apalu_ref.studies.models.normalizing import CLAMP, Coupling, Flow
from minigrad import Tensor, manual_seed, no_grad
from minigrad.gradcheck import gradcheck


def stirred(arm="apalu", dimensions=5, blocks=3, seed=0, hidden=7):
    """A flow in float64 that is not the identity any more."""
    manual_seed(seed)
    flow = Flow(activation(arm, seed), dimensions, blocks, hidden)
    rng = np.random.default_rng(seed)
    for parameter in flow.parameters():
        parameter.data = parameter.data + 0.3 * rng.standard_normal(parameter.shape)
    return flow


def jacobian(f, x, h=1e-6):
    columns = []
    for k in range(len(x)):
        step = np.zeros_like(x)
        step[k] = h
        columns.append((f(x + step) - f(x - step)) / (2 * h))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("arm", ["relu", "apalu", "tanh"])
@pytest.mark.parametrize("dimensions", [2, 5, 6])
def test_the_inverse_undoes_the_flow(arm, dimensions):
    flow = stirred(arm, dimensions)
    x = np.random.default_rng(1).standard_normal((20, dimensions))
    with no_grad():
        z, _ = flow.transform(Tensor(x))
        back = flow.inverse(z)
    assert np.abs(z.data - x).max() > 0.5
    assert np.allclose(back.data, x, atol=1e-9)


@pytest.mark.parametrize("dimensions", [2, 5])
def test_the_log_determinant_is_that_of_a_numerical_jacobian(dimensions):
    flow = stirred("apalu", dimensions)
    rows = np.random.default_rng(2).standard_normal((4, dimensions))

    def f(x):
        with no_grad():
            return flow.transform(Tensor(x[None]))[0].data[0]

    with no_grad():
        found = flow.transform(Tensor(rows))[1].data
    exact = [np.linalg.slogdet(jacobian(f, row))[1] for row in rows]
    assert np.allclose(found, exact, atol=1e-6)


def test_the_density_sums_to_one():
    flow = stirred("gelu", 2, seed=3)
    place = np.linspace(-12, 12, 481)
    grid = np.stack(np.meshgrid(place, place), axis=-1).reshape(-1, 2)
    with no_grad():
        likelihood = np.exp(-2 * flow(Tensor(grid)).data)
    assert likelihood.sum() * (place[1] - place[0]) ** 2 == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("arm", ["relu", "apalu", "sigmoid"])
def test_untrained_it_is_the_standard_normal_whatever_the_activation(arm):
    manual_seed(0)
    flow = Flow(activation(arm, 0), 4)
    x = np.random.default_rng(4).standard_normal((3, 4))
    expected = (0.5 * (x**2).sum(1) + 2 * math.log(2 * math.pi)) / 4
    assert np.allclose(flow(Tensor(x)).data, expected)


def test_both_halves_are_changed_and_scales_stay_within_the_clamp():
    manual_seed(0)
    block = Coupling(activation("relu", 0), 4, 6)
    for net in (block.first, block.second):
        net[-1].bias.data = np.full(net[-1].bias.shape, 100.0)
    x = np.random.default_rng(5).standard_normal((3, 4))
    y, determinant = block(Tensor(x))
    assert (y.data != x).all()
    assert np.allclose(determinant.data, 4 * CLAMP)


def test_gradients_of_the_likelihood_with_respect_to_the_features_are_right():
    # An activation without a kink: finite differences are only as good as the function is smooth.
    flow = stirred("silu", 4, blocks=1, seed=6)
    x = Tensor(np.random.default_rng(7).standard_normal((2, 4)), requires_grad=True)
    assert gradcheck(lambda t: flow(t), (x,))


def test_permutations_do_not_depend_on_the_activation():
    one, other = Flow(activation("relu", 0), 6), Flow(activation("apalu", 0), 6)
    assert all(np.array_equal(a, b) for a, b in zip(one.orders, other.orders, strict=True))
    with pytest.raises(ValueError, match="at least 2 dimensions"):
        Flow(activation("relu", 0), 1)


@pytest.mark.parametrize("size", [0.01, -0.01])
def test_small_scales_are_what_the_subnets_say(size):
    manual_seed(0)
    block = Coupling(activation("relu", 0), 4, 6)
    for net in (block.first, block.second):
        net[-1].bias.data = np.array([size, size, 0.0, 0.0])
    x = np.random.default_rng(5).standard_normal((3, 4))
    y, determinant = block(Tensor(x))
    # The clamp is cubic in what it takes away.
    assert np.allclose(y.data, x * math.exp(size), rtol=1e-5)
    assert np.allclose(determinant.data, 4 * size, rtol=1e-4)
