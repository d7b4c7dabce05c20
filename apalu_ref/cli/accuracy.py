"""``apalu-ref accuracy``: how far the formulas and the fused path are from exact."""

from __future__ import annotations

import argparse
import json
from typing import Any

from apalu_ref.cli.output import add_format, deliver, writable


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "accuracy",
        help="measure the formulas' errors against the oracle",
        description="Measure the errors of apalu_ref.formula and apalu_ref.fused against the "
        "correctly rounded oracle: float64 and float32 on a hard grid, float16 at every finite x "
        "(some 15 s).",
    )
    parser.add_argument(
        "--dtype",
        choices=("float64", "float32", "float16"),
        action="append",
        help="measure this type only (may be repeated)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the random x, a, b, gy (default: 0)"
    )
    add_format(parser, "table")
    parser.add_argument(
        "--figure",
        metavar="FILE",
        type=writable,
        help="draw the errors of y and dx against x (.png, .svg, .pdf)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure and print; 1 if a promise is broken."""
    from apalu_ref.accuracy import draw, measure

    dtypes = dict.fromkeys(arguments.dtype or ("float64", "float32", "float16"))
    found = [measured for dtype in dtypes for measured in measure(dtype, arguments.seed)]
    rows = [measured.summary() for measured in found]
    if arguments.format == "json":
        deliver(json.dumps(rows, indent=2) + "\n", arguments.output)
    else:
        lines = [
            f"{'':8} {'':>8} {'values':>7} {'worst':>7} {'promised':>8} {'not correctly':>14}   at",
            f"{'':8} {'':>8} {'':>7} {'ULP':>7} {'ULP':>8} {'rounded':>14}",
        ]
        lines += [
            f"{row['dtype']:8} {row['quantity']:>8} {row['values']:7d} {row['worst']:7.3f} "
            f"{row['limit']:8g} {row['not_correctly_rounded']:14d}   {_where(row)}"
            for row in rows
        ]
        deliver("\n".join(lines) + "\n", arguments.output)
    if arguments.figure:
        draw(found, arguments.figure)
    return int(any(row["worst"] > row["limit"] + 1e-9 for row in rows))


def _where(row: dict[str, Any]) -> str:
    where = f"x = {row['x']:.9g}"
    if row["quantity"].endswith(("y", "dx")):
        where += f", {'a' if row['x'] >= 0 else 'b'} = {row['parameter']:.6g}"
    if row["quantity"].endswith("dx"):
        where += f", gy = {row['gy']:.6g}"
    return where
