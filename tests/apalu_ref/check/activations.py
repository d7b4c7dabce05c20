"""Other activations than APALU: references, as their authors would write them, and right ports."""

import numpy as np

REFERENCES = """
import numpy as np

def relu(x):
    return np.maximum(x, 0)

def leaky_relu(x, slope):
    return np.where(x >= 0, x, slope * x)

def hardswish(x):
    return x * np.clip(x + 3, 0, 6) / 6

def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

def swish(x, beta):
    return x * (0.5 * (1 + np.tanh(0.5 * beta * x)))

def elu(x, alpha):
    return np.where(x >= 0, x, alpha * np.expm1(np.where(x < 0, x, 0)))

def tanh(x):
    return np.tanh(x)

def gelu(x):
    return 0.5 * x * (1 + np.tanh(0.7978845608028654 * (x + 0.044715 * x**3)))

def two_slopes(x, right, left):
    return np.where(x >= 0, right * x, left * x)

# Not of one expression: minigrad cannot follow it, differences remain.
def filled(x, slope):
    y = np.empty(np.broadcast_shapes(x.shape, slope.shape), np.result_type(x, slope))
    y[...] = x
    y[x < 0] *= np.broadcast_to(slope, y.shape)[x < 0]
    return y

class Softsign:
    def forward(self, x):
        return x / (1 + abs(x)), None
"""


def sum_to(t, gradient):
    while gradient.ndim > t.ndim:
        gradient = gradient.sum(axis=0)
    for axis, n in enumerate(t.shape):
        if n == 1:
            gradient = gradient.sum(axis=axis, keepdims=True)
    return np.asarray(gradient, t.dtype)


class Port:
    """A port made of values and local slopes."""

    parameters = ()

    def forward(self, x, *parameters):
        y = np.asarray(self.value(x, *parameters), np.result_type(x, *parameters))
        return y, (x, *parameters)

    def backward(self, ctx, gy):
        slopes = self.slopes(*ctx)
        return tuple(sum_to(t, gy * slope) for t, slope in zip(ctx, slopes, strict=True))


def port(value, slopes, *names):
    """A port with the parameters' names in forward's signature."""
    listed = ", ".join(("x", *names))
    space = {}
    exec(f"def forward(self, {listed}): return Port.forward(self, {listed})", globals(), space)
    return type("Made", (Port,), {
        "value": staticmethod(value), "slopes": staticmethod(slopes), "forward": space["forward"],
    })()  # fmt: skip


def sigmoid(z):
    t = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, t) / (1 + t)


def leaky_slopes(x, slope):
    return np.where(x >= 0, 1, slope), np.where(x >= 0, 0, x)


def swish_slopes(x, beta):
    s = sigmoid(beta * x)
    return s + beta * x * s * (1 - s), x * (s * (1 - s) * x)


def elu_slopes(x, alpha):
    below = np.minimum(x, 0)
    return np.where(x >= 0, 1, alpha * np.exp(below)), np.expm1(below)


def gelu_slopes(x):
    c = 0.7978845608028654
    near = np.clip(x, -30, 30)  # the tails are flat, and x^3 overflows
    t = np.tanh(c * (near + 0.044715 * near**3))
    return (0.5 * (1 + t) + 0.5 * near * (1 - t * t) * c * (1 + 3 * 0.044715 * near * near),)


def gelu(x):
    near = np.clip(x, -30, 30)
    return 0.5 * x * (1 + np.tanh(0.7978845608028654 * (near + 0.044715 * near**3)))


def hardswish_slopes(x):
    return (np.where(x >= 3, 1, np.where(x <= -3, 0, np.clip(x, -3, 3) / 3 + 0.5)),)


def leaky(x, slope):
    return np.where(x >= 0, x, slope * x)


def elu(x, alpha):
    return np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0)))


def hardswish(x):
    return x * (np.clip(x + 3, 0, 6) / 6)


RIGHT = {
    "relu": port(lambda x: x * (x > 0), lambda x: ((x > 0) * 1.0,)),
    "leaky_relu": port(leaky, leaky_slopes, "slope"),
    "hardswish": port(hardswish, hardswish_slopes),
    "softplus": port(
        lambda x: np.logaddexp(0, x), lambda x: (sigmoid(x),)
    ),
    "swish": port(lambda x, beta: x * sigmoid(beta * x), swish_slopes, "beta"),
    "elu": port(elu, elu_slopes, "alpha"),
    "tanh": port(np.tanh, lambda x: (1 - np.tanh(x) ** 2,)),
    "gelu": port(gelu, gelu_slopes),
    "two_slopes": port(
        lambda x, right, left: x * np.where(x >= 0, right, left),
        lambda x, right, left: (
            np.where(x >= 0, right, left), np.maximum(x, 0), np.minimum(x, 0)
        ),
        "right", "left",
    ),
    "filled": port(leaky, leaky_slopes, "slope"),
    "Softsign": port(lambda x: x / (1 + np.abs(x)), lambda x: ((1 / (1 + np.abs(x))) ** 2,)),
}  # fmt: skip
