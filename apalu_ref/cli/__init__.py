"""The command line: ``apalu-ref COMMAND``, one file a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

import apalu_ref
from apalu_ref.cli import accuracy, bench, check

COMMANDS = (check, accuracy, bench)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status (0 well, 1 fails, 2 wrong usage, 3 broken).

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
    arguments = parser.parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has gone (| head): not an error of ours, and nothing is left to say.
        sys.stdout = None
        return 0
    except OSError as error:
        print(f"apalu-ref: {error}", file=sys.stderr)
        return 2
    return status
