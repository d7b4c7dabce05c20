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
from apalu_ref.exercises.checks.calling import Wrong, call, judged, numbers, with_article
from apalu_ref.exercises.checks.values import Mistake, compare
from apalu_ref.exercises.result import Finding, Part

Array = NDArray[Any]

_X = np.array([[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]])
_Y = np.array([2.0, -0.5, 1.25])
_G = np.array([[1.5, -2.0, 0.25], [0.5, 3.0, -1.0]])
_CONDITION = _X > 0.4

# For each operation: the value, the gradients by definition, before they are summed back.
_BINARY: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "add": (lambda x, y: x + y, lambda g, x, y: g, lambda g, x, y: g),
    "mul": (lambda x, y: x * y, lambda g, x, y: g * y, lambda g, x, y: g * x),
    "div": (lambda x, y: x / y, lambda g, x, y: g / y, lambda g, x, y: -g * x / y**2),
    "where": (lambda x, y: np.where(_CONDITION, x, y),
              lambda g, x, y: np.where(_CONDITION, g, 0), lambda g, x, y: np.where(_CONDITION, 0, g)),
}  # fmt: skip

_CHOSEN = (
    "the derivative by x is 1 where x was chosen, and 0 elsewhere",
    "np.where(condition, g, 0)",
)
_OTHERS = "what is the derivative of x y by x, when y is held fixed?"
_MISTAKES: dict[str, list[tuple[Mistake, Mistake]]] = {
    "add": [
        (Mistake("x gets the value of x; x + y by x is 1, times g", lambda g, x, y: x + 0 * g),
         Mistake("y gets the value of y; x + y by y is 1, times g", lambda g, x, y: y + 0 * g)),
        (Mistake("x gets g x; x + y by x is 1, times g", lambda g, x, y: g * x),
         Mistake("the sign is wrong: x + y by y is 1, times g", lambda g, x, y: -g + 0 * y)),
    ],
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
        (Mistake("x gets its own value back; what is passed on is g", lambda g, x, y: x * _CONDITION, *_CHOSEN),
         Mistake("y gets its own value back; what is passed on is g", lambda g, x, y: y * ~_CONDITION, *_CHOSEN)),
        (Mistake("the two gradients are swapped", lambda g, x, y: np.where(_CONDITION, 0, g), *_CHOSEN),
         Mistake("the two gradients are swapped", lambda g, x, y: np.where(_CONDITION, g, 0), *_CHOSEN)),
    ],
}  # fmt: skip
_VALUES: dict[str, list[Mistake]] = {
    "add": [Mistake("it is x - y", lambda x, y: x - y), Mistake("it is x y", lambda x, y: x * y)],
    "mul": [Mistake("it is x + y", lambda x, y: x + y)],
    "div": [Mistake("it is y / x", lambda x, y: y / x, "which is divided by which?"),
            Mistake("it is the quotient rounded down", lambda x, y: x // y, "the operators / and // differ"),
            Mistake("it is x y", lambda x, y: x * y)],
    "where": [Mistake("x and y are swapped", lambda x, y: np.asarray(np.where(_CONDITION, y, x)),
                      "x is for where the condition holds")],
}  # fmt: skip
_NO_G = ("the chain rule: the derivative of the operation, times g", "multiply by g")


def parts(package: ModuleType) -> Iterator[Part]:
    """The verdicts on the operations, the walk, and APALU made of them."""
    try:
        _given(package)
    except Wrong as wrong:
        for name in ("add", "mul", "div", "exp", "where", "total", "backward", "apalu"):
            yield Part(name, wrong.status, [wrong.finding])
        return
    for name in ("add", "mul", "div"):
        yield judged(name, partial(_binary, package, name, getattr(package, name)))
    yield judged("exp", lambda: _exp(package))
    yield judged("where", lambda: _binary(
        package, "where", lambda x, y: package.where(_CONDITION, x, y)))  # fmt: skip
    yield judged("total", lambda: _total(package))
    yield judged("backward", lambda: walk.look(package))
    yield judged("apalu", lambda: _apalu(package))


def _given(package: ModuleType) -> None:
    """The class Var must be as it was: the checks make Vars of their own."""
    hint, answer = "this class was complete: put it back", "the class Var of the stub"
    try:
        x = call("Var", package.Var, 2.0)
        y = call("Var", package.Var, [1.0, 2.0], (x,), len)
        call("Var", lambda: {x, y})
    except Wrong as wrong:
        said = wrong.finding.said
        raise Wrong(Finding("Var has been changed: Vars cannot be made, or put into a set, as before",
                            hint, answer, said)) from None  # fmt: skip
    for var, value, parents, rule in ((x, [2.0], (), None), (y, [1.0, 2.0], (x,), len)):
        kept = [getattr(var, name, "missing") for name in ("value", "parents", "rule", "grad")]
        right = isinstance(kept[0], np.ndarray) and np.array_equal(np.atleast_1d(kept[0]), value)
        same = isinstance(kept[1], tuple) and [id(p) for p in kept[1]] == [id(p) for p in parents]
        if not (right and same and kept[2] is rule and kept[3] is None):
            raise Wrong(Finding("Var has been changed: it no longer keeps value, parents and rule, with grad None",
                                hint, answer))  # fmt: skip


def _made(package: ModuleType, what: str, function: Callable[..., Any], *vars_: Any) -> Any:
    """A Var with its parents and rule, or what is missing of it."""
    before = [v.value.copy() for v in vars_]
    try:
        y = call(what, function, *vars_)
    except Wrong as wrong:
        if "calls itself" in wrong.finding.what:
            wrong.finding.hint = (
                f"an operator of Vars calls {what} again: compute with their values"
            )
            wrong.finding.answer = "x.value + y.value, and so on"
        raise
    if not isinstance(y, package.Var):
        kind = with_article(type(y).__name__)
        kind = "None (is a `return` missing?)" if y is None else kind
        raise Wrong(Finding(f"{what} returns {kind}, not a Var", "the value alone does not remember what "
                            "it was made of", "Var(value, parents, rule)"))  # fmt: skip
    for name, v, old in zip("xy", vars_, before, strict=False):
        if not np.array_equal(v.value, old):
            raise Wrong(Finding(f"{what} changes the value of {name}", "look for out=, *=, += and [i] = …",
                                f"{name}.value is only to be read"))  # fmt: skip
    _parents(what, y.parents, vars_)
    if not callable(y.rule):
        raise Wrong(Finding(f"{what} gives its result no rule",
                            "the rule is a function of g that is defined inside, and sees x and y"))  # fmt: skip
    return y


def _parents(what: str, got: Any, vars_: tuple[Any, ...]) -> None:
    hint, answer = (
        "backward finds its way by parents",
        "Var(value, (x, y), rule), or Var(value, (x,), rule)",
    )
    if any(got is v for v in vars_):
        raise Wrong(Finding(f"{what}: parents of its result is a Var, not a tuple of Vars",
                            "parentheses alone make no tuple, the comma does", answer))  # fmt: skip
    try:
        parents = list(got)
    except TypeError:
        parents = []
    if len(parents) == len(vars_) and all(p is v for p, v in zip(parents, vars_, strict=True)):
        return
    said = "are not just the Vars it was called with, in order"
    if not parents:
        said = "are missing"
    elif len(parents) == len(vars_) and all(
        p is v for p, v in zip(parents, vars_[::-1], strict=True)
    ):
        said = "are in the wrong order"
    raise Wrong(Finding(f"{what}: the parents of its result {said}", hint, answer))


def _gradients(what: str, y: Any, g: Array) -> tuple[Any, ...]:
    before = [p.value.copy() for p in y.parents]
    given = call(f"the rule of {what}", y.rule, g)
    n = len(y.parents)
    if not isinstance(given, (tuple, list)):
        kind = "None" if given is None else with_article(type(given).__name__)
        raise Wrong(Finding(f"the rule of {what} returns {kind}, not a tuple of {n}",
                            "one gradient for each parent; a tuple of one is written with a comma",
                            "(g,) for one, (g, g) for two"))  # fmt: skip
    if len(given) != n:
        raise Wrong(Finding(f"the rule of {what} returns {len(given)} gradients for {n} parents",
                            "one gradient for each parent"))  # fmt: skip
    if not all(np.array_equal(p.value, old) for p, old in zip(y.parents, before, strict=True)):
        raise Wrong(Finding(f"the rule of {what} changes the value of a parent",
                            "look for *=, += and out=", "work with operators that make a new array"))  # fmt: skip
    return tuple(given)


def _shaped(what: str, value: Any, parent: Any, full: tuple[int, ...], other: Any = None) -> Array:
    got = numbers(value)
    if got is None:
        kind = "None" if value is None else with_article(type(value).__name__)
        said = (
            "holds Vars, not numbers"
            if isinstance(value, np.ndarray)
            else f"is {kind}, not an array"
        )
        raise Wrong(Finding(f"{what} {said}", "a rule computes with values, not with Vars",
                            "x.value, y.value"))  # fmt: skip
    if got.shape == parent.value.shape:
        return got
    if got.shape == full:
        raise Wrong(Finding(f"{what} has shape {got.shape}, and its input has {parent.value.shape}: "
                            "broadcasting is not undone",
                            "what was repeated on the way forward is summed on the way back: task 3",
                            "sum_to(…, x.value.shape)"))  # fmt: skip
    hint = "sum over the axes that were stretched, and no others"
    said = f"{what} has shape {got.shape}, and its input has {parent.value.shape}"
    if other is not None and got.shape == other.value.shape:
        raise Wrong(Finding(f"{said}: that is the shape of the other one",
                            "each gradient is summed to the shape of its own input"))  # fmt: skip
    if got.ndim == 1 and got.shape != parent.value.shape[-1:]:
        hint = "each element of the input has a gradient: where an element has no part, it is 0"
    raise Wrong(Finding(said, hint))


def _binary(package: ModuleType, what: str, function: Callable[..., Any]) -> None:
    value, *rules = _BINARY[what]
    for flip in (False, True):
        # First x with more axes than y, then the other way round: both must be summed back.
        x, y = (package.Var(t) for t in ((_Y, _X) if flip else (_X, _Y)))
        out = _made(package, what, function, x, y)
        got, want = np.asarray(out.value), value(x.value, y.value)
        if got.shape != want.shape:
            raise Wrong(Finding(f"{what}: its value has shape {got.shape}, not {want.shape}",
                                "element by element, as NumPy's operators broadcast"))  # fmt: skip
        at = {"x": x.value + 0 * want, "y": y.value + 0 * want}
        compare(f"the value of {what}", got, want, at, 1e-12, _VALUES[what],
                "try it with two numbers")  # fmt: skip
        given = _gradients(what, out, _G)
        for k, (who, parent) in enumerate(zip("xy", (x, y), strict=True)):
            name = f"{what}: the gradient of {who}"
            g = _shaped(name, given[k], parent, _G.shape, (y, x)[k])
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
    compare("the value of exp", np.asarray(y.value), np.exp(_X), {"x": _X}, 1e-12,
            [Mistake("it is e^-x", lambda x: np.exp(-x)), Mistake("it is e^x - 1", np.expm1)],
            "try it with one number")  # fmt: skip
    (g,) = _gradients("exp", y, _G)
    mistakes = [
        Mistake("g is multiplied by x, and not by e^x", lambda x: _G * x, "e^x is its own derivative"),
        Mistake("x e^(x - 1) is the rule for powers", lambda x: _G * x * np.exp(x - 1), "e^x is its own derivative"),
        Mistake("g is not multiplied in", np.exp, *_NO_G),
        Mistake("g is passed on as it is", lambda x: _G, "e^x is its own derivative"),
        Mistake("it is e^g: the derivative at x is asked for, times g", lambda x: np.exp(_G)),
        Mistake("e^x is exponentiated once more", lambda x: _G * np.exp(np.exp(x)),
                "the value that came out is e^x already"),
    ]  # fmt: skip
    compare("exp: the gradient of x", _shaped("the gradient of exp", g, x, _X.shape), _G * np.exp(_X),
            {"x": _X}, 1e-12, mistakes, "e^x is its own derivative", "g * value")  # fmt: skip


def _total(package: ModuleType) -> None:
    x = package.Var(_X)
    y = _made(package, "total", package.total, x)
    if np.shape(y.value) != ():
        raise Wrong(
            Finding(
                f"total: its value has shape {np.shape(y.value)}, not ()",
                "all elements are to be summed, over all axes",
            )
        )
    compare("the value of total", np.asarray(y.value)[None], np.array([_X.sum()]), {"sum": np.array([_X.sum()])},
            1e-12, [Mistake("it is the mean, not the sum", lambda s: s / _X.size)],
            "the sum of all elements")  # fmt: skip
    (g,) = _gradients("total", y, np.asarray(2.5))
    if np.shape(g) == ():
        raise Wrong(Finding(f"total: the gradient has shape (), and its input has {_X.shape}",
                            "each element of x has a gradient, and it is the same for all of them",
                            "np.full(x.value.shape, g)"))  # fmt: skip
    mistakes = [
        Mistake("it is 1, and should be g", np.ones_like, *_NO_G),
        Mistake(
            "it is g x: the derivative of a sum by one of its terms is 1",
            lambda x: 2.5 * x,
            "what becomes of the sum if one element grows by 1?",
        ),
        Mistake(
            "it is divided by the number of elements, as for a mean",
            lambda x: 2.5 / x.size + 0 * x,
            "what becomes of the sum if one element grows by 1?",
        ),
    ]
    compare("total: the gradient of x", _shaped("the gradient of total", g, x, _X.shape),
            np.full(_X.shape, 2.5), {"x": _X}, 1e-12, mistakes, "all elements have the same part")  # fmt: skip


def _apalu(package: ModuleType) -> None:
    x, a, b = (package.Var(t) for t in (_X, np.array([1.0, 0.5, 2.0]), np.array(1.5)))

    def run() -> None:
        package.backward(package.total(package.apalu(x, a, b)))

    try:
        call("apalu, made of your operations", run)
    except Wrong as wrong:
        wrong.finding.hint = "mend the parts above first"
        raise
    want = apalu_grad(_X, a.value, b.value, np.ones_like(_X))
    for name, var, right in zip("xab", (x, a, b), want, strict=True):
        grad = numbers(var.grad)
        if grad is None or grad.shape != right.shape:
            raise Wrong(
                Finding(
                    f"apalu: the grad of {name} is {_brief(var.grad)}", "mend the parts above first"
                )
            )
        compare(f"apalu: the grad of {name}", grad, right, {name: var.value}, 1e-12,
                hint="the rules and the walk above are tried one by one: is one of them not right yet?")  # fmt: skip


def _brief(grad: Any) -> str:
    got = numbers(grad)
    return with_article(type(grad).__name__) if got is None else f"of shape {got.shape}"
