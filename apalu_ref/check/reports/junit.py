"""Reports as JUnit XML, which continuous integration shows a test at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from apalu_ref.check.report import Report
from apalu_ref.check.reports.outcomes import Outcome, headings, legible, outcomes, told
from apalu_ref.check.subject import SubjectError

# What a subject printed may be endless; what went wrong is at its end.
_MOST_PRINTED = 20_000


def junit(reports: Sequence[Report]) -> str:
    """The reports as JUnit XML: a suite a report, a case a probe.

    A probe with errors has a failure, with warnings a ``system-out``; one that was not asked,
    or not answered where that is allowed, is skipped; one that the check did not come to is an
    error. Times are those of whole suites: probes are not timed one by one.
    """
    return _document([_suite(report) for report in reports])


def failed(subject: str, error: SubjectError) -> str:
    """A suite with one error, for a check that could not begin."""
    suite = _element("testsuite", name=subject, time="0")
    case = _add(suite, "testcase", classname=subject, name="check")
    kind = f"exit status {error.exit_status}"
    _add(case, "error", error.traceback or str(error), message=str(error), type=kind)
    return _document([suite])


def _suite(report: Report) -> ET.Element:
    suite = _element("testsuite", name=report.subject, time=f"{report.seconds:.3f}")
    properties = _add(suite, "properties")
    about = {
        "adapter": report.adapter,
        "profile": report.profile,
        "against": report.against,
        "verdict": report.verdict,
        "gradients": "not checked" if report.forward_only else "checked",
    }
    for name, value in about.items():
        _add(properties, "property", name=name, value=value)
    for outcome in outcomes(report):
        _case(suite, report.subject, outcome)
    if report.printed.strip():
        _add(suite, "system-out", report.printed[-_MOST_PRINTED:])
    return suite


def _case(suite: ET.Element, subject: str, outcome: Outcome) -> None:
    case = _add(suite, "testcase", classname=subject, name=outcome.probe)
    if outcome.kind == "skipped":
        _add(case, "skipped", message=outcome.reason)
    elif outcome.kind == "not run":
        _add(case, "error", outcome.reason, message=outcome.reason, type="not run")
    if outcome.errors:
        # One failure for all of them: many readers show the first only.
        _add(
            case,
            "failure",
            "\n\n".join(told(finding, outcome.probe) for finding in outcome.errors),
            message=headings(outcome.errors),
            type=outcome.errors[0].level,
        )
    if outcome.warnings:
        told_each = (told(finding, outcome.probe) for finding in outcome.warnings)
        _add(case, "system-out", "\n\n".join(f"warning: {said}" for said in told_each))


def _document(suites: Iterable[ET.Element]) -> str:
    root = _element("testsuites", name="apalu-ref check")
    root.extend(suites)
    for element in (*root, root):
        for key, tag in (
            ("tests", "testcase"), ("failures", "failure"), ("errors", "error"),
            ("skipped", "skipped"),
        ):  # fmt: skip
            element.set(key, str(sum(1 for _ in element.iter(tag))))
    root.set("time", f"{sum(float(suite.attrib['time']) for suite in root):.3f}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, "unicode") + "\n"


def _element(tag: str, **attributes: str) -> ET.Element:
    return ET.Element(tag, {name: legible(value) for name, value in attributes.items()})


def _add(parent: ET.Element, tag: str, content: str = "", **attributes: str) -> ET.Element:
    made = _element(tag, **attributes)
    made.text = legible(content) or None
    parent.append(made)
    return made
