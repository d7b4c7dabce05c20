"""What timings depend on: the machine's memory bandwidth, and what it is and runs."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np

from apalu_ref.bench.timing import Task, seconds
from apalu_ref.fused.threads import share

# Arrays that no cache holds, and pieces small enough to share among threads evenly.
_BYTES, _PIECE = 1 << 27, 1 << 20
_TRIES = 5


class Limit(NamedTuple):
    """Memory bandwidth, measured: bytes a second that are read and written together."""

    copy: float
    add: float
    array_bytes: int
    threads: int

    @property
    def best(self) -> float:
        """The higher of the two."""
        return max(self.copy, self.add)

    def __str__(self) -> str:
        return (
            f"{self.best / 1e9:.1f} GB/s of {self.threads} "
            f"thread{'s' if self.threads > 1 else ''}: the best of {_TRIES} times "
            f"np.copyto ({self.copy / 1e9:.1f}) and np.add ({self.add / 1e9:.1f}) "
            f"on arrays of {self.array_bytes >> 20} MiB"
        )


def bandwidth(threads: int) -> Limit:
    """Measure how fast large arrays are copied and added, piece by piece on threads.

    Parameters
    ----------
    threads : int
        How many.

    Returns
    -------
    Limit
        What is counted is what must be moved; most processors read the memory that is to be
        written, too, so that more is.
    """
    n = _BYTES // 4
    first, second, third = (np.full(n, k, np.float32) for k in range(3))
    pieces = [slice(k, k + _PIECE // 4) for k in range(0, n, _PIECE // 4)]

    def copy(mine: Iterator[slice]) -> None:
        for piece in mine:
            np.copyto(third[piece], first[piece])

    def add(mine: Iterator[slice]) -> None:
        for piece in mine:
            np.add(first[piece], second[piece], out=third[piece])

    took = [
        min(seconds(Task(partial(share, work, pieces, threads))) for _ in range(_TRIES))
        for work in (copy, add)
    ]
    return Limit(2 * _BYTES / took[0], 3 * _BYTES / took[1], _BYTES, threads)


def configuration() -> dict[str, Any]:
    """The processor, and the versions of what runs on it."""
    simd: Any = np.show_config(mode="dicts")
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in ("numpy", "torch", "jax")},
        "system": platform.system(),
        "machine": platform.machine(),
        "simd": simd.get("SIMD Extensions", {}).get("found", []),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
