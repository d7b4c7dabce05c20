"""Signs from little data: hand movements with a GRU, photographs of hands with a CNN."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref import datasets
from apalu_ref.claims import Verdict
from apalu_ref.studies import conclude, figures, small_sets
from apalu_ref.studies.arms import ARMS, Factory
from apalu_ref.studies.models.plain import lenet
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.results import Results
from apalu_ref.studies.sequence_network import SequenceNetwork
from apalu_ref.studies.splits import standardised
from apalu_ref.studies.training import (
    accuracy,
    count,
    cross_entropy,
    network,
    predict,
    thinned,
    train,
)
from minigrad import nn

Array = NDArray[Any]

SETS = ("libras", "sign-digits")
_TEST, _VALIDATION = 0.3, 0.2


def load(name: str, source: str) -> Any:
    """One of the sets; libras without the rows that repeat another."""
    return datasets.load(name, source=source)


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """The sets that can be had; libras always can."""
    there, _ = small_sets.optional(settings["sets"], source)
    return [load(name, source) for name in there]


def hands(activation: Factory, width: float) -> nn.Module:
    """8c5-p2-16c5-p2-10 for 32 x 32 pixels, the activation after each convolution."""
    return lenet(activation, 10, width=width, image_size=32)


def movements(hidden: int) -> Any:
    """A builder of the GRU network for places and steps and 15 classes."""
    return lambda activation, width: SequenceNetwork(
        activation, 4, round(hidden * width), 15, mean=True
    )


def with_steps(places: Array) -> Array:
    """Places (N, T, 2) and, beside them, the steps from frame to frame; the first step is 0."""
    return np.concatenate([places, np.diff(places, axis=1, prepend=places[:, :1])], axis=2)


def run(task: Task) -> Outcome:
    """Train one network, or one on each of some splits to choose a rate by."""
    return small_sets.averaged(task, _once, task.settings["splits"])


def _once(task: Task) -> Outcome:
    """Train one network."""
    name = task.case["set"]
    own = task.settings[name]
    loaded = load(name, task.source)
    frames = name == "libras"
    rows = small_sets.split(
        task, name, len(loaded.labels), test=_TEST, validation=_VALIDATION,
        share=task.case["share"], labels=loaded.labels, groups=None if frames else loaded.groups,
    )  # fmt: skip
    numbers = with_steps(loaded.sequences) if frames else loaded.images.astype(np.float32)
    x, judged = _scaled(numbers[rows.train], numbers[rows.judged])
    model = network(task, movements(own["hidden"]) if frames else hands)
    trained = train(
        model, cross_entropy, (x, loaded.labels[rows.train]), task,
        epochs=round(own["epochs"] / task.case["share"]), batch=own["batch"],
    )  # fmt: skip
    score = None
    if not trained.diverged:
        score = accuracy(predict(model, judged), loaded.labels[rows.judged])
    fitted = None if trained.diverged else accuracy(predict(model, x), loaded.labels[rows.train])
    return outcome(
        score,
        diverged=trained.diverged,
        parameters=count(model),
        training=fitted,
        curves={"loss": thinned(trained.losses, 20)},
        more={"trained on": len(rows.train), "judged by": len(rows.judged)},
    )


def _scaled(train: Array, judged: Array) -> list[Array]:
    """Standardised by the training part: each coordinate by itself, all pixels together."""
    shape = train.shape[2:] if train.ndim == 3 else (1,)
    columns = standardised(*(part.reshape((-1, *shape)) for part in (train, judged)))
    return [c.reshape(p.shape) for c, p in zip(columns, (train, judged), strict=True)]


def concluded(results: Results) -> Conclusion:
    """Whether APALU reaches 100 %, who else does, and whether it is better than ReLU."""
    found = conclude.better(results)
    said, perfect = [], []
    for case in results.cases:
        runs = {arm: _scores(results, arm, case) for arm in results.arms}
        means = {arm: float(np.mean(scores)) for arm, scores in runs.items() if scores}
        if not means:
            continue
        best = max(means, key=lambda arm: means[arm])
        every = [score for scores in runs.values() for score in scores]
        said.append(
            f"{_named(case)}: best mean {means[best]:.1%} ({best}), best run {max(every):.1%}, "
            f"{sum(score == 1 for score in every)} of {len(every)} runs at 100 %"
        )
        own = results.values("apalu", "score", case)
        perfect.append(bool(own) and all(score == 1 for score in own))
    verdict: Verdict = "open"
    enough = min(len(results.outcomes("apalu", case)) for case in results.cases) > 2
    if "apalu" in results.arms and perfect and enough:
        verdict = "does not hold"
        if any(perfect):
            verdict = "holds" if all(perfect) else "holds under a condition"
    return Conclusion(verdict, "; ".join([*said, found.evidence]))


def _scores(results: Results, arm: str, case: Mapping[str, Any]) -> list[float]:
    return [v for v in results.values(arm, "score", case) if v is not None]


def _named(case: Mapping[str, Any]) -> str:
    what = {"libras": "movements", "sign-digits": "hands"}[case["set"]]
    return f"{what}, {case['share']:.0%} of the training data"


def draw(results: Results) -> Any:
    """Accuracy by arm with all training data, and over their share, for each set."""
    sets = list(dict.fromkeys(case["set"] for case in results.cases))
    figure, panels = figures.panels(3, len(sets))
    for k, name in enumerate(sets):
        mine = [case for case in results.cases if case["set"] == name]
        most = max(mine, key=lambda case: case["share"])
        what = _named(most).split(",")[0]
        row = panels[3 * k : 3 * k + 3]
        figures.by_arm(row[0], results, "score", most, f"{what}: test accuracy, %")
        shares = {case["share"] for case in mine}
        if len(shares) > 1:
            usual = [a for a in results.arms if a in ("relu", "apalu", "apalu-vp", "tanh", "gelu")]
            figures.over(
                row[1], results, "share", where={"set": name}, arms=usual or results.arms[:5],
                title=f"{what}: test accuracy, %",
            )  # fmt: skip
            row[1].set_xlabel("share of the training data", fontsize=9)
            row[1].set_xticks(sorted(shares))
        else:
            figures.by_arm(row[1], results, "training", most, f"{what}: training accuracy, %")
        figures.curves(row[2], results, "loss", f"{what}: training loss", case=most)
        row[2].set_yscale("log")
    return figure


def _cases(name: str, *shares: float) -> tuple[dict[str, Any], ...]:
    return tuple({"set": name, "share": share} for share in shares)


STUDY = Study(
    name="sign-language",
    title="Signs from little data",
    question="Does a network with APALU recognise signs better than one with ReLU when there is "
    "little to learn from, and does it reach the 100 % of the paper?",
    protocol=(
        "Movements: LIBRAS, 15 kinds of hand movement as 45 places (x, y). Of the 360 rows of the "
        "file 30 repeat another and are dropped before anything is split; 330 are left. Every "
        "place, with the step that led to it, is projected and activated, a GRU reads them, and a "
        "head with one hidden layer names the class from the mean of the GRU's states. The arm's "
        "activation stands in the projection and in the head; the GRU keeps its sigmoids and "
        "tanh.",
        "Hands: 2062 photographs of hands that show a digit, 32 x 32 pixels, with the CNN "
        "8c5-p2-16c5-p2-10. They are split by signer, so that the network is tested on hands it "
        "has not seen. But the set does not say who signs: that is inferred from the order of the "
        "photographs, so that a hand may be in two parts where the order misleads. These do not "
        "come with the package and are left out where the data directory does not have them.",
        "Neither set has an official test set. Three tenths (of the rows of each class; of the "
        "signers) are put aside for the test, the same for all seeds and arms, and never seen "
        "while learning rates are chosen. A fifth of the rest is for that choice, by the mean "
        "accuracy on two splits, and what is then left is trained on, drawn anew for every seed. "
        "So the spread is that of training data, initial weights and order, and not that of "
        "other test rows.",
        "Learning curve: the same with a share of the training rows (or signers), and as many "
        "more epochs, so that the number of steps is about the same. Adam with a one-cycle "
        "schedule, no augmentation, no weight decay.",
    ),
    answer="The claim holds if every run of APALU reaches 100 % on the test part under every "
    "condition, under a condition if under some; else it does not; it is open with fewer than "
    "three seeds. Apart from that, APALU is "
    "better than ReLU where the paired interval of the difference in test accuracy lies above 0.",
    measures=(
        Measure("score", "test accuracy, %", "higher", 100, 1),
        Measure("training", "accuracy on training data, %", "", 100, 1),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.01, 0.03), cases=_cases("libras", 1.0),
            settings={
                "sets": ("libras",), "splits": 1,
                "libras": {"hidden": 8, "epochs": 6, "batch": 32},
            },
            note="Too small to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=("relu", "apalu", "apalu-vp", "tanh", "apalu-frozen", "relu-scaled", "relu-wide"),
            seeds=5, rates=(0.003, 0.01, 0.03, 0.1),
            cases=_cases("libras", 0.25, 0.5, 1.0) + _cases("sign-digits", 1.0),
            settings={
                "sets": SETS, "splits": 2,
                "libras": {"hidden": 24, "epochs": 80, "batch": 32},
                "sign-digits": {"epochs": 8, "batch": 64},
            },
            note="Fewer epochs than in full, 7 of the arms, and no learning curve for the hands.",
        ),
        "full": Scale(
            arms=tuple(ARMS), seeds=10, rates=(0.001, 0.003, 0.01, 0.03, 0.1),
            cases=_cases("libras", 0.25, 0.5, 1.0) + _cases("sign-digits", 0.1, 0.25, 0.5, 1.0),
            settings={
                "sets": SETS, "splits": 3,
                "libras": {"hidden": 48, "epochs": 200, "batch": 32},
                "sign-digits": {"epochs": 30, "batch": 64},
            },
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
    available=small_sets.cases_of,
)  # fmt: skip
