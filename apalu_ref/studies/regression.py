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

    It holds if the paired interval is below 0 against all of them under every condition; holds
    under a condition if against some or under some; does not hold if against none and above 0
    somewhere; and is open if no difference is seen.
    """
    base = results.study.baseline
    first = conclude.better(results)
    compared = [o for o in others if o in results.arms and o != base]
    known = min(len(results.outcomes(a, c)) for a in results.arms for c in results.cases)
    if "apalu" not in results.arms or base not in results.arms or known < 3 or not compared:
        return first
    gains = [conclude.gain(results, "apalu", "score", case) for case in results.cases]
    said = []
    for other in compared:
        for case in results.cases:
            gains.append(conclude.gain(results, "apalu", "score", case, to=other))
            off = conclude.interval(results, "apalu", "score", case, other)
            said.append(f"apalu minus {other} ({conclude.named(case)}): {off}")
    return Conclusion(conclude.judged(gains), f"{first.evidence}; {'; '.join(said)}")


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
