"""The walk back of task 5, on graphs that show one mistake each."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.checks.calling import Wrong, call
from apalu_ref.exercises.result import Finding

Array = NDArray[Any]

_MOST_CALLS = 1000

_TURN = (
    "a Var's rule may run only when all who use the Var have given their part: first list the Vars, each "
    "after all of its parents, then go through the list from its end"
)


class _Often(Exception):
    """A rule was called again and again."""


def _times(package: ModuleType, factor: float, x: Any, calls: list[str], name: str = "") -> Any:
    """``factor · x`` with a rule that counts its calls."""

    def rule(g: Array) -> tuple[Array]:
        calls.append(name)
        if len(calls) > _MOST_CALLS:
            raise _Often
        return (factor * np.asarray(g),)

    return package.Var(factor * x.value, (x,), rule)


def _plus(package: ModuleType, x: Any, y: Any, calls: list[str], name: str = "") -> Any:
    """``x + y``; both parents get the very same array, as in many engines."""

    def rule(g: Array) -> tuple[Array, Array]:
        calls.append(name)
        if len(calls) > _MOST_CALLS:
            raise _Often
        return g, g

    return package.Var(x.value + y.value, (x, y), rule)


def look(package: ModuleType) -> None:
    """Raise :class:`Wrong` for the first thing that is not right."""
    for step in (_seed, _twice, _diamond, _shared, _again, _doubling, _deep):
        step(package)


def _run(package: ModuleType, y: Any) -> None:
    def walk() -> None:
        package.backward(y)

    try:
        call("backward", walk)
    except Wrong as wrong:
        if "_Often" in wrong.finding.what:
            raise Wrong(Finding(
                "backward calls the rule of one Var again and again: once for each way that leads to it",
                "a Var that is used twice is reached twice; remember which ones have been seen", _TURN,
            )) from None  # fmt: skip
        raise


def _grad(var: Any, name: str, shape: tuple[int, ...] = ()) -> Array:
    if var.grad is None:
        raise Wrong(Finding(f"backward leaves the grad of {name} at None",
                            "every Var on the way gets its grad: follow parents to the very end"))  # fmt: skip
    got = np.asarray(var.grad, np.float64)
    if got.shape != shape:
        raise Wrong(Finding(f"backward gives {name}, of shape {shape}, a grad of shape {got.shape}",
                            "start each grad in the shape of the Var's value"))  # fmt: skip
    return got


def _expect(got: Array, want: float, said: dict[float, tuple[str, str, str]], graph: str) -> None:
    if np.allclose(got, want):
        return
    value = float(got.ravel()[0])
    seen = f"for {graph} the grad of x is {value:g}, and should be {want:g}"
    for wrong, (what, hint, answer) in said.items():
        if np.allclose(got, wrong):
            raise Wrong(Finding(f"backward: {what}", hint, answer, seen))
    raise Wrong(Finding("backward: a grad is wrong", _TURN, where=seen))


def _seed(package: ModuleType) -> None:
    x = package.Var(2.0)
    y = _times(package, 3.0, x, [])
    _run(package, y)
    zero = ("every grad is 0: y itself has none to begin with",
            "the derivative of y by y is where the walk starts", "y.grad = np.ones_like(y.value)")  # fmt: skip
    value = ("the walk starts with the value of y in place of 1", "what is the derivative of y by y?",
             "y.grad = np.ones_like(y.value)")  # fmt: skip
    _expect(_grad(x, "x"), 3.0, {0.0: zero, 18.0: value}, "y = 3 x")
    _expect(_grad(y, "y"), 1.0, {}, "y = 3 x, and y itself")


def _twice(package: ModuleType) -> None:
    x = package.Var(2.0)
    y = _plus(package, x, x, [])
    _run(package, y)
    last = ("x is used twice, and only one of its two gradients is kept",
            "x has a part in y in two ways: what do the two contributions make together?",
            "parent.grad = parent.grad + g")  # fmt: skip
    _expect(_grad(x, "x"), 2.0, {1.0: last}, "y = x + x")


def _diamond(package: ModuleType) -> None:
    """y = 2 h + (3 h)·5 with h = 7 x: h must wait for both."""
    for flip in (False, True):
        calls: list[str] = []
        x = package.Var(1.0)
        h = _times(package, 7.0, x, calls, "h")
        one = _times(package, 2.0, h, calls, "2h")
        other = _times(package, 5.0, _times(package, 3.0, h, calls, "3h"), calls, "15h")
        y = _plus(package, *((other, one) if flip else (one, other)), calls, "y")
        _run(package, y)
        early = ("the rule of h has run before all who use h had given their part", _TURN, "")
        twice = ("contributions are counted twice: the rule of h has run twice, the second time on "
                 "their sum", _TURN, "")  # fmt: skip
        said = {7 * 2.0: early, 7 * 15.0: early, 7 * (2 + 17.0): twice, 7 * (15 + 17.0): twice}
        _expect(_grad(x, "x"), 7 * 17.0, said, "h = 7 x, y = 2 h + 5 (3 h)")
        if calls.count("h") > 1:
            raise Wrong(Finding(f"backward calls the rule of h {calls.count('h')} times: h is used twice, "
                                "but its rule is needed once", _TURN))  # fmt: skip


def _shared(package: ModuleType) -> None:
    """Both parents of a sum get the same array: adding into it changes the other's."""
    x, w = package.Var(np.ones(3)), package.Var(np.ones(3))
    given = np.ones(3)
    kept = [given]

    def rule(g: Array) -> tuple[Array, Array]:
        return given, given

    total = package.Var(np.zeros(3), (x, w), rule)
    more = package.Var(np.zeros(3), (total, x), lambda g: (np.full(3, 1.0), np.full(3, 4.0)))
    y = package.Var(np.array(0.0), (more,), lambda g: (np.full(3, 1.0),))
    _run(package, y)
    aliased = Finding(
        "backward writes into an array that a rule has returned (x.grad += g adds in place): where a rule "
        "returns the same array twice, as that of add does, the other parent's grad changes with it",
        "+= on an array does not make a new one", "parent.grad = parent.grad + g",
    )  # fmt: skip
    if not np.array_equal(kept[0], np.ones(3)) or not np.allclose(_grad(w, "w", (3,)), 1.0):
        raise Wrong(aliased)
    _expect(_grad(x, "x", (3,)), 5.0, {1.0: ("only one of its gradients is kept", "", ""),
                                       4.0: ("only one of its gradients is kept", "", "")},
            "s = x + w, y = s + 4 x")  # fmt: skip


def _again(package: ModuleType) -> None:
    x = package.Var(2.0)
    h = _times(package, 3.0, x, [])
    y = _times(package, 5.0, h, [])
    _run(package, y)
    _run(package, y)
    left = ("a second backward adds to what the first one left",
            "every Var on the way starts again from nothing", "node.grad = np.zeros_like(node.value), first")  # fmt: skip
    said = {30.0: left, 45.0: left, 60.0: left}
    _expect(_grad(x, "x"), 15.0, said, "y = 5 (3 x), with backward called twice")


def _doubling(package: ModuleType) -> None:
    calls: list[str] = []
    x = package.Var(1.0)
    y = x
    for _ in range(40):
        y = _plus(package, y, y, calls)
    _run(package, y)
    _expect(_grad(x, "x"), 2.0**40, {}, "40 doublings of x")


def _deep(package: ModuleType) -> None:
    calls: Any = _Uncounted()
    x = package.Var(1.0)
    y = x
    for _ in range(20_000):
        y = _times(package, 1.0, y, calls)
    _run(package, y)
    _expect(_grad(x, "x"), 1.0, {}, "a chain of 20,000 Vars")


class _Uncounted(list[str]):
    """For chains whose rules are called more than a thousand times in all, rightly."""

    def append(self, item: str) -> None:
        """Forget it."""


Step = Callable[[ModuleType], None]
