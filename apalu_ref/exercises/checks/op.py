"""Task 4: an operation of minigrad, by the check kit, second order included."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

import numpy as np

import minigrad
from apalu_ref.exercises.checks.calling import Wrong, call
from apalu_ref.exercises.checks.kernel import QUANTITIES, by_kit
from apalu_ref.exercises.result import FAILED, Finding, Part


def parts(package: ModuleType) -> Iterator[Part]:
    """The verdicts on y, the gradients, and the gradients of the gradients."""
    op = package.Apalu
    if not (isinstance(op, type) and issubclass(op, minigrad.Function)):
        finding = Finding(
            "Apalu is not a minigrad.Function", "leave the line with `class` as it was"
        )
        for name in (*QUANTITIES, "second order"):
            yield Part(name, FAILED, [finding])
        return
    inputs = [
        minigrad.tensor(t, requires_grad=True)
        for t in (np.array([[-1.5, 0.5, 2.0], [1.0, -0.25, 0.75]]), np.array([1.0, 0.5, 2.0]), 1.5)
    ]
    stage, left = "y", (*QUANTITIES, "second order")
    try:
        y = call("forward", op.apply, *inputs, quiet=True)
        if not isinstance(y, minigrad.Tensor) or y.shape != (2, 3):
            raise Wrong(Finding(f"forward: Apalu.apply makes {_said(y)}, not a Tensor of shape (2, 3)",
                                "forward returns y alone; what backward needs goes to "
                                "ctx.save_for_backward", "return task3.forward(x, a, b)[0]"))  # fmt: skip
        stage = "dx"
        call("backward", lambda: minigrad.grad(y, inputs, np.ones((2, 3))), quiet=True)
    except Wrong as wrong:
        if stage == "dx":
            yield Part("y")
        for name in left[left.index(stage) :]:
            yield Part(name, wrong.status, [_clearer(wrong.finding)])
        return
    yield from by_kit(f"{package.__name__}:Apalu", second=True)


def _said(y: object) -> str:
    shape = getattr(y, "shape", None)
    return f"a {type(y).__name__}" + (f" of shape {shape}" if shape is not None else "")


def _clearer(finding: Finding) -> Finding:
    """The engine's own errors are sentences already; they lack a hint."""
    said = finding.what
    if "saved_tensors" in said or "not enough values" in said or "too many values" in said:
        finding.hint = finding.hint or (
            "ctx.saved_tensors gives back, in order, what ctx.save_for_backward was given"
        )
        finding.answer = finding.answer or "ctx.save_for_backward(x, a, b), in forward"
    elif "gradient" in said and ("3" in said or "argument" in said or "input" in said):
        finding.hint = finding.hint or (
            "backward returns one gradient for each argument of forward, in the argument's shape"
        )
    return finding
