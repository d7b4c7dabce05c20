"""The functions of ``nn``, each activation and loss written once: ``nn.functional as F``.

Names, arguments and their defaults are PyTorch's. Each runs on plain arrays too.
"""

from minigrad.nn.functional.activation import (
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    logsumexp,
    mish,
    pelu,
    prelu,
    relu,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    swish,
    tanh,
)
from minigrad.nn.functional.layer import (
    adaptive_avg_pool2d,
    avg_pool2d,
    conv2d,
    dropout,
    linear,
    max_pool2d,
)
from minigrad.nn.functional.loss import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)
from minigrad.nn.functional.norm import batch_norm, layer_norm

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "cross_entropy",
    "dropout",
    "elu",
    "gelu",
    "huber_loss",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsumexp",
    "max_pool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "pelu",
    "prelu",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "swish",
    "tanh",
]
