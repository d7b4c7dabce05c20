"""The progress line of a training run, on standard error."""

from __future__ import annotations

import shutil
import sys
import time
from typing import Any


class Progress:
    """One line that is rewritten on a terminal; elsewhere one line an epoch."""

    def __init__(self, shown: bool, epochs: int) -> None:
        self.shown = shown
        self.epochs = epochs
        self.live = shown and sys.stderr.isatty()
        self._next = 0.0

    def batch(self, epoch: int, done: int, batches: int | None, loss: float, began: float) -> None:
        """After a step; ``loss`` is the mean of the epoch so far."""
        now = time.monotonic()
        if not self.live or now < self._next:
            return
        self._next = now + 0.1
        of = f"/{batches}" if batches else ""
        text = f"epoch {epoch}/{self.epochs}  batch {done}{of}  loss {loss:.4f}"
        if batches:
            text += f"  {(now - began) / done * (batches - done):.0f} s left"
        self._rewrite(text)

    def epoch(self, row: dict[str, Any]) -> None:
        """After an epoch and its validation."""
        if not self.shown:
            return
        text = f"epoch {row['epoch']}/{self.epochs}"
        for name, value in row.items():
            if name == "seconds":
                text += f"  {value:.1f} s"
            elif name != "epoch":
                text += f"  {name} {value:.4g}"
        self.say(text)

    def say(self, text: str) -> None:
        """A line that stays."""
        self.clear()
        if self.shown:
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the live line away, before something else is printed."""
        if self.live:
            self._rewrite("")

    def _rewrite(self, text: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        sys.stderr.write(
            f"\r{text[:width]:<{width}}\r" if not text else f"\r{text[:width]:<{width}}"
        )
        sys.stderr.flush()
