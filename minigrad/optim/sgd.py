"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minigrad.optim.optimizer import Array, Optimizer, Params, check_not_negative


class SGD(Optimizer):
    """Gradient descent, with momentum if wanted.

    Parameters
    ----------
    params : iterable of Tensor, or of dict
        The parameters, or groups of them.
    lr : float
        The learning rate.
    momentum : float
        How much of the last update is kept, 0 ≤ momentum.
    dampening : float
        How much of the gradient is left out of the momentum.
    weight_decay : float
        The weight of the penalty ``weight_decay/2 · p²``.
    nesterov : bool
        Look ahead by one step of the momentum; needs momentum and no dampening.

    Notes
    -----
    With gradient g and d = weight_decay::

        g ← g + d·p
        v ← momentum·v + (1 − dampening)·g      (v = g at the first step)
        p ← p − lr·v,   with nesterov  p ← p − lr·(g + momentum·v)

    Examples
    --------
    >>> from minigrad import tensor
    >>> p = tensor([1.0, 2.0], requires_grad=True)
    >>> optimizer = SGD([p], lr=0.1)
    >>> (p * p).sum().backward()
    >>> optimizer.step()
    >>> p
    tensor([0.8, 1.6], requires_grad=True)
    """

    def __init__(
        self,
        params: Params,
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
            },
        )

    def check(self, group: Mapping[str, Any]) -> None:
        """Raise a ValueError if a setting is out of range."""
        check_not_negative(group, "lr", "momentum", "weight_decay")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("nesterov needs a momentum above 0 and dampening 0")

    def buffers(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """The momentum, if there is any."""
        return ("momentum_buffer",) if group["momentum"] else ()

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
        momentum = float(group["momentum"])
        if group["weight_decay"]:
            np.multiply(p, float(group["weight_decay"]), out=s)
            s += g
            g = s
        if momentum:
            (v,) = state
            if fresh:
                v[...] = g
            else:
                v *= momentum
                if group["dampening"]:
                    np.multiply(g, 1 - float(group["dampening"]), out=t)
                    v += t
                else:
                    v += g
            if group["nesterov"]:
                np.multiply(v, momentum, out=t)
                t += g
                g = t
            else:
                g = v
        np.multiply(g, float(group["lr"]), out=t)
        p -= t
