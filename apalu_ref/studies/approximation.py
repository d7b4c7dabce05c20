"""One hidden layer on given functions: how many units does an error take?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref import datasets
from apalu_ref.claims.evidence import random_fit
from apalu_ref.studies import conclude, figures
from apalu_ref.studies.arms import ARMS, activation
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.regression import rmse
from apalu_ref.studies.results import Results
from apalu_ref.studies.splits import generator
from apalu_ref.studies.training import count, network, predict, train
from minigrad import Tensor, nn, no_grad
from minigrad.nn import functional as F

Array = NDArray[Any]

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "smooth": lambda x: np.sin(3 * x),
    "kinked": lambda x: np.abs(np.abs(x) - 1),
    "oscillating": lambda x: np.sin(6 * x),
    "step-like": lambda x: np.tanh(25 * (x - 0.3)),
}
"""What is approximated over [-2, 2]."""

FORMULAS = {
    "smooth": "sin 3x", "kinked": "||x| - 1|", "oscillating": "sin 6x",
    "step-like": "tanh 25(x - 0.3)",
}  # fmt: skip

_END = 2.0
_DENSE = np.linspace(-_END, _END, 2001)
_SHOWN = slice(None, None, 40)


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """None: the functions are given."""
    return []


def build(units: int) -> Any:
    """A builder of 1-units-1."""

    def made(activation: Any, width: float) -> nn.Module:
        n = round(units * width)
        return nn.Sequential(nn.Linear(1, n), activation(n), nn.Linear(n, 1))

    return made


def run(task: Task) -> Outcome:
    """Train one network by gradient descent, and fit another's outer weights."""
    settings, function = task.settings, FUNCTIONS[task.case["function"]]
    x = np.linspace(-_END, _END, settings["points"])
    # Rates are chosen by other points than those that the answer is measured at.
    judged = _DENSE if task.final else generator(task).uniform(-_END, _END, settings["points"])
    model = network(task, build(task.case["width"]))
    units: int = next(model.parameters()).shape[0]
    trained = train(
        model, F.mse_loss, (_column(x), _column(function(x))), task,
        epochs=settings["epochs"], batch=settings["batch"],
    )  # fmt: skip
    found = predict(model, _column(judged)).ravel()
    error = None if trained.diverged else rmse(found, function(judged))
    left = _fitted(task, units, judged, function) if task.final else np.zeros(1)
    kept = task.final and task.seed == 0 and error is not None and task.case["width"] <= 8
    return outcome(
        _log(error),
        diverged=trained.diverged,
        parameters=count(model),
        largest=None if error is None else _log(float(np.abs(found - function(judged)).max())),
        fit=_log(rmse(left, np.zeros_like(left))) if task.final else None,
        more={"fitted": [round(float(v), 3) for v in found[_SHOWN]]} if kept else {},
    )


def _column(values: Array) -> Array:
    return values.astype(np.float32)[:, None]


def _log(error: float | None) -> float | None:
    """The decimal logarithm, to five digits; errors below 1e-12 are rounding, and count as that."""
    return None if error is None else round(math.log10(max(error, 1e-12)), 5)


def _fitted(task: Task, units: int, x: Array, function: Callable[[Array], Array]) -> Array:
    """What least squares leave: inner weights drawn, a and b as the arm begins with them."""
    module = activation(task.arm, task.entropy)(units)

    def apply(z: Array) -> Array:
        with no_grad():
            return np.asarray(module(Tensor(z)).data)

    return random_fit(x, function(x), units, generator(task), apply)


def concluded(results: Results) -> Conclusion:
    """Whether the trained networks' errors are lower, and how fast errors fall with the width."""
    found = conclude.better(results)
    said = []
    for name in dict.fromkeys(case["function"] for case in results.cases):
        widths = sorted(c["width"] for c in results.cases if c["function"] == name)
        if len(widths) < 2:
            continue
        falls = []
        for arm in results.arms[:3]:
            ends = [
                results.summary(arm, "score", {"function": name, "width": w}).mean
                for w in (widths[0], widths[-1])
            ]
            if all(map(math.isfinite, ends)):
                falls.append(f"{arm} {10 ** ends[0]:.2g} to {10 ** ends[1]:.2g}")
        if falls:
            said.append(f"{name}, {widths[0]} to {widths[-1]} units: " + ", ".join(falls))
    return Conclusion(found.verdict, "; ".join([found.evidence, *said]))


def draw(results: Results) -> Any:
    """For each function the errors over the width, and the fits of the narrowest networks."""
    names = list(dict.fromkeys(case["function"] for case in results.cases))
    figure, panels = figures.panels(len(names), 2, height=3.4)
    usual = ("relu", "apalu", "apalu-vp", "tanh", "gelu")
    arms = [a for a in results.arms if a in usual] or list(results.arms[:5])
    for k, name in enumerate(names):
        above, below = panels[k], panels[len(names) + k]
        figures.over(
            above, results, "width", where={"function": name}, arms=arms,
            title=f"{FORMULAS[name]}: log10 of the RMS error",
        )  # fmt: skip
        above.set_xscale("log")
        widths = sorted({case["width"] for case in results.cases if case["function"] == name})
        above.set_xticks(widths, [str(w) for w in widths])
        above.xaxis.set_minor_formatter(lambda v, _: "")
        above.set_xlabel("units", fontsize=9)
        _fits(below, results, name, widths[0], arms)
        for panel in (above, below) if k else ():
            panel.get_legend().remove()
    return figure


def _fits(panel: Any, results: Results, name: str, width: int, arms: Sequence[str]) -> None:
    x = _DENSE[_SHOWN]
    panel.plot(x, FUNCTIONS[name](x), color="black", lw=2.5, alpha=0.3, label="the function")
    for arm in arms[:3]:
        how = figures.style(arm, results)
        for o in results.outcomes(arm, {"function": name, "width": width}):
            if o["more"].get("fitted"):
                panel.plot(
                    x, o["more"]["fitted"], color=how.color, linestyle=how.dashes, lw=1.2, label=arm
                )
    panel.set_title(f"{name}: trained networks of {width} units", fontsize=10)
    panel.set_xlabel("x", fontsize=9)
    panel.legend(frameon=False, fontsize=7, loc="upper right")


def _cases(names: Sequence[str], *widths: int) -> tuple[dict[str, Any], ...]:
    return tuple({"function": name, "width": width} for name in names for width in widths)


STUDY = Study(
    name="approximation",
    title="One hidden layer on given functions",
    question="How small does the error on a given function become with so many units in one "
    "hidden layer, and does APALU need fewer of them than ReLU?",
    protocol=(
        "Four functions over [-2, 2]: " + "; ".join(f"{k}, {v}" for k, v in FORMULAS.items())
        + ". Nothing in them is random, and nothing is split: training points are evenly "
        "spaced, learning rates are chosen by the error at random points, and final runs are "
        "measured on a dense grid.",
        "Gradient descent: all weights are trained with Adam and a one-cycle schedule. This is "
        "what arms are compared by.",
        "Least squares: inner weights are drawn and only the outer ones are fitted, exactly. "
        "It has no learning rate and tells what the shape of the activation is good for, apart "
        "from how well it trains.",
        "Errors are given as decimal logarithms: -2 is an error of 0.01, and a difference of -1 is "
        "a tenth of the error.",
    ),
    answer="For each function and width the paired interval, over seeds, of the difference to ReLU "
    "in the logarithm of the trained network's RMS error, widened for the number of all of them. "
    "The claim holds if it lies below 0 every time, under a condition if below 0 more often than "
    "above, does not hold if above 0 more often, and is open otherwise, and with fewer than three "
    "seeds.",
    measures=(
        Measure("score", "log10 of the RMS error, trained", "lower", 1, 2),
        Measure("largest", "log10 of the largest error, trained", "lower", 1, 2),
        Measure("fit", "log10 of the RMS error, least squares", "lower", 1, 2),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.01, 0.03),
            cases=_cases(("smooth",), 8, 16),
            settings={"points": 128, "epochs": 40, "batch": 64},
            note="Too small to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=("relu", "apalu", "apalu-vp", "tanh", "gelu", "apalu-frozen", "relu-scaled"),
            seeds=3, rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            cases=_cases(tuple(FUNCTIONS), 8, 32, 128),
            settings={"points": 256, "epochs": 600, "batch": 64},
            note="Fewer epochs than in full, 3 seeds, 3 widths and 7 of the arms.",
        ),
        "full": Scale(
            arms=tuple(ARMS), seeds=10, rates=(0.003, 0.01, 0.03, 0.1, 0.3),
            cases=_cases(tuple(FUNCTIONS), 4, 8, 16, 32, 64, 128, 256),
            settings={"points": 256, "epochs": 2000, "batch": 64},
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
)  # fmt: skip
