"""How a and b begin: numbers drawn, second moments, gains."""

import math

import numpy as np
import pytest

from apalu_ref import apalu
from apalu_ref.studies import inits
from apalu_ref.studies.arms import ARMS
from minigrad import Tensor, random

Z, WEIGHTS = np.polynomial.hermite_e.hermegauss(200)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def _moment(a, b):
    """E f(z)² by Gauss and Hermite's rule, which knows nothing of halves."""
    return float(WEIGHTS @ apalu(Z, a, b) ** 2)


@pytest.mark.parametrize("init", inits.INITS)
def test_the_second_moment_is_that_of_many_draws(init):
    a, b = inits.drawn(init, 4000, np.random.default_rng(0))
    mean = np.mean([_moment(p, q) for p, q in zip(a, b, strict=True)])
    assert inits.moment(init) == pytest.approx(mean, rel=0.04)


def test_ranges_are_kept_and_stretch_the_same_numbers():
    draws = {i: inits.drawn(i, 1000, np.random.default_rng(5))[0] for i in inits.RANGES}
    for init, (low, high) in inits.RANGES.items():
        assert low <= draws[init].min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < draws[init].max() <= high
    assert np.allclose(draws["U[0,2]"], 2 * draws["U[0,1]"])
    assert np.allclose(draws["U[-1,1]"], draws["U[0,2]"] - 1)


@pytest.mark.parametrize("init", inits.INITS)
def test_trained_frozen_and_tied_pairs_begin_alike(init):
    trained, frozen, tied = (
        inits.factory(arm, init, 7)(5) for arm in ("apalu", "apalu-frozen", "apalu-tied")
    )
    assert np.array_equal(trained.a.data, frozen.a.data)
    assert np.array_equal(trained.b.data, frozen.b.data)
    assert np.array_equal(trained.a.data, tied.a.data)
    assert np.allclose(tied.b.data, 1.5 * tied.a.data)
    assert trained.a.requires_grad
    assert not frozen.a.requires_grad


def test_a_scaled_relu_has_the_second_moment_of_the_init():
    for init in inits.INITS:
        module = inits.factory("relu-scaled", init, 0)(3)
        assert module.gain**2 / 2 == pytest.approx(inits.moment(init))


def test_layers_differ_and_an_entropy_gives_the_same_again():
    first, second = inits.factory("apalu", "U[0,2]", 1), inits.factory("apalu", "U[0,2]", 1)
    one, two = first(4), first(4)
    assert not np.array_equal(one.a.data, two.a.data)
    assert np.array_equal(one.a.data, second(4).a.data)
    assert not np.array_equal(one.a.data, one.b.data)


def test_weights_drawn_after_it_are_the_same_whatever_is_begun():
    found = []
    for init in inits.INITS:
        random.manual_seed(3)
        inits.factory("apalu", init, 1)(9)
        found.append(float(random.default_generator().random()))
    assert len(set(found)) == 1


def test_arms_without_a_and_b_have_no_init():
    assert inits.factory("relu", "U[0,2]", 0) is None
    assert inits.factory("apalu-vp", "U[0,2]", 0) is None


@pytest.mark.parametrize("arm", [a for a in ARMS if a != "relu-wide"])
def test_the_matched_gain_keeps_the_second_moment_of_what_the_arm_makes(arm):
    random.manual_seed(1)
    module = ARMS[arm].make(3000)
    # One pair a column; a normal signal of that gain's weights has variance gain² after unit input.
    z = np.random.default_rng(2).normal(size=(300, 3000))
    with np.errstate(all="ignore"):
        moment = float(np.square(module(Tensor(z)).data).mean())
    assert inits.matched(arm) ** 2 * moment == pytest.approx(1, rel=0.05)


def test_known_gains():
    assert inits.matched("relu") == pytest.approx(math.sqrt(2))
    assert inits.matched("apalu-vp") == pytest.approx(1)
    # E a² (E u² + E v²) with E a² = 4/3: 2.62 a layer, as the paper's init is told to grow.
    assert inits.matched("apalu") ** -2 == pytest.approx(4 / 3 * 1.965457930)
