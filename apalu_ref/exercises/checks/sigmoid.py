"""Task 2: σ and its slope, to the last digits, from -1e300 to 1e300."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, localcontext
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.exercises.checks.calling import Wrong, array, call, judged
from apalu_ref.exercises.checks.values import Mistake, compare
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


_MISTAKES = {
    "sigmoid": [
        Mistake("the sign of z is wrong: it is σ(-z)", lambda z: _s(-z),
                "σ rises: σ(6) is close to 1", "e^-z for z, not e^z"),
        Mistake("this is tanh(z); σ lies between 0 and 1", np.tanh,
                "σ(z) = (1 + tanh(z / 2)) / 2, though that loses the left tail"),
        Mistake("this is e^-z / (1 + e^-z), which is 1 - σ(z)", lambda z: _s(-z)),
        Mistake("κ does not belong here: it is σ(1.702 z)", lambda z: _s(1.702 * z),
                "the constant is put in where u calls σ", "σ(z), of z as it is given"),
        Mistake("1 + e^-z without the division", lambda z: 1 + np.exp(-z)),
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
                lambda z: np.exp(-z) / (1 + np.exp(-z))),
    ],
}  # fmt: skip


def _at(values: Array, z: float) -> float:
    return float(values[z == _FAR][0])


def parts(package: ModuleType) -> Iterator[Part]:
    """The verdicts on the two functions."""
    for name in ("sigmoid", "sigmoid_slope"):
        yield judged(name, partial(_look, getattr(package, name), name))


def _look(function: Any, name: str) -> None:
    hint, answer = _TAIL[name]
    got = array(name, call(name, function, _NEAR, quiet=True), _NEAR.shape)
    want = _exact(name, _NEAR)
    compare(name, got, want, {"z": _NEAR}, 1e-9, _MISTAKES[name], "check z = 0 by hand", answer)
    # First the values that come out, then the warnings on the way: they have different cures.
    far = array(name, call(name, function, _FAR, quiet=True), _FAR.shape)
    wanted = _exact(name, _FAR)
    if not np.isfinite(far).all():
        z = _FAR[~np.isfinite(far)][0]
        raise Wrong(Finding(f"{name}({z:g}) is {_at(far, z)}: e^|z| overflows, and infinity "
                            "divided by infinity is not a number",
                            "only e^-|z| is never too large: use it on both sides", answer))  # fmt: skip
    lost = (far == 0) & (wanted != 0)
    if lost.any() and name == "sigmoid":
        z = _FAR[lost][-1]
        raise Wrong(Finding(f"{name}({z:g}) comes out as 0, and should be {_at(wanted, z):.6g}: "
                            "the tail is lost, as in (1 + tanh(z/2))/2, or by clipping z",
                            hint, answer))  # fmt: skip
    if lost.any():
        z = _FAR[lost][np.argmin(np.abs(_FAR[lost]))]
        raise Wrong(Finding(f"{name}({z:g}) comes out as 0, and should be {_at(wanted, z):.6g}: "
                            "1 - σ(z) has lost all its digits, as σ(z) was rounded to 1",
                            hint, answer))  # fmt: skip
    with np.errstate(all="ignore"):
        flat = np.ptp(far[_FAR <= -80]) == 0 or (name != "sigmoid" and np.ptp(far[_FAR >= 80]) == 0)
    if flat:
        raise Wrong(Finding(f"{name} is the same for z = -80, -300 and -700: z is clipped",
                            "clipping hides the overflow, and the tail with it", answer))  # fmt: skip
    compare(f"{name}, in the tails", far, wanted, {"z": _FAR}, 8e-16 * np.abs(wanted), (), hint,
            answer)  # fmt: skip
    compare(f"{name}, to the last digits", got, want, {"z": _NEAR}, 8e-16 * np.abs(want), (), hint,
            answer)  # fmt: skip
    z = np.concatenate([_NEAR, _FAR[np.abs(_FAR) < 700], _BEYOND])
    all_of_it = array(name, call(name, function, z), z.shape)
    compare(f"{name}, far out", all_of_it[-6:], _exact(name, _BEYOND), {"z": _BEYOND}, 0.0, (),
            "beyond 746 e^-|z| is 0, and that is right", answer)  # fmt: skip
    for shape in ((2, 5), ()):
        some = np.asarray(_FAR[3] if shape == () else _FAR.reshape(shape))
        array(name, call(name, function, some), shape)
    array(name, call(name, function, _NEAR.astype(np.float32)), _NEAR.shape, np.float32)
