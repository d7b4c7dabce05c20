"""Kinks, crossings and summits: found where they are, and only there."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apalu_ref.properties.features import (
    GRID,
    NEAR,
    Kink,
    crossing,
    highest,
    kinks,
    one_sided,
    runs,
)


def of(f, *derivatives):
    return kinks([f, *derivatives])


def bend(k):
    return lambda x: np.abs(x - k), lambda x: np.where(x < k, -1.0, 1.0), lambda x: 0 * x


ODD = [0.0, 1 / 3, -math.pi, math.e, 0.1, -7.654321, 0.0078125 + 1e-9, 0.0078125 - 1e-9, 15.99]


@pytest.mark.parametrize("k", [*ODD, 0.5, 100.3, -5000.125, 1e-3])
def test_a_bend_is_found_to_rounding_wherever_it_is(k):
    (found,) = of(*bend(k))
    assert found.x == pytest.approx(k, rel=1e-12, abs=1e-12)
    assert found == Kink(found.x, 1, -1.0, 1.0)


@pytest.mark.parametrize("k", [0.123456789, -3.00000000001])
def test_places_with_few_digits_are_exact(k):
    (found,) = of(*bend(k))
    assert found.x == k


@pytest.mark.parametrize("k", ODD)
def test_a_jump_is_found_to_rounding_wherever_it_is(k):
    (found,) = of(lambda x: np.where(x < k, 2.0, -1.0 + 0 * x), lambda x: 0 * x)
    assert found.x == pytest.approx(k, rel=1e-12, abs=1e-12)
    assert (found.order, found.left, found.right) == (0, 2.0, -1.0)


@pytest.mark.parametrize("k", [1 / 7, -2.2])
def test_a_jump_of_the_second_derivative(k):
    (found,) = of(
        lambda x: np.maximum(x - k, 0) ** 2,
        lambda x: 2 * np.maximum(x - k, 0),
        lambda x: np.where(x > k, 2.0, 0.0),
    )
    assert (found.order, found.left, found.right) == (2, 0.0, 2.0)
    assert found.x == pytest.approx(k, abs=1e-12)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.floats(-15, 15), min_size=1, max_size=5), st.floats(0.01, 100))
def test_several_bends_are_all_found(places, size):
    places = sorted(places)
    if any(b - a < 0.02 for a, b in itertools.pairwise(places)):
        return
    found = of(
        lambda x: sum(size * np.abs(x - k) for k in places),
        lambda x: sum(size * np.where(x < k, -1.0, 1.0) for k in places),
        lambda x: 0 * x,
    )
    assert [k.x for k in found] == pytest.approx(places, rel=1e-11, abs=1e-11)
    assert {k.order for k in found} == {1}
    assert [k.right - k.left for k in found] == pytest.approx([2 * size] * len(places), rel=1e-9)


def test_the_lowest_order_is_told_and_each_place_once():
    found = of(
        lambda x: np.where(x < 1, x, 2 * x),
        lambda x: np.where(x < 1, 1.0, 2.0),
        lambda x: np.where(x < -1, 1.0, 0.0),
    )
    assert [(k.x, k.order) for k in found] == [(-1.0, 2), (1.0, 0)]


@pytest.mark.parametrize("steep", [10.0, 1000.0, 1e5])
def test_steep_smooth_passages_are_no_kinks(steep):
    assert not of(
        lambda x: np.tanh(steep * x),
        lambda x: steep / np.cosh(np.minimum(np.abs(steep * x), 300)) ** 2,
    )


def test_waves_exponentials_and_parabolas_have_no_kinks():
    assert not of(np.sin, np.cos, lambda x: -np.sin(x))
    assert not of(lambda x: x**2, lambda x: 2 * x, lambda x: 2 + 0 * x)
    assert not of(*[lambda x: np.exp(np.minimum(x, 700))] * 2)


def test_noise_of_the_size_of_rounding_is_no_kink():
    assert not of(lambda x: x + 1e-13 * np.sign(np.sin(40 * x)), lambda x: 1 + 0 * x)


def test_small_jumps_of_large_functions_and_jumps_of_small_functions():
    (found,) = of(lambda x: np.where(x > 0.3, 1e-5, 0.0) + np.tanh(x))
    assert found.x == pytest.approx(0.3, abs=1e-9)
    (found,) = of(lambda x: 1e-200 * np.where(x > 0.3, 1.0, 0.0))
    assert found.right == pytest.approx(1e-200)


def test_what_is_not_finite_is_passed_over():
    assert not of(lambda x: np.where(x < 0, np.nan, np.sqrt(np.abs(x)) + 1))


def test_the_grid_is_in_order_and_has_zero():
    assert (np.diff(GRID) > 0).all()
    assert 0.0 in GRID
    assert NEAR in GRID
    assert GRID[0] == pytest.approx(-1e4)
    np.testing.assert_array_equal(GRID, -GRID[::-1])


@pytest.mark.parametrize("x", [0.0, 2.0, -300.0])
def test_limits_from_a_side_are_extrapolated_past_odd_values_at_the_place(x):
    def g(t):
        return np.where(t == x, 99.0, np.where(t < x, t * t, t * t + 3))

    assert one_sided(g, x, -1.0) == pytest.approx(x * x, abs=1e-9)
    assert one_sided(g, x, 1.0) == pytest.approx(x * x + 3, abs=1e-9)


def test_limits_from_a_side_are_exact_for_parabolas():
    assert one_sided(lambda t: 3 * t * t - 2 * t + 1, 0.0, 1.0) == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("root", [0.3, -1 / 3, math.sqrt(2), 0.0, 7.0])
def test_crossings_to_rounding(root):
    for sign in (-1, 1):
        place = crossing(lambda x, s=sign: s * (x - root), root - 0.7, root + 1.3)
        assert place == pytest.approx(root, rel=1e-14, abs=1e-14)


def test_crossings_of_round_numbers_are_round():
    assert crossing(lambda x: np.sin(np.pi * (x - 0.1)), -0.2, 0.35) == 0.1


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ([1], [(1, 0, 0)]),
        ([0, 0, 1, -1, -1], [(0, 0, 1), (1, 2, 2), (-1, 3, 4)]),
        ([2, 2, 2], [(2, 0, 2)]),
    ],
)
def test_runs(signs, expected):
    assert runs(np.array(signs)) == expected


def test_a_summit_between_points_is_found_to_rounding():
    places = np.linspace(-4, 4, 81)
    x, value = highest(lambda t: 3 - (t - 0.123) ** 2, lambda t: -2 * (t - 0.123), places)
    assert (x, value) == (pytest.approx(0.123, abs=1e-12), 3.0)


def test_a_summit_at_an_end_a_corner_or_beside_nan():
    places = np.linspace(-4, 4, 81)
    assert highest(lambda t: t, lambda t: 1 + 0 * t, places) == (4.0, 4.0)
    assert highest(lambda t: -t, lambda t: -1 + 0 * t, places) == (-4.0, 4.0)
    x, value = highest(lambda t: np.where(t < 1, t, np.nan), lambda t: 1 + 0 * t, places)
    assert (x, value) == (pytest.approx(0.9), pytest.approx(0.9))
    assert all(map(math.isnan, highest(lambda t: np.nan * t, lambda t: t, places)))
