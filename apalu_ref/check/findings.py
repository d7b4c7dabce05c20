"""Gathers marks with a common cause into findings that a person can act on."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from apalu_ref.check.causes import WRITTEN, Cause
from apalu_ref.check.group import Explained
from apalu_ref.check.judge import Mark, whole
from apalu_ref.check.plan import Request
from apalu_ref.check.report import Finding
from apalu_ref.check.reproduce import command

if TYPE_CHECKING:
    from apalu_ref.check.session import Session


_NUMBERS = re.compile(r"[\d(),\[\]. ]+")


def gather(session: Session, differences: dict[str, str]) -> list[Finding]:
    """One finding for each level, quantity and cause."""
    groups: dict[tuple[str, str, str], list[tuple[Mark, Cause]]] = {}
    with np.errstate(all="ignore"):  # formulas are tried wherever they may overflow
        for mark, cause in Explained(session, differences).pairs():
            # What is raised may tell of sizes: it is the same all the same.
            said = _NUMBERS.sub("", cause.cause) if mark.kind == "raised" else cause.cause
            groups.setdefault((mark.level, mark.quantity, said), []).append((mark, cause))
    wrong = {mark.quantity for mark in session.marks if mark.level == "core"}
    findings = []
    for (level, quantity, _), group in groups.items():
        finding = _finding(session.request, [mark for mark, _ in group], group[0][1])
        plain = group[0][0].general and not finding.cause.startswith(WRITTEN)
        if level == "core" and isinstance(finding.got, float) and plain:
            finding.message += _consistency(quantity, wrong, differences)
        findings.append(finding)
    return findings


def _consistency(quantity: str, wrong: set[str], differences: dict[str, str]) -> str:
    """What comparing backward with differences of forward adds."""
    said = differences.get("dx" if quantity == "y" else quantity)
    if quantity == "y" and said == "agrees":
        return (
            ". Your backward is the derivative of this other function: it is consistent, and a "
            "gradient check alone cannot see it"
        )
    if quantity == "y" and said == "disagrees" and "dx" not in wrong:
        return ". Your dx is the right one, but not the derivative of your forward"
    if quantity != "y" and said == "disagrees" and "y" not in wrong:
        return ". Finite differences of your own forward confirm it"
    return ""


def describe(mark: Mark) -> str:
    """One mark in a sentence: the place, what came out, what should have."""
    if mark.call is None or mark.got is None or mark.want is None:
        return mark.message
    if mark.kind == "shape":
        shapes = ", ".join(f"{name} {t.shape}" for name, t in mark.call.inputs.items())
        return f"{mark.message} for {shapes}"
    if mark.kind not in ("value", "accumulation") or mark.level == "nonfinite":
        return mark.message
    got, want = float(mark.got[mark.index]), float(mark.want.value.high[mark.index])
    shown = [f"{got:.9g}", f"{want:.9g}"]
    if shown[0] == shown[1]:
        shown = [repr(got), repr(want)]
    return f"{_place(mark)}: got {shown[0]}, want {shown[1]}{_off(mark)}"


def _finding(request: Request, marks: list[Mark], cause: Cause) -> Finding:
    mark = _clearest(marks)
    got: float | str = ""
    want: float | str = ""
    message = describe(mark)
    if mark.want is not None and mark.got is not None:
        if mark.kind in ("value", "accumulation"):
            got, want = float(mark.got[mark.index]), float(mark.want.value.high[mark.index])
        elif mark.kind == "shape":
            got, want = str(mark.got.shape), str(mark.want.value.high.shape)
        if mark.kind == "dtype" or mark.level == "nonfinite":
            got = got or str(mark.got.dtype)
            want = mark.message.rpartition(" ")[2]
    if cause.evidence and cause.evidence not in message:
        message += f"; {cause.evidence}"
    others = dict.fromkeys(m.probe.id for m in marks if m.probe.id != mark.probe.id)
    return Finding(
        level=mark.level,
        quantity=mark.quantity,
        probe=mark.probe.id,
        dtype=mark.dtype,
        index=list(mark.index),
        got=_plain(got),
        want=_plain(want),
        error_ulp=mark.error_ulp if mark.error_ulp and math.isfinite(mark.error_ulp) else None,
        message="" if message == cause.cause else message,
        cause=cause.cause,
        fix=cause.fix,
        repro=command(request, mark.probe.id, mark.quantity),
        also=list(others),
    )


def _clearest(marks: list[Mark]) -> Mark:
    """The first mark whose numbers a person can read: finite, of ordinary x."""

    def ordinary(mark: Mark) -> bool:
        return mark.probe.family != "values" or "large" not in mark.probe.id

    shapes = [mark for mark in marks if mark.kind == "shape"]
    return next((mark for mark in shapes or marks if ordinary(mark)), marks[0])


def _plain(value: float | str) -> float | str:
    """JSON has no NaN and no infinity."""
    return value if isinstance(value, str) or math.isfinite(value) else str(value)


def _off(mark: Mark) -> str:
    ulp = mark.error_ulp
    if ulp is None or not math.isfinite(ulp):
        return ""
    return f", {ulp:.1f} ULP off" if ulp < 1e4 else f", {ulp:.1e} ULP off"


def _place(mark: Mark) -> str:
    """The element, with its inputs where they are one each."""
    at = f"{mark.quantity}[{', '.join(map(str, mark.index))}]" if mark.index else mark.quantity
    if mark.call is None or mark.want is None or mark.want.summed or mark.got is None:
        return at
    values = dict(_inputs(mark))
    if mark.quantity == "y":
        del values["gy"]
    return f"{at} at " + ", ".join(f"{name} = {value:.9g}" for name, value in values.items())


def _inputs(mark: Mark) -> Iterator[tuple[str, float]]:
    assert mark.call is not None
    assert mark.got is not None
    for name, array in mark.call.arrays.items():
        yield name, float(whole(mark.call, array, mark.got.shape)[mark.index])
