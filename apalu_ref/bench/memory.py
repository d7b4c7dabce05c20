"""How much memory a call takes beside what it returns."""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from apalu_ref.fused import threads


def extra(call: Callable[[], Any], before: Callable[[], Any] | None = None) -> int:
    """Bytes that NumPy and Python hold at the peak of a call, less those of what it returns.

    Parameters
    ----------
    call : callable
        What to measure; it returns an array or a tuple of them. It is called from a new thread,
        and helpers are new ones, too: the memory that threads keep for the next call is counted.
    before : callable, optional
        What to call first, of which ``call`` is given the result.

    Returns
    -------
    int
        As :mod:`tracemalloc` sees it, to which NumPy reports its arrays, of all threads together.
    """
    # The pool is dropped with its threads, as in a forked process.
    threads.forget()
    found: list[int] = []
    failed: list[Exception] = []

    def measure() -> None:
        tracing = tracemalloc.is_tracing()
        try:
            given = () if before is None else (before(),)
            tracemalloc.start()
            held, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            result = call(*given)
            _, peak = tracemalloc.get_traced_memory()
            found.append(max(0, peak - held - _bytes(result)))
        except Exception as error:
            failed.append(error)
        finally:
            if not tracing:
                tracemalloc.stop()

    thread = threading.Thread(target=measure, daemon=True)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]


def _bytes(result: Any) -> int:
    if isinstance(result, np.ndarray):
        return result.nbytes
    return sum(map(_bytes, result)) if isinstance(result, tuple) else 0
