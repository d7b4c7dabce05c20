"""Where an answer is wrong, or in what order, where no formula is recognised."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.causes import EDGES, WIDE, Cause
from apalu_ref.check.judge import judged
from apalu_ref.check.precision import precision
from apalu_ref.check.search import Search

Array = NDArray[Any]

_WHOLE_SIDE = 0.9

_TURNS = 0.2


def zero_parameter(search: Search) -> list[Cause]:
    """Wrong only where a parameter is zero."""
    for name, t in search.call.parameters.items() if not search.summed else ():
        values = np.broadcast_to(t, search.full)
        if (values[search.wrong] == 0).all():
            return [Cause(
                f"wrong where {name} = 0 only",
                f"do not divide by {name}, and do not take 0 for 'not given'",
            )]  # fmt: skip
    return []


def narrow(search: Search) -> list[Cause]:
    """Right to some digits only, and that all over one side or both."""
    if search.summed:
        return []
    size = np.abs(search.x)
    moderate = (size > 1e-3) & (size < 15) & (search.right != 0)
    sides = [moderate & mask for mask in search.sides.values()]
    chosen = [m for m in sides if m.sum() >= 8 and search.wrong[m].mean() > 0.6]
    if not chosen:
        return []
    where = np.logical_or.reduce(chosen)
    off = search.residual(search.right, where) * search.eps
    order = np.argsort(search.x[where], kind="stable")
    signs = np.sign((search.got - search.right)[where] / search.right[where])[order]
    # Rounding errs to both sides by turns; another function stays on one for a while.
    turns = (signs[1:] * signs[:-1] < 0).mean()
    for dtype in ("float32", "float16"):
        eps = precision(dtype).eps
        if eps > search.eps and eps / 64 <= off <= 8 * eps and turns > _TURNS:
            return [Cause(
                f"computed in lower precision inside: right to the digits of {dtype}", WIDE
            )]  # fmt: skip
    if off < 2e-3 and search.eps < off:
        return [Cause(
            "right to a few digits only, all over: a table, a numerical approximation, or a "
            "constant that was rounded",
            "look for what is approximated",
            f"off by up to {off:.1g} of its size",
        )]  # fmt: skip
    return []


def shifted(search: Search) -> list[Cause]:
    """One number is added to the right values."""
    near = search.wrong & (np.abs(search.x) < 2) if not search.summed else np.zeros(0, bool)
    if search.quantity != "y" or near.sum() < 8:
        return []
    off = (search.got - search.right)[near]
    middle = float(np.median(off))
    if not np.isfinite(off).all() or (np.abs(off - middle) > 0.01 * abs(middle)).mean() > 0.1:
        return []
    return [Cause("a constant is added to every value", "look for an epsilon or an offset",
                  f"about {middle:.3g}")]  # fmt: skip


def one_number(search: Search) -> list[Cause]:
    """A gradient that was not broadcast is the same everywhere."""
    spread = np.ptp(search.got) if search.got.size and np.isfinite(search.got).all() else 1.0
    if search.summed or search.quantity in ("y", "dx") or search.got.size < 8 or spread != 0:
        return []
    if not search.got.any():
        return []
    return [Cause("over-reduced: every element holds one number, although nothing was broadcast",
                  "sum over the axes that were broadcast, and no others")]  # fmt: skip


def nothing(search: Search) -> list[Cause]:
    """Not one number came out."""
    if search.got.size < 2 or not np.isnan(search.got).all():
        return []
    return [
        Cause("it is NaN for every input", "look for 0 / 0, inf - inf, or memory never written")
    ]


def clipped(search: Search) -> list[Cause]:
    """All wrong values are one number, where the right ones go beyond it."""
    if search.summed:
        return []
    sizes = np.unique(np.abs(search.got[search.wrong]))
    beyond = np.abs(search.right[search.wrong])
    if search.wrong.sum() < 3 or len(sizes) != 1 or not 0 < sizes[0] < np.inf:
        return []
    if not (beyond > sizes[0]).all():
        return []
    return [Cause(f"the result is clipped to ±{sizes[0]:.6g}", "do not clip: bounds belong to the "
                  "optimiser, if anywhere")]  # fmt: skip


def side(search: Search) -> list[Cause]:
    """Another function on one side of zero, in the whole of the range where it bends."""
    if search.summed or search.terms is None:
        return []
    bends = (np.abs(search.x) > 0.05) & (np.abs(search.x) < 6) & (search.right != 0)
    found = []
    for side, mask in search.sides.items():
        here = bends & mask
        if here.sum() < 8 or search.wrong[here].mean() < _WHOLE_SIDE:
            continue
        found.append(_other(search, side, here))
    return found


def _other(search: Search, side: str, here: Array) -> Cause:
    changed = _changed(search, side, here)
    if changed is not None:
        return changed
    t = search.terms
    assert t is not None
    at = int(np.argmin(np.where(here, np.abs(np.abs(search.x) - 1), np.inf)))
    x, got = search.x.flat[at], search.got.flat[at]
    where = "x >= 0" if side == "+" else "x < 0"
    evidence = ""
    if search.quantity == "y" and side == "+":
        gate = got / (t.a.flat[at] * x) - 1
        evidence = (
            f"the gate in place of σ(κx) is {gate:.6g} at x = {x:.4g}; σ is {t.s.flat[at]:.6g}"
        )
    elif search.quantity == "y":
        value = got / t.b.flat[at]
        evidence = f"in place of e^x - 1 = {t.v.flat[at]:.6g} it has {value:.6g} at x = {x:.4g}"
    said = {
        ("y", "+"): "another gate or sigmoid than σ(κx): another function",
        ("y", "-"): "another function than b (e^x - 1), or an approximation of it,",
        ("dx", "+"): "another slope than a u′",
        ("dx", "-"): "another slope than b e^x",
    }.get((search.quantity, side), f"another {search.quantity}")
    return Cause(f"{said} for {where}", "compare with the formula", evidence)


def _changed(search: Search, side: str, here: Array) -> Cause | None:
    """A parameter that acts as if it were another number."""
    t = search.terms
    assert t is not None
    if search.quantity not in ("y", "dx"):
        return None
    own, name = (t.a, "a") if side == "+" else (t.b, "b")
    with np.errstate(all="ignore"):
        acts = (search.got / (search.right / own))[here]
    if (
        len(np.unique(own)) != 1
        or not np.isfinite(acts).all()
        or np.ptp(acts) > 1e-9 * abs(acts[0])
    ):
        return None
    if abs(acts[0] - own.flat[0]) < 1e-6 * abs(own.flat[0]):
        return None  # that is an approximation, not another parameter
    return Cause(
        f"the parameter {name} is not used as it is: it is changed first",
        f"use {name} as it is: any number is allowed",
        f"{name} = {own.flat[0]:.6g} acts as {acts[0]:.6g}",
    )


def signs(search: Search) -> list[Cause]:
    """Wrong for some signs of the parameters only."""
    if search.summed:
        return []
    for name, t in search.call.parameters.items():
        values = np.broadcast_to(t, search.full)
        for word, chosen in (("negative", values < 0), ("positive", values > 0)):
            matters = chosen & (search.right != 0)
            both = chosen.any() and (~chosen).any() and not search.wrong[~chosen].any()
            if both and search.wrong[matters].mean() > 0.4:
                return [Cause(
                        f"wrong for {word} {name} only",
                        f"use {name} as it is: any sign is allowed",
                    )]  # fmt: skip
    return []


def place(search: Search) -> list[Cause]:
    """Where it is wrong, if no formula is recognised."""
    if search.summed:
        return []
    x, wrong = search.x[search.wrong], np.flatnonzero(search.wrong)
    if (x == 0).all():
        return [_zero(search)]
    finite = np.isfinite(search.got[search.wrong])
    if (np.abs(x) < 1e-3).all():
        tiny = (np.abs(x) < judged(search.call).tiny).all()
        kind = "subnormal x" if tiny else f"|x| <= {np.abs(x).max():.3g}"
        return [Cause("wrong near zero only" + ("" if finite.all() else ": NaN or infinity there"),
                      "look for a threshold, a cancellation, or a division by x",
                      f"here {kind}")]  # fmt: skip
    if not finite.any():
        return [_overflow(x)]
    late = search.probe.family in ("values", "scalars", "sizes") and wrong[0] >= search.got.size / 4
    if late and len(wrong) > 0.8 * (search.got.size - wrong[0]):
        return [Cause(
            "wrong from some element on to the end: the last ones, or the remainder after whole "
            "blocks, are left out",
            EDGES,
            f"here from index {wrong[0]} of {search.got.size}",
        )]  # fmt: skip
    return _window(search, x)


def _zero(search: Search) -> Cause:
    """Wrong at x = 0 only."""
    negative = np.signbit(search.x)
    positive = (search.x == 0) & ~negative
    if search.wrong[negative].any() and positive.any() and not search.wrong[positive].any():
        return Cause("wrong at x = -0.0 (negative zero) only: its sign bit is looked at",
                         "compare with x >= 0, which holds for -0.0 as well")  # fmt: skip
    if not np.isfinite(search.got[search.wrong]).all():
        return Cause("NaN or infinity at x = 0 only", "look for a division by x, or a power of x")
    if search.terms is None:
        return Cause("wrong at x = 0 only", "look at how the branches meet")
    t, zero = search.terms, search.wrong
    if np.allclose(search.got[zero], (t.g * (1.5 * t.a + t.b))[zero], rtol=1e-3):
        return Cause(
            "wrong at x = 0 only: both branches count there, as with clamp(min=0) and clamp(max=0)",
            "give x = 0 to one of them: x >= 0 and x < 0",
        )
    return Cause(
        "wrong at x = 0 only, and not a slope between b and 3a/2: both strict comparisons miss it",
        "choose the branch with x >= 0 and its complement",
    )


def _window(search: Search, x: Array) -> list[Cause]:
    """A range of x in which everything is wrong, and outside of which nothing is."""
    low, high = x.min(), x.max()
    if len(np.unique(x)) < 3:
        return []
    size = np.abs(search.got[search.wrong])
    if (np.abs(x) > 12).all():
        where = f"x >= {low:.4g}" if low > 0 else f"x <= {high:.4g}"
        if low < 0 < high:
            where = f"|x| >= {np.abs(x).min():.4g}"
        one = "" if len(np.unique(size)) > 1 else "all wrong values are one number"
        return [Cause(
            f"wrong far from zero only, {where}: clipped, saturated or clamped there?",
            "look for clipping, saturation or overflow",
            one,
        )]  # fmt: skip
    told = search.right != 0
    for p in search.call.parameters.values():
        told &= np.broadcast_to(p, search.full) != 0
    for low, high in ((x.min(), np.inf), (-np.inf, x.max()), (x.min(), x.max())):
        inside = (search.x >= low) & (search.x <= high) & told
        share = search.wrong[inside].mean() if inside.any() else 0.0
        if inside.sum() < 0.45 * search.x.size and share > _WHOLE_SIDE:
            text = f"x >= {low:.4g}" if high == np.inf else f"x <= {high:.4g}"
            if np.isfinite(low) and np.isfinite(high):
                text = f"{low:.4g} <= x <= {high:.4g}"
            return [Cause(
                f"wrong in one range of x only, {text}",
                "look for a threshold, clipping, a table or an approximation there",
            )]  # fmt: skip
    return []


def _overflow(x: Array) -> Cause:
    side = f"x >= {x.min():.4g}" if x.min() >= 0 else f"x <= {x.max():.4g}"
    if x.min() < 0 <= x.max():
        side = f"|x| >= {np.abs(x).min():.4g}"
    return Cause(
        "NaN or infinity from finite input: a term overflows, or the NaN from the un-taken branch "
        "(where) reaches the result",
        "use exp of negative arguments only, and give each branch its own half: "
        "np.maximum(x, 0), np.minimum(x, 0)",
        f"here from {side} on",
    )
