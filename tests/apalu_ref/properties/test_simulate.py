"""Random networks lie where the theory says, and the same seed draws the same."""

import json
import math
from functools import cache

import numpy as np
import pytest

from apalu_ref.properties import report
from apalu_ref.properties.activation import Activation
from apalu_ref.properties.gaussian import Gaussian
from apalu_ref.properties.meanfield import Network
from apalu_ref.properties.shape import Shape
from apalu_ref.properties.simulate import simulate, theory

HE = Network("He", math.sqrt(2), 0.0)


@cache
def of(f):
    activation = Activation(f)
    return activation, Gaussian(activation, Shape(activation))


def run(f="relu", network=HE, **options):
    return simulate(*of(f), network, **{"depth": 6, "width": 24, "draws": 3, **options})


@pytest.mark.parametrize(
    ("f", "network"),
    [
        ("relu", HE),
        ("tanh", Network("", 1.3, 0.3)),
        ("gelu", Network("", 1.5335, 0.0)),
        ("apalu", Network("", 0.713, 0.0)),
        ("identity", Network("", 1.0, 0.2)),
    ],
)
def test_nineteen_of_twenty_networks_lie_in_the_band(f, network):
    found = run(f, network, depth=6, width=64, draws=200, seed=3)
    inside = (found.lengths >= found.theory.low) & (found.lengths <= found.theory.high)
    # The first layer's noise is within 2/n alone; later ones depend on each other.
    assert np.all(np.abs(inside[:, 1:].mean(axis=0) - 0.95) < 0.055)
    assert found.share_inside == pytest.approx(inside[:, 1:].mean(), abs=1e-15)
    assert abs(found.share_inside - 0.95) < 0.035


def test_each_end_of_the_band_leaves_out_about_the_same():
    found = run("relu", depth=8, width=48, draws=300, seed=1)
    below = (found.lengths < found.theory.low)[:, 1:].mean()
    above = (found.lengths > found.theory.high)[:, 1:].mean()
    assert 0.008 < below < 0.05
    assert 0.008 < above < 0.05


def test_wide_networks_come_close_to_the_theory():
    network = Network("", 1.5, 0.3)
    found = run("tanh", network, depth=8, width=400, draws=6)
    np.testing.assert_allclose(found.lengths.mean(axis=0), found.theory.lengths, rtol=0.06)
    np.testing.assert_allclose(
        found.correlations.mean(axis=0), found.theory.correlations, atol=0.05
    )


def test_the_band_narrows_with_width():
    def spread(width):
        t = theory(of("relu")[1], HE, 5, width=width)
        return np.log(t.high[1:] / t.low[1:])

    np.testing.assert_allclose(spread(100) / spread(400), 2, rtol=0.15)


def test_the_band_of_the_first_layer_is_that_of_the_formula():
    """A relative variance of (E f⁴/(E f²)² - 1 + 2)/n: for ReLU 7/n."""
    t = theory(of("relu")[1], HE, 1, width=1000)
    half = 1.96 * math.sqrt(7 / 1000)
    assert np.log(t.high[1]) == pytest.approx(half, abs=0.012)
    assert np.log(t.low[1]) == pytest.approx(-half, abs=0.012)


def test_lengths_and_correlations_in_theory_are_the_maps_applied_again_and_again():
    t = theory(of("relu")[1], Network("", 1.2, 0.5), 5, c=-0.3)
    q, c = 1.0, -0.3
    for layer in range(6):
        assert t.lengths[layer] == pytest.approx(q, rel=1e-12)
        assert t.correlations[layer] == pytest.approx(c, abs=1e-12)
        after = 1.44 * q / 2 + 0.25
        # Both inputs have this length, so the map of the angle is that for normal numbers.
        angle = (math.sqrt(1 - c * c) + c * (math.pi - math.acos(c))) / (2 * math.pi)
        c = (1.44 * q * angle + 0.25) / after
        q = after


def test_the_theory_comes_to_rest():
    t = theory(of("tanh")[1], Network("", 2.0, 0.2), 60)
    assert t.correlations[-1] == pytest.approx(t.correlations[-2], abs=1e-4)
    assert t.lengths.shape == t.correlations.shape == t.low.shape == t.high.shape == (61,)


def test_lengths_that_leave_all_bounds_are_nan():
    t = theory(of("relu")[1], Network("", 1e-4, 0.0), 4)
    assert t.lengths[1] == pytest.approx(5e-9)
    assert np.isnan(t.lengths[3:]).all()


def test_networks_begin_exactly_as_the_theory():
    for c in (-0.8, 0.0, 0.5, 0.99):
        found = run(c=c)
        np.testing.assert_allclose(found.lengths[:, 0], 1, rtol=1e-12)
        np.testing.assert_allclose(found.correlations[:, 0], c, atol=1e-12)
        assert found.theory.correlations[0] == c


def test_equal_seeds_draw_equal_networks():
    first, second, other = run(seed=5), run(seed=5), run(seed=6)
    np.testing.assert_array_equal(first.lengths, second.lengths)
    np.testing.assert_array_equal(first.correlations, second.correlations)
    np.testing.assert_array_equal(first.theory.low, second.theory.low)
    assert (first.lengths[:, 1:] != other.lengths[:, 1:]).all()
    assert len(np.unique(first.lengths[:, -1])) == 3


def test_more_draws_leave_the_first_as_they_are():
    np.testing.assert_array_equal(run(draws=2).lengths, run(draws=4).lengths[:2])


def test_shapes_and_progress():
    seen = []
    found = run(depth=4, draws=3, progress=lambda done, of: seen.append((done, of)))
    assert found.lengths.shape == found.correlations.shape == (3, 5)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (found.width, found.network) == (24, HE)


def test_biases_reach_both_inputs_alike():
    found = run("tanh", Network("", 1e-6, 0.7), width=500, depth=2)
    np.testing.assert_allclose(found.correlations[:, 1:], 1, atol=1e-9)
    np.testing.assert_allclose(found.lengths[:, 1:], 0.49, rtol=0.3)


def test_json_is_strict():
    found = run("relu", Network("", 1e-4, 0.1), depth=3)
    record = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert (record["sigma_w"], record["sigma_b"], record["width"]) == (1e-4, 0.1, 24)
    assert len(record["q"]) == len(record["c"]) == 3
    assert {len(record[k]) for k in ("q in theory", "c in theory", "q low", "q high")} == {4}
    assert record["share of q inside"] == found.share_inside
    assert record["q"][0][1] == pytest.approx(found.lengths[0, 1], rel=1e-5)
    dead = run("relu", Network("", 1e-4, 0.0), depth=5)
    assert json.loads(json.dumps(dead.as_json(), allow_nan=False))["q in theory"][-1] is None


@pytest.mark.parametrize("options", [{"width": 1}, {"c": 1.0}, {"c": -1.0}])
def test_narrow_networks_and_equal_inputs(options):
    try:
        found = run(**options)
    except ValueError as error:
        assert not isinstance(error, np.linalg.LinAlgError)  # noqa: PT017
        return
    assert found.correlations[:, 0] == pytest.approx(options.get("c", 0.5))


@pytest.mark.parametrize(
    ("f", "network"),
    [
        (lambda x: x**3, Network("", 15**-0.5, 0.0)),
        (lambda x: np.where(np.abs(x) > 1, x, 0), Network("", 0.5, 0.0)),
    ],
)
def test_lengths_that_run_away_or_vanish(f, network):
    found = run(f, network, depth=30)
    json.dumps(found.as_json(), allow_nan=False)


@pytest.mark.parametrize("threshold", [0.5, 2.0])
def test_the_band_of_a_function_with_a_dead_zone(threshold):
    card = report(lambda x: np.maximum(x - threshold, 0))
    network = Network("gain", card["gain"], 0.0)
    found = simulate(card.activation, card.gaussian, network, width=64, depth=20, draws=3)
    assert not np.isnan(found.theory.low).any()
    assert not np.isnan(found.theory.high).any()
