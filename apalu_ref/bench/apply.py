"""Run a kernel over an array, large or small, as APALU's is run."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from apalu_ref.fused import blocks, whole

Array = NDArray[Any]


def forward(
    kernel: blocks.Kernel, x: Array, parameters: tuple[Array, ...], threads: int | None = None
) -> Array:
    """Values, in a fresh array; see :func:`apalu_ref.fused.blocks.forward`."""
    small = whole.fitting(x, *parameters)
    if small is not None:
        return whole.forward(kernel, *small)
    return blocks.forward(kernel, x, parameters, threads=threads)


def backward(
    kernel: blocks.Kernel,
    x: Array,
    parameters: tuple[Array, ...],
    gy: Array,
    threads: int | None = None,
) -> tuple[Array, ...]:
    """Gradients, in fresh arrays; see :func:`apalu_ref.fused.blocks.backward`."""
    small = whole.fitting(x, *parameters, gy)
    gradients = None if small is None else whole.backward(kernel, *small)
    if gradients is not None:
        return gradients
    return blocks.backward(kernel, x, parameters, gy, threads=threads)
