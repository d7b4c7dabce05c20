"""``apalu-ref data``: which data sets are there, and how to get the others."""

from __future__ import annotations

import argparse
import json
import os
import sys
import textwrap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from apalu_ref.cli.output import add_format, deliver

if TYPE_CHECKING:
    from pathlib import Path

    from apalu_ref.datasets.catalogue import Entry
    from apalu_ref.datasets.locate import Found

EPILOG = """\
Full sets are read from the folder that the environment variable APALU_REF_DATA names.

exit status
  0  well      1  a file is damaged or incomplete, or a download failed      2  wrong usage

examples
  apalu-ref data --verify
  apalu-ref data fetch mnist --to ~/data
"""


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "data",
        help="list the data sets; download the full ones",
        description="List the data sets: what they are, which part comes with the package, what "
        "the data directory holds, the licences, and where each is published.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--verify", action="store_true", help="compare every file that is there with its sha256"
    )
    add_format(parser, "list")
    parser.set_defaults(run=run)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    fetch = actions.add_parser(
        "fetch",
        help="download a full set",
        description="Download a full set from where it is published, verified by sha256. An "
        "interrupt leaves no half file; files that are there and right are not fetched again.",
    )
    fetch.add_argument("name", metavar="NAME", help="the set, as apalu-ref data lists it")
    fetch.add_argument(
        "--to", metavar="DIR", help="the data directory (default: what APALU_REF_DATA names)"
    )
    fetch.set_defaults(run=run_fetch)


def run(arguments: argparse.Namespace) -> int:
    """List, and verify if asked; 1 if anything is damaged or incomplete."""
    from apalu_ref.datasets.catalogue import CATALOGUE
    from apalu_ref.datasets.errors import DatasetError
    from apalu_ref.datasets.locate import data_directory

    try:
        root = data_directory()
    except DatasetError as error:
        return _fail(error, 2)
    rows = [_row(entry, root, arguments.verify) for entry in CATALOGUE.values()]
    if arguments.format == "json":
        document = {"data_directory": root and str(root), "sets": rows}
        deliver(json.dumps(document, indent=2) + "\n", arguments.output)
    else:
        heading = f"data directory: {root or 'none (set APALU_REF_DATA to a folder)'}\n"
        deliver("\n".join([heading, *map(_text, rows)]), arguments.output)
    return int(any("error" in row[part] for row in rows for part in ("bundled", "full")))


def _row(entry: Entry, root: Path | None, verify: bool) -> dict[str, Any]:
    from apalu_ref.datasets.locate import find_bundled, find_full

    bundled = _state(lambda: find_bundled(entry), verify)
    full = _state(lambda: find_full(entry, root) if root else None, verify)
    return {
        "name": entry.name,
        "title": entry.title,
        "bundled": {"holds": entry.bundled_holds, **bundled},
        "full": {"holds": entry.full_holds, "path": entry.path, **full},
        "get": None if full["there"] == "full" else entry.how,
        "licence": entry.licence,
        "may_be_redistributed": entry.may_be_redistributed,
        "page": entry.page,
        "url": entry.url or None,
    }


def _state(find: Callable[[], Found | None], verify: bool) -> dict[str, Any]:
    """What is there (a source, or None), and whether it is right (None: not looked at)."""
    from apalu_ref.datasets.errors import DatasetError

    try:
        found = find()
        verified = found.verify() if found and verify else None
    except (DatasetError, OSError) as error:
        return {"there": None, "verified": False, "error": str(error)}
    return {"there": found.source if found else None, "verified": verified}


def _text(row: dict[str, Any]) -> str:
    may = "" if row["may_be_redistributed"] else "; may not be redistributed"
    lines = {
        "bundled": f"{_seen(row['bundled'])}{row['bundled']['holds']}" or "nothing",
        "full": f"{_seen(row['full'])}{row['full']['holds']}, in {row['full']['path']}",
        "get it": row["get"],
        "licence": row["licence"] + may,
        "page": row["page"],
        "files": row["url"],
    }
    wrapped = [
        textwrap.fill(
            text,
            100,
            initial_indent=f"  {label:9}",
            subsequent_indent=" " * 11,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for label, text in lines.items()
        if text
    ]
    return "\n".join([f"{row['name']}: {row['title']}", *wrapped, ""])


def _seen(state: dict[str, Any]) -> str:
    if "error" in state:
        return f"WRONG: {state['error']}; expected: "
    if state["there"] is None:
        return "missing: " if "path" in state else ""
    known = {None: "", True: ", sha256 right", False: ", not the files whose sha256 is known"}
    there = "there in part" if state["there"] == "subset" else "there"
    whole = "; the whole: " if state["there"] == "subset" else ": "
    return f"{there}{known[state['verified']]}{whole}"


def run_fetch(arguments: argparse.Namespace) -> int:
    """Download one set."""
    from apalu_ref.datasets.errors import DatasetError
    from apalu_ref.datasets.fetch import fetch
    from apalu_ref.datasets.locate import VARIABLE

    try:
        came = fetch(arguments.name, arguments.to, _progress if sys.stderr.isatty() else None)
    except DatasetError as error:
        return _fail(error, 1)
    except ValueError as error:
        return _fail(error, 2)
    for path in came:
        print(f"{path}: {path.stat().st_size:,} bytes, sha256 right")
    if not came:
        print(f"{arguments.name}: all files are there already, sha256 right")
    set_to = os.environ.get(VARIABLE) or os.devnull
    if arguments.to and os.path.realpath(arguments.to) != os.path.realpath(set_to):
        print(f"to use it: set {VARIABLE} to {arguments.to}")
    return 0


def _progress(name: str, come: int, of: int) -> None:
    end = "\r" if come < of else "\n"
    print(f"{name} {come / of:4.0%} of {of / 1e6:.1f} MB", end=end, file=sys.stderr, flush=True)


def _fail(error: Exception, status: int) -> int:
    print(f"apalu-ref data: {error}", file=sys.stderr)
    return status
