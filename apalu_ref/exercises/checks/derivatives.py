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
from apalu_ref.exercises.checks.calling import array, call, judged
from apalu_ref.exercises.checks.values import Mistake, compare
from apalu_ref.exercises.result import Part

Array = NDArray[Any]

_RIGHT = np.array([0.0, 1e-3, 0.1, 0.25, 0.5, 0.8, 1.0, 1.4, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 30.0])
_LEFT = -_RIGHT

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


_MORE = {
    "u": [
        Mistake("κ is missing: it has σ(x) for σ(κx)", lambda x: x * (1 + _sigma(x))),
        Mistake("κ is not 1.702 but 1.7", lambda x: x * (1 + _sigma(1.7 * x)),
                "the paper prints κ with three decimals", "KAPPA = 1.702"),
    ],
    "du": [
        Mistake("the derivative of a product is not the product of the derivatives",
                lambda x: 1.702 * _sigma(1.702 * x) * (1 - _sigma(1.702 * x))),
        Mistake("κ is not 1.702 but 1.7",
                lambda x: 1 + _sigma(1.7 * x) + 1.7 * x * _sigma(1.7 * x) * _sigma(-1.7 * x),
                "the paper prints κ with three decimals", "KAPPA = 1.702"),
    ],
    "v": [],
    "dv": [
        Mistake("x e^(x - 1) is the rule for powers, in which x is the base; here it is the exponent",
                lambda x: x * np.exp(x - 1)),
        Mistake("the sign is wrong: -e^x for e^x", lambda x: -np.exp(x)),
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
        cause = re.sub(r"(?<=\d)a\b", "", re.sub(r"\b[ab] (?=[ex(])", "", mistake.cause))
        yield Mistake(cause, values)


def parts(package: ModuleType) -> Iterator[Part]:
    """The verdicts on u, du, v, dv."""
    for name, asked in _FUNCTIONS.items():
        yield judged(name, partial(_look, package, name, asked))


def _look(package: ModuleType, name: str, asked: _Asked) -> list[str]:
    function, x = getattr(package, name), asked.x
    exact = getattr(oracle, name)
    want = np.array([float(exact(float(t))) for t in x])
    got = array(name, call(name, function, x, quiet=True), x.shape)
    mistakes = [*_MORE[name], *_from_catalogue(asked.quantity, asked.side)]
    within = 1e-9 * (np.abs(want) + 1)
    compare(name, got, want, {"x": x}, within, mistakes, asked.hint, asked.answer)
    for shape in ((3, 5), (5, 1, 3), ()):
        some = x[1] if shape == () else x.reshape(shape)
        again = array(name, call(name, function, np.asarray(some), quiet=True), shape)
        wanted = want[1] if shape == () else want.reshape(shape)
        at = {"x": np.asarray(some)}
        compare(f"{name}, for an array of shape {shape}", again, np.asarray(wanted), at,
                1e-9 * (np.abs(wanted) + 1), hint="work element by element")  # fmt: skip
    if name == "v" and call(name, function, np.array([-1e-20]), quiet=True)[0] == 0:
        return ["v(-1e-20) comes out as 0: e^x - 1 loses its digits near 0, np.expm1(x) does not"]
    return []
