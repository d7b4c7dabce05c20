"""``apalu-ref claims``: the paper's claims, tested."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from apalu_ref.cli.output import deliver, writable

if TYPE_CHECKING:
    from apalu_ref.claims import Row

_MARKS = {"holds": "+", "holds under a condition": "~", "does not hold": "-", "open": "?"}


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "claims",
        help="the paper's claims: what was tested, and what came of it",
        description="The claims of the paper (arXiv 2402.08244) in a table: claim, test, verdict, "
        "evidence. Rows on the function are computed now, in a few seconds; those on training rest "
        "on the results of studies.",
    )
    parser.add_argument(
        "--studies",
        metavar="DIR",
        help="results of your own (default: those of the package, made by "
        "`apalu-ref study all --scale quick`)",
    )
    parser.add_argument(
        "--format", choices=("text", "json", "markdown"), default="text", help="default: text"
    )
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=writable, help="write the table to FILE"
    )
    parser.add_argument(
        "--figure", metavar="FILE", type=writable, help="draw the evidence (.png, .svg, .pdf)"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Test the claims and print the table."""
    from apalu_ref.claims import table

    def progress(claim: str) -> None:
        print(f"\r\033[K... {claim}", end="", file=sys.stderr, flush=True)

    if arguments.figure and Path(arguments.figure).suffix not in (".png", ".svg", ".pdf"):
        print("apalu-ref claims: --figure must end in .png, .svg or .pdf", file=sys.stderr)
        return 2
    terminal = sys.stderr.isatty()
    try:
        rows = table(arguments.studies, progress if terminal else None)
    except ValueError as error:
        print(f"apalu-ref claims: {error}", file=sys.stderr)
        return 2
    finally:
        if terminal:
            print("\r\033[K", end="", file=sys.stderr)
    if arguments.format == "json":
        text = json.dumps([r.as_json() for r in rows], indent=2, ensure_ascii=False) + "\n"
    elif arguments.format == "markdown":
        text = _markdown(rows)
    else:
        text = _text(rows)
    deliver(text, arguments.output)
    if arguments.figure:
        from apalu_ref.claims.figure import draw
        from apalu_ref.properties.sheet import save

        save(draw(), arguments.figure)
        print(f"wrote {arguments.figure}", file=sys.stderr)
    return 0


def _text(rows: Sequence[Row]) -> str:
    from apalu_ref.studies.conclude import sentences

    lines = []
    for row in rows:
        verdict = row.verdict.upper() + (f": {row.condition}" if row.condition else "")
        lines.append(f"{_MARKS[row.verdict]} {row.claim}")
        for said in (verdict, f"tested: {row.tested}"):
            lines += textwrap.wrap(said, 96, initial_indent="    ", subsequent_indent="    ")
        for said in sentences(row.evidence):
            lines += textwrap.wrap(said, 96, initial_indent="    ", subsequent_indent="      ")
        lines.append("")
    counts = ", ".join(
        f"{v}: {sum(r.verdict == v for r in rows)}"
        for v in _MARKS
        if any(r.verdict == v for r in rows)
    )
    marks = ", ".join(f"{mark} {verdict}" for verdict, mark in _MARKS.items())
    return "\n".join(lines) + f"{len(rows)} claims; {counts}\n({marks})\n"


def _markdown(rows: Sequence[Row]) -> str:
    lines = ["| claim | tested | verdict | evidence |", "| --- | --- | --- | --- |"]
    for row in rows:
        verdict = f"**{row.verdict}**" + (f": {row.condition}" if row.condition else "")
        cells = (row.claim, row.tested, verdict, row.evidence)
        lines.append("| " + " | ".join(c.replace("|", "\\|") for c in cells) + " |")
    return "\n".join(lines) + "\n"
