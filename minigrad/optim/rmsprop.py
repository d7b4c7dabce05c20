"""RMSprop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.optim.optimizer import Array, Optimizer, Params, check_not_negative


class RMSprop(Optimizer):
    """Steps in proportion to the gradient over its running root mean square.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        The parameters, or groups of them.
    lr : float
        The learning rate.
    alpha : float
        How slowly the running mean of the squared gradient moves, in [0, 1].
    eps : float
        Added to the root mean square.
    weight_decay : float
        The weight of the penalty ``weight_decay/2 · p²``.
    momentum : float
        How much of the last update is kept.
    centered : bool
        Divide by the standard deviation of the gradient in place of its root mean square.

    Notes
    -----
    Tieleman and Hinton, lecture 6e of *Neural Networks for Machine Learning* (2012); the
    centred form is of Graves, arXiv 1308.0850. With g ← g + weight_decay·p::

        v ← alpha·v + (1 − alpha)·g²
        u = g / (√v + eps),    centred  u = g / (√(v − m²) + eps), m the mean of g
        b ← momentum·b + u
        p ← p − lr·b
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "alpha": alpha,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "centered": centered,
            },
        )

    def check(self, group: Mapping[str, Any]) -> None:
        """Raise a ValueError if a setting is out of range."""
        check_not_negative(group, "lr", "alpha", "eps", "weight_decay", "momentum")
        if group["alpha"] > 1:
            raise ValueError(f"alpha must be from 0 to 1, not {group['alpha']}")

    def buffers(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The running mean of the squares; of the gradient; the momentum."""
        names = ["square_avg"]
        if group["centered"]:
            names.append("grad_avg")
        if group["momentum"]:
            names.append("momentum_buffer")
        return tuple(names)

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
        v, *rest = state
        alpha = float(group["alpha"])
        if group["weight_decay"]:
            np.multiply(p, float(group["weight_decay"]), out=s)
            s += g
            g = s
        np.multiply(g, g, out=t)
        t *= 1 - alpha
        v *= alpha
        v += t
        if group["centered"]:
            m = rest[0]
            np.subtract(g, m, out=t)
            t *= 1 - alpha
            m += t
            np.multiply(m, m, out=t)
            np.subtract(v, t, out=t)
            np.maximum(t, 0, out=t)  # rounding may leave a little less than nothing
            np.sqrt(t, out=t)
        else:
            np.sqrt(v, out=t)
        t += float(group["eps"])
        np.divide(g, t, out=t)
        if group["momentum"]:
            b = rest[-1]
            b *= float(group["momentum"])
            b += t
            np.multiply(b, float(group["lr"]), out=t)
        else:
            t *= float(group["lr"])
        p -= t
