"""Smoothness and kinks of functions whose kinks are known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apalu_ref.properties.activation import Activation
from apalu_ref.properties.shape import Shape

from .shapes import cube, facts, hard_swish, jump, softsign, step, value

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
    expected = [-math.inf if max(-left, right) > 0 and min(-left, right) < 0 else 0.0, math.inf]
    if left > 0 > right:
        expected = [-math.inf, 0.0]
    elif left < 0 < right:
        expected = [0.0, math.inf]
    assert found["range"].value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("f", [np.cbrt, lambda x: np.sqrt(np.abs(x))])
def test_a_vertical_tangent_is_not_smooth(f):
    found = facts(f)
    assert found["smoothness"].value == "continuous, not C¹"


def test_a_kink_is_found_by_finite_differences():
    assert value(lambda x: np.maximum(x, 0) + 0 * np.sinc(x), "kinks") == [0.0]


def test_of_many_kinks_some_are_listed():
    assert len(str(facts(np.floor)["kinks"])) < 2000


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
