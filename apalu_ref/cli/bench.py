"""``apalu-ref bench``: timings that anyone can repeat."""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

from apalu_ref.cli.bench_tables import (
    give,
    milliseconds,
    progress,
    run_activations,
    run_goals,
    run_network,
)
from apalu_ref.cli.output import count, writable

_PICTURES = (".png", ".svg", ".pdf")


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "bench",
        help="time the package",
        description="Timings that anyone can repeat: medians, of things measured in turn. Without "
        "WHAT, goals. Ctrl-C ends those of goals, activations and network; what has been measured "
        "is printed, and the exit status is 130.",
    )
    _add_runs(parser, "of what is measured")
    _add_output(parser)
    # An option may stand before WHAT or after it: there it has no default that would override it.
    parser.set_defaults(run=run_goals, runs=None, format="text", output=None)
    kinds = parser.add_subparsers(title="what to time", metavar="WHAT")

    goals = kinds.add_parser(
        "goals",
        help="what APALU's speed is to reach: against the textbook formula, PyTorch, JAX and ReLU",
        description="The figures to reach: forward and backward of 4 million values against the "
        "textbook formula, PyTorch and JAX, memory, small arrays; and what a training step costs "
        "more than with ReLU.",
    )
    _add_runs(goals, "rounds (default: 9)")
    goals.set_defaults(run=run_goals)
    _add_activations(kinds)
    network = kinds.add_parser(
        "network",
        help="networks with APALU, ReLU and GELU in minigrad: inference and training",
        description="The LeNet for MNIST and an MLP (784-512-512-10) in minigrad, with APALU, ReLU "
        "and GELU: inference of one sample and of a batch, and a training step.",
    )
    _add_runs(network, "rounds (default: 9)")
    network.set_defaults(run=run_network)

    startup = kinds.add_parser(
        "startup",
        help="importing the package, and a check as a whole process",
        description="How long importing the package takes after NumPy, and how long a check takes "
        "as a whole process. Each run is a fresh process.",
    )
    _add_runs(startup, "runs of each (default: 7)")
    startup.set_defaults(run=run_startup)

    cards = kinds.add_parser(
        "cards",
        help="the report cards of all named activations",
        description="How long the numbers of a report card take, for every activation that has a "
        "name; figures and simulated networks are apart.",
    )
    _add_runs(cards, "runs of each (default: 5)")
    cards.set_defaults(run=run_cards)

    engine = kinds.add_parser(
        "engine",
        help="training steps in minigrad beside PyTorch, MyGrad and autograd",
        description="Training steps of small networks with APALU in minigrad and, in the same "
        "process, in those of PyTorch, MyGrad and HIPS autograd that are installed.",
    )
    _add_runs(engine, "rounds (default: 15)")
    engine.add_argument(
        "--optimizer",
        choices=("sgd", "adam"),
        default="sgd",
        help="of minigrad and PyTorch (default: sgd)",
    )
    engine.set_defaults(run=run_engine)

    mnist = kinds.add_parser(
        "mnist",
        help="LeNet with APALU on MNIST from start to end, beside PyTorch",
        description="Trains a LeNet (8c5-p2-16c5-p2-10, batches of 128, Adam, one-cycle) on MNIST "
        "in minigrad and, where it is installed, in PyTorch, one after the other. The full MNIST "
        "is read from the folder that APALU_REF_DATA names; without it the small one that comes "
        "with the package is used.",
    )
    mnist.add_argument("--epochs", type=count, default=8, help="default: 8")
    mnist.add_argument("--seeds", type=count, default=1, help="how many runs of each (default: 1)")
    mnist.add_argument(
        "--activation", choices=("apalu", "relu"), default="apalu", help="default: apalu"
    )
    mnist.set_defaults(run=run_mnist)
    for kind in kinds.choices.values():
        _add_output(kind)


def _add_activations(kinds: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = kinds.add_parser(
        "activations",
        help="APALU and ten other activations at each size: time, operations, bytes, memory",
        description="APALU fused, by its formula and as the textbook has it; ReLU, LeakyReLU, "
        "PReLU, ELU, GELU, SiLU, Mish, tanh and sigmoid done as well in NumPy as the fused APALU; "
        "and all of them in PyTorch, APALU by torch.compile and jax.jit too, where they are "
        "installed. Forward, backward, and both.",
    )
    parser.add_argument(
        "--sizes",
        nargs="+",
        type=_size,
        metavar="N",
        help="elements, 1000000 or 1e6 (default: 1e3 1e4 1e5 1e6 4e6 1e7)",
    )
    parser.add_argument(
        "--dtype",
        nargs="+",
        choices=("float32", "float64"),
        default=["float32"],
        help="one or both (default: float32)",
    )
    parser.add_argument(
        "--parameters",
        choices=("scalar", "channel", "neuron", "element"),
        default="scalar",
        help="one for all, or one a channel, neuron or element, of activations that have any "
        "(default: scalar)",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        default=[],
        help="activations (apalu, relu, gelu_erf ...) or ways to do them (fused, formula, "
        "textbook, torch, torch.compile, jax.jit) to time alone",
    )
    parser.add_argument(
        "--threads", type=count, help="default: as many as there are processors, at most 8"
    )
    parser.add_argument(
        "--figure",
        metavar="FILE",
        type=_picture,
        help="draw time against size, and how near the limit of memory all are "
        f"({', '.join(_PICTURES)})",
    )
    _add_runs(parser, "rounds (default: 5)")
    parser.set_defaults(run=run_activations)


def _add_runs(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--runs", type=count, default=argparse.SUPPRESS, help=what)


def _add_output(parser: argparse.ArgumentParser) -> None:
    hidden = argparse.SUPPRESS
    parser.add_argument("--format", choices=("text", "json"), default=hidden, help="default: text")
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        type=writable,
        default=hidden,
        help="write the table to FILE",
    )


def _size(text: str) -> int:
    """A number of elements: 1000000, 1_000_000 or 1e6."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 1 <= number <= 1e9 or number != int(number):
        raise argparse.ArgumentTypeError(
            f"a whole number from 1 to 1e9 is needed, such as 4000000 or 4e6, not {text!r}"
        )
    return int(number)


def _picture(path: str) -> str:
    if Path(path).suffix.lower() not in _PICTURES:
        raise argparse.ArgumentTypeError(f"{path} must end in {', '.join(_PICTURES)}")
    return writable(path)


def run_cards(arguments: argparse.Namespace) -> int:
    """Time the report cards and print."""
    from apalu_ref.bench.cards import GOAL, measure

    rows = measure(arguments.runs or 5, progress)
    lines = [f"{'numbers of a card':20} {'median':>9} {'least':>9} {'most':>9}   goal: {GOAL} s"]
    for row in rows:
        times = "".join(f" {1000 * t:>6.0f} ms" for t in row[1:])
        lines.append(f"{row.what:20}{times}")
    return give(arguments, lines, [row._asdict() for row in rows])


def run_startup(arguments: argparse.Namespace) -> int:
    """Time and print."""
    from apalu_ref.bench.startup import measure

    rows = measure(arguments.runs or 7)
    lines = [f"{'':42} {'median':>9} {'least':>9} {'most':>9}"]
    lines += [
        f"{row.what:42} {row.median:7.3f} s {row.least:7.3f} s {row.most:7.3f} s" for row in rows
    ]
    return give(arguments, lines, [row._asdict() for row in rows])


def run_engine(arguments: argparse.Namespace) -> int:
    """Time training steps and print them side by side."""
    from apalu_ref.bench import engine

    rows = engine.measure(arguments.runs or 15, arguments.optimizer, progress=progress)
    progress("memory")
    memory = {e: engine.peak_memory(e) for e in ("minigrad", "torch")}
    there = [e for e in engine.ENGINES if any(e in row.seconds for row in rows)]
    lines = [f"{'median ms (quartiles)':50}" + "".join(f"{e:>22}" for e in there) + "   goal"]
    for row in rows:
        cells = (milliseconds(row.seconds.get(e)) for e in there)
        lines.append(f"{row.what:50}" + "".join(f"{cell:>22}" for cell in cells) + f"   {row.goal}")
    cells = ("-" if memory.get(e) is None else f"{memory[e] / 2**20:.1f} MB" for e in there)  # type: ignore[operator]
    lines.append(
        f"{'peak memory of LeNet steps':50}"
        + "".join(f"{cell:>22}" for cell in cells)
        + "   at most 2x PyTorch's"
    )
    data = {
        "optimizer": arguments.optimizer,
        "steps": [
            {"what": r.what, "goal": r.goal, "seconds": {e: q[1] for e, q in r.seconds.items()}}
            for r in rows
        ],
        "peak_memory_bytes": memory,
    }
    return give(arguments, lines, data)


def run_mnist(arguments: argparse.Namespace) -> int:
    """Train on MNIST and print accuracy and time."""
    from apalu_ref.bench import mnist, peers
    from apalu_ref.datasets import DatasetError

    try:
        found = mnist.images()
    except DatasetError as error:
        print(f"apalu-ref: {error}", file=sys.stderr)
        return 2
    if found.source == "bundled":
        progress(
            "the full MNIST is not there, so the 1,000 images that come with the package are used; "
            "apalu-ref data fetch mnist --to DIR, then APALU_REF_DATA=DIR, gets the full one"
        )
    engines = ["minigrad", *(["torch"] if peers.installed("torch") else [])]
    results = [
        mnist.train(
            engine,
            arguments.activation,
            epochs=arguments.epochs,
            seed=seed,
            progress=progress,
        )
        for seed in range(arguments.seeds)
        for engine in engines
    ]
    columns = (
        ("activation", 10),
        ("images", 8),
        ("epochs", 6),
        ("seed", 4),
        ("time", 9),
        ("test", 7),
    )
    lines = [" " * 10 + "".join(f" {name:>{width}}" for name, width in columns)]
    lines += [
        f"{r.engine:10} {r.activation:>10} {r.images:>8} {r.epochs:>6} {r.seed:>4} "
        f"{r.seconds:>7.1f} s {r.accuracy:>7.2%}"
        for r in results
    ]
    if arguments.seeds > 1:
        for engine in engines:
            own = [r for r in results if r.engine == engine]
            accuracy = [100 * r.accuracy for r in own]
            lines.append(
                f"{engine}: {statistics.mean(accuracy):.2f} ± {statistics.stdev(accuracy):.2f} % "
                f"of the test images, {statistics.median(r.seconds for r in own):.1f} s"
            )
    return give(arguments, lines, [r._asdict() for r in results])
