"""From "this number is wrong" to "this is probably what was done wrong"."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.catalogue import MISTAKES, RIGHT, UPSTREAM, Terms
from apalu_ref.check.exact import reduce_to
from apalu_ref.check.inputs import Call
from apalu_ref.check.judge import Mark, judged_dtype, whole

Array = NDArray[Any]

# A formula is recognised within so many eps of the terms' size.
_MATCH_EPS = 64
_TINY = 1e-290

_NOT_REDUCED = "not reduced over the axes along which its input was broadcast"

# Probes whose point is how they are asked: a value alone does not tell what went wrong.
_SPECIAL = ("layouts", "state")
# Searching in an answer of more elements than this takes longer than it tells.
_MOST = 4000


class Cause(NamedTuple):
    """What was probably done wrong, how to mend it, and what in this answer shows it."""

    cause: str
    fix: str
    evidence: str = ""


def explain(mark: Mark, known: Collection[str] = ()) -> list[Cause]:
    """Probable causes of one mark, one for each side of zero that is wrong; [] if unknown.

    Where causes are ``known`` for the quantity already, they are tried first, and only a
    formula that fits sharply is taken for another one.
    """
    if mark.kind == "shape":
        return _shape(mark, known)
    if mark.kind == "accumulation":
        return [_accumulation(mark)]
    if mark.level == "policy":
        return [
            Cause(
                "at x = 0 the slope is not the right one, 3a/2, which is the convention",
                "choose the branch with x >= 0, in backward too",
            )
        ]
    if mark.level == "subnormal":
        return [Cause("subnormal x are flushed to zero or use another slope", "none is needed")]
    if mark.level == "precision":
        return _precision(mark)
    if mark.kind != "value" or mark.level == "nonfinite":
        return []
    assert mark.got is not None
    if mark.got.size > _MOST:
        return []
    search = _Search(mark)
    if search.right.size < 8:
        return []  # so few terms fit anything
    if known:
        sharp = judged_dtype(search.call).itemsize == 8 and mark.got.size >= 8
        return search.formulas(known) if sharp else []
    if mark.probe.id.split("/")[0] in _SPECIAL:
        return []
    for step in (search.formulas, search.constant, search.axes, search.place, search.narrow):
        found = step()
        if found:
            return found
    return []


class _Search:
    """Compares a wrong answer with formulas."""

    def __init__(self, mark: Mark) -> None:
        assert mark.call is not None
        assert mark.got is not None
        assert mark.want is not None
        assert mark.wrong is not None
        self.call, self.want, self.quantity = mark.call, mark.want, mark.quantity
        self.probe = mark.probe
        self.summed = mark.want.summed
        self.full = self.call.gy.shape
        shape = self.full if not self.summed else mark.got.shape
        self.target = mark.got.shape
        self.got = mark.got.astype(np.float64).reshape(shape)
        self.wrong = mark.wrong.reshape(shape)
        self.terms = _terms(self.call)
        self.eps = float(np.finfo(judged_dtype(self.call)).eps)
        self.sides = {"+": self.terms.x >= 0, "-": self.terms.x < 0}
        with np.errstate(all="ignore"):
            self.right = RIGHT[self.quantity](self.terms)

    def residual(self, values: Array, where: Array | None = None) -> float:
        """How far the answer is from these values (elementwise, before any summing), in eps.

        inf where they do not explain it: the formula must say something of what is wrong.
        """
        if self.summed:
            size = reduce_to(self.target, np.abs(values) + np.abs(self.terms.g), np.sum)
            values = reduce_to(self.target, values, np.sum)
        else:
            size = np.abs(values) + self.want.scale.reshape(self.full)
        told = np.isfinite(values)
        if where is not None and not self.summed:
            told &= where
        if told.sum() < min(3, told.size) or not (told & self.wrong).any():
            return np.inf
        with np.errstate(over="ignore", invalid="ignore"):
            off = np.abs(self.got - values)[told] / np.maximum(size[told], _TINY) / self.eps
        return float(np.nan_to_num(off, nan=np.inf).max())

    def matches(self, values: Array, where: Array | None = None) -> bool:
        """Whether the answer is these values."""
        return self.residual(values, where) <= _MATCH_EPS

    def formulas(self, known: Collection[str] = ()) -> list[Cause]:
        """The entry of the catalogue for each side that is wrong, or a simple factor."""
        found: list[Cause] = []
        for side, mask in self.sides.items():
            if not self.summed and not (self.wrong & mask).any():
                continue
            nearest, cause = np.inf, None
            for entry in MISTAKES:
                if (entry.quantity, entry.side) != (self.quantity, side):
                    continue
                with np.errstate(all="ignore"):
                    values = np.where(mask, entry.formula(self.terms), self.right)
                    off = self.residual(values, mask)
                if off <= _MATCH_EPS and entry.cause in known:
                    nearest, cause = 0.0, Cause(entry.cause, entry.fix)
                    break
                if off <= _MATCH_EPS and off < nearest / 4:
                    nearest, cause = off, Cause(entry.cause, entry.fix)
            factor, simple = self._factor(mask)
            if simple is not None and (simple.cause in known or factor < nearest / 4):
                cause = simple
            if cause is not None:
                found.append(cause)
        return list(dict.fromkeys(found))

    def _factor(self, mask: Array) -> tuple[float, Cause | None]:
        """The right answer times something simple: how near, and what it means."""
        t = self.terms
        with np.errstate(divide="ignore"):
            inverse = 1 / t.g
        factors: list[tuple[Array | float, str, str]] = [
            (-1.0, "the sign is wrong", f"{self.quantity} = -{self.quantity}"),
            (2.0, "twice the right value", "look for a term that is counted twice"),
            (0.5, "half the right value", "look for an average of two terms"),
            (0.0, "it is zero everywhere", "compute it"),
            (inverse, UPSTREAM, "multiply by gy"),
            (t.g, "the upstream gradient gy is multiplied in twice", "multiply by gy once"),
            (t.kappa, "there is a factor κ too many", "κ belongs to the sigmoid's argument only"),
            (1 / t.kappa, "it is divided by κ", "κ belongs to the sigmoid's argument only"),
        ]
        if self.summed:
            count = self.right.size / max(1, self.got.size)
            factors.append((1 / count, "averaged over the broadcast elements, not summed",
                            "sum over the broadcast axes; do not take the mean"))  # fmt: skip
        elif self.quantity != "y":
            factors.append((1 / self.got.size, "divided by the number of elements",
                            "do not average"))  # fmt: skip
        nearest, cause = np.inf, None
        for factor, meaning, fix in factors:
            with np.errstate(all="ignore"):
                off = self.residual(self.right * factor, mask)
            if off <= _MATCH_EPS and off < nearest / 4:
                nearest, cause = off, Cause(meaning, fix)
        return nearest, cause

    def constant(self) -> list[Cause]:
        """The right formula with another κ: fitted by Gauss-Newton steps."""
        kappa = 1.702
        moderate = np.abs(self.terms.x) < 30
        t = self.terms

        def values(k: float) -> Array:
            terms = Terms(t.x, t.a, t.b, t.g, k)
            elementwise = RIGHT[self.quantity](terms)
            return reduce_to(self.target, elementwise, np.sum) if self.summed else elementwise

        with np.errstate(all="ignore"):
            used = np.isfinite(self.got) & (True if self.summed else moderate)
            if used.sum() < 4:
                return []  # one number more than there are fits anything
            for _ in range(30):
                here = values(kappa)
                slope = (values(kappa + 1e-6) - here) / 1e-6
                rest = (self.got - here)[used]
                slope = slope[used]
                if not np.isfinite(rest).all() or not (slope**2).sum() > 0:
                    return []
                kappa += float(np.clip((slope * rest).sum() / (slope**2).sum(), -0.3, 0.3))
            terms = Terms(t.x, t.a, t.b, t.g, kappa)
            if not 0.05 < kappa < 20:
                return []
            looked = moderate if self.summed else moderate | self.wrong
            if self.matches(self.right, looked):
                return []
            if not self.matches(RIGHT[self.quantity](terms), looked):
                return []
        shown = np.format_float_positional(float(f"{kappa:.12g}"), trim="-")
        return [Cause(f"κ = {shown} in place of 1.702: another function", "set κ to 1.702")]

    def axes(self) -> list[Cause]:
        """A sum over other axes than those that were broadcast (square shapes hide it)."""
        if not self.summed:
            return []
        for how, axes, values in _reductions(self.right, self.target):
            if np.allclose(self.got, values, rtol=_MATCH_EPS * self.eps, atol=1e-12):
                return [Cause(
                    "reduced over the wrong axis",
                    f"sum over the axes along which {self.quantity[1]} was broadcast",
                    f"it is the {how} over axis {axes}",
                )]  # fmt: skip
        return []

    def place(self) -> list[Cause]:
        """Where it is wrong, if no formula is recognised."""
        if self.summed:
            return []
        x, wrong = self.terms.x[self.wrong], np.flatnonzero(self.wrong)
        if not np.isfinite(self.got[self.wrong]).any():
            return [_overflow(x)]
        if (x == 0).all():
            return [Cause(
                "wrong at x = 0 only, and not a slope between b and 3a/2: both strict comparisons "
                "miss it",
                "choose the branch with x >= 0 and its complement",
            )]  # fmt: skip
        family = self.probe.id.split("/")[0]
        late = family in ("values", "sizes") and wrong[0] >= self.got.size / 4
        if late and len(wrong) > 0.8 * (self.got.size - wrong[0]):
            return [Cause(
                "wrong from some element on to the end",
                "look at block edges, the remainder after the last block, and index types",
                f"here from index {wrong[0]} of {self.got.size}",
            )]  # fmt: skip
        if (np.abs(x) < 1e-3).all():
            tiny = (np.abs(x) < float(np.finfo(judged_dtype(self.call)).tiny)).all()
            kind = "subnormal x" if tiny else f"|x| <= {np.abs(x).max():.3g}"
            return [Cause("wrong near zero only", "look for a threshold or a cancellation",
                          f"here {kind}")]  # fmt: skip
        if (np.abs(x) > 15).all():
            return [Cause(
                "wrong far from zero only",
                "look for clipping, saturation or overflow",
                f"here |x| >= {np.abs(x).min():.4g}",
            )]  # fmt: skip
        return []

    def narrow(self) -> list[Cause]:
        """Right, to the digits of a lower precision, and that all over."""
        if self.summed or not self.probe.id.startswith("values/"):
            return []  # elsewhere the x are too few to say "all over"
        size = np.abs(self.terms.x)
        moderate = (size > 1e-3) & (size < 15) & (self.right != 0)
        if not moderate.any() or self.wrong[moderate].mean() < 0.6:
            return []
        off = self.residual(self.right, moderate) * self.eps
        for dtype in ("float32", "float16"):
            eps = float(np.finfo(dtype).eps)
            if eps > self.eps and eps / 64 <= off <= 8 * eps:
                return [Cause(
                    f"computed in lower precision inside: right to the digits of {dtype}",
                    "compute in the type of the inputs; look for float32 constants or casts",
                )]  # fmt: skip
        return []


def _overflow(x: Array) -> Cause:
    side = f"x >= {x.min():.4g}" if x.min() >= 0 else f"x <= {x.max():.4g}"
    if x.min() < 0 <= x.max():
        side = f"|x| >= {np.abs(x).min():.4g}"
    return Cause(
        "NaN or infinity from finite input: a term overflows, or the branch not taken does "
        "and reaches the result",
        "use exp of negative arguments only, and give each branch its own half: "
        "np.maximum(x, 0), np.minimum(x, 0)",
        f"here from {side} on",
    )


def _terms(call: Call) -> Terms:
    x, a, b, gy = (np.broadcast_to(t, call.gy.shape).astype(np.float64) for t in call)
    return Terms(x, a, b, gy)


def _reductions(terms: Array, target: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """Sums and means of the elementwise terms that have ``target``'s number of elements."""
    for count in range(1, terms.ndim + 1) if terms.size else ():
        for axes in combinations(range(terms.ndim), count):
            for how in ("sum", "mean"):
                values = np.asarray(getattr(terms, how)(axis=axes))
                if values.size == int(np.prod(target)):
                    yield how, ", ".join(map(str, axes)), values.reshape(target)


def _shape(mark: Mark, known: Collection[str]) -> list[Cause]:
    """What was done to the axes, if the values show it."""
    assert mark.call is not None
    assert mark.got is not None
    assert mark.want is not None
    got, quantity = mark.got.astype(np.float64), mark.quantity
    high = mark.want.value.high
    target, full = high.shape, mark.call.gy.shape

    def close(one: Array, two: Array) -> bool:
        return one.shape == two.shape and np.allclose(one, two, rtol=1e-3, atol=1e-3)

    padded = (1,) * (len(full) - len(target)) + target
    needed = tuple(i for i, n in enumerate(padded) if n == 1 and full[i] != 1)
    named = {"y": "y", "dx": "x", "da": "a", "db": "b"}[quantity]
    # One element looks the same reduced or not: then what is known decides.
    if quantity != "y" and got.shape == full and (got.size > high.size or _NOT_REDUCED in known):
        axes = ", ".join(map(str, needed))
        sums = got.sum(axis=needed).reshape(target)
        exact = close(sums, high)
        said = f"summing yours over axis {axes} matches exactly" if exact else ""
        tail = "" if len(target) + len(needed) == len(full) else f".reshape({target})"
        axis = axes if len(needed) == 1 else f"({axes})"
        return [Cause(
            _NOT_REDUCED,
            f"here {quantity} = {quantity}.sum(axis={axis}){tail}; always sum over the axes that "
            f"{named} lacks or has with length 1",
            said,
        )]  # fmt: skip
    if got.size == high.size and close(got.ravel(), high.ravel()):
        return [Cause(
            "the values are right, the shape is not: axes were kept, added or squeezed",
            f"{quantity} = {quantity}.reshape({target})",
        )]  # fmt: skip
    if close(got.T, high):
        return [Cause("the result is transposed", f"{quantity} = {quantity}.T")]
    if quantity == "y":
        return []
    with np.errstate(all="ignore"):
        terms = np.asarray(RIGHT[quantity](_terms(mark.call)))
    for how, done, values in _reductions(terms, got.shape):
        if close(values, got):
            wanted = ", ".join(map(str, needed)) or "none"
            return [Cause(
                "reduced over other axes than those along which its input was broadcast",
                f"sum over exactly the axes along which {named} was broadcast",
                f"it is the {how} over axis {done}; it should be the sum over axis {wanted}",
            )]  # fmt: skip
    return []


def _accumulation(mark: Mark) -> Cause:
    assert mark.call is not None
    assert mark.got is not None
    if mark.call.gy.size < 1000 * max(1, mark.got.size):
        return Cause("more rounding than careful code has", "look for cancelling differences")
    return Cause(
        f"sums are accumulated in too narrow a type for {mark.dtype}",
        f"sum in float64 and convert once: {mark.quantity}.sum(..., dtype=np.float64)",
    )


def _precision(mark: Mark) -> list[Cause]:
    assert mark.call is not None
    assert mark.got is not None
    if mark.got.shape != whole(mark.call, mark.call.x, mark.got.shape).shape:
        return []
    x = float(whole(mark.call, mark.call.x, mark.got.shape)[mark.index])
    if -1 < x < 0 and mark.quantity in ("y", "db"):
        return [Cause("e^x - 1 cancels just below zero", "use expm1(x) in place of exp(x) - 1")]
    if x < -1 and mark.quantity == "dx":
        return [Cause("e^x loses its digits in the tail", "use exp(x), not (exp(x) - 1) + 1")]
    if x > 5 and mark.quantity == "dx":
        return [Cause(
            "1 - σ(κx) cancels in the tail",
            "write it as σ(-κx): with t = exp(-κx), 1 - σ = t / (1 + t)",
        )]  # fmt: skip
    return [Cause("more rounding than careful code has", "look for cancelling differences")]
