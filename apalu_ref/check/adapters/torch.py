"""Subjects in PyTorch: callables, ``autograd.Function`` classes and ``nn.Module`` classes."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import torch

from apalu_ref.check.adapters.base import (
    SHORT,
    TENSORS,
    Adapter,
    Array,
    Options,
    made,
    matching,
    parameter_names,
    short_array,
)
from apalu_ref.check.inputs import Call
from apalu_ref.check.subject import SubjectError, Target, WrongReturnError, describe

# Tensors share the memory of probes that are views of one number; none is written to by us.
warnings.filterwarnings("ignore", message="The given NumPy array is not writable")


class Torch(Adapter):
    """Calls a subject with tensors that share the arrays' memory.

    Of an ``autograd.Function`` what its backward returns is looked at before the engine gets
    it, and judged if its shape is wrong: the engine would sum a gradient that was not reduced
    to its input's shape, and refuse one of another.
    """

    name = "torch"
    features = TENSORS
    exhaustive = SHORT
    devices = True

    def __init__(self, target: Target, options: Options) -> None:
        value = target.value
        self._is_function = inspect.isclass(value) and issubclass(value, torch.autograd.Function)
        self._watched: Any = _watched(value) if self._is_function else None
        self._module: Any = None
        if isinstance(value, torch.nn.Module):
            self._module = value
        elif inspect.isclass(value) and issubclass(value, torch.nn.Module):
            self._module = made(value, target.name)
        elif not self._is_function and (inspect.isclass(value) or not callable(value)):
            raise SubjectError(
                f"{target.name} is {describe(value)}: a torch subject is a function "
                "f(x, a, b) -> y, an autograd.Function or an nn.Module class",
                2,
            )
        self._device = options.device or "cpu"
        try:
            torch.empty(0, device=self._device)
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise SubjectError(f"no device {self._device!r}: {reason}", 2) from None
        super().__init__(target, options)
        if self._module is not None:
            # Calling it with other parameters swaps them in and out: one call at a time.
            self.features = self.features - {"threads"}
            self._module.to(self._device)
            self._require_parameters()

    def own_names(self) -> tuple[str, ...]:
        """Of a module its parameters, otherwise from the signature."""
        if self._module is not None:
            return tuple(name for name, _ in self._module.named_parameters())
        return parameter_names(self.target.value, self.target.name)

    def _require_parameters(self) -> None:
        there = [name for name, _ in self._module.named_parameters()]
        for name in self.names:
            if self.options.map.get(name, name) not in there:
                raise SubjectError(
                    f"{self.target.name} has no parameter {self.options.map.get(name, name)!r}: "
                    f"it has {', '.join(there) or 'none'}; --map {name}=NAME says which is which",
                    2,
                )

    def _tensor(self, t: Array, storage: str) -> Any:
        made = torch.from_numpy(np.asarray(t)).to(self._device)
        return made.to(torch.bfloat16) if storage else made

    def _apply(self, call: Call, leaves: list[Any]) -> Any:
        x, *parameters = leaves
        # In a network x comes out of another layer, and may be written to.
        x = _passed_on(x, call.x) if self._shares(call) else x
        if self._module is not None:
            names = [self.options.map.get(name, name) for name in self.names]
            given = dict(zip(names, parameters, strict=True))
            y = torch.func.functional_call(self._module, given, (x,))
        elif self._is_function:
            y = self._watched.apply(*self._ordered([x, *parameters]))
        else:
            positional, named = self.given([x, *parameters])
            y = self.target.value(*positional, **named)
        if not isinstance(y, torch.Tensor):
            raise WrongReturnError(f"forward returned {describe(y)}, expected a torch.Tensor")
        return y

    def _shares(self, call: Call) -> bool:
        return self._device == "cpu" and not call.storage

    def _ordered(self, inputs: list[Any]) -> list[Any]:
        """As forward takes them: ``apply`` has no keyword arguments."""
        if not self.options.map:
            return inputs
        given = {self.options.map.get(n, n): t for n, t in zip(self.names, inputs[1:], strict=True)}
        theirs = parameter_names(self.target.value, self.target.name)
        if sorted(theirs) != sorted(given):
            raise WrongReturnError(
                f"forward takes x, {', '.join(theirs)}: --map gives {', '.join(given)}"
            )
        return [inputs[0], *(given[name] for name in theirs)]

    def _leaves(self, call: Call) -> list[Any]:
        tensors = (self._tensor(t, call.storage) for t in call.inputs.values())
        return [t.detach().requires_grad_() for t in tensors]

    def forward(self, call: Call) -> tuple[Array, Any]:
        """Record one forward."""
        leaves = self._leaves(call)
        y = self._apply(call, leaves)
        return _array("y", y, call.storage), (y, leaves, call.storage)

    def backward(self, ctx: Any, gy: Array) -> dict[str, Array]:
        """Go back through what was recorded."""
        y, leaves, storage = ctx
        matching(y, gy)
        _require_graph(y)
        upstream = self._tensor(gy, storage).to(y.dtype)
        if self._is_function:
            gradients = self._through(y, leaves, upstream)
        else:
            gradients = _gradients(y, leaves, upstream)
        gradients = [torch.zeros_like(t) if g is None else g
                     for g, t in zip(gradients, leaves, strict=True)]  # fmt: skip
        return {n: _array(n, g, storage) for n, g in self.labelled(gradients).items()}

    def _through(self, y: Any, leaves: list[Any], upstream: Any) -> Any:
        """The gradients of a Function; where their shapes are wrong, as backward returned them.

        The engine sums a gradient of the shape of y to that of its input, or refuses it.
        Either hides what backward did.
        """
        try:
            gradients = _gradients(y, leaves, upstream)
        except RuntimeError:
            gradients = None
        returned = self._by_input(y, leaves)
        if any(g.shape != t.shape for g, t in zip(returned, leaves, strict=True)):
            return returned
        return _gradients(y, leaves, upstream) if gradients is None else gradients

    def _by_input(self, y: Any, leaves: list[Any]) -> list[Any]:
        """What backward returned, in the order of the leaves; a leaf where it is not known."""
        returned = y.grad_fn.__dict__.pop("returned", ())
        order = self._ordered(list(range(len(leaves))))
        found = dict(zip(order, returned, strict=False))
        return [g if isinstance(g := found.get(i), torch.Tensor) else t
                for i, t in enumerate(leaves)]  # fmt: skip

    def second(self, call: Call, cotangents: dict[str, Array]) -> dict[str, Array]:
        """Go back through the backward pass."""
        leaves = self._leaves(call)
        y = self._apply(call, leaves)
        _require_graph(y)
        gy = self._tensor(call.gy, call.storage).detach().requires_grad_()
        first = torch.autograd.grad(y, leaves, gy, create_graph=True, allow_unused=True)
        weighted = zip(first, cotangents.values(), strict=True)
        pairs = [(g, torch.from_numpy(np.array(c)).to(g)) for g, c in weighted if g is not None]
        ends = [*leaves, gy]
        # All of the graph, not only what leads to these: a backward marked once_differentiable
        # objects only when it is reached.
        sum((g * c).sum() for g, c in pairs).backward()
        found = [torch.zeros_like(t) if t.grad is None else t.grad for t in ends]
        labelled = self.labelled(found, "d2", ("gy",))
        return {n: _array(n, g, call.storage) for n, g in labelled.items()}


def _watched(kind: Any) -> Any:
    """A Function that keeps what its backward returned, on ctx, which is ``y.grad_fn``."""
    own = kind.vjp if kind.backward is torch.autograd.Function.backward else kind.backward

    def backward(ctx: Any, *upstream: Any) -> Any:
        returned = own(ctx, *upstream)
        ctx.returned = returned if isinstance(returned, tuple) else (returned,)
        return returned

    return type(kind.__name__, (kind,), {"backward": staticmethod(backward)})


class _PassedOn(torch.autograd.Function):  # type: ignore[misc]
    """The identity, onto a tensor that is no leaf and lies in an array's memory."""

    @staticmethod
    def forward(ctx: Any, leaf: Any, array: Array) -> Any:
        return torch.from_numpy(array)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g, None


def _passed_on(leaf: Any, array: Array) -> Any:
    return _PassedOn.apply(leaf, array)


def _gradients(y: Any, leaves: list[Any], upstream: Any) -> Any:
    return torch.autograd.grad(y, leaves, upstream, retain_graph=True, allow_unused=True)


def _require_graph(y: Any) -> None:
    if not y.requires_grad:
        raise WrongReturnError(
            "forward returned a tensor that is cut off from its inputs: look for .detach(), .data, "
            ".item(), torch.no_grad() or a round trip through NumPy"
        )


def _array(name: str, value: Any, storage: str) -> Array:
    if not isinstance(value, torch.Tensor):
        raise WrongReturnError(f"{name} is {describe(value)}, expected a torch.Tensor")
    value = value.detach().cpu()
    kind = str(value.dtype).removeprefix("torch.")
    if value.is_complex():
        raise WrongReturnError(f"{name} is an array of {kind}")
    if storage:
        return short_array(name, kind, lambda: value.float().numpy())
    if kind == "bfloat16":
        raise WrongReturnError(f"{name} has dtype bfloat16, which none of the inputs has")
    return np.asarray(value.numpy())
