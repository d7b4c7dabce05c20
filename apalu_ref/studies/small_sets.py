"""Sets without a test set of their own: one is put aside, the same for every seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.datasets import MissingDataError
from apalu_ref.datasets.locate import find
from apalu_ref.studies.plan import Outcome, Scale, Task
from apalu_ref.studies.splits import by_group, generator, parts, stratified

Array = NDArray[Any]
Cut = Callable[[Array, float, np.random.Generator], tuple[Array, Array]]


class Rows(NamedTuple):
    """Which rows of a set a run may see: those to train on, and those it is judged by."""

    train: Array
    judged: Array


def split(
    task: Task,
    name: str,
    count: int,
    *,
    test: float,
    validation: float,
    share: float = 1.0,
    labels: Array | None = None,
    groups: Array | None = None,
) -> Rows:
    """Training rows, and validation rows or, in a final run, test rows.

    The test part depends on the study and the set alone. Were it drawn anew for every seed, a row
    that one seed tests would be a validation row of another, and learning rates would be chosen
    with the test data of other seeds. What is left is split by seed; a final run is trained on as
    many rows as one that a rate is chosen by.

    Parameters
    ----------
    task : Task
    name : str
        Of the set.
    count : int
        How many rows it has.
    test, validation : float
        The share of all rows that is tested on, and of the rest that is validation data.
    share : float
        How much of the training rows is used, for learning curves; the others are not seen.
    labels : ndarray, optional
        Classes, which all parts get their share of.
    groups : ndarray, optional
        What must not be in two parts, such as signers. Shares are then shares of groups.
    """

    def cut(rows: Array, part: float, rng: np.random.Generator) -> tuple[Array, Array]:
        if groups is not None:
            first, second = by_group(groups[rows], part, rng)
        elif labels is not None:
            first, second = stratified(labels[rows], part, rng)
        else:
            second, first = parts(len(rows), (part,), rng)
        return rows[first], rows[second]

    digest = hashlib.sha256(f"{task.study} {name}: test part".encode()).digest()
    fixed = np.random.default_rng(int.from_bytes(digest[:6], "big"))
    rest, tested = cut(np.arange(count), test, fixed)
    rng = generator(task)
    train, aside = cut(rest, validation, rng)
    if share < 1:
        train, _ = cut(train, 1 - share, rng)
    return Rows(train, tested if task.final else aside)


def averaged(task: Task, once: Callable[[Task], Outcome], splits: int) -> Outcome:
    """A final run; or the outcome of the first of several runs with the mean of their scores.

    One validation part of a small set is too small to choose by.

    Parameters
    ----------
    task : Task
    once : callable
        One run.
    splits : int
        How many runs, each with a split and initial weights of its own, a choice rests on.
    """
    if task.final:
        return once(task)
    found = [once(replace(task, seed=task.seed * splits + k)) for k in range(splits)]
    scores = [outcome["score"] for outcome in found]
    failed = [outcome for outcome in found if outcome["score"] is None]
    return failed[0] if failed else found[0] | {"score": float(np.mean(scores))}


def _missing(name: str, source: str) -> bool:
    """Whether a set is not there (damaged ones are told when they are loaded)."""
    try:
        find(name, source)
    except MissingDataError:
        return True
    return False


def optional(sets: Sequence[str], source: str) -> tuple[list[str], str]:
    """Which of the sets can be had, and a sentence on those that cannot.

    The first set always counts as one that can, so that it is complained of if it cannot; and so
    does every set if ``source`` is "full", as these were asked for.
    """
    gone = [name for name in sets[1:] if source != "full" and _missing(name, source)]
    said = (
        f"It goes on without {' and '.join(gone)}, whose data are not there: `apalu-ref data` says "
        "more."
    )
    return [name for name in sets if name not in gone], said if gone else ""


def cases_of(
    plan: Scale, source: str, key: str = "set"
) -> tuple[tuple[Mapping[str, Any], ...], str]:
    """The conditions whose sets can be had, and a sentence on the others (``Study.available``)."""
    sets = list(dict.fromkeys(str(case[key]) for case in plan.cases))
    there, said = optional(sets, source)
    return tuple(case for case in plan.cases if case[key] in there), said
