"""How things are timed: in turn, round after round, so that a busy moment meets all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

K = TypeVar("K")
T = TypeVar("T")
Progress = Callable[[str], None]

# Seconds: a task is warmed up for the first, and repeated until a timing takes the second; where a
# single call takes longer than the third, it is the timing.
_WARM_UP, _SPAN, _LONG = 0.1, 0.02, 0.5


class Task(NamedTuple):
    """What is timed: ``run()``, or ``run(before())`` of which ``before`` is not timed."""

    run: Callable[..., Any]
    before: Callable[[], Any] | None = None


class Spread(NamedTuple):
    """A median and its quartiles."""

    low: float
    median: float
    high: float


def spread(values: list[float]) -> Spread:
    """The median of some values and their quartiles."""
    if len(values) == 1:
        return Spread(*values * 3)
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


def seconds(task: Task, n: int = 1) -> float:
    """Seconds that a task takes, on the average of ``n`` times."""
    run, before = task
    if before is None:
        begin = time.perf_counter()
        for _ in range(n):
            run()
        return (time.perf_counter() - begin) / n
    total = 0.0
    for _ in range(n):
        given = before()
        begin = time.perf_counter()
        run(given)
        total += time.perf_counter() - begin
    return total / n


def take_turns(
    tasks: Mapping[K, Task],
    runs: int,
    summary: Callable[[dict[K, list[float]]], Iterator[T]],
    progress: Progress = lambda what: None,
    patience: float = 1.0,
) -> Iterator[T]:
    """Time every task once a round, warmed up anew.

    Parameters
    ----------
    tasks : mapping to Task
        By name.
    runs : int
        Rounds.
    summary : callable
        Makes rows of the seconds, which it is given by name: of all rounds, or of those that were
        there when Ctrl-C came.
    progress : callable
        Told of each round.
    patience : float
        How many times as long as usual to warm up: JAX beside PyTorch takes a dozen calls until its
        times settle.

    Yields
    ------
    object
        The rows.

    Raises
    ------
    KeyboardInterrupt
        After the rows.
    """
    found: dict[K, list[float]] = {}
    try:
        for k in range(runs):
            progress(f"round {k + 1} of {runs}")
            for name, task in tasks.items():
                found.setdefault(name, []).append(_once(task, patience * _WARM_UP))
    except KeyboardInterrupt:
        yield from summary(found)
        raise
    yield from summary(found)


def _once(task: Task, warm_up: float) -> float:
    # Other people's threads come to rest meanwhile, and the caches are filled.
    until = time.perf_counter() + warm_up
    took = seconds(task)
    while time.perf_counter() < until:
        took = min(took, seconds(task))
    return took if took > _LONG else seconds(task, max(1, round(_SPAN / max(took, 1e-9))))


def ratios(found: Mapping[K, list[float]], above: K, below: K) -> Spread | None:
    """How many times as long one task took as another, round by round; None before the first."""
    pairs = list(zip(found.get(above, []), found.get(below, []), strict=False))
    return spread([p / q for p, q in pairs]) if pairs else None


def gather(rows: Iterator[T]) -> tuple[list[T], bool]:
    """All rows, or those that were there when Ctrl-C came, and whether it came."""
    found = []
    try:
        for row in rows:
            found.append(row)
    except KeyboardInterrupt:
        return found, True
    return found, False
