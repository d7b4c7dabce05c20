"""Where results go: standard output, or a file that is never left half written."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path


def writable(path: str) -> str:
    """Refuse an output file that cannot be written, before any work is done for it."""
    target = Path(path)
    if target.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder: name a file")
    if not target.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {target.parent}")
    if not os.access(target.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"the folder {target.parent} is not writable")
    return path


def count(text: str) -> int:
    """A whole number, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number, at least 1, is needed, not {text!r}")
    return int(text)


def add_format(parser: argparse.ArgumentParser, what: str, more: tuple[str, ...] = ()) -> None:
    """Add ``--format``, with ``more`` choices, and ``-o``: every command that reports has them."""
    formats = ("text", "json", *more)
    parser.add_argument("--format", choices=formats, default="text", help="default: text")
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=writable, help=f"write the {what} to FILE"
    )


def deliver(text: str, path: str | None) -> None:
    """Print ``text``, or write it to ``path`` atomically, in UTF-8."""
    if path is None:
        sys.stdout.write(text)
        return
    target = Path(path).resolve()  # a link stays, what it points to is replaced
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8") as device:  # a device or pipe is written to
            device.write(text)
        return
    from minigrad.checkpoint import write_atomically

    write_atomically(target, text.encode("utf-8"))
