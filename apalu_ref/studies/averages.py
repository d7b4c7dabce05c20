"""A verdict on the mean over conditions, where each of them is one of many alike."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from apalu_ref.claims import Verdict
from apalu_ref.studies import conclude, figures
from apalu_ref.studies.plan import Conclusion
from apalu_ref.studies.results import Results
from apalu_ref.studies.statistics import Interval, paired, summary

RULE = (
    "What decides is one number, the mean over the conditions, seed by seed: the paired interval "
    "of the difference to ReLU, over seeds. The claim holds if it lies on the better side of 0 and "
    "APALU is worse under no single condition, and under a condition if it is worse under some (by "
    "intervals widened for the number of conditions). It does not hold if the interval lies on the "
    "other side, or all runs of APALU diverged. Else it is open; seeds of which a run diverged "
    "have no mean, and cannot help."
)
"""The rule of :func:`verdict`, for the answer of a study."""


def over_conditions(results: Results, arm: str, measure: str = "score") -> list[float | None]:
    """For each seed, the mean of a measure over all conditions; None where one is missing."""
    means: list[float | None] = []
    for values in zip(*(results.values(arm, measure, c) for c in results.cases), strict=False):
        there = [v for v in values if v is not None and math.isfinite(v)]
        means.append(float(np.mean(there)) if there and len(there) == len(values) else None)
    return means


def difference(results: Results, arm: str, to: str, measure: str = "score") -> Interval:
    """The paired difference of those means; without an interval if the seeds do not fit."""
    first = over_conditions(results, arm, measure)
    second = over_conditions(results, to, measure)
    if len(first) != len(second):
        return Interval(math.nan, math.nan, math.nan, 0)
    return paired(first, second)


def verdict(results: Results, measure: str = "score", arm: str = "apalu") -> Conclusion:
    """Whether an arm is better than the baseline on average over the conditions.

    Among ten conditions some show a difference by chance, so one number judges: the mean over
    conditions, seed by seed. The claim holds if its paired interval lies on the better side
    of 0 and the arm is worse under no condition; it holds under a condition if it is worse under
    some; it does not hold if the interval lies on the other side, or all runs of the arm
    diverged; else it is open. :data:`RULE` says so to a reader. It is not that of
    :func:`apalu_ref.studies.conclude.judged`, which counts conditions.
    """
    base = results.study.baseline
    if arm not in results.arms or base not in results.arms:
        return Conclusion("open", f"{arm} or {base} was not run")
    if min(len(results.outcomes(a, c)) for a in (arm, base) for c in results.cases) < 3:
        return Conclusion("open", "fewer than three seeds: there is no spread to judge by")
    m = results.measure(measure)
    several = len(results.cases)
    gains = {
        i: conclude.gain(results, arm, measure, c, comparisons=several)
        for i, c in enumerate(results.cases)
    }
    d = difference(results, arm, base, measure)
    sign = d.sign if m.better == "higher" else -d.sign
    if d.n == 0:
        # No seed has a mean for both arms: then only what happened under each can be told.
        sign = min(gains.values()) if max(gains.values()) <= 0 else 0
    own, its = (summary(over_conditions(results, a, measure)).missing for a in (arm, base))
    if own != its:
        # Seeds without a mean are no pairs, and what is left of an arm must not gain by them.
        sign = min(sign, 0) if own > its else max(sign, 0)
    found: Verdict = "open"
    if sign > 0:
        found = "holds" if min(gains.values()) >= 0 else "holds under a condition"
    elif sign < 0:
        found = "does not hold"
    said = [f"{m.text}, mean over {several} conditions: " if several > 1 else f"{m.text}: "]
    said[0] += ", ".join(f"{a} {_spread(results, a, measure)}" for a in (arm, base))
    said[0] += f", difference {_interval(m.scale, m.digits, d)}"
    if several > 1:
        said.append(_counted(results, arm, measure, gains))
    said.append(_controls(results, arm, measure))
    return Conclusion(found, "; ".join(filter(None, said)))


def _controls(results: Results, arm: str, measure: str) -> str:
    m = results.measure(measure)
    said = [
        f"{control} {_interval(m.scale, m.digits, difference(results, control, arm, measure))}"
        for control in conclude.CONTROLS
        if control in results.arms
    ]
    return f"controls minus {arm}: {', '.join(said)}" if said else ""


def _counted(results: Results, arm: str, measure: str, gains: Mapping[int, int]) -> str:
    won = [conclude.named(c) for i, c in enumerate(results.cases) if gains[i] == 1]
    lost = [conclude.named(c) for i, c in enumerate(results.cases) if gains[i] == -1]
    return (
        f"taken singly, {arm} is better under {len(won)}"
        + (f" ({'; '.join(won)})" if won else "")
        + f" and worse under {len(lost)}"
        + (f" ({'; '.join(lost)})" if lost else "")
    )


def _spread(results: Results, arm: str, measure: str) -> str:
    m, s = results.measure(measure), summary(over_conditions(results, arm, measure))
    if not s.n:
        return "none"
    text = conclude.shown(m, s.mean)
    return text if s.n == 1 else f"{text} ± {conclude.shown(m, s.std)}"


def _interval(scale: float, digits: int, d: Interval) -> str:
    if not math.isfinite(d.mean):
        return "-"
    mean = f"{d.mean * scale:+.{digits}f}"
    if not math.isfinite(d.low):
        return f"{mean} (one pair)"
    return f"{mean} [{d.low * scale:.{digits}f}, {d.high * scale:.{digits}f}]"


def mean(results: Results, arm: str, measure: str = "score") -> float:
    """The mean over seeds and conditions; NaN where there is none."""
    return summary(over_conditions(results, arm, measure)).mean


def constant(results: Results, measure: str, case: Mapping[str, Any] | None = None) -> float:
    """A number that does not depend on the arm, such as that of a simple method; NaN for none.

    The mean over all runs, or over those under one condition.
    """
    cases = results.cases if case is None else (case,)
    values = [v for a in results.arms for c in cases for v in results.values(a, measure, c)]
    return summary(values).mean


def dots(panel: Any, results: Results, measure: str = "score", title: str | None = None) -> None:
    """The mean over conditions: every seed as a dot and their mean as a bar, an arm a line."""
    m = results.measure(measure)
    for place, arm in enumerate(results.arms):
        values = [v * m.scale for v in over_conditions(results, arm, measure) if v is not None]
        colour = figures.style(arm, results).color
        panel.scatter(values, [place] * len(values), s=22, color=colour, alpha=0.6, lw=0)
        if values:
            panel.plot([np.mean(values)] * 2, [place - 0.3, place + 0.3], color=colour, lw=2)
    panel.set_yticks(
        range(len(results.arms)), [figures.shortened(a) for a in results.arms], fontsize=8
    )
    panel.set_ylim(len(results.arms) - 0.5, -0.5)
    panel.set_title(title or m.text, fontsize=10)


def by_condition(panel: Any, results: Results, key: str, simple: str, label: str) -> None:
    """Mean and deviation of each arm under each condition, and a simple method's number.

    Parameters
    ----------
    panel : matplotlib.axes.Axes
    results : Results
    key : str
        What conditions are called by.
    simple, label : str
        The measure of the simple method, and its name.
    """
    m, cases = results.measure(), results.cases
    for k, arm in enumerate(results.arms):
        found = [results.summary(arm, "score", c) for c in cases]
        x = np.arange(len(cases)) + 0.7 * ((k + 0.5) / len(results.arms) - 0.5)
        y = np.array([s.mean * m.scale for s in found])
        error = np.array([s.std * m.scale if s.n > 1 else 0.0 for s in found])
        there = np.isfinite(y)
        panel.errorbar(
            x[there], y[there], error[there], color=figures.style(arm, results).color, marker="o",
            markersize=3.5, lw=0, elinewidth=1.2, label=arm,
        )  # fmt: skip
    for place, case in enumerate(cases):
        level = constant(results, simple, case) * m.scale
        panel.plot(
            [place - 0.4, place + 0.4], [level] * 2, "k:", lw=1, label="" if place else label
        )
    panel.set_xticks(range(len(cases)), [str(c[key]) for c in cases], fontsize=8)
    panel.set_xlim(-0.5, len(cases) - 0.5)
    panel.set_title(m.text, fontsize=10)
    # Below: inside it would hide numbers, wherever it stood.
    panel.legend(
        frameon=False, fontsize=7, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.14)
    )
