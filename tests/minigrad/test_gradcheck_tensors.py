"""The check of functions of Tensors: without a gradient given, the engine is what is judged."""

import numpy as np
import pytest

import minigrad
from minigrad.gradcheck import GradcheckError, gradcheck, gradgradcheck

RNG = np.random.default_rng(0)
X, BETA = RNG.normal(size=(4, 3)), RNG.uniform(0.5, 2, 3)


def test_right_rules_pass():
    result = gradcheck(lambda x, beta: x / (1 + np.exp(-beta * x)), [X, BETA])
    assert result.checked == X.size + BETA.size
    assert gradgradcheck(lambda x, beta: x / (1 + np.exp(-beta * x)), [X, BETA])


def test_floats_are_tensors_that_require_grad_and_others_are_arrays():
    seen = []

    def f(x, i):
        seen.append((getattr(x, "requires_grad", None), type(i)))
        return x[i]

    for check in (gradcheck, gradgradcheck):
        seen.clear()
        assert check(f, [X, np.array([0, 0, 2])])
        assert {i for _, i in seen} == {np.ndarray}
        assert True in {x for x, _ in seen}


def test_tensors_may_be_given():
    x = minigrad.tensor(X, requires_grad=True)
    assert gradcheck(lambda x: np.sin(x), (x,))
    assert x.grad is None
    with pytest.raises(TypeError, match=r"not Tensor: for a single one write \[x\]"):
        gradcheck(np.sin, x)


def test_a_gradient_lost_on_the_way_is_found():
    with pytest.raises(GradcheckError, match="the gradient of x is wrong in 12 places"):
        gradcheck(lambda x: x * x.detach(), [X], names="x")
    with pytest.raises(GradcheckError, match="is wrong in 12 places"):
        gradcheck(lambda x: minigrad.Tensor(np.exp(x.data)), [X])


def test_constant_functions_have_zeros():
    assert gradcheck(lambda x: np.ones(2), [X])
    assert gradgradcheck(lambda x, y: x * 2, [X, BETA])


@pytest.mark.parametrize("factor", [1.001, 0.999])
def test_the_second_order_of_a_function_that_is_right_once(factor):
    class Exp(minigrad.Function):
        forward = staticmethod(lambda ctx, x: np.exp(x))
        formula = staticmethod(lambda x: np.exp(x) * factor)

        @staticmethod
        def backward(ctx, g):
            return g * ctx.y

    def f(x):
        class Here(Exp):
            forward = staticmethod(lambda ctx, x: setattr(ctx, "y", np.exp(x)) or ctx.y)

        return Here.apply(x)

    assert gradcheck(f, [X])
    with pytest.raises(GradcheckError, match="gradient of gy is wrong in 12 places"):
        gradgradcheck(f, [X])


def test_a_wrong_second_derivative_is_named():
    def f(x):
        # Its slope is right, but a constant: it does not follow x.
        return np.sin(x.detach()) + (x - x.detach()) * np.cos(x.detach())

    with pytest.raises(GradcheckError, match=r"dx\[0, 0\]: got 0, want"):
        gradgradcheck(f, [X], names=["x"])


def test_kinks():
    x = np.array([-1.0, 0.0, 2.0])
    result = gradcheck(lambda x: np.maximum(x, 0), [x], kinks={0: [0]})
    assert [kink.got / kink.right for kink in result.kinks] == [0.5]
    assert gradgradcheck(lambda x: np.maximum(x, 0), [np.array([-1.0, 2.0])])


def test_float32():
    x = X.astype(np.float32)
    assert gradcheck(np.tanh, [x])
    assert gradgradcheck(np.tanh, [x])


def test_a_function_with_two_outputs():
    with pytest.raises(TypeError, match=r"returned 2 outputs: join them with np.concatenate"):
        gradcheck(lambda x: (x, x), [X])


def test_options_are_passed_on():
    result = gradgradcheck(lambda x: x * x.detach(), [X], raise_exception=False, seed=3)
    assert not result
    with pytest.raises(TypeError, match="unexpected keyword"):
        gradgradcheck(np.sin, [X], tolerance=1)
