"""Values and derivatives of the ops beside PyTorch's, in float64, in first and second order."""

# ruff: noqa: E501 (a table, a row a line)

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, ops

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.extras

RNG = np.random.default_rng(0)


def real(*shape):
    return RNG.normal(size=shape)


def positive(*shape):
    return RNG.uniform(0.2, 3, shape)


def unit(*shape):
    return RNG.uniform(-0.9, 0.9, shape)


I = np.array([[0, 2], [1, 1]])
M = RNG.random((2, 3)) < 0.5
T = torch.from_numpy

SAME_NAME = {
    "exp": real, "exp2": real, "expm1": real, "log": positive, "log2": positive,
    "log10": positive, "log1p": positive, "sin": real, "cos": real, "tan": unit, "arcsin": unit,
    "arccos": unit, "arctan": real, "sinh": real, "cosh": real, "tanh": real, "arcsinh": real,
    "arctanh": unit, "sqrt": positive, "square": real, "reciprocal": positive, "abs": real,
    "negative": real, "arccosh": lambda *shape: 1 + positive(*shape),
}  # fmt: skip
PAIRS = {
    "add": (real, real), "subtract": (real, real), "multiply": (real, real),
    "divide": (real, positive), "arctan2": (real, real), "hypot": (real, real),
    "logaddexp": (real, real), "maximum": (real, real), "minimum": (real, real),
}  # fmt: skip
CASES = {
    name: (getattr(np, name), getattr(torch, name), kind(3, 5)) for name, kind in SAME_NAME.items()
}
for name, (a, b) in PAIRS.items():
    for left, right in [((3, 5), (5,)), ((2, 1, 3), (5, 1))]:
        CASES[f"{name} {left}"] = (getattr(np, name), getattr(torch, name), a(*left), b(*right))
CASES |= {
    "power": (np.power, torch.pow, positive(3, 5), real(5)),
    "x ** 3": (lambda x: x**3, lambda x: x**3, real(4)),
    "x ** -0.5": (lambda x: x**-0.5, lambda x: x**-0.5, positive(4)),
    "2 ** x": (lambda x: 2**x, lambda x: 2**x, real(4)),
    "sigmoid": (ops.sigmoid, torch.sigmoid, np.append(real(6), [-40.0, 40, -800, 800])),
    "erf": (ops.erf, torch.erf, real(7)),
    "erfc": (ops.erfc, torch.erfc, real(7)),
    "where": (lambda x, y: np.where(M, x, y), lambda x, y: torch.where(T(M), x, y), real(2, 3), real(3)),
    "clip": (lambda x: np.clip(x, -0.5, 0.7), lambda x: x.clamp(-0.5, 0.7), real(4, 5)),
    "clip by tensors": (np.clip, torch.clamp, real(4, 5), -positive(5), positive(4, 1)),
    "sum": (lambda x: x.sum((0, 2)), lambda x: x.sum((0, 2)), real(2, 3, 5)),
    "mean": (lambda x: x.mean(1, keepdims=True), lambda x: x.mean(1, keepdim=True), real(2, 3)),
    "var": (lambda x: x.var(1, ddof=1), lambda x: x.var(1), real(2, 5)),
    "std": (lambda x: x.std((0, 1)), lambda x: x.std((0, 1), correction=0), real(2, 5, 3)),
    "max": (lambda x: x.max(1), lambda x: x.amax(1), real(3, 5)),
    "min": (lambda x: x.min((0, 1)), lambda x: x.amin((0, 1)), real(3, 5, 2)),
    "prod": (lambda x: x.prod(1), lambda x: x.prod(1), real(3, 5)),
    "prod with zeros": (np.prod, torch.prod, np.array([2.0, 0, 3, 0, 5])),
    "prod with a zero": (np.prod, torch.prod, np.array([2.0, 0, 3])),
    "cumsum": (lambda x: np.cumsum(x, 1), lambda x: x.cumsum(1), real(2, 5)),
    "norm": (np.linalg.norm, torch.linalg.norm, real(3, 5)),
    "norm of rows": (lambda x: np.linalg.norm(x, axis=1), lambda x: torch.linalg.norm(x, dim=1), real(3, 5)),
    "norm 1": (lambda x: np.linalg.norm(x, 1), lambda x: torch.linalg.norm(x, 1), real(7)),
    "norm inf": (lambda x: np.linalg.norm(x, np.inf), lambda x: torch.linalg.norm(x, np.inf), real(7)),
    "logsumexp": (lambda x: np.log(np.exp(x).sum(1)), lambda x: torch.logsumexp(x, 1), real(2, 5)),
    "x[array]": (lambda x: x[I], lambda x: x[T(I)], real(3, 2)),
    "x[mask]": (lambda x: x[M], lambda x: x[T(M)], real(2, 3)),
    "x[::2, None, 1:]": (lambda x: x[::2, None, 1:], lambda x: x[::2, None, 1:], real(5, 3)),
    "take_along_axis": (lambda x: np.take_along_axis(x, I, 1), lambda x: torch.take_along_dim(x, T(I), 1), real(2, 3)),
    "diagonal": (lambda x: np.diagonal(x, 1, 0, 2), lambda x: torch.diagonal(x, 1, 0, 2), real(3, 2, 5)),
    "trace": (np.trace, torch.trace, real(3, 5)),
    "tril": (lambda x: np.tril(x, 1), lambda x: torch.tril(x, 1), real(3, 5)),
    "triu": (lambda x: np.triu(x, -1), lambda x: torch.triu(x, -1), real(2, 3, 5)),
    "flip": (lambda x: np.flip(x, (0, 2)), lambda x: torch.flip(x, (0, 2)), real(2, 3, 5)),
    "roll": (lambda x: np.roll(x, (1, -2), (0, 1)), lambda x: torch.roll(x, (1, -2), (0, 1)), real(3, 5)),
    "repeat": (lambda x: np.repeat(x, 3, 1), lambda x: x.repeat_interleave(3, 1), real(2, 3)),
    "tile": (lambda x: np.tile(x, (2, 3)), lambda x: torch.tile(x, (2, 3)), real(2, 3)),
    "pad": (lambda x: np.pad(x, ((1, 2), (0, 3))), lambda x: torch.nn.functional.pad(x, (0, 3, 1, 2)), real(2, 3)),
    "moveaxis": (lambda x: np.moveaxis(x, (0, 1), (2, 0)), lambda x: torch.moveaxis(x, (0, 1), (2, 0)), real(2, 3, 5)),
    "concatenate": (lambda x, y: np.concatenate([x, y], 1), lambda x, y: torch.cat([x, y], 1), real(2, 3), real(2, 5)),
    "stack": (lambda x, y: np.stack([x, y], 1), lambda x, y: torch.stack([x, y], 1), real(2, 3), real(2, 3)),
    "matmul": (np.matmul, torch.matmul, real(2, 3, 5), real(5, 2)),
    "matmul of stacks": (np.matmul, torch.matmul, real(2, 1, 3, 5), real(3, 5, 2)),
    "matrix and vector": (np.matmul, torch.matmul, real(2, 3), real(3)),
    "outer": (np.outer, torch.outer, real(3), real(5)),
    "tensordot": (lambda x, y: np.tensordot(x, y, ([1, 2], [0, 1])), lambda x, y: torch.tensordot(x, y, ([1, 2], [0, 1])), real(2, 3, 5), real(3, 5, 2)),
    **{
        f"einsum {s}": (lambda *xs, s=s: np.einsum(s, *xs), lambda *xs, s=s: torch.einsum(s, *xs), *(real(*d) for d in shapes))
        for s, shapes in {"bij,bjk->bik": [(2, 3, 5), (2, 5, 3)], "ii": [(3, 3)], "ij,ij->": [(2, 3)] * 2,
                          "...i,ij->...j": [(2, 3, 5), (5, 2)], "i,j,k->kij": [(2,), (3,), (5,)]}.items()
    },
    # where PyTorch has the same subgradient
    "abs at 0": (np.abs, torch.abs, np.array([-1.0, 0, 1])),
    "maximum at a tie": (np.maximum, torch.maximum, np.array([1.0, 2]), np.array([1.0, 1])),
    "minimum at a tie": (np.minimum, torch.minimum, np.array([1.0, 2]), np.array([1.0, 1])),
    "max of ties": (lambda x: x.max(1), lambda x: x.amax(1), np.array([[2.0, 2, 1], [0, 0, 0]])),
    "clip at its ends": (lambda x: np.clip(x, -1, 1), lambda x: x.clamp(-1, 1), np.array([-1.0, 0, 1])),
    "clip, bounds crossed": (np.clip, torch.clamp, np.array([0.0, 2.5, 9]), np.full(3, 3.0), np.full(3, 2.0)),
    "norm at 0": (np.linalg.norm, torch.linalg.norm, np.zeros(3)),
    "std of constants": (np.std, lambda x: torch.std(x, correction=0), np.full(3, 2.0)),
    "x ** 2 at 0": (lambda x: x**2, lambda x: x**2, np.zeros(2)),
    "x ** 0 at 0": (lambda x: x**0, lambda x: x**0, np.zeros(2)),
    "0 ** p": (lambda p: 0.0**p, lambda p: 0.0**p, np.array([0.5, 2, 0])),
    "logaddexp at a tie": (np.logaddexp, torch.logaddexp, np.ones(2), np.ones(2)),
}  # fmt: skip


NAN_THERE = ["norm at 0", "0 ** p"]
"""Where PyTorch's second derivative is NaN, and ours 0."""


def close(got, want):
    want = want.detach().numpy(force=True)
    assert got.shape == want.shape
    assert np.allclose(got.data, want, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", CASES)
def test_values_and_derivatives(case):
    ours, theirs, *inputs = CASES[case]
    xs = [Tensor(x, requires_grad=True) for x in inputs]
    ts = [torch.tensor(x, requires_grad=True) for x in inputs]
    y, z = ours(*xs), theirs(*ts)
    close(y, z)
    g = RNG.normal(size=y.shape)
    first = minigrad.grad(y, xs, g, create_graph=True)
    expected = torch.autograd.grad(z, ts, torch.tensor(g), create_graph=True)
    for got, want in zip(first, expected, strict=True):
        close(got, want)
    weights = [RNG.normal(size=x.shape) for x in inputs]
    total = sum((v * w).sum() for v, w in zip(first, weights, strict=True))
    other = sum((v * torch.tensor(w)).sum() for v, w in zip(expected, weights, strict=True))
    if not other.requires_grad:  # a linear function: PyTorch records nothing
        assert not total.requires_grad or all(not h.data.any() for h in minigrad.grad(total, xs))
        return
    second = torch.autograd.grad(other, ts, allow_unused=True, materialize_grads=True)
    if case in NAN_THERE:
        assert all(torch.isnan(h).all() for h in second)
        assert not minigrad.grad(total, xs)[0].data.any()
        return
    mine = minigrad.grad(total, xs) if total.requires_grad else [np.zeros(x.shape) for x in xs]
    for got, want in zip(mine, second, strict=True):
        close(got if isinstance(got, Tensor) else Tensor(got), want)


CONVOLUTIONS = [
    ((2, 3, 7, 5), (5, 3, 3, 2), 1, 0, 1, 1),
    ((1, 2, 7, 11), (3, 2, 3, 5), (2, 3), (1, 2), (2, 1), 1),
    ((3, 4, 5, 5), (6, 2, 2, 3), 1, (0, 1), 1, 2),
    ((2, 5, 7, 7), (5, 1, 3, 3), 2, 1, 1, 5),
    ((2, 3, 5, 7), (6, 1, 3, 3), 1, 2, 2, 3),
    ((2, 3, 5, 7), (7, 3, 1, 1), 1, 0, 1, 1),
    ((2, 3, 6, 7), (7, 3, 1, 1), (2, 3), (1, 0), 1, 1),
]


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


@pytest.mark.parametrize("geometry", CONVOLUTIONS)
def test_convolution(geometry):
    shape, kernel, stride, padding, dilation, groups = geometry
    CASES["conv"] = (
        lambda x, w, b: ops.conv2d(x, w, b, *map(pair, (stride, padding, dilation)), groups),
        lambda x, w, b: torch.conv2d(x, w, b, stride, padding, dilation, groups),
        real(*shape), real(*kernel), real(kernel[0]),
    )  # fmt: skip
    try:
        test_values_and_derivatives("conv")
    finally:
        del CASES["conv"]


@pytest.mark.parametrize("size", [(2, 2), (3, 2)])
@pytest.mark.parametrize("stride", [(1, 2), (2, 2), (3, 3)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1)])
@pytest.mark.parametrize("kind", ["max", "dilated max", "avg", "avg without padding", "adaptive"])
def test_pooling(kind, size, stride, padding, monkeypatch):
    f = torch.nn.functional
    ours, theirs = {
        "max": (
            lambda x: ops.max_pool2d(x, size, stride, padding),
            lambda x: f.max_pool2d(x, size, stride, padding),
        ),
        "dilated max": (
            lambda x: ops.max_pool2d(x, size, stride, padding, (2, 1)),
            lambda x: f.max_pool2d(x, size, stride, padding, (2, 1)),
        ),
        "avg": (
            lambda x: ops.avg_pool2d(x, size, stride, padding),
            lambda x: f.avg_pool2d(x, size, stride, padding),
        ),
        "avg without padding": (
            lambda x: ops.avg_pool2d(x, size, stride, padding, False),
            lambda x: f.avg_pool2d(x, size, stride, padding, count_include_pad=False),
        ),
        "adaptive": (
            lambda x: ops.adaptive_avg_pool2d(x, size),
            lambda x: f.adaptive_avg_pool2d(x, size),
        ),
    }[kind]
    monkeypatch.setitem(CASES, "pool", (ours, theirs, real(2, 3, 7, 5)))
    test_values_and_derivatives("pool")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_dlpack_both_ways(dtype):
    t = minigrad.tensor(np.arange(6).reshape(2, 3), dtype=dtype)
    theirs = torch.from_dlpack(t)
    assert theirs.tolist() == t.tolist()
    assert theirs.data_ptr() == t.data.ctypes.data
    back = Tensor(np.from_dlpack(theirs))
    assert np.shares_memory(back.data, t.data)


def test_arrays_from_torch():
    x = minigrad.tensor([1.0, 2.0], requires_grad=True)
    assert (x * torch.ones(2, dtype=torch.float64).numpy()).requires_grad
    with pytest.raises(RuntimeError, match="does not become an array silently"):
        torch.from_dlpack(x)
