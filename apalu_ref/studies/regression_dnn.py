"""Numbers from tables with a multilayer perceptron: are costs lower with APALU?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref import datasets
from apalu_ref.studies import conclude, figures, small_sets
from apalu_ref.studies.arms import ARMS, Factory
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.regression import least_squares, lower, reference, rmse, rounded
from apalu_ref.studies.results import Results
from apalu_ref.studies.splits import standardised
from apalu_ref.studies.training import count, network, predict, thinned, train
from minigrad import nn
from minigrad.nn import functional as F

Array = NDArray[Any]

SETS = ("auto-mpg", "concrete", "yacht")
UNITS = {"auto-mpg": "miles per gallon", "concrete": "MPa", "yacht": "resistance, no unit"}
_TEST, _VALIDATION = 0.25, 0.2


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """The tables that can be had; auto-mpg always can."""
    there, _ = small_sets.optional(settings["sets"], source)
    return [datasets.load(name, source=source) for name in there]


def features(table: datasets.Table) -> Array:
    """The columns as numbers: a class (``origin``) becomes a column of 0 and 1 for each value."""
    columns = []
    for name, column in zip(table.feature_names, table.features.T, strict=True):
        if name == "origin":
            columns += [column == value for value in np.unique(column)]
        else:
            columns.append(column)
    return np.column_stack(columns).astype(np.float64)


def build(inputs: int, hidden: int) -> Any:
    """A builder of inputs-hidden-hidden-1, the activation after both hidden layers."""

    def made(activation: Factory, width: float) -> nn.Module:
        units = round(hidden * width)
        return nn.Sequential(
            nn.Linear(inputs, units), activation(units),
            nn.Linear(units, units), activation(units),
            nn.Linear(units, 1),
        )  # fmt: skip

    return made


def run(task: Task) -> Outcome:
    """Train one network, or one on each of some splits to choose a rate by."""
    return small_sets.averaged(task, _once, task.settings["splits"])


def _once(task: Task) -> Outcome:
    """Train one network; errors in the target's unit."""
    settings = task.settings
    table: Any = datasets.load(task.case["set"], source=task.source)
    x, y = features(table), table.targets[:, None]
    rows = small_sets.split(
        task, table.name, len(x), test=_TEST, validation=_VALIDATION
    )  # fmt: skip
    own, judged = standardised(x[rows.train], x[rows.judged])
    (targets,) = standardised(y[rows.train])
    unit, middle = float(y[rows.train].std()), float(y[rows.train].mean())
    model = network(task, build(own.shape[1], settings["hidden"]))
    trained = train(
        model, F.mse_loss, (own, targets), task,
        epochs=settings["epochs"], batch=settings["batch"],
    )  # fmt: skip
    wanted = y[rows.judged]
    score = None if trained.diverged else rmse(predict(model, judged) * unit + middle, wanted)
    line = rmse(least_squares(own, y[rows.train], judged), wanted)
    mean = rmse(np.full_like(wanted, middle), wanted)
    fitted = None if trained.diverged else rmse(predict(model, own) * unit + middle, y[rows.train])
    return outcome(
        score,
        diverged=trained.diverged,
        parameters=count(model),
        mse=None if score is None else rounded(score * score),
        training=rounded(fitted),
        curves={"loss": thinned(trained.losses, 12)},
        more={"linear": rounded(line), "mean": rounded(mean)},
    )


def concluded(results: Results) -> Conclusion:
    """Against ReLU and tanh, with what the mean and a straight line achieve."""
    found = lower(results)
    said = []
    for case in results.cases:
        line, mean = (reference(results, key, case) for key in ("linear", "mean"))
        if not np.isfinite(line):
            continue
        said.append(
            f"{case['set']}, in {UNITS[case['set']]}: linear least squares "
            f"{conclude.shown(results.measure(), line)}, the mean of the training targets "
            f"{conclude.shown(results.measure(), mean)}"
        )
    return Conclusion(found.verdict, "; ".join([found.evidence, *said]))


def draw(results: Results) -> Any:
    """For each table the errors by arm beside least squares, and the losses on the way."""
    cases = results.cases
    figure, panels = figures.panels(len(cases), 2)
    for k, case in enumerate(cases):
        name = case["set"]
        figures.by_arm(panels[k], results, "score", case, f"{name}: test RMSE, {UNITS[name]}")
        _mark(panels[k], reference(results, "linear", case))
        below = panels[len(cases) + k]
        figures.curves(below, results, "loss", f"{name}: training loss (targets of variance 1)",
                       case=case)  # fmt: skip
        below.set_yscale("log")
    return figure


def _mark(panel: Any, line: float) -> None:
    """Where least squares are: a line, or words where it is so far off that it would squeeze."""
    if not np.isfinite(line):
        return
    low, high = panel.get_xlim()
    inside = line < high + (high - low)
    if inside:
        panel.axvline(line, color="black", lw=0.8, ls="--", zorder=0)
    panel.set_xlabel(
        "dashed: least squares" if inside else f"least squares: {line:.4g}, off to the right",
        fontsize=8,
    )


def _cases(*sets: str) -> tuple[dict[str, str], ...]:
    return tuple({"set": name} for name in sets)


STUDY = Study(
    name="regression-dnn",
    title="Numbers from tables with a multilayer perceptron",
    question="Does a perceptron with APALU predict fuel consumption, the strength of concrete and "
    "the resistance of yachts with lower costs than one with ReLU or tanh?",
    protocol=(
        "Two hidden layers, one pair (a, b) a neuron; mean squared error on targets of variance 1; "
        "Adam with a one-cycle schedule, no weight decay, no early stopping.",
        "These tables have no official test set: a quarter of the rows, the same for all seeds and "
        "arms, is put aside for the test. The rest is split by seed into training (four fifths) "
        "and validation rows. So the spread is that of training rows, initial weights and order, "
        "and not that of other test rows.",
        "Features and targets are standardised by the training rows; origin, a class, is three "
        "columns of 0 and 1. A rate is chosen by the mean error on the validation rows of three "
        "splits. Errors are in the target's unit: miles per gallon, MPa, and the "
        "resistance of a yacht per unit weight of displacement.",
        "Linear least squares on the same rows and the mean of the training targets are given as "
        "references. Only auto-mpg comes with the package; a table that is not in the data "
        "directory is left out.",
    ),
    answer="On a table APALU is better if the paired interval of the difference in test RMSE lies "
    "below 0 against ReLU and against tanh, and worse if it lies above 0 against one of them; the "
    "intervals are widened so that all of them together hold at 95 %. The claim holds if APALU is "
    "better on every table, under a condition if it is better on more tables than it is worse on, "
    "does not hold if it is worse on more, and is open otherwise; and also if one of the three was "
    "not run, or with fewer than three seeds.",
    measures=(
        Measure("score", "test RMSE", "lower", 1, 3),
        Measure("mse", "test MSE", "lower", 1, 3),
        Measure("training", "RMSE on training rows", "lower", 1, 3),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.003, 0.01), cases=_cases("auto-mpg"),
            settings={"sets": ("auto-mpg",), "hidden": 16, "epochs": 20, "batch": 32, "splits": 2},
            note="Too small to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=(
                "relu", "apalu", "apalu-vp", "tanh", "gelu", "pelu", "apalu-frozen", "apalu-tied",
                "relu-scaled", "relu-wide",
            ),
            seeds=8, rates=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
            cases=_cases(*SETS),
            settings={"sets": SETS, "hidden": 64, "epochs": 150, "batch": 32, "splits": 3},
            note="Half as many epochs as in full, and 10 of the arms.",
        ),
        "full": Scale(
            arms=tuple(ARMS), seeds=10, rates=(0.0003, 0.001, 0.003, 0.01, 0.03, 0.1),
            cases=_cases(*SETS),
            settings={"sets": SETS, "hidden": 64, "epochs": 300, "batch": 32, "splits": 3},
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
    available=small_sets.cases_of,
)  # fmt: skip
