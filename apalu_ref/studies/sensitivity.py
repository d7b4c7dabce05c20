"""How a and b begin, crossed with learning rates: how much hangs on it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from apalu_ref import datasets
from apalu_ref.studies import conclude, inits, pictures
from apalu_ref.studies.models.plain import mlp
from apalu_ref.studies.paths import opposed, pairs
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.rates_by_init import beside, by_rate, draw, spreads
from apalu_ref.studies.repeats import once, without
from apalu_ref.studies.results import Results
from apalu_ref.studies.small_sets import split as split_table
from apalu_ref.studies.splits import Split, standardised
from apalu_ref.studies.statistics import Interval
from apalu_ref.studies.training import accuracy, count, cross_entropy, network, predict, train
from minigrad import nn
from minigrad.nn import functional as F

_FLOOR = {"mnist": 0.1, "auto-mpg": 0.0}
"""What guessing scores: a class at random, the mean."""
_TOLERANCE = 0.02
_PAPERS = "U[0,2]"
_RATES = tuple(float(f"{r:.2g}") for r in np.geomspace(0.001, 0.1, 5))
_CASES = tuple({"task": t, "init": i} for t in _FLOOR for i in inits.INITS)


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """MNIST, all of it or the part that comes with the package, and auto-mpg."""
    return [
        datasets.mnist("train", source=source),
        datasets.mnist("test", source=source),
        datasets.auto_mpg(source=source),
    ]


def run(task: Task) -> Outcome:
    """Train one network at each learning rate."""
    if task.arm not in inits.ARMS:
        # An init means nothing to it.
        return once(_run, without(task, "init"))
    return _run(task)


def _run(task: Task) -> Outcome:
    name, init = task.case["task"], task.case.get("init", "")
    plain = without(task, "init")
    split = _mnist(plain) if name == "mnist" else _cars(plain)
    rows = [_one(replace(plain, rate=rate), init, split) for rate in task.settings["rates"]]
    return _summed(rows, _FLOOR[name])


def _one(task: Task, init: str, split: Split) -> dict[str, Any]:
    """One network at one rate."""
    images = task.case["task"] == "mnist"
    settings = task.settings[task.case["task"]]
    own = inits.factory(task.arm, init, task.entropy)

    def build(activation: Any, width: float) -> nn.Module:
        chosen = own or activation
        if images:
            return pictures.small_cnn(chosen, width)
        return mlp(chosen, (split.x.shape[1], 32, 32, 1), width=width)

    model = network(task, build)
    start = pairs(model)
    trained = train(
        model, cross_entropy if images else F.mse_loss, (split.x, split.y), task,
        epochs=settings["epochs"], batch=settings["batch"],
    )  # fmt: skip
    score = None
    if not trained.diverged:
        outputs = predict(model, split.judged_x)
        score = (accuracy if images else _explained)(outputs, split.judged_y)
    row = {"score": score, "why": trained.diverged, "parameters": count(model)}
    if score is not None and start[0].size:
        end = pairs(model)
        row["moved"] = float(np.mean([np.abs(e - s) for s, e in zip(start, end, strict=True)]))
        row["opposed"] = float(opposed(*end).mean())
        row["turned"] = float(np.mean([s * e < 0 for s, e in zip(start, end, strict=True)]))
    return row


def _summed(rows: Sequence[Mapping[str, Any]], floor: float) -> Outcome:
    """The outcome: over the rates, where a diverged run counts as a guess."""
    scores = [floor if r["score"] is None else round(max(floor, r["score"]), 5) for r in rows]
    failed = [float(r["score"] is None) for r in rows]
    lost = all(failed)

    def mean(name: str) -> float | None:
        found = [r[name] for r in rows if name in r]
        return round(float(np.mean(found)), 5) if found else None

    return outcome(
        None if lost else round(float(np.mean(scores)), 5),
        diverged=(rows[0]["why"] or "outputs that are not finite") if lost else None,
        parameters=rows[0]["parameters"],
        best=None if lost else max(scores),
        worst=None if lost else min(scores),
        failed=round(float(np.mean(failed)), 5),
        moved=mean("moved"),
        opposed=mean("opposed"),
        turned=mean("turned"),
        curves={
            "score": scores,
            "moved": [r["moved"] for r in rows] if all("moved" in r for r in rows) else [],
        },
    )


def _mnist(task: Task) -> Split:
    settings = task.settings["mnist"]
    return pictures.split(
        task, lambda part: datasets.mnist(part, source=task.source), 14, settings["images"],
        settings["validation"],
    )  # fmt: skip


def _cars(task: Task) -> Split:
    cars = datasets.auto_mpg(source=task.source)
    origin = cars.features[:, cars.feature_names.index("origin")]
    others = [i for i, name in enumerate(cars.feature_names) if name != "origin"]
    # A class, not a quantity: a column each.
    x = np.column_stack([cars.features[:, others], origin[:, None] == np.unique(origin)])
    rows = split_table(task, "auto-mpg", len(x), test=0.25, validation=0.2)
    x_train, x_judged = standardised(x[rows.train], x[rows.judged])
    y = cars.targets[:, None]
    y_train, y_judged = standardised(y[rows.train], y[rows.judged])
    return Split(x_train, y_train, x_judged, y_judged)


def _explained(outputs: Any, targets: Any) -> float | None:
    """R²: the share of the targets' variance that predictions explain."""
    if not np.isfinite(outputs).all():
        return None
    error = np.square(outputs.astype(np.float64) - targets).mean()
    return float(1 - error / np.square(targets - targets.mean(dtype=np.float64)).mean())


def concluded(results: Results) -> Conclusion:
    """Whether inits differ from the paper's by more than was set beforehand, rate tuned or not."""
    if "apalu" not in results.arms:
        return Conclusion("open", "apalu was not run")
    tasks = list(dict.fromkeys(case["task"] for case in results.cases))
    rates = results.plan.settings["rates"]
    said = []
    for task in tasks:
        tuned, common = spreads(results, "apalu", task)
        names, scores = by_rate(results, "apalu", task)
        words = f"{task}: inits differ by {tuned:.3f} each at its best rate"
        if len(scores):
            place = int(scores.mean(0).argmax())
            column = scores[:, place]
            words += (
                f", by {common:.3f} at the best common one ({rates[place]:g}: from "
                f"{column.min():.3f} with {names[int(column.argmin())]} to {column.max():.3f} with "
                f"{names[int(column.argmax())]})"
            )
        for control in ("apalu-frozen", "relu-scaled"):
            if control in results.arms:
                one, all_ = spreads(results, control, task)
                words += f", those of {control} by {one:.3f} and {all_:.3f}"
        said += [words, *_bad(results, task)]
    # Each init but the paper's, at its best rate and at the common one.
    many = 2 * sum(case["init"] != _PAPERS for case in results.cases)
    found = beside(results, "apalu", _PAPERS, 1 - 0.05 / max(1, many))
    tuned_, common_ = ([placed(getattr(row, k)) for row in found] for k in ("tuned", "common"))
    for kind, places in (("each at its best rate", tuned_), ("at the common rate", common_)):
        listed = {
            word: [f"{row.init} on {row.task}" for row, p in zip(found, places, strict=True)
                   if p == which]
            for word, which in (("within", 1), ("beyond", -1))
        }  # fmt: skip
        said.append(
            f"{kind}, of {len(found)} paired differences to {_PAPERS} " + ", ".join(
                f"{len(names)} lie surely {word} ±{_TOLERANCE:g}"
                + (f" ({', '.join(names)})" if names else "")
                for word, names in listed.items()
            )
        )  # fmt: skip
    evidence = "; ".join([*said, conclude.how(results)])
    few = min(len(results.outcomes("apalu", c)) for c in results.cases) < 3
    if few or 2 * len(found) < many or not found:
        return Conclusion("open", evidence)
    if min(tuned_) == 1:
        return Conclusion("holds" if min(common_) == 1 else "holds under a condition", evidence)
    return Conclusion("does not hold" if -1 in tuned_ + common_ else "open", evidence)


def placed(difference: Interval) -> int:
    """1 if a difference surely lies within the tolerance, -1 if surely beyond it, 0 else."""
    if difference.n < 3:
        return 0
    if difference.low >= -_TOLERANCE and difference.high <= _TOLERANCE:
        return 1
    return -1 if difference.low > _TOLERANCE or difference.high < -_TOLERANCE else 0


def _bad(results: Results, task: str) -> list[str]:
    """Sentences on runs that failed, and on pairs whose signs differ or changed."""
    cases = [c for c in results.cases if c["task"] == task]
    found = {
        m: max(
            ((results.summary("apalu", m, c).mean, c["init"]) for c in cases
             if results.summary("apalu", m, c).n),
            default=(0.0, ""),
        )
        for m in ("failed", "moved", "turned")
    }  # fmt: skip
    failed, moved, turned = found["failed"], found["moved"], found["turned"]
    return [
        f"runs of apalu on {task} that ended in NaN or infinity: at most {failed[0]:.0%} of an init"
        + (f" ({failed[1]})" if failed[0] else ""),
        f"a and b move by {moved[0]:.2f} on average at most ({moved[1]}), and at most "
        f"{turned[0]:.0%} change their sign" + (f" ({turned[1]})" if turned[0] else ""),
    ]


STUDY = Study(
    name="sensitivity",
    title="How a and b begin",
    question="How much hangs on the range that a and b are drawn from, at which learning rate?",
    protocol=(
        "Two tasks: MNIST reduced to 14x14, with 8c3-p2-16c3-p2-10 and a pair a channel, judged by "
        "accuracy, 0.1 where it is less, as a guess would have; auto-mpg with a perceptron of 32 "
        "and 32 neurons and a pair a neuron, judged by R², 0 where it is worse than the mean.",
        "a and b begin as U[0,1], U[0,2] (the paper's), U[0,5], U[-1,1], at 1, or at the "
        "variance-preserving pair. Ranges stretch the same random numbers. All networks of a seed "
        "begin with the same weights and see the same data in the same order.",
        "A run is a network trained once at every learning rate of the grid, by Adam with a "
        "one-cycle schedule; no rate is chosen. A run that ends in NaN or infinity counts as a "
        "guess (accuracy 0.1, R² 0). The best score over the rates is read off the test set, for "
        "all arms alike, and so is a little too good.",
        "The controls: the same a and b, not trained; and ReLU times the constant that gives it "
        "the second moment of that init, to tell the function from the gain. The init "
        "means nothing to ReLU, whose runs are the same under all of them.",
    ),
    answer="Every init is compared with the paper's, U[0,2], on each task: at the rate that each "
    "network does best at, and at the one rate that is best on average over all inits and seeds. "
    "The paired intervals of these differences, over seeds, are widened so that all of them "
    "together hold at 95 % (Bonferroni). The claim that little hangs on the init holds if all of "
    "them lie within ±0.02, and under a condition, that the rate is tuned to the init, if only all "
    "those at the best rates do. Else it does not hold if one of the intervals lies beyond ±0.02 "
    "as a whole, and is open if none does, or with fewer than three seeds.",
    measures=(
        Measure("score", "mean over the rates", "higher", 1, 3),
        Measure("best", "at the best rate", "higher", 1, 3),
        Measure("worst", "at the worst rate", "higher", 1, 3),
        Measure("failed", "runs with NaN, %", "lower", 100, 0),
        Measure("moved", "mean distance of a, b from the start", "", 1, 2),
        Measure("turned", "a and b that change sign, %", "", 100, 0),
        Measure("opposed", "pairs of opposite signs, %", "", 100, 0),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2,
            cases=tuple(c for c in _CASES if c["init"] in ("U[0,2]", "variance-preserving")),
            settings={
                "rates": [0.001, 0.03],
                "mnist": {"images": 300, "validation": 100, "epochs": 2, "batch": 50},
                "auto-mpg": {"epochs": 5, "batch": 32},
            },
            note="Too small to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=("relu", "apalu", "apalu-frozen", "relu-scaled"), seeds=3, cases=_CASES,
            settings={
                "rates": list(_RATES),
                "mnist": {"images": 4_000, "validation": 1_000, "epochs": 5, "batch": 50},
                "auto-mpg": {"epochs": 100, "batch": 32},
            },
            note="4,000 of the 60,000 images of MNIST; 4 of the arms (apalu-vp is one of the "
            "inits), 3 seeds.",
        ),
        "full": Scale(
            arms=(
                "relu", "apalu", "apalu-vp", "apalu-frozen", "apalu-tied", "relu-scaled", "tanh",
            ),
            seeds=5,
            cases=_CASES,
            settings={
                "rates": [float(f"{r:.2g}") for r in np.geomspace(0.001, 0.1, 9)],
                "mnist": {"images": 55_000, "validation": 5_000, "epochs": 10, "batch": 50},
                "auto-mpg": {"epochs": 300, "batch": 32},
            },
            note="Arms that have no a and b of APALU's to begin with are left out, but for two to "
            "compare with. apalu-vp, whose init is its own, is the same under all of them.",
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
)  # fmt: skip
