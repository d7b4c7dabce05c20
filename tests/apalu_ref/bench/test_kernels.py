"""The other activations' kernels against minigrad's functions, in values and gradients."""

import numpy as np
import pytest

import minigrad
from apalu_ref.bench import apply
from apalu_ref.bench.kernels import KERNELS, PARAMETERS
from apalu_ref.fused import blocks
from minigrad.nn import functional as F

FUNCTIONS = {
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "gelu_erf": F.gelu,
}


def special(dtype):
    info = np.finfo(dtype)
    points = [0.0, 1e-6, 0.1, 1.0, 3.0, 20.0, 40.0, 88.0, 100.0, 1000.0, 1e10, info.tiny, info.eps]
    return np.array([sign * p for p in points for sign in (1, -1)], dtype)


def inputs(dtype, shape=None, seed=0):
    rng = np.random.default_rng(seed)
    if shape is not None:
        return rng.standard_normal(shape).astype(dtype), rng.standard_normal(shape).astype(dtype)
    x = [special(dtype), 3 * rng.standard_normal(2000), rng.uniform(-110, 110, 500)]
    x = np.concatenate(x).astype(dtype)
    return x, rng.standard_normal(x.shape).astype(dtype)


def wanted(name, x, parameters, gy):
    """Values and gradients in float64, by minigrad."""
    tensors = [minigrad.tensor(v.astype(np.float64), requires_grad=True) for v in (x, *parameters)]
    y = FUNCTIONS.get(name, getattr(F, name, None))(*tensors)
    y.backward(gy.astype(np.float64))
    return y.data, *(t.grad.data for t in tensors)


def near(got, want, dtype):
    """Within some units in the last place of it or of 1, and the tails are not cut off."""
    eps, tiny = np.finfo(dtype).eps, np.finfo(dtype).tiny
    np.testing.assert_allclose(got, want, rtol=600 * eps, atol=16 * eps)
    small = np.abs(want) < eps
    np.testing.assert_allclose(got[small], want[small], rtol=1e-3, atol=600 * tiny)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", KERNELS)
def test_values_and_gradients(name, dtype):
    x, gy = inputs(dtype)
    parameters = (np.array([0.25], dtype),) * PARAMETERS.get(name, 0)
    y, dx, *rest = wanted(name, x, parameters, gy)
    near(blocks.forward(KERNELS[name], x, parameters), y, dtype)
    got, *others = blocks.backward(KERNELS[name], x, parameters, gy)
    if name == "tanh":  # 1 - tanh² does cut them off, as it does everywhere
        np.testing.assert_allclose(got, dx, rtol=1e-6, atol=8 * np.finfo(dtype).eps)
    else:
        near(got, dx, dtype)
    for mine, theirs in zip(others, rest, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", KERNELS)
def test_finite_numbers_give_finite_ones(name, dtype):
    x = np.array([1e12, -1e12, 0.0, -0.0], dtype)
    parameters = (np.array(0.5, dtype),) * PARAMETERS.get(name, 0)
    assert np.isfinite(apply.forward(KERNELS[name], x, parameters)).all()
    for gradient in apply.backward(KERNELS[name], x, parameters, np.ones_like(x)):
        assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", KERNELS)
def test_results_may_overwrite_inputs(name):
    kernel = KERNELS[name]
    x, gy = inputs("float32")
    parameters = (np.array(0.25, np.float32),) * PARAMETERS.get(name, 0)
    y = blocks.forward(kernel, x, parameters)
    gradients = blocks.backward(kernel, x, parameters, gy)
    for overwritten in "x", "gy":
        given, upstream = x.copy(), gy.copy()
        out = [given if overwritten == "x" else upstream, *map(np.empty_like, parameters)]
        blocks.backward(kernel, given, parameters, upstream, out=out)
        for got, want in zip(out, gradients, strict=True):
            np.testing.assert_array_equal(got, want)
    given = x.copy()
    blocks.forward(kernel, given, parameters, out=given)
    np.testing.assert_array_equal(given, y)


@pytest.mark.parametrize("shape", [(), (5, 1, 1), (3, 5, 8, 40)])
@pytest.mark.parametrize("n", [3, 400])
def test_parameters_of_any_shape_small_and_large(shape, n):
    kernel = KERNELS["prelu"]
    x, gy = inputs("float32", (n, 5, 8, 40))
    if len(shape) == 4:
        shape = x.shape
    w = np.random.default_rng(1).uniform(0, 1, shape).astype(np.float32)
    y = np.where(x > 0, x, w * x)
    dw = np.where(x > 0, 0, x) * gy
    axes = {0: (0, 1, 2, 3), 3: (0, 2, 3), 4: ()}[w.ndim]
    np.testing.assert_array_equal(apply.forward(kernel, x, (w,), 2), y)
    dx, got = apply.backward(kernel, x, (w,), gy, 2)
    np.testing.assert_array_equal(dx, gy * np.where(x > 0, np.float32(1), w))
    assert got.shape == w.shape
    want = dw.sum(axes, dtype=np.float64).reshape(w.shape)
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-3)


def test_small_and_large_give_the_same():
    x, gy = inputs("float32", (4096,))
    for name, kernel in KERNELS.items():
        parameters = (np.array(0.25, np.float32),) * PARAMETERS.get(name, 0)
        np.testing.assert_array_equal(
            apply.forward(kernel, x, parameters), blocks.forward(kernel, x, parameters), name
        )
        few = apply.backward(kernel, x, parameters, gy)
        for got, want in zip(few, blocks.backward(kernel, x, parameters, gy), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-6)
