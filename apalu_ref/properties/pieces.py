"""Where a function is 0, and where it rises and falls."""

from __future__ import annotations

from typing import Any

import numpy as np

from apalu_ref.properties.facts import Fact, number
from apalu_ref.properties.features import GRID, crossing, crossings, runs
from apalu_ref.properties.outline import Sampled

MOST = 8
"""Zeros, pieces and kinks that are listed."""

_NAMES = {1: "increasing", -1: "decreasing", 0: "constant"}

# What is smaller than this share of the largest value may have faded away in rounding.
_FADED = 1e-9

Piece = tuple[int, float, float]


def zeros(shape: Sampled) -> Fact:
    """Zeros up to |x| = 16: places, and stretches as text."""
    places, values = GRID[shape.near], shape.values[shape.near]
    signs = np.where(np.isfinite(values), np.sign(values), 2).astype(int)
    found: list[tuple[float, Any]] = []
    stretches = runs(signs)
    changes: list[int] = []
    for k, (sign, i, j) in enumerate(stretches):
        if sign == 0 and i == j:
            found.append((float(places[i]), float(places[i])))
        elif sign == 0:
            beside = [values[m] for m in (i - 1, j + 1) if 0 <= m < len(values)]
            if any(abs(v) < _FADED * shape.scale for v in beside):
                continue  # f has become too small for a number of its kind
            left = "-∞" if i == 0 else number(shape.snapped(float(places[i])))
            right = "∞" if j == len(places) - 1 else number(shape.snapped(float(places[j])))
            found.append((float(places[i]), f"from {left} to {right}"))
        elif k and stretches[k - 1][0] == -sign:
            changes.append(i)
    at = np.array(changes, int)
    for place in crossings(shape.f, places[at - 1], places[at]) if changes else ():
        if all(abs(place - q.x) > 1e-9 or q.order for q in shape.kinks):
            found.append((place, place))
    found += [(x, x) for x in _touched(shape) if all(abs(x - place) > 1e-7 for place, _ in found)]
    listed = [value for _, value in sorted(found, key=lambda entry: entry[0])]
    ends = np.sign(values[[0, -1]])
    far = shape.beyond(shape.values)
    turned = any(
        (np.sign(v[np.abs(v) > _FADED * shape.scale]) == -end).any()
        for v, end in zip(far, ends, strict=True)
    )
    text = f"… and {len(listed) - MOST} more up to |x| = 16" if len(listed) > MOST else ""
    if turned and not text:
        text = "up to |x| = 16; there are more beyond"
    return Fact(listed[:MOST], "sampled", text)


def _touched(shape: Sampled) -> list[float]:
    """Zeros without a change of sign: where |f| has a lowest point."""
    places, sizes = GRID[shape.near], np.abs(shape.values[shape.near])
    with np.errstate(invalid="ignore"):
        low = (sizes[1:-1] <= sizes[:-2]) & (sizes[1:-1] <= sizes[2:])
        low &= (sizes[1:-1] < 1e-2 * shape.scale) & ~(sizes[1:-1] == 0)
    found = []
    for i in np.flatnonzero(low) + 1:
        left, right = float(places[i - 1]), float(places[i + 1])
        inside = [k.x for k in shape.kinks if left <= k.x <= right]
        ends = shape.slope(np.array([left, right]))
        if inside:
            x = inside[0]
        elif ends[0] * ends[1] < 0:
            x = crossing(shape.slope, left, right)
        else:
            continue
        if abs(float(shape.f(np.array([x]))[0])) <= 1e-14 * shape.scale:
            found.append(x)
    return found


def monotone(shape: Sampled) -> Fact:
    """Increasing, decreasing or constant, or the stretches on which it is."""
    keep = np.isfinite(shape.values) & np.isfinite(shape.slopes) & shape.near
    if not keep.any():
        return Fact(None, "sampled", "f is not finite anywhere near 0")
    pieces = _pieces(shape, GRID[keep], shape.slopes[keep])
    text = []
    if any(k.order == 0 for k in shape.kinks):
        text.append("between its jumps")
    if len(pieces) > MOST:
        text.append(f"… and {len(pieces) - MOST} more pieces up to |x| = 16")
    elif _turns_beyond(shape, pieces):
        text.append("up to |x| = 16")
    return Fact(_said(pieces), "sampled", ", ".join(text))


def _pieces(shape: Sampled, places: Any, slopes: Any) -> list[Piece]:
    if shape.f.differences:  # they are noise where f is flat
        slopes = np.where(np.abs(slopes) < 1e-7 * shape.steep, 0, slopes)
    signs = np.sign(slopes).astype(int)
    stretches = [r for r in runs(signs) if r[0] or r[1] != r[2] or signs.size == 1]
    pieces: list[Piece] = []
    for k, (sign, i, j) in enumerate(stretches):
        if sign == 0:
            sides = [(k - 1, i - 1), (k + 1, j + 1)]
            around = [(stretches[m][0], n) for m, n in sides if 0 <= m < len(stretches)]
            # f′ has become too small for a number of its kind: the function goes on as before.
            faded = [s for s, n in around if abs(slopes[n]) < 10 * _FADED * shape.steep]
            sign = faded[0] if faded else 0
        if pieces and pieces[-1][0] == sign:
            pieces[-1] = (sign, pieces[-1][1], float(places[j]))
            continue
        border = float(places[i])
        if 0 < len(pieces) <= MOST:  # those beyond are only counted
            border = _border(shape, pieces[-1][2], border)
            pieces[-1] = (*pieces[-1][:2], border)
        pieces.append((sign, border, float(places[j])))
    return pieces


def _border(shape: Sampled, left: float, right: float) -> float:
    inside = [k.x for k in shape.kinks if left <= k.x <= right]
    return inside[0] if inside else crossing(shape.slope, left, right)


def _turns_beyond(shape: Sampled, pieces: list[Piece]) -> bool:
    large = np.abs(shape.slopes) > 10 * _FADED * shape.steep
    signs = np.sign(np.where(large, shape.slopes, 0))
    left, right = shape.beyond(signs)
    ends = (left, pieces[0][0]), (right, pieces[-1][0])
    return any(bool(((s != 0) & (s != sign)).any()) for s, sign in ends)


def _said(pieces: list[Piece]) -> str | list[str]:
    if len(pieces) == 1:
        return _NAMES[pieces[0][0]]
    last = len(pieces) - 1
    said = []
    for k, (sign, left, right) in enumerate(pieces[:MOST]):
        start = f" from {number(left)}" if k else ""
        end = "" if k == last else f" {'to' if k else 'up to'} {number(right)}"
        said.append(_NAMES[sign] + start + end)
    return said
