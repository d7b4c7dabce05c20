"""Marks that are not about a value explain themselves."""

from __future__ import annotations

import numpy as np

from apalu_ref.check.catalogue.habits import KEEP, SHARED
from apalu_ref.check.causes import WRITTEN, Cause
from apalu_ref.check.judge import Mark, whole

LARGE = ("state/repeated-large", "threads/large")
"""Probes of state and threads that have large arrays."""


def by_kind(mark: Mark, apalu: bool = True) -> list[Cause]:
    """Marks that are not about a value explain themselves."""
    if mark.kind == "written":
        return [Cause(
            WRITTEN + mark.message,
            "work on a copy; look for in-place operators (*=, +=) and out=",
        )]  # fmt: skip
    if mark.kind == "overwritten":
        return [Cause(
            "a later call overwrites what was returned before: a buffer is reused",
            "return a fresh array from every call",
        )]  # fmt: skip
    if mark.kind == "repeated":
        if _adds_up(mark):
            fix = "start each backward from zero; adding up is for the caller"
            return [Cause("gradients of a and b add up from call to call", fix)]
        if mark.level == "repeatability":
            return [Cause("equal calls give sums that differ in the last bits",
                          "add in a fixed order; atomic adds do not", mark.message)]  # fmt: skip
        return [Cause("equal calls give different answers",
                      "look for randomness, uninitialised memory or state kept between calls",
                      mark.message)]  # fmt: skip
    if mark.kind == "edited":
        return [Cause("backward reads the y that was handed out: editing y in place spoils it",
                      "keep what y was computed from, or a copy", mark.message)]  # fmt: skip
    if mark.kind == "raised" and mark.probe.kind == "backward-twice":
        return [Cause("a second backward after one forward fails: ctx is used up",
                      "leave ctx as it is; several gradients may be asked of one forward",
                      mark.message)]  # fmt: skip
    large = mark.probe.id in LARGE  # which it may refuse for its size alone
    if mark.kind == "raised" and mark.probe.family == "state" and not large:
        return [Cause(SHARED, KEEP, mark.message)]
    if mark.kind == "raised" and mark.probe.family == "threads" and not large:
        return [Cause("calls from several threads at once fail: they share state",
                      "keep nothing between calls, or one copy for each thread",
                      mark.message)]  # fmt: skip
    if mark.kind == "required":
        return [
            Cause(f"required, but not offered: {mark.message}", "offer it, or do not require it")
        ]
    if mark.kind == "stopped" and mark.message.startswith("there is no answer"):
        return [Cause("answers are missing", "answer every request of the folder; export and "
                      "check with the same --profile", mark.message)]  # fmt: skip
    if mark.kind == "stopped" and ", expected" in mark.message:
        return [Cause("its answers cannot be read", "write one record a call, in the format of "
                      "the request's answer", mark.message)]  # fmt: skip
    if mark.kind == "stopped":
        return [Cause(mark.message, "look for an endless loop, a deadlock or a crash")]
    if mark.kind == "raised":
        return [Cause(mark.message, "accept these inputs, or refuse them with a clear error "
                      "(TypeError or ValueError), or declare them away")]  # fmt: skip
    if mark.level == "nonfinite":
        fix = (
            "+inf gives a·inf and slope 2a, -inf gives -b and slope 0, NaN gives NaN. "
            "κx σ(1 - σ) is inf · 0 at +inf: compute it with min(x, 300)"
        )
        if mark.got is not None and mark.call is not None:
            x = whole(mark.call, mark.call.x, mark.got.shape)[mark.index]
            if np.isnan(x) and np.isfinite(mark.got[mark.index]):
                return [Cause(
                    "NaN in x gives a number: the error is hidden",
                    "NaN is neither x < 0 nor x >= 0: where(x >= 0, f, g) sends it to g; let g see "
                    "it" if apalu else "let NaN through",
                )]  # fmt: skip
        return [Cause("NaN or infinity in x is not carried through", fix if apalu else "")]
    return []


def _adds_up(mark: Mark) -> bool:
    """Whether the second of two equal answers is larger by just the right one."""
    if mark.quantity == "y" or mark.got is None or mark.want is None:
        return False
    return bool(np.allclose(mark.got, mark.want.value.high, rtol=1e-6, atol=1e-9))
