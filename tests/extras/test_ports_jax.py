"""The JAX port, against the oracle, the formulas and JAX's own checker."""

import warnings
from decimal import Decimal

import numpy as np
import pytest

from apalu_ref import apalu_grad, formula, oracle

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402
from jax.test_util import check_grads  # noqa: E402

from apalu_ref.ports.jax import apalu, init  # noqa: E402

pytestmark = pytest.mark.extras

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


@pytest.fixture(autouse=True)
def _x64():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def drawn(seed, *shapes, dtype="float64"):
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=s) * 3).astype(dtype) for s in shapes]


@jax.jit
def gradients(x, a, b, gy):
    y, vjp = jax.vjp(apalu, x, a, b)
    return y, *vjp(gy)


def awkward(dtype):
    """Every region of x, and a, b, gy of both signs."""
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
    if got.dtype != np.float16:
        # XLA flushes subnormal numbers, on the way (4 is for that) and as results.
        error[size < 4 * info.tiny] = 0
    spacing = np.ldexp(1.0, np.maximum(np.frexp(size)[1] - 1, info.minexp) - info.nmant)
    counted = error > 2 * float(info.smallest_subnormal) * unit
    return np.max(np.where(counted, error / spacing, 0))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_accuracy(dtype):
    """y within 3 ULP, the gradients within 4; 1 in float16 (a correct one is off by 1/2)."""
    x, a, b, gy = awkward(dtype)
    rows = list(zip(x, a, b, gy, strict=True))
    want = [
        [oracle.apalu(*row[:3], digits=30), *oracle.apalu_grad(*row, digits=30)] for row in rows
    ]
    size = np.maximum(1, np.abs(np.where(x < 0, b, a).astype(float)))
    g_size = np.maximum(1, np.abs(gy.astype(float)))
    units = [size, size * g_size, g_size, g_size]
    limits = (1, 1, 1, 1) if dtype == "float16" else (3, 4, 3, 3)
    got = map(np.asarray, gradients(x, a, b, gy))
    for one, exact, unit, limit in zip(got, zip(*want, strict=True), units, limits, strict=True):
        assert one.dtype == dtype
        assert worst_ulp(one, exact, unit) <= limit


def test_bfloat16_is_rounded_once():
    args = [jnp.asarray(t, jnp.bfloat16) for t in drawn(1, *[(2000,)] * 4)]
    got = gradients(*args)
    want = gradients(*(t.astype(jnp.float64) for t in args))
    for one, exact in zip(got, want, strict=True):
        assert one.dtype == jnp.bfloat16
        # Half a unit of the 8th bit, and float32's error
        assert (abs(one.astype(jnp.float64) - exact) <= (2**-8 + 1e-6) * abs(exact)).all()


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_shapes(name, dtype):
    x, a, b = drawn(2, *SHAPES[name], dtype=dtype)
    (gy,) = drawn(3, np.broadcast_shapes(*SHAPES[name]), dtype=dtype)
    want = [formula.apalu(x, a, b), *apalu_grad(x, a, b, gy)]
    eps = 16 * np.finfo(dtype).eps
    for one, exact in zip(gradients(x, a, b, gy), want, strict=True):
        assert one.shape == exact.shape
        assert one.dtype == dtype
        np.testing.assert_allclose(one, exact, rtol=eps, atol=eps * 100)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_special_values(dtype):
    nan, inf = np.nan, np.inf
    x = np.array([0.0, -0.0, nan, inf, -inf], dtype)
    y, dx, da, db = gradients(x, *(np.full_like(x, value) for value in (0.5, 3.0, 2.0)))
    np.testing.assert_array_equal(y, [0, 0, nan, inf, -3])
    np.testing.assert_array_equal(dx, [1.5, 1.5, nan, 2, 0])
    np.testing.assert_array_equal(da, [0, 0, nan, inf, 0])
    np.testing.assert_array_equal(db, [0, 0, nan, 0, -2])


def test_no_overflow_on_the_way():
    top = np.finfo(np.float64).max
    x = np.array([top / 2, -top, -800.0, top / 2, -750.0])
    a, b, gy = (np.full_like(x, 0.25) for _ in range(3))
    b[4] = gy[4] = 1e200

    def total(*args):
        return sum(t.sum() for t in gradients(*args, gy)[1:])

    first, second = gradients(x, a, b, gy), jax.grad(total, argnums=(0, 1, 2))(x, a, b)
    assert all(np.isfinite(t).all() for t in (*first, *second))
    exact = float(oracle.dv(-750) * Decimal("1e400"))
    assert first[1][4] == pytest.approx(exact, rel=1e-14)


def test_subnormal_numbers_are_zero_where_the_capabilities_say_so():
    assert apalu.capabilities == {"subnormals": False}
    x = np.array([2.0**-1030, -(2.0**-1030)])
    one = np.ones_like(x)
    y, dx, _, _ = gradients(x, one, one, one)
    if jax.default_backend() == "cpu":
        np.testing.assert_array_equal(y, [0, 0])
        np.testing.assert_array_equal(dx, [1.5, 1.5])


def test_types():
    x, a, b = drawn(6, (3, 4), (4,), (4,))
    for kinds, want in {
        ("float32", "float64", "float64"): "float64",
        ("float16", "float32", "float32"): "float32",
        ("float16", "bfloat16", "float16"): "float32",
    }.items():
        args = [jnp.asarray(t, k) for t, k in zip((x, a, b), kinds, strict=True)]
        y, *grads = gradients(*args, jnp.ones((3, 4), want))
        assert y.dtype == want
        assert [(g.dtype, g.shape) for g in grads] == [(t.dtype, t.shape) for t in args]
    assert apalu(jnp.ones(3, jnp.float16), 2.0, 1).dtype == jnp.float16
    assert jax.jit(apalu)(jnp.ones(3, jnp.float16), 2.0, 1).dtype == jnp.float16
    assert apalu(jnp.arange(3), 2.0).dtype == jnp.float64
    assert apalu(jnp.arange(3), jnp.float32(2), 1).dtype == jnp.float32
    assert jax.grad(lambda a: apalu(jnp.arange(3), a).sum())(2.0).shape == ()
    for wrong in (np.ones(3, bool), np.ones(3, complex)):
        with pytest.raises(TypeError, match="x has dtype"):
            apalu(wrong)
    with pytest.raises(ValueError, match=r"[Ii]ncompatible shapes"):
        apalu(np.ones(3), np.ones(2))


def test_without_x64():
    jax.config.update("jax_enable_x64", False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert apalu(jnp.arange(3), 2).dtype == jnp.float32
        x, a, b, gy = drawn(7, (64, 3), (3,), (), (64, 3), dtype="float32")
        for one, exact in zip(gradients(x, a, b, gy)[1:], apalu_grad(x, a, b, gy), strict=True):
            assert one.dtype == jnp.float32
            np.testing.assert_allclose(one, exact, rtol=2e-6, atol=1e-4)


def test_sums_are_accumulated_accurately():
    for dtype, n in (("float32", 2**20 + 3), ("float16", 4099)):
        for shape in ((n,), (n // 8, 8)):
            x = np.random.default_rng(0).random(shape).astype(dtype)
            one, gy = np.ones((), dtype), np.full_like(x, 0.125)
            got = float(gradients(x, one, one, gy)[2])
            want = float(apalu_grad(*(t.astype(np.float64) for t in (x, one, one, gy)))[1])
            assert abs(got - want) <= np.finfo(dtype).eps * want


@pytest.mark.parametrize("name", ["different", "wider-than-x", "0-d"])
def test_check_grads(name):
    check_grads(apalu, drawn(8, *SHAPES[name]), order=2, modes=["rev"])


def test_second_derivatives():
    x = np.concatenate([np.linspace(-30, 30, 61), [300.0, -0.0]])
    a, b = drawn(9, x.shape, x.shape)

    def slope(*args):
        return jax.grad(lambda *t: apalu(*t).sum())(*args).sum()

    want = formula.apalu_second(x, a, b)
    for got, exact in zip(jax.grad(slope, argnums=(0, 1, 2))(x, a, b), want, strict=True):
        np.testing.assert_allclose(got, exact, rtol=1e-12)


def test_vmap():
    x, a, b = drawn(10, (6, 3), (3,), ())

    def loss(x, a, b):
        return (apalu(x, a, b) ** 2).sum()

    gradient = jax.grad(loss, argnums=(0, 1, 2))
    each = jax.jit(jax.vmap(gradient, in_axes=(0, None, None)))(x, a, b)
    for i in range(6):
        for got, want in zip(each, gradient(x[i], a, b), strict=True):
            np.testing.assert_allclose(got[i], want, rtol=1e-13)
    hessian = jax.jacrev(jax.jacrev(loss, argnums=1), argnums=1)(x, a, b)
    want = np.diag((2 * np.where(x < 0, 0, formula.u(x)) ** 2).sum(0))
    np.testing.assert_allclose(hessian, want, rtol=1e-12)


def test_init_and_training():
    parameters = init(jax.random.key(0), (20000,))
    assert {name: t.dtype for name, t in parameters.items()} == {"a": "float32", "b": "float32"}
    assert not jnp.array_equal(parameters["a"], parameters["b"])
    for t in parameters.values():
        assert 0 <= t.min() < 0.001
        assert 1.999 < t.max() <= 2
    assert init(jax.random.key(0), (3, 1, 1), jnp.bfloat16)["a"].dtype == jnp.bfloat16

    x = np.linspace(-2, 2, 41)
    target = apalu(x, 0.5, 1.5)
    loss = jax.jit(jax.value_and_grad(lambda p: ((apalu(x, **p) - target) ** 2).mean()))
    p = init(jax.random.key(1), dtype=jnp.float64)
    for _ in range(300):
        value, gradient = loss(p)
        p = jax.tree.map(lambda t, g: t - 0.2 * g, p, gradient)
    assert value < 1e-9
    assert (float(p["a"]), float(p["b"])) == pytest.approx((0.5, 1.5), abs=1e-3)
