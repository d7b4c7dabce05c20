"""What the figures of studies are put together from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apalu_ref.properties.panels import GREY as GREY
from apalu_ref.properties.panels import STYLES, Style
from apalu_ref.studies.results import Results

_USUAL = ("apalu", "relu", "apalu-vp", "gelu", "tanh", "apalu-frozen")
"""They have the same colours in all figures; others have what these leave over, then grey."""


def panels(columns: int, rows: int = 1, height: float = 3.8, width: float = 4.2) -> tuple[Any, Any]:
    """A figure and its panels, a flat sequence."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(
        figsize=(width * columns, height * rows), facecolor="white", layout="constrained"
    )
    FigureCanvasAgg(figure)
    found = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in found:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    return figure, found


def style(arm: str, results: Results) -> Style:
    """An arm's colour and dashes: the same in all panels, and for the usual ones in all figures."""
    if arm in _USUAL:
        return STYLES[_USUAL.index(arm)]
    free = [STYLES[i] for i, usual in enumerate(_USUAL) if usual not in results.arms]
    others = [a for a in results.arms if a not in _USUAL]
    place = others.index(arm) if arm in others else len(free)
    return free[place] if place < len(free) else Style(GREY, (0, (1, 1)))


def curves(
    panel: Any,
    results: Results,
    name: str,
    label: str,
    arms: Sequence[str] = (),
    case: Mapping[str, Any] | None = None,
    x: str = "share of the steps",
) -> None:
    """The mean over seeds of a curve of the outcomes, and a band from the least to the largest.

    By default those of all arms that have a colour of their own.
    """
    for arm in arms or [a for a in results.arms if style(a, results).color != GREY]:
        found = [o["curves"][name] for o in results.outcomes(arm, case) if o["curves"].get(name)]
        if not found:
            continue
        least = min(map(len, found))
        lines = np.array([line[:least] for line in found])
        place = (np.arange(least) + 1) / least
        how = style(arm, results)
        panel.plot(place, lines.mean(0), color=how.color, linestyle=how.dashes, label=arm, lw=1.4)
        if len(lines) > 1:
            panel.fill_between(place, lines.min(0), lines.max(0), color=how.color, alpha=0.15, lw=0)
    panel.set_xlabel(x, fontsize=9)
    panel.set_title(label, fontsize=10)
    legend(panel)


def by_arm(
    panel: Any,
    results: Results,
    measure: str = "score",
    case: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> None:
    """Every run as a dot and the mean as a bar, an arm a line; the baseline's mean is marked."""
    m = results.measure(measure)
    for place, arm in enumerate(results.arms):
        values = [v * m.scale for v in results.values(arm, measure, case) if v is not None]
        colour = style(arm, results).color
        panel.scatter(values, [place] * len(values), s=18, color=colour, alpha=0.55, lw=0)
        if values:
            mean = float(np.mean(values))
            panel.plot([mean] * 2, [place - 0.3, place + 0.3], color=colour, lw=2)
            if arm == results.study.baseline:
                panel.axvline(mean, color=GREY, lw=0.8, ls=":", zorder=0)
        failed = len(results.values(arm, measure, case)) - len(values)
        if failed:
            panel.text(
                0.99, place, f"{failed} without", transform=panel.get_yaxis_transform(),
                ha="right", va="center", fontsize=7, color=GREY,
            )  # fmt: skip
    panel.set_yticks(range(len(results.arms)), [shortened(a) for a in results.arms], fontsize=8)
    panel.set_ylim(len(results.arms) - 0.5, -0.5)
    panel.locator_params(axis="x", nbins=6)
    panel.set_xlabel("dot: a seed, bar: the mean", fontsize=8)
    panel.set_title(title or m.text, fontsize=10)


def over(
    panel: Any,
    results: Results,
    key: str,
    measure: str = "score",
    where: Mapping[str, Any] | None = None,
    arms: Sequence[str] = (),
    title: str | None = None,
) -> None:
    """Means and deviations over a number that the conditions have, such as a depth.

    ``where`` chooses among the conditions: those with these values.
    """
    m = results.measure(measure)
    chosen = [c for c in results.cases if all(c.get(k) == v for k, v in (where or {}).items())]
    for arm in arms or results.arms:
        how = style(arm, results)
        found = [(c[key], results.summary(arm, measure, c)) for c in chosen if key in c]
        x = [place for place, s in found if s.n]
        y = np.array([s.mean * m.scale for _, s in found if s.n])
        error = np.array([0.0 if s.n < 2 else s.std * m.scale for _, s in found if s.n])
        panel.errorbar(
            x, y, error, color=how.color, linestyle=how.dashes, label=arm, lw=1.4, marker="o",
            markersize=3.5, capsize=2,
        )  # fmt: skip
    panel.set_xlabel(key, fontsize=9)
    panel.set_title(title or m.text, fontsize=10)
    legend(panel)


def legend(panel: Any) -> None:
    """A legend, if there is anything to name."""
    if panel.get_legend_handles_labels()[0]:
        panel.legend(frameon=False, fontsize=8)


def shortened(arm: str) -> str:
    """An arm's name, cut where it is a path."""
    return arm if len(arm) <= 18 else "…" + arm[-17:]
