"""``apalu-ref check``: is an implementation right, and if not, what is wrong with it?"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable

from apalu_ref.cli.output import add_format, deliver

EPILOG = """\
SUBJECT is file.py, file.py:attribute, package.module or package.module:attribute. It names
  an object (module, class made without arguments, or instance) with
      forward(x, a, b) -> (y, ctx)   and   backward(ctx, gy) -> (dx, da, db)
  on NumPy arrays, or a function f(x, a, b) -> y, of which only the values are checked.
Without SUBJECT the package checks its own implementations.
Checking a subject runs its code, in a process of its own.

exit status
  0  conforms (warnings allowed)      2  wrong usage, no such file or attribute
  1  does not conform                 3  importing the subject or its first call fails

examples
  apalu-ref check tutorials/subjects/careful.py
  apalu-ref check mymodule:MyActivation --profile strict
  apalu-ref check port.py --format json -o report.json
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "check",
        help="check an implementation of APALU",
        description="Check an implementation of APALU against the oracle, and its backward "
        "against finite differences of its own forward.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("subject", nargs="?", metavar="SUBJECT", help="what to check (see below)")
    parser.add_argument(
        "--profile",
        choices=("quick", "standard", "strict", "exhaustive"),
        default="standard",
        help="quick: fewer probes; strict: warnings are errors; exhaustive: strict, every float16 "
        "value and the edge of overflow (default: standard)",
    )
    add_format(parser, "report")
    parser.add_argument(
        "--timeout",
        type=_seconds,
        default=10.0,
        metavar="S",
        help="seconds allowed for the import and for each probe (default: 10)",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="name every probe; show what it printed"
    )
    parser.add_argument(
        "--traceback", action="store_true", help="show the traceback if the subject fails"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check one subject, or the package's own."""
    from apalu_ref.check import SubjectError, check
    from apalu_ref.check.own import PATHS
    from apalu_ref.check.report import failure

    subjects = [arguments.subject] if arguments.subject is not None else list(PATHS.values())
    texts, documents, status = [], [], 0
    for subject in subjects:
        try:
            report = check(
                subject,
                profile=arguments.profile,
                timeout=arguments.timeout,
                progress=_progress() if sys.stderr.isatty() else None,
            )
        except SubjectError as error:
            if arguments.traceback and error.traceback:
                print(error.traceback, file=sys.stderr, end="")
            print(f"apalu-ref check: {error}", file=sys.stderr)
            if arguments.format == "json":
                document = failure(subject, arguments.profile, error)
                deliver(json.dumps(document, indent=2) + "\n", arguments.output)
            return error.exit_status
        texts.append(report.to_text(arguments.verbose))
        documents.append(report.to_dict())
        status = max(status, report.exit_status)
    if arguments.format == "json":
        whole = documents[0] if len(documents) == 1 else documents
        deliver(json.dumps(whole, indent=2, allow_nan=False) + "\n", arguments.output)
    else:
        deliver("\n".join(texts), arguments.output)
    return status


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < 1e6:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")


def _progress() -> Callable[[int, int], None]:
    def show(done: int, of: int) -> None:
        end = "\r" if done < of else "\r" + " " * 30 + "\r"
        print(f"\r{done}/{of} probes", end=end, file=sys.stderr, flush=True)

    return show
