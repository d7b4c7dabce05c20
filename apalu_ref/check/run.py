"""Runs a check: starts the subject's process, judges its answers, gathers the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.child import Child, Frame
from apalu_ref.check.exact import answers
from apalu_ref.check.findings import gather
from apalu_ref.check.judge import GRADIENTS, Mark, judge, judge_repeated, ulp_seen
from apalu_ref.check.probes import Probe, probes
from apalu_ref.check.report import QUANTITIES, Report
from apalu_ref.check.subject import SubjectError, require_exists

Array = NDArray[Any]

# After so many hangs or crashes the rest of the probes would only cost time.
_MOST_RESTARTS = 3

_PLAIN = "plain/float64"


def check(
    subject: str,
    *,
    profile: str = "standard",
    timeout: float = 10.0,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check an implementation of APALU.

    The subject runs in a process of its own. Its forward and its backward are compared
    with the oracle, and its backward with finite differences of its own forward.

    Parameters
    ----------
    subject : str
        ``file.py``, ``file.py:attribute``, ``package.module`` or
        ``package.module:attribute``; what it names has ``forward(x, a, b) -> (y, ctx)`` and
        ``backward(ctx, gy) -> (dx, da, db)``, or is a function ``f(x, a, b) -> y``. Checking a
        subject is running its code.
    profile : {"standard", "quick", "strict", "exhaustive"}
        ``quick`` asks less; ``strict`` makes warnings errors; ``exhaustive`` besides asks for
        every float16 value and goes to the edge of overflow.
    timeout : float
        Seconds allowed for the import and for each probe.
    progress : callable, optional
        Called with the number of probes done and the number of all.

    Returns
    -------
    Report

    Raises
    ------
    SubjectError
        If the check cannot begin: there is no such file or attribute (``exit_status`` 2),
        importing it fails or its first plain call does (``exit_status`` 3).
    ValueError
        If there is no such profile.

    Examples
    --------
    >>> report = check("apalu_ref.check.own:Formula", profile="quick")
    >>> report.verdict, len(report.findings)
    ('conforms', 0)
    """
    asked = {probe.id: probe for probe in probes(profile)}
    require_exists(subject)
    begin = time.perf_counter()
    session = _Session(subject, timeout)
    skip: set[str] = set()
    restarts = 0
    while True:
        with Child(subject, profile, skip, timeout) as child:
            for frame in child:
                session.take(frame, asked)
                if progress is not None and frame["event"] == "answer":
                    progress(len(session.done), len(asked))
            session.printed += child.said()
        if frame["event"] == "done":
            break
        restarts += 1
        if restarts > _MOST_RESTARTS:
            session.not_run = len(asked) - len(session.done)
            break
        skip = set(session.done)
    return session.report(profile, time.perf_counter() - begin)


class _Session:
    """The state of one check while frames come in."""

    def __init__(self, subject: str, timeout: float) -> None:
        self.subject = subject
        self.timeout = timeout
        self.forward_only = False
        self.done: list[str] = []
        self.marks: list[Mark] = []
        self.not_offered: list[str] = []
        self.printed = ""
        self.values = 0
        self.not_run = 0
        self.worst: dict[str, dict[str, float]] = {}
        self.differences: dict[str, str] = {}
        self._current = ""

    def take(self, frame: Frame, asked: dict[str, Probe]) -> None:
        """One frame from the subject's process."""
        event = frame["event"]
        if event == "refused":
            raise SubjectError(
                f"{self.subject}: {frame['message']}"
                if frame["status"] == 3
                else str(frame["message"]),
                frame["status"],
                frame.get("traceback", ""),
            )
        if event == "loaded":
            self.forward_only = frame["forward_only"]
        elif event == "start":
            self._current = frame["probe"]
        elif event == "answer":
            self._answer(asked[frame["probe"]], frame)
            self.done.append(frame["probe"])
        elif event in ("hung", "died"):
            how = f"did not return within {self.timeout:g} s" if event == "hung" else (
                f"ended its process: it {frame['message']}"
            )  # fmt: skip
            self._stopped(how, asked)

    def _stopped(self, how: str, asked: dict[str, Probe]) -> None:
        if self._current in ("", _PLAIN):
            when = "the first plain call" if self._current else "importing it"
            raise SubjectError(f"{self.subject}: {when} {how}", 3)
        probe = asked[self._current]
        self.marks.append(Mark("core", "y", probe, "stopped", how))
        self.done.append(probe.id)

    def _answer(self, probe: Probe, frame: Frame) -> None:
        if "raised" in frame:
            self._raised(probe, frame["raised"])
            return
        for written in dict.fromkeys(frame["written"]):
            self.marks.append(Mark("core", written.split()[0], probe, "written", written))
        for quantity in frame["overwritten"]:
            self.marks.append(Mark("core", quantity, probe, "overwritten", ""))
        calls = probe.calls()
        results: list[dict[str, Array]] = [{} for _ in calls]
        for name, array in frame["values"].items():
            number, _, quantity = name.partition(".")
            if number != "fd":
                results[int(number)][quantity] = array
        for call, got in zip(calls, results, strict=True):
            exact = answers(*call)
            self.marks += judge(probe, call, got, exact)
            self.values += sum(array.size for array in got.values())
            for quantity, dtype, worst in ulp_seen(call, got, exact):
                known = self.worst.setdefault(quantity, {})
                known[dtype] = max(known.get(dtype, 0.0), worst)
        if probe.kind == "repeated":
            self.marks += judge_repeated(probe, calls[0], results[0], results[1], exact)
        if probe.kind == "differences" and not self.forward_only:
            self.differences = _differences(calls[0], results[0], frame["values"])

    def _raised(self, probe: Probe, raised: dict[str, Any]) -> None:
        if probe.id == _PLAIN:
            raise SubjectError(
                f"{self.subject}: in the first plain call, {raised['message']}",
                3,
                raised["traceback"],
            )
        if probe.optional and raised["refusal"]:
            self.not_offered.append(probe.optional)
        else:
            quantity = "dx" if raised["message"].startswith("backward") else "y"
            self.marks.append(Mark("core", quantity, probe, "raised", raised["message"]))

    def report(self, profile: str, seconds: float) -> Report:
        """Everything, explained and grouped."""
        findings = gather(self.subject, self.marks, self.differences)
        comparisons: dict[str, dict[str, str]] = {}
        for quantity in QUANTITIES[:1] if self.forward_only else QUANTITIES:
            levels = {f.level for f in findings if f.quantity == quantity}
            said = "wrong" if "core" in levels else "warns" if levels else "agrees"
            if said == "agrees" and self.not_run:
                said = "not fully run"
            comparisons[quantity] = {"oracle": said}
            if quantity in self.differences:
                comparisons[quantity]["differences"] = self.differences[quantity]
        return Report(
            subject=self.subject,
            profile=profile,
            forward_only=self.forward_only,
            findings=findings,
            not_offered=list(dict.fromkeys(self.not_offered)),
            comparisons=comparisons,
            worst_ulp=self.worst,
            probes=len(self.done),
            values=self.values,
            not_run=self.not_run,
            seconds=seconds,
            printed=self.printed,
        )


def _differences(call: Any, got: dict[str, Array], values: dict[str, Array]) -> dict[str, str]:
    """Whether each gradient is the derivative of the subject's own forward."""
    said = {}
    for quantity, name in GRADIENTS.items():
        value, error = values[f"fd.{name}.value"], values[f"fd.{name}.error"]
        if got[quantity].shape != call.gy.shape or value.shape != call.gy.shape:
            said[quantity] = "disagrees"
            continue
        want, bar = call.gy * value, np.abs(call.gy) * error
        scale = np.abs(want) + np.abs(call.gy) * 1e-3
        off = np.abs(got[quantity] - want)
        wrong = ~(off <= bar + 1e-6 * scale)
        if name == "x":
            # At the kink any slope between the one-sided ones is a derivative of sorts.
            left, right = call.gy * values["fd.left.value"], want
            slack = bar + np.abs(call.gy) * values["fd.left.error"] + 1e-6 * scale
            inside = (got[quantity] >= np.minimum(left, right) - slack) & (
                got[quantity] <= np.maximum(left, right) + slack
            )
            wrong &= ~((call.x == 0) & inside)
        told = np.isfinite(bar) & (bar <= 3e-4 * scale)
        if (wrong & np.isfinite(bar)).any():
            said[quantity] = "disagrees"
        else:
            said[quantity] = "agrees" if told.mean() > 0.5 else "inconclusive"
    return said
