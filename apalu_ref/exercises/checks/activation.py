"""Task 7: is it an activation, is the slope its slope, and does its card say what was expected?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.checks.calling import Wrong, array, call, judged
from apalu_ref.exercises.result import FAILED, TO_DO, Finding, Part
from apalu_ref.properties import ActivationError, report
from apalu_ref.properties.activation import NAMED, Activation
from apalu_ref.properties.card import Report

Array = NDArray[Any]

_X = np.concatenate([-np.geomspace(1e-3, 12, 40)[::-1], np.geomspace(1e-3, 12, 40)])

_CARD_HINTS = {
    "second moment": "E f² is the mean of f(z)² over many z from np.random.normal, or the sum over a fine grid "
    "of f(x)² times the density e^(-x²/2)/√(2π), times the grid's step",
    "gain": "with weights of variance g²/fan_in, a layer's second moment is g² E f²: for which g is it 1?",
    "slope far left": "what does the slope tend to for x → -∞?",
    "slope far right": "what does the slope tend to for x → ∞?",
}


def parts(package: ModuleType) -> Iterator[Part]:
    """The verdicts on the function, its slope, and what its card was expected to say."""
    first = judged("activation", lambda: _function(package.activation))
    yield first
    if not first.passed:
        waits = Finding(
            "it waits for activation: there is no card of a function that is not right yet"
        )
        for name in ("slope", "CARD"):
            yield Part(name, TO_DO if first.status == TO_DO else FAILED, [waits])
        return
    yield judged("slope", lambda: _slope(package.activation, package.slope))
    yield judged("CARD", lambda: _card(package.activation, package.CARD))


def _function(f: Any) -> None:
    array("activation", call("activation", f, _X, quiet=True), _X.shape)
    try:
        own = Activation(f, name="activation")
    except ActivationError as error:
        raise Wrong(
            Finding(str(error), "a function of one variable, in NumPy, element by element")
        ) from None
    y = own(_X)
    far = np.array([-1e4, -700.0, 700.0, 1e4])
    if not np.isfinite(y).all() or not np.isfinite(own(far)).all():
        x = np.concatenate([_X, far])
        bad = x[~np.isfinite(own(x))]
        raise Wrong(Finding(f"activation is not finite at x = {bad[np.argmin(np.abs(bad))]:g}",
                            "where does an exponential overflow, or 0 get divided by 0? np.where computes both sides",
                            "give each side its own half: np.minimum(x, 0), np.maximum(x, 0)"))  # fmt: skip
    call("activation", f, np.concatenate([_X, far]))
    line = np.polyfit(_X, y, 1)
    if np.allclose(np.polyval(line, _X), y, atol=1e-9):
        raise Wrong(Finding(f"activation is a straight line, {line[0]:.4g} x + {line[1]:.4g}: layers with it "
                            "between them are one linear map", "it needs a bend somewhere"))  # fmt: skip
    for name in NAMED:
        other = Activation(name)
        z = other(_X)
        with np.errstate(all="ignore"):
            scale = float(np.dot(z, y) / np.dot(z, z))
        if scale and np.allclose(scale * z, y, rtol=1e-6, atol=1e-9):
            times = "" if math.isclose(scale, 1, rel_tol=1e-6) else f"{scale:.6g} times "
            raise Wrong(Finding(f"activation is {times}{other}: it is known already",
                                "change its shape, not only its size"))  # fmt: skip


def _slope(f: Any, df: Any) -> list[str]:
    got = array("slope", call("slope", df, _X, quiet=True), _X.shape)
    own = Activation(f, name="activation")
    want = own.slope(_X)
    off = ~(np.abs(got - want) <= 1e-5 * (np.abs(want) + 1))
    kinks = [k.x for k in report(f).shape.kinks if k.order < 2]
    near = np.isin(_X, [x for x in _X if any(abs(x - k) < 1e-9 for k in kinks)])
    if (off & ~near).any():
        _wrong_slope(own, got, want, off & ~near)
    for k in kinks:
        here = float(np.asarray(call("slope", df, np.array([k]), quiet=True))[0])
        sides = sorted(float(own.slope(np.array([k + s]))[0]) for s in (-1e-6, 1e-6))
        if not sides[0] - 1e-4 <= here <= sides[1] + 1e-4:
            raise Wrong(Finding(f"slope at the kink, x = {k:g}, is {here:g}, which is not between the slopes on its two "
                                f"sides, {sides[0]:.4g} and {sides[1]:.4g}",
                                "do both conditions, < and >, miss it, or do both hold?"))  # fmt: skip
    call("slope", df, np.array([-1e4, -700.0, 700.0, 1e4]))
    return []


def _wrong_slope(own: Activation, got: Array, want: Array, off: Array) -> None:
    i = int(np.argmax(off))
    seen = f"at x = {_X[i]:.4g} it is {got[i]:.6g}, differences of activation give {want[i]:.6g}"
    if np.allclose(got, own(_X)):
        raise Wrong(Finding("slope returns the value, not the slope", where=seen))
    if np.allclose(got, -want):
        raise Wrong(Finding("slope has the wrong sign", where=seen))
    left, right = bool(off[_X < 0].any()), bool(off[_X > 0].any())
    if left and not right:
        raise Wrong(Finding("slope is right for x > 0 and wrong for x < 0",
                            "differentiate the left piece again", where=seen))  # fmt: skip
    if right and not left:
        raise Wrong(Finding("slope is right for x < 0 and wrong for x > 0",
                            "differentiate the right piece again", where=seen))  # fmt: skip
    raise Wrong(Finding("slope is not the derivative of activation",
                        "the chain rule: is an inner derivative missing?", where=seen))  # fmt: skip


def _card(f: Any, card: Any) -> None:
    if not isinstance(card, dict):
        raise Wrong(
            Finding(
                f"CARD is a {type(card).__name__}, not a dictionary", "leave its keys as they were"
            )
        )
    known = _known(report(f))
    for key, (value, said) in known.items():
        if key not in card or card[key] is None:
            raise Wrong(Finding(f"CARD says nothing of {key!r}", "every entry is to be filled in"))
        _entry(key, card[key], value, said, known)


def _known(found: Report) -> dict[str, tuple[Any, str]]:
    """What the card says, in the words of the task."""
    monotone = found["monotone"]
    order = monotone if monotone in ("increasing", "decreasing") else "neither"
    left, right = (limit.slope for limit in found.shape.limits)
    return {
        "monotone": (order, f"it is {monotone if isinstance(monotone, str) else ', '.join(monotone)}"),
        "kinks": ([k.x for k in found.shape.kinks if k.order < 2], ""),
        "slope far left": (left, ""),
        "slope far right": (right, ""),
        "second moment": (found["E f²"], ""),
        "gain": (found["gain"], ""),
    }  # fmt: skip


def _entry(
    key: str, expected: Any, value: Any, said: str, known: dict[str, tuple[Any, str]]
) -> None:
    hint = _CARD_HINTS.get(key, "")
    if key == "monotone":
        if expected != value:
            raise Wrong(Finding(f"CARD says that activation is {expected!r}; its card does not agree",
                                "where is the slope negative, and where positive?", said))  # fmt: skip
        return
    if key == "kinks":
        try:
            places = sorted(float(x) for x in expected)
        except (TypeError, ValueError):
            raise Wrong(Finding("CARD['kinks'] is no list of numbers", "[] for none")) from None
        if len(places) != len(value) or not np.allclose(places, value, atol=1e-3):
            raise Wrong(Finding(f"CARD has kinks at {places}; the card finds {len(value)}",
                                "compare the slopes on both sides of where the pieces meet",
                                f"kinks at {[round(x, 4) for x in value]}"))  # fmt: skip
        return
    if not isinstance(expected, (int, float, np.number)) or isinstance(expected, bool):
        raise Wrong(Finding(f"CARD[{key!r}] is {expected!r}, not a number", hint))
    if value is None:
        return  # the card does not know either
    if math.isclose(float(expected), value, rel_tol=0.01, abs_tol=0.01 if "far" in key else 0.0):
        return
    raise Wrong(_number(key, float(expected), float(value), known, hint))


def _number(
    key: str, expected: float, value: float, known: dict[str, tuple[Any, str]], hint: str
) -> Finding:
    said = f"CARD says that the {key} is {expected:g}, which is not what the card says"
    moment = known["second moment"][0]

    def near(other: float) -> bool:
        return math.isclose(expected, other, rel_tol=0.01)

    if key == "gain" and near(1 / moment):
        said += ": it is 1 / E f², and weights enter the second moment squared"
    elif key == "gain" and near(math.sqrt(moment)):
        said += ": it is √(E f²), the wrong way up"
    elif key == "second moment" and near(math.sqrt(moment)):
        said += ": it is the root of the second moment"
    elif key == "slope far left" and near(known["slope far right"][0] or math.nan):
        said += ": it is the slope far right"
    return Finding(said, hint, f"{value:.6g}")
