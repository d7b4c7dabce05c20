"""Subjects that work on NumPy arrays."""

from __future__ import annotations

import inspect
from typing import Any

from apalu_ref.check.adapters.base import Adapter, Array, Options, array, made, parameter_names
from apalu_ref.check.inputs import Call
from apalu_ref.check.subject import SubjectError, Target, WrongReturnError, describe, suggest


class NumPy(Adapter):
    """A pair of functions, or a forward function alone.

    The target is an object (module, class made without arguments, or instance) with
    ``forward(x, a, b) -> (y, ctx)`` and ``backward(ctx, gy) -> (dx, da, db)``, or a function
    ``f(x, a, b) -> y``, of which only the values are checked. Second derivatives are asked
    for where it has ``second(ctx, gy, cx, ca, cb) -> (d2x, d2a, d2b, d2gy)``: the gradients
    of the sum of c times the first gradients.
    """

    name = "numpy"
    features = Adapter.features | {"editable output"}

    def __init__(self, target: Target, options: Options) -> None:
        value, name = target.value, target.name
        self.forward_only = False
        forward, backward = (getattr(value, key, None) for key in ("forward", "backward"))
        if callable(forward) and callable(backward):
            self._subject: Any = made(value, name) if inspect.isclass(value) else value
            # As made: names without self, methods bound.
            target = Target(name, self._subject, target.module)
        elif not inspect.ismodule(value) and callable(value) and not inspect.isclass(value):
            self._subject = value
            self.forward_only = True
        else:
            missing = "neither forward nor backward"
            if callable(forward) or callable(backward):
                missing = f"no {'backward' if callable(forward) else 'forward'}"
            raise SubjectError(
                f"{name} has {missing}: name an object with forward(x, a, b) -> (y, ctx) and "
                f"backward(ctx, gy) -> (dx, da, db), or a function f(x, a, b) -> y"
                f"{suggest(target.module)}",
                2,
            )
        super().__init__(target, options)
        if not hasattr(self._subject, "second"):
            self.features = self.features - {"second order"}

    def own_names(self) -> tuple[str, ...]:
        """From forward's signature."""
        return parameter_names(self._subject, self.target.name)

    def forward(self, call: Call) -> tuple[Array, Any]:
        """Call forward."""
        positional, named = self.given(list(call.inputs.values()))
        if self.forward_only:
            y = self._subject(*positional, **named)
            if isinstance(y, tuple):
                raise WrongReturnError(
                    f"the function returned {describe(y)}, expected y alone; if it is the "
                    "forward of a pair, name the file, class or object that has backward too"
                )
            return array("f", "y", y), None
        result = self._subject.forward(*positional, **named)
        if not isinstance(result, tuple) or len(result) != 2:
            raise WrongReturnError(f"forward returned {describe(result)}, expected a pair (y, ctx)")
        return array("forward", "y", result[0]), result[1]

    def backward(self, ctx: Any, gy: Array) -> dict[str, Array]:
        """Call backward."""
        result = self._subject.backward(ctx, gy)
        labels = [f"d{name}" for name in ("x", *self.names)]
        if len(labels) == 1 and not isinstance(result, (tuple, list)):
            result = (result,)
        if not isinstance(result, (tuple, list)) or len(result) != len(labels):
            count = {1: "one", 2: "two", 3: "three"}.get(len(labels), str(len(labels)))
            raise WrongReturnError(
                f"backward returned {describe(result)}, expected {count} ({', '.join(labels)})"
            )
        return {n: array("backward", n, r) for n, r in zip(labels, result, strict=True)}

    def second(self, call: Call, cotangents: dict[str, Array]) -> dict[str, Array]:
        """Call second, if there is one."""
        if not hasattr(self._subject, "second"):
            raise NotImplementedError("there is no second(ctx, gy, *cotangents)")
        _, ctx = self.forward(call)
        result = self._subject.second(ctx, call.gy, *cotangents.values())
        if not isinstance(result, (tuple, list)) or len(result) != len(self.names) + 2:
            raise WrongReturnError(
                f"second returned {describe(result)}, expected one gradient for each of x, "
                f"{', '.join(self.names)} and gy"
            )
        labelled = self.labelled(result, "d2", ("gy",))
        return {n: array("second", n, r) for n, r in labelled.items()}
