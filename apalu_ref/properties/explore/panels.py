"""The panels of the window: f, f′ and the numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from numpy.typing import NDArray

from apalu_ref.properties.explore.view import MOMENTS, View
from apalu_ref.properties.facts import number
from apalu_ref.properties.features import Kink
from apalu_ref.properties.panels import STYLES

Array = NDArray[Any]

REACH = 4.0
"""The panels go from -4 to 4: a normal number seldom comes beyond."""

MOST = 3
"""Kinks that are listed, those next to 0."""

_GREY, _DARK = "#777777", "#333333"


class Panel:
    """A curve with marks, in limits that grow with it but do not shrink.

    Limits that followed the curve both ways would hide how it changes. Limits that were changed
    with the toolbar are left alone.

    Attributes
    ----------
    line : matplotlib.lines.Line2D
    """

    def __init__(self, axes: Axes, label: str, least: float, most: float) -> None:
        self.axes, self._least, self._most = axes, least, most
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=9)
        axes.axhline(0, color=_GREY, linewidth=0.6, zorder=0)
        axes.axvline(0, color=_GREY, linewidth=0.6, zorder=0)
        axes.set(xlabel="x", xlim=(-REACH, REACH))
        axes.set_title(label, fontsize=11)
        (self.line,) = axes.plot([], [], color=STYLES[0].color, linewidth=1.8, zorder=3)
        self._limits: tuple[float, float] | None = None

    def marks(self, shape: str, label: str) -> Any:
        """Marks without a place yet."""
        (line,) = self.axes.plot(
            [], [], shape, color=STYLES[1].color, markersize=6, zorder=4, label=label
        )
        return line

    def draw(self, x: Array, y: Array) -> bool:
        """Show another curve, and return whether the limits are others now."""
        self.line.set_data(x, y)
        shown = y[(np.abs(x) <= REACH) & np.isfinite(y)]
        before = self.axes.get_ylim()
        if shown.size and self._limits in (None, before):
            low, high = float(shown.min()), float(shown.max())
            # Steep ends are cut off, but not a curve of which much lies beyond.
            if ((self._least <= shown) & (shown <= self._most)).mean() > 0.55:
                low, high = max(low, self._least), min(high, self._most)
            if self._limits is not None and before[0] <= low and high <= before[1]:
                return False
            room = 0.08 * max(high - low, 0.5)
            low, high = low - room, high + room
            if self._limits is not None:
                low, high = min(low, before[0]), max(high, before[1])
            self.axes.set_ylim(low, high)
            self._limits = self.axes.get_ylim()
        return self.axes.get_ylim() != before

    def forget(self) -> None:
        """Take new limits with the next curve."""
        self.axes.set_xlim(-REACH, REACH)
        self._limits = None


class Panels:
    """f on the left, f′ on the right.

    Attributes
    ----------
    values, slopes : Panel
    """

    def __init__(self, left: Axes, right: Axes) -> None:
        self.values = Panel(left, "f(x)", -6, 8)
        self.slopes = Panel(right, "f′(x)", -6, 10)
        self._kinks = self.values.marks("o", "kink")
        self._sides = (
            self.slopes.marks("<", "from the left"),
            self.slopes.marks(">", "from the right"),
        )
        self._legends = [
            panel.axes.legend(fontsize=8, frameon=False, loc="upper left")
            for panel in (self.values, self.slopes)
        ]

    @property
    def moving(self) -> list[Artist]:
        """What :meth:`draw` changes, but for the limits."""
        lines = [self.values.line, self.slopes.line, self._kinks, *self._sides]
        return [*lines, *self._legends]

    def draw(self, view: View) -> bool:
        """Show another view, and return whether the limits are others now."""
        changed = [self.values.draw(view.x, view.y), self.slopes.draw(view.x, view.slope)]
        bent = [k for k in view.kinks if k.order == 1]
        places = [k.x for k in bent]
        self._kinks.set_data(places, np.interp(places, view.x, view.y) if bent else [])
        self._sides[0].set_data(places, [k.left for k in bent])
        self._sides[1].set_data(places, [k.right for k in bent])
        for legend in self._legends:
            legend.set_visible(bool(bent))
        return any(changed)


class Readout:
    """Kinks, moments and what is not as it should be, in words and numbers."""

    def __init__(self, axes: Axes, left: float, top: float) -> None:
        self.text = axes.text(left, top, "", fontsize=9, color=_DARK, va="top")
        self.text.set_fontfamily("monospace")
        self.text.set_parse_math(False)  # remarks are anybody's words
        self.text.set_linespacing(1.35)

    def draw(self, view: View) -> None:
        """Show another view."""
        lines = [*said(view), ""]
        lines += [f"{k:<6} {number(view.moments[k])}" for k in MOMENTS if k in view.moments]
        self.text.set_text("\n".join(lines + [short(remark) for remark in view.remarks]))


def said(view: View) -> list[str]:
    """The kinks in words, one a line."""
    if view.kinks:
        lines = [_kink(k) for k in sorted(view.kinks, key=lambda k: abs(k.x))[:MOST]]
        more = len(view.kinks) - MOST
        return lines + ([f"… and {more} more"] if more > 0 else [])
    if not view.x.size:
        return []
    if view.differences:
        return ["kinks do not show: f′ is a finite difference"]
    slope = float(np.interp(0, view.x, view.slope))
    if math.isnan(slope):
        return ["no kink between finite slopes"]
    return [f"no kink; slope {number(slope)} at x = 0"]


def _kink(kink: Kink) -> str:
    left, right = number(kink.left), number(kink.right)
    if kink.order == 0:
        return f"jump at x = {number(kink.x)}: f goes from {left} to {right}"
    return f"kink at x = {number(kink.x)}: slope {left} left, {right} right"


def short(text: str, most: int = 58) -> str:
    """On one line that has room."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"
