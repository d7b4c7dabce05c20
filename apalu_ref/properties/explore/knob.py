"""One parameter in the window: a slider, and a box to type its value into."""

from __future__ import annotations

from collections.abc import Callable

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.widgets import Slider, TextBox

from apalu_ref.properties.explore.scale import Scale
from apalu_ref.properties.facts import number
from apalu_ref.properties.panels import STYLES

LONGEST = 13
"""Characters of a name that have room beside a slider."""


class Box(TextBox):
    """A box that draws the window only where typing ends, and not at each click beside it."""

    def stop_typing(self) -> None:
        """Leave the box."""
        if self.capturekeystrokes:
            super().stop_typing()

    def leave(self) -> None:
        """Leave it and tell nobody."""
        self.eventson = False
        self.stop_typing()
        self.eventson = True


class Knob:
    """A slider and its box, which show one value.

    Parameters
    ----------
    figure : Figure
    name : str
        That of the parameter.
    value : float
    scale : Scale
    row : tuple of float
        Left, bottom, width and height, in parts of the figure.
    moved : callable
        Called with the name and a number when the slider is moved.
    typed : callable
        Called with the name and a text when something is typed.
    """

    def __init__(
        self,
        figure: Figure,
        name: str,
        value: float,
        scale: Scale,
        row: tuple[float, float, float, float],
        moved: Callable[[str, float], None],
        typed: Callable[[str, str], None],
    ) -> None:
        left, bottom, width, height = row
        self._name = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
        self.slider = Slider(
            figure.add_axes((left, bottom, 0.74 * width, height)),
            self._name,
            scale.low,
            scale.high,
            valinit=value,
            valfmt="%g",
            valstep=scale.step,
            initcolor="#333333",
            facecolor=STYLES[0].color,
        )
        self.slider.valinit = value  # not rounded to a step
        self.slider.vline.set_xdata([value, value])
        self.slider.label.set_parse_math(False)
        self.slider.valtext.set_visible(False)
        for x, end, side in ((0, scale.low, "left"), (1, scale.high, "right")):
            self.slider.ax.text(
                x, 0.12, number(end), transform=self.slider.ax.transAxes,
                ha=side, va="top", fontsize=7, color="#777777",
            )  # fmt: skip
        self.slider.drawon = False  # the window draws, once for all sliders
        self.box = Box(figure.add_axes((left + 0.78 * width, bottom, 0.22 * width, height)), "")
        self.slider.on_changed(lambda v: moved(name, float(v)))
        self.box.on_submit(lambda text: self._submit(typed, name, text))

    @property
    def moving(self) -> list[Artist]:
        """What :meth:`show` changes."""
        axes = self.slider.ax
        return [*axes.patches, *axes.lines, self.slider.label, self.box.text_disp]

    def _submit(self, typed: Callable[[str, str], None], name: str, text: str) -> None:
        self.box.leave()  # or the keys after Enter would be typed, too
        typed(name, text)

    def show(self, value: float, chosen: bool) -> None:
        """Show a value, and whether the arrow keys move it."""
        self.slider.eventson = False
        self.slider.set_val(value)
        self.slider.eventson = True
        self.slider.label.set_text(("▸ " if chosen else "") + self._name)
        self.slider.label.set_fontweight("bold" if chosen else "normal")
        if not self.box.capturekeystrokes:
            self.box.text_disp.set_text(f"{value:.6g}")
