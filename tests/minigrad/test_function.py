"""What people attach to a graph: hooks, rules and Functions of their own; and their mistakes."""

import numpy as np
import pytest

import minigrad
from minigrad import Function, Tensor, engine, grad, tensor
from minigrad.engine import Op


def leaf(*values):
    return tensor(np.array(values if len(values) > 1 else values[0], float), requires_grad=True)


class TestHooks:
    def test_a_hook_sees_the_whole_gradient_once(self):
        x = leaf(1.0, 2.0)
        y = x * 2
        seen = []
        y.register_hook(lambda g: seen.append(g.tolist()))
        (y * 3 + y * 4).sum().backward()
        assert seen == [[7, 7]]
        assert x.grad.tolist() == [14, 14]

    def test_what_it_returns_takes_the_place_in_order(self):
        x = leaf(1.0)
        x.register_hook(lambda g: g + 1)
        remove = x.register_hook(lambda g: g * 10)
        (x * 3).backward()
        assert x.grad.item() == 40
        remove()
        x.grad = None
        (x * 3).backward()
        assert x.grad.item() == 4

    def test_the_same_hook_twice_is_removed_once(self):
        x = leaf(1.0)

        def double(g):
            return g * 2

        remove, _ = x.register_hook(double), x.register_hook(double)
        remove()
        remove()
        x.backward()
        assert x.grad.item() == 2

    def test_plain_arrays_are_taken_and_types_kept(self):
        x = tensor(1.0, dtype=np.float32, requires_grad=True)
        x.register_hook(lambda g: np.asarray(5.0))
        (x * 3).backward()
        assert (x.grad.item(), x.grad.dtype) == (5, np.float32)

    def test_a_wrong_shape_is_refused(self):
        x = leaf(1.0, 2.0)
        x.register_hook(lambda g: g.sum())
        with pytest.raises(ValueError, match=r"a hook returned .* shape \(\) for \(2,\)"):
            x.sum().backward()

    def test_hooks_and_gradients_share_no_memory(self):
        kept, mine = [], tensor([5.0, 5.0])
        x, y = leaf(1.0, 2.0), leaf(1.0, 2.0)
        x.register_hook(lambda g: kept.append(g))
        y.register_hook(lambda g: mine)
        (x * y).sum().backward()
        x.grad.data[:] = y.grad.data[:] = 0
        assert kept[0].tolist() == [1, 2]
        assert mine.tolist() == [5, 5]

    def test_in_higher_orders(self):
        x = leaf(2.0)
        y = x * x
        y.register_hook(lambda g: g * x)
        (g,) = grad(y, x, create_graph=True)  # 2x · x
        (h,) = grad(g, x)
        assert (g.item(), h.item()) == (8, 8)

    def test_nothing_to_hook(self):
        with pytest.raises(RuntimeError, match="does not require grad has no gradient to hook"):
            tensor(1.0).register_hook(print)


class TestWrongRules:
    """An Op of one's own with a mistake in it; the names are taken out of the table again."""

    @pytest.fixture(autouse=True)
    def _table(self, monkeypatch):
        monkeypatch.setattr(engine, "OPS", {})

    def test_a_wrong_shape_names_op_input_and_shapes(self):
        op = Op(lambda a, b: a.sum() + b, None, lambda g: np.ones(3), name="mine")
        with pytest.raises(
            ValueError, match=r"mine for input 1 returned .* \(3,\); the input has shape \(2,\)"
        ):
            op(leaf(1.0, 2.0, 3.0), leaf(1.0, 2.0)).sum().backward()

    @pytest.mark.parametrize("shape", [(3, 2), (6,), (), (2, 1)])
    def test_also_where_inputs_are_broadcast(self, shape):
        op = Op(lambda a, b: a * b, lambda g: np.zeros(shape), None, name="mine", broadcasts=True)
        with pytest.raises(ValueError, match="mine for input 0 returned"):
            op(leaf(np.ones((2, 3))), 2.0).sum().backward()

    def test_a_wrong_type_is_converted(self):
        op = Op(lambda a: a * 2, lambda g: np.asarray(g, np.float64) * 2, name="mine")
        x = tensor([1.0], dtype=np.float32, requires_grad=True)
        op(x).sum().backward()
        assert x.grad.dtype == np.float32

    def test_no_gradient_is_lost_silently(self):
        op = Op(lambda a, scale: a * scale, lambda g, scale: g * scale, name="mine")
        with pytest.raises(TypeError, match="mine has no derivative by scale"):
            op(leaf(1.0), leaf(2.0))
        assert op(leaf(1.0), tensor(2.0)).item() == 2

    def test_arguments_are_checked(self):
        op = Op(lambda a, k, axis=0: a * k + axis, lambda g, k: g * k, name="mine")
        assert op(leaf(1.0), 2.0, axis=3).item() == 5
        with pytest.raises(TypeError, match=r"mine needs k: mine\(a, k, axis\)"):
            op(leaf(1.0))
        with pytest.raises(TypeError, match="mine on Tensors does not take 'where'"):
            op(leaf(1.0), 1.0, where=True)
        with pytest.raises(TypeError, match="does not take 4 arguments"):
            op(leaf(1.0), 1.0, 0, 0)


class TestParametersChangedInPlace:
    """An optimiser step between forward and backward: the old values are gone."""

    def test_what_kept_the_parameter_is_refused(self):
        w, x = leaf(2.0, 3.0), leaf(1.0, 1.0)
        y = (w * x).sum()
        engine.changed(w)
        with pytest.raises(RuntimeError, match=r"shape \(2,\)\) was changed after multiply"):
            y.backward()

    @pytest.mark.parametrize(
        "f",
        [lambda w: w / w, lambda w: w * 2 / w, lambda w: w @ w.T, lambda w: np.exp(w.reshape(-1)),
         lambda w: w[0] * w[1], lambda w: np.einsum("ij,jk", w, w), np.swapaxes],
    )  # fmt: skip
    def test_also_through_views_and_both_inputs(self, f):
        w = leaf([[1.0, 2.0], [3.0, 4.0]])
        y = f(w, 0, 1) if f is np.swapaxes else f(w)
        engine.changed(w)
        with pytest.raises(RuntimeError, match="was changed after"):
            y.sum().backward()

    def test_what_did_not_keep_it_is_not_refused(self):
        w, x = leaf(2.0, 3.0), leaf(1.0, 1.0)
        y = (w + x * 2).sum() + np.tanh(w).sum() + w[[0, 0]].sum()
        y = y + np.concatenate([w, x]).sum()
        engine.changed(w)
        y.backward()
        assert w.grad is not None

    def test_a_graph_made_afterwards_is_fine(self):
        w = leaf(2.0)
        engine.changed(w)
        (w * w).backward()
        assert w.grad.item() == 4


class Scale(Function):
    """a · x², by hand."""

    @staticmethod
    def forward(ctx, x, a, label):
        assert type(x) is np.ndarray
        assert label == "label"
        ctx.save_for_backward(x, a)
        return a * x * x

    @staticmethod
    def backward(ctx, g):
        x, a = ctx.saved_tensors
        da = (g * x * x).sum() if ctx.needs_input_grad[1] else None
        return 2 * g * a * x, da, None


class Formula(Scale):
    @staticmethod
    def formula(x, a, label):
        return a * x * x


class TestFunction:
    def test_once(self):
        x, a = leaf(1.0, 3.0), leaf(2.0)
        Scale.apply(x, a, "label").sum().backward()
        assert x.grad.tolist() == [4, 12]
        assert a.grad.item() == 10

    def test_not_recorded_where_nothing_requires_grad(self):
        y = Scale.apply(np.ones(2), 2.0, "label")
        assert isinstance(y, Tensor)
        assert not y.requires_grad
        with minigrad.no_grad():
            assert not Scale.apply(leaf(1.0), 2.0, "label").requires_grad

    def test_needs_input_grad(self):
        x = leaf(1.0, 3.0)
        (g,) = grad(Scale.apply(x, np.array(2.0), "label").sum(), x)
        assert g.tolist() == [4, 12]

    def test_twice_needs_a_formula(self):
        x = leaf(1.0)
        with pytest.raises(RuntimeError, match=r"Scale .* needs a static method formula"):
            grad(Scale.apply(x, leaf(2.0), "label"), x, create_graph=True)

    def test_many_times_with_one(self):
        x, a = leaf(3.0), leaf(2.0)
        gx, ga = grad(Formula.apply(x, a, "label"), [x, a], create_graph=True)
        assert (gx.item(), ga.item()) == (12, 9)
        gxx, gxa = grad(gx, [x, a], create_graph=True)
        assert (gxx.item(), gxa.item()) == (4, 6)
        assert grad(gxx, a)[0].item() == 2

    @pytest.mark.parametrize("create_graph", [False, True])
    def test_one_input_computed_from_another(self, create_graph):
        x = leaf(3.0)
        (g,) = grad(Formula.apply(x, np.sin(x), "label"), x, create_graph=create_graph)
        assert np.isclose(g.item(), 6 * np.sin(3) + 9 * np.cos(3))

    def test_second_order_where_one_input_comes_from_another(self):
        x = leaf(3.0)
        (g,) = grad(Formula.apply(x, x * x, "label"), x, create_graph=True)
        assert np.isclose(grad(g, x)[0].item(), 12 * 9)  # (x⁴)″

    def test_the_same_input_twice(self):
        class Times(Function):
            formula = staticmethod(lambda a, b: a * b)

            @staticmethod
            def forward(ctx, a, b):
                ctx.save_for_backward(a, b)
                return a * b

            @staticmethod
            def backward(ctx, g):
                a, b = ctx.saved_tensors
                return g * b, g * a

        x = leaf(3.0)
        (g,) = grad(Times.apply(x, x), x, create_graph=True)
        assert (g.item(), grad(g, x)[0].item()) == (6, 2)

    def test_faults_are_named(self):
        def function(returned, formula=None):
            return type("Mine", (Function,), {
                "forward": staticmethod(lambda ctx, x, y: x.sum() + y),
                "backward": staticmethod(lambda ctx, g: returned),
                "formula": staticmethod(formula) if formula else None,
            })  # fmt: skip

        x, y = leaf(1.0, 2.0), leaf(1.0)
        with pytest.raises(ValueError, match=r"Mine.backward returned 1 gradients for 2 inputs"):
            function(np.ones(2)).apply(x, y).backward()
        with pytest.raises(ValueError, match=r"Mine for input 0 returned .* \(3,\); .* \(2,\)"):
            function((np.ones(3), None)).apply(x, y).backward()
        with pytest.raises(ValueError, match=r"Mine.formula returned shape \(2,\), forward \(\)"):
            grad(function(None, lambda x, y: x + y).apply(x, y), x, create_graph=True)
        two = type("Two", (Function,), {"forward": staticmethod(lambda ctx, x: (x, x))})
        with pytest.raises(TypeError, match=r"Two.forward returned 2 values"):
            two.apply(x)
        with pytest.raises(NotImplementedError, match="static method forward"):
            Function.apply(x)

    def test_what_forward_kept_does_not_become_a_gradient(self):
        class Keeps(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.kept = 2 * np.ones_like(x)
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return ctx.kept

        x = leaf(1.0, 2.0)
        y = Keeps.apply(x).sum()
        y.backward(retain_graph=True)
        x.grad.data[:] = 0
        y.backward()
        assert x.grad.tolist() == [2, 2]
