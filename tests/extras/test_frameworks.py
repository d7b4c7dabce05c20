"""The formulas beside PyTorch's and JAX's automatic differentiation, in float64."""

import numpy as np
import pytest

from apalu_ref import apalu, apalu_grad
from apalu_ref.formula import apalu_second

pytestmark = pytest.mark.extras

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(size=60) * 3, [0.0, 21.6, -30.0, 40.0, 1e-9, -1e-9]])
X = np.stack([X, -X])  # (2, 66); 0.0 and -0.0 besides
A, B = RNG.uniform(-2, 2, (2, X.shape[1]))
GY = RNG.normal(size=X.shape)


def close(got, want, scale):
    assert got.shape == want.shape
    assert (np.abs(got - want) <= 1e-12 * (np.abs(want) + scale)).all()


def compare(y, grads, second):
    close(apalu(X, A, B), y, np.abs(A) + np.abs(B))
    total = np.abs(GY).sum() * 50
    for got, want in zip(apalu_grad(X, A, B, GY), grads, strict=True):
        close(got, want, total)
    fxx, fxa, fxb = apalu_second(X, A, B)
    for got, want in zip((fxx, fxa.sum(0), fxb.sum(0)), second, strict=True):
        close(got, want, 50)


def test_pytorch():
    torch = pytest.importorskip("torch")
    x, a, b = (torch.tensor(t, requires_grad=True) for t in (X, A, B))
    # Each branch sees only its own half ("double where"), so that no NaN comes back.
    above, below = torch.where(x >= 0, x, 0.0), torch.where(x < 0, x, 0.0)
    positive = a * above * (1 + torch.sigmoid(1.702 * above))
    y = torch.where(x >= 0, positive, b * torch.expm1(below))
    grads = torch.autograd.grad(y, (x, a, b), torch.tensor(GY), create_graph=True)
    slope = torch.autograd.grad(y.sum(), x, create_graph=True)[0]
    second = torch.autograd.grad(slope.sum(), (x, a, b))
    compare(
        y.detach().numpy(),
        [g.detach().numpy() for g in grads],
        [s.numpy() for s in second],
    )


def test_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    jnp = jax.numpy

    def f(x, a, b):
        above, below = jnp.where(x >= 0, x, 0.0), jnp.where(x < 0, x, 0.0)
        positive = a * above * (1 + jax.nn.sigmoid(1.702 * above))
        return jnp.where(x >= 0, positive, b * jnp.expm1(below))

    y, vjp = jax.vjp(f, X, A, B)
    slope = jax.grad(lambda *t: f(*t).sum())
    second = jax.grad(lambda *t: slope(*t).sum(), argnums=(0, 1, 2))(X, A, B)
    compare(np.asarray(y), [np.asarray(g) for g in vjp(GY)], [np.asarray(s) for s in second])
