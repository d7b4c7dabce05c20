r"""The files by which a program in any language is asked, and answers.

A request is one record after another until the file ends, each a call of the function.
A record is lines of ASCII text, ended by ``\n`` alone, and then the numbers: raw,
little-endian, the last axis fastest, array after array in the order of their lines with
nothing between. The number of an array's sizes is that of its axes; a 0-d one has none::

    apalu-request 1
    probe shapes/float64/per-channel
    x float64 2 3 5 7
    a float64 3 1 1
    b float64 3 1 1
    gy float64 2 3 5 7
    data

x comes first, gy last, with the parameters, however many, between them. Types are float64,
float32, float16, bfloat16 (16-bit patterns), int64 and int32.

An answer has a record for each of the request's, in the same order. It begins with
``apalu-answer 1`` and holds ``y``, ``dx`` and ``d`` before each parameter's name, or ``y``
alone from a program that has no gradients. What a program does not offer it refuses, with
the reason, in a record of two lines and no data::

    apalu-answer 1
    refused only float32 and float64 are implemented

Reading trusts nothing in a file: what is not in the format raises :class:`ExchangeError`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.inputs import Call
from apalu_ref.check.records import (
    LONGEST_LINE,
    NAME,
    VERSION,
    AnyPath,
    ExchangeError,
    Reader,
    encoded,
    is_plain,
    listed,
)

__all__ = [
    "Answer",
    "ExchangeError",
    "Refusal",
    "read_answers",
    "read_request",
    "write_answers",
    "write_request",
]

Array = NDArray[Any]

# Not for parameters: words and arrays of the format have these names.
_TAKEN = {"x", "y", "gy", "probe", "data", "refused"}


class Refusal(NamedTuple):
    """What a program said instead of an answer."""

    reason: str


class Answer(dict[str, Array]):
    """The results of one call by name; ``bfloat16`` names those held as float32 for want of it."""

    def __init__(self, arrays: Mapping[str, Array], bfloat16: Collection[str] = ()) -> None:
        super().__init__(arrays)
        self.bfloat16 = frozenset(bfloat16)


def write_request(path: AnyPath, probe: str, calls: Sequence[Call]) -> None:
    """Write the request of one probe.

    Parameters
    ----------
    path : path
    probe : str
        Its id, one line of ASCII.
    calls : sequence of Call
        At least one. float32 arrays of a call whose ``storage`` is ``"bfloat16"`` are
        written as bfloat16.

    Raises
    ------
    ValueError, TypeError
        If the format cannot hold these calls.

    Examples
    --------
    >>> import tempfile
    >>> one = np.ones(2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     request = Path(folder, "request")
    ...     write_request(request, "example", [Call(one, {"a": np.array(3.0)}, one)])
    ...     print(request.read_bytes().partition(b"data")[0].decode())
    apalu-request 1
    probe example
    x float64 2
    a float64
    gy float64 2
    <BLANKLINE>
    """
    if not calls:
        raise ValueError("a request holds at least one call")
    if not probe or not is_plain(probe) or len(probe) > LONGEST_LINE // 2:
        raise ValueError(f"the probe's id {probe!r} is not one short line of printable ASCII")
    parts = []
    for call in calls:
        for name in call.parameters:
            if not NAME.fullmatch(name) or name in _TAKEN:
                raise ValueError(f"a parameter named {name!r} cannot be written: rename it")
        parts.append(f"apalu-request {VERSION}\nprobe {probe}\n".encode())
        narrow = [n for n, t in call.arrays.items() if t.dtype == np.float32]
        parts += encoded(call.arrays, narrow if call.storage == "bfloat16" else ())
    Path(path).write_bytes(b"".join(parts))


def write_answers(path: AnyPath, answers: Iterable[Mapping[str, Array] | Refusal]) -> None:
    """Write what a program answers, one for each call of the request.

    Parameters
    ----------
    path : path
    answers : iterable of dict or Refusal
        Arrays by name: y alone, or with the gradient of x and of every parameter.
    """
    parts = []
    for answer in answers:
        parts.append(f"apalu-answer {VERSION}\n".encode())
        if isinstance(answer, Refusal):
            reason = " ".join(answer.reason.split()).encode("ascii", "backslashreplace")
            parts.append(b"refused " + (reason[: LONGEST_LINE // 2] or b"for no reason") + b"\n")
        else:
            parts += encoded(answer, getattr(answer, "bfloat16", ()))
    Path(path).write_bytes(b"".join(parts))


def read_request(path: AnyPath) -> tuple[str, list[Call]]:
    """Read a request: the probe's id, and the calls. Raises ExchangeError."""
    reader = Reader(path, "request")
    probe = ""
    calls: list[Call] = []
    while reader.begin():
        word, _, name = reader.line("'probe ...'").partition(" ")
        if word != "probe" or not name or name != (probe or name):
            reader.fail(f"is not of one probe, expected 'probe {probe or '...'}'")
        probe = name
        arrays, bfloat16 = reader.arrays(None)
        names = list(arrays)
        if len(names) < 2 or names[0] != "x" or names[-1] != "gy":
            reader.fail(f"holds {listed(names)}, expected x first and gy last")
        if taken := _TAKEN.intersection(names[1:-1]):
            reader.fail(f"has a parameter {listed(taken)}, expected another name")
        if bfloat16 and bfloat16 != {n for n, t in arrays.items() if t.dtype == np.float32}:
            reader.fail("mixes float32 and bfloat16, expected one of them")
        x, gy = arrays.pop("x"), arrays.pop("gy")
        calls.append(Call(x, arrays, gy, "bfloat16" if bfloat16 else ""))
    return probe, calls


def read_answers(path: AnyPath, calls: Sequence[Call]) -> list[Answer | Refusal]:
    """Read the answers to these calls.

    Parameters
    ----------
    path : path
    calls : sequence of Call
        What was asked: it says how many records there should be, and their names. Shapes
        and types of the answers are not judged here.

    Returns
    -------
    list of Answer or Refusal
        One for each call.

    Raises
    ------
    ExchangeError
        If the file is missing or not in the format.

    Examples
    --------
    >>> import tempfile
    >>> one = np.ones(2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     answer = Path(folder, "answer")
    ...     write_answers(answer, [{"y": one}, Refusal("float16 is not offered")])
    ...     print(*read_answers(answer, [Call(one, {}, one)] * 2))
    {'y': array([1., 1.])} Refusal(reason='float16 is not offered')
    """
    asked = sum(t.nbytes for call in calls for t in call.arrays.values())
    # Room for gradients that were not summed where they should be: that is for others to say.
    reader = Reader(path, "answer", most=2**24 + 64 * asked)
    answers: list[Answer | Refusal] = []
    for call in calls:
        if not reader.begin():
            raise ExchangeError(
                f"{path} ends after record {len(answers)}, expected {len(calls)}: one a call"
            )
        answers.append(_answer(reader, ["y", *(f"d{name}" for name in call.inputs)]))
    if reader.left:
        raise ExchangeError(
            f"{path} has {reader.left} bytes after record {len(calls)}, expected its end: "
            "one record a call"
        )
    return answers


def _answer(reader: Reader, names: list[str]) -> Answer | Refusal:
    """What follows the first line of an answer that should hold these names."""
    if reader.at(b"refused"):
        reason = reader.line("'refused ...'").removeprefix("refused").strip()
        return Refusal(reason) if reason else reader.fail("refuses, expected a reason as well")
    arrays, bfloat16 = reader.arrays(names)
    missing = [name for name in names if name not in arrays]
    if missing and list(arrays) != ["y"]:
        reader.fail(f"lacks {listed(missing)}, expected {listed(names)} (or y alone)")
    return Answer(arrays, bfloat16)
