"""``apalu-ref design``: parameters that meet stated wishes."""

from __future__ import annotations

import argparse
import json
import sys

from apalu_ref.cli.output import add_format, deliver

EPILOG = """\
Wishes (name=number; without a number its usual one):

  {wishes}
  f(x)=y           a value: f(2)=3

  apalu-ref design apalu c1 second-moment=1
  apalu-ref design apalu c1 second-moment=1 chi=1        these contradict each other
  apalu-ref design mine.py:wave slope-right=1 --free k

Exit status: 0 if all wishes are met, 1 if they contradict each other, 2 for wrong usage.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "design",
        help="find parameters of an activation that meet stated wishes",
        description="Find parameters that meet wishes; if these contradict each other, say by how "
        "much, and which could be met together.",
        epilog=EPILOG.format(wishes=_wishes()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "activation",
        metavar="ACTIVATION",
        help='as for report: apalu, "elu(alpha=2)", file.py:name',
    )
    parser.add_argument("wishes", metavar="WISH", nargs="+", help="see below")
    parser.add_argument(
        "--free", metavar="NAME,...", help="parameters that may change (default: all)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of further starts (default: 0)")
    add_format(parser, "result")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Solve and print."""
    from apalu_ref.check import SubjectError
    from apalu_ref.properties import ActivationError
    from apalu_ref.properties.design import solve
    from apalu_ref.properties.named import found

    free = [n.strip() for n in arguments.free.split(",")] if arguments.free else None
    try:
        design = solve(
            found(arguments.activation), arguments.wishes, free=free, seed=arguments.seed
        )
    except (ActivationError, SubjectError) as error:
        print(f"apalu-ref design: {error}", file=sys.stderr)
        return 2
    if arguments.format == "json":
        text = json.dumps(design.as_json(), indent=2, ensure_ascii=False) + "\n"
    else:
        text = design.text()
    deliver(text, arguments.output)
    return 0 if design.met else 1


def _wishes() -> str:
    # Written out, for --help must not import what it takes to solve.
    return "\n  ".join(
        f"{name:16} {meaning}"
        for name, meaning in {
            "c1": "no kink at 0: both slopes are equal",
            "mean": "E f, for z ~ N(0, 1)",
            "second-moment": "E f² (1)",
            "variance": "Var f (1)",
            "slope-moment": "E f′² (1): χ₁ under σ_w = 1",
            "chi": "E f′²/E f² (1): χ₁ at the gain",
            "slope-left": "f′ at 0 from the left",
            "slope-right": "f′ at 0 from the right",
            "slope-far-left": "the limit of f′ as x → -∞",
            "slope-far-right": "the limit of f′ as x → ∞",
        }.items()
    )
