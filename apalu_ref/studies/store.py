"""The folder of a study: every run is kept as soon as it is made, and found again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import apalu_ref
from apalu_ref.studies.plan import Outcome, StudyError, Task
from apalu_ref.studies.results import Results, read
from minigrad.checkpoint import write_atomically

Say = Callable[[str], None]


def versions() -> dict[str, str]:
    """What the bits of a result depend on."""
    return {
        "apalu_ref": apalu_ref.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


class Store:
    """The runs of a study in a folder; without a folder nothing is kept.

    Parameters
    ----------
    folder : Path or None
        Made if it is not there.
    scale : str
        Of the study; results of another one that are there are not overwritten.
    facts : list of dict
        On the data: a run on other data, or with another NumPy, is another run and has another
        place, ``runs/SCALE-DIGEST``.
    say : callable
        Told of damaged files.
    """

    def __init__(
        self, folder: Path | None, scale: str, facts: list[dict[str, Any]], say: Say
    ) -> None:
        self.folder = folder
        self.say = say
        # What a stored run must agree with to be used again.
        self.origin = json.loads(json.dumps({"versions": versions(), "data": facts}))
        self.kept = 0
        digest = hashlib.sha256(json.dumps(self.origin, sort_keys=True).encode()).hexdigest()
        self.runs = f"runs/{scale}-{digest[:8]}"
        if folder is not None:
            before = self.before()
            if before is not None and before.scale != scale:
                raise StudyError(
                    f"{folder} holds results at scale {before.scale}: choose another folder for "
                    f"scale {scale}"
                )
            try:
                (folder / self.runs).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StudyError(f"the folder {folder} cannot be made: {error}") from error
            if not os.access(folder / self.runs, os.W_OK):
                raise StudyError(f"the folder {folder / self.runs} is not writable")

    def before(self) -> Results | None:
        """The results that are there, if there are whole ones."""
        if self.folder is None or not (self.folder / "results.json").exists():
            return None
        try:
            return read(self.folder / "results.json")
        except StudyError:
            # The runs are kept one by one: nothing is lost but which arms had been asked for.
            self.say(f"{self.folder / 'results.json'} is damaged: it is written anew from the runs")
            return None

    def alike(self, results: Results) -> bool:
        """Whether results are of the same data and versions, so that their runs can be used."""
        found = {"versions": results.versions, "data": results.data}
        return json.loads(json.dumps(found)) == self.origin

    def get(self, task: Task) -> Outcome | None:
        """The outcome of a run that was made before with the same configuration, or None."""
        if self.folder is None:
            return None
        path = self._path(task)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            self.say(f"{path} cannot be read ({error}): the run is made again")
            return None
        try:
            found = json.loads(text)
            own, origin = found["task"], {k: found[k] for k in self.origin}
            outcome: Outcome = found["outcome"]
            outcome["score"], outcome["seconds"], outcome["parameters"]
        except (ValueError, KeyError, TypeError):
            self.say(f"{path} is damaged: the run is made again")
            return None
        if own != _plain(task.as_json()) or origin != self.origin:
            return None
        self.kept += 1
        return outcome

    def put(self, task: Task, outcome: Outcome) -> None:
        """Keep the outcome of a run.

        Raises
        ------
        StudyError
            If it cannot be written, as on a full disk.
        """
        if self.folder is not None:
            record = {"task": task.as_json(), **self.origin, "outcome": outcome}
            self.write(f"{self.runs}/{task.name}.json", _text(record))
            self.kept += 1

    def write(self, name: str, content: str | bytes) -> None:
        """Write a file of the folder atomically."""
        if self.folder is None:
            return
        path = self.folder / name
        try:
            write_atomically(path, content.encode() if isinstance(content, str) else content)
        except OSError as error:
            raise StudyError(
                f"{path} cannot be written: {error}. {self.told()}; mend this and give the same "
                "command again to go on"
            ) from error

    def told(self) -> str:
        """What is kept, in words."""
        if self.folder is None:
            return "no runs are kept, as no folder was named"
        return f"{self.kept} runs are kept in {self.folder}"

    def _path(self, task: Task) -> Path:
        assert self.folder is not None
        return self.folder / self.runs / f"{task.name}.json"


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _text(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n"
