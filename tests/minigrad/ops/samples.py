"""Sample inputs for every op: one table that all tests of the ops go through.

A sample is a function and arrays to call it with. The function is written in NumPy syntax, so
that it runs on Tensors and on plain arrays alike; called with arrays it is NumPy's own (or the
``reference`` given beside it where NumPy has no such function), and says what is right. At the
inputs it is smooth twice over: ties, zeros and edges have tests of their own.
"""

import math

import numpy as np

from minigrad import ops
from minigrad.engine import alias, unbroadcast
from minigrad.ops import elementwise

from . import windows  # noqa: F401 (adds the samples of convolution and pooling)
from .table import SAMPLES, Sample, each, numbers, sample

__all__ = ["SAMPLES", "Sample", "numbers"]

# -- one input: a full array, a single number, nothing

REAL, POSITIVE, UNIT, ABOVE_1 = (-1.93, 2.11), (0.3, 2.9), (-0.87, 0.83), (1.2, 3.1)
UNARY = {
    np.negative: REAL, np.positive: REAL, np.square: REAL, np.absolute: REAL, np.fabs: REAL,
    np.reciprocal: POSITIVE, np.sqrt: POSITIVE, np.cbrt: (-2.5, -0.3),
    np.exp: REAL, np.exp2: REAL, np.expm1: REAL,
    np.log: POSITIVE, np.log2: POSITIVE, np.log10: POSITIVE, np.log1p: (-0.7, 2.0),
    np.sin: REAL, np.cos: REAL, np.tan: (-1.1, 1.2), np.arcsin: UNIT, np.arccos: UNIT,
    np.arctan: REAL, np.sinh: REAL, np.cosh: REAL, np.tanh: REAL, np.arcsinh: REAL,
    np.arccosh: ABOVE_1, np.arctanh: UNIT,
}  # fmt: skip
OWN = {
    ops.erf: lambda x: np.asarray(np.vectorize(math.erf, otypes=[float])(x), x.dtype),
    ops.erfc: lambda x: np.asarray(np.vectorize(math.erfc, otypes=[float])(x), x.dtype),
    ops.sigmoid: lambda x: 1 / (1 + np.exp(-x)),
}
SHAPES = [(2, 3), (), (0, 3)]
for function, (low, high) in UNARY.items():
    for shape in SHAPES:
        name = f"np.{function.__name__} {shape}"
        sample(name, function, numbers(*shape, low=low, high=high))
for function, reference in OWN.items():
    for shape in SHAPES:
        sample(f"{function.name} {shape}", function, numbers(*shape), reference=reference)

# -- two inputs: equal shapes, broadcast one way, the other way, both ways; 0-d, empty

BINARY = {
    np.add: (REAL, REAL), np.subtract: (REAL, REAL), np.multiply: (REAL, REAL),
    np.divide: (REAL, POSITIVE), np.power: (POSITIVE, REAL), np.logaddexp: (REAL, REAL),
    np.arctan2: (REAL, REAL), np.hypot: (REAL, REAL),
    np.maximum: ((-1.93, 2.11), (-1.61, 1.83)), np.minimum: ((-1.93, 2.11), (-1.61, 1.83)),
}  # fmt: skip
PAIRS = [
    ((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (3, 1, 1)), ((3, 1), (1, 2)),
    ((), (3,)), ((3,), ()), ((), ()), ((3, 1), (1, 0)), ((0, 3), (3,)),
]  # fmt: skip
for function, ranges in BINARY.items():
    for shapes in PAIRS:
        inputs = [
            numbers(*shape, low=low, high=high)
            for shape, (low, high) in zip(shapes, ranges, strict=True)
        ]
        sample(f"np.{function.__name__} {shapes[0]} {shapes[1]}", function, *inputs)


def x23():
    return (numbers(2, 3),)


C = np.array([1.5, -0.7, 2.3])
each(
    x23,
    **{
        "x + c": lambda x: x + C,
        "c + x": lambda x: C + x,
        "x - 2": lambda x: x - 2,
        "2 - x": lambda x: 2 - x,
        "2 + x": lambda x: 2 + x,
        "2 * x": lambda x: 2 * x,
        "2 / x": lambda x: 2 / x,
        "[1, 2] @ x": lambda x: [1, 2] @ x,
        "x * c": lambda x: x * C,
        "c * x": lambda x: C * x,
        "x / c": lambda x: x / C,
        "c / x": lambda x: C / x,
        "2 ** x": lambda x: 2**x,
        "-x, +x, abs(x)": lambda x: -x + (+x) * abs(x),
        "x @ c": lambda x: x @ C,
        "c @ x.T": lambda x: C @ x.T,
        "x ** 0": lambda x: x**0,
        "x ** 1": lambda x: x**1,
        "x ** 2": lambda x: x**2,
        "x ** 3": lambda x: x**3,
        "x ** -1": lambda x: x**-1,
        "x ** -2.0": lambda x: x**-2.0,
        "x ** integers": lambda x: x ** np.array([0, 1, 2]),
        "x ** floats": lambda x: x ** np.array([0.0, 1.0, 3.0]),
        "x * x": lambda x: x * x,
        "x / x": lambda x: x / x,
        "x @ x.T": lambda x: x @ x.T,
        "x compared": lambda x: (
            x * (x > 0.5) + x * (x != 0) - x * (x == 0) + x * (x <= 0) * (x < 1)
        ),
        "x >= 0": lambda x: x * (x >= 0),
    },
)
for exponent in (0.5, 1.5, -0.5):
    sample(f"x ** {exponent}", lambda x, p=exponent: x**p, numbers(2, 3, low=0.3, high=2.9))

# -- choosing

MASK = np.array([[True, False, True], [False, False, True]])
sample("np.where", lambda x, y: np.where(MASK, x, y), numbers(2, 3), numbers(3))
sample("np.where, wide condition", lambda x, y: np.where(MASK, x, y), numbers(), numbers(2, 1))
sample("np.where, scalar", lambda x: np.where(x > 0, x, 0.5), numbers(2, 3))
sample(
    "np.where, safe in both branches",
    lambda x: np.where(x > 0, np.log(np.where(x > 0, x, 1)), np.expm1(np.where(x > 0, 0, x))),
    numbers(2, 3),
)
each(
    x23,
    **{
        "np.clip": lambda x: np.clip(x, -1.2, 0.9),
        "np.clip from below": lambda x: np.clip(x, 0.2, None),
        "np.clip by an array": lambda x: np.clip(x, C - 2, None),
        "x.clip": lambda x: x.clip(-0.4, 1.5),
        "np.clip by name": lambda x: np.clip(x, a_min=-0.4, a_max=1.5),
    },
)
sample(
    "np.clip, all given",
    np.clip,
    numbers(2, 3),
    numbers(3, low=-1.1, high=-0.5),
    numbers(2, 1, low=0.4, high=1.3),
)
sample("np.clip from above", lambda x, high: np.clip(x, None, high), numbers(2, 3), numbers())

# -- reductions

REDUCTIONS = {
    "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "amax": np.amax,
    "amin": np.amin, "prod": np.prod, "var": np.var, "std": np.std,
}  # fmt: skip
for name, f in REDUCTIONS.items():
    sample(f"np.{name}", f, numbers(2, 3))
    sample(f"np.{name}, 0", lambda x, f=f: f(x, 0), numbers(3, 2))
    sample(f"np.{name}, -1 kept", lambda x, f=f: f(x, axis=-1, keepdims=True), numbers(2, 3))
    sample(f"np.{name}, two", lambda x, f=f: f(x, axis=(-1, 0)), numbers(2, 1, 3))
    sample(f"np.{name}, kept", lambda x, f=f: f(x, keepdims=True), numbers(3))
    sample(f"np.{name}, no columns", lambda x, f=f: f(x, axis=0), numbers(3, 0))
    if name not in ("amax", "amin"):
        sample(f"x.{name}", lambda x, n=name: getattr(x, n)(), numbers(3))
        sample(f"x.{name} 1 kept", lambda x, n=name: getattr(x, n)(1, keepdims=True), numbers(2, 3))
    if name not in ("var", "std"):
        sample(f"np.{name} 0-d", f, numbers())
for name in ("sum", "prod"):
    sample(f"np.{name} of nothing", REDUCTIONS[name], numbers(0, 3))
    sample(f"np.{name}, no rows", lambda x, f=REDUCTIONS[name]: f(x, axis=0), numbers(0, 3))
sample("np.sum over no axes", lambda x: np.sum(x, axis=()), numbers(2, 3))
sample("np.prod with a zero", np.prod, np.array([1.5, 0.0, -0.7]))
sample("np.prod with two zeros", lambda x: np.prod(x, 1), np.array([[1.5, 0, 0], [0.5, 0, 2]]))
sample("np.var, ddof", lambda x: np.var(x, axis=0, ddof=1), numbers(3, 2))
sample("x.std, ddof", lambda x: x.std(1, ddof=1), numbers(2, 3))
each(
    x23,
    **{
        "np.cumsum": np.cumsum,
        "np.cumsum, 0": lambda x: np.cumsum(x, 0),
        "x.cumsum": lambda x: x.cumsum(axis=-1),
        "np.linalg.norm": np.linalg.norm,
        "np.linalg.norm, 1": lambda x: np.linalg.norm(x, axis=1),
        "np.linalg.norm kept": lambda x: np.linalg.norm(x, axis=(0, 1), keepdims=True),
        "np.linalg.norm, ord 1": lambda x: np.linalg.norm(x, 1, axis=0),
        "np.linalg.norm, ord inf": lambda x: np.linalg.norm(x, np.inf, axis=1, keepdims=True),
        "np.linalg.norm, fro": lambda x: np.linalg.norm(x, "fro"),
        "x.argmax": lambda x: x[x.argmax(0), [0, 1, 2]] + x[x.argmin(0), [0, 1, 2]],
    },
)
sample("np.cumsum 0-d", np.cumsum, numbers())
sample("np.cumsum of nothing", lambda x: np.cumsum(x, 1), numbers(2, 0))

# -- shapes

each(
    x23,
    **{
        "np.reshape": lambda x: np.reshape(x, (3, 2)),
        "x.reshape": lambda x: x.reshape(3, -1),
        "np.ravel": np.ravel,
        "x.ravel, flatten": lambda x: x.ravel() * x.flatten(),
        "np.transpose": np.transpose,
        "x.T": lambda x: x.T,
        "x.mT": lambda x: x.mT,
        "np.swapaxes": lambda x: np.swapaxes(x, 0, -1),
        "np.expand_dims": lambda x: np.expand_dims(x, (0, -1)),
        "np.flip": np.flip,
        "np.flip, 0": lambda x: np.flip(x, 0),
        "np.flip, two": lambda x: np.flip(x, (0, 1)),
        "np.roll": lambda x: np.roll(x, 2),
        "np.roll, 1": lambda x: np.roll(x, -1, axis=1),
        "np.repeat": lambda x: np.repeat(x, 2),
        "np.repeat, 1": lambda x: np.repeat(x, [0, 2, 1], axis=1),
        "x.repeat": lambda x: x.repeat(3, axis=0),
        "np.tile": lambda x: np.tile(x, 2),
        "np.tile, higher": lambda x: np.tile(x, (2, 1, 2)),
        "np.pad": lambda x: np.pad(x, 1),
        "np.pad, uneven": lambda x: np.pad(x, ((0, 2), (1, 0)), constant_values=3.0),
        "np.copy": np.copy,
        "np.broadcast_to": lambda x: np.broadcast_to(x, (5, 2, 3)),
        "np.split": lambda x: np.split(x, [1], axis=1)[1] * np.split(x, 3, 1)[0],
        "x.astype": lambda x: x.astype(np.float64) ** 2,
        "x.transpose": lambda x: x.transpose(1, 0) + x.transpose((1, 0)) + x.transpose(),
    },
)
sample("np.transpose, axes", lambda x: np.transpose(x, (1, -1, 0)), numbers(2, 1, 3))
sample("np.transpose 0-d", np.transpose, numbers())
sample("x.swapaxes", lambda x: x.swapaxes(-1, 0), numbers(2, 1, 3))
sample("np.moveaxis", lambda x: np.moveaxis(x, 0, -1), numbers(2, 1, 3))
sample("np.moveaxis, two", lambda x: np.moveaxis(x, (0, 1), (-1, 0)), numbers(2, 1, 3))
sample("np.squeeze", np.squeeze, numbers(1, 3, 1))
sample("x.squeeze", lambda x: x.squeeze(axis=-1), numbers(1, 3, 1))
sample("np.broadcast_to, stretched", lambda x: np.broadcast_to(x, (2, 3)), numbers(2, 1))
sample("np.broadcast_to, 0-d", lambda x: np.broadcast_to(x, (2, 3)), numbers())
sample("np.broadcast_to nothing", lambda x: np.broadcast_to(x, (2, 0)), numbers(2, 1))
sample("np.reshape nothing", lambda x: x.reshape(3, 0), numbers(0, 2))
sample(
    "unbroadcast",
    lambda x: unbroadcast(x, (3, 1)),
    numbers(2, 3, 5),
    reference=lambda x: x.sum((0, 2))[:, None],
)
sample("alias", alias, numbers(2, 3), reference=lambda x: x)
astype = elementwise._astype  # also where there is nothing to convert
sample(
    "astype",
    lambda x: astype(x, np.float64),
    numbers(2, 3),
    reference=lambda x: x.astype(np.float64),
)
sample("astype to int", lambda x: x * x.astype(int), numbers(2, 3))
two = lambda: (numbers(2, 3), numbers(2, 3))  # noqa: E731
each(
    two,
    **{
        "np.concatenate": lambda x, y: np.concatenate([x, y]),
        "np.concatenate, -1": lambda x, y: np.concatenate((x, C[:2, None], y), axis=-1),
        "np.concatenate flat": lambda x, y: np.concatenate([x, y], axis=None),
        "np.concatenate, one twice": lambda x, y: np.concatenate([x, x, y], 1),
        "np.stack": lambda x, y: np.stack([x, y]),
        "np.stack, -1": lambda x, y: np.stack([x, y], axis=-1),
        "np.vstack": lambda x, y: np.vstack([x, y, C]),
        "np.hstack": lambda x, y: np.hstack([x, y]),
    },
)
sample(
    "np.concatenate, uneven",
    lambda *xs: np.concatenate(xs, 1),
    numbers(2, 3),
    numbers(2, 0),
    numbers(2, 1),
)
sample("np.hstack of vectors", lambda x, y: np.hstack([x, y, 1.0]), numbers(2), numbers())
sample("np.vstack of vectors", lambda x, y: np.vstack([x, y]), numbers(3), numbers(3))

# -- indexing

I, J = np.array([0, 1, 1]), np.array([2, 0, 2])
INDICES = {
    "1": 1, "-1": -1, "(0, 2)": (0, 2), "1:": np.s_[1:], "::-1": np.s_[:, ::-1],
    "None": (None, 0, None), "...": (Ellipsis, 1), "none left": np.s_[2:], "list": [1, 1, 0],
    "array": I, "pairs": (I, J), "outer": (I[:, None], J), "mask": MASK,
    "columns": (slice(None), J),
    "row mask": np.array([True, False]), "mixed": (I, slice(1, None)), "apart": (I, None, J),
    "nothing": np.array([], int), "empty list": [], "()": (), "numpy int": np.int64(1),
}  # fmt: skip
for name, index in INDICES.items():
    sample(f"x[{name}]", lambda x, index=index: x[index], numbers(2, 3))
sample("x[()] 0-d", lambda x: x[()], numbers())
sample("x[2-d array]", lambda x: x[np.array([[0, 2], [2, 2]])], numbers(3))
sample(
    "scatter", lambda g: ops.scatter(g, (I, J), (2, 3)), numbers(3),
    reference=lambda g: np.array([[0, 0, g[0]], [g[1], 0, g[2]]], g.dtype),
)  # fmt: skip
sample(
    "scatter onto one", lambda g: ops.scatter(g, I, (3,)), numbers(3),
    reference=lambda g: np.array([g[0], g[1] + g[2], 0], g.dtype),
)  # fmt: skip
sample(
    "scatter slice", lambda g: ops.scatter(g, np.s_[1:], (3,)), numbers(2),
    reference=lambda g: np.array([0, *g], g.dtype),
)  # fmt: skip
each(
    x23,
    **{
        "np.take": lambda x: np.take(x, [5, 0, 5]),
        "np.take, 1": lambda x: np.take(x, J, axis=1),
        "x.take": lambda x: x.take(1, axis=-1),
        "np.take_along_axis": lambda x: np.take_along_axis(x, np.argsort(x, 1), 1),
        "np.take_along_axis stretched": lambda x: np.take_along_axis(x, np.array([[1, 0]]), 1),
        "np.take_along_axis flat": lambda x: np.take_along_axis(x, np.array([4, 4]), None),
        "np.diagonal": np.diagonal,
        "x.diagonal": lambda x: x.diagonal(1),
        "np.trace": np.trace,
        "x.trace": lambda x: x.trace(-1),
        "np.tril": np.tril,
        "np.triu": lambda x: np.triu(x, 1),
    },
)
sample("np.diagonal, axes", lambda x: np.diagonal(x, -1, 2, 0), numbers(2, 2, 3))
sample("np.trace, axes", lambda x: np.trace(x, axis1=-1, axis2=0), numbers(2, 2, 3))
sample("np.tril of a stack", lambda x: np.tril(x, -1), numbers(2, 3, 2))

# -- products of matrices

MATRICES = [
    ((2, 3), (3, 1)), ((3,), (3, 2)), ((2, 3), (3,)), ((3,), (3,)), ((3, 2, 1), (1, 2)),
    ((1, 3), (2, 3, 2)), ((2, 1, 1, 2), (3, 2, 1)), ((3,), (2, 3, 2)), ((2, 2, 3), (3,)),
    ((2, 0), (0, 3)), ((0, 3), (3, 2)),
]  # fmt: skip
for a, b in MATRICES:
    sample(f"np.matmul {a} {b}", np.matmul, numbers(*a), numbers(*b))
for a, b in [((2, 3), (3, 2)), ((3,), (3,)), ((), (3,)), ((2, 3), ()), ((2, 2, 3), (3, 2))]:
    sample(f"np.dot {a} {b}", np.dot, numbers(*a), numbers(*b))
sample("x.dot", lambda a, b: a.dot(b), numbers(2, 3), numbers(3))
for a, b in [((3,), (3,)), ((2, 3), (1, 3)), ((2, 3), ()), ((2, 1, 3), (2, 3))]:
    sample(f"np.inner {a} {b}", np.inner, numbers(*a), numbers(*b))
sample("np.vdot", np.vdot, numbers(2, 3), numbers(2, 3))
sample("np.outer", np.outer, numbers(2), numbers(3))
sample("np.outer of arrays", np.outer, numbers(2, 2), numbers())
sample("np.tensordot, 1", lambda a, b: np.tensordot(a, b, 1), numbers(2, 3), numbers(3, 2))
sample("np.tensordot", np.tensordot, numbers(2, 2, 3), numbers(2, 3, 2))
sample("np.tensordot, 0", lambda a, b: np.tensordot(a, b, 0), numbers(2), numbers(3))
sample(
    "np.tensordot, axes",
    lambda a, b: np.tensordot(a, b, ((0, -1), (1, 2))),
    numbers(2, 1, 3),
    numbers(2, 2, 3),
)
sample(
    "np.tensordot, one axis", lambda a, b: np.tensordot(a, b, (0, 1)), numbers(2, 3), numbers(3, 2)
)
EINSUMS = {
    "ij,jk->ik": ((2, 3), (3, 1)), "ij,kj": ((2, 3), (1, 3)), "i,j->ij": ((2,), (3,)),
    "ij->ji": ((2, 3),), "ij->": ((2, 3),), "ij->i": ((2, 3),), "ii->i": ((3, 3),),
    "ii": ((3, 3),), "iji->j": ((2, 3, 2),), "ij,ij->": ((2, 3), (2, 3)), "i,->i": ((3,), ()),
    "ij,jk,k->i": ((2, 3), (3, 2), (2,)), "...ij,...j->...i": ((2, 2, 3), (3,)),
    "...i,i...": ((2, 3), (3, 2)), "ij,ij->ij": ((1, 3), (2, 3)), "ij,k->i": ((2, 3), (2,)),
    "ik,kj->ij": ((2, 0), (0, 3)), "bij,bjk->bik": ((2, 2, 3), (2, 3, 1)),
    "iij,j->i": ((2, 2, 3), (3,)),
}  # fmt: skip
for subscripts, shapes in EINSUMS.items():
    sample(
        f"np.einsum {subscripts}",
        lambda *xs, s=subscripts: np.einsum(s, *xs),
        *(numbers(*shape) for shape in shapes),
    )
sample("np.einsum of one twice", lambda x: np.einsum("ij,kj->ik", x, x), numbers(2, 3))
