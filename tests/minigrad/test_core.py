"""The Tensor itself: what it holds, says, shares and refuses."""

import numpy as np
import pytest

from minigrad import Tensor, grad, no_grad, tensor


def leaf(*values):
    return tensor(np.array(values if len(values) > 1 else values[0], float), requires_grad=True)


class TestMaking:
    def test_tensor_copies_and_Tensor_shares(self):
        a = np.ones(3)
        shared, copied = Tensor(a), tensor(a)
        a[0] = 9
        assert shared.tolist() == [9, 1, 1]
        assert copied.tolist() == [1, 1, 1]
        assert not np.shares_memory(tensor(shared).data, a)

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_types(self, dtype):
        t = tensor([1, 2], dtype=dtype, requires_grad=True)
        assert (t.dtype, t.shape, t.ndim, t.size, len(t)) == (dtype, (2,), 1, 2, 2)
        assert tensor([1.0]).dtype == np.float64
        assert tensor([1]).dtype == np.int64

    @pytest.mark.parametrize("data", [[1j], ["a"], [None]])
    def test_only_real_numbers(self, data):
        with pytest.raises(TypeError, match=r"Tensors hold real numbers, not .*: convert them"):
            Tensor(data)

    @pytest.mark.parametrize("data", [[1, 2], [True]])
    def test_only_floats_require_grad(self, data):
        with pytest.raises(TypeError, match=r"only floating .* \.astype\(np.float64\) first"):
            Tensor(data, requires_grad=True)

    def test_repr(self):
        x = tensor([1.0, 2.0], requires_grad=True)
        assert repr(tensor([1, 2])) == "tensor([1, 2])"
        assert repr(x) == "tensor([1., 2.], requires_grad=True)"
        assert repr(x * 2) == "tensor([2., 4.], from multiply)"
        assert repr(tensor(1, np.float32)) == "tensor(1., dtype=float32)"


class TestRequiringGrad:
    def test_switching(self):
        x = tensor(1.0)
        assert x.is_leaf
        assert x.requires_grad_() is x
        assert x.requires_grad
        x.requires_grad = False
        assert not x.requires_grad
        y = leaf(1.0) * 2
        assert not y.is_leaf
        with pytest.raises(RuntimeError, match=r"only a leaf .* \.detach\(\)"):
            y.requires_grad_(False)

    def test_detach_shares_the_numbers(self):
        x = leaf(1.0, 2.0)
        d = (x * 1).detach()
        assert not d.requires_grad
        assert x.detach().data is x.data
        (g,) = grad((x * d).sum(), x)
        assert g.tolist() == [1, 2]

    def test_only_leaves_have_gradients(self):
        x = leaf(2.0)
        y = x * x
        y.backward()
        assert y.grad is None
        y.grad = None
        with pytest.raises(RuntimeError, match="only a leaf that requires grad has a gradient"):
            y.grad = tensor(1.0)

    def test_setting_a_gradient(self):
        x = leaf(1.0, 2.0)
        x.grad = tensor([5.0, 5.0])
        (x * x).sum().backward()
        assert x.grad.tolist() == [7, 9]
        for wrong in (np.ones(2), tensor(1.0)):
            with pytest.raises(TypeError, match=r"must be a Tensor of shape \(2,\), or None"):
                x.grad = wrong

    def test_types_convert_there_and_back(self):
        x = tensor([1.0, 2.0], dtype=np.float32, requires_grad=True)
        wide = x.astype(np.float64)
        (wide * wide).sum().backward()
        assert (wide.dtype, x.grad.dtype) == (np.float64, np.float32)
        assert x.grad.tolist() == [2, 4]
        assert x.astype(np.float32) is x
        assert not x.astype(np.int64).requires_grad
        assert x.astype(int).tolist() == [1, 2]

    @pytest.mark.parametrize("other", [np.float64, np.float16])
    def test_mixed_types(self, other):
        x = tensor([1.0, 2.0], dtype=np.float32, requires_grad=True)
        y = tensor([3.0, 4.0], dtype=other, requires_grad=True)
        z = x * y
        assert z.dtype == np.result_type(np.float32, other)
        gx, gy = grad(z.sum(), [x, y])
        assert (gx.dtype, gy.dtype) == (np.float32, other)

    def test_integers_are_constants(self):
        x, i = leaf(1.5, 2.5), tensor([2, 3])
        (x**i * i).sum().backward()
        assert np.allclose(x.grad.data, [2 * 2 * 1.5, 3 * 3 * 2.5**2])


class TestAsANumberAndASequence:
    def test_conversions(self):
        x = leaf(2.5)
        assert (float(x), int(x), x.item(), bool(x)) == (2.5, 2, 2.5, True)
        assert [10, 20, 30][tensor(1)] == 20
        with pytest.raises(ValueError, match="truth value"):
            bool(leaf(1.0, 2.0))

    def test_iteration_keeps_the_graph(self):
        x = leaf(1.0, 2.0, 3.0)
        a, b, c = x
        grad_of = grad(a * b * c, x)[0]
        assert grad_of.tolist() == [6, 3, 2]
        with pytest.raises(TypeError, match="len"):
            list(leaf(1.0))

    def test_tensors_are_keys(self):
        x, y = leaf(1.0), leaf(1.0)
        assert {x: 1, y: 2}[x] == 1

    def test_comparisons_are_plain_arrays(self):
        x = leaf(1.0, 2.0)
        for result in (x > 1, x >= 1, x < 2, x <= 1, x == 1, x != 1, np.array([1, 3]) == x):
            assert type(result) is np.ndarray
            assert result.dtype == np.bool_

    @pytest.mark.parametrize("start", [2, [1.0, 2.0]])
    def test_in_place_operators_make_a_new_tensor(self, start):
        x = leaf(1.0, 2.0)
        y = x + start
        y *= 2
        y -= 1
        y /= 4
        assert x.tolist() == [1, 2]
        assert grad(y.sum(), x)[0].tolist() == [0.5, 0.5]

    def test_of_a_leaf_they_change_the_numbers_and_take_no_grad(self):
        x = y = leaf(1.0, 2.0)
        with pytest.raises(RuntimeError, match="inside of no_grad"):
            y -= 1
        used = (x * x).sum()
        with no_grad():
            y -= 1
            y += tensor([1.0, 3.0])
            y *= 4
            y /= 2
        assert y is x
        assert x.tolist() == [2, 8]
        assert x.requires_grad
        with pytest.raises(RuntimeError, match="was changed after"):
            used.backward()
        x.grad = tensor([1.0, 1.0])
        x.data -= 0.5 * x.grad
        assert x.tolist() == [1.5, 7.5]

    def test_data_takes_numbers_only(self):
        x = leaf(1.0, 2.0)
        x.data = x.data - tensor([1.0, 1.0])
        assert type(x.data) is np.ndarray
        x.data = np.zeros((3, 1), np.float32)
        (x * x).sum().backward()
        assert x.grad.shape == (3, 1)
        with pytest.raises(TypeError, match="hold real numbers"):
            x.data = "abc"

    def test_a_single_number_is_formatted_as_one(self):
        assert f"{tensor(0.12345):.3f}" == "0.123"
        with pytest.raises(TypeError):
            f"{tensor([1.0, 2.0]):.3f}"

    @pytest.mark.parametrize(
        ("name", "instead"),
        [
            ("view", "reshape"),
            ("exp", r"np.exp\(x\)"),
            ("cuda", "one device"),
            ("xyz", "xyz"),
        ],
    )
    def test_names_from_elsewhere_are_told_what_to_write(self, name, instead):
        with pytest.raises(AttributeError, match=instead):
            getattr(leaf(1.0), name)
        assert not hasattr(leaf(1.0), name)


class TestAssignment:
    def test_into_a_tensor_that_requires_grad_is_refused(self):
        x = leaf(1.0, 2.0)
        for t in (x, x * 2):
            with pytest.raises(RuntimeError, match=r"build the new one with np.where or np.conc"):
                t[0] = 5

    def test_of_a_tensor_that_requires_grad_is_refused(self):
        t = tensor([1.0, 2.0])
        with pytest.raises(RuntimeError, match="nor assigned"):
            t[0] = leaf(1.0)

    def test_among_constants_is_fine(self):
        t = tensor([1.0, 2.0])
        t[tensor([1])] = tensor([7.0])
        assert t.tolist() == [1, 7]


class TestMethods:
    def test_transpose_takes_all_axes(self):
        x = tensor(np.zeros((2, 3, 4)))
        assert x.transpose(2, 0, 1).shape == (4, 2, 3)
        assert x.transpose((2, 0, 1)).shape == (4, 2, 3)
        assert x.transpose(None).shape == x.T.shape == (4, 3, 2)
        with pytest.raises(ValueError, match=r"all axes .* 3 of them: .* \.swapaxes\(i, j\)"):
            x.transpose(0, 1)

    @pytest.mark.parametrize("axis", [2, -3])
    def test_axes_that_are_not_there(self, axis):
        x = leaf([[1.0, 2.0], [3.0, 4.0]])
        for f in (
            lambda: x.sum(axis), lambda: x.prod(axis), lambda: x.max(axis), lambda: x.cumsum(axis),
            lambda: np.flip(x, axis), lambda: np.take(x, 0, axis), lambda: np.repeat(x, 2, axis),
            lambda: np.roll(x, 1, axis), lambda: np.moveaxis(x, axis, 0), lambda: x.squeeze(axis),
            lambda: x.swapaxes(0, axis), lambda: np.diagonal(x, 0, 0, axis),
            lambda: np.split(x, 2, axis), lambda: np.stack([x, x], 2 * axis),
            lambda: np.concatenate([x, x], axis), lambda: np.tensordot(x, x, ([axis], [0])),
        ):  # fmt: skip
            with pytest.raises((IndexError, ValueError)):
                f()

    def test_too_large_an_index(self):
        with pytest.raises(IndexError, match="out of bounds"):
            leaf(1.0, 2.0)[2]

    def test_shapes_that_do_not_fit(self):
        with pytest.raises(ValueError, match=r"broadcast together with shapes \(2,\) \(3,\)"):
            leaf(1.0, 2.0) + leaf(1.0, 2.0, 3.0)
        with pytest.raises(ValueError, match=r"axes \(0, 1\) of \(2, 6\) and \(0, 1\) of \(3, 4\)"):
            np.tensordot(tensor(np.ones((2, 6))), np.ones((3, 4)))
        with pytest.raises(ValueError, match=r"same shape: \[\(1,\), \(2,\)\]"):
            np.stack([leaf([1.0]), leaf(1.0, 2.0)])
        with pytest.raises(ValueError, match=r"use \*"):
            leaf(1.0) @ leaf(1.0, 2.0)
        with pytest.raises(ValueError, match=r"mismatch|differ"):
            np.vdot(leaf([1.0]), leaf(1.0, 2.0, 3.0))
