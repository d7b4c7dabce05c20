"""A small network, data for it, and a short training."""

import numpy as np

from minigrad import nn, random
from minigrad.data import DataLoader, TensorDataset
from minigrad.optim import Adam
from minigrad.train import fit


class Net(nn.Module):
    """Two layers, written out, that count their calls."""

    def __init__(self, inside=8):
        super().__init__()
        rng = np.random.default_rng(0)
        self.w = nn.Parameter(rng.normal(size=(2, inside)).astype(np.float32))
        self.v = nn.Parameter(rng.normal(size=(inside, 2)).astype(np.float32) / 3)
        self.modes = []

    def forward(self, x):
        self.modes.append(self.training)
        return np.tanh(x @ self.w) @ self.v


def points(n=200, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return TensorDataset(x, (x[:, 0] + 0.5 * x[:, 1] > 0).astype(int))


def loss(output, target):
    """Mean squared distance from ±1: enough to learn two classes."""
    sign = np.stack([1 - 2 * target, 2 * target - 1], axis=1).astype(np.float32)
    return ((output - sign) ** 2).mean()


def trained(epochs=3, net=None, data=None, lr=0.05, loss=loss, optimizer=None, **kwargs):
    random.manual_seed(0)
    net = net or Net()
    optimizer = optimizer or Adam(net.parameters(), lr=lr)
    loader = DataLoader(points() if data is None else data, batch_size=32, shuffle=True)
    kwargs.setdefault("progress", False)
    return net, fit(net, loss, optimizer, loader, epochs=epochs, **kwargs)
