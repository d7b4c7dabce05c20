"""Training, validation and test data: split by seed, standardised by the training part."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.studies.plan import Task

Array = NDArray[Any]


class Split(NamedTuple):
    """What a run may see: inputs and targets to train on, and those it is judged by.

    While a learning rate is chosen the latter are validation data, in a final run the test set.
    """

    x: Array
    y: Array
    judged_x: Array
    judged_y: Array


def generator(task: Task) -> np.random.Generator:
    """Random numbers for splitting: the same for all arms and rates."""
    return np.random.default_rng([task.entropy, 2])


def parts(count: int, shares: tuple[float, ...], rng: np.random.Generator) -> list[Array]:
    """Rows 0 to ``count`` - 1 in random order, cut at these shares; the last part has the rest."""
    order = rng.permutation(count)
    cuts = np.cumsum([round(share * count) for share in shares])
    return np.split(order, cuts)


def stratified(labels: Array, share: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two sets of rows; the second has ``share`` of each class, at least one row of each."""
    first, second = [], []
    for label in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == label))
        cut = max(1, round(share * len(rows)))
        first.append(rows[cut:])
        second.append(rows[:cut])
    return rng.permutation(np.concatenate(first)), rng.permutation(np.concatenate(second))


def by_group(groups: Array, share: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Two sets of rows with no group in both; the second has about ``share`` of the groups."""
    names = rng.permutation(np.unique(groups))
    chosen = np.isin(groups, names[: max(1, round(share * len(names)))])
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def official(train: Any, test: Any, task: Task, count: int, validation: int) -> Split:
    """Images of a set that has a test set of its own.

    The first ``count`` of a random order of the training images are trained on, the next
    ``validation`` are put aside; where there are fewer, a sixth is put aside. A final run is
    judged by the whole official test set.

    Parameters
    ----------
    train, test : Images
    task : Task
    count, validation : int
    """
    n = len(train.labels)
    if count + validation > n:
        validation = min(validation, n // 6)
        count = min(count, n - validation)
    order = generator(task).permutation(n)
    rows, aside = order[:count], order[count : count + validation]
    pixels = train.images[rows].astype(np.float32)
    axes = (0, 2, 3)
    mean, std = pixels.mean(axes, keepdims=True), pixels.std(axes, keepdims=True) + 1e-6
    judged = test if task.final else train
    chosen = slice(None) if task.final else aside
    return Split(
        (pixels - mean) / std,
        train.labels[rows],
        ((judged.images[chosen] - mean) / std).astype(np.float32),
        judged.labels[chosen],
    )


def standardised(train: Array, *others: Array) -> list[Array]:
    """All arrays with the training part's mean and standard deviation (by column) taken out."""
    mean = train.mean(0, keepdims=True)
    std = train.std(0, keepdims=True)
    std = np.where(std > 0, std, 1)
    return [((x - mean) / std).astype(np.float32) for x in (train, *others)]
