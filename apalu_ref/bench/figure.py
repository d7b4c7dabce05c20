"""The table of activations as a picture: time against size, and how near the limit they are."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any, NamedTuple

from apalu_ref.bench.activations import Report, Row
from minigrad.checkpoint import write_atomically


class _Style(NamedTuple):
    """How a way is drawn. Colours of Okabe and Ito; markers and dashes tell them apart, too."""

    label: str
    color: str
    marker: str
    dashes: str | tuple[int, tuple[int, ...]]


_STYLES = {
    "fused": _Style("fused", "#0072B2", "o", "-"),
    "formula": _Style("formula", "#009E73", "s", (0, (5, 2))),
    "textbook": _Style("textbook NumPy", "#D55E00", "^", (0, (2, 2))),
    "torch": _Style("PyTorch, eager", "#CC79A7", "D", (0, (7, 2, 2, 2))),
    "torch.compile": _Style("torch.compile", "#E69F00", "v", (0, (1, 1))),
    "jax.jit": _Style("jax.jit", "#56B4E9", "P", (0, (4, 1, 1, 1, 1, 1))),
}
_SHARED = {
    "scalar": "one parameter for all elements",
    "channel": "a parameter a channel",
    "neuron": "a parameter a neuron",
    "element": "a parameter an element",
}
_FORWARD, _BACKWARD = "#0072B2", "#E69F00"


def draw(report: Report, path: str) -> None:
    """Draw two panels: APALU's time an element against size, all activations at the largest.

    Parameters
    ----------
    report : Report
        Of one type the first is drawn.
    path : str
        The picture to write; its ending chooses the format (``.png``, ``.svg``, ``.pdf``).

    Raises
    ------
    ValueError
        If there are no rows, or no such format.
    """
    if not report.rows:
        raise ValueError("there is nothing to draw: nothing was timed")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    dtype = report.rows[0].dtype
    rows = [row for row in report.rows if row.dtype == dtype]
    figure = Figure(figsize=(11, 4.6), facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    for panel in (left, right):
        panel.spines[["top", "right"]].set_visible(False)
    _against_size(left, [row for row in rows if row.activation == "apalu" and row.stage == "both"])
    _against_limit(right, rows, report)
    threads = report.limit.threads
    figure.suptitle(
        f"{dtype}, {threads} thread{'s'[: threads - 1]}, {_SHARED[report.options.shared]}",
        fontsize=11,
    )
    buffer = io.BytesIO()
    figure.savefig(buffer, format=Path(path).suffix[1:].lower() or "png", dpi=150)
    write_atomically(path, buffer.getvalue())


def _say_nothing(panel: Any) -> None:
    panel.text(0.5, 0.5, "not timed", transform=panel.transAxes, ha="center", color="0.3")
    panel.set(xticks=[], yticks=[])


def _against_size(panel: Any, rows: list[Row]) -> None:
    """Time an element of APALU, forward and backward, quartiles as thin lines; both axes in log."""
    panel.set_title("APALU, forward + backward", fontsize=11)
    if not rows:
        _say_nothing(panel)
        return
    ends: list[tuple[float, float, _Style]] = []
    for way, style in _STYLES.items():
        own = sorted((row for row in rows if row.way == way), key=lambda row: row.elements)
        if not own:
            continue
        x = [row.elements for row in own]
        low, y, high = (
            [1e9 * getattr(row.seconds, q) / row.elements for row in own]
            for q in ("low", "median", "high")
        )
        panel.vlines(x, low, high, color=style.color, lw=1, alpha=0.7)
        panel.plot(x, y, style.marker, ls=style.dashes, color=style.color, ms=5, lw=1.6)
        ends.append((y[-1], x[-1], style))
    panel.set(xscale="log", yscale="log", xlabel="elements", ylabel="nanoseconds an element")
    panel.grid(color="0.92", lw=0.8)
    low, high = panel.get_ylim()
    if high < 10 * low:  # a decade at least: noise is not to fill the panel
        middle = math.sqrt(low * high)
        panel.set_ylim(middle / math.sqrt(10), middle * math.sqrt(10))
    _name(panel, ends)


def _name(panel: Any, ends: list[tuple[float, float, _Style]]) -> None:
    """Name each line beside its end; names of ends that lie close are moved apart."""
    low, high = (math.log10(v) for v in panel.get_ylim())
    apart = 0.062 * (high - low)
    place = -math.inf
    right = panel.get_xlim()[1]
    for y, x, style in sorted(ends, key=lambda end: end[0]):
        place = max(math.log10(y), place + apart)
        panel.annotate(
            style.label, (x, y), (right, 10**place), fontsize=9, va="center",
            arrowprops={"arrowstyle": "-", "color": style.color, "lw": 0.6, "shrinkB": 4},
            annotation_clip=False,
        )  # fmt: skip


def _against_limit(panel: Any, rows: list[Row], report: Report) -> None:
    """What of the memory's bandwidth each activation gets, done as APALU is."""
    largest = max(row.elements for row in rows)
    rates = {
        stage: {
            row.activation: row.rate / 1e9
            for row in rows
            if (row.way, row.stage, row.elements) == ("fused", stage, largest)
        }
        for stage in ("forward", "backward")
    }
    names = sorted(rates["forward"], key=lambda name: rates["forward"][name])
    panel.set_title(f"{largest:,} elements, done alike in NumPy", fontsize=11)
    if not names:
        _say_nothing(panel)
        return
    for stage, offset, color, hatch in (
        ("forward", 0.2, _FORWARD, None),
        ("backward", -0.2, _BACKWARD, "////"),
    ):
        shown = [name for name in names if name in rates[stage]]
        panel.barh(
            [names.index(name) + offset for name in shown],
            [rates[stage][name] for name in shown],
            0.38, color=color, hatch=hatch, edgecolor="white", lw=0, label=stage,
        )  # fmt: skip
    panel.set_yticks(range(len(names)), names)
    for label in panel.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() == "apalu" else "normal")
    limit = report.limit.best / 1e9
    panel.axvline(limit, color="black", lw=1.2, ls=(0, (5, 3)))
    panel.annotate(
        "memory's limit", (limit, 0), (-4, 4), xycoords=("data", "axes fraction"),
        textcoords="offset points", rotation=90, ha="right", va="bottom", fontsize=9,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )  # fmt: skip
    panel.set_xlabel("GB/s that must be read and written at least")
    panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=2, frameon=False)
