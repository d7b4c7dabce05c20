"""Where results are written, and what is said of an ``out`` that will not do."""

import numpy as np
import pytest

from apalu_ref import formula, fused

PATHS = pytest.mark.parametrize("path", [formula, fused], ids=["formula", "fused"])
SIZES = pytest.mark.parametrize("size", [12, 300_000])


def arrays(size, dtype=np.float64):
    rng = np.random.default_rng(0)
    x, gy = rng.standard_normal((2, size)).astype(dtype)
    return x, np.array(1.1, dtype), np.array(0.9, dtype), gy


@PATHS
@SIZES
def test_out_is_written_and_returned(path, size):
    x, a, b, gy = arrays(size)
    y, gradients = path.apalu(x, a, b), path.apalu_grad(x, a, b, gy)
    out = np.full_like(x, 7)
    assert path.apalu(x, a, b, out=out) is out
    np.testing.assert_array_equal(out, y)
    outs = np.full_like(x, 7), np.array(7.0), np.array(7.0)
    got = path.apalu_grad(x, a, b, gy, out=outs)
    for g, o, want in zip(got, outs, gradients, strict=True):
        assert g is o
        np.testing.assert_array_equal(o, want)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (1, 2, 3, 0)])
def test_out_makes_no_difference_to_the_bits(order):
    shape = np.array([8, 5, 6, 7])
    stored = np.random.default_rng(0).standard_normal((2, *shape[list(order)]))
    x, gy = (v.transpose(np.argsort(order)) for v in stored)
    a, b = np.ones((5, 1, 1)), np.ones(())
    outs = np.empty_like(x), np.empty_like(a), None
    for got, want in zip(
        fused.apalu_grad(x, a, b, gy, out=outs), fused.apalu_grad(x, a, b, gy), strict=True
    ):
        assert got.tobytes() == want.tobytes()


@PATHS
@SIZES
def test_out_may_be_of_another_type_that_can_hold_it(path, size):
    x, a, b, gy = arrays(size, np.float32)
    wide, narrow = np.empty(size), np.empty(size, np.float16)
    y = path.apalu(x, a, b)
    np.testing.assert_array_equal(path.apalu(x, a, b, out=wide), y)
    np.testing.assert_array_equal(path.apalu(x, a, b, out=narrow), y.astype(np.float16))
    dx = path.apalu_grad(x, a, b, gy)[0]
    np.testing.assert_array_equal(path.apalu_grad(x, a, b, gy, out=(wide, None, None))[0], dx)


@PATHS
@SIZES
@pytest.mark.parametrize("which", ["x", "gy", "shifted x", "reversed x", "shifted gy"])
def test_out_may_overlap_the_inputs(path, size, which):
    memory = np.random.default_rng(0).standard_normal((2, size + 1))
    x, gy = memory[:, :size]
    a, b = np.array(1.1), np.array(0.9)
    want_y, want = path.apalu(x, a, b), path.apalu_grad(x, a, b, gy)
    places = {
        "x": lambda m: m[0, :size],
        "gy": lambda m: m[1, :size],
        "shifted x": lambda m: m[0, 1:],
        "reversed x": lambda m: m[0, size - 1 :: -1],
        "shifted gy": lambda m: m[1, 1:],
    }
    place = places[which](memory.copy())
    base = place.base
    np.testing.assert_array_equal(path.apalu(base[0, :size], a, b, out=place), want_y)
    place = places[which](memory.copy())
    base = place.base
    got = path.apalu_grad(base[0, :size], a, b, base[1, :size], out=(place, None, None))
    for g, w in zip(got, want, strict=True):
        np.testing.assert_array_equal(g, w)


@SIZES
@pytest.mark.parametrize("how", ["transposed", "wider", "of another type", "longer"])
def test_out_may_begin_where_an_input_does_and_go_on_otherwise(how, size):
    side = 2 * int(size**0.5)
    memory = np.random.default_rng(0).standard_normal((side, side))
    one = np.array(1.0)
    if how == "transposed":
        x, a, out = memory, one, memory.T
    elif how == "wider":
        x, a, out = memory.reshape(-1).view(np.float32)[: side * side], one, memory.reshape(-1)
        x[...] = np.random.default_rng(1).standard_normal(x.shape)
    elif how == "of another type":
        halves = np.ones(side * side, np.float32)
        x, a, out = np.ndarray((side * side - 1,), float, halves, strides=(4,)), one, halves[:-1]
    else:
        out = memory.reshape(-1, 4)
        x, a = out[:1], np.ones((len(out), 1))
    want = formula.apalu(x.copy(), a.copy(), one)
    assert fused.apalu(x, a, one, out=out) is out
    np.testing.assert_allclose(out, want, rtol=1e-6)


@PATHS
@SIZES
def test_x_may_repeat_itself_and_be_out(path, size):
    places = np.linspace(-2, 2, size)
    x = np.lib.stride_tricks.as_strided(places, (size - 5,), (0,))
    y = path.apalu(x, 1.0, 1.0, out=x)
    np.testing.assert_array_equal(y, np.expm1(-2))
    rows = np.lib.stride_tricks.sliding_window_view(places.copy(), 3, writeable=True)
    before = rows.copy()
    got = path.apalu(rows, 1.0, 1.0, out=rows)
    # Of the values that belong to one place any may be left there, but each of the x that was.
    want = path.apalu(before, 1.0, 1.0)
    np.testing.assert_allclose(got[:, 0], want[:, 0], rtol=1e-15)


@PATHS
@SIZES
def test_results_may_lie_between_each_other(path, size):
    x, _, _, gy = arrays(size)
    rows = np.empty((size, 3))
    own = np.ones(size)
    outs = tuple(rows.T)
    want = path.apalu_grad(x, own, own, gy)
    for got, same in zip(path.apalu_grad(x, own, own, gy, out=outs), want, strict=True):
        np.testing.assert_array_equal(got, same)


@PATHS
@SIZES
def test_out_may_be_a_matrix_or_masked(path, size):
    x, a, b, gy = arrays(size)
    y, gradients = path.apalu(x, a, b), path.apalu_grad(x, a, b, gy)
    masked = np.ma.array(np.zeros(size), mask=np.arange(size) % 2 == 0, hard_mask=True)
    assert path.apalu(x, a, b, out=masked) is masked
    np.testing.assert_array_equal(masked.data, y)
    matrix = np.zeros((1, size)).view(np.matrix)
    assert path.apalu(x[None], a, b, out=matrix) is matrix
    np.testing.assert_array_equal(np.asarray(matrix)[0], y)
    got = path.apalu_grad(x, a, b, gy, out=(masked, None, None))
    assert got[0] is masked
    np.testing.assert_array_equal(masked.data, gradients[0])


@SIZES
def test_results_are_plain_arrays(size):
    x = np.ma.array(np.ones(size))
    for result in (fused.apalu(x, 1.0, 1.0), *fused.apalu_grad(x, x, 1.0, 1.0)):
        assert type(result) is np.ndarray


@PATHS
@SIZES
def test_sums_may_be_written_over_the_parameters(path, size):
    x = np.random.default_rng(0).standard_normal((size // 4, 4))
    gy = np.ones_like(x)
    a, b = np.arange(1.0, 5), np.arange(2.0, 6)
    want = path.apalu_grad(x, a, b, gy)
    got = path.apalu_grad(x, a, b, gy, out=(None, a, b))
    assert got[1] is a
    assert got[2] is b
    for g, w in zip(got, want, strict=True):
        np.testing.assert_array_equal(g, w)
    # Crosswise: da over b, db over a.
    a, b = np.arange(1.0, 5), np.arange(2.0, 6)
    for g, w in zip(path.apalu_grad(x, a, b, gy, out=(None, b, a)), want, strict=True):
        np.testing.assert_array_equal(g, w)


@PATHS
class TestWrong:
    def test_shape(self, path):
        with pytest.raises(ValueError, match=r"out has shape \(3,\), the result has \(2,\)"):
            path.apalu(np.ones(2), out=np.empty(3))
        with pytest.raises(ValueError, match=r"out for da has shape \(2,\), the result has \(\)"):
            path.apalu_grad(np.ones(2), 1.0, 1.0, 1.0, out=(None, np.empty(2), None))

    def test_type(self, path):
        with pytest.raises(TypeError, match="out has dtype int64: it cannot hold a result of flo"):
            path.apalu(np.ones(2), out=np.empty(2, np.int64))
        with pytest.raises(TypeError, match="out must be an array, not list"):
            path.apalu(np.ones(2), out=[0, 0])

    def test_read_only(self, path):
        out = np.empty(2)
        out.flags.writeable = False
        with pytest.raises(ValueError, match="out is read-only"):
            path.apalu(np.ones(2), out=out)

    @pytest.mark.parametrize("wrong", [np.empty(2), (None, None), 3])
    def test_not_three(self, path, wrong):
        with pytest.raises(TypeError, match=r"must be \(dx, da, db\), each an array to write to"):
            path.apalu_grad(np.ones(2), 1.0, 1.0, 1.0, out=wrong)

    def test_the_same_twice(self, path):
        twice = np.empty(())
        with pytest.raises(ValueError, match="two arrays of out share memory"):
            path.apalu_grad(np.ones(2), 1.0, 1.0, 1.0, out=(None, twice, twice))

    def test_nothing_is_written(self, path):
        out = np.full(2, 7.0)
        with pytest.raises(ValueError, match="out for da"):
            path.apalu_grad(np.ones(2), 1.0, 1.0, 1.0, out=(out, np.empty(2), None))
        np.testing.assert_array_equal(out, 7)


@pytest.mark.parametrize("path", [fused.apalu, formula.apalu])
def test_arguments_are_checked_as_in_the_formula(path):
    with pytest.raises(TypeError, match="x has dtype bool"):
        path(np.ones(3, bool))
    with pytest.raises(TypeError, match="a has dtype complex128"):
        path(np.ones(3), np.ones(3, complex))
    with pytest.raises(ValueError, match="shapes do not broadcast"):
        path(np.ones(3), np.ones(2))


def test_types_follow_numpys_promotion():
    for x, a, want in [
        (np.ones(3, np.float32), 2.0, np.float32),
        (np.ones(3, np.float32), np.float64(2), np.float64),
        (np.ones(3, np.float16), np.float32(2), np.float32),
        (np.arange(3), 2.0, np.float64),
        (np.arange(3, dtype=np.int8), np.float32(1), np.float64),
        ([1, 2, 3], 1, np.float64),
    ]:
        assert fused.apalu(x, a).dtype == formula.apalu(x, a).dtype == want
        got, same = fused.apalu_grad(x, a, 1.0, 1.0), formula.apalu_grad(x, a, 1.0, 1.0)
        assert [g.dtype for g in got] == [g.dtype for g in same]
        for g, s in zip(got, same, strict=True):
            np.testing.assert_allclose(g, s, rtol=1e-2 if g.dtype == np.float16 else 1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_python_numbers_are_taken_as_arrays_of_xs_type(dtype):
    x = np.linspace(-2, 2, 30, dtype=dtype)
    a, b, gy = (np.array(v, dtype) for v in (2, 0.1, 0.3))
    np.testing.assert_array_equal(fused.apalu(x, 2, 0.1), fused.apalu(x, a, b))
    for got, want in zip(
        fused.apalu_grad(x, 2, 0.1, 0.3), fused.apalu_grad(x, a, b, gy), strict=True
    ):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, want)


def test_other_byte_orders_are_read():
    x = np.linspace(-2, 2, 9)
    swapped = x.astype(x.dtype.newbyteorder())
    y = fused.apalu(swapped, 1.0, 1.0)
    assert y.dtype.isnative
    np.testing.assert_array_equal(y, fused.apalu(x, np.array(1.0), np.array(1.0)))
    dx, _, _ = fused.apalu_grad(swapped, 1.0, 1.0, swapped)
    assert dx.dtype.isnative


@pytest.mark.parametrize(
    ("shape", "order", "steps"),
    [((40, 50, 60), (2, 0, 1), (1, 1, 1)), ((300, 500), (1, 0), (2, 1)), ((4, 5), (1, 0), (1, 1))],
)
def test_results_lie_in_memory_as_x_does(shape, order, steps):
    x = np.zeros([shape[i] for i in order], np.float32).transpose(np.argsort(order))
    x = x[tuple(slice(None, None, s) for s in steps)]
    one = np.array(1, np.float32)
    like = np.empty_like(x).strides
    assert fused.apalu(x, one, one).strides == like
    assert fused.apalu_grad(x, one, one, x)[0].strides == like


def test_where_it_is_too_hard_to_tell_memory_counts_as_shared(monkeypatch):
    x = np.linspace(-2, 2, 600_000)
    want = fused.apalu(x[::2].copy(), 1.0, 1.0)

    def hard(first, second, max_work):
        raise np.exceptions.TooHardError

    monkeypatch.setattr(np, "shares_memory", hard)
    # Shared indeed: half of the elements of x are written before they are read, if in place.
    np.testing.assert_array_equal(fused.apalu(x[::2], 1.0, 1.0, out=x[300_000:]), want)
