"""The state of one check while the answers come in, and their judgement."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.compare import combined, compared
from apalu_ref.check.elementwise import answers_from
from apalu_ref.check.exact import Answer, answers, second_answers
from apalu_ref.check.findings import gather
from apalu_ref.check.inputs import Call, cotangents
from apalu_ref.check.judge import Mark, errors_in_ulp, judge, judge_edited, judge_repeated
from apalu_ref.check.plan import Plan, Request
from apalu_ref.check.probes import Probe, asked
from apalu_ref.check.report import Points, Report
from apalu_ref.check.subject import SubjectError

Array = NDArray[Any]
Arrays = dict[str, Array]

_SUBNORMAL = "subnormals"


class Session:
    """Takes frames from the subject's process, judges them, and makes the report."""

    def __init__(self, request: Request, required: Iterable[str] = ()) -> None:
        self.request = request
        self.required = list(required)
        self.plan: Plan | None = None
        self.asked: dict[str, Probe] = {}
        self.done: list[str] = []
        self.marks: list[Mark] = []
        self.answers: dict[str, list[Arrays]] = {}
        self.refused: dict[str, tuple[Probe, str]] = {}
        self.forward_only = False
        self.printed = ""
        self.values = 0
        self.not_run = 0
        self.hangs = 0
        self.order_dependent = False
        self.worst: dict[str, dict[str, float]] = {}
        self.points: list[Points] = []
        self.differences: list[dict[str, str]] = []
        self._current = ""

    @property
    def _first(self) -> str:
        return next(iter(self.asked), "")

    def take(self, frame: dict[str, Any]) -> None:
        """One frame from the subject's process."""
        event, subject = frame["event"], self.request.subject
        if event == "refused":
            named = f"{subject}: {frame['message']}"
            raise SubjectError(
                named if frame["status"] == 3 else str(frame["message"]),
                frame["status"],
                frame.get("traceback", ""),
            )
        if event == "loaded":
            self.load(Plan(**frame["plan"]))
        elif event == "start":
            self._current = frame["probe"]
        elif event == "answer":
            self.forward_only = frame["forward_only"]
            self.answer(self.asked[frame["probe"]], frame)
        elif event in ("hung", "died"):
            how = f"did not return within {self.request.timeout:g} s" if event == "hung" else (
                f"ended its process: it {frame['message']}"
            )  # fmt: skip
            self._stopped(how)

    def load(self, plan: Plan) -> None:
        """What will be asked, once the subject has been loaded."""
        self.plan = plan
        chosen = asked(self.request.profile, plan.features, self.request.against)
        self.asked = {p.id: p for p in chosen}

    def _stopped(self, how: str) -> None:
        if self._current in ("", self._first):
            when = "the first plain call" if self._current else "importing it"
            raise SubjectError(f"{self.request.subject}: {when} {how}", 3)
        probe = self.asked[self._current]
        self.marks.append(Mark("core", "y", probe, "stopped", how))
        self.done.append(probe.id)

    def answer(self, probe: Probe, frame: dict[str, Any]) -> None:
        """Judge the answers to one probe."""
        self.done.append(probe.id)
        if "raised" in frame:
            self._raised(probe, frame["raised"])
            return
        for written in dict.fromkeys(frame["written"]):
            self.marks.append(Mark("core", written.split()[0], probe, "written", written))
        for quantity in dict.fromkeys(frame["overwritten"]):
            self.marks.append(Mark("core", quantity, probe, "overwritten", ""))
        assert self.plan is not None
        calls = probe.calls(tuple(self.plan.names), self.plan.kinks)
        results, wanted, own = _sorted(frame["values"], len(calls))
        self.answers[probe.id] = results
        before, flushes = len(self.marks), _SUBNORMAL not in self.plan.features
        for i, (call, got) in enumerate(zip(calls, results, strict=True)):
            exact = self._exact(probe, call, wanted[i])
            self.marks += judge(probe, call, got, exact, flushes)
            self.values += sum(array.size for array in got.values())
            self._measure(probe, call, got, exact, flushes)
        if probe.kind == "repeated":
            self.marks += judge_repeated(probe, calls[0], results[0], results[1], exact)
        if own and not self.forward_only:
            self.differences.append(compared(calls[0], results[0], own))
        if probe.kind == "edited-output":
            self.marks[before:] = judge_edited(probe, calls[0], results[0], results[1])
        if self.request.against != "apalu":
            # How many digits careful code would have is known of APALU only.
            # Of another function nobody has said what its slope at a kink is to be.
            kept = [m for m in self.marks[before:] if m.level != "precision"
                    and (m.level, m.kind) != ("policy", "value")]  # fmt: skip
            self.marks[before:] = kept
        if flushes and self.request.against == "apalu":
            kept = [m for m in self.marks[before:] if m.level != "subnormal"]
            self.marks[before:] = kept

    def doubtful(self) -> str:
        """A probe whose wrong answer may come from earlier calls: to be asked alone."""
        core = [m for m in self.marks if m.level == "core" and m.kind in ("value", "shape")]
        if any(m.probe.family == "plain" for m in core):
            return ""  # wrong from the first call on
        families = ("values", "scalars", "shapes", "upstream")
        return next((m.probe.id for m in core if m.probe.family in families), "")

    def take_alone(self, frame: dict[str, Any]) -> None:
        """The answer to that probe from a subject that has been asked nothing else."""
        if frame["event"] == "answer" and "raised" not in frame:
            before = self.answers[frame["probe"]]
            now = _sorted(frame["values"], len(before))[0]
            self.order_dependent = any(
                name not in two or not np.allclose(one[name], two[name], 1e-4, 1e-9, equal_nan=True)
                for one, two in zip(before, now, strict=True)
                for name in one
            )

    def _exact(self, probe: Probe, call: Call, wanted: Arrays) -> dict[str, Answer]:
        assert self.plan is not None
        if probe.kind == "second":
            return second_answers(call, cotangents(call, probe.random()))
        return answers_from(call, wanted, self.plan.kinks) if wanted else answers(call)

    def _measure(
        self, probe: Probe, call: Call, got: Arrays, exact: dict[str, Answer], flushes: bool
    ) -> None:
        for quantity, x, ulp, counted in errors_in_ulp(call, got, exact, flushes):
            dtype = call.storage or str(got[quantity].dtype)
            worst = self.worst.setdefault(quantity, {})
            if not quantity.startswith("d2"):
                top = float(ulp[counted].max(initial=0.0))
                worst[dtype] = max(worst.get(dtype, 0.0), top)
            if probe.family in ("values", "exhaustive") and quantity in ("y", "dx"):
                wrong = np.zeros(ulp.shape, bool)
                for mark in self.marks:
                    same = mark.probe is probe and mark.quantity == quantity
                    if same and mark.level == "core" and mark.wrong is not None:
                        wrong |= mark.wrong
                self.points.append(Points(quantity, dtype, x, ulp, counted, wrong))

    def _raised(self, probe: Probe, raised: dict[str, Any]) -> None:
        if probe.id == self._first:
            raise SubjectError(
                f"{self.request.subject}: in the first plain call, {raised['message']}",
                3,
                raised["traceback"],
            )
        if raised["stopped"]:
            self.hangs += raised["hung"]
            self.marks.append(Mark("core", "y", probe, "stopped", raised["message"]))
        elif raised["refusal"] and (optional := self._optional(probe)):
            for feature in optional:
                self.refused.setdefault(feature, (probe, raised["message"]))
        else:
            quantity = "dx" if raised["message"].startswith("backward") else "y"
            self.marks.append(Mark("core", quantity, probe, "raised", raised["message"]))

    def _optional(self, probe: Probe) -> list[str]:
        assert self.plan is not None
        return [feature for feature in self.plan.refusable if feature in probe.needs]

    def _not_offered(self) -> list[str]:
        assert self.plan is not None
        return list(dict.fromkeys([*self.plan.withheld, *self.refused]))

    def _missing(self) -> None:
        """Mark what had to be offered and is not."""
        assert self.plan is not None
        strict = self.request.profile in ("strict", "exhaustive")
        for feature in dict.fromkeys([*self.required, *(self.refused if strict else ())]):
            probe, message = self.refused.get(feature, (None, ""))
            if probe is None and feature not in self.plan.withheld:
                if feature in self.plan.features:
                    continue
                hint = "; give it a method second(ctx, gy, *cotangents)" if (
                    (self.plan.adapter, feature) == ("numpy", "second order")
                ) else ""  # fmt: skip
                raise SubjectError(
                    f"--require {feature}: this {self.plan.adapter} subject cannot be asked that"
                    f"{hint}",
                    2,
                )
            probe = probe or next(iter(self.asked.values()))
            said = f"it refuses: {message}" if message else "it is declared as not offered"
            self.marks.append(Mark("core", "y", probe, "required", f"{feature}: {said}"))

    def report(self, seconds: float) -> Report:
        """Everything, explained and grouped."""
        assert self.plan is not None
        if self.forward_only and self.request.against == "self":
            raise SubjectError(
                f"{self.request.subject}: there is no backward to compare with differences of its "
                "forward: name an object with both, or what it is to be checked --against",
                2,
            )
        self._missing()
        differences = combined(self.differences)
        findings = gather(self, differences)
        gradients = [] if self.forward_only else [f"d{n}" for n in ("x", *self.plan.names)]
        comparisons: dict[str, dict[str, str]] = {}
        for quantity in ("y", *gradients):
            levels = {f.level for f in findings if f.quantity == quantity}
            said = "wrong" if "core" in levels else "warns" if levels else "agrees"
            if said == "agrees" and self.not_run:
                said = "not fully run"
            comparisons[quantity] = {"oracle": said}
            if quantity in differences:
                comparisons[quantity]["differences"] = differences[quantity]
        return Report(
            subject=self.request.subject,
            adapter=self.plan.adapter,
            against=self.request.against,
            profile=self.request.profile,
            forward_only=self.forward_only,
            findings=findings,
            not_offered=self._not_offered(),
            comparisons=comparisons,
            worst_ulp=self.worst,
            probes=list(self.done),
            values=self.values,
            not_run=self.not_run,
            seconds=seconds,
            printed=self.printed,
            points=self.points,
        )


def _sorted(values: Arrays, calls: int) -> tuple[list[Arrays], list[Arrays], Arrays]:
    """Results by call, what is wanted by call, and the measured own forward."""
    results: list[Arrays] = [{} for _ in range(calls)]
    wanted: list[Arrays] = [{} for _ in range(calls)]
    own: Arrays = {}
    for name, array in values.items():
        number, quantity, *rest = name.split(".", 2)
        if quantity == "want":
            wanted[int(number)][rest[0]] = array
        elif quantity == "own":
            own[rest[0]] = array
        else:
            results[int(number)][quantity] = array
    return results, wanted, own
