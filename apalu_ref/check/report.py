"""What a check found, as text and as JSON."""

from __future__ import annotations

import json
import math
import textwrap
from dataclasses import asdict, dataclass, field
from typing import Any

from apalu_ref.check.subject import SubjectError

SCHEMA = 1
"""Version of the JSON layout."""

SUITE = 1
"""Version of the probes: a report of another suite may have asked other questions."""

QUANTITIES = ("y", "dx", "da", "db")


@dataclass
class Finding:
    """One thing that is wrong, or worth a warning, with its probable cause.

    ``probe``, ``index``, ``got`` and ``want`` show one place; ``also`` lists the ids of
    the other probes in which the same was found.
    """

    level: str
    quantity: str
    probe: str
    dtype: str
    index: list[int]
    got: float | str
    want: float | str
    error_ulp: float | None
    message: str
    cause: str
    fix: str
    repro: str
    also: list[str] = field(default_factory=list)


@dataclass
class Report:
    """The outcome of :func:`apalu_ref.check.check`.

    ``comparisons`` tells for every quantity what the oracle says of it (``"agrees"``,
    ``"warns"``, ``"wrong"``) and, for gradients, whether they are the derivative of the
    subject's own forward (``"agrees"``, ``"disagrees"``, ``"inconclusive"``).
    """

    subject: str
    profile: str
    forward_only: bool
    findings: list[Finding]
    not_offered: list[str]
    comparisons: dict[str, dict[str, str]]
    worst_ulp: dict[str, dict[str, float]]
    probes: int
    values: int
    not_run: int
    seconds: float
    printed: str = ""
    adapter: str = "numpy"

    @property
    def errors(self) -> list[Finding]:
        """Findings that make the subject fail: ``core``, and under ``strict`` all."""
        strict = self.profile in ("strict", "exhaustive")
        return [f for f in self.findings if strict or f.level == "core"]

    @property
    def warnings(self) -> list[Finding]:
        """The other findings."""
        errors = self.errors
        return [f for f in self.findings if f not in errors]

    @property
    def verdict(self) -> str:
        """``"conforms"`` or ``"fails"``."""
        return "fails" if self.errors else "conforms"

    @property
    def exit_status(self) -> int:
        """0 if it conforms, 1 if it fails."""
        return 1 if self.errors else 0

    def to_dict(self) -> dict[str, Any]:
        """The report in plain types, as written to JSON."""
        return {
            "schema": SCHEMA,
            "suite": SUITE,
            "subject": self.subject,
            "adapter": self.adapter,
            "profile": self.profile,
            "verdict": self.verdict,
            "findings": [asdict(f) for f in self.findings],
            "not_offered": self.not_offered,
            "summary": {
                "errors": len(self.errors),
                "warnings": len(self.warnings),
                "forward_only": self.forward_only,
                "comparisons": self.comparisons,
                "worst_ulp": {
                    quantity: {t: w if w < math.inf else "inf" for t, w in worst.items()}
                    for quantity, worst in self.worst_ulp.items()
                },
                "probes": self.probes,
                "not_run": self.not_run,
                "values": self.values,
                "seconds": round(self.seconds, 3),
            },
        }

    def to_json(self) -> str:
        """The report as JSON; numbers that JSON cannot hold are strings ("nan", "inf")."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False)

    def to_text(self, verbose: bool = False) -> str:
        """The report for a person; ``verbose`` names every probe and shows what it printed."""
        lines = [f"{self.subject}  ({self.adapter}, profile {self.profile})", ""]
        for finding, quantities in self._by_cause():
            lines += _finding(finding, quantities, finding in self.errors, verbose)
        lines += self._table()
        if self.forward_only:
            lines += ["It is a function f(x, a, b) -> y: gradients were not checked.", ""]
        if self.not_offered:
            lines += [f"Not offered: {', '.join(self.not_offered)}.", ""]
        if self.not_run:
            lines += [f"It stopped too often: {self.not_run} probes were not run.", ""]
        if verbose and self.printed.strip():
            lines += ["It printed:", textwrap.indent(self.printed.rstrip(), "  "), ""]
        told = [finding for finding, _ in self._by_cause()]
        errors = sum(finding in self.errors for finding in told)
        warnings = len(told) - errors
        counts = [f"{n} {w}{'s' if n > 1 else ''}"
                  for n, w in ((errors, "error"), (warnings, "warning")) if n]  # fmt: skip
        outcome = "FAILS" if errors else "CONFORMS"
        lines.append(
            f"{outcome}{': ' if counts else ''}{', '.join(counts)}  "
            f"({self.probes} probes, {self.values:,} values, {self.seconds:.1f} s)"
        )
        return "\n".join(lines) + "\n"

    def _by_cause(self) -> list[tuple[Finding, list[str]]]:
        """Findings told as one: same level and cause, whatever the quantity. Errors first."""
        groups: dict[tuple[str, str], list[Finding]] = {}
        for finding in sorted(self.findings, key=lambda f: f not in self.errors):
            key = (finding.level, finding.cause or finding.message)
            groups.setdefault(key, []).append(finding)
        return [(g[0], list(dict.fromkeys(f.quantity for f in g))) for g in groups.values()]

    def _table(self) -> list[str]:
        rows = [
            (
                "",
                "against the oracle",
                "worst ULP",
                "against differences of its own forward, elementwise",
            )
        ]
        for quantity in QUANTITIES:
            if quantity not in self.comparisons:
                continue
            said = self.comparisons[quantity]
            worst = self.worst_ulp.get(quantity, {})
            ulp = ", ".join(f"{_short(w)} ({d[0]}{d[5:]})" for d, w in worst.items())
            rows.append((quantity, said["oracle"], ulp, said.get("differences", "")))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        text = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in rows]
        return [*("  " + line.rstrip() for line in text), ""]


def failure(subject: str, profile: str, error: SubjectError) -> dict[str, Any]:
    """The same layout for a check that could not begin."""
    return {
        "schema": SCHEMA,
        "suite": SUITE,
        "subject": subject,
        "adapter": "numpy",
        "profile": profile,
        "verdict": "error",
        "findings": [],
        "not_offered": [],
        "summary": {"message": str(error), "exit_status": error.exit_status},
    }


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 1000 or value == math.inf else f"{value:.0e}"


def _finding(finding: Finding, quantities: list[str], error: bool, verbose: bool) -> list[str]:
    label = "FAIL" if error else "WARN"
    head = finding.cause or finding.message
    lines = textwrap.wrap(
        f"{label} {finding.level} {', '.join(quantities)}: {head}",
        width=96,
        subsequent_indent="     ",
    )
    rows = []
    if finding.cause and finding.message:
        rows.append(("what", finding.message))
    rows.append(("where", finding.probe + (f" and {_others(finding, verbose)}"
                                           if finding.also else "")))  # fmt: skip
    if finding.fix:
        rows.append(("fix", finding.fix))
    for name, text in rows:
        lines += textwrap.wrap(
            text,
            width=96,
            initial_indent=f"     {name:<6} ",
            subsequent_indent=" " * 12,
            break_long_words=False,
            break_on_hyphens=False,
        )
    lines += [f"     {'repro':<6} {finding.repro}", ""]
    return lines


def _others(finding: Finding, verbose: bool) -> str:
    if verbose:
        return ", ".join(finding.also)
    n = len(finding.also)
    return f"{n} more probe{'s' if n > 1 else ''} (-v lists them)"
