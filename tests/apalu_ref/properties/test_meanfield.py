"""Maps of lengths and correlations against closed forms: ReLU, erf, sin, cos, steps."""

import math
from functools import cache

import numpy as np
import pytest

from apalu_ref.properties import report
from apalu_ref.properties.activation import Activation
from apalu_ref.properties.gaussian import Gaussian
from apalu_ref.properties.meanfield import (
    Maps,
    Network,
    _root,
    edge_of_chaos,
    edge_without_bias,
    section,
)
from apalu_ref.properties.shape import Shape
from minigrad import special

inf = math.inf


def step(x):
    return np.where(x < 0, 0.0, 1.0)


def erf(x):
    return special.erf(x)


def bump(x):
    """0 near 0, so that short inputs die and long ones grow."""
    return x**3


@cache
def of(f, **given):
    activation = Activation(f, **given)
    return Gaussian(activation, Shape(activation))


@cache
def facts(f):
    return section(of(f)).facts


def values(f):
    return {name: fact.value for name, fact in facts(f).items()}


def bisect(f, low, high):
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if f(low) * f(middle) > 0 else (low, middle)
    return low


def erf_length(q):
    return 2 / math.pi * math.asin(2 * q / (1 + 2 * q))


NETWORK = Network("some", 1.7, 0.4)


@pytest.mark.parametrize(("q", "c"), [(0.2, -0.5), (1.0, 0.6), (3.0, 0.6), (3.0, 1.0)])
def test_maps_of_the_error_function(q, c):
    maps = Maps(of(erf), NETWORK)
    w, b = 1.7**2, 0.16
    length = w * erf_length(q) + b
    assert maps.length(q) == pytest.approx(length, rel=1e-12)
    assert maps.length_slope(q) == pytest.approx(
        w * 4 / math.pi / ((1 + 2 * q) * math.sqrt(1 + 4 * q)), rel=1e-11
    )
    assert maps.chi(q) == pytest.approx(w * 4 / math.pi / math.sqrt(1 + 4 * q), rel=1e-12)
    product = 2 / math.pi * math.asin(2 * q * c / (1 + 2 * q))
    assert maps.correlation(c, q) == pytest.approx((w * product + b) / length, abs=1e-12)
    slope = 4 / math.pi / math.sqrt((1 + 2 * q) ** 2 - (2 * q * c) ** 2)
    assert maps.correlation_slope(c, q) == pytest.approx(w * slope * q / length, abs=1e-12)


def test_the_slope_of_the_map_of_correlations_is_its_difference_quotient():
    maps = Maps(of("gelu"), Network("gain", 1 / math.sqrt(of("gelu").square()), 0.0))
    h = 1e-4
    for c in (0.1, 0.7):
        quotient = (maps.correlation(c + h, 1.0) - maps.correlation(c - h, 1.0)) / (2 * h)
        assert maps.correlation_slope(c, 1.0) == pytest.approx(quotient, abs=1e-7)


def test_monte_carlo_agrees_within_five_standard_errors():
    u, w = np.random.default_rng(3).standard_normal((2, 200_000))
    c, q = 0.35, 1.8
    f = Activation("apalu")
    products = f(math.sqrt(q) * u) * f(math.sqrt(q) * (c * u + math.sqrt(1 - c * c) * w))
    error = products.std() / math.sqrt(u.size)
    assert abs(products.mean() - of("apalu").product(c, q)) < 5 * error


def test_fixed_lengths_of_sines():
    """Q(q) = σ²(1 - e^{-2q})/2."""
    found = Maps(of(np.sin), Network("", 1.9, 0.0)).fixed_lengths()
    exact = bisect(lambda q: 1.9**2 * -math.expm1(-2 * q) / 2 - q, 0.1, 5)
    assert found == pytest.approx([exact], rel=1e-12)


def test_fixed_lengths_with_biases():
    found = Maps(of(erf), NETWORK).fixed_lengths()
    exact = bisect(lambda q: 1.7**2 * erf_length(q) + 0.16 - q, 0.01, 9)
    assert found == pytest.approx([exact], rel=1e-12)


def test_fixed_lengths_when_there_are_several_none_or_all():
    # With 15 σ² q³ = q there is one; lengths that are cut off have another.
    cut = of(lambda x: np.clip(x, -3, 3) ** 3)
    found = Maps(cut, Network("", 0.4, 0.0)).fixed_lengths()
    assert len(found) == 2
    for q in found:
        assert 0.16 * cut.square(q) == pytest.approx(q, rel=1e-11)
    assert Maps(of(bump), Network("", 1.0, 0.0)).fixed_lengths() == pytest.approx([15**-0.5])
    assert Maps(of("relu"), Network("", 1.0, 0.0)).fixed_lengths() == []
    assert Maps(of("relu"), Network("", math.sqrt(2), 0.0)).fixed_lengths() is None


def test_correlations_of_ordered_networks_tend_to_1():
    for f in ("relu", "tanh", "softplus", "identity"):
        g = of(f)
        maps = Maps(g, Network("", 1 / math.sqrt(g.square()), 0.0))
        if maps.chi(1.0) <= 1 + 1e-9:
            assert maps.fixed_correlation(1.0) == 1.0
    assert Maps(of("relu"), Network("", math.sqrt(2), 0.0)).fixed_correlation(1.0) == 1.0


def test_correlations_of_steps():
    """C(c) = 1/2 + asin(c)/π."""
    exact = bisect(lambda c: 0.5 + math.asin(c) / math.pi - c, 0.1, 0.99)
    assert values(step)["C tends to"] == pytest.approx(exact, abs=1e-10)


def test_correlations_of_odd_functions_in_chaos_tend_to_0():
    assert values(bump)["C tends to"] == 0.0
    assert values(bump)["χ₁"] == pytest.approx(27 / 15, rel=1e-12)


def test_correlations_of_cosines():
    """With the gain C(c) = cosh(c)/cosh(1), χ₁ = tanh(1) < 1: order."""
    found = values(np.cos)
    assert found["χ₁"] == pytest.approx(math.tanh(1), rel=1e-12)
    assert found["C tends to"] == 1.0
    assert found["C(0)"] == pytest.approx(1 / math.cosh(1), rel=1e-12)
    assert found["depth scale of correlations"] == pytest.approx(
        -1 / math.log(math.tanh(1)), rel=1e-11
    )


def test_correlations_of_cosines_of_more_than_one_turn():
    """cos 2z: C(c) = cosh(4c)/cosh(4), χ₁ = 4 tanh(4)."""
    g = of(lambda x: np.cos(2 * x))
    found = {k: v.value for k, v in section(g).facts.items()}
    exact = bisect(lambda c: math.cosh(4 * c) / math.cosh(4) - c, 0.0, 0.5)
    assert found["χ₁"] == pytest.approx(4 * math.tanh(4), rel=1e-12)
    assert found["C tends to"] == pytest.approx(exact, abs=1e-11)
    slope = 4 * math.sinh(4 * exact) / math.cosh(4)
    assert found["depth scale of correlations"] == pytest.approx(-1 / math.log(slope), rel=1e-9)


def test_the_section_for_sines():
    """E f² = (1 - e^{-2q})/2, E f′² = (1 + e^{-2q})/2."""
    found = facts(np.sin)
    square = -math.expm1(-2) / 2
    chi = 1 / math.tanh(1)
    slope = math.exp(-2) / square
    assert found["gain"].value == pytest.approx(square**-0.5, rel=1e-12)
    assert found["Q′(1)"].value == pytest.approx(slope, rel=1e-12)
    assert found["Q′(1)"].text == "lengths return to 1"
    assert found["χ₁"].value == pytest.approx(chi, rel=1e-12)
    assert found["χ₁"].text.startswith("gradients explode")
    assert found["C(0)"].value == pytest.approx(0, abs=1e-20)
    assert found["C tends to"].value == 0.0
    assert found["depth scale of lengths"].value == pytest.approx(-1 / math.log(slope), rel=1e-11)
    # C(c) = sinh(c)/sinh(1): its slope at 0.
    assert found["depth scale of correlations"].value == pytest.approx(
        1 / math.log(math.sinh(1)), rel=1e-11
    )
    assert found["LeCun: Q(1)"].value == pytest.approx(square, rel=1e-12)
    assert found["He: Q(1)"].value == pytest.approx(2 * square, rel=1e-12)
    assert found["He: fixed q"].value == pytest.approx(
        [bisect(lambda q: -math.expm1(-2 * q) - q, 0.1, 5)], rel=1e-12
    )
    assert found["LeCun: fixed q"].value is None
    assert "shrink" in found["LeCun: fixed q"].text


def test_the_section_for_relu():
    found = facts("relu")
    assert found["gain"].value == pytest.approx(math.sqrt(2), rel=1e-14)
    assert found["Q′(1)"].value == pytest.approx(1, abs=1e-12)
    assert found["χ₁"].text == "at the edge: gradients keep their size"
    assert found["Q′(1)"].text == "lengths neither return nor run away"
    assert found["depth scale of lengths"].value == inf
    assert found["depth scale of correlations"].value == inf
    assert found["C(0)"].value == pytest.approx(1 / math.pi, rel=1e-12)
    assert found["C tends to"].value == 1.0
    assert found["He: fixed q"].value == "every q"
    assert found["LeCun: fixed q"].value is None
    assert found["edge of chaos, σ_b = 0"].value == pytest.approx(math.sqrt(2), rel=1e-12)
    assert found["edge of chaos, σ_b = 0"].text == "σ_w, for every q"


def test_the_section_for_steps():
    found = facts(step)
    assert found["χ₁"].value == inf
    assert "torn apart" in found["χ₁"].text
    assert found["Q′(1)"].value == 0.0
    assert found["depth scale of lengths"].value == 0.0
    assert found["depth scale of correlations"].value is None
    assert found["He: fixed q"].value == pytest.approx([1.0], rel=1e-12)
    assert found["edge of chaos, σ_b = 0"].value is None


def test_lengths_that_run_away():
    found = facts(bump)
    assert found["Q′(1)"].value == pytest.approx(3, rel=1e-12)
    assert found["Q′(1)"].text == "lengths run away from 1"
    assert found["depth scale of lengths"].value == pytest.approx(1 / math.log(3), rel=1e-12)
    assert "grow e-fold" in found["depth scale of lengths"].text


def test_there_is_no_section_where_nothing_gets_through():
    assert section(of(lambda x: 0 * x)) is None
    assert section(of(np.log)) is None


def test_the_edge_without_biases():
    # cos: coth q = q.
    q = bisect(lambda t: t * math.tanh(t) - 1, 0.5, 3)
    fact = edge_without_bias(of(np.cos))
    assert fact.value == pytest.approx((-math.expm1(-2 * q) / 2) ** -0.5, rel=1e-11)
    assert f"at q = {q:.6g}" in fact.text
    # Where f is a line at 0, short inputs keep their length at σ_w = 1/f′(0).
    assert edge_without_bias(of("tanh")).value == pytest.approx(1, abs=1e-9)
    assert edge_without_bias(of(np.sin)).value == pytest.approx(1, abs=1e-9)
    assert edge_without_bias(of(erf)).value == pytest.approx(math.sqrt(math.pi) / 2, abs=1e-9)
    assert edge_without_bias(of("gelu")).text.startswith("σ_w; at q → 0")
    assert edge_without_bias(of(bump)).value is None
    assert edge_without_bias(of("apalu")).value == pytest.approx(
        ((1 + 2.25) / 2) ** -0.5, rel=1e-12
    )


def test_the_edge_of_chaos_of_the_error_function():
    found = edge_of_chaos(of(erf))
    assert len(found) > 40
    for q, w, b in found:
        square = math.pi / 4 * math.sqrt(1 + 4 * q)
        assert w == pytest.approx(math.sqrt(square), rel=1e-11)
        assert b**2 == pytest.approx(q - square * erf_length(q), rel=1e-8, abs=1e-12 * q)


def test_on_the_edge_of_chaos_lengths_rest_and_gradients_keep_their_size():
    for q, w, b in edge_of_chaos(of("silu"))[::12]:
        maps = Maps(of("silu"), Network("", w, b))
        assert maps.length(q) == pytest.approx(q, rel=1e-10)
        assert maps.chi(q) == pytest.approx(1, rel=1e-10)


def test_the_edge_of_chaos_of_relu_is_a_point():
    for _, w, b in edge_of_chaos(of("relu")):
        assert (w, b) == (pytest.approx(math.sqrt(2)), pytest.approx(0, abs=1e-4))
    assert edge_of_chaos(of(step)) == [] or all(w == 0 for _, w, _ in edge_of_chaos(of(step)))


@pytest.mark.parametrize("root", [1e-3, 0.5, 0.999])
def test_roots(root):
    assert _root(lambda x: x**3 - root**3, 0, 1) == pytest.approx(root, rel=1e-13)
    assert _root(lambda x: math.tanh(50 * (root - x)), 0, 1) == pytest.approx(root, rel=1e-13)


def test_roots_at_an_end():
    assert _root(lambda x: x, 0, 1) == 0
    assert _root(lambda x: x - 1, 0, 1) == 1 or _root(lambda x: x - 1, 0, 1) == 0


@pytest.mark.parametrize(
    "f", [np.exp, np.sinh, lambda x: np.maximum(x - 1 / 3, 0), lambda x: np.maximum(x - 2, 0)]
)
def test_huge_and_vanishing_lengths_raise_no_warnings(f):
    assert section(of(f)) is not None


def test_nothing_is_said_of_gradients_that_are_nan():
    found = facts(lambda x: np.where(x < 0, np.expm1(100 * x), x))
    assert not found["χ₁"].text.startswith("gradients explode")


def test_uncorrelated_inputs_of_an_odd_function_stay_so():
    assert values(np.sign)["C(0)"] == pytest.approx(0, abs=1e-30)


def test_stretches_of_lengths_that_stay():
    card = report(lambda x: np.clip(x, 0, 6))
    (found,) = card["He: fixed q"]
    assert found.startswith("from 0.0001 to ")
    assert card["edge of chaos, σ_b = 0"] == pytest.approx(math.sqrt(2), rel=1e-9)


def test_a_function_of_many_pieces_is_no_long_wait():
    card = report(np.floor)
    assert card["C tends to"] is None


@pytest.mark.parametrize("q", [25.0, 400.0])
@pytest.mark.parametrize("c", [-0.7, 0.3, 0.95])
def test_correlations_of_long_inputs(q, c):
    exact = 2 / math.pi * math.asin(2 * q * c / (1 + 2 * q))
    assert of(erf).product(c, q) == pytest.approx(exact, abs=1e-11)
