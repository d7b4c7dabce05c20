"""Fashion-MNIST with few samples: does APALU overfit, by layer, by channel, by neuron?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apalu_ref import datasets
from apalu_ref.studies import conclude, figures, pictures
from apalu_ref.studies.arms import ARMS
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.repeats import once, without
from apalu_ref.studies.results import Results
from apalu_ref.studies.training import (
    accuracy,
    count,
    cross_entropy,
    network,
    predict,
    train,
)
from minigrad import nn

PAIRS = ("layer", "channel", "neuron")
MARGIN = 0.02
_FIXED = ("fixed", "own")


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """Fashion-MNIST, all of it or the part that comes with the package."""
    return [datasets.fashion_mnist(part, source=source) for part in ("train", "test")]


def run(task: Task) -> Outcome:
    """Train one network, and judge it by what it was trained on, too."""
    if task.arm not in ARMS or ARMS[task.arm].kind in _FIXED or task.arm == "relu-scaled":
        # It has no parameters that could be shared in this way or that.
        return once(_run, without(task, "pairs"))
    return _run(task)


def _run(task: Task) -> Outcome:
    settings = task.settings
    pairs = task.case.get("pairs", "channel")
    # The same split, order and weights whatever shares a pair.
    task = without(task, "pairs")
    side = settings["side"]
    split = pictures.split(
        task, lambda part: datasets.fashion_mnist(part, source=task.source), side,
        task.case["samples"], settings["validation"],
    )  # fmt: skip

    def build(activation: Any, width: float) -> nn.Module:
        return pictures.small_cnn(activation, width, side, pairs)

    model = network(task, build)
    batch = min(settings["batch"], len(split.x))
    trained = train(
        model, cross_entropy, (split.x, split.y), task,
        epochs=math.ceil(settings["steps"] / (len(split.x) // batch)), batch=batch,
    )  # fmt: skip
    score = fitted = loss = None
    if not trained.diverged:
        outputs = predict(model, split.judged_x)
        score = accuracy(outputs, split.judged_y)
        fitted = accuracy(predict(model, split.x), split.y)
        loss = _surprise(outputs, split.judged_y)
    return outcome(
        score,
        diverged=trained.diverged,
        parameters=count(model),
        fitted=fitted,
        gap=None if score is None or fitted is None else fitted - score,
        loss=loss,
    )


def _surprise(outputs: Any, labels: Any) -> float | None:
    """The cross-entropy, in float64."""
    if not np.isfinite(outputs).all():
        return None
    z = outputs.astype(np.float64)
    z -= z.max(axis=1, keepdims=True)
    right = z[np.arange(len(z)), labels]
    return float((np.log(np.exp(z).sum(axis=1)) - right).mean())


def concluded(results: Results) -> Conclusion:
    """Whether the gap is no wider than ReLU's, up to a margin that was set beforehand."""
    if "apalu" not in results.arms or "relu" not in results.arms:
        return Conclusion("open", "apalu or relu was not run")
    no_wider, wider, less = [], [], []
    for case in results.cases:
        d = results.difference("apalu", "gap", case)
        wider.append(conclude.gain(results, "apalu", "gap", case) == -1)
        # A network that has learned nothing has no gap, either.
        less.append(conclude.gain(results, "apalu", "score", case) == -1)
        own, its = (results.summary(a, "gap", case).missing for a in ("apalu", "relu"))
        no_wider.append(bool(d.n > 2 and d.high <= MARGIN and own <= its and not less[-1]))
    names = [conclude.named(c) for c in results.cases]
    said = [
        f"the gap of apalu is at most {MARGIN * 100:g} points wider than that of relu, and its "
        f"test accuracy not worse beyond chance, under {sum(no_wider)} of {len(names)} conditions"
        f"{_listed(names, no_wider)}; the gap is wider beyond chance under {sum(wider)}"
        f"{_listed(names, wider)}, the test accuracy worse under {sum(less)}{_listed(names, less)}"
    ]
    for case in (results.cases[0], results.cases[-1])[: len(results.cases)]:
        said.append(conclude.compared(results, "apalu", "gap", case))
        said.append(conclude.compared(results, "apalu", "score", case))
    counts = {
        c.get("pairs"): max(o["parameters"] for o in results.outcomes("apalu", c))
        for c in results.cases if results.outcomes("apalu", c)
    }  # fmt: skip
    said.append("apalu trains " + ", ".join(f"{n:,} numbers by {p}" for p, n in counts.items()))
    said.append(conclude.how(results))
    evidence = "; ".join(said)
    if min(len(results.outcomes(a, c)) for a in ("apalu", "relu") for c in results.cases) < 3:
        return Conclusion("open", f"fewer than three seeds; {evidence}")
    if all(no_wider):
        return Conclusion("holds", evidence)
    if any(no_wider):
        return Conclusion("holds under a condition", evidence)
    return Conclusion("does not hold" if any(wider) or any(less) else "open", evidence)


def _listed(names: Sequence[str], which: Sequence[bool]) -> str:
    chosen = [n for n, w in zip(names, which, strict=True) if w]
    return f" ({' / '.join(chosen)})" if 0 < len(chosen) < len(names) else ""


def draw(results: Results) -> Any:
    """Over the samples: test accuracy and gap by arm, and APALU's gap by what shares a pair."""
    figure, panels = figures.panels(3)
    found = [c["pairs"] for c in results.cases]
    usual = "channel" if "channel" in found else found[0]
    for panel, measure in zip(panels, ("score", "gap"), strict=False):
        figures.over(panel, results, "samples", measure, {"pairs": usual})
        panel.set_title(f"{results.measure(measure).text}\n(a pair a {usual})", fontsize=10)
    m = results.measure("gap")
    for pairs, colour in zip(PAIRS, ("#0072B2", "#009E73", "#CC79A7"), strict=True):
        _line(panels[2], results, "apalu", pairs, colour, f"apalu, a pair a {pairs}", "-")
    _line(panels[2], results, "relu", usual, "#D55E00", "relu", "--")
    panels[2].set_title(f"{m.text}\n(by what shares a pair)", fontsize=10)
    panels[2].set_xlabel("samples", fontsize=9)
    if panels[2].lines:
        panels[2].legend(frameon=False, fontsize=8)
    for panel in panels:
        panel.set_xscale("log")
    return figure


def _line(
    panel: Any, results: Results, arm: str, pairs: str, colour: str, label: str, dashes: str
) -> None:
    m = results.measure("gap")
    cases = [c for c in results.cases if c["pairs"] == pairs]
    found = [(c["samples"], results.summary(arm, "gap", c)) for c in cases]
    found = [(x, s) for x, s in found if s.n]
    if found:
        panel.errorbar(
            [x for x, _ in found], [s.mean * m.scale for _, s in found],
            [0.0 if s.n < 2 else s.std * m.scale for _, s in found],
            color=colour, label=label, ls=dashes, lw=1.4, marker="o", markersize=3.5, capsize=2,
        )  # fmt: skip


def _cases(*samples: int) -> tuple[dict[str, Any], ...]:
    return tuple({"samples": n, "pairs": p} for n in samples for p in PAIRS)


STUDY = Study(
    name="overfitting",
    title="Few samples of Fashion-MNIST",
    question="Trained on few samples, is the network with APALU further from its training "
    "accuracy on new images than the one with ReLU, and does it matter whether a layer, a channel "
    "or a neuron has its own a and b?",
    protocol=(
        "The network is 8c3-p2-16c3-p2-10, trained by Adam with a one-cycle schedule and nothing "
        "against overfitting, for the same number of steps whatever the number of samples. At "
        "smoke and quick scale the images are reduced to 14x14 by means over squares.",
        "The gap is the accuracy on the training images minus the accuracy on the test images. "
        "Learning rates are chosen by the accuracy on as many validation images at every number of "
        "samples, more than one would have with 100; all arms have them alike.",
        "What shares a pair (a, b), and any other parameter of an activation, is a condition. ReLU "
        "has none: its runs are the same under all three. relu-wide has at least as many "
        "parameters as APALU does under the condition.",
    ),
    answer="APALU overfits no more than ReLU where the upper end of the paired 95 % interval of "
    "the difference of their gaps is at most 2 points, its test accuracy is not worse (the paired "
    "interval of the difference does not lie below 0: a network that learns nothing has no gap), "
    "and no more of its runs diverge. The claim holds if that is so under all conditions, and "
    "under a condition if under some. It does not hold if under none, and somewhere the interval "
    "of the gaps lies above 0 or that of the accuracies below 0. Else it is open, and also with "
    "fewer than three seeds. A gap can be wider because the training images are fitted "
    "better, and new ones no worse; so test accuracies are told beside it.",
    measures=(
        Measure("score", "test accuracy, %", "higher", 100, 1),
        Measure("fitted", "training accuracy, %", "", 100, 1),
        Measure("gap", "gap, points", "lower", 100, 1),
        Measure("loss", "test loss", "lower", 1, 2),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.01,), cases=_cases(50, 200),
            settings={"steps": 20, "validation": 100, "batch": 50, "side": 14},
            note="Too small to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=("relu", "apalu", "apalu-vp", "apalu-frozen", "relu-wide"), seeds=3,
            rates=(0.003, 0.01, 0.03), cases=_cases(100, 1_000, 10_000),
            settings={"steps": 800, "validation": 1_000, "batch": 50, "side": 14},
            note="Images at 14x14, 800 steps, 3 numbers of samples, 5 of the arms, 3 seeds.",
        ),
        "full": Scale(
            arms=tuple(ARMS), seeds=5, rates=(0.001, 0.003, 0.01, 0.03),
            cases=_cases(100, 300, 1_000, 3_000, 10_000),
            settings={"steps": 4_000, "validation": 5_000, "batch": 50, "side": 28},
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
)  # fmt: skip
