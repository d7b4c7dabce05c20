"""One long run on MNIST: do a and b settle, drift, or collapse?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from apalu_ref import datasets
from apalu_ref.studies import conclude, figures, pictures
from apalu_ref.studies.paths import Paths, collapsed, fates, kinks, memory, opposed
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.results import Results
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

_RECORDS = 40
_KEPT = 20
_MOST = 24
_MARGIN = 0.01
_CONSTANT, _CYCLE = {"schedule": "constant"}, {"schedule": "one-cycle"}


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """MNIST, all of it or the part that comes with the package."""
    return [datasets.mnist("train", source=source), datasets.mnist("test", source=source)]


def run(task: Task) -> Outcome:
    """Train one network for long, and follow its a and b."""
    settings = task.settings
    side = settings["side"]
    split = pictures.split(
        task, lambda part: datasets.mnist(part, source=task.source), side, settings["images"],
        settings["validation"],
    )  # fmt: skip

    def build(activation: Any, width: float) -> nn.Module:
        return pictures.small_cnn(activation, width, side)

    model = network(task, build)
    steps = settings["epochs"] * max(1, len(split.x) // settings["batch"])
    paths = Paths(max(1, steps // _RECORDS))
    trained = train(
        model, cross_entropy, (split.x, split.y), task,
        epochs=settings["epochs"], batch=settings["batch"],
        schedule=task.case["schedule"] == "one-cycle", callbacks=[paths],
    )  # fmt: skip
    score = None if trained.diverged else accuracy(predict(model, split.judged_x), split.judged_y)
    measures, kept = ({}, {}) if trained.diverged else _followed(paths.a, paths.b, task.seed == 0)
    return outcome(
        score,
        diverged=trained.diverged,
        parameters=count(model),
        curves={"loss": thinned(trained.losses)},
        more=kept,
        **measures,
    )


def _followed(a: Any, b: Any, whole: bool) -> tuple[dict[str, float | None], dict[str, Any]]:
    """The measures, and what figures need: all of the paths, or only their ends."""
    if not a.shape[1]:
        return {}, {}
    both = np.concatenate([a, b], axis=1)
    ends = fates(both)
    measures = {
        "settled": ends and ends.settled,
        "drifting": ends and ends.drifting,
        "collapsed": float(collapsed(a[-1], b[-1]).mean()),
        "opposed": float(opposed(a[-1], b[-1]).mean()),
        "kink": float(kinks(a[-1], b[-1]).mean()),
        "moved": float(np.abs(both[-1] - both[0]).mean()),
        "memory": memory(both[0], both[-1]),
    }
    rows = [0, -1]
    # Where nothing moves, the ends say it all.
    if whole and measures["moved"]:
        rows = sorted(set(np.linspace(0, len(a) - 1, _KEPT + 1).round().astype(int).tolist()))
    kept = {name: p[rows, :_MOST].round(3).T.tolist() for name, p in (("a", a), ("b", b))}
    return measures, kept


def concluded(results: Results) -> Conclusion:
    """Whether a and b come to rest, and whether two ways to start them end equally well."""
    there = [a for a in ("apalu", "apalu-vp") if a in results.arms]
    if not there:
        return Conclusion("open", "neither apalu nor apalu-vp was run")
    said, good, bad = [], [], []
    for case in results.cases:
        calm, wild = [], []
        for arm in there:
            lost, runs = results.diverged(arm, case), len(results.outcomes(arm, case))
            more = lost > results.diverged(results.study.baseline, case)
            if lost == runs:
                calm.append(False)
                wild.append(True)
                said.append(f"{conclude.named(case)}, {arm}: every run diverged")
                continue
            settled, drifting, gone, opposite = (
                results.summary(arm, m, case).mean
                for m in ("settled", "drifting", "collapsed", "opposed")
            )
            # What diverged has no paths: it must not help those that have.
            enough = runs - lost > 2 and not more
            calm.append(enough and settled >= 0.9 and gone == 0 and opposite == 0)
            broken = more and 2 * lost > runs
            wild.append(broken or settled < 0.5 or gone > 0.1 or opposite > 0.1)
            said.append(
                f"{conclude.named(case)}, {arm}: {settled:.0%} of a and b settle, {drifting:.0%} "
                f"drift, {gone:.0%} of the pairs collapse, {opposite:.0%} get opposite signs"
                + (f"; {lost} of {runs} runs diverged, and are not in this" if lost else "")
            )
        alike = True
        if len(there) == 2:
            d = results.difference("apalu-vp", "score", case, to="apalu")
            alike = bool(d.n > 2 and d.low >= -_MARGIN and d.high <= _MARGIN)
            difference = conclude.interval(results, "apalu-vp", "score", case, "apalu")
            said.append(
                f"{conclude.named(case)}, apalu-vp less apalu: {difference} points of accuracy, "
                f"{'within' if alike else 'not within'} ±{_MARGIN * 100:g}"
            )
        good.append(all(calm) and alike and len(there) == 2)
        bad.append(any(wild))
    said += [_remembered(results), conclude.how(results)]
    evidence = "; ".join(filter(None, said))
    if min(len(results.outcomes(a, c)) for a in there for c in results.cases) < 3:
        return Conclusion("open", f"fewer than three seeds; {evidence}")
    if all(good):
        return Conclusion("holds", evidence)
    if any(good):
        return Conclusion("holds under a condition", evidence)
    return Conclusion("does not hold" if all(bad) else "open", evidence)


def _remembered(results: Results) -> str:
    if "apalu" not in results.arms:
        return ""
    found = [(results.summary("apalu", "memory", case), case) for case in results.cases]
    shown = [f"{s.mean:.2f} ({conclude.named(case)})" for s, case in found if s.n]
    if not shown:
        return ""
    return f"where apalu's a and b end correlates with where they started by {', '.join(shown)}"


def draw(results: Results) -> Any:
    """For each schedule: paths of a and of b, where pairs start and end, and the accuracy."""
    figure, panels = figures.panels(4, len(results.cases), 3.4, 3.8)
    arm = next((a for a in ("apalu", "apalu-vp", "apalu-tied") if a in results.arms), "")
    for row, case in zip(np.reshape(panels, (-1, 4)), results.cases, strict=True):
        where = conclude.named(case)
        outcomes = results.outcomes(arm, case)
        longest: Mapping[str, Any] = max(
            (o["more"] for o in outcomes if o["more"]), key=_length, default={}
        )
        for panel, letter, colour in zip(row, "ab", ("#0072B2", "#D55E00"), strict=False):
            paths = np.array(longest.get(letter, [])).T
            if paths.size:
                panel.plot(np.linspace(0, 1, len(paths)), paths, color=colour, lw=0.9, alpha=0.6)
            panel.axhline(0, color=figures.GREY, lw=0.8)
            panel.set_title(f"{letter} of every channel, {arm}, one run\n({where})", fontsize=9)
            panel.set_xlabel("share of the steps", fontsize=9)
        _ends(row[2], results, case)
        figures.by_arm(row[3], results, "score", case)
        row[3].set_title(f"{results.measure().text}\n({where})", fontsize=9)
    return figure


def _length(more: Mapping[str, Any]) -> int:
    return len(more["a"][0])


def _ends(panel: Any, results: Results, case: Mapping[str, Any]) -> None:
    """Each pair as a line from where it started to a dot where it ended."""
    line = np.array([-0.5, 2.5])
    panel.plot(line, 1.5 * line, color=figures.GREY, lw=0.8, ls="--", label="b = 3a/2")
    for arm in ("apalu", "apalu-vp"):
        colour = figures.style(arm, results).color if arm in results.arms else ""
        for place, found in enumerate(results.outcomes(arm, case) if colour else ()):
            if not found["more"]:
                continue
            a, b = (np.array(found["more"][letter]) for letter in "ab")
            panel.plot(a[:, [0, -1]].T, b[:, [0, -1]].T, color=colour, lw=0.5, alpha=0.35)
            label = arm if place == 0 else None
            panel.scatter(a[:, -1], b[:, -1], s=9, color=colour, lw=0, alpha=0.8, label=label)
    panel.set_xlabel("a", fontsize=9)
    panel.set_title("pairs from start to end (dot),\nall runs", fontsize=9)
    panel.axhline(0, color=figures.GREY, lw=0.6)
    panel.axvline(0, color=figures.GREY, lw=0.6)
    panel.legend(frameon=False, fontsize=8)


STUDY = Study(
    name="stability",
    title="a and b over one long run",
    question="Over one long run on MNIST: do a and b settle, drift on, or collapse, and does it "
    "matter where they started?",
    protocol=(
        "The network is 8c3-p2-16c3-p2-10 with one pair (a, b) a channel, trained by Adam. At "
        "smoke and quick scale the images are reduced to 14x14 by means over squares.",
        "Under a one-cycle schedule the learning rate ends at nearly 0, so that everything comes "
        "to rest whether it wants to or not; so the same run is also made at a constant rate.",
        "a and b are recorded at 40 moments. The arms start them from U(0, 2), at the "
        "variance-preserving pair, or tied to b = 3a/2; ReLU and frozen pairs are there for the "
        "accuracy.",
    ),
    answer="Over the last quarter of the run, a value that stays within a tenth of the range it "
    "covered in all (or within 0.02) has settled; one that does not and makes a net change of "
    "more than three quarters of the band it covers drifts; any other wanders. A pair has "
    "collapsed if abs(a) and abs(b) end below 0.01, and is opposed if both end at 0.01 or more in "
    "size and with different signs. The claim holds if with both inits 90 % of the values settle, "
    "no pair collapses or is opposed, no more runs diverge than with ReLU, and the paired interval "
    "of the difference in accuracy between the inits lies within one "
    "point; under a condition if that is so with one schedule only. It does not hold if with each "
    "schedule an init lets fewer than half of the values settle, or more than a tenth of the "
    "pairs collapse or become opposed, or more than half of its runs diverge, and more than with "
    "ReLU. Else it is open, and also with fewer than three seeds.",
    measures=(
        Measure("score", "test accuracy, %", "higher", 100, 2),
        Measure("settled", "a and b settled, %", "", 100, 0),
        Measure("drifting", "drifting, %", "", 100, 0),
        Measure("collapsed", "pairs collapsed, %", "", 100, 1),
        Measure("opposed", "pairs of opposite signs, %", "", 100, 1),
        Measure("kink", "mean abs(b − 3a/2) at the end", "", 1, 2),
        Measure("moved", "mean distance from the start", "", 1, 2),
        Measure("memory", "correlation of end and start", "", 1, 2),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, rates=(0.003, 0.01), cases=(_CONSTANT, _CYCLE),
            settings={"images": 300, "validation": 100, "epochs": 5, "batch": 50, "side": 14},
            note="Too small to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=("relu", "apalu", "apalu-vp", "apalu-tied", "apalu-frozen"), seeds=3,
            rates=(0.001, 0.003, 0.01), cases=(_CONSTANT, _CYCLE),
            settings={
                "images": 10_000, "validation": 2_000, "epochs": 15, "batch": 50, "side": 14,
            },
            note="10,000 of the 60,000 images, at 14x14; 15 epochs; 5 of the arms, 3 seeds.",
        ),
        "full": Scale(
            arms=(
                "relu", "apalu", "apalu-vp", "apalu-tied", "apalu-frozen", "apalu-vp-frozen",
                "relu-scaled", "relu-wide", "prelu", "pelu", "swish",
            ),
            seeds=5, rates=(0.001, 0.003, 0.01), cases=(_CONSTANT, _CYCLE),
            settings={
                "images": 55_000, "validation": 5_000, "epochs": 100, "batch": 100, "side": 28,
            },
            note="Arms that do without a and b are left out, but for ReLU, the controls, and the "
            "relatives with trained parameters.",
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
)  # fmt: skip
