"""Task 6: what goes wrong in blocks, on an x of some blocks and a shorter last one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref import apalu, apalu_grad
from apalu_ref.check.catalogue.formulas import MISTAKES, UPSTREAM
from apalu_ref.check.catalogue.terms import RIGHT, Terms
from apalu_ref.exercises.checks.calling import Wrong, array, call
from apalu_ref.exercises.result import Finding

Array = NDArray[Any]

_EDGE = "is the number of elements a multiple of your block? Look at the loop's range, and at its slices"
_EDGE_ANSWER = (
    "for i in range(0, x.size, BLOCK), with slices [i : i + BLOCK]; the last one is shorter"
)
_SUMS = "the sums for a and b go on from block to block"
_SUMS_ANSWER = "da = 0.0 before the loop, and da += … inside, summed with dtype=np.float64"
_BUFFER = "an array that was returned belongs to the caller: the next call must not write to it"
_LAYOUT = (
    "a transposed array is not contiguous: reshape(-1) makes a copy of it, in the order of its indices; "
    "is that what is read, and is what is written to a copy kept?"
)


def look(package: ModuleType) -> dict[str, Finding]:
    """What is wrong with the long way, by part."""
    block = getattr(package, "BLOCK", 0)
    if not (isinstance(block, int) and 64 <= block <= 1 << 17):
        block = 16_384
    n = block * max(3, 100_000 // block) + 7
    rng = np.random.default_rng(1)
    x, gy, other = rng.normal(size=(3, n))
    a, b = np.array(1.25), np.array(-0.75)
    found: dict[str, Finding] = {}
    try:
        _fill(n)
        y, ctx = _forward(package, x, a, b, x.shape)
        _elements("y", y, Terms(x, a, b, gy), block)
        before = y.copy()
        _forward(package, other, a, b, x.shape)
        if not np.array_equal(y, before):
            raise Wrong(Finding("y: a later call of forward overwrites what an earlier one returned: a buffer is "
                                "kept", _BUFFER, "np.empty inside forward, in every call"))  # fmt: skip
        turned = x[: n - n % 2].reshape(2, -1).T
        _fill(n)
        got, turned_ctx = _forward(package, turned, a, b, turned.shape)
        _same("y", got, apalu(turned, a, b), apalu(_in_memory(turned), a, b))
    except Wrong as wrong:
        found["y"] = wrong.finding
        return found
    try:
        for name, finding in _backward(package, (x, a, b, gy), other, ctx, block):
            found.setdefault(name, finding)
        if not found:
            _transposed(package, turned_ctx, turned, a, b)
    except Wrong as wrong:
        found["dx"] = wrong.finding
    return found


def _forward(package: ModuleType, x: Array, a: Array, b: Array, shape: tuple[int, ...]) -> Any:
    what = f"forward, for {x.size:,} numbers"
    got = call(what, package.forward, x, a, b, quiet=True)
    if not (isinstance(got, tuple) and len(got) == 2):
        kind = "None" if got is None else f"one {type(got).__name__}"
        raise Wrong(Finding(f"{what} returns {kind}, not two things: y and what backward needs",
                            "is a `return` missing at the end of the long way?", "return y, (x, a, b)"))  # fmt: skip
    return array("forward", got[0], shape), got[1]


def _elements(name: str, got: Array, t: Terms, block: int) -> None:
    """Raise for the first thing that is wrong with y or dx."""
    want = RIGHT[name](t)
    off = ~(np.abs(got - want) <= 1e-9 * (np.abs(want) + 1))
    if not off.any():
        return
    i = int(np.argmax(off))
    seen = f"the first wrong one is number {i:,} of {got.size:,}: {got[i]:.6g}, and should be {want[i]:.6g}"
    last, later = got.size - got.size % block, np.arange(got.size) >= block
    if i >= last:
        raise Wrong(Finding(f"{name}: all whole blocks are right, and the shorter last one is not",
                            _EDGE, _EDGE_ANSWER, seen))  # fmt: skip
    if i >= block and off[later].mean() > 0.9:
        raise Wrong(Finding(f"{name}: the first block is right, and what follows is not",
                            "where does the second round of the loop read, and where does it write?",
                            _EDGE_ANSWER, seen))  # fmt: skip
    for cause, would in _catalogued(name, t):
        if (np.abs(got - would) <= 1e-9 * (np.abs(would) + 1)).all():
            raise Wrong(Finding(f"{name}: for long x, {cause}",
                                "compare with your own task 3, which does it for short x", "", seen))  # fmt: skip
    raise Wrong(Finding(f"{name}: the values for long x are wrong",
                        "compare each block with your own task 3", "", seen))  # fmt: skip


def _catalogued(name: str, t: Terms) -> Iterator[tuple[str, Array]]:
    """Mistakes of formulas on one side, with the right values on the other."""
    right = RIGHT[name](t)
    yield "κ is not 1.702 but 1.7", RIGHT[name](replace(t, kappa=1.7))
    if name != "y":
        yield UPSTREAM, RIGHT[name](replace(t, g=np.ones_like(t.g)))
    negative = t.x < 0
    for mistake in MISTAKES:
        if mistake.quantity == name:
            side = negative if mistake.side == "-" else ~negative
            with np.errstate(all="ignore"):
                would = np.where(side, mistake.formula(t), right)
            if not np.allclose(would, right):
                yield mistake.cause, would


def _backward(
    package: ModuleType, inputs: tuple[Array, ...], other: Array, ctx: Any, block: int
) -> Iterator[tuple[str, Finding]]:
    x, a, b, gy = inputs
    t = Terms(x, a, b, gy)
    what = f"backward, for {x.size:,} numbers"
    call("forward", package.forward, other, a, b, quiet=True)
    _fill(x.size)
    back = call(what, package.backward, ctx, gy, quiet=True)
    if not (isinstance(back, (tuple, list)) and len(back) == 3):
        raise Wrong(Finding(f"{what}, does not return three things: dx, da and db",
                            "is a `return` missing at the end of the long way?"))  # fmt: skip
    dx = array("backward, for dx,", back[0], x.shape)
    if np.allclose(dx, RIGHT["dx"](Terms(other, a, b, gy))):
        raise Wrong(Finding("dx: calls share state: backward uses what another forward left behind",
                            "what is kept outside of ctx is found by another call", "return y, (x, a, b)"))  # fmt: skip
    try:
        _elements("dx", dx, t, block)
    except Wrong as wrong:
        yield "dx", wrong.finding
    for name, value in zip(("da", "db"), back[1:], strict=True):
        try:
            _sum(name, float(array(f"backward, for {name},", value, ())), t, block)
        except Wrong as wrong:
            yield name, wrong.finding
    before = dx.copy()
    again = call("forward", package.forward, other, a, b, quiet=True)[1]
    call("backward", package.backward, again, gy, quiet=True)
    if not np.array_equal(dx, before):
        yield "dx", Finding("dx: a later call of backward overwrites what an earlier one returned: a buffer is "
                            "kept", _BUFFER, "np.empty inside backward, in every call")  # fmt: skip


def _sum(name: str, got: float, t: Terms, block: int) -> None:
    terms = RIGHT[name](t)
    if abs(got - terms.sum()) <= 1e-10 * np.abs(terms).sum():
        return
    seen = f"it is {got:.9g}, and should be {terms.sum():.9g}"
    n = terms.size - terms.size % block
    edges = np.arange(0, terms.size, block)
    narrow = terms.astype(np.float32)
    per_block: Callable[..., Any] = np.add.reduceat
    told = [
        ("only the last block is counted", terms[n:].sum(), _SUMS, _SUMS_ANSWER),
        ("only the first block is counted", terms[:block].sum(), _SUMS, _SUMS_ANSWER),
        ("the shorter last block is not counted", terms[:n].sum(), _EDGE, _EDGE_ANSWER),
        ("the first block is not counted", terms[block:].sum(), _SUMS, _SUMS_ANSWER),
        ("it is the mean of the blocks' sums", per_block(terms, edges).mean(), _SUMS, _SUMS_ANSWER),
        ("it is the mean, not the sum", terms.mean(), "what was used n times changes the result n times over", ""),
        ("the -1 is missing: e^x for e^x - 1",
         (t.g * np.exp(np.minimum(t.x, 0))).sum() if name == "db" else np.nan, "what is v(0)?", ""),
        ("the last whole block is counted, and no other", terms[n - block : n].sum(), _SUMS, _SUMS_ANSWER),
    ]  # fmt: skip
    for cause, would, hint, answer in told:
        if abs(got - would) <= 1e-10 * np.abs(terms).sum():
            raise Wrong(Finding(f"{name}: {cause}", hint, answer, seen))
    for cause, would in _catalogued(name, t):
        if abs(got - would.sum()) <= 1e-10 * np.abs(would).sum():
            raise Wrong(Finding(f"{name}: for long x, {cause}",
                                "compare with your own task 3, which does it for short x", "", seen))  # fmt: skip
    if abs(got - terms.sum()) <= 1e-5 * np.abs(narrow).sum():
        raise Wrong(Finding(f"{name}: the sum is close, but has lost digits, as sums in float32 do",
                            "in which type are the blocks summed, and the sums of the blocks?",
                            _SUMS_ANSWER, seen))  # fmt: skip
    raise Wrong(Finding(f"{name}: the sum over long x is wrong", _SUMS, _SUMS_ANSWER, seen))


def _transposed(package: ModuleType, ctx: Any, turned: Array, a: Array, b: Array) -> None:
    """The gradient for an x that is not contiguous."""
    gy = np.cos(turned)
    _fill(turned.size)
    what = "backward, for a transposed x,"
    back = call(what, package.backward, ctx, gy, quiet=True)
    dx = array(what, back[0] if isinstance(back, (tuple, list)) and back else back, turned.shape)
    right = apalu_grad(turned, a, b, gy)[0]
    _same("dx", dx, right, apalu_grad(_in_memory(turned), a, b, _in_memory(gy))[0])


def _in_memory(t: Array) -> Array:
    """The elements as they lie in memory, taken for those in the order of indices."""
    return t.ravel(order="K").reshape(t.shape)


def _fill(n: int) -> None:
    """Leave NaN in the memory that np.empty may hand out next, in place of right values."""
    for _ in range(2):
        junk = [np.full(n, np.nan) for _ in range(6)]
        del junk


def _same(name: str, got: Array, want: Array, mixed: Array) -> None:
    if np.allclose(got, want, rtol=1e-9, atol=1e-9):
        return
    said = f"{name}: right for an x of one axis, and wrong for a transposed one"
    if np.allclose(got, mixed):
        said += ": x is read in the order of its memory, and the result is not"
    raise Wrong(Finding(said, _LAYOUT, "x.reshape(-1) for reading; np.empty(x.shape) for writing"))
