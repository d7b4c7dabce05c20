"""Sigmoid, tanh, SiLU and Mish on one block; see :mod:`apalu_ref.fused.worker` for the calls."""

from __future__ import annotations

import numpy as np

from apalu_ref.bench.kernels.parts import Array, Arrays, Parameters, minus_absolute, numbers


def _one_and(z: Array, s: Array) -> Array:
    """1 + e^-z, to divide by: nothing cancels, and where e^-z is inf the quotient is 0."""
    (one,) = numbers(z.dtype, 1)
    np.negative(z, out=s)
    np.exp(s, out=s)
    np.add(s, one, out=s)
    return one


def sigmoid(z: Array, parameters: Parameters, out: Array, scratch: Arrays) -> None:
    """1 / (1 + e^-x)."""
    one = _one_and(z, scratch[0])
    np.divide(one, scratch[0], out=out)


def sigmoid_backward(
    z: Array, parameters: Parameters, gy: Array, dx: Array, terms: Arrays, scratch: Arrays
) -> None:
    """e / (1 + e)² with e = e^-|x|, for it is the same on both sides."""
    (one,) = numbers(z.dtype, 1)
    e, d = scratch[:2]
    minus_absolute(z, e)
    np.exp(e, out=e)
    np.add(e, one, out=d)
    np.multiply(d, d, out=d)
    np.divide(e, d, out=e)
    np.multiply(e, gy, out=dx)


def tanh(z: Array, parameters: Parameters, out: Array, scratch: Arrays) -> None:
    """The hyperbolic tangent."""
    np.tanh(z, out=out)


def tanh_backward(
    z: Array, parameters: Parameters, gy: Array, dx: Array, terms: Arrays, scratch: Arrays
) -> None:
    """1 - tanh²."""
    (one,) = numbers(z.dtype, 1)
    t = scratch[0]
    np.tanh(z, out=t)
    np.multiply(t, t, out=t)
    np.subtract(one, t, out=t)
    np.multiply(t, gy, out=dx)


def silu(z: Array, parameters: Parameters, out: Array, scratch: Arrays) -> None:
    """x / (1 + e^-x)."""
    _one_and(z, scratch[0])
    np.divide(z, scratch[0], out=out)


def silu_backward(
    z: Array, parameters: Parameters, gy: Array, dx: Array, terms: Arrays, scratch: Arrays
) -> None:
    """σ (1 + x (1 - σ))."""
    s, t = scratch[:2]
    one = _one_and(z, s)
    np.divide(one, s, out=s)
    np.subtract(one, s, out=t)
    np.multiply(t, z, out=t)
    np.add(t, one, out=t)
    np.multiply(t, s, out=t)
    np.multiply(t, gy, out=dx)


def mish(z: Array, parameters: Parameters, out: Array, scratch: Arrays) -> None:
    """x / (1 + e / (1 + 1/(2e))) with e = e^-x, which is x tanh(log(1 + e^x))."""
    half, one = numbers(z.dtype, 0.5, 1)
    e, q = scratch[:2]
    np.negative(z, out=e)
    np.exp(e, out=e)
    # Written so that e = 0 and e = inf, from under- and overflow, give what they should.
    np.divide(half, e, out=q)
    np.add(q, one, out=q)
    np.divide(e, q, out=q)
    np.add(q, one, out=q)
    np.divide(z, q, out=out)


def mish_backward(
    z: Array, parameters: Parameters, gy: Array, dx: Array, terms: Arrays, scratch: Arrays
) -> None:
    """σ ((1 + c)/d + 4x (c/d)²) with c = 1 - σ and d = 1 + c²."""
    (four,) = numbers(z.dtype, 4)
    s, c, d, r = scratch[:4]
    one = _one_and(z, s)
    np.divide(one, s, out=s)
    np.subtract(one, s, out=c)
    np.multiply(c, c, out=d)
    np.add(d, one, out=d)
    np.divide(c, d, out=r)
    np.multiply(r, r, out=r)
    np.multiply(r, four, out=r)
    np.multiply(r, z, out=r)
    np.add(c, one, out=c)
    np.divide(c, d, out=c)
    np.add(r, c, out=r)
    np.multiply(r, s, out=r)
    np.multiply(r, gy, out=dx)
