"""Means under normal distributions against closed forms, kinks and jumps included."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apalu_ref.properties import quadrature
from apalu_ref.properties.quadrature import cuts, mean, normal, product
from minigrad.special import erf

ROOT = math.sqrt(2 * math.pi)
CORRELATIONS = [-1, -0.999999, -0.5, -1e-3, 0, 1e-13, 2e-3, 0.3, 0.95, 0.9999, 1 - 1e-8, 1]


def density(t):
    return math.exp(-t * t / 2) / ROOT


def above(t):
    return math.erfc(t / math.sqrt(2)) / 2


def relu(x):
    return np.maximum(x, 0)


def test_weights_are_those_of_the_normal_distribution():
    z, w = normal(np.array([-3.0, 0.1, 2.0]))
    moments = [float(w @ z**k) for k in range(9)]
    assert moments == pytest.approx([1, 0, 1, 0, 3, 0, 15, 0, 105], abs=1e-12)
    assert (w >= 0).all()
    assert np.abs(z).max() < 14


@pytest.mark.parametrize("k", [0.0, 1 / 3, -0.7, 2.5, -math.pi])
@pytest.mark.parametrize("scale", [0.01, 1.0, 3.0, 100.0])
def test_ramps_that_start_anywhere(k, scale):
    def ramp(x):
        return np.maximum(x - k, 0)

    t = k / scale
    first = scale * (density(t) - t * above(t))
    second = scale**2 * ((1 + t * t) * above(t) - t * density(t))
    edges = cuts(ramp, [k])
    assert mean(ramp, edges, scale) == pytest.approx(first, rel=1e-12, abs=1e-14)
    assert mean(lambda x: ramp(x) ** 2, edges, scale) == pytest.approx(second, rel=1e-12, abs=1e-14)


def test_the_tails_are_exact_to_as_many_digits():
    k = 6.3
    edges = cuts(lambda x: 1.0 * (x > k), [k])
    assert mean(lambda x: 1.0 * (x > k), edges) == pytest.approx(above(k), rel=1e-12)


def test_steps_are_exact_where_they_are_known():
    for k in (0.0, 0.123456789, -1 / 3):
        edges = cuts(lambda x, k=k: 1.0 * (x > k), [k])
        assert mean(lambda x, k=k: 1.0 * (x > k), edges) == pytest.approx(above(k), abs=1e-14)


def test_a_kink_that_is_not_told_is_closed_in_on():
    edges = cuts(lambda x: np.abs(x - 0.2), [])
    assert np.abs(edges - 0.2).min() < 1e-4
    value = mean(lambda x: np.abs(x - 0.2), edges)
    assert value == pytest.approx(2 * density(0.2) + 0.2 * (1 - 2 * above(0.2)), rel=1e-8)


def test_steep_smooth_functions_are_cut_where_they_are_steep():
    edges = cuts(lambda x: np.tanh(1000 * x), [])
    assert np.sort(np.diff(edges))[0] < 0.01
    # E sech²(1000 z): 2/1000 φ(0) (1 - π²/12/1000²/2 …)
    value = mean(lambda x: 1 - np.tanh(1000 * x) ** 2, edges)
    assert value == pytest.approx(2e-3 / ROOT * (1 - math.pi**2 / 24e6), rel=1e-10)


def test_cuts_are_in_order_within_reach_and_few():
    edges = cuts(np.sin, [0.3, -2.0, 0.3 + 1e-15])
    assert (np.diff(edges) > 0).all()
    assert edges[0] == -14
    assert edges[-1] == 14
    assert (np.abs(edges - 0.3) < 1e-12).sum() == 1
    assert -2.0 in edges
    assert edges.size < 60
    assert cuts(lambda x: np.sin(1e5 * x), []).size < 900


def test_where_a_function_is_nan_cuts_are_still_found():
    assert np.isfinite(cuts(np.sqrt, [])).all()


def test_cuts_far_away_still_count_when_the_scale_is_large():
    edges = cuts(lambda x: np.abs(x - 50.0), [50.0])
    t = 0.5
    expected = 100 * (2 * density(t) + t * (1 - 2 * above(t)))
    assert mean(lambda x: np.abs(x - 50.0), edges, 100.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("c", CORRELATIONS)
@pytest.mark.parametrize("scale", [0.1, 3.0])
class TestProducts:
    def test_of_lines(self, c, scale):
        edges = cuts(lambda x: x, [])
        value = product(lambda x: x, edges, [], scale, c)
        assert value / scale**2 == pytest.approx(c, abs=1e-12)

    def test_of_relu(self, c, scale):
        edges = cuts(relu, [0.0])
        angle = math.sqrt((1 - c) * (1 + c)) + c * (math.pi - math.acos(c))
        value = product(relu, edges, [0.0], scale, c) / scale**2
        assert value == pytest.approx(angle / (2 * math.pi), abs=1e-12)

    def test_of_steps(self, c, scale):
        def step(x):
            return np.where(x > 0, 1.0, 0.0)

        value = product(step, cuts(step, [0.0]), [0.0], scale, c)
        exact = 0.25 + math.asin(c) / (2 * math.pi)
        # From rounding in 1 - c alone, asin is off by √(2ε) at 1.
        assert value == pytest.approx(exact, abs=1e-12 if abs(c) < 0.9999 else 1e-9)

    def test_of_sines(self, c, scale):
        q = scale**2
        value = product(np.sin, cuts(np.sin, []), [], scale, c)
        exact = (math.exp(q * (c - 1)) - math.exp(-q * (c + 1))) / 2
        assert value == pytest.approx(exact, abs=1e-12)

    def test_of_error_functions(self, c, scale):
        q = scale**2
        value = product(erf, cuts(erf, []), [], scale, c)
        assert value == pytest.approx(2 / math.pi * math.asin(2 * q * c / (1 + 2 * q)), abs=1e-12)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    k=st.floats(-2, 2),
    c=st.floats(-0.999, 0.999),
)
def test_products_with_a_kink_anywhere_agree_with_conditional_means(k, c):
    """E max(u - k, 0) max(v - k, 0): the mean over v for a given u is a closed form."""

    def ramp(x):
        return np.maximum(x - k, 0)

    s = math.sqrt((1 - c) * (1 + c))
    # u from the kink on, by Gauss and Legendre: closely where u is near it.
    nodes, weights = np.polynomial.legendre.leggauss(16)
    far = np.concatenate([np.linspace(0, 12 * s / (1 - c), 240), np.linspace(0, 14, 141)])
    points = k + np.unique(np.concatenate([np.linspace(0, 14 * s, 60), far[far <= 14]]))
    start, end = points[:-1], points[1:]
    half = (end - start)[:, None] / 2
    u = start[:, None] + half * (1 + nodes)
    t = (k - c * u) / s
    tail = np.array([above(v) for v in t.ravel()]).reshape(t.shape)
    inner = s * (np.exp(-t * t / 2) / ROOT - t * tail)
    expected = float(((u - k) * np.exp(-u * u / 2) / ROOT * inner * weights * half).sum())
    value = product(ramp, cuts(ramp, [k]), [k], 1.0, c)
    assert value == pytest.approx(expected, abs=1e-10)


def test_products_of_smooth_functions_agree_with_the_trapezoidal_rule():
    t = np.arange(-9, 9.001, 0.05)
    w = np.exp(-t * t / 2) / ROOT * 0.05
    c, s = 0.6, 0.8

    def f(x):
        return np.tanh(x + 0.3) + 0.1 * x

    plane = f(t)[:, None] * f(c * t[:, None] + s * t)
    expected = float(w @ plane @ w)
    assert product(f, cuts(f, []), [], 1.0, c) == pytest.approx(expected, abs=1e-13)


def test_rows_taken_in_blocks_add_up():
    edges = cuts(relu, [0.0])
    whole = product(relu, edges, [0.0], 40.0, 0.3)
    exact = (math.sqrt(1 - 0.09) + 0.3 * (math.pi - math.acos(0.3))) / (2 * math.pi)
    assert whole / 1600 == pytest.approx(exact, abs=1e-13)


def test_cuts_a_rounding_error_apart_are_one():
    assert quadrature._sorted(np.array([1.0, 1.0 + 1e-15, 2.0])).tolist() == [1.0, 2.0]
