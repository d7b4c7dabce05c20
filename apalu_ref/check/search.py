"""From wrong numbers to a formula: which mistake would have given just these values?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.catalogue import MISTAKES, RIGHT, UPSTREAM, Mistake, Terms, terms_of
from apalu_ref.check.causes import AVERAGED, Cause
from apalu_ref.check.exact import reduce_to
from apalu_ref.check.judge import Mark, judged

Array = NDArray[Any]

# A formula is recognised within so many eps of the terms' size.
MATCH_EPS = 64
_TINY = 1e-290


class Idea(NamedTuple):
    """What might have been done, and the values that it gives for the terms of an answer."""

    cause: Cause
    values: Callable[[Search], Array]


def _evaluated(entry: Mistake, search: Search) -> Array:
    assert search.terms is not None
    return entry.formula(search.terms)


def _times(factor: Callable[[Search], Any], search: Search) -> Array:
    return np.asarray(search.right * factor(search))


def _clip_of(n: float, search: Search) -> Array:
    return np.asarray(np.clip(search.gy, -n, n) / search.gy)


def _parameter(name: str, search: Search) -> Array:
    return search.parameter(name)


def _inverse(name: str, search: Search) -> Array:
    return np.asarray(1 / search.parameter(name))


def another_constant(kappa: float) -> Idea:
    """The right formula with another κ."""
    shown = np.format_float_positional(float(f"{kappa:.12g}"), trim="-")

    def values(search: Search) -> Array:
        t = search.terms
        assert t is not None
        exact = RIGHT[search.quantity](Terms(t.x, t.a, t.b, t.g, kappa))
        # Far out the fitted digits are too few; κ has no effect there.
        return np.where(np.abs(search.x) < 30, exact, search.right)

    return Idea(Cause(f"κ = {shown} in place of 1.702: another function", "set κ to 1.702"), values)


class Search:
    """Compares a wrong answer with formulas.

    ``apalu`` says whether APALU's own formulas may be compared with; the others, like a
    factor that is missing, fit any function.
    """

    def __init__(self, mark: Mark, apalu: bool) -> None:
        assert mark.call is not None
        assert mark.got is not None
        assert mark.want is not None
        assert mark.wrong is not None
        self.call, self.want, self.quantity = mark.call, mark.want, mark.quantity
        self.probe, self.apalu = mark.probe, apalu
        self.summed = mark.want.summed
        self.full = self.call.gy.shape
        shape = self.full if not self.summed else mark.got.shape
        self.target = mark.got.shape
        self.got = mark.got.astype(np.float64).reshape(shape)
        self.wrong = mark.wrong.reshape(shape)
        self.x = np.broadcast_to(self.call.x, self.full).astype(np.float64)
        self.gy = np.broadcast_to(self.call.gy, self.full).astype(np.float64)
        self.terms = terms_of(self.call) if apalu else None
        self.eps = judged(self.call).eps
        everywhere = np.ones(self.full, bool)
        self.sides = {"+": self.x >= 0, "-": self.x < 0} if apalu else {"": everywhere}
        self.right = np.asarray(mark.want.terms).reshape(self.full)

    def residual(self, values: Array, where: Array | None = None) -> float:
        """How far the answer is from these values (elementwise, before any summing), in eps.

        inf where they do not explain it: the formula must say something of what is wrong.
        """
        if self.summed:
            size = reduce_to(self.target, np.abs(values) + np.abs(self.gy), np.sum)
            values = reduce_to(self.target, values, np.sum)
        else:
            size = np.abs(values) + self.want.scale.reshape(self.full)
        told = np.isfinite(values)
        if self.quantity == "dx" and not self.summed and (self.x != 0).any():
            told &= self.x != 0  # there a convention decides, whatever the formula
        if where is not None and not self.summed:
            told &= where
        if told.sum() < min(3, told.size) or not (told & self.wrong).any():
            return np.inf
        with np.errstate(over="ignore", invalid="ignore"):
            off = np.abs(self.got - values)[told] / np.maximum(size[told], _TINY) / self.eps
        return float(np.nan_to_num(off, nan=np.inf).max())

    def matches(self, values: Array, where: Array | None = None) -> bool:
        """Whether the answer is these values."""
        return self.residual(values, where) <= MATCH_EPS

    def ideas(self, side: str) -> Iterator[Idea]:
        """What might have been done on one side: formulas first, then factors."""
        if self.terms is not None:
            for entry in MISTAKES:
                if (entry.quantity, entry.side) == (self.quantity, side):
                    yield Idea(Cause(entry.cause, entry.fix), partial(_evaluated, entry))
        with np.errstate(all="ignore"):
            for meaning, fix, factor in self._factors():
                yield Idea(Cause(meaning, fix), partial(_times, factor))

    def fitting(self) -> dict[str, list[Idea]]:
        """For each side that is wrong, the ideas that give the answer's values there."""
        found: dict[str, list[Idea]] = {}
        for side, mask in self.sides.items():
            if self.summed or (self.wrong & mask).any():
                found[side] = [idea for idea in self.ideas(side) if self.fits(idea, mask)]
        return found

    def fits(self, idea: Idea, mask: Array) -> bool:
        """Whether an idea gives the answer's wrong values on a side."""
        values = self._given_by(idea, mask)
        # One that changes nothing here explains nothing, however near it comes.
        size = np.abs(self.right) + np.abs(self.gy)
        with np.errstate(all="ignore"):
            same = np.abs(values - self.right) <= 16 * self.eps * size
        if self.summed:
            return not same.all() and self.matches(values, mask)
        return same[self.wrong & mask].mean() <= 0.5 and self.matches(values, mask)

    def allows(self, idea: Idea, mask: Array) -> bool:
        """Whether an answer that is right is what an idea gives, too."""
        return self.matches(self._given_by(idea, mask), mask)

    def _given_by(self, idea: Idea, mask: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.where(mask, idea.values(self), self.right)

    def _factors(self) -> Iterator[tuple[str, str, Callable[[Search], Any]]]:
        """The right answer times something simple: what it means, what to do, and the factor."""
        q = self.quantity
        yield "the sign is wrong", f"{q} = -{q}", lambda s: -1.0
        yield "twice the right value", "look for a term that is counted twice", lambda s: 2.0
        yield "half the right value", "look for an average of two terms", lambda s: 0.5
        yield "it is zero everywhere", "compute it", lambda s: 0.0
        if q != "y":
            clip = "do not clip gradients here"
            yield UPSTREAM, "multiply by gy", lambda s: 1 / s.gy
            yield (
                "the upstream gradient gy is multiplied in twice",
                "multiply by gy once",
                lambda s: s.gy,
            )
            yield ("the sign of the upstream gradient gy is lost", "multiply by gy itself",
                   lambda s: np.sign(s.gy))  # fmt: skip
            yield ("only the sign of the upstream gradient gy is used", "multiply by gy itself",
                   lambda s: np.sign(s.gy) / s.gy)  # fmt: skip
            for n in (1, 2, 5, 10):
                yield (f"the upstream gradient gy is clipped to ±{n}", clip,
                       partial(_clip_of, n))  # fmt: skip
        if self.apalu:
            belongs = "κ belongs to the sigmoid's argument only"
            yield "there is a factor κ too many", belongs, lambda s: 1.702
            yield "it is divided by κ", belongs, lambda s: 1 / 1.702
        for name in self.call.parameters:
            yield (f"there is a factor {name} too many", f"do not multiply by {name}",
                   partial(_parameter, name))  # fmt: skip
            yield (f"it is divided by {name}", f"do not divide by {name}",
                   partial(_inverse, name))  # fmt: skip
        yield from self._counts()

    def parameter(self, name: str) -> Array:
        """A parameter, in the shape of y."""
        return np.broadcast_to(self.call.parameters[name], self.full).astype(np.float64)

    def _counts(self) -> Iterator[tuple[str, str, Callable[[Search], float]]]:
        """Divided by how many elements there are of something."""
        if self.quantity == "y":
            return
        yield (AVERAGED,
               "sum over the broadcast axes; do not take the mean",
               lambda s: max(1, s.got.size) / max(1, s.right.size))  # fmt: skip
        yield ("averaged over the batch (axis 0), not summed",
               "sum over the broadcast axes; the loss has its own mean",
               lambda s: 1 / max(1, s.full[0]) if s.full else 1.0)  # fmt: skip
        yield ("divided by the square root of the number of elements",
               "do not scale gradients here",
               lambda s: 1 / np.sqrt(max(1, s.right.size)))  # fmt: skip
        yield ("divided by the square root of the number of elements in each sum",
               "do not scale gradients here",
               lambda s: np.sqrt(max(1, s.got.size) / max(1, s.right.size)))  # fmt: skip
        yield ("divided by the number of elements", "do not average",
               lambda s: 1 / max(1, s.right.size))  # fmt: skip

    def kappa(self) -> float | None:
        """The κ with which the right formula gives these values, by Gauss-Newton steps."""
        if self.terms is None or self.quantity not in RIGHT:
            return None
        kappa, t = 1.702, self.terms

        def values(k: float) -> Array:
            elementwise = RIGHT[self.quantity](Terms(t.x, t.a, t.b, t.g, k))
            return reduce_to(self.target, elementwise, np.sum) if self.summed else elementwise

        with np.errstate(all="ignore"):
            used = np.isfinite(self.got) & (True if self.summed else np.abs(self.x) < 30)
            if used.sum() < 4:
                return None  # one number more than there are fits anything
            for _ in range(30):
                here = values(kappa)
                slope = (values(kappa + 1e-6) - here) / 1e-6
                rest = (self.got - here)[used]
                slope = slope[used]
                if not np.isfinite(rest).all() or not (slope**2).sum() > 0:
                    return None
                kappa += float(np.clip((slope * rest).sum() / (slope**2).sum(), -0.3, 0.3))
        return kappa if 0.05 < kappa < 20 and abs(kappa / 1.702 - 1) > 1e-13 else None
