"""APALU in JAX: a plain function, and one with its gradient written by hand.

    apalu-ref check tutorials/subjects/jax_custom_vjp.py:plain
    apalu-ref check tutorials/subjects/jax_custom_vjp.py:apalu --profile strict

``plain`` has ``where`` twice: on the inputs of the branches, so that nothing overflows in the
one that is not taken (0 · inf would come back as a NaN gradient), and on their results. JAX
derives the rest; its derivative of ``expm1(x)`` is ``expm1(x) + 1``, which has no digits left
far below 0, and a warning says so.

``apalu`` names its own backward pass with ``custom_vjp``. JAX checks the shapes of what it
returns, but not whether it is right: the sums over broadcast axes are yours to make. It cannot
be differentiated in forward mode; a second derivative differentiates the backward pass.

JAX computes in float32 unless it is told otherwise; the check tells it to allow float64.
"""

import jax
import jax.numpy as jnp

KAPPA = 1.702


def halves(x):
    """x where it is the branch's own, 0 elsewhere: for the right branch, and for the left."""
    below = x < 0
    return below, jnp.where(below, 0, x), jnp.where(below, x, 0)


def plain(x, a, b):
    below, right, left = halves(x)
    return jnp.where(below, b * jnp.expm1(left), a * right * (1 + jax.nn.sigmoid(KAPPA * right)))


@jax.custom_vjp
def apalu(x, a, b):
    return plain(x, a, b)


def forward(x, a, b):
    return plain(x, a, b), (x, a, b)


def backward(saved, gy):
    x, a, b = saved
    below, right, left = halves(x)
    z = KAPPA * jnp.minimum(right, 500)  # σ is 1 long before; z σ(-z) must not become inf · 0
    s, c = jax.nn.sigmoid(z), jax.nn.sigmoid(-z)
    dx = gy * jnp.where(below, b * jnp.exp(left), a * (1 + s + z * s * c))
    da = jnp.where(below, 0, gy * right * (1 + s))
    db = jnp.where(below, gy * jnp.expm1(left), 0)
    return sum_to(dx, x), sum_to(da, a), sum_to(db, b)


apalu.defvjp(forward, backward)


def sum_to(gradient, t):
    """Undo broadcasting: sum over the axes that were added or stretched."""
    added = gradient.ndim - t.ndim
    stretched = tuple(added + i for i, n in enumerate(t.shape) if n == 1)
    return gradient.sum((*range(added), *stretched)).reshape(t.shape).astype(t.dtype)
