"""Backward: the walk from an output to what it was computed from.

Nodes are visited once each, from the newest to the oldest, so that a node's gradient is complete
when its turn comes. There is no recursion: the depth of a graph does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minigrad import modes
from minigrad.core import Leaf, Tensor, wrap
from minigrad.engine import Node, Part, unbroadcast

_by_order = attrgetter("order")
_ndarray = np.ndarray


def _fitted(node: Node, edge: Any, gradient: Any) -> Any:
    """A gradient in its input's shape and type, or an error that names the op."""
    if gradient.shape != edge.shape:
        if not (node.op.broadcasts and _stretches(edge.shape, gradient.shape)):
            position = next(i for i, e in enumerate(node.edges) if e is edge)
            raise ValueError(
                f"the rule of {node.op.name} for input {position} returned a gradient of shape "
                f"{gradient.shape}; the input has shape {edge.shape}"
            )
        gradient = unbroadcast(gradient, edge.shape)
    if gradient.dtype != edge.dtype:
        gradient = gradient.astype(edge.dtype)
    return gradient


def _stretches(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether broadcasting may have made ``to`` out of ``shape``."""
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


def propagate(
    roots: Iterable[tuple[Any, Any]],
    *,
    targets: Sequence[Any] | None = None,
    stop: bool = False,
    retain_graph: bool = False,
    create_graph: bool = False,
) -> dict[Any, Any]:
    """Carry gradients from ``roots`` (pairs of node and gradient) back through the graph.

    Returns the gradients of all leaves, or of ``targets``. With ``stop`` the walk does not go
    beyond the targets. Iterative, so that the depth of a graph does not matter.
    """
    pending: dict[Any, Any] = {}
    for root, seed in roots:
        pending[root] = pending[root] + seed if root in pending else seed
    nodes = _newest_first(list(pending), targets if stop else None)
    needed = None if targets is None else _leading_to(targets, nodes)
    wanted = () if targets is None else set(targets)
    owned: set[Any] = set()
    found: dict[Any, Any] = {}
    anomaly = modes.state.anomaly
    for node in nodes:
        g = pending.pop(node, None)
        if g is None:
            continue
        if node.hooks:
            g = _run_hooks(node.hooks, g, create_graph)
        if node in wanted:
            found[node] = g
            if stop:
                continue
        if type(node) is Leaf:
            if targets is None:
                found[node] = g
            continue
        if needed is not None and node not in needed:
            continue
        if node.values is None:
            raise RuntimeError(
                f"the graph through {node.op.name} has been freed by an earlier backward: pass "
                "retain_graph=True to that one, or compute the output anew"
            )
        for edge, gradient in node.op.gradients(node, g, needed):
            if gradient is None:
                continue
            if type(edge) is Leaf and edge.changed > node.order:
                modes.refuse_changed(node, edge)
            if anomaly:
                modes.check_backward(node, g, gradient)
            if type(gradient) is Part:
                earlier = pending.get(edge)
                if edge not in owned or type(earlier) is not _ndarray:
                    # A buffer of our own to add into; what is there may be someone else's.
                    pending[edge] = (
                        np.zeros(edge.shape, edge.dtype) if earlier is None else np.array(earlier)
                    )
                    owned.add(edge)
                if gradient.repeats:
                    np.add.at(pending[edge], gradient.index, gradient.value)
                else:
                    pending[edge][gradient.index] += gradient.value
                continue
            if gradient.shape != edge.shape or gradient.dtype is not edge.dtype:
                gradient = _fitted(node, edge, gradient)
            earlier = pending.get(edge)
            if earlier is None:
                pending[edge] = gradient
            elif edge in owned and type(earlier) is _ndarray:
                np.add(earlier, gradient, out=earlier)
            else:
                pending[edge] = earlier + gradient
                owned.add(edge)
        if not (retain_graph or create_graph):
            node.values = None
    return found


def _newest_first(roots: list[Any], barrier: Sequence[Any] | None) -> list[Any]:
    seen = set(roots)
    stack = list(roots)
    nodes = []
    ends = set(barrier or ())
    while stack:
        node = stack.pop()
        nodes.append(node)
        if node in ends:
            continue
        for edge in node.edges:
            if edge is not None and edge not in seen:
                seen.add(edge)
                stack.append(edge)
    nodes.sort(key=_by_order, reverse=True)
    return nodes


def _leading_to(targets: Sequence[Any], nodes: list[Any]) -> set[Any]:
    """The nodes through which a gradient must pass to reach a target."""
    needed = set(targets)
    for node in reversed(nodes):
        if any(edge in needed for edge in node.edges):
            needed.add(node)
    return needed


def _run_hooks(hooks: list[Callable[[Tensor], Any]], g: Any, create_graph: bool) -> Any:
    # Hooks may keep what they are given, and give what they keep: those are copies.
    tensor = g if create_graph else wrap(np.array(g), None)
    for hook in hooks:
        replaced = hook(tensor)
        if replaced is not None:
            replaced = replaced if isinstance(replaced, Tensor) else Tensor(replaced)
            if replaced.shape != tensor.shape:
                raise ValueError(
                    f"a hook returned a gradient of shape {replaced.shape} for {tensor.shape}"
                )
            tensor = replaced.astype(g.dtype)
    return tensor if create_graph else tensor.data.copy()


def seed_for(y: Tensor, gradient: ArrayLike | Tensor | None, create_graph: bool) -> Any:
    """The gradient a walk starts from: given, or 1 for a single number."""
    if not isinstance(y, Tensor):
        raise TypeError(f"a Tensor was expected, not {type(y).__name__}")
    if y._edge is None:
        raise RuntimeError(
            "this Tensor does not depend on anything that requires grad: create the inputs with "
            "requires_grad=True, and compute outside of no_grad()"
        )
    if gradient is None:
        if y.data.size != 1:
            raise RuntimeError(
                f"the output has shape {y.shape}, not a single number: reduce it, e.g. with "
                ".sum(), or pass the gradient to start from"
            )
        gradient = np.ones(y.shape, y.dtype)
    seed = gradient if isinstance(gradient, Tensor) else Tensor(np.asarray(gradient, y.dtype))
    if seed.shape != y.shape:
        raise ValueError(f"the gradient has shape {seed.shape}, the output {y.shape}")
    if seed.dtype != y.dtype:
        seed = seed.astype(y.dtype)
    return seed if create_graph else seed.data
