"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.nn import functional as F
from minigrad.nn.module import Module, Parameter

Array = NDArray[Any]


class _BatchNorm(Module):
    """What is common to one and two dimensions; ``dims`` are the numbers of axes allowed."""

    dims: tuple[int, ...] = ()
    running_mean: Array | None
    running_var: Array | None
    num_batches_tracked: Array | None

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(np.ones(num_features, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_features, np.float32)) if affine else None
        tracked = track_running_stats
        self.register_buffer(
            "running_mean", np.zeros(num_features, np.float32) if tracked else None
        )
        self.register_buffer("running_var", np.ones(num_features, np.float32) if tracked else None)
        self.register_buffer("num_batches_tracked", np.zeros((), np.int64) if tracked else None)

    def forward(self, input: Any) -> Any:
        """Of the input's shape."""
        if input.ndim not in self.dims:
            raise ValueError(
                f"{type(self).__name__} takes an input of {' or '.join(map(str, self.dims))} axes, "
                f"not of shape {input.shape}"
            )
        momentum = 0.0 if self.momentum is None else self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked += 1
            if self.momentum is None:
                momentum = 1 / self.num_batches_tracked.item()
        return F.batch_norm(
            input,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        """The number of features and the settings."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Normalise each feature over the batch: (N, C) or (N, C, L).

    Parameters
    ----------
    num_features : int
        C.
    eps : float
        Added to the variance.
    momentum : float or None
        The share of the newest batch in the running statistics; None for the mean over all
        batches so far.
    affine : bool
        Whether to train a weight and a bias for each feature.
    track_running_stats : bool
        Whether to keep running statistics for ``eval``; else the batch's are used there, too.

    Notes
    -----
    Training normalises by the biased variance; ``running_var`` is the unbiased one. See
    :func:`~minigrad.nn.functional.batch_norm`.
    """

    dims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Normalise each channel over batch, height and width: (N, C, H, W). See BatchNorm1d."""

    dims = (4,)


class LayerNorm(Module):
    """Normalise the last axes of each sample; see :func:`~minigrad.nn.functional.layer_norm`.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The shape of those axes.
    eps : float
        Added to the variance.
    elementwise_affine, bias : bool
        Whether to train a weight of that shape, and with it a bias.
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        one = isinstance(normalized_shape, int)
        self.normalized_shape: tuple[int, ...] = (
            (normalized_shape,) if one else tuple(normalized_shape)  # type: ignore[arg-type,assignment]
        )
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        shape = self.normalized_shape
        self.weight = Parameter(np.ones(shape, np.float32)) if elementwise_affine else None
        has_bias = elementwise_affine and bias
        self.bias = Parameter(np.zeros(shape, np.float32)) if has_bias else None

    def forward(self, input: Any) -> Any:
        """Of the input's shape."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The shape and the settings."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )
