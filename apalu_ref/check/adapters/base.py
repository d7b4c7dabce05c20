"""How a subject is called, whatever it is written in."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.features import FEATURES, LAYOUTS
from apalu_ref.check.inputs import Call
from apalu_ref.check.subject import SubjectError, Target, WrongReturnError, describe

Array = NDArray[Any]

SHORT = frozenset({"float16", "bfloat16"})

TENSORS = frozenset(FEATURES) - {
    "integers", "negative strides", "read-only", "float16", "bfloat16", "editable output"
}  # fmt: skip
"""What frameworks with tensors of their own can be asked."""


@dataclass(frozen=True)
class Options:
    """How to call it, as asked for: parameter names of ours and the subject's, and a device."""

    names: tuple[str, ...] | None = ("a", "b")
    map: Mapping[str, str] = field(default_factory=dict)
    device: str = ""


class Adapter:
    """Calls one subject with NumPy arrays.

    ``features`` are what can be asked of this kind of subject, ``exhaustive`` what besides
    in the profile of that name. ``measurable`` says whether forward can be asked for values
    of our choice, as finite differences need them.
    """

    name = ""
    features = frozenset(FEATURES) - {"bfloat16", "editable output"}
    exhaustive: frozenset[str] = frozenset()
    forward_only = False
    measurable = True
    devices = False

    def __init__(self, target: Target, options: Options) -> None:
        self.target = target
        self.options = options
        """What was seen besides the results: a quantity, and what is odd about it."""
        if options.device and not self.devices:
            raise SubjectError(f"the {self.name} adapter has no --device", 2)
        self.names = options.names if options.names is not None else self.own_names()
        for name in options.map:
            if name not in self.names:
                raise SubjectError(
                    f"--map {name}=...: there is no parameter {name!r}, there are "
                    f"{', '.join(self.names) or 'none'}; write ours first, then the subject's",
                    2,
                )

    def own_names(self) -> tuple[str, ...]:
        """The parameters' names, from the subject's signature."""
        return parameter_names(self.target.value, self.target.name)

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """What the subject declares of itself."""
        for place in (self.target.value, type(self.target.value)):
            declared = getattr(place, "capabilities", None)
            if declared is not None and not callable(declared):
                if not isinstance(declared, Mapping):
                    raise SubjectError(
                        f"{self.target.name}: capabilities is {describe(declared)}, expected a "
                        "dictionary", 2)  # fmt: skip
                return declared
        return {}

    def given(self, inputs: list[Any]) -> tuple[list[Any], dict[str, Any]]:
        """Positional and keyword arguments: by keyword where names are mapped."""
        if not self.options.map:
            return inputs, {}
        names = [self.options.map.get(name, name) for name in self.names]
        return inputs[:1], dict(zip(names, inputs[1:], strict=True))

    def forward(self, call: Call) -> tuple[Array, Any]:
        """(y, ctx). Raises WrongReturnError if the subject returns something else."""
        raise NotImplementedError

    def backward(self, ctx: Any, gy: Array) -> dict[str, Array]:
        """The gradients of x and the parameters, by ``"dx"``, ``"da"``, ..."""
        raise NotImplementedError

    def second(self, call: Call, cotangents: dict[str, Array]) -> dict[str, Array]:
        """The gradients of Σ cotangent · gradient, by ``"d2x"``, ..., ``"d2gy"``."""
        raise NotImplementedError(f"no second derivatives of {self.name} subjects")

    def labelled(self, gradients: Any, prefix: str = "d", last: tuple[str, ...] = ()) -> Any:
        """Gradients in the order of the inputs, by their names."""
        return dict(
            zip((f"{prefix}{n}" for n in ("x", *self.names, *last)), gradients, strict=True)
        )


def parameter_names(function: Any, name: str) -> tuple[str, ...]:
    """The names of what follows x in a function's signature."""
    function = getattr(function, "forward", function)
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        raise SubjectError(f"{name}: its signature cannot be read; wrap it in a def", 2) from None
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    wanted = [p.name for p in parameters if p.kind in kinds and p.default is p.empty]
    wanted = [n for n in wanted if n not in ("self", "ctx", "cls")]
    if not wanted:
        raise SubjectError(f"{name} takes no input: expected f(x, ...)", 2)
    if taken := {"x", "y", "gy"}.intersection(wanted[1:]):
        raise SubjectError(
            f"{name}: a parameter must not be called {min(taken)}, which is another thing here", 2
        )
    return tuple(wanted[1:])


def made(kind: type[Any], name: str) -> Any:
    """An object of a class that is made without arguments, or SubjectError."""
    try:
        inspect.signature(kind).bind()
    except TypeError as error:
        raise SubjectError(
            f"{name} cannot be made without arguments ({error}): name an instance, or a class "
            "whose arguments have defaults",
            2,
        ) from None
    except ValueError:
        pass  # it cannot be known
    return kind()


def array(function: str, name: str, value: Any) -> Array:
    """A NumPy array of numbers, or WrongReturnError."""
    if not isinstance(value, (np.ndarray, np.generic)):
        raise WrongReturnError(
            f"{function} returned {describe(value)} for {name}, expected a NumPy array"
        )
    made = np.asarray(value)
    if made.dtype.kind not in "fiub":
        raise WrongReturnError(f"{function} returned an array of {made.dtype} for {name}")
    return made


def short_array(name: str, got: str, value: Callable[[], Any]) -> Array:
    """A bfloat16 result as float32, or WrongReturnError if it is of another type."""
    if got != "bfloat16":
        raise WrongReturnError(f"{name} has dtype {got}, expected bfloat16")
    return np.asarray(value())


def matching(y: Array, gy: Array) -> None:
    """Refuse to go backward from a y of the wrong shape: that y is told of, not what follows."""
    if y.shape != gy.shape:
        raise NoBackwardError


class NoBackwardError(Exception):
    """Backward could not be asked, since y has another shape than the upstream gradient."""


__all__ = ["LAYOUTS", "SHORT", "TENSORS", "Adapter", "Array", "Options"]
