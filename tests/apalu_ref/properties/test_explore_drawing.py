"""The window as a picture: drawn piece by piece, saved, with words that have room."""

import gc
import io
import subprocess
import sys
from contextlib import nullcontext

import matplotlib
import numpy as np
import pytest
from matplotlib.backend_bases import FigureCanvasBase, KeyEvent, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from apalu_ref.properties import Activation
from apalu_ref.properties.explore.screen import NoDisplay, show
from apalu_ref.properties.explore.window import Explorer

from .window import explore, words


@pytest.fixture
def drawn():
    figure = Figure(dpi=50)
    FigureCanvasAgg(figure)
    return Explorer(Activation("apalu"), figure=figure)


def image(explorer):
    return np.array(explorer.figure.canvas.buffer_rgba())


def test_limits_grow_but_leave_a_zoom_alone():
    apalu = explore("apalu")
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
    before = dict(matplotlib.rcParams)
    show(Activation("swish"))
    assert seen == [True]
    assert dict(matplotlib.rcParams) == before
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("ending", [None, KeyboardInterrupt])
def test_a_window_closed_while_one_types_gives_the_keys_back(monkeypatch, ending):
    from matplotlib import pyplot

    pyplot.switch_backend("agg")

    def shown():
        (number,) = pyplot.get_fignums()
        figure = pyplot.figure(number)
        boxes = [a for a in figure.axes if a.get_position().width == pytest.approx(0.22 * 0.32)]
        x, y = boxes[0].transAxes.transform((0.5, 0.5))
        event = MouseEvent("button_press_event", figure.canvas, x, y, 1)
        figure.canvas.callbacks.process(event.name, event)
        assert matplotlib.rcParams["keymap.save"] == []
        if ending:
            raise ending

    monkeypatch.setattr(matplotlib, "get_backend", lambda: "QtAgg")
    monkeypatch.setattr(pyplot, "show", shown)
    before = dict(matplotlib.rcParams)
    with pytest.raises(ending) if ending else nullcontext():
        show(Activation("apalu"))
    assert dict(matplotlib.rcParams) == before
    matplotlib.rcParams["lines.linewidth"] += 1
    try:
        gc.collect()  # a box that was forgotten would now put back the settings that it found
        assert matplotlib.rcParams["lines.linewidth"] == before["lines.linewidth"] + 1
    finally:
        matplotlib.rcParams["lines.linewidth"] -= 1


def test_looking_without_a_window_needs_no_matplotlib():
    code = (
        "import sys, apalu_ref.properties, apalu_ref.cli.explore\n"
        "import apalu_ref.properties.explore.view, apalu_ref.properties.explore.scale\n"
        "assert not any(m.startswith('matplotlib') for m in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
