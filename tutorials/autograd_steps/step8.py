"""Step 8: derivatives of derivatives: the rules run on Tensors."""

import itertools
import operator

import numpy as np

clock = itertools.count()
RULES = {}  # what stands for a NumPy function that meets a Tensor
PLAIN = {np.equal, np.greater, np.greater_equal, np.less, np.less_equal, np.not_equal, np.sign}


class Tensor(np.lib.mixins.NDArrayOperatorsMixin):  # + is np.add, and so on
    def __init__(self, data, inputs=(), rules=(), options=((), {})):
        self.data = np.asarray(data)
        self.inputs = inputs  # what it was computed from: Tensors, arrays and numbers
        self.rules = rules  # a rule for each makes its gradient
        self.options = options  # the other arguments: axis, shape, index
        self.order = next(clock)  # later than that of its inputs

    shape = property(lambda self: self.data.shape)
    ndim = property(lambda self: self.data.ndim)
    size = property(lambda self: self.data.size)
    __hash__ = object.__hash__  # for the mixin defines ==

    def __array__(self, dtype=None, copy=None):
        raise TypeError("a Tensor does not become an array silently: take its .data")

    def __array_ufunc__(self, ufunc, method, *args, **named):
        whole = method == "__call__" and "out" not in named
        return self.__array_function__(ufunc, (), args, named) if whole else NotImplemented

    def __array_function__(self, function, types, args, named):
        if function in PLAIN:
            return function(*map(plain, args), **named)
        return RULES[function](*args, **named) if function in RULES else NotImplemented

    def __getitem__(self, index):
        return getitem(self, index)


def plain(x):
    return x.data if isinstance(x, Tensor) else x


class Op:
    def __init__(self, forward, *rules):
        self.forward = forward
        self.rules = rules
        RULES[forward] = self

    def __call__(self, *args, **named):
        inputs, more = args[: len(self.rules)], args[len(self.rules) :]
        y = self.forward(*map(plain, inputs), *more, **named)
        if not any(isinstance(x, Tensor) for x in inputs):
            return y
        return Tensor(y, inputs, self.rules, (more, named))


# A rule gets the gradient g of the output, the output y, and the inputs.
add = Op(np.add, lambda g, y, a, b: g, lambda g, y, a, b: g)
multiply = Op(np.multiply, lambda g, y, a, b: g * b, lambda g, y, a, b: g * a)
exp = Op(np.exp, lambda g, y, x: g * y)
sin = Op(np.sin, lambda g, y, x: g * np.cos(x))
cos = Op(np.cos, lambda g, y, x: -g * np.sin(x))
subtract = Op(np.subtract, lambda g, y, a, b: g, lambda g, y, a, b: -g)
divide = Op(np.divide, lambda g, y, a, b: g / b, lambda g, y, a, b: -g * y / b)
negative = Op(np.negative, lambda g, y, x: -g)
log = Op(np.log, lambda g, y, x: g / x)
tanh = Op(np.tanh, lambda g, y, x: g * (1 - y * y))
expm1 = Op(np.expm1, lambda g, y, x: g * np.exp(x))
sqrt = Op(np.sqrt, lambda g, y, x: g / (2 * y))
square = Op(np.square, lambda g, y, x: g * (2 * x))
broadcast_to = Op(np.broadcast_to, lambda g, y, x, shape: g)  # unbroadcast does the work
absolute = Op(np.absolute, lambda g, y, x: g * np.sign(x))
power = Op(
    np.power, lambda g, y, a, b: g * (b * a ** (b - 1)), lambda g, y, a, b: g * y * np.log(a)
)
maximum = Op(
    np.maximum,
    lambda g, y, a, b: np.where(a > b, g, np.where(a == b, g / 2, 0)),
    lambda g, y, a, b: np.where(a < b, g, np.where(a == b, g / 2, 0)),
)
where = Op(
    np.where,
    lambda g, y, c, a, b: 0 * g,  # to change a condition a little changes nothing
    lambda g, y, c, a, b: np.where(c, g, 0),
    lambda g, y, c, a, b: np.where(c, 0, g),
)
sum = Op(np.sum, lambda g, y, x, axis=None, **_: np.broadcast_to(restore(g, x, axis), x.shape))
reshape = Op(np.reshape, lambda g, y, x, shape: np.reshape(g, x.shape))
swapaxes = Op(np.swapaxes, lambda g, y, x, i, j: np.swapaxes(g, i, j))
matrices = Op(
    np.matmul,
    lambda g, y, a, b: np.matmul(g, np.swapaxes(b, -1, -2)),
    lambda g, y, a, b: np.matmul(np.swapaxes(a, -1, -2), g),
)
getitem = Op(operator.getitem, lambda g, y, x, index: scatter(g, index, x.shape))


def matmul(a, b):
    """The product of matrices, or of stacks of them; a vector counts as a row or a column."""
    if plain(b).ndim == 1:
        return matmul(a, b[:, None])[..., 0]
    return matrices(a, b) if plain(a).ndim > 1 else matrices(a[None, :], b)[..., 0, :]


def mean(x, axis=None, keepdims=False):
    """What consists of operations needs no rule."""
    total = np.sum(x, axis=axis, keepdims=keepdims)
    return total / (x.size // max(total.size, 1))


RULES |= {np.matmul: matmul, np.mean: mean}


def scatter(g, index, shape):
    """Zeros, and g added at the index: an element may be there twice."""
    result = np.zeros(shape, g.dtype)
    np.add.at(result, index, g)
    return result


scatter = Op(scatter, lambda h, y, g, index, shape: h[index])


def restore(g, x, axis):
    """Give g the axes back that were summed over, with length 1."""
    gone = range(x.ndim) if axis is None else [i % x.ndim for i in np.atleast_1d(axis)]
    return np.reshape(g, tuple(1 if i in gone else n for i, n in enumerate(x.shape)))


def unbroadcast(g, shape):
    """Sum g over the axes that broadcasting added or stretched."""
    extra = g.ndim - len(shape)
    axes = tuple(i for i in range(g.ndim) if i < extra or shape[i - extra] == 1)
    return g if g.shape == shape else np.reshape(np.sum(g, axis=axes), shape)


def walk(y):
    """Return y and all that it was computed from, newest first."""
    found, stack = {y}, [y]
    while stack:
        for x in stack.pop().inputs:
            if isinstance(x, Tensor) and x not in found:
                found.add(x)
                stack.append(x)
    return sorted(found, key=lambda t: t.order, reverse=True)


def grad(y, inputs, create_graph=False):
    """Return the gradient of the sum of y for each input: zeros if y does not depend on it.

    With create_graph the rules are given Tensors, and so the gradients are Tensors, too.
    """
    given = (lambda x: x) if create_graph else plain
    pending = {y: given(Tensor(np.ones_like(y.data)))}
    for t in walk(y):
        for x, rule in zip(t.inputs, t.rules, strict=True):
            if isinstance(x, Tensor):
                more, named = t.options
                g = rule(pending[t], given(t), *map(given, t.inputs), *more, **named)
                g = unbroadcast(g, x.data.shape)
                pending[x] = pending[x] + g if x in pending else g
    return [pending[x] if x in pending else given(Tensor(0 * x.data)) for x in inputs]
