"""How long it takes until the package is of use: importing it, and one whole check."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

_IMPORT = """
import time, numpy
begin = time.perf_counter()
import apalu_ref
print(time.perf_counter() - begin)
"""


class Row(NamedTuple):
    """Seconds of one thing over the runs."""

    what: str
    median: float
    least: float
    most: float


def measure(runs: int = 7) -> list[Row]:
    """Time the import and the check of the package's own formulas, each in fresh processes.

    Parameters
    ----------
    runs : int
        How often; the median is what to quote.

    Returns
    -------
    list of Row
    """

    def imported() -> float:
        answer = subprocess.run(
            [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=True
        )
        return float(answer.stdout)

    def checked(profile: str) -> float:
        command = [sys.executable, "-m", "apalu_ref", "check", "--profile", profile]
        begin = time.perf_counter()
        subprocess.run(command, capture_output=True, check=True)
        return time.perf_counter() - begin

    tasks: dict[str, Callable[[], float]] = {
        "import apalu_ref, after NumPy": imported,
        "apalu-ref check --profile quick (process)": lambda: checked("quick"),
        "apalu-ref check (process)": lambda: checked("standard"),
    }
    seconds: dict[str, list[float]] = {what: [] for what in tasks}
    for _ in range(runs):  # in turn, so that a busy moment of the machine meets all of them
        for what, task in tasks.items():
            seconds[what].append(task())
    return [Row(w, statistics.median(s), min(s), max(s)) for w, s in seconds.items()]
