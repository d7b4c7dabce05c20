"""What an activation costs in a network: time, memory and operations beside ReLU's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from apalu_ref import datasets
from apalu_ref.bench import engine, memory
from apalu_ref.bench.timing import Task as Timed
from apalu_ref.bench.timing import ratios, take_turns
from apalu_ref.claims import Verdict
from apalu_ref.studies import conclude, figures, operations
from apalu_ref.studies.arms import ARMS, Factory
from apalu_ref.studies.models.plain import lenet
from apalu_ref.studies.plan import Conclusion, Measure, Outcome, Scale, Study, Task, outcome
from apalu_ref.studies.results import Results
from apalu_ref.studies.statistics import paired
from apalu_ref.studies.training import count, network
from minigrad import Tensor, nn, no_grad

SMALL = 1.1
"""A cost of at most so many times ReLU's is small; said beforehand."""

COSTS = ("score", "batch", "single", "memory")
"""The measures that the verdict rests on."""


class Net(NamedTuple):
    """A network to time: how it is built, one sample's shape, and the size of a batch."""

    build: Callable[[Factory, float], nn.Module]
    shape: tuple[int, ...]
    batch: int
    text: str


def _lenet(activation: Factory, width: float) -> nn.Module:
    return lenet(activation, 10, width=width)


def _mlp(activation: Factory, width: float) -> nn.Module:
    units = round(256 * width), round(128 * width)
    return engine.mlp((784, *units, 10), True, activation)


def _convnet(activation: Factory, width: float) -> nn.Module:
    n, m = round(16 * width), round(32 * width)
    return nn.Sequential(
        nn.Conv2d(3, n, 3, padding=1), activation(n),
        nn.Conv2d(n, n, 3, padding=1), activation(n), nn.MaxPool2d(2),
        nn.Conv2d(n, m, 3, padding=1), activation(m),
        nn.Conv2d(m, m, 3, padding=1), activation(m), nn.MaxPool2d(4),
        nn.Flatten(), nn.Linear(16 * m, 10),
    )  # fmt: skip


NETWORKS = {
    "LeNet": Net(_lenet, (1, 28, 28), 64, "8c5-p2-16c5-p2-10 on 28 x 28"),
    "MLP": Net(_mlp, (784,), 64, "784-256-128-10"),
    "ConvNet": Net(_convnet, (3, 32, 32), 16, "16c3-16c3-p2-32c3-32c3-p4-10 on 3 x 32 x 32"),
}
"""By name."""


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """None: time does not depend on what is in a picture."""
    return []


def run(task: Task) -> Outcome:
    """Time the arm's network and ReLU's in turn."""
    net, settings = NETWORKS[task.case["network"]], task.settings
    arms = {"own": task, "relu": replace(task, arm="relu")}
    rng = np.random.default_rng(task.entropy)
    x = rng.standard_normal((net.batch, *net.shape)).astype(np.float32)
    labels = rng.integers(0, 10, net.batch)
    made = {who: network(one, net.build) for who, one in arms.items()}
    steps = {
        who: engine.step_of(network(one, net.build), x, labels, "adam")
        for who, one in arms.items()
    }  # fmt: skip
    single = {who: _inference(m, x[:1]) for who, m in made.items()}
    batch = {who: _inference(m, x) for who, m in made.items()}
    step, seconds = _ratio(steps, settings)
    many = {who: operations.of_network(made[who], net.shape, arms[who].arm) for who in made}
    held = {who: memory.extra(call) for who, call in steps.items()}
    own, base = many["own"], many["relu"]
    return outcome(
        step,
        parameters=count(made["own"]),
        batch=_ratio(batch, settings)[0],
        single=_ratio(single, settings)[0],
        memory=held["own"] / held["relu"],
        operations=None if own is None or base is None else own / base,
        milliseconds=1000 * seconds,
    )


def _inference(module: nn.Module, x: Any) -> Callable[[], Any]:
    inputs = Tensor(x)
    module.eval()

    def infer() -> Any:
        with no_grad():
            return module(inputs)

    return infer


def _ratio(calls: Mapping[str, Callable[[], Any]], settings: Mapping[str, Any]) -> Any:
    """The median over rounds of own time by ReLU's, and the median of the own seconds."""

    def summary(found: dict[str, list[float]]) -> Iterator[Any]:
        ratio = ratios(found, "own", "relu")
        assert ratio is not None
        yield ratio.median, float(np.median(found["own"]))

    tasks = {who: Timed(call) for who, call in calls.items()}
    return next(take_turns(tasks, settings["rounds"], summary, patience=settings["patience"]))


def concluded(results: Results) -> Conclusion:
    """Whether APALU's costs are small, of each kind and in each network."""
    small, networks, said = [], [], []
    for case in results.cases:
        judged, found = [], []
        for name in COSTS:
            values = results.values("apalu", name, case) if "apalu" in results.arms else []
            above = paired(values, [SMALL] * len(values))
            if above.n < 3:
                continue
            # Memory is the same every time, its interval a point, and exactly the limit is small.
            judged.append(1 if above.high <= 0 else -1 if above.low > 0 else 0)
            ratio = conclude.spread(results, "apalu", name, case)
            found.append(f"{results.measure(name).text} {ratio}")
        if not judged:
            networks.append(0)
            continue
        small += judged
        # Where a cost is not known, not all are small.
        networks.append(min(judged if len(judged) == len(COSTS) else [0, *judged]))
        text = f"{case['network']}: " + ", ".join(found)
        if "gelu" in results.arms:
            text += f" (GELU's training step {conclude.spread(results, 'gelu', 'score', case)})"
        noise = conclude.spread(results, results.study.baseline, "score", case)
        if results.study.baseline in results.arms:
            text += f"; two copies of ReLU {noise}"
        said.append(text)
    if not small:
        return Conclusion(
            "open", "apalu was not run three times: there is no spread to judge by"
        )  # fmt: skip
    verdict: Verdict = "open"
    if min(networks) == 1:
        verdict = "holds"
    elif max(networks) == 1:
        verdict = "holds under a condition"
    elif max(networks) == -1:
        verdict = "does not hold"
    many = f"{small.count(1)} of {len(small)} costs are at most {SMALL:g} times ReLU's"
    return Conclusion(verdict, "; ".join([many, *said, conclude.how(results)]))


def draw(results: Results) -> Any:
    """For each network the costs of a training step and of one sample, as multiples of ReLU's."""
    cases = results.cases
    figure, panels = figures.panels(len(cases), 2, height=3.6)
    for k, case in enumerate(cases):
        name = case["network"]
        for row, measure, what in ((0, "score", "training step"), (1, "single", "one sample")):
            panel = panels[row * len(cases) + k]
            figures.by_arm(panel, results, measure, case, f"{name}: {what}, ReLU = 1")
            panel.axvline(SMALL, color="black", lw=0.8, ls="--", zorder=0)
            panel.set_xlabel(f"dashed: {SMALL:g}, what counts as small", fontsize=8)
    return figure


def _cases(*names: str) -> tuple[dict[str, str], ...]:
    return tuple({"network": name} for name in names)


STUDY = Study(
    name="overhead",
    title="What an activation costs",
    question="How much more than with ReLU do a training step, inference and memory cost with "
    "APALU, in small networks?",
    protocol=(
        "Networks: " + "; ".join(f"{name}, {net.text}" for name, net in NETWORKS.items())
        + ". A pair (a, b) a channel or neuron; float32; random input.",
        "Every run makes the network twice, with its own activation and with ReLU, and times both "
        "in turn, round after round, in one process on one thread; the result is the median of "
        "the ratios of a round, so that a change of the machine's speed meets both. ReLU against "
        "a second copy of itself shows what is noise. Runs are repetitions.",
        "Timed are a training step (forward, loss, backward, Adam), inference of a batch, and "
        "inference of one sample. Memory is the peak of what NumPy and Python hold during a "
        "training step beyond what they held before.",
        "Operations are those of a forward pass for one sample: a multiplication and an addition "
        "are two, and those of the activation are counted while its fused kernel runs, a "
        "transcendental function as one.",
        "Times are those of this project's NumPy code. A fused kernel on another device has "
        "others; the operations have not.",
    ),
    answer=f"A cost is small if it is at most {SMALL:g} times ReLU's, the upper end of its "
    "interval over repetitions included. In a network the overhead is small if the training "
    "step, inference of a batch and of one sample, and memory are. The claim holds if it is small "
    "in all networks, under a condition if in some of them (whatever the others cost), and does "
    "not hold if in each network something surely costs more: the lower end of its interval, too. "
    "Else it is open, and also with fewer than three repetitions.",
    measures=(
        Measure("score", "training step, times ReLU's", "lower", 1, 2),
        Measure("batch", "inference of a batch", "lower", 1, 2),
        Measure("single", "inference of one sample", "lower", 1, 2),
        Measure("memory", "memory of a step", "lower", 1, 2),
        Measure("operations", "operations", "lower", 1, 3),
        Measure("milliseconds", "training step, ms", "lower", 1, 2),
    ),
    scales={
        "smoke": Scale(
            arms=("relu", "apalu"), seeds=2, cases=_cases("LeNet"),
            settings={"rounds": 1, "patience": 0.1},
            note="Too short to answer anything: it shows that the study runs.",
        ),
        "quick": Scale(
            arms=(
                "relu", "apalu", "apalu-vp", "prelu", "elu", "gelu", "silu", "tanh",
                "apalu-frozen", "relu-scaled", "relu-wide",
            ),
            seeds=4, cases=_cases(*NETWORKS), settings={"rounds": 11, "patience": 0.2},
            note="11 of the arms, and short timings.",
        ),
        "full": Scale(
            arms=tuple(ARMS), seeds=10, cases=_cases(*NETWORKS),
            settings={"rounds": 15, "patience": 1.0},
        ),
    },
    data=data,
    train=run,
    conclude=concluded,
    draw=draw,
    timed=True,
)  # fmt: skip
