"""Results as tables: for a terminal, and as rows for pages."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from apalu_ref.studies import arms, conclude
from apalu_ref.studies.results import Results

EDGE = "*"

COMMON = (
    "Where learning rates are chosen, every activation chooses its own on validation data, from "
    "one grid; the test set is looked at by the final runs only.",
    "Runs with the same seed share the split of the data, its order and, where the architecture is "
    "the same, the initial weights; differences are paired. A rate is chosen once, by one seed of "
    "its own, and where a set has an official test set that is what all seeds are tested on: the "
    "spread is that of the training, and not of the choice of rates or of other test data.",
    "Which arm is compared with ReLU for the verdict, APALU with the paper's init, was said "
    "beforehand. Where that is by several intervals, they are widened so that all of them together "
    "hold at 95 % (Bonferroni), and runs without a number cannot help an arm: the claim holds if "
    "APALU is better every time, under a condition if it is better more often than worse, does not "
    "hold if worse more often than better, and is open otherwise, unless the study says another "
    "rule.",
)
"""What holds for all studies."""


def header(results: Results) -> list[str]:
    """The names of the columns."""
    first, *others = results.study.measures
    cases = list(dict.fromkeys(k for case in results.cases for k in case))
    columns = [*cases, "activation", first.text]
    if results.study.baseline in results.arms:
        columns.append(f"minus {results.study.baseline}, 95 % interval")
    columns += [m.text for m in others]
    if results.plan.rates:
        columns.append("learning rate")
    return [*columns, "parameters", "diverged"]


def rows(results: Results) -> list[list[str]]:
    """A row for each condition and activation, of the columns of :func:`header`."""
    others = results.study.measures[1:]
    keys = list(dict.fromkeys(k for case in results.cases for k in case))
    found = []
    for row in results.rows():
        case, arm = row["case"], row["arm"]
        line = [str(case.get(key, "")) for key in keys]
        line += [arm, conclude.spread(results, arm, "score", case)]
        if results.study.baseline in results.arms:
            own = arm == results.study.baseline
            line.append("" if own else conclude.interval(results, arm, "score", case))
        line += [conclude.spread(results, arm, m.name, case) for m in others]
        if results.plan.rates:
            line.append(f"{row['rate']:g}{EDGE if row['edge'] else ''}")
        line += [f"{row['parameters']:,}", f"{row['diverged']} of {row['runs']}"]
        found.append(line)
    return found


def notes(results: Results) -> list[str]:
    """What a reader of the table should know."""
    n = results.plan.seeds
    said = []
    if n > 1:
        said.append(
            f"Mean ± standard deviation over {n} seeds; differences are paired by seed, their "
            "intervals in the table are Student's, not widened for the number of rows: of twenty, "
            "one leaves out 0 by chance. They do not have the luck of the test data in them."
        )
    if any(row["edge"] and not _all_diverged(results, row) for row in results.rates):
        said.append(
            f"{EDGE} the best learning rate lies at an end of the grid "
            f"{', '.join(f'{r:g}' for r in results.plan.rates)}: a better one may lie beyond."
        )
    for one in conclude.unique(results.data):
        known = "verified" if one["verified"] else "not the official files"
        same = [d for d in results.data if (d["name"], d["source"]) == (one["name"], one["source"])]
        counts = ", ".join(f"{d['part']} {_size(d):,}" for d in same)
        said.append(f"Data: {one['name']}, {one['source']} ({known}): {counts}.")
    if any(one["source"] == "bundled" for one in results.data) and results.scale != "smoke":
        said.append(
            "The sets of the package are small parts of the full ones, which the sizes below are "
            "of: results differ from those on the site, and some measures may not be reached."
        )
    if results.plan.note:
        said.append(f"Scale {results.scale}: {results.plan.note}")
    return said


def _size(data: Mapping[str, Any]) -> int:
    return int(next(iter(data["shapes"].values()), [0])[0])


def _all_diverged(results: Results, row: Mapping[str, Any]) -> bool:
    return not results.summary(row["arm"], "score", row["case"]).n


def text(results: Results, whole: bool = True) -> str:
    """The report for a terminal; the ``whole`` has what was said beforehand, and the protocol."""
    study = results.study
    lines = [study.title, "=" * len(study.title), ""]
    lines += [*textwrap.wrap(study.question, 96), ""]
    lines += [*aligned(header(results), rows(results)), ""]
    for note in notes(results):
        lines += textwrap.wrap(note, 96)
    conclusion = results.conclusion()
    lines += ["", f"The claim: {conclusion.verdict}."]
    for part in conclude.sentences(conclusion.evidence):
        lines += textwrap.wrap(part, 96, initial_indent="  - ", subsequent_indent="    ")
    for name in results.arms:
        if arms.arm(name).kind == "own" and study.baseline in results.arms:
            for case in results.cases:
                told = conclude.compared(results, name, "score", case)
                # A path is not broken: it is there to be copied.
                wrapper = textwrap.TextWrapper(96, break_on_hyphens=False, break_long_words=False)
                lines += ["", *wrapper.wrap(f"Yours: {told}.")]
            if any(results.diverged(name, case) for case in results.cases):
                lines += [
                    "",
                    "A run diverges when a loss or a parameter is not finite. If that comes from",
                    f"the function itself, `apalu-ref report {name}` says where.",
                ]
    if not whole:
        return "\n".join(lines) + "\n"
    lines += ["", "What would count as an answer, said beforehand:"]
    lines += textwrap.wrap(study.answer, 96, initial_indent="  ", subsequent_indent="  ")
    lines += ["", "Protocol:"]
    for part in protocol(results):
        lines += textwrap.wrap(part, 96, initial_indent="  - ", subsequent_indent="    ")
    return "\n".join(lines) + "\n"


def protocol(results: Results) -> list[str]:
    """What holds for all studies that train, and the study's own."""
    return [*(COMMON if results.plan.rates else ()), *results.study.protocol]


def aligned(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    """Lines of columns, numbers to the right; long heads are broken."""
    heads = [textwrap.wrap(h, max(12, *(len(r[i]) for r in body)), break_long_words=False) or [""]
             for i, h in enumerate(head)]  # fmt: skip
    widths = [
        max(*(len(t) for t in heads[i]), *(len(row[i]) for row in body)) for i in range(len(head))
    ]
    depth = max(map(len, heads))
    lines = [[h[i - depth + len(h)] if i >= depth - len(h) else "" for h in heads]
             for i in range(depth)]  # fmt: skip
    lines.append(["-" * w for w in widths])
    lines += [list(row) for row in body]
    left = [all(not _numeric(row[i]) for row in body) for i in range(len(head))]
    return [
        "  ".join(
            cell.ljust(w) if flush else cell.rjust(w)
            for cell, w, flush in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in lines
    ]


def _numeric(cell: str) -> bool:
    return cell.lstrip("+-")[:1].isdigit()
