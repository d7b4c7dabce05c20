"""Records of :mod:`apalu_ref.check.exchange`: lines of text, then the arrays they announce."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
AnyPath = str | os.PathLike[str]

VERSION = 1

DTYPES = {
    "float64": "<f8",
    "float32": "<f4",
    "float16": "<f2",
    "bfloat16": "<u2",
    "int64": "<i8",
    "int32": "<i4",
}
"""The types that files hold, and how."""

LONGEST_LINE = 1000
MOST_AXES = 32
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class ExchangeError(ValueError):
    """The message names the file and the record, what is wrong, and what was expected."""


def encoded(arrays: Mapping[str, Array], bfloat16: Collection[str]) -> Iterator[bytes]:
    """The lines of these arrays and their bytes; ``bfloat16`` names float32 ones to be narrowed."""
    data = []
    for name, given in arrays.items():
        array = np.asarray(given)
        dtype = "bfloat16" if name in bfloat16 else array.dtype.name
        if dtype not in DTYPES or array.ndim > MOST_AXES:
            raise TypeError(
                f"{name} has dtype {dtype} and {array.ndim} axes, a file holds "
                f"{listed(DTYPES)} and up to {MOST_AXES} axes"
            )
        if dtype == "bfloat16":
            bits = array.astype(np.float32).view(np.uint32)
            if array.dtype != np.float32 or (bits & 0xFFFF).any():
                raise ValueError(f"{name} is not float32 that holds bfloat16 numbers: round it")
            array = bits >> 16
        yield " ".join([name, dtype, *map(str, array.shape)]).encode("ascii") + b"\n"
        data.append(array.astype(DTYPES[dtype]).tobytes())
    yield b"data\n" + b"".join(data)


def is_plain(text: str) -> bool:
    """Whether it can stand in a line."""
    return text.isascii() and text.isprintable()


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def listed(names: Collection[str]) -> str:
    """Names, for messages."""
    return ", ".join(names) or "nothing"


class Reader:
    """Reads a file record by record.

    What its header says is never believed: no array is made before the bytes for it are there.
    ``most`` bounds the size of the file.
    """

    def __init__(self, path: AnyPath, kind: str, most: int | None = None) -> None:
        self._path, self._magic, self._record = Path(path), f"apalu-{kind}", 0
        self._place = 0
        try:
            # Opening a pipe would wait for its other end; reading a device might never end.
            if self._path.exists() and not self._path.is_file():
                raise ExchangeError(f"{path} is no regular file, expected one")
            size = self._path.stat().st_size
            if most is not None and size > most:
                raise ExchangeError(f"{path} holds {size} bytes, expected at most {most}")
            self._data = self._path.read_bytes()
        except OSError as error:
            raise ExchangeError(f"{path} cannot be read: {error.strerror}") from error
        if not self._data:
            raise ExchangeError(f"{path} is empty, expected '{self._magic} {VERSION}' first")

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self._place

    def fail(self, what: str) -> NoReturn:
        """Raise ExchangeError about the current record."""
        raise ExchangeError(f"{self._path}, record {self._record}: it {what}")

    def at(self, word: bytes) -> bool:
        """Whether the next line begins with a word."""
        return self._data.startswith(word, self._place)

    def line(self, expected: str) -> str:
        """Read the next line of the header."""
        raw = self._data[self._place : self._place + LONGEST_LINE].split(b"\n")[0]
        text = raw.decode("ascii", "backslashreplace")
        if len(raw) in (self.left, LONGEST_LINE):
            how = "is cut off in the header" if len(raw) == self.left else "has no end of line"
            self.fail(f"{how} after {_shown(text)}, expected {expected}")
        if raw.endswith(b"\r"):
            self.fail(r"ends its lines with \r\n, expected \n alone: write the file as binary")
        if not raw.isascii() or not text.isprintable():
            self.fail(f"has {_shown(text)}, which is not ASCII text, expected {expected}")
        self._place += len(raw) + 1
        return text

    def begin(self) -> bool:
        """Read the first line of the next record, if there is one."""
        if not self.left:
            return False
        self._record += 1
        expected = f"'{self._magic} {VERSION}'"
        line = self.line(expected)
        if line != expected[1:-1]:
            self.fail(f"begins with {_shown(line)}, expected {expected}")
        return True

    def arrays(self, names: list[str] | None) -> tuple[dict[str, Array], set[str]]:
        """The arrays, and the names of those that are bfloat16; any names if none are given."""
        found: dict[str, tuple[str, tuple[int, ...]]] = {}
        while (line := self.line("'name dtype sizes ...' or 'data'")) != "data":
            name, *rest = line.split(" ")
            if not rest or not NAME.fullmatch(name):
                self.fail(f"has the line {_shown(line)}, expected 'name dtype sizes ...' or 'data'")
            if name in found:
                self.fail(f"holds {_shown(name)} again, expected it once")
            if names is not None and name not in names:
                self.fail(f"holds {_shown(name)}, expected {listed(names)}")
            found[name] = self._declaration(name, *rest)
        arrays = {name: self._array(name, *rest) for name, rest in found.items()}
        return arrays, {name for name, (dtype, _) in found.items() if dtype == "bfloat16"}

    def _declaration(self, name: str, dtype: str, *sizes: str) -> tuple[str, tuple[int, ...]]:
        if dtype not in DTYPES:
            self.fail(f"has {name} of dtype {_shown(dtype)}, expected one of {listed(DTYPES)}")
        if len(sizes) > MOST_AXES:
            self.fail(f"has {name} of {len(sizes)} axes, expected at most {MOST_AXES}")
        if not all(size.isdigit() for size in sizes):
            self.fail(f"has {name} of sizes {_shown(' '.join(sizes))}, expected numbers, 0 or more")
        shape = tuple(map(int, sizes))
        # Beside a size 0 the others take no bytes, but must stay within what NumPy can index.
        if math.prod(max(1, n) for n in shape) >= 2**48:
            self.fail(f"has {name} of sizes {_shown(' '.join(sizes))}, expected less than 2^48")
        return dtype, shape

    def _array(self, name: str, dtype: str, shape: tuple[int, ...]) -> Array:
        stored, count = np.dtype(DTYPES[dtype]), math.prod(shape)
        size = count * stored.itemsize
        if size > self.left:
            self.fail(
                f"is cut off in the data: {self.left} bytes are left, expected {size} for "
                f"{name} of {dtype} {shape}"
            )
        array = np.frombuffer(self._data, stored, count, self._place).reshape(shape)
        self._place += size
        if dtype == "bfloat16":
            return np.asarray(array.astype(np.uint32) << 16).view(np.float32)
        return array.astype(stored.newbyteorder("="))
