"""Networks with APALU beside the same with ReLU and GELU, in minigrad: the overhead in use.

The LeNet and the largest MLP of :mod:`apalu_ref.bench.engine`, in float32: inference of one sample
and of a batch, and a training step (forward, loss, backward, plain gradient descent). All
activations of a network are timed in turn; the ratio to ReLU is taken within a round.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from apalu_ref.bench import engine, machine
from apalu_ref.bench.peers import Step
from apalu_ref.bench.timing import Progress, Spread, Task, gather, ratios, spread, take_turns
from apalu_ref.fused.threads import count
from apalu_ref.layer import APALU
from minigrad import Tensor, nn, no_grad
from minigrad.random import manual_seed

CASES = (engine.CASES[-1], engine.CASES[-2]._replace(per_neuron=True))

_SINGLY = "APALU, a pair a layer"

# What makes a layer for so many channels or neurons. The first is what others are compared with.
ACTIVATIONS: dict[str, engine.Activation] = {
    "ReLU": lambda n: nn.ReLU(),
    "GELU": lambda n: nn.GELU(),
    _SINGLY: lambda n: APALU(),
    "APALU, a pair a channel": APALU,
}


class Row(NamedTuple):
    """One network with one activation, doing one thing."""

    network: str
    task: str
    activation: str
    seconds: Spread
    ratio: Spread  # to the time with ReLU

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        own = self._asdict()
        return {**own, "seconds": self.seconds._asdict(), "ratio": self.ratio._asdict()}


class Report(NamedTuple):
    """What was found."""

    runs: int
    rows: list[Row]
    interrupted: bool


def measure(runs: int = 9, progress: Progress = lambda what: None) -> Report:
    """Time the networks; Ctrl-C ends it, and what has been timed is kept.

    Parameters
    ----------
    runs : int
        Rounds.
    progress : callable
        Told what is going on.

    Returns
    -------
    Report
    """
    rows, interrupted = gather(_rows(runs, progress))
    return Report(runs, rows, interrupted)


def _rows(runs: int, progress: Progress) -> Iterator[Row]:
    for case in CASES:
        name = case.what.split(",")[0]
        one, many = "inference, batch of 1", f"inference, batch of {case.batch}"
        made = {activation: _steps(case, activation) for activation in ACTIVATIONS}
        for k, task in enumerate((one, many, f"training step, batch of {case.batch}")):
            progress(f"{name}: {task}")
            steps = {activation: Task(own[k]) for activation, own in made.items()}

            def summary(
                found: dict[str, list[float]], name: str = name, task: str = task
            ) -> Iterator[Row]:
                for activation, seconds in found.items():
                    ratio = ratios(found, activation, "ReLU")
                    assert ratio is not None
                    yield Row(name, task, _called(activation, name), spread(seconds), ratio)

            yield from take_turns(steps, runs, summary)


def _called(activation: str, network: str) -> str:
    return activation.replace("channel", "neuron") if "MLP" in network else activation


def _steps(case: engine.Case, activation: str) -> tuple[Step, Step, Step]:
    """Inference of one sample, of a batch, and a training step, each with its own network."""
    make = ACTIVATIONS[activation]
    x, labels = engine.batch(case)

    def network() -> nn.Sequential:
        manual_seed(0)
        if case.widths:
            return engine.mlp(case.widths, case.per_neuron, make)
        return engine.lenet(make)

    trained = network().eval()

    def infer(inputs: Tensor) -> Step:
        def step() -> Any:
            with no_grad():
                return trained(inputs)

        return step

    step = engine.step_of(network(), x, labels, "sgd")
    return infer(Tensor(x[:1])), infer(Tensor(x)), step


def document(report: Report) -> dict[str, Any]:
    """For JSON: the schema's number, on what it was timed, and the rows."""
    return {
        "schema": 1,
        "configuration": {"runs": report.runs, "threads": count(), **machine.configuration()},
        "rows": [row.as_dict() for row in report.rows],
        "interrupted": report.interrupted,
    }
