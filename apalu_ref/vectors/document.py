"""The file of the vectors: reading it with every field checked, writing it, comparing two."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FORMAT = "apalu-vectors"
VERSION = 1
"""The version of the layout; raised when a consumer that read the old one would not read it."""

PATH = Path(__file__).parent / f"{FORMAT}-{VERSION}.json"

INPUTS = ("x", "a", "b", "gy")
RESULTS = ("y", "dx", "da", "db")

_TYPES: dict[str, tuple[str, ...]] = {
    "elementwise": RESULTS,
    "nonfinite": ("y", "dx"),
    "broadcast": RESULTS,
}
_BITS = {"float64": 64, "float32": 32, "float16": 16, "bfloat16": 16}
_SOURCES = {"y": "y", "dx": "x", "da": "a", "db": "b"}


class VectorsError(ValueError):
    """A file of vectors is missing, damaged or of another version; the message names it."""


def load(path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """Read vectors and check that every field is what it should be.

    Whether the *values* are right is another question: compare with
    :func:`~apalu_ref.vectors.regenerate`.

    Parameters
    ----------
    path : path-like, optional
        The file; the one that comes with the package by default.

    Returns
    -------
    dict
        The document as it is in the file.

    Raises
    ------
    VectorsError
        If the file is missing, is no such document, or is of a version that is not known. The
        message names the file and the place in it.

    Examples
    --------
    >>> document = load()
    >>> document["algorithm"], document["testGroups"][0]["dtype"]
    ('APALU', 'float64')
    >>> document["testGroups"][0]["tests"][0]["flags"]
    ['Zero', 'Kink']
    """
    source = PATH if path is None else Path(path)
    try:
        document = json.loads(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise VectorsError(f"{source}: cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise VectorsError(f"{source}: not a JSON file: {error}") from None
    try:
        _check(document)
    except VectorsError as error:
        raise VectorsError(f"{source}: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else error
        raise VectorsError(f"{source}: not a file of APALU vectors: {what}") from None
    return document


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise VectorsError(otherwise)


def _check(document: Any) -> None:
    _require(isinstance(document, dict) and document.get("format") == FORMAT, "not APALU vectors")
    version = document.get("formatVersion")
    _require(version == VERSION, f"formatVersion is {version!r}, this release reads {VERSION}")
    numbers = [test["tcId"] for group in document["testGroups"] for test in group["tests"]]
    count = document["numberOfTests"]
    _require(len(numbers) == count, f"numberOfTests is {count}, there are {len(numbers)} tests")
    _require(len(set(numbers)) == count, "a tcId occurs twice")
    for group in document["testGroups"]:
        _require(group["type"] in _TYPES, f"unknown type of tests {group['type']!r}")
        _require(group["dtype"] in _BITS, f"unknown dtype {group['dtype']!r}")
        for test in group["tests"]:
            try:
                _check_test(test, group, document["notes"])
            except KeyError as error:
                raise VectorsError(f"tcId {test['tcId']}: no {error}") from None
            except VectorsError as error:
                raise VectorsError(f"tcId {test['tcId']}: {error}") from None


def _check_test(test: dict[str, Any], group: dict[str, Any], notes: dict[str, str]) -> None:
    pattern = re.compile(f"0x[0-9a-f]{{{_BITS[group['dtype']] // 4}}}")
    results = _TYPES[group["type"]]
    _require(test["result"] in ("valid", "acceptable"), f"result is {test['result']!r}")
    for flag in test["flags"]:
        _require(flag in notes, f"flag {flag!r} has no note")
    arrays = group["type"] == "broadcast"
    for name in (*INPUTS, *results, *({"dxOther"} & set(test))):
        values = test[name] if arrays else [test[name]]
        for value in values:
            good = isinstance(value, str) and pattern.fullmatch(value) is not None
            _require(good, f"{name} is {value!r}, not a {group['dtype']} pattern")
        if arrays:
            size = math.prod(test["shapes"][_SOURCES.get(name, name)])
            _require(len(values) == size, f"{name} has {len(values)} values, its shape {size}")
    for kind in ("core", *({"precision"} & set(test))):
        for name in results:
            numbers = test[kind][name] if arrays else [test[kind][name]]
            count = len(test[name]) if arrays else 1
            said = f"{len(numbers)} numbers for {count} values"
            _require(len(numbers) == count, f"{kind} of {name} has {said}")
            for number in numbers:
                known = isinstance(number, float) and number >= 0
                _require(known, f"{kind} of {name} is {number!r}, not a number >= 0")


def dumps(document: dict[str, Any]) -> str:
    """Write a document as it is shipped: JSON in ASCII, one test a line.

    Examples
    --------
    >>> dumps(load()) == PATH.read_text(encoding="utf-8")
    True
    """
    groups = [{**g, "tests": f"tests of {i}"} for i, g in enumerate(document["testGroups"])]
    text = json.dumps({**document, "testGroups": groups}, indent=1)
    for i, group in enumerate(document["testGroups"]):
        tests = ",\n".join(json.dumps(test, separators=(",", ":")) for test in group["tests"])
        text = text.replace(f'"tests of {i}"', f"[\n{tests}\n]", 1)
    return text + "\n"


COLUMNS = (
    *("tcId", "dtype", *INPUTS, *RESULTS, "dxOther"),
    *(f"core_{name}" for name in RESULTS),
    *(f"precision_{name}" for name in RESULTS),
    "flags",
)
"""The columns of the table."""


def tsv(document: dict[str, Any]) -> str:
    r"""Write the elementwise tests as a table for programs that have no JSON.

    A line of names, then one test a line, fields set apart by tabs, none of them empty: where
    there is no ``dxOther`` it is ``dx``, where precision is not asked it is that of core, and
    without flags there is a ``-``.

    Examples
    --------
    >>> table = tsv(load()).splitlines()
    >>> table[0].split("\t")[:6]
    ['tcId', 'dtype', 'x', 'a', 'b', 'gy']
    """
    lines = ["\t".join(COLUMNS)]
    for group in document["testGroups"]:
        if group["type"] == "elementwise":
            lines += ["\t".join(_row(test, group["dtype"])) for test in group["tests"]]
    return "\n".join(lines) + "\n"


def _row(test: dict[str, Any], dtype: str) -> Iterator[str]:
    yield from (str(test["tcId"]), dtype)
    yield from (test[name] for name in (*INPUTS, *RESULTS))
    yield test.get("dxOther", test["dx"])
    for tolerance in (test["core"], test.get("precision", test["core"])):
        yield from (repr(tolerance[name]) for name in RESULTS)
    yield ",".join(test["flags"]) or "-"


class Difference(NamedTuple):
    """A field in which a document is not as it should be; ``None`` is a field that is not there."""

    where: str
    field: str
    found: Any
    expected: Any

    def __str__(self) -> str:
        """Say so in a line."""
        return f"{self.where} {self.field}: {_short(self.found)}, expected {_short(self.expected)}"


def _short(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def differences(document: dict[str, Any], expected: dict[str, Any]) -> list[Difference]:
    """Compare two documents, test by test.

    Parameters
    ----------
    document, expected : dict
        As :func:`load` returns them; ``expected`` is usually what
        :func:`~apalu_ref.vectors.regenerate` returns.

    Returns
    -------
    list of Difference
        Empty if they are equal.

    Examples
    --------
    >>> other = load()
    >>> other["testGroups"][0]["tests"][0]["y"] = "0x0000000000000001"
    >>> [str(difference) for difference in differences(other, load())]
    ['tcId 1 (elementwise float64) y: 0x0000000000000001, expected 0x0000000000000000']
    """
    found, wanted = _parts(document), _parts(expected)
    return [
        difference
        for where in {**wanted, **found}
        for difference in _compare(where, "", found.get(where), wanted.get(where))
    ]


def _parts(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The heading, the headings of the groups and the tests, by what they are called."""
    parts = {"heading": {k: v for k, v in document.items() if k != "testGroups"}}
    for group in document["testGroups"]:
        name = f"{group['type']} {group['dtype']}"
        parts[f"group {name}"] = {k: v for k, v in group.items() if k != "tests"}
        parts |= {f"tcId {test['tcId']} ({name})": test for test in group["tests"]}
    return parts


def _compare(where: str, field: str, found: Any, expected: Any) -> Iterator[Difference]:
    if isinstance(found, dict) and isinstance(expected, dict):
        for key in {**expected, **found}:
            inner = f"{field}.{key}" if field else key
            yield from _compare(where, inner, found.get(key), expected.get(key))
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        for i, pair in enumerate(zip(found, expected, strict=True)):
            yield from _compare(where, f"{field}[{i}]", *pair)
    elif found != expected:
        yield Difference(where, field or "test", found, expected)
