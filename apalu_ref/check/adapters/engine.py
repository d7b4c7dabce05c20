"""Subjects for minigrad: functions of Tensors, Function classes, modules, or NumPy formulas."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from apalu_ref.check.adapters.base import (
    Adapter,
    Array,
    Options,
    made,
    matching,
    parameter_names,
)
from apalu_ref.check.inputs import Call
from apalu_ref.check.subject import SubjectError, Target, WrongReturnError, describe
from minigrad import Function, Tensor, grad
from minigrad.nn import Module


class Minigrad(Adapter):
    """Calls a subject with Tensors on the arrays themselves."""

    name = "minigrad"
    features = Adapter.features - {"integers"}

    def __init__(self, target: Target, options: Options) -> None:
        value = target.value
        self._module: Any = None
        if inspect.isclass(value) and issubclass(value, Module):
            self._module = made(value, target.name)
        elif isinstance(value, Module):
            self._module = value
        elif not callable(value):
            raise SubjectError(
                f"{target.name} is {describe(value)}: a minigrad subject is a function "
                "f(x, a, b) -> y, a Function or a Module",
                2,
            )
        super().__init__(target, options)
        if self._module is not None:
            self.features = self.features - {"threads"}  # its parameters are replaced for a call
        there = dict(self._module.named_parameters()) if self._module is not None else {}
        for name in self.names if self._module is not None else ():
            if options.map.get(name, name) not in there:
                raise SubjectError(
                    f"{target.name} has no parameter {options.map.get(name, name)!r}: it has "
                    f"{', '.join(there) or 'none'}; --map {name}=NAME says which is which",
                    2,
                )

    def own_names(self) -> tuple[str, ...]:
        """Of a module its parameters, otherwise from the signature."""
        if self._module is not None:
            return tuple(name for name, _ in self._module.named_parameters())
        return parameter_names(self.target.value, self.target.name)

    def _apply(self, leaves: list[Any]) -> Any:
        if self._module is not None:
            for name, leaf in zip(self.names, leaves[1:], strict=True):
                _replace(self._module, self.options.map.get(name, name), leaf)
            y = self._module(leaves[0])
        else:
            value = self.target.value
            is_function = inspect.isclass(value) and issubclass(value, Function)
            positional, named = self.given(leaves)
            y = (value.apply if is_function else value)(*positional, **named)
        if not isinstance(y, Tensor):
            raise WrongReturnError(f"the function returned {describe(y)}, expected a Tensor")
        return y

    def _leaves(self, call: Call) -> list[Any]:
        return [Tensor(t, requires_grad=True) for t in call.inputs.values()]

    def forward(self, call: Call) -> tuple[Array, Any]:
        """Record one forward."""
        leaves = self._leaves(call)
        y = self._apply(leaves)
        return np.asarray(y.data), (y, leaves)

    def backward(self, ctx: Any, gy: Array) -> dict[str, Array]:
        """Go back through what was recorded."""
        y, leaves = ctx
        matching(y, gy)
        gradients = grad(y, leaves, gy.astype(y.dtype, copy=False), retain_graph=True)
        return {n: np.asarray(g.data) for n, g in self.labelled(gradients).items()}

    def second(self, call: Call, cotangents: dict[str, Array]) -> dict[str, Array]:
        """Go back through the backward pass."""
        leaves, gy = self._leaves(call), Tensor(call.gy, requires_grad=True)
        first = grad(self._apply(leaves), leaves, gy, create_graph=True)
        total: Any = 0.0
        for g, c in zip(first, cotangents.values(), strict=True):
            total = total + (g * c).sum()
        labelled = self.labelled(grad(total, [*leaves, gy]), "d2", ("gy",))
        return {n: np.asarray(g.data) for n, g in labelled.items()}


def _replace(module: Any, name: str, leaf: Any) -> None:
    """Set a parameter, of a module inside if its name has dots."""
    inside, _, last = name.rpartition(".")
    for part in filter(None, inside.split(".")):
        module = getattr(module, part)
    vars(module)[last] = leaf  # past a __setattr__ that asks for the shape it was made with
