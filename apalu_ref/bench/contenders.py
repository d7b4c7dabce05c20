"""Everything that can be timed, by name: an activation, and the way in which it is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from apalu_ref import formula, fused
from apalu_ref.bench import apply, counting, frameworks, textbook
from apalu_ref.bench.cases import Case
from apalu_ref.bench.frameworks import Tasks, Unavailable
from apalu_ref.bench.kernels import KERNELS, PARAMETERS
from apalu_ref.bench.timing import Task, seconds

STAGES = ("forward", "backward", "both")
"""What is timed: the values; the gradients, from the inputs; one after the other."""

ACTIVATIONS = ("apalu", *KERNELS)
"""By name; for GELU it says whether it is the exact one or the approximation."""

Name = tuple[str, str]


def _fused(activation: str, case: Case) -> Tasks:
    x, p, gy, _, threads = case
    if activation == "apalu":
        a, b = p
        return _stages(
            lambda: fused.apalu(x, a, b, threads=threads),
            lambda: fused.apalu_grad(x, a, b, gy, threads=threads),
        )
    kernel = KERNELS[activation]
    return _stages(
        lambda: apply.forward(kernel, x, p, threads),
        lambda: apply.backward(kernel, x, p, gy, threads),
    )


def _formula(activation: str, case: Case) -> Tasks:
    x, (a, b), gy, *_ = case
    return _stages(lambda: formula.apalu(x, a, b), lambda: formula.apalu_grad(x, a, b, gy))


def _textbook(activation: str, case: Case) -> Tasks:
    x, (a, b), gy, *_ = case

    def both() -> Any:
        y, kept = textbook.forward(x, a, b)
        return y, *textbook.backward(kept, gy)

    return {
        "forward": Task(lambda: textbook.forward(x, a, b)[0]),
        "backward": Task(
            lambda kept: textbook.backward(kept, gy), lambda: textbook.forward(x, a, b)[1]
        ),
        "both": Task(both),
    }


def _stages(forward: Callable[[], Any], backward: Callable[[], tuple[Any, ...]]) -> Tasks:
    return {
        "forward": Task(forward),
        "backward": Task(backward),
        "both": Task(lambda: (forward(), *backward())),
    }


_MAKERS: dict[str, Callable[[str, Case], Tasks]] = {
    "fused": _fused,
    "formula": _formula,
    "textbook": _textbook,
    "torch": frameworks.torch_tasks,
    "torch.compile": frameworks.compiled_tasks,
    "jax.jit": frameworks.jax_tasks,
}

WAYS = tuple(_MAKERS)
"""``fused``: block by block on threads; ``formula``: :mod:`apalu_ref.formula`; ``textbook``: as
everyone writes it; and other people's."""

NAMES: tuple[Name, ...] = tuple(
    (activation, way)
    for activation in ACTIVATIONS
    for way in (WAYS if activation == "apalu" else ("fused", "torch"))
)
"""Each activation in each way in which it is there."""

FRAMEWORKS = ("torch", "torch.compile", "jax.jit")


def chosen(only: Sequence[str] = ()) -> list[Name]:
    """Names of activations and of ways, as a choice among all.

    Parameters
    ----------
    only : sequence of str
        Activations, ways, or both; nothing means everything.

    Raises
    ------
    ValueError
        For an unknown name, and where nothing is left; the message tells what there is.
    """
    for name in only:
        if name not in (*ACTIVATIONS, *WAYS):
            raise ValueError(
                f"there is no {name!r}: activations are {', '.join(ACTIVATIONS)}; "
                f"ways to do them are {', '.join(WAYS)}"
            )
    activations = [name for name in only if name in ACTIVATIONS] or ACTIVATIONS
    ways = [name for name in only if name in WAYS] or WAYS
    found = [(a, way) for a, way in NAMES if a in activations and way in ways]
    if not found:
        raise ValueError(
            f"there is no {' or '.join(activations)} by {' or '.join(ways)}: "
            f"only apalu is done in ways other than fused and torch"
        )
    return found


def parameters(activation: str) -> int:
    """How many trained parameters an activation has."""
    return 2 if activation == "apalu" else PARAMETERS.get(activation, 0)


def tasks(name: Name, case: Case) -> Tasks:
    """What to time, by stage, each called once: things may be compiled then, and fail.

    Raises
    ------
    Unavailable
        If it is not installed or does not work here; the message says which.
    """
    activation, way = name
    if way not in FRAMEWORKS:
        return _MAKERS[way](activation, case)
    try:
        made = _MAKERS[way](activation, case)
        for task in made.values():
            seconds(task)
    except Unavailable:
        raise
    except Exception as error:
        said = str(error).strip().splitlines() or [""]
        raise Unavailable(f"{type(error).__name__}: {said[0]}") from error
    return made


def counts(name: Name, dtype: str) -> dict[str, counting.Counts] | None:
    """Operations an element, by stage; None where they cannot be counted."""
    activation, way = name
    if way == "fused":
        kernel = fused.KERNEL if activation == "apalu" else KERNELS[activation]
        return counting.count_kernel(kernel, parameters(activation), dtype)
    if way == "textbook":
        return counting.count_stages(textbook.forward, textbook.backward, parameters(activation))
    return None
