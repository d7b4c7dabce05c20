"""``apalu-ref report``: the report card of activations."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from apalu_ref.cli.output import add_format, count, deliver

if TYPE_CHECKING:
    from apalu_ref.properties import Activation, Report
    from apalu_ref.properties.simulate import Depth

EPILOG = """\
An ACTIVATION is a name, or file.py:name for a function of your own: NumPy syntax, element by
element; arguments after x whose default is a number are its parameters. Parameters are set in
brackets:

  apalu-ref report apalu relu gelu
  apalu-ref report "apalu(a=1, b=1.5)" --out cards
  apalu-ref report mine.py:wave "mine.py:wave(k=2)" --out cards

Naming a file runs it. With --out each activation gets a sheet (.png), a card (.txt) and a .json;
several get a sheet with all of them besides. Exit status: 0, or 2 if an activation cannot be looked
at; 130 after Ctrl-C, with what has been written in place.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "report",
        help="the report card of an activation: its shape, moments, and what depth does to it",
        description="Look at activations and write their report cards.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("activations", metavar="ACTIVATION", nargs="+", help="what to look at")
    parser.add_argument("--derivative", metavar="FILE:NAME", help="f′, for a single ACTIVATION")
    parser.add_argument("--out", metavar="DIR", help="write sheets, cards and JSON into a folder")
    parser.add_argument(
        "--picture-format", choices=("png", "svg", "pdf"), default="png", help="default: png"
    )
    parser.add_argument(
        "--no-simulation", action="store_true", help="no random networks on the sheets"
    )
    parser.add_argument("--depth", type=count, default=200, help="their layers (default: 200)")
    parser.add_argument("--width", type=count, default=512, help="their units (default: 512)")
    parser.add_argument("--draws", type=count, default=8, help="how many (default: 8)")
    parser.add_argument("--seed", type=_seed, default=0, help="of their weights (default: 0)")
    add_format(parser, "cards")
    parser.set_defaults(run=run)


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more, not {text!r}")
    return int(text)


def run(arguments: argparse.Namespace) -> int:
    """Look at each activation, then write what was asked for."""
    from apalu_ref.check import SubjectError
    from apalu_ref.properties import ActivationError, report
    from apalu_ref.properties.named import found

    if arguments.width < 2:
        return _usage("--width must be at least 2")
    if arguments.derivative and len(arguments.activations) > 1:
        return _usage("--derivative is for a single ACTIVATION")
    if arguments.out:
        try:
            Path(arguments.out).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return _usage(f"--out: {error}")
        if not os.access(arguments.out, os.W_OK):
            return _usage(f"--out: the folder {arguments.out} is not writable")
    reports: list[Report] = []
    try:
        chosen: list[Activation] = [
            found(name, derivative=arguments.derivative) for name in arguments.activations
        ]
        reports += [report(activation) for activation in chosen]
    except (ActivationError, SubjectError) as error:
        return _usage(str(error))
    if arguments.format == "json":
        text = json.dumps([r.as_json() for r in reports], indent=2, ensure_ascii=False) + "\n"
    elif len(reports) == 1:
        text = reports[0].text()
    else:
        from apalu_ref.properties import side_by_side

        text = side_by_side(reports)
    deliver(text, arguments.output)
    if arguments.out:
        _write(reports, arguments)
    return 0


def _write(reports: list[Report], arguments: argparse.Namespace) -> None:
    from apalu_ref.properties import sheet, side_by_side

    folder, ending = Path(arguments.out), arguments.picture_format
    names = _file_names(reports)
    depths: list[Depth | None] = []
    for name, report in zip(names, reports, strict=True):
        # What is known at once is written at once.
        deliver(report.text(), str(folder / f"{name}.txt"))
        depths.append(None if arguments.no_simulation else _simulated(report, arguments))
        record = report.as_json()
        if depths[-1] is not None:
            record["simulation"] = depths[-1].as_json()
        record_text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        deliver(record_text, str(folder / f"{name}.json"))
        sheet.save(sheet.sheet(report, depths[-1]), folder / f"{name}.{ending}")
        _say(f"wrote {folder / name}.{{txt,json,{ending}}}")
    if len(reports) > 1:
        deliver(side_by_side(reports), str(folder / "side_by_side.txt"))
    if len(reports) > len(sheet.STYLES):
        _say(f"wrote {folder / 'side_by_side.txt'}; no picture, which has room for 6 activations")
    elif len(reports) > 1:
        figure = sheet.compare(reports, [d for d in depths if d is not None])
        sheet.save(figure, folder / f"side_by_side.{ending}")
        _say(f"wrote {folder / 'side_by_side'}.{{txt,{ending}}}")


def _simulated(report: Report, arguments: argparse.Namespace) -> Depth | None:
    from apalu_ref.properties.meanfield import Network
    from apalu_ref.properties.simulate import simulate

    if "through depth" not in report.sections:
        return None
    what = f"{report.activation}: random networks"

    def progress(done: int, of: int) -> None:
        _say(f"{what}, {done} of {of}", passing=True)

    if not sys.stderr.isatty():
        _say(f"{what} …")

    return simulate(
        report.activation,
        report.gaussian,
        Network("gain", report["gain"], 0.0),
        depth=arguments.depth,
        width=arguments.width,
        draws=arguments.draws,
        seed=arguments.seed,
        progress=progress if sys.stderr.isatty() else None,
    )


def _file_names(reports: list[Report]) -> list[str]:
    """apalu, or apalu_a1_b1.5 where the same comes with other parameters."""
    names = [r.activation.name for r in reports]
    found: list[str] = ["side_by_side"]
    for report in reports:
        name = "".join(c if c.isalnum() or c in "_-" else "_" for c in report.activation.name)
        if names.count(report.activation.name) > 1:
            name += "".join(f"_{k}{v:g}" for k, v in report.activation.parameters.items())
        while name in found:
            name += "_2"
        found.append(name)
    return found[1:]


def _say(text: str, passing: bool = False) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="" if passing else "\n", file=sys.stderr, flush=True)
    elif not passing:
        print(text, file=sys.stderr)


def _usage(message: str) -> int:
    print(f"apalu-ref report: {message}", file=sys.stderr)
    return 2
