"""How long the numbers of a report card take, for every activation that has a name."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from apalu_ref.bench.startup import Row
from apalu_ref.properties import NAMED, report

GOAL = 0.5
"""Seconds that no card should take."""


def measure(runs: int = 5, progress: Callable[[str], None] | None = None) -> list[Row]:
    """Time the card of each named activation, in turn.

    Parameters
    ----------
    runs : int
        How often; the median is what to quote.
    progress : callable, optional
        Called with what is being done.

    Returns
    -------
    list of Row
        The slowest first.
    """
    seconds: dict[str, list[float]] = {name: [] for name in NAMED}
    report("relu")  # what is imported at first use is not the card's
    for k in range(runs):
        if progress is not None:
            progress(f"round {k + 1} of {runs}")
        for name in NAMED:
            begin = time.perf_counter()
            report(name)
            seconds[name].append(time.perf_counter() - begin)
    rows = [Row(n, statistics.median(s), min(s), max(s)) for n, s in seconds.items()]
    return sorted(rows, key=lambda row: -row.median)
