"""The formulas, against the oracle, closed forms and the numbers of the design.

What is promised of the two functions is asked of the fused ones as well.
"""

import threading
import warnings
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from apalu_ref import formula, fused, oracle
from apalu_ref.formula import apalu, apalu_grad, apalu_second, d2u, du, dv, u, v
from minigrad.differences import derivative
from minigrad.gradcheck import gradcheck

PATHS = pytest.mark.parametrize("path", [formula, fused], ids=["formula", "fused"])

HUGE = np.finfo(np.float64).max


@pytest.fixture
def both(path, monkeypatch):
    """Both implementations, one after the other, under the name of the first."""
    for name in ("apalu", "apalu_grad"):
        monkeypatch.setitem(globals(), name, getattr(path, name))


def same(got, want):
    """Equal values (NaN included), shape and dtype."""
    want = np.asarray(want)
    assert isinstance(got, np.ndarray)
    assert got.dtype == want.dtype
    assert got.shape == want.shape
    np.testing.assert_array_equal(got, want)


class TestValues:
    """The numbers to test against, to 30 digits in the design."""

    def test_slope_of_u_peaks_where_it_should(self):
        peak = np.float64(1.40972813191273070965495869406)
        assert float(du(peak)) == pytest.approx(2.09983932012886691695818492432, rel=1e-15)
        assert abs(d2u(peak)) < 1e-15
        x = np.linspace(0, 40, 400_001)
        assert du(x).max() <= 2.0998393201288671
        assert du(x).min() == 1.5 == du(np.float64(0))

    def test_second_derivatives_keep_their_digits_in_the_tail(self):
        for x in (5.0, 30.0, 100.0, 300.0, 410.0):
            # The exponent's rounding error, |κx| eps, is the relative error of the result.
            assert float(d2u(np.float64(x))) == pytest.approx(float(oracle.d2u(x)), rel=1e-12)
            assert float(formula.d2v(np.float64(-x))) == pytest.approx(float(oracle.dv(-x)))

    def test_gaussian_moments(self):
        # The trapezoidal rule on each side of the kink, corrected at 0 by Euler-Maclaurin
        # through Richardson: compare two step sizes instead of trusting one.
        def moments(n):
            z, step = np.linspace(0, 12, n + 1, retstep=True)
            weight = np.full(z.size, step)
            weight[0] = weight[-1] = step / 2
            density = weight * np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
            parts = u(z) ** 2, v(-z) ** 2, u(z), -v(-z), du(z) ** 2, dv(-z) ** 2
            return np.array([(density * part).sum() for part in parts])

        coarse, fine, finest = (moments(n) for n in (4000, 8000, 16000))
        once, twice = (4 * fine - coarse) / 3, (4 * finest - fine) / 3
        np.testing.assert_allclose(
            (16 * twice - once) / 15,
            [
                1.82051243165663782050108021387,
                0.144945417492923863063461440338,
                0.739578697008541653878841192028,
                0.238421708134876628318156163154,
                1.83431062844769845006695589978,
                0.168102001223170606427149114029,
            ],
            rtol=1e-12,
        )

    def test_values_by_hand(self):
        same(apalu([0.0, -0.0, -np.log(2)], a=2.0, b=3.0), [0.0, 0.0, -1.5])
        assert float(apalu(1.0)) == pytest.approx(1 + 1 / (1 + np.exp(-1.702)), rel=1e-15)


@PATHS
@pytest.mark.usefixtures("both")
class TestConventions:
    def test_zero_belongs_to_the_positive_branch(self):
        dx, da, db = apalu_grad([0.0, -0.0], 2.0, 7.0, [1.0, 1.0])
        same(dx, [3.0, 3.0])
        assert (float(da), float(db)) == (0.0, 0.0)
        same(apalu_second([-0.0], 2.0, 7.0)[0], [2 * 1.702 / 2])

    def test_infinities(self):
        x = np.array([np.inf, -np.inf])
        same(apalu(x, 2.0, 3.0), [np.inf, -3.0])
        same(apalu_grad(x, 2.0, 3.0, 1.0)[0], [4.0, 0.0])
        same(du(np.float64(np.inf)) * np.ones(1), [2.0])

    def test_nan_gives_nan_in_everything_it_touches(self):
        x = np.array([np.nan, 1.0])
        assert np.isnan(apalu(x)).tolist() == [True, False]
        dx, da, db = apalu_grad(x, 1.0, 1.0, 1.0)
        assert np.isnan(dx).tolist() == [True, False]
        assert np.isnan([da, db]).all()
        for part in apalu_second(x, 1.0, 1.0):
            assert np.isnan(part).tolist() == [True, False]

    @pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
    def test_finite_input_never_warns_and_never_gives_nan(self, dtype):
        info = np.finfo(dtype)
        edge = np.array([info.tiny, info.smallest_subnormal, 1, 21.6, 300, info.max / 8], dtype)
        x = np.concatenate([edge, -edge, np.zeros(1, dtype)])
        with warnings.catch_warnings(), np.errstate(all="raise"):
            warnings.simplefilter("error")
            for a in (-1.0, 0.0, 1e-3, 2.0):
                y = apalu(x, a, -a)
                grads = apalu_grad(x, a, -a, 0.5)
                second = apalu_second(x, a, -a)
        assert all(np.isfinite(part).all() for part in (y, *grads, *second))

    def test_no_infinity_where_the_exact_value_is_representable(self):
        same(apalu([HUGE], a=0.25), [HUGE / 2])
        for a, gy in ((HUGE, 0.25), (0.25, HUGE)):
            dx = apalu_grad([0.25], a, 1.0, gy)[0]
            assert float(dx[0]) == pytest.approx(float(oracle.apalu_grad(0.25, a, 1, gy)[0]))
        dx, _, _ = apalu_grad([-700.0, -1.0], 1.0, [1e200, 1e-200], [1e200, 1e-100])
        exact = [oracle.apalu_grad(-700, 1, 1e200, 1e200)[0]]
        exact += [oracle.apalu_grad(-1, 1, 1e-200, 1e-100)[0]]
        np.testing.assert_allclose(dx, [float(e) for e in exact], rtol=1e-15)
        same(apalu_grad([HUGE], 1.0, 1.0, 0.25)[1], HUGE / 2)
        for x, b, gy in ((-720.0, 1e-200, 1e308), (-700.5, 1.7e308, 1e-200), (-800.0, 1e300, 1e9)):
            dx = apalu_grad([x], 1.0, b, gy)[0]
            assert float(dx[0]) == pytest.approx(float(oracle.apalu_grad(x, 1, b, gy)[0]))
        fxx = apalu_second([-800.0], 1.0, 1e300)[0]
        assert float(fxx[0]) == pytest.approx(float(oracle.dv(-800) * Decimal("1e300")))

    def test_sums_that_cancel_are_not_lost_to_overflow(self):
        _, da, _ = apalu_grad([1e308, 1e308, 1.0], 1.0, 1.0, [1.0, -1.0, 1.0])
        assert float(da) == pytest.approx(0, abs=1e293)
        _, da, _ = apalu_grad([HUGE, HUGE], 0.25, 1.0, [HUGE, -HUGE])
        assert float(da) == 0

    def test_genuine_overflow_is_infinite(self):
        with np.errstate(over="ignore"):
            assert apalu(HUGE, a=2.0) == np.inf
            assert apalu_grad(1.0, HUGE, 1.0, 2.0)[0] == np.inf

    def test_inputs_stay_as_they_are_and_results_are_fresh(self):
        x = np.array([-1.0, 0.0, 2.0])
        a, b, gy = np.array(1.5), np.array([0.5]), np.array([1.0, 2.0, 3.0])
        before = [array.copy() for array in (x, a, b, gy)]
        results = [apalu(x, a, b), *apalu_grad(x, a, b, gy), *apalu_second(x, a, b)]
        for array, copy in zip((x, a, b, gy), before, strict=True):
            np.testing.assert_array_equal(array, copy)
            assert not any(np.shares_memory(array, result) for result in results)
        assert all(result.flags.writeable for result in results)

    def test_equal_calls_give_equal_bits_in_any_thread(self):
        rng = np.random.default_rng(1)
        x, gy = rng.normal(size=(2, 300, 50)).astype(np.float32)
        a, b = rng.uniform(0, 2, (2, 50)).astype(np.float32)
        want = [part.tobytes() for part in (apalu(x, a, b), *apalu_grad(x, a, b, gy))]
        got = []

        def work():
            got.append([part.tobytes() for part in (apalu(x, a, b), *apalu_grad(x, a, b, gy))])

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [want] * 4


def test_the_formula_tells_of_genuine_overflow():
    with pytest.warns(RuntimeWarning, match="overflow"):
        formula.apalu(HUGE, a=2.0)
    with pytest.warns(RuntimeWarning, match="overflow"):
        formula.apalu_grad(1.0, HUGE, 1.0, 2.0)


@PATHS
@pytest.mark.usefixtures("both")
class TestShapes:
    @pytest.mark.parametrize(
        ("x", "a", "b"),
        [
            ((), (), ()),
            ((), (3,), (2, 1)),
            ((0,), (), (1,)),
            ((3, 0), (3, 1), (1, 1)),
            ((4, 5), (5,), (4, 1)),
            ((5, 5), (5,), (5, 1)),
            ((2, 3, 5, 7), (3, 1, 1), (1, 3, 1, 1)),
            ((5,), (3, 1), (2, 1, 1)),
        ],
    )
    def test_gradients_have_their_inputs_shape_and_are_sums_over_broadcast_axes(self, x, a, b):
        rng = np.random.default_rng(2)
        x, a, b = rng.normal(size=x), rng.uniform(0.5, 2, a), rng.uniform(0.5, 2, b)
        y = apalu(x, a, b)
        gy = rng.normal(size=y.shape)
        whole = np.broadcast_arrays(x, a, b)
        parts = apalu_grad(*whole, gy)
        for got, array, elementwise in zip(apalu_grad(x, a, b, gy), (x, a, b), parts, strict=True):
            assert got.shape == array.shape
            extra = elementwise.ndim - array.ndim
            axes = tuple(range(extra)) + tuple(
                extra + i for i, n in enumerate(array.shape) if n == 1
            )
            np.testing.assert_allclose(
                got, elementwise.sum(axis=axes).reshape(array.shape), rtol=1e-13, atol=1e-14
            )
        for part in apalu_second(x, a, b):
            assert part.shape == y.shape

    def test_upstream_gradient_broadcasts_to_the_output(self):
        same(apalu_grad([1.0, 2.0], 1.0, 1.0, 2.0)[1], 2 * apalu([1.0, 2.0]).sum())

    def test_any_layout(self):
        x = np.linspace(-3, 3, 24).reshape(4, 6)
        want = apalu(x, 1.5, 0.5)
        for view in (x[:, ::-1], x.T, x[::2, 1::2], np.broadcast_to(x[0], (3, 6))):
            same(apalu(view, 1.5, 0.5), np.array([apalu(row, 1.5, 0.5) for row in view]))
        same(apalu(np.asfortranarray(x), 1.5, 0.5), want)


@PATHS
@pytest.mark.usefixtures("both")
class TestTypes:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_python_numbers_do_not_widen(self, dtype):
        x = np.ones(2, dtype)
        assert apalu(x).dtype == apalu(x, 2, 0.5).dtype == dtype
        assert [g.dtype for g in apalu_grad(x, 2, 0.5, x)] == [dtype] * 3
        assert u(x).dtype == du(x).dtype == v(-x).dtype == dv(-x).dtype == d2u(x).dtype == dtype

    def test_numpy_scalars_and_0d_arrays_do(self):
        x = np.ones(2, np.float32)
        for two in (np.float64(2), np.array(2.0)):
            assert apalu(x, two).dtype == np.float64
            assert [g.dtype for g in apalu_grad(x, two, 1.0, x)] == [
                np.float32, np.float64, np.float64,
            ]  # fmt: skip

    def test_each_gradient_has_its_own_inputs_type(self):
        x, a, b = np.ones(3, np.float32), np.ones(3), np.ones((), np.float16)
        assert apalu(x, a, b).dtype == np.float64
        assert [g.dtype for g in apalu_grad(x, a, b, 1.0)] == [np.float32, np.float64, np.float16]

    def test_integers_become_float64(self):
        x = np.array([-1, 0, 1], np.int8)
        same(apalu(x, np.float32(2)), apalu(x.astype(np.float64), 2.0))
        assert apalu_grad(x, 1, 1, 1)[0].dtype == np.float64

    def test_sums_are_accumulated_in_float64(self):
        # float32 would stop counting at 2**24, float16 at 2**11.
        x = np.zeros(70_000, np.float16)
        x[:] = -np.inf  # v = -1, exactly
        _, _, db = apalu_grad(x, np.float32(1), np.float32(1), np.ones_like(x))
        assert db == -70_000

    @pytest.mark.parametrize("bad", [True, [True], 1j, np.array([None]), "1", np.longdouble(1)])
    def test_other_types_are_refused_by_name(self, bad):
        for call in (
            lambda: apalu(bad),
            lambda: apalu(1.0, bad),
            lambda: apalu_grad(1.0, 1.0, 1.0, bad),
            lambda: apalu_second(1.0, 1.0, bad),
        ):
            with pytest.raises(TypeError, match=r"^(x|a|b|gy) has dtype"):
                call()

    def test_shapes_that_do_not_fit_are_refused_by_name(self):
        with pytest.raises(ValueError, match=r"x \(4, 5\), a \(4,\), b \(\).*\(C, 1, 1\)"):
            apalu(np.zeros((4, 5)), np.ones(4))
        with pytest.raises(ValueError, match=r"gy has shape \(5,\), the output has \(4,\)"):
            apalu_grad(np.zeros(4), 1.0, 1.0, np.ones(5))


class TestDerivatives:
    @PATHS
    def test_gradcheck(self, path):
        rng = np.random.default_rng(3)
        x, a, b = rng.normal(size=(3, 4)), rng.uniform(-2, 2, 4), rng.uniform(-2, 2, (3, 1))
        x.flat[:4] = 0.0, -1e-9, 1e-9, -40.0
        assert gradcheck(path.apalu, [x, a, b], path.apalu_grad, names="xab", kinks={0: [0.0]})

    @pytest.mark.parametrize(
        ("f", "df", "sign"), [(u, du, 1), (du, d2u, 1), (v, dv, -1), (dv, formula.d2v, -1)]
    )
    def test_each_function_is_the_derivative_of_the_one_before(self, f, df, sign):
        x = sign * np.concatenate([[0.0, 1e-300, 1e-9, 1.4097281, 21.6, 30], np.geomspace(0.01, 9)])
        got = df(x)
        want = derivative(f, x, kinks=[0.0])
        assert (want.error < 1e-9).all()
        assert (np.abs(got - want.value) <= want.error + 1e-12).all()

    def test_second_partials_are_the_derivatives_of_the_gradients(self):
        rng = np.random.default_rng(4)
        x, a, b = rng.normal(size=(3, 50))
        gradient = [lambda t, i=i: apalu_grad(t, a, b, np.ones(50))[i] for i in range(3)]
        for f, got in zip(gradient, apalu_second(x, a, b), strict=True):
            want = derivative(f, x, kinks=[0.0])
            assert (np.abs(got - want.value) <= want.error + 1e-12).all()


class Dual(np.lib.mixins.NDArrayOperatorsMixin):
    """A value and a derivative that follow NumPy's protocol: u and v run on any such type."""

    rules = {  # noqa: RUF012 (a table)
        np.multiply: lambda x, y: (y, x),
        np.add: lambda x, y: (1, 1),
        np.divide: lambda x, y: (1 / y, -x / y**2),
        np.minimum: lambda x, y: (x < y, y < x),
        np.negative: lambda x: (-1,),
        np.exp: lambda x: (np.exp(x),),
        np.expm1: lambda x: (np.exp(x),),
    }

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    def __array_ufunc__(self, ufunc, method, *inputs):
        assert method == "__call__"
        values = [t.value if isinstance(t, Dual) else t for t in inputs]
        slopes = [t.slope if isinstance(t, Dual) else 0 for t in inputs]
        partial = self.rules[ufunc](*values)
        return Dual(ufunc(*values), sum(p * s for p, s in zip(partial, slopes, strict=True)))


@pytest.mark.parametrize(("f", "df", "sign"), [(u, du, 1), (du, d2u, 1), (v, dv, -1)])
def test_formulas_run_on_types_that_follow_the_protocols(f, df, sign):
    x = sign * np.linspace(0.0, 30, 101)
    got = f(Dual(x, np.ones_like(x)))
    np.testing.assert_array_equal(got.value, f(x))
    if f is not du:
        np.testing.assert_allclose(got.slope, df(x), rtol=1e-13)
    else:
        np.testing.assert_allclose(got.slope, df(x), atol=1e-14)


shapes = hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=4, min_side=0)
values = st.floats(-50, 50, width=16)


@PATHS
@given(shapes=shapes, data=st.data())
def test_any_broadcast_any_value(path, shapes, data):
    apalu, apalu_grad = path.apalu, path.apalu_grad
    x, a, b = (data.draw(hnp.arrays(np.float64, s, elements=values)) for s in shapes.input_shapes)
    y = apalu(x, a, b)
    gy = data.draw(hnp.arrays(np.float64, shapes.result_shape, elements=values))
    grads = apalu_grad(x, a, b, gy)
    assert y.shape == shapes.result_shape
    assert [g.shape for g in grads] == list(shapes.input_shapes)
    # f is linear in (a, b): Euler's identity ties the three results together.
    np.testing.assert_allclose(
        np.sum(grads[1] * a) + np.sum(grads[2] * b),
        np.sum(gy * y),
        rtol=1e-12,
        atol=1e-10 * (1 + np.abs(gy * y).sum()),
    )
    for i in np.ndindex(y.shape):
        xi, ai, bi = (np.broadcast_to(t, y.shape)[i] for t in (x, a, b))
        assert abs(Decimal(float(y[i])) - oracle.apalu(xi, ai, bi)) <= Decimal("1e-15") * (
            abs(Decimal(float(y[i]))) + Decimal("5e-324")
        )
