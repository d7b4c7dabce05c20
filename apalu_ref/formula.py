r"""APALU in readable NumPy: the page to read first.

.. math::

    f(x; a, b) = \begin{cases}
        a\,u(x), \quad u(x) = x\,(1 + \sigma(\kappa x)) & x \ge 0 \\
        b\,v(x), \quad v(x) = e^x - 1                   & x < 0
    \end{cases}

.. math::

    \kappa = 1.702, \qquad \sigma(z) = 1 / (1 + e^{-z})

(Subramanian, Jeyaraj and Ugli, *APALU: A Trainable, Adaptive Activation Function
for Deep Learning Networks*, arXiv 2402.08244.)

Everything about APALU reduces to four functions of one variable, ``u, du`` on
x >= 0 and ``v, dv`` on x < 0 (and ``d2u, d2v``, their second derivatives). They
are pure ufunc expressions: whatever follows NumPy's protocols can be put in.
:func:`apalu` and its gradients add the arguments' checking, the choice of a
branch, and broadcasting with its reverse, summation.

Three habits keep the formulas right for every finite input:

* 1 - σ(z) is written σ(-z): no digits cancel in the tail.
* e^x - 1 is ``expm1(x)``: no digits cancel near zero.
* Each branch sees only its own half-line, ``max(x, 0)`` or ``min(x, 0)``, so the
  branch not taken can neither overflow nor warn.

All arithmetic is done in float64; results are rounded once, at the end, to the
type NumPy's promotion gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from apalu_ref.arguments import check_output, checked, checked_outputs, checked_upstream, deliver

Array = NDArray[Any]

KAPPA = 1.702
"""The constant of the sigmoid, as the paper prints it."""

# exp(-KAPPA * 500) is 0 in float64, so nothing changes beyond; the cap keeps
# KAPPA * x from overflowing and x * exp(-KAPPA * x) from being inf * 0.
_CAP = 500.0

# Exact powers of two that bring products of two large factors back into range.
_SHRINK, _GROW = 2.0**-600, 1200


def _rounded_once(expression: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Evaluate float16 and float32 arrays in float64 and round the result once."""

    @wraps(expression)
    def evaluate(x: Any) -> Any:
        with np.errstate(under="ignore"):
            # Only arrays have a type to round to; Tensors and Python numbers pass as they are.
            if isinstance(x, (np.ndarray, np.generic)) and x.dtype in (np.float16, np.float32):
                return expression(x.astype(np.float64)).astype(x.dtype)
            return expression(x)

    return evaluate


def _sigmoids(x: Any) -> tuple[Any, Any, Any]:
    """z = κx, σ(z) and σ(-z) = 1 - σ(z), for x >= 0."""
    z = KAPPA * np.minimum(x, _CAP)
    t = np.exp(-z)
    s = 1 / (1 + t)
    return z, s, t * s


def _gate(x: Any) -> Any:
    """1 + σ(κx)."""
    return 1 + _sigmoids(x)[1]


@_rounded_once
def u(x: Any) -> Any:
    """u(x) = x (1 + σ(κx)), the branch for x >= 0.

    Parameters
    ----------
    x : array
        Any shape. float16 and float32 are evaluated in float64 and rounded once.
        For x < 0 this is the formula's natural continuation, which is not used.

    Returns
    -------
    array
        Same shape and floating type as ``x``; so for the other functions here.

    Examples
    --------
    >>> float(u(np.float64(1.0)))
    1.8457957659328212
    """
    return x * _gate(x)


@_rounded_once
def du(x: Any) -> Any:
    """u′(x) = 1 + σ + κx σ (1 - σ), with σ = σ(κx), for x >= 0.

    It starts at 1.5, peaks at 2.0998... (x = 1.4097...) and tends to 2.
    """
    z, s, c = _sigmoids(x)
    return 1 + s + z * s * c


@_rounded_once
def d2u(x: Any) -> Any:
    """u″(x) = κ σ (1 - σ) (2 + κx (1 - 2σ)), with σ = σ(κx), for x >= 0."""
    z, s, c = _sigmoids(x)
    return KAPPA * s * c * (2 + z * (c - s))


@_rounded_once
def v(x: Any) -> Any:
    """v(x) = e^x - 1, the branch for x < 0.

    Examples
    --------
    >>> float(v(np.float64(-1e-20)))    # e^x - 1 as written would give 0
    -1e-20
    """
    return np.expm1(x)


@_rounded_once
def dv(x: Any) -> Any:
    """v′(x) = e^x, for x < 0."""
    return np.exp(x)


@_rounded_once
def d2v(x: Any) -> Any:
    """v″(x) = e^x, for x < 0."""
    return np.exp(x)


def apalu(
    x: ArrayLike, a: ArrayLike = 1.0, b: ArrayLike = 1.0, *, out: Array | None = None
) -> Array:
    """APALU: a·u(x) where x >= 0, b·v(x) where x < 0.

    Parameters
    ----------
    x : array_like
        Input, any shape, floating or integer (integers become float64).
    a, b : array_like
        Parameters; must broadcast against ``x``. One pair for a layer is a scalar,
        one per channel of an (N, C, H, W) input has shape (C, 1, 1), one per
        neuron has shape ``x.shape[1:]``.
    out : ndarray, optional
        Where to write the result; it may be an input.

    Returns
    -------
    ndarray
        A fresh array of the broadcast shape (or ``out``), in the type that NumPy's
        promotion gives (Python numbers do not widen: float32 stays float32).

    Raises
    ------
    TypeError
        For bool, complex, object or extended-precision arguments, and for an ``out``
        that cannot hold the result.
    ValueError
        If the shapes do not broadcast, or ``out`` has another shape.

    Notes
    -----
    x = 0 and x = -0.0 belong to the positive branch. NaN gives NaN; +inf gives
    a·inf and -inf gives -b.

    Examples
    --------
    >>> apalu([-1.0, 0.0, 1.0], a=2.0)
    array([-0.63212056,  0.        ,  3.69159153])
    """
    given, dtype, _ = checked(x=x, a=a, b=b)
    check_output(out, "out", np.broadcast_shapes(*(v.shape for v in given)), dtype)
    x, a, b = (v.astype(np.float64, copy=False) for v in given)
    above, below = np.maximum(x, 0), np.minimum(x, 0)
    with np.errstate(under="ignore"):
        # (a * x) * gate and not a * u: u alone may overflow where a * u does not.
        y: Array = np.where(x < 0, b * v(below), (a * above) * _gate(above))
        return deliver(out, y.astype(dtype, copy=False))


def apalu_grad(
    x: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    gy: ArrayLike,
    *,
    out: Sequence[Array | None] | None = None,
) -> tuple[Array, Array, Array]:
    """Gradients of ``sum(gy * apalu(x, a, b))``: the vector-Jacobian product.

    ==============  =============  ============
    per element     x >= 0         x < 0
    ==============  =============  ============
    ∂f/∂x           a·u′(x)        b·e^x
    ∂f/∂a           u(x)           0
    ∂f/∂b           0              e^x - 1
    ==============  =============  ============

    each times ``gy``, then summed over the axes along which the input was broadcast.

    Parameters
    ----------
    x, a, b : array_like
        As given to :func:`apalu`.
    gy : array_like
        Gradient with respect to the output; its shape must broadcast to the output's.
    out : sequence of three ndarray or None, optional
        Where to write dx, da and db; None for a fresh array.

    Returns
    -------
    dx, da, db : ndarray
        Fresh arrays (or those of ``out``), each of its input's shape and type (integers
        and Python numbers have no floating type of their own: they get float64 and the
        output's type). Sums are accumulated in float64.

    Raises
    ------
    TypeError, ValueError
        As :func:`apalu`; also if ``gy`` does not broadcast to the output's shape.

    Notes
    -----
    At x = 0 the slope is the right one, 3a/2; the left one is b. NaN in x gives NaN in
    dx, da and db.

    Examples
    --------
    >>> dx, da, db = apalu_grad([-1.0, 0.0, 1.0], 2.0, 1.0, 1.0)
    >>> dx
    array([0.36787944, 3.        , 4.13555921])
    >>> float(da), float(db)
    (1.8457957659328212, -0.6321205588285577)
    """
    inputs, dtype, own = checked(x=x, a=a, b=b)
    shape = np.broadcast_shapes(*(v.shape for v in inputs))
    gy, _ = checked_upstream(gy, shape)
    outs, kinds = checked_outputs(out), [dtype if t is None else t for t in own]
    for name, o, value, kind in zip(("dx", "da", "db"), outs, inputs, kinds, strict=True):
        check_output(o, f"out for {name}", value.shape, kind)
    x, a, b, gy = (v.astype(np.float64, copy=False) for v in (*inputs, gy))
    gy = np.broadcast_to(gy, shape)
    negative = x < 0
    above, below = np.maximum(x, 0), np.minimum(x, 0)
    with np.errstate(under="ignore"):
        # e^x underflows below -745, gy * b * e^x perhaps not: its root is multiplied in twice.
        deep = x < -700
        root = np.where(deep, np.exp(below / 2), 1)
        slope = np.where(negative, np.where(deep, root, dv(below)), du(above))
        gradients = (
            _sum_of_products(x.shape, gy, np.where(negative, b, a), slope, root),
            _sum_of_products(a.shape, np.where(negative, 0, gy), above, _gate(above)),
            _sum_of_products(b.shape, np.where(negative, gy, 0), v(below)),
        )
        dx, da, db = (
            deliver(o, g.astype(kind, copy=False))
            for o, g, kind in zip(outs, gradients, kinds, strict=True)
        )
    return dx, da, db


def apalu_second(
    x: ArrayLike, a: ArrayLike = 1.0, b: ArrayLike = 1.0
) -> tuple[Array, Array, Array]:
    """The second partial derivatives that are not zero, element by element.

    ==============  ===============  =======
    per element     x >= 0           x < 0
    ==============  ===============  =======
    ∂²f/∂x²         a·u″(x)          b·e^x
    ∂²f/∂x∂a        u′(x)            0
    ∂²f/∂x∂b        0                e^x
    ==============  ===============  =======

    Right of x = 400 u″ is below 10^-290 and underflows soon; then ∂²f/∂x² is 0 for any a.
    f is linear in a and b, so ∂²f/∂a², ∂²f/∂a∂b and ∂²f/∂b² are zero.

    Parameters
    ----------
    x, a, b : array_like
        As for :func:`apalu`.

    Returns
    -------
    fxx, fxa, fxb : ndarray
        Fresh arrays, all of the output's shape and type: nothing is summed.

    Examples
    --------
    >>> fxx, fxa, fxb = apalu_second([-1.0, 0.0], 2.0, 3.0)
    >>> fxx
    array([1.10363832, 1.702     ])
    >>> fxa, fxb
    (array([0. , 1.5]), array([0.36787944, 0.        ]))
    """
    given, dtype, _ = checked(x=x, a=a, b=b)
    x, a, b = (v.astype(np.float64, copy=False) for v in given)
    shape = np.broadcast_shapes(x.shape, a.shape, b.shape)
    above, below = np.maximum(x, 0), np.minimum(x, 0)
    with np.errstate(under="ignore"):
        root = np.exp(below / 2)
        parts = (
            np.where(x < 0, np.where(x < -700, b * root * root, b * d2v(below)), a * d2u(above)),
            np.where(x < 0, 0, du(above)),
            np.where(x >= 0, 0, dv(below)),
        )
        fxx, fxa, fxb = (np.broadcast_to(p, shape).astype(dtype) for p in parts)
    return fxx, fxa, fxb


def _sum_of_products(shape: tuple[int, ...], first: Array, second: Array, *rest: Array) -> Array:
    """Sum ``first * second * ...`` down to ``shape``, the reverse of broadcasting.

    Where a product or a partial sum leaves the range of float64 although the result
    may lie within it, the sum is formed again from factors scaled by powers of two.
    """

    def total(first: Array, second: Array) -> Array:
        terms = np.asarray(math.prod(rest, start=first * second))
        extra = terms.ndim - len(shape)
        axes = tuple(i for i, n in enumerate((0,) * extra + shape) if i < extra or n == 1)
        # Nothing to sum is told apart only by the count: broadcasting may have added no element.
        if terms.size == math.prod(shape):
            return terms.reshape(shape)
        return np.asarray(terms.sum(axis=axes)).reshape(shape)

    with np.errstate(over="ignore", invalid="ignore"):
        result = total(first, second)
        lost = ~np.isfinite(result)
        if not lost.any():
            return result
        shrunk = total(first * _SHRINK, second * _SHRINK)
    return np.where(lost, np.ldexp(shrunk, _GROW), result)
