"""What is done in place of a sum is told as what it is, and nothing else is told."""

import re

import numpy as np
import pytest

from apalu_ref import formula
from apalu_ref.exercises.checks import sums


def terms(x, a, b, gy):
    """The three gradients, element by element, before any sum."""
    x, a, b = (np.broadcast_to(t, gy.shape) for t in (x, a, b))
    negative = x < 0
    above, below = np.maximum(x, 0), np.minimum(x, 0)
    return (
        gy * np.where(negative, b * np.exp(below), a * formula.du(above)),
        gy * np.where(negative, 0, above * (1 + 1 / (1 + np.exp(-1.702 * above)))),
        gy * np.where(negative, np.expm1(below), 0),
    )


def right(g, shape):
    """Axis by axis, from the front."""
    while g.ndim > len(shape):
        g = np.add.reduce(g, axis=0)
    for i, n in enumerate(shape):
        if n != g.shape[i]:
            g = g.sum(axis=i, keepdims=True)
    return np.array(g)


def by_loops(g, shape):
    """The definition."""
    total = np.zeros(shape)
    for index in np.ndindex(g.shape):
        own = index[g.ndim - len(shape) :]
        total[tuple(0 if n == 1 else i for i, n in zip(own, shape, strict=True))] += g[index]
    return total


def of_the_whole(sum_up):
    return lambda *inputs: [
        sum_up(g, t.shape) for g, t in zip(terms(*inputs), inputs[:3], strict=True)
    ]


def only_in_front(g, shape):
    return g.sum(axis=tuple(range(g.ndim - len(shape))))


def only_of_length_1(g, shape):
    for i, n in enumerate(shape):
        if n == 1:
            g = g.sum(axis=g.ndim - len(shape) + i, keepdims=True)
    return g


def first(g, shape):
    return right(g, shape) if g.shape == shape else by_index(g, shape, 0)


def by_index(g, shape, k):
    while g.ndim > len(shape):
        g = g[k]
    for i, n in enumerate(shape):
        if n != g.shape[i]:
            g = np.take(g, [k], axis=i)
    return np.array(g)


def largest(g, shape):
    while g.ndim > len(shape):
        g = g.max(axis=0)
    for i, n in enumerate(shape):
        if n != g.shape[i]:
            g = g.max(axis=i, keepdims=True)
    return np.array(g)


def in_parts(front, ones):
    """One thing for the axes in front, another for those of length 1."""

    def reduce(g, shape):
        while g.ndim > len(shape):
            g = front(g, axis=0)
        for i, n in enumerate(shape):
            if n != g.shape[i]:
                g = ones(g, axis=i, keepdims=True)
        return np.array(g)

    return reduce


def unless_equal(other):
    return lambda g, shape: g if g.shape == shape else other(g, shape)


INSTEAD = [
    (lambda g, s: right(g, s) * (right(g, s).size / g.size), "the mean is taken over the axes al"),
    (in_parts(np.mean, np.mean), "over the axes along which x was stretched, not the sum"),
    (in_parts(np.mean, np.sum), "the mean is taken over the axes that were added in front of x"),
    (in_parts(np.sum, np.mean), "the mean is taken over the axes in which x has length 1"),
    (lambda g, s: g, "nothing is summed"),
    (only_in_front, "too few axes are summed over: those that were added in front of x, but not"),
    (only_of_length_1, "too few axes are summed over: those in which x has length 1, but not"),
    (lambda g, s: g.sum(), "too many axes are summed over: all of them, also those that x has"),
    (unless_equal(lambda g, s: g.sum()), "too many axes are summed over: all of them"),
    (unless_equal(lambda g, s: np.full(s, g.sum())), "the sum is repeated"),
    (lambda g, s: g.sum(axis=0), "over the first axis, and no other"),
    (unless_equal(lambda g, s: g.sum(axis=0)), "over the first axis, and no other"),
    (lambda g, s: g.sum(axis=-1), "over the last axis, and no other"),
    (lambda g, s: g.sum(axis=tuple(range(g.ndim - 1))), "over all axes but the last"),
    (first, "the first is taken, not their sum"),
    (largest, "the largest is taken, not their sum"),
]  # fmt: skip


@pytest.mark.parametrize(("instead", "said"), INSTEAD)
def test_what_is_done_in_place_of_the_sum_is_told(instead, said):
    found = sums.look(of_the_whole(instead))
    assert list(found) == ["dx", "da", "db"]
    assert said in found["dx"].what
    for name, finding in found.items():
        assert finding.what.startswith(f"{name}: ")
        assert finding.hint
        assert re.sub(r"\bx\b", name[1], said) in finding.what


@pytest.mark.parametrize("name", ["dx", "da", "db"])
def test_it_is_told_of_the_gradient_that_has_it_and_of_no_other(name):
    def gradients(*inputs):
        three = dict(
            zip(("dx", "da", "db"), zip(terms(*inputs), inputs, strict=False), strict=True)
        )
        return [
            right(g, t.shape) / (g.size / t.size if own == name else 1)
            for own, (g, t) in three.items()
        ]

    assert list(sums.look(gradients)) == [name]


@pytest.mark.parametrize("sum_up", [right, by_loops])
def test_of_what_is_right_nothing_is_told(sum_up):
    assert sums.look(of_the_whole(sum_up)) == {}
    assert sums.look(lambda *inputs: formula.apalu_grad(*inputs)) == {}


def test_of_what_is_wrong_otherwise_nothing_is_told():
    def without_gy(x, a, b, gy):
        return of_the_whole(in_parts(np.mean, np.mean))(x, a, b, np.ones_like(gy))

    def raises(*inputs):
        raise ValueError

    def two(*inputs):
        return of_the_whole(right)(*inputs)[:2]

    def sometimes(g, shape):
        return g.sum() if len(shape) == 4 else right(g, shape)

    for gradients in (without_gy, raises, two, of_the_whole(sometimes),
                      lambda *inputs: [None] * 3, lambda *inputs: [0.0] * 3):  # fmt: skip
        assert sums.look(gradients) == {}
