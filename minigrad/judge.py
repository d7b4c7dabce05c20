"""How the gradient check judges: each entry of a gradient against differences of the function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigrad.differences import complex_step, derivative

Array = NDArray[Any]


@dataclass(frozen=True)
class Entry:
    """One element of one input's gradient that disagrees, or that could not be judged."""

    input: str
    index: tuple[int, ...]
    got: float
    want: float
    error: float

    def __str__(self) -> str:
        at = "" if self.index == () else f"[{', '.join(map(str, self.index))}]"
        ratio = f", {self.got / self.want:.6g} times as much" if self.want else ""
        return (
            f"d{self.input}{at}: got {self.got:.9g}, want {self.want:.9g} "
            f"(± {self.error:.1g}){ratio}"
        )


@dataclass(frozen=True)
class Kink:
    """One element at a kink, where any slope from the left one to the right one will do."""

    input: str
    index: tuple[int, ...]
    got: float
    left: float
    right: float

    def __str__(self) -> str:
        at = "" if self.index == () else f"[{', '.join(map(str, self.index))}]"
        return (
            f"d{self.input}{at}: {self.got:.9g} lies between {self.left:.9g} (from the left) "
            f"and {self.right:.9g} (from the right)"
        )


@dataclass
class GradcheckResult:
    """What :func:`gradcheck` found. True in a condition if all entries agree."""

    checked: int = 0
    worst: float = 0.0
    problems: list[str] = field(default_factory=list)
    wrong: list[Entry] = field(default_factory=list)
    inconclusive: list[Entry] = field(default_factory=list)
    kinks: list[Kink] = field(default_factory=list)

    def __bool__(self) -> bool:
        return not (self.problems or self.wrong or self.inconclusive)

    def __str__(self) -> str:
        lines = list(self.problems)
        for name in dict.fromkeys(e.input for e in self.wrong):
            entries = [e for e in self.wrong if e.input == name]
            lines.append(f"the gradient of {name} is wrong in {_entries(entries)}")
        if self.inconclusive:
            lines.append(
                "differences of the forward function are too inaccurate to judge "
                f"{_entries(self.inconclusive)}\n  (give float64 inputs; keep away from points "
                "where it is not smooth, or declare them as kinks)"
            )
        if not lines:
            lines.append(f"all {self.checked} entries agree, the worst within {self.worst:.1g}")
        if self.kinks:
            lines.append(
                f"a slope between the one-sided ones was accepted at {_entries(self.kinks)}"
            )
        return "\n".join(lines)


def _entries(entries: Sequence[Entry | Kink]) -> str:
    shown = "".join(f"\n  {e}" for e in entries[:3])
    more = f"\n  and {len(entries) - 3} more" if len(entries) > 3 else ""
    return f"{len(entries)} place{'s' if len(entries) > 1 else ''}:{shown}{more}"


@dataclass
class Judge:
    """Compares entries of gradients with differences of ``f`` and files them in ``result``."""

    f: Callable[..., ArrayLike]
    arrays: list[Array]
    y: Array
    gy: Array
    rtol: float
    atol: float
    conclusive: float
    result: GradcheckResult
    largest: float = 0.0

    def input(self, i: int, got: Array, name: str, kinks: Sequence[float]) -> None:
        """All entries of one input's gradient."""
        answers = {
            index: self._refined(i, index, self._differences(i, index, kinks=kinks))
            for index in np.ndindex(got.shape)
        }
        sizes = [a.size for a in answers.values() if np.isfinite(a.size) and self._conclusive(a)]
        self.largest = max(sizes, default=1.0)
        for index, answer in answers.items():
            self._entry(i, index, float(got[index]), name, kinks, answer)

    def _entry(
        self,
        i: int,
        index: tuple[int, ...],
        got: float,
        name: str,
        kinks: Sequence[float],
        answer: _Answer,
    ) -> None:
        at = self.arrays[i][index]
        self.result.checked += 1
        if self._conclusive(answer) and self._agrees(got, answer):
            self.result.worst = max(self.result.worst, abs(got - answer.value))
            return
        if not kinks or at in kinks:
            # Disagreement, or an inconclusive answer, may be a kink at or near this point.
            sides = [self._differences(i, index, side=side) for side in (-1, 1)]
            sides = [side for side in sides if self._conclusive(side)]
            if len(sides) == 2 and not self._agrees(sides[0].value, sides[1]):
                low, high = sorted(sides, key=lambda side: side.value)
                inside = low.value <= got <= high.value
                if inside or self._agrees(got, low) or self._agrees(got, high):
                    kink = Kink(name, index, got, sides[0].value, sides[1].value)
                    self.result.kinks.append(kink)
                    return
            elif len(sides) == 1 and not self._conclusive(answer):
                answer = sides[0]
                if self._agrees(got, answer):
                    self.result.worst = max(self.result.worst, abs(got - answer.value))
                    return
        verdict = self.result.wrong if self._conclusive(answer) else self.result.inconclusive
        verdict.append(Entry(name, index, got, answer.value, answer.error))

    def _along(self, i: int, index: tuple[int, ...]) -> Callable[[Array], Array]:
        """f as a function of the one element."""

        def f(t: Array) -> Array:
            moved = [array.copy() for array in self.arrays]
            moved[i] = moved[i].astype(np.result_type(moved[i], t))
            moved[i][index] = t
            return np.asarray(self.f(*moved))

        return f

    def _differences(self, i: int, index: tuple[int, ...], **how: Any) -> _Answer:
        columns = derivative(self._along(i, index), self.arrays[i][index], **how)
        terms = self.gy * columns.value
        return _Answer(
            float(terms.sum()),
            float(np.abs(self.gy * columns.error).sum()),
            float(np.abs(terms).sum()),
        )

    def _refined(self, i: int, index: tuple[int, ...], answer: _Answer) -> _Answer:
        """The complex step's answer where f allows it and differences confirm it."""
        # Differences that are no answer themselves could confirm anything.
        if self.arrays[i].dtype != np.float64 or not self._conclusive(answer):
            return answer
        try:
            columns = complex_step(self._along(i, index), self.arrays[i][index])
        except TypeError:
            return answer
        value = float((self.gy * columns).sum())
        if abs(value - answer.value) > answer.error:
            return answer
        # Terms of it may cancel; what is left below the rounding error of f means nothing.
        terms = np.abs(self.gy * self.y)
        rounding = float(terms[np.isfinite(terms)].sum()) * np.finfo(np.float64).eps
        error = max(1e-14 * answer.size, rounding / max(1, abs(self.arrays[i][index])))
        return _Answer(value, error, answer.size) if error < answer.error else answer

    def _agrees(self, got: float, answer: _Answer) -> bool:
        # Where all gradients of an input are small, so is what they may differ by.
        atol = self.atol * min(1.0, self.largest)
        return abs(got - answer.value) <= atol + self.rtol * answer.size + answer.error

    def _conclusive(self, answer: _Answer) -> bool:
        return answer.error <= 100 * self.atol + self.conclusive * answer.size


class _Answer(NamedTuple):
    """A sum of products with ``gy``, its error bar, and the sum of their magnitudes."""

    value: float
    error: float
    size: float
