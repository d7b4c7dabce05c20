"""Losses as modules: ``loss = nn.CrossEntropyLoss(); loss(input, target)``."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigrad.nn import functional as F
from minigrad.nn.module import Module

Array = NDArray[np.floating[Any]]


class CrossEntropyLoss(Module):
    """See :func:`~minigrad.nn.functional.cross_entropy`."""

    weight: Array | None

    def __init__(
        self,
        weight: ArrayLike | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of logits against labels or probabilities."""
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(Module):
    """See :func:`~minigrad.nn.functional.nll_loss`."""

    weight: Array | None

    def __init__(
        self,
        weight: ArrayLike | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index
        self.reduction = reduction

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of log-probabilities against labels."""
        return F.nll_loss(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class BCEWithLogitsLoss(Module):
    """See :func:`~minigrad.nn.functional.binary_cross_entropy_with_logits`."""

    weight: Array | None
    pos_weight: Array | None

    def __init__(
        self,
        weight: ArrayLike | None = None,
        *,
        reduction: str = "mean",
        pos_weight: ArrayLike | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)
        self.reduction = reduction

    def forward(self, input: Any, target: Any) -> Any:
        """The loss of logits against probabilities."""
        return F.binary_cross_entropy_with_logits(
            input,
            target,
            self.weight,
            reduction=self.reduction,
            pos_weight=self.pos_weight,
        )


class MSELoss(Module):
    """See :func:`~minigrad.nn.functional.mse_loss`."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, input: Any, target: Any) -> Any:
        """The squared difference."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Module):
    """See :func:`~minigrad.nn.functional.l1_loss`."""

    def __init__(self, *, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, input: Any, target: Any) -> Any:
        """The absolute difference."""
        return F.l1_loss(input, target, reduction=self.reduction)


class HuberLoss(Module):
    """See :func:`~minigrad.nn.functional.huber_loss`."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__()
        self.reduction = reduction
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Any:
        """Squared where small, absolute where large."""
        return F.huber_loss(input, target, self.reduction, self.delta)


class SmoothL1Loss(Module):
    """See :func:`~minigrad.nn.functional.smooth_l1_loss`."""

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__()
        self.reduction = reduction
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Any:
        """Squared where small, absolute where large."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)
