"""Wrong handling of state, memory, sizes and types, as implementations that can be run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from apalu_ref.check.catalogue.reductions import Wrong, altered
from apalu_ref.check.catalogue.right import Array, Right, sum_to

EARLIER = (
    "answers depend on earlier calls: state is kept between them (a cache, or the first call's)"
)
SHARED = "calls share state: backward uses what another forward left behind"
KEEP = "keep what backward needs in ctx, not on the object or in a global"
BUFFER = "a later call overwrites what was returned before: a buffer is reused"
LAYOUT = "memory is read in its own order: right for contiguous arrays only"
CONTIGUOUS = "read by index or stride, or make a contiguous copy first (np.ascontiguousarray)"
EDGES = "look at block edges, the remainder after the last block, and index types"
WIDE = (
    "compute in the type of the inputs, or wider; look for float32 or float16 constants and casts"
)
OWN_TYPE = "return each result in its input's type, y in the promoted one"


class _Latest(Right):
    """Keeps the last forward's inputs on the object."""

    def forward(self, x: Array, a: Array, b: Array) -> tuple[Array, Any]:
        y, self.kept = super().forward(x, a, b)
        return y, None

    def backward(self, ctx: Any, gy: Array) -> tuple[Array, Array, Array]:
        return super().backward(self.kept, gy)


class _Stack(Right):
    """Backward takes what the last forward pushed."""

    def __init__(self) -> None:
        self.stack: list[Any] = []

    def forward(self, x: Array, a: Array, b: Array) -> tuple[Array, Any]:
        y, ctx = super().forward(x, a, b)
        self.stack.append(ctx)
        return y, None

    def backward(self, ctx: Any, gy: Array) -> tuple[Array, Array, Array]:
        return super().backward(self.stack.pop(), gy)


class _Queue(_Stack):
    """Backward takes what the oldest forward left."""

    def backward(self, ctx: Any, gy: Array) -> tuple[Array, Array, Array]:
        return Right.backward(self, self.stack.pop(0), gy)


class _Looked(Right):
    """Looks the answer up by a key that does not tell calls apart."""

    key: Callable[..., Any]

    def __init__(self) -> None:
        self.table: dict[Any, Any] = {}

    def forward(self, x: Array, a: Array, b: Array) -> tuple[Array, Any]:
        key = type(self).key(x, a, b)
        if key not in self.table:
            self.table[key] = super().forward(x, a, b)
        y, ctx = self.table[key]
        return y.copy(), (x, a, b) if type(self) is _ByX else ctx


class _ByX(_Looked):
    key = staticmethod(lambda x, a, b: (x.shape, str(x.dtype), x.tobytes()))


class _ByAddress(_Looked):
    key = staticmethod(lambda x, a, b: (x.ctypes.data, x.shape, x.strides, str(x.dtype)))


class _ByShape(Right):
    """Keeps contexts by the shape of y."""

    def __init__(self) -> None:
        self.table: dict[Any, Any] = {}

    def forward(self, x: Array, a: Array, b: Array) -> tuple[Array, Any]:
        y, ctx = super().forward(x, a, b)
        self.table[y.shape] = ctx
        return y, y.shape

    def backward(self, ctx: Any, gy: Array) -> tuple[Array, Array, Array]:
        return super().backward(self.table[ctx], gy)


class _Accumulates(Right):
    """Adds to the last gradients of a and b where it should start from zero."""

    def __init__(self) -> None:
        self.sums: dict[Any, Any] = {}

    def backward(self, ctx: Any, gy: Array) -> tuple[Array, Array, Array]:
        dx, da, db = super().backward(ctx, gy)
        key = (ctx[1].shape, ctx[2].shape, str(ctx[1].dtype))
        before = self.sums.get(key, (0, 0))
        self.sums[key] = (da + before[0], db + before[1])
        a, b = (np.asarray(t, s.dtype) for t, s in zip(self.sums[key], (da, db), strict=True))
        return dx, a.copy(), b.copy()


class _Reuses(Right):
    """Returns one buffer again and again."""

    def __init__(self) -> None:
        self.held: dict[Any, Array] = {}

    def typed(self, name: str, value: Array, dtype: np.dtype[Any]) -> Array:
        value = super().typed(name, value, dtype)
        if name not in self.names:
            return value
        buffer = self.held.setdefault((name, value.shape, str(dtype)), np.empty_like(value))
        buffer[...] = value
        return buffer

    names: tuple[str, ...] = ("y",)


class _ReusesGradients(_Reuses):
    names = ("dx", "da", "db")


class _Scratch(Right):
    """One scratch array serves every thread."""

    def __init__(self) -> None:
        self.scratch: dict[Any, Array] = {}

    def gate(self, x: Array) -> tuple[Array, Array, Array]:
        z = self.scratch.setdefault(x.shape, np.empty(x.shape))
        np.multiply(np.clip(x, 0, 400), 1.702, out=z)
        t = np.exp(-z)
        return z, 1 / (1 + t), t / (1 + t)


class _Counts(Right):
    """Every other call differs."""

    calls = 0

    def typed(self, name: str, value: Array, dtype: np.dtype[Any]) -> Array:
        self.calls += name == "y"
        return super().typed(name, value * (1 + 1e-3 * (self.calls % 2)), dtype)


def _writes(name: str, change: Callable[[Array], None], backward: bool) -> Callable[[], Any]:
    place = {"x": 0, "a": 1, "b": 2}

    class Writes(Right):
        def forward(self, *inputs: Array) -> tuple[Array, Any]:
            result = super().forward(*inputs)
            if not backward:
                change(inputs[place[name]])
            return result

        def backward(self, ctx: Any, gy: Array) -> tuple[Array, Array, Array]:
            result = super().backward(ctx, gy)
            if backward:
                change(gy if name == "gy" else ctx[place[name]])
            return result

    return Writes


def _halve(t: Array) -> None:
    if t.dtype.kind == "f":
        t *= 0.5


def _memory_order(t: Array) -> Array:
    """The elements as they lie in memory, taken for C order."""
    if t.ndim < 2 and t.strides and t.strides[0] < 0:
        return t[::-1]
    return np.asarray(t.ravel(order="K").reshape(t.shape))


def _in_memory_order(*names: str) -> Callable[[], Any]:
    class MemoryOrder(Right):
        def forward(self, x: Array, a: Array, b: Array) -> tuple[Array, Any]:
            given = {"x": x, "a": a, "b": b}
            return super().forward(*(_memory_order(t) if n in names else t
                                     for n, t in given.items()))  # fmt: skip

        def backward(self, ctx: Any, gy: Array) -> tuple[Array, Array, Array]:
            return super().backward(ctx, _memory_order(gy) if "gy" in names else gy)

    return MemoryOrder


def _unfinished(change: Callable[[Array, Array], None]) -> Callable[[], Any]:
    """The flat result, changed as work in blocks may leave it."""

    class Unfinished(Right):
        def values(self, x: Array, a: Array, b: Array) -> Array:
            y = np.array(super().values(x, a, b))
            change(y.reshape(-1), y.reshape(-1).copy())
            return y

    return Unfinished


def _remainder(block: int) -> Callable[[Array, Array], None]:
    def change(y: Array, right: Array) -> None:
        rest = y.size % block
        if y.size > block and rest:
            y[-rest:] = 0

    return change


def _partial_sums(keep: Callable[[Array], Array]) -> Callable[[], Any]:
    """da and db of long sums from some of their terms only."""

    def reduce(self: Right, name: str, shape: tuple[int, ...], g: Array) -> Array:
        if name == "dx" or shape != () or g.ndim != 1:
            return sum_to(shape, g)
        return np.asarray(keep(g).sum())

    return altered(reduce=reduce)


def _computing_in(dtype: str) -> Callable[[], Any]:
    def wide(self: Right, *arrays: Array) -> list[Array]:
        with np.errstate(all="ignore"):
            return [t.astype(dtype) for t in arrays]

    return altered(wide=wide)


def _running_sum(dtype: str) -> Callable[[], Any]:
    def reduce(self: Right, name: str, shape: tuple[int, ...], g: Array) -> Array:
        if g.shape == shape or g.size == 0:
            return sum_to(shape, g)
        padded = (1,) * (g.ndim - len(shape)) + shape
        total = g
        for axis, n in enumerate(padded):
            if n == 1:
                with np.errstate(all="ignore"):
                    total = np.cumsum(total, axis=axis, dtype=dtype).take([-1], axis=axis)
        return total.reshape(shape)

    return altered(reduce=reduce)


def _always(dtype: str, *names: str) -> Callable[[], Any]:
    def typed(self: Right, name: str, value: Array, kept: np.dtype[Any]) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(value).astype(dtype if name in names else kept)

    return altered(typed=typed)


class _TypeOfX(Right):
    """Gradients of a and b in the type of x."""

    def backward(self, ctx: Any, gy: Array) -> tuple[Array, Array, Array]:
        dx, da, db = super().backward(ctx, gy)
        return dx, da.astype(dx.dtype), db.astype(dx.dtype)


class _WholeNumbers(Right):
    """y in the type of x, whole numbers included."""

    def forward(self, x: Array, a: Array, b: Array) -> tuple[Array, Any]:
        y, ctx = super().forward(x, a, b)
        return (np.trunc(y) if x.dtype.kind == "i" else y), ctx


HABITS = [
    Wrong("latest forward", SHARED, KEEP, _Latest),
    Wrong("stack of forwards", SHARED, KEEP, _Stack),
    Wrong("queue of forwards", EARLIER, KEEP, _Queue),
    Wrong("by shape", SHARED, KEEP, _ByShape),
    Wrong("by x", "results are looked up by x alone: other parameters get an old answer",
          "include every input in the key, or keep nothing", _ByX),
    Wrong("by address", "results are looked up by the array, not by its values: it may have changed",
          "do not keep results by id() or address", _ByAddress),
    Wrong("accumulates", "gradients of a and b add up from call to call",
          "start each backward from zero; adding up is for the caller", _Accumulates),
    Wrong("reused output", BUFFER, "return a fresh array from every call", _Reuses),
    Wrong("reused gradients", BUFFER, "return a fresh array from every call", _ReusesGradients),
    Wrong("counts calls", "equal calls give different answers",
          "look for randomness, uninitialised memory or state kept between calls", _Counts),
    Wrong("writes x", "an argument is written to: x in forward",
          "work on a copy; look for in-place operators (*=, +=) and out=", _writes("x", _halve, False)),
    Wrong("writes a", "an argument is written to: a in forward",
          "work on a copy; look for in-place operators (*=, +=) and out=", _writes("a", _halve, False)),
    Wrong("writes gy", "an argument is written to: gy in backward",
          "work on a copy; look for in-place operators (*=, +=) and out=", _writes("gy", _halve, True)),
    Wrong("writes x backward", "an argument is written to: x in backward",
          "work on a copy; look for in-place operators (*=, +=) and out=", _writes("x", _halve, True)),
    Wrong("x in memory order", LAYOUT, CONTIGUOUS, _in_memory_order("x")),
    Wrong("gy in memory order", LAYOUT, CONTIGUOUS, _in_memory_order("gy")),
    Wrong("everything in memory order", LAYOUT, CONTIGUOUS, _in_memory_order("x", "a", "b", "gy")),
    *(Wrong(f"remainder after {n}", f"the remainder after whole blocks of {n} is not computed", EDGES,
            _unfinished(_remainder(n))) for n in (4, 8, 16, 64, 256, 1024, 4096)),
    Wrong("16-bit index", "an index of 16 bits: from element 65,536 on it starts again at 0", EDGES,
          _unfinished(lambda y, right: np.copyto(y, right[np.arange(y.size) % 65536]))),
    Wrong("first chunk only", "only the first 65,536 elements are computed", EDGES,
          _unfinished(lambda y, right: y[65536:].fill(0))),
    Wrong("last skipped", "the last element is skipped", EDGES,
          _unfinished(lambda y, right: y[max(1, y.size - 1):].fill(0))),
    Wrong("sums without the last", "the last element is left out of the sums", EDGES,
          _partial_sums(lambda g: g[:-1] if g.size > 1 else g)),
    Wrong("sums without the first", "the first element is left out of the sums", EDGES,
          _partial_sums(lambda g: g[1:] if g.size > 1 else g)),
    Wrong("sums of whole blocks", "sums leave out the remainder after whole blocks of 64", EDGES,
          _partial_sums(lambda g: g[: g.size - g.size % 64] if g.size > 64 else g)),
    Wrong("sums of whole blocks 1024", "sums leave out the remainder after whole blocks of 1024", EDGES,
          _partial_sums(lambda g: g[: g.size - g.size % 1024] if g.size > 1024 else g)),
    Wrong("sums of the last chunk", "sums hold the last chunk of 65,536 elements only", EDGES,
          _partial_sums(lambda g: g[(g.size - 1) // 65536 * 65536 :] if g.size else g)),
    Wrong("float32 inside", "computed in lower precision inside: right to the digits of float32", WIDE,
          _computing_in("float32")),
    Wrong("float16 inside", "computed in lower precision inside: right to the digits of float16", WIDE,
          _computing_in("float16")),
    Wrong("float32 sums", "sums are accumulated in too narrow a type: float32",
          "sum in float64 and convert once: .sum(..., dtype=np.float64)", _running_sum("float32")),
    Wrong("float16 sums", "sums are accumulated in too narrow a type: float16",
          "sum in float64 and convert once: .sum(..., dtype=np.float64)", _running_sum("float16")),
    Wrong("y always float64", "the result has the wrong type: always float64", OWN_TYPE,
          _always("float64", "y")),
    Wrong("y always float32", "the result has the wrong type: always float32", OWN_TYPE,
          _always("float32", "y")),
    Wrong("gradients always float64", "the result has the wrong type: always float64", OWN_TYPE,
          _always("float64", "dx", "da", "db")),
    Wrong("parameter gradients in x's type", "the result has the wrong type: that of x", OWN_TYPE,
          _TypeOfX),
    Wrong("whole numbers", "for integer x the result is cut to whole numbers",
          "compute integer x in float64", _WholeNumbers),
]  # fmt: skip

THREADS = Wrong(
    "scratch shared by threads",
    "threads disturb each other: a scratch buffer or state is shared between them",
    "allocate inside the call, or keep one buffer for each thread (threading.local)",
    _Scratch,
)
"""Not recognised by its values, which differ each time."""
