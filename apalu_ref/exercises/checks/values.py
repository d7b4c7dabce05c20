"""Wrong values, and the mistakes that would give just these."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.checks.calling import Wrong, array, call
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
    seen = _seen(got, want, off, at)
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
    said, more = _pattern(got, want, off, at)
    raise Wrong(Finding(f"{what}: {said}", more or hint, answer, seen))


def kept(what: str, function: Callable[..., Any], x: Array) -> None:
    """Raise :class:`Wrong` where a result changes when the function is called again."""
    first = array(what, call(what, function, x, quiet=True), x.shape)
    before = first.copy()
    call(what, function, 0.5 * x - 0.25, quiet=True)
    if not np.array_equal(first, before, equal_nan=True):
        raise Wrong(Finding(
            f"{what} hands out one and the same array: what it returned changes when it is called again",
            "is an array made once, outside of the function, and written to in every call?",
            "make the result anew in every call: np.exp, np.where and operators do",
        ))  # fmt: skip


def _seen(got: Array, want: Array, off: Array, at: dict[str, Array]) -> str:
    """The element that is clearest off, with as many digits as it takes to see it."""
    size = np.nan_to_num(np.abs(got - want), nan=np.inf)
    i = np.unravel_index(int(np.argmax(np.where(off, size, -1))), got.shape)
    place = ", ".join(f"{name} = {np.asarray(t)[i]:.6g}" for name, t in at.items())
    digits = next((n for n in (9, 13) if f"{got[i]:.{n}g}" != f"{want[i]:.{n}g}"), 17)
    return f"at {place} it is {got[i]:.{digits}g}, and should be {want[i]:.{digits}g}"


def _pattern(got: Array, want: Array, off: Array, at: dict[str, Array]) -> tuple[str, str]:
    """What wrong values have in common, where no mistake is recognised; and a hint."""
    if not np.isfinite(got[off]).all():
        bad = int((~np.isfinite(got)).sum())
        hint = "where does something overflow, or 0 get divided by 0?"
        return f"{bad} of {got.size} values are not finite", hint
    there = want != 0
    ratio = got[there] / want[there]
    if ratio.size > 2 and (got[~there] == 0).all() and np.ptp(ratio) <= 1e-9 * abs(ratio[0]):
        if abs(ratio[0] + 1) <= 1e-9:
            return "the sign is wrong, everywhere", ""
        return f"it is {ratio[0]:.6g} times what it should be, everywhere", ""
    close = np.abs(got - want) <= 0.01 * (np.abs(want) + 1)
    if close.all():
        return "the values are close, but not right", _CLOSE
    name, x = next(iter(at.items()))
    if not off[x >= 0].any() and (x >= 0).sum() > 1:
        return f"the values are right for {name} ≥ 0, and wrong for {name} < 0", ""
    if not off[x <= 0].any() and (x < 0).sum() > 1:
        return f"the values are right for {name} ≤ 0, and wrong for {name} > 0", ""
    wrong = (
        "all values are wrong" if off.all() else f"{int(off.sum())} of {off.size} values are wrong"
    )
    return f"{wrong}, for {name} from {x[off].min():.4g} to {x[off].max():.4g}", ""


_CLOSE = (
    "is a constant rounded, the result, or a number added to avoid division by 0? Or is a derivative "
    "replaced by a difference?"
)
