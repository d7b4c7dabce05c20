"""What happened in a training run: a row of numbers an epoch, and what watchers recorded."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minigrad.checkpoint import write_atomically


class History:
    """The record of a training run.

    ``history["val_loss"]`` is a list with one number an epoch; ``"loss" in history`` and
    ``len(history)``, the number of epochs, work, too.

    Examples
    --------
    >>> history = History()
    >>> history.rows = [{"epoch": 1, "loss": 0.7}, {"epoch": 2, "loss": 0.5}]
    >>> history["loss"]
    [0.7, 0.5]
    """

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        """For each epoch: ``epoch``, ``loss``, metrics, the same with ``val_`` for validation,
        ``lr`` (at the end of the epoch), ``seconds``."""
        self.records: dict[str, dict[str, list[Any]]] = {}
        """For each watcher, by its name, a table: names of columns and lists of equal length."""
        self.warnings: list[str] = []
        """Everything that was warned of."""
        self.best_epoch: int | None = None
        """The epoch after which the watched quantity was best."""
        self.stopped: str | None = None
        """Why training ended before its last epoch, if it did."""

    def __len__(self) -> int:
        return len(self.rows)

    def __contains__(self, name: object) -> bool:
        return any(name in row for row in self.rows)

    def __getitem__(self, name: str) -> list[Any]:
        if name not in self:
            known = list(dict.fromkeys(key for row in self.rows for key in row))
            raise KeyError(f"there is no {name!r}, but {', '.join(known) or 'nothing yet'}")
        return [row.get(name) for row in self.rows]

    def __repr__(self) -> str:
        last = "".join(f", {k} {v:.4g}" for k, v in (self.rows or [{}])[-1].items() if k != "epoch")
        return f"<History of {len(self)} epochs{last}>"

    def state_dict(self) -> dict[str, Any]:
        """All of it, as plain values."""
        return {
            "rows": [dict(row) for row in self.rows],
            "records": self.records,
            "warnings": list(self.warnings),
            "best_epoch": self.best_epoch,
            "stopped": self.stopped,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over what ``state_dict`` returned."""
        for key in ("rows", "records", "warnings", "best_epoch", "stopped"):
            setattr(self, key, state_dict[key])

    def to_json(self, path: str | os.PathLike[str]) -> None:
        """Write all of it to a JSON file, atomically. NaN and infinities become null."""
        text = json.dumps(_strict(self.state_dict()), indent=1, allow_nan=False)
        write_atomically(path, text.encode())

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the rows to a CSV file, atomically: a header, and one line an epoch."""
        names = list(dict.fromkeys(key for row in self.rows for key in row))
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, names, lineterminator="\n")
        table.writeheader()
        table.writerows(self.rows)
        write_atomically(path, text.getvalue().encode())

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Draw loss and metrics over the epochs, training and validation in one panel.

        Parameters
        ----------
        path : path-like, optional
            Where to write the picture, in the format its ending names.

        Returns
        -------
        matplotlib.figure.Figure
        """
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        if not self.rows:
            raise ValueError("there is nothing to draw before the first epoch is complete")
        names = [
            name
            for name in dict.fromkeys(key.removeprefix("val_") for row in self.rows for key in row)
            if name not in ("epoch", "lr", "seconds")
        ]
        figure = Figure(figsize=(4.5 * len(names), 3.4), layout="constrained")
        epochs = self["epoch"]
        for panel, name in zip(
            figure.subplots(1, len(names), squeeze=False)[0], names, strict=True
        ):
            for key, label in ((name, "training"), ("val_" + name, "validation")):
                if key in self:
                    values = [math.nan if v is None else v for v in self[key]]
                    panel.plot(epochs, values, marker="." if len(epochs) < 30 else "", label=label)
            if self.best_epoch is not None:
                panel.axvline(self.best_epoch, color="0.6", lw=1, ls=":", label="best epoch")
            panel.set(xlabel="epoch", title=name)
            panel.xaxis.set_major_locator(MaxNLocator(integer=True))
            panel.spines[["top", "right"]].set_visible(False)
        figure.axes[0].legend(edgecolor="none", framealpha=0.9)
        if path is not None:
            save_figure(figure, path)
        return figure


def save_figure(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a picture atomically, in the format that the path's ending names."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=Path(path).suffix[1:] or "png", dpi=150)
    write_atomically(path, buffer.getvalue())


def _strict(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _strict(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
