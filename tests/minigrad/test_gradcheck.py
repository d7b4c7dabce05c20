"""The gradient check, tested with right gradients and by planting wrong ones."""

import random

import numpy as np
import pytest

from minigrad.gradcheck import GradcheckError, gradcheck

RNG = np.random.default_rng(0)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def swish(x, beta):
    return x * sigmoid(beta * x)


def swish_grad(x, beta, gy):
    s = sigmoid(beta * x)
    dx = gy * (s + beta * x * s * (1 - s))
    dbeta = (gy * x * x * s * (1 - s)).sum(axis=0)
    return dx, dbeta


def matmul_grad(a, b, gy):
    return gy @ b.T, a.T @ gy


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_grad(x, gy):
    y = softmax(x)
    return y * (gy - (gy * y).sum(axis=-1, keepdims=True))


X, BETA = RNG.normal(size=(4, 3)), RNG.uniform(0.5, 2, 3)
PAIRS = {
    "swish": (swish, [X, BETA], swish_grad),
    "matmul": (np.matmul, [X, RNG.normal(size=(3, 3))], matmul_grad),
    "softmax": (softmax, [X], softmax_grad),
    "sum to a scalar": (np.sum, [X], lambda x, gy: gy * np.ones_like(x)),
    "0-d": (np.sin, [np.array(0.3)], lambda x, gy: gy * np.cos(x)),
    "empty": (np.sin, [np.zeros((0, 3))], lambda x, gy: gy * np.cos(x)),
    "transposed input": (np.sin, [X.T], lambda x, gy: gy * np.cos(x)),
    "gather by integers": (
        lambda x, i: x[i],
        [X, np.array([0, 0, 2])],
        lambda x, i, gy: np.stack([gy[:2].sum(0), 0 * gy[0], gy[2], 0 * gy[0]]),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_right_gradients_pass(name):
    f, inputs, grad = PAIRS[name]
    result = gradcheck(f, inputs, grad)
    assert result
    assert result.checked == sum(a.size for a in inputs if a.dtype.kind == "f")
    assert str(result).startswith(f"all {result.checked} entries agree")


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    "plant",
    [
        lambda g, gy: g * 1.001,
        lambda g, gy: g * 0.999,
        lambda g, gy: -g,
        lambda g, gy: g + 1e-4,
        lambda g, gy: 0 * g,
        lambda g, gy: g / gy.size,
        lambda g, gy: np.where(np.arange(g.size).reshape(g.shape) == g.size - 1, g * 1.01, g),
        lambda g, gy: np.roll(g, 1, axis=-1),
        lambda g, gy: np.full_like(g, np.nan),
        lambda g, gy: np.where(np.arange(g.size).reshape(g.shape) == 1, np.inf, g),
    ],
    ids=["x1.001", "x0.999", "sign", "offset", "zero", "averaged", "one element", "rolled", "nan",
         "one inf"],
)  # fmt: skip
def test_planted_faults_are_caught_and_named(plant, which):
    def grad(x, beta, gy):
        right = list(swish_grad(x, beta, gy))
        right[which] = plant(right[which], gy)
        return right

    with pytest.raises(GradcheckError, match=r"d(x|beta)\[.*got .*, want .* \(± ") as caught:
        gradcheck(swish, [X, BETA], grad, names=["x", "beta"])
    named, spared = ("x", "beta")[which], ("beta", "x")[which]
    assert f"the gradient of {named} is wrong" in str(caught.value)
    assert f"the gradient of {spared}" not in str(caught.value)


def faulty_swish(kind):
    def grad(x, beta, gy):
        s = sigmoid(beta * x)
        dx, dbeta = swish_grad(x, beta, gy)
        if kind == "dropped term":
            dx = gy * s
        elif kind == "missing upstream":
            dbeta = (x * x * s * (1 - s)).sum(axis=0)
        elif kind == "wrong axis":
            square = gy * x * x * s * (1 - s)
            dbeta = square[:3].sum(axis=1)
        elif kind == "swapped":
            dx, dbeta = dbeta, dx
        elif kind == "not reduced":
            dbeta = gy * x * x * s * (1 - s)
        elif kind == "kept dimension":
            dbeta = dbeta[None]
        elif kind == "too few":
            return dx
        elif kind == "wrong dtype":
            dbeta = dbeta.astype(np.float32)
        elif kind == "writes":
            x *= 2
        return dx, dbeta

    return grad


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("dropped term", r"gradient of x is wrong in 12 places"),
        ("missing upstream", r"gradient of beta is wrong in 3 places"),
        ("wrong axis", r"gradient of beta is wrong"),
        ("swapped", r"gradient of x has shape \(3,\), its input has \(4, 3\)"),
        ("not reduced", r"gradient of beta has shape \(4, 3\), its input has \(3,\)"),
        ("kept dimension", r"gradient of beta has shape \(1, 3\)"),
        ("too few", r"1 gradients were returned for 2 floating inputs \(x, beta\)"),
        ("wrong dtype", r"gradient of beta has dtype float32, its input has float64"),
        ("writes", r"wrote to its arguments"),
    ],
)
def test_faults_of_structure(kind, message):
    with pytest.raises(GradcheckError, match=message):
        gradcheck(swish, [X, BETA], faulty_swish(kind), names=["x", "beta"])


def test_an_upstream_gradient_of_ones_would_pass_this():
    # softmax sums to 1, so with gy = 1 its gradient is 0 and "return zeros" looks right.
    assert np.allclose(softmax_grad(X, np.ones_like(X)), 0)
    with pytest.raises(GradcheckError):
        gradcheck(softmax, [X], lambda x, gy: np.zeros_like(x))


class TestKinks:
    x = np.array([-1.0, 0.0, 1.0])

    @staticmethod
    def relu(x):
        return np.maximum(x, 0)

    @pytest.mark.parametrize("at_zero", [0.0, 0.3, 1.0])
    @pytest.mark.parametrize("kinks", [None, {0: [0.0]}])
    def test_any_slope_between_the_one_sided_ones_is_accepted(self, at_zero, kinks):
        def grad(x, gy):
            return gy * np.where(x == 0, at_zero, x > 0)

        assert gradcheck(self.relu, [self.x], grad, kinks=kinks)

    @pytest.mark.parametrize("at_zero", [-0.01, 1.01, np.nan])
    @pytest.mark.parametrize("kinks", [None, {0: [0.0]}])
    def test_others_are_not(self, at_zero, kinks):
        with pytest.raises(GradcheckError, match=r"dinput0\[1\]"):
            gradcheck(
                self.relu, [self.x], lambda x, gy: gy * np.where(x == 0, at_zero, x > 0),
                kinks=kinks,
            )  # fmt: skip

    def test_where_kinks_are_declared_others_are_not_excused(self):
        with pytest.raises(GradcheckError):
            gradcheck(self.relu, [self.x], lambda x, gy: gy * np.where(x == 0, 0.3, x > 0),
                      kinks={0: [5.0]})  # fmt: skip

    def test_what_was_accepted_at_a_kink_is_said(self):
        result = gradcheck(self.relu, [self.x], lambda x, gy: gy * (x > 0))
        assert [e.index for e in result.kinks] == [(1,)]
        assert "slope between the one-sided ones was accepted at 1 place" in str(result)

    def test_near_a_declared_kink_the_wrong_side_is_caught(self):
        x = np.array([1e-9])
        assert gradcheck(self.relu, [x], lambda x, gy: gy, kinks={0: [0.0]})
        with pytest.raises(GradcheckError):
            gradcheck(self.relu, [x], lambda x, gy: 0 * gy, kinks={0: [0.0]})

    @pytest.mark.parametrize("near", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7])
    def test_near_an_undeclared_kink_the_smooth_side_decides(self, near):
        x = np.array([near])
        assert gradcheck(self.relu, [x], lambda x, gy: gy)
        with pytest.raises(GradcheckError):
            gradcheck(self.relu, [x], lambda x, gy: 0 * gy)


class TestPrecision:
    def test_float32_finds_gross_faults(self):
        x = X.astype(np.float32)
        assert gradcheck(np.tanh, [x], lambda x, gy: gy * (1 - np.tanh(x) ** 2))
        with pytest.raises(GradcheckError, match="is wrong"):
            gradcheck(np.tanh, [x], lambda x, gy: gy * (1 - np.tanh(x)))

    @pytest.mark.parametrize("noise", [1e-2, 1e-4])
    def test_what_cannot_be_judged_is_not_called_right(self, noise):
        def noisy(x):
            # Seeded by the number itself: the same value at the same place, and no pattern.
            values = [random.Random(float(t).hex()).random() for t in x.flat]
            return x + noise * np.array(values).reshape(x.shape)

        with pytest.raises(GradcheckError, match="too inaccurate to judge"):
            gradcheck(noisy, [X], lambda x, gy: gy)

    def test_a_function_for_real_numbers_only_is_judged_by_differences(self):
        def f(x):
            return np.array([float(t) ** 2 for t in x])

        assert gradcheck(f, [X[0]], lambda x, gy: 2 * x * gy)

    def test_a_complex_step_that_lies_is_not_believed(self):
        # conj is not analytic: its complex step has the wrong sign, differences do not.
        assert gradcheck(lambda x: np.conj(x) ** 2, [X], lambda x, gy: 2 * x * gy)


def test_the_same_seed_gives_the_same_answer():
    results = [gradcheck(swish, [X, BETA], swish_grad, seed=7) for _ in range(2)]
    assert results[0] == results[1]


def test_bad_arguments():
    with pytest.raises(TypeError, match="x has dtype complex128"):
        gradcheck(np.sin, [np.array(1j)], lambda x, gy: gy, names="x")
    with pytest.raises(ValueError, match="no input is floating"):
        gradcheck(np.sin, [1], lambda x, gy: gy)
    with pytest.raises(ValueError, match="1 inputs but 2 names"):
        gradcheck(np.sin, [1.0], lambda x, gy: gy, names=["x", "y"])


class TestAwkwardFunctions:
    def test_kinks_for_no_input_are_refused(self):
        with pytest.raises(ValueError, match="by input position, 0 to 0: 'x'"):
            gradcheck(np.sin, [1.0], lambda x, gy: gy * np.cos(x), kinks={"x": [0.0]})

    def test_a_complex_step_is_not_confirmed_by_differences_that_know_nothing(self):
        def f(x):
            return np.sin(1000 * x) * np.abs(x)

        def wrong(x, gy):
            return gy * 1000 * np.cos(1000 * x) * np.abs(x)

        x = np.array([0.3, 0.7, 1.1])
        with pytest.raises(GradcheckError):
            gradcheck(f, [x], wrong)
        right = gradcheck(
            f, [x], lambda x, gy: wrong(x, gy) + gy * np.sin(1000 * x), raise_exception=False
        )
        assert not right.wrong

    def test_points_near_the_end_of_the_domain(self):
        assert gradcheck(np.log, [np.array([0.02, 0.05, 0.1, 0.3])], lambda x, gy: gy / x)

    def test_fast_functions(self):
        x = np.random.default_rng(0).normal(size=50)
        assert gradcheck(lambda x: np.sin(50 * x), [x], lambda x, gy: 50 * gy * np.cos(50 * x))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_flat_pieces(self, dtype):
        x = np.array([0, 1, -1, 2.5], dtype)
        assert gradcheck(lambda x: np.maximum(x, 0), [x], lambda x, gy: gy * (x > 0))
        assert gradcheck(lambda x: 0 * x + 3, [x], lambda x, gy: 0 * gy)

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_small_gradients_are_not_below_notice(self, dtype):
        x = np.ones(3, dtype)
        small = dtype(1e-6) if dtype is np.float32 else dtype(1e-12)
        assert gradcheck(lambda x: x.sum() * small, [x], lambda x, gy: gy * small * np.ones_like(x))
        with pytest.raises(GradcheckError, match="is wrong"):
            gradcheck(lambda x: x.sum() * small, [x], lambda x, gy: np.zeros_like(x))


@pytest.mark.parametrize("inputs", [X, 1.0, "x"])
def test_one_input_instead_of_a_list(inputs):
    with pytest.raises(TypeError, match=r"inputs is a list .* for a single one write \[x\]"):
        gradcheck(np.sin, inputs, lambda x, gy: gy * np.cos(x))


@pytest.mark.parametrize(
    ("kinks", "message"),
    [
        ([0.0], r"kinks maps an input's position to numbers, {0: \[0.0\]}: not \[0.0\]"),
        ({0: 0.0}, "the kinks of input 0 are a list of numbers, not 0.0"),
        ({0: ["a"]}, "the kinks of input 0 are a list of numbers, not"),
        ({1: [0.0]}, "by input position, 0 to 0: 1"),
    ],
)
def test_kinks_of_a_wrong_kind(kinks, message):
    with pytest.raises((TypeError, ValueError), match=message):
        gradcheck(np.sin, [X], lambda x, gy: gy * np.cos(x), kinks=kinks)


def test_rounding_is_not_a_gradient():
    # Constant: its complex step is some 1e-17 by the cancellation of two terms.
    x = np.random.default_rng(3).uniform(0.2, 3, 200)
    assert gradcheck(lambda x: x / x, [x], lambda x, gy: 0 * x)


def test_what_cannot_be_checked_is_said():
    with pytest.raises(ValueError, match="input0 holds NaN"):
        gradcheck(np.sin, [np.array([1.0, np.nan])])
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="different values for the same inputs"):
        gradcheck(lambda x: x * rng.random(3), [np.ones(3)])
