"""The window: what can be done in it, and its keys."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.backend_bases import FigureCanvasBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.widgets import Button, CheckButtons

from apalu_ref.properties.activation import Activation, ActivationError
from apalu_ref.properties.explore.blit import Blit
from apalu_ref.properties.explore.knob import Knob
from apalu_ref.properties.explore.panels import Panels, Readout, short
from apalu_ref.properties.explore.scale import scales
from apalu_ref.properties.explore.view import look
from apalu_ref.properties.facts import number
from apalu_ref.properties.panels import STYLES

LOCK = 1.5
"""b = 1.5 a: then f′ of APALU is continuous."""

STEPS = {"left": -1, "right": 1, "down": -10, "up": 10}
"""Keys, and by how many steps of its slider they move the chosen parameter."""

_WIDTH, _TOP, _ROW = 10.0, 4.1, 0.36
"""Inches: the window, the panels with their titles, and a slider."""


class Explorer:
    """A figure with sliders for the parameters of an activation.

    It works on any canvas, on one without a screen too.

    Parameters
    ----------
    activation : Activation
        At the parameters to start with.
    lock : bool
        Whether b follows a at the start; for APALU only.
    figure : matplotlib.figure.Figure, optional
        An empty figure to draw into; default a new one on an Agg canvas.

    Raises
    ------
    ActivationError
        If a parameter is too large for a slider, or a lock is asked for that there is not.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    values : dict of str to float
        The parameters.
    view : View
        What is shown.
    knobs : dict of str to Knob
        Sliders and boxes by parameter.
    chosen : str
        The parameter that the arrow keys move; empty if there is none.
    note : str
        The last thing that was not done as asked; empty if all was.
    lock : matplotlib.widgets.CheckButtons or None
    button : matplotlib.widgets.Button or None
        It resets.

    Examples
    --------
    >>> explorer = Explorer(Activation("apalu"), lock=True)
    >>> explorer.move("a", 2)
    >>> explorer.values["b"], explorer.view.kinks
    (3.0, [])
    """

    def __init__(
        self, activation: Activation, lock: bool = False, figure: Figure | None = None
    ) -> None:
        if lock and activation.known != "apalu":
            raise ActivationError(f"{activation.name} has no lock: that is for apalu, b = 3a/2")
        self._activation, self._start_locked = activation, lock
        self._scales = scales(activation)
        self.values: dict[str, float] = dict(activation.parameters)
        self.chosen = next(iter(self.values), "")
        self.note = ""
        if figure is None:
            figure = Figure()
            FigureCanvasAgg(figure)
        self.figure = figure
        self.knobs: dict[str, Knob] = {}
        self.lock: CheckButtons | None = None
        self.button: Button | None = None
        # Before the boxes hear of a click: the next begins when the last has ended.
        figure.canvas.mpl_connect("button_press_event", self._clicked)
        self._build()
        figure.canvas.mpl_connect("key_press_event", self._pressed)
        self.reset()

    @property
    def locked(self) -> bool:
        """Whether b = 3a/2 is kept."""
        return self.lock is not None and self.lock.get_status()[0]

    def move(self, name: str, value: float) -> None:
        """Set a parameter, as far as its slider goes, and show what comes of it."""
        self.chosen = name
        self._put(name, value)
        self._show()

    def set_lock(self, on: bool) -> None:
        """Keep b = 3a/2 or let go; b is moved to where it has to be."""
        if self.lock is None:
            return
        self._tick(on)
        self.note = ""
        if on:
            self._put("a", self.values["a"])
        self._show(everything=True)

    def choose(self, by: int) -> None:
        """Let the arrow keys move another parameter, that many places further on."""
        names = list(self.values)
        if names:
            self.chosen = names[(names.index(self.chosen) + by) % len(names)]
            self._show()

    def reset(self) -> None:
        """Go back to how the window was opened: values, lock and limits."""
        self.values = dict(self._activation.parameters)
        self.note = ""
        for panel in self._panels.values, self._panels.slopes:
            panel.forget()
        self._tick(self._start_locked)
        if self._start_locked:
            self._put("a", self.values["a"])
        self._show(everything=True)

    def close(self) -> None:
        """Forget what is half typed and give matplotlib its keys back; then nothing is drawn.

        While one types into a box matplotlib has no keys, in any window.
        """
        FigureCanvasBase(self.figure)  # the window may be gone, and leaving a box draws
        for knob in self.knobs.values():
            knob.box.leave()

    def _put(self, name: str, value: float) -> None:
        low, high = self._reach(name)
        held = min(max(float(value), low), high)
        self.note = ""
        if held != value:
            why = " with the lock" if self.locked else ""
            self.note = f"{name} = {number(value)} is out of reach: held at {number(held)}{why}"
        if self.locked:
            a = held if name == "a" else held / LOCK
            self.values.update(a=a, b=LOCK * a)
        else:
            self.values[name] = held

    def _reach(self, name: str) -> tuple[float, float]:
        low, high, _ = self._scales[name]
        if not self.locked:
            return low, high
        a, b = self._scales["a"], self._scales["b"]
        low, high = max(a.low, b.low / LOCK), min(a.high, b.high / LOCK)
        return (low, high) if name == "a" else (LOCK * low, LOCK * high)

    def _tick(self, on: bool) -> None:
        if self.lock is not None and self.lock.get_status()[0] != on:
            self.lock.eventson = False
            self.lock.set_active(0)
            self.lock.eventson = True

    def _show(self, everything: bool = False) -> None:
        activation = self._activation.at(**self.values)
        self.view = look(activation)
        everything |= self._panels.draw(self.view)
        self._readout.draw(self.view)
        for name, knob in self.knobs.items():
            knob.show(self.values[name], name == self.chosen)
        locked = ", locked: b = 3a/2" if self.locked else ""
        self._title.set_text(short(repr(activation), 90) + locked)
        self._said.set_text(self.note)
        self._blit.draw(everything)

    def _typed(self, name: str, text: str) -> None:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            self.note = f"{name} = {text!r} is not a number: it stays {number(self.values[name])}"
            self._show()
        elif text != f"{self.values[name]:.6g}":  # as it is when one has only looked into the box
            self.move(name, value)

    def _clicked(self, event: Any) -> None:
        for knob in self.knobs.values():
            if not knob.box.ax.contains(event)[0]:
                knob.box.stop_typing()

    def _pressed(self, event: Any) -> None:
        if event.key is None or any(k.box.capturekeystrokes for k in self.knobs.values()):
            return
        if event.key in STEPS and self.chosen:
            step = self._scales[self.chosen].step
            value = self.values[self.chosen] + STEPS[event.key] * step
            self.move(self.chosen, round(value, 9))  # or 1.5 is 1.5000000000000004
        elif event.key in ("tab", "shift+tab"):
            self.choose(-1 if "shift" in event.key else 1)
        elif event.key == "l":
            self.set_lock(not self.locked)
        elif event.key == "r":
            self.reset()

    def _build(self) -> None:
        rows = len(self.values) + (1 if self.values else 0)
        below = max(2.4, 0.75 + _ROW * rows)
        height = _TOP + below
        self.figure.set_size_inches(_WIDTH, height)
        self.figure.set_facecolor("white")

        def place(left: float, bottom: float, wide: float, high: float) -> Any:
            return left / _WIDTH, bottom / height, wide / _WIDTH, high / height

        panels = [
            self.figure.add_axes(place(left, below + 0.55, 4.2, _TOP - 1.3)) for left in (0.6, 5.4)
        ]
        self._panels = Panels(*panels)
        # Below the other axes, or these would get no clicks.
        words = self.figure.add_axes((0, 0, 1, 1), zorder=-1, navigate=False)
        words.axis("off")
        self._title = words.text(0.5, 1 - 0.12 / height, "", ha="center", va="top")
        self._title.set(fontsize=12, fontweight="bold")
        self._readout = Readout(words, 5.4 / _WIDTH, below / height)
        self._said = words.text(0.6 / _WIDTH, 0.42 / height, "", color=STYLES[1].color)
        self._said.set(fontsize=9, fontweight="bold", parse_math=False)
        left, bottom = 1.6, below - 0.3
        for name, value in self.values.items():
            row = place(left, bottom, 3.2, 0.24)
            scale = self._scales[name]
            self.knobs[name] = Knob(self.figure, name, value, scale, row, self.move, self._typed)
            bottom -= _ROW
        if self.values:
            self.button = Button(self.figure.add_axes(place(3.9, bottom, 0.9, 0.26)), "reset")
            self.button.label.set_fontsize(10)
            self.button.on_clicked(lambda _: self.reset())
        else:
            self.figure.text(
                0.6 / _WIDTH, bottom / height, f"{self._activation.name} has no parameters to move"
            )
        if self._activation.known == "apalu":
            self.lock = _check(self.figure, place(left, bottom, 1.6, 0.26), "lock b = 3a/2")
            self.lock.on_clicked(lambda _: self.set_lock(self.locked))
        self.figure.text(0.6 / _WIDTH, 0.15 / height, self._keys(), color="#777777", fontsize=9)
        moving = [*self._panels.moving, self._title, self._readout.text, self._said]
        self._blit = Blit(self.figure, moving + [m for k in self.knobs.values() for m in k.moving])

    def _keys(self) -> str:
        words = ["s: save the picture"]
        if self._activation.known == "apalu":
            words.insert(0, "l: lock")
        if self.values:
            words[:0] = ["tab: choose", "←/→: one step", "↑/↓: ten steps", "r: reset"]
        return "keys:  " + "   ".join(words)


def _check(figure: Figure, place: Any, label: str) -> CheckButtons:
    axes = figure.add_axes(place)
    axes.axis("off")
    check = CheckButtons(
        axes,
        [label],
        useblit=False,
        frame_props={"s": [90]},
        check_props={"s": [60], "facecolor": STYLES[1].color, "linewidth": 2},
    )
    check.labels[0].set_x(0.25)
    check.drawon = False  # the window draws
    return check
