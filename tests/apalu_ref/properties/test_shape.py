"""Range, zeros and pieces of functions whose shape is known."""

import math

import numpy as np
import pytest

from apalu_ref.properties.activation import Activation
from apalu_ref.properties.shape import Shape
from minigrad.nn import functional as F

from .shapes import cube, facts, hard_swish, jump, softsign, step, value

inf = math.inf

GELU_MIN = (-0.16997120747990369, -0.7517915246935645)


RANGES = [
    ("relu", 0, inf),
    ("tanh", -1, 1),
    ("sigmoid", 0, 1),
    ("gelu", GELU_MIN[0], inf),
    ("silu", -0.27846454276107380, inf),
    ("identity", -inf, inf),
    ("softplus", 0, inf),
    (hard_swish, -0.375, inf),
    (step, 0, 1),
    (softsign, -1, 1),
    (np.sin, -1, 1),
    (cube, -inf, inf),
    (lambda x: -(x**2) + 3, -inf, 3),
    (lambda x: np.exp(np.minimum(x, 600)), 0, math.exp(600)),
    (lambda x: 1 / (1 + (x - 1 / 3) ** 2), 0, 1),
    (lambda x: np.clip(x, -1 / 3, 6), -1 / 3, 6),
]


@pytest.mark.parametrize(("f", "low", "high"), RANGES)
def test_ranges(f, low, high):
    found = value(f, "range")
    assert found == pytest.approx([low, high], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("f", "text"),
    [
        ("tanh", "not reached; not reached"),
        ("relu", "for x < 0"),
        ("gelu", "at x = -0.751792"),
        (step, "for x < 0; for x > 0"),
        ("softplus", "not reached"),
        (lambda x: np.clip(x, -1 / 3, 6), "for x < -0.333333; for x > 6"),
    ],
)
def test_where_ends_of_ranges_are_reached(f, text):
    assert facts(f)["range"].text == text


ZEROS = [
    ("relu", ["from -∞ to 0"]),
    ("gelu", [0.0]),
    ("sigmoid", []),
    ("softplus", []),
    (hard_swish, ["from -∞ to -3", 0.0]),
    (lambda x: x * x - 2, [-math.sqrt(2), math.sqrt(2)]),
    (lambda x: np.tanh(x - 1 / 3), [1 / 3]),
    (lambda x: np.where(x < 1 / 3, -1.0, 1.0), []),
    (lambda x: 0 * x, ["from -∞ to ∞"]),
    (lambda x: np.log(np.maximum(x, 1e-3)), [1.0]),
    ("elu", [0.0]),
]


@pytest.mark.parametrize(("f", "zeros"), ZEROS)
def test_zeros(f, zeros):
    found = value(f, "zeros")
    assert [type(z) for z in found] == [type(z) for z in zeros]
    for have, want in zip(found, zeros, strict=True):
        assert have == (want if isinstance(want, str) else pytest.approx(want, abs=1e-14))


def test_of_many_zeros_eight_are_listed_and_the_rest_counted():
    fact = facts(np.sin)["zeros"]
    assert fact.value == pytest.approx([k * math.pi for k in range(-5, 3)], abs=1e-13)
    assert fact.text == "… and 3 more up to |x| = 16"


PIECES = [
    ("relu", ["constant up to 0", "increasing from 0"]),
    ("tanh", "increasing"),
    ("gelu", ["decreasing up to -0.751792", "increasing from -0.751792"]),
    (
        hard_swish,
        ["constant up to -3", "decreasing from -3 to -1.5", "increasing from -1.5"],
    ),
    (cube, "increasing"),
    (step, "constant"),
    (jump, "increasing"),
    (lambda x: -x, "decreasing"),
    (lambda x: np.abs(x - 1 / 3), ["decreasing up to 0.333333", "increasing from 0.333333"]),
    (
        lambda x: np.clip(x, -1, 2),
        ["constant up to -1", "increasing from -1 to 2", "constant from 2"],
    ),
    (lambda x: np.exp(-(x**2)), ["increasing up to 0", "decreasing from 0"]),
]


@pytest.mark.parametrize(("f", "pieces"), PIECES)
def test_pieces(f, pieces):
    assert value(f, "monotone") == pieces


def test_pieces_between_jumps_are_called_so():
    assert facts(step)["monotone"].text == "between its jumps"
    assert facts("relu")["monotone"].text == ""


def test_of_many_pieces_eight_are_listed():
    fact = facts(np.sin)["monotone"]
    assert len(fact.value) == 8
    assert fact.value[1] == "increasing from -14.1372 to -10.9956"
    assert fact.text == "… and 3 more pieces up to |x| = 16"


def test_the_least_value_of_gelu_is_exact():
    low = value("gelu", "range")[0]
    x = GELU_MIN[1]
    assert low == pytest.approx(x * math.erfc(-x / math.sqrt(2)) / 2, rel=1e-14)


def test_where_f_is_not_finite():
    found = facts(np.log)
    assert found["not finite"].value == ["from -10000 to 0"]
    assert "not finite" not in facts("gelu")
    found = facts(lambda x: np.where(np.abs(x - 0.5) < 0.2, np.nan, x))
    assert found["not finite"].value == ["from 0.304688 to 0.695312"]


def test_against_a_brute_grid():
    x = np.linspace(-12, 12, 240_001)
    for name in ("mish", "swish", "pelu", "gelu_tanh"):
        f = Activation(name)
        shape = Shape(f)
        slopes = np.gradient(f(x), x)
        assert shape.sup.value == pytest.approx(slopes.max(), abs=1e-5)
        assert shape.inf.value == pytest.approx(slopes.min(), abs=1e-5)
        assert shape.section().facts["range"].value[0] == pytest.approx(f(x).min(), abs=1e-4)


@pytest.mark.parametrize(
    ("f", "zeros"),
    [
        (step, ["from -∞ to 0"]),
        (lambda x: np.maximum(x - 1 / 3, 0), ["from -∞ to 0.333333"]),
        (lambda x: np.where(np.abs(x) < 1 / 3, 0 * x, x), ["from -0.333333 to 0.333333"]),
    ],
)
def test_stretches_of_zeros_end_at_the_kink(f, zeros):
    assert value(f, "zeros") == zeros


@pytest.mark.parametrize("f", [lambda x: np.abs(x - 1 / 3), lambda x: (x - 1 / 3) ** 2])
def test_zeros_that_are_only_touched(f):
    assert value(f, "zeros") == pytest.approx([1 / 3], abs=1e-7)


def test_small_functions_have_the_shape_of_large_ones():
    found = facts(lambda x: 1e-8 * F.relu(x))
    assert found["monotone"].value == ["constant up to 0", "increasing from 0"]
    assert found["zeros"].value == ["from -∞ to 0"]
    assert found["range"].text == "for x < 0"


def test_what_happens_far_away_is_told_or_the_limit_is():
    found = facts(lambda x: np.abs(x - 100.3))
    far = found["monotone"].value == ["decreasing up to 100.3", "increasing from 100.3"]
    assert far or "16" in found["monotone"].text
