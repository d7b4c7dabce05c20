"""The PyTorch port, against the oracle, the formulas and PyTorch's own checkers."""

import shutil
from decimal import Decimal

import numpy as np
import pytest

from apalu_ref import apalu_grad, formula, oracle

torch = pytest.importorskip("torch")

from apalu_ref.ports.torch import APALU, APALUFunction, apalu  # noqa: E402

pytestmark = [
    pytest.mark.extras,
    # PyTorch's own: its compiler instantiates Functions and scripts.
    pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
]

SHAPES = {
    "layer": ((5, 7), (), ()),
    "one-element": ((5, 7), (1,), (1, 1)),
    "neuron": ((3, 5, 7), (5, 7), (5, 7)),
    "channel": ((2, 3, 5, 7), (3, 1, 1), (1, 3, 1, 1)),
    "different": ((4, 5), (5,), (4, 1)),
    "wider-than-x": ((5,), (3, 1), (2, 1, 1)),
    "0-d": ((), (), ()),
    "0-d x": ((), (3,), ()),
    "empty": ((0,), (), (1,)),
    "empty-rows": ((0, 3), (3,), (1, 3)),
}


def drawn(seed, *shapes, dtype="float64"):
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.normal(size=s) * 3, dtype=getattr(torch, dtype)) for s in shapes]


def leaves(*tensors):
    return [t.detach().clone().requires_grad_() for t in tensors]


def gradients(f, x, a, b, gy):
    ends = leaves(x, a, b)
    y = f(*ends)
    return [y.detach(), *torch.autograd.grad(y, ends, gy)]


def awkward(dtype):
    """Every region of x, and a, b, gy of both signs, as NumPy arrays."""
    info, rng = np.finfo(dtype), np.random.default_rng(0)
    tiny, lowest = float(info.tiny), -np.log(float(info.tiny))
    size = np.concatenate(
        [
            np.geomspace(tiny, float(info.max) / 1e4, 150),
            rng.uniform(0, 1, 300),
            rng.uniform(0, 30, 300),
            rng.uniform(0, lowest * 1.02, 300),
        ]
    )
    x = np.concatenate([size, -size]).astype(dtype)
    a, b, gy = (
        (2.0 ** rng.uniform(-9, 9, x.shape) * rng.choice([-1, 1], x.shape)).astype(dtype)
        for _ in range(3)
    )
    return x, a, b, gy


def worst_ulp(got, want, unit):
    """The largest error in ULP; what underflows (by 2 of the smallest subnormal) is waived."""
    info = np.finfo(got.dtype)
    size = np.abs(np.array([float(w) for w in want]))
    error = np.abs([float(Decimal(float(g)) - w) for g, w in zip(got, want, strict=True)])
    error[(size > float(info.max)) & np.isinf(got)] = 0
    spacing = np.ldexp(1.0, np.maximum(np.frexp(size)[1] - 1, info.minexp) - info.nmant)
    counted = error > 2 * float(info.smallest_subnormal) * unit
    return np.max(np.where(counted, error / spacing, 0))


def check_accuracy(f, dtype):
    """y within 3 ULP, the gradients within 4; 1 in float16 (a correct one is off by 1/2)."""
    x, a, b, gy = awkward(dtype)
    got = [t.numpy() for t in gradients(f, *map(torch.tensor, (x, a, b, gy)))]
    rows = list(zip(x, a, b, gy, strict=True))
    want = [
        [oracle.apalu(*row[:3], digits=30), *oracle.apalu_grad(*row, digits=30)] for row in rows
    ]
    size = np.maximum(1, np.abs(np.where(x < 0, b, a).astype(float)))
    g_size = np.maximum(1, np.abs(gy.astype(float)))
    units = [size, size * g_size, g_size, g_size]
    limits = (1, 1, 1, 1) if dtype == "float16" else (3, 4, 3, 3)
    for one, exact, unit, limit in zip(got, zip(*want, strict=True), units, limits, strict=True):
        assert one.dtype == dtype
        assert worst_ulp(one, exact, unit) <= limit


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_accuracy(dtype):
    check_accuracy(apalu, dtype)


def test_bfloat16_is_rounded_once():
    x, a, b, gy = (t.bfloat16() for t in drawn(1, *[(2000,)] * 4))
    got = gradients(apalu, x, a, b, gy)
    want = gradients(apalu, *(t.double() for t in (x, a, b, gy)))
    for one, exact in zip(got, want, strict=True):
        assert one.dtype == torch.bfloat16
        # Half a unit of the 8th bit, and float32's error
        assert ((one.double() - exact).abs() <= (2**-8 + 1e-6) * exact.abs()).all()


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_shapes(name, dtype):
    x, a, b = drawn(2, *SHAPES[name], dtype=dtype)
    (gy,) = drawn(3, np.broadcast_shapes(*SHAPES[name]), dtype=dtype)
    got = gradients(apalu, x, a, b, gy)
    arrays = [t.numpy() for t in (x, a, b)]
    want = [formula.apalu(*arrays), *apalu_grad(*arrays, gy.numpy())]
    eps = 16 * np.finfo(dtype).eps
    for one, exact in zip(got, want, strict=True):
        assert tuple(one.shape) == exact.shape
        np.testing.assert_allclose(one.numpy(), exact, rtol=eps, atol=eps * 100)


def test_layouts_and_inputs_that_are_left_alone():
    x, gy = drawn(4, (12, 10), (12, 10))
    a, b = drawn(5, (10,), (10,))
    before = [t.clone() for t in (x, a, b, gy)]
    want = gradients(apalu, x, a, b, gy)
    spread = torch.empty(24, 20).double()[::2, ::2].copy_(x)
    turned = gy.t().contiguous().t()
    for one, exact in zip(gradients(apalu, spread, a, b, turned), want, strict=True):
        torch.testing.assert_close(one, exact, rtol=1e-13, atol=1e-13)
    assert all(torch.equal(t, old) for t, old in zip((x, a, b, gy), before, strict=True))
    expanded = torch.ones(()).double().expand(12, 10)
    torch.testing.assert_close(
        gradients(apalu, x, a, b, expanded), gradients(apalu, x, a, b, torch.ones_like(x))
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
def test_special_values(dtype):
    nan, inf = np.nan, np.inf
    x = torch.tensor([0.0, -0.0, nan, inf, -inf, 1.0], dtype=dtype)
    a, b, gy = (torch.full_like(x, value) for value in (0.5, 3.0, 2.0))
    y, dx, da, db = gradients(apalu, x, a, b, gy)
    np.testing.assert_array_equal(y[:5].numpy(), [0, 0, nan, inf, -3])
    np.testing.assert_array_equal(dx[:5].numpy(), [1.5, 1.5, nan, 2, 0])
    np.testing.assert_array_equal(da[:5].numpy(), [0, 0, nan, inf, 0])
    np.testing.assert_array_equal(db[:5].numpy(), [0, 0, nan, 0, -2])


def test_no_overflow_on_the_way():
    top = torch.finfo(torch.float64).max
    x = torch.tensor([top / 2, -top, -800.0, top / 2, -750.0], dtype=torch.float64)
    a, b, gy = (torch.full_like(x, value) for value in (0.25, 0.25, 0.25))
    b[4], gy[4] = 1e200, 1e200
    ends = leaves(x, a, b)
    y = apalu(*ends)
    first = torch.autograd.grad(y, ends, gy, create_graph=True)
    second = torch.autograd.grad(sum(g.sum() for g in first), ends)
    assert all(torch.isfinite(t).all() for t in (y, *first, *second))
    assert first[0][4].item() == pytest.approx(float(oracle.dv(-750) * Decimal("1e400")), rel=1e-14)


def test_subnormal_numbers():
    x = torch.tensor([2.0**-1030, -(2.0**-1030)], dtype=torch.float64)
    one = torch.ones_like(x)
    y, dx, _, _ = gradients(apalu, x, one, one, one)
    np.testing.assert_array_equal(y.numpy(), [1.5 * 2.0**-1030, -(2.0**-1030)])
    np.testing.assert_array_equal(dx.numpy(), [1.5, 1])


def test_types():
    x, a, b = drawn(6, (3, 4), (4,), ())
    for kinds, want in {
        ("float32", "float64", "float64"): torch.float64,
        ("float16", "float32", "float32"): torch.float32,
        ("float16", "bfloat16", "float16"): torch.float32,
        ("float64", "float32", "float16"): torch.float64,
        ("float16", "float16", "float64"): torch.float16,  # b has no axes
    }.items():
        ends = leaves(*(t.to(getattr(torch, k)) for t, k in zip((x, a, b), kinds, strict=True)))
        y = apalu(*ends)
        assert y.dtype == want == (ends[0] * ends[1] * ends[2]).dtype
        y.sum().backward()
        assert all(t.grad.dtype == t.dtype and t.grad.shape == t.shape for t in ends)
    assert apalu(torch.arange(3), 2.0).dtype == torch.float32
    assert apalu(torch.arange(3), torch.tensor(2.0).double()).dtype == torch.float64
    assert apalu(torch.ones(3).half(), 2.0, 1).dtype == torch.float16
    for wrong in (torch.ones(3, dtype=torch.bool), torch.ones(3, dtype=torch.complex64)):
        with pytest.raises(TypeError, match="x has dtype torch"):
            apalu(wrong)
    with pytest.raises(TypeError, match=r"torch\.as_tensor"):
        apalu([1.0])
    with pytest.raises(RuntimeError, match="size of tensor"):
        apalu(torch.ones(3), torch.ones(2))


def test_sums_are_accumulated_wide():
    for dtype, n in ((torch.float32, 2**20 + 3), (torch.float16, 4099)):
        x = torch.rand(n, generator=torch.Generator().manual_seed(0), dtype=dtype)
        one = torch.ones((), dtype=dtype)
        got = gradients(apalu, x, one, one, torch.full_like(x, 0.125))[2]
        want = gradients(apalu, x.double(), one.double(), one.double(), x.double() * 0 + 0.125)[2]
        assert abs(got.item() - want) <= torch.finfo(dtype).eps * want


def test_only_what_is_wanted_is_computed():
    x, a, b = drawn(7, (3, 4), (4,), ())
    ctx = type("Context", (), {"saved_tensors": (x, a, b)})
    for wanted in ((True, False, False), (False, True, False), (False, False, True)):
        ctx.needs_input_grad = wanted
        found = APALUFunction.backward(ctx, torch.ones_like(x))
        assert tuple(g is not None for g in found) == wanted
    # Of what is saved nothing is new.
    y = apalu(*leaves(x, a, b))
    assert [t.shape for t in y.grad_fn.saved_tensors] == [t.shape for t in (x, a, b)]


@pytest.mark.parametrize("name", ["channel", "wider-than-x", "0-d"])
def test_gradcheck_of_both_orders(name):
    ends = leaves(*drawn(8, *SHAPES[name]))
    if name == "channel":
        ends[0] = ends[0][:, :, :2, :2].detach().requires_grad_()
    assert torch.autograd.gradcheck(apalu, ends, check_batched_grad=True)
    assert torch.autograd.gradgradcheck(apalu, ends)


def test_second_derivatives():
    x = torch.cat([torch.linspace(-30, 30, 61), torch.tensor([300.0, -0.0])]).double()
    a, b = drawn(9, x.shape, x.shape)
    ends = leaves(x, a, b)
    (dx,) = torch.autograd.grad(apalu(*ends).sum(), ends[0], create_graph=True)
    want = formula.apalu_second(x.numpy(), a.numpy(), b.numpy())
    for got, exact in zip(torch.autograd.grad(dx.sum(), ends), want, strict=True):
        np.testing.assert_allclose(got.numpy(), exact, rtol=1e-12)


def test_func_transforms():
    x, a, b = drawn(10, (6, 3), (3,), ())

    def loss(x, a, b):
        return apalu(x, a, b).square().sum()

    each = torch.func.vmap(torch.func.grad(loss, argnums=(0, 1, 2)), in_dims=(0, None, None))
    for i, row in enumerate(zip(*each(x, a, b), strict=True)):
        want = torch.autograd.grad(loss(*(ends := leaves(x[i], a, b))), ends)
        torch.testing.assert_close(row, want)
    hessian = torch.func.jacrev(torch.func.jacrev(loss, argnums=1), argnums=1)(x, a, b)
    want = torch.autograd.functional.hessian(lambda a: loss(x, a, b), a)
    torch.testing.assert_close(hessian, want)


def compiled(backend, f, **options):
    torch.compiler.reset()
    return torch.compile(f, backend=backend, fullgraph=True, **options)


def test_compiles_without_a_graph_break():
    args = drawn(11, (2, 3, 5, 7), (3, 1, 1), (), (2, 3, 5, 7))
    want = gradients(apalu, *args)
    got = gradients(compiled("aot_eager", apalu, dynamic=True), *args)
    torch.testing.assert_close(got, want, rtol=1e-13, atol=1e-13)
    numbers = compiled("aot_eager", lambda x: apalu(x, 0.5, 2))
    torch.testing.assert_close(numbers(args[0]), apalu(args[0], 0.5, 2))
    layer = APALU(3)
    with torch.autocast("cpu", torch.bfloat16):
        y = compiled("aot_eager", layer)(args[0].bfloat16())
    y.sum().backward()
    assert y.dtype == torch.bfloat16
    assert layer.a.grad.dtype == torch.float32


@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler")
def test_accuracy_compiled():
    check_accuracy(compiled("inductor", apalu), "float32")
