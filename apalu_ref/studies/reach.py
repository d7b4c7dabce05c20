"""Up to which depth networks train, and the verdict on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apalu_ref.studies import conclude
from apalu_ref.studies.plan import Conclusion
from apalu_ref.studies.results import Results


def series(results: Results) -> dict[str, list[Mapping[str, Any]]]:
    """The conditions that differ in depth alone, by a name, in order of depth."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for case in sorted(results.cases, key=lambda c: c["depth"]):
        end = ", He's weights" if (case["net"], case["init"]) == ("plain", "he") else ""
        found.setdefault(case["net"] + end, []).append(case)
    return found


def deepest(results: Results, arm: str, cases: Sequence[Mapping[str, Any]]) -> int:
    """The depth up to which all runs of an arm train; 0 if not even the least deep do."""
    reached = 0
    for case in cases:
        if not trains(results, arm, case):
            break
        reached = case["depth"]
    return reached


def trains(results: Results, arm: str, case: Mapping[str, Any]) -> bool:
    """Whether all runs of an arm train under a condition; False if there are none."""
    values = results.values(arm, "trains", case)
    return bool(values) and min(v or 0.0 for v in values) == 1


def concluded(results: Results) -> Conclusion:
    """Up to which depth APALU trains in each kind of network, beside ReLU."""
    if "apalu" not in results.arms:
        return Conclusion("open", "apalu was not run")
    base = results.study.baseline
    said, all_the_way, deeper = [], [], []
    for name, cases in series(results).items():
        last = cases[-1]["depth"]
        reached = {arm: deepest(results, arm, cases) for arm in results.arms}
        all_the_way.append(reached["apalu"] == last)
        deeper.append(all_the_way[-1] and len(cases) > 1)
        depths = ", ".join(f"{arm} {_reached(depth, last)}" for arm, depth in reached.items())
        said.append(f"{name}, up to {last} layers: all runs train up to depth: {depths}")
        said.append(f"{name}, accuracy at {last}: " + ", ".join(
            f"{arm} {conclude.spread(results, arm, 'score', cases[-1])}" for arm in results.arms
        ))  # fmt: skip
        said.append(_drifts(results, name, cases[-1]))
    behind = [
        conclude.named(c) for c in results.cases
        if trains(results, base, c) and not trains(results, "apalu", c)
    ]  # fmt: skip
    said.append(
        f"apalu does not train where {base} does under {len(behind)} of {len(results.cases)} "
        "conditions" + (f" ({'; '.join(behind)})" if behind else "")
    )
    evidence = "; ".join(filter(None, [*said, conclude.how(results)]))
    arms = [a for a in ("apalu", base) if a in results.arms]
    if min(len(results.outcomes(a, c)) for a in arms for c in results.cases) < 3:
        return Conclusion("open", f"fewer than three seeds; {evidence}")
    if all(all_the_way):
        return Conclusion("holds", evidence)
    if any(deeper):
        return Conclusion("holds under a condition", evidence)
    return Conclusion("does not hold" if behind else "open", evidence)


def _drifts(results: Results, name: str, case: Mapping[str, Any]) -> str:
    """How signals fare before training, arm by arm, where that was measured."""
    found = {arm: results.summary(arm, "drift", case) for arm in results.arms}
    shown = [f"{arm} {s.mean:+.1f}" for arm, s in found.items() if s.n]
    if not shown:
        return ""
    return (
        f"{name}, before training, from the first hidden layer to the last of {case['depth']} the "
        f"second moment of the signal changes by so many powers of ten: {', '.join(shown)}"
    )


def _reached(depth: int, last: int) -> str:
    return "all" if depth == last else str(depth) if depth else "none"
