"""A function of Tensors as the gradient check sees it: two functions of arrays.

One computes the output, without recording; the other the vector-Jacobian product, by the
engine. :func:`gradient_of` makes of a function of Tensors the function that is its gradient, so
that the gradient itself can be checked the same way, and that is the second order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.autograd import grad
from minigrad.core import Tensor, wrap

Array = NDArray[Any]


def of_arrays(f: Callable[..., Any]) -> tuple[Callable[..., Array], Callable[..., list[Array]]]:
    """``f(*tensors)`` as ``y(*arrays)`` and ``gradients(*arrays, gy)``.

    Floating arrays reach f as Tensors, others as they are.
    """

    def forward(*arrays: Array) -> Array:
        y = f(*(wrap(a, None) if a.dtype.kind in "fc" else a for a in arrays))
        return np.asarray(_single(y).data)

    def gradients(*arrays: Array) -> list[Array]:
        inputs = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays[:-1]]
        floating = [x for x in inputs if x.requires_grad]
        y = _single(f(*(x if x.requires_grad else x.data for x in inputs)))
        if not y.requires_grad:
            return [np.zeros(x.shape, x.dtype) for x in floating]
        return [g.data for g in grad(y, floating, arrays[-1])]

    return forward, gradients


def gradient_of(f: Callable[..., Any]) -> Callable[..., Tensor]:
    """``f(*inputs)`` as ``g(*inputs, gy)``: the gradients of all its Tensors, end to end."""

    def gradient(*inputs: Any) -> Tensor:
        *xs, gy = inputs
        # Where nothing is asked of the result but numbers, the rules see plain arrays.
        recorded = gy.requires_grad
        if not recorded:
            xs = [Tensor(x, requires_grad=True) if isinstance(x, Tensor) else x for x in xs]
        floating = [x for x in xs if isinstance(x, Tensor)]
        y = _single(f(*xs))
        if y.requires_grad:
            gradients = grad(y, floating, gy, create_graph=recorded)
        else:
            gradients = tuple(Tensor(np.zeros(x.shape, x.dtype)) for x in floating)
        return np.concatenate([np.ravel(g) for g in gradients])  # type: ignore[return-value]

    return gradient


def _single(y: Any) -> Tensor:
    if isinstance(y, (tuple, list)):
        raise TypeError(f"the function returned {len(y)} outputs: join them with np.concatenate")
    return y if isinstance(y, Tensor) else Tensor(y)
