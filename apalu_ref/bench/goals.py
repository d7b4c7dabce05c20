"""What APALU's speed is to reach, measured: against the textbook formula, PyTorch and JAX.

Forward and backward of 4 million normal values with one pair (a, b), on two threads, all in one
process and in turn; the ratio of two times is taken within a round, and the median over rounds is
what counts. Then the memory, small arrays, and a training step of a network.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from apalu_ref.bench import contenders, engine, machine, memory
from apalu_ref.bench.cases import draw
from apalu_ref.bench.frameworks import Unavailable
from apalu_ref.bench.timing import Progress, Spread, Task, gather, ratios, spread, take_turns
from apalu_ref.layer import APALU
from minigrad import nn
from minigrad.random import manual_seed

LARGE, SMALL = 4_000_000, 1_000
"""How many elements."""

THREADS = 2
"""Of the fused functions and of PyTorch."""

# How many times as fast as another way, in each type.
_FASTER = {
    "textbook": {"float32": 6.0, "float64": 4.5},
    "torch": {"float32": 3.0, "float64": 2.5},
    "jax.jit": {"float32": 1.2, "float64": 1.2},
}
_MEBIBYTES = 8
_SMALL_RATIO = 1.1

Times = dict[str, list[float]]

_SAID = {"textbook": "textbook NumPy", "torch": "PyTorch, eager", "jax.jit": "jax.jit"}


class Goal(NamedTuple):
    """Something to be reached, and what was measured."""

    what: str
    measured: Spread | None  # None if it could not be
    unit: str  # "x" for a ratio of times, or "MiB"
    least: float | None = None
    most: float | None = None
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches it; None if there is nothing to reach or to judge."""
        if self.measured is None or (self.least is None and self.most is None):
            return None
        median = self.measured.median
        return (self.least is None or median >= self.least) and (
            self.most is None or median <= self.most
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        measured = None if self.measured is None else self.measured._asdict()
        return {**self._asdict(), "measured": measured, "reached": self.reached}


class Report(NamedTuple):
    """What was found."""

    runs: int
    goals: list[Goal]
    interrupted: bool


def measure(runs: int = 9, progress: Progress = lambda what: None) -> Report:
    """Measure everything that has a goal; Ctrl-C ends it, and what has been measured is kept.

    Parameters
    ----------
    runs : int
        Rounds.
    progress : callable
        Told what is going on.

    Returns
    -------
    Report
    """
    goals, interrupted = gather(_goals(runs, progress))
    return Report(runs, goals, interrupted)


def _goals(runs: int, progress: Progress) -> Iterator[Goal]:
    for dtype in ("float32", "float64"):
        yield from _speed(dtype, runs, progress)
    for dtype in ("float32", "float64"):
        progress(f"{dtype}, {LARGE:,} elements: memory")
        yield _memory(dtype)
    for dtype in ("float32", "float64"):
        yield from _small(dtype, runs, progress)
    yield from _network(runs, progress)


def _speed(dtype: str, runs: int, progress: Progress) -> Iterator[Goal]:
    case = draw(LARGE, 2, dtype, threads=THREADS)
    tasks, missing = {}, {}
    for way in ("fused", *_FASTER):
        progress(f"{dtype}, {LARGE:,} elements: {way}")
        try:
            tasks[way] = contenders.tasks(("apalu", way), case)["both"]
        except Unavailable as error:
            missing[way] = str(error)

    def summary(found: Times) -> Iterator[Goal]:
        for way, least in _FASTER.items():
            ratio = ratios(found, way, "fused")
            what = f"forward + backward against {_SAID[way]}, {dtype}"
            said = missing.get(way) if ratio is None else _times(found, "fused", way)
            if said:
                yield Goal(what, ratio, "x", least=least[dtype], note=said)

    def told(what: str) -> None:
        progress(f"{dtype}, {LARGE:,} elements: {what}")

    yield from take_turns(tasks, runs, summary, told, patience=3)


def _memory(dtype: str) -> Goal:
    case = draw(LARGE, 2, dtype, threads=1)
    used = memory.extra(*contenders.tasks(("apalu", "fused"), case)["both"]) / 2**20
    what = f"memory beside the results, a thread, {dtype}"
    return Goal(what, Spread(used, used, used), "MiB", most=_MEBIBYTES)


def _small(dtype: str, runs: int, progress: Progress) -> Iterator[Goal]:
    case = draw(SMALL, 2, dtype, threads=THREADS)
    ways = ("fused", "textbook")
    tasks = {way: contenders.tasks(("apalu", way), case)["both"] for way in ways}
    what = f"{SMALL:,} elements, as a multiple of the textbook's time, {dtype}"
    progress(f"{dtype}, {SMALL:,} elements")
    yield from take_turns(tasks, runs, lambda found: _least(what, found, ways, _SMALL_RATIO))


def _network(runs: int, progress: Progress) -> Iterator[Goal]:
    case = engine.CASES[-1]
    tasks = {}
    for name, activation in (("APALU", APALU), ("ReLU", lambda channels: nn.ReLU())):
        manual_seed(0)
        tasks[name] = Task(engine.step_of(engine.lenet(activation), *engine.batch(case), "sgd"))
    what = "training step of the MNIST LeNet, as a multiple of ReLU's time"
    progress("training step of the LeNet")
    yield from take_turns(tasks, runs, lambda found: _least(what, found, ("APALU", "ReLU")))


def _least(
    what: str, found: Times, names: tuple[str, str], most: float | None = None
) -> Iterator[Goal]:
    ratio = ratios(found, *names)
    if ratio is not None:
        yield Goal(what, ratio, "x", most=most, note=_times(found, *names))


def _times(found: Times, *names: str) -> str:
    """The medians, to be read."""
    return ", ".join(f"{name} {readable(spread(found[name]).median)}" for name in names)


def readable(seconds: float) -> str:
    """A time in the unit that suits it."""
    for scale, unit in ((1, "s"), (1e3, "ms")):
        if scale * seconds >= 1:
            return f"{scale * seconds:.3g} {unit}"
    return f"{1e6 * seconds:.3g} µs"


def document(report: Report) -> dict[str, Any]:
    """For JSON: the schema's number, on what it was measured, and the goals."""
    return {
        "schema": 1,
        "configuration": {
            "elements": LARGE,
            "threads": THREADS,
            "runs": report.runs,
            **machine.configuration(),
        },
        "goals": [goal.as_dict() for goal in report.goals],
        "interrupted": report.interrupted,
    }
