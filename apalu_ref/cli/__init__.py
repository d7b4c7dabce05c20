"""The command line: ``apalu-ref COMMAND``, one file a command."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence

import apalu_ref
from apalu_ref.cli import (
    accuracy,
    bench,
    check,
    claims,
    data,
    design,
    exercise,
    explore,
    report,
    study,
    vectors,
)

COMMANDS = (check, report, explore, design, study, claims, exercise, vectors, accuracy, bench, data)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    0: well; 1: does not conform; 2: wrong usage; 3: the subject is broken; 70: a fault of ours.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; default those of the process.

    Returns
    -------
    int
    """
    parser = argparse.ArgumentParser(
        prog="apalu-ref",
        description="The reference for APALU, a trainable activation function.",
        epilog="apalu-ref COMMAND --help describes a command.",
    )
    parser.add_argument("--version", action="version", version=f"apalu-ref {apalu_ref.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    _be_robust()
    arguments = parser.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has gone (| head): not an error of ours, and nothing is left to say.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        return 0
    except OSError as error:
        print(f"apalu-ref: {error}", file=sys.stderr)
        return 2
    except Exception:
        # A fault of ours must not look like "does not conform", which is 1.
        traceback.print_exc()
        print("apalu-ref: this is a fault in apalu-ref, please report it", file=sys.stderr)
        return 70
    return status


def _be_robust() -> None:
    """Print to anything: closed streams, and those whose encoding has no κ."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if threading.current_thread() is threading.main_thread():
        # As Ctrl-C does, so that the process of a subject is ended too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
