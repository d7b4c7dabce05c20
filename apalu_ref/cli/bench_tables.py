"""``apalu-ref bench goals``, ``activations`` and ``network``: measure, and print what was found."""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from apalu_ref.cli.output import deliver

if TYPE_CHECKING:
    from apalu_ref.bench.activations import Report, Row
    from apalu_ref.bench.goals import Goal
    from apalu_ref.bench.timing import Spread

_WIDTH = 100
_INTERRUPTED = 130
_SHARED = {
    "scalar": "one for all elements",
    "channel": "one a channel, of 10 in (N, 10, 10, 10)",
    "neuron": "one a neuron, of 500 in (N, 500)",
    "element": "one an element",
}


def progress(what: str) -> None:
    """Tell what is going on, apart from the results."""
    print(f"... {what}", file=sys.stderr, flush=True)


def give(
    arguments: argparse.Namespace, lines: list[str], data: Any, interrupted: bool = False
) -> int:
    """Print a table or JSON, or write it to a file, and return the exit status."""
    text = json.dumps(data, indent=2) if arguments.format == "json" else "\n".join(lines)
    deliver(text + "\n", arguments.output)
    if interrupted:
        print("interrupted", file=sys.stderr)
        return _INTERRUPTED
    return 0


def run_goals(arguments: argparse.Namespace) -> int:
    """Measure what has a goal."""
    from apalu_ref.bench import goals

    report = goals.measure(arguments.runs or 9, progress)
    lines = [f"{'':62} {'measured (quartiles)':>22} {'goal':>10}  reached"]
    lines += [_goal_line(goal) for goal in report.goals]
    lines += [
        "",
        *_wrapped(
            f"APALU forward and backward, {goals.LARGE:,} normal values unless it says otherwise, "
            f"one pair (a, b); on {goals.THREADS} threads, as PyTorch; textbook NumPy has one, JAX "
            f"as many as it likes. Things were timed in turn, {report.runs} rounds; ratios are the "
            "medians of those of each round."
        ),
    ]
    return give(arguments, lines, goals.document(report), report.interrupted)


def _goal_line(goal: Goal) -> str:
    unit = "x" if goal.unit == "x" else f" {goal.unit}"
    if goal.measured is None:
        return f"{goal.what:62} {'-':>22} {_wanted(goal, unit):>10}  -        {goal.note}"
    if goal.measured.low == goal.measured.high:
        measured = f"{goal.measured.median:.1f}{unit}"
    else:
        measured = _with_quartiles(goal.measured, unit)
    reached = {True: "yes", False: "no", None: "-"}[goal.reached]
    return f"{goal.what:62} {measured:>22} {_wanted(goal, unit):>10}  {reached:8} {goal.note}"


def _wanted(goal: Goal, unit: str) -> str:
    if goal.least is not None:
        return f">= {goal.least:g}{unit}"
    return "-" if goal.most is None else f"<= {goal.most:g}{unit}"


def _with_quartiles(ratio: Spread, unit: str = "x") -> str:
    digits = 3 if ratio.median < 2 else 2
    low, median, high = (f"{v:.{digits}f}" for v in (ratio.low, ratio.median, ratio.high))
    return f"{median}{unit} ({low}-{high})"


def run_activations(arguments: argparse.Namespace) -> int:
    """Time activations, and draw them if asked to."""
    from apalu_ref.bench import activations, contenders
    from apalu_ref.fused.threads import count

    only = [name for given in arguments.only for name in given.split(",") if name]
    try:
        options = activations.Options(
            names=contenders.chosen(only),
            sizes=tuple(dict.fromkeys(arguments.sizes or activations.SIZES)),
            dtypes=tuple(dict.fromkeys(arguments.dtype)),
            shared=arguments.parameters,
            threads=count(arguments.threads),
            runs=arguments.runs or 5,
        )
    except ValueError as error:
        print(f"apalu-ref: {error}", file=sys.stderr)
        return 2
    report = activations.measure(options, progress)
    if report is None:
        raise KeyboardInterrupt
    if arguments.figure and report.rows:
        from apalu_ref.bench.figure import draw

        draw(report, arguments.figure)
    lines = [*_activation_lines(report), *_activation_foot(report)]
    return give(arguments, lines, activations.document(report), report.interrupted)


def _activation_lines(report: Report) -> list[str]:
    lines = []
    groups = itertools.groupby(report.rows, key=lambda row: (row.dtype, row.elements))
    for (dtype, elements), rows in groups:
        lines += [
            f"{f'{dtype}, {elements:,} elements':34} {'time':>9} {'ns':>7} {'ops':>4} {'exp':>4} "
            f"{'bits':>5} {'bytes':>6} {'GB/s':>6} {'of limit':>8} {'memory':>10}"
        ]
        lines += [_activation_line(row, report.limit.best) for row in rows]
        lines.append("")
    return lines


def _activation_line(row: Row, limit: float) -> str:
    from apalu_ref.bench.goals import readable

    kinds = ("-",) * 3 if row.counts is None else row.counts
    extra = "-" if row.extra is None else f"{row.extra / 2**20:.2f} MiB"
    return (
        f"{row.activation:10} {row.way:13} {row.stage:9} {readable(row.seconds.median):>9} "
        f"{row.nanoseconds:>7.3g} {kinds[0]:>4} {kinds[1]:>4} {kinds[2]:>5} "
        f"{row.bytes / row.elements:>6.1f} {row.rate / 1e9:>6.2f} {row.rate / limit:>8.0%} "
        f"{extra:>10}"
    )


def _activation_foot(report: Report) -> list[str]:
    options = report.options
    said = [
        f"time: the median of {options.runs} rounds, in which all took turns; ns: an element. "
        f"On {options.threads} thread{'s'[: options.threads - 1]}; formula and textbook have one, "
        "and fused below 1 MiB of x, "
        f"jax.jit as many as it likes. Parameters: {_SHARED[options.shared]}.",
        "ops, exp, bits: operations an element, counted while the code ran: floating arithmetic; "
        "exp, tanh and their like, each as long as some three to ten of the former; operations on "
        "bits, comparisons and choices. The sums of parameters' gradients are not among them.",
        "bytes: an element, the least that must be read and written: x and y forward; x, gy and "
        "dx backward; parameters and their gradients.",
        f"of limit: of the memory bandwidth measured just before, {report.limit}. Arrays that "
        "stay in the cache can exceed it.",
        "memory: at its peak, beside the results, of all threads, as tracemalloc sees it; what "
        "threads keep for the next call is counted, what PyTorch and JAX take is not seen.",
    ]
    said += [f"{what}: {why}" for what, why in report.missing.items()]
    return [line for text in said for line in _wrapped(text)]


def run_network(arguments: argparse.Namespace) -> int:
    """Time networks."""
    from apalu_ref.bench import goals, network

    report = network.measure(arguments.runs or 9, progress)
    lines = [f"{'':28} {'':30} {'time':>9}   ratio to ReLU's (quartiles)"]
    for (name, task), rows in itertools.groupby(
        report.rows, key=lambda row: (row.network, row.task)
    ):
        lines.append(f"{name}: {task}")
        lines += [
            f"{'':28} {row.activation:30} {goals.readable(row.seconds.median):>9}   "
            f"{_with_quartiles(row.ratio)}"
            for row in rows
        ]
    return give(arguments, lines, network.document(report), report.interrupted)


def milliseconds(quartiles: tuple[float, float, float] | None) -> str:
    """A median and its quartiles."""
    if quartiles is None:
        return "-"
    low, middle, high = (f"{1e3 * q:.3g}" if q > 1e-4 else f"{1e3 * q:.2g}" for q in quartiles)
    return f"{middle} ({low}-{high})"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, subsequent_indent="  ")
