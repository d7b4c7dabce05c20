"""What fit refuses before any work is done, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from minigrad.data import Subset, TensorDataset
from minigrad.optim import Optimizer
from minigrad.train.callbacks import EarlyStopping


def check_arguments(
    model: Any,
    loss: Any,
    optimizer: Any,
    train_loader: Any,
    epochs: Any,
    validation: Any,
    scheduler_interval: Any,
    metrics: Any,
    early_stopping: Any,
    checkpoint_dir: Any,
) -> None:
    """Raise if an argument of :func:`minigrad.train.fit` is not what it must be."""
    if not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs must be a whole number, 1 or more, not {epochs!r}")
    if scheduler_interval not in (None, "epoch", "step"):
        raise ValueError(f"scheduler_interval is 'epoch' or 'step', not {scheduler_interval!r}")
    if early_stopping is not None and not isinstance(early_stopping, EarlyStopping):
        raise TypeError(
            f"early_stopping must be an EarlyStopping, not a {type(early_stopping).__name__}"
        )
    for name, batches in (("train_loader", train_loader), ("validation", validation)):
        if batches is not None and isinstance(batches, Iterator):
            raise TypeError(f"{name} must give its batches anew each epoch: pass a DataLoader")
        if isinstance(batches, (TensorDataset, Subset)) or (
            isinstance(batches, tuple) and all(hasattr(part, "shape") for part in batches)
        ):
            raise TypeError(
                f"{name} must give batches, not single examples or whole arrays: pass "
                "DataLoader(TensorDataset(inputs, targets), batch_size)"
            )
    if isinstance(loss, type) or not callable(loss):
        raise TypeError(
            f"loss is a function of output and target, such as nn.CrossEntropyLoss(), not {loss!r}"
        )
    if not isinstance(optimizer, Optimizer):
        raise TypeError(
            f"optimizer must be one, such as optim.Adam(model.parameters()), not {optimizer!r}"
        )
    if not isinstance(metrics or {}, Mapping):
        raise TypeError(f'metrics maps names to functions, {{"name": function}}, not {metrics!r}')
    own = {id(p) for p in model.parameters()}
    if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
        raise ValueError(
            "the optimizer has none of the model's parameters: make it of model.parameters()"
        )
    if checkpoint_dir is not None and not hasattr(train_loader, "state_dict"):
        raise TypeError(
            f"with checkpoints train_loader must be a DataLoader, not a "
            f"{type(train_loader).__name__}: its position is part of them"
        )
