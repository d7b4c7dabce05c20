"""``apalu-ref exercise``: exercises that grade themselves."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apalu_ref.cli.output import add_format, count, deliver

if TYPE_CHECKING:
    from apalu_ref.exercises import ClassReport, Result, Task

_PLACES = (".", "mine", "tutorials/exercises/mine", "exercises/mine")

EPILOG = """\
  apalu-ref exercise list
  apalu-ref exercise check derivatives
  apalu-ref exercise check 3 --with-reference       task 3 by itself, whatever became of 1 and 2
  apalu-ref exercise check --in alice/mine --format gradescope -o results.json
  apalu-ref exercise class submissions --out graded

The stubs are in tutorials/exercises/mine: fill them in there, or in a copy of that folder. For each
part that is not right there is a sentence on what is wrong, and a hint; --answer gives the answers.

Grading runs the submitted code, in a process of its own with a limit of time and, on Linux, of
memory, and with none of your environment's secrets. It can still read and write your files and use
the network: run other people's code in a container or on a machine made for it.

Exit status: 0 if all that was asked is right, 1 if not, 2 for wrong usage.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "exercise",
        help="exercises that grade themselves, and say what is wrong",
        description="Grade the course's exercises: seven tasks that build on each other.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(
        title="actions", metavar="ACTION", required=True, parser_class=_Action
    )

    listed = actions.add_parser("list", help="what tasks there are")
    add_format(listed, "list")
    listed.set_defaults(run=run_list)

    check = actions.add_parser(
        "check",
        help="grade tasks of one submission",
        epilog="Running a submission is running its code.",
    )
    check.add_argument("tasks", metavar="TASK", nargs="*", help="names or numbers (default: all)")
    check.add_argument(
        "--in", dest="folder", metavar="FOLDER", help="where the task files are (default: mine)"
    )
    check.add_argument("--answer", action="store_true", help="tell the answers, not only hints")
    _add_common(check, "result")
    check.set_defaults(run=run_check)

    group = actions.add_parser(
        "class",
        help="grade a folder of submissions",
        epilog="Running a submission is running its code.",
    )
    group.add_argument("folder", metavar="FOLDER", help="with a folder for each submission")
    group.add_argument("--tasks", metavar="TASK,…", help="names or numbers (default: all)")
    group.add_argument(
        "--out", metavar="DIR",
        help="keep everybody's results in DIR as they come (NAME.json; NAME.txt to hand back), and "
        "class.txt, class.json, class.png and class.csv, a table for a spreadsheet; what is there "
        "and unchanged is not graded again",
    )  # fmt: skip
    _add_common(group, "report")
    group.set_defaults(run=run_class)


class _Action(argparse.ArgumentParser):
    """Says itself what it does not know: the program's usage would not show the options."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = [o for action in self._actions for o in action.option_strings]
            near = difflib.get_close_matches(unknown[0].partition("=")[0], options, n=1)
            meant = f": did you mean {near[0]}?" if near else ""
            self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")
        return found, unknown


def _add_common(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument(
        "--with-reference", action="store_true",
        help="put the project's functions in the place of earlier tasks' gaps and mistakes",
    )  # fmt: skip
    parser.add_argument(
        "--seconds", metavar="S", type=count, default=60, help="for each task (default: 60)"
    )
    parser.add_argument(
        "--memory", metavar="MIB", type=count, default=2048,
        help="of address space for each task, where the system can limit it (default: 2048, at "
        "least 512)",
    )  # fmt: skip
    add_format(parser, what, more=("gradescope",))


def run_list(arguments: argparse.Namespace) -> int:
    """Print the tasks."""
    from apalu_ref.exercises import TASKS

    if arguments.format == "json":
        rows = [
            {"number": t.number, "name": t.name, "title": t.title, "file": f"{t.module}.py",
             "parts": t.parts, "tutorial": t.tutorial} for t in TASKS
        ]  # fmt: skip
        deliver(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", arguments.output)
        return 0
    lines = []
    for task in TASKS:
        lines.append(f"{task.number} {task.name:12} {task.title}")
        lines.append(f"  {'':12} {task.module}.py: {', '.join(task.asks)}; with tutorial "
                     f"{task.tutorial}")  # fmt: skip
    deliver("\n".join(lines) + "\n", arguments.output)
    return 0


def run_check(arguments: argparse.Namespace) -> int:
    """Grade one submission."""
    from apalu_ref.exercises import SubmissionError, check
    from apalu_ref.exercises.reports import gradescope

    graded: list[Result] = []
    try:
        results = check(
            arguments.folder or _folder(),
            arguments.tasks or None,
            with_reference=arguments.with_reference,
            seconds=arguments.seconds,
            memory=arguments.memory,
            progress=_say,
            done=graded.append,
        )
    except (KeyboardInterrupt, SystemExit):  # Ctrl-C, or the answer to SIGTERM
        _say(None)
        _report(graded, arguments, interrupted=True)
        sys.stdout.flush()
        raise
    except (SubmissionError, ValueError) as error:
        _say(None)
        print(f"apalu-ref exercise: {error}", file=sys.stderr)
        if arguments.format == "gradescope" and isinstance(error, SubmissionError):
            # Whoever handed it in is told there, and nowhere else.
            told = gradescope([], str(error))
            deliver(json.dumps(told, indent=1, ensure_ascii=False) + "\n", arguments.output)
        return 2
    _say(None)
    _report(results, arguments)
    return _status(results)


def _report(
    results: Sequence[Result], arguments: argparse.Namespace, interrupted: bool = False
) -> None:
    """Deliver the results; after an interruption, too, with what was not graded."""
    from apalu_ref.exercises import TASKS
    from apalu_ref.exercises.reports import gradescope, text
    from apalu_ref.exercises.result import SCHEMA
    from apalu_ref.exercises.tasks import find

    left: list[Task] = []
    if interrupted:
        asked = [find(t) for t in arguments.tasks] if arguments.tasks else TASKS
        there = [result.task for result in results]
        left = [task for task in TASKS if task in asked and task not in there]
    said = ""
    if left:
        said = f"interrupted; not graded: {', '.join(f'{t.number} {t.name}' for t in left)}"
    if arguments.format == "text":
        whole = text(results, arguments.answer) if results else ""
        deliver(whole + (f"{said}\n" if said else ""), arguments.output)
        return
    told = (
        gradescope(results, said)
        if arguments.format == "gradescope"
        else {"schema": SCHEMA, "results": [r.as_json() for r in results]}
    )
    if left and arguments.format == "json":
        told["interrupted"] = [task.name for task in left]
    deliver(json.dumps(told, indent=1, ensure_ascii=False) + "\n", arguments.output)


def _status(results: Sequence[Result]) -> int:
    faults = [r for r in results if r.fault]
    for result in faults:
        print(f"task {result.task.number}:\n{result.fault}", file=sys.stderr)
    if faults:
        print("apalu-ref: this is a fault in apalu-ref, please report it", file=sys.stderr)
        return 70
    return 0 if all(r.passed for r in results) else 1


def run_class(arguments: argparse.Namespace) -> int:
    """Grade a folder of submissions."""
    from apalu_ref.exercises import SubmissionError, check_class
    from apalu_ref.exercises.reports import gradescope

    chosen = [t.strip() for t in arguments.tasks.split(",")] if arguments.tasks else None
    try:
        report = check_class(
            arguments.folder,
            chosen,
            with_reference=arguments.with_reference,
            seconds=arguments.seconds,
            memory=arguments.memory,
            out=arguments.out,
            progress=lambda name, i, n: print(f"[{i}/{n}] {name}", file=sys.stderr),
        )
    except (SubmissionError, ValueError) as error:
        print(f"apalu-ref exercise: {error}", file=sys.stderr)
        return 2
    whole = json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n"
    if arguments.out:
        _keep(report, whole, Path(arguments.out))
    if arguments.format == "gradescope":
        each = {s.name: gradescope(s.results, s.error) for s in report.submissions}
        whole = json.dumps(each, indent=1, ensure_ascii=False) + "\n"
    deliver(report.text() if arguments.format == "text" else whole, arguments.output)
    status = _status([r for s in report.submissions for r in s.results])
    return status or int(any(s.error for s in report.submissions))


def _keep(report: ClassReport, whole: str, folder: Path) -> None:
    from apalu_ref.exercises.figure import draw
    from apalu_ref.exercises.group import REPORT
    from apalu_ref.properties.sheet import save
    from minigrad.checkpoint import write_atomically

    deliver(whole, str(folder / f"{REPORT}.json"))
    deliver(report.text(), str(folder / f"{REPORT}.txt"))
    # With the mark by which spreadsheets know UTF-8.
    write_atomically(folder / f"{REPORT}.csv", report.as_csv().encode("utf-8-sig"))
    with warnings.catch_warnings():
        # A name may have signs for which Matplotlib has no picture.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        save(draw(report), folder / f"{REPORT}.png")


def _folder() -> str:
    from apalu_ref.exercises import TASKS, SubmissionError
    from apalu_ref.exercises.names import like

    for place in _PLACES:
        if any((Path(place) / f"{task.module}.py").is_file() for task in TASKS):
            return place
    for place in _PLACES:  # to say what the files there should be called
        if Path(place).is_dir() and any(like(p.name) for p in Path(place).iterdir()):
            return place
    raise SubmissionError(
        "the exercises are not here: go to the folder that has `mine` in it, tutorials/exercises "
        "of the project, or name one with --in FOLDER"
    )


def _say(task: Task | None) -> None:
    """One line on the terminal that says what is being graded."""
    if sys.stderr.isatty():
        line = "" if task is None else f"{task.number} {task.name} …"
        print(f"\r{line:40}\r", end="", file=sys.stderr, flush=True)
