"""The evidence of the claims as a figure."""

from __future__ import annotations

from typing import Any

import numpy as np

from apalu_ref import apalu_grad
from apalu_ref.claims.evidence import approximation, drawn
from apalu_ref.properties.panels import STYLES

_GREY = "#777777"


def draw() -> Any:
    """Three panels: slopes, how steep drawn pairs are, and fits of growing width.

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.9), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 3)
    for panel in panels:
        panel.spines[["top", "right"]].set_visible(False)
    _slopes(panels[0])
    _steepness(panels[1])
    _fits(panels[2])
    return figure


def _slopes(panel: Any) -> None:
    for (a, b), style in zip(((1.0, 1.0), (1.0, 1.5), (0.5, 2.0)), STYLES, strict=False):
        for x in (np.linspace(-6, -1e-9, 400), np.linspace(0, 6, 400)):
            label = f"a = {a:g}, b = {b:g}" if x[0] < 0 else None
            y = apalu_grad(x, a, b, 1.0)[0]
            panel.plot(x, y, color=style.color, linestyle=style.dashes, label=label)
    panel.axhline(0, color=_GREY, linewidth=0.8)
    panel.set(xlabel="x", ylabel="f′(x)")
    panel.set_title("bounded below on the right, not on the left", fontsize=9)
    panel.legend(frameon=False, fontsize=9)


def _steepness(panel: Any) -> None:
    a, b = drawn()
    steepest = np.maximum(2.09983932 * a, b)
    panel.hist(steepest, bins=60, color=STYLES[0].color)
    panel.axvline(1, color=STYLES[1].color, linestyle=STYLES[1].dashes, label="ReLU: 1")
    panel.set(xlabel="steepest slope, a and b from U(0, 2)", ylabel="pairs of 10,000")
    panel.set_title(f"{np.mean(steepest > 1):.0%} are steeper than ReLU", fontsize=9)
    panel.legend(frameon=False, fontsize=9)


def _fits(panel: Any) -> None:
    widths = (4, 8, 16, 32, 64, 128)
    style = STYLES[2]
    panel.loglog(widths, approximation(widths), "o-", color=style.color)
    panel.set_xticks(widths, [str(n) for n in widths])
    panel.xaxis.set_minor_formatter(lambda v, _: "")
    panel.set(xlabel="units in one hidden layer", ylabel="largest error")
    panel.set_title("fits of sin 3x + |x|/2 over [-2, 2]", fontsize=9)
