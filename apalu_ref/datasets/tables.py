"""Comma-separated values, plain or gzip, checked row by row."""

from __future__ import annotations

import csv
import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.datasets.errors import DatasetError
from apalu_ref.datasets.files import PathLike, read_bytes

Array = NDArray[Any]


def read_matrix(path: PathLike, columns: int) -> Array:
    """Read numbers without a header.

    Parameters
    ----------
    path : path
    columns : int
        How many each row must have.

    Returns
    -------
    ndarray of float64, shape (N, columns)

    Raises
    ------
    DatasetError
        Naming the line: another number of columns, not a finite number, no rows, or no line
        end at the end (cut short).
    """
    rows = _rows(path)
    return np.array([_numbers(path, line, row, columns) for line, row in enumerate(rows, 1)])


def read_table(
    path: PathLike, columns: Sequence[str], text: Collection[str] = ()
) -> dict[str, Array]:
    """Read columns under a header, which must be the given one.

    Parameters
    ----------
    path : path
    columns : sequence of str
        The header.
    text : collection of str, optional
        The columns that hold text; the others hold numbers.

    Returns
    -------
    dict of str to ndarray, shape (N,)
        float64 for numbers, str for text.

    Raises
    ------
    DatasetError
        As for :func:`read_matrix`, or if the header is another one.
    """
    header, *rows = _rows(path)
    if header != list(columns):
        raise DatasetError(
            f"{path}: expected the header {','.join(columns)}, found {','.join(header)}"
        )
    if not rows:
        raise DatasetError(f"{path}: expected rows under the header, found none")
    numeric = [i for i, column in enumerate(columns) if column not in text]
    values = np.array(
        [_numbers(path, line, row, len(columns), numeric) for line, row in enumerate(rows, 2)]
    )
    table = {columns[i]: values[:, k].copy() for k, i in enumerate(numeric)}
    for i, column in enumerate(columns):
        if column in text:
            table[column] = np.array([row[i] for row in rows])
    return table


def _rows(path: PathLike) -> list[list[str]]:
    try:
        content = read_bytes(path).decode("utf-8")
        rows = list(csv.reader(content.splitlines()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: not comma-separated text in UTF-8 ({error})") from None
    if not rows:
        raise DatasetError(f"{path}: expected rows of values, found an empty file")
    if not content.endswith("\n"):
        raise DatasetError(f"{path}: cut short: expected a line end at the end of line {len(rows)}")
    return rows


def _numbers(
    path: PathLike, line: int, row: list[str], columns: int, which: Sequence[int] | None = None
) -> list[float]:
    if len(row) != columns:
        raise DatasetError(f"{path}: line {line}: expected {columns} columns, found {len(row)}")
    chosen = row if which is None else [row[i] for i in which]
    try:
        numbers = [float(cell) for cell in chosen]
    except ValueError as error:
        raise DatasetError(f"{path}: line {line}: expected numbers, {error}") from None
    if not all(map(math.isfinite, numbers)):
        raise DatasetError(f"{path}: line {line}: expected finite numbers, found {chosen}")
    return numbers
