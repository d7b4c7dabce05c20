"""Every data set by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apalu_ref.datasets.anomalies import magnetic_tile, textures
from apalu_ref.datasets.errors import one_of
from apalu_ref.datasets.images import cifar10, digits, fashion_mnist, mnist, sign_digits
from apalu_ref.datasets.loaded import Loaded
from apalu_ref.datasets.numbers import auto_mpg, concrete, libras, stocks, yacht

_FUNCTIONS: dict[str, Callable[..., Loaded]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        mnist, fashion_mnist, cifar10, libras, sign_digits, auto_mpg, concrete, yacht, digits,
        stocks, magnetic_tile, textures,
    )
}  # fmt: skip


def load(name: str, **options: Any) -> Loaded:
    """Load a data set by its name.

    Parameters
    ----------
    name : str
        As ``apalu-ref data`` lists them.
    **options
        Those of the function of that name: ``split``, ``source``, ...

    Returns
    -------
    Loaded
        Images, Sequences, Table, Series or Defects.

    Raises
    ------
    DatasetError
        If the data are missing, incomplete or damaged.
    ValueError
        If there is no such set, or an option has a value it does not know.

    Examples
    --------
    >>> from apalu_ref import datasets
    >>> datasets.load("auto-mpg", source="bundled")
    <auto-mpg all, bundled, verified: features (392, 7), targets (392,)>
    """
    one_of("name", name, tuple(_FUNCTIONS))
    return _FUNCTIONS[name](**options)
