"""What a diagnosis is made of."""

from __future__ import annotations

from typing import NamedTuple

from apalu_ref.check.catalogue.habits import EDGES, WIDE


class Cause(NamedTuple):
    """What was probably done wrong, how to mend it, and what in this answer shows it."""

    cause: str
    fix: str
    evidence: str = ""


NOT_REDUCED = "not reduced over the axes along which its input was broadcast"

AVERAGED = "averaged over the broadcast elements, not summed"

REDUCED = "reduced wrongly"

UNKNOWN = "no known mistake fits"

WRITTEN = "an argument is written to: "

__all__ = ["AVERAGED", "EDGES", "NOT_REDUCED", "REDUCED", "UNKNOWN", "WIDE", "WRITTEN", "Cause"]
