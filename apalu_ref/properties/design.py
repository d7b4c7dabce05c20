"""Parameters that meet stated wishes, or why none do.

A wish is a number the activation should have: no kink at 0, a second moment of 1, a slope. Wishes
are met by least squares (Levenberg and Marquardt's method from several starts). What is left over
when they contradict each other is told wish by wish, and which of them could be met together.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.properties.activation import Activation, ActivationError, Function
from apalu_ref.properties.facts import number
from apalu_ref.properties.features import one_sided
from apalu_ref.properties.gaussian import Gaussian
from apalu_ref.properties.limits import Limit
from apalu_ref.properties.named import found
from apalu_ref.properties.outline import Outline

Array = NDArray[Any]

_MET = 1e-8
"""A wish counts as met when it is off by less, or by less than this share of its number."""

_STARTS = 6


def _bend(g: Gaussian) -> float:
    """The jump of f′ at 0, and of f, should it jump as well."""
    slopes = one_sided(g.slope, 0.0, 1) - one_sided(g.slope, 0.0, -1)
    jump = one_sided(g.f, 0.0, 1) - one_sided(g.f, 0.0, -1)
    return slopes if abs(jump) < 1e-9 else math.copysign(math.hypot(slopes, jump), slopes)


def _slope(side: int) -> Callable[[Gaussian], float]:
    return lambda g: one_sided(g.slope, 0.0, side)


def _far(side: int) -> Callable[[Gaussian], float]:
    def slope(g: Gaussian) -> float:
        found = Limit(g.f, side).slope
        return math.nan if found is None else found

    return slope


QUANTITIES: dict[str, tuple[Callable[[Gaussian], float], float | None, str]] = {
    "c1": (_bend, 0.0, "no kink at 0: both slopes are equal"),
    "mean": (lambda g: g.mean(), None, "E f, for z ~ N(0, 1)"),
    "second-moment": (lambda g: g.square(), 1.0, "E f²"),
    "variance": (lambda g: g.square() - g.mean() ** 2, 1.0, "Var f"),
    "slope-moment": (lambda g: g.slope_square(), 1.0, "E f′²: χ₁ under σ_w = 1"),
    "chi": (lambda g: g.slope_square() / g.square(), 1.0, "E f′²/E f²: χ₁ at the gain"),
    "slope-left": (_slope(-1), None, "f′ at 0 from the left"),
    "slope-right": (_slope(1), None, "f′ at 0 from the right"),
    "slope-far-left": (_far(-1), None, "the limit of f′ as x → -∞"),
    "slope-far-right": (_far(1), None, "the limit of f′ as x → ∞"),
}
"""Wishes by name: what is measured, what it should be unless told, and what it means."""

_VALUE = re.compile(r"f\((?P<x>[^()]+)\)")


@dataclass(frozen=True)
class Wish:
    """Something an activation should have.

    Attributes
    ----------
    text : str
        As it was stated, with its number: "second-moment=1".
    target : float
    measure : callable
        What is to be ``target``.
    """

    text: str
    target: float
    measure: Callable[[Gaussian], float]

    def met_by(self, value: float) -> bool:
        """Whether a value is what was wished for."""
        return abs(value - self.target) < _MET * max(1.0, abs(self.target))


def wish(text: str) -> Wish:
    """Read a wish: ``c1``, ``second-moment=1``, ``f(2)=3``; see :data:`QUANTITIES`.

    Raises
    ------
    ActivationError
        If there is no such wish.
    """
    name, equals, value = (t.strip() for t in text.partition("="))
    name = name.replace("_", "-")
    place = _VALUE.fullmatch(name)
    try:
        target = float(value) if equals else None
        x = float(place["x"]) if place else None
        if target is not None and not math.isfinite(target):
            raise ValueError
        if x is None:
            measure, default, _ = QUANTITIES[name]
    except (KeyError, ValueError):
        raise ActivationError(
            f"{text!r} is no wish: write name=number with a name of {', '.join(QUANTITIES)}, or "
            "f(x)=y"
        ) from None
    if target is None:
        target = None if x is not None else default
    if target is None:
        raise ActivationError(f"{name!r} needs a number: {name}=0, for example")
    if x is not None:
        at = np.array([x])
        return Wish(f"{name}={value}", target, lambda g: float(g.f(at)[0]))
    if name == "c1" and equals:
        raise ActivationError("'c1' is a wish without a number: no kink at 0")
    return Wish(name if name == "c1" else f"{name}={target:.12g}", target, measure)


@dataclass(frozen=True)
class Design:
    """What was found.

    Attributes
    ----------
    activation : Activation
        With the parameters found.
    wishes : tuple of Wish
    values : tuple of float
        What the activation has in place of each wish's target.
    free : tuple of dict
        Directions in which parameters can move with all wishes still met, to first order.
    together : tuple of tuple of str
        If the wishes contradict each other: the largest sets of them that do not.
    """

    activation: Activation
    wishes: tuple[Wish, ...]
    values: tuple[float, ...]
    free: tuple[dict[str, float], ...] = ()
    together: tuple[tuple[str, ...], ...] = ()

    @property
    def met(self) -> bool:
        """Whether all wishes are."""
        return all(w.met_by(v) for v, w in zip(self.values, self.wishes, strict=True))

    @property
    def parameters(self) -> dict[str, float]:
        """Those found."""
        return self.activation.parameters

    def _failure(self) -> str:
        if self.together:
            return "the wishes contradict each other; nearest: "
        some = "the wish" if len(self.wishes) == 1 else "the wishes"
        return f"nothing was found that meets {some}, from {_STARTS + 1} starts; nearest: "

    def text(self) -> str:
        """For reading."""
        parameters = self.activation.parameters
        lines = [
            ("all wishes are met by " if self.met else self._failure())
            + f"{self.activation.name}("
            + ", ".join(f"{k}={v:.12g}" for k, v in parameters.items())
            + ")"
        ]
        for w, value in zip(self.wishes, self.values, strict=True):
            off = value - w.target
            state = "met" if w.met_by(value) else f"off by {off:+.6g}"
            if math.isnan(value):
                state = "not met: there is no such number"
            shown = number(value) if not abs(value) <= 1e-12 else "0"
            lines.append(f"  {w.text:24} is {shown:12} {state}")
        for direction in self.free:
            moves = ", ".join(f"{k}: {v:+.4g}" for k, v in direction.items())
            lines.append(f"  still free: parameters may move along ({moves}), to first order")
        for names in self.together:
            lines.append(f"  can be met together: {', '.join(names)}")
        return "\n".join(lines) + "\n"

    def as_json(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        return {
            "activation": self.activation.name,
            "parameters": self.activation.parameters,
            "met": self.met,
            "wishes": [
                {"wish": w.text, "target": w.target, "value": v if math.isfinite(v) else None}
                for w, v in zip(self.wishes, self.values, strict=True)
            ],
            "free": list(self.free),
            "together": [list(names) for names in self.together],
        }


def solve(
    f: str | Function | Activation,
    wishes: Iterable[str],
    *,
    free: Sequence[str] | None = None,
    seed: int = 0,
    **parameters: float,
) -> Design:
    """Find parameters that meet wishes, or come nearest to it.

    Parameters
    ----------
    f : str, callable or Activation
        As for :func:`~apalu_ref.properties.card.report`.
    wishes : iterable of str
        See :func:`wish`.
    free : sequence of str, optional
        Parameters that may be changed; by default all.
    seed : int
        Of the starts beside the given one.
    **parameters : float
        Where to start. If several solutions are found, the nearest to it is taken.

    Returns
    -------
    Design

    Raises
    ------
    ActivationError
        If there is nothing to change or to wish, or a wish is none.

    Examples
    --------
    >>> found = solve("apalu", ["c1", "second-moment=1"])
    >>> print(found.text(), end="")
    all wishes are met by apalu(a=0.682527932356, b=1.02379189853)
      c1                       is 0            met
      second-moment=1          is 1            met
    """
    if isinstance(f, str):
        f = found(f)
    start = (f if isinstance(f, Activation) else Activation(f)).at(**parameters)
    wanted = tuple(wish(text) for text in ([wishes] if isinstance(wishes, str) else wishes))
    names = tuple(dict.fromkeys(free if free is not None else start.parameters))
    start.at(**dict.fromkeys(names, 0.0))  # refuses a name that is none
    if not names:
        raise ActivationError(f"{start.name} has no parameter to change")
    if not wanted:
        raise ActivationError("state a wish: c1, second-moment=1, …")
    design = _best(start, names, wanted, seed)
    if design.met:
        return design
    together: list[tuple[Wish, ...]] = []
    for count in range(len(wanted) - 1, 0, -1):
        for some in itertools.combinations(wanted, count):
            if _best(start, names, some, seed).met:
                together.append(some)
        if together:
            break
    said = tuple(tuple(w.text for w in some) for some in together)
    return Design(design.activation, wanted, design.values, (), said)


def _best(start: Activation, names: tuple[str, ...], wanted: tuple[Wish, ...], seed: int) -> Design:
    rng = np.random.default_rng(seed)
    first = np.array([start.parameters[n] for n in names])
    places = [first, *(first + rng.normal(size=(_STARTS, len(names))) * np.maximum(1, abs(first)))]
    best: tuple[float, float, Array] | None = None
    for place in places:
        p, cost = _descend(start, names, wanted, place, 1e-2)
        # Costs below the limit are all the same: then the nearest to the start is best.
        rank = max(cost, _MET**2), float(np.linalg.norm(p - first)), p
        if best is None or rank[:2] < best[:2]:
            best = rank
        if best[0] <= _MET**2 and place is first:
            break
    assert best is not None
    p, _ = _descend(start, names, wanted, best[2], 1e-6)
    g = _at(start, names, p)
    values = tuple(w.measure(g) for w in wanted)
    return Design(g.f, wanted, values, _directions(g, names, wanted, p))


def _descend(
    start: Activation, names: tuple[str, ...], wanted: tuple[Wish, ...], p: Array, least: float
) -> tuple[Array, float]:
    """Levenberg and Marquardt's method; the parameters and the sum of squares.

    It ends where a step lessens the sum by less than the share ``least``: at a compromise. On the
    way to 0 every step lessens it by far more.
    """
    damping = 1e-3
    p = p.copy()
    g = _at(start, names, p)
    r = _residuals(g, wanted)
    for _ in range(60):
        cost = float(r @ r)
        if not math.isfinite(cost) or cost < 1e-26:
            break
        j = _jacobian(g, names, wanted, p)
        if not np.isfinite(j).all():
            break
        step = -np.linalg.lstsq(
            np.vstack([j, math.sqrt(damping) * np.eye(len(p))]),
            np.concatenate([r, np.zeros(len(p))]),
            rcond=None,
        )[0]
        after = _at(start, names, p + step)
        residuals = _residuals(after, wanted)
        if float(residuals @ residuals) < cost:
            p, g, r = p + step, after, residuals
            damping = max(damping / 10, 1e-14)
            if float(r @ r) > (1 - least) * cost:
                break
        else:
            damping *= 10
            if damping > 1e6:
                break
    cost = float(r @ r)
    return p, cost if math.isfinite(cost) else math.inf


def _at(start: Activation, names: tuple[str, ...], p: Array) -> Gaussian:
    f = start.at(**dict(zip(names, p.tolist(), strict=True)))
    return Gaussian(f, Outline(f))


def _residuals(g: Gaussian, wanted: tuple[Wish, ...]) -> Array:
    with np.errstate(all="ignore"):
        return np.array([w.measure(g) - w.target for w in wanted])


def _jacobian(g: Gaussian, names: tuple[str, ...], wanted: tuple[Wish, ...], p: Array) -> Array:
    """By central differences, with the axis cut where the kinks are at ``p`` unless they move."""
    columns = []
    for name, value in zip(names, p.tolist(), strict=True):
        h = 1e-5 * max(1.0, abs(value))
        moved = g.outline.moved(g.f.at(**{name: value + 100 * h}))
        high, low = (g.f.at(**{name: value + s * h}) for s in (1, -1))
        ends = [Gaussian(f, Outline(f)) if moved else g.like(f) for f in (high, low)]
        columns.append((_residuals(ends[0], wanted) - _residuals(ends[1], wanted)) / (2 * h))
    return np.stack(columns, axis=1)


def _directions(
    g: Gaussian, names: tuple[str, ...], wanted: tuple[Wish, ...], p: Array
) -> tuple[dict[str, float], ...]:
    j = _jacobian(g, names, wanted, p)
    if not np.isfinite(j).all():
        return ()
    _, sizes, rows = np.linalg.svd(j)
    rank = int((sizes > 1e-7 * max(1.0, float(sizes.max(initial=0)))).sum())
    return tuple(
        {n: float(v) + 0.0 for n, v in zip(names, row, strict=True)} for row in rows[rank:]
    )
