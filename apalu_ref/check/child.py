"""The judging side of the worker: starts it, reads its answers, and gives up on it in time."""

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
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

import apalu_ref
from apalu_ref.check.adapters import file_kind
from apalu_ref.check.plan import Request

Frame = dict[str, Any]

# More than any probe starts a program.
_RUNS = 200

_ROOT = Path(apalu_ref.__file__).resolve().parent.parent

# The package may not be installed. Its folder goes last, so that nothing in it hides a module.
_START = (
    "import sys; sys.path.append(sys.argv.pop()); from apalu_ref.check.worker import main; main()"
)


class Child:
    """A process running one subject.

    Iterating gives its frames (dictionaries; arrays under ``"values"``) and ends with one whose
    ``"event"`` is ``"done"``, ``"refused"``, ``"hung"`` or ``"died"``.
    """

    def __init__(self, request: Request, skip: Iterable[str]) -> None:
        self._timeout = request.timeout
        self._keeps_programs = request.adapter == "exec" or (
            request.adapter == "auto" and file_kind(request.subject) == "exec"
        )
        if self._keeps_programs:
            # Each run of a program has this limit by itself, and one probe may need many runs.
            self._timeout *= _RUNS
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (closed in __exit__)
        self._process = subprocess.Popen(
            [sys.executable, "-c", _START, str(_ROOT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            start_new_session=True,  # so that what it starts can be ended with it
        )
        self._frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        asked = {**asdict(request), "skip": sorted(skip)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(asked).encode() + b"\n")
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # it died at once: reading says so
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()

    def __enter__(self) -> Child:
        """Nothing to do: it runs since it was made."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process and its group, whatever happened."""
        self._kill()
        self._process.wait()
        self._reader.join(timeout=1)  # it ends with the pipe, unless something else holds it
        if not self._reader.is_alive() and self._process.stdout is not None:
            self._process.stdout.close()
        self._said.close()

    def __iter__(self) -> Iterator[Frame]:
        """Frames as they come; see the class."""
        limit = self._timeout
        while True:
            try:
                frame = self._frames.get(timeout=limit)
            except queue.Empty:
                self._kill()
                yield {"event": "hung"}
                return
            # It has answered. What is measured besides takes many calls, and our own time.
            limit = self._timeout * (_RUNS if frame["event"] == "measuring" else 1)
            if frame["event"] == "measuring":
                continue
            yield frame
            if frame["event"] in ("done", "refused", "died"):
                return

    def said(self) -> str:
        """What the subject has written to standard output and error so far."""
        self._said.seek(0)
        return self._said.read().decode(errors="replace")

    def _kill(self) -> None:
        if self._keeps_programs and self._process.poll() is None:
            self._process.terminate()  # it ends what it runs, in sessions of their own
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
        if hasattr(os, "killpg"):
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                self._process.kill()
        else:
            self._process.kill()

    def _read(self, out: IO[bytes]) -> None:
        while True:
            try:
                line = out.readline()
                frame: Frame = json.loads(line) if line else {"event": "died"}
                values = {}
                for array in frame.pop("arrays", ()):
                    raw = out.read(array["bytes"])
                    values[array["name"]] = np.frombuffer(raw, array["dtype"]).reshape(
                        array["shape"]
                    )
                frame["values"] = values
            except ValueError:  # cut off in the middle
                frame = {"event": "died"}
            if frame["event"] == "died":
                status = self._process.wait()
                how = (
                    f"was killed by {signal.Signals(-status).name}"
                    if status < 0
                    else (f"exited with status {status}")
                )
                self._frames.put({"event": "died", "message": how})
                return
            self._frames.put(frame)
            if frame["event"] in ("done", "refused"):
                return
