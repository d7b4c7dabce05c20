"""A function measured by itself: its values and slopes by finite differences.

This is how backward is compared with the subject's own forward, and how functions other
than APALU are judged. Every element is taken by itself, in plain arrays: no broadcasting,
no layout and no sum, so that these can be judged by what comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.exact import Answer, Exact, gathered
from apalu_ref.check.inputs import Call
from apalu_ref.check.judge import judged
from minigrad.differences import derivative

Array = NDArray[Any]
Arrays = dict[str, Array]

# Frameworks compile for each size; few sizes serve.
_ROWS = 256

# Of more elements, which are there for their number, each is measured less thoroughly.
_MANY = 4096

# Differences by one input are not asked for where another is larger than this.
_LARGEST = 4096


def measure(
    f: Callable[..., Array],
    call: Call,
    dtype: str = "float64",
    kinks: Sequence[float] = (),
    units: bool = True,
) -> Arrays:
    """Values and slopes of f at every element of a call.

    Parameters
    ----------
    f : callable
        ``f(x, *parameters) -> y`` on 1-d arrays of one length.
    call : Call
        Where.
    dtype : str
        The type to evaluate in.
    kinks : sequence of float
        Values of x that differences should not reach across.
    units : bool
        Whether sizes are wanted as well.

    Returns
    -------
    dict of str to ndarray
        In the shape of y: ``"y"``; ``"x.value"`` and ``"x.error"``, the slope and its error
        bar, so for each parameter; ``"x-.*"`` and ``"x+.*"``, the one-sided slopes by x;
        ``"y.unit"``, ``"x.unit"`` and so on, the size of each at related places: what errors
        are small against.
    """
    shape = call.shape
    columns = [np.broadcast_to(t, shape).astype(dtype).ravel() for t in call.inputs.values()]
    rows = np.stack(columns, axis=1)
    rows, place = np.unique(rows, axis=0, return_inverse=True)
    if not len(rows):
        rows, place = np.ones((1, len(columns)), dtype), place.astype(int)
    count = len(rows)
    padded = np.concatenate([rows, np.repeat(rows[-1:], -count % _ROWS, axis=0)])
    names = ["x", *call.parameters]
    with np.errstate(all="ignore"):
        found = _measured(f, padded, names, kinks)
        if units:
            found |= _units(f, padded, names)
    back = place.reshape(-1)
    return {key: values[:count][back].reshape(shape) for key, values in found.items()}


def _measured(
    f: Callable[..., Array], rows: Array, names: list[str], kinks: Sequence[float]
) -> Arrays:
    columns = [np.ascontiguousarray(column) for column in rows.T]
    count = len(rows)
    reach = [_reach(rows, i) for i in range(len(names))]
    many = count > _MANY

    def along(inputs: Sequence[int], side: int = 0) -> tuple[Array, Array]:
        """The slopes by these inputs, one block of rows after the other, and their errors."""
        # With two steps: one that is too long for f is given away by the other.
        blocks = [
            (i, reach[i] * shrink) for shrink in ((1,) if many else (1, 1 / 8)) for i in inputs
        ]

        def moved(t: Array) -> Array:
            # Fresh arrays each time, so that a function that writes to them harms only itself.
            given = [np.tile(column, len(blocks)) for column in columns]
            for n, (i, scale) in enumerate(blocks):
                place = slice(n * count, (n + 1) * count)
                step = scale * (t[place] - columns[i])
                given[i][place] = np.where(scale == 1, t[place], columns[i] + step)
            return f(*given)

        # One call for all inputs: a program is started for every call.
        start = np.concatenate([columns[i] for i, _ in blocks])
        scales = np.concatenate([scale for _, scale in blocks]).astype(np.float64)
        slope, error = derivative(moved, start, kinks=kinks if side == 0 else (), side=side)
        error = np.where(scales < 1 / (8 * _LARGEST), np.inf, error / scales)
        return (slope / scales, error) if many else _better(slope / scales, error)

    found = {"y": np.asarray(f(*(c.copy() for c in columns)), dtype=np.float64)}
    central = along(range(len(columns)))
    for i, name in enumerate(names):
        block = slice(i * count, (i + 1) * count)
        found[f"{name}.value"], found[f"{name}.error"] = (t[block] for t in central)
    for name, side in (("x-", -1), ("x+", 1)):
        unknown = np.full(count, np.nan), np.full(count, np.inf)
        found[f"{name}.value"], found[f"{name}.error"] = unknown if many else along([0], side)
    return found


def _reach(rows: Array, i: int) -> Array:
    """How far to step along one input, as a power of 2: less where the others are large.

    What is computed from β x changes with x on the scale of 1/β, and with β on that of 1/x.
    Where that is too short for differences, the answer is less than 1 / ``_LARGEST``.
    """
    others = np.abs(np.delete(rows, i, axis=1))
    size = np.max(np.where(np.isfinite(others), others, 1), axis=1, initial=1)
    return np.asarray(2.0 ** -np.ceil(np.log2(np.minimum(size, 16 * _LARGEST))), rows.dtype)


def _better(slopes: Array, errors: Array) -> tuple[Array, Array]:
    """Of two estimates the one with the smaller error, which covers what they are apart."""
    (one, two), (e1, e2) = np.split(slopes, 2), np.split(errors, 2)
    apart = np.abs(one - two)
    value, error = np.where(e2 < e1, two, one), np.minimum(e1, e2)
    return value, np.where(apart > e1 + e2, np.maximum(error, apart), error)


def _units(f: Callable[..., Array], rows: Array, names: list[str]) -> Arrays:
    """What errors are small against: the largest y, and slopes, at related places.

    They are x = ±1, since an error there is felt everywhere; -x, since one may come from
    cancelling; and parameters so small that β x is: what is multiplied by 0 here, or nearly,
    is known to so many digits only.
    """
    found = {f"{name}.unit": np.zeros(len(rows)) for name in ("y", *names)}
    calm = rows.copy()
    calm[:, 1:] = np.clip(rows[:, 1:], -1, 1) / np.maximum(1, np.abs(rows[:, :1]))
    for end in (_at(rows, 1.0), _at(rows, -1.0), _at(rows, -rows[:, 0]), calm):
        columns = list(end.T)
        values = {"y.unit": f(*(c.copy() for c in columns))}
        for i, name in enumerate(names):
            h = _reach(end, i) * np.maximum(1, np.abs(columns[i])) / 4096
            high, low = (
                f(*(c + sign * h if j == i else c.copy() for j, c in enumerate(columns)))
                for sign in (1, -1)
            )
            values[f"{name}.unit"] = (high - low) / (2 * h)
        for key, t in values.items():
            size = np.abs(np.asarray(t, np.float64))
            found[key] = np.maximum(found[key], np.where(np.isfinite(size), size, 0))
    # What was found by cancelling, as in 1 - tanh², is multiplied by x, or by x² in GELU.
    found["x.unit"] *= np.clip(np.nan_to_num(np.abs(rows[:, 0])), 1, 32) ** 2
    return found


def _at(rows: Array, x: Array | float) -> Array:
    rows = rows.copy()
    rows[:, 0] = x
    return rows


def answers_from(call: Call, measured: Arrays, kinks: Sequence[float] = ()) -> dict[str, Answer]:
    """What a measured function should give for a call: the values and every gradient.

    At one of the known kinks every slope from the left one to the right one is allowed. Where
    the two differ and no kink is known, the slope is not known either.
    """
    g = np.broadcast_to(call.gy, call.shape).astype(np.float64)
    y = measured["y"]
    finite = np.isfinite(y)
    one, zero = np.ones(call.shape), np.zeros(call.shape)
    limits = np.where(np.isnan(np.broadcast_to(call.x, call.shape)), np.nan, y)
    # y itself is what it is in the type that it was measured in.
    y_bar = np.where(finite, measured.get("y.error", zero), np.inf)
    found = {"y": gathered(call.shape, Exact(np.where(finite, y, 0), zero),
                           measured["y.unit"], one, y_bar, limits=limits)}  # fmt: skip
    at, near = _by_kinks(call, kinks)
    for name, t in call.inputs.items():
        value, error = measured[f"{name}.value"], measured[f"{name}.error"]
        known = np.isfinite(value) & np.isfinite(error) & finite
        ends = None
        if name == "x":
            known &= near | ~kinked(measured)
            sides = (np.where(at & finite, g * measured[f"{s}.value"], np.nan)
                     for s in ("x-", "x+"))  # fmt: skip
            ends = next(sides), next(sides)
        with np.errstate(over="ignore", invalid="ignore"):
            terms = np.where(known, g * value, 0)
            bar = np.where(known, np.abs(g) * error, np.inf)
        if ends is not None:
            # The slope at a kink is one of the ends, whichever a central difference saw.
            both = np.isfinite(ends[0]) & np.isfinite(ends[1])
            terms, bar = np.where(both, ends[1], terms), np.where(both, 0.0, bar)
        scale = np.abs(g) * measured[f"{name}.unit"]
        found[f"d{name}"] = gathered(
            t.shape, Exact(terms, zero), scale, np.maximum(1, np.abs(g)), bar, ends
        )
    return found


def _by_kinks(call: Call, kinks: Sequence[float]) -> tuple[Array, Array]:
    """Where x is at a known kink, as its type has it, and where one is within reach."""
    x = np.broadcast_to(call.x, call.shape).astype(np.float64)
    at, near = np.zeros(call.shape, bool), np.zeros(call.shape, bool)
    for kink in kinks:
        apart = np.abs(x - kink)
        at |= apart <= judged(call).eps * abs(kink)
        near |= apart < 1
    return at, near


def kinked(measured: Arrays) -> Array:
    """Where the slopes by x from the left and from the right differ for certain."""
    apart = np.abs(measured["x-.value"] - measured["x+.value"])
    bars = measured["x-.error"] + measured["x+.error"]
    size = np.abs(measured["x-.value"]) + np.abs(measured["x+.value"])
    with np.errstate(invalid="ignore"):
        return np.asarray(np.isfinite(bars) & (apart > 4 * bars + 1e-6 * size))


# Parameters that differ: with equal ones two slopes may be one.
GENERIC = (0.75, 0.4375, 1.3125, 0.5625)


def generic(x: Array, count: int) -> list[Array]:
    """So many parameters, each one number, in the shape of x."""
    return [np.full(x.shape, GENERIC[i % len(GENERIC)]) for i in range(count)]


def kinks_of(f: Callable[[Array], Array], reach: float = 12.0) -> list[float]:
    """Where the slope of a function of one variable jumps, within ±reach.

    Every interval of a grid is halved on the side where the slope changes more; of a smooth
    function the change becomes small with the interval, at a kink it stays.
    """
    with np.errstate(all="ignore"):
        edges = np.linspace(-reach, reach, 193)
        low, high = edges[:-1] - 1 / 64, edges[1:] - 1 / 64
        before = np.zeros(192)
        for halving in range(22):
            width = high - low
            middle = (low + high) / 2

            def slope(at: Array, h: Array = width / 8) -> Array:
                return np.asarray(f(at + h), np.float64) - np.asarray(f(at - h), np.float64)

            unit = 8 / (2 * width)
            left, centre, right = (slope(at) * unit for at in (low, middle, high))
            jump = np.abs(right - left)
            before = jump if halving == 0 else before
            goes_left = np.abs(centre - left) > np.abs(right - centre)
            low, high = np.where(goes_left, low, middle - width / 8), np.where(
                goes_left, middle + width / 8, high)  # fmt: skip
        size = 1 + np.abs(left) + np.abs(right)
        found = np.flatnonzero((jump > 0.2 * before) & (jump > 1e-3 * size))
    places = []
    for place in (low[found] + high[found]) / 2:
        near = round(place * 64) / 64  # thresholds are round numbers
        places.append(float(near if abs(near - place) < 1e-3 else place))
    return sorted(set(places))
