"""An exception from backward, which returns three gradients or none: whose is it?"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref import apalu_grad
from apalu_ref.exercises.checks import sums
from apalu_ref.exercises.checks.calling import Wrong, call, frames_of
from apalu_ref.exercises.result import Finding

Array = NDArray[Any]

NAMES = ("dx", "da", "db")

_HINT = (
    "before the sum each gradient has a number for each element of y: is a factor missing, as gy?"
)


def look(package: ModuleType, gradients: sums.Gradients) -> tuple[dict[str, Finding], set[str]]:
    """Of exceptions that come up again here: for each gradient the finding, and their types.

    Where a call of the submission's ``sum_to`` is what raises, it is let pass, and it shows which
    gradient that sum was for; otherwise it concerns all three.
    """
    found: dict[str, Finding] = {}
    types: set[str] = set()
    for inputs in sums.inputs():
        try:
            call("backward", gradients, *inputs, quiet=True)
            continue
        except Wrong as error:
            wrong, raised = error.finding, error.__context__
        frames = [] if raised is None else frames_of(raised)
        if not frames or frames[0][3] != "backward":
            continue  # something else, or forward's
        types.add(type(raised).__name__)
        names = zip("xab", inputs, strict=False)
        shapes = ", ".join(f"{name} {t.shape}" for name, t in names)
        wrong.where += f"; with the shapes {shapes}, and gy {inputs[3].shape}"
        wrong.where = wrong.where.removeprefix("; ")
        owners = _of_a_sum(package, gradients, inputs)
        if not owners:
            return dict.fromkeys(NAMES, wrong), types
        for name, given in owners.items():
            what = (
                f"{name}: sum_to raises an exception: what it is given has shape {given}, and y "
                f"has {inputs[3].shape}"
            )
            found.setdefault(name, Finding(what, _HINT, where=wrong.where))
    return found, types


def _right(one: Any, right: Array) -> bool:
    return np.shape(one) == right.shape and np.allclose(one, right)


def _of_a_sum(
    package: ModuleType, gradients: sums.Gradients, inputs: tuple[Array, ...]
) -> dict[str, tuple[int, ...]]:
    """The gradients whose sum raises on arrays of another shape than y's, and which shape.

    Empty if that is not all there is to it.
    """
    own = getattr(package, "sum_to", None)
    if not callable(own):
        return {}
    lost: list[tuple[Array, tuple[int, ...]]] = []

    def lenient(g: Any, shape: Any) -> Any:
        try:
            return own(g, shape)
        except Exception:
            stand_in = np.full(shape, np.nan)
            lost.append((stand_in, np.shape(g)))
            return stand_in

    package.sum_to = lenient  # type: ignore[attr-defined]
    try:
        got = gradients(*inputs)
        want = apalu_grad(*inputs)
        found = {}
        for name, one, right in zip(NAMES, got, want, strict=True):
            shape = next((shape for stand_in, shape in lost if one is stand_in), None)
            if shape is not None and shape != inputs[3].shape:
                found[name] = shape
            elif shape is not None or not _right(one, right):
                return {}
        return found if len(found) == len(lost) else {}
    except Exception:
        return {}
    finally:
        package.sum_to = own  # type: ignore[attr-defined]
