"""``apalu-ref bench``: timings that anyone can repeat."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from typing import Any

from apalu_ref.cli.output import add_format, deliver


def add_to(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "bench",
        help="time the package",
        description="Timings that anyone can repeat: medians, of things measured in turn.",
    )
    kinds = parser.add_subparsers(title="what to time", metavar="WHAT", required=True)

    startup = kinds.add_parser(
        "startup",
        help="importing the package, and a check as a whole process",
        description="How long importing the package takes after NumPy, and how long a check takes "
        "as a whole process. Each run is a fresh process.",
    )
    startup.add_argument("--runs", type=_positive, default=7, help="runs of each (default: 7)")
    startup.set_defaults(run=run_startup)

    engine = kinds.add_parser(
        "engine",
        help="training steps in minigrad beside PyTorch, MyGrad and autograd",
        description="Training steps of small networks with APALU in minigrad and, in the same "
        "process, in those of PyTorch, MyGrad and HIPS autograd that are installed.",
    )
    engine.add_argument("--runs", type=_positive, default=15, help="rounds (default: 15)")
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
    mnist.add_argument("--epochs", type=_positive, default=8, help="default: 8")
    mnist.add_argument(
        "--seeds", type=_positive, default=1, help="how many runs of each (default: 1)"
    )
    mnist.add_argument(
        "--activation", choices=("apalu", "relu"), default="apalu", help="default: apalu"
    )
    mnist.set_defaults(run=run_mnist)
    for kind in (startup, engine, mnist):
        add_format(kind, "table")


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"a whole number, at least 1, is needed, not {text!r}")
    return int(text)


def _progress(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


def _deliver(arguments: argparse.Namespace, lines: list[str], data: Any) -> int:
    text = json.dumps(data, indent=2) if arguments.format == "json" else "\n".join(lines)
    deliver(text + "\n", arguments.output)
    return 0


def run_startup(arguments: argparse.Namespace) -> int:
    """Time and print."""
    from apalu_ref.bench.startup import measure

    rows = measure(arguments.runs)
    lines = [f"{'':42} {'median':>9} {'least':>9} {'most':>9}"]
    lines += [
        f"{row.what:42} {row.median:7.3f} s {row.least:7.3f} s {row.most:7.3f} s" for row in rows
    ]
    return _deliver(arguments, lines, [row._asdict() for row in rows])


def run_engine(arguments: argparse.Namespace) -> int:
    """Time training steps and print them side by side."""
    from apalu_ref.bench import engine

    rows = engine.measure(arguments.runs, arguments.optimizer, progress=_progress)
    _progress("memory")
    memory = {e: engine.peak_memory(e) for e in ("minigrad", "torch")}
    there = [e for e in engine.ENGINES if any(e in row.seconds for row in rows)]
    lines = [f"{'median ms (quartiles)':50}" + "".join(f"{e:>22}" for e in there) + "   goal"]
    for row in rows:
        cells = (_milliseconds(row.seconds.get(e)) for e in there)
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
    return _deliver(arguments, lines, data)


def _milliseconds(quartiles: tuple[float, float, float] | None) -> str:
    if quartiles is None:
        return "-"
    low, middle, high = (f"{1e3 * q:.3g}" if q > 1e-4 else f"{1e3 * q:.2g}" for q in quartiles)
    return f"{middle} ({low}-{high})"


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
        _progress(
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
            progress=_progress,
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
    return _deliver(arguments, lines, [r._asdict() for r in results])
