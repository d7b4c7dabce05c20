r"""APALU for JAX: a function with analytic gradients.

.. math::

    f(x; a, b) = \begin{cases}
        a\,x\,(1 + \sigma(\kappa x)) & x \ge 0 \\
        b\,(e^x - 1)                 & x < 0
    \end{cases}
    \qquad \kappa = 1.702,\ \sigma(z) = 1 / (1 + e^{-z})

The same function as :mod:`apalu_ref.formula`, which explains it; what differs here:

* float32 is computed in float32, float16 and bfloat16 too, rounded once at the end. Sums for
  the gradients of a and b are formed in float32, or float64 for float64: XLA adds up pairwise.
* Only the inputs are kept for backward. Backward is made of ``jnp`` operations on them, so
  derivatives of any order can be had, and any sharding works as for other elementwise functions.
* e^x - 1 is evaluated here just below zero: XLA's own ``expm1`` is up to 4.3 ULP off there.
* XLA takes subnormal numbers for zero, results as well as inputs, on CPUs at least;
  ``apalu.capabilities`` says so. So a subnormal x < 0 has the slope of x = 0, 3a/2.

Measured against the oracle on a CPU, y is within 3 ULP and dx within 4 in float32 and float64,
and 1 in float16. The file depends on nothing but JAX and may be copied.
"""

from __future__ import annotations

from math import factorial
from typing import Any

try:
    import jax
    import jax.numpy as jnp
    from jax import Array
except ImportError as error:
    raise ImportError('apalu_ref.ports.jax needs JAX: pip install "apalu-ref[jax]"') from error

__all__ = ["apalu", "init"]

KAPPA = 1.702

# exp(-KAPPA * 500) is 0 in float64; the cap keeps x * exp(-KAPPA * x) from being inf * 0.
_CAP = 500.0


def apalu(x: Any, a: Any = 1.0, b: Any = 1.0) -> Array:
    """APALU: a·x·(1 + σ(κx)) where x >= 0, b·(e^x - 1) where x < 0.

    Parameters
    ----------
    x : array_like
        Input, any shape, floating or integer.
    a, b : array_like
        Parameters; must broadcast against ``x``. One pair per channel of an (N, C, H, W) input
        has shape (C, 1, 1).

    Returns
    -------
    Array
        Of the broadcast shape, in the type that JAX's promotion gives: Python numbers and integers
        do not widen, and alone give JAX's default floating type. float16 and bfloat16 are
        computed in float32 and rounded once.

    Raises
    ------
    TypeError
        For bool or complex arguments.
    ValueError
        If the shapes do not broadcast.

    Notes
    -----
    Differentiable to any order in reverse mode by ``x``, ``a`` and ``b``; not in forward mode
    (``jax.custom_vjp`` has none): a Hessian is ``jax.jacrev(jax.jacrev(...))``. Each gradient has
    the shape and type of its input, summed over broadcast axes. x = 0 and x = -0.0 belong to the
    positive branch: the slope there is 3a/2. NaN gives NaN; +inf gives a·inf with slope 2a, -inf
    gives -b with slope 0. Works under ``jit``, ``vmap`` and ``grad``.

    Examples
    --------
    >>> import jax
    >>> y = apalu(jax.numpy.array([-1.0, 0.0, 1.0]), 2.0)
    >>> [round(float(t), 4) for t in y]
    [-0.6321, 0.0, 3.6916]
    >>> round(float(jax.grad(apalu)(1.0, 2.0)), 4)
    4.1356
    """
    arrays = [_floating(name, t) for name, t in (("x", x), ("a", a), ("b", b))]
    jnp.broadcast_shapes(*(t.shape for t in arrays))  # raises; JAX's operations differ in what
    return _apalu(*arrays)


# What a caller (and the check kit) may not count on.
apalu.capabilities = {"subnormals": False}  # type: ignore[attr-defined]


def init(key: Array, shape: tuple[int, ...] = (), dtype: Any = jnp.float32) -> dict[str, Array]:
    """Draw a and b from U(0, 2), as the paper does.

    Parameters
    ----------
    key : Array
        From ``jax.random.key``.
    shape : tuple of int
        Of a and of b: ``()`` for a layer, ``(C, 1, 1)`` for the channels of (N, C, H, W), the
        shape of the input without its batch axis for neurons.
    dtype
        Of a and b.

    Returns
    -------
    dict
        ``{"a": ..., "b": ...}``, a pytree: ``apalu(x, **init(key))``.

    Notes
    -----
    With this init the second moment of a signal grows 2.6 times a layer under LeCun's init of the
    weights and 5.2 times under He's. Weight decay would pull the activation towards 0.
    """
    return {
        name: jax.random.uniform(k, shape, dtype, 0, 2)
        for name, k in zip("ab", jax.random.split(key), strict=True)
    }


def _floating(name: str, value: Any) -> Array:
    array = jnp.asarray(value)
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array
    if not jnp.issubdtype(array.dtype, jnp.integer):
        raise TypeError(f"{name} has dtype {array.dtype}: APALU takes floating types or integers")
    # Times a Python number, and not astype: an integer is not to widen the others.
    return array * 1.0


def _wide(dtype: Any) -> Any:
    """The type to compute in."""
    return jnp.float64 if dtype == jnp.float64 else jnp.float32


def _expm1(x: Array) -> Array:
    """e^x - 1 for x <= 0."""
    # Down to -1/2 the terms of the series; below, no digit that counts cancels.
    near = x > -0.5
    small = jnp.where(near, x, 0)
    rest = 0.0
    for k in range(18 if x.dtype == jnp.float64 else 11, 1, -1):
        rest = rest * small + 1 / factorial(k)
    return jnp.where(near, small + small * (small * rest), jnp.exp(x) - 1)


# Outside of the user's jit, this one compiles both passes whole, not each of their operations.
@jax.custom_vjp
@jax.jit
def _apalu(x: Array, a: Array, b: Array) -> Array:
    dtype = jnp.result_type(x, a, b)
    x, a, b = (t.astype(_wide(dtype)) for t in (x, a, b))
    # Left of zero e^x - 1; right of it e^{-κx} - 1, so that σ(κx) = 1 / (2 + t).
    t = _expm1(jnp.minimum(x, -KAPPA * x))
    # (a * x) * gate and not a * (x * gate), which may overflow where the value does not.
    return jnp.where(x < 0, b * t, (a * x) * (1 + 1 / (2 + t))).astype(dtype)


def _forward(x: Array, a: Array, b: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    return _apalu(x, a, b), (x, a, b)


@jax.jit
def _backward(own: tuple[Array, Array, Array], gy: Array) -> tuple[Array, Array, Array]:
    wide = _wide(gy.dtype)
    x, a, b = (t.astype(wide) for t in own)
    gy = gy.astype(wide)
    # Every factor is finite on the other side too, so that where takes no 0 * inf back. where and
    # not minimum or maximum: these share the gradient between their arguments at 0.
    negative = x < 0
    above, below = jnp.where(negative, 0, x), jnp.where(x >= 0, 0, x)
    z = KAPPA * jnp.where(above > _CAP, _CAP, above)
    e = jnp.exp(jnp.where(negative, x / 2, -z))
    # σ = 1 / (1 + e), and eσ for 1 - σ: no digits cancel in the tail, in derivatives neither.
    s = 1 / (1 + e)
    # e^x may underflow where gy * b * e^x does not: its root e goes to both factors.
    dx = jnp.where(negative, (gy * e) * (b * e), (gy * a) * (1 + s + z * s * (e * s)))
    da = jnp.where(negative, 0, gy) * above * (1 + s)
    db = jnp.where(negative, gy, 0) * _expm1(below)
    dx, da, db = (_sum_to(t, terms) for t, terms in zip(own, (dx, da, db), strict=True))
    return dx, da, db


def _sum_to(like: Array, terms: Array) -> Array:
    """Sum ``terms`` over the axes along which ``like`` was broadcast, in the type of ``like``."""
    extra = terms.ndim - like.ndim
    axes = tuple(range(extra)) + tuple(
        extra + i for i, n in enumerate(like.shape) if n == 1 != terms.shape[extra + i]
    )
    return jnp.sum(terms, axis=axes).reshape(like.shape).astype(like.dtype)


_apalu.defvjp(_forward, _backward)
