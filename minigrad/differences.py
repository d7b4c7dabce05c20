"""Derivatives without derivative rules: finite differences and the complex step.

A difference quotient has two errors that pull against each other. Truncation, the part
of the Taylor series left out, grows with the step h; rounding, about ε|f|/h, grows as h
shrinks. Halving h again and again and eliminating the leading terms of the truncation
error (Richardson's extrapolation; Ridders, *Advances in Engineering Software* 4, 1982)
keeps h large, so that rounding stays small, and gets the accuracy from the table. How far
neighbouring entries of the table agree, together with the rounding error carried through
it, is an error estimate; the entry with the smallest estimate is the answer.

The complex step, f'(x) ≈ Im f(x + ih) / h (Squire and Trapp, *SIAM Review* 40, 1998),
subtracts nothing: with h = 1e-100 it is exact to rounding. It needs an f made of complex
analytic pieces.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]

_LEVELS = 11  # steps h, h/2, ... h/1024: reaches from a unit down to what float64 bears
_COLUMNS = 6  # columns of the table; further ones only amplify rounding
_SETTLED = 3  # from this column on truncation is small when the steps are
_SAFETY = 4.0  # on the error estimate: the best of many entries looks better than it is


class Estimate(NamedTuple):
    """A derivative and an estimate, no bound, of how far it may be off, element by element."""

    value: Array
    error: Array


def derivative(
    f: Callable[[Array], Array], x: ArrayLike, *, kinks: Sequence[float] = (), side: int = 0
) -> Estimate:
    """Differentiate an elementwise function by Richardson-extrapolated differences.

    Parameters
    ----------
    f : callable
        Takes an array like ``x`` and returns an array, each element computed from the
        element at its place. If ``x`` is 0-d, f may return any shape: a curve in t.
    x : array_like of float
        Where; evaluated in its own precision (integers as float64).
    kinks : sequence of float
        Points that a difference must not reach across. Closer to one than the step, the
        differences are one-sided and point away from it; at the kink itself they point
        up (the right derivative) unless ``side`` says otherwise.
    side : {0, 1, -1}
        0 for central differences, 1 for the right derivative, -1 for the left one.

    Returns
    -------
    Estimate
        ``value`` and ``error``, of the shape of ``f(x)``, in float64. Where f is not finite
        nearby, the error is inf: nothing is known. A kink nearer than the smallest step, about
        1e-8 in float64 and 3e-4 in float32 for x within ±32, and not declared, is not seen.

    Examples
    --------
    >>> d = derivative(np.exp, 0.0)
    >>> bool(abs(d.value - 1) < d.error < 1e-11)
    True
    >>> relu = lambda x: np.maximum(x, 0)
    >>> float(derivative(relu, 0.0, side=1).value), float(derivative(relu, 0.0, side=-1).value)
    (1.0, 0.0)
    """
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    step = np.maximum(0.5, np.abs(x) / 64)
    direction = np.full(x.shape, side)
    for kink in kinks if side == 0 else ():
        away = np.where(x < kink, -1, 1)
        direction = np.where(np.abs(x - kink) < step, away, direction)
    return _richardson(f, x, step, direction)


def _richardson(f: Callable[[Array], Array], x: Array, step: Array, direction: Array) -> Estimate:
    """The table, a row per step; ``direction`` chooses each element's kind of difference."""
    # The error of a central difference is a series in h^2, of a one-sided one in h.
    ratio = np.where(direction == 0, 4.0, 2.0)
    magnitude = np.array(0.0)
    # Rows of (entry, gain): the gain is what one unit of rounding error in f becomes in it.
    rows: list[list[tuple[Array, Array]]] = []
    candidates: list[tuple[Array, Array, Array]] = []
    with np.errstate(all="ignore"):
        for level in range(_LEVELS):
            h = step * 0.5**level
            high = (x + np.where(direction < 0, 0, h)).astype(x.dtype)
            low = (x - np.where(direction > 0, 0, h)).astype(x.dtype)
            width = high.astype(np.float64) - low  # what the step is after rounding
            f_high, f_low = (np.asarray(f(at), dtype=np.float64) for at in (high, low))
            size = np.abs(f_high) + np.abs(f_low)
            magnitude = np.maximum(magnitude, np.where(np.isfinite(size), size, 0))
            row = [((f_high - f_low) / width, 1 / width)]
            for column in range(1, min(level, _COLUMNS) + 1):
                weight = ratio**column
                (left, left_gain), (corner, corner_gain) = row[-1], rows[-1][column - 1]
                entry = left + (left - corner) / (weight - 1)
                gain = (weight * left_gain + corner_gain) / (weight - 1)
                row.append((entry, gain))
                if column < len(rows[-1]):  # agreement with three neighbours, two may be luck
                    above = rows[-1][column][0]
                    spread = np.abs(np.stack([entry - left, entry - corner, entry - above]))
                    candidates.append((entry, gain + 0 * entry, spread.max(axis=0)))
            rows.append(row)
        rounding = np.finfo(x.dtype).eps * magnitude
        noise = np.maximum(rounding, _scatter(rows))
        entries, gains, spreads = (np.stack(parts) for parts in zip(*candidates, strict=True))
        errors = _SAFETY * (spreads + gains * noise)
    errors = np.where(np.isfinite(errors) & np.isfinite(entries), errors, np.inf)
    best = errors.argmin(axis=0)[None]
    value, error = (np.take_along_axis(t, best, axis=0)[0] for t in (entries, errors))
    # A step so small that only a kink nearer than it could still be reached across.
    near = step * 2 * np.sqrt(np.finfo(x.dtype).eps)
    high = (x + np.where(direction < 0, 0, near)).astype(x.dtype)
    low = (x - np.where(direction > 0, 0, near)).astype(x.dtype)
    with np.errstate(all="ignore"):
        width = high.astype(np.float64) - low
        local = (np.asarray(f(high), dtype=np.float64) - np.asarray(f(low))) / width
        # One-sided quotients are off by about their step times the curvature.
        curvature = np.abs(rows[-1][0][0] - rows[-2][0][0]) / (step * 0.5**_LEVELS)
        beyond = np.abs(value - local) - _SAFETY * (noise / width + curvature * width)
    error = np.where(beyond > 0, np.maximum(error, _SAFETY * np.abs(value - local)), error)
    # Smaller steps agree with the answer, but for their rounding, unless a kink lies between.
    (finest, gain), (extrapolated, extrapolated_gain) = rows[-1][:2]
    apart = np.abs(value - extrapolated)
    expected = rounding * (gain + extrapolated_gain) + np.abs(extrapolated - finest)
    return Estimate(
        np.asarray(value),
        np.asarray(np.where(apart > _SAFETY * expected, np.maximum(error, _SAFETY * apart), error)),
    )


def _scatter(rows: list[list[tuple[Array, Array]]]) -> Array:
    """The rounding error of f as the table shows it, in units of f.

    With the smallest steps the extrapolated entries have no truncation error left: what they
    differ by is rounding, also that of an f which computes in lower precision inside or
    subtracts large terms. Where a kink lies between those steps they differ by more still.
    """
    found = []
    for row, above in zip(rows[-2:], rows[-3:-1], strict=True):
        # The least of the columns: what truncation is left is gone in one of them.
        pairs = zip(row[_SETTLED:], above[_SETTLED:], strict=True)
        columns = [np.abs(entry - other) / gain for (entry, gain), (other, _) in pairs]
        known = [np.where(np.isfinite(column), column, np.inf) for column in columns]
        found.append(np.stack(known).min(axis=0))
    worst: Array = np.stack(found).max(axis=0)
    return worst


def complex_step(f: Callable[[Array], Array], x: ArrayLike) -> Array:
    """Differentiate an elementwise analytic function by one evaluation off the real axis.

    Parameters
    ----------
    f : callable
        As for :func:`derivative`; it must accept complex arrays.
    x : array_like of float

    Returns
    -------
    ndarray
        The derivative, to the accuracy of f itself.

    Raises
    ------
    TypeError
        If f does not carry complex numbers through: it raises, drops the imaginary part
        (as ``abs`` does), or its real part is no longer f(x). An f that is not analytic in
        a less visible way, such as ``x * abs(x)``, goes unnoticed and gives a wrong
        derivative: compare with :func:`derivative`.

    Examples
    --------
    >>> float(complex_step(np.expm1, -1e-12))
    0.999999999999
    """
    x = np.asarray(x, dtype=np.float64)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            y, real = np.asarray(f(x + 1e-100j)), np.asarray(f(x))
    except Exception as error:  # whatever a function for real numbers does with others
        raise TypeError(f"the function does not take complex arrays: {error}") from error
    if y.dtype.kind != "c":
        raise TypeError("the function drops the imaginary part: it is not analytic")
    if not np.allclose(y.real, real, rtol=1e-10, atol=1e-12, equal_nan=True):
        raise TypeError("the function's real part changes off the real axis: it is not analytic")
    return np.asarray(y.imag / 1e-100)
