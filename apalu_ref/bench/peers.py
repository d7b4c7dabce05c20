"""The same training steps in other people's engines, APALU written there the usual way.

Each function returns one training step as a callable without arguments, or None where the engine
is not installed or has no such layer. Weights and data are the ones it is given.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Step = Callable[[], Any]

RATE = 0.01
KAPPA = 1.702


def installed(name: str) -> bool:
    """Whether a package can be imported."""
    return importlib.util.find_spec(name) is not None


def package(name: str) -> Any:
    """An optional package, imported when it is needed."""
    return importlib.import_module(name)


def torch_module(threads: int = 2) -> Any:
    """PyTorch, on so many threads."""
    torch = package("torch")
    torch.set_num_threads(threads)
    return torch


def torch_formula(torch: Any, x: Any, a: Any, b: Any) -> Any:
    """APALU composed of PyTorch's functions."""
    right = a * x * (1 + torch.sigmoid(KAPPA * x))
    return torch.where(x >= 0, right, b * torch.expm1(x.clamp(max=0)))


def torch_apalu(shape: tuple[int, ...]) -> Any:
    """A ``torch.nn.Module``: APALU with a and b of this shape, drawn from U(0, 2)."""
    torch = torch_module()

    class Apalu(torch.nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.a = torch.nn.Parameter(2 * torch.rand(shape))
            self.b = torch.nn.Parameter(2 * torch.rand(shape))

        def forward(self, x: Any) -> Any:
            return torch_formula(torch, x, self.a, self.b)

    return Apalu()


def torch_lenet() -> Any:
    """LeNet 8c5-p2-16c5-p2-10 with APALU per channel."""
    nn = torch_module().nn
    return nn.Sequential(
        nn.Conv2d(1, 8, 5),
        torch_apalu((8, 1, 1)),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 5),
        torch_apalu((16, 1, 1)),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 10),
    )


def torch_step(network: Any, x: Array, labels: Array, optimizer: str) -> Step:
    """A training step of a PyTorch module."""
    torch = torch_module()
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    optimiser = kinds[optimizer](network.parameters(), lr=RATE)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(labels)

    def step() -> Any:
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(network(inputs), targets)
        loss.backward()
        optimiser.step()
        return loss

    return step


def torch_mlp(widths: Sequence[int], per_neuron: bool) -> Any:
    """Linear layers with APALU between them."""
    nn = torch_module().nn
    layers: list[Any] = []
    for n, m in pairwise(widths):
        layers += [nn.Linear(n, m), torch_apalu((m,) if per_neuron else ())]
    return nn.Sequential(*layers[:-1])


def _numpy_parameters(widths: Sequence[int], per_neuron: bool) -> list[tuple[Array, ...]]:
    rng = np.random.default_rng(0)
    layers: list[tuple[Array, ...]] = []
    for n, m in pairwise(widths):
        bound = n**-0.5
        shape = (m,) if per_neuron else ()
        layers.append(
            (
                rng.uniform(-bound, bound, (n, m)).astype(np.float32),
                rng.uniform(-bound, bound, m).astype(np.float32),
                rng.uniform(0, 2, shape).astype(np.float32),
                rng.uniform(0, 2, shape).astype(np.float32),
            )
        )
    return layers


def mygrad_mlp(widths: Sequence[int], per_neuron: bool, x: Array, labels: Array) -> Step:
    """A training step of an MLP in MyGrad, with plain gradient descent."""
    mg = package("mygrad")
    sigmoid = package("mygrad.nnet.activations").sigmoid
    softmax_crossentropy = package("mygrad.nnet.losses").softmax_crossentropy

    layers = [tuple(map(mg.tensor, layer)) for layer in _numpy_parameters(widths, per_neuron)]

    def step() -> Any:
        h: Any = x
        for i, (w, c, a, b) in enumerate(layers):
            h = mg.matmul(h, w) + c
            if i < len(layers) - 1:
                right = a * h * (1 + sigmoid(KAPPA * h))
                h = mg.where(h.data >= 0, right, b * mg.expm1(mg.minimum(h, 0)))
        loss = softmax_crossentropy(h, labels)
        loss.backward()
        for layer in layers:
            for p in layer:
                if p.grad is not None:
                    p.data -= np.asarray(RATE * p.grad, p.dtype)
        return loss

    return step


def mygrad_lenet(x: Array, labels: Array) -> Step:
    """A training step of the LeNet in MyGrad, with plain gradient descent."""
    mg = package("mygrad")
    layers = package("mygrad.nnet.layers")
    sigmoid = package("mygrad.nnet.activations").sigmoid
    softmax_crossentropy = package("mygrad.nnet.losses").softmax_crossentropy

    rng = np.random.default_rng(0)

    def drawn(*shape: int) -> Any:
        return mg.tensor((rng.standard_normal(shape) * 0.1).astype(np.float32))

    def pair(channels: int) -> list[Any]:
        shape = (channels, 1, 1)
        return [mg.tensor(rng.uniform(0, 2, shape).astype(np.float32)) for _ in "ab"]

    first = [drawn(8, 1, 5, 5), drawn(8, 1, 1), *pair(8)]
    second = [drawn(16, 8, 5, 5), drawn(16, 1, 1), *pair(16)]
    last = [drawn(256, 10), drawn(10)]

    def step() -> Any:
        h: Any = x
        for w, c, a, b in (first, second):
            h = layers.conv_nd(h, w, stride=1) + c
            right = a * h * (1 + sigmoid(KAPPA * h))
            h = mg.where(h.data >= 0, right, b * mg.expm1(mg.minimum(h, 0)))
            h = layers.max_pool(h, (2, 2), 2)
        loss = softmax_crossentropy(mg.matmul(h.reshape(len(x), -1), last[0]) + last[1], labels)
        loss.backward()
        for p in (*first, *second, *last):
            p.data -= np.asarray(RATE * p.grad, p.dtype)
        return loss

    return step


def autograd_mlp(widths: Sequence[int], per_neuron: bool, x: Array, labels: Array) -> Step:
    """A training step of an MLP in HIPS autograd, with plain gradient descent."""
    autograd, anp = package("autograd"), package("autograd.numpy")

    layers = [list(layer) for layer in _numpy_parameters(widths, per_neuron)]
    rows = np.arange(len(x))

    def loss(layers: Any) -> Any:
        h: Any = x
        for i, (w, c, a, b) in enumerate(layers):
            h = anp.dot(h, w) + c
            if i < len(layers) - 1:
                right = a * h * (1 + 1 / (1 + anp.exp(-KAPPA * anp.maximum(h, 0))))
                h = anp.where(h >= 0, right, b * anp.expm1(anp.minimum(h, 0)))
        shifted = h - anp.max(h, axis=1, keepdims=True)
        log = shifted - anp.log(anp.sum(anp.exp(shifted), axis=1, keepdims=True))
        return -anp.mean(log[rows, labels])

    gradient = autograd.grad(loss)

    def step() -> Any:
        for layer, grads in zip(layers, gradient(layers), strict=True):
            for i, g in enumerate(grads):
                layer[i] = layer[i] - np.float32(RATE) * g

    return step


def tiny_ops(name: str, n: int) -> Step:
    """``n`` multiplications and additions of one number in a chain, and backward."""
    if name == "mygrad":
        mg = package("mygrad")
        x, c, d = (mg.tensor(np.array([v])) for v in (1.0, 0.999, 0.01))

        def step() -> Any:
            t = x
            for _ in range(n // 2):
                t = t * c + d
            t.backward()

        return step
    if name == "autograd":
        autograd = package("autograd")

        def chain(v: Any) -> Any:
            t = v[0]
            for _ in range(n // 2):
                t = t * v[1] + v[2]
            return t[0]

        gradient = autograd.grad(chain)
        start = tuple(np.array([v]) for v in (1.0, 0.999, 0.01))
        return lambda: gradient(start)
    torch = torch_module()
    x, c, d = (torch.tensor([v], requires_grad=True) for v in (1.0, 0.999, 0.01))

    def step_torch() -> Any:
        t = x
        for _ in range(n // 2):
            t = t * c + d
        t.backward()

    return step_torch
