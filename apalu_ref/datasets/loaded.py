"""What the loaders return: plain arrays, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Loaded:
    """What every data set has.

    Attributes
    ----------
    name : str
        The set, such as ``"mnist"``.
    part : str
        Which part of it: a split, a ticker, a size, a kind of texture, or ``"all"``.
    source : str
        ``"bundled"``: came with the package; ``"full"``: the whole set, from the data
        directory; ``"subset"``: fewer records than the whole set, from the data directory;
        ``"folder"``: any folder, read by :func:`~apalu_ref.datasets.read_defects`.
    verified : bool
        The sha256 of every file read is the one this package knows.
    """

    name: str
    part: str
    source: str
    verified: bool

    def facts(self) -> dict[str, Any]:
        """What an experiment should report: where the data came from, and the shapes (JSON)."""
        shapes = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                shapes[field.name] = list(value.shape)
        return {
            "name": self.name,
            "part": self.part,
            "source": self.source,
            "verified": self.verified,
            "shapes": shapes,
        }

    def __repr__(self) -> str:
        shapes = ", ".join(f"{k} {tuple(v)}" for k, v in self.facts()["shapes"].items())
        known = "verified" if self.verified else "not verified"
        return f"<{self.name} {self.part}, {self.source}, {known}: {shapes}>"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Images(Loaded):
    """Pictures with labels.

    Attributes
    ----------
    images : ndarray of uint8, shape (N, C, H, W)
    labels : ndarray of int64, shape (N,)
        0 to ``len(classes) - 1``.
    classes : tuple of str
    levels : int
        The largest value a pixel can have: divide by it to get 0 to 1.
    groups : ndarray of int64, shape (N,), or None
        Which images belong together (those of one signer) and must not be split between
        training and test.
    """

    images: Array
    labels: Array
    classes: tuple[str, ...]
    levels: int
    groups: Array | None = None


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Sequences(Loaded):
    """Sequences with labels.

    Attributes
    ----------
    sequences : ndarray of float64, shape (N, T, D)
    labels : ndarray of int64, shape (N,)
        0 to ``len(classes) - 1``.
    classes : tuple of str
    """

    sequences: Array
    labels: Array
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Table(Loaded):
    """Features with a number to predict.

    Attributes
    ----------
    features : ndarray of float64, shape (N, F)
    targets : ndarray of float64, shape (N,)
    feature_names : tuple of str
    target_name : str
    """

    features: Array
    targets: Array
    feature_names: tuple[str, ...]
    target_name: str


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Series(Loaded):
    """A time series.

    Attributes
    ----------
    dates : ndarray of datetime64[D], shape (T,)
        Strictly increasing.
    values : ndarray of float64, shape (T, len(columns))
    columns : tuple of str
    """

    dates: Array
    values: Array
    columns: tuple[str, ...]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Defects(Loaded):
    """Pictures without defects to learn from, and pictures with and without to test on.

    Attributes
    ----------
    train : ndarray of uint8, shape (N, C, H, W)
        All without defects.
    test : ndarray of uint8, shape (M, C, H, W)
    labels : ndarray of int64, shape (M,)
        Of ``test``: 0 is good, k the k-th kind of defect.
    masks : ndarray of bool, shape (M, 1, H, W)
        Of ``test``: True where the defect is.
    classes : tuple of str
        ``("good", ...)``, the kinds of defect in alphabetical order.
    """

    train: Array
    test: Array
    labels: Array
    masks: Array
    classes: tuple[str, ...]
