"""Implementations with one fault each, over the classes of things people get wrong.

``MUTANTS`` maps a name to the subject, the quantities that are wrong, and words of the
cause that the report should name ("" where no cause is promised; "one|other" allows both).
"""

from typing import NamedTuple

import numpy as np

KAPPA = 1.702


def sigmoid(z):
    t = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, t) / (1 + t)


def sum_to(shape, g):
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    return g.sum(axis=tuple(i for i, n in enumerate(shape) if n == 1), keepdims=True)


class Right:
    """A right implementation in small methods, for mutants to replace one of."""

    kappa = KAPPA

    def kept(self, x, a, b):
        return x, a, b

    def wide(self, *arrays):
        return [t.astype(np.float64) for t in arrays]

    def gate(self, x):
        z = self.kappa * np.clip(x, 0, 400)
        return z, sigmoid(z), sigmoid(-z)

    def positive(self, x, a, b):
        return a * np.maximum(x, 0) * (1 + self.gate(x)[1])

    def negative(self, x, a, b):
        return b * np.expm1(np.minimum(x, 0))

    def mask(self, x):
        return x >= 0

    def values(self, x, a, b):
        return np.where(self.mask(x), self.positive(x, a, b), self.negative(x, a, b))

    def forward(self, x, a, b):
        dtype = np.result_type(*(t if t.dtype.kind == "f" else np.float64 for t in (x, a, b)))
        with np.errstate(all="ignore"):
            return self.values(*self.wide(x, a, b)).astype(dtype), self.kept(x, a, b)

    def slope_positive(self, x, a, b):
        z, s, c = self.gate(x)
        return a * (1 + s + z * s * c)

    def slope_negative(self, x, a, b):
        return b * np.exp(np.minimum(x, 0))

    def dx(self, x, a, b, g):
        return g * np.where(self.mask(x), self.slope_positive(x, a, b),
                            self.slope_negative(x, a, b))  # fmt: skip

    def da(self, x, a, b, g):
        return np.where(self.mask(x), g * np.maximum(x, 0) * (1 + self.gate(x)[1]), 0 * x)

    def db(self, x, a, b, g):
        return np.where(x < 0, g * np.expm1(np.minimum(x, 0)), 0 * x)

    def reduce(self, name, shape, g):
        return sum_to(shape, g)

    def backward(self, ctx, gy):
        inputs = self.wide(*ctx, gy)
        results = []
        with np.errstate(all="ignore"):
            for name, t in zip(("dx", "da", "db"), ctx, strict=True):
                g = np.broadcast_to(getattr(self, name)(*inputs), gy.shape)
                own = t.dtype if t.dtype.kind == "f" else np.float64
                results.append(self.reduce(name, t.shape, g).astype(own))
        return tuple(results)


class Mutant(NamedTuple):
    subject: object
    quantities: str
    cause: str
    level: str = "core"


def changed(quantities, cause="", **methods):
    return Mutant(type("Changed", (Right,), methods)(), quantities, cause)


def reducing(quantities, cause, function):
    def reduce(self, name, shape, g):
        right = sum_to(shape, g)
        return function(shape, g, right) if name in quantities.split() else right

    return changed(quantities, cause, reduce=reduce)


def wrong_axis(shape, g, right):
    if g.ndim == 2 and g.shape[0] == g.shape[1] and len(shape) == 1:
        return g.sum(axis=1)
    return right


def partly(shape, g, right):
    return g.sum(axis=0, keepdims=True) if len(shape) == 3 and g.ndim == 4 else right


def all_of_it(shape, g, right):
    return np.full(shape, g.sum())


def naive_sum(shape, g, right):
    if shape == () and g.ndim == 1 and g.size:
        return np.cumsum(g.astype(np.float32), dtype=np.float32)[-1:].reshape(())
    return right


def around(test, fault):
    """A fault in y where ``test`` holds."""

    def values(self, x, a, b):
        right = Right.values(self, x, a, b)
        return np.where(test(x), fault(right, x, a, b), right)

    return values


class MutatesX(Right):
    def forward(self, x, a, b):
        result = super().forward(x, a, b)
        x *= 1 + 1e-3
        return result


class MutatesGy(Right):
    def backward(self, ctx, gy):
        result = super().backward(ctx, gy)
        gy *= 2
        return result


class SharedState(Right):
    def forward(self, x, a, b):
        y, self.ctx = super().forward(x, a, b)
        return y, None

    def backward(self, ctx, gy):
        return super().backward(self.ctx, gy)


class ReusedBuffer(Right):
    held = None

    def forward(self, x, a, b):
        y, ctx = super().forward(x, a, b)
        if self.held is None or (self.held.shape, self.held.dtype) != (y.shape, y.dtype):
            self.held = np.empty_like(y)
        self.held[...] = y
        return self.held, ctx


class ReusedGradient(Right):
    held = None

    def backward(self, ctx, gy):
        dx, da, db = super().backward(ctx, gy)
        if self.held is None or (self.held.shape, self.held.dtype) != (dx.shape, dx.dtype):
            self.held = np.empty_like(dx)
        self.held[...] = dx
        return self.held, da, db


class Contiguous(Right):
    """Reads the buffer as if it were contiguous."""

    def forward(self, x, a, b):
        if x.ndim == 2 and not x.flags.c_contiguous:
            x = np.ascontiguousarray(x).ravel(order="F").reshape(x.shape)
        return super().forward(x, a, b)


class Counting(Right):
    calls = 0

    def backward(self, ctx, gy):
        dx, da, db = super().backward(ctx, gy)
        self.calls += 1
        return dx * (1 + 4e-16 * (self.calls % 2)), da, db


class OddTail(Right):
    """Forgets what is left over after whole blocks of 64."""

    def values(self, x, a, b):
        y = super().values(x, a, b)
        if y.ndim == 1 and y.size > 64 and y.size % 64:
            y[-(y.size % 64) :] = 0
        return y


class Wraps(Right):
    """A 16-bit index."""

    def values(self, x, a, b):
        y = super().values(x, a, b)
        if y.ndim == 1 and y.size > 65536:
            y = y[np.arange(y.size) % 65536]
        return y


class Float32Inside(Right):
    def wide(self, *arrays):
        with np.errstate(all="ignore"):
            return [t.astype(np.float32) for t in arrays]


class Float16Native(Right):
    def wide(self, *arrays):
        half = all(t.dtype == np.float16 for t in arrays)
        return [t.astype(np.float32 if half else np.float64) for t in arrays]

    def reduce(self, name, shape, g):
        if g.dtype == np.float32 and shape == ():
            return np.cumsum(g.astype(np.float16), dtype=np.float16)[-1:].reshape(())
        return sum_to(shape, g)


class AlwaysFloat64(Right):
    def forward(self, x, a, b):
        y, ctx = super().forward(x, a, b)
        return y.astype(np.float64), ctx


class RefusesEmpty(Right):
    def forward(self, x, a, b):
        if x.size == 0:
            raise IndexError("index 0 is out of bounds")
        return super().forward(x, a, b)


MUTANTS = {
    # A different function, consistently.
    "kappa 1.7": changed("y dx da", "κ = 1.7 ", kappa=1.7),
    "kappa 1": changed("y dx da", "κ = 1 ", kappa=1.0),
    "kappa + 1e-10": changed("y dx da", "κ = 1.7020000001 ", kappa=1.7020000001),
    "kappa of float32": changed("y dx da", "κ = 1.702", kappa=float(np.float32(1.702))),
    "tanh for sigmoid": changed("y", "tanh", positive=lambda s, x, a, b: a * np.maximum(x, 0) * (
        1 + np.tanh(KAPPA * np.maximum(x, 0)))),
    "swish without identity": changed("y", "identity is missing", positive=lambda s, x, a, b: a
                                * np.maximum(x, 0) * s.gate(x)[1]),
    "leaky for elu": changed("y", "PReLU", negative=lambda s, x, a, b: b * np.minimum(x, 0)),
    "exp without -1": changed("y", "-1 is missing", negative=lambda s, x, a, b: b
                        * np.exp(np.minimum(x, 0))),
    "negative branch sign": changed("y", "sign is wrong", negative=lambda s, x, a, b: -b
                              * np.expm1(np.minimum(x, 0))),
    "relu tail": changed("y", "zero", negative=lambda s, x, a, b: 0 * x),
    "abs a": changed("y", "sign of a is lost", positive=lambda s, x, a, b: Right.positive(
        s, x, np.abs(a), b)),
    "clipped b": changed("y", "negative b is clipped", negative=lambda s, x, a, b: Right.negative(
        s, x, a, np.maximum(b, 0))),
    "swapped parameters": changed("y", "swapped", positive=lambda s, x, a, b: Right.positive(s, x, b, a),
                            negative=lambda s, x, a, b: Right.negative(s, x, b, a)),
    "a ignored": changed("y", "a is not multiplied", positive=lambda s, x, a, b: Right.positive(
        s, x, 1, b)),
    "hard sigmoid": changed("y", "hard (piecewise linear) sigmoid", positive=lambda s, x, a, b: a
                            * np.maximum(x, 0) * (1 + np.clip(0.5 + 0.4255 * x, 0, 1))),
    "window": changed("y", "in one range of x only, 1.2", values=around(
        lambda x: (x > 1.2) & (x < 1.5), lambda y, x, a, b: y * 1.001)),
    "bias": changed("y", "a constant is added", values=around(
        lambda x: x < 1e300, lambda y, x, a, b: y + 1e-12)),
    # A wrong derivative term.
    "no product rule": changed("dx", "κx σ(1 - σ) is missing", slope_positive=lambda s, x, a, b: a * (
        1 + s.gate(x)[1])),
    "no kappa": changed("dx", "κ is missing", slope_positive=lambda s, x, a, b: a * (
        1 + s.gate(x)[1] + np.maximum(x, 0) * s.gate(x)[1] * s.gate(x)[2])),
    "no x": changed("dx", "x is missing", slope_positive=lambda s, x, a, b: a * (
        1 + s.gate(x)[1] + KAPPA * s.gate(x)[1] * s.gate(x)[2])),
    "minus": changed("dx", "sign of κx", slope_positive=lambda s, x, a, b: a * (
        1 + s.gate(x)[1] - s.gate(x)[0] * s.gate(x)[1] * s.gate(x)[2])),
    "no 1": changed("dx", "derivative of the identity", slope_positive=lambda s, x, a, b: Right
              .slope_positive(s, x, a, b) - a),
    "value for slope": changed("dx", "the value", slope_negative=lambda s, x, a, b: b
                         * np.expm1(np.minimum(x, 0))),
    "dead tail": changed("dx", "no gradient", slope_negative=lambda s, x, a, b: 0 * x),
    "tail slope without b": changed("dx", "b is not multiplied", slope_negative=lambda s, x, a, b: np
                              .exp(np.minimum(x, 0)) + 0 * b),
    # A missing or superfluous factor.
    "dx without gy": changed("dx", "upstream", dx=lambda s, x, a, b, g: Right.dx(s, x, a, b, 1 + 0 * g)),
    "da without gy": changed("da", "upstream", da=lambda s, x, a, b, g: Right.da(s, x, a, b, 1 + 0 * g)),
    "db without gy": changed("db", "upstream", db=lambda s, x, a, b, g: Right.db(s, x, a, b, 1 + 0 * g)),
    "gy twice": changed("dx", "twice", dx=lambda s, x, a, b, g: Right.dx(s, x, a, b, g * g)),
    "da times a": changed("da", "a is multiplied in", da=lambda s, x, a, b, g: a * Right.da(
        s, x, a, b, g)),
    "db times b": changed("db", "b is multiplied in", db=lambda s, x, a, b, g: b * Right.db(
        s, x, a, b, g)),
    "negative dx": changed("dx", "sign is wrong", dx=lambda s, x, a, b, g: -Right.dx(s, x, a, b, g)),
    "doubled db": changed("db", "twice the right", db=lambda s, x, a, b, g: 2 * Right.db(s, x, a, b, g)),
    "x1.001": changed("dx", "", dx=lambda s, x, a, b, g: 1.001 * Right.dx(s, x, a, b, g)),
    "clips gy": changed("dx", "", dx=lambda s, x, a, b, g: Right.dx(
        s, x, a, b, np.clip(g, -2, 2))),
    "divides by gy": changed("dx", "", dx=lambda s, x, a, b, g: Right.dx(s, x, a, b, g * g) / g),
    # Swapped or unmasked parameter gradients.
    "da db swapped": changed("da db", "swapped", da=lambda s, x, a, b, g: Right.db(s, x, a, b, g),
                       db=lambda s, x, a, b, g: Right.da(s, x, a, b, g)),
    "db unmasked": changed("db", "not masked", db=lambda s, x, a, b, g: g * np.expm1(x)),
    "da unmasked": changed("da", "not masked", da=lambda s, x, a, b, g: g * x * (1 + sigmoid(KAPPA * x))),
    # Reductions and shapes.
    "averaged": reducing("da db", "averaged", lambda shape, g, right: right * (
        right.size / max(1, g.size))),
    "not reduced": reducing("da db", "not reduced", lambda shape, g, right: g),
    "over-reduced": reducing("da", "", all_of_it),
    "wrong axis": reducing("da", "wrong axis", wrong_axis),
    "partly reduced": reducing("da", "reduced over other axes", partly),
    "kept dimension": reducing("db", "the shape is not", lambda shape, g, right: right[None]),
    "squeezed": reducing("da", "the shape is not", lambda shape, g, right: np.squeeze(right)
                         if right.size > 1 else right),
    "dx not reduced": reducing("dx", "not reduced", lambda shape, g, right: g),
    "dx averaged": reducing("dx", "averaged", lambda shape, g, right: right * (
        right.size / max(1, g.size))),
    # Wrong at one point or in one range.
    "zero slope at zero": changed("dx", "x = 0", dx=lambda s, x, a, b, g: np.where(
        x == 0, 0.0, Right.dx(s, x, a, b, g))),
    "nan at zero": changed("dx", "NaN", dx=lambda s, x, a, b, g: Right.dx(s, x, a, b, g)
                     + np.where(x == 0, np.nan, 0)),
    "thresholded": changed("y", "far from zero", values=around(lambda x: x > 20,
                                                       lambda y, x, a, b: a * x)),
    "clipped tail": changed("y", "", values=around(lambda x: x < -3, lambda y, x, a, b: -0.99 * b)),
    "tiny is zero": changed("y", "near zero", values=around(lambda x: np.abs(x) < 1e-4,
                                                    lambda y, x, a, b: 0 * y)),
    "overflow": changed("y", "NaN", values=around(lambda x: x > 100,
                                          lambda y, x, a, b: y * np.nan)),
    "negative-only parameters": changed("y", "", values=around(
        lambda x: x > 0, lambda y, x, a, b: np.where((a < 0) & (b < 0), -y, y))),
    "nan in empty sums": reducing("da", "empty inputs only", lambda shape, g, right: right
                                  if g.size else right + 1),
    # State, memory and sizes.
    "writes x": Mutant(MutatesX(), "", "written to: x in forward"),
    "writes gy": Mutant(MutatesGy(), "gy", "written to: gy in backward"),
    "shared state": Mutant(SharedState(), "dx da db", "share state"),
    "reused output": Mutant(ReusedBuffer(), "y", "buffer is reused"),
    "reused gradient": Mutant(ReusedGradient(), "dx", "buffer is reused"),
    "assumes contiguous": Mutant(Contiguous(), "", "memory layouts only"),
    "depends on calls": Mutant(Counting(), "dx", "different answers"),
    "block edge": Mutant(OddTail(), "y", "the remainder after whole blocks"),
    "16-bit index": Mutant(Wraps(), "y", "an index of 16 bits"),
    # Types and precision.
    "float32 inside": Mutant(Float32Inside(), "", "lower precision|NaN or infinity"),
    "float16 sum": Mutant(Float16Native(), "da", "too narrow a type: float16"),
    "float32 running sum": reducing("da db", "", naive_sum),
    "always float64": Mutant(AlwaysFloat64(), "y", "wrong type"),
    "crashes on empty": Mutant(RefusesEmpty(), "y", "IndexError"),
}  # fmt: skip
