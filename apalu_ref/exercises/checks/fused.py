"""Task 6: the suite of task 3, then memory, which is graded, and speed, which is told."""

from __future__ import annotations

import timeit
import tracemalloc
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.checks import blocks
from apalu_ref.exercises.checks.calling import Wrong, call, judged
from apalu_ref.exercises.checks.kernel import QUANTITIES, kernel, plain
from apalu_ref.exercises.result import FAILED, Finding, Part

Array = NDArray[Any]

_N = 1 << 20
_MIB = 1 << 20
_MOST = 2 * _MIB

_MEMORY = (
    "each step of a formula on whole arrays makes an array as large as x; go through x in blocks, and "
    "write each block of the result into an array that np.empty made once"
)
_ANSWER = (
    "for i in range(0, x.size, BLOCK): out[i : i + BLOCK] = …, of flat views (reshape(-1)), with "
    "scratch arrays of BLOCK numbers and out="
)


def parts(package: ModuleType) -> Iterator[Part]:
    """The verdicts on y, dx, da, db and on memory."""
    found = _found(package)
    yield from (part for part in found if part.name == "y")
    yield judged("memory of forward", lambda: _memory(package, "forward"))
    yield from (part for part in found if part.name != "y")
    right = all(part.passed for part in found)
    last = judged("memory of backward", lambda: _memory(package, "backward"))
    if right and last.passed:
        last.notes.append(_speed(package))
    yield last


def _found(package: ModuleType) -> list[Part]:
    """By the suite of task 3; what is wrong with the blocks goes before it, and is told in their words."""
    try:
        plain(package)
    except Wrong:
        return list(kernel(package))
    early = blocks.look(package)
    if "y" in early:
        waits = Finding("it waits for y: what forward gives for long x is not right yet")
        return [Part(q, FAILED, [early.get(q, waits)]) for q in QUANTITIES]
    found = list(kernel(package))
    return [Part(p.name, FAILED, [early[p.name]], p.notes) if p.name in early else p for p in found]


def _inputs() -> tuple[Array, Array, Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(size=_N), np.array(1.25), np.array(0.75), rng.normal(size=_N)


def _memory(package: ModuleType, name: str) -> None:
    x, a, b, gy = _inputs()
    got = call("forward", package.forward, x, a, b, quiet=True)  # it runs, and writes to nothing
    if not (isinstance(got, tuple) and len(got) == 2 and isinstance(got[0], np.ndarray)):
        raise Wrong(Finding("forward, for a million numbers, does not return two things, y and what backward needs",
                            "is a `return` missing at the end of the long way?"))  # fmt: skip
    if name == "forward":
        peak, kept = _peak(lambda: package.forward(x, a, b))
    else:
        back = call(name, package.backward, got[1], gy, quiet=True)
        if not (
            isinstance(back, (tuple, list)) and len(back) == 3 and isinstance(back[0], np.ndarray)
        ):
            raise Wrong(Finding("backward, for a million numbers, does not return three things, dx, da and db",
                                "is a `return` missing at the end of the long way?"))  # fmt: skip
        peak, kept = _peak(lambda: package.backward(got[1], gy))
    if peak > _MOST:
        times = peak / x.nbytes
        raise Wrong(Finding(
            f"{name}, for a million numbers, uses {peak / _MIB:.1f} MiB besides what it returns: "
            f"{times:.1f} arrays as large as x; 2 MiB are allowed", _MEMORY, _ANSWER,
        ))  # fmt: skip
    if kept > _MOST:
        raise Wrong(Finding(
            f"{name} keeps {kept / _MIB:.1f} MiB for backward besides x, a and b",
            "backward can compute it again, block by block, from x", "return y, (x, a, b)",
        ))  # fmt: skip


def _peak(function: Callable[[], Any]) -> tuple[int, int]:
    """Bytes at the highest point besides what is left at the end, and what is left besides y."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        result = function()
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    first = result[0]
    kept = now - before - first.nbytes
    return peak - now, kept


def _speed(package: ModuleType) -> str:
    """Against the submission's own task 3, in turn; the fastest of five, which others disturb least."""
    x, a, b, gy = _inputs()
    slow = package.task3
    ctx, ctx3 = package.forward(x, a, b)[1], slow.forward(x, a, b)[1]
    runs: list[tuple[Callable[[], Any], Callable[[], Any]]] = [
        (lambda: slow.forward(x, a, b), lambda: package.forward(x, a, b)),
        (lambda: slow.backward(ctx3, gy), lambda: package.backward(ctx, gy)),
    ]
    said = []
    for name, pair in zip(("forward", "backward"), runs, strict=True):
        best = [float("inf")] * 2
        for _ in range(5):
            best = [min(t, timeit.timeit(f, number=1)) for t, f in zip(best, pair, strict=True)]
        said.append(
            f"{name} {best[1] * 1e3:.1f} ms, {best[0] / best[1]:.1f} times as fast as task 3"
        )
    return f"for a million numbers: {'; '.join(said)} (told, not graded)"
