"""Somebody's NumPy reference for an activation of their own, to check ports of it against."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.adapters.base import made, parameter_names
from apalu_ref.check.elementwise import generic, kinks_of, measure
from apalu_ref.check.inputs import Call
from apalu_ref.check.judge import judged
from apalu_ref.check.subject import SubjectError, load, suggest
from minigrad import Tensor, grad

Array = NDArray[Any]

_BLUR = 4.0


class Reference:
    """A function ``f(x, *parameters) -> y`` on NumPy arrays, or an object whose forward is one.

    Its slopes come from minigrad where it is written in NumPy syntax, confirmed by finite
    differences; otherwise from these alone, with their error bars.
    """

    def __init__(self, name: str) -> None:
        try:
            target = load(name)
        except SubjectError as error:
            raise SubjectError(f"--against: {error}", 2) from None
        except Exception as error:  # whatever somebody's file raises
            raise SubjectError(
                f"--against {name}: importing it: {type(error).__name__}: {error}", 2
            ) from None
        value = target.value
        if inspect.isclass(value):
            value = made(value, f"--against {name}")
        self._forward = getattr(value, "forward", None)
        if self._forward is None and not callable(value):
            raise SubjectError(
                f"--against {name} is neither a function nor has it a forward"
                f"{suggest(target.module)}",
                2,
            )
        self._function = value
        self._name = name
        self.names = parameter_names(value, f"--against {name}")
        self.kinks = self._tried()

    def __call__(self, x: Array, *parameters: Array) -> Array:
        """The values."""
        y = (self._forward or self._function)(x, *parameters)
        return y[0] if isinstance(y, tuple) else y

    def _tried(self) -> list[float]:
        """Call it once, to say at once what is wrong with it; where its kinks are."""
        x = np.array([-1.25, 0.75, 2.5])
        ones = generic(x, len(self.names))
        try:
            y: Any = self(x, *ones)
        except Exception as error:  # whatever somebody's function raises
            raise SubjectError(
                f"--against {self._name}: called with arrays of shape (3,) it raises "
                f"{type(error).__name__}: {error}; it must take arrays, element by element",
                2,
            ) from None
        if not isinstance(y, np.ndarray) or y.shape != x.shape or y.dtype.kind != "f":
            got = f"{y.dtype} {y.shape}" if isinstance(y, np.ndarray) else type(y).__name__
            raise SubjectError(
                f"--against {self._name}: expected an array of floats of shape (3,), got {got}", 2
            )
        if not np.isfinite(y).all():
            raise SubjectError(f"--against {self._name}: it gives {y} at x = {x}", 2)
        return kinks_of(lambda x: self(x, *generic(x, len(self.names))))

    def measure(self, call: Call) -> dict[str, Array]:
        """Its values and slopes at every element of a call."""
        with np.errstate(all="ignore"):
            found = measure(self, call, "float64", self.kinks)
            columns = [np.broadcast_to(t, call.shape).astype(np.float64)
                       for t in call.inputs.values()]  # fmt: skip
            slopes = self._differentiated(columns, call)
            for name, slope in slopes.items():
                self._sharpen(found, name, slope)
            self._blur(found, columns, slopes, call)
        return found

    def _sharpen(self, found: dict[str, Array], name: str, slope: Array) -> None:
        """Replace measured slopes by minigrad's, where these agree with what was measured."""
        value, error = found[f"{name}.value"], found[f"{name}.error"]
        unit = np.abs(slope) + found[f"{name}.unit"]
        known = np.isfinite(slope) & np.isfinite(value)
        apart = known & (np.abs(slope - value) > 4 * error + 1e-6 * unit)
        if 2 * apart.sum() > known.sum():
            return  # a rule of ours may not fit a function that does more than NumPy
        sharp = np.where(known, 16 * np.finfo(float).eps * unit, error)
        found[f"{name}.value"] = np.where(known, slope, value)
        # Where they disagree it is not known which is right.
        found[f"{name}.error"] = np.where(apart, np.inf, sharp)

    def _blur(
        self, found: dict[str, Array], columns: list[Array], slopes: dict[str, Array], call: Call
    ) -> None:
        """Widen the error bars by what rounding alone does to the reference itself.

        That is how it changes when an input moves by one unit in its last place, and how it
        differs when it is computed in the type of the call.
        """
        kept = judged(call)
        moved = [[c * (1 + kept.eps) if j == i else c for j, c in enumerate(columns)]
                 for i in range(len(columns))]  # fmt: skip
        if kept.name in ("float32", "float16"):
            moved.append([c.astype(kept.name) for c in columns])
        blur = {"y": np.zeros(call.shape), **{n: np.zeros(call.shape) for n in slopes}}
        for given in moved:
            blur["y"] += np.abs(np.asarray(self(*given), np.float64) - found["y"])
            for name, slope in self._differentiated(given, call).items():
                blur[name] += np.abs(slope.astype(np.float64) - slopes[name])
        for name, noise in blur.items():
            key = f"{name}.error"
            total = found.get(key, 0.0) + _BLUR * noise
            found[key] = np.where(np.isnan(total), np.inf, total)

    def _differentiated(self, columns: list[Array], call: Call) -> dict[str, Array]:
        leaves = [Tensor(np.array(c), requires_grad=True) for c in columns]
        try:
            y: Any = self(*leaves)  # type: ignore[arg-type]
            if not isinstance(y, Tensor) or y.shape != call.shape:
                return {}
            gradients = grad(y, leaves, np.ones(call.shape, y.dtype))
        except Exception:  # not every NumPy program is one that minigrad can follow
            return {}
        return {n: np.asarray(g.data) for n, g in zip(call.inputs, gradients, strict=True)}
