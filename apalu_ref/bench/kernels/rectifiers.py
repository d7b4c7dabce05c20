"""ReLU, LeakyReLU, PReLU and ELU on one block; see :mod:`apalu_ref.fused.worker` for the calls."""

from __future__ import annotations

import numpy as np

from apalu_ref.bench.kernels.parts import Array, Arrays, Parameters, numbers, positive, zeros

SLOPE = 0.01
"""LeakyReLU's slope below 0."""


def relu(z: Array, parameters: Parameters, out: Array, scratch: Arrays) -> None:
    """max(x, 0)."""
    np.maximum(z, zeros(z), out=out)


def relu_backward(
    z: Array, parameters: Parameters, gy: Array, dx: Array, terms: Arrays, scratch: Arrays
) -> None:
    """1 where x > 0, else 0: a mask is all it takes."""
    mask = positive(z, scratch[0])
    np.bitwise_and(gy.view(mask.dtype), mask, out=dx.view(mask.dtype))


def leaky_relu(z: Array, parameters: Parameters, out: Array, scratch: Arrays) -> None:
    """max(x, x/100)."""
    (slope,) = numbers(z.dtype, SLOPE)
    t = scratch[0]
    np.multiply(z, slope, out=t)
    np.maximum(z, t, out=out)


def leaky_relu_backward(
    z: Array, parameters: Parameters, gy: Array, dx: Array, terms: Arrays, scratch: Arrays
) -> None:
    """1 where x > 0, else 1/100."""
    (slope,) = numbers(z.dtype, SLOPE)
    np.multiply(_slopes(z, slope, scratch[0]), gy, out=dx)


def prelu(z: Array, parameters: Parameters, out: Array, scratch: Arrays) -> None:
    """max(x, 0) + w min(x, 0)."""
    (w,) = parameters
    s, t = scratch[:2]
    np.minimum(z, zeros(z), out=t)
    np.multiply(t, w, out=t)
    np.maximum(z, zeros(z), out=s)
    np.add(s, t, out=out)


def prelu_backward(
    z: Array, parameters: Parameters, gy: Array, dx: Array, terms: Arrays, scratch: Arrays
) -> None:
    """1 where x > 0, else w; by w, min(x, 0)."""
    (w,), (term,) = parameters, terms
    slopes = _slopes(z, w, scratch[0])
    np.minimum(z, zeros(z), out=term)
    np.multiply(term, gy, out=term)
    np.multiply(slopes, gy, out=dx)


def _slopes(z: Array, slope: Array, t: Array) -> Array:
    """1 where z > 0, else ``slope``: as masked bits of the two numbers, which are few."""
    mask = positive(z, t)
    (one,) = numbers(z.dtype, 1)
    bits = slope.view(mask.dtype)
    np.bitwise_and(mask, np.bitwise_xor(one.view(mask.dtype), bits), out=mask)
    np.bitwise_xor(mask, bits, out=mask)
    return t


def elu(z: Array, parameters: Parameters, out: Array, scratch: Arrays) -> None:
    """max(x, 0) + e^m - 1 with m = min(x, 0), where e^m - 1 = 2t / (1 - t), t = tanh(m/2)."""
    half, minus_half = numbers(z.dtype, 0.5, -0.5)
    t, w = scratch[:2]
    np.minimum(z, zeros(z), out=t)
    np.multiply(t, half, out=t)
    np.tanh(t, out=t)
    np.multiply(t, minus_half, out=w)
    np.add(w, half, out=w)
    np.divide(t, w, out=t)
    np.maximum(z, zeros(z), out=w)
    np.add(t, w, out=out)


def elu_backward(
    z: Array, parameters: Parameters, gy: Array, dx: Array, terms: Arrays, scratch: Arrays
) -> None:
    """e^min(x, 0)."""
    t = scratch[0]
    np.minimum(z, zeros(z), out=t)
    np.exp(t, out=t)
    np.multiply(t, gy, out=dx)
