"""The fused path gives what the formula gives, for every shape and layout it takes."""

import warnings

import numpy as np
import pytest

from apalu_ref import formula, fused

# The shape of x, the order of its axes in memory (slowest first), the shape of a and b.
CASES = [
    ((64,), (0,), ()),
    ((64,), (0,), (64,)),
    ((5, 7), (0, 1), ()),
    ((5, 7), (1, 0), (7,)),
    ((5, 7), (0, 1), (7,)),
    ((5, 7), (0, 1), (1, 7)),
    ((5, 7), (0, 1), (5, 1)),
    ((5, 7), (0, 1), (5, 7)),
    ((3, 5, 4, 2), (0, 1, 2, 3), (5, 1, 1)),
    ((3, 5, 4, 2), (1, 2, 3, 0), (5, 1, 1)),
    ((3, 5, 4, 2), (1, 2, 3, 0), (5, 4, 2)),
    ((3, 5, 4, 2), (0, 2, 3, 1), (5, 1, 1)),
    ((3, 4, 5), (2, 1, 0), (4, 5)),
    ((3, 1, 4, 2), (0, 1, 2, 3), (1, 4, 2)),
    ((2, 3, 70, 70), (0, 1, 2, 3), (3, 1, 1)),  # more than a block a row
    ((3, 20_011), (0, 1), (20_011,)),  # more than a block a row of parameters
    ((20_011, 3), (0, 1), (3,)),
    ((), (), ()),
    ((1, 1), (0, 1), (1,)),
]


def drawn(shape, order, dtype, seed):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal([shape[i] for i in order]) * 3
    return values.astype(dtype).transpose(np.argsort(order)) if shape else np.array(values, dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("shape", "order", "own"), CASES)
def test_values_and_gradients_are_the_formulas(shape, order, own, dtype):
    x, gy = drawn(shape, order, dtype, 0), drawn(shape, order, dtype, 1)
    a, b = np.random.default_rng(2).uniform(-2, 2, (2, *own)).astype(dtype)
    a, b = np.asarray(a), np.asarray(b)
    before = [v.copy() for v in (x, a, b, gy)]
    eps = np.finfo(dtype).eps
    y = fused.apalu(x, a, b)
    want = formula.apalu(x, a, b)
    assert y.shape == want.shape
    assert y.dtype == dtype
    np.testing.assert_allclose(y, want, rtol=8 * eps, atol=8 * eps)
    gradients = fused.apalu_grad(x, a, b, gy)
    wanted = formula.apalu_grad(x, a, b, gy)
    terms = np.abs(gy).sum() * (np.abs(x).max() * 2 + 1)
    for got, exact, of in zip(gradients, wanted, (x, a, b), strict=True):
        assert got.shape == of.shape
        assert got.dtype == dtype
        scale = 4 if of is x else terms
        np.testing.assert_allclose(got, exact, rtol=16 * eps, atol=8 * eps * scale)
    for value, earlier in zip((x, a, b, gy), before, strict=True):
        np.testing.assert_array_equal(value, earlier)


@pytest.mark.parametrize(("shape", "order", "own"), CASES)
def test_these_cases_take_the_fast_way(shape, order, own):
    x = drawn(shape, order, np.float32, 0)
    assert fused._plan(x, np.zeros(own, np.float32), np.zeros(own, np.float32)) is not None


@pytest.mark.parametrize(
    ("x", "a", "b"),
    [
        (np.ones((4, 6))[:, ::2], np.ones(3), np.ones(3)),  # not dense
        (np.ones((4, 6))[::-1], np.ones(6), np.ones(6)),
        (np.ones((2, 3, 4)), np.ones((2, 1, 4)), np.ones((2, 1, 4))),  # parameters not together
        (np.ones(3), np.ones((2, 1)), np.ones((2, 1))),  # x is broadcast
        (np.ones(3), np.ones(3), np.array(1.0)),
        (np.ones(3, np.float16), np.ones(3, np.float16), np.ones(3, np.float16)),
        (np.ones(3, np.float32), np.ones(3), np.ones(3)),
        (np.ones((0, 3)), np.ones(3), np.ones(3)),
        (np.arange(3), np.ones(3), np.ones(3)),
    ],
)
def test_everything_else_is_left_to_the_formula(x, a, b):
    gy = np.ones(np.broadcast_shapes(x.shape, a.shape), formula.apalu(x, a, b).dtype)
    np.testing.assert_array_equal(fused.apalu(x, a, b), formula.apalu(x, a, b))
    for got, want in zip(
        fused.apalu_grad(x, a, b, gy), formula.apalu_grad(x, a, b, gy), strict=True
    ):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == want.dtype


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extreme_values_neither_warn_nor_turn_into_nan(dtype):
    big = np.finfo(dtype).max / 8
    x = np.array([-np.inf, -big, -1e4, -0.0, 0.0, 1e-40, 1e4, big, np.inf, np.nan], dtype)
    a, b = np.array(0.5, dtype), np.array(2.0, dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = fused.apalu(x, a, b)
        dx, _, _ = fused.apalu_grad(x, a, b, np.ones_like(x))
    assert np.isnan(y[-1])
    assert np.isnan(dx[-1])
    np.testing.assert_array_equal(y[[0, 1, 2]], [-2, -2, -2])
    assert y[-2] == np.inf
    np.testing.assert_array_equal(dx[:5], np.array([0, 0, 0, 0.75, 0.75], dtype))
    np.testing.assert_array_equal(dx[6:9], np.ones(3, dtype))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_parameter_that_is_not_finite_stays_in_its_branch(bad):
    x, fine, wrong = np.array([-1.0, 2.0]), np.array(1.0), np.array(bad)
    for a, b in ((fine, wrong), (wrong, fine)):
        with np.errstate(invalid="ignore"):  # 0 times the parameter, in the branch not taken
            np.testing.assert_array_equal(fused.apalu(x, a, b), formula.apalu(x, a, b))
            assert np.isfinite(fused.apalu(x, a, b)).sum() == 1


def test_a_nan_stays_where_it_is():
    x = np.linspace(-2, 2, 101)
    x[37] = -np.nan
    y = fused.apalu(x, np.array(1.0), np.array(1.0))
    assert list(np.flatnonzero(np.isnan(y))) == [37]


def test_sums_are_accumulated_in_float64():
    # A million terms of 1 and one of 1e-3: in float32 the running sum loses the small ones.
    x = np.full(1_000_000, -30.0, np.float32)
    gy = np.full(x.shape, -0.1, np.float32)
    one = np.array(1, np.float32)
    _, _, db = fused.apalu_grad(x, one, one, gy)
    assert db == np.float32(np.float64(np.float32(0.1)) * 1_000_000)
