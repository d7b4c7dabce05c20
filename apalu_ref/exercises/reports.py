"""Results as text for people, and as files for other programs."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

from apalu_ref.exercises.result import LEFT_OUT, PASSED, STOPPED, TO_DO, Finding, Part, Result

POINTS = 10.0
"""What a task is worth where points are asked for, shared equally by its parts."""

_WIDTH = 96
_MARKS = {PASSED: "right", TO_DO: "to do", STOPPED: "stopped"}


def text(results: Sequence[Result], answer: bool = False) -> str:
    """What each part came to: what is wrong in a sentence, and a hint.

    Parameters
    ----------
    results : sequence of Result
    answer : bool
        Give the answers, too.
    """
    blocks = [_task(result, answer) for result in results]
    right = sum(part.passed for r in results for part in r.parts)
    parts = sum(len(r.parts) for r in results)
    passed = sum(r.passed for r in results)
    last = f"{passed} of {len(results)} tasks passed, {right} of {parts} parts"
    more = any(f.answer for r in results for p in r.parts for f in p.findings)
    if more and not answer:
        last += "  (--answer tells the answers)"
    return "\n\n".join([*blocks, last]) + "\n"


def _task(result: Result, answer: bool) -> str:
    task = result.task
    lines = [f"{task.number} {task.name}: {task.title}  [{result.status}]"]
    if result.filled:
        lines += _wrapped(f"with the reference for {', '.join(result.filled)}", "  ")
    width = max(map(len, task.parts)) + 2
    told: dict[str, str] = {}
    for part in result.parts:
        lines += _part(part, width, told, answer)
    for remark in result.remarks:
        lines += _wrapped(remark, "  ")
    if result.printed.strip():
        # The check kit calls it in a process of its own, of which nothing is shown.
        kit = ", the check kit's calls apart" if task.number in (3, 4, 6) else ""
        lines.append(f"  it printed{kit}:")
        said = result.printed.strip("\n").splitlines()
        if result.passed and len(said) > 4:
            said = [LEFT_OUT, *said[-3:]]
        lines += [f"    | {line[:_WIDTH]}" for line in said]
    return "\n".join(lines)


def _part(part: Part, width: int, told: dict[str, str], answer: bool) -> list[str]:
    lines = [f"  {part.name:{width}}{_MARKS.get(part.status, 'not yet')}"]
    if part.status != TO_DO or any(f.hint for f in part.findings):
        for finding in part.findings:
            same = told.setdefault(finding.said, part.name)
            if same != part.name:
                lines.append(f"      as for {same}")
                continue
            lines += _finding(finding, answer)
    for note in part.notes:
        lines += _wrapped(note, "      note: ", "            ")
    return lines


def _finding(finding: Finding, answer: bool) -> list[str]:
    lines = _wrapped(finding.said, "      ")
    if finding.hint:
        lines += _wrapped(finding.hint, "      hint: ", "            ")
    if answer and finding.answer:
        lines += _wrapped(finding.answer, "      answer: ", "              ")
    return lines


def _wrapped(said: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        said,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def gradescope(results: Sequence[Result], error: str = "") -> dict[str, Any]:
    """The results of one submission, as Gradescope reads them from ``results.json``.

    A part is a test, a task is worth ten points; ``error`` is why results are missing. See
    https://gradescope-autograders.readthedocs.io/en/latest/specs/.
    """
    tests = []
    for result in results:
        for i, part in enumerate(result.parts, 1):
            most = POINTS / len(result.parts)
            output = [part.text(), *(f"note: {note}" for note in part.notes)]
            tests.append({
                "name": f"{result.task.number} {result.task.name}: {part.name}",
                "number": f"{result.task.number}.{i}",
                "score": most * part.passed,
                "max_score": most,
                "status": "passed" if part.passed else "failed",
                "output": "\n".join(output),
                "output_format": "text",
                "visibility": "visible",
            })  # fmt: skip
    remarks = [f"task {r.task.number}: {remark}" for r in results for remark in r.remarks]
    whole = {} if tests else {"score": 0}  # without tests it is needed
    return {
        **whole,
        "tests": tests,
        "output": "\n".join(filter(None, [error, *remarks])),
        "execution_time": round(sum(r.seconds for r in results), 1),
        "stdout_visibility": "hidden",
    }
