"""The fused path on arrays of many blocks, at the ends of the range, and against the oracle."""

import math
import warnings

import numpy as np
import pytest

from apalu_ref import formula, fused, oracle
from apalu_ref.fused import kernel, layout, whole

MANY = 3 * layout.BLOCK_BYTES // 4 + 777  # float32 elements of more than three blocks


@pytest.fixture(params=[True, False], ids=["by expm1", "by tanh"])
def either_way(request, monkeypatch):
    """e^m - 1 as it is computed with AVX-512, and as it is elsewhere."""
    monkeypatch.setattr(kernel, "_VECTOR_EXPM1", request.param)


def drawn(shape, dtype, seed, scale=3):
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(dtype)


def ulps(got, exact):
    """Distance in units in the last place of the exact value."""
    unit = np.spacing(np.maximum(np.abs(exact), np.finfo(got.dtype).tiny).astype(got.dtype))
    return np.max(np.abs(got.astype(np.float64) - exact) / unit.astype(np.float64))


# Shapes of x and of a and b: all pieces of the plan occur, rows long and short, cells many and one.
CASES = [
    ((MANY,), ()),
    ((5, MANY // 5), (5, 1)),
    ((MANY // 64, 64), (64,)),
    ((MANY // 3, 3), (3,)),
    ((7, 30, MANY // 210), (30, 1)),
    ((40, 64, 12, 14), (64, 1, 1)),
    ((40, 64, 12, 14), (64, 12, 14)),
    ((3, MANY // 3), (MANY // 3,)),
    ((MANY // 4, 4), (MANY // 4, 1)),
    ((MANY,), (MANY,)),
]


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "own"), CASES)
def test_many_blocks_give_the_formulas_values(shape, own, dtype):
    x, gy = drawn(shape, dtype, 0), drawn(shape, dtype, 1, 1)
    a, b = drawn(own, dtype, 2, 1), drawn(own, dtype, 3, 1)
    wide = [v.astype(np.float64) for v in (x, a, b, gy)]
    # In float64 the formula itself is up to 2 off.
    limit = 4 if dtype == np.float32 else 6
    assert ulps(fused.apalu(x, a, b), formula.apalu(*wide[:3])) <= limit
    gradients = fused.apalu_grad(x, a, b, gy)
    wanted = formula.apalu_grad(*wide)
    for got, want, of in zip(gradients, wanted, (x, a, b), strict=True):
        assert got.dtype == dtype
        if of.size == x.size:
            assert ulps(got, want) <= limit
    if own != shape:
        full = [np.broadcast_to(v, shape) for v in wide]
        for got, terms, of in zip(
            gradients[1:], formula.apalu_grad(*full)[1:], (a, b), strict=True
        ):
            missing = x.ndim - of.ndim
            axes = tuple(
                i for i, n in enumerate(shape) if i < missing or of.shape[i - missing] != n
            )
            exact = terms.sum(axis=axes).reshape(of.shape)
            size = np.abs(terms).sum(axis=axes).reshape(of.shape)
            # Each term is up to 4 units off, most errors cancel; the sum is rounded once.
            eps = np.finfo(dtype).eps
            assert (np.abs(got - exact) <= 2 * eps * size + eps * np.abs(exact)).all()


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("low", "high"), [(-1e-3, 1e-3), (-2, 2), (-40, 40), (-700, 700)])
def test_at_most_4_ulp_from_the_oracle(dtype, low, high):
    x = np.random.default_rng(0).uniform(low, high, 400).astype(dtype)
    one = np.array(1, dtype)
    if dtype == np.float32:
        x = x[np.abs(x) < 85]  # beyond, e^x is no normal number
    y, dx = fused.apalu(x, one, one), fused.apalu_grad(x, one, one, np.ones_like(x))[0]
    exact = [(oracle.u(v), oracle.du(v)) if v >= 0 else (oracle.v(v), oracle.dv(v)) for v in x]
    exact_y, exact_dx = np.array(exact, np.float64).T
    assert ulps(y, exact_y) <= 4
    assert ulps(dx, exact_dx) <= 4


def test_what_is_done_as_a_whole():
    def fits(shape, *own, dtype=np.float32):
        arrays = [np.ones(s, dtype) for s in (shape, *own)]
        return whole.fitting(*arrays) is not None

    assert fits((1, 8, 24, 24), (8, 1, 1))
    assert fits((100, 1000), (1000,))
    assert fits((1000, 4), (4,))
    assert not fits((20_000, 4), (4,))  # rows too short for so many
    assert not fits((20_000, 4), (20_000, 1))
    assert not fits((1, 8, 24, 24), (8, 24, 1))
    assert not fits((300_000,), ())  # too large
    assert not fits((3,), (2, 3))  # x is broadcast
    assert not fits((3,), (2,))
    assert not fits((0,), ())
    assert not fits((), ())
    assert not fits((3,), (), dtype=np.float16)
    assert whole.fitting(np.ones((200, 100)).T, np.array(1.0)) is None  # another layout
    assert whole.fitting(np.ones((20, 10)).T, np.array(1.0)) is not None


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("size", [1, 10, 200_000])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extreme_values_neither_warn_nor_turn_into_nan(dtype, size):
    big = np.finfo(dtype).max / 8
    values = [-np.inf, -big, -1e4, -0.0, 0.0, 1e-40, 1e4, big, np.inf, np.nan, -np.nan]
    x = np.repeat(np.array(values, dtype), size)
    a, b = np.array(0.5, dtype), np.array(2.0, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = fused.apalu(x, a, b)[::size]
        dx, da, db = fused.apalu_grad(x, a, b, np.ones_like(x))
        dx = dx[::size]
    assert np.isnan(y[9:]).all()
    assert np.isnan(dx[9:]).all()
    assert np.isnan([da, db]).all()
    np.testing.assert_array_equal(y[:3], [-2, -2, -2])
    assert y[8] == np.inf
    np.testing.assert_array_equal(dx[:5], np.array([0, 0, 0, 0.75, 0.75], dtype))
    np.testing.assert_array_equal(dx[6:9], np.ones(3, dtype))


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("size", [10, 200_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", ["a", "b"])
def test_a_parameter_that_is_not_finite_stays_in_its_branch(bad, which, size):
    x = np.tile([-1.0, 2.0, 0.0, -0.0], size)
    a, b = (np.array(bad), np.array(1.0)) if which == "a" else (np.array(1.0), np.array(bad))
    y = fused.apalu(x, a, b)
    dx = fused.apalu_grad(x, a, b, np.ones_like(x))[0]
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(y, formula.apalu(x, a, b))
        np.testing.assert_allclose(dx, formula.apalu_grad(x, a, b, 1.0)[0], rtol=1e-15)
    assert np.isfinite(y[0 if which == "a" else 1])


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize("size", [10, 200_000])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_upstream_gradient_that_is_not_finite_stays_in_its_branch(bad, size):
    x, one = np.tile([-1.0, 2.0], size), np.array(1.0)
    for at, finite in ((0, [True, False]), (1, [False, True])):
        gy = np.ones_like(x)
        gy[at] = bad
        _, da, db = fused.apalu_grad(x, one, one, gy)
        assert [bool(np.isfinite(s)) for s in (da, db)] == finite
        want = formula.apalu_grad(x, one, one, gy)
        np.testing.assert_allclose((da, db), want[1:], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [10, 200_000])
def test_products_of_large_and_small_factors_do_not_overflow_on_the_way(dtype, size):
    large = np.array(np.finfo(dtype).max * 0.9, dtype)
    tiny = np.array(1 / np.finfo(dtype).max, dtype)
    x = np.tile(np.array([5, -1], dtype), size)
    exact = formula.apalu_grad(np.float64([5, -1]), 1.0, 1.0, 1e-3)[0] * float(large)
    dx, _, _ = fused.apalu_grad(x, large, large, np.full_like(x, 1e-3))
    np.testing.assert_allclose(dx[:2], exact, rtol=1e-6)
    x = np.tile(np.array([large, -1], dtype), size)
    _, da, _ = fused.apalu_grad(x, tiny, tiny, np.full_like(x, 1e-8))
    np.testing.assert_allclose(da, 2e-8 * float(large) * size, rtol=1e-6)


def test_which_way_is_decided_by_what_numpy_has_found(monkeypatch):
    for found, system, fast in [
        ({"found": ["AVX2", "AVX512_SKX"]}, "linux", True),
        ({"baseline": ["X86_V4"], "found": []}, "linux", True),
        ({"found": ["X86_V4"]}, "win32", False),
        ({"found": ["X86_V3"]}, "linux", False),
        ({"baseline": ["NEON"]}, "linux", False),
        ({}, "linux", False),
    ]:
        monkeypatch.setattr(np, "show_config", lambda mode, found=found: {"SIMD Extensions": found})
        monkeypatch.setattr(kernel.sys, "platform", system)
        assert kernel._has_vector_expm1() is fast


@pytest.mark.parametrize("size", [20, 400_000])
def test_a_sum_may_leave_the_range_on_its_way(size):
    # Half the terms are 8e307, half their opposite: many partial sums are out of range.
    x, one = np.full(size, 40.0), np.array(1.0)
    gy = np.repeat([1e306, -1e306], size // 2)
    gy[-1] = 0
    _, da, _ = fused.apalu_grad(x, one, one, gy)
    np.testing.assert_allclose(da, 8e307, rtol=1e-9)
    _, da, _ = fused.apalu_grad(np.full(size, 1e308), one, one, gy)  # each term is out of range
    assert da == np.inf
    across = x.reshape(-1, 2)
    _, da, _ = fused.apalu_grad(across, np.ones(2), np.ones(2), gy.reshape(-1, 2))
    np.testing.assert_allclose(da, [0, 8e307], rtol=1e-9, atol=1e300)


@pytest.mark.parametrize("copies", [1, 200_000])
def test_terms_may_leave_the_range_of_float32_on_their_way(copies):
    x = np.full(3 * copies, 10, np.float32)
    gy = np.zeros_like(x)
    gy[:3] = 2e37, -2e37, 1e36
    one = np.array(1, np.float32)
    _, da, _ = fused.apalu_grad(x, one, one, gy)
    np.testing.assert_allclose(da, formula.apalu_grad(x, one, one, gy)[1], rtol=1e-6)
    large = np.array([3e38, 3e38], np.float32)
    assert fused.apalu_grad(large, one, one, np.array([1, -1], np.float32))[1] == 0
    x, gy = np.float32([1]), np.array([1e308, -1e308])
    assert fused.apalu_grad(x, np.array([10.0, 10.0]), 1.0, gy)[0] == 0


def test_sums_are_accumulated_in_float64():
    x = np.full(1_000_000, -30.0, np.float32)
    gy = np.full(x.shape, -0.1, np.float32)
    one = np.array(1, np.float32)
    _, _, db = fused.apalu_grad(x, one, one, gy)
    assert db == np.float32(np.float64(np.float32(0.1)) * 1_000_000)
    _, _, db = fused.apalu_grad(
        x.reshape(-1, 4), np.ones(4, np.float32), np.ones(4, np.float32), gy.reshape(-1, 4)
    )
    np.testing.assert_array_equal(db, np.float32(np.float64(np.float32(0.1)) * 250_000))


def test_a_gradient_with_respect_to_x_at_most_4_ulp_off():
    # NumPy's exp in float32 is 2.2 off here, and both products round away from the exact value.
    x, b, gy = np.float32([[-5.8898945], [11.537406], [250.2298]])
    one = np.ones(1, np.float32)
    exact = np.array([float(b[0]) * float(gy[0]) * math.exp(float(x[0]))])
    assert ulps(fused.apalu_grad(x, one, b, gy)[0], exact) <= 2.5


def test_products_are_formed_in_the_type_of_the_upstream_gradient():
    x, a = np.full(300_000, 3.0, np.float32), np.array(1e-10, np.float32)
    dx, _, _ = fused.apalu_grad(x, a, a, np.full(x.shape, 1e40))
    np.testing.assert_allclose(dx, 1e30 * formula.du(3.0), rtol=1e-6)


@pytest.mark.parametrize("size", [3, 300_000])
@pytest.mark.parametrize("number", [1e40, -1e40, 1e-50])
def test_python_numbers_may_be_beyond_the_range_of_xs_type(number, size):
    x = np.tile(np.float32([1e-10, -1e-10, 2e-10]), size)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = fused.apalu(x, number, number)
        dx, da, db = fused.apalu_grad(x, number, number, 1e-20)
    np.testing.assert_allclose(y[:3], formula.apalu(x[:3], number, number), rtol=1e-6)
    wanted = formula.apalu_grad(x, number, number, 1e-20)
    for got, want in zip((dx, da, db), wanted, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sign", [1, -1])
def test_huge_parameters_of_either_sign(sign, dtype):
    a = np.ones(300_000, dtype)
    a[5] = sign * np.finfo(dtype).max * 0.9
    x, gy = np.full_like(a, 3), np.full_like(a, 1e-3)
    dx, _, _ = fused.apalu_grad(x, a, a, gy)
    np.testing.assert_allclose(dx, formula.apalu_grad(x, a, a, gy)[0], rtol=1e-6)


def test_a_sum_beyond_float16_is_not_sought_again(monkeypatch):
    x, one = np.full(300_000, 3, np.float16), np.array(1, np.float16)
    never = fused.KERNEL._replace(careful=None)
    want = fused.apalu_grad(x, one, one, x)
    assert want[1] == np.inf
    monkeypatch.setattr(fused, "KERNEL", never)
    for got, same in zip(fused.apalu_grad(x, one, one, x), want, strict=True):
        np.testing.assert_array_equal(got, same)


def test_only_lost_sums_are_replaced_and_small_ones_keep_their_digits():
    x = np.full((4, 200_000), 1.0)
    x[0] = 1e300
    gy = np.full_like(x, 1e-300)
    gy[0] = np.tile([1e300, -1e300], 100_000)
    gy[3] = 1e-310
    _, da, _ = fused.apalu_grad(x, np.ones((4, 1)), 1.0, gy)
    exact = 200_000 * 1.8457957659328212
    np.testing.assert_allclose(da[:, 0], [0, exact * 1e-300, exact * 1e-300, exact * 1e-310], 1e-10)


@pytest.mark.parametrize("size", [3, 300_000])
def test_python_numbers_below_the_range_are_not_lost(size):
    x = np.full(size, 1e30, np.float32)
    np.testing.assert_allclose(fused.apalu(x, 1e-50), 2e-20, rtol=1e-6)


def test_a_lost_sum_is_not_sought_from_what_has_been_written_over():
    x = np.tile(np.float32([1e38, 1e38]), 200_000)
    gy = np.tile(np.float32([1e3, -1e3]), 200_000)
    one = np.array(1, np.float32)
    assert fused.apalu_grad(x.copy(), one, one, gy)[1] == 0
    _, da, _ = fused.apalu_grad(x, one, one, gy, out=(x, None, None))
    assert not np.isfinite(da)
