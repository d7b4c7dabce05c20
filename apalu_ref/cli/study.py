"""``apalu-ref study``: the paper's experiments and open questions."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from apalu_ref.cli.output import count

if TYPE_CHECKING:
    from apalu_ref.studies import Results

SCALES = ("smoke", "quick", "full")
EPILOG = """\
  apalu-ref study --list
  apalu-ref study mnist-cnn
  apalu-ref study mnist-cnn --activations relu,apalu,mine.py:wave --out mine
  apalu-ref study all --scale smoke

Scales: smoke takes seconds and answers nothing; quick some minutes on two cores; full hours.
Every run is kept in DIR/NAME/runs as soon as it is made: after an interruption the same command
goes on, and one with other seeds or activations adds to what is there. At the end DIR/NAME holds
results.json, table.txt, figure.png and claim.json; `apalu-ref claims --studies DIR` draws on them.

Each activation ("arm") chooses its learning rate on validation data, then gets its seeds; "minus
relu" is the mean difference, paired by seed, with its 95 % interval; the arms apalu-... and
relu-..., besides apalu-vp, are controls (--list says what all are).

Data: the small sets of the package, or the full ones from the folder that APALU_REF_DATA names
(see `apalu-ref data`). Naming a file runs it. Exit status: 0; 2 if a study cannot be run; 130 after
Ctrl-C.
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "study",
        help="the paper's experiments and open questions, with their spread",
        description="Run experiments that compare activations fairly, and say what comes out.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help="studies, or all")
    parser.add_argument("--list", action="store_true", help="what studies there are")
    parser.add_argument("--scale", choices=SCALES, default="quick", help="default: quick")
    parser.add_argument("--seeds", metavar="N", type=count, help="runs of each activation")
    parser.add_argument(
        "--activations", metavar="A,B,…", help="names, or file.py:function for your own"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--jobs", metavar="N", type=count, help="runs at a time (default: one a core)"
    )
    where.add_argument(
        "--dask", metavar="ADDRESS", help="make the runs on a Dask cluster (extra: cluster)"
    )
    parser.add_argument(
        "--source", choices=("auto", "bundled", "full"), default="auto",
        help="which data: the bundled sets, the full ones, or full where they are there (auto)",
    )  # fmt: skip
    parser.add_argument(
        "--out", metavar="DIR", help="where results are kept (default: studies-SCALE)"
    )
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="what is printed; json is a list of results (default: text)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Run the studies, one after the other."""
    from apalu_ref.datasets import DatasetError
    from apalu_ref.studies import NAMES, Interrupted, StudyError, find

    if arguments.list:
        print(_list(arguments.format))
        return 0
    if "all" in arguments.names and len(arguments.names) > 1:
        print("apalu-ref study: all stands alone", file=sys.stderr)
        return 2
    if not arguments.names:
        print("apalu-ref study: name a study, or all; --list says what there is", file=sys.stderr)
        return 2
    names = NAMES if arguments.names == ["all"] else tuple(dict.fromkeys(arguments.names))
    found: list[Results] = []
    try:
        for name in names:
            find(name)
        for name in names:
            found.append(_one(name, arguments))
    except Interrupted as error:
        _say(str(error))
        return 130
    except (StudyError, DatasetError) as error:
        print(f"apalu-ref study: {error}", file=sys.stderr)
        return 2
    finally:
        if arguments.format == "json" and found:
            print(json.dumps([r.as_json() for r in found], indent=1, ensure_ascii=False))
    return 0


def _one(name: str, arguments: argparse.Namespace) -> Results:
    from apalu_ref.studies import run, tables

    out = arguments.out or f"studies-{arguments.scale}"
    chosen = arguments.activations

    def start(executor: Executor | None) -> Results:
        return run(
            name,
            arguments.scale,
            seeds=arguments.seeds,
            activations=None if chosen is None else [a for a in chosen.split(",") if a.strip()],
            jobs=arguments.jobs,
            out=out,
            source=arguments.source,
            executor=executor,
            progress=_say,
        )

    _say(f"{name}, {arguments.scale} scale")
    if arguments.dask:
        from apalu_ref.studies.pool import dask

        with dask(arguments.dask) as executor:
            results = start(executor)
    else:
        results = start(None)
    if arguments.format == "text":
        print(tables.text(results, whole=False))
    _say(
        f"written to {out}/{name}: results.json, table.txt (with protocol), figure.png, claim.json"
    )
    return results


def _list(form: str) -> str:
    from apalu_ref.studies import ARMS, NAMES, find

    studies = [find(name) for name in NAMES]
    if form == "json":
        rows = [{"name": s.name, "title": s.title, "question": s.question} for s in studies]
        return json.dumps(rows, indent=1, ensure_ascii=False)
    lines = []
    for study in studies:
        lines.append(study.name)
        lines += textwrap.wrap(study.question, 92, initial_indent="    ", subsequent_indent="    ")
    lines += ["", "activations"]
    lines += [f"    {name:17}{arm.text}" for name, arm in ARMS.items()]
    return "\n".join(lines)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
