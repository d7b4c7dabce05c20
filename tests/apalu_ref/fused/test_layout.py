"""The plan covers every element once, in blocks that are not too large."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apalu_ref.fused import layout
from apalu_ref.fused.sums import block_sum


@pytest.fixture(autouse=True)
def _no_plans_kept():
    layout.plan.cache_clear()
    yield
    layout.plan.cache_clear()


def strides(shape, own):
    """Of a contiguous array of this shape, repeated along the axes that are not its own."""
    held = [n if o else 1 for n, o in zip(shape, own, strict=True)]
    return tuple(4 * math.prod(held[i + 1 :]) if o else 0 for i, o in enumerate(own))


@st.composite
def planned(draw):
    shape = tuple(draw(st.lists(st.sampled_from([1, 2, 3, 7, 100, 999, 5000]), max_size=4)))
    assume(math.prod(shape) <= 10**8)
    own = draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    other = draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
    every = [True] * len(shape)
    plan = layout.plan(
        shape,
        (strides(shape, every), strides(shape, own), strides(shape, other)),
        (False, not all(own), not all(other)),
        4,
    )
    sizes = [
        math.prod(n for n, o in zip(shape, axes, strict=True) if o)
        for axes in (own, other)
        if not all(n == 1 or o for n, o in zip(shape, axes, strict=True))
    ]
    return shape, plan, sizes


@settings(deadline=None)
@given(planned())
def test_every_element_is_in_one_block_and_blocks_are_small(drawn):
    shape, plan, _ = drawn
    assert sorted(plan.axes) == list(range(len(shape)))
    assert math.prod(plan.table) == math.prod(shape)
    assert math.prod(plan.block) * 4 <= layout.BLOCK_BYTES
    elements = 0
    boxes_seen = set()
    numbers = []
    for number, cell, boxes in layout.pieces(plan):
        numbers.append(number)
        for box in boxes:
            assert all(
                c.start <= b.start and b.stop <= c.stop for b, c in zip(box, cell, strict=True)
            )
            boxes_seen.add(tuple((b.start, b.stop) for b in box))
            elements += math.prod(b.stop - b.start for b in box)
    assert numbers == list(range(len(numbers)))
    # As many elements as there are, in boxes that begin on a grid and differ: each element once.
    assert elements == math.prod(shape)
    assert len(boxes_seen) == math.prod(
        -(-n // m) for n, m in zip(plan.table, plan.block, strict=True)
    )


@given(planned())
def test_the_sums_of_all_pieces_stay_small(drawn):
    _, plan, sizes = drawn
    assert plan.segments == 1 or plan.segments * sum(sizes) * 8 <= layout._SUMS_BYTES
    assert plan.segments <= layout._PIECES


@given(planned())
def test_the_longest_sum_is_added_to_in_one_go(drawn):
    _, plan, _ = drawn
    pieces = [cell for _, cell, _ in layout.pieces(plan)]
    assert len(pieces) == plan.pieces
    if plan.cut:
        first = [(c[plan.cut[0]].start, c[plan.cut[0]].stop) for c in pieces]
        assert first == sorted(first)


def test_long_sums_along_different_axes_are_added_in_turn_by_one_thread():
    shape = (3000, 300_000)
    x, rows, columns = (strides(shape, own) for own in ([1, 1], [1, 0], [0, 1]))
    plan = layout.plan(shape, (x, rows, columns), (False, True, True), 4)
    assert plan.in_turn
    assert plan.cut == (1, 0)
    assert not layout.plan(shape, (x, columns, columns), (False, True, True), 4).in_turn
    assert not layout.plan(shape, (x, rows, rows), (False, True, True), 4).in_turn


def test_axes_are_joined_where_every_array_allows_it():
    shape = (8, 3, 5, 7)
    dense = strides(shape, [True] * 4)
    channel = strides(shape, [False, True, False, False])
    assert layout.plan(shape, (dense, (0, 0, 0, 0)), (False, True), 4).table == (840,)
    assert layout.plan(shape, (dense, channel), (False, True), 4).table == (8, 3, 35)
    gaps = tuple(2 * s for s in dense)
    assert layout.plan(shape, (gaps, (0, 0, 0, 0)), (False, True), 4).table == (840,)
    assert layout.plan((1, 1), ((0, 0),), (False,), 4).table == (1,)


def test_the_order_is_that_of_memory():
    assert layout.plan((3, 4, 5), ((4, 12, 48),), (False,), 4).axes == (2, 1, 0)
    assert layout.plan((3, 4, 5), ((-4, 12, -48),), (False,), 4).axes == (2, 1, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((5000, 3), (0,)),
        ((5001, 3), (0,)),
        ((4, 3), (1,)),
        ((700, 5, 4), (0, 2)),
        ((7, 2000), (0,)),
        ((7, 6, 5), (1,)),
        ((7, 6, 5), (0, 1, 2)),
        ((7, 6, 5), (0, 1)),
        ((1, 6), (0,)),
        ((50, 3000), (0, 1)),
    ],
)
def test_the_sum_of_a_block(shape, axes, dtype):
    t = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    got = block_sum(t, axes)
    assert got.dtype == np.float64
    wide = t.astype(np.float64)
    assert got.shape == wide.sum(axis=axes, keepdims=True).shape
    for index in np.ndindex(got.shape):
        part = wide[tuple(slice(None) if k in axes else i for k, i in enumerate(index))]
        assert abs(got[index] - math.fsum(part.ravel())) <= 1e-13 * np.abs(part).sum()
