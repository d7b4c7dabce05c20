"""Task 5: a tape of your own."""

import numpy as np

from .task3_backward import sum_to

KAPPA = 1.702


class Var:
    """A value that remembers what it was made of."""

    def __init__(self, value, parents=(), rule=None):
        self.value = np.asarray(value, np.float64)
        self.parents = parents
        self.rule = rule
        self.grad = None

    def __add__(self, other):
        return add(self, as_var(other))

    __radd__ = __add__

    def __mul__(self, other):
        return mul(self, as_var(other))

    __rmul__ = __mul__

    def __truediv__(self, other):
        return div(self, as_var(other))

    def __rtruediv__(self, other):
        return div(as_var(other), self)

    def __neg__(self):
        return mul(self, Var(-1.0))

    def __sub__(self, other):
        return add(self, -as_var(other))


def as_var(x):
    """x itself, or a number or array as a Var."""
    return x if isinstance(x, Var) else Var(x)


def _binary(value, x, y, for_x, for_y):
    """An operation of two Vars whose values broadcast: each gradient goes back to its shape."""

    def rule(g):
        return sum_to(for_x(g), x.value.shape), sum_to(for_y(g), y.value.shape)

    return Var(value, (x, y), rule)


def add(x, y):
    """x + y: g goes to both."""
    return _binary(x.value + y.value, x, y, lambda g: g, lambda g: g)


def mul(x, y):
    """x · y: each gets g times the other."""
    return _binary(x.value * y.value, x, y, lambda g: g * y.value, lambda g: g * x.value)


def div(x, y):
    """x / y: g / y, and -g x / y²."""
    value = x.value / y.value
    return _binary(value, x, y, lambda g: g / y.value, lambda g: -g * value / y.value)


def exp(x):
    """e^x is its own derivative."""
    value = np.exp(x.value)
    return Var(value, (x,), lambda g: (g * value,))


def where(condition, x, y):
    """Each gets g where it was chosen, and 0 elsewhere."""
    value = np.where(condition, x.value, y.value)
    return _binary(
        value, x, y, lambda g: np.where(condition, g, 0.0), lambda g: np.where(condition, 0.0, g)
    )


def total(x):
    """g goes to every element."""
    return Var(x.value.sum(), (x,), lambda g: (np.full(x.value.shape, g),))


def _in_order(y):
    """The Vars that y was made of, each after all of its parents, without recursion."""
    order, seen, waiting = [], set(), [(y, False)]
    while waiting:
        node, parents_done = waiting.pop()
        if parents_done:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            waiting.append((node, True))
            waiting.extend((parent, False) for parent in node.parents)
    return order


def backward(y):
    """From y back: when a Var's turn comes, all who use it have given their part."""
    order = _in_order(y)
    for node in order:
        node.grad = np.zeros_like(node.value)
    y.grad = np.ones_like(y.value)
    for node in reversed(order):
        if node.rule is not None:
            for parent, g in zip(node.parents, node.rule(node.grad), strict=True):
                parent.grad = parent.grad + g  # a new array: g may be somebody else's


def apalu(x, a, b):
    """f(x; a, b) of Vars, out of the operations above."""
    positive = x.value >= 0
    above, below = where(positive, x, Var(0.0)), where(positive, Var(0.0), x)
    u = above * (1 + 1 / (1 + exp(-(KAPPA * above))))
    return where(positive, a * u, b * (exp(below) - 1))
