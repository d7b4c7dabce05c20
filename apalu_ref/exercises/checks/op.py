"""Task 4: an operation of minigrad, by the check kit, second order included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import minigrad
from apalu_ref.exercises.checks import formula
from apalu_ref.exercises.checks.calling import Wrong, call, judged
from apalu_ref.exercises.checks.kernel import QUANTITIES, by_kit, took_y
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
        if isinstance(y, minigrad.Tensor) and y.data.dtype == object:
            raise Wrong(Finding("forward returns None", "is a `return` missing?"))
        if not isinstance(y, minigrad.Tensor) or y.shape != (2, 3):
            raise Wrong(Finding(f"forward: Apalu.apply makes {_said(y)}, not a Tensor of shape (2, 3)",
                                "forward returns y alone; what backward needs goes to "
                                "ctx.save_for_backward", "return task3.forward(x, a, b)[0]"))  # fmt: skip
        stage = "dx"
        back = call("backward", lambda: minigrad.grad(y, inputs, np.ones((2, 3))), quiet=True)
        x, a, b = (t.data for t in inputs)
        took_y(back[0].data, y.data, x, a, b, np.ones((2, 3)))
    except Wrong as wrong:
        if stage == "dx":
            yield Part("y")
        for name in left[left.index(stage) :]:
            yield Part(name, wrong.status, [_clearer(wrong.finding)])
        return
    second = judged("second order", lambda: formula.look(op))

    def gradients(*given: NDArray[Any]) -> Sequence[Any]:
        tensors = [minigrad.tensor(t, requires_grad=True) for t in given[:3]]
        return [t.data for t in minigrad.grad(op.apply(*tensors), tensors, given[3])]

    for part in by_kit(f"{package.__name__}:Apalu", gradients, package, second=True):
        if part.name == "second order":
            part.notes = [*part.notes, *second.notes]
            part = part if second.passed else second
        yield part


def _said(y: object) -> str:
    shape = getattr(y, "shape", None)
    return f"a {type(y).__name__}" + (f" of shape {shape}" if shape is not None else "")


def _clearer(finding: Finding) -> Finding:
    """The engine's own errors are sentences already; they lack a hint."""
    said = f"{finding.what} {finding.where}"
    if "unpack" in said or "saved_tensors" in said:
        finding.hint = (
            "ctx.saved_tensors gives back, in order, what ctx.save_for_backward was given"
        )
        finding.answer = "ctx.save_for_backward(x, a, b), in forward"
    elif "a Function has one output" in said:
        finding.hint = "forward returns y alone; what backward needs goes to ctx.save_for_backward"
        finding.answer = "return task3.forward(x, a, b)[0]"
    elif "returned a gradient of shape" in said or "gradients for" in said:
        finding.hint = (
            "backward returns one gradient for each argument of forward, as a tuple (a list counts as one), "
            "in the argument's shape and in the order of the arguments; what was saved comes back in the order of saving"
        )
        finding.answer = "return task3.backward(ctx.saved_tensors, gy), with x, a and b saved"
    return finding
