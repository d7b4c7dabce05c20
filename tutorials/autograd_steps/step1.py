"""Step 1: a Tensor remembers what it was computed from."""

import numpy as np


class Tensor:
    def __init__(self, data, source=None, rule=None):
        self.data = np.asarray(data)
        self.source = source  # the Tensor it was computed from
        self.rule = rule  # makes the gradient of the source out of its own
        self.grad = None


def exp(x):
    y = np.exp(x.data)
    return Tensor(y, x, lambda g: g * y)


def backward(y):
    y.grad = np.ones_like(y.data)
    while y.source is not None:
        y.source.grad = y.rule(y.grad)
        y = y.source
