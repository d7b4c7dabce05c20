"""Runs somebody's program, in whatever language, on the files of :mod:`apalu_ref.check.exchange`.

The program is called with two more arguments, the request to read and the answer to write,
once for each probe. It may be wrong in any way: hang, crash, print without end, leave
processes behind. That costs a message and at most the time limit.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NoReturn

from apalu_ref.check.exchange import Answer, Refusal, read_answers, write_request
from apalu_ref.check.inputs import Call
from apalu_ref.check.records import ExchangeError

_KEPT = 8192

_RUNNING: set[subprocess.Popen[bytes]] = set()
_FOLDERS: set[str] = set()


class ProgramError(Exception):
    """A program gave no usable answer.

    The message is one line; ``said`` is the end of what the program printed.
    """

    def __init__(self, message: str, said: str = "", hung: bool = False) -> None:
        super().__init__(message)
        self.said = said
        self.hung = hung


class Program:
    """A program to be checked.

    Parameters
    ----------
    command : list of str
        The program and arguments to go before the names of the two files. It is found as a
        shell would find it, and run in the current folder.
    timeout : float
        Seconds that one probe may take.

    Examples
    --------
    >>> Program(["./no-such-program"], timeout=10).answer("example", [])
    Traceback (most recent call last):
        ...
    apalu_ref.check.program.ProgramError: no such program: ./no-such-program
    """

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        self.command = list(command)
        self.timeout = timeout
        self._name = " ".join(Path(part).name for part in self.command[:2])

    def answer(self, probe: str, calls: Sequence[Call]) -> list[Answer | Refusal]:
        """Ask one probe.

        Parameters
        ----------
        probe : str
            Its id.
        calls : sequence of Call
            At least one.

        Returns
        -------
        list of Answer or Refusal
            One for each call; shapes and types are as the program gave them.

        Raises
        ------
        ProgramError
            If it cannot be run, fails, is not done in time, or writes no answer in the format.
        """
        self._require_found()
        # What it leaves there, or still holds open, must not cost the report.
        with tempfile.TemporaryDirectory(prefix="apalu-ref-", ignore_cleanup_errors=True) as folder:
            _FOLDERS.add(folder)
            request, answer = Path(folder, "request"), Path(folder, "answer")
            write_request(request, probe, calls)
            said = self._run(str(request), str(answer))
            if not os.path.lexists(answer):
                raise ProgramError(
                    f"{self._name} exited with status 0 and wrote no answer: it should write the "
                    "file that its last argument names",
                    said,
                )
            try:
                return read_answers(answer, calls)
            except ExchangeError as error:
                message = str(error).replace(str(answer), "the answer")
                raise ProgramError(f"{self._name}: {message}", said) from error

    def _require_found(self) -> None:
        name = self.command[0]
        if shutil.which(name) is not None:
            return
        if not os.path.exists(name):
            raise ProgramError(f"no such program: {name}")
        if os.path.isdir(name):
            raise ProgramError(f"{name} is a folder, not a program")
        if os.access(name, os.X_OK) and os.path.dirname(name) == "":
            raise ProgramError(
                f"no such program: {name}; for the one in this folder write ./{name}"
            )
        raise ProgramError(
            f"{name} is not executable: chmod +x it, or name what runs it, as in: node {name}"
        )

    def _run(self, *files: str) -> str:
        """Run it to its end; the end of its output. Raises ProgramError."""
        try:
            process = subprocess.Popen(
                [*self.command, *files],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # so that what it starts can be ended with it
            )
        except (OSError, ValueError) as error:
            raise ProgramError(f"{self._name} cannot be run: {_reason(error)}") from error
        assert process.stdout is not None
        assert process.stderr is not None
        _RUNNING.add(process)
        tails = [_Tail(process.stdout), _Tail(process.stderr)]
        # Popen's own wait with a time limit looks only every 50 ms; a thread knows at once.
        waiter = threading.Thread(target=process.wait, daemon=True)
        waiter.start()
        try:
            waiter.join(self.timeout)
            status = process.returncode
        finally:
            _end(process)
            _RUNNING.discard(process)
        out, err = (tail.text() for tail in tails)
        said = "\n".join(filter(None, (out, err)))
        last = (err or out).splitlines()[-1:]
        after = f": {last[0].strip()[:200]}" if last else ""
        if status is None:
            raise ProgramError(
                f"{self._name} was not done after {self.timeout:g} s and was ended{after}",
                said,
                hung=True,
            )
        if status:
            raise ProgramError(f"{self._name} {_how(status)}{after}", said)
        return said


def end_all() -> NoReturn:
    """End every program that runs, remove what was written for them, and exit.

    For the process that keeps them, when it is told to end.
    """
    for process in list(_RUNNING):
        _end(process)
    for folder in list(_FOLDERS):
        shutil.rmtree(folder, ignore_errors=True)
    os._exit(128 + signal.SIGTERM)


class _Tail:
    """Reads a stream to its end, so that its writer never waits, and keeps the last of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._kept = stream, b""
        # A daemon: something that got away may hold the other end for ever.
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with self._stream:
            while piece := os.read(self._stream.fileno(), 65536):
                self._kept = (self._kept + piece)[-_KEPT:]

    def text(self) -> str:
        """What was kept, in printable characters and ends of lines."""
        self._thread.join(timeout=1)
        lines = self._kept.decode(errors="replace").splitlines()
        plain = ("".join(c if c.isprintable() else " " for c in line).rstrip() for line in lines)
        return "\n".join(plain).strip()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and those it started, which may outlive it."""
    if sys.platform == "win32":
        if process.poll() is None:
            tree = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.run(tree, capture_output=True, check=False)
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # none are left
            process.kill()
    process.wait()


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, OSError):
        if error.errno == errno.ENOEXEC:
            return "it is no program for this machine, nor a script that begins with #!"
        if error.errno == errno.ENOENT:
            return "the interpreter that its first line (#!) names is not there"
        return error.strerror or str(error)
    return str(error)


def _how(status: int) -> str:
    if status < 0:
        names = {s.value: s.name for s in signal.Signals}
        return f"was killed by {names.get(-status, f'signal {-status}')}"
    # What Windows reports for a crash is known by its hexadecimal form.
    return f"exited with status {status if status < 256 else hex(status)}"
