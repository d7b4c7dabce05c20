"""Range, zeros, pieces, kinks, slopes and limits of functions whose shape is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apalu_ref.properties.activation import Activation
from apalu_ref.properties.shape import Shape
from minigrad.nn import functional as F

inf = math.inf


def facts(f, **given):
    return Shape(Activation(f, **given)).section().facts


def value(f, name, **given):
    return facts(f, **given)[name].value


def hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6


def step(x):
    return np.where(x < 0, 0.0, 1.0)


def softsign(x):
    return x / (1 + np.abs(x))


def cube(x):
    return x**3


def jump(x):
    return np.where(x < 1 / 3, x, x + 2)


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


CLASSES = [
    ("relu", "continuous, not C¹", [0.0]),
    ("gelu", "C² at least", []),
    ("elu", "C¹, not C²", []),
    (softsign, "C¹, not C²", []),
    (step, "not continuous", [0.0]),
    (jump, "not continuous", [1 / 3]),
    (hard_swish, "continuous, not C¹", [-3.0, 3.0]),
    (cube, "C² at least", []),
    (lambda x: np.tanh(1000 * x), "C² at least", []),
    (lambda x: np.maximum(x - 1 / 7, 0) ** 2, "C¹, not C²", []),
    (lambda x: np.maximum(x - 1 / 7, 0) ** 3, "C² at least", []),
    (
        lambda x: np.abs(x - 1 / 3) + 2 * np.abs(x + np.pi) - np.abs(x - 0.1),
        "continuous, not C¹",
        [-math.pi, 0.1, 1 / 3],
    ),
    (lambda x: 1e8 * np.abs(x - 0.7), "continuous, not C¹", [0.7]),
    (lambda x: np.abs(x - 0.7) + 1e6, "continuous, not C¹", [0.7]),
    ("selu", "continuous, not C¹", [0.0]),
]


@pytest.mark.parametrize(("f", "kind", "kinks"), CLASSES)
def test_smoothness_and_kinks(f, kind, kinks):
    found = facts(f)
    assert found["smoothness"].value == kind
    assert found["kinks"].value == pytest.approx(kinks, abs=1e-12)


def test_places_of_the_lowest_order_are_told():
    assert facts(hard_swish)["smoothness"].text == "at x = -3, 3"
    assert facts(lambda x: np.maximum(x - 1 / 7, 0) ** 2)["smoothness"].text == "at x = 0.142857"
    assert facts(jump)["kinks"].text == "f goes from 0.333333 to 2.33333"
    assert facts("relu")["kinks"].text == "f′ goes from 0 to 1"


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


def test_the_least_value_of_gelu_is_exact():
    low = value("gelu", "range")[0]
    x = GELU_MIN[1]
    assert low == pytest.approx(x * math.erfc(-x / math.sqrt(2)) / 2, rel=1e-14)


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


def test_where_f_is_not_finite():
    found = facts(np.log)
    assert found["not finite"].value == ["from -10000 to 0"]
    assert "not finite" not in facts("gelu")
    found = facts(lambda x: np.where(np.abs(x - 0.5) < 0.2, np.nan, x))
    assert found["not finite"].value == ["from 0.304688 to 0.695312"]


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


def test_kinks_by_finite_differences():
    def ramp(x):
        return np.maximum(x, 0) + 0 * np.sinc(x)

    shape = Shape(Activation(ramp))
    assert shape.f.differences
    assert "f″ was not looked at" in facts(np.sinc)["smoothness"].text
    assert facts(np.sinc)["smoothness"].value == "C¹ at least"


def test_a_derivative_by_hand_of_a_smooth_function_has_no_kinks():
    assert Shape(Activation(np.tanh, lambda x: 1 - np.tanh(x) ** 2)).kinks == []


def test_a_derivative_by_hand_has_kinks_like_any():
    shape = Shape(Activation(np.abs, np.sign))
    assert [(k.x, k.order, k.left, k.right) for k in shape.kinks] == [(0.0, 1, -1.0, 1.0)]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(k=st.floats(-10, 10), left=st.floats(-3, 3), right=st.floats(-3, 3))
def test_two_lines_that_meet_anywhere(k, left, right):
    if abs(left - right) < 1e-3 or min(abs(left), abs(right)) < 1e-3:
        return
    f = Activation(lambda x: np.where(x < k, left * (x - k), right * (x - k)))
    shape = Shape(f)
    found = shape.section().facts
    assert found["kinks"].value == pytest.approx([k], abs=1e-12, rel=1e-12)
    assert found["infimum of f′"].value == pytest.approx(min(left, right), rel=1e-9)
    assert found["supremum of f′"].value == pytest.approx(max(left, right), rel=1e-9)
    expected = [-inf if max(-left, right) > 0 and min(-left, right) < 0 else 0.0, inf]
    if left > 0 > right:
        expected = [-inf, 0.0]
    elif left < 0 < right:
        expected = [0.0, inf]
    assert found["range"].value == pytest.approx(expected, abs=1e-12)


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


@pytest.mark.parametrize("f", [np.log, lambda x: 1 / x, lambda x: -1 / x**2])
def test_at_the_edge_of_where_f_is_finite_it_has_no_bound(f):
    found = facts(f)
    assert math.isinf(found["Lipschitz constant"].value)
    assert math.isinf(found["range"].value[0])


def test_there_is_no_slope_at_a_pole():
    assert "slope at 0" not in facts(lambda x: 1 / x)


@pytest.mark.parametrize("f", [np.cbrt, lambda x: np.sqrt(np.abs(x))])
def test_a_vertical_tangent_is_not_smooth(f):
    found = facts(f)
    assert found["smoothness"].value == "continuous, not C¹"


def test_a_vertical_tangent_at_0_has_no_finite_slope():
    slope = facts(np.cbrt).get("slope at 0")
    assert slope is None or math.isinf(slope.value)


def test_a_kink_is_found_by_finite_differences():
    assert value(lambda x: np.maximum(x, 0) + 0 * np.sinc(x), "kinks") == [0.0]


def test_of_many_kinks_some_are_listed():
    assert len(str(facts(np.floor)["kinks"])) < 2000


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


def test_kinks_of_functions_that_minigrad_cannot_differentiate():
    def masked(x, a=0.1):
        y = np.array(x)
        y[y < 0] *= a
        y[y > 2] = 2
        return y

    found = facts(masked)
    assert found["kinks"].value == pytest.approx([0, 2], abs=1e-5)
    assert found["slope at 0"].value == pytest.approx([0.1, 1], abs=1e-6)
    assert found["Lipschitz constant"].value == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("f", "place"),
    [
        (lambda x: np.sqrt(np.abs(x - 1 / 3)), 1 / 3),
        (lambda x: np.cbrt(x - 0.3), 0.3),
        (lambda x: np.sign(x + 2.7) * np.sqrt(np.abs(x + 2.7)), -2.7),
    ],
)
def test_vertical_tangents_between_the_places_of_the_grid(f, place):
    found = facts(f)
    assert found["smoothness"].value == "continuous, not C¹"
    assert found["Lipschitz constant"].value == math.inf
    assert f"x = {place:.6g}" in found["smoothness"].text
    assert not any(k.order == 0 for k in Shape(Activation(f)).kinks)
