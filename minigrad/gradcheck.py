"""The gradient check: is a backward function the derivative of a forward function?

The golden judge of the project, and so kept independent of everything it judges: it sees
two functions of NumPy arrays, knows no derivative rule, and gets its own answer from
differences of the forward function (:mod:`minigrad.differences`), with error bars.

What it asks is the vector-Jacobian product: with ``y = f(*inputs)`` and an upstream
gradient ``gy``, each input's gradient is ``sum(gy * ∂y/∂input)``. ``gy`` is random and
seeded: an upstream gradient of ones would pass, for one, a normalisation whose backward
returns zero, since the sum of normalised values is constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigrad.differences import complex_step, derivative

Array = NDArray[Any]

# Differences whose error bar is a larger share of the sum they estimate are no answer. In
# float64 a factor of 1.001, the smallest fault the check promises to find, would hide in
# them; float32 cannot promise as much.
_CONCLUSIVE = {8: 3e-4, 4: 3e-2, 2: 1e-1}


class GradcheckError(AssertionError):
    """A gradient is wrong or could not be judged; the message says which, where and how far."""


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


def gradcheck(
    f: Callable[..., ArrayLike],
    inputs: Sequence[ArrayLike],
    grad: Callable[..., Any],
    *,
    rtol: float | None = None,
    atol: float | None = None,
    kinks: Mapping[int, Sequence[float]] | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
    raise_exception: bool = True,
) -> GradcheckResult:
    """Check a gradient against finite differences of the function it belongs to.

    Parameters
    ----------
    f : callable
        ``f(*inputs)`` returns an array (any shape).
    inputs : sequence of array_like
        Where to check. Floating inputs are perturbed element by element in their own type;
        integer ones are held fixed. float64 gives the sharpest answer.
    grad : callable
        ``grad(*inputs, gy)`` returns the gradients, one per floating input in order (a
        single array if there is one), each of its input's shape and type.
    rtol, atol : float, optional
        Allowed disagreement, relative to the sum of magnitudes ``sum(|gy * ∂y/∂input|)``
        and absolute (times the input's largest gradient, where that is below 1). Default
        1e-6 and 1e-9 in float64; 1e-3 and 1e-5 if an input is float32, 3e-2 and 1e-3 if one
        is float16.
    kinks : mapping of int to sequence of float, optional
        For the input at that position, values where f has a kink. Differences do not reach
        across; at the kink itself any slope between the left and the right one is accepted.
        Kinks that are not declared are found where the one-sided derivatives differ, but not
        at points nearer to one than about 1e-8 (3e-4 in float32): those come out wrong.
    names : sequence of str, optional
        The inputs' names in messages; default ``input0``, ``input1``, ...
    seed : int
        Of the random upstream gradient.
    raise_exception : bool
        False to get the result instead of an exception.

    Returns
    -------
    GradcheckResult

    Raises
    ------
    GradcheckError
        If an entry is wrong, an input was written to, a shape, type or count does not fit,
        or differences cannot tell.

    Examples
    --------
    >>> x = np.array([0.5, 1.5])
    >>> bool(gradcheck(np.tanh, [x], lambda x, gy: gy * (1 - np.tanh(x) ** 2)))
    True
    >>> gradcheck(np.tanh, [x], lambda x, gy: gy * (1 - np.tanh(x)), names="x")
    Traceback (most recent call last):
        ...
    minigrad.gradcheck.GradcheckError: the gradient of x is wrong in 2 places:
      dx[0]: got -0.611552184, want -0.894160941 (± 9e-15), 0.68394 times as much
      dx[1]: got -0.0730156141, want -0.13910557 (± 1e-15), 0.524894 times as much
    """
    arrays = [np.array(value) for value in inputs]
    names = list(names) if names is not None else [f"input{i}" for i in range(len(arrays))]
    if len(names) != len(arrays):
        raise ValueError(f"{len(arrays)} inputs but {len(names)} names")
    for name, array in zip(names, arrays, strict=True):
        if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
            raise TypeError(
                f"{name} has dtype {array.dtype}: give float64, float32, float16 or int"
            )
    checked = [i for i, array in enumerate(arrays) if array.dtype.kind == "f"]
    if not checked:
        raise ValueError("no input is floating: there is nothing to differentiate by")
    coarsest = min(arrays[i].dtype.itemsize for i in checked)
    rtol = {8: 1e-6, 4: 1e-3, 2: 3e-2}[coarsest] if rtol is None else rtol
    atol = {8: 1e-9, 4: 1e-5, 2: 1e-3}[coarsest] if atol is None else atol
    for position in kinks or {}:
        if position not in range(len(arrays)):
            raise ValueError(
                f"kinks are given by input position, 0 to {len(arrays) - 1}: {position!r}"
            )
    result = GradcheckResult()

    y = np.asarray(f(*(array.copy() for array in arrays)))
    rng = np.random.default_rng(seed)
    gy = (rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape)).astype(y.dtype)
    gradients = _gradients(grad, arrays, gy, [(names[i], arrays[i]) for i in checked], result)
    judge = _Judge(f, arrays, gy, rtol, atol, _CONCLUSIVE[coarsest], result)
    for i, got in zip(checked, gradients, strict=False):
        if got.shape != arrays[i].shape:
            continue  # already reported
        declared = tuple((kinks or {}).get(i, ()))
        judge.input(i, got, names[i], declared)
    if raise_exception and not result:
        raise GradcheckError(str(result))
    return result


def _gradients(
    grad: Callable[..., Any],
    arrays: list[Array],
    gy: Array,
    wanted: list[tuple[str, Array]],
    result: GradcheckResult,
) -> list[Array]:
    """Call the gradient on copies and report what is wrong before any value is compared."""
    given = [array.copy() for array in (*arrays, gy)]
    returned = grad(*given)
    for array, before in zip(given, (*arrays, gy), strict=True):
        if not np.array_equal(array, before, equal_nan=True):
            result.problems.append("the gradient function wrote to its arguments: copy them first")
            break
    gradients = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    if len(gradients) != len(wanted):
        named = ", ".join(name for name, _ in wanted)
        result.problems.append(
            f"{len(gradients)} gradients were returned for {len(wanted)} floating inputs ({named})"
        )
    gradients = [np.asarray(g) for g in gradients]
    for (name, array), got in zip(wanted, gradients, strict=False):
        if got.shape != array.shape:
            result.problems.append(
                f"the gradient of {name} has shape {got.shape}, its input has {array.shape}"
            )
        elif got.dtype != array.dtype:
            result.problems.append(
                f"the gradient of {name} has dtype {got.dtype}, its input has {array.dtype}"
            )
    return gradients


@dataclass
class _Judge:
    """Compares entries of gradients with differences of ``f`` and files them in ``result``."""

    f: Callable[..., ArrayLike]
    arrays: list[Array]
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
        confirmed = abs(value - answer.value) <= answer.error
        return _Answer(value, 1e-14 * answer.size, answer.size) if confirmed else answer

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
