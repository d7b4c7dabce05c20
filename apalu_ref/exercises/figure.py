"""A class at a glance: who has got how far, and where most are stuck."""

from __future__ import annotations

from typing import Any

import numpy as np

from apalu_ref.exercises.group import ClassReport
from apalu_ref.exercises.result import TO_DO

_SKY, _BLUE, _GREY = "#dfeaf3", "#0072B2", "#f2f2f2"


def draw(report: ClassReport) -> Any:
    """A row for each submission, a column for each task, darker the more parts are right.

    Parameters
    ----------
    report : ClassReport

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    rows, tasks = report.submissions, report.tasks
    score = np.full((len(rows), len(tasks)), np.nan)
    for i, submission in enumerate(rows):
        for j, result in enumerate(submission.results):
            if result.status != TO_DO:
                score[i, j] = result.score
    figure = Figure(figsize=(2.4 + 1.05 * len(tasks), 1.6 + 0.32 * len(rows)), layout="constrained")
    ax = figure.add_subplot()
    shades = LinearSegmentedColormap.from_list("right", [_SKY, _BLUE]).with_extremes(bad=_GREY)
    ax.imshow(np.ma.masked_invalid(score), cmap=shades, vmin=0, vmax=1, aspect="auto")
    for i, submission in enumerate(rows):
        for j, result in enumerate(submission.results):
            if result.status == TO_DO:
                continue
            right = sum(part.passed for part in result.parts)
            color = "white" if score[i, j] > 0.55 else "#222222"
            ax.text(
                j,
                i,
                f"{right}/{len(result.parts)}",
                ha="center",
                va="center",
                color=color,
                fontsize=9,
            )
        if submission.error:
            ax.text(-0.4, i, "not graded", ha="left", va="center", color="#555555", fontsize=9)
    ax.set_xticks(range(len(tasks)), [f"{t.number}\n{t.name}" for t in tasks], fontsize=9)
    # A name is a name, and no formula, whatever signs it has.
    ax.set_yticks(range(len(rows)), [s.name for s in rows], fontsize=9, parse_math=False)
    ax.tick_params(length=0)
    ax.set_xticks(np.arange(len(tasks) + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=2)
    ax.tick_params(which="minor", length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    ax.set_title("parts that are right (grey: not begun)", fontsize=10)
    return figure
