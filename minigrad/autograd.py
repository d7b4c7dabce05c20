"""``backward`` and ``grad``: what a user calls to get derivatives; Function, to write one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigrad import modes
from minigrad.core import Tensor, wrap
from minigrad.engine import Node, alias
from minigrad.walk import propagate, seed_for

Array = NDArray[Any]


def backward(
    y: Tensor,
    gradient: ArrayLike | Tensor | None = None,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> None:
    """Add the gradient of ``y`` to every leaf it was computed from; see Tensor.backward."""
    seed = seed_for(y, gradient, create_graph)
    with modes.enable_grad() if create_graph else modes.no_grad():
        found = propagate([(y._edge, seed)], retain_graph=retain_graph, create_graph=create_graph)
    given = {id(seed)}
    for leaf, g in found.items():
        if create_graph:
            # A copy, recorded: others may hold g, and it may be a view that repeats its elements.
            leaf.grad = np.copy(g) if leaf.grad is None else leaf.grad + g
        elif leaf.grad is None:
            leaf.grad = wrap(_own(g, given), None)
        else:
            # A fresh array: what is there may be the user's.
            leaf.grad = wrap(np.asarray(leaf.grad.data + g), None)


def _own(g: Any, given: set[int]) -> Array:
    """``g`` as an array that nobody else holds."""
    if type(g) is not np.ndarray:
        return np.array(g)
    if g.base is not None or id(g) in given:
        g = g.copy()
    given.add(id(g))
    return g


def grad(
    outputs: Tensor,
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: ArrayLike | Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of ``outputs`` with respect to ``inputs``, returned and not stored.

    Parameters
    ----------
    outputs : Tensor
        What to differentiate.
    inputs : Tensor or sequence of Tensor
        With respect to what; leaves or intermediate results.
    grad_outputs : array_like, optional
        The gradient to start from, of the output's shape; default 1 for a single number.
    retain_graph : bool, optional
        Keep what was recorded; default ``create_graph``.
    create_graph : bool
        Record the derivatives themselves, so that they can be differentiated again.

    Returns
    -------
    tuple of Tensor
        One for each input, of its shape and type; zeros where the output does not depend on it.

    Examples
    --------
    >>> from minigrad import tensor
    >>> x = tensor(2.0, requires_grad=True)
    >>> (dy,) = grad(x**3, x, create_graph=True)
    >>> (d2y,) = grad(dy, x)
    >>> dy.item(), d2y.item()
    (12.0, 12.0)
    """
    inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor) or x._edge is None:
            raise RuntimeError(
                f"input {i} does not require grad: create it with requires_grad=True"
            )
    targets = [x._edge for x in inputs]
    seed = seed_for(outputs, grad_outputs, create_graph)
    with modes.enable_grad() if create_graph else modes.no_grad():
        found = propagate(
            [(outputs._edge, seed)],
            targets=targets,
            retain_graph=create_graph if retain_graph is None else retain_graph,
            create_graph=create_graph,
        )
    given = {id(seed)}
    results = []
    for x, target in zip(inputs, targets, strict=True):
        g = found.get(target)
        if g is None:
            g = np.zeros(x.shape, x.dtype)
        results.append(g if isinstance(g, Tensor) else wrap(_own(g, given), None))
    return tuple(results)


class Context:
    """What a Function's forward keeps for its backward. Any attribute may be set on it."""

    needs_input_grad: tuple[bool, ...]
    """For each input, whether its gradient will be asked for."""

    def __init__(self, needs_input_grad: tuple[bool, ...]) -> None:
        self.needs_input_grad = needs_input_grad
        self.saved_tensors: tuple[Any, ...] = ()
        """What ``save_for_backward`` kept: plain arrays."""

    def save_for_backward(self, *arrays: Any) -> None:
        """Keep arrays until backward has run."""
        self.saved_tensors = arrays


class Function:
    """An operation with a backward written by hand, on plain arrays.

    Subclasses define the static methods ``forward(ctx, *inputs)``, which returns an array,
    and ``backward(ctx, grad_output)``, which returns one gradient for each input, of its shape
    (None for an input that has none, or is not needed). Both see plain arrays; ``ctx`` is a
    :class:`Context`. They are called through ``apply``.

    A third static method, ``formula(*inputs)``, is what makes it differentiable more than once:
    the same function in NumPy syntax, which stands in under ``create_graph=True``.

    Examples
    --------
    >>> from minigrad import tensor
    >>> class Cube(Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         (x,) = ctx.saved_tensors
    ...         return grad_output * 3 * x * x
    >>> x = tensor(2.0, requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor(12.)
    """

    formula: Callable[..., Any] | None = None

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Any:
        """Compute the output from plain arrays."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *inputs)")

    @staticmethod
    def backward(ctx: Any, grad_output: Any) -> Any:
        """Compute the gradients of the inputs from that of the output."""
        raise NotImplementedError("a Function needs a static method backward(ctx, grad_output)")

    @classmethod
    def apply(cls, *inputs: Any) -> Any:
        """Apply to Tensors or arrays and record it.

        Parameters
        ----------
        *inputs
            Passed on to ``forward``, with arrays in place of Tensors.

        Returns
        -------
        Tensor
        """
        edges = [x._edge if isinstance(x, Tensor) else None for x in inputs]
        values = [x.data if isinstance(x, Tensor) else x for x in inputs]
        ctx = Context(tuple([edge is not None for edge in edges]))
        y = cls.forward(ctx, *values)
        if isinstance(y, tuple):
            raise TypeError(
                f"{cls.__name__}.forward returned {len(y)} values: a Function has one output "
                "(stack them into one array)"
            )
        if type(y) is not np.ndarray:
            y = np.asarray(y)
        if modes.state.anomaly:
            modes.check_forward(cls.__name__, values, y)
        if not modes.state.recording or not any(ctx.needs_input_grad):
            return wrap(y, None)
        # The inputs themselves are needed only where a formula can be run on them.
        kept = values if cls.formula is not None else []
        return wrap(y, Node(_Applied(cls), edges, [ctx, *kept], None, y))


class _Applied:
    """A Function in the role of an Op. Its Node keeps the context, then the inputs."""

    broadcasts = False

    def __init__(self, function: type[Function]) -> None:
        self.function = function
        self.name = function.__name__.lstrip("_")

    def gradients(self, node: Node, g: Any, needed: Any) -> Any:
        if isinstance(g, Tensor):
            gradients: Any = self._by_formula(node, g)
        else:
            assert node.values is not None
            ctx = node.values[0]
            returned = self.function.backward(ctx, np.asarray(g))
            gradients = returned if isinstance(returned, tuple) else (returned,)
            if len(gradients) != len(node.edges):
                raise ValueError(
                    f"{self.name}.backward returned {len(gradients)} gradients for "
                    f"{len(node.edges)} inputs (give None for those without)"
                )
            # What forward has kept is not to be somebody's gradient as well.
            kept = {id(value) for value in (*ctx.saved_tensors, *vars(ctx).values())}
            gradients = [g.copy() if id(g) in kept and g is not None else g for g in gradients]
        for edge, gradient in zip(node.edges, gradients, strict=True):
            if edge is None or (needed is not None and edge not in needed):
                continue
            if gradient is not None and not hasattr(gradient, "shape"):
                gradient = np.asarray(gradient)
            yield edge, gradient

    def _by_formula(self, node: Node, g: Tensor) -> list[Any]:
        """The same gradients, from the formula, recorded."""
        formula = self.function.formula
        if formula is None:
            raise RuntimeError(
                f"{self.name} is differentiated once by its own backward; to go on (create_graph) "
                "it needs a static method formula(*inputs), the function in NumPy syntax"
            )
        assert node.values is not None
        inputs = [
            value if edge is None else alias(wrap(value, edge))
            for edge, value in zip(node.edges, node.values[1:], strict=True)
        ]
        ends = [x._edge for x, edge in zip(inputs, node.edges, strict=True) if edge is not None]
        y = formula(*inputs)
        if not isinstance(y, Tensor) or y._edge is None:
            return [None] * len(inputs)
        if y.shape != g.shape:
            raise ValueError(f"{self.name}.formula returned shape {y.shape}, forward {g.shape}")
        # The walk stops at the aliases: one input may itself be computed from another.
        found = propagate(
            [(y._edge, g.astype(y.dtype))], targets=ends, stop=True, create_graph=True
        )
        return [
            None if edge is None else found.get(x._edge)
            for x, edge in zip(inputs, node.edges, strict=True)
        ]
