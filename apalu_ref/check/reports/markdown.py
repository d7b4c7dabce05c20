"""Reports as Markdown, for the comments of a pull request."""

from __future__ import annotations

import html
import re
import textwrap

from apalu_ref.check.report import Finding, Report
from apalu_ref.check.reports.outcomes import legible
from apalu_ref.check.subject import SubjectError

_WIDTH = 96


def markdown(report: Report) -> str:
    """The report in GitHub's Markdown: the verdict, a table, and the findings.

    Whatever the subject said or is called stands there as text: it cannot end a table or a
    code block, hold HTML, or notify anyone.
    """
    counts = report.counts()
    outcome = "FAILS" if report.errors else "CONFORMS"
    lines = [
        f"### {outcome}: {_code(report.subject)}",
        "",
        _inline(
            f"{counts or 'nothing found'} ({report.adapter}, {report.profile}, "
            f"{len(report.probes)} probes, {report.values:,} values, {report.seconds:.1f} s)"
        ),
        "",
        *_table(report),
    ]
    if report.forward_only:
        lines += ["It is a function alone: its gradients were not checked.", ""]
    if report.not_offered:
        lines += [f"Not offered: {_inline(', '.join(report.not_offered))}.", ""]
    if report.not_run:
        lines += [f"**It stopped too often: {report.not_run} probes were not run.**", ""]
    for finding, quantities, probes in report.by_cause():
        lines += _finding(finding, quantities, probes, finding in report.errors)
    return "\n".join(lines).rstrip() + "\n"


def failed(subject: str, error: SubjectError) -> str:
    """The same for a check that could not begin."""
    lines = [f"### ERROR: {_code(subject)} could not be checked", "", *_fence(str(error)), ""]
    if error.traceback:
        lines += _folded("Traceback", _fence(error.traceback.rstrip(), "text"))
    return "\n".join(lines).rstrip() + "\n"


def _table(report: Report) -> list[str]:
    judge = "the oracle" if report.against == "apalu" else (
        "its own forward" if report.against == "self" else report.against
    )  # fmt: skip
    lines = [
        f"| | against {_inline(judge)} | worst ULP | against differences of its own forward |",
        "| --- | --- | --- | --- |",
    ]
    for quantity, said in report.comparisons.items():
        worst = report.worst_ulp.get(quantity, {})
        cells = (
            quantity,
            said["oracle"],
            ", ".join(f"{ulp:.3g} ({dtype})" for dtype, ulp in worst.items()),
            said.get("differences", ""),
        )
        lines.append(f"| {' | '.join(map(_inline, cells))} |")
    return [*lines, ""]


def _finding(finding: Finding, quantities: list[str], probes: list[str], error: bool) -> list[str]:
    label = "FAIL" if error else "WARN"
    lines = [
        f"**{label} {finding.level} {_inline(', '.join(quantities))}**: {_inline(finding.head)}",
        "",
    ]
    others = len(probes) - 1
    where = finding.probe + (f" and {others} more" if others else "")
    rows = {"what": finding.message if finding.cause else "", "where": where, "fix": finding.fix}
    lines += _fence("\n".join(_row(name, said) for name, said in rows.items() if said))
    lines += ["", *_fence(finding.repro, "sh"), ""]
    if others:
        lines += _folded(f"All {len(probes)} probes", _fence("\n".join(probes)))
    return lines


def _row(name: str, said: str) -> str:
    return textwrap.fill(
        said,
        width=_WIDTH,
        initial_indent=f"{name:<6} ",
        subsequent_indent=" " * 7,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _folded(summary: str, lines: list[str]) -> list[str]:
    # The empty lines make what is inside Markdown again.
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>", ""]


def _fence(content: str, language: str = "text") -> list[str]:
    """A code block that nothing inside can end."""
    longest = max(map(len, re.findall("`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", legible(content), fence]


def _code(text: str) -> str:
    # Not between backticks, which a name may have, too.
    return f"<code>{_inline(text)}</code>"


def _inline(text: str) -> str:
    """Text on one line that Markdown and HTML leave as it is."""
    flat = html.escape(" ".join(legible(text).split()), quote=False)
    # The invisible space keeps @name from sending somebody a message.
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", flat).replace("@", "@\u200b")
