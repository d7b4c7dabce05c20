"""``apalu-ref vectors``: golden test vectors for implementers in any language."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

EPILOG = """\
exit status
  0  well      1  verify: the file differs      2  wrong usage, or a file that cannot be read

examples
  apalu-ref vectors export build/vectors
  apalu-ref vectors export build/vectors --format tsv
  apalu-ref vectors export build/vectors --requests
  apalu-ref vectors verify build/vectors/apalu-vectors-1.json
  apalu-ref vectors show list
  apalu-ref vectors show 1
  apalu-ref vectors show SigmoidTail
"""

_SHOWN = 20


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "vectors",
        help="golden test vectors that any language can read",
        description="Inputs and exact results, as bit patterns, for implementations in any "
        "language: write them to a folder, compare a file with the oracle, look at one.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    export = actions.add_parser(
        "export",
        help="write the vectors to a folder",
        description="Write the vectors to a folder, which is made if it is not there.",
        epilog="example\n  apalu-ref vectors export build/vectors --format tsv\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    export.add_argument("folder", metavar="DIR", type=Path, help="where to")
    export.add_argument(
        "--format",
        choices=(*_WRITERS, "all"),
        default="all",
        help="json: everything; tsv: the single elements as a table, for programs without JSON; "
        "default: all",
    )
    export.add_argument(
        "--requests",
        action="store_true",
        help="write the questions of apalu-ref check as well, a file each, to be answered "
        "elsewhere: DIR/requests/NAME.request, answers in DIR/answers/NAME.answer; then "
        "apalu-ref check DIR judges them",
    )
    export.add_argument(
        "--profile",
        choices=("quick", "standard", "strict", "exhaustive"),
        default="standard",
        help="which questions, with --requests; check DIR with the same (default: standard)",
    )
    export.set_defaults(run=run_export)

    verify = actions.add_parser(
        "verify",
        help="compare a file with the oracle",
        description="Compute every value again with the oracle and compare the file with it, "
        "field by field.",
        epilog="exit status\n  0  equal      1  different      2  missing, damaged or unknown\n\n"
        "examples\n  apalu-ref vectors verify\n  apalu-ref vectors verify vectors.json\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verify.add_argument(
        "file", metavar="FILE", nargs="?", type=Path, help="default: the file of the package"
    )
    verify.set_defaults(run=run_verify)

    show = actions.add_parser(
        "show",
        help="look at a test, the tests with a flag, or the list",
        description="Print a test in decimal and in hexadecimal, with what its flags mean.",
        epilog="examples\n  apalu-ref vectors show list\n  apalu-ref vectors show 1\n"
        "  apalu-ref vectors show Kink\n",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    show.add_argument("what", metavar="ID|FLAG|list", help="a tcId, a flag, or the word list")
    show.set_defaults(run=run_show)


def _json(document: dict[str, Any]) -> dict[str, str]:
    from apalu_ref.vectors import PATH, dumps

    return {PATH.name: dumps(document)}


def _tsv(document: dict[str, Any]) -> dict[str, str]:
    from apalu_ref.vectors import PATH, tsv

    return {PATH.with_suffix(".tsv").name: tsv(document)}


# What export writes: each makes files, their names and contents, of the vectors.
_WRITERS = {"json": _json, "tsv": _tsv}


def run_export(arguments: argparse.Namespace) -> int:
    """Write the files."""
    from apalu_ref.vectors import VectorsError, load
    from minigrad.checkpoint import write_atomically

    try:
        document = load()
        arguments.folder.mkdir(parents=True, exist_ok=True)
    except VectorsError as error:
        return _fail(error)
    except (FileExistsError, NotADirectoryError):
        return _fail(f"{arguments.folder} is not a folder, and cannot be made one")
    chosen = _WRITERS.values() if arguments.format == "all" else [_WRITERS[arguments.format]]
    for writer in chosen:
        for name, text in writer(document).items():
            content = text.encode("ascii")
            write_atomically(arguments.folder / name, content)
            print(f"{arguments.folder / name}: {len(content):,} bytes")
    if arguments.requests:
        _write_requests(arguments.folder, arguments.profile)
    return 0


def _write_requests(folder: Path, profile: str) -> None:
    from apalu_ref.check.adapters.files import Answers
    from apalu_ref.check.folders import ANSWERS, REQUESTS, write_requests

    features = Answers.features | (Answers.exhaustive if profile == "exhaustive" else set())
    written = write_requests(folder, profile, features)
    print(f"{folder / REQUESTS}: {len(written)} requests; answer them in {folder / ANSWERS}, then")
    print(f"apalu-ref check {folder} --profile {profile}")


def run_verify(arguments: argparse.Namespace) -> int:
    """Compare; 1 if anything differs."""
    from apalu_ref.vectors import PATH, VectorsError, differences, load, regenerate

    try:
        document = load(arguments.file)
    except VectorsError as error:
        return _fail(error)
    found = differences(document, regenerate())
    name = arguments.file or PATH
    for difference in found[:_SHOWN]:
        print(difference)
    if len(found) > _SHOWN:
        print(f"... and {len(found) - _SHOWN} more")
    if found:
        print(f"{name}: {len(found)} fields are not what the oracle says")
        return 1
    print(f"{name}: {document['numberOfTests']} tests, all as the oracle says")
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print a test, the tests with a flag, or the list."""
    from apalu_ref.vectors import VectorsError, load

    try:
        document = load()
    except VectorsError as error:
        return _fail(error)
    what = arguments.what
    notes = document["notes"]
    flag = next((name for name in notes if name.lower() == what.lower()), None)
    if what == "list":
        print("\n".join(_listed(document)))
    elif flag:
        print(textwrap.fill(f"{flag}: {notes[flag]}", 100, subsequent_indent="  "), end="\n\n")
        print("\n".join(_lines(document, flag)))
    elif what.isdecimal():
        return _show_one(document, int(what))
    else:
        import difflib

        near = difflib.get_close_matches(what, notes, 1, 0.5)
        guess = f"; did you mean {near[0]}?" if near else ":"
        return _fail(f"no flag {what!r}{guess} `apalu-ref vectors show list` lists them")
    return 0


def _tests(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for group in document["testGroups"]:
        for test in group["tests"]:
            yield group, test


def _listed(document: dict[str, Any]) -> Iterator[str]:
    yield f"{document['numberOfTests']} tests, generator version {document['generatorVersion']}"
    yield ""
    for group in document["testGroups"]:
        first, last = (group["tests"][i]["tcId"] for i in (0, -1))
        yield f"  {first:3}-{last:<3}  {group['type']:11}  {group['dtype']}"
    yield ""
    for flag, note in document["notes"].items():
        count = sum(flag in test["flags"] for _, test in _tests(document))
        yield f"  {flag:22}{count:4}  {textwrap.shorten(note, 70, placeholder=' ...')}"


def _lines(document: dict[str, Any], flag: str) -> Iterator[str]:
    """A line for each test that has the flag."""
    for group, test in _tests(document):
        if flag in test["flags"]:
            kind = f"{group['type']} {group['dtype']}"
            x = "" if group["type"] == "broadcast" else f", x = {_number(test['x'], group)}"
            yield f"{test['tcId']:4}  {kind:20}  {test['comment']}{x}"


def _number(pattern: str, group: dict[str, Any]) -> str:
    from apalu_ref.oracle import from_bits

    return repr(float(from_bits(int(pattern, 16), group["dtype"])))


def _show_one(document: dict[str, Any], number: int) -> int:
    for group, test in _tests(document):
        if test["tcId"] == number:
            print("\n".join(_described(test, group, document["notes"])))
            return 0
    numbers = [test["tcId"] for _, test in _tests(document)]
    return _fail(f"no tcId {number}: they are {min(numbers)} to {max(numbers)}")


def _described(test: dict[str, Any], group: dict[str, Any], notes: dict[str, str]) -> Iterator[str]:
    yield f"tcId {test['tcId']}: {group['type']} {group['dtype']}, {test['comment']}"
    result = {"valid": "valid", "acceptable": "acceptable: other answers may be, see the flags"}
    yield f"result {result[test['result']]}"
    for name in ("x", "a", "b", "gy", "y", "dx", "dxOther", "da", "db"):
        if name not in test:
            continue
        if name in ("x", "y"):
            yield ""
        if group["type"] == "broadcast":
            source = {"dx": "x", "da": "a", "db": "b"}.get(name, name)
            yield f"{name}, shape {tuple(test['shapes'][source])}"
        yield from (
            f"  {'' if group['type'] == 'broadcast' else name:7} {line}"
            for line in _values(name, test, group)
        )
    for flag in test["flags"]:
        yield ""
        yield textwrap.fill(f"{flag}: {notes[flag]}", 100, subsequent_indent="  ")


def _values(name: str, test: dict[str, Any], group: dict[str, Any]) -> Iterator[str]:
    """Each value in hexadecimal and decimal; of results the exact digits and tolerances, too."""

    def as_list(values: Any) -> list[Any]:
        return values if isinstance(values, list) else [values]

    patterns = as_list(test[name])
    columns = {
        label: as_list(test[kind][name])
        for kind, label in (("core", "core ±"), ("precision", "precision ±"), ("decimal", "exact"))
        if name in test.get(kind, {})
    }
    for i, pattern in enumerate(patterns):
        parts = [pattern, f"{_number(pattern, group):24}"]
        for label, values in columns.items():
            said = values[i] if label == "exact" else f"{Decimal(repr(values[i])):<9.3g}"
            parts.append(f"{label} {said}".replace("± ", "±"))
        yield "  ".join(parts).rstrip()


def _fail(message: object) -> int:
    print(f"apalu-ref vectors: {message}", file=sys.stderr)
    return 2
