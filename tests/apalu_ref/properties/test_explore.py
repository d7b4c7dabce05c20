"""The window on APALU: what the mouse and the keys do, and the numbers they lead to."""

import math

import matplotlib
import numpy as np
import pytest

from apalu_ref.properties import Activation

from .window import click, curve, explore, press, said, write

# E f² = C[0] a² + C[1] b², E f′² = D[0] a² + D[1] b², from closed forms.
C = 1.82051243165663782050108021387, 0.144945417492923863063461440338


D = 1.83431062844769845006695589978, 0.168102001223170606427149114029


@pytest.fixture
def apalu():
    return explore("apalu")


def agree(explorer, a, b):
    assert explorer.values == {"a": a, "b": b}
    moments = explorer.view.moments
    square, slope = C[0] * a * a + C[1] * b * b, D[0] * a * a + D[1] * b * b
    assert moments["E f²"] == pytest.approx(square, rel=1e-13)
    assert moments["E f′²"] == pytest.approx(slope, rel=1e-13)
    assert moments["gain"] == pytest.approx(square**-0.5, rel=1e-13)
    assert moments["χ₁"] == pytest.approx(slope / square, rel=1e-13)
    assert said(explorer, f"E f²   {square:.6g}\nE f′²  {slope:.6g}\n")
    x, y = curve(explorer)
    np.testing.assert_allclose(
        y, np.where(x < 0, b * np.expm1(x), a * x * (1 + 1 / (1 + np.exp(-1.702 * x)))), atol=1e-12
    )
    x, slopes = curve(explorer, "f′(x)")
    assert x[0] <= -4
    assert x[-1] >= 4
    np.testing.assert_allclose(slopes[x < 0], b * np.exp(x[x < 0]), atol=1e-9)
    gate = 1 / (1 + np.exp(-1.702 * x))
    np.testing.assert_allclose(
        slopes[x > 0], (a * (1 + gate + 1.702 * x * gate * (1 - gate)))[x > 0], atol=1e-12
    )
    if b == 1.5 * a:
        assert explorer.view.kinks == []
        assert said(explorer, f"no kink; slope {b:.6g} at x = 0")
    else:
        (kink,) = explorer.view.kinks
        assert (kink.x, kink.order) == (0, 1)
        assert (kink.left, kink.right) == pytest.approx((b, 1.5 * a), rel=1e-9, abs=1e-9)
        assert said(explorer, f"kink at x = 0: slope {b:.6g} left, {1.5 * a:.6g} right")
        assert np.isnan(slopes[x == 0]).all()


def test_shows_the_numbers_of_the_closed_forms(apalu):
    agree(apalu, 1, 1)
    apalu.knobs["a"].slider.set_val(-1.25)
    agree(apalu, -1.25, 1)
    apalu.knobs["b"].slider.set_val(3.5)
    agree(apalu, -1.25, 3.5)
    assert said(apalu, "apalu(a=-1.25, b=3.5)")
    assert [k.box.text for k in apalu.knobs.values()] == ["-1.25", "3.5"]
    apalu.move("a", 0)
    agree(apalu, 0, 3.5)


def test_marks_the_slopes_at_the_kink(apalu):
    apalu.move("a", 2)
    (axes,) = [a for a in apalu.figure.axes if a.get_title() == "f′(x)"]
    marks = {line.get_label(): line for line in axes.lines}
    for side, slope in (("left", 1), ("right", 3)):
        x, y = marks[f"from the {side}"].get_data()
        assert list(x) == [0]
        assert list(y) == pytest.approx([slope])
    assert axes.get_legend().get_visible()
    apalu.set_lock(True)
    assert len(marks["from the left"].get_xdata()) == 0
    assert not axes.get_legend().get_visible()


def test_the_mouse_moves_a_slider(apalu):
    slider = apalu.knobs["b"].slider
    click(apalu, slider.ax, (0.75, 0.5))
    agree(apalu, 1, 2.5)
    assert apalu.chosen == "b"


def test_a_value_is_typed(apalu):
    write(apalu, "a", "0.12345678")
    agree(apalu, 0.12345678, 1)
    assert apalu.knobs["a"].slider.val == 0.12345678
    # Only to have looked into a box does not round what it shows.
    click(apalu, apalu.knobs["a"].box.ax, (0.5, 0.5))
    press(apalu, "enter")
    agree(apalu, 0.12345678, 1)
    press(apalu, "r")  # after Enter keys are keys again
    agree(apalu, 1, 1)


@pytest.mark.parametrize("text", ["pear", "nan", ""])
def test_what_is_no_number_is_refused_visibly(apalu, text):
    write(apalu, "b", text)
    agree(apalu, 1, 1)
    assert said(apalu, f"b = {text!r} is not a number: it stays 1")
    assert apalu.knobs["b"].box.text == "1"
    apalu.move("b", 2)
    assert not said(apalu, "is not a number")


def test_keys_typed_into_a_box_do_nothing_else(apalu):
    click(apalu, apalu.knobs["a"].box.ax, (0.5, 0.5))
    press(apalu, "l", "r", "tab", "left")
    assert not apalu.locked
    agree(apalu, 1, 1)
    assert apalu.chosen == "a"
    apalu.close()


@pytest.mark.parametrize("first", ["a", "b"])
def test_from_one_box_into_the_other(apalu, first):
    """Each takes matplotlib's keys away while one types, and gives back those it found."""
    before = dict(matplotlib.rcParams)
    second = "ab".replace(first, "")
    click(apalu, apalu.knobs[first].box.ax, (0.97, 0.5))
    press(apalu, "end", "backspace", "2")
    click(apalu, apalu.knobs[second].box.ax, (0.97, 0.5))
    assert apalu.values == {first: 2, second: 1}
    assert matplotlib.rcParams["keymap.save"] == []
    press(apalu, "end", "backspace", "3", "enter")
    assert apalu.values == {first: 2, second: 3}
    assert dict(matplotlib.rcParams) == before


def test_a_click_into_the_same_box_goes_on_typing(apalu):
    box = apalu.knobs["a"].box
    click(apalu, box.ax, (0.97, 0.5))
    press(apalu, "end", "backspace", "3")
    click(apalu, box.ax, (0.97, 0.5))
    assert box.capturekeystrokes
    assert apalu.values["a"] == 1  # nothing has been submitted yet
    press(apalu, "end", ".", "5", "enter")
    assert apalu.values["a"] == 3.5


def test_closing_forgets_what_is_half_typed_and_draws_nothing(apalu):
    before = dict(matplotlib.rcParams)
    click(apalu, apalu.knobs["a"].box.ax, (0.97, 0.5))
    press(apalu, "end", "backspace", "3")
    apalu.figure.canvas.draw = lambda: pytest.fail("the window may be gone")
    apalu.close()
    apalu.close()
    assert dict(matplotlib.rcParams) == before
    assert apalu.values == {"a": 1, "b": 1}


@pytest.mark.parametrize(("value", "held"), [(10.0, 4.0), (-math.inf, -2.0)])
def test_values_beyond_the_slider_are_held_visibly(apalu, value, held):
    for put in (
        apalu.knobs["a"].slider.set_val,
        lambda v: apalu.move("a", v),
        lambda v: write(apalu, "a", str(v)),
    ):
        apalu.reset()
        put(value)
        agree(apalu, held, 1)
        assert apalu.knobs["a"].slider.val == held
        assert apalu.knobs["a"].box.text == f"{held:g}"
        assert "is out of reach: held at" in apalu.note
        assert said(apalu, apalu.note)


def test_the_lock_keeps_b_at_three_halves_of_a_exactly(apalu):
    (check,) = [t for t in apalu.lock.labels if "b = 3a/2" in t.get_text()]
    assert not said(apalu, "locked: b = 3a/2")
    click(apalu, check.axes, apalu.lock.ax.transAxes.inverted().transform(
        check.get_window_extent().get_points().mean(axis=0)))  # fmt: skip
    assert apalu.locked
    assert apalu.lock.get_status() == (True,) or apalu.lock.get_status() == [True]
    agree(apalu, 1, 1.5)
    assert said(apalu, "apalu(a=1, b=1.5), locked: b = 3a/2")
    for value in np.random.default_rng(0).uniform(-2, 4, 5):
        apalu.knobs["a"].slider.set_val(value)
        assert apalu.values["b"] == 1.5 * apalu.values["a"]
        apalu.knobs["b"].slider.set_val(value)
        assert apalu.values["b"] == 1.5 * apalu.values["a"] == pytest.approx(value, rel=1e-15)
        assert apalu.view.kinks == []
        agree(apalu, apalu.values["a"], apalu.values["b"])
    press(apalu, "l")
    apalu.move("a", 0.5)
    agree(apalu, 0.5, apalu.values["b"])
    assert not said(apalu, "locked: b = 3a/2")


def test_with_the_lock_both_stay_on_their_sliders():
    explorer = explore("apalu", lock=True)
    explorer.move("a", 4)
    agree(explorer, 8 / 3, 4)
    assert explorer.note == "a = 4 is out of reach: held at 2.66667 with the lock"
    explorer.move("b", -2)
    agree(explorer, -4 / 3, -2)
    assert explorer.note == ""
    explorer.set_lock(False)
    explorer.move("a", 3.5)
    explorer.set_lock(True)
    agree(explorer, 8 / 3, 4)
    assert "held at 2.66667" in explorer.note


def test_keys(apalu):
    press(apalu, "right", "right")
    agree(apalu, 1.02, 1)
    press(apalu, "tab", *["up"] * 5, "left")
    agree(apalu, 1.02, 1.49)
    assert said(apalu, "▸ b")
    assert not said(apalu, "▸ a")
    press(apalu, "tab", "down", "shift+tab", "right", "x", "s")
    agree(apalu, 0.92, 1.5)
    press(apalu, "l")
    agree(apalu, 0.92, 1.5 * 0.92)
    press(apalu, "right")
    assert apalu.chosen == "b"
    assert apalu.values["b"] == pytest.approx(1.39, abs=1e-12)
    press(apalu, "r")
    agree(apalu, 1, 1)
    assert not apalu.locked
    press(apalu, None)


def test_reset_goes_back_to_how_it_was_opened():
    explorer = explore(Activation("apalu", a=0.5, b=0.123456789), lock=True)
    agree(explorer, 0.5, 0.75)
    limits = [a.axis() for a in explorer.figure.axes]
    explorer.set_lock(False)
    explorer.move("a", 4)
    explorer.move("b", 9)
    assert [a.axis() for a in explorer.figure.axes] != limits
    click(explorer, explorer.button.ax, (0.5, 0.5))
    agree(explorer, 0.5, 0.75)
    assert explorer.locked
    assert explorer.note == ""
    assert [a.axis() for a in explorer.figure.axes] == limits
