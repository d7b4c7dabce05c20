"""NumPy's functions on Tensors, and the ways of a Tensor in and out of arrays."""

import operator

import numpy as np
import pytest

from minigrad import Tensor, core, grad, tensor

X = np.array([[1.0, -2.0, 3.0], [0.5, 5.0, -1.0]])


def leaf(values=X):
    return tensor(values, requires_grad=True)


class TestArraysOnTheLeft:
    @pytest.mark.parametrize(
        "op", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
    )
    @pytest.mark.parametrize("left", [np.full((2, 3), 2.0), np.float64(2), np.array(2.0), 2, 2.0])
    def test_operators(self, op, left):
        x = leaf()
        y = op(left, x)
        assert isinstance(y, Tensor)
        assert np.array_equal(y.data, op(left, X))
        assert y.requires_grad

    def test_matmul(self):
        x, a = leaf(), np.arange(4.0).reshape(2, 2)
        y = a @ x
        assert isinstance(y, Tensor)
        assert np.array_equal(y.data, a @ X)

    def test_adding_into_an_array_is_refused(self):
        a = np.zeros((2, 3))
        with pytest.raises(TypeError, match=r"np.add on Tensors does not take out"):
            a += leaf()
        assert not a.any()

    @pytest.mark.parametrize("scalar", [2, 2.0, True, np.float32(2), np.float64(2)])
    def test_scalars_promote_as_in_numpy(self, scalar):
        x = np.ones(2, np.float32)
        assert (leaf(x) * scalar).dtype == (x * scalar).dtype
        assert (scalar * leaf(x)).dtype == (scalar * x).dtype


class TestFunctionsAndMethodsAgree:
    @pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "var", "std"])
    @pytest.mark.parametrize("how", [{}, {"axis": 0}, {"axis": 1, "keepdims": True}])
    def test_reductions(self, name, how):
        x = leaf()
        by_method, by_function = getattr(x, name)(**how), getattr(np, name)(x, **how)
        assert np.array_equal(by_method.data, by_function.data)
        assert np.allclose(by_method.data, getattr(X, name)(**how), rtol=1e-15)
        first, second = grad(by_method.sum(), x), grad(by_function.sum(), x)
        assert np.array_equal(first[0].data, second[0].data)

    def test_lists_of_tensors(self):
        x = leaf()
        both = np.concatenate([x, X, x[:1]])
        assert both.shape == (5, 3)
        (g,) = grad(both.sum(), x)
        assert g.tolist() == [[2, 2, 2], [1, 1, 1]]
        assert np.stack([X, x]).requires_grad
        assert isinstance(np.vstack([X, tensor(X)]), Tensor)

    def test_plain_inputs_give_tensors_without_a_past(self):
        y = np.exp(tensor(X))
        assert isinstance(y, Tensor)
        assert not y.requires_grad

    def test_keywords_and_places_are_numpys(self):
        x = leaf()
        assert np.clip(x, a_min=0, a_max=1).requires_grad
        if np.lib.NumpyVersion(np.__version__) >= "2.1.0":  # before, the keyword was newshape
            assert np.reshape(x, shape=(3, 2)).shape == (3, 2)
        assert np.clip(x, 0, None).requires_grad
        assert np.reshape(x, (3, 2)).shape == np.reshape(X, (3, 2)).shape
        assert np.sum(x, 0, None, None, True).shape == (1, 3)
        assert np.var(x, 0, None, None, 1).shape == (3,)
        assert np.max(x, 1, None, True).shape == (2, 1)
        assert np.sum(x, axis=0, dtype=None, out=None).shape == (3,)
        assert np.linalg.norm(x, None, 1, True).shape == (2, 1)
        assert np.array_equal(np.roll(x, (1, 1), (0, 1)).data, np.roll(X, (1, 1), (0, 1)))

    def test_degrees_of_freedom(self):
        x = leaf([1.0, 3.0])
        with np.errstate(all="ignore"):
            assert np.var(x, ddof=2).item() == np.std(x, ddof=3).item() == np.inf
            assert np.isnan(np.var(leaf([1.0]), ddof=1).item())


class TestWithoutADerivative:
    @pytest.mark.parametrize(
        "f",
        [np.sign, np.floor, np.isnan, np.argmax, np.argsort, np.any, np.zeros_like, np.signbit,
         lambda x: np.greater(x, 0), lambda x: np.logical_and(x > 0, x), np.nonzero,
         lambda x: np.searchsorted([0.0], x), lambda x: np.allclose(x, x), np.shape, np.ndim],
    )  # fmt: skip
    def test_plain_arrays_come_back(self, f):
        got, want = f(leaf()), f(X)
        assert type(got) is type(want)
        assert np.array_equal(got, want)

    @pytest.mark.parametrize(
        ("f", "message"),
        [
            (np.sort, r"no derivative rule for np.sort: write np.take_along_axis\(x, np.argsort"),
            (np.median, r"np.median: write np.take_along_axis"),
            (np.cumprod, r"np.cumprod: write np.exp\(np.cumsum\(np.log"),
            (np.fft.fft, r"np.fft.fft.*x.detach\(\).numpy\(\)"),
            (np.linalg.inv, r"np.linalg.inv"),
            (np.nansum, r"np.nansum"),
            (np.add.reduce, r"np.add.reduce: write np.sum, np.prod, np.max or np.min"),
            (np.multiply.accumulate, r"np.multiply.accumulate: write np.cumsum"),
            (lambda x: np.add.outer(x, x), r"np.add.outer: write np.outer"),
            (lambda x: np.copyto(x, x), r"np.copyto: write np.where"),
            (np.heaviside, None),
            (np.gradient, r"np.gradient"),
        ],
    )
    def test_no_rule_names_the_function_and_what_to_write(self, f, message):
        with pytest.raises((NotImplementedError, TypeError), match=message):
            f(leaf())

    def test_near_names_are_suggested(self):
        with pytest.raises(NotImplementedError, match=r"for np.hsplit: write np.split instead"):
            np.hsplit(leaf(), 3)
        with pytest.raises(NotImplementedError, match=r"no derivative rule for np.spacing;"):
            np.spacing(leaf())

    @pytest.mark.parametrize(
        ("f", "message"),
        [
            (lambda x: np.add(x, 1, out=np.empty((2, 3))), "np.add on Tensors does not take out"),
            (lambda x: np.exp(x, where=X > 0), "np.exp on Tensors does not take where"),
            (lambda x: np.exp(x, dtype=np.float32), "np.exp on Tensors does not take dtype"),
            (lambda x: np.sum(x, out=np.empty(())), "np.sum on Tensors does not take out"),
            (lambda x: np.sum(x, 0, np.float32), "np.sum on Tensors does not take dtype"),
            (lambda x: np.sum(x, where=X > 0), "sum on Tensors does not take 'where'"),
            (lambda x: np.max(x, initial=0), "max on Tensors does not take 'initial'"),
            (lambda x: np.concatenate([x], out=X), "np.concatenate on Tensors does not take out"),
            (lambda x: np.einsum("ij->i", x, out=np.empty(2)), "np.einsum .* does not take out"),
            (lambda x: np.pad(x, 1, mode="edge"), "not mode='edge'"),
            (lambda x: np.pad(x, 1, constant_values=x[0, 0]), "pad has no derivative by value"),
            (lambda x: np.linalg.norm(x, 2), "for matrices 'fro': not 2 over 2 axes"),
            (lambda x: np.linalg.norm(x[0], "fro"), "not 'fro' over 1 axes"),
            (lambda x: np.einsum(x, [0, 1]), "takes its subscripts as text"),
            (lambda x: np.einsum("ij,jk", x), "2 terms in 'ij,jk', 1 operands"),
            (lambda x: np.einsum("ijk", x), "term 'ijk' for an operand of 2 axes"),
            (lambda x: np.dot(x, np.ones((2, 3, 2))), "write np.matmul or np.einsum"),
        ],
    )
    def test_what_is_not_taken_is_said(self, f, message):
        with pytest.raises((TypeError, NotImplementedError, ValueError), match=message):
            f(leaf())

    def test_the_table_has_no_function_twice(self):
        assert not set(core.RULES) & core.PLAIN


class TestInAndOut:
    @pytest.mark.parametrize(
        "f",
        [np.asarray, np.array, lambda x: np.zeros(6).__setitem__(slice(6), x[0]), np.asanyarray,
         lambda x: x.numpy(), np.from_dlpack, lambda x: [*map(np.float64, [x])],
         lambda x: np.array([x, x])],
    )  # fmt: skip
    def test_a_gradient_is_not_lost_silently(self, f):
        with pytest.raises(RuntimeError, match=r"does not become an array .* \.detach\(\) first"):
            f(leaf())

    def test_constants_become_arrays(self):
        t = tensor(X)
        assert np.shares_memory(np.asarray(t), t.data)
        assert not np.shares_memory(np.array(t), t.data)
        assert np.asarray(t, np.float32).dtype == np.float32
        assert np.shares_memory(t.numpy(), t.data)
        assert np.array_equal(np.array([t, t]), [X, X])

    def test_copy_is_a_copy(self):
        x = leaf()
        y = np.copy(x)
        assert not np.shares_memory(x.data, y.data)
        assert grad(y.sum(), x)[0].tolist() == [[1, 1, 1]] * 2

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
    def test_dlpack(self, dtype):
        t = tensor(X, dtype=dtype)
        a = np.from_dlpack(t)
        assert a.dtype == dtype
        assert np.array_equal(a, t.data)
        assert np.shares_memory(a, t.data)

    def test_saving(self, tmp_path):
        np.save(tmp_path / "t.npy", leaf())
        assert np.array_equal(np.load(tmp_path / "t.npy"), X)


class TestRealFormulas:
    """What people write, as they write it, beside the derivative from a book."""

    def test_softmax_cross_entropy(self):
        x, labels = leaf(), np.array([2, 0])
        z = x - np.max(x, axis=1, keepdims=True)
        log_p = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
        (g,) = grad(-np.mean(log_p[np.arange(2), labels]), x)
        p = np.exp(X) / np.exp(X).sum(1, keepdims=True)
        p[np.arange(2), labels] -= 1
        assert np.allclose(g.data, p / 2, rtol=1e-12)

    def test_layer_normalisation(self):
        x = leaf()
        y = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True))
        v = np.arange(6.0).reshape(2, 3)
        (g,) = grad((y * v).sum(), x)
        s = X.std(1, keepdims=True)
        n = (X - X.mean(1, keepdims=True)) / s
        want = (v - v.mean(1, keepdims=True) - n * (v * n).mean(1, keepdims=True)) / s
        assert np.allclose(g.data, want, rtol=1e-12)

    def test_apalu_as_one_line(self):
        x, a, b = leaf(), tensor(1.3, requires_grad=True), tensor(0.7, requires_grad=True)
        y = np.where(x >= 0, a * x * (1 + 1 / (1 + np.exp(-1.702 * x))), b * np.expm1(x))
        ga, gb = grad(y.sum(), [a, b])
        positive = X[X >= 0]
        assert np.isclose(ga.item(), (positive * (1 + 1 / (1 + np.exp(-1.702 * positive)))).sum())
        assert np.isclose(gb.item(), np.expm1(X[X < 0]).sum())
