"""A window on an activation without a screen: events go in, lines and words come out."""

import numpy as np
from matplotlib.backend_bases import KeyEvent, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from apalu_ref.properties import Activation
from apalu_ref.properties.explore.window import Explorer


class Still(FigureCanvasAgg):
    """Draws nothing: most tests read lines and words, and drawing takes most of the time."""

    def draw(self):
        pass


def explore(f, lock=False):
    figure = Figure()
    Still(figure)
    return Explorer(f if isinstance(f, Activation) else Activation(f), lock, figure)


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
