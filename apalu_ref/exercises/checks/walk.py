"""The walk back of task 5, on graphs that show one mistake each."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.checks.calling import Wrong, call, numbers, with_article
from apalu_ref.exercises.result import Finding

Array = NDArray[Any]

_MOST_CALLS = 1000

_TURN = "a Var's rule may run only when all who use the Var have given their part"
_EARLY = "in a graph with two ways to h, one may be longer: who has to be waited for?"
_ORDER = "first list the Vars, each after all of its parents, then go through the list from its end"


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
    for step in (_seed, _twice, _equal, _diamond, _shared, _again, _doubling, _deep):
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
                "a Var that is used twice is reached twice; remember which ones have been seen", _ORDER,
            )) from None  # fmt: skip
        if "computes with None" in wrong.finding.what:
            wrong.finding.hint = (
                "a grad is still None when it is needed: where does the walk start, and in which order "
                "does it go?"
            )
        if "calls None" in wrong.finding.what:
            wrong.finding.hint = "a Var that was not made of others has no rule, and no parents"
        raise


def _grad(var: Any, name: str, shape: tuple[int, ...] = ()) -> Array:
    if var.grad is None:
        raise Wrong(Finding(f"backward leaves the grad of {name} at None", "every Var has a grad afterwards: y, "
                            "what lies between, and those at the very end of parents"))  # fmt: skip
    if numbers(var.grad) is None:
        kind = with_article(type(var.grad).__name__)
        raise Wrong(Finding(f"backward gives {name} {kind} for its grad, not an array",
                            "rules and grads are made of values"))  # fmt: skip
    got = np.asarray(var.grad, np.float64)
    if got.shape != shape:
        raise Wrong(Finding(f"backward gives {name}, of shape {shape}, a grad of shape {got.shape}",
                            "start each grad in the shape of the Var's value"))  # fmt: skip
    return got


def _expect(
    got: Array, want: float, said: dict[float, tuple[str, str, str]], graph: str, who: str = "x"
) -> None:
    if np.allclose(got, want):
        return
    value = float(got.ravel()[0])
    seen = f"for {graph} the grad of {who} is {value:g}, and should be {want:g}"
    for wrong, (what, hint, answer) in said.items():
        if np.allclose(got, wrong):
            raise Wrong(Finding(f"backward: {what}", hint, answer, seen))
    raise Wrong(Finding("backward: a grad is wrong", _TURN, _ORDER, seen))


def _seed(package: ModuleType) -> None:
    x = package.Var(2.0)
    y = _times(package, 3.0, x, [])
    _run(package, y)
    zero = ("every grad is 0: y itself has none to begin with",
            "the derivative of y by y is where the walk starts", "y.grad = np.ones_like(y.value)")  # fmt: skip
    value = ("the walk starts with the value of y in place of 1", "what is the derivative of y by y?",
             "y.grad = np.ones_like(y.value)")  # fmt: skip
    _expect(_grad(x, "x"), 3.0, {0.0: zero, 18.0: value}, "y = 3 x")
    _expect(_grad(y, "y"), 1.0, {}, "y = 3 x", "y")


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
        never = ("the rule of h has run before any of those who use h had given their part",
                 "the walk goes from y back, not from the beginning to y", _ORDER)  # fmt: skip
        early = ("the rule of h has run before all who use h had given their part", _EARLY, _ORDER)
        twice = ("contributions are counted twice: the rule of h has run twice, the second time on "
                 "their sum", _TURN, _ORDER)  # fmt: skip
        said = {
            0.0: never,
            7 * 2.0: early,
            7 * 15.0: early,
            7 * (2 + 17.0): twice,
            7 * (15 + 17.0): twice,
        }
        _expect(_grad(x, "x"), 7 * 17.0, said, "h = 7 x, y = 2 h + 5 (3 h)")
        _expect(_grad(h, "h"), 17.0, {}, "h = 7 x, y = 2 h + 5 (3 h)", "h")
        if calls.count("h") > 1:
            raise Wrong(Finding(f"backward calls the rule of h {calls.count('h')} times: h is used twice, "
                                "but its rule is needed once", _TURN, _ORDER))  # fmt: skip


def _shared(package: ModuleType) -> None:
    """s = x + w gives both the same array: adding into it changes the other's."""
    for flip in (False, True):
        x, w = package.Var(np.ones(3)), package.Var(np.full(3, 2.0))
        given = np.ones(3)
        s = package.Var(x.value + w.value, (x, w), lambda g, given=given: (given, given))
        more = package.Var(4 * x.value, (x,), lambda g: (4 * g,))
        both = (more, s) if flip else (s, more)
        y = package.Var(np.array(9.0), both, lambda g: (np.ones(3), np.ones(3)))
        _run(package, y)
        if not np.array_equal(given, np.ones(3)):
            raise Wrong(Finding(
                "backward writes into an array that a rule has returned: "
                "where a rule returns the same array twice, as that of add does, the other parent's "
                "grad changes with it", "+= on an array does not make a new one",
                "parent.grad = parent.grad + g",
            ))  # fmt: skip
        graph = "s = x + w, y = s + 4 x"
        one = ("only one of the gradients of x is kept",
               "x has a part in y in two ways: what do they make together?",
               "parent.grad = parent.grad + g")  # fmt: skip
        _expect(_grad(x, "x", (3,)), 5.0, {1.0: one, 4.0: one}, graph)
        _expect(_grad(w, "w", (3,)), 1.0, {}, graph, "w")


def _equal(package: ModuleType) -> None:
    """Vars are told apart by which object they are."""
    x, w = package.Var(2.0), package.Var(2.0)
    y = package.Var(16.0, (x, w), lambda g: (3 * np.asarray(g), 5 * np.asarray(g)))
    _run(package, y)
    graph = "y = 3 x + 5 w, with x and w of equal value"
    one = ("two Vars of equal value are taken for one", "which object it is tells a Var from others, not "
           "what it holds", "the Var itself, or id(var), as the key")  # fmt: skip
    first = ("both parents get the gradient of the first", "the tuple has one gradient for each parent, "
             "in order", "zip(node.parents, node.rule(node.grad))")  # fmt: skip
    last = ("both parents get the gradient of the last", first[1], first[2])
    _expect(_grad(x, "x"), 3.0, {8.0: one, 5.0: last}, graph)
    _expect(_grad(w, "w"), 5.0, {8.0: one, 3.0: first}, graph, "w")


def _again(package: ModuleType) -> None:
    """Twice on one graph, then on another one that has Vars in common with it."""
    x = package.Var(2.0)
    h = _times(package, 3.0, x, [])
    y = _times(package, 5.0, h, [])
    _run(package, y)
    _run(package, y)
    left = ("a second backward adds to what the first one left",
            "every Var on the way starts again from nothing", "node.grad = np.zeros_like(node.value), first")  # fmt: skip
    old = ("a Var that an earlier backward has been through keeps its old grad",
           "what has been seen is to be remembered for one walk only", "seen = set(), inside backward")  # fmt: skip
    said = {30.0: left, 45.0: left, 60.0: left}
    _expect(_grad(x, "x"), 15.0, said, "y = 5 (3 x), with backward called twice")
    _run(package, _times(package, 7.0, h, []))
    said = {15.0: old, 36.0: left, 56.0: left, 84.0: left, 105.0: left}
    _expect(
        _grad(x, "x"), 21.0, said, "y = 5 h and z = 7 h, with h = 3 x, backward of y and then of z"
    )


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
