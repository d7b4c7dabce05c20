"""LeNet with APALU on MNIST, from start to end: minigrad beside PyTorch.

The same script in both: 8c5-p2-16c5-p2-10, batches of 128, Adam with a one-cycle schedule, no
augmentation. The test set is looked at once, after the last epoch.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref import datasets
from apalu_ref.bench import peers
from apalu_ref.bench.engine import lenet
from minigrad import Tensor, nn, no_grad, optim
from minigrad.nn import functional as F
from minigrad.random import manual_seed

Array = NDArray[Any]

# Any rate from 0.003 to 0.02 did equally well on 5,000 training images put aside.
BATCH, RATE = 128, 0.01

# Mean and standard deviation of the training pixels, in units of 255.
MEAN, STD = 0.1307, 0.3081


class Result(NamedTuple):
    """One training run."""

    engine: str
    activation: str
    images: int  # how many it was trained on
    epochs: int
    seed: int
    seconds: float
    accuracy: float


def images(split: str = "train") -> datasets.Images:
    """The images: the full MNIST of the data directory, or the small one of the package."""
    return datasets.mnist(split)


def _normalised(images: Array) -> Array:
    return ((images.astype(np.float32) / 255) - np.float32(MEAN)) / np.float32(STD)


def train(
    engine: str,
    activation: str = "apalu",
    *,
    epochs: int = 8,
    seed: int = 0,
    progress: Callable[[str], None] = lambda what: None,
) -> Result:
    """Train and test one network.

    Parameters
    ----------
    engine : {"minigrad", "torch"}
        Whose.
    activation : {"apalu", "relu"}
        APALU has one pair (a, b) a channel.
    epochs, seed : int
        How long, and of what random numbers.
    progress : callable
        Told the state after each epoch.

    Returns
    -------
    Result
    """
    train_set, test_set = images("train"), images("test")
    x, labels = _normalised(train_set.images), train_set.labels
    run = _torch if engine == "torch" else _minigrad
    begin = time.perf_counter()
    predict = run(x, labels, activation, epochs, seed, progress)
    seconds = time.perf_counter() - begin
    predicted = predict(_normalised(test_set.images))
    accuracy = float((predicted == test_set.labels).mean())
    return Result(engine, activation, len(x), epochs, seed, seconds, accuracy)


def _batches(n: int, rng: np.random.Generator) -> list[Array]:
    order = rng.permutation(n)
    return [order[i : i + BATCH] for i in range(0, n - BATCH + 1, BATCH)] or [order]


def _minigrad(
    x: Array, labels: Array, activation: str, epochs: int, seed: int, progress: Any
) -> Callable[[Array], Array]:
    manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = lenet() if activation == "apalu" else lenet(lambda channels: nn.ReLU())
    optimizer = optim.Adam(network.parameters(), lr=RATE)
    steps = epochs * max(1, len(x) // BATCH)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=steps)
    for epoch in range(epochs):
        for rows in _batches(len(x), rng):
            optimizer.zero_grad()
            loss = F.cross_entropy(network(Tensor(x[rows])), labels[rows])
            loss.backward()
            optimizer.step()
            schedule.step()
        progress(f"minigrad, {activation}, epoch {epoch + 1}: loss {loss.item():.4f}")

    def predict(images: Array) -> Array:
        network.eval()
        with no_grad():
            parts = [network(Tensor(images[i : i + 500])) for i in range(0, len(images), 500)]
        return np.concatenate([part.data.argmax(1) for part in parts])

    return predict


def _torch(
    x: Array, labels: Array, activation: str, epochs: int, seed: int, progress: Any
) -> Callable[[Array], Array]:
    torch = peers.torch_module()
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = peers.torch_lenet()
    if activation == "relu":
        network[1] = network[4] = torch.nn.ReLU()
    optimizer = torch.optim.Adam(network.parameters(), lr=RATE)
    steps = epochs * max(1, len(x) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=RATE, total_steps=steps)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(labels)
    for epoch in range(epochs):
        for rows in map(torch.from_numpy, _batches(len(x), rng)):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(network(inputs[rows]), targets[rows])
            loss.backward()
            optimizer.step()
            schedule.step()
        progress(f"torch, {activation}, epoch {epoch + 1}: loss {loss.item():.4f}")

    def predict(images: Array) -> Array:
        with torch.no_grad():
            return network(torch.from_numpy(images)).argmax(1).numpy()

    return predict
