"""The window on an activation, driven without a screen: events go in, lines and words come out."""

import io
import math
import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from matplotlib.backend_bases import FigureCanvasBase, KeyEvent, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from apalu_ref.properties import Activation, ActivationError
from apalu_ref.properties.explore.scale import scales
from apalu_ref.properties.explore.screen import NoDisplay, show
from apalu_ref.properties.explore.view import look
from apalu_ref.properties.explore.window import Explorer

# E f² = C[0] a² + C[1] b², E f′² = D[0] a² + D[1] b², from closed forms.
C = 1.82051243165663782050108021387, 0.144945417492923863063461440338
D = 1.83431062844769845006695589978, 0.168102001223170606427149114029


class Still(FigureCanvasAgg):
    """Draws nothing: most tests read lines and words, and drawing takes most of the time."""

    def draw(self):
        pass


def explore(f, lock=False):
    figure = Figure()
    Still(figure)
    return Explorer(f if isinstance(f, Activation) else Activation(f), lock, figure)


@pytest.fixture
def apalu():
    return explore("apalu")


@pytest.fixture
def drawn():
    figure = Figure(dpi=50)
    FigureCanvasAgg(figure)
    return Explorer(Activation("apalu"), figure=figure)


def press(explorer, *keys):
    for key in keys:
        event = KeyEvent("key_press_event", explorer.figure.canvas, key)
        explorer.figure.canvas.callbacks.process(event.name, event)


def mouse(explorer, axes, where, kind="press"):
    """A click, in parts of some axes."""
    x, y = axes.transAxes.transform(where)
    event = MouseEvent(f"button_{kind}_event", explorer.figure.canvas, x, y, 1)
    explorer.figure.canvas.callbacks.process(event.name, event)


def click(explorer, axes, where):
    mouse(explorer, axes, where)
    mouse(explorer, axes, where, "release")


def write(explorer, name, text):
    """Click into the box of a parameter, empty it, type and press Enter."""
    box = explorer.knobs[name].box
    click(explorer, box.ax, (0.97, 0.5))
    press(explorer, *["end"], *["backspace"] * len(box.text), *text, "enter")


def words(explorer):
    return [text.get_text() for axes in explorer.figure.axes for text in axes.texts] + [
        text.get_text() for text in explorer.figure.texts
    ]


def curve(explorer, label="f(x)"):
    (axes,) = [a for a in explorer.figure.axes if a.get_title() == label]
    line = max(axes.lines, key=lambda line: len(line.get_xdata()))
    return np.array(line.get_xdata()), np.array(line.get_ydata())


def said(explorer, part):
    return any(part in text for text in words(explorer))


def image(explorer):
    return np.array(explorer.figure.canvas.buffer_rgba())


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


def test_limits_grow_but_leave_a_zoom_alone(apalu):
    (axes,) = [a for a in apalu.figure.axes if a.get_title() == "f′(x)"]
    low, high = axes.get_ylim()
    apalu.move("a", 4)
    grown = axes.get_ylim()
    assert grown[1] > 8 > high
    apalu.move("a", 1)
    assert axes.get_ylim() == grown
    axes.set_ylim(0.9, 1.6)
    apalu.move("b", 4)
    assert axes.get_ylim() == (0.9, 1.6)
    apalu.reset()
    assert axes.get_ylim() == (low, high)


def test_what_is_drawn_piece_by_piece_is_what_is_drawn_at_once(drawn):
    drawn.figure.canvas.draw()
    before = image(drawn)
    events = []
    drawn.figure.canvas.mpl_connect("draw_event", events.append)
    drawn.move("b", 0.5)
    drawn.move("b", 9)
    drawn.move("b", 0.25)
    assert len(events) <= 1  # for 4, where the limits grow
    moved = image(drawn)
    assert (before != moved).any()
    drawn.figure.canvas.draw()
    np.testing.assert_array_equal(image(drawn), moved)


def test_a_draw_that_comes_after_the_window_is_closed(drawn):
    canvas = drawn.figure.canvas
    FigureCanvasBase(drawn.figure)  # what a closed figure gets
    canvas.draw()


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_saved_picture_is_whole_and_the_window_lives_on(drawn, ending):
    drawn.figure.canvas.draw()
    drawn.move("a", 1.25)
    before = image(drawn)
    file = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        drawn.figure.savefig(file, format=ending)
    if ending == "svg":
        text = file.getvalue().decode()
        assert "apalu(a=1.25, b=1)" in text
        assert "kink at x = 0: slope 1 left, 1.875 right" in text
        assert text.count("#0072b2") >= 4  # curves and sliders
    drawn.move("a", 1)
    drawn.move("a", 1.25)
    np.testing.assert_array_equal(image(drawn), before)


def test_on_a_canvas_that_cannot_draw_piece_by_piece():
    class Canvas(FigureCanvasAgg):
        supports_blit = False

        def copy_from_bbox(self, bbox):
            raise NotImplementedError

    figure = Figure()
    Canvas(figure)
    explorer = Explorer(Activation("apalu"), figure=figure)
    before = image(explorer)
    explorer.move("a", 1.25)
    assert (image(explorer) != before).any()


def test_ranges():
    assert {(s.low, s.high) for s in scales(Activation("apalu")).values()} == {(-2, 4)}
    far = scales(Activation("apalu", a=10.0, b=-3.0))
    assert far["a"].low <= -2
    assert far["a"].high >= 10
    assert far["b"].low <= -3
    assert far["b"].high >= 4
    for value in (1e-9, 0.01, -0.3, 0.0, 7.0, -1234.5, 3e7):
        (scale,) = scales(Activation("swish", beta=value)).values()
        assert scale.low < value < scale.high
        assert scale.high - scale.low >= 2 * abs(value)
        assert 100 <= (scale.high - scale.low) / scale.step <= 1000
    with pytest.raises(ActivationError, match=r"beta is .*: there is no slider"):
        explore(Activation("swish", beta=1e200))


def test_without_parameters():
    explorer = explore("relu")
    assert explorer.knobs == {}
    assert said(explorer, "relu has no parameters to move")
    assert said(explorer, "kink at x = 0: slope 0 left, 1 right")
    press(explorer, "tab", "left", "up", "l", "r")
    assert explorer.view.moments["E f²"] == pytest.approx(0.5)
    explorer.set_lock(True)
    assert not explorer.locked
    with pytest.raises(ActivationError, match="relu has no lock"):
        explore("relu", lock=True)


def test_only_apalu_itself_has_a_lock():
    def apalu(x, a=1.0, b=1.0):
        return np.where(x < 0, b * x, a * x)

    explorer = explore(apalu)
    press(explorer, "l")
    assert not explorer.locked
    assert not said(explorer, "lock")
    assert explorer.values == {"a": 1, "b": 1}


def test_a_kink_that_a_parameter_moves():
    def bent(x, place=0.5, *, up=1):
        return np.where(x < place, 0.0 * x, up * (x - place))

    explorer = explore(bent)
    for place in (0.5, -0.2345, 0.3):
        explorer.move("place", place)
        assert [k.x for k in explorer.view.kinks] == pytest.approx([place], abs=1e-12)
        # E max(z - t, 0)² = (1 + t²) Φ(-t) - t φ(t)
        tail, density = 0.5 * math.erfc(place / 2**0.5), math.exp(-place * place / 2)
        square = (1 + place**2) * tail - place * density / math.sqrt(2 * math.pi)
        assert explorer.view.moments["E f²"] == pytest.approx(square, rel=1e-12)
        assert explorer.view.moments["E f′²"] == pytest.approx(tail, rel=1e-12)
    explorer.move("up", 0)
    assert said(explorer, "E f² is 0: no gain")
    assert "χ₁" not in explorer.view.moments


def test_jumps():
    def steps(x, n=0.5):
        return np.floor(x + n)

    explorer = explore(steps)
    assert said(explorer, "jump at x = 0.5: f goes from 0 to 1")
    assert said(explorer, "more")
    assert explorer.view.moments["E f′²"] == explorer.view.moments["χ₁"] == math.inf
    x, y = curve(explorer)
    assert np.isnan(y[x == 0.5]).all()


def test_where_f_is_not_finite_the_window_says_so():
    explorer = explore(Activation(lambda x, c=1.0: np.sqrt(x + c), name="root"))
    assert said(explorer, "f is not finite from x = -14 to -1.00781: no moments")
    x, y = curve(explorer)
    assert np.isnan(y[x < -1]).all()
    np.testing.assert_allclose(y[x > -0.99], np.sqrt(x[x > -0.99] + 1))
    explorer = explore(Activation(lambda x, c=1.0: x + c * np.nan, name="nothing"))
    assert said(explorer, "f is not finite from x = -14 to 14: no moments")
    explorer.move("c", 0.5)
    assert np.isnan(curve(explorer)[1]).all()


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda x: 1 / x, "f is not finite at x = 0: no moments"),
        (lambda x: 1 / (x * (x - 1)), "f is not finite at x = 0 and 1 places more: no moments"),
        (lambda x: np.sqrt(abs(x)), "f′ has no bound at x = 0: no E f′²"),
        (lambda x: 0 * x, "E f² is 0: no gain"),
    ],
)
def test_remarks(f, text):
    view = look(Activation(f))
    assert text in view.remarks
    assert "χ₁" not in view.moments


def test_a_function_that_fails_on_the_way():
    def odd(x, k=1.0):
        return x * (1 / k) + (0 if k else 0 * len("$"))

    explorer = explore(odd)
    explorer.move("k", 0)
    assert said(explorer, "f fails: ZeroDivisionError: float division by zero")
    assert curve(explorer)[0].size <= 2
    explorer.move("k", 0.5)
    assert not said(explorer, "f fails")
    assert explorer.view.moments["E f²"] == pytest.approx(4)


def test_words_of_others_are_no_formulas():
    def f(x, k=1.0):
        if k > 1:
            raise ValueError("$\\frac{$ " + "long " * 50)
        return k * x

    explorer = Explorer(Activation(f))
    explorer.move("k", 2)
    explorer.figure.canvas.draw()
    (text,) = [t for t in words(explorer) if "f fails" in t]
    assert max(map(len, text.splitlines())) < 60


def test_a_function_that_is_not_differentiable_for_minigrad():
    def f(x, k=1.0):
        return np.vectorize(lambda v: k * math.atan(v))(x)

    explorer = explore(f)
    assert said(explorer, "kinks do not show: f′ is a finite difference")
    x, slopes = curve(explorer, "f′(x)")
    np.testing.assert_allclose(slopes, 1 / (1 + x * x), atol=1e-8)


def test_long_names_have_room():
    explorer = Explorer(Activation(lambda x, a_name_without_an_end=1.0: x * a_name_without_an_end))
    explorer.figure.canvas.draw()
    slider = explorer.knobs["a_name_without_an_end"].slider
    assert slider.label.get_window_extent().x0 > 0


def crowded(x, k=1.0):
    steps = sum(np.where(x > p, 1.25 / (p + 40.0), 0) for p in range(-5, 5))
    return np.where(x == 0, np.nan, k * steps)


@pytest.mark.parametrize("f", ["apalu", "relu", "leaky_relu", crowded])
def test_words_do_not_overlap(f):
    explorer = Explorer(Activation(f))
    for name in explorer.values:
        explorer.move(name, -1234.567)
    assert bool(explorer.note) == bool(explorer.values)
    explorer.figure.canvas.draw()
    texts = [t for a in explorer.figure.axes for t in a.texts if t.get_text() and t.get_visible()]
    boxes = [t.get_window_extent() for t in texts + explorer.figure.texts]
    for i, box in enumerate(boxes):
        assert explorer.figure.bbox.x0 <= box.x0 < box.x1 <= explorer.figure.bbox.x1
        assert not any(box.overlaps(other) for other in boxes[:i])


def test_without_a_display(monkeypatch):
    from matplotlib import pyplot

    monkeypatch.setattr(pyplot, "show", lambda: pytest.fail("there is nothing to show it on"))
    pyplot.switch_backend("agg")
    with pytest.raises(NoDisplay, match="agg"):
        show(Activation("apalu"))
    assert pyplot.get_fignums() == []


def test_with_a_display(monkeypatch):
    from matplotlib import pyplot

    pyplot.switch_backend("agg")
    seen = []

    def shown():
        (number,) = pyplot.get_fignums()
        keys = {k for n, v in matplotlib.rcParams.items() if n.startswith("keymap.") for k in v}
        assert not keys & {"l", "r", "left", "right"}
        assert {"s", "q", "h"} <= keys
        canvas = pyplot.figure(number).canvas
        canvas.draw()
        before = np.array(canvas.buffer_rgba())
        event = KeyEvent("key_press_event", canvas, "up")
        canvas.callbacks.process(event.name, event)
        seen.append((before != np.array(canvas.buffer_rgba())).any())

    monkeypatch.setattr(matplotlib, "get_backend", lambda: "QtAgg")
    monkeypatch.setattr(pyplot, "show", shown)
    keys = list(matplotlib.rcParams["keymap.yscale"])
    show(Activation("swish"))
    assert seen == [True]
    assert matplotlib.rcParams["keymap.yscale"] == keys
    assert pyplot.get_fignums() == []


def test_looking_without_a_window_needs_no_matplotlib():
    code = (
        "import sys, apalu_ref.properties, apalu_ref.cli.explore\n"
        "import apalu_ref.properties.explore.view, apalu_ref.properties.explore.scale\n"
        "assert not any(m.startswith('matplotlib') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
