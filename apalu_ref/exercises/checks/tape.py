"""Task 5: each rule by itself, then the walk, on graphs whose rules are the grader's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref import apalu_grad
from apalu_ref.exercises.checks import walk
from apalu_ref.exercises.checks.calling import Wrong, call, judged
from apalu_ref.exercises.checks.values import Mistake, compare
from apalu_ref.exercises.result import TO_DO, Finding, Part

Array = NDArray[Any]

_X = np.array([[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]])
_Y = np.array([2.0, -0.5, 1.25])
_G = np.array([[1.5, -2.0, 0.25], [0.5, 3.0, -1.0]])
_CONDITION = _X > 0.6

# For each operation: the value, the gradients by definition, before they are summed back.
_BINARY: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "add": (lambda x, y: x + y, lambda g, x, y: g, lambda g, x, y: g),
    "mul": (lambda x, y: x * y, lambda g, x, y: g * y, lambda g, x, y: g * x),
    "div": (lambda x, y: x / y, lambda g, x, y: g / y, lambda g, x, y: -g * x / y**2),
    "where": (lambda x, y: np.where(_CONDITION, x, y),
              lambda g, x, y: np.where(_CONDITION, g, 0), lambda g, x, y: np.where(_CONDITION, 0, g)),
}  # fmt: skip

_OTHERS = "what is the derivative of x y by x? The other factor, times g"
_MISTAKES: dict[str, list[tuple[Mistake, Mistake]]] = {
    "add": [],
    "mul": [
        (Mistake("x gets g times itself, and should get g times the other", lambda g, x, y: g * x, _OTHERS, "g * y.value"),
         Mistake("y gets g times itself, and should get g times the other", lambda g, x, y: g * y, _OTHERS, "g * x.value")),
    ],
    "div": [
        (Mistake("x / y by x is 1 / y, not y", lambda g, x, y: g * y),
         Mistake("the sign is missing: x / y by y is -x / y²", lambda g, x, y: g * x / y**2)),
        (Mistake("g is not multiplied in", lambda g, x, y: 1 / y + 0 * x),
         Mistake("x / y by y is -x / y²: the square is missing", lambda g, x, y: -g * x / y)),
        (Mistake("x / y by x is 1 / y: x does not belong there", lambda g, x, y: g * x / y),
         Mistake("x / y by y is -x / y²: the factor x is missing", lambda g, x, y: -g / y**2 + 0 * x)),
    ],
    "where": [
        (Mistake("x gets g everywhere; where y was chosen, x has no part in the result", lambda g, x, y: g),
         Mistake("y gets g everywhere; where x was chosen, y has no part in the result", lambda g, x, y: g + 0 * y)),
        (Mistake("the two gradients are swapped", lambda g, x, y: np.where(_CONDITION, 0, g)),
         Mistake("the two gradients are swapped", lambda g, x, y: np.where(_CONDITION, g, 0))),
    ],
}  # fmt: skip
_NO_G = ("the chain rule: the derivative of the operation, times g", "multiply by g")


def parts(package: ModuleType) -> Iterator[Part]:
    """The verdicts on the operations, the walk, and APALU made of them."""
    for name in ("add", "mul", "div"):
        yield judged(name, partial(_binary, package, name, getattr(package, name)))
    yield judged("exp", lambda: _exp(package))
    yield judged("where", lambda: _binary(
        package, "where", lambda x, y: package.where(_CONDITION, x, y)))  # fmt: skip
    yield judged("total", lambda: _total(package))
    yield judged("backward", lambda: walk.look(package))
    yield judged("apalu", lambda: _apalu(package))


def _made(package: ModuleType, what: str, function: Callable[..., Any], *vars_: Any) -> Any:
    """A Var with its parents and rule, or what is missing of it."""
    y = call(what, function, *vars_)
    if not isinstance(y, package.Var):
        kind = "None (is a `return` missing?)" if y is None else f"a {type(y).__name__}"
        raise Wrong(Finding(f"{what} returns {kind}, not a Var", "",
                            "Var(value, parents, rule)"))  # fmt: skip
    if len(y.parents) != len(vars_) or any(
        p is not v for p, v in zip(y.parents, vars_, strict=True)
    ):
        raise Wrong(Finding(f"{what}: parents of its result are not just the Vars it was called with, "
                            "in order", "backward finds its way by parents",
                            "Var(value, (x, y), rule), or Var(value, (x,), rule)"))  # fmt: skip
    if not callable(y.rule):
        raise Wrong(Finding(f"{what} gives its result no rule",
                            "the rule is a function of g that is defined inside, and sees x and y"))  # fmt: skip
    return y


def _gradients(what: str, y: Any, g: Array) -> tuple[Any, ...]:
    given = call(f"the rule of {what}", y.rule, g)
    if not (isinstance(given, (tuple, list)) and len(given) == len(y.parents)):
        raise Wrong(Finding(f"the rule of {what} returns no tuple of {len(y.parents)}",
                            "one gradient for each parent; a tuple of one is written (g,)"))  # fmt: skip
    return tuple(given)


def _shaped(what: str, value: Any, parent: Any, full: tuple[int, ...]) -> Array:
    got = np.asarray(value)
    if got.shape == parent.value.shape:
        return got
    if got.shape == full:
        raise Wrong(Finding(f"{what} has shape {got.shape}, and its input has {parent.value.shape}: "
                            "broadcasting is not undone",
                            "what was repeated on the way forward is summed on the way back: task 3",
                            "sum_to(…, x.value.shape)"))  # fmt: skip
    raise Wrong(Finding(f"{what} has shape {got.shape}, and its input has {parent.value.shape}",
                        "sum over the axes that were stretched, and no others"))  # fmt: skip


def _binary(package: ModuleType, what: str, function: Callable[..., Any]) -> None:
    value, *rules = _BINARY[what]
    for flip in (False, True):
        # First x with more axes than y, then the other way round: both must be summed back.
        x, y = (package.Var(t) for t in ((_Y, _X) if flip else (_X, _Y)))
        out = _made(package, what, function, x, y)
        got, want = np.asarray(out.value), value(x.value, y.value)
        if got.shape != want.shape:
            raise Wrong(Finding(f"{what}: its value has shape {got.shape}, not {want.shape}"))
        compare(
            f"the value of {what}",
            got,
            want,
            {"x": x.value + 0 * want, "y": y.value + 0 * want},
            1e-12,
        )
        given = _gradients(what, out, _G)
        for k, (who, parent) in enumerate(zip("xy", (x, y), strict=True)):
            name = f"{what}: the gradient of {who}"
            g = _shaped(name, given[k], parent, _G.shape)
            full = np.asarray(rules[k](_G, x.value, y.value)) + 0 * _G
            own = parent.value.shape

            def back(t: Array, own: tuple[int, ...] = own) -> Array:
                return np.asarray(t + 0 * _G).sum(axis=0) if own == _Y.shape else t + 0 * _G

            mistakes = [_at(pair[k], back, x.value, y.value) for pair in _MISTAKES[what]]
            mistakes.append(_at(Mistake("g is not multiplied in", lambda g, x, y, k=k: rules[k](1, x, y), *_NO_G),
                                back, x.value, y.value))  # fmt: skip
            compare(name, g, back(full), {who: parent.value}, 1e-12, mistakes,
                    "differentiate by one and hold the other fixed")  # fmt: skip


def _at(mistake: Mistake, back: Callable[[Array], Array], x: Array, y: Array) -> Mistake:
    return mistake._replace(values=lambda _: back(np.asarray(mistake.values(_G, x, y))))


def _exp(package: ModuleType) -> None:
    x = package.Var(_X)
    y = _made(package, "exp", package.exp, x)
    compare("the value of exp", np.asarray(y.value), np.exp(_X), {"x": _X}, 1e-12)
    (g,) = _gradients("exp", y, _G)
    mistakes = [
        Mistake("g is multiplied by x, and not by e^x", lambda x: _G * x, "e^x is its own derivative"),
        Mistake("x e^(x - 1) is the rule for powers", lambda x: _G * x * np.exp(x - 1), "e^x is its own derivative"),
        Mistake("g is not multiplied in", np.exp, *_NO_G),
        Mistake("g is passed on as it is", lambda x: _G, "e^x is its own derivative"),
    ]  # fmt: skip
    compare("exp: the gradient of x", _shaped("the gradient of exp", g, x, _X.shape), _G * np.exp(_X),
            {"x": _X}, 1e-12, mistakes, "e^x is its own derivative", "g * value")  # fmt: skip


def _total(package: ModuleType) -> None:
    x = package.Var(_X)
    y = _made(package, "total", package.total, x)
    if np.shape(y.value) != ():
        raise Wrong(
            Finding(f"total: its value has shape {np.shape(y.value)}, not ()", "sum all elements")
        )
    compare("the value of total", np.asarray(y.value)[None], np.array([_X.sum()]), {"sum": np.array([_X.sum()])},
            1e-12, [Mistake("it is the mean, not the sum", lambda s: s / _X.size)])  # fmt: skip
    (g,) = _gradients("total", y, np.asarray(2.5))
    if np.shape(g) == ():
        raise Wrong(Finding(f"total: the gradient has shape (), and its input has {_X.shape}",
                            "each element of x has a gradient, and it is the same for all of them",
                            "np.full(x.value.shape, g)"))  # fmt: skip
    mistakes = [
        Mistake("it is 1, and should be g", np.ones_like, *_NO_G),
        Mistake("it is g x: the derivative of a sum by one of its terms is 1", lambda x: 2.5 * x),
        Mistake(
            "it is divided by the number of elements, as for a mean", lambda x: 2.5 / x.size + 0 * x
        ),
    ]
    compare("total: the gradient of x", _shaped("the gradient of total", g, x, _X.shape),
            np.full(_X.shape, 2.5), {"x": _X}, 1e-12, mistakes)  # fmt: skip


def _apalu(package: ModuleType) -> None:
    x, a, b = (package.Var(t) for t in (_X, np.array([1.0, 0.5, 2.0]), np.array(1.5)))

    def run() -> None:
        package.backward(package.total(package.apalu(x, a, b)))

    try:
        call("apalu, made of your operations", run)
    except Wrong as wrong:
        wrong.finding.hint = wrong.finding.hint or "mend the parts above first"
        raise
    want = apalu_grad(_X, a.value, b.value, np.ones_like(_X))
    for name, var, right in zip("xab", (x, a, b), want, strict=True):
        if var.grad is None or np.shape(var.grad) != right.shape:
            raise Wrong(
                Finding(
                    f"apalu: the grad of {name} is {_brief(var.grad)}", "mend the parts above first"
                )
            )
        compare(f"apalu: the grad of {name}", np.asarray(var.grad), right, {name: var.value}, 1e-12,
                hint="the rules and the walk above are tried one by one: is one of them not right yet?")  # fmt: skip


def _brief(grad: Any) -> str:
    return "None" if grad is None else f"of shape {np.shape(grad)}"


__all__ = ["TO_DO", "parts"]
