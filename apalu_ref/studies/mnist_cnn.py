"""A small CNN on MNIST: does APALU learn faster, or better, than ReLU?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apalu_ref import datasets
from apalu_ref.studies import conclude, figures
from apalu_ref.studies.arms import ARMS, Factory
from apalu_ref.studies.models.plain import lenet
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


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """MNIST, all of it or the part that comes with the package."""
    return [datasets.mnist("train", source=source), datasets.mnist("test", source=source)]


def run(task: Task) -> Outcome:
    """Train one network."""
    settings = task.settings
    given, test = data(settings, task.source)
    split = official(given, test, task, settings["images"], settings["validation"])

    def build(activation: Factory, width: float) -> nn.Module:
        return lenet(activation, 10, width=width * settings["width"])

    model = network(task, build)
    trained = train(
        model, cross_entropy, (split.x, split.y), task,
        epochs=settings["epochs"], batch=settings["batch"],
    )  # fmt: skip
    score = None if trained.diverged else accuracy(predict(model, split.judged_x), split.judged_y)
    return outcome(
        score,
        diverged=trained.diverged,
        parameters=count(model),
        loss=trained.losses[-1] if trained.losses else None,
        steps=steps_to(trained.losses, settings["level"]),
        curves={"loss": thinned(trained.losses)},
    )


def concluded(results: Results) -> Conclusion:
    """Both halves of the claim: accuracy, and steps to a loss."""
    return conclude.better(results, ("score", "steps"))


def draw(results: Results) -> Any:
    """Losses on the way, accuracy and speed by arm."""
    figure, panels = figures.panels(3)
    figures.curves(panels[0], results, "loss", "training loss")
    panels[0].set_yscale("log")
    figures.by_arm(panels[1], results, "score")
    figures.by_arm(panels[2], results, "steps")
    return figure


STUDY = Study(
    name="mnist-cnn",
    title="A CNN on MNIST",
    question="Does a CNN with APALU learn MNIST faster, and to a higher accuracy, than with ReLU?",
    protocol=(
        "The network is 8c5-p2-16c5-p2-10 (twice as wide at full scale) with one pair (a, b) a "
        "channel; Adam with a one-cycle schedule, no augmentation, no weight decay.",
        "Speed is the number of steps until the mean training loss of ten steps is below a level "
        "that was set beforehand.",
    ),
    answer="Paired intervals of the difference to ReLU, over seeds, that leave out 0: the claim "
    "holds if APALU has both the higher accuracy on the test set and the fewer steps, and under a "
    "condition if it has one of them and does not lose by the other.",
    measures=(
        Measure("score", "test accuracy, %", "higher", 100, 2),
        Measure("steps", "steps to the level", "lower", 1, 0),
        Measure("loss", "loss of the last batch", "lower", 1, 4),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.003, 0.01),
            settings={
                "images": 500, "validation": 100, "epochs": 2, "batch": 50, "level": 1.0,
                "width": 1,
            },
            note="Too small to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=("relu", "apalu", "apalu-vp", "gelu", "apalu-frozen", "relu-scaled", "relu-wide"),
            seeds=5, rates=(0.003, 0.01, 0.03, 0.1),
            settings={
                "images": 10_000, "validation": 2_000, "epochs": 3, "batch": 100, "level": 0.2,
                "width": 1,
            },
            note="10,000 of the 60,000 images, 3 epochs, and 7 of the arms.",
        ),
        "full": Scale(
            arms=tuple(ARMS), seeds=5, rates=(0.001, 0.003, 0.01, 0.03),
            settings={
                "images": 55_000, "validation": 5_000, "epochs": 12, "batch": 128, "level": 0.1,
                "width": 2,
            },
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
)  # fmt: skip
