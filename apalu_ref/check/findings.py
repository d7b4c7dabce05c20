"""Gathers marks with a common cause into findings that a person can act on."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator

import numpy as np

from apalu_ref.check.diagnose import Cause, explain
from apalu_ref.check.judge import Mark, whole
from apalu_ref.check.report import Finding

# Causes recognised in these families of probes explain the same quantity's other failures.
_GENERAL = ("plain", "values", "shapes")

_MINOR = ("precision", "policy", "subnormal", "nonfinite")

_SHARED = "calls share state: backward uses what another forward left behind"
_KEEP = "keep what backward needs in ctx, not on the object or in a global"


def gather(subject: str, marks: list[Mark], differences: dict[str, str]) -> list[Finding]:
    """One finding for each level, quantity and cause."""
    groups: dict[tuple[str, str, str], list[tuple[Mark, Cause]]] = {}
    for mark, cause in _explained(marks):
        groups.setdefault((mark.level, mark.quantity, cause.cause), []).append((mark, cause))
    wrong = {mark.quantity for mark in marks if mark.level == "core"}
    findings = []
    for (level, quantity, _), group in groups.items():
        finding = _finding(subject, [mark for mark, _ in group], group[0][1])
        if level == "core" and isinstance(finding.got, float):
            finding.message += _consistency(quantity, wrong, differences)
        findings.append(finding)
    return findings


def _explained(marks: list[Mark]) -> Iterator[tuple[Mark, Cause]]:
    """Each mark with its causes; those without get a sibling's, or what they have in common."""
    unknown: dict[tuple[str, str], list[Mark]] = {}
    general: dict[tuple[str, str], dict[str, Cause]] = {}
    # Of a quantity whose values are wrong, the finer points say nothing by themselves.
    wrong = {m.quantity for m in marks if m.level == "core" and m.kind == "value"
             and m.probe.id.split("/")[0] in _GENERAL}  # fmt: skip
    # Where float64 is wrong too, the coarser types add no evidence: too much fits them.
    sharp = {m.quantity for m in marks if m.level == "core" and m.kind == "value"
             and m.dtype == "float64" and m.probe.id.split("/")[0] in _GENERAL}  # fmt: skip
    written = {m.probe.id: m for m in marks if m.kind == "written"}
    for mark in sorted(marks, key=lambda m: m.probe.id.split("/")[0] not in _GENERAL):
        if mark.level in _MINOR and mark.quantity in wrong:
            continue
        key = (mark.level, mark.quantity)
        if mark.kind == "value" and mark.probe.id in written:
            # What it computes from an input it has changed says nothing more.
            yield mark, _by_kind(written[mark.probe.id])[0]
            continue
        coarse = mark.kind == "value" and mark.dtype != "float64" and mark.quantity in sharp
        causes = _by_kind(mark)
        if not causes and not (coarse and mark.level == "core"):
            causes = explain(mark, general.get(key, ()))
        if causes and mark.kind in ("value", "shape"):
            if mark.probe.id.split("/")[0] in _GENERAL:
                general.setdefault(key, {}).update({c.cause: c for c in causes})
        elif not causes:
            unknown.setdefault(key, []).append(mark)
        for cause in causes:
            yield mark, cause
    for key, rest in unknown.items():
        cause = next(iter(general.get(key, {}).values()), None) or _in_common(rest)
        for mark in rest:
            yield mark, cause


def _by_kind(mark: Mark) -> list[Cause]:
    """Marks that are not about a value explain themselves."""
    if mark.kind == "written":
        return [Cause(
            f"an argument is written to: {mark.message}",
            "work on a copy; look for in-place operators (*=, +=) and out=",
        )]  # fmt: skip
    if mark.kind == "overwritten":
        return [Cause(
            f"a later call overwrites the {mark.quantity} returned before: a buffer is reused",
            "return a fresh array from every call",
        )]  # fmt: skip
    if mark.kind == "dtype":
        return [Cause("the result has the wrong type",
                      "return each result in its input's type (float64 for integers), with "
                      ".astype(...)")]  # fmt: skip
    if mark.kind == "repeated":
        return [Cause("equal calls give different answers",
                      "look for randomness, uninitialised memory or state kept between calls",
                      )]  # fmt: skip
    if mark.kind == "raised" and mark.probe.id.startswith("state/"):
        return [Cause(_SHARED, _KEEP)]
    if mark.kind in ("raised", "stopped"):
        return [Cause(mark.message, "accept these inputs, or refuse them with a clear error "
                      "(TypeError or ValueError) if they are not offered"
                      if mark.probe.optional else "")]  # fmt: skip
    return []


def _in_common(marks: list[Mark]) -> Cause:
    """What the failing probes share, if no formula explains them."""
    ids = [mark.probe.id.split("/") for mark in marks]
    families = {family for family, *_ in ids}
    names = ", ".join(dict.fromkeys(rest[-1] for _, *rest in ids))
    quantity = marks[0].quantity
    if marks[0].level == "nonfinite":
        return Cause("NaN or infinity in x is not carried through",
                     "NaN gives NaN; +inf gives a·inf and slope 2a; -inf gives -b and slope 0",
                     )  # fmt: skip
    if families == {"layouts"}:
        return Cause(f"wrong for some memory layouts only: {names}",
                     "read by index or stride, or make a contiguous copy first "
                     "(np.ascontiguousarray)")  # fmt: skip
    if families == {"state"}:
        return Cause(_SHARED, _KEEP)
    if families == {"sizes"}:
        return Cause(f"wrong for long inputs only: {names}{_first_wrong(marks)}",
                     "look at block edges, the remainder after the last block, and index types",
                     )  # fmt: skip
    dtypes = {rest[0] for family, *rest in ids if family in ("values", "shapes", "sizes")}
    if dtypes and "float64" not in dtypes and families <= {"values", "shapes", "sizes"}:
        return Cause(f"wrong in {' and '.join(sorted(dtypes))} only",
                     "compute wider inside and round once at the end")  # fmt: skip
    if families == {"values"} and len(set(names.split(", "))) <= 6:
        return Cause(f"wrong for some parameters only: {names}",
                     "a and b may be negative, zero, tiny or large")  # fmt: skip
    if families == {"types"}:
        return Cause(f"wrong for these types of inputs only: {names}",
                     "promote as NumPy does, then give each gradient its own input's type",
                     )  # fmt: skip
    return Cause(f"{quantity} is wrong; no known mistake fits", "")


def _first_wrong(marks: list[Mark]) -> str:
    wrong = marks[0].wrong
    if wrong is None or wrong.ndim != 1 or wrong.size < 2:
        return ""
    where = np.flatnonzero(wrong)
    return f" ({where.size} elements, the first at index {where[0]} of {wrong.size})"


def _consistency(quantity: str, wrong: set[str], differences: dict[str, str]) -> str:
    """What comparing backward with differences of forward adds."""
    said = differences.get("dx" if quantity == "y" else quantity)
    if quantity == "y" and said == "agrees":
        return (
            ". Your backward is the derivative of this other function: it is consistent, and a "
            "gradient check alone cannot see it"
        )
    if quantity == "y" and said == "disagrees" and "dx" not in wrong:
        return ". Your dx is APALU's, but not the derivative of your forward"
    if quantity != "y" and said == "disagrees" and "y" not in wrong:
        return ". Finite differences of your own forward confirm it"
    return ""


def describe(mark: Mark) -> str:
    """One mark in a sentence: the place, what came out, what should have."""
    if mark.call is None or mark.got is None or mark.want is None:
        return mark.message
    if mark.kind == "shape":
        call = mark.call
        return f"{mark.message} for x {call.x.shape}, a {call.a.shape}, b {call.b.shape}"
    if mark.kind not in ("value", "accumulation") or mark.level == "nonfinite":
        return mark.message
    got, want = float(mark.got[mark.index]), float(mark.want.value.high[mark.index])
    return f"{_place(mark)}: got {got:.9g}, want {want:.9g}{_off(mark)}"


def _finding(subject: str, marks: list[Mark], cause: Cause) -> Finding:
    mark = marks[0]
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
    if cause.evidence:
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
        repro=_repro(subject, mark),
        also=list(others),
    )


def _repro(subject: str, mark: Mark) -> str:
    code = (
        "from apalu_ref.check import reproduce; "
        f"reproduce({subject!r}, {mark.probe.id!r}, {mark.quantity!r})"
    )
    # Double quotes serve every shell, if the code itself has none.
    return f'python -c "{code}"' if '"' not in code else f"python -c {shlex.quote(code)}"


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
    values = {
        name: float(whole(mark.call, array, mark.got.shape)[mark.index])
        for name, array in mark.call._asdict().items()
    }
    if mark.quantity == "y":
        del values["gy"]
    return f"{at} at " + ", ".join(f"{name} = {value:.9g}" for name, value in values.items())
