"""Training steps of small networks with APALU: minigrad beside the engines that are installed.

All in one process, in turns, so that a busy moment of the machine meets all of them. Every engine
trains the same architecture on the same batch in float32; losses, gradients and the update of
the weights are included.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.bench import peers
from apalu_ref.bench.timing import Spread, Task, seconds, spread
from apalu_ref.layer import APALU
from minigrad import Tensor, nn, optim
from minigrad.nn import functional as F

Array = NDArray[Any]

# Makes a layer for so many channels or neurons.
Activation = Callable[[int], nn.Module]

ENGINES = ("minigrad", "torch", "mygrad", "autograd")

# Engines take turns, each long enough to have the processor's threads and caches to itself.
_TURNS, _WARM_UP = 3, 0.3

# The length of the chain that measures what one recorded operation costs.
CHAIN = 1000


class Case(NamedTuple):
    """One row: a network and its batch, and minigrad's goal as a multiple of PyTorch's time."""

    what: str
    widths: tuple[int, ...]  # of an MLP; empty for the LeNet
    batch: int
    per_neuron: bool
    goal: float


CASES = (
    Case("MLP 2-16-16-2, batch 32", (2, 16, 16, 2), 32, False, 1.0),
    Case("MLP 784-256-128-10, batch 64, per neuron", (784, 256, 128, 10), 64, True, 1.0),
    Case("MLP 784-512-512-10, batch 256", (784, 512, 512, 10), 256, False, 1.0),
    Case("LeNet 8c5-p2-16c5-p2-10, batch 64, per channel", (), 64, False, 1.2),
)
OVERHEAD = "one tiny operation, forward and backward"


class Row(NamedTuple):
    """Seconds for one step, by engine: the median of the runs and their quartiles."""

    what: str
    seconds: dict[str, Spread]
    goal: str


def lenet(activation: Activation = APALU) -> nn.Sequential:
    """The LeNet of the table, with APALU per channel or another activation."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 5),
        activation(8),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5),
        activation(16),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def mlp(widths: Sequence[int], per_neuron: bool, activation: Activation = APALU) -> nn.Sequential:
    """Linear layers with APALU or another activation between them."""
    layers: list[nn.Module] = []
    for n, m in pairwise(widths):
        layers += [nn.Linear(n, m), activation(m if per_neuron else 1)]
    return nn.Sequential(*layers[:-1])


def step_of(network: nn.Module, x: Array, labels: Array, optimizer: str) -> peers.Step:
    """A training step of a minigrad module."""
    kinds: dict[str, Any] = {"sgd": optim.SGD, "adam": optim.Adam}
    optimiser = kinds[optimizer](network.parameters(), lr=peers.RATE)
    inputs = Tensor(x)

    def step() -> Any:
        optimiser.zero_grad()
        loss = F.cross_entropy(network(inputs), labels)
        loss.backward()
        optimiser.step()
        return loss

    return step


def batch(case: Case) -> tuple[Array, Array]:
    """The case's input and labels."""
    rng = np.random.default_rng(0)
    shape = (case.batch, case.widths[0]) if case.widths else (case.batch, 1, 28, 28)
    classes = case.widths[-1] if case.widths else 10
    return rng.standard_normal(shape).astype(np.float32), rng.integers(0, classes, case.batch)


def steps_for(case: Case, engine: str, optimizer: str) -> peers.Step | None:
    """The case's training step in one engine, or None if it cannot be had."""
    x, labels = batch(case)
    if engine == "minigrad":
        network = mlp(case.widths, case.per_neuron) if case.widths else lenet()
        return step_of(network, x, labels, optimizer)
    if not peers.installed(engine):
        return None
    if engine == "torch":
        module = (
            peers.torch_mlp(case.widths, case.per_neuron) if case.widths else peers.torch_lenet()
        )
        return peers.torch_step(module, x, labels, optimizer)
    if engine == "mygrad":
        if not case.widths:
            return peers.mygrad_lenet(x, labels)
        return peers.mygrad_mlp(case.widths, case.per_neuron, x, labels)
    if not case.widths:
        return None
    return peers.autograd_mlp(case.widths, case.per_neuron, x, labels)


def tiny_ops(engine: str) -> peers.Step | None:
    """A chain of tiny operations in one engine, forward and backward."""
    if engine == "minigrad":
        x, c, d = (Tensor(np.array([v]), requires_grad=True) for v in (1.0, 0.999, 0.01))

        def step() -> Any:
            t = x
            for _ in range(CHAIN // 2):
                t = t * c + d
            t.backward()

        return step
    return peers.tiny_ops(engine, CHAIN) if peers.installed(engine) else None


def measure(
    runs: int = 15,
    optimizer: str = "sgd",
    engines: Sequence[str] | None = None,
    progress: Callable[[str], None] = lambda what: None,
) -> list[Row]:
    """Time every case in every engine that is installed.

    Parameters
    ----------
    runs : int
        Timings of each, of as many steps as take some milliseconds; their median is reported.
        The engines take three turns each, warmed up anew.
    optimizer : {"sgd", "adam"}
        Of minigrad and PyTorch; the others descend by hand-written ``p - rate * grad``.
    engines : sequence of str
        Which to time; default all of them.
    progress : callable
        Told what is being timed.

    Returns
    -------
    list of Row
    """
    engines = ENGINES if engines is None else engines
    rows = []
    for case in CASES:
        progress(case.what)
        steps = {e: steps_for(case, e, optimizer) for e in engines}
        goal = "at most PyTorch's" if case.goal == 1 else f"at most {case.goal}x PyTorch's"
        rows.append(Row(case.what, _timed(steps, runs), goal))
    progress(OVERHEAD)
    chains = _timed({e: tiny_ops(e) for e in engines}, runs)
    each = {e: Spread(*(q / CHAIN for q in quartiles)) for e, quartiles in chains.items()}
    rows.append(Row(OVERHEAD, each, "at most 5 us"))
    return rows


def _timed(steps: dict[str, peers.Step | None], runs: int) -> dict[str, Spread]:
    times: dict[str, list[float]] = {e: [] for e, step in steps.items() if step is not None}
    for turn in range(_TURNS):
        for engine, found in times.items():
            step = steps[engine]
            assert step is not None
            task = Task(step)
            # The last engine's threads may still be spinning; caches hold what it used.
            took = seconds(task)
            until = time.perf_counter() + _WARM_UP
            while time.perf_counter() < until:
                took = min(took, seconds(task))
            n = max(1, round(0.01 / took))
            wanted = runs * (turn + 1) // _TURNS - len(found)
            found += [seconds(task, n) for _ in range(wanted)]
    return {e: spread(t) for e, t in times.items()}


_MEMORY = """
import re, sys
from pathlib import Path
from apalu_ref.bench import engine
status, case = Path("/proc/self/status"), engine.CASES[-1]
def kilobytes(what):
    return int(re.search(what + r":\\s*(\\d+)", status.read_text()).group(1))
engine.steps_for(case._replace(batch=1), sys.argv[1], "adam")()
step = engine.steps_for(case, sys.argv[1], "adam")
Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
before = kilobytes("VmRSS")
for _ in range(5):
    step()
print(kilobytes("VmHWM") - before)
"""


def peak_memory(engine: str) -> float | None:
    """Bytes by which training steps of the LeNet raise the memory of a fresh process.

    Measured from after a step with a batch of 1, so that what the engine itself takes is not
    counted. None where the system does not tell (it takes Linux), or the engine is missing.
    """
    if platform.system() != "Linux" or (engine != "minigrad" and not peers.installed(engine)):
        return None
    done = subprocess.run(
        [sys.executable, "-c", _MEMORY, engine], capture_output=True, text=True, check=False
    )
    return float(done.stdout) * 1024 if done.returncode == 0 else None
