"""Gradient clipping: bound the gradients before the optimiser uses them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.core import Tensor


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[NDArray[Any]]:
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [g.data for p in parameters if (g := p.grad) is not None]


def _norm(g: NDArray[Any], norm_type: float) -> float:
    if not g.size:
        return 0.0
    if norm_type == math.inf:
        return float(np.abs(g).max())
    if norm_type == 2 and g.dtype != np.float16:
        square = float(np.vdot(g, g))
        # The squares may leave the type's range where the norm does not.
        if math.isfinite(square) and square > 1e-30:
            return math.sqrt(square)
    wide = np.abs(g, dtype=np.float64).ravel()
    scale = float(wide.max())
    if scale == 0 or not math.isfinite(scale):
        return scale
    return scale * float(np.linalg.norm(wide / scale, norm_type))


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> np.float64:
    """Scale the gradients, in place, so that their norm taken together is at most ``max_norm``.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Whose ``.grad`` is meant; those without one are passed over.
    max_norm : float
        The bound.
    norm_type : float
        Which p-norm; ``math.inf`` for the largest element.
    error_if_nonfinite : bool
        Raise if the norm is infinite or NaN.

    Returns
    -------
    numpy.float64
        The norm before clipping.

    Raises
    ------
    RuntimeError
        If the norm is not finite and ``error_if_nonfinite`` is set.

    Notes
    -----
    Gradients are multiplied by ``min(1, max_norm / (norm + 1e-6))``.

    Examples
    --------
    >>> from minigrad import tensor
    >>> p = tensor([3.0, 4.0], requires_grad=True)
    >>> (p * p).sum().backward()
    >>> print(clip_grad_norm_([p], max_norm=1.0))
    10.0
    >>> p.grad
    tensor([0.59999994, 0.79999992])
    """
    gradients = _gradients(parameters)
    norms = [_norm(g, float(norm_type)) for g in gradients]
    if norm_type == math.inf:
        # Not max(): it may pass over a NaN.
        total = float(np.max(norms, initial=0.0))
    else:
        total = _norm(np.array(norms), float(norm_type))
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"the norm of the gradients is {total}: they cannot be clipped. Look for the first "
            "operation that made it so with minigrad.detect_anomaly()"
        )
    scale = max_norm / (total + 1e-6)
    if not scale >= 1:  # NaN, too, goes into every gradient, as in PyTorch
        for g in gradients:
            with np.errstate(invalid="ignore"):  # ∞ · 0
                np.multiply(g, scale, out=g)
    return np.float64(total)


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Bound each element of the gradients, in place, to ``[-clip_value, clip_value]``.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
        Whose ``.grad`` is meant; those without one are passed over.
    clip_value : float
        The bound.
    """
    for g in _gradients(parameters):
        np.clip(g, -float(clip_value), float(clip_value), out=g)
