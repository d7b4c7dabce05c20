"""Sample calls of every function of nn, at inputs where it is smooth twice over."""

import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minigrad.nn import functional as F
from minigrad.nn import recurrent
from minigrad.nn.functional import activation
from minigrad.nn.functional.recurrent import gru, lstm, rnn


class Sample(NamedTuple):
    name: str
    f: Callable[..., Any]
    inputs: tuple[np.ndarray, ...]


SAMPLES: dict[str, Sample] = {}


def sample(name, f, *inputs):
    assert name not in SAMPLES, name
    SAMPLES[name] = Sample(name, f, inputs)


def numbers(name, *shape, low=-2.03, high=2.11):
    """Distinct numbers in no order, apart from one another and from 0."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    n = int(np.prod(shape))
    x = low + (high - low) * (np.arange(n) + rng.uniform(0.3, 0.7, n)) / max(n, 1)
    return rng.permutation(np.where(np.abs(x) < 0.05, 0.1, x)).reshape(shape)


# -- activations: an array with axes exchanged, a single number, nothing

ELEMENTWISE = {
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "leaky_relu, slope -2": lambda x: F.leaky_relu(x, -2.0),
    "elu": F.elu,
    "elu, alpha 0.4": lambda x: F.elu(x, 0.4),
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu, tanh": lambda x: F.gelu(x, "tanh"),
    "silu": F.silu,
    "swish": F.swish,
    "swish, beta 1.7": lambda x: F.swish(x, 1.7),
    "mish": F.mish,
    "softplus": F.softplus,
    "softplus, both branches": lambda x: F.softplus(x, 3.0, 1.0),
    "sigmoid": F.sigmoid,
    "tanh": F.tanh,
    "ndtr": activation.ndtr,
    "below": activation.below,
}
TRAINED = {"prelu": (F.prelu, 1), "pelu": (F.pelu, 2), "swish, trained": (F.swish, 1)}
ALONG = {"softmax": F.softmax, "log_softmax": F.log_softmax, "logsumexp": F.logsumexp}

for name, f in ELEMENTWISE.items():
    sample(name, f, numbers(name, 3, 4).T)
    sample(f"{name}, one", f, numbers(name, 1).reshape(()))
    sample(f"{name}, none", f, np.zeros((0, 3)))
for name, (f, count) in TRAINED.items():
    for shape, n in [((3, 4), 1), ((3, 4), 4), ((4,), 4), ((2, 3, 2, 2), 3), ((), 1), ((0, 3), 3)]:
        weights = [numbers(f"{name}{k}", n, low=0.4, high=1.6) for k in range(count)]
        sample(f"{name} {shape}, {n}", f, numbers(name, *shape), *weights)
for name, f in ALONG.items():
    sample(f"{name}, last axis", lambda x, f=f: f(x, -1), numbers(name, 3, 4))
    sample(f"{name}, first axis", lambda x, f=f: f(x, 0), numbers(name, 3, 2, 2))
    sample(f"{name}, of nothing", lambda x, f=f: f(x, 1), np.zeros((0, 3)))
sample("logsumexp, two axes", lambda x: F.logsumexp(x, (0, 2), True), numbers("l", 2, 3, 2))

# -- losses

LABELS = np.array([0, 2, 1, 2])
WEIGHT = [0.5, 2.0, 1.5]


def logits(*shape):
    return numbers("logits", *shape, low=-3.0, high=3.0)


def probabilities(*shape):
    p = numbers("p", *shape, low=0.1, high=0.9)
    return p / p.sum(1, keepdims=True)


sample("cross_entropy", lambda x: F.cross_entropy(x, LABELS), logits(4, 3))
sample(
    "cross_entropy, all settings",
    lambda x: F.cross_entropy(
        x, LABELS, WEIGHT, ignore_index=1, reduction="none", label_smoothing=0.1
    ),
    logits(4, 3),
)
sample("cross_entropy, one", lambda x: F.cross_entropy(x, np.array(1)), logits(3))
sample(
    "cross_entropy, images",
    lambda x: F.cross_entropy(x, LABELS.reshape(1, 2, 2), WEIGHT),
    logits(1, 3, 2, 2),
)
sample("cross_entropy, probabilities", F.cross_entropy, logits(4, 3), probabilities(4, 3))
sample(
    "cross_entropy, none",
    lambda x: F.cross_entropy(x, np.zeros(0, int), reduction="sum"),
    np.zeros((0, 3)),
)
sample("nll_loss", lambda x: F.nll_loss(x, LABELS, WEIGHT, ignore_index=0), logits(4, 3))
PAIRED = {
    "mse_loss": F.mse_loss,
    "l1_loss": F.l1_loss,
    "huber_loss": lambda x, t: F.huber_loss(x, t, delta=0.7),
    "smooth_l1_loss": lambda x, t: F.smooth_l1_loss(x, t, reduction="sum", beta=0.4),
    "bce": F.binary_cross_entropy_with_logits,
    "bce, all settings": lambda x, t: F.binary_cross_entropy_with_logits(
        x, t, [0.5, 1.5, 2.0], pos_weight=2.0, reduction="none"
    ),
}
for name, f in PAIRED.items():
    sample(name, f, logits(2, 3), numbers(name, 2, 3, low=0.11, high=0.93))

# -- layers

for shape in [(4, 3), (3,), (2, 2, 3), (0, 3)]:
    weights = numbers("w", 2, 3), numbers("b", 2)
    sample(f"linear {shape}", F.linear, numbers("linear", *shape), *weights)
sample("linear, no bias", F.linear, numbers("linear", 4, 3), numbers("w", 2, 3))

KERNEL = numbers("k", 4, 2, 2, 3)
sample("conv2d", F.conv2d, numbers("x", 2, 2, 4, 5), KERNEL, numbers("b", 4))
sample("conv2d, one image", F.conv2d, numbers("x", 2, 4, 5), KERNEL)
sample(
    "conv2d, same",
    lambda x, w: F.conv2d(x, w, None, padding="same", groups=2),
    numbers("x", 1, 4, 3, 3),
    KERNEL,
)
sample("max_pool2d", lambda x: F.max_pool2d(x, 2, 1, 1), numbers("x", 1, 2, 3, 4))
sample("avg_pool2d", lambda x: F.avg_pool2d(x, (2, 3), 2, 1), numbers("x", 2, 5, 4))
sample("adaptive_avg_pool2d", lambda x: F.adaptive_avg_pool2d(x, (2, None)), numbers("x", 2, 5, 4))

STATISTICS = numbers("mean", 3), numbers("var", 3, low=0.5, high=2.0)
for shape in [(4, 3), (2, 3, 4), (2, 3, 2, 2)]:
    x, affine = numbers("norm", *shape), (numbers("w", 3), numbers("b", 3))
    sample(
        f"batch_norm {shape}",
        lambda *xs: F.batch_norm(xs[0], None, None, *xs[1:], True),
        x,
        *affine,
    )
    sample(
        f"batch_norm, eval {shape}",
        lambda *xs: F.batch_norm(xs[0], *STATISTICS, *xs[1:]),
        x,
        *affine,
    )
sample("batch_norm, bare", lambda x: F.batch_norm(x, None, None, training=True), numbers("x", 4, 3))
sample("batch_norm, eval, none", lambda x: F.batch_norm(x, *STATISTICS), np.zeros((0, 3)))
sample(
    "layer_norm",
    lambda *xs: F.layer_norm(xs[0], (2, 3), *xs[1:]),
    numbers("x", 2, 2, 3),
    numbers("w", 2, 3),
    numbers("b", 2, 3),
)
sample("layer_norm, bare", lambda x: F.layer_norm(x, (3,)), numbers("x", 4, 3))
sample("layer_norm, none", lambda x: F.layer_norm(x, (3,)), np.zeros((0, 3)))

sample(
    "layer_norm, bias alone",
    lambda x, b: F.layer_norm(x, (2, 3), None, b),
    numbers("x", 2, 2, 3),
    numbers("b", 2, 3),
)

ENDED = np.array([[True, True], [True, False], [True, False]])[..., None]
RECURRENT = {
    "rnn, tanh": (lambda *xs: rnn(*xs, False, None), 1, 1),
    "rnn, relu": (lambda *xs: rnn(*xs, True, None), 1, 1),
    "rnn, tanh, padded": (lambda *xs: rnn(*xs, False, ENDED), 1, 1),
    "gru": (gru, 3, 1),
    "lstm": (lstm, 4, 2),
}
for name, (f, gates, states) in RECURRENT.items():
    rows = gates * 2
    first = [numbers(f"{name} {k}", 2, 2) for k in range(states)]
    weights = [numbers(f"{name} w", rows, 3), numbers(f"{name} u", rows, 2)]
    biases = [numbers(f"{name} b", rows), numbers(f"{name} c", rows)]
    x = numbers(name, 3, 2, 3)
    sample(name, f, x, *first, *weights, *biases)
    tail = ("relu" in name, None) if "rnn" in name else ()
    bare = (
        (lambda *xs, tail=tail: rnn(*xs, None, None, *tail))
        if tail
        else (lambda *xs, f=f: f(*xs, None, None))
    )
    sample(f"{name}, no biases", bare, x, *first, *weights)

INDEX = np.array([[1, 2], [0, 1], [2, 0]]), np.arange(2)  # the lengths are 2 and 3
sample("backwards", lambda x: recurrent._backwards(x, INDEX), numbers("x", 3, 2, 2))
