"""Somebody's NumPy reference for an activation of their own, to check ports of it against."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.adapters.base import made, parameter_names
from apalu_ref.check.elementwise import kinked, kinks_of, measure
from apalu_ref.check.inputs import Call
from apalu_ref.check.subject import SubjectError, load, suggest
from minigrad import Tensor, grad

Array = NDArray[Any]

_PARAMETER = 0.75


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
        ones = [np.full(3, _PARAMETER) for _ in self.names]
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
        return kinks_of(lambda x: self(x, *(np.full(x.shape, _PARAMETER) for _ in self.names)))

    def measure(self, call: Call) -> dict[str, Array]:
        """Its values and slopes at every element of a call."""
        with np.errstate(all="ignore"):
            found = measure(self, call, "float64", self.kinks)
            for name, slope in self._differentiated(call).items():
                self._sharpen(found, name, slope)
        return found

    def _sharpen(self, found: dict[str, Array], name: str, slope: Array) -> None:
        """Replace measured slopes by minigrad's, where these agree with what was measured."""
        value, error = found[f"{name}.value"], found[f"{name}.error"]
        unit = np.abs(slope) + found[f"{name}.unit"]
        known = np.isfinite(slope) & np.isfinite(value) & ~kinked(found)
        apart = known & (np.abs(slope - value) > 4 * error + 1e-6 * unit)
        if 2 * apart.sum() > known.sum():
            return  # a rule of ours may not fit a function that does more than NumPy
        sharp = np.where(known, 16 * np.finfo(float).eps * unit, error)
        found[f"{name}.value"] = np.where(known, slope, value)
        # Where they disagree it is not known which is right.
        found[f"{name}.error"] = np.where(apart, np.inf, sharp)

    def _differentiated(self, call: Call) -> dict[str, Array]:
        shape = call.shape
        leaves = [
            Tensor(np.array(np.broadcast_to(t, shape), np.float64), requires_grad=True)
            for t in call.inputs.values()
        ]
        try:
            y: Any = self(*leaves)  # type: ignore[arg-type]
            if not isinstance(y, Tensor) or y.shape != shape:
                return {}
            gradients = grad(y, leaves, np.ones(shape))
        except Exception:  # not every NumPy program is one that minigrad can follow
            return {}
        return {n: np.asarray(g.data) for n, g in zip(call.inputs, gradients, strict=True)}
