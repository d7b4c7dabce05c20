"""Task 2: σ and its slope, to fourteen digits, from -1e300 to 1e300."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from decimal import Decimal, localcontext
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.checks.calling import Wrong, array, call, judged
from apalu_ref.exercises.checks.values import Mistake, compare, kept
from apalu_ref.exercises.result import Finding, Part

Array = NDArray[Any]

_NEAR = np.array([-6.0, -2.5, -1.0, -0.3, -1e-9, 0.0, 1e-9, 0.3, 1.0, 2.5, 6.0])
_FAR = np.array([-700.0, -300.0, -80.0, -40.0, -20.0, 20.0, 40.0, 80.0, 300.0, 700.0])
_BEYOND = np.array([-1e300, -1e5, -1000.0, 1000.0, 1e5, 1e300])

_TAIL = {
    "sigmoid": ("for z far to the left σ(z) is close to e^z: no term of the formula may be close "
                "to 1 there and be subtracted", "t / (1 + t) with t = np.exp(z), for z < 0"),
    "sigmoid_slope": ("1 - σ(z) is σ(-z): written that way nothing is subtracted",
                      "t / (1 + t)**2 with t = np.exp(-np.abs(z)), on both sides"),
}  # fmt: skip


def _exact(name: str, z: Array) -> Array:
    with localcontext() as context:
        context.prec = 60
        found = []
        for number in z:
            t = (-abs(Decimal(float(number)))).exp()
            s = (1 if number >= 0 else t) / (1 + t)
            found.append(float(s if name == "sigmoid" else t / (1 + t) ** 2))
    return np.array(found)


def _s(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))


_QUOTIENT = "the derivative of 1 / w is -w′ / w²"

_MISTAKES = {
    "sigmoid": [
        Mistake("the sign of z is wrong: it is σ(-z)", lambda z: _s(-z),
                "σ rises: σ(6) is close to 1", "e^-z for z, not e^z"),
        Mistake("this is tanh(z); σ lies between 0 and 1", np.tanh,
                "σ(z) = (1 + tanh(z / 2)) / 2, though that loses the left tail"),
        Mistake("this is e^-z / (1 + e^-z), which is 1 - σ(z)", lambda z: _s(-z)),
        Mistake("κ does not belong here: it is σ(1.702 z)", lambda z: _s(1.702 * z),
                "the constant is put in where u calls σ", "σ(z), of z as it is given"),
        Mistake("1 + e^-z without the division", lambda z: 1 + np.exp(-z),
                "σ lies between 0 and 1"),
        Mistake("this is σ(|z|): right for z >= 0, and its own mirror image for z < 0",
                lambda z: _s(np.abs(z)), "σ(-6) is close to 0: which of 1 and e^-|z| is the numerator?"),
        Mistake("this is σ(-|z|): right for z <= 0, and its own mirror image for z > 0",
                lambda z: _s(-np.abs(z)), "σ(6) is close to 1: which of 1 and e^-|z| is the numerator?"),
        Mistake("this is piecewise linear, clip(z/6 + 1/2): it looks like σ, and is another function",
                lambda z: np.clip(z / 6 + 0.5, 0, 1)),
        Mistake("this is piecewise linear, clip(z/4 + 1/2): it looks like σ, and is another function",
                lambda z: np.clip(z / 4 + 0.5, 0, 1)),
        Mistake("this is 1/2 + arctan(z)/π: it looks like σ, and is another function",
                lambda z: 0.5 + np.arctan(z) / np.pi),
        Mistake("this is softsign, (1 + z/(1 + |z|))/2: it looks like σ, and is another function",
                lambda z: 0.5 + 0.5 * z / (1 + np.abs(z))),
        Mistake("this is the slope, σ(1 - σ), not the value", lambda z: _s(z) * _s(-z)),
    ],
    "sigmoid_slope": [
        Mistake("this is σ(z), the value, not its slope", _s),
        Mistake("this is σ², not σ(1 - σ)", lambda z: _s(z) ** 2,
                "check z = 6: far out σ is flat"),
        Mistake("this is σ(1 + σ): the sign is wrong in σ(1 - σ)", lambda z: _s(z) * (1 + _s(z)),
                "check z = 6: far out σ is flat"),
        Mistake("this is 1 - σ², which is tanh's rule", lambda z: 1 - _s(z) ** 2),
        Mistake("this is 1 - σ(z) alone: the factor σ is missing", lambda z: _s(-z)),
        Mistake("this is z σ(1 - σ): z does not belong here", lambda z: z * _s(z) * _s(-z),
                "the factor z comes from the product rule of u; here only σ is differentiated"),
        Mistake("this is σ(1 - σ) with κ multiplied in", lambda z: 1.702 * _s(z) * _s(-z),
                "the factor κ comes from the chain rule in u; here σ is differentiated by z"),
        Mistake("this is e^-z / (1 + e^-z): the square of the denominator is missing",
                lambda z: np.exp(-z) / (1 + np.exp(-z)), _QUOTIENT),
        Mistake("this is e^-|z| / (1 + e^-|z|): the square of the denominator is missing",
                lambda z: _s(-np.abs(z)), _QUOTIENT),
        Mistake("this is e^-|z| alone: the denominator is missing", lambda z: np.exp(-np.abs(z)),
                _QUOTIENT),
        Mistake("this is e^-|z| / (1 + e^-2|z|): 1 + t² for (1 + t)²",
                lambda z: np.exp(-np.abs(z)) / (1 + np.exp(-2 * np.abs(z))), "which is squared?"),
        Mistake("this is z (1 - z), with z in the place of σ(z)", lambda z: z * (1 - z),
                "the argument is z; what the rule multiplies is σ at z"),
        Mistake("the sign is wrong: σ rises everywhere", lambda z: -_s(z) * _s(-z),
                "differentiate 1 / (1 + e^-z) again, and count the signs"),
        Mistake("this is σ(1 - σ) times the sign of z", lambda z: np.sign(z) * _s(z) * _s(-z),
                "σ rises on both sides: what is the slope of |z| doing here?"),
    ],
}  # fmt: skip


_DIGITS = 1e-14  # e^-log(1 + e^-z), too, is right to so much


def parts(package: ModuleType) -> Iterator[Part]:
    """The verdicts on the two functions."""
    for name in ("sigmoid", "sigmoid_slope"):
        yield judged(name, partial(_look, getattr(package, name), name))


def _look(function: Any, name: str) -> None:
    hint, answer = _TAIL[name]
    got = array(name, call(name, function, _NEAR, quiet=True), _NEAR.shape)
    want = _exact(name, _NEAR)
    kept(name, function, _NEAR)
    compare(
        name,
        got,
        want,
        {"z": _NEAR},
        1e-9,
        _MISTAKES[name],
        "check z = 0 and z = 6 by hand",
        answer,
    )
    # First the values that come out, then the warnings on the way: they have different cures.
    z = np.concatenate([_FAR, _BEYOND])
    far = array(name, call(name, function, z, quiet=True), z.shape)
    wanted = _exact(name, z)
    _finite(function, name, z, far, answer)
    _tail(function, name, z, far, wanted)
    for at, y, right in ((z, far, wanted), (_NEAR, got, want)):
        off = np.abs(y - right) / np.where(right == 0, 1, right)
        if off.max() > _DIGITS:
            i = int(np.argmax(off))
            raise Wrong(Finding(f"{name}({at[i]:g}) is {_right(off[i])}", hint, answer,
                                f"it is {y[i]:.17g}, and should be {right[i]:.17g}"))  # fmt: skip
    for number in sorted(np.concatenate([_NEAR, _FAR, _BEYOND]), key=abs):
        call(f"{name}({number:g})", function, np.array([number]))
    for shape in ((2, 5), ()):
        some = np.asarray(_FAR[3] if shape == () else _FAR.reshape(shape))
        what = f"{name} of an array of shape {shape}"
        again = array(what, call(what, function, some), shape)
        compare(what, np.atleast_1d(again), np.atleast_1d(_exact(name, some.ravel()).reshape(shape)),
                {"z": np.atleast_1d(some)}, 1e-9, (), "each element by itself")  # fmt: skip
    _single(function, name)


def _right(off: float) -> str:
    digits = int(-np.log10(off)) if off > 0 else 17
    return f"right to {digits} digits only" if digits > 0 else "wrong from the first digit on"


def _finite(function: Any, name: str, z: Array, far: Array, answer: str) -> None:
    bad = z[~np.isfinite(far)]
    if bad.size:
        first = bad[np.argmin(np.abs(bad))]
        value = far[z == first][0]
        raise Wrong(Finding(f"{name}({first:g}) is {value}{_overflowing(function, first)}",
                            "infinity divided by infinity is not a number: which exponential can never be "
                            "too large?", answer))  # fmt: skip


def _overflowing(function: Any, z: float) -> str:
    """What NumPy says of overflow on the way, if it does."""
    with warnings.catch_warnings(record=True) as seen, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        with contextlib.suppress(Exception):
            function(np.array([z]))
    said = [str(w.message) for w in seen if "overflow" in str(w.message)]
    return f": {said[0].replace(' encountered', '')} on the way" if said else ""


def _tail(function: Any, name: str, z: Array, far: Array, wanted: Array) -> None:
    """Tails that become 0, or stay where they are, too early."""
    hint, answer = _TAIL[name]
    lost = (far == 0) & (wanted != 0)
    if lost.any():
        first = z[lost][np.argmin(np.abs(z[lost]))]
        said = f"{name}({first:g}) comes out as 0, and should be {wanted[z == first][0]:.6g}"
        overflow = _overflowing(function, first)
        if overflow:
            raise Wrong(Finding(f"{said}{overflow}, and what is divided by infinity is 0",
                                "e^|z| is too large, or its square is: only e^-|z| never is", answer))  # fmt: skip
        before = z == (20.0 if first > 0 else -20.0)
        off = abs(float(far[before][0] / wanted[before][0]) - 1)
        if off > 1e-12:
            raise Wrong(Finding(f"{said}; at z = {z[before][0]:g} it is {_right(off)}: digits are lost on the "
                                "way, as where a number close to 1 is subtracted from 1", hint, answer))  # fmt: skip
        raise Wrong(Finding(f"{said}: the tail is cut off, nearer to 0 it is right",
                            "what is small is not 0: which step makes it so, a condition on z, a square that "
                            "is too large, nan_to_num?", answer))  # fmt: skip
    for side in (-1, 1):
        out = np.sort(np.abs(z[np.sign(z) == side]))
        y = np.array([far[z == side * t][0] for t in out])
        w = np.array([wanted[z == side * t][0] for t in out])
        stays = (np.diff(y) == 0) & (y[1:] != w[1:]) & (y[1:] < 0.5)
        if stays.any():
            i = int(np.argmax(stays)) + 1
            start = ""
            if name == "sigmoid" and side < 0:
                start = f", which is σ({np.log(y[i]):.4g})"
            raise Wrong(Finding(f"{name}({side * out[i]:g}) and {name}({side * out[-1]:g}) are the same, "
                                f"{y[i]:.4g}{start}: z is clipped, or the result",
                                "clipping hides the overflow, and takes the tail away", answer))  # fmt: skip


def _single(function: Any, name: str) -> None:
    """float32, whose exponentials overflow from 89 on."""
    z = np.concatenate([_NEAR, _FAR, _BEYOND[1:-1]]).astype(np.float32)
    what = f"{name} of float32"
    got = array(what, call(what, function, z), z.shape, np.float32)
    want = _exact(name, z)
    compare(what, got.astype(np.float64), want, {"z": z}, 3e-5 * np.abs(want) + 1e-37, (),
            "which numbers are too large for float32?", _TAIL[name][1])  # fmt: skip
