"""Finds a cause for every mark: from its kind, its values, or what the failing probes share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from apalu_ref.check.adapters import FRAMEWORKS
from apalu_ref.check.catalogue.habits import (
    CONTIGUOUS,
    EARLIER,
    EDGES,
    KEEP,
    OWN_TYPE,
    SHARED,
    THREADS,
)
from apalu_ref.check.causes import REDUCED, UNKNOWN, Cause
from apalu_ref.check.cover import Cover, merged
from apalu_ref.check.diagnose import accumulation, explain, locate
from apalu_ref.check.judge import Mark
from apalu_ref.check.kinds import LARGE, by_kind
from apalu_ref.check.signature import Signatures
from apalu_ref.check.sizes import pattern

if TYPE_CHECKING:
    from apalu_ref.check.session import Session

_MINOR = ("precision", "policy", "subnormal", "nonfinite")

_HOW = ("state", "threads")

_AGAIN = "state/first-call-again"

Pair = tuple[Mark, Cause]


class Explained:
    """The marks of a check with their causes.

    A mark's cause is looked for in this order: its kind; a formula of the catalogue that
    gives its values; for a gradient that is the derivative of the subject's own forward,
    what is wrong with that; an implementation of the catalogue that fails alike; where it is
    wrong; what the failing probes have in common.
    """

    def __init__(self, session: Session, differences: dict[str, str]) -> None:
        self._session = session
        self.marks = session.marks
        self.differences = differences
        self.apalu = session.request.against == "apalu"
        self._adapter = session.plan.adapter if session.plan is not None else ""
        self._signatures = Signatures(session.asked, session.answers) if self.apalu else None
        self._general: dict[tuple[str, str], dict[str, Cause]] = {}
        core = [m for m in self.marks if m.level == "core" and m.kind == "value" and m.general]
        # Of a quantity whose values are wrong, the finer points say nothing by themselves.
        self._wrong = {m.quantity for m in core}
        self._wrong_somewhere = {m.quantity for m in self.marks
                                 if m.level == "core" and m.kind == "value"}  # fmt: skip
        # Where float64 is wrong too, the coarser types add no evidence: too much fits them.
        self._sharp = {m.quantity for m in core if m.dtype == "float64"}
        self._written = {m.probe.id: m for m in self.marks if m.kind == "written"}
        self._types = self._wrong_types()
        self._state = self._shared_state()
        self._cover: dict[int, list[Cause]] = {}
        self._of_shape: set[str] = set()

    def pairs(self) -> Iterator[Pair]:
        """Each mark with its causes."""
        unknown: dict[tuple[str, str], list[Mark]] = {}
        order = {name: i for i, name in enumerate(dict.fromkeys(m.quantity for m in self.marks))}
        order["y"] = -1
        by_quantity: dict[str, list[Mark]] = {}
        for mark in self.marks:
            # The derivatives of what is wrong are wrong.
            follows = mark.probe.family == "second" and self._wrong
            wrong = self._wrong_somewhere if mark.level == "precision" else self._wrong
            if not follows and not (mark.level in _MINOR and mark.quantity in wrong):
                by_quantity.setdefault(mark.quantity, []).append(mark)
        for quantity in sorted(by_quantity, key=lambda q: order[q]):
            marks = sorted(by_quantity[quantity], key=lambda m: not m.general)
            self._formulas(quantity, marks)
            for mark in marks:
                causes = self._known(mark)
                if not causes:
                    unknown.setdefault((mark.level, mark.quantity), []).append(mark)
                for cause in causes:
                    yield mark, cause
            for key in [k for k in unknown if k[1] == quantity]:
                yield from self._rest(key, unknown.pop(key))

    def _formulas(self, quantity: str, marks: list[Mark]) -> None:
        """The causes that values show; or one cause for all of them, if there is one."""
        told = [m for m in marks if m.level == "core" and m.kind in ("value", "shape")
                and m.probe.id not in self._written and m.probe.family != "second"]  # fmt: skip
        values = [m for m in told if m.general and m.kind == "value" and not self._coarse(m)]
        if not told or (values and self._follows(values[0])):
            return
        cover = Cover(self._session, () if self._leaks else values, self.apalu)
        found = merged(cover.causes)
        names = {cause.cause for causes in found.values() for cause in causes}
        # Marks of a few elements fit anything, and are explained by the others.
        plain = all(m.kind == "value" for m in told)
        complete = plain and cover.searched <= found.keys() and len(names) == 1
        whole = None if complete else self._whole(quantity, told, found)
        if whole is not None:
            # Calls that disturb each other are another matter than how a sum is taken.
            sums = self._state is not None and whole.cause.startswith(REDUCED)
            apart = _HOW if sums else ()
            found = {id(m): [self._told(whole, m)] for m in told if m.probe.family not in apart}
        self._cover.update(found)

    def _told(self, whole: Cause, mark: Mark) -> Cause:
        """The cause of all, as a mark that shows it by its shape tells it: with what to sum."""
        own = explain(mark, self.apalu, [whole.cause]) if mark.kind == "shape" else []
        return next((cause for cause in own if cause.cause == whole.cause), whole)

    def _whole(
        self, quantity: str, told: list[Mark], found: dict[int, list[Cause]]
    ) -> Cause | None:
        """One cause for all the wrong values and shapes of a quantity."""
        alike = self._signatures.cause(told, self.marks) if self._signatures is not None else None
        if alike is not None or self._leaks:
            return alike or self._state
        families = {mark.probe.family for mark in told}
        if all("/accumulation" in mark.probe.id for mark in told):
            return accumulation(told[0])
        if families <= {"sizes", "state", "threads"}:
            return pattern(self._session, quantity, told)
        by_pattern = pattern(self._session, quantity, told) if not found else None
        if by_pattern is not None:
            return by_pattern
        return self._reduced(quantity, told, found)

    def _reduced(
        self, quantity: str, told: list[Mark], found: dict[int, list[Cause]]
    ) -> Cause | None:
        """Where the terms of a gradient are right, and only their sum is not."""
        elementwise = any(
            m.want is not None and not m.want.summed and m.kind == "value" for m in told
        )
        broadcast = {"shapes", "scalars", "plain"} & {mark.probe.family for mark in told}
        names = {mark.probe.id.split("/")[-1] for mark in told}
        special = names <= {"0-d", "empty", "empty-rows", "empty-columns", "one-element"}
        if quantity == "y" or elementwise or not broadcast or special:
            return None
        said: dict[str, int] = {}
        causes: dict[str, Cause] = {}
        for mark in told:
            for cause in found.get(id(mark)) or explain(mark, self.apalu):
                causes.setdefault(cause.cause, cause)
                said[cause.cause] = said.get(cause.cause, 0) + 1
        best = max(said, key=lambda c: said[c], default="")
        if best and 5 * said[best] > 3 * len(told):
            return causes[best]
        asked = quantity[1:]
        detail = f"in {said[best]} of {len(told)} places: {best}" if best else ""
        return Cause(
            f"{REDUCED}: the terms of {quantity} are right, but not summed over just the "
            f"axes along which {asked} was broadcast",
            f"sum over the axes that {asked} lacks or has with length 1, all of them and no other, "
            f"and keep the shape of {asked}",
            detail,
        )

    def _coarse(self, mark: Mark) -> bool:
        return mark.kind == "value" and mark.dtype != "float64" and mark.quantity in self._sharp

    def _known(self, mark: Mark) -> list[Cause]:
        key = (mark.level, mark.quantity)
        if mark.kind == "value" and mark.probe.id in self._written:
            # What it computes from an input it has changed says nothing more.
            return by_kind(self._written[mark.probe.id])
        if id(mark) in self._cover:
            causes = self._cover[id(mark)]
            if mark.general:
                self._general.setdefault(key, {}).update({c.cause: c for c in causes})
            return causes
        if self._disturbed(mark):
            return []
        if mark.kind == "dtype":
            return [self._types[mark.quantity]]
        causes = by_kind(mark, self.apalu)
        if causes or (self._coarse(mark) and mark.level == "core"):
            return causes
        general = self._general.get(key, {})
        if not general and self._follows(mark):
            causes = list(self._general.get(("core", "y"), {}).values())
        if general and mark.kind == "value" and mark.level == "core":
            return []
        causes = causes or explain(mark, self.apalu, general)
        if causes and mark.general and mark.kind in ("value", "shape"):
            self._general.setdefault(key, {}).update({c.cause: c for c in causes})
            self._of_shape |= {c.cause for c in causes} if mark.kind == "shape" else set()
        return causes

    def _disturbed(self, mark: Mark) -> bool:
        """Whether calls that disturb each other are enough to explain a mark."""
        if self._state is None or mark.level != "core":
            return False
        if self._leaks:
            return mark.kind in ("raised", "dtype", "shape")
        if mark.kind == "raised":
            return mark.quantity not in self._wrong and not mark.general
        outside = {
            m.quantity for m in self.marks if m.kind == "dtype" and m.probe.family not in _HOW
        }
        return mark.kind == "dtype" and mark.quantity not in outside

    def _shared_state(self) -> Cause | None:
        """What is told of calls that disturb each other, if they do."""
        kinds = ("written", "overwritten")
        for mark in self.marks:
            if mark.kind in kinds or (mark.kind == "repeated" and mark.level == "core"):
                return by_kind(mark, self.apalu)[0]
        state = [m for m in self.marks if m.probe.family == "state" and m.level == "core"
                 and m.kind != "dtype" and m.quantity not in self._wrong]  # fmt: skip
        if self._leaks:
            return Cause(EARLIER, KEEP)
        return Cause(SHARED, KEEP) if {m.probe.id for m in state} - {*LARGE} else None

    @property
    def _leaks(self) -> bool:
        """Whether the first call is answered otherwise after all the others."""
        core = {m.probe.id for m in self.marks if m.level == "core"}
        if self._session.order_dependent:
            return True
        return _AGAIN in core and not any(name.startswith("plain/") for name in core)

    def _follows(self, mark: Mark) -> bool:
        """Whether a wrong gradient is the right one of a wrong forward."""
        return (
            mark.quantity != "y"
            and mark.level == "core"
            and mark.kind == "value"
            and "y" in self._wrong
            and self.differences.get(mark.quantity) == "agrees"
        )

    def _rest(self, key: tuple[str, str], marks: list[Mark]) -> Iterator[Pair]:
        """Marks of one level and quantity that neither kind nor formula explains."""
        general = {c: cause for c, cause in self._general.get(key, {}).items()
                   if c not in self._of_shape or any(m.kind == "shape" or _summed(m)
                                                     for m in marks)}  # fmt: skip
        if not general and self._follows(marks[0]):
            general = self._general.get(("core", "y"), {})
        cause = next(iter(general.values()), None)
        if cause is None and key[0] == "core":
            cause = self._unsteady(marks)
        if cause is not None:
            yield from ((mark, cause) for mark in marks)
            return
        own = {m.probe.family for m in marks}
        located = {} if own <= {"upstream"} else {
            id(m): causes for m in marks
            if (causes := self._untaken(m) or locate(m, self.apalu))
        }  # fmt: skip
        chosen = self._commonest(marks, located) or [self._in_common(marks)]
        if key[0] == "core":
            self._general.setdefault(key, {}).update({c.cause: c for c in chosen})
        for mark in marks:
            yield from ((mark, cause) for cause in chosen)

    @staticmethod
    def _commonest(marks: list[Mark], located: dict[int, list[Cause]]) -> list[Cause]:
        """What is told of most marks: ranges differ a little from probe to probe."""
        count: dict[str, int] = {}
        first: dict[str, list[Cause]] = {}
        for mark in marks:
            causes = located.get(id(mark), [])
            if not causes and mark.elementwise:
                count[""] = count.get("", 0) + 1
            elif causes:
                kind = " / ".join(cause.cause.partition(",")[0] for cause in causes)
                count[kind] = count.get(kind, 0) + 1
                first.setdefault(kind, causes)
        return first.get(max(count, key=lambda k: count[k]), []) if count else []

    def _unsteady(self, marks: list[Mark]) -> Cause | None:
        """That answers depend on other calls, where this shows in ordinary probes too."""
        repeated = [m for m in self.marks if m.kind == "repeated" and m.level == "core"]
        for mark in repeated:
            if mark.quantity in (marks[0].quantity, "y"):
                return by_kind(mark, self.apalu)[0]
        if self._state is None or self._leaks:
            return self._state
        how = {m.probe.family for m in marks}
        return self._state if how <= {"threads", "sizes", "state", "special", "types"} else None

    def _untaken(self, mark: Mark) -> list[Cause]:
        """NaN in a gradient that a framework derived from a forward which is right."""
        derived = self._adapter in FRAMEWORKS and mark.quantity != "y" and "y" not in self._wrong
        if not derived or mark.kind != "value" or mark.got is None or mark.wrong is None:
            return []
        if not np.isnan(mark.got[mark.index]) or np.isnan(mark.got[mark.wrong]).mean() < 0.5:
            return []
        return [Cause(
            "NaN from the un-taken branch of where: what overflows there comes back as 0 · inf",
            "give each branch its own half of x before it computes (clamp, or where twice)",
        )]  # fmt: skip

    def _wrong_types(self) -> dict[str, Cause]:
        """What the wrong types of a quantity have in common."""
        marks: dict[str, list[Mark]] = {}
        for mark in self.marks:
            if mark.kind == "dtype":
                marks.setdefault(mark.quantity, []).append(mark)
        causes = {}
        for quantity, group in marks.items():
            got = {mark.dtype for mark in group}
            text = "the result has the wrong type"
            of_x = all(m.call is not None and m.dtype == str(m.call.x.dtype) for m in group)
            whole = all(m.call is not None and m.call.x.dtype.kind == "i" for m in group)
            if whole:
                text += f" for integer x: {', '.join(sorted(got))}"
            elif quantity not in ("y", "dx") and of_x:
                text += ": that of x"
            elif len(got) == 1:
                text += f": always {got.pop()}"
            causes[quantity] = Cause(text, f"{OWN_TYPE} (float64 for integers)")
        return causes

    def _in_common(self, marks: list[Mark]) -> Cause:
        """What the failing probes share, if nothing else explains them."""
        ids = [mark.probe.id.split("/") for mark in marks]
        families = {family for family, *_ in ids}
        names = ", ".join(dict.fromkeys(rest[-1] for _, *rest in ids))
        if families == {"layouts"}:
            return Cause(f"wrong for some memory layouts only: {names}", CONTIGUOUS)
        if families == {"threads"}:
            return Cause(THREADS.cause, THREADS.fix)
        if families <= {"state", "threads"} and self._state is not None:
            return self._state
        if families <= {"upstream"}:
            return Cause("wrong for very small, large or zero upstream gradients only",
                         "do not clip, threshold or divide by gy")  # fmt: skip
        if families <= {"sizes", "threads"}:
            return Cause(f"wrong for long inputs only: {names}{_first_wrong(marks)}", EDGES)
        dtypes = {mark.dtype for mark in marks}
        plain = families <= {
            "plain",
            "values",
            "scalars",
            "shapes",
            "sizes",
            "upstream",
            "exhaustive",
        }
        if dtypes and "float64" not in dtypes and plain:
            return Cause(f"wrong in {' and '.join(sorted(dtypes))} only",
                         "compute wider inside and round once at the end")  # fmt: skip
        if families == {"values"} and len(set(names.split(", "))) <= 6:
            return Cause(f"wrong for some parameters only: {names}",
                         "a and b may be negative, zero, tiny or large")  # fmt: skip
        if families == {"types"}:
            return Cause(f"wrong for these types of inputs only: {names}",
                         "promote as NumPy does, then give each gradient its own input's type",
                         )  # fmt: skip
        if {n.partition("-")[0] for n in names.split(", ")} == {"empty"}:
            return Cause(
                "wrong for empty inputs only: a sum of nothing is 0, of its input's shape",
                "do not divide by the number of elements, and write all results",
            )
        if names == "0-d":
            return Cause("wrong for 0-d inputs only, which are handled apart",
                         "let a scalar take the way of every array")  # fmt: skip
        if families <= {"shapes", "layouts", "state", "sizes", "types", "plain", "threads"}:
            return Cause(f"wrong for some shapes only: {names}; {UNKNOWN}", "")
        said = [self.differences.get(f"d{n}") for n in ("x", "a", "b")]
        if marks[0].quantity == "y" and self.apalu and set(said) == {"agrees"}:
            return Cause(f"another function than APALU, differentiated rightly; {UNKNOWN}",
                         "compare your forward with the formula")  # fmt: skip
        return Cause(f"{marks[0].quantity} is wrong; {UNKNOWN}", "")


def _summed(mark: Mark) -> bool:
    return mark.want is not None and mark.want.summed


def _first_wrong(marks: list[Mark]) -> str:
    wrong = marks[0].wrong
    if wrong is None or wrong.ndim != 1 or wrong.size < 2:
        return ""
    where = np.flatnonzero(wrong)
    return f" ({where.size} elements, the first at index {where[0]} of {wrong.size})"
