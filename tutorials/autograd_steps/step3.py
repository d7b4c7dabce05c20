"""Step 3: the walk, from the newest Tensor to the oldest, each of them once."""

import itertools

import numpy as np

clock = itertools.count()


class Tensor:
    def __init__(self, data, inputs=(), rules=()):
        self.data = np.asarray(data)
        self.inputs = inputs  # what it was computed from: Tensors, arrays and numbers
        self.rules = rules  # a rule for each makes its gradient
        self.grad = None
        self.order = next(clock)  # later than that of its inputs

    def __add__(self, other):
        return add(self, other)

    def __mul__(self, other):
        return multiply(self, other)


def plain(x):
    return x.data if isinstance(x, Tensor) else x


class Op:
    def __init__(self, forward, *rules):
        self.forward = forward
        self.rules = rules

    def __call__(self, *inputs):
        return Tensor(self.forward(*map(plain, inputs)), inputs, self.rules)


# A rule gets the gradient g of the output, the output y, and the inputs.
add = Op(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
multiply = Op(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
exp = Op(np.exp, lambda g, y, x: g * y)
sin = Op(np.sin, lambda g, y, x: g * np.cos(x))
cos = Op(np.cos, lambda g, y, x: -g * np.sin(x))


def walk(y):
    """Return y and all that it was computed from, newest first."""
    found, stack = {y}, [y]
    while stack:
        for x in stack.pop().inputs:
            if isinstance(x, Tensor) and x not in found:
                found.add(x)
                stack.append(x)
    return sorted(found, key=lambda t: t.order, reverse=True)


def backward(y):
    y.grad = np.ones_like(y.data)
    for t in walk(y):
        for x, rule in zip(t.inputs, t.rules, strict=True):
            if isinstance(x, Tensor):
                x.grad = rule(t.grad, t.data, *map(plain, t.inputs))
