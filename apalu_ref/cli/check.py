"""``apalu-ref check``: is an implementation right, and if not, what is wrong with it?"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from apalu_ref.cli.output import deliver, writable

if TYPE_CHECKING:
    from apalu_ref.check import Report, SubjectError

EPILOG = """\
SUBJECT is
  file.py, file.py:attribute, package.module or package.module:attribute, which names
      NumPy     an object with forward(x, a, b) -> (y, ctx) and backward(ctx, gy) -> (dx, da, db),
                or a function f(x, a, b) -> y, of which only the values are checked
      PyTorch   a function f(x, a, b) -> y, an autograd.Function, an nn.Module class
      JAX, HIPS autograd, minigrad   a function f(x, a, b) -> y
  a program, or a command in quotes ("node port.mjs"), that reads a request file and writes
      an answer file
  a folder made by apalu-ref vectors export, with answers that were computed elsewhere.
Without SUBJECT the package checks its own implementations.
Checking a subject runs its code, in a process of its own.

exit status
  0  conforms (warnings allowed)      2  wrong usage, no such file or attribute
  1  does not conform                 3  importing the subject or its first call fails

examples
  apalu-ref check tutorials/subjects/careful.py
  apalu-ref check mymodule:MyModule --map a=alpha,b=beta --profile strict
  apalu-ref check ./apalu --declare dtypes=float64,float32 --format junit -o report.xml
  apalu-ref check my_swish_torch.py:swish --against my_swish_numpy.py:swish
  apalu-ref check port.py:f --picture errors.png
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    from apalu_ref.check.adapters import ADAPTERS

    parser = commands.add_parser(
        "check",
        help="check an implementation of APALU, or of another activation",
        description="Check an implementation of APALU against the oracle, and its backward "
        "against finite differences of its own forward.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("subject", nargs="?", metavar="SUBJECT", help="what to check (see below)")
    how = parser.add_argument_group("how it is called")
    how.add_argument("--adapter", choices=ADAPTERS, default="auto", help="default: recognised")
    how.add_argument(
        "--map", metavar="a=NAME,...", type=_pairs, default={},
        help="what the subject calls the parameters, for example a=alpha,b=beta",
    )  # fmt: skip
    how.add_argument("--device", default="", help="where PyTorch or JAX computes, e.g. cuda")
    how.add_argument(
        "--timeout", type=_seconds, default=10.0, metavar="S",
        help="seconds allowed for the import and for each probe (default: 10)",
    )  # fmt: skip
    what = parser.add_argument_group("what is asked")
    what.add_argument(
        "--against", metavar="WHAT", default="apalu",
        help="apalu (default); self: backward only against differences of forward, for any "
        "activation; or FILE:ATTR, a NumPy reference of another activation",
    )  # fmt: skip
    what.add_argument(
        "--profile",
        choices=("quick", "standard", "strict", "exhaustive"),
        default="standard",
        help="quick: fewer probes; strict: warnings are errors, and nothing may be refused that "
        "is not declared; exhaustive: strict, every float16 and bfloat16 value and the edge of "
        "overflow (default: standard)",
    )
    what.add_argument(
        "--declare", metavar="KEY=VALUE", action="append", default=[],
        help="what it offers, for example dtypes=float32, layouts=, order=1, empty=no; a subject "
        "may say so itself by an attribute, capabilities; may be repeated",
    )  # fmt: skip
    what.add_argument(
        "--require", metavar="FEATURE,...", type=_list, default=[],
        help='features that must be offered, for example "second order,empty"',
    )  # fmt: skip
    what.add_argument(
        "--repro", metavar="PROBE[:QUANTITY]",
        help="run one probe in this process and show its numbers, as a finding's last line says",
    )  # fmt: skip
    out = parser.add_argument_group("what comes out")
    out.add_argument(
        "--format", choices=("text", "json", "junit", "markdown"), default="text",
        help="default: text",
    )  # fmt: skip
    out.add_argument("-o", "--output", metavar="FILE", type=writable, help="write it to FILE")
    out.add_argument(
        "--picture", metavar="FILE", type=_picture,
        help="draw the errors in ULP against x, to a .png, .svg or .pdf file",
    )  # fmt: skip
    out.add_argument(
        "-v", "--verbose", action="store_true", help="name every probe; show what it printed"
    )
    out.add_argument(
        "--traceback", action="store_true", help="show the traceback if the subject fails"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check one subject, or the package's own."""
    from apalu_ref.check import SubjectError, check
    from apalu_ref.check.features import known, parse, withheld
    from apalu_ref.check.own import PATHS

    try:
        declared = parse(arguments.declare)
        withheld(declared)
        for feature in arguments.require:
            known(feature)
    except ValueError as error:
        return _usage(str(error))
    subjects = [arguments.subject] if arguments.subject is not None else list(PATHS.values())
    if len(subjects) > 1 and (arguments.repro or arguments.picture):
        return _usage("--repro and --picture need a SUBJECT")
    options = {"adapter": arguments.adapter, "against": arguments.against, "map": arguments.map,
               "device": arguments.device, "timeout": arguments.timeout}  # fmt: skip
    if arguments.repro:
        return _reproduce(arguments, declared, options)
    reports: list[Report] = []
    for subject in subjects:
        try:
            reports.append(
                check(
                    subject,
                    profile=arguments.profile,
                    capabilities=declared,
                    require=arguments.require,
                    progress=_progress() if sys.stderr.isatty() else None,
                    **options,
                )
            )
        except SubjectError as error:
            return _failed(arguments, subject, error)
    deliver(_formatted(arguments, reports), arguments.output)
    if arguments.picture:
        from apalu_ref.check.reports.picture import draw

        try:
            draw(reports[0], arguments.picture)
        except ValueError as error:
            return _usage(f"--picture: {error}")
    return max(report.exit_status for report in reports)


def _formatted(arguments: argparse.Namespace, reports: list[Report]) -> str:
    from apalu_ref.check.reports import junit, markdown

    if arguments.format == "json":
        documents = [report.to_dict() for report in reports]
        whole = documents[0] if len(documents) == 1 else documents
        return json.dumps(whole, indent=2, allow_nan=False) + "\n"
    if arguments.format == "junit":
        return junit.junit(reports)
    if arguments.format == "markdown":
        return "\n".join(markdown.markdown(report) for report in reports)
    return "\n".join(report.to_text(arguments.verbose) for report in reports)


def _failed(arguments: argparse.Namespace, subject: str, error: SubjectError) -> int:
    """Say why a check could not begin, in the format that was asked for too."""
    from apalu_ref.check.report import failure
    from apalu_ref.check.reports import junit, markdown

    if arguments.traceback and error.traceback:
        print(error.traceback, file=sys.stderr, end="")
    print(f"apalu-ref check: {error}", file=sys.stderr)
    if arguments.format == "json":
        document = failure(subject, arguments.profile, error, arguments.adapter, arguments.against)
        deliver(json.dumps(document, indent=2) + "\n", arguments.output)
    elif arguments.format == "junit":
        deliver(junit.failed(subject, error), arguments.output)
    elif arguments.format == "markdown":
        deliver(markdown.failed(subject, error), arguments.output)
    return error.exit_status


def _reproduce(
    arguments: argparse.Namespace, declared: dict[str, Any], options: dict[str, Any]
) -> int:
    from apalu_ref.check import SubjectError, reproduce
    from apalu_ref.check.program import ProgramError
    from apalu_ref.check.records import ExchangeError

    probe, _, quantity = arguments.repro.partition(":")
    try:
        reproduce(arguments.subject, probe, quantity, declared=declared, **options)
    except SubjectError as error:
        return _failed(arguments, arguments.subject, error)
    except (ExchangeError, ProgramError) as error:
        return _failed(arguments, arguments.subject, SubjectError(str(error), 3))
    except ValueError as error:
        if "no probe" in str(error):
            return _usage(str(error))
        raise
    return 0


def _usage(message: str) -> int:
    print(f"apalu-ref check: {message}", file=sys.stderr)
    return 2


def _pairs(text: str) -> dict[str, str]:
    pairs = [part.split("=") for part in text.split(",") if part]
    if not pairs or any(len(pair) != 2 or not all(pair) for pair in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not a=NAME,b=NAME")
    return {ours.strip(): theirs.strip() for ours, theirs in pairs}


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _picture(path: str) -> str:
    if not path.endswith((".png", ".svg", ".pdf")):
        raise argparse.ArgumentTypeError(f"{path} is not a .png, .svg or .pdf file")
    return writable(path)


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
