"""An activation to be looked at: a function of arrays, its parameters, its derivatives."""

from __future__ import annotations

import difflib
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

import minigrad
from apalu_ref.layer import apalu
from minigrad.nn import functional as F

Array = NDArray[Any]
Function = Callable[..., Any]

NAMED: dict[str, tuple[Function, dict[str, float]]] = {
    "apalu": (apalu, {"a": 1.0, "b": 1.0}),
    "elu": (F.elu, {"alpha": 1.0}),
    "gelu": (F.gelu, {}),
    "gelu_tanh": (lambda x: F.gelu(x, "tanh"), {}),
    "identity": (lambda x: 1.0 * x, {}),
    "leaky_relu": (F.leaky_relu, {"negative_slope": 0.01}),
    "mish": (F.mish, {}),
    "pelu": (lambda x, a, b: F.pelu(x, np.asarray(a), np.asarray(b)), {"a": 1.0, "b": 1.0}),
    "prelu": (lambda x, weight: np.where(x > 0, x, weight * x), {"weight": 0.25}),
    "relu": (F.relu, {}),
    "selu": (F.selu, {}),
    "sigmoid": (F.sigmoid, {}),
    "silu": (F.silu, {}),
    "softplus": (F.softplus, {"beta": 1.0}),
    "swish": (F.swish, {"beta": 1.0}),
    "tanh": (F.tanh, {}),
}
"""Activations by name, with their parameters and what these are unless told."""


class ActivationError(ValueError):
    """The function is none that can be looked at; the message says why and what to do."""


class Activation:
    """A function of one variable with named parameters, evaluated on float64 arrays.

    Parameters
    ----------
    f : str or callable
        A name of :data:`NAMED`, or ``f(x, **parameters)`` in NumPy syntax, element by element.
        Parameters are its further arguments whose default is a number.
    derivative : callable, optional
        ``f′(x, **parameters)``. Without it minigrad differentiates ``f``; where it cannot,
        finite differences stand in.
    name : str, optional
        How it is called in reports.
    **parameters : float
        Other values for parameters.

    Raises
    ------
    ActivationError
        If there is no such name or parameter, or ``f`` does not work element by element.

    Attributes
    ----------
    name : str
    parameters : dict of str to float
    known : str
        Its name in :data:`NAMED`; empty for a function of one's own, whatever its name.
    differences : str
        Why derivatives are finite differences; empty if they are not.

    Examples
    --------
    >>> f = Activation("elu", alpha=2.0)
    >>> f(np.array([-1.0, 3.0]))
    array([-1.26424112,  3.        ])
    >>> f.slope(np.array([-1.0, 3.0]))
    array([0.73575888, 1.        ])
    """

    def __init__(
        self,
        f: str | Function,
        derivative: Function | None = None,
        name: str | None = None,
        **parameters: float,
    ) -> None:
        self._function, defaults = _found(f)
        own = f if isinstance(f, str) else str(getattr(f, "__name__", "f"))
        self.name: str = name or own
        self.known = f if isinstance(f, str) else ""
        self.parameters: dict[str, float] = dict(defaults)
        self.parameters.update(self._refuse(parameters))
        self._derivative = derivative
        self.differences = ""
        self._look()

    @property
    def function(self) -> Function:
        """The function as it was given: of arrays or Tensors, and its parameters by name."""
        return self._function

    @property
    def by_minigrad(self) -> bool:
        """Whether derivatives are minigrad's: exact, and of any order."""
        return self._derivative is None and not self.differences

    def _refuse(self, parameters: Mapping[str, float]) -> dict[str, float]:
        found = {}
        for key, value in parameters.items():
            if key not in self.parameters:
                there = ", ".join(self.parameters)
                raise ActivationError(
                    f"{self.name} has no parameter {key!r}; "
                    + (f"there are: {there}" if there else "it has none")
                    + ("" if self.known else
                       ". A parameter is an argument after x with a number as its default")
                )  # fmt: skip
            try:
                found[key] = float(value)
            except (TypeError, ValueError):
                found[key] = math.nan
            if not math.isfinite(found[key]):
                raise ActivationError(
                    f"the parameter {key} of {self.name} must be a finite number, not {value!r}"
                )
        return found

    def __repr__(self) -> str:
        given = ", ".join(f"{k}={v:.6g}" for k, v in self.parameters.items())
        return f"{self.name}({given})" if given else self.name

    def at(self, **parameters: float) -> Activation:
        """The same activation with other parameters.

        Raises
        ------
        ActivationError
            If it has no such parameter.
        """
        given = self._refuse(parameters)
        other = object.__new__(Activation)
        other.__dict__ = {**self.__dict__, "parameters": {**self.parameters, **given}}
        return other

    def __call__(self, x: Array) -> Array:
        """Values, without warnings; NaN and inf where the function has them."""
        with np.errstate(all="ignore"):
            y = _plain(self._function(x, **self.parameters))
        return y.astype(np.float64) if y.dtype.kind in "iub" else y

    def slope(self, x: Array) -> Array:
        """f′."""
        with np.errstate(all="ignore"):
            if self._derivative is not None:
                return np.array(_plain(self._derivative(x, **self.parameters)), np.float64)
            if self.differences:
                return _difference(self, x)
            return self._differentiated(x, 1)

    def curvature(self, x: Array) -> Array:
        """f″: by minigrad, or as a difference of f′."""
        with np.errstate(all="ignore"):
            if self._derivative is not None or self.differences:
                return _difference(self.slope, x)
            return self._differentiated(x, 2)

    def _differentiated(self, x: Array, order: int) -> Array:
        t = minigrad.tensor(x, requires_grad=True)
        y = self._function(t, **self.parameters)
        for k in range(order):
            if not (isinstance(y, minigrad.Tensor) and y.requires_grad):
                return np.zeros(x.shape)  # it does not depend on x (any more)
            (y,) = minigrad.grad(y.sum(), t, create_graph=k + 1 < order)
        return np.array(y.data if isinstance(y, minigrad.Tensor) else y, np.float64)

    def _look(self) -> None:
        """See that the function takes arrays, element by element, and can be differentiated."""
        x = np.array([[-2.5, 0.75, 3.0], [-0.5, 1.25, -1.0]])
        before = x.copy()
        y = self._tried(self, x, self.name)
        if y.dtype == object:
            raise ActivationError(f"{self.name} returns no numbers: is a return missing?")
        if not np.array_equal(x, before):
            raise ActivationError(
                f"{self.name} writes to its input: begin with x = x.copy(), or use np.where"
            )
        if y.dtype != np.float64:
            raise ActivationError(
                f"{self.name} returns {y.dtype}: compute in float64, or its rounding would be "
                "taken for kinks"
                if y.dtype.kind == "f"
                else f"{self.name} returns {y.dtype}: real numbers are needed"
            )
        if y.shape != x.shape:
            raise ActivationError(
                f"{self.name} makes shape {y.shape} of {x.shape}: it must work element by element"
            )
        if not np.array_equal(self(x), y, equal_nan=True):
            raise ActivationError(f"{self.name} gives other values when it is called again")
        alone = np.array([self(v.reshape(1, 1))[0, 0] for v in x.ravel()]).reshape(x.shape)
        if not np.allclose(alone, y, rtol=1e-9, atol=1e-300, equal_nan=True):
            raise ActivationError(f"{self.name} mixes elements: f(x)[i] must depend on x[i] alone")
        self._tried(self, np.array([-1e4, -100.0, -16.0, 0.0, 16.0, 100.0, 1e4]), self.name)
        if self._derivative is not None:
            self._look_at_derivative(x)
            return
        try:
            with np.errstate(all="ignore"):
                self._differentiated(x, 2)
        except Exception as error:
            self.differences = f"{type(error).__name__}: {error}"

    def _look_at_derivative(self, x: Array) -> None:
        what = f"the derivative given for {self.name}"
        given = self._tried(self.slope, x, what)
        if given.shape != x.shape:
            raise ActivationError(f"{what} makes shape {given.shape} of {x.shape}")
        expected = _difference(self, x)
        wrong = ~(np.abs(given - expected) <= 1e-4 * (np.abs(expected) + 1))
        # One place may be a kink.
        if np.isfinite(expected).all() and wrong.sum() > 1:
            i = np.unravel_index(np.argmax(wrong), x.shape)
            raise ActivationError(
                f"{what} is not its derivative: at x = {x[i]:g} it is {given[i]:.6g}, differences "
                f"of f are {expected[i]:.6g}"
            )

    def _tried(self, g: Callable[[Array], Array], x: Array, what: str) -> Array:
        try:
            return g(x)
        except Exception as error:
            raise ActivationError(f"{what} fails on an array: {_advice(error)}") from error


def _found(f: str | Function) -> tuple[Function, Mapping[str, float]]:
    if isinstance(f, str):
        if f not in NAMED:
            raise ActivationError(unknown(f))
        return NAMED[f]
    if not callable(f):
        raise ActivationError(f"an activation is a name or a function, not {type(f).__name__}")
    try:
        signature = inspect.signature(f)
    except ValueError:  # a ufunc
        return f, {}
    _, *others = signature.parameters.values() or [None]
    return f, {
        p.name: float(p.default)
        for p in others
        if isinstance(p, inspect.Parameter)
        and type(p.default) in (int, float)
        and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    }


def unknown(name: str) -> str:
    """What to say of a name that is none."""
    close = difflib.get_close_matches(name.lower(), NAMED, 1)
    return (
        f"no activation is called {name!r}"
        + (f", did you mean {close[0]!r}?" if close else ";")
        + f" There are {', '.join(NAMED)}. One of your own is file.py:name, or in Python the "
        "function itself"
    )


def _plain(y: Any) -> Array:
    return np.asarray(y.data if isinstance(y, minigrad.Tensor) else y)


def _difference(f: Callable[[Array], Array], x: Array) -> Array:
    """A central difference with Richardson's extrapolation, good to about ten digits."""
    h = 1e-3 * np.maximum(1.0, np.abs(x))
    coarse = (f(x + h) - f(x - h)) / (2 * h)
    fine = (f(x + h / 2) - f(x - h / 2)) / h
    return fine + (fine - coarse) / 3


def _advice(error: Exception) -> str:
    text = f"{type(error).__name__}: {error}"
    if "ambiguous" in str(error):
        return text + ". It takes one number at a time: write np.where(x < 0, …, …) in place of if"
    if any(t in str(error) for t in ("size-1", "length-1", "0-dimensional", "must be real number")):
        return text + ". Use NumPy's functions in place of those of the module math"
    if "missing" in str(error) and "argument" in str(error):
        return text + ". Parameters need a number as their default: def f(x, a=1.0)"
    return text
