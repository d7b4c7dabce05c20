"""The exceptions of the readers, the catalogue and the downloads; two checks."""

from __future__ import annotations

from typing import Any

import numpy as np


class DatasetError(ValueError):
    """A data set is missing, incomplete, damaged, or not what its name says.

    The message names the file, what was expected and what was found.
    """


class MissingDataError(DatasetError):
    """A data set is not there, whole or in part; the message says how to get it."""


def one_of(what: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Raise ValueError if an argument has none of the values it may have."""
    if value not in allowed:
        raise ValueError(f"{what} must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def whole(values: Any, least: int, most: int) -> bool:
    """Whether all values are whole numbers in a range."""
    return bool(((values == np.rint(values)) & (values >= least) & (values <= most)).all())
