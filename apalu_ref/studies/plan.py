"""What a study is: its question, its runs, and what they tell."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from apalu_ref.claims import Verdict
    from apalu_ref.datasets import Loaded
    from apalu_ref.studies.results import Results

Outcome = dict[str, Any]
"""What a run gives, for JSON: see :func:`outcome`."""


class StudyError(Exception):
    """A study cannot be run or go on; the message says why, what is kept and what to do."""


@dataclass(frozen=True)
class Measure:
    """A number that every run gives.

    Attributes
    ----------
    name : str
        Its key in an outcome.
    text : str
        What it is called in tables and figures.
    better : {"higher", "lower", ""}
        Which way is better; "" where neither is.
    scale : float
        By what it is multiplied to be shown: 100 for a share in per cent.
    digits : int
        How many are shown after the point.
    """

    name: str
    text: str
    better: Literal["higher", "lower", ""] = ""
    scale: float = 1.0
    digits: int = 3


@dataclass(frozen=True)
class Scale:
    """How much of a study is run.

    Attributes
    ----------
    arms : tuple of str
        The activations compared, names of :data:`~apalu_ref.studies.arms.ARMS`.
    seeds : int
        How many runs each arm gets after its learning rate has been chosen.
    rates : tuple of float
        The learning rates every arm chooses from; empty where the study chooses none.
    cases : tuple of dict
        The conditions under which all arms are run (a depth, a class, a data set).
    settings : dict
        What the runs need to know besides: epochs, sizes.
    note : str
        What this scale leaves out.
    """

    arms: tuple[str, ...]
    seeds: int
    rates: tuple[float, ...] = ()
    cases: tuple[Mapping[str, Any], ...] = ({},)
    settings: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Task:
    """One training run, described in full.

    Attributes
    ----------
    study, scale : str
    arm : str
        The activation.
    case, settings : mapping
        The condition, and what else there is to know.
    rate : float or None
        The learning rate.
    seed : int
        The same seed means the same data split, the same order of the data and, where the
        architecture is the same, the same initial weights in all arms: runs can be paired.
    final : bool
        False while learning rates are chosen: the run then reports a score on validation data
        and must not look at the test set.
    source : {"auto", "bundled", "full"}
        For the loaders of data.
    """

    study: str
    scale: str
    arm: str
    case: Mapping[str, Any]
    rate: float | None
    seed: int
    final: bool
    settings: Mapping[str, Any]
    source: str = "auto"

    def as_json(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        return asdict(self)

    @property
    def entropy(self) -> int:
        """A seed from study, case and seed; the same for all arms and rates."""
        case = json.dumps(dict(self.case), sort_keys=True)
        text = f"{self.study} {case} {self.seed} {self.final}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")

    @property
    def words(self) -> str:
        """For a reader, such as ``apalu, depth 50, rate 0.01, seed 0``."""
        parts = [self.arm, *(f"{k} {v}" for k, v in self.case.items())]
        parts += [] if self.rate is None else [f"rate {self.rate:g}"]
        return ", ".join([*parts, f"seed {self.seed}" if self.final else "to choose the rate"])

    @property
    def name(self) -> str:
        """A name for files, such as ``apalu_depth50_rate0.01_seed0_final``."""
        parts = [self.arm, *(f"{k}{v}" for k, v in self.case.items())]
        parts += [] if self.rate is None else [f"rate{self.rate:g}"]
        parts += [f"seed{self.seed}", "final" if self.final else "choice"]
        name = "_".join(re.sub(r"[^\w.=-]+", "-", part) for part in parts)
        if name == "_".join(parts) and len(name) < 120:
            return name
        # What a file name cannot hold makes two names alike: they are told apart by a digest.
        return f"{name[:100]}_{hashlib.sha256('_'.join(parts).encode()).hexdigest()[:8]}"


def outcome(
    score: float | None,
    *,
    diverged: str | None = None,
    parameters: int = 0,
    curves: Mapping[str, Sequence[float]] | None = None,
    more: Mapping[str, Any] | None = None,
    **measures: float | None,
) -> Outcome:
    """What a run returns.

    Parameters
    ----------
    score : float or None
        What arms are compared by: on validation data while rates are chosen, on the test set in
        final runs. None if the run diverged.
    diverged : str, optional
        What happened, if it did.
    parameters : int
        How many the network trains.
    curves : mapping of str to sequence of float
        Numbers over the run, 50 at most each.
    more : mapping
        Anything else that figures need; small, as it is kept.
    **measures : float or None
        The other measures of the study.
    """
    return {
        "score": score,
        **measures,
        "parameters": parameters,
        "diverged": diverged,
        "curves": {k: [float(f"{float(x):.5g}") for x in v] for k, v in (curves or {}).items()},
        "more": dict(more or {}),
    }


@dataclass(frozen=True)
class Conclusion:
    """What a study says on the claim it tests, computed from its results."""

    verdict: Verdict
    evidence: str


@dataclass(frozen=True)
class Study:
    """A question and how it is put to the test.

    Attributes
    ----------
    name, title : str
        For the command line, and for headings.
    question : str
    protocol : tuple of str
        What is done, a sentence or two each.
    answer : str
        What would count as an answer, said before it is run.
    measures : tuple of Measure
        The first is named "score".
    scales : mapping of str to Scale
        "smoke", "quick" and "full".
    data : callable
        ``data(settings, source)`` loads what the runs need and returns it, so that missing or
        damaged data are known of before any work; empty for none.
    train : callable
        ``train(task)``, one run; returns an :func:`outcome`. It is called in another process.
    conclude : callable
        ``conclude(results)``, a Conclusion.
    draw : callable
        ``draw(results)``, a matplotlib Figure.
    baseline : str
        The arm the others are compared with.
    available : callable, optional
        ``available(plan, source)``: the conditions of a scale whose data are there, and a
        sentence on what is left out and where to get it, or "". Without it all are run.
    timed : bool
        Runs are timed, and so made one at a time.
    """

    name: str
    title: str
    question: str
    protocol: tuple[str, ...]
    answer: str
    measures: tuple[Measure, ...]
    scales: Mapping[str, Scale]
    data: Callable[[Mapping[str, Any], str], Sequence[Loaded]]
    train: Callable[[Task], Outcome]
    conclude: Callable[[Results], Conclusion]
    draw: Callable[[Results], Any]
    baseline: str = "relu"
    available: Callable[[Scale, str], tuple[Sequence[Mapping[str, Any]], str]] | None = None
    timed: bool = False
