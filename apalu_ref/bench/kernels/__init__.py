"""Other activations, done as well in NumPy as APALU is: what they cost is the price to compare.

Each has a forward and a backward pass over one block, a program of NumPy calls that writes only
into given memory, as :mod:`apalu_ref.fused.kernel` has them. They are made by the same rules:

* the backward pass starts from x;
* as few passes over a block as there can be, in place wherever that is possible;
* bit masks in place of ``np.where``, and ``np.maximum`` with an array of zeros, which takes a third
  of the time that it takes with a number;
* no digits cancel near zero, nor in the lower tail (but in 1 - tanh² they do).

Finite numbers give finite ones as long as |x| stays below 10^12; APALU alone is made for more. A
derivative at a kink is the one :mod:`minigrad.nn.functional` has there. ELU's alpha is 1, and
LeakyReLU's slope is 0.01.
"""

from __future__ import annotations

from apalu_ref.bench.kernels import gelu, rectifiers, sigmoids
from apalu_ref.fused.blocks import Kernel

KERNELS = {
    "relu": Kernel(rectifiers.relu, rectifiers.relu_backward, 1),
    "leaky_relu": Kernel(rectifiers.leaky_relu, rectifiers.leaky_relu_backward, 1),
    "prelu": Kernel(rectifiers.prelu, rectifiers.prelu_backward, 2),
    "elu": Kernel(rectifiers.elu, rectifiers.elu_backward, 2),
    "gelu_tanh": Kernel(gelu.by_tanh, gelu.by_tanh_backward, 3),
    "gelu_erf": Kernel(gelu.by_erf, gelu.by_erf_backward, 4),
    "silu": Kernel(sigmoids.silu, sigmoids.silu_backward, 2),
    "mish": Kernel(sigmoids.mish, sigmoids.mish_backward, 4),
    "tanh": Kernel(sigmoids.tanh, sigmoids.tanh_backward, 1),
    "sigmoid": Kernel(sigmoids.sigmoid, sigmoids.sigmoid_backward, 2),
}
"""What is done to a block, by name."""

PARAMETERS = {"prelu": 1}
"""How many trained parameters they have, those that have any."""
