"""Task 5: a tape of your own.

A Var holds a value, the Vars it was made of, and a rule: a function that takes the gradient g of
the Var and returns a tuple with the gradient of each of its parents, in the parent's shape. You
write the operations and their rules, and then the walk back.

    y = mul(x, w)
    y.value              the product
    y.rule(g)            (g w, g x), each summed back to the shape of x and of w

`where(condition, x, y)` takes a plain array of bools; its rule has two gradients. `total(x)` is the
sum of all elements.

`backward(y)` is called with a Var of one element. Afterwards the attribute grad of every Var that y
was made of holds the derivative of y by it. A Var that is used twice gets both contributions; one
that an earlier backward has been through starts again from nothing. A chain of 20,000 Vars must
work, and every rule is called once. The order is yours to find: from the graph, or from a clock
(itertools.count), for which you may add to the class Var.

NumPy, Python's own modules and your own tasks are all you may import.

    apalu-ref exercise check tape
"""

import numpy as np

from .task3_backward import sum_to

KAPPA = 1.702


class Var:
    """A value that remembers what it was made of. Nothing has to be added here."""

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


def add(x, y):
    """x + y."""
    raise NotImplementedError


def mul(x, y):
    """x · y."""
    raise NotImplementedError


def div(x, y):
    """x / y."""
    raise NotImplementedError


def exp(x):
    """e^x."""
    raise NotImplementedError


def where(condition, x, y):
    """x where the condition holds, y elsewhere."""
    raise NotImplementedError


def total(x):
    """The sum of all elements, a Var of shape ()."""
    raise NotImplementedError


def backward(y):
    """Give every Var that y was made of, and y itself, its grad."""
    raise NotImplementedError


def apalu(x, a, b):
    """f(x; a, b) of Vars, out of the operations above. This function is complete."""
    positive = x.value >= 0
    above, below = where(positive, x, Var(0.0)), where(positive, Var(0.0), x)
    u = above * (1 + 1 / (1 + exp(-(KAPPA * above))))
    return where(positive, a * u, b * (exp(below) - 1))


if __name__ == "__main__":
    x = Var([-1.0, 0.0, 2.0])
    backward(total(apalu(x, Var(1.0), Var(1.0))))
    print(x.grad)
