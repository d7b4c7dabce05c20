"""Ties, zeros, edges and branches not taken: what the gradient is where there is none."""

import numpy as np
import pytest

from minigrad import Tensor, grad, ops, tensor

INF, NAN = np.inf, np.nan


def derivatives(f, *inputs):
    """The first derivatives of the sum of f, and the second ones summed over each row."""
    xs = [Tensor(np.asarray(x, float), requires_grad=True) for x in inputs]
    ones = np.ones(f(*xs).shape)
    plain = grad(f(*xs), xs, ones)
    first = grad(f(*xs), xs, ones, create_graph=True)
    for p, g in zip(plain, first, strict=True):
        assert np.array_equal(p.data, g.data, equal_nan=True)
    total = sum(g.sum() for g in first)
    second = grad(total, xs) if total.requires_grad else [np.zeros(x.shape) for x in xs]
    return [g.tolist() for g in first], [g.tolist() for g in second]


# function, inputs, first derivatives, second derivatives
CASES = {
    "abs at 0": (np.abs, [[-2, 0, 3]], [[-1, 0, 1]], [[0, 0, 0]]),
    "maximum at a tie": (np.maximum, [[1, 2, 3], [3, 2, 1]], [[0, 0.5, 1], [1, 0.5, 0]], [[0] * 3] * 2),  # noqa: E501
    "minimum at a tie": (np.minimum, [[1, 2, 3], [3, 2, 1]], [[1, 0.5, 0], [0, 0.5, 1]], [[0] * 3] * 2),  # noqa: E501
    "relu at 0": (lambda x: np.maximum(x, 0), [[-1, 0, 1]], [[0, 0.5, 1]], [[0] * 3]),
    "max of ties": (np.max, [[2, 1, 2, 2, 0]], [[1 / 3, 0, 1 / 3, 1 / 3, 0]], [[0] * 5]),
    "min of ties": (lambda x: np.min(x, 0), [[[2, 1], [2, 3]]], [[[0.5, 1], [0.5, 0]]], [[[0] * 2] * 2]),  # noqa: E501
    "max of equals": (lambda x: x.max(axis=1, keepdims=True), [[[7, 7]]], [[[0.5, 0.5]]], [[[0, 0]]]),  # noqa: E501
    "max with inf": (np.max, [[-INF, INF, 0]], [[0, 1, 0]], [[0, 0, 0]]),
    "max of -inf": (np.max, [[-INF, -INF]], [[0.5, 0.5]], [[0, 0]]),
    "max with NaN": (np.max, [[1, NAN, 3]], [[0, 1, 0]], [[0, 0, 0]]),
    "clip at its ends": (lambda x: np.clip(x, -1, 2), [[-2, -1, 0, 2, 3]], [[0, 1, 1, 1, 0]], [[0] * 5]),  # noqa: E501
    "clip by itself": (np.clip, [[1, 5, 0], [1, 1, 1], [2, 2, 2]], [[1, 0, 0], [0, 0, 1], [0, 1, 0]], [[0] * 3] * 3),  # noqa: E501
    "clip, bounds crossed": (np.clip, [[0, 2.5, 9], [3, 3, 3], [2, 2, 2]], [[0] * 3, [0] * 3, [1] * 3], [[0] * 3] * 3),  # noqa: E501
    "x ** 0 at 0": (lambda x: x**0, [[-1, 0, 2]], [[0, 0, 0]], [[0, 0, 0]]),
    "x ** [0, 0.0] at 0": (lambda x: x ** np.array([0.0, 0]), [[0, 3]], [[0, 0]], [[0, 0]]),
    "x ** 1 at 0": (lambda x: np.power(x, 1.0), [[0]], [[1]], [[0]]),
    "x ** [1] at 0": (lambda x: x ** np.array([1.0]), [[0]], [[1]], [[0]]),
    "x ** 2 at 0": (lambda x: x**2, [[0, -3]], [[0, -6]], [[2, 2]]),
    "x ** [2] at 0": (lambda x: x ** np.array([2.0]), [[0]], [[0]], [[2]]),
    "np.power(x, 2) at 0": (lambda x: np.power(x, 2), [[0]], [[0]], [[2]]),
    "x ** 3 at 0": (lambda x: x**3, [[0, -1]], [[0, 3]], [[0, -6]]),
    "0 ** p": (lambda p: 0.0**p, [[0.5, 2, 0]], [[0, 0, 0]], [[0, 0, 0]]),
    "1 ** p": (lambda p: 1.0**p, [[-2, 0, 2]], [[0, 0, 0]], [[0, 0, 0]]),
    "norm at 0": (np.linalg.norm, [[0, 0]], [[0, 0]], [[0, 0]]),
    "norm of rows, one 0": (
        lambda x: np.linalg.norm(x, axis=1), [[[0, 0], [3, 4]]],
        [[[0, 0], [0.6, 0.8]]], [[[0, 0], [(1 - 1.4 * 0.6) / 5, (1 - 1.4 * 0.8) / 5]]],
    ),
    "hypot at 0": (np.hypot, [[0, 3], [0, 4]], [[0, 0.6], [0, 0.8]], [[0, (1 - 1.4 * 0.6) / 5], [0, (1 - 1.4 * 0.8) / 5]]),  # noqa: E501
    "std of constants": (np.std, [[2, 2, 2]], [[0, 0, 0]], [[0, 0, 0]]),
    "std of constants, ddof": (lambda x: np.std(x, ddof=1), [[2, 2]], [[0, 0]], [[0, 0]]),
    "prod with a zero": (np.prod, [[2, 0, 5]], [[0, 10, 0]], [[5, 7, 2]]),
    "prod with two zeros": (np.prod, [[2, 0, 0]], [[0, 0, 0]], [[0, 2, 2]]),
    "prod with three": (np.prod, [[0, 0, 0, 4]], [[0] * 4], [[0] * 4]),
    "where, not taken": (lambda x: np.where(x > 0, x * 3, 0), [[-1, 2]], [[0, 3]], [[0, 0]]),
    "logaddexp of infinities": (
        np.logaddexp, [[-INF, INF, -INF, INF, 0], [-INF, INF, 0, 0, INF]],
        [[0.5, 0.5, 0, 1, 0], [0.5, 0.5, 1, 0, 1]], [[0] * 5] * 2,
    ),
    "logaddexp at a tie": (lambda x: np.logaddexp(x, 1.0), [[1]], [[0.5]], [[0.25]]),
    "logaddexp far apart": (np.logaddexp, [[1e4], [-1e4]], [[1], [0]], [[0], [0]]),
    "sigmoid's tails": (ops.sigmoid, [[-INF, -800, 800, INF]], [[0] * 4], [[0] * 4]),
    "tanh's tails": (np.tanh, [[-INF, -800, 800, INF]], [[0] * 4], [[0] * 4]),
    "sign and floor": (lambda x: x * np.sign(x) + np.floor(x), [[-1.5, 2.5]], [[-1, 1]], [[0, 0]]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_finite_subgradients(case):
    f, inputs, first, second = CASES[case]
    got = derivatives(f, *inputs)
    for g, w in zip(got[0], first, strict=True):
        assert np.allclose(g, w, rtol=1e-14, atol=0)
    for g, w in zip(got[1], second, strict=True):
        assert np.allclose(g, w, rtol=1e-14, atol=1e-16)


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(
    ("f", "x", "slope"),
    [(np.sqrt, 0, INF), (np.cbrt, 0, INF), (np.log, 0, INF), (np.arcsin, 1, INF),
     (np.arccos, -1, -INF), (np.log1p, -1, INF), (lambda x: x**0.5, 0, INF),
     (lambda x: x**-1, 0, -INF), (lambda x: x**0.25, 0, INF)],
)  # fmt: skip
def test_infinite_slopes_are_infinite(f, x, slope):
    x = tensor(float(x), requires_grad=True)
    assert grad(f(x), x)[0].item() == slope


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_zero_to_a_negative_power():
    p = tensor(-1.0, requires_grad=True)
    assert grad(0.0**p, p)[0].item() == -INF


def test_the_branch_not_taken_gets_exact_zeros():
    x = tensor([-1.0, 0.0, 4.0], requires_grad=True)
    taken = np.where(x > 0, np.sqrt(np.where(x > 0, x, 1)), np.expm1(np.where(x > 0, 0, x)))
    (g,) = grad(taken.sum(), x)
    assert g.tolist() == [np.exp(-1), 1, 0.25]


@pytest.mark.filterwarnings("ignore:(invalid|divide|overflow)")
def test_what_overflows_behind_where_is_nan():
    """0 times infinity, as in every framework; detect_anomaly names the line."""
    x = tensor([1000.0, -1.0], requires_grad=True)
    (g,) = grad(np.where(x > 0, x, np.exp(x)).sum(), x)
    assert np.isnan(g.data[0])
    assert g.data[1] == np.exp(-1)


def test_sigmoid_is_accurate_in_both_tails():
    x = tensor([-700.0, -40.0, 40.0, 700.0], requires_grad=True)
    y = ops.sigmoid(x)
    (g,) = grad(y.sum(), x)
    small = [np.exp(-700.0), np.exp(-40.0)]
    assert np.allclose(y.data, [*small, 1, 1], rtol=1e-15, atol=0)
    assert np.allclose(g.data, [*small, *small[::-1]], rtol=1e-15, atol=0)


def test_max_pool_gives_a_tie_to_the_first():
    x = tensor(np.zeros((1, 1, 2, 2)), requires_grad=True)
    (g,) = grad(ops.max_pool2d(x, (2, 2), (2, 2), (0, 0)).sum(), x)
    assert g.tolist() == [[[[1, 0], [0, 0]]]]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_ties_keep_the_type(dtype):
    for f in (np.max, np.linalg.norm, np.std, np.prod):
        x = tensor([0.0, 0.0], dtype=dtype, requires_grad=True)
        (g,) = grad(f(x), x)
        assert g.dtype == dtype
        assert np.isfinite(g.data).all()
