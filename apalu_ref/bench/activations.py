"""Activations side by side: what the values and the gradients of each cost, at each size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from apalu_ref.bench import contenders, machine, memory
from apalu_ref.bench.cases import Case, draw
from apalu_ref.bench.contenders import Name
from apalu_ref.bench.counting import Counts
from apalu_ref.bench.frameworks import Unavailable
from apalu_ref.bench.timing import Progress, Spread, Task, gather, spread, take_turns

SIZES = (1_000, 10_000, 100_000, 1_000_000, 4_000_000, 10_000_000)
"""Elements, unless others are asked for."""

Key = tuple[Name, str]


class Row(NamedTuple):
    """One activation, done in one way, at one size: what its values or gradients cost."""

    activation: str
    way: str
    stage: str
    dtype: str
    elements: int
    seconds: Spread
    counts: Counts | None  # operations an element, where they can be counted
    bytes: int  # the least that must be moved
    extra: int | None  # bytes beside the result, where they can be seen

    @property
    def nanoseconds(self) -> float:
        """An element."""
        return 1e9 * self.seconds.median / self.elements

    @property
    def rate(self) -> float:
        """Bytes a second, of those that must be moved."""
        return self.bytes / self.seconds.median

    def as_dict(self, limit: machine.Limit) -> dict[str, Any]:
        """For JSON."""
        return {
            "activation": self.activation,
            "way": self.way,
            "stage": self.stage,
            "dtype": self.dtype,
            "elements": self.elements,
            "seconds": self.seconds._asdict(),
            "ns_per_element": self.nanoseconds,
            "operations_per_element": None if self.counts is None else self.counts._asdict(),
            "bytes_per_element": self.bytes / self.elements,
            "bytes_per_second": self.rate,
            "share_of_bandwidth": self.rate / limit.best,
            "peak_extra_bytes": self.extra,
        }


class Options(NamedTuple):
    """What to time."""

    names: Sequence[Name]
    sizes: Sequence[int] = SIZES
    dtypes: Sequence[str] = ("float32",)
    shared: str = "scalar"
    threads: int = 1
    runs: int = 5


class Report(NamedTuple):
    """What was found."""

    options: Options
    limit: machine.Limit
    rows: list[Row]
    missing: dict[str, str]  # what could not be timed, and why
    interrupted: bool


def measure(options: Options, progress: Progress = lambda what: None) -> Report | None:
    """Time activations; Ctrl-C ends it, and what has been timed is kept.

    Parameters
    ----------
    options : Options
        Which of :data:`apalu_ref.bench.contenders.NAMES`, at what sizes, in what types; among which
        elements parameters are shared (see :func:`apalu_ref.bench.cases.draw`); on how many
        threads; in how many rounds.
    progress : callable
        Told what is going on.

    Returns
    -------
    Report or None
        None if it was ended before the bandwidth was known.
    """
    limits, interrupted = gather(_limit(options.threads, progress))
    if interrupted:
        return None
    missing: dict[str, str] = {}
    rows, interrupted = gather(_rows(options, missing, progress))
    return Report(options, limits[0], rows, missing, interrupted)


def _limit(threads: int, progress: Progress) -> Iterator[machine.Limit]:
    progress("memory bandwidth")
    yield machine.bandwidth(threads)


def _rows(options: Options, missing: dict[str, str], progress: Progress) -> Iterator[Row]:
    for dtype in options.dtypes:
        done = set()
        for n in options.sizes:
            case = draw(n, 2, dtype, options.shared, options.threads)
            if case.x.size in done:  # sizes that channels or neurons do not divide
                continue
            done.add(case.x.size)
            what = f"{dtype}, {case.x.size:,} elements"
            yield from _group(options, case, missing, lambda k, w=what: progress(f"{w}: {k}"))  # type: ignore[misc]


def _group(
    options: Options, case: Case, missing: dict[str, str], progress: Progress
) -> Iterator[Row]:
    """All of one size and type, timed in turn."""
    tasks: dict[Key, Task] = {}
    extra: dict[Key, int] = {}
    for name in options.names:
        activation, way = name
        progress(f"{activation} ({way})")
        own = _with_parameters(case, activation)
        try:
            made = contenders.tasks(name, own)
        except Unavailable as error:
            said = str(error)
            missing[way if said == "not installed" else f"{activation} ({way})"] = said
            continue
        for stage, task in made.items():
            tasks[name, stage] = task
            if way not in contenders.FRAMEWORKS:
                extra[name, stage] = memory.extra(*task)
    yield from take_turns(tasks, options.runs, lambda found: _summary(case, found, extra), progress)


def _with_parameters(case: Case, activation: str) -> Case:
    return case._replace(parameters=case.parameters[: contenders.parameters(activation)])


def _summary(case: Case, found: dict[Key, list[float]], extra: dict[Key, int]) -> Iterator[Row]:
    dtype = str(case.x.dtype)
    for (name, stage), seconds in found.items():
        counts = contenders.counts(name, dtype)
        traffic = _with_parameters(case, name[0]).traffic()
        yield Row(
            *name,
            stage,
            dtype,
            case.x.size,
            spread(seconds),
            None if counts is None else counts[stage],
            traffic[stage],
            extra.get((name, stage)),
        )


def document(report: Report) -> dict[str, Any]:
    """For JSON: the schema's number, what was timed on what, and the rows."""
    options = report.options
    return {
        "schema": 1,
        "configuration": {
            "sizes": list(options.sizes),
            "dtypes": list(options.dtypes),
            "parameters": options.shared,
            "threads": options.threads,
            "runs": options.runs,
            **machine.configuration(),
        },
        "bandwidth": {
            "bytes_per_second": report.limit.best,
            **report.limit._asdict(),
        },
        "rows": [row.as_dict(report.limit) for row in report.rows],
        "not_timed": report.missing,
        "interrupted": report.interrupted,
    }
