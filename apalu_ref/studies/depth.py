"""From 5 to 200 layers, plain and residual: what trains at all, how fast, how well?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apalu_ref import datasets
from apalu_ref.studies import figures
from apalu_ref.studies.inits import matched
from apalu_ref.studies.models import resnet
from apalu_ref.studies.models.plain import Skip, deep_mlp
from apalu_ref.studies.pictures import natural, split
from apalu_ref.studies.plan import Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.reach import concluded, series
from apalu_ref.studies.results import Results
from apalu_ref.studies.splits import Split
from apalu_ref.studies.training import (
    accuracy,
    count,
    cross_entropy,
    network,
    predict,
    steps_to,
    train,
)
from minigrad import Tensor, nn, no_grad

GUESSING = math.log(10)
"""The loss of a network that has learned nothing."""

_LOOKED_AT = 200
"""By so many images it is told how the untrained network passes signals on."""

_RESNETS = {18: resnet.resnet18, 50: resnet.resnet50, 152: resnet.resnet152}


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """MNIST, and CIFAR-10 or what stands in for it."""
    parts = ("train", "test")
    found: list[datasets.Loaded] = [datasets.mnist(part, source=source) for part in parts]
    if "resnet" in settings:
        found += [natural(part, source) for part in parts]
    return found


def run(task: Task) -> Outcome:
    """Train one network of one depth."""
    case = task.case
    settings = task.settings["resnet" if case["net"] == "resnet" else "mlp"]
    images = _images(task, settings)

    def build(activation: Any, width: float) -> nn.Module:
        if case["net"] == "resnet":
            make = _RESNETS[case["depth"]]
            channels = images.x.shape[1]
            return make(activation, 10, channels, width=width * settings["width"], stem="cifar")
        return deep(
            activation, case["depth"], settings["neurons"], images.x[0].size, width=width,
            residual=case["net"] == "residual",
            gain=math.sqrt(2) if case["init"] == "he" else matched(task.arm),
        )  # fmt: skip

    level = settings["level"] * GUESSING
    model = network(task, build)
    # Perceptrons have no batch norm: that they are looked at changes nothing.
    drift = None if case["net"] == "resnet" else growth(model, images.x[:_LOOKED_AT])
    trained = train(
        model, cross_entropy, (images.x, images.y), task,
        epochs=settings["epochs"], batch=settings["batch"],
    )  # fmt: skip
    score = loss = None
    if not trained.diverged:
        score = accuracy(predict(model, images.judged_x), images.judged_y)
        loss = float(np.mean(trained.losses[-max(1, len(trained.losses) // 10) :]))
    return outcome(
        score,
        diverged=trained.diverged,
        parameters=count(model),
        trains=float(loss is not None and loss <= level and score is not None),
        steps=steps_to(trained.losses, level),
        loss=loss,
        drift=drift,
    )


def _images(task: Task, settings: Mapping[str, Any]) -> Split:
    def load(part: str) -> datasets.Images:
        if task.case["net"] == "resnet":
            return natural(part, task.source)
        return datasets.mnist(part, source=task.source)

    side = load("test").images.shape[2] // settings["reduced"]
    return split(task, load, side, settings["images"], settings["validation"])


def deep(
    activation: Any, layers: int, neurons: int, inputs: int, *, width: float, residual: bool,
    gain: float,
) -> nn.Module:  # fmt: skip
    """A deep perceptron, the weights of residual branches divided by the number of layers.

    Were they not, the second moment would double in each layer, with any activation: it would
    grow 2^200 times in 200. To divide by the root would do for an activation with a mean of 0; but
    what ReLU adds is positive, and adds up.
    """
    model = deep_mlp(
        activation, 10, inputs, layers=layers, neurons=neurons, width=width, residual=residual,
        gain=gain,
    )  # fmt: skip
    for module in model.modules():
        if isinstance(module, Skip):
            linear: Any = next(m for m in module.branch.modules() if isinstance(m, nn.Linear))
            linear.weight.data /= layers
    return model


def growth(model: Any, x: Any) -> float | None:
    """How a network passes a signal on: log10 of its second moment after the last hidden layer
    over that after the first; None if one is 0 or not finite.
    """
    _, first, *others, _ = model
    with no_grad(), np.errstate(all="ignore"):
        signal = first(Tensor(x.reshape(len(x), -1)))
        before = float(np.square(signal.data, dtype=np.float64).mean())
        for layer in others:
            signal = layer(signal)
        after = float(np.square(signal.data, dtype=np.float64).mean())
    there = math.isfinite(before) and math.isfinite(after) and min(before, after) > 0
    return round(math.log10(after / before), 3) if there else None


def draw(results: Results) -> Any:
    """Over the depth: accuracy above, steps below; a column a kind of network."""
    kinds = series(results)
    figure, panels = figures.panels(len(kinds), 2, 3.1, 3.6)
    rows = np.reshape(panels, (2, -1))
    for column, (name, cases) in enumerate(kinds.items()):
        where = {k: cases[0][k] for k in ("net", "init")}
        for row, measure in zip(rows, ("score", "steps"), strict=True):
            panel = row[column]
            figures.over(panel, results, "depth", measure, where)
            panel.set_title(f"{results.measure(measure).text}\n({name})", fontsize=9)
            panel.set_xscale("log")
            depths = [c["depth"] for c in cases]
            panel.set_xlim(depths[0] * 0.8, depths[-1] * 1.25)
            if not any(results.summary(a, measure, c).n for a in results.arms for c in cases):
                panel.text(0.5, 0.5, "no run", ha="center", transform=panel.transAxes, fontsize=9)
                panel.set_yticks([])
            elif measure == "score":
                panel.set_ylim(0, 100)
            panel.set_xticks(depths, [str(d) for d in depths], fontsize=8)
            panel.minorticks_off()
            if legend := panel.get_legend():
                legend.remove()
        rows[0, column].axhline(10, color=figures.GREY, lw=0.8, ls=":")
    handles, labels = rows[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=8, frameon=False, fontsize=8)
    return figure


def _cases(
    plain: Sequence[int], he: Sequence[int], residual: Sequence[int], resnets: Sequence[int]
) -> tuple[dict[str, Any], ...]:
    kinds = (
        ("plain", "matched", plain), ("plain", "he", he), ("residual", "matched", residual),
        ("resnet", "he", resnets),
    )  # fmt: skip
    return tuple(
        {"net": net, "init": init, "depth": d} for net, init, depths in kinds for d in depths
    )


_ALL = (5, 10, 20, 50, 100, 200)

STUDY = Study(
    name="depth",
    title="From 5 to 200 layers",
    question="Do networks with APALU train at any depth, plain and residual, and how do speed and "
    "accuracy fare?",
    protocol=(
        "Perceptrons on MNIST, reduced to 14x14 at smoke and quick scale, all layers of one width, "
        "with one pair (a, b) a neuron and no norm; and ResNets of small width, with batch norm, "
        "on CIFAR-10 at half its size at smoke and quick scale. Where CIFAR-10 is not there, "
        "Fashion-MNIST takes its place, unless full data are asked for. All by Adam, one-cycle.",
        "Weights decide what a deep network can do. Matched ones are normal with deviation "
        "g/√fan_in, where g is each arm's own: it keeps the second moment of a normal signal of "
        "variance 1 through one layer of that arm's function as it begins (for U(0, 2), on average "
        "over the draws). In residual perceptrons the weights of the branches are divided by the "
        "depth besides, in all arms.",
        "Matched weights suit one layer, and not the depth, of some arms. With ReLU the second "
        "moment of a signal of any size stays, on average over the weights; with b = 3a/2 "
        "(apalu-vp, apalu-tied) and ELU it comes back to 1. With a and b from U(0, 2), as with "
        "GELU and SiLU, it moves away from 1: a signal that is smaller becomes smaller still, by "
        "down to 0.83 times a layer, and is gone after 100 or 200. So where apalu and "
        "apalu-frozen fail in plain perceptrons of 50 layers and more, it may be by how they "
        "begin alone, and apalu-vp, the same function, stands beside them. How far the second "
        "moment drifts before training, from the first hidden layer to the last, is measured on "
        "training images.",
        "With matched weights relu-scaled begins as the very function that ReLU begins as, and "
        "differs from it by the rate at which it learns alone; only with He's it has another gain.",
        "As nobody computes g for a new function, plain perceptrons are also made with He's "
        "weights (g = √2) for all arms; so are the ResNets, where batch norm takes care of scale.",
    ),
    answer="A run trains if the mean loss of its last tenth of the steps is at most half of that "
    "of guessing (ln 10); for ResNets, whose images are harder, at most 0.9 of it. Speed is the "
    "number of steps after which the mean loss of ten steps is first as low. The kinds of "
    "networks are plain perceptrons, the same with He's weights, residual perceptrons, and "
    "ResNets. The claim holds if all runs of apalu train, at every depth of every kind. It holds "
    "under a condition if they do at every depth of at least one kind of which more than one "
    "depth is run. Else it does not hold if apalu fails somewhere where all runs of ReLU train; "
    "and it is open if it fails only where ReLU fails, too, for then the training may have been "
    "too short for anything; and also with fewer than three seeds.",
    measures=(
        Measure("score", "test accuracy, %", "higher", 100, 1),
        Measure("trains", "runs that train, %", "higher", 100, 0),
        Measure("steps", "steps until it trains", "lower", 1, 0),
        Measure("loss", "training loss at the end", "lower", 1, 3),
        Measure("drift", "decades that the second moment grows at the start", "", 1, 1),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.003,),
            cases=_cases((5, 20), (5,), (5, 20), (18,)),
            settings={
                "mlp": {
                    "images": 500, "validation": 100, "epochs": 1, "batch": 50, "neurons": 16,
                    "reduced": 2, "level": 0.5,
                },
                "resnet": {
                    "images": 40, "validation": 20, "epochs": 2, "batch": 20, "width": 0.03125,
                    "reduced": 4, "level": 0.9,
                },
            },
            note="Too small to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=("relu", "apalu", "apalu-vp", "apalu-frozen", "relu-scaled"), seeds=3,
            rates=(0.0005, 0.002, 0.008),
            cases=_cases((5, 20, 50, 100), (5, 20), (5, 20, 50, 200), (18,)),
            settings={
                "mlp": {
                    "images": 5_760, "validation": 1_000, "epochs": 2, "batch": 64,
                    "neurons": 32, "reduced": 2, "level": 0.5,
                },
                "resnet": {
                    "images": 2_400, "validation": 600, "epochs": 2, "batch": 32,
                    "width": 0.0625, "reduced": 2, "level": 0.9,
                },
            },
            note="180 steps of 32 neurons a layer, so that what does not train here may do so with "
            "more; 150 steps of ResNet-18, a sixteenth as wide (ResNet-50 and -152 are left to the "
            "full scale); not all depths; 5 of the arms, 3 seeds.",
        ),
        "full": Scale(
            arms=(
                "relu", "leaky-relu", "elu", "gelu", "silu", "tanh", "sigmoid", "prelu", "apalu",
                "apalu-vp", "apalu-frozen", "apalu-vp-frozen", "apalu-tied", "relu-scaled",
            ),
            seeds=5, rates=(0.0001, 0.0003, 0.001, 0.003, 0.01),
            cases=_cases(_ALL, _ALL, _ALL, tuple(_RESNETS)),
            settings={
                "mlp": {
                    "images": 55_000, "validation": 5_000, "epochs": 5, "batch": 64,
                    "neurons": 128, "reduced": 1, "level": 0.5,
                },
                "resnet": {
                    "images": 45_000, "validation": 5_000, "epochs": 20, "batch": 64,
                    "width": 0.25, "reduced": 1, "level": 0.9,
                },
            },
            note="PELU, Swish and relu-wide are left out.",
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
)  # fmt: skip
