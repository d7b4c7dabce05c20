"""Moments and shares under N(0, q) against closed forms, to 1e-12."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apalu_ref.properties import report
from apalu_ref.properties.activation import NAMED, Activation
from apalu_ref.properties.gaussian import Gaussian
from apalu_ref.properties.shape import Shape
from minigrad.nn import init
from minigrad.special import erf

ROOT = math.sqrt(2 * math.pi)
A2, B2 = 1.82051243165663782050108021387, 0.144945417492923863063461440338
A1, B1 = 0.739578697008541653878841192028, 0.238421708134876628318156163154
AA, BB = 1.83431062844769845006695589978, 0.168102001223170606427149114029
PRESERVING = 0.682527932356013844344407694737


def of(f, **given):
    activation = Activation(f, **given)
    return Gaussian(activation, Shape(activation))


def facts(f, **given):
    activation = Activation(f, **given)
    shape = Shape(activation)
    g = Gaussian(activation, shape)
    section = g.section(abs(shape.steepest().value))
    return {name: fact.value for name, fact in section.facts.items()}


def below(t):
    return math.erfc(-t / math.sqrt(2)) / 2


def step(x):
    return np.where(x < 0, 0.0, 1.0)


MOMENTS = [
    # E f, E f², E f⁴, E f′² for z ~ N(0, q)
    (
        "relu",
        lambda q: math.sqrt(q) / ROOT,
        lambda q: q / 2,
        lambda q: 1.5 * q * q,
        lambda q: 0.5,
    ),
    ("identity", lambda q: 0, lambda q: q, lambda q: 3 * q * q, lambda q: 1),
    (
        lambda x: x**3,
        lambda q: 0,
        lambda q: 15 * q**3,
        lambda q: 10395 * q**6,
        lambda q: 27 * q * q,
    ),
    (
        np.sin,
        lambda q: 0,
        lambda q: (1 - math.exp(-2 * q)) / 2,
        lambda q: (3 - 4 * math.exp(-2 * q) + math.exp(-8 * q)) / 8,
        lambda q: (1 + math.exp(-2 * q)) / 2,
    ),
    (
        lambda x: np.exp(np.minimum(x, 300)),
        lambda q: math.exp(q / 2),
        lambda q: math.exp(2 * q),
        lambda q: math.exp(8 * q),
        lambda q: math.exp(2 * q),
    ),
    (step, lambda q: 0.5, lambda q: 0.5, lambda q: 0.5, lambda q: math.inf),
    (
        lambda x: np.abs(x) - 1,
        lambda q: 2 * math.sqrt(q) / ROOT - 1,
        lambda q: q - 4 * math.sqrt(q) / ROOT + 1,
        lambda q: 3 * q * q - 16 * q * math.sqrt(q) / ROOT + 6 * q - 8 * math.sqrt(q) / ROOT + 1,
        lambda q: 1,
    ),
    (
        lambda x: erf(x),
        lambda q: 0,
        lambda q: 2 / math.pi * math.asin(2 * q / (1 + 2 * q)),
        None,
        lambda q: 4 / math.pi / math.sqrt(1 + 4 * q),
    ),
]


@pytest.mark.parametrize("q", [0.01, 1.0, 2.5])
@pytest.mark.parametrize(("f", "mean", "square", "fourth", "slope"), MOMENTS)
def test_moments(f, mean, square, fourth, slope, q):
    g = of(f)
    assert g.mean(q) == pytest.approx(mean(q), rel=1e-12, abs=1e-14)
    assert g.square(q) == pytest.approx(square(q), rel=1e-12)
    if fourth:
        assert g.fourth(q) == pytest.approx(fourth(q), rel=1e-12)
    assert g.slope_square(q) == pytest.approx(slope(q), rel=1e-12)
    h = 1e-4 * q
    quotient = (8 * (square(q + h) - square(q - h)) - square(q + 2 * h) + square(q - 2 * h)) / (
        12 * h
    )
    assert g.square_growth(q) == pytest.approx(quotient, rel=1e-8, abs=1e-10)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(a=st.floats(-3, 3), b=st.floats(-3, 3))
def test_moments_of_apalu(a, b):
    g = of("apalu", a=a, b=b)
    assert g.mean() == pytest.approx(A1 * a - B1 * b, rel=1e-12, abs=1e-12)
    assert g.square() == pytest.approx(A2 * a * a + B2 * b * b, rel=1e-12, abs=1e-12)
    assert g.slope_square() == pytest.approx(AA * a * a + BB * b * b, rel=1e-12, abs=1e-12)


def test_the_a_of_apalu_that_preserves_the_second_moment():
    g = of("apalu", a=PRESERVING, b=1.5 * PRESERVING)
    assert g.square() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", NAMED)
def test_the_second_moment_is_that_of_the_gain_of_minigrad(name):
    f = Activation(name)
    assert Gaussian(f, Shape(f)).square() == pytest.approx(init.gain(f) ** -2, rel=1e-12)


@pytest.mark.parametrize("name", ["apalu", "mish", "selu"])
def test_monte_carlo_agrees_within_five_standard_errors(name):
    z = np.random.default_rng(7).standard_normal(200_000)
    f = Activation(name)
    g = Gaussian(f, Shape(f))
    for values, exact in (
        (f(z), g.mean()),
        (f(z) ** 2, g.square()),
        (f(z) ** 4, g.fourth()),
        (f.slope(z) ** 2, g.slope_square()),
        (f(1.5 * z) ** 2, g.square(2.25)),
    ):
        assert abs(values.mean() - exact) < 5 * values.std() / math.sqrt(z.size)


@pytest.mark.parametrize("k", [1 / 3, -1.1])
def test_kinks_anywhere(k):
    g = of(lambda x: np.maximum(x - k, 0))
    density = math.exp(-k * k / 2) / ROOT
    assert g.mean() == pytest.approx(density - k * below(-k), rel=1e-12)
    assert g.slope_square() == pytest.approx(below(-k), rel=1e-12)
    assert g.expect(lambda x: 1.0 * (x > k)) == pytest.approx(below(-k), rel=1e-12)


def test_the_card_has_variance_and_zero_for_rounding():
    found = facts("tanh")
    assert found["E f"] == 0.0
    assert found["Var f"] == found["E f²"]
    found = facts("relu")
    assert found["Var f"] == pytest.approx(0.5 - 1 / (2 * math.pi), rel=1e-12)
    assert facts(step)["E f′²"] == math.inf


@pytest.mark.parametrize("c", [-0.9, 0.0, 0.4, 0.999])
def test_products(c):
    g = of("relu")
    angle = math.pi - math.acos(c)
    exact = 2.5 * (math.sqrt(1 - c * c) + c * angle) / (2 * math.pi)
    assert g.product(c, 2.5) == pytest.approx(exact, abs=1e-12)
    assert g.slope_product(c, 2.5) == pytest.approx(angle / (2 * math.pi), abs=1e-12)
    assert of(np.sin).slope_product(c, 0.7) == pytest.approx(
        math.exp(-0.7) * math.cosh(0.7 * c), abs=1e-12
    )


def test_shares_of_tanh():
    """tanh′ = sech² < 1/20 beyond artanh √(19/20)."""
    edge = math.atanh(math.sqrt(0.95))
    found = facts("tanh")
    assert found["saturated share"] == pytest.approx(2 * below(-edge), rel=1e-12)
    assert found["dead share"] == 0.0


def test_shares_of_the_logistic_function():
    """σ′ < 1/80 beyond ln(s/(1 - s)) with s(1 - s) = 1/80."""
    s = (1 + math.sqrt(0.95)) / 2
    found = facts("sigmoid")
    assert found["saturated share"] == pytest.approx(2 * below(-math.log(s / (1 - s))), rel=1e-12)
    assert found["dead share"] == 0.0


def test_shares_of_ramps_steps_and_lines():
    found = facts("relu")
    assert found["saturated share"] == pytest.approx(0.5, abs=1e-14)
    assert found["dead share"] == pytest.approx(0.5, abs=1e-14)
    assert facts("identity")["saturated share"] == 0
    assert facts(step)["saturated share"] is None
    assert facts(step)["dead share"] == pytest.approx(1, abs=1e-12)
    assert facts("leaky_relu")["saturated share"] == pytest.approx(0.5, abs=1e-14)
    assert facts("leaky_relu", negative_slope=0.06)["saturated share"] == 0
    assert facts("leaky_relu")["dead share"] == 0


@pytest.mark.parametrize(("low", "high"), [(-1 / 3, 1.0), (0.1, 2.7), (-6.0, -0.5)])
def test_shares_of_what_is_cut_off(low, high):
    found = facts(lambda x: np.clip(x, low, high))
    share = below(low) + below(-high)
    assert found["dead share"] == pytest.approx(share, abs=1e-13)
    assert found["saturated share"] == pytest.approx(share, abs=1e-13)


def test_shares_of_apalu_with_exponential_tails():
    """b·eˣ < 0.05·2.0998·a for x < ln(0.10499 a/b)."""
    edge = math.log(0.05 * 2.09983932012886691695818492432)
    assert facts("apalu")["saturated share"] == pytest.approx(below(edge), rel=1e-11)


def test_shares_of_parabolas_near_their_summit():
    found = of(lambda x: x**2).share_below(0.3)
    assert found == pytest.approx(2 * below(0.15) - 1, rel=1e-12)


def test_where_f_is_not_finite_nothing_is_computed():
    g = of(np.log)
    assert not g.fine
    (fact,) = g.section(1.0).facts.values()
    assert fact.value is None
    assert "not finite" in fact.text
    assert of(lambda x: np.where(x > 20, np.nan, x)).fine


def test_a_mean_of_slopes_that_are_nan_is_none_and_says_why():
    found = facts(lambda x: np.where(x < 0, np.expm1(100 * x), x))
    assert found["E f′²"] is None or math.isfinite(found["E f′²"])


@pytest.mark.parametrize("scale", [1.0, 1e-9])
def test_the_dead_share_beside_a_side_that_fades(scale):
    found = report(lambda x: scale * np.maximum(0, np.tanh(3 * x)))
    assert found["dead share"] == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize("place", [0.0, 1 / 3])
def test_slopes_whose_square_has_no_mean(place):
    """The square of 1/2√x has none; that of a fourth root of it has, √x being integrable."""
    root = report(lambda x: np.sqrt(np.abs(x - place)))
    assert root["E f′²"] == np.inf
    assert root["χ₁"] == np.inf
    mild = report(lambda x: np.sign(x - place) * np.abs(x - place) ** 0.75)
    assert np.isfinite(mild["E f′²"])
