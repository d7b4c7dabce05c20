"""Subjects for HIPS autograd: functions of three arrays, written with ``autograd.numpy``."""

from __future__ import annotations

from typing import Any

import numpy as np
from autograd import make_vjp

from apalu_ref.check.adapters.base import Adapter, Array, Options, array, matching
from apalu_ref.check.inputs import Call
from apalu_ref.check.subject import SubjectError, Target, describe


class Autograd(Adapter):
    """Calls a subject with ``make_vjp``."""

    name = "autograd"
    # Its record of what is traced is global: it is not made for threads.
    features = Adapter.features - {"integers", "threads", "float16"}

    def __init__(self, target: Target, options: Options) -> None:
        if not callable(target.value):
            raise SubjectError(
                f"{target.name} is {describe(target.value)}: an autograd subject is a function "
                "f(x, a, b) -> y",
                2,
            )
        super().__init__(target, options)

    def _call(self, inputs: Any) -> Any:
        positional, named = self.given(list(inputs))
        return self.target.value(*positional, **named)

    def forward(self, call: Call) -> tuple[Array, Any]:
        """Evaluate, and keep what goes back."""
        back, y = make_vjp(self._call)(tuple(call.inputs.values()))
        return array("the function", "y", y), (back, np.asarray(y))

    def backward(self, ctx: Any, gy: Array) -> dict[str, Array]:
        """Go back."""
        back, y = ctx
        matching(y, gy)
        labelled = self.labelled(back(gy))
        return {n: array("the gradient", n, g) for n, g in labelled.items()}

    def second(self, call: Call, cotangents: dict[str, Array]) -> dict[str, Array]:
        """Go back through going back."""

        def first(given: Any) -> Any:
            return make_vjp(self._call)(tuple(given[:-1]))[0](given[-1])

        back, _ = make_vjp(first)((*call.inputs.values(), call.gy))
        labelled = self.labelled(back(tuple(cotangents.values())), "d2", ("gy",))
        return {n: array("the second gradient", n, g) for n, g in labelled.items()}
