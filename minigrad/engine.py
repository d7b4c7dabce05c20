"""Recording and backward: how derivatives are carried through a computation.

Every operation is an :class:`Op`: a forward function and, for each input, a rule that turns the
gradient of the output (``g``) into the gradient of that input. A rule is written once, in NumPy
syntax, and names what it needs::

    multiply = Op(np.multiply, lambda g, x2: g * x2, lambda g, x1: g * x1)
    tanh = Op(np.tanh, lambda g, y: g * (1 - y * y))       # y is the output

Applied to a Tensor that requires grad, an Op leaves a :class:`Node`: which Op it was, the
values its rules name, and the nodes its inputs came from. Nodes point to nodes, never to
Tensors, so there are no reference cycles and a graph vanishes with the last Tensor that needs
it. ``backward`` visits the nodes from the newest to the oldest (a node is always newer than its
inputs) and feeds the rules plain arrays. With ``create_graph=True`` it feeds them Tensors: the
same rules are then recorded themselves, and derivatives of any order follow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minigrad import modes
from minigrad.core import RULES, Leaf, Tensor, wrap

Array = NDArray[Any]
Rule = Callable[..., Any]

_order = itertools.count(1)
_ndarray = np.ndarray

OPS: dict[str, Op] = {}
"""Every Op there is, by name: what the tests go through.

:meta hide-value:
"""


class Node:
    """One recorded application of an Op."""

    __slots__ = ("dtype", "edges", "hooks", "line", "op", "order", "plan", "shape", "values")

    def __init__(
        self, op: Any, edges: Sequence[Any], values: list[Any], plan: Any, y: Array
    ) -> None:
        self.op = op
        self.edges = edges  # the Node or Leaf each input came from; None if it needs no gradient
        self.values: list[Any] | None = values  # what the rules name; None once freed
        self.plan = plan
        self.shape = y.shape
        self.dtype = y.dtype
        self.order = next(_order)
        self.hooks: list[Callable[[Tensor], Any]] | None = None
        self.line = modes.calling_line() if modes.state.anomaly else None


class Part(NamedTuple):
    """A gradient that is zero but for ``value`` at ``index``: added without the zeros."""

    index: Any
    value: Array
    repeats: bool  # whether an element may be indexed twice


class _Plan(NamedTuple):
    """What to keep, and which rules to call, when these inputs need gradients."""

    rules: tuple[tuple[int, Rule, tuple[int, ...]], ...]  # input, its rule, positions it names
    drop: tuple[int, ...]  # positions in (arguments, y) that no rule names
    shapes: tuple[int, ...]  # arguments whose shape alone is named


class Op:
    """A differentiable operation: a row of the derivative table.

    Parameters
    ----------
    forward : callable
        Takes arrays, returns an array. Its first parameters, one for each rule, are the inputs;
        others (``axis``, ``shape``) are passed on as they are.
    *rules : callable or None
        One for each input: gradient of the output ``g`` to gradient of the input. The other
        names of a rule's parameters say what it is given: a parameter of ``forward``, ``y`` for
        the output, or ``x_shape`` for the shape of input ``x``. Only what is named is kept. None
        for an input that has no gradient, such as a condition.
    numpy : sequence of callable
        NumPy functions that this Op stands for when they are called with Tensors.
    name : str, optional
        Default the name of ``forward``.
    broadcasts : bool
        Whether inputs are broadcast, so that gradients are summed back to their shapes.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        *rules: Rule | None,
        numpy: Sequence[Callable[..., Any]] = (),
        name: str | None = None,
        broadcasts: bool = False,
    ) -> None:
        self.forward = forward
        self.name = name or forward.__name__
        self.rules = rules
        self.broadcasts = broadcasts
        if isinstance(forward, np.ufunc):
            self.broadcasts = True
            self.names: tuple[str, ...] = ("x",) if forward.nin == 1 else ("x1", "x2")
            self.defaults: tuple[Any, ...] = ()
            numpy = (forward, *numpy)
        else:
            code = forward.__code__
            self.names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            self.defaults = forward.__defaults__ or ()
            self.__doc__ = forward.__doc__
        self.arity = len(self.names)
        self._plans: dict[int, _Plan] = {}  # by the bits of the inputs that need gradients
        for function in numpy:
            RULES[function] = self
        OPS[self.name] = self

    def __repr__(self) -> str:
        return f"<minigrad op {self.name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Apply to arrays (giving an array) or to Tensors (giving a recorded Tensor)."""
        if kwargs or len(args) != self.arity:
            args = self._bind(args, kwargs)
        edges: list[Any] = []
        values: list[Any] = []
        mask, bit, tensors = 0, 1, False
        for a in args:
            if isinstance(a, Tensor):
                tensors = True
                edges.append(a._edge)
                values.append(a._data)
                if a._edge is not None:
                    mask |= bit
            else:
                edges.append(None)
                values.append(a)
            bit += bit
        y = self.forward(*values)
        if not tensors:
            return y
        if type(y) is not _ndarray:
            y = np.asarray(y)
        state = modes.state
        if state.anomaly:
            modes.check_forward(self.name, values, y)
        if mask and state.recording:
            return wrap(y, self._record(mask, edges, values, y))
        return wrap(y, None)

    def _record(self, mask: int, edges: list[Any], values: list[Any], y: Array) -> Node | None:
        """Keep what the rules of the inputs in ``mask`` name; None if there is no rule."""
        plan = self._plans.get(mask) or self._plan(mask)
        if not plan.rules:
            return None
        values.append(y)
        if plan.shapes:
            values += [np.shape(values[j]) for j in plan.shapes]
        for j in plan.drop:
            values[j] = None
        return Node(self, edges, values, plan, y)

    def _plan(self, mask: int) -> _Plan:
        positions = {name: j for j, name in enumerate((*self.names, "y"))}
        if mask >> len(self.rules):
            name = self.names[mask.bit_length() - 1]
            raise TypeError(
                f"{self.name} has no derivative by {name}: give it without, e.g. {name}.detach()"
            )
        shapes: list[int] = []
        rules = []
        for i, rule in enumerate(self.rules):
            if rule is None or not mask >> i & 1:
                continue
            code = rule.__code__
            named = []
            for name in code.co_varnames[1 : code.co_argcount]:
                source = name.removesuffix("_shape")
                if name not in positions and source in positions:
                    positions[name] = len(self.names) + 1 + len(shapes)
                    shapes.append(positions[source])
                named.append(positions[name])
            rules.append((i, rule, tuple(named)))
        kept = {j for _, _, named in rules for j in named}
        drop = tuple(j for j in range(len(self.names) + 1) if j not in kept)
        plan = self._plans[mask] = _Plan(tuple(rules), drop, tuple(shapes))
        return plan

    def _bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """Arguments in the order of ``forward``'s parameters, with its defaults filled in."""
        bound = list(args)
        first = self.arity - len(self.defaults)
        for j in range(len(args), self.arity):
            name = self.names[j]
            if name in kwargs:
                bound.append(kwargs.pop(name))
            elif j >= first:
                bound.append(self.defaults[j - first])
            else:
                raise TypeError(f"{self.name} needs {name}: {self.name}({', '.join(self.names)})")
        if kwargs or len(bound) > self.arity:
            surplus = ", ".join(map(repr, kwargs)) or f"{len(bound)} arguments"
            raise TypeError(
                f"{self.name} on Tensors does not take {surplus}: "
                f"{self.name}({', '.join(self.names)})"
            )
        return tuple(bound)

    def gradients(self, node: Node, g: Any, needed: Any) -> Iterator[tuple[Any, Any]]:
        """Each input's Node or Leaf with the gradient its rule gives."""
        edges, values = node.edges, node.values
        assert values is not None
        if type(g) is Tensor:
            # Saved arrays become Tensors again, with the nodes they came from.
            values = list(values)
            for j, edge in enumerate(edges):
                if edge is not None and values[j] is not None:
                    values[j] = wrap(values[j], edge)
            if values[self.arity] is not None:
                values[self.arity] = wrap(values[self.arity], node)
        for i, rule, named in node.plan.rules:
            edge = edges[i]
            if needed is None or edge in needed:
                yield edge, rule(g, *[values[j] for j in named])


def _sum_to(x: Any, shape: tuple[int, ...]) -> Any:
    extra = x.ndim - len(shape)
    axes = tuple(i for i in range(x.ndim) if i < extra or shape[i - extra] == 1 != x.shape[i])
    # Broadcasting may have removed elements, too: (3, 1) with (1, 0) is (3, 0).
    return x.sum(axis=axes).reshape(shape) if axes else x.reshape(shape)


unbroadcast = Op(_sum_to, lambda g, x_shape: np.broadcast_to(g, x_shape), name="unbroadcast")
"""Sum ``x`` down to ``shape``: the reverse of broadcasting, done nowhere else."""


alias = Op(lambda x: x, lambda g: g, name="alias")
"""The same numbers under a node of their own."""


def size_of(shape: tuple[int, ...], axis: Any) -> int:
    """How many elements a reduction over ``axis`` takes together."""
    if axis is None:
        return math.prod(shape)
    return math.prod(shape[i] for i in (axis if isinstance(axis, tuple) else (axis,)))


def changed(tensor: Tensor) -> None:
    """Note that a parameter's data were changed in place: older graphs may not use them now."""
    if type(tensor._edge) is Leaf:
        tensor._edge.changed = next(_order)
