"""Task 7: is it an activation, is the slope its slope, and does its card say what was expected?"""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.checks.calling import Wrong, array, call, explained, judged
from apalu_ref.exercises.result import FAILED, TO_DO, Finding, Part
from apalu_ref.properties import ActivationError, report
from apalu_ref.properties.activation import NAMED, Activation
from apalu_ref.properties.card import Report

Array = NDArray[Any]

_X = np.concatenate([-np.geomspace(1e-3, 12, 40)[::-1], np.geomspace(1e-3, 12, 40)])

# Far out, where exponentials overflow, and where a denominator that np.where passes over is 0.
_MORE = np.concatenate([[-1e4, -700.0], np.arange(-20, 21) / 2, [700.0, 1e4]])

_CARD_HINTS = {
    "second moment": "E f² is the mean of f(z)² over many z from np.random.normal, or the sum over a fine grid "
    "of f(x)² times the density e^(-x²/2)/√(2π), times the grid's step",
    "gain": "with weights of variance g²/fan_in, a layer's second moment is g² E f²: for which g is it 1?",
    "slope far left": "what does the slope tend to for x → -∞?",
    "slope far right": "what does the slope tend to for x → ∞?",
}


def parts(package: ModuleType) -> Iterator[Part]:
    """The verdicts on the function, its slope, and what its card was expected to say."""
    cards: list[Report] = []
    first = judged("activation", lambda: _function(package.activation, cards))
    yield first
    if not first.passed:
        waits = Finding(
            "it waits for activation: there is no card of a function that is not right yet"
        )
        for name in ("slope", "CARD"):
            yield Part(name, TO_DO if first.status == TO_DO else FAILED, [waits])
        return
    yield judged("slope", lambda: _slope(package.activation, package.slope, cards[0]))
    yield judged("CARD", lambda: _card(package.activation, package.CARD, cards[0]))


def _function(f: Any, cards: list[Report]) -> None:
    """Append its report card, if it has one."""
    array("activation", call("activation", f, _X, quiet=True), _X.shape)
    try:
        own = Activation(f, name="activation")
    except ActivationError as error:
        raise Wrong(
            Finding(str(error), "a function of one variable, in NumPy, element by element")
        ) from None
    except Exception as error:
        raise explained("activation", error) from None
    y = own(_X)
    x = np.concatenate([_X, _MORE])
    bad = x[~np.isfinite(own(x))]
    if bad.size:
        raise Wrong(Finding(f"activation is not finite at x = {bad[np.argmin(np.abs(bad))]:g}",
                            "where does an exponential overflow, or 0 get divided by 0? np.where computes both sides",
                            "give each side its own half: np.minimum(x, 0), np.maximum(x, 0)"))  # fmt: skip
    call("activation", f, x)
    line = np.polyfit(_X, y, 1)
    if np.allclose(np.polyval(line, _X), y, atol=1e-9):
        said = f"activation is a straight line, {line[0]:.4g} x + {line[1]:.4g}: layers with it "
        said += "between them are one linear map"
        if abs(line[0]) < 1e-9:
            said = f"activation is constant, {y[0] + 0.0:.4g}: nothing gets through it"
        raise Wrong(Finding(said, "it needs a bend somewhere"))
    if np.abs(own.slope(_X)).max() < 1e-9:
        raise Wrong(Finding("activation is made of steps: between them its slope is 0, and nothing is learned "
                            "through it", "it needs a slope"))  # fmt: skip
    for name in NAMED:
        other = Activation(name)
        z = other(_X)
        with np.errstate(all="ignore"):
            scale = float(np.dot(z, y) / np.dot(z, z))
        if scale and np.allclose(scale * z, y, rtol=1e-6, atol=1e-9):
            times = "" if math.isclose(scale, 1, rel_tol=1e-6) else f"{scale:.6g} times "
            raise Wrong(Finding(f"activation is {times}{other}: it is known already",
                                "change its shape, not only its size"))  # fmt: skip
    card = call("activation", report, f, quiet=True)
    try:
        card["E f²"]
    except KeyError:
        raise Wrong(Finding(f"there is no full report card of activation: {'; '.join(card.remarks)}",
                            "it is to be finite for every finite x")) from None  # fmt: skip
    cards.append(card)


def _slope(f: Any, df: Any, card: Report) -> list[str]:
    got = array("slope", call("slope", df, _X, quiet=True), _X.shape)
    own = Activation(f, name="activation")
    want = own.slope(_X)
    off = ~(np.abs(got - want) <= 1e-5 * (np.abs(want) + 1))
    kinks = [k.x for k in card.shape.kinks if k.order < 2]
    near = np.isin(_X, [x for x in _X if any(abs(x - k) < 1e-9 for k in kinks)])
    if (off & ~near).any():
        _wrong_slope(own, got, want, off & ~near)
    for k in kinks:
        here = float(array("slope", call("slope", df, np.array([k]), quiet=True), (1,))[0])
        sides = sorted(float(own.slope(np.array([k + s]))[0]) for s in (-1e-6, 1e-6))
        if not sides[0] - 1e-4 <= here <= sides[1] + 1e-4:
            raise Wrong(Finding(f"slope at the kink, x = {k:g}, is {here:g}, which is not between the slopes on its two "
                                f"sides, {sides[0]:.4g} and {sides[1]:.4g}",
                                "do both conditions, < and >, miss it, or do both hold?"))  # fmt: skip
    call("slope", df, _MORE)
    return []


def _wrong_slope(own: Activation, got: Array, want: Array, off: Array) -> None:
    i = int(np.argmax(off))
    seen = f"at x = {_X[i]:.4g} it is {got[i]:.6g}, differences of activation give {want[i]:.6g}"
    if np.allclose(got, own(_X)):
        raise Wrong(Finding("slope returns the value, not the slope",
                            "its derivative: how much the value grows as x does", where=seen))  # fmt: skip
    if np.allclose(got, -want):
        raise Wrong(
            Finding(
                "slope has the wrong sign", "is it positive where activation rises?", where=seen
            )
        )
    if np.allclose(got, want[::-1]):
        raise Wrong(Finding("slope has its two sides swapped: at x it is the slope at -x",
                            "which side does the condition choose?", where=seen))  # fmt: skip
    big = np.abs(want) > 1e-6
    ratio = got[big] / want[big]
    if np.ptp(ratio) <= 1e-5 * abs(ratio[0]):
        raise Wrong(Finding(f"slope is {ratio[0]:.5g} times the derivative of activation, everywhere",
                            "is a factor missing, or one too many?", where=seen))  # fmt: skip
    for side, name, other in ((_X < 0, "x < 0", "x > 0"), (_X > 0, "x > 0", "x < 0")):
        if off[~side].any():
            continue
        hint = f"differentiate the {'left' if name == 'x < 0' else 'right'} piece again"
        if np.allclose(got[side], -want[side]):
            hint += ": the sign is wrong"
        raise Wrong(Finding(f"slope is right for {other} and wrong for {name}", hint, where=seen))
    if np.allclose(got, want, rtol=0.01, atol=0.01):
        raise Wrong(Finding("slope is close to the derivative of activation, but not equal to it",
                            "is it a difference, or a constant rounded?", where=seen))  # fmt: skip
    raise Wrong(Finding("slope is not the derivative of activation",
                        "product rule and chain rule: is a term missing, or an inner derivative?", where=seen))  # fmt: skip


def _card(f: Any, card: Any, found: Report) -> None:
    if not isinstance(card, dict):
        raise Wrong(
            Finding(
                f"CARD is a {type(card).__name__}, not a dictionary", "leave its keys as they were"
            )
        )
    known = _known(found)
    for key, (value, said) in known.items():
        if key == "others":
            continue
        if key not in card or card[key] is None:
            raise Wrong(Finding(f"CARD says nothing of {key!r}", "every entry is to be filled in"))
        _entry(f, key, card[key], value, said, known)


def _known(found: Report) -> dict[str, tuple[Any, str]]:
    """What the card says, in the words of the task."""
    monotone = found["monotone"]
    stretches = [monotone] if isinstance(monotone, str) else monotone
    kinds = {stretch.split()[0] for stretch in stretches}
    # Flat stretches do not spoil it, but strictly it is neither.
    orders = [kind for kind in kinds - {"constant"} if kinds <= {kind, "constant"}]
    if len(kinds) > 1 or not orders:
        orders.append("neither")
    left, right = (limit.slope for limit in found.shape.limits)
    return {
        "monotone": (orders, f"it is {monotone if isinstance(monotone, str) else ', '.join(monotone)}"),
        "kinks": ([k.x for k in found.shape.kinks if k.order < 2], ""),
        "slope far left": (left, ""),
        "slope far right": (right, ""),
        "second moment": (found["E f²"], ""),
        "gain": (found["gain"], ""),
        "others": ((found["E f"], found["E f′²"], tuple(limit.value for limit in found.shape.limits)), ""),
    }  # fmt: skip


def _entry(
    f: Any, key: str, expected: Any, value: Any, said: str, known: dict[str, tuple[Any, str]]
) -> None:
    if key == "monotone":
        _monotone(f, expected, value, said)
        return
    if key == "kinks":
        _kinks(f, expected, value)
        return
    hint = _CARD_HINTS.get(key, "")
    if isinstance(expected, np.ndarray) and expected.shape == ():
        expected = expected.item()
    if (
        isinstance(expected, bool)
        or not isinstance(expected, (int, float, np.number))
        or np.iscomplexobj(expected)
    ):
        raise Wrong(Finding(f"CARD[{key!r}] is {expected!r}, not a number", hint))
    if value is None:
        return  # the card does not know either
    if math.isclose(float(expected), value, rel_tol=0.01, abs_tol=0.01 if "far" in key else 0.0):
        return
    raise Wrong(_number(key, float(expected), float(value), known, hint))


_WORDS = ("increasing", "decreasing", "neither")


def _monotone(f: Any, expected: Any, right: list[str], said: str) -> None:
    if isinstance(expected, str) and expected in right:
        return
    if not isinstance(expected, str) or expected not in _WORDS:
        raise Wrong(Finding(f"CARD['monotone'] is {expected!r}; it is to be one of {', '.join(map(repr, _WORDS))}",
                            "just as they are written here"))  # fmt: skip
    if expected == "neither":
        raise Wrong(Finding("CARD says that activation is neither increasing nor decreasing; it is one of them",
                            "in how many directions does it go?", said))  # fmt: skip
    steps = np.diff(Activation(f, name="activation")(_X))
    i = int(np.argmin(steps) if expected == "increasing" else np.argmax(steps))
    verb = "falls" if expected == "increasing" else "rises"
    what = f"CARD says that activation is {expected!r}; the report card does not"
    where = ""
    if steps[i] < 0 if expected == "increasing" else steps[i] > 0:
        what = f"CARD says that activation is {expected!r}, and it {verb} somewhere"
        where = f"it {verb} from x = {_X[i]:.4g} to x = {_X[i + 1]:.4g}"
    raise Wrong(Finding(what, "where is the slope negative, and where positive?", said, where))


def _kinks(f: Any, expected: Any, value: list[float]) -> None:
    try:
        places = sorted(float(x) for x in expected)
        if not np.isfinite(places).all():
            raise ValueError
    except (TypeError, ValueError):
        raise Wrong(Finding(f"CARD['kinks'] is {expected!r}, not a list of numbers",
                            "numbers in brackets, and empty brackets for none")) from None  # fmt: skip
    hint = "compare the slopes on both sides of where the pieces meet"
    answer = f"kinks at {[round(x, 4) for x in value]}"
    own = Activation(f, name="activation")
    for x in places:
        if not any(abs(x - k) <= 1e-3 for k in value):
            left, right = (float(own.slope(np.array([x + s]))[0]) for s in (-1e-6, 1e-6))
            raise Wrong(Finding(f"CARD has a kink at {x:g}, where the slope does not jump", hint, answer,
                                f"it is {left:.4g} just before and {right:.4g} just after"))  # fmt: skip
    if len(places) < len(value):
        raise Wrong(Finding(f"the slope jumps where CARD has no kink: it lists {len(places) or 'none'}, and "
                            f"there {'is' if len(value) == 1 else 'are'} {len(value)}", hint, answer))  # fmt: skip
    if len(places) > len(value):
        raise Wrong(Finding("CARD has the same kink twice", "each place once", answer))


def _number(
    key: str, expected: float, value: float, known: dict[str, tuple[Any, str]], hint: str
) -> Finding:
    for name, other in _others(key, known):
        if (
            other is not None
            and math.isfinite(other)
            and math.isclose(expected, other, rel_tol=0.01)
        ):
            said = f"CARD says that the {key} is {expected:g}: that is {name}"
            return Finding(said, hint, f"{value:.6g}")
    said = f"CARD says that the {key} is {expected:g}"
    if "far" in key or not math.isfinite(expected):
        return Finding(f"{said}, and it is not", hint, f"{value:.6g}")
    size = "more than twice as much" if expected > 2 * value else "too much"
    if expected < value:
        size = "less than half" if expected < value / 2 else "too little"
    return Finding(f"{said}: that is {size}", hint, f"{value:.6g}")


def _others(key: str, known: dict[str, tuple[Any, str]]) -> list[tuple[str, float | None]]:
    """What people take for an entry."""
    moment: float = known["second moment"][0]
    mean: float
    slopes: float
    ends: tuple[float | None, float | None]
    mean, slopes, ends = known["others"][0]
    left, right = known["slope far left"][0], known["slope far right"][0]
    if key == "gain":
        return [
            ("1 / E f², and weights enter the second moment squared", 1 / moment),
            ("√(E f²), the wrong way up", math.sqrt(moment)),
            ("E f² itself, the second moment", moment),
            ("1 / √(Var f), made of the variance, not of the second moment",
             1 / math.sqrt(moment - mean**2) if moment > mean**2 * 1.001 else None),
            ("1 / √(E f′²), made of the slope, not of the function", 1 / math.sqrt(slopes) if slopes else None),
            ("√2, the gain of ReLU", math.sqrt(2)),
            ("2, the square of ReLU's gain", 2.0),
        ]  # fmt: skip
    if key == "second moment":
        return [
            ("√(E f²), the root of the second moment", math.sqrt(moment)),
            ("E f² - (E f)², the variance", moment - mean**2),
            ("E f, the mean, without the square", mean),
            ("(E f)², the square of the mean, not the mean of the square", mean**2),
            ("E f′², the second moment of the slope", slopes),
            ("twice the second moment", 2 * moment),
            ("half the second moment: is z both negative and positive?", moment / 2),
            ("1 / E f²", 1 / moment),
            ("√(2π) times the second moment: the density has a factor 1/√(2π)",
             math.sqrt(2 * math.pi) * moment),
        ]  # fmt: skip
    own, across = (0, right) if key == "slope far left" else (1, left)
    end = ends[own]
    return [
        (f"the slope far {'right' if own == 0 else 'left'}", across),
        ("what the function itself tends to, not its slope", end),
        ("the slope with the wrong sign", -(left if own == 0 else right) if (left if own == 0 else right) else None),
    ]  # fmt: skip
