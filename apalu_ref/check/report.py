"""What a check found."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from numpy.typing import NDArray

from apalu_ref.check.causes import WRITTEN
from apalu_ref.check.subject import SubjectError

SCHEMA = 2
"""Version of the JSON layout."""

SUITE = 2
"""Version of the probes: a report of another suite may have asked other questions."""


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

    @property
    def head(self) -> str:
        """What to call it."""
        return self.cause or self.message


class Points(NamedTuple):
    """The errors of one quantity in one probe, for the picture: ULP against x."""

    quantity: str
    dtype: str
    x: NDArray[Any]
    ulp: NDArray[Any]
    counted: NDArray[Any]
    wrong: NDArray[Any]


@dataclass
class Report:
    """The outcome of :func:`apalu_ref.check.check`.

    ``comparisons`` tells for every quantity what the oracle says of it (``"agrees"``,
    ``"warns"``, ``"wrong"``) and, for gradients, whether they are the derivative of the
    subject's own forward (``"agrees"``, ``"disagrees"``, ``"inconclusive"``). ``probes``
    are the ids of those that were run.
    """

    subject: str
    adapter: str
    against: str
    profile: str
    forward_only: bool
    findings: list[Finding]
    not_offered: list[str]
    comparisons: dict[str, dict[str, str]]
    worst_ulp: dict[str, dict[str, float]]
    probes: list[str]
    values: int
    not_run: int
    seconds: float
    printed: str = ""
    points: list[Points] = field(default_factory=list, repr=False)

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

    def by_cause(self) -> list[tuple[Finding, list[str], list[str]]]:
        """Findings that share a level and a cause told as one, errors first.

        Each with the quantities it concerns and the ids of all its probes.
        """
        groups: dict[tuple[str, str], list[Finding]] = {}
        for finding in sorted(self.findings, key=lambda f: f not in self.errors):
            groups.setdefault((finding.level, finding.head), []).append(finding)
        told = []
        for found in groups.values():
            names = _named(found)
            first = next(f for f in found if f.quantity in names)
            places = dict.fromkeys(p for f in found for p in (f.probe, *f.also))
            told.append((first, names, list(places)))
        return told

    def of_probe(self, probe: str) -> list[Finding]:
        """The findings that a probe has a part in."""
        return [f for f in self.findings if probe == f.probe or probe in f.also]

    def told(self) -> tuple[int, int]:
        """How many errors and warnings there are, causes counted once."""
        causes = self.by_cause()
        errors = sum(finding in self.errors for finding, _, _ in causes)
        return errors, len(causes) - errors

    def counts(self) -> str:
        """``"2 errors, 1 warning"``, causes counted once."""
        errors, warnings = self.told()
        parts = ((errors, "error"), (warnings, "warning"))
        return ", ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in parts if n)

    def to_dict(self) -> dict[str, Any]:
        """The report in plain types, as written to JSON."""
        return {
            "schema": SCHEMA,
            "suite": SUITE,
            "subject": self.subject,
            "adapter": self.adapter,
            "against": self.against,
            "profile": self.profile,
            "verdict": self.verdict,
            "findings": [asdict(f) for f in self.findings],
            "not_offered": self.not_offered,
            "summary": {
                "errors": self.told()[0],
                "warnings": self.told()[1],
                "forward_only": self.forward_only,
                "comparisons": self.comparisons,
                "worst_ulp": {
                    quantity: {t: w if w < math.inf else "inf" for t, w in worst.items()}
                    for quantity, worst in self.worst_ulp.items()
                },
                "probes": len(self.probes),
                "values": self.values,
                "not_run": self.not_run,
                "seconds": round(self.seconds, 3),
            },
        }

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"

    def to_text(self, verbose: bool = False) -> str:
        """The report for a person; ``verbose`` names every probe."""
        from apalu_ref.check.reports.text import text

        return text(self, verbose)


def _named(findings: list[Finding]) -> list[str]:
    """The quantities to tell: of what is written to the input, not what comes of it."""
    names = list(dict.fromkeys(f.quantity for f in findings))
    _, written, words = findings[0].cause.partition(WRITTEN)
    return [name for name in names if name == words.split()[0]] or names if written else names


def failure(
    subject: str, profile: str, error: SubjectError, adapter: str = "auto", against: str = "apalu"
) -> dict[str, Any]:
    """The same layout for a check that could not begin."""
    return {
        "schema": SCHEMA,
        "suite": SUITE,
        "subject": subject,
        "adapter": adapter,
        "against": against,
        "profile": profile,
        "verdict": "error",
        "findings": [],
        "not_offered": [],
        "summary": {"message": str(error), "exit_status": error.exit_status},
    }
