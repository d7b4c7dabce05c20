"""Module: a layer or a whole model, with its parameters.

A Module is an ordinary object. Its parameters are the attributes that are
:class:`Parameter`, its submodules those that are Modules; they are found by looking when
somebody asks, so that assigning and reading them costs nothing special. Buffers (arrays that
belong to the state but are not trained) are announced by ``register_buffer``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigrad.core import Leaf, Tensor, plain
from minigrad.engine import changed
from minigrad.nn import summary

Array = NDArray[Any]
Self = TypeVar("Self", bound="Module")


class Parameter(Tensor):
    """A Tensor that a Module trains: as an attribute of one it is among its parameters.

    Parameters
    ----------
    data : array_like
        Its first value, of a floating type; copied.
    requires_grad : bool
        False for a parameter that is kept as it is for now.

    Examples
    --------
    >>> import numpy as np
    >>> Parameter(np.zeros(2, np.float32))
    tensor([0., 0.], dtype=float32, requires_grad=True)
    """

    __slots__ = ()

    def __init__(self, data: ArrayLike | Tensor, requires_grad: bool = True) -> None:
        super().__init__(np.array(plain(data)), requires_grad)


class Mismatch(NamedTuple):
    """What ``load_state_dict(strict=False)`` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """The base of all layers and models.

    A subclass creates its parameters and submodules in ``__init__`` and computes its output in
    ``forward``. Call the module itself, not ``forward``.

    Examples
    --------
    >>> from minigrad import nn
    >>> class Residual(nn.Module):
    ...     def __init__(self, features):
    ...         super().__init__()
    ...         self.linear = nn.Linear(features, features)
    ...
    ...     def forward(self, x):
    ...         return x + self.linear(x)
    >>> block = Residual(3)
    >>> [name for name, _ in block.named_parameters()]
    ['linear.weight', 'linear.bias']
    """

    training: bool = True
    """Whether it trains: dropout drops, normalisation uses the batch. See ``train``."""

    _buffers: tuple[str, ...] = ()
    _forward_hooks: tuple[Callable[[Any, tuple[Any, ...], Any], Any], ...] = ()

    def forward(self, *inputs: Any) -> Any:
        """Compute the output; every subclass has its own."""
        raise NotImplementedError(f"{type(self).__name__} needs a method forward(self, x)")

    def __setattr__(self, name: str, value: Any) -> None:
        old = self.__dict__.get(name)
        if isinstance(old, Parameter) and not (value is None or isinstance(value, Parameter)):
            raise TypeError(
                f"{name} is a parameter, and a {type(value).__name__} is none: assign an "
                f"nn.Parameter, or change its numbers, .{name}.data[...] = ..."
            )
        super().__setattr__(name, value)

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """Compute the output by ``forward``, then call the forward hooks."""
        y = self.forward(*inputs, **kwargs)
        for hook in self._forward_hooks:
            replaced = hook(self, inputs, y)
            y = y if replaced is None else replaced
        return y

    def register_forward_hook(
        self, hook: Callable[[Any, tuple[Any, ...], Any], Any]
    ) -> Callable[[], None]:
        """Call ``hook(module, inputs, output)`` after each forward.

        What it returns, unless None, takes the output's place. Returns a function that
        removes the hook.
        """
        self._forward_hooks = (*self._forward_hooks, hook)

        def remove() -> None:
            self._forward_hooks = tuple(h for h in self._forward_hooks if h is not hook)

        return remove

    # -- what it is made of

    def register_buffer(self, name: str, array: ArrayLike | None) -> None:
        """Make ``array`` (or None) an attribute that belongs to the state but is not trained."""
        _check_name(self, name)
        setattr(self, name, None if array is None else np.array(plain(array)))
        self._buffers = (*self._buffers, name)

    def add_module(self, name: str, module: Module) -> None:
        """Make ``module`` a submodule under a name that is computed."""
        _check_name(self, name)
        if not isinstance(module, Module):
            raise TypeError(f"a Module is needed, not {type(module).__name__}: {module!r}")
        setattr(self, name, module)

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield this module ('') and all below it, each once, with dotted names."""
        return _once(self._walk(prefix))

    def modules(self) -> Iterator[Module]:
        """Yield this module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules directly below this one, each once, with their names."""
        return _once((k, v) for k, v in vars(self).items() if isinstance(v, Module))

    def children(self) -> Iterator[Module]:
        """The modules directly below this one, each once."""
        return (module for _, module in self.named_children())

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """All parameters, each once, with dotted names."""
        return _once(self._state(prefix, Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once: what an optimiser is given."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, Array]]:
        """All buffers, with dotted names."""
        return self._state(prefix, np.ndarray)

    def buffers(self) -> Iterator[Array]:
        """All buffers."""
        return (array for _, array in self.named_buffers())

    def _walk(self, prefix: str) -> Iterator[tuple[str, Module]]:
        """Yield this module and all below, a shared one as often as it occurs."""
        yield prefix, self
        for name, value in list(vars(self).items()):
            if isinstance(value, Module):
                yield from value._walk(f"{prefix}.{name}" if prefix else name)

    def _state(self, prefix: str, kind: type) -> Iterator[tuple[str, Any]]:
        """All parameters or buffers (or both: ``object``), shared ones as often as they occur."""
        for path, module in self._walk(prefix):
            for name, value in list(vars(module).items()):
                stateful = isinstance(value, Parameter) or (
                    name in module._buffers and value is not None
                )
                if stateful and isinstance(value, kind):
                    yield (f"{path}.{name}" if path else name), value

    # -- switches

    def train(self: Self, mode: bool = True) -> Self:
        """Set ``training`` here and below."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self: Self) -> Self:
        """Set ``training`` to False here and below."""
        return self.train(False)

    def requires_grad_(self: Self, requires_grad: bool = True) -> Self:
        """Let all parameters be trained, or none."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            parameter.grad = None

    def apply(self: Self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` on every module below this one, and last on this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def to(self: Self, dtype: DTypeLike) -> Self:
        """Convert parameters and floating buffers to another floating type, in place.

        Do this before the optimiser is created. Gradients are forgotten.
        """
        dtype = np.dtype(dtype)
        if dtype.kind != "f":
            raise TypeError(f"a module's type is a floating one, not {dtype}")
        for parameter in self.parameters():
            parameter.data = parameter.data.astype(dtype)
            if parameter.requires_grad:
                parameter._edge = Leaf(parameter.shape, dtype)
        for module in self.modules():
            for name in module._buffers:
                value = getattr(module, name)
                if value is not None and value.dtype.kind == "f":
                    setattr(module, name, value.astype(dtype))
        return self

    # -- state

    def state_dict(self) -> dict[str, Array]:
        """Copies of all parameters and buffers, by their dotted names."""
        return {name: plain(value).copy() for name, value in self._state("", object)}

    def load_state_dict(self, state_dict: Mapping[str, ArrayLike], strict: bool = True) -> Mismatch:
        """Copy a state into the parameters and buffers.

        Parameters
        ----------
        state_dict : mapping of name to array
            As :meth:`state_dict` returns it. Types are converted.
        strict : bool
            Whether every name must be on both sides.

        Returns
        -------
        named tuple
            ``missing_keys`` and ``unexpected_keys``: empty if ``strict``.

        Raises
        ------
        ValueError
            If names (``strict``) or shapes do not match; nothing has been changed then.
        """
        own = dict(self._state("", object))
        given = {name: np.asarray(plain(value)) for name, value in state_dict.items()}
        skipped = Mismatch([k for k in own if k not in given], [k for k in given if k not in own])
        problems = []
        if strict and skipped.missing_keys:
            problems.append(f"missing: {', '.join(skipped.missing_keys)}")
        if strict and skipped.unexpected_keys:
            problems.append(f"unexpected: {', '.join(skipped.unexpected_keys)}")
        common = [k for k in own if k in given]
        problems += [
            f"{k}: shape {given[k].shape}, expected {own[k].shape}"
            for k in common
            if given[k].shape != own[k].shape
        ]
        problems += [
            f"{k}: {given[k].dtype} is no type of numbers for {own[k].dtype}"
            for k in common
            if not np.can_cast(given[k].dtype, own[k].dtype, "same_kind")
        ]
        if problems:
            raise ValueError(
                f"this state does not fit {type(self).__name__}:\n  " + "\n  ".join(problems)
            )
        for name in common:
            plain(own[name])[...] = given[name]
            if isinstance(own[name], Tensor):
                changed(own[name])
        return skipped

    # -- how it looks

    def extra_repr(self) -> str:
        """What stands in the parentheses of ``repr``: a layer's settings."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        rows = [
            f"({name}): " + repr(value).replace("\n", "\n  ")
            for name, value in vars(self).items()
            if isinstance(value, Module)
        ]
        if not rows:
            return f"{type(self).__name__}({extra})"
        inside = "\n  ".join([extra, *rows] if extra else rows)
        return f"{type(self).__name__}(\n  {inside}\n)"

    def summary(self, input_shape: tuple[int, ...]) -> str:
        """A table of the layers, the shapes of their outputs and their numbers of parameters.

        Parameters
        ----------
        input_shape : tuple of int
            The shape of an input, the batch axis included. Zeros of this shape are run
            through the model in eval mode; nothing of the model's state changes.

        Examples
        --------
        >>> from minigrad import nn
        >>> print(nn.Sequential(nn.Linear(3, 4), nn.ReLU()).summary((1, 3)))
        layer       output  parameters
        ----------  ------  ----------
        Sequential  (1, 4)          16
          0 Linear  (1, 4)          16
          1 ReLU    (1, 4)           0
        ----------  ------  ----------
        parameters: 16, trainable: 16
        """
        return summary.table(self, input_shape)


Pair = TypeVar("Pair", bound=tuple[str, Any])


def _once(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Only the first of several pairs with the same object."""
    seen = set()
    for pair in pairs:
        if id(pair[1]) not in seen:
            seen.add(id(pair[1]))
            yield pair


def _check_name(module: Module, name: str) -> None:
    if not isinstance(name, str) or not name or "." in name:
        raise KeyError(f"a name must be text without dots: {name!r}")
    if hasattr(module, name):
        raise KeyError(f"{type(module).__name__} has an attribute {name!r} already")
