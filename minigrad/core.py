"""Tensor: a NumPy array that remembers where it came from."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from minigrad.advice import no_rule
from minigrad.methods import Methods

Array = NDArray[Any]

RULES: dict[Callable[..., Any], Callable[..., Any]] = {}
"""What stands for a NumPy function when it is called with a Tensor (filled by ``ops``)."""

# Functions without a derivative worth the name: they see the numbers and return plain arrays.
PLAIN: set[Callable[..., Any]] = {
    np.equal, np.not_equal, np.less, np.less_equal, np.greater, np.greater_equal,
    np.isnan, np.isinf, np.isfinite, np.signbit, np.sign, np.floor, np.ceil, np.rint, np.trunc,
    np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.floor_divide,
    np.argmax, np.argmin, np.argsort, np.any, np.all, np.count_nonzero, np.nonzero,
    np.argwhere, np.flatnonzero, np.searchsorted, np.digitize, np.histogram, np.bincount,
    np.shape, np.ndim, np.size, np.result_type, np.iscomplexobj, np.isrealobj,
    np.zeros_like, np.ones_like, np.empty_like, np.full_like,
    np.allclose, np.isclose, np.array_equal, np.array_equiv, np.array_repr, np.array_str,
    np.array2string, np.shares_memory, np.may_share_memory, np.save, np.savez, np.can_cast,
}  # fmt: skip


class Leaf:
    """The end of the graph at a Tensor that was not computed: its gradient is kept here."""

    __slots__ = ("__weakref__", "changed", "dtype", "grad", "hooks", "shape")
    edges = ()
    order = 0  # older than any recorded operation

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.shape = shape
        self.dtype = dtype
        self.grad: Tensor | None = None
        self.hooks: list[Callable[[Tensor], Any]] | None = None
        self.changed = 0  # the time, in operations recorded, when the data were last changed


class Tensor(Methods):
    """A NumPy array that can be differentiated through.

    Parameters
    ----------
    data : array_like
        The numbers. An array is shared, not copied (:func:`tensor` copies).
    requires_grad : bool
        Whether to record what is computed from it, so that gradients can be had. Needs a
        floating type.

    Notes
    -----
    Operators, methods and NumPy functions mean what they mean for arrays. What has no
    derivative (comparisons, ``argmax``, ``sign``) returns plain arrays.

    Examples
    --------
    >>> x = Tensor(np.array([1.0, 2.0, 3.0]), requires_grad=True)
    >>> y = (x * np.sin(x)).sum()
    >>> y.backward()
    >>> x.grad
    tensor([ 1.38177329,  0.07700375, -2.82885748])
    """

    __slots__ = ("__weakref__", "_data", "_edge")
    __array_priority__ = 1000.0

    def __init__(self, data: ArrayLike | Tensor, requires_grad: bool = False) -> None:
        self._edge: Any = None
        self.data = data
        if requires_grad:
            self.requires_grad_()

    # -- what it is

    @property
    def data(self) -> Array:
        """The numbers, as a plain array (shared); may be set, to numbers of any shape."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        array = np.asarray(plain(value))
        if array.dtype.kind not in "biuf":
            raise TypeError(f"Tensors hold real numbers, not {array.dtype}: convert them first")
        self._data = array
        if type(self._edge) is Leaf:
            self._edge.shape, self._edge.dtype = array.shape, array.dtype
            methods.changed(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """Its length along each axis."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return self.data.ndim

    @property
    def size(self) -> int:
        """How many elements it has."""
        return self.data.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of its elements."""
        return self.data.dtype

    @property
    def requires_grad(self) -> bool:
        """Whether operations on it are recorded."""
        return self._edge is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Switch recording of what is computed from it on or off, in place."""
        if not requires_grad:
            if not self.is_leaf:
                raise RuntimeError("only a leaf can stop requiring grad: use .detach() instead")
            self._edge = None
        elif self._edge is None:
            if self.data.dtype.kind != "f":
                raise TypeError(
                    f"only floating Tensors can require grad, not {self.data.dtype}: "
                    "use .astype(np.float64) first"
                )
            self._edge = Leaf(self.data.shape, self.data.dtype)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by the user and not computed from Tensors that require grad."""
        return self._edge is None or type(self._edge) is Leaf

    @property
    def grad(self) -> Tensor | None:
        """The gradient that ``backward`` has left here (on leaves only), else None."""
        return self._edge.grad if type(self._edge) is Leaf else None

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if type(self._edge) is not Leaf:
            if value is None:
                return
            raise RuntimeError("only a leaf that requires grad has a gradient")
        if value is not None and (not isinstance(value, Tensor) or value.shape != self.shape):
            raise TypeError(f"the gradient must be a Tensor of shape {self.shape}, or None")
        self._edge.grad = value

    def __repr__(self) -> str:
        text = np.array2string(self.data, separator=", ", prefix="tensor(")
        if self.data.dtype not in (np.float64, np.int64, np.bool_):
            text += f", dtype={self.data.dtype}"
        if type(self._edge) is Leaf:
            text += ", requires_grad=True"
        elif self._edge is not None:
            text += f", from {self._edge.op.name}"
        return f"tensor({text})"

    # -- gradients

    def backward(
        self,
        gradient: ArrayLike | Tensor | None = None,
        retain_graph: bool = False,
        create_graph: bool = False,
    ) -> None:
        """Compute the gradient of this Tensor with respect to every leaf it was computed from.

        Parameters
        ----------
        gradient : array_like, optional
            The gradient to start from, of this Tensor's shape; default 1 for a single number.
        retain_graph : bool
            Keep what was recorded, so that backward can be called again.
        create_graph : bool
            Record the derivatives themselves, so that they can be differentiated.

        Raises
        ------
        RuntimeError
            If nothing required grad, the graph has been freed, or the Tensor is not a single
            number and ``gradient`` is not given.

        Notes
        -----
        Gradients are added to what ``.grad`` holds already. With ``create_graph`` a leaf then
        refers to a graph that refers to the leaf, which only Python's collector frees:
        :func:`minigrad.grad`, the functional form, leaves no such cycle.
        """
        autograd.backward(self, gradient, retain_graph, create_graph)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """Call ``hook(gradient)`` when this Tensor's gradient is known.

        What it returns, unless None, takes the gradient's place. Returns a function that
        removes the hook.
        """
        if self._edge is None:
            raise RuntimeError("a Tensor that does not require grad has no gradient to hook")
        edge = self._edge

        def entry(gradient: Tensor) -> Tensor | None:  # the same hook may be registered twice
            return hook(gradient)

        edge.hooks = [*(edge.hooks or ()), entry]

        def remove() -> None:
            edge.hooks = [h for h in edge.hooks if h is not entry]

        return remove

    def detach(self) -> Tensor:
        """The same numbers (shared), without the past."""
        return wrap(self.data, None)

    def numpy(self) -> Array:
        """The plain array (shared); an error if the Tensor requires grad."""
        return np.asarray(self.__array__())

    def item(self) -> Any:
        """The one element, as a Python number."""
        return self.data.item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers."""
        return self.data.tolist()

    # -- NumPy's protocols

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        if self._edge is not None:
            raise RuntimeError(
                "a Tensor that requires grad does not become an array silently, for its "
                "gradient would be lost: use .detach() first, or .data; to build an array out of "
                "Tensors, np.where, np.stack or np.concatenate"
            )
        return np.array(self.data, dtype, copy=copy)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        given = {k: v for k, v in kwargs.items() if v is not None}
        if method != "__call__":
            raise no_rule(f"{ufunc.__name__}.{method}", method, RULES)
        if given:
            recorded = any(isinstance(x, Tensor) and x.requires_grad for x in inputs)
            if not recorded and not any(isinstance(x, Tensor) for x in given.get("out", ())):
                return ufunc(*map(plain, inputs), **kwargs)  # such as p.data -= rate * p.grad
            raise TypeError(
                f"np.{ufunc.__name__} on Tensors does not take {', '.join(given)}: Tensors are "
                "not written into; use the result, and np.where to choose"
            )
        if ufunc in RULES:
            return RULES[ufunc](*inputs)
        if ufunc in PLAIN:
            return ufunc(*map(plain, inputs))
        raise no_rule(ufunc.__name__, ufunc.__name__, RULES)

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        rule = RULES.get(function)
        if rule is not None:
            if len(args) > 2 or "dtype" in kwargs or "out" in kwargs:
                args, kwargs = _without_dtype_and_out(function, args, kwargs)
            return rule(*args, **kwargs)
        if function in PLAIN:
            return function(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})
        module = function.__module__.replace("numpy", "np", 1)
        name = f"{module}.{function.__name__}".removeprefix("np.")
        raise no_rule(name, function.__name__, RULES)

    def __dlpack__(self, **kwargs: Any) -> Any:
        return self.numpy().__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return self.data.__dlpack_device__()

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self.data)))

    def __format__(self, specification: str) -> str:
        if specification and self.size == 1:
            return format(self.item(), specification)
        return super().__format__(specification)

    def __bool__(self) -> bool:
        return bool(self.data)

    def __float__(self) -> float:
        return float(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __index__(self) -> int:
        return self.data.__index__()

    __hash__ = object.__hash__

    def __setitem__(self, index: Any, value: Any) -> None:
        if self._edge is not None or getattr(value, "requires_grad", False):
            raise RuntimeError(
                "a Tensor that requires grad is not assigned, nor assigned into: build the new "
                "one with np.where or np.concatenate (or set .data, before it is used)"
            )
        self.data[plain(index)] = plain(value)


def wrap(data: Array, edge: Any) -> Tensor:
    """A Tensor of data that are known to be a suitable array, with its place in the graph."""
    t = Tensor.__new__(Tensor)
    t._data = data
    t._edge = edge
    return t


def _without_dtype_and_out(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments without two that ops do not have, and that stand between others in NumPy's."""
    names = _parameters(function)
    if "out" in names:
        args, kwargs = args[:2], kwargs | dict(zip(names[2:], args[2:], strict=False))
    for name in ("dtype", "out"):
        if kwargs.pop(name, None) is not None:
            raise TypeError(
                f"np.{function.__name__} on Tensors does not take {name}: use the result, "
                "and its .astype()"
            )
    return args, kwargs


@functools.cache
def _parameters(function: Any) -> list[str]:
    """What can be given by position; nothing if the function is written in C."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        return []
    return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]


def plain(value: Any) -> Any:
    """Arrays in place of Tensors, in lists and tuples too."""
    if isinstance(value, Tensor):
        return value.data
    if isinstance(value, (list, tuple)):
        return type(value)(map(plain, value))
    return value


def tensor(
    data: ArrayLike | Tensor, dtype: DTypeLike | None = None, requires_grad: bool = False
) -> Tensor:
    """A Tensor with a copy of the data.

    Parameters
    ----------
    data : array_like
        Real numbers.
    dtype : data-type, optional
        Default as NumPy chooses: float64 for Python floats.
    requires_grad : bool
        Whether to record what is computed from it.

    Examples
    --------
    >>> tensor([1, 2], dtype=np.float32, requires_grad=True)
    tensor([1., 2.], dtype=float32, requires_grad=True)
    """
    return Tensor(np.array(plain(data), dtype=dtype), requires_grad)


# The ops need Tensor, and Tensor's methods need the ops.
from minigrad import autograd, engine, methods, ops  # noqa: E402

methods.ops, methods.changed = ops, engine.changed
