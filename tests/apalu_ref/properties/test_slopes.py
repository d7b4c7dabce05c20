"""Slopes, where they are steepest, and limits of functions whose slopes are known."""

import math

import numpy as np
import pytest

from apalu_ref.properties.activation import Activation
from apalu_ref.properties.shape import Shape

from .shapes import cube, facts, hard_swish, jump, softsign, step, value

inf = math.inf

SLOPES = [
    # infimum, supremum, at 0
    ("relu", 0, 1, [0, 1]),
    ("tanh", 0, 1, 1),
    ("sigmoid", 0, 0.25, 0.25),
    ("gelu", -0.12890414, 1.12890414, 0.5),
    (hard_swish, -0.5, 1.5, 0.5),
    (np.sin, -1, 1, 1),
    (softsign, 0, 1, 1),
    (cube, 0, inf, 0),
    (step, 0, inf, 0),
    (lambda x: -step(x), -inf, 0, 0),
    (jump, 1, inf, 1),
    (lambda x: np.tanh(1000 * x), 0, 1000, None),
    (lambda x: -2 * x, -2, -2, -2),
    (lambda x: x**2, -inf, inf, 0),
    (lambda x: np.where(x > 0, -(x**2), 0 * x), -inf, 0, 0),
    (lambda x: np.cbrt(x), 0, inf, None),
    (lambda x: np.sqrt(np.abs(x)), -inf, inf, None),
    (lambda x: np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0), 0, 1, 0.5),
]


@pytest.mark.parametrize(("f", "low", "high", "zero"), SLOPES)
def test_slopes(f, low, high, zero):
    found = facts(f)
    assert found["infimum of f′"].value == pytest.approx(low, rel=1e-7, abs=1e-12)
    assert found["supremum of f′"].value == pytest.approx(high, rel=1e-7, abs=1e-12)
    lipschitz = max(abs(low), abs(high))
    assert found["Lipschitz constant"].value == pytest.approx(lipschitz, rel=1e-7)
    if zero is not None:
        assert found["slope at 0"].value == pytest.approx(zero, abs=1e-9)


def test_slopes_that_only_one_side_of_a_kink_has():
    k = 1 / 3
    shape = Shape(Activation(lambda x: np.where(x < k, np.exp(np.minimum(x, k)), math.exp(k))))
    assert shape.sup.value == pytest.approx(math.exp(k), rel=1e-10)
    assert (shape.sup.where, shape.sup.side) == ("at x = 0.333333, from the left", -1)
    shape = Shape(Activation(lambda x: np.where(x < k, 0 * x, np.expm1(k - np.maximum(x, k)))))
    assert shape.inf.value == pytest.approx(-1, rel=1e-10)
    assert (shape.inf.where, shape.inf.side) == ("at x = 0.333333, from the right", 1)


def test_the_steepest_slope_of_gelu_is_exact():
    """(Φ(x) + x φ(x))′ = 0 at √2."""
    t = math.sqrt(2)
    exact = math.erfc(-1) / 2 + t * math.exp(-1) / math.sqrt(2 * math.pi)
    found = Shape(Activation("gelu"))
    assert found.sup.value == pytest.approx(exact, rel=1e-14)
    assert found.sup.place == pytest.approx(t, abs=1e-12)
    assert found.inf.value == pytest.approx(1 - exact, rel=1e-13)


@pytest.mark.parametrize(
    ("f", "name", "text"),
    [
        ("relu", "supremum of f′", "for x > 0"),
        ("relu", "infimum of f′", "for x < 0"),
        ("identity", "supremum of f′", "everywhere"),
        ("tanh", "infimum of f′", "as x → -∞"),
        ("softplus", "supremum of f′", "as x → ∞"),
        ("gelu", "supremum of f′", "at x = 1.41421"),
        ("selu", "supremum of f′", "at x = 0, from the left"),
        (step, "Lipschitz constant", "at the jump"),
        (cube, "Lipschitz constant", "as x → -∞"),
        (lambda x: np.clip(x, -1, 2), "supremum of f′", "for x > -1 up to 2"),
        (np.cbrt, "supremum of f′", "at x = 0, where f′ has no bound"),
    ],
)
def test_where_slopes_are_steepest(f, name, text):
    if f == "selu":  # minigrad's slope at 0 itself is that from the left
        assert facts(f)[name].text.startswith("at x = 0")
    else:
        assert facts(f)[name].text == text


LIMITS = [
    ("relu", "y = 0", "y = x"),
    ("tanh", "y = -1", "y = 1"),
    ("gelu", "y = 0", "y = x"),
    ("elu", "y = -1", "y = x"),
    (softsign, "y = -1", "y = 1"),
    (lambda x: 2 * softsign(x) + 3 * x - 1, "y = 3·x - 3", "y = 3·x + 1"),
    (lambda x: -x + np.arctan(x) * 0, "y = -x", "y = -x"),
    (lambda x: np.abs(x + 1), "y = -x - 1", "y = x + 1"),
    (np.sin, None, None),
    (cube, None, None),
    (lambda x: np.arctan(x), "y = -1.5708", "y = 1.5708"),
    (lambda x: np.sign(x) * np.log1p(np.abs(x)), None, None),
    (step, "y = 0", "y = 1"),
]


@pytest.mark.parametrize(("f", "left", "right"), LIMITS)
def test_asymptotes(f, left, right):
    found = facts(f)
    assert (found["asymptote left"].value, found["asymptote right"].value) == (left, right)


def test_why_there_is_no_asymptote():
    assert facts(cube)["asymptote right"].text == "f′ grows without end"
    assert facts(np.sin)["asymptote right"].text == "f′ has no limit that was found"
    log = facts(lambda x: np.sign(x) * np.log1p(np.abs(x)))
    assert log["asymptote right"].text == "f′ tends to 0, f to no line"


def test_limits_of_softsign_are_exact():
    for limit in Shape(Activation(softsign)).limits:
        assert limit.value == pytest.approx(limit.side, abs=1e-9)
        assert limit.slope == 0


def test_where_the_slope_is_lost():
    def naive(x):
        return np.where(x < 0, np.exp(x) - 1, x * 1.0)

    shape = Shape(Activation(naive))
    assert shape.not_finite() == []
    # exp overflows at 709.78, between two places of the grid.
    assert shape.lost_slopes() == "from 727.744 to 10000"
    assert Shape(Activation("elu")).lost_slopes() == ""


def test_a_rule_with_a_number_where_f_has_none_is_not_believed():
    shape = Shape(Activation(np.log))
    assert np.isnan(shape.slope(np.array([-1.0]))).all()
    assert shape.slope(np.array([2.0]))[0] == 0.5


@pytest.mark.parametrize("f", [np.log, lambda x: 1 / x, lambda x: -1 / x**2])
def test_at_the_edge_of_where_f_is_finite_it_has_no_bound(f):
    found = facts(f)
    assert math.isinf(found["Lipschitz constant"].value)
    assert math.isinf(found["range"].value[0])


def test_there_is_no_slope_at_a_pole():
    assert "slope at 0" not in facts(lambda x: 1 / x)


def test_a_vertical_tangent_at_0_has_no_finite_slope():
    slope = facts(np.cbrt).get("slope at 0")
    assert slope is None or math.isinf(slope.value)


def test_the_slope_at_0_of_a_steep_function():
    assert value(lambda x: np.tanh(1000 * x), "slope at 0") == pytest.approx(1000, rel=1e-9)


@pytest.mark.parametrize(
    ("f", "supremum"),
    [
        (lambda x: np.sign(x) * np.log1p(np.abs(x)), 1.0),
        (lambda x: np.sign(x) * np.tanh(3 * np.abs(x)), 3.0),
    ],
)
def test_a_slope_of_one_place_alone_is_not_believed(f, supremum):
    """The rule of sign says 0 at 0; both sides say otherwise, and agree."""
    found = facts(f)
    assert found["kinks"].value == []
    assert found["slope at 0"].value == pytest.approx(supremum, rel=1e-9)
    assert found["Lipschitz constant"].value == pytest.approx(supremum, rel=1e-9)
    assert found["Lipschitz constant"].text == "at x = 0"
    assert found["infimum of f′"].text.startswith("as x → ")
