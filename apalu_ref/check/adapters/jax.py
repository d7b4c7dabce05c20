"""Subjects in JAX: functions of three arrays, jitted, with ``custom_vjp``, or plain."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from apalu_ref.check.adapters.base import (
    LAYOUTS,
    SHORT,
    TENSORS,
    Adapter,
    Array,
    Options,
    matching,
    short_array,
)
from apalu_ref.check.inputs import Call
from apalu_ref.check.subject import SubjectError, Target, WrongReturnError, describe

# Without it float64 inputs would silently become float32.
jax.config.update("jax_enable_x64", True)


# The plain probes, of three elements, call a function as it is. The others compile it, as it
# would be in use: that is one compilation for each shape in place of one for each operation.
_EAGER = 3
# Up to this size, which those that go back later or twice have, forward and backward are called
# one by one; above both are one compilation, which takes half the time.
_APART = 20


class Jax(Adapter):
    """Calls a subject with ``jax.vjp``: plain probes directly, the others under ``jax.jit``."""

    name = "jax"
    # An array has no layout here, and each new size costs a compilation.
    features = TENSORS - {*LAYOUTS, "any size"}
    exhaustive = SHORT
    devices = True

    def __init__(self, target: Target, options: Options) -> None:
        if not callable(target.value):
            raise SubjectError(
                f"{target.name} is {describe(target.value)}: a jax subject is a function "
                "f(x, a, b) -> y",
                2,
            )
        super().__init__(target, options)
        self._compiled = jax.jit(self._call)
        self._both = jax.jit(self._step)
        self._traces = True
        try:
            self._device = jax.devices(options.device)[0] if options.device else None
        except RuntimeError as error:
            raise SubjectError(f"no device {options.device!r}: {error}", 2) from None
        if self._flushes():
            self.features = self.features - {"subnormals"}

    def _flushes(self) -> bool:
        """Whether the platform takes numbers below the normal ones for zero, as XLA lets it."""
        tiny = self._array(np.array(np.finfo(np.float64).tiny), "")
        return not float(tiny * 0.5)

    def _array(self, t: Array, storage: str) -> Any:
        # A copy: JAX may go on using the memory of a NumPy array.
        made = jax.numpy.array(t, dtype=jax.numpy.bfloat16 if storage else None)
        return jax.device_put(made, self._device)

    def _call(self, *inputs: Any) -> Any:
        positional, named = self.given(list(inputs))
        y = self.target.value(*positional, **named)
        if not isinstance(y, (jax.Array, np.ndarray)):
            raise WrongReturnError(f"the function returned {describe(y)}, expected a jax.Array")
        return y

    def _step(self, gy: Any, *inputs: Any) -> Any:
        y, back = jax.vjp(self._call, *inputs)
        return y, back(gy.astype(y.dtype)) if y.shape == gy.shape else ()

    def forward(self, call: Call) -> tuple[Array, Any]:
        """Evaluate, and keep what goes back."""
        inputs = [self._array(t, call.storage) for t in call.inputs.values()]
        y, back = self._vjp(call, inputs)
        return _numpy("y", y, call.storage), (y, back, call.storage)

    def _vjp(self, call: Call, inputs: list[Any]) -> Any:
        try:
            if self._traces and call.gy.size > _APART and call.gy.any():
                return self._stepped(call, inputs)
            if self._traces and call.gy.size != _EAGER:
                return jax.vjp(self._compiled, *inputs)
        except (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError):
            self._traces = False  # it looks at values: then it is used without jit
        return jax.vjp(self._call, *inputs)

    def _stepped(self, call: Call, inputs: list[Any]) -> Any:
        """y and the way back, of which the first step has been taken."""
        y, gradients = self._both(self._array(call.gy, call.storage), *inputs)
        first = call.gy.copy()

        def back(gy: Any) -> Any:
            if np.array_equal(np.asarray(gy.astype(first.dtype)), first):
                return gradients
            return self._both(gy, *inputs)[1]

        return y, back

    def backward(self, ctx: Any, gy: Array) -> dict[str, Array]:
        """Go back."""
        y, back, storage = ctx
        matching(y, gy)
        gradients = back(self._array(gy, storage).astype(y.dtype))
        return {n: _numpy(n, g, storage) for n, g in self.labelled(gradients).items()}

    def second(self, call: Call, cotangents: dict[str, Array]) -> dict[str, Array]:
        """Go back through going back."""
        inputs = [self._array(t, call.storage) for t in call.inputs.values()]

        def first(*given: Any) -> Any:
            return jax.vjp(self._call, *given[:-1])[1](given[-1])

        first = jax.jit(first) if self._traces else first
        found, back = jax.vjp(first, *inputs, self._array(call.gy, call.storage))
        seeds = (jax.numpy.array(c, g.dtype)
                 for c, g in zip(cotangents.values(), found, strict=True))  # fmt: skip
        labelled = self.labelled(back(tuple(seeds)), "d2", ("gy",))
        return {n: _numpy(n, g, call.storage) for n, g in labelled.items()}


def _numpy(name: str, value: Any, storage: str) -> Array:
    kind = str(value.dtype)
    if storage:
        return short_array(name, kind, lambda: np.asarray(value.astype(np.float32)))
    if kind not in ("float64", "float32", "float16") and np.dtype(value.dtype).kind not in "iub":
        raise WrongReturnError(f"{name} has dtype {kind}")
    return np.array(value)
