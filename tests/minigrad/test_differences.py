"""Finite differences and the complex step, on functions whose derivatives are known."""

import numpy as np
import pytest

from minigrad.differences import complex_step, derivative

RNG_POINTS = np.concatenate(
    [np.random.default_rng(0).normal(size=400) * 3, np.random.default_rng(1).normal(size=50) * 1e-6]
)

# name: function, derivative, analytic (the complex step may be used)
KNOWN = {
    "exp": (np.exp, np.exp, True),
    "expm1": (np.expm1, np.exp, True),
    "exp - 1, which cancels": (lambda x: np.exp(x) - 1, np.exp, True),
    "sin": (np.sin, np.cos, True),
    "fast sine": (lambda x: np.sin(20 * x), lambda x: 20 * np.cos(20 * x), True),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2, True),
    "cubic": (lambda x: x**3 - x, lambda x: 3 * x**2 - 1, True),
    "runge": (lambda x: 1 / (1 + 25 * x**2), lambda x: -50 * x / (1 + 25 * x**2) ** 2, True),
    "root": (lambda x: np.sqrt(x + 30), lambda x: 0.5 / np.sqrt(x + 30), True),
    "constant": (lambda x: 0 * x + 7.1, lambda x: 0 * x, True),
    "line": (lambda x: 3 * x, lambda x: 0 * x + 3, True),
    "softplus": (lambda x: np.logaddexp(0, x), lambda x: 1 / (1 + np.exp(-x)), False),
}


@pytest.mark.parametrize("name", KNOWN)
class TestKnownDerivatives:
    @pytest.mark.parametrize("side", [0, 1, -1])
    def test_lie_within_the_error_bar_and_the_bar_is_small(self, name, side):
        f, df, _ = KNOWN[name]
        got = derivative(f, RNG_POINTS, side=side)
        off = np.abs(got.value - df(RNG_POINTS))
        assert (off <= got.error).all()
        scale = np.abs(df(RNG_POINTS)) + np.abs(f(RNG_POINTS))
        # One-sided differences gain one order a column, central ones two.
        assert np.median(got.error / scale) < (1e-10 if side == 0 else 1e-5)

    def test_complex_step_is_exact_to_rounding(self, name):
        f, df, analytic = KNOWN[name]
        if not analytic:
            with pytest.raises(TypeError, match="complex"):
                complex_step(f, RNG_POINTS)
            return
        np.testing.assert_allclose(complex_step(f, RNG_POINTS), df(RNG_POINTS), rtol=1e-12)


# Not the fast sine: rounding 20 x in float32 moves it by more than rounding its value does.
@pytest.mark.parametrize("name", [name for name in KNOWN if name != "fast sine"])
def test_in_float32_the_bars_are_wider_and_still_true(name):
    f, df, _ = KNOWN[name]
    x = RNG_POINTS.astype(np.float32)
    got = derivative(f, x)
    assert (np.abs(got.value - df(x.astype(np.float64))) <= got.error).all()


class TestWhere:
    def test_far_out(self):
        for x in (-700.0, 1e-300, 600.0):
            got = derivative(np.exp, x)
            assert abs(got.value - np.exp(x)) <= got.error <= 1e-6 * np.exp(x)

    def test_huge_arguments_move_by_a_step_that_survives_rounding(self):
        got = derivative(lambda x: 2 * x, 1e300)
        assert got.value == pytest.approx(2)
        assert got.error < 1e-9

    def test_not_finite_nearby_means_nothing_is_known(self):
        got = derivative(lambda x: np.where(x > 1, np.nan, x), [1.0, 3.0])
        assert np.isinf(got.error).all()

    def test_a_scalar_moves_a_curve(self):
        got = derivative(lambda t: np.array([t, t**2, t**3]), 2.0)
        np.testing.assert_allclose(got.value, [1, 4, 12], rtol=1e-12)

    def test_shapes(self):
        for shape in ((), (0,), (2, 3)):
            got = derivative(np.sin, np.ones(shape))
            assert got.value.shape == got.error.shape == shape

    def test_integers_are_taken_as_floats(self):
        assert derivative(np.exp, 0).value == pytest.approx(1)


def test_an_inaccurate_function_gets_a_wide_bar():
    def low(x):
        return np.tanh(x.astype(np.float32)).astype(np.float64)

    got = derivative(low, RNG_POINTS)
    off = np.abs(got.value - 1 / np.cosh(RNG_POINTS) ** 2)
    # Not always: where f is a staircase, differences may agree on its flat steps.
    assert (off <= got.error).mean() > 0.9
    assert np.median(got.error) > 1e-6


class TestKinks:
    def test_one_sided_derivatives_of_relu(self):
        def relu(x):
            return np.maximum(x, 0)

        assert derivative(relu, 0.0, side=1).value == 1
        assert derivative(relu, 0.0, side=-1).value == 0
        assert derivative(relu, 0.0).value == 0.5  # central differences see the mean

    def test_declared_kinks_are_not_reached_across(self):
        x = np.array([-1e-3, -1e-12, 0.0, 1e-12, 1e-3])
        got = derivative(np.abs, x, kinks=[0.0])
        np.testing.assert_allclose(got.value, [-1, -1, 1, 1, 1], rtol=1e-12)
        assert (got.error < 1e-9).all()

    def test_undeclared_kinks_nearby_widen_the_error_bar(self):
        x = np.array([-3e-3, -1e-2, 2e-3, 1e-3, -6e-4])
        got = derivative(np.abs, x)
        assert (np.abs(got.value - np.sign(x)) <= got.error).all()


class TestComplexStep:
    def test_needs_no_difference_to_be_small(self):
        assert complex_step(np.expm1, -1e-18) == pytest.approx(1, rel=1e-15)

    @pytest.mark.parametrize(
        ("f", "why"),
        [
            (np.abs, "imaginary part"),
            (lambda x: np.asarray(x, dtype=float), "complex"),
            (lambda x: np.floor(x), "does not take complex"),
            (lambda x: x * (1 + (x.imag != 0)), "real part"),
        ],
    )
    def test_is_refused_where_the_function_is_not_analytic(self, f, why):
        with pytest.raises(TypeError, match=why):
            complex_step(f, np.array([1.0, 2.0]))
