"""The process in which a submission runs; :mod:`apalu_ref.exercises.process` starts it.

It gets what to do as one line of JSON, limits itself, and answers with lines of JSON: each part as
soon as it is judged. What the submission prints goes elsewhere and is not taken for an answer.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict
from types import ModuleType
from typing import Any

from apalu_ref.exercises.checks.calling import explained
from apalu_ref.exercises.result import FAILED, Finding, Part
from apalu_ref.exercises.submission import PACKAGE
from apalu_ref.exercises.tasks import Task, find

_CHECKS = {"derivatives": "derivatives", "sigmoid": "sigmoid", "backward": "kernel", "op": "op",
           "tape": "tape", "fused": "fused", "activation": "activation"}  # fmt: skip


def main() -> None:
    """Judge one task."""
    asked = json.loads(sys.stdin.readline())
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # what was printed before a part's end is there
    # So that what is running meanwhile, the check kit's own process, is ended as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        task = find(asked["task"])
        checks = importlib.import_module(f"apalu_ref.exercises.checks.{_CHECKS[task.name]}")
        limit(asked["memory"], asked["seconds"])

        def imported() -> None:
            _send(out, {"event": "imported", "said": _said()})

        for part in _parts(task, checks, imported):
            _send(out, {"event": "part", "said": _said(), **asdict(part)})
    except MemoryError:
        _send(out, {"event": "memory"})
    except Exception:  # what a submission raises is caught where it is called
        _send(out, {"event": "fault", "traceback": traceback.format_exc()})
    else:
        _send(out, {"event": "done"})


def _parts(task: Task, checks: ModuleType, imported: Callable[[], None]) -> Iterator[Part]:
    try:
        package = importlib.import_module(f"{PACKAGE}.{task.module}")
        imported()
    except BaseException as error:  # a submission may raise anything, SystemExit included
        wrong = explained(f"importing {task.module}.py", error)
        for name in task.parts:
            yield Part(name, wrong.status, [wrong.finding])
        return
    gone = [name for name in (*task.given, *task.asks) if not _has(package, name, task)]
    if gone:
        finding = Finding(f"{task.module}.py does not define {', '.join(gone)}",
                          "the stub has it, and the tests need it: put it back")  # fmt: skip
        for name in task.parts:
            yield Part(name, FAILED, [finding])
        return
    yield from checks.parts(package)


def _has(package: ModuleType, name: str, task: Task) -> bool:
    inside = getattr(package, "Apalu", None) if task.name == "op" else None
    return hasattr(package, name) or hasattr(inside, name)


def _said() -> int:
    """How many bytes have been printed so far."""
    with contextlib.suppress(Exception):  # the stream is the submission's, too
        sys.stdout.flush()
    return os.fstat(2).st_size


def _send(out: Any, frame: dict[str, Any]) -> None:
    out.write(json.dumps(frame) + "\n")
    out.flush()


def limit(memory: int, seconds: float) -> None:
    """Limit this process, and those it starts, as far as the system can.

    Parameters
    ----------
    memory : int
        Bytes of address space.
    seconds : float
        Of processor time, a little more than what the grader waits; and of any time, should the
        grader itself be gone.
    """
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds + 10)
    try:
        import resource
    except ImportError:  # Windows: only the grader's own clock
        return
    size = 256 << 20  # bytes of a file, printed output included
    for name, value in (("AS", memory), ("CPU", int(seconds) + 2), ("FSIZE", size), ("CORE", 0)):
        what = getattr(resource, f"RLIMIT_{name}", None)
        if what is not None:
            # macOS refuses some, and a number may be too large for it.
            with contextlib.suppress(ValueError, OSError, OverflowError):
                hard = resource.getrlimit(what)[1]
                most = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.setrlimit(what, (most, most))
