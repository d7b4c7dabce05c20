"""Scores by how a and b begin and by learning rate: the table, its spreads, its heat maps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from apalu_ref.studies import figures
from apalu_ref.studies.results import Results
from apalu_ref.studies.statistics import Interval, paired


class Beside(NamedTuple):
    """An init beside the one compared with: each at its best rate, and at the common one."""

    task: str
    init: str
    tuned: Interval
    common: Interval


def by_rate(results: Results, arm: str, task: str) -> tuple[list[str], Any]:
    """The inits, and for each a row of mean scores by rate, over the seeds."""
    names, rows = [], []
    for case in results.cases:
        found = [o["curves"]["score"] for o in results.outcomes(arm, case)]
        if case["task"] == task and found:
            names.append(case["init"])
            rows.append(np.mean(found, axis=0))
    return names, np.array(rows)


def spreads(results: Results, arm: str, task: str) -> tuple[float, float]:
    """By how much the inits differ: each at its best rate, and all at the best common rate."""
    _, scores = by_rate(results, arm, task)
    if len(scores) < 2:
        return math.nan, math.nan
    common = int(scores.mean(0).argmax())
    return float(np.ptp(scores.max(1))), float(np.ptp(scores[:, common]))


def beside(results: Results, arm: str, reference: str, level: float = 0.95) -> list[Beside]:
    """How the score under each init differs from that under ``reference``, paired by seed.

    Each network at the best rate of its own, and all at the rate with the best mean over inits
    and seeds; a diverged network counts as the guess it is scored as.
    """
    found = []
    for task in dict.fromkeys(case["task"] for case in results.cases):
        tables = {
            case["init"]: np.array([o["curves"]["score"] for o in results.outcomes(arm, case)])
            for case in results.cases if case["task"] == task
        }  # fmt: skip
        tables = {init: table for init, table in tables.items() if table.size}
        if reference not in tables or len({len(table) for table in tables.values()}) > 1:
            continue
        place = int(np.mean([table.mean(0) for table in tables.values()], axis=0).argmax())
        known = tables.pop(reference)
        for init, table in tables.items():
            tuned = paired(table.max(1).tolist(), known.max(1).tolist(), level)
            common = paired(table[:, place].tolist(), known[:, place].tolist(), level)
            found.append(Beside(task, init, tuned, common))
    return found


def draw(results: Results) -> Any:
    """Heat maps of init by rate: scores by arm, and how far a and b move; a row a task."""
    tasks = list(dict.fromkeys(case["task"] for case in results.cases))
    arms = [a for a in ("apalu", "apalu-frozen", "relu-scaled") if a in results.arms]
    columns = max(1, len(arms) + ("apalu" in arms))
    figure, panels = figures.panels(columns, len(tasks), 3.4, 4.4)
    for row, task in zip(np.reshape(panels, (-1, columns)), tasks, strict=True):
        cases = [c for c in results.cases if c["task"] == task]
        if not arms:
            figures.by_arm(row[0], results, case=cases[0], title=f"{task}, mean over the rates")
        for panel, arm in zip(row, arms, strict=False):
            names, scores = by_rate(results, arm, task)
            reference = [
                o["curves"]["score"] for c in cases[:1] for o in results.outcomes("relu", c)
            ]
            if arm == "apalu" and reference and len(scores):
                names, scores = [*names, "(ReLU)"], np.vstack([scores, np.mean(reference, axis=0)])
            _map(panel, names, scores, results, f"{arm}: {_WHAT.get(task, 'score')} on {task}")
        if "apalu" in arms:
            moved = {
                c["init"]: [o["curves"]["moved"] for o in results.outcomes("apalu", c)
                            if o["curves"].get("moved")] for c in cases
            }  # fmt: skip
            rows = {k: np.mean(v, axis=0) for k, v in moved.items() if v}
            _map(row[-1], list(rows), np.array(list(rows.values())), results,
                 f"apalu: how far a and b move, {task}")  # fmt: skip
    return figure


_WHAT = {"mnist": "accuracy", "auto-mpg": "R²"}


def _map(panel: Any, names: Sequence[str], values: Any, results: Results, title: str) -> None:
    rates = results.plan.settings["rates"]
    panel.set_title(title, fontsize=9)
    if not len(values):
        panel.text(0.5, 0.5, "every run diverged", ha="center", transform=panel.transAxes)
        return
    panel.imshow(values, aspect="auto", cmap="viridis")
    middle = (values.min() + values.max()) / 2
    for (i, j), value in np.ndenumerate(values):
        colour = "black" if value > middle else "white"
        panel.text(j, i, f"{value:.3f}", ha="center", va="center", fontsize=7, color=colour)
    panel.set_xticks(range(len(rates)), [f"{r:g}" for r in rates], fontsize=8)
    panel.set_yticks(range(len(names)), names, fontsize=8)
    panel.set_xlabel("learning rate", fontsize=8)
