"""One-class classification of digits: is what does not belong farther from the centre?"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref import datasets
from apalu_ref.studies import averages, conclude, figures
from apalu_ref.studies.arms import ARMS, Factory
from apalu_ref.studies.detection import auroc, pca_error, rounded
from apalu_ref.studies.models.svdd import centre, embedding, squared_distance
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.results import Results
from apalu_ref.studies.splits import generator
from apalu_ref.studies.training import count, network, predict, thinned, train
from minigrad import Tensor, nn, no_grad

Array = NDArray[Any]

COLLAPSED = 0.01
"""A run has collapsed if its embedding's spread is below this."""


class OneClass(NamedTuple):
    """What a run sees: normal images to train on, and images of all digits to be judged by."""

    x: Array
    judged: Array
    anomalous: Array


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """MNIST, all of it or the part that comes with the package."""
    return _loaded(source, os.environ.get("APALU_REF_DATA"))


@lru_cache(maxsize=1)
def _loaded(source: str, directory: str | None) -> tuple[datasets.Images, datasets.Images]:
    # Reading takes as long as a third of a run, and every run reads the same.
    return datasets.mnist("train", source=source), datasets.mnist("test", source=source)


def split(train: datasets.Images, test: datasets.Images, task: Task) -> OneClass:
    """Normal images of the training set, and those to judge by.

    A sixth of the training set, of all digits, is put aside; it judges while rates are chosen,
    and is used for nothing in a final run.
    """
    digit, settings = task.case["normal"], task.settings
    order = generator(task).permutation(len(train.labels))
    aside = order[: len(order) // 6]
    rows = order[len(aside) :]
    rows = rows[train.labels[rows] == digit][: settings["images"]]
    x = train.images[rows].astype(np.float32)
    mean, std = x.mean(), x.std() + 1e-6
    judged, chosen = (test, slice(None)) if task.final else (train, aside[: settings["judged"]])
    return OneClass(
        (x - mean) / std,
        ((judged.images[chosen] - mean) / std).astype(np.float32),
        judged.labels[chosen] != digit,
    )


def build(activation: Factory, width: float) -> nn.Module:
    """The network for 28 x 28 pixels."""
    return embedding(activation, width)


def spread(points: Array, middle: Array) -> float:
    """How far points lie from their mean (root mean square), over the length of the centre."""
    off = points - points.mean(0, dtype=float)
    return float(np.sqrt((off * off).sum(1).mean()) / np.linalg.norm(middle))


def _simple(seen: OneClass, components: int) -> dict[str, float | None]:
    x, judged = (images.reshape(len(images), -1) for images in (seen.x, seen.judged))
    return {
        name: rounded(auroc(pca_error(x, judged, n), seen.anomalous))
        for name, n in (("mean", 0), ("pca", components))
    }


def run(task: Task) -> Outcome:
    """Train one network to gather the images of one digit."""
    seen = split(*_loaded(task.source, os.environ.get("APALU_REF_DATA")), task)
    model = network(task, build)
    # In training mode: batch norm has seen no image yet, and its running means are of no use.
    with no_grad(), np.errstate(over="ignore", invalid="ignore"):
        started = np.concatenate(
            [model(Tensor(seen.x[k : k + 250])).data for k in range(0, len(seen.x), 250)]
        )
    middle = centre(started)
    trained = train(
        model, squared_distance, (seen.x, np.tile(middle, (len(seen.x), 1))), task,
        epochs=task.settings["epochs"], batch=task.settings["batch"],
    )  # fmt: skip
    score, width = None, None
    if not trained.diverged:
        points = predict(model, seen.judged)
        score = rounded(auroc(((points - middle) ** 2).sum(1), seen.anomalous))
        width = rounded(spread(points, middle)) if score is not None else None
    simple = _simple(seen, task.settings["components"]) if task.final else {}
    return outcome(
        score,
        diverged=trained.diverged or (None if score is not None else "a distance is not finite"),
        parameters=count(model),
        spread=width,
        collapsed=None if width is None else float(width < COLLAPSED),
        mean=simple.get("mean"),
        pca=simple.get("pca"),
        # Kept for the digit that is drawn: ten times as many would be most of the results.
        curves={"loss": thinned(trained.losses)} if task.case["normal"] == 0 else {},
    )


def concluded(results: Results) -> Conclusion:
    """The mean AUC over the digits; how often it collapsed, and how PCA does."""
    found = averages.verdict(results)
    collapsed = sum(
        v == 1 for a in results.arms for c in results.cases
        for v in results.values(a, "collapsed", c)
    )  # fmt: skip
    m = results.measure()
    best = float(np.fmax.reduce([averages.mean(results, a) for a in results.arms]))
    pca, mean = (conclude.shown(m, averages.constant(results, k)) for k in ("pca", "mean"))
    said = [
        found.evidence,
        f"runs whose embedding collapsed: {collapsed} of {len(results.runs)}",
        f"without a network the AUC is {pca} (what PCA of the same images leaves) and {mean} "
        f"(distance from their mean image), where the best arm has {conclude.shown(m, best)}",
        conclude.how(results),
    ]
    return Conclusion(found.verdict, "; ".join(said))


def draw(results: Results) -> Any:
    """AUC by digit, the spread of the embeddings, and losses."""
    figure, panels = figures.panels(3, width=4.6)
    averages.by_condition(panels[0], results, "normal", "pca", "PCA")
    panels[0].set_xlabel("normal digit", fontsize=9)
    averages.dots(panels[1], results, title="test AUC, mean over the digits")
    figures.curves(panels[2], results, "loss", "training loss, normal digit 0", case={"normal": 0})
    panels[2].set_yscale("log")
    return figure


DIGITS = tuple({"normal": digit} for digit in range(10))

STUDY = Study(
    name="deep-svdd",
    title="Deep SVDD: one digit is normal",
    question="Trained on one digit alone, does a one-class network with APALU tell the others "
    "from it better than one with ReLU?",
    protocol=(
        "Deep SVDD (Ruff et al. 2018), one-class: a network without biases maps images to 32 "
        "numbers and is trained to bring those of one digit near to a centre, the mean of what "
        "it makes of them untrained; the distance from the centre is the anomaly score. Each digit "
        "is the normal one in turn. Unlike the authors we neither pretrain with an autoencoder "
        "nor normalise contrasts image by image.",
        "The learning rate is chosen by the AUC on images of all digits put aside from the "
        "training set. The loss cannot choose, as a collapsed embedding has the least. A user who "
        "has no anomalies at all could not choose in this way; all arms have the same help. In "
        "final runs the images put aside are not used.",
        "Batch norm, the standardisation of pixels and the range of rates were set in trial runs "
        "with ReLU and APALU on three digits that looked at test AUCs.",
        "An embedding counts as collapsed if the test images, of all digits, spread around their "
        f"mean by less than {COLLAPSED:g} of the length of the centre.",
        "Beside it stand two methods without a network, on the same images: the distance from "
        "the mean image, and what principal components leave.",
    ),
    answer="Judged by the test AUC, with the ten digits as conditions: if each was judged alone, "
    f"one or another of the ten might differ by chance. {averages.RULE}",
    measures=(
        Measure("score", "test AUC, %", "higher", 100, 2),
        Measure("spread", "spread of the embedding", "", 1, 3),
        Measure("collapsed", "collapsed, % of the runs", "lower", 100, 0),
        Measure("mean", "AUC of the mean image, %", "", 100, 2),
        Measure("pca", "AUC of PCA, %", "", 100, 2),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.01,), cases=DIGITS[:2],
            settings={"images": 60, "judged": 100, "epochs": 2, "batch": 20, "components": 8},
            note="Two digits, 60 images: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=("relu", "apalu", "apalu-vp", "apalu-frozen", "relu-wide"),
            seeds=3, rates=(0.001, 0.005, 0.025), cases=DIGITS,
            settings={
                "images": 1_200, "judged": 2_000, "epochs": 4, "batch": 64, "components": 16,
            },
            note="All ten digits, but 1,200 of some 5,000 images of each, 4 epochs, and 5 of the "
            "arms. ReLU times a constant is left out: batch norm takes a constant factor away, so "
            "that it would be ReLU again.",
        ),
        "full": Scale(
            arms=tuple(ARMS), seeds=5, rates=(0.0002, 0.001, 0.005, 0.025), cases=DIGITS,
            settings={
                "images": 5_000, "judged": 10_000, "epochs": 30, "batch": 128, "components": 16,
            },
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
)  # fmt: skip
