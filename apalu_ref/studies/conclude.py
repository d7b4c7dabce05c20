"""What results say: sentences with numbers, and a verdict."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from apalu_ref.claims import Verdict
from apalu_ref.studies.plan import Conclusion, Measure
from apalu_ref.studies.results import Results

ADAPTS_NOT = ("apalu-frozen", "apalu-vp-frozen", "apalu-tied", "relu-scaled", "relu-wide")
"""Controls; what they do as well as APALU is not owed to trained a and b, or not to APALU."""


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
) -> str:
    """The paired difference as ``+0.12 [-0.05, 0.29]``."""
    m, d = results.measure(measure), results.difference(arm, measure, case, to)
    if not math.isfinite(d.mean):
        return "-"
    mean = f"{d.mean * m.scale:+.{m.digits}f}"
    if not math.isfinite(d.low):
        return f"{mean} (one pair)"
    return f"{mean} [{shown(m, d.low)}, {shown(m, d.high)}]"


def gain(results: Results, arm: str, measure: str, case: Any = None, to: str | None = None) -> int:
    """1 if the arm does better, -1 if worse, 0 if the interval holds 0 or there is none.

    An arm all of whose runs diverged does worse than one whose runs did not.
    """
    other = results.study.baseline if to is None else to
    own, its = results.summary(arm, measure, case), results.summary(other, measure, case)
    if own.n == 0 and its.n > 1:
        return -1
    if its.n == 0 and own.n > 1:
        return 1
    sign = results.difference(arm, measure, case, to).sign
    return sign if results.measure(measure).better == "higher" else -sign


def named(case: Mapping[str, Any]) -> str:
    """A condition in words: ``depth 50, net plain``."""
    return ", ".join(f"{k} {v}" for k, v in case.items())


def compared(
    results: Results, arm: str, measure: str, case: Mapping[str, Any] | None = None
) -> str:
    """A sentence that compares an arm with the baseline."""
    base = results.study.baseline
    what = results.measure(measure).text
    words = {1: "better", -1: "worse", 0: "no difference seen"}[gain(results, arm, measure, case)]
    where = f" ({named(case)})" if case else ""
    return (
        f"{what}{where}: {arm} {spread(results, arm, measure, case)}, {base} "
        f"{spread(results, base, measure, case)}, difference "
        f"{interval(results, arm, measure, case)}: {words}"
    )


def controls(results: Results, measure: str = "score", arm: str = "apalu") -> str:
    """Which controls do as well as APALU, so that adapting explains nothing; "" if none was run."""
    there = [c for c in ADAPTS_NOT if c in results.arms]
    if not there or arm not in results.arms:
        return ""
    alike = []
    for control in there:
        gains = [gain(results, control, measure, case, to=arm) for case in results.cases]
        if min(gains) >= 0:
            alike.append(control)
    if not alike:
        return f"{arm} does better than every control ({', '.join(there)}) somewhere"
    return f"not seen to be worse than {arm} anywhere: {', '.join(alike)}"


def better(
    results: Results, measures: Sequence[str] = ("score",), arm: str = "apalu"
) -> Conclusion:
    """The verdict on the claim that an arm is better than the baseline in these measures.

    It holds if the paired interval lies on the better side of 0 for every measure and
    condition, holds under a condition if for some and worse for none or some, does not hold if
    it is better nowhere and worse somewhere, and is open if no difference is seen. One arm was
    named beforehand, so that looking at many arms cannot make one of them win by chance.
    """
    base = results.study.baseline
    if arm not in results.arms or base not in results.arms:
        return Conclusion("open", f"{arm} or {base} was not run")
    if min(len(results.outcomes(a, c)) for a in (arm, base) for c in results.cases) < 3:
        return Conclusion("open", "fewer than three seeds: there is no spread to judge by")
    gains = {
        (m, i): gain(results, arm, m, case)
        for m in measures
        for i, case in enumerate(results.cases)
    }
    several = len(results.cases) > 3
    said = []
    for m in measures:
        if several:
            won = [named(c) for i, c in enumerate(results.cases) if gains[m, i] == 1]
            lost = [named(c) for i, c in enumerate(results.cases) if gains[m, i] == -1]
            said.append(
                f"{results.measure(m).text}: {arm} better than {base} under {len(won)} of "
                f"{len(results.cases)} conditions" + (f" ({'; '.join(won)})" if won else "")
                + f", worse under {len(lost)}" + (f" ({'; '.join(lost)})" if lost else "")
            )  # fmt: skip
        else:
            said += [compared(results, arm, m, case) for case in results.cases]
    said.append(controls(results, measures[0], arm))
    said.append(how(results))
    return Conclusion(judged(list(gains.values())), "; ".join(filter(None, said)))


def judged(gains: Sequence[int]) -> Verdict:
    """The verdict on comparisons that were won (1), lost (-1), or neither (0).

    It holds if all are won, under a condition if some are, does not hold if none is and some are
    lost, and is open if there is no difference anywhere.
    """
    if min(gains) == 1:
        return "holds"
    if max(gains) == 1:
        return "holds under a condition"
    return "does not hold" if min(gains) == -1 else "open"


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
