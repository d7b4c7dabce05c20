"""Task 1: u, u′, v, v′ against the oracle; mistakes from the check kit's catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref import oracle
from apalu_ref.check.catalogue.formulas import MISTAKES
from apalu_ref.check.catalogue.terms import Terms
from apalu_ref.exercises.checks.calling import Wrong, array, call, judged
from apalu_ref.exercises.checks.values import Mistake, compare, kept
from apalu_ref.exercises.result import Finding, Part

Array = NDArray[Any]

_RIGHT = np.array([0.0, 1e-3, 0.1, 0.25, 0.5, 0.8, 1.0, 1.4, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 30.0])
_LEFT = 0.0 - _RIGHT  # without a -0

_PRODUCT = (
    "u is a product of two factors that both depend on x: (f g)′ = f′ g + f g′; and σ(κx) is a "
    "function of a function: the chain rule"
)
_SLOPE = "1 + s + KAPPA * x * s * (1 - s), where s = 1 / (1 + np.exp(-KAPPA * x))"


class _Asked(NamedTuple):
    """A function: where it is tried, the catalogue's name of it, a hint, the answer."""

    x: Array
    quantity: str
    side: str
    hint: str
    answer: str


_FUNCTIONS = {
    "u": _Asked(_RIGHT, "y", "+",
                "check two places by hand: u(0) = 0, and far to the right u is close to 2x",
                "x * (1 + 1 / (1 + np.exp(-KAPPA * x)))"),
    "du": _Asked(_RIGHT, "dx", "+", _PRODUCT, _SLOPE),
    "v": _Asked(_LEFT, "y", "-",
                "check two places by hand: v(0) = 0, and far to the left v is close to -1",
                "np.expm1(x), which is np.exp(x) - 1 without its loss of digits"),
    "dv": _Asked(_LEFT, "dx", "-",
                 "what is the derivative of e^x, and what becomes of a constant?", "np.exp(x)"),
}  # fmt: skip


def _sigma(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


_S = 1.702
_CONSTANT = "σ(κx) is σ(z) with z = κx: what stands in the exponent?"

_MORE = {
    "u": [
        Mistake("κ is missing: it has σ(x) for σ(κx)", lambda x: x * (1 + _sigma(x)), _CONSTANT),
        Mistake("κ stands before the sigmoid, not inside: κ σ(x) for σ(κx)",
                lambda x: x * (1 + _S * _sigma(x)), _CONSTANT),
        Mistake("1 / 1 + e^-κx for 1 / (1 + e^-κx): parentheses are missing",
                lambda x: x * (2 + np.exp(-_S * x)), "which is done first, the division or the sum?"),
        Mistake("κ is not 1.702 but 1.7", lambda x: x * (1 + _sigma(1.7 * x)),
                "the paper prints κ with three decimals", "KAPPA = 1.702"),
    ],
    "du": [
        Mistake("the derivative of a product is not the product of the derivatives",
                lambda x: _S * _sigma(_S * x) * _sigma(-_S * x)),
        Mistake("this is κσ(1 - σ) + 1: the factors that are not differentiated are missing",
                lambda x: _S * _sigma(_S * x) * _sigma(-_S * x) + 1),
        Mistake("u / x is not the derivative of u", lambda x: np.where(x == 0, np.nan, 1 + _sigma(_S * x))),
        Mistake("κ is not 1.702 but 1.7",
                lambda x: 1 + _sigma(1.7 * x) + 1.7 * x * _sigma(1.7 * x) * _sigma(-1.7 * x),
                "the paper prints κ with three decimals", "KAPPA = 1.702"),
    ],
    "v": [
        Mistake("e^(x - 1) for e^x - 1: the 1 has got into the exponent", lambda x: np.exp(x - 1)),
        Mistake("x, the identity, for e^x - 1", lambda x: x),
        Mistake("it is 0 everywhere", lambda x: 0 * x, "v is for x < 0: which side does a condition choose?"),
        *(Mistake(f"e is rounded to {e}", lambda x, e=e: e**x - 1, "NumPy has e^x as a function")
          for e in (2.7, 2.72, 2.718, 2.7183, 2.71828)),
    ],
    "dv": [
        Mistake("x e^(x - 1) is the rule for powers, in which x is the base; here it is the exponent",
                lambda x: x * np.exp(x - 1)),
        Mistake("this is v, the value, not its slope", np.expm1),
        Mistake("the factor x does not belong there", lambda x: x * np.exp(x)),
        Mistake("the sign is wrong: v rises everywhere", lambda x: -np.exp(x)),
        Mistake("the sign of the exponent is wrong: far to the left v is flat", lambda x: np.exp(-x)),
        Mistake("κ is in the exponent: it belongs to u", lambda x: np.exp(_S * x)),
        Mistake("it is 1 everywhere, the slope at 0", np.ones_like),
        Mistake("it is 0 everywhere", lambda x: 0 * x, "only constants have the derivative 0"),
    ],
}  # fmt: skip


def _from_catalogue(quantity: str, side: str) -> Iterator[Mistake]:
    """The kit's mistakes that are not about a, b or gy, in the words of one variable."""
    for mistake in MISTAKES:
        if (mistake.quantity, mistake.side) != (quantity, side):
            continue

        def values(x: Array, by: float = 1.0, wrong: Any = mistake.formula) -> Array:
            ones = np.ones_like(x)
            return np.asarray(wrong(Terms(x, by * ones, by * ones, ones)))

        x = _RIGHT if side == "+" else _LEFT
        with np.errstate(all="ignore"):
            if not np.allclose(values(x, 3.0), 3 * values(x), equal_nan=True):
                continue
        yield Mistake(_of_one_variable(mistake.cause), values)


def _of_one_variable(cause: str) -> str:
    """A cause without a and b: "b (e^x - 1), the value, for b e^x" names neither here."""
    cause = re.sub(r"(the term )?κx σ\(1 - σ\)", "the second term of the product rule", cause)
    cause = re.sub(r"(?<=\d)a\b", "", re.sub(r"\b[ab] (?=[ex(])", "", cause))
    return re.sub(r"(^|for |: )\((e\^x - 1|1 - e\^x)\)", r"\1\2", cause)


def parts(package: ModuleType) -> Iterator[Part]:
    """The verdicts on u, du, v, dv."""
    for name, asked in _FUNCTIONS.items():
        yield judged(name, partial(_look, package, name, asked))


def _look(package: ModuleType, name: str, asked: _Asked) -> list[str]:
    function, x = getattr(package, name), asked.x
    exact = getattr(oracle, name)
    want = np.array([float(exact(float(t))) for t in x])
    got = array(name, call(name, function, x, quiet=True), x.shape)
    kept(name, function, x)
    _by_itself(name, function, x, got)
    mistakes = [*_MORE[name], *_from_catalogue(asked.quantity, asked.side)]
    within = 1e-9 * (np.abs(want) + 1)
    compare(name, got, want, {"x": x}, within, mistakes, asked.hint, asked.answer)
    for shape in ((3, 5), (5, 1, 3), ()):
        some = x[1] if shape == () else x.reshape(shape)
        what = f"{name} of an array of shape {shape}"
        again = array(what, call(what, function, np.asarray(some), quiet=True), shape)
        wanted = want[1] if shape == () else want.reshape(shape)
        at = {"x": np.asarray(some)}
        compare(what, again, np.asarray(wanted), at,
                1e-9 * (np.abs(wanted) + 1), hint="work element by element")  # fmt: skip
    if name == "v" and call(name, function, np.array([-1e-20]), quiet=True)[0] == 0:
        return ["v(-1e-20) comes out as 0: e^x - 1 loses its digits near 0, np.expm1(x) does not"]
    return []


def _by_itself(name: str, function: Any, x: Array, got: Array) -> None:
    """Each element must come out the same whatever the others are."""
    rest = array(name, call(name, function, x[::2].copy(), quiet=True), x[::2].shape)
    other = ~np.isclose(rest, got[::2], rtol=1e-9, atol=1e-9, equal_nan=True)
    if other.any():
        i = int(np.argmax(other))
        raise Wrong(Finding(
            f"{name}: what comes out for one x depends on the other elements of the array",
            "is there a sum, a mean, a maximum or a difference of neighbours?",
            "work element by element",
            f"for x = {x[2 * i]:g} it is {got[2 * i]:.6g}, and {rest[i]:.6g} in an array with fewer",
        ))  # fmt: skip
