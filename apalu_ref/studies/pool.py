"""Where runs are made: processes of this machine, or a Dask cluster; both are Executors."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor

from apalu_ref.studies.plan import StudyError

ONE_THREAD = (
    "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "OMP_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS", "APALU_REF_THREADS",
)  # fmt: skip
"""What is set to 1 for a process: runs side by side do not fight for cores, and sums are added
in an order that does not depend on how many cores there are."""

PATIENCE = "10s"
"""How long a Dask cluster may take to answer."""


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _start() -> None:
    """In a new process: leave Ctrl-C to the one that started it, and end when that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def watch() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def processes(jobs: int) -> Iterator[Executor]:
    """An executor with so many processes of one thread each; all are ended at the end.

    The processes are spawned, not forked: threads and locks of this process are not theirs.
    """
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    earlier = set(multiprocessing.active_children())
    # NumPy's libraries read these when they are loaded, in the new processes.
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    executor = ProcessPoolExecutor(
        jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_start
    )
    try:
        yield executor
    finally:
        for child in set(multiprocessing.active_children()) - earlier:
            child.terminate()
        executor.shutdown(wait=True, cancel_futures=True)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def dask(address: str) -> Iterator[Executor]:
    """An executor of a Dask cluster that is running; its workers need this package, too.

    Raises
    ------
    StudyError
        If ``distributed`` is not installed or the cluster cannot be reached.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise StudyError(
            "a Dask cluster needs the extra: pip install 'apalu-ref[cluster]'"
        ) from error
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise StudyError(
            f"the Dask cluster at {address} cannot be reached ({error}); an address is that of "
            "its scheduler, such as tcp://localhost:8786"
        ) from error
    try:
        if not client.scheduler_info()["workers"]:
            raise StudyError(f"the Dask cluster at {address} has no workers: start some first")
        yield client.get_executor(pure=False)
    finally:
        client.close()
