"""Plain, residual and dense nets: do gradients flow better with APALU?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apalu_ref import datasets
from apalu_ref.studies import conclude, figures
from apalu_ref.studies.flow import EDGES, Flow, apart, rises
from apalu_ref.studies.inits import matched
from apalu_ref.studies.models.densenet import densenet
from apalu_ref.studies.models.plain import plain_convnet
from apalu_ref.studies.models.resnet import resnet
from apalu_ref.studies.pictures import natural, split, stand_in
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.results import Results
from apalu_ref.studies.splits import Split
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

_NETS = ("plain", "residual", "dense")
_SETS = ("mnist", "cifar10")
_RECORDS = 8
_KEPT = 20


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """MNIST, and CIFAR-10 or what stands in for it."""
    parts = ("train", "test")
    return [
        *(datasets.mnist(part, source=source) for part in parts),
        *(natural(part, source) for part in parts),
    ]


def available(plan: Scale, source: str) -> tuple[Sequence[Mapping[str, Any]], str]:
    """The conditions, with the data they will really have."""
    why = stand_in(source)
    if not why:
        return plan.cases, ""
    return tuple(
        {**case, "data": "fashion-mnist"} if case["data"] == "cifar10" else case
        for case in plan.cases
    ), why


def run(task: Task) -> Outcome:
    """Train one network; in a final run its gradients are recorded."""
    settings = task.settings
    images = _images(task)
    model = network(task, lambda activation, width: _net(task, activation, width, images))
    batch = settings["batch"]
    steps = settings["epochs"] * max(1, len(images.x) // batch)
    probe = images.x[: settings["probe"]], images.y[: settings["probe"]]
    flow = Flow(max(1, steps // _RECORDS), probe)
    trained = train(
        model, cross_entropy, (images.x, images.y), task, epochs=settings["epochs"], batch=batch,
        callbacks=[flow] if task.final else [],
    )  # fmt: skip
    score = None if trained.diverged else accuracy(predict(model, images.judged_x), images.judged_y)
    there = task.final and not trained.diverged
    return outcome(
        score,
        diverged=trained.diverged,
        parameters=count(model),
        apart=apart(flow.sizes) if there else None,
        rises=rises(flow.losses) if there else None,
        angle=float(np.mean(flow.angles)) if there and flow.angles else None,
        steps=steps_to(trained.losses, settings["levels"][task.case["data"] != "mnist"]),
        curves={"probe": thinned(flow.losses, _KEPT)} if there else {},
        more=_kept(flow) if there and task.seed == 0 else {},
    )


def _kept(flow: Flow) -> dict[str, Any]:
    """Sizes by layer and histograms, at the start and at the end: what figures need."""
    ends = (0, -1)
    return {
        "sizes": [[round(x, 2) for x in flow.sizes[i]] for i in ends],
        "histograms": [flow.histograms[i] for i in ends],
    }


def _net(task: Task, activation: Any, width: float, images: Split) -> nn.Module:
    depth, channels = task.settings["blocks"], images.x.shape[1]
    kind = task.case["net"]
    if kind == "plain":
        return plain_convnet(
            activation, 10, channels, layers=6 * depth, channels=8, width=width,
            gain=matched(task.arm),
        )  # fmt: skip
    if kind == "residual":
        return resnet(
            "basic", (depth,) * 3, activation, 10, channels, width=0.125 * width, stem="cifar"
        )
    return densenet((2 * depth,) * 3, 4, activation, 10, channels, width=width, stem="cifar")


def _images(task: Task) -> Split:
    settings = task.settings

    def load(part: str) -> datasets.Images:
        if task.case["data"] == "mnist":
            return datasets.mnist(part, source=task.source)
        return natural(part, task.source)

    side = load("test").images.shape[2] // settings["reduced"]
    return split(task, load, side, settings["images"], settings["validation"])


def concluded(results: Results) -> Conclusion:
    """Whether layers' gradients are nearer in size, the loss rises less often, and falls sooner."""
    return conclude.better(results, ("apart", "rises", "steps"))


def draw(results: Results) -> Any:
    """A row a condition: gradients by layer, their histograms, and the loss on the way."""
    figure, panels = figures.panels(3, len(results.cases), 2.3, 4.0)
    arms = [a for a in ("relu", "apalu", "apalu-vp") if a in results.arms] or results.arms[:3]
    for row, case in zip(np.reshape(panels, (-1, 3)), results.cases, strict=True):
        where = f"{case['net']} net, {case['data']}"
        _by_layer(row[0], results, arms, case)
        row[0].set_title(f"log10 of gradients by layer: {where}\n(dotted: first step)", fontsize=9)
        _spread(row[1], results, arms, case)
        row[1].set_title("share of a layer's elements, late\n(dashed: last layer)", fontsize=9)
        figures.curves(row[2], results, "probe", "", arms, case)
        row[2].set_title("loss on the fixed rows\n(bands: all seeds)", fontsize=9)
        if legend := row[2].get_legend():
            legend.remove()
        for panel in row:
            panel.xaxis.label.set_size(8)
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=figures.style(arm, results).color) for arm in arms]
    figure.legend(
        lines, arms, loc="outside lower center", ncols=len(arms), frameon=False, fontsize=9
    )
    return figure


def _first(results: Results, arm: str, case: Mapping[str, Any]) -> dict[str, Any]:
    found: list[dict[str, Any]] = [o["more"] for o in results.outcomes(arm, case) if o["more"]]
    return found[0] if found else {}


def _by_layer(panel: Any, results: Results, arms: Sequence[str], case: Mapping[str, Any]) -> None:
    for arm in arms:
        more = _first(results, arm, case)
        if more:
            colour = figures.style(arm, results).color
            start, end = more["sizes"]
            layers = np.arange(1, len(start) + 1)
            panel.plot(layers, start, color=colour, ls=":", lw=1.2)
            panel.plot(layers, end, color=colour, lw=1.4)
    panel.set_xlabel("layer, from the input")


def _spread(panel: Any, results: Results, arms: Sequence[str], case: Mapping[str, Any]) -> None:
    middle = (EDGES[1:] + EDGES[:-1]) / 2
    for arm in arms:
        more = _first(results, arm, case)
        if more:
            colour = figures.style(arm, results).color
            for counts, dashes in zip(more["histograms"][-1], ("-", "--"), strict=True):
                share = np.array(counts) / max(1, sum(counts))
                panel.plot(middle, share, color=colour, ls=dashes, lw=1.3)
    panel.set_xlabel("log10 of the magnitude (zeros at the left end)")


_CASES = tuple({"net": n, "data": d} for d in _SETS for n in _NETS)

STUDY = Study(
    name="gradient-flow",
    title="How gradients flow",
    question="In plain, residual and dense nets: are the gradients of all layers nearer in size "
    "with APALU than with ReLU, does the loss oscillate less, and does it fall sooner?",
    protocol=(
        "A stack of 3x3 convolutions without norm, whose weights keep the second moment through "
        "each arm's function; a ResNet of basic blocks and a DenseNet-BC, both with batch norm, "
        "and with He's weights for all arms. One pair (a, b) a channel; Adam, one-cycle.",
        "relu-scaled is a control of little use here: in the plain nets, with weights that suit "
        "it, it begins as the very function that ReLU begins as, and differs from it by the rate "
        "at which it learns alone; in the others batch norm takes its constant away, but for "
        "where no norm follows.",
        "MNIST and CIFAR-10, the images of half their size at quick scale (a quarter at smoke). "
        "Where CIFAR-10 is not there, Fashion-MNIST takes its place, unless full data are asked "
        "for.",
        "The size of a layer's gradient is the root mean square over its weights; layers lie "
        "apart by log10 of the largest over the smallest, the mean over some moments of the run. "
        "Whether the loss rises is asked after every step, on the same few training images, as "
        "the loss of the batches differs from step to step by itself. The angle is that "
        "between the gradients of successive steps, all parameters taken together.",
    ),
    answer="Three numbers are compared with ReLU's in each net on each set: the decades that "
    "layers lie apart, the share of steps after which the loss is larger, and the steps to a "
    "level of the training loss (one for MNIST, a higher one for the other set); less of each is "
    "better, if the paired interval, over seeds, leaves out 0 when widened for the number of all "
    "these comparisons. The claim holds if APALU is better in every one, under a condition if in "
    "more of them than it is worse in, does not hold if it is worse in more, and is open "
    "otherwise, and with fewer than three seeds. The angle is reported and not judged: noise of "
    "the batches turns gradients in any case.",
    measures=(
        Measure("score", "test accuracy, %", "higher", 100, 1),
        Measure("apart", "decades between layers", "lower", 1, 2),
        Measure("rises", "steps at which the loss rises, %", "lower", 100, 0),
        Measure("angle", "turning angle, degrees", "", 1, 0),
        Measure("steps", "steps to the level", "lower", 1, 0),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.01,), cases=_CASES,
            settings={
                "images": 60, "validation": 20, "epochs": 1, "batch": 20, "probe": 10,
                "reduced": 4, "blocks": 1, "levels": [2.25, 2.25],
            },
            note="Too small to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=("relu", "apalu", "apalu-vp", "apalu-frozen", "relu-scaled"), seeds=3,
            rates=(0.003, 0.01, 0.03), cases=_CASES,
            settings={
                "images": 3_200, "validation": 600, "epochs": 1, "batch": 32, "probe": 32,
                "reduced": 2, "blocks": 1, "levels": [1.8, 2.1],
            },
            note="100 steps on 3,200 images, nets of 6 to 14 layers, 5 of the arms, 3 seeds.",
        ),
        "full": Scale(
            arms=(
                "relu", "leaky-relu", "elu", "gelu", "silu", "tanh", "prelu", "apalu", "apalu-vp",
                "apalu-frozen", "apalu-vp-frozen", "apalu-tied", "relu-scaled",
            ),
            seeds=5, rates=(0.001, 0.003, 0.01, 0.03), cases=_CASES,
            settings={
                "images": 40_000, "validation": 5_000, "epochs": 5, "batch": 64, "probe": 64,
                "reduced": 1, "blocks": 3, "levels": [0.5, 1.5],
            },
            note="sigmoid, PELU, Swish and relu-wide are left out.",
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
    available=available,
)  # fmt: skip
