"""Undoing broadcasting: over which axes a gradient was summed, and whether it was summed at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref import apalu_grad
from apalu_ref.exercises.checks.calling import call
from apalu_ref.exercises.result import Finding

Array = NDArray[Any]
Shape = tuple[int, ...]
Gradients = Callable[[Array, Array, Array, Array], Sequence[Any]]

# Of x, a and b: each has, somewhere, axes that were added in front, axes that were of length 1, both,
# neither, and no axes at all.
_SHAPES: list[tuple[Shape, Shape, Shape]] = [
    ((4, 3), (3,), (4, 1)), ((3,), (4, 1), (4, 3)), ((4, 1), (4, 3), (3,)),
    ((2, 3, 4, 5), (3, 1, 1), ()), ((3, 1, 1), (), (2, 3, 4, 5)), ((), (2, 3, 4, 5), (3, 1, 1)),
    ((2, 1, 3), (1, 4, 1), (4, 1)), ((5,), (5,), (5,)),
]  # fmt: skip

WHICH = (
    "which axes did the way forward stretch? Backward sums over just these, and the result has the "
    "shape of the input: that is what sum_to is for"
)
"""The hint where a sum goes over other axes than it should."""

_TIMES = "what was used n times changes the result n times over"
_EACH = "each of them has a part in the result"


def _front(g: Array, shape: Shape) -> tuple[int, ...]:
    return tuple(range(g.ndim - len(shape)))


def _of_length_1(shape: Shape) -> tuple[int, ...]:
    return tuple(i for i, n in enumerate(shape) if n == 1)


def _ones(g: Array, shape: Shape) -> tuple[int, ...]:
    return tuple(i + g.ndim - len(shape) for i in _of_length_1(shape))


def _stretched(g: Array, shape: Shape) -> tuple[int, ...]:
    return _front(g, shape) + tuple(i for i in _ones(g, shape) if g.shape[i] != 1)


def _first(g: Array, shape: Shape) -> Array:
    kept = tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)
    return np.asarray(g[(0,) * len(_front(g, shape))][kept])


class _Way(NamedTuple):
    """What may be done in place of the sum: what is said of it, a hint, and its values."""

    what: str
    hint: str
    values: Callable[[Array, Shape], Array]


_WAYS = [
    _Way("the mean is taken over the axes along which {} was stretched, not the sum", _TIMES,
         lambda g, s: g.mean(axis=_stretched(g, s)).reshape(s)),
    _Way("the mean is taken over the axes that were added in front of {}, not the sum", _TIMES,
         lambda g, s: g.mean(axis=_front(g, s)).sum(axis=_of_length_1(s), keepdims=True)),
    _Way("the mean is taken over the axes in which {} has length 1, not the sum", _TIMES,
         lambda g, s: g.mean(axis=_ones(g, s), keepdims=True).sum(axis=_front(g, s))),
    _Way("nothing is summed: it has one number for each element of y, also where {} has fewer",
         WHICH, lambda g, s: g),
    _Way("too few axes are summed over: those that were added in front of {}, but not those in which it "
         "has length 1", WHICH, lambda g, s: g.sum(axis=_front(g, s))),
    _Way("too few axes are summed over: those in which {} has length 1, but not those that were added in "
         "front of it", WHICH, lambda g, s: g.sum(axis=_ones(g, s), keepdims=True)),
    _Way("too many axes are summed over: all of them, also those that {} has itself", WHICH,
         lambda g, s: np.asarray(g.sum())),
    _Way("too many axes are summed over, all of them, also those that {} has itself; the sum is repeated",
         WHICH, lambda g, s: np.full(s, g.sum())),
    _Way("the sum is over the first axis, and no other, whichever were stretched", WHICH,
         lambda g, s: g.sum(axis=0)),
    _Way("the sum is over the last axis, and no other, whichever were stretched", WHICH,
         lambda g, s: g.sum(axis=-1)),
    _Way("the sum is over all axes but the last, whichever were stretched", WHICH,
         lambda g, s: g.sum(axis=tuple(range(g.ndim - 1)))),
    _Way("of the numbers that belong to one element of {} the first is taken, not their sum", _EACH, _first),
    _Way("of the numbers that belong to one element of {} the largest is taken, not their sum", _EACH,
         lambda g, s: g.max(axis=_stretched(g, s)).reshape(s)),
]  # fmt: skip


def inputs() -> Iterator[tuple[Array, Array, Array, Array]]:
    """x, a, b and gy of many shapes."""
    rng = np.random.default_rng(3)
    for shapes in _SHAPES:
        x, a, b = (rng.normal(size=shape) for shape in shapes)
        yield x, a, b, rng.normal(size=np.broadcast_shapes(*shapes))


def look(gradients: Gradients) -> dict[str, Finding]:
    """For dx, da and db, what is done in place of the sum, where that explains all the values.

    Parameters
    ----------
    gradients : callable
        Takes x, a, b and gy, and returns the submission's gradients. What it raises is not told
        here: then nothing is said.
    """
    try:
        calls = list(_calls(gradients))
    except Exception:  # it is told by others, with more of its circumstances
        return {}
    found = {}
    for name in ("dx", "da", "db"):
        divided = _divided(name, calls)
        if divided is not None:
            found[name] = divided
            continue
        mine = [(got[name], terms[name], want[name].shape) for got, terms, want in calls]
        right = [_same(got[name], want[name]) for got, _, want in calls]
        if all(right):
            continue
        for way in _WAYS:
            # Where nothing was stretched there may be a case of its own, which is right.
            if all(_same(got, way.values(g, shape)) or (fine and not _stretched(g, shape))
                   for fine, (got, g, shape) in zip(right, mine, strict=True)):  # fmt: skip
                at = next(i for i, fine in enumerate(right) if not fine)
                got, g, shape = mine[at]
                where = f"{name[1:]} of shape {shape}, y of shape {g.shape}"
                if got.shape != shape:
                    where += f": {name} comes out in shape {got.shape}"
                found[name] = Finding(f"{name}: {way.what.format(name[1:])}", way.hint,
                                      f"sum_to({name}, {name[1:]}.shape), a sum, of every gradient", where)  # fmt: skip
                break
    return found


def _divided(name: str, calls: list[tuple[dict[str, Array], ...]]) -> Finding | None:
    """The sum divided by a number of elements, the same one in all calls."""
    if any(got[name].dtype.kind != "f" for got, _, _ in calls):
        return None
    for whose, by in (("x", "dx"), ("a", "da"), ("b", "db"), ("y", "")):
        sizes = [(want[by] if by else terms[name]).size for _, terms, want in calls]
        if all(
            _same(got[name] * n, want[name]) for n, (got, _, want) in zip(sizes, calls, strict=True)
        ):
            return Finding(f"{name}: the sum is divided by the number of elements of {whose}", _TIMES,
                           f"the sum itself: sum_to({name}, {name[1:]}.shape)")  # fmt: skip
    return None


def _calls(gradients: Gradients) -> Iterator[tuple[dict[str, Array], ...]]:
    """Of each call what came out, the terms of the sums, and the sums."""
    for x, a, b, gy in inputs():
        wide = [np.broadcast_to(t, gy.shape) for t in (x, a, b)]
        terms = apalu_grad(wide[0], wide[1], wide[2], gy)
        got = call("backward", gradients, x, a, b, gy, quiet=True)
        want = apalu_grad(x, a, b, gy)
        yield tuple(
            dict(zip(("dx", "da", "db"), map(np.asarray, three), strict=True))
            for three in (got, terms, want)
        )


def _same(one: Array, two: Array) -> bool:
    return one.shape == two.shape and one.dtype.kind == "f" and np.allclose(one, two, 1e-9, 1e-9)
