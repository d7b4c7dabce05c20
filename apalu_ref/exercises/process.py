"""Starts the process in which a submission runs, and ends it in time."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO, Any, NamedTuple

import apalu_ref
from apalu_ref.exercises.result import LEFT_OUT, STOPPED, Finding, Part
from apalu_ref.exercises.tasks import Task

_ROOT = Path(apalu_ref.__file__).resolve().parent.parent
_START = "from apalu_ref.exercises.worker import main; main()"
_SAID = 4000  # characters of printed output that are kept

# What a program needs to start; nothing else of the grader's environment is passed on.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT",
              "TEMP", "TMPDIR", "VIRTUAL_ENV")  # fmt: skip


class Judged(NamedTuple):
    """What came of running one task.

    ``parts`` are all parts of the task; those it did not come to are "stopped". ``printed`` is what
    was printed, of each part the last lines, ``imported`` whether the task's file could be
    imported, ``fault`` the traceback of the grader, if that failed.
    """

    parts: list[Part]
    printed: str
    imported: bool
    fault: str


def judge(task: Task, folder: Path, seconds: float, memory: int) -> Judged:
    """Run one task's checks on the package in ``folder``.

    Parameters
    ----------
    task : Task
    folder : path
        A folder for this purpose: the process's working directory and home.
    seconds : float
        After so long it is ended.
    memory : int
        Bytes of address space it may have.

    Returns
    -------
    Judged
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        frames: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        assert process.stdin is not None
        assert process.stdout is not None
        reader = threading.Thread(target=_read, args=(process.stdout, frames), daemon=True)
        reader.start()
        try:
            with contextlib.suppress(BrokenPipeError), process.stdin as stream:
                asked = {"task": task.name, "memory": memory, "seconds": seconds}
                stream.write(json.dumps(asked).encode() + b"\n")
            found, how, imported, fault, ends = _gather(frames, seconds)
            if how != "late":  # it is about to end by itself
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(2)
        finally:
            _end(process)
            reader.join(timeout=1)
        size = said.seek(0, os.SEEK_END)
        last = _read_from(said, 0, size)
        printed = _in_short(said, [*ends, size], found)
    parts = {part.name: part for part in found}
    finding = _stopped(how, seconds, memory, process.returncode, last, fault)
    for name in task.parts:
        parts.setdefault(name, Part(name, STOPPED, [finding]))
    return Judged([parts[name] for name in task.parts], printed, imported, fault)


def _environment(folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # Where this process finds its packages, that one finds them, too: HOME will be another.
    paths = [str(folder), str(_ROOT), *filter(os.path.isdir, sys.path)]
    return kept | {
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLBACKEND": "Agg",
        # Each thread of linear algebra reserves memory that counts against the limit.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def _read(stream: IO[bytes], frames: queue.SimpleQueue[dict[str, Any]]) -> None:
    # Closed here: something that a submission started may hold the other end for long.
    with contextlib.suppress(ValueError, OSError), stream:  # cut off
        for line in stream:
            frames.put(json.loads(line))
    frames.put({"event": "ended"})


def _read_from(said: IO[bytes], start: int, end: int) -> str:
    """What was printed between two places, or the end of that."""
    said.seek(max(start, end - _SAID))
    return said.read(max(0, end - said.tell())).decode(errors="replace")


def _in_short(said: IO[bytes], ends: list[int], found: list[Part]) -> str:
    """Of what was printed at the import, and for each part, the last lines.

    A part's look ends at the call that fails: what that printed is the last.
    """
    lines: list[str] = []
    start = 0
    for i, end in enumerate(ends):
        own = _read_from(said, start, end).strip("\n").splitlines()
        # Parts that are looked at together end at the same place.
        here = [
            part.passed for part, own_end in zip(found, ends[1:], strict=False) if own_end == end
        ]
        right = i > 0 and bool(here) and all(here)
        kept = own[-(2 if right else 8) :]
        if len(own) > len(kept) or end - start > _SAID:
            lines.append(LEFT_OUT)
        lines += kept
        start = end
    return "".join(f"{line}\n" for line in lines)


def _gather(
    frames: queue.SimpleQueue[dict[str, Any]], seconds: float
) -> tuple[list[Part], str, bool, str, list[int]]:
    """Parts, how it ended, whether it was imported, the grader's traceback, and printed sizes."""
    found: list[Part] = []
    ends: list[int] = []
    imported = False
    until = time.monotonic() + seconds
    while True:
        try:
            frame = frames.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            return found, "late", imported, "", ends
        event = frame.pop("event")
        imported = imported or event == "imported"
        if event in ("imported", "part"):
            ends += [0] if event == "part" and not imported and not ends else []
            ends.append(frame["said"])
        if event == "part":
            findings = [Finding(**f) for f in frame["findings"]]
            found.append(Part(frame["name"], frame["status"], findings, frame["notes"]))
        elif event in ("done", "ended", "memory", "fault"):
            return found, event, imported, frame.get("traceback", ""), ends


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()  # it ends the check kit's process
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _stopped(
    how: str, seconds: float, memory: int, status: int, printed: str, fault: str
) -> Finding:
    if how == "fault":
        last = fault.strip().splitlines()[-1]
        return Finding(
            f"the grader itself failed on it: {last}", "a fault of apalu-ref: please report it"
        )
    if how == "late":
        return Finding(
            f"it was stopped after {seconds:g} s",
            "is there a loop that never ends, or one over all elements?",
            "whole arrays at a time; a walk that visits each Var once",
        )
    if how == "memory" or "MemoryError" in printed or "Unable to allocate" in printed:
        return Finding(f"it was stopped: more than {memory >> 20} MiB of memory")
    name = ""
    if status < 0:
        with contextlib.suppress(ValueError):
            name = f" (by {signal.Signals(-status).name})"
    return Finding(
        f"its process ended with status {status}{name} before its turn",
        "does the file call exit(), or start something when it is imported?",
    )
