"""Where results go: standard output, or a file that is never left half written."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path


def deliver(text: str, path: str | None) -> None:
    """Print ``text``, or write it to ``path`` atomically, in UTF-8."""
    if path is None:
        sys.stdout.write(text)
        return
    target = Path(path)
    # Beside the target: a rename is atomic only within one file system.
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes private files
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
