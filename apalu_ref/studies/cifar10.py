"""CIFAR-10 and the study that MobileNet, GoogLeNet and ResNet-50 share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from apalu_ref import datasets
from apalu_ref.layer import APALU
from apalu_ref.studies import conclude, figures
from apalu_ref.studies.arms import ARMS, Factory
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.results import Results
from apalu_ref.studies.splits import official
from apalu_ref.studies.training import (
    accuracy,
    count,
    cross_entropy,
    network,
    predict,
    steps_to,
    thinned,
    train,
)
from minigrad import nn
from minigrad.train import Callback
from minigrad.transforms import RandomHorizontalFlip

Make = Callable[..., nn.Module]

FALLBACK = (
    "Where CIFAR-10 is not in the data directory the bundled part of Fashion-MNIST stands in, "
    "with a border of zeros to 32x32 and the grey in all three channels."
)


def images(source: str = "auto") -> list[datasets.Images]:
    """Training and test set of CIFAR-10, or of Fashion-MNIST in its shape where that is missing."""
    if source != "bundled":
        try:
            return [datasets.cifar10(split, source) for split in ("train", "test")]
        except datasets.MissingDataError:
            if source == "full":
                raise
    grey = [datasets.fashion_mnist(split, source="bundled") for split in ("train", "test")]
    return [replace(g, images=_in_colour(g.images)) for g in grey]


def _in_colour(grey: Any) -> Any:
    return np.repeat(np.pad(grey, ((0, 0), (0, 0), (2, 2), (2, 2))), 3, axis=1)


class Parameters(Callback):
    """The means of a and b over the channels of each APALU layer, at the start and each epoch."""

    def __init__(self) -> None:
        self.a: list[list[float]] = []
        self.b: list[list[float]] = []

    def on_start(self, run: Any) -> None:
        """As they begin."""
        self._note(run.model)

    def on_epoch(self, run: Any, row: dict[str, Any]) -> None:
        """As they are now."""
        self._note(run.model)

    def _note(self, model: nn.Module) -> None:
        layers = [m for m in model.modules() if isinstance(m, APALU)]
        for rows, name in ((self.a, "a"), (self.b, "b")):
            rows.append([round(float(getattr(layer, name).data.mean()), 4) for layer in layers])


def study(name: str, title: str, make: Make, scales: Mapping[str, Scale], built: str) -> Study:
    """The study of one of the three networks.

    Parameters
    ----------
    name, title : str
    make : callable
        ``make(activation, 10, width=..., depth=..., stem="cifar")``.
    scales : mapping
        With ``width`` and ``depth`` among the settings.
    built : str
        A sentence on the network.
    """

    def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
        return images(source)

    def run(task: Task) -> Outcome:
        settings = task.settings
        given, test = images(task.source)
        split = official(given, test, task, settings["images"], settings["validation"])

        def build(activation: Factory, width: float) -> nn.Module:
            return make(
                activation, 10, width=width * settings["width"], depth=settings["depth"],
                stem="cifar",
            )  # fmt: skip

        model, parameters = network(task, build), Parameters()
        trained = train(
            model, cross_entropy, (split.x, split.y), task, epochs=settings["epochs"],
            batch=settings["batch"], callbacks=[parameters], transform=RandomHorizontalFlip(),
        )  # fmt: skip
        score = (
            None
            if trained.diverged
            else accuracy(predict(model, split.judged_x, batch=100), split.judged_y)
        )
        more = {"a": parameters.a, "b": parameters.b} if task.final else {}
        return outcome(
            score,
            diverged=trained.diverged,
            parameters=count(model),
            steps=steps_to(trained.losses, settings["level"]),
            curves={"loss": thinned(trained.losses, 40)},
            more=more if more and more["a"][0] else {},
        )

    return Study(
        name=name,
        title=title,
        question=f"Is {title.split(' on ')[0]} with APALU more accurate on CIFAR-10 than with "
        "ReLU, or quicker to learn, and where do a and b go?",
        protocol=(
            built,
            "Adam with a one-cycle schedule, batch normalisation as published, mirrored images, "
            "one pair (a, b) a channel.",
            "Speed is the number of steps until the mean training loss of ten steps is below a "
            "level that was set beforehand.",
            "Batch normalisation takes a constant factor of an activation out again, but for the "
            "features that the last layer sees: relu-scaled tests a gain there, and nowhere else.",
            FALLBACK,
        ),
        answer="A paired interval of the difference in test accuracy to ReLU, over seeds, that "
        "leaves out 0: above it the claim holds, below it it does not, else it is open.",
        measures=(
            Measure("score", "test accuracy, %", "higher", 100, 1),
            Measure("steps", "steps to the level", "lower", 1, 0),
        ),
        scales=scales,
        data=data,
        train=run,
        conclude=concluded,
        draw=draw,
    )


SMOKE = Scale(
    arms=("relu", "apalu"), seeds=2, rates=(0.003,),
    settings={
        "images": 64, "validation": 32, "epochs": 1, "batch": 32, "width": 0.06, "depth": 0.1,
        "level": 2.0,
    },
    note="Too small to answer anything: it shows that the study runs.",
)  # fmt: skip
QUICK_ARMS = ("relu", "apalu", "apalu-vp", "apalu-frozen", "relu-scaled", "relu-wide")
QUICK_NOTE = (
    "A narrow and shallow version of the network, the 4,000 images of the subset, few epochs, six "
    "of the arms and three learning rates: accuracies are far below published ones, which come "
    "from full networks, ten times the images and hundreds of epochs."
)
FULL = Scale(
    arms=tuple(ARMS), seeds=5, rates=(0.001, 0.003, 0.01, 0.03),
    settings={
        "images": 45_000, "validation": 5_000, "epochs": 60, "batch": 128, "width": 1.0,
        "depth": 1.0, "level": 0.5,
    },
    note="The published network; days on one machine: --dask spreads the runs over a cluster.",
)  # fmt: skip


def quick(**settings: Any) -> Scale:
    """The quick scale with these settings."""
    usual = {"images": 3_400, "validation": 600, "epochs": 3, "batch": 64, "level": 1.7}
    return Scale(
        arms=QUICK_ARMS, seeds=3, rates=(0.003, 0.01, 0.03), settings=usual | settings,
        note=QUICK_NOTE,
    )  # fmt: skip


def concluded(results: Results) -> Conclusion:
    """Accuracy decides; where a and b went is told."""
    found = conclude.better(results)
    moved = []
    for arm in ("apalu", "apalu-vp"):
        runs = [o["more"] for o in results.outcomes(arm) if o["more"]]
        if arm not in results.arms or not runs:
            continue
        first, last = ([np.mean([r[k][i] for r in runs]) for k in "ab"] for i in (0, -1))
        moved.append(
            f"{arm}: the mean a goes from {first[0]:.2f} to {last[0]:.2f}, b from {first[1]:.2f} "
            f"to {last[1]:.2f}"
        )
    return Conclusion(found.verdict, "; ".join([found.evidence, *moved]))


def draw(results: Results) -> Any:
    """Losses, accuracies, and a and b of each layer over the epochs."""
    figure, panels = figures.panels(4, width=3.7)
    figures.curves(panels[0], results, "loss", "training loss")
    figures.by_arm(panels[1], results)
    for panel, name in zip(panels[2:], "ab", strict=True):
        runs = [o["more"][name] for o in results.outcomes("apalu") if o["more"]]
        panel.set_title(f"{name} of each layer, apalu", fontsize=10)
        panel.set_xlabel("epoch (lines from green, the first layer, to blue)", fontsize=9)
        if not runs:
            continue
        epochs = min(map(len, runs))
        mean = np.mean([r[:epochs] for r in runs], axis=0)
        for layer, values in enumerate(mean.T):
            shade = 0.15 + 0.8 * layer / max(1, mean.shape[1] - 1)
            panel.plot(range(epochs), values, color=(0, 0.45 * (1 - shade), shade), lw=1)
        panel.set_xticks(range(epochs))
    return figure
