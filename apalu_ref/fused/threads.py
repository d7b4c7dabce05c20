"""How many threads work on an array, and the pool they come from.

NumPy releases the interpreter's lock while it works on a block, so threads run side by side. The
one that calls does its share; helpers come from one pool for the whole process. Which thread does
which piece of work is left to chance, what a piece is and in which order results are added is not:
the bits do not depend on the number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

VARIABLE = "APALU_REF_THREADS"
"""The environment variable that sets the number of threads."""

# More threads than this wait for the interpreter's lock and for memory.
_MOST = 8

_pool: ThreadPoolExecutor | None = None
_guard = threading.Lock()
_calling = threading.local()


def count(asked: int | None = None) -> int:
    """How many threads to use.

    Parameters
    ----------
    asked : int, optional
        As an argument gave it. Without it the environment variable ``APALU_REF_THREADS`` tells, and
        without that as many as this process has processors, at most 8.

    Raises
    ------
    ValueError
        If it is not a whole number from 1 on.
    """
    if asked is not None:
        return _whole(asked, "threads")
    said = os.environ.get(VARIABLE)
    if said:
        return _whole(int(said) if said.strip().isdecimal() else said, VARIABLE)
    return min(_MOST, _processors())


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or value.__index__() < 1:
        raise ValueError(f"{name} must be a whole number, at least 1, not {value!r}")
    return int(value.__index__())


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share(work: Callable[[Iterator[Any]], None], pieces: Iterable[Any], threads: int) -> None:
    """Let ``work`` run in several threads at once, each taking pieces until there are none.

    Parameters
    ----------
    work : callable
        Given an iterator of pieces that it shares with the other threads.
    pieces : iterable
        What is to be done.
    threads : int
        How many, the calling one included.

    Raises
    ------
    BaseException
        What ``work`` raised, in any thread; also an interrupt. By then no thread works any more.
    """
    shared = _Shared(pieces)
    threads = min(threads, _pool_size())
    try:
        _call_helpers(threads - 1, work, shared)
        work(shared)
    finally:
        shared.finish()
    if shared.errors:
        raise shared.errors[0]


class _Shared(Iterator[Any]):
    """An iterator that several threads draw from; it knows who is at work."""

    def __init__(self, pieces: Iterable[Any]) -> None:
        self._pieces = iter(pieces)
        self._working = 0
        self._finished = False
        self._changed = threading.Condition()
        self.errors: list[BaseException] = []

    def __next__(self) -> Any:
        with self._changed:
            return next(self._pieces)

    def help(self, work: Callable[[Iterator[Any]], None]) -> None:
        """Do a helper's share, unless it comes too late."""
        with self._changed:
            if self._finished:
                return
            self._working += 1
        try:
            work(self)
        except BaseException as error:
            # What the others still have to do is of no use any more.
            self.errors.append(error)
            self._stop()
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def _stop(self) -> None:
        with self._changed:
            self._pieces = iter(())

    def finish(self) -> None:
        """Give out nothing more, and wait for the helpers at work, whoever wants to interrupt."""
        interrupt: BaseException | None = None
        while True:
            try:
                with self._changed:
                    self._pieces = iter(())
                    self._finished = True
                    while self._working:
                        self._changed.wait()
                break
            except BaseException as error:
                # From a signal's handler. In the midst of ``wait`` threading makes its own of it.
                lost = str(error) == "cannot release un-acquired lock"
                interrupt = interrupt or (lost and error.__context__) or error
        if interrupt is not None:
            raise interrupt


def _call_helpers(n: int, work: Callable[[Iterator[Any]], None], shared: _Shared) -> None:
    # A finalizer or a signal's handler may call in the midst of this, with the locks held.
    if n < 1 or getattr(_calling, "now", False):
        return
    _calling.now = True
    try:
        with _guard:
            pool = _the_pool()
        for _ in range(n):
            pool.submit(shared.help, work)
    except RuntimeError:
        # At the end of the process, or where no more threads can be started, these must do.
        pass
    finally:
        _calling.now = False


def _the_pool() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        # Not at the top: importing the package stays quick.
        from concurrent.futures import ThreadPoolExecutor

        _pool = ThreadPoolExecutor(_pool_size(), "apalu_ref.fused")
    return _pool


def _pool_size() -> int:
    return max(_MOST, _processors())


def forget() -> None:
    """Leave the pool to its fate; the next call makes a new one.

    A forked process has to: it has the pool's locks, but none of its threads.
    """
    global _pool, _guard
    _pool, _guard = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget)
