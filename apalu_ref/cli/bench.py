"""``apalu-ref bench``: timings that anyone can repeat."""

from __future__ import annotations

import argparse
import json

from apalu_ref.cli.output import add_format, deliver


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "bench",
        help="time the package",
        description="startup: how long importing the package takes after NumPy, and how long a "
        "check takes as a whole process. Medians; each run is a fresh process.",
    )
    parser.add_argument("what", choices=("startup",), help="what to time")
    parser.add_argument("--runs", type=_runs, default=7, help="runs of each (default: 7)")
    add_format(parser, "table")
    parser.set_defaults(run=run)


def _runs(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("at least 1 run is needed")
    return value


def run(arguments: argparse.Namespace) -> int:
    """Time and print."""
    from apalu_ref.bench.startup import measure

    rows = measure(arguments.runs)
    if arguments.format == "json":
        deliver(json.dumps([row._asdict() for row in rows], indent=2) + "\n", arguments.output)
    else:
        lines = [f"{'':42} {'median':>9} {'least':>9} {'most':>9}"]
        lines += [
            f"{row.what:42} {row.median:7.3f} s {row.least:7.3f} s {row.most:7.3f} s"
            for row in rows
        ]
        deliver("\n".join(lines) + "\n", arguments.output)
    return 0
