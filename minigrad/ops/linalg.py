"""Products of matrices, and everything einsum can say."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from minigrad import modes
from minigrad.core import RULES, Tensor, wrap
from minigrad.engine import Node, Op


def _mT(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


_matmul = Op(
    lambda a, b: a @ b,
    lambda g, b: g @ _mT(b),
    lambda g, a: _mT(a) @ g,
    name="matmul",
    broadcasts=True,
)


def matmul(x1: Any, x2: Any) -> Any:
    """``x1 @ x2``: matrices, stacks of them (which broadcast), or vectors."""
    if np.ndim(x1) > 1 and np.ndim(x2) > 1:
        return _matmul(x1, x2)
    if not (np.ndim(x1) and np.ndim(x2)):
        raise ValueError("matmul takes no single numbers: use *")
    left = np.expand_dims(x1, 0) if np.ndim(x1) == 1 else x1
    right = np.expand_dims(x2, 1) if np.ndim(x2) == 1 else x2
    y = _matmul(left, right)
    axes = ([-2] if np.ndim(x1) == 1 else []) + ([-1] if np.ndim(x2) == 1 else [])
    return np.squeeze(y, tuple(axes))


def dot(a: Any, b: Any) -> Any:
    """``np.dot`` for up to two axes: the product of numbers, vectors and matrices."""
    if not (np.ndim(a) and np.ndim(b)):
        return a * b
    if np.ndim(b) > 2:
        raise NotImplementedError("np.dot with more than two axes: write np.matmul or np.einsum")
    return matmul(a, b)


def vdot(a: Any, b: Any) -> Any:
    """``np.vdot``: the sum over all products of elements at the same place."""
    return matmul(np.ravel(a), np.ravel(b))


def inner(a: Any, b: Any) -> Any:
    """``np.inner``: the sum over the last axes."""
    if not (np.ndim(a) and np.ndim(b)):
        return a * b
    return np.tensordot(a, b, axes=((-1,), (-1,)))


def outer(a: Any, b: Any) -> Any:
    """``np.outer``: every product of two elements."""
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """``np.tensordot``: sum over pairs of axes."""
    if isinstance(axes, int):
        axes = (range(np.ndim(a) - axes, np.ndim(a)), range(axes))
    first, second = (
        normalize_axis_tuple(pair, np.ndim(t)) for t, pair in zip((a, b), axes, strict=True)
    )
    if [a.shape[i] for i in first] != [b.shape[i] for i in second]:
        raise ValueError(
            f"tensordot sums over axes {first} of {a.shape} and {second} of {b.shape}: their "
            "lengths differ"
        )
    rest_a = [i for i in range(np.ndim(a)) if i not in first]
    rest_b = [i for i in range(np.ndim(b)) if i not in second]
    shape = [a.shape[i] for i in rest_a] + [b.shape[i] for i in rest_b]
    n = math.prod(a.shape[i] for i in first)
    left = np.transpose(a, (*rest_a, *first)).reshape((math.prod(shape[: len(rest_a)]), n))
    right = np.transpose(b, (*second, *rest_b)).reshape((n, math.prod(shape[len(rest_a) :])))
    return (left @ right).reshape(tuple(shape))


def _spelled_out(subscripts: str, operands: list[Any]) -> tuple[list[str], str]:
    """Each operand's letters and the output's, ``...`` and implicit output resolved."""
    terms, arrow, out = subscripts.replace(" ", "").partition("->")
    inputs = terms.split(",")
    if len(inputs) != len(operands):
        raise ValueError(f"einsum: {len(inputs)} terms in {subscripts!r}, {len(operands)} operands")
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in subscripts]
    widest = 0
    for k, term in enumerate(inputs):
        extra = np.ndim(operands[k]) - len(term.replace("...", ""))
        if extra < 0 or (extra and "..." not in term):
            raise ValueError(f"einsum: term {term!r} for an operand of {np.ndim(operands[k])} axes")
        widest = max(widest, extra)
    dots = "".join(free[:widest])
    for k, term in enumerate(inputs):
        extra = np.ndim(operands[k]) - len(term.replace("...", ""))
        inputs[k] = term.replace("...", dots[widest - extra :])
    if not arrow:
        letters = "".join(t.replace("...", "") for t in terms.split(","))
        out = dots + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return inputs, out.replace("...", dots)


class _Einsum(Op):
    """Sums of products; each operand's gradient is an einsum of ``g`` and the others."""

    def __call__(self, inputs: tuple[str, ...], out: str, *operands: Any) -> Any:
        edges = [x._edge if isinstance(x, Tensor) else None for x in operands]
        values = [x.data if isinstance(x, Tensor) else x for x in operands]
        y = np.asarray(np.einsum(",".join(inputs) + "->" + out, *values, optimize=True))
        if not any(isinstance(x, Tensor) for x in operands):
            return y
        if modes.state.anomaly:
            modes.check_forward("einsum", values, y)
        if not modes.state.recording or not any(e is not None for e in edges):
            return wrap(y, None)
        return wrap(
            y, Node(self, edges, [inputs, out, values, [np.shape(v) for v in values]], None, y)
        )

    def gradients(self, node: Node, g: Any, needed: Any) -> Any:
        assert node.values is not None
        inputs, out, values, shapes = node.values
        if isinstance(g, Tensor):
            values = [
                v if edge is None else wrap(v, edge)
                for v, edge in zip(values, node.edges, strict=True)
            ]
        for i, edge in enumerate(node.edges):
            if edge is None or (needed is not None and edge not in needed):
                continue
            others = [j for j in range(len(inputs)) if j != i]
            terms = (out, *(inputs[j] for j in others))
            known = set("".join(terms))
            found = "".join(c for c in inputs[i] if c in known)
            gradient = einsum(",".join(terms) + "->" + found, g, *(values[j] for j in others))
            # A letter that stands in this operand alone was summed over: spread along it.
            alone = tuple(k for k, c in enumerate(inputs[i]) if c not in known)
            if alone:
                gradient = np.expand_dims(gradient, alone)
                full = list(gradient.shape)
                for k in alone:
                    full[k] = shapes[i][k]
                gradient = np.broadcast_to(gradient, tuple(full))
            yield edge, gradient


_einsum = _Einsum(lambda inputs, out, operands: None, name="einsum", broadcasts=True)


def einsum(subscripts: str, *operands: Any, optimize: Any = True) -> Any:
    """``np.einsum`` with subscripts: any sum of products, ``...`` and repeated letters included."""
    if not isinstance(subscripts, str):
        raise TypeError("einsum on Tensors takes its subscripts as text: np.einsum('ij,jk', a, b)")
    given = list(operands)
    inputs, out = _spelled_out(subscripts, given)
    for k, term in enumerate(inputs):
        while len(set(term)) < len(term):
            # 'iij': the diagonal of the two axes, which comes last.
            c = next(c for c in term if term.count(c) > 1)
            first = term.index(c)
            second = term.index(c, first + 1)
            given[k] = np.diagonal(given[k], axis1=first, axis2=second)
            term = term[:first] + term[first + 1 : second] + term[second + 1 :] + c
        inputs[k] = term
    return _einsum(tuple(inputs), out, *given)


RULES.update(
    {
        np.matmul: matmul,
        np.dot: dot,
        np.vdot: vdot,
        np.inner: inner,
        np.outer: outer,
        np.tensordot: tensordot,
        np.einsum: einsum,
    }
)
