"""The folder of a training run: its two checkpoints, and a lock against a second run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from minigrad.checkpoint import CheckpointError, from_bytes, load, to_bytes, write_atomically

KIND = "minigrad training run"


class Folder:
    """``last.npz`` and ``best.npz`` in a folder, for one run at a time. A context manager.

    Parameters
    ----------
    path : path-like
        The folder; made if need be.

    Raises
    ------
    RuntimeError
        On entering, if another run uses the folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.last, self.best = self.path / "last.npz", self.path / "best.npz"
        self._lock = -1

    def __enter__(self) -> Folder:
        self.path.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        if not _locked(lock):
            os.close(lock)
            raise RuntimeError(
                f"another training run is using {self.path}: wait until it is over, or name "
                "another checkpoint_dir"
            )
        self._lock = lock
        # What a killed run left half written; nobody else is writing here now.
        for name in (self.last.name, self.best.name):
            for leftover in self.path.glob(f".{name}.*.tmp"):
                leftover.unlink(missing_ok=True)
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._lock)  # the lock goes with it, as it does when a process is killed

    def write(self, snapshot: dict[str, Any], best: bool) -> None:
        """Replace ``last.npz``, and ``best.npz`` before it if this is the best."""
        content = to_bytes({"kind": KIND, **snapshot})
        if best:
            write_atomically(self.best, content)
        write_atomically(self.last, content)

    def read(self) -> dict[str, Any] | None:
        """What ``last.npz`` holds; None if there is none.

        Raises
        ------
        CheckpointError
            If it cannot be used; the message says what can be done.
        """
        try:
            content = self.last.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return _checked(from_bytes(content, str(self.last)), self.last)
        except CheckpointError as error:
            raise CheckpointError(f"{error}\n{self._advice()}") from None

    def _advice(self) -> str:
        try:
            epoch = _checked(load(self.best), self.best)["epoch"] - 1
        except FileNotFoundError:
            other = f"There is no {self.best.name} either."
        except CheckpointError:
            other = f"{self.best} cannot be used either."
        else:
            other = (
                f"{self.best} is intact, from the end of epoch {epoch}: to go on from there, copy "
                f"it over {self.last.name}."
            )
        return f"{other} To begin anew, pass resume=False or another checkpoint_dir."


def _checked(content: dict[str, Any], path: Path) -> dict[str, Any]:
    if content.get("kind") != KIND:
        raise CheckpointError(
            f"{path} was written by minigrad.save, but is not the checkpoint of a training run"
        )
    return content


def _locked(handle: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
