"""Recording and backward: graphs of all shapes, what gradients do, and what is refused."""

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minigrad import Function, Tensor, grad, tensor
from minigrad.differences import complex_step, derivative


def leaf(*values):
    return tensor(np.array(values if len(values) > 1 else values[0], float), requires_grad=True)


class TestGraphs:
    def test_a_chain_of_fifty_thousand(self):
        x = leaf(1.5)
        y = x
        for _ in range(50_000):
            y = y + 1e-5
        y.backward()
        assert x.grad.item() == 1
        del y

    def test_a_chain_that_is_recorded_twice(self):
        x = leaf(1.0)
        y = x
        for _ in range(3000):
            y = y * 1.0001
        (g,) = grad(y * y, x, create_graph=True)
        (h,) = grad(g, x)
        assert np.isclose(h.item(), 2 * 1.0001**6000, rtol=1e-10)

    def test_a_wide_graph(self):
        x = leaf(2.0, 3.0)
        y = sum((x * i for i in range(10_000)), 0.0)
        y.sum().backward()
        assert x.grad.tolist() == [sum(range(10_000))] * 2

    def test_diamonds(self):
        """2¹⁰⁰ paths, each node visited once."""
        x = leaf(1.0)
        y = x
        for _ in range(100):
            y = y * 0.5 + y * 0.5
        y.backward()
        assert x.grad.item() == 1

    def test_one_tensor_used_many_times(self):
        x = leaf(2.0)
        y = x
        for _ in range(10):
            y = y * x
        y.backward()
        assert x.grad.item() == 11 * 2**10

    @pytest.mark.parametrize(
        ("f", "slope"),
        [(lambda x: x * x, 6), (lambda x: x / x, 0), (lambda x: x - x, 0), (lambda x: x + x, 2),
         (lambda x: np.hypot(x, x), 2**0.5), (lambda x: x**x, 27 * (1 + np.log(3))),
         (lambda x: np.stack([x, x, x]).sum(), 3), (lambda x: np.maximum(x, x), 1)],
    )  # fmt: skip
    def test_the_same_tensor_twice_in_one_op(self, f, slope):
        (g,) = grad(f(x := leaf(3.0)), x)
        assert np.isclose(g.item(), slope, rtol=1e-15, atol=1e-15)

    def test_indexing_adds_to_what_other_uses_left(self):
        x = leaf(2.0)
        (x[()] + np.sin(x) + x * 3 + x[None][0]).backward()
        assert np.isclose(x.grad.item(), 5 + np.cos(2))
        v = leaf(1.0, 2.0, 3.0)
        (v[0] * 2 + v[1:].sum() + (v * v).sum() + v[[0, 0]].sum()).backward()
        assert v.grad.tolist() == [6, 5, 7]

    def test_branches_that_do_not_reach_the_output_are_left_alone(self):
        x, y = leaf(1.0), leaf(2.0)
        side = np.exp(y) * x
        (x * 2).backward()
        assert x.grad.item() == 2
        assert y.grad is None
        side.backward()
        assert np.isclose(y.grad.item(), np.exp(2))


class TestBackward:
    def test_a_second_backward_adds(self):
        x = leaf(1.0, 2.0)
        for times in (1, 2, 3):
            (x * x).sum().backward()
            assert x.grad.tolist() == [2 * times, 4 * times]
        x.grad = None
        (x * x).sum().backward()
        assert x.grad.tolist() == [2, 4]

    def test_adding_leaves_an_earlier_gradient_alone(self):
        x = leaf(1.0, 2.0)
        (x * x).sum().backward()
        first = x.grad
        (x * x).sum().backward()
        assert first.tolist() == [2, 4]

    def test_a_leaf_has_itself_as_gradient(self):
        x = leaf(3.0)
        x.backward()
        assert x.grad.item() == 1
        assert grad(x, x)[0].item() == 1

    def test_the_seed(self):
        x = leaf(1.0, 2.0)
        (x * 3).backward([1.0, 10.0])
        assert x.grad.tolist() == [3, 30]
        (g,) = grad(x * 3, x, tensor([2, 1]))
        assert g.tolist() == [6, 3]
        with pytest.raises(ValueError, match=r"gradient has shape \(3,\), the output \(2,\)"):
            (x * 3).backward(np.ones(3))

    def test_the_seed_is_not_kept_as_a_gradient(self):
        x, seed = leaf(1.0, 2.0), np.array([1.0, 1.0])
        (x + 1).backward(seed)
        (g,) = grad(x + 1, x, seed)
        seed[:] = 9
        assert x.grad.tolist() == g.tolist() == [1, 1]

    def test_more_than_one_number_needs_a_seed(self):
        with pytest.raises(RuntimeError, match=r"shape \(2,\), not a single number: reduce it"):
            leaf(1.0, 2.0).backward()
        x = leaf([[3.0]])
        x.backward()
        assert x.grad.tolist() == [[1]]

    def test_what_requires_no_grad_has_no_backward(self):
        with pytest.raises(RuntimeError, match="does not depend on anything that requires grad"):
            tensor(1.0).backward()
        with pytest.raises(TypeError, match="a Tensor was expected, not float"):
            grad(1.0, leaf(1.0))

    def test_a_freed_graph_is_refused(self):
        x = leaf(2.0)
        y = np.exp(x)
        y.backward()
        with pytest.raises(RuntimeError, match=r"through exp has been freed .* retain_graph=True"):
            y.backward()

    def test_a_retained_graph_is_not(self):
        x = leaf(2.0)
        y = x * x
        y.backward(retain_graph=True)
        assert grad(y, x, retain_graph=True)[0].item() == 4
        y.backward()
        assert x.grad.item() == 8
        with pytest.raises(RuntimeError, match="freed"):
            grad(y, x)

    def test_a_freed_part_of_a_graph_is_refused(self):
        x = leaf(2.0)
        y = x * x
        z, w = np.exp(y), np.sin(y)
        z.backward()
        with pytest.raises(RuntimeError, match="through multiply has been freed"):
            w.backward()

    def test_backward_with_create_graph(self):
        x = leaf(2.0)
        (x**3).backward(create_graph=True)
        g = x.grad
        x.grad = None
        g.backward()
        assert (g.item(), x.grad.item()) == (12, 12)
        x.grad = None


class TestGrad:
    def test_orders(self):
        x = leaf(0.7)
        y = np.exp(2 * x) * np.sin(x)
        for n in range(1, 6):
            (y,) = grad(y, x, create_graph=True)
            want = (np.exp((2 + 1j) * 0.7) * (2 + 1j) ** n).imag
            assert np.isclose(y.item(), want, rtol=1e-13)

    def test_zeros_for_what_is_not_used(self):
        x, y = leaf(1.0, 2.0), tensor(np.ones((2, 3), np.float32), requires_grad=True)
        gx, gy = grad(x.sum(), [x, y])
        assert (gy.shape, gy.dtype, gy.data.any()) == ((2, 3), np.float32, False)
        assert gx.tolist() == [1, 1]
        gx, gy = grad((x * x).sum(), [x, y], create_graph=True)
        assert not gy.data.any()
        assert gx.requires_grad

    def test_nothing_is_stored(self):
        x, y = leaf(1.0), leaf(2.0)
        grad(x * y, x)
        assert x.grad is None
        assert y.grad is None

    def test_by_intermediate_results(self):
        x = leaf(0.5)
        y = np.sin(x)
        z = y * y * x
        gz, gy, gx = grad(z, [z, y, x])
        s, c = np.sin(0.5), np.cos(0.5)
        assert gz.item() == 1
        assert np.isclose(gy.item(), 2 * s * 0.5)
        assert np.isclose(gx.item(), s * s + 2 * s * c * 0.5)

    def test_the_same_input_twice(self):
        x = leaf(1.0, 2.0)
        a, b = grad((x * x).sum(), [x, x])
        a.data[:] = 0
        assert b.tolist() == [2, 4]

    def test_an_input_must_require_grad(self):
        x = leaf(1.0)
        with pytest.raises(RuntimeError, match="input 1 does not require grad"):
            grad(x * 2, [x, tensor(1.0)])

    def test_hessian_vector_products_by_grad_outputs(self):
        x, v = leaf(1.0, 2.0), leaf(3.0, 5.0)
        (g,) = grad((x**3).sum(), x, create_graph=True)
        (hv,) = grad(g, x, v, create_graph=True)
        assert hv.tolist() == [18, 60]
        (back,) = grad(hv.sum(), v)
        assert back.tolist() == [6, 12]

    def test_only_what_leads_to_the_inputs_is_computed(self):
        calls = []

        class Watched(Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                calls.append(1)
                return g * 2

        x, y = leaf(1.0), leaf(1.0)
        grad(Watched.apply(x) * y, y)
        assert not calls


# -- random expressions

UNARY = [np.sin, np.exp, np.tanh, np.arctan, lambda x: x * x, lambda x: 1 / (2 + x * x)]
BINARY = [np.add, np.subtract, np.multiply, lambda x, y: x / (1 + y * y), np.hypot]
steps = st.lists(
    st.tuples(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=8
)


def expression(recipe, binary):
    def f(x):
        made = [x, 0.3 * x + 0.5]
        for op, i, j in recipe:
            a, b = made[i % len(made)], made[j % len(made)]
            functions = [*UNARY, *binary]
            function = functions[op % len(functions)]
            made.append(function(a) if function in UNARY else function(a, b))
        return np.tanh(made[-1]) + np.tanh(0.1 * made[len(made) // 2])

    return f


@settings(max_examples=100, deadline=None, derandomize=True)
@given(steps, st.floats(-1, 1))
def test_random_expressions_against_the_complex_step(recipe, at):
    f = expression(recipe, BINARY[:4])
    (g,) = grad(f(x := leaf(at)), x)
    want = float(complex_step(f, at))
    assert np.isclose(g.item(), want, rtol=1e-9, atol=1e-12)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(steps, st.floats(0.1, 1))
def test_random_expressions_in_second_order_against_differences(recipe, at):
    f = expression(recipe, BINARY)

    def slope(t):
        x = Tensor(t, requires_grad=True)
        return grad(f(x), x)[0].data

    with np.errstate(all="ignore"):
        x = leaf(at)
        (g,) = grad(f(x), x, create_graph=True)
        (h,) = grad(g, x)
        want = derivative(slope, at)
    assert abs(h.item() - want.value) <= 10 * want.error + 1e-6 * (1 + abs(want.value))


def test_graphs_may_be_made_in_many_threads():
    results = []

    def work(value):
        x = leaf(value)
        y = x
        for _ in range(200):
            y = np.sin(y) + y * 0.1
        results.append((value, grad(y, x)[0].item()))

    threads = [threading.Thread(target=work, args=(v,)) for v in (0.1, 0.2, 0.3, 0.4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = dict(results)
    results.clear()
    for value in (0.1, 0.2, 0.3, 0.4):
        work(value)
    assert dict(results) == together


def test_gradients_that_are_recorded_have_memory_of_their_own():
    x, y = leaf(1.0, 1.0), leaf(1.0, 1.0)
    (x + y).sum().backward(create_graph=True)
    assert not np.shares_memory(x.grad.data, y.grad.data)
    x.grad.data[...] = 5
    assert y.grad.tolist() == [1, 1]
