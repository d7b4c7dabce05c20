"""The report card as a figure: one sheet for an activation, or several in the same panels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apalu_ref.properties import panels
from apalu_ref.properties.card import Report
from apalu_ref.properties.meanfield import edge_of_chaos
from apalu_ref.properties.panels import STYLES
from apalu_ref.properties.simulate import Depth
from minigrad.checkpoint import write_atomically

__all__ = ["STYLES", "compare", "save", "sheet"]


def sheet(report: Report, depth: Depth | None = None, figure: Any = None) -> Any:
    """Draw one activation: values, slopes, family, maps, and lengths through depth.

    Parameters
    ----------
    report : Report
    depth : Depth, optional
        Simulated networks (:func:`~apalu_ref.properties.simulate.simulate`); without them the last
        panel is left to the edge of chaos.
    figure : matplotlib.figure.Figure, optional
        An empty one to draw into, such as ``plt.figure(figsize=(11.5, 7.2))``.

    Returns
    -------
    matplotlib.figure.Figure
    """
    figure, axes = _panels(figure)
    panels.values(axes[0], report)
    panels.slopes(axes[1], report)
    if report.activation.parameters:
        panels.family(axes[2], report)
    else:
        panels.edge(axes[2], report)
    panels.length_map(axes[3], report)
    panels.correlation_map(axes[4], report)
    if depth is not None:
        panels.through_depth(axes[5], depth)
    else:
        panels.edge(axes[5], report)
    figure.suptitle(repr(report.activation), fontweight="bold")
    return figure


def compare(reports: Sequence[Report], depths: Sequence[Depth] = (), figure: Any = None) -> Any:
    """Draw several activations into the same axes, at most six.

    Parameters
    ----------
    reports : sequence of Report
    depths : sequence of Depth
        As many, or none.
    figure : matplotlib.figure.Figure, optional
        As for :func:`sheet`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there are more than six.
    """
    if len(reports) > len(STYLES):
        raise ValueError(f"at most {len(STYLES)} activations can be told apart in one figure")
    figure, axes = _panels(figure)
    titles = (
        "values",
        "slopes",
        r"lengths: Q(q)/q at $\sigma_w$ = 1",
        "what a layer adds to c, at the gain",
    )
    for report, style in zip(reports, STYLES, strict=False):
        line = {"color": style.color, "linestyle": style.dashes, "label": repr(report.activation)}
        axes[0].plot(panels.X, panels.broken(report, report.activation(panels.X)), **line)
        axes[1].plot(panels.X, panels.broken_at_kinks(report, report.shape.slope(panels.X)), **line)
        if panels.deep(report):
            lengths = np.geomspace(1e-3, 1e3, 61)
            factors = [report.gaussian.square(q) / q for q in lengths]
            axes[2].semilogx(lengths, factors, **line)
            c, values = panels.correlations(report, "gain")
            axes[3].plot(c, values - c, **line)
            edge = edge_of_chaos(report.gaussian)
            if edge:
                axes[4].plot([e[2] for e in edge], [e[1] for e in edge], **line)
    panel: Any
    for panel, title in zip(axes, titles, strict=False):
        panel.set_title(title, fontsize=10)
    panels.axes(axes[0], "x", "f(x)")
    panels.axes(axes[1], "x", "f′(x)")
    axes[2].set(xlabel="q", ylabel="Q(q)/q", ylim=(0, 4))
    axes[2].axhline(1, color=panels.GREY, linewidth=0.8)
    axes[3].axhline(0, color=panels.GREY, linewidth=0.8)
    axes[3].set(xlabel="c", ylabel="C(c) - c")
    panels.edge_axes(axes[4])
    axes[4].set_xlim(-0.05, min(3.0, axes[4].get_xlim()[1]))
    if depths:
        for depth, style in zip(depths, STYLES, strict=False):
            layers = np.arange(len(depth.theory.low))
            for bound in (depth.theory.low, depth.theory.high):
                axes[5].plot(
                    layers, np.clip(bound, *panels.REACH), color=style.color, linestyle=style.dashes
                )
        axes[5].set(xlabel="layer", ylabel="q", yscale="log")
        axes[5].set_title("lengths at the gain: 19 of 20 networks", fontsize=10)
    else:
        axes[5].set_visible(False)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(reports), frameon=False)
    return figure


def save(figure: Any, path: str | Path) -> None:
    """Write a figure, in the format that the ending of ``path`` says, never half of it.

    Raises
    ------
    ValueError
        If there is no such format.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=Path(path).suffix[1:] or "png", dpi=150)
    write_atomically(path, buffer.getvalue())


def _panels(figure: Any) -> tuple[Any, list[Any]]:
    if figure is None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(11.5, 7.2), facecolor="white")
        FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    axes = list(figure.subplots(2, 3).ravel())
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=9)
    return figure, axes
