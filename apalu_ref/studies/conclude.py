"""What results say: sentences with numbers, and a verdict."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from apalu_ref.claims import Verdict
from apalu_ref.studies.plan import Conclusion, Measure
from apalu_ref.studies.results import Results

CONTROLS = ("apalu-frozen", "apalu-vp-frozen", "apalu-tied", "relu-scaled", "relu-wide")
"""Where one of these does as well as APALU, training a and b (or both, for the tied one), APALU's
shape, or the few parameters more are not what its result is owed to."""


def shown(measure: Measure, value: float) -> str:
    """A value as tables have it."""
    return "-" if not math.isfinite(value) else f"{value * measure.scale:.{measure.digits}f}"


def spread(results: Results, arm: str, measure: str, case: Mapping[str, Any] | None = None) -> str:
    """Mean ± standard deviation, and how many runs did not give the number.

    The deviation is left out for a single run.
    """
    m, s = results.measure(measure), results.summary(arm, measure, case)
    if not s.n:
        return "none" if s.missing else "-"
    text = shown(m, s.mean)
    if s.n > 1:
        text += f" ± {shown(m, s.std)}"
    return text + (f" ({s.missing} of {s.n + s.missing} without)" if s.missing else "")


def interval(
    results: Results,
    arm: str,
    measure: str,
    case: Mapping[str, Any] | None = None,
    to: str | None = None,
    comparisons: int = 1,
) -> str:
    """The paired difference as ``+0.12 [-0.05, 0.29]``, widened for a number of comparisons."""
    m = results.measure(measure)
    d = results.difference(arm, measure, case, to, 1 - 0.05 / comparisons)
    if not math.isfinite(d.mean):
        return "-"
    mean = f"{d.mean * m.scale:+.{m.digits}f}"
    if not math.isfinite(d.low):
        return f"{mean} (one pair)"
    return f"{mean} [{shown(m, d.low)}, {shown(m, d.high)}]"


def gain(
    results: Results,
    arm: str,
    measure: str,
    case: Mapping[str, Any] | None = None,
    to: str | None = None,
    comparisons: int = 1,
) -> int:
    """1 if an arm is better than the baseline (or the arm ``to``), -1 if worse, 0 if neither shows.

    The paired interval must leave out 0, at a level of 1 - 0.05/``comparisons`` (Bonferroni): with
    many comparisons one of them would by chance. Runs without a number, because they diverged or
    never came to a level, are no pairs; so an arm that has more of them cannot be better by the
    others, and one all of whose runs are without is worse than one with at least three numbers.
    """
    other = results.study.baseline if to is None else to
    own, its = results.summary(arm, measure, case), results.summary(other, measure, case)
    if own.n == 0 and its.n > 2:
        return -1
    if its.n == 0 and own.n > 2:
        return 1
    sign = results.difference(arm, measure, case, to, 1 - 0.05 / comparisons).sign
    better = sign if results.measure(measure).better == "higher" else -sign
    if own.missing > its.missing:
        return min(better, 0)
    return max(better, 0) if own.missing < its.missing else better


def named(case: Mapping[str, Any]) -> str:
    """A condition in words: ``depth 50, net plain``."""
    return ", ".join(f"{k} {v}" for k, v in case.items())


def compared(
    results: Results,
    arm: str,
    measure: str,
    case: Mapping[str, Any] | None = None,
    comparisons: int = 1,
) -> str:
    """A sentence that compares an arm with the baseline."""
    base = results.study.baseline
    what = results.measure(measure).text
    where = f" ({named(case)})" if case else ""
    return (
        f"{what}{where}: {arm} {spread(results, arm, measure, case)}, {base} "
        f"{spread(results, base, measure, case)}, difference "
        f"{said(results, arm, measure, case, None, comparisons)}"
    )


def said(
    results: Results,
    arm: str,
    measure: str,
    case: Mapping[str, Any] | None,
    to: str | None,
    comparisons: int,
) -> str:
    """The difference with the interval that decides, and what it comes to in words.

    No difference was only looked for, and not seen, where there were pairs enough to see one.
    """
    other = results.study.baseline if to is None else to
    found = gain(results, arm, measure, case, to, comparisons)
    own, its = (results.summary(name, measure, case).n for name in (arm, other))
    difference = results.difference(arm, measure, case, to, 1 - 0.05 / comparisons)
    many = f", widened for {comparisons} comparisons" if comparisons > 1 else ""
    if found:
        words = {1: "better", -1: "worse"}[found]
        if not difference.n:
            words += f", as no run of {other if own else arm} has the number"
    elif not (own or its):
        words = "neither has the number"
    elif not (own and its):
        words = f"no run of {other if own else arm} has the number"
    elif difference.n < 3:
        words = "too few pairs to say"
    elif difference.sign:
        words = "undecided, as the one that seems better has fewer runs with the number"
    else:
        words = "no difference seen"
    return f"{interval(results, arm, measure, case, to, comparisons)}{many}: {words}"


def controls(results: Results, measure: str = "score", arm: str = "apalu") -> str:
    """How the controls that were run compare with APALU; "" if none was."""
    there = [c for c in CONTROLS if c in results.arms]
    if not there or arm not in results.arms:
        return ""
    said = []
    for control in there:
        if len(results.cases) == 1:
            said.append(f"{control} {interval(results, control, measure, results.cases[0], arm)}")
            continue
        gains = [gain(results, control, measure, case, to=arm) for case in results.cases]
        said.append(f"{control} better under {gains.count(1)}, worse under {gains.count(-1)}")
    if len(results.cases) == 1:
        return f"controls minus {arm}: {', '.join(said)}"
    return f"controls beside {arm}, of {len(results.cases)} conditions: {', '.join(said)}"


def better(
    results: Results, measures: Sequence[str] = ("score",), arm: str = "apalu"
) -> Conclusion:
    """The verdict on the claim that an arm is better than the baseline in these measures.

    Every measure under every condition is a comparison; :func:`judged` says what they come to. The
    arm was named beforehand, so that looking at many arms cannot make one of them win by chance.
    """
    base = results.study.baseline
    if arm not in results.arms or base not in results.arms:
        return Conclusion("open", f"{arm} or {base} was not run")
    if min(len(results.outcomes(a, c)) for a in (arm, base) for c in results.cases) < 3:
        return Conclusion("open", "fewer than three seeds: there is no spread to judge by")
    many = len(measures) * len(results.cases)
    gains = {
        (m, i): gain(results, arm, m, case, comparisons=many)
        for m in measures
        for i, case in enumerate(results.cases)
    }
    said = []
    for m in measures:
        if len(results.cases) > 3:
            won = [named(c) for i, c in enumerate(results.cases) if gains[m, i] == 1]
            lost = [named(c) for i, c in enumerate(results.cases) if gains[m, i] == -1]
            said.append(
                f"{results.measure(m).text}: {arm} better than {base} under {len(won)} of "
                f"{len(results.cases)} conditions" + (f" ({'; '.join(won)})" if won else "")
                + f", worse under {len(lost)}" + (f" ({'; '.join(lost)})" if lost else "")
            )  # fmt: skip
        else:
            said += [compared(results, arm, m, case, many) for case in results.cases]
    said.append(controls(results, measures[0], arm))
    said.append(how(results))
    return Conclusion(judged(list(gains.values())), "; ".join(filter(None, said)))


def judged(gains: Sequence[int]) -> Verdict:
    """The verdict on comparisons that were won (1), lost (-1), or neither (0).

    It holds if all are won, holds under a condition if more are won than lost, does not hold if
    more are lost than won, and is open otherwise.
    """
    if min(gains) == 1:
        return "holds"
    won, lost = gains.count(1), gains.count(-1)
    if won > lost:
        return "holds under a condition"
    return "does not hold" if lost > won else "open"


def how(results: Results) -> str:
    """On what the numbers rest."""
    where = ", ".join(f"{d['name']} ({d['source']})" for d in unique(results.data))
    seeds = f"{results.plan.seeds} seed{'s' * (results.plan.seeds != 1)}"
    return f"{results.scale} scale, {seeds}" + (f", {where}" if where else "")


def unique(data: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Data sets by name and source, each once."""
    return list({(d["name"], d["source"]): d for d in data}.values())


def sentences(evidence: str) -> list[str]:
    """Evidence at its semicolons, but for those in brackets.

    Examples
    --------
    >>> sentences("better (depth 5; depth 10); on MNIST")
    ['better (depth 5; depth 10)', 'on MNIST']
    """
    found, depth = [""], 0
    for part in re.split(r"(; |[()])", evidence):
        depth += (part == "(") - (part == ")")
        if part == "; " and depth == 0:
            found.append("")
        else:
            found[-1] += part
    return found
