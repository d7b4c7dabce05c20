"""What the studies of regression share: errors, and the verdict against two activations."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.studies import conclude
from apalu_ref.studies.plan import Conclusion
from apalu_ref.studies.results import Results

Array = NDArray[Any]


def rmse(predicted: Array, wanted: Array) -> float | None:
    """The root of the mean squared error, in float64; None if it is not finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.asarray(predicted, np.float64).ravel() - np.asarray(wanted, np.float64).ravel()
        error = math.sqrt(float(np.mean(off * off)))
    return error if math.isfinite(error) else None


def rounded(value: float | None) -> float | None:
    """To five digits, for what is kept with every run."""
    return None if value is None else float(f"{value:.5g}")


def least_squares(x: Array, y: Array, judged: Array) -> Array:
    """What a linear fit of ``y`` to ``x``, with a constant, predicts for other rows."""

    def ones(rows: Array) -> Array:
        return np.column_stack([np.asarray(rows, np.float64), np.ones(len(rows))])

    return np.asarray(ones(judged) @ np.linalg.lstsq(ones(x), y, rcond=1e-10)[0])


def lower(results: Results, others: Sequence[str] = ("relu", "tanh")) -> Conclusion:
    """The verdict on the claim that APALU's error is lower than that of these activations.

    Under a condition it has won if it is better than all of them, and lost if it is worse than
    one; :func:`apalu_ref.studies.conclude.judged` says what these come to. Intervals are widened
    for the number of all comparisons.
    """
    left_out = [a for a in ("apalu", *others) if a not in results.arms]
    if left_out:
        first = conclude.better(results)
        return Conclusion("open", f"{' and '.join(left_out)} not run; {first.evidence}")
    if min(len(results.outcomes(a, c)) for a in ("apalu", *others) for c in results.cases) < 3:
        return Conclusion("open", "fewer than three seeds: there is no spread to judge by")
    many = len(others) * len(results.cases)
    said, worst = [], []
    for case in results.cases:
        gains = {o: conclude.gain(results, "apalu", "score", case, o, many) for o in others}
        worst.append(min(gains.values()))
        means = ", ".join(
            f"{a} {conclude.spread(results, a, 'score', case)}" for a in ("apalu", *others)
        )
        compared = [
            f"apalu minus {o} {conclude.said(results, 'apalu', 'score', case, o, many)}"
            for o in others
        ]
        said.append(
            f"{results.measure().text} ({conclude.named(case)}): {means}; {'; '.join(compared)}"
        )
    said += [conclude.controls(results), conclude.how(results)]
    return Conclusion(conclude.judged(worst), "; ".join(filter(None, said)))


def reference(results: Results, key: str, case: Any) -> float:
    """The mean over seeds of a reference that every run of the case computed; NaN for none.

    It does not depend on the arm, so that any arm's will do.
    """
    for arm in results.arms:
        found = [o["more"].get(key) for o in results.outcomes(arm, case)]
        numbers = [value for value in found if value is not None]
        if numbers:
            return float(np.mean(numbers))
    return math.nan
