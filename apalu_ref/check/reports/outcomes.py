"""What became of each probe, for reports that list them one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from apalu_ref.check.features import DTYPES
from apalu_ref.check.probes import Probe, probes
from apalu_ref.check.report import Finding, Report

Kind = Literal["passed", "failed", "skipped", "not run"]

# What XML 1.0 cannot hold, and no page or picture can show: control characters, halves of
# surrogate pairs (from file names that are not text) and the two non-characters.
_ILLEGIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


@dataclass
class Outcome:
    """One probe. ``reason`` says why it was skipped or not run."""

    probe: str
    kind: Kind
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    reason: str = ""


def outcomes(report: Report) -> Iterator[Outcome]:
    """All probes of the report's profile, in the order they are run.

    Those that this kind of subject cannot be asked are skipped, like those it does not offer.
    """
    known = {probe.id: probe for probe in probes(report.profile)}
    run, errors = set(report.probes), report.errors
    # Types come first: one that was not seen by the time it stopped was not going to be asked.
    seen = {need for id in run & set(known) for need in known[id].needs}
    last = max((i for i, id in enumerate(known) if id in run), default=-1)
    for i, (id, probe) in enumerate(known.items()):
        if id in run:
            yield _of(report, errors, probe)
        elif declined := _declined(report, probe):
            yield Outcome(id, "skipped", reason=declined)
        elif report.not_run and i > last and probe.needs & set(DTYPES) <= seen:
            yield Outcome(id, "not run", reason="it stopped too often: the check gave up before")
        else:
            yield Outcome(id, "skipped", reason=f"not asked of {report.adapter} subjects")


def _of(report: Report, errors: list[Finding], probe: Probe) -> Outcome:
    found = report.of_probe(probe.id)
    wrong = [finding for finding in found if finding in errors]
    warned = [finding for finding in found if finding not in errors]
    if not found and (declined := _declined(report, probe)):
        return Outcome(probe.id, "skipped", reason=declined)
    return Outcome(probe.id, "failed" if wrong else "passed", wrong, warned)


def _declined(report: Report, probe: Probe) -> str:
    features = [feature for feature in report.not_offered if feature in probe.needs]
    return f"not offered: {', '.join(features)}" if features else ""


def told(finding: Finding, probe: str) -> str:
    """A finding as one of its probes has to tell it: the cause, and what, fix and repro."""
    what = finding.message if finding.cause else ""  # else it is the heading
    if what and probe != finding.probe:
        what = f"as in {finding.probe}: {what}"
    repro = finding.repro.replace(f"--repro {finding.probe}:", f"--repro {probe}:")
    rows = (("what", what), ("fix", finding.fix), ("repro", repro))
    return "\n".join([headings([finding]), *(f"{name:<6} {said}" for name, said in rows if said)])


def headings(findings: Iterable[Finding]) -> str:
    """Level, quantities, and what to call it, of all the findings on a line."""
    causes: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        causes.setdefault((finding.level, finding.head), []).append(finding.quantity)
    return "; ".join(f"{level} {', '.join(q)}: {head}" for (level, head), q in causes.items())


def legible(text: str) -> str:
    """The text with U+FFFD for every character that no report can hold."""
    return _ILLEGIBLE.sub("�", text)


def shortened(text: str, length: int) -> str:
    """The text on one line, with its middle left out if it is longer."""
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    half = (length - 1) // 2
    return f"{text[: length - 1 - half]}…{text[-half:]}"
