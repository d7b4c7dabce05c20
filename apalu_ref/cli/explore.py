"""``apalu-ref explore``: a window with sliders for the parameters of an activation."""

from __future__ import annotations

import argparse
import sys

from apalu_ref.cli.output import writable

EPILOG = """\
An ACTIVATION is a name, or file.py:name for a function of your own: NumPy syntax, element by
element; arguments after x whose default is a number are its parameters. Parameters are set in
brackets:

  apalu-ref explore
  apalu-ref explore "apalu(a=1, b=1.5)"
  apalu-ref explore swish --save swish.png
  apalu-ref explore mine.py:wave

Naming a file runs it. Drag a slider, or type a value into the box beside it. Keys: tab chooses a
parameter, left and right move it one step, up and down ten steps, l locks b = 3a/2 (apalu), r
resets, s saves the picture. Exit status: 0, or 2 if the activation cannot be looked at or there is
no window to be had.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "explore",
        help="a window with sliders for the parameters of an activation",
        description="Move the parameters of an activation and see curve, slope, kink and moments.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "activation", metavar="ACTIVATION", nargs="?", default="apalu", help="default: apalu"
    )
    parser.add_argument("--lock", action="store_true", help="start with b = 3a/2 (apalu only)")
    parser.add_argument(
        "--save", metavar="FILE", type=writable,
        help="write the picture of the window (.png, .svg, .pdf) and open none",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Open the window, or write its picture."""
    from apalu_ref.check import SubjectError
    from apalu_ref.properties import ActivationError
    from apalu_ref.properties.named import found
    from apalu_ref.properties.sheet import save

    try:
        from apalu_ref.properties.explore.screen import NoDisplay, show
        from apalu_ref.properties.explore.window import Explorer
    except ValueError as error:  # matplotlib knows no such MPLBACKEND
        return _usage(f"matplotlib cannot be used: {error}")
    try:
        activation = found(arguments.activation)
        if arguments.save is None:
            show(activation, arguments.lock)
            return 0
        explorer = Explorer(activation, arguments.lock)
    except (ActivationError, SubjectError) as error:
        return _usage(str(error))
    except NoDisplay as error:
        return _usage(
            f"there is no display to open a window on ({error}). Write a picture with --save FILE; "
            "or use a computer with a screen and a toolkit that matplotlib knows, for instance "
            "python -m pip install PyQt6, or set MPLBACKEND to one that is there, as TkAgg"
        )
    try:
        save(explorer.figure, arguments.save)
        print(f"wrote {arguments.save}", file=sys.stderr)
    except ValueError as error:
        return _usage(f"--save: {error}")
    return 0


def _usage(message: str) -> int:
    print(f"apalu-ref explore: {message}", file=sys.stderr)
    return 2
