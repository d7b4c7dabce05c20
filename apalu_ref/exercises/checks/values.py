"""Wrong values, and the mistakes that would give just these."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.checks.calling import Wrong
from apalu_ref.exercises.result import Finding

Array = NDArray[Any]


class Mistake(NamedTuple):
    """What would come out if this had been done."""

    what: str
    values: Callable[..., Array]
    hint: str = ""
    answer: str = ""


def compare(
    what: str,
    got: Array,
    want: Array,
    at: dict[str, Array],
    within: Array | float,
    mistakes: Iterable[Mistake] = (),
    hint: str = "",
    answer: str = "",
) -> None:
    """Raise :class:`Wrong` where ``got`` is further than ``within`` from ``want``.

    A mistake whose values, computed from ``at``, are those of ``got`` everywhere is named; one
    that is right as well, or that differs somewhere, is not.
    """
    off = ~(np.abs(got - want) <= within)
    if not off.any():
        return
    clearest = int(np.argmax(np.where(off, np.nan_to_num(np.abs(got - want), nan=np.inf), -1)))
    i = np.unravel_index(clearest, got.shape)
    place = ", ".join(f"{name} = {np.asarray(t)[i]:.6g}" for name, t in at.items())
    seen = f"at {place} it is {got[i]:.9g}, and should be {want[i]:.9g}"
    for mistake in mistakes:
        with np.errstate(all="ignore"):
            would = np.asarray(mistake.values(*at.values()))
        if (np.abs(would - want) <= within).all():
            continue
        with np.errstate(invalid="ignore"):
            near = (np.abs(got - would) <= within) | (got == would)
        if (near | (np.isnan(got) & np.isnan(would))).all():
            raise Wrong(Finding(f"{what}: {mistake.what}", mistake.hint or hint,
                                mistake.answer or answer, seen))  # fmt: skip
    raise Wrong(
        Finding(f"{what}: the values are wrong", hint, answer, seen + _pattern(got, want, off, at))
    )


def _pattern(got: Array, want: Array, off: Array, at: dict[str, Array]) -> str:
    """In words, what wrong values have in common, where no mistake is recognised."""
    if not np.isfinite(got[off]).all():
        return f"; {int((~np.isfinite(got)).sum())} of {got.size} are not finite"
    ratio = got[off & (want != 0)] / want[off & (want != 0)]
    if ratio.size > 2 and off[want != 0].all() and np.ptp(ratio) <= 1e-9 * abs(ratio[0]):
        return f"; it is {ratio[0]:.6g} times what it should be, everywhere"
    x = next(iter(at.values()))
    wrong = f"{int(off.sum())} of {off.size} values are wrong"
    return f"; {wrong}, for {x[off].min():.4g} ≤ x ≤ {x[off].max():.4g}"
