"""Recording on and off, and the debug mode that names the line which made a NaN."""

import threading

import numpy as np
import pytest

import minigrad
from minigrad import Function, detect_anomaly, enable_grad, grad, is_grad_enabled, no_grad, tensor
from minigrad.modes import AnomalyError


def leaf(*values):
    return tensor(np.array(values if len(values) > 1 else values[0], float), requires_grad=True)


class TestRecording:
    def test_off_and_on_again(self):
        x = leaf(1.0)
        assert is_grad_enabled()
        with no_grad():
            assert not is_grad_enabled()
            assert not (x * 2).requires_grad
            assert x.requires_grad
            with enable_grad():
                assert (x * 2).requires_grad
            assert not np.concatenate([x[None], x[None]]).requires_grad
            assert not np.einsum("i,i", x[None], x[None]).requires_grad
        assert (x * 2).requires_grad

    def test_restored_after_an_error(self):
        with pytest.raises(ZeroDivisionError), no_grad():
            raise ZeroDivisionError
        assert is_grad_enabled()

    def test_as_decorators(self):
        @no_grad()
        def evaluate(x):
            """Docs."""
            return x * 2 if x.item() < 3 else evaluate(x - 1)

        assert not evaluate(leaf(5.0)).requires_grad
        assert is_grad_enabled()
        assert (evaluate.__name__, evaluate.__doc__) == ("evaluate", "Docs.")

        @enable_grad()
        def train(x):
            return x * 2

        with no_grad():
            assert train(leaf(1.0)).requires_grad

    def test_each_thread_has_its_own(self):
        inside, outside = threading.Event(), threading.Event()
        seen = []

        def other():
            inside.wait(5)
            seen.append(is_grad_enabled())
            outside.set()

        thread = threading.Thread(target=other)
        thread.start()
        with no_grad():
            inside.set()
            outside.wait(5)
        thread.join()
        assert seen == [True]

    def test_backward_works_inside_of_no_grad(self):
        x = leaf(3.0)
        y = x * x
        with no_grad():
            y.backward(retain_graph=True)
            (g,) = grad(y, x, create_graph=True)
        assert x.grad.item() == 6
        assert grad(g, x)[0].item() == 2

    def test_backward_itself_is_not_recorded(self):
        x = leaf(3.0)
        (x * x).backward()
        assert not x.grad.requires_grad


@pytest.mark.filterwarnings("ignore:(invalid|divide|overflow)")
class TestAnomalies:
    def test_forward_says_op_place_value_and_line(self):
        x = leaf([[1.0, 4.0], [-2.0, 9.0]])
        with detect_anomaly(), pytest.raises(AnomalyError) as caught:
            np.sqrt(x)  # this line
        assert str(caught.value).startswith("sqrt made a NaN at [1, 0] from x = -2.0\n  in ")
        assert __file__ in str(caught.value)
        assert str(caught.value).endswith(": np.sqrt(x)  # this line")

    def test_two_inputs(self):
        with detect_anomaly(), pytest.raises(AnomalyError, match=r"at \[1\] from inputs = 0.0, 0"):
            leaf(1.0, 0.0) / leaf(2.0, 0.0)

    @pytest.mark.parametrize(
        ("f", "name"),
        [(lambda x: np.einsum("i,i", x, x * -1), "einsum"), (lambda x: x.sum() - x[0], "subtract"),
         (lambda x: x @ np.array([0.0, 1.0]), "matmul"), (lambda x: x * [0.0, 1.0], "multiply")],
    )  # fmt: skip
    def test_infinities_meet(self, f, name):
        x = leaf(np.inf, 1.0) if name != "einsum" else leaf(np.inf, 0.0)
        f = f if name != "einsum" else lambda x: np.einsum("i,i", x, x[::-1])
        with detect_anomaly(), pytest.raises(AnomalyError, match=f"{name} made a NaN"):
            f(x)

    def test_functions_are_named_too(self):
        class Root(Function):
            forward = staticmethod(lambda ctx, x: np.sqrt(x))
            backward = staticmethod(lambda ctx, g: g * np.nan)

        with detect_anomaly():
            with pytest.raises(AnomalyError, match="Root made a NaN at"):
                Root.apply(leaf(1.0, -1.0))
            y = Root.apply(leaf(1.0, 2.0))
            with pytest.raises(AnomalyError, match="derivative of Root made a NaN at"):
                y.sum().backward()

    @pytest.mark.parametrize("nan", [np.array([1.0, np.nan]), np.float64(np.nan), float("nan")])
    def test_a_nan_that_comes_in_is_let_through(self, nan):
        x = leaf(1.0, 2.0)
        with detect_anomaly():
            y = np.exp(x * nan)
            z = np.concatenate([y, x]) + np.einsum("i,i->", y, y)
            z.sum().backward()
        assert np.isnan(x.grad.data).any()

    def test_backward_says_op_place_and_the_line_of_forward(self):
        x = leaf(4.0, 0.0)
        with detect_anomaly():
            y = np.sqrt(x) * [1.0, 0.0]  # the root
            with pytest.raises(AnomalyError) as caught:
                y.sum().backward()
        message = str(caught.value)
        assert message.startswith("the derivative of sqrt made a NaN at [1]; the operation was re")
        assert "y = np.sqrt(x) * [1.0, 0.0]  # the root" in message

    def test_the_trap_behind_where(self):
        x = leaf(-1.0, 1000.0)
        with detect_anomaly():
            y = np.where(x > 0, x, np.exp(x))
            with pytest.raises(AnomalyError, match=r"of exp made a NaN at \[1\]") as caught:
                y.sum().backward()
        assert "0 times an infinite slope: keep such values out before where()" in str(caught.value)

    def test_with_create_graph(self):
        x = leaf(0.0)
        with detect_anomaly():
            y = np.sqrt(x) * 0.0
            with pytest.raises(AnomalyError):
                grad(y, x, create_graph=True)

    def test_through_indexing(self):
        x = leaf(-1.0, 1000.0)
        with detect_anomaly():
            y = np.where([True, False], np.exp(x)[[0, 1]], 0)
            with pytest.raises(AnomalyError, match=r"of exp made a NaN at \[1\]"):
                y.sum().backward()

    def test_a_line_recorded_outside(self):
        y = np.sqrt(leaf(0.0)) * 0.0
        with detect_anomaly(), pytest.raises(AnomalyError, match="ran outside of detect_anomaly"):
            y.backward()

    def test_nothing_is_said_without_it_nor_of_right_numbers(self):
        x = leaf(-1.0)
        assert np.isnan(np.sqrt(x).item())
        with detect_anomaly():
            (np.exp(x) * np.log(-x)).backward()
        assert x.grad is not None

    def test_it_is_a_floating_point_error(self):
        assert issubclass(minigrad.modes.AnomalyError, FloatingPointError)
