"""What a call takes beside its results: at most 8 MiB a thread, whatever the shapes."""

import numpy as np
import pytest

from apalu_ref import fused
from apalu_ref.bench import memory
from apalu_ref.fused import worker

MOST = 8 * 2**20


def drawn(shape, dtype=np.float32, seed=0):
    # What the values are does not matter here: a few, again and again, are made sooner.
    few = np.random.default_rng(seed).standard_normal(10_007).astype(dtype)
    return np.resize(few, shape)


# Shapes of x, a and b.
CASES = [
    ((3_000_000,), (), ()),
    ((6, 500_000), (500_000,), (500_000,)),
    ((300_000, 10), (10,), (10,)),
    ((750_000, 4), (750_000, 1), (750_000, 1)),
    ((3_000_000,), (3_000_000,), (3_000_000,)),
    # Long sums along different axes, or only one that is long, x among them.
    ((2, 1_500_000), (2, 1), (1, 1_500_000)),
    ((1_500_000, 2), (1_500_000, 1), (1, 2)),
    ((300, 5, 2000), (300, 1, 2000), (300, 5, 1)),
    ((100, 30_000), (100, 1), (1, 30_000)),
    ((1, 3_000_000), (2, 1), ()),
    ((3_000_000, 1), (3_000_000, 2), ()),
    ((3, 1_000_000), (1_000_000,), ()),
    ((1_000_000, 1), (1, 3), (1_000_000, 3)),
    # x itself is repeated, and shares axes with one parameter or the other.
    ((2,), (1_500_000, 1), (2,)),
    ((2, 2, 1), (2, 1, 600_000), (1, 2, 600_000)),
    ((3, 1, 444_444), (1, 3, 444_444), (3, 1, 1)),
    ((4, 166_666, 1, 2), (1, 166_666, 3, 2), (4, 1, 3, 1)),
]


# Two threads may take as much as an array of float32 holds: with it they would show nothing.
@pytest.mark.parametrize(("dtype", "threads"), [(np.float32, 1), (np.float64, 1), (np.float64, 2)])
@pytest.mark.parametrize(("shape", "a", "b"), CASES)
def test_any_shape_of_the_parameters(shape, a, b, dtype, threads):
    x, a, b = drawn(shape, dtype), drawn(a, dtype, 1), drawn(b, dtype, 2)
    gy = drawn(np.broadcast_shapes(shape, a.shape, b.shape), dtype, 3)
    most = MOST * threads
    assert memory.extra(lambda: fused.apalu(x, a, b, threads=threads)) <= most
    assert memory.extra(lambda: fused.apalu_grad(x, a, b, gy, threads=threads)) <= most


@pytest.mark.parametrize("own", [(), (10,), (300_000, 1)])
def test_layouts_and_types_that_have_to_be_converted(own):
    x = np.repeat(drawn((300_000, 10), np.float16), 2, axis=0)[::2]
    a, b, gy = drawn(own), drawn(own, np.float64)[::-1] if own else drawn(own), drawn(x.shape)
    assert memory.extra(lambda: fused.apalu(x, a, b, threads=1)) <= MOST
    assert memory.extra(lambda: fused.apalu_grad(x, a, b, gy, threads=1)) <= MOST


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("what", ["all NaN", "a huge", "a few NaN", "every other NaN"])
def test_values_that_go_another_way(what, dtype):
    x = drawn((3, 700_000), dtype)
    if what != "a huge":
        x[:, :: {"all NaN": 1, "a few NaN": 1000, "every other NaN": 2}[what]] = np.nan
    a = np.array(1e30 if what == "a huge" else 1, dtype)
    b = np.ones((3, 1), dtype)
    assert memory.extra(lambda: fused.apalu_grad(x.T, a, b.T, x.T, threads=1)) <= MOST


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_that_leave_the_range(dtype):
    # Long enough that a temporary of its size would show.
    x = np.full(3_000_000, np.finfo(dtype).max / 8, dtype)
    gy = np.tile(np.array([1e3, -1e3], dtype), x.size // 2)
    one = np.array(1, dtype)

    def call():
        gradients = fused.apalu_grad(x, one, one, gy, threads=1)
        assert gradients[1] == 0
        return gradients

    assert memory.extra(call) <= MOST


def test_long_sums_that_leave_the_range_take_nine_bytes_for_each():
    x = np.full((2, 1_000_000), np.finfo(np.float64).max / 8)
    gy = np.array([[1e3], [-1e3]])
    p = np.ones(1_000_000)

    def call():
        gradients = fused.apalu_grad(x, p, 1.0, gy, threads=1)
        assert not gradients[1].any()
        return gradients

    assert memory.extra(call) <= MOST + 9 * p.size


def test_results_between_the_elements_of_an_input():
    pairs = drawn((2_000_000, 2))
    x, out, one = pairs[:, 0], pairs[:, 1], np.array(1, np.float32)
    want = fused.apalu(x.copy(), one, one)
    assert memory.extra(lambda: fused.apalu(x, one, one, out=out, threads=1)[:0]) <= MOST
    np.testing.assert_array_equal(out, want)
    gy = np.ones(x.shape, np.float32)
    outs = out, None, None
    extra = memory.extra(lambda: fused.apalu_grad(x, one, one, gy, out=outs, threads=1)[1:])
    assert extra <= MOST


def test_what_a_small_call_keeps_is_what_it_returns():
    x = drawn((1000,), np.float64)
    _, da, db = fused.apalu_grad(x, x, x, x)
    assert da.base is None
    assert db.base is None


def test_a_thread_keeps_its_memory_for_the_next_call():
    x, one = drawn((600_000,)), np.array(1, np.float32)
    fused.apalu_grad(x, one, one, x, threads=1)
    kept = [v.ctypes.data for v in worker._own.memory]
    fused.apalu_grad(x, one, one, x, threads=1)
    assert [v.ctypes.data for v in worker._own.memory] == kept
