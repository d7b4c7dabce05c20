"""A report for a person at a terminal."""

from __future__ import annotations

import math
import textwrap

from apalu_ref.check.report import Finding, Report


def text(report: Report, verbose: bool = False) -> str:
    """Short, a finding a paragraph; ``verbose`` names every probe and tells what it printed."""
    against = "" if report.against == "apalu" else f" against {report.against}"
    lines = [f"{report.subject}  ({report.adapter}, {report.profile}{against})", ""]
    for finding, quantities, probes in report.by_cause():
        lines += _finding(finding, quantities, probes, finding in report.errors, verbose)
    lines += _table(report)
    if report.forward_only:
        lines += ["It is a function alone: its gradients were not checked.", ""]
    if report.not_offered:
        lines += [*textwrap.wrap(f"Not offered: {', '.join(report.not_offered)}.", 96), ""]
    if report.not_run:
        lines += [f"It stopped too often: {report.not_run} probes were not run.", ""]
    if verbose:
        lines += _probes(report)
    if verbose and report.printed.strip():
        lines += ["It printed:", textwrap.indent(report.printed.rstrip(), "  "), ""]
    counts = report.counts()
    outcome = "FAILS" if report.errors else "CONFORMS"
    lines.append(
        f"{outcome}{': ' if counts else ''}{counts}  "
        f"({len(report.probes)} probes, {report.values:,} values, {report.seconds:.1f} s)"
    )
    return "\n".join(lines) + "\n"


_NO_DIGITS = "Against a reference no number of digits is asked: many ULP may stand beside agrees."


def _table(report: Report) -> list[str]:
    judge = "the oracle" if report.against == "apalu" else (
        "its own forward" if report.against == "self" else "the reference"
    )  # fmt: skip
    head = ("", f"against {judge}", "worst ULP",
            "against differences of its own forward, elementwise")  # fmt: skip
    rows = [head]
    for quantity, said in report.comparisons.items():
        worst = report.worst_ulp.get(quantity, {})
        ulp = ", ".join(f"{_short(w)} ({_type(t)})" for t, w in worst.items())
        rows.append((quantity, said["oracle"], ulp, said.get("differences", "")))
    if not any(row[3] for row in rows[1:]):
        rows[0] = (*head[:3], "")
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    table = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
    lines = [*("  " + line.rstrip() for line in table), ""]
    if judge == "the reference" and any(
        said["oracle"] == "agrees" and max(report.worst_ulp.get(quantity, {"": 0}).values()) > 1000
        for quantity, said in report.comparisons.items()
    ):
        lines += [f"  {_NO_DIGITS}", ""]
    return lines


def _probes(report: Report) -> list[str]:
    lines = ["Probes:"]
    for probe in report.probes:
        levels = dict.fromkeys(f.level for f in report.of_probe(probe))
        lines.append(f"  {probe:<48} {', '.join(levels) or 'ok'}")
    return [*lines, ""]


def _type(dtype: str) -> str:
    return dtype.replace("bfloat", "bf").replace("float", "f")


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 1000 or value == math.inf else f"{value:.0e}"


def _finding(
    finding: Finding, quantities: list[str], probes: list[str], error: bool, verbose: bool
) -> list[str]:
    label = "FAIL" if error else "WARN"
    lines = textwrap.wrap(
        f"{label} {finding.level} {', '.join(quantities)}: {finding.head}",
        width=96,
        subsequent_indent="     ",
    )
    rows = []
    if finding.cause and finding.message:
        rows.append(("what", finding.message))
    others = [probe for probe in probes if probe != finding.probe]
    rows.append(("where", finding.probe + (f" and {_others(others, verbose)}" if others else "")))
    if finding.fix:
        rows.append(("fix", finding.fix))
    for name, said in rows:
        lines += textwrap.wrap(
            said,
            width=96,
            initial_indent=f"     {name:<6} ",
            subsequent_indent=" " * 12,
            break_long_words=False,
            break_on_hyphens=False,
        )
    lines += [f"     {'repro':<6} {finding.repro}", ""]
    return lines


def _others(others: list[str], verbose: bool) -> str:
    if verbose:
        return ", ".join(others)
    n = len(others)
    return f"{n} more probe{'s' if n > 1 else ''} (-v lists them)"
