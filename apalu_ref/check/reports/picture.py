"""The errors of y and dx as a picture: ULP against x, from the kink to the far tails.

Both axes are ours. The numbers of a type span hundreds of decades on either side of zero,
and people look at four of them: x is warped so that these get most of the room.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.judge import ULP_LIMITS
from apalu_ref.check.report import Points, Report
from apalu_ref.check.reports.outcomes import legible, shortened
from minigrad.checkpoint import write_atomically

Array = NDArray[Any]

FLOOR = 0.1
"""Errors below so many ULP are drawn there: which of two tiny ones is smaller tells nothing."""

# log10 of |x|, and how far from zero it is drawn: a decade of the working range is as wide as
# a hundred of those next to zero and beyond the tails.
_DECADES = (-324.0, -20.0, -3.0, -1.0, 0.0, 1.0, 2.0, 3.0, 309.0)
_PLACES = (0.35, 1.1, 2.0, 2.8, 3.6, 4.9, 6.0, 6.9, 8.1)
_TICKS = (-20, -3, -1, 0, 1, 2, 3, 300)

# Marks closer together than this would lie on each other: the worst stands for all. Crosses are
# larger, and fewer of them leave the marks inside to be seen.
_MARKS, _CROSSES = 480, 240


class _Style(NamedTuple):
    """How a type is drawn. Colours of Okabe and Ito; the markers alone tell them apart, too."""

    color: str
    marker: str
    size: float


_STYLES = {
    "float64": _Style("#0072B2", "o", 3.6),
    "float32": _Style("#E69F00", "^", 4.2),
    "float16": _Style("#009E73", "s", 3.2),
    "bfloat16": _Style("#CC79A7", "D", 3.2),
}
_WRONG = "#B00020"
_DASHES = (0, (5, 3))


def draw(report: Report, path: str | os.PathLike[str]) -> None:
    """Draw the errors of y (above) and dx (below) against x.

    A mark is the worst error at its place, crossed where it is wrong. The ULP limits are dashed;
    hollow marks exceed them where they are waived: a, b or gy far from 1, x below the normal
    numbers, results that underflow.

    Parameters
    ----------
    report : Report
    path : path-like
        The file, in the format its ending names (``.png``, ``.svg``, ``.pdf``); written
        atomically.

    Raises
    ------
    ValueError
        If no values were asked element by element, so that there is nothing to draw; or if
        there is no such format.
    """
    if not any(points.x.size for points in report.points):
        raise ValueError(
            "there is nothing to draw: the picture shows the values/ probes, which ask for "
            "elementwise parameters, and none of them was answered"
        )
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), facecolor="white")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 1)
    figure.subplots_adjust(left=0.08, right=0.91, bottom=0.135, top=0.9, hspace=0.12)
    for panel, quantity in zip(panels, ("y", "dx"), strict=True):
        _panel(panel, quantity, [p for p in report.points if p.quantity == quantity])
    panels[0].tick_params(labelbottom=False)
    panels[1].set_xlabel("x (logarithmic on both sides of 0, stretched from 0.1 to 1000)")
    _title(figure, report)
    _legend(figure, report)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=Path(path).suffix[1:].lower() or "png", dpi=150)
    write_atomically(path, buffer.getvalue())


def warp(x: Array) -> Array:
    """Where x is drawn: odd, increasing, 0 at 0, and in between linear in log |x|."""
    size = np.abs(np.asarray(x, np.float64))
    with np.errstate(divide="ignore"):
        place = np.interp(np.log10(size), _DECADES, _PLACES)
    return np.where(size == 0, 0.0, np.copysign(place, x))


def worst(x: Array, ulp: Array, bins: int = _MARKS) -> tuple[Array, Array]:
    """The largest error in each part of the axis: where it is drawn, and the error."""
    places = warp(x)
    part = np.round(places * (bins / 2 / _PLACES[-1])).astype(int)
    order = np.lexsort((ulp, part))
    last = np.flatnonzero(np.diff(part[order], append=bins))
    return places[order][last], ulp[order][last]


def _panel(panel: Any, quantity: str, found: Sequence[Points]) -> None:
    panel.set_facecolor("white")
    panel.spines[["top", "right"]].set_visible(False)
    panel.set_ylabel(f"error of {quantity} in ULP")
    _x_axis(panel)
    if not found:
        panel.set_yticks([])
        panel.text(
            0.5, 0.5, f"{quantity} was not judged element by element",
            transform=panel.transAxes, ha="center", color="0.3",
        )  # fmt: skip
        return
    dtypes = _dtypes(found)
    rows = _y_axis(panel, found, dtypes)
    for dtype in dtypes:
        color, marker, size = _STYLES[dtype]
        x, ulp, counted, wrong = _joined([p for p in found if p.dtype == dtype])
        waived = (ulp > ULP_LIMITS[dtype][quantity]) & ~counted & ~wrong
        # Each type has its own line for NaN, or they would hide each other.
        shown = np.where(np.isfinite(ulp), np.maximum(ulp, FLOOR), rows[dtype])
        for where, fill in ((waived, "none"), (~waived & ~wrong, color), (wrong, color)):
            at, error = worst(x[where], shown[where])
            panel.plot(at, error, marker, ms=size, mfc=fill, mec=color, mew=0.5, alpha=0.8)
        at, error = worst(x[wrong], shown[wrong], _CROSSES)
        panel.plot(at, error, "X", ms=6.5, mfc="none", mec=_WRONG, mew=0.8, zorder=4)
    _limits(panel, quantity, dtypes)


def _x_axis(panel: Any) -> None:
    signed = [(-1, d) for d in reversed(_TICKS)] + [(0, 0)] + [(1, d) for d in _TICKS]
    panel.set_xticks(
        [float(warp(np.array(sign * 10.0**decade))) for sign, decade in signed],
        [_number(sign, decade) for sign, decade in signed],
        fontsize=9,
    )
    between = np.outer([-1, 1], np.outer(10.0 ** np.arange(-1, 3), np.arange(2, 10)))
    panel.set_xticks(warp(between.ravel()), minor=True)
    panel.set_xlim(-_PLACES[-1] - 0.1, _PLACES[-1] + 0.1)
    panel.axvline(0, color="0.88", lw=1, zorder=0)


def _y_axis(panel: Any, found: Sequence[Points], dtypes: Sequence[str]) -> dict[str, float]:
    """Set it up; the result says where each type's NaN and infinite errors are drawn."""
    _, ulp, _, _ = _joined(found)
    finite = ulp[np.isfinite(ulp)]
    decades = max(2, math.ceil(math.log10(max(float(finite.max(initial=1.0)), 1.0)) + 0.3))
    step = math.ceil(decades / 6)
    powers = range(0, decades + 1, step)
    ticks, labels = [10.0**k for k in powers], [_number(1, k) for k in powers]
    top, row = float(decades), (decades + 1) / 17
    rows = {dtype: 10.0 ** (top + row * (i + 1.4)) for i, dtype in enumerate(dtypes)}
    if finite.size < ulp.size:
        edge = top + row * (len(dtypes) + 0.9)
        panel.axhspan(10 ** (top + row * 0.7), 10**edge, color="0.94", lw=0, zorder=0)
        ticks.append(10 ** (top + row * (len(dtypes) + 1.8) / 2))
        labels.append("NaN, inf")
        top = edge
    panel.set_yscale("log")
    panel.set_yticks([FLOOR, *ticks], [f"≤ {FLOOR:g}", *labels], fontsize=9)
    panel.yaxis.minorticks_off()
    panel.set_ylim(FLOOR * 0.7, 10**top)
    return rows


def _limits(panel: Any, quantity: str, dtypes: Iterable[str]) -> None:
    """The ULP limits, one line for the types that share one, told beside the axes."""
    shared: dict[int, list[str]] = {}
    for dtype in dtypes:
        shared.setdefault(ULP_LIMITS[dtype][quantity], []).append(dtype)
    heights = np.log10(list(shared))
    low, high = np.log10(panel.get_ylim())
    # Labels closer than some 4 % of the height would overlap: they fan out.
    apart = np.abs(np.diff(heights)).min(initial=1.0) / (high - low)
    places = heights.mean() + (heights - heights.mean()) * max(1.0, 0.045 / apart)
    for (limit, names), place in zip(shared.items(), places, strict=True):
        color = _STYLES[names[0]].color if len(shared) > 1 else "0.25"
        short = ", ".join(name.replace("float", "f") for name in names)
        panel.axhline(limit, color=color, lw=0.9, ls=_DASHES, zorder=1)
        panel.annotate(
            f"{limit} ({short})" if len(shared) > 1 else f"{limit} (limit)",
            (1, (place - low) / (high - low)), (4, 0), xycoords="axes fraction",
            textcoords="offset points", va="center", fontsize=8.5, color=color,
        )  # fmt: skip


def _title(figure: Any, report: Report) -> None:
    counts = report.counts()
    verdict = f"{'FAILS' if report.errors else 'CONFORMS'}{': ' if counts else ''}{counts}"
    subject = _drawable(shortened(legible(report.subject), 70))
    title = figure.text(0.08, 0.985, subject, fontsize=12, fontweight="bold", va="top")
    title.set_parse_math(False)  # a subject may have dollars in its name
    color = _WRONG if report.errors else "black"
    said = f"{verdict}  ({report.adapter}, {report.profile})"
    figure.text(0.08, 0.95, said, fontsize=11, color=color, va="top")


def _legend(figure: Any, report: Report) -> None:
    from matplotlib.lines import Line2D

    def entry(label: str, **style: Any) -> Any:
        return Line2D([], [], label=label, **{"ls": "", "ms": 6, **style})

    entries = [
        entry(dtype, marker=_STYLES[dtype].marker, color=_STYLES[dtype].color)
        for dtype in _dtypes(report.points)
    ]
    if any(p.wrong.any() for p in report.points):
        entries.append(entry("wrong", marker="X", ms=9, mfc="none", mec=_WRONG))
    entries.append(entry("ULP limit", ls=_DASHES, lw=0.9, color="0.25"))
    entries.append(entry("above it where it is waived", marker="o", mfc="none", mec="0.4"))
    figure.legend(
        handles=entries, loc="lower center", ncols=len(entries), frameon=False, fontsize=9
    )


def _joined(found: Sequence[Points]) -> tuple[Array, Array, Array, Array]:
    """x, ULP, counted and wrong of several probes, end to end."""
    x, ulp, counted, wrong = (
        np.concatenate([np.ravel(getattr(p, name)) for p in found])
        for name in ("x", "ulp", "counted", "wrong")
    )
    keep = np.isfinite(x)
    return x[keep].astype(np.float64), ulp[keep], counted[keep], wrong[keep]


def _dtypes(found: Iterable[Points]) -> list[str]:
    present = {points.dtype for points in found}
    return [dtype for dtype in _STYLES if dtype in present]


def _number(sign: int, decade: int) -> str:
    """A power of ten as people write it."""
    if not sign:
        return "0"
    plain = -1 <= decade <= 3
    return ("−" if sign < 0 else "") + (f"{10.0**decade:g}" if plain else f"$10^{{{decade}}}$")


def _drawable(text: str) -> str:
    """With ``?`` for what the font lacks, which else would be a warning and a box."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(weight="bold")))
    return "".join(c if font.get_char_index(ord(c)) else "?" for c in text)
