"""Adam, and AdamW with its decoupled weight decay."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.optim.optimizer import Array, Optimizer, Params, check_not_negative


class Adam(Optimizer):
    """Steps in proportion to the mean gradient over its root mean square.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        The parameters, or groups of them.
    lr : float
        The learning rate: about the largest change of a parameter in one step.
    betas : pair of float
        How slowly the running means of the gradient and of its square move, in [0, 1).
    eps : float
        Added to the root mean square.
    weight_decay : float
        The weight of the penalty ``weight_decay/2 · p²``, which passes through the means.

    Notes
    -----
    Kingma and Ba, arXiv 1412.6980. At step t, with g ← g + weight_decay·p::

        m ← β₁·m + (1 − β₁)·g
        v ← β₂·v + (1 − β₂)·g²
        p ← p − lr · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + eps)

    Examples
    --------
    >>> from minigrad import tensor
    >>> p = tensor([1.0, -20.0], requires_grad=True)
    >>> optimizer = Adam([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()  # the first step is lr times the sign of the gradient
    >>> p
    tensor([  0.9, -19.9], requires_grad=True)
    """

    _decoupled = False

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )

    def check(self, group: Mapping[str, Any]) -> None:
        """Raise a ValueError if a setting is out of range."""
        check_not_negative(group, "lr", "eps", "weight_decay")
        betas = tuple(group["betas"])
        if len(betas) != 2 or not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas are two numbers, each 0 or more and below 1, not {betas}")

    def buffers(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The two running means."""
        return ("exp_avg", "exp_avg_sq")

    def update(
        self,
        group: Mapping[str, Any],
        step: int,
        fresh: bool,
        p: Array,
        g: Array,
        state: tuple[Array, ...],
        scratch: Array,
    ) -> None:
        """Update one stretch of parameters in place."""
        s, t = scratch
        m, v = state
        beta1, beta2 = map(float, group["betas"])
        lr, decay = float(group["lr"]), float(group["weight_decay"])
        if decay and self._decoupled:
            p *= 1 - lr * decay
        elif decay:
            np.multiply(p, decay, out=s)
            s += g
            g = s
        np.subtract(g, m, out=t)
        t *= 1 - beta1
        m += t
        np.multiply(g, g, out=t)
        t -= v
        t *= 1 - beta2
        v += t
        # Both sides of the fraction times √(1 − β₂ᵗ): one pass over the numbers less.
        root = math.sqrt(1 - beta2**step)
        np.sqrt(v, out=t)
        t += float(group["eps"]) * root
        np.divide(m, t, out=t)
        t *= lr * root / (1 - beta1**step)
        p -= t


class AdamW(Adam):
    """Adam with decoupled weight decay: parameters shrink by ``lr · weight_decay`` a step.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        The parameters, or groups of them.
    lr, betas, eps : float
        As for :class:`Adam`.
    weight_decay : float
        The share of a parameter, times ``lr``, that is taken away before each step.

    Notes
    -----
    Loshchilov and Hutter, arXiv 1711.05101: ``p ← (1 − lr·weight_decay)·p``, then Adam's step
    without the penalty.
    """

    _decoupled = True

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)
