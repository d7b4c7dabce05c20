"""One layer of a recurrent network in one direction, over a whole sequence.

The inputs are multiplied by their weights all at once; only what depends on the last state is
done step by step. Backward goes through the steps in reverse, collects the gradients of the
gates before their squashing, and turns them into those of the weights by one product each.

Shapes: x (T, N, I), states (N, H), weights (gates · H, I) and (gates · H, H), biases
(gates · H,) or None; the gates in PyTorch's order. The result is (T, N, H).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.autograd import Function
from minigrad.nn.functional.activation import relu, sigmoid
from minigrad.nn.functional.layer import linear

Array = NDArray[Any]


def _projected(x: Array, weight: Array, *biases: Array | None) -> Array:
    """x Wᵀ + b for all steps at once, (T, N, gates · H)."""
    t, n, size = x.shape
    y = (x.reshape(t * n, size) @ weight.T).reshape(t, n, len(weight))
    for bias in biases:
        if bias is not None:
            y += bias
    return y


def _squash(z: Array) -> None:
    """The logistic function in place; by tanh, which NumPy has and which cannot overflow."""
    z *= 0.5
    np.tanh(z, out=z)
    z *= 0.5
    z += 0.5


def _weight_gradient(gates: Array, x: Array) -> Array:
    return gates.reshape(-1, gates.shape[-1]).T @ x.reshape(-1, x.shape[-1])


def _total(gates: Array) -> Array:
    return gates.sum(axis=(0, 1))


def _earlier(states: Array, first: Array) -> Array:
    """The state before each step."""
    return np.concatenate([first[None], states[:-1]])


class _Rnn(Function):
    """h' = tanh(W x + b + U h + c), or ReLU in place of tanh.

    The state is 0 where a sequence has ended (``inside`` is False): ReLU has no bound, and what
    overflowed there would be NaN in the gradients, 0 times an infinity.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Array, h: Array, w: Array, u: Array, b: Any, c: Any, rectify: bool, inside: Any
    ) -> Any:
        states = _projected(x, w, b, c)
        ctx.kept = x, h, w, u, states, rectify, inside
        for t, z in enumerate(states):
            z += h @ u.T
            h = np.maximum(z, 0, out=z) if rectify else np.tanh(z, out=z)
            if inside is not None:
                h *= inside[t]
        return states

    @staticmethod
    def backward(ctx: Any, grad_output: Array) -> Any:
        x, first, w, u, states, rectify, inside = ctx.kept
        slope = states > 0 if rectify else 1 - states * states
        if inside is not None:
            slope = slope * inside
        d = np.empty_like(states)
        after = np.zeros_like(first)
        for t in reversed(range(len(x))):
            np.add(grad_output[t], after, out=d[t])
            d[t] *= slope[t]
            after = d[t] @ u
        total = _total(d)
        return (
            d @ w,
            after,
            _weight_gradient(d, x),
            _weight_gradient(d, _earlier(states, first)),
            total,
            total.copy(),
            None,
            None,
        )

    @staticmethod
    def formula(x: Any, h: Any, w: Any, u: Any, b: Any, c: Any, rectify: bool, inside: Any) -> Any:
        states = []
        for t, z in enumerate(linear(x, w, b)):
            h = (relu if rectify else np.tanh)(z + linear(h, u, c))
            h = h if inside is None else np.where(inside[t], h, 0)
            states.append(h)
        return np.stack(states)


class _Gru(Function):
    """Reset r, update z, candidate n: h' = (1 − z) n + z h, n = tanh(W x + b + r (U h + c))."""

    @staticmethod
    def forward(ctx: Any, x: Array, h: Array, w: Array, u: Array, b: Any, c: Any) -> Any:
        first, size = h, h.shape[1]
        gates = _projected(x, w, b)  # becomes r, z, n
        states = np.empty((*x.shape[:2], size), gates.dtype)
        inner = np.empty_like(states)  # U h + c of the candidate
        for t, gate in enumerate(gates):
            y = h @ u.T
            if c is not None:
                y += c
            inner[t] = y[:, 2 * size :]
            both, n = gate[:, : 2 * size], gate[:, 2 * size :]
            both += y[:, : 2 * size]
            _squash(both)
            n += both[:, :size] * inner[t]
            np.tanh(n, out=n)
            h = np.multiply(both[:, size:], h - n, out=states[t])
            h += n
        ctx.kept = x, first, w, u, gates, states, inner
        return states

    @staticmethod
    def backward(ctx: Any, grad_output: Array) -> Any:
        x, first, w, u, gates, states, inner = ctx.kept
        size = first.shape[1]
        before = _earlier(states, first)
        r, z, n = (gates[..., k * size : (k + 1) * size] for k in range(3))
        # What the gradient of a state is multiplied by on its way to each gate.
        to_n = (1 - z) * (1 - n * n)
        to_r = to_n * inner * (r * (1 - r))
        to_z = (before - n) * (z * (1 - z))
        dx, dh = np.empty_like(gates), np.empty_like(gates)  # before the gates: by x, by h
        after = np.zeros_like(first)
        for t in reversed(range(len(x))):
            g = grad_output[t] + after
            np.multiply(g, to_r[t], out=dh[t, :, :size])
            np.multiply(g, to_z[t], out=dh[t, :, size : 2 * size])
            np.multiply(g, to_n[t], out=dx[t, :, 2 * size :])
            np.multiply(dx[t, :, 2 * size :], r[t], out=dh[t, :, 2 * size :])
            after = dh[t] @ u
            after += g * z[t]
        dx[..., : 2 * size] = dh[..., : 2 * size]
        return (
            dx @ w,
            after,
            _weight_gradient(dx, x),
            _weight_gradient(dh, before),
            _total(dx),
            _total(dh),
        )

    @staticmethod
    def formula(x: Any, h: Any, w: Any, u: Any, b: Any, c: Any) -> Any:
        size = h.shape[1]
        states = []
        for gate in linear(x, w, b):
            y = linear(h, u, c)
            r = sigmoid(gate[:, :size] + y[:, :size])
            z = sigmoid(gate[:, size : 2 * size] + y[:, size : 2 * size])
            n = np.tanh(gate[:, 2 * size :] + r * y[:, 2 * size :])
            h = n + z * (h - n)
            states.append(h)
        return np.stack(states)


class _Lstm(Function):
    """Input i, forget f, candidate g, output o: c' = f c + i g, h' = o tanh(c').

    The result is (T, N, 2 H): h and c side by side.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Array, h: Array, cell: Array, w: Array, u: Array, b: Any, c: Any
    ) -> Any:
        ctx.first = h, cell
        size = h.shape[1]
        gates = _projected(x, w, b, c)  # becomes i, f, g, o
        y = np.empty((*x.shape[:2], 2 * size), gates.dtype)
        squashed = np.empty((*x.shape[:2], size), gates.dtype)  # tanh of the cell
        # All four by one tanh, for σ(z) = (1 + tanh(z/2)) / 2.
        half = np.repeat(np.array([0.5, 0.5, 1.0, 0.5], gates.dtype), size)
        gates *= half
        shift = 1 - half
        inward = np.ascontiguousarray((u * half[:, None]).T)
        for t, gate in enumerate(gates):
            gate += h @ inward
            np.tanh(gate, out=gate)
            gate *= half
            gate += shift
            i, f, g, o = (gate[:, k * size : (k + 1) * size] for k in range(4))
            cell = np.multiply(f, cell, out=y[t, :, size:])
            cell += i * g
            np.tanh(cell, out=squashed[t])
            h = np.multiply(o, squashed[t], out=y[t, :, :size])
        ctx.kept = x, w, u, gates, y, squashed
        return y

    @staticmethod
    def backward(ctx: Any, grad_output: Array) -> Any:
        x, w, u, gates, y, squashed = ctx.kept
        first, first_cell = ctx.first
        size = first.shape[1]
        i, f, g, o = (gates[..., k * size : (k + 1) * size] for k in range(4))
        # What the gradients of h and c are multiplied by on their way to each gate.
        to_o = squashed * (o * (1 - o))
        to_cell = o * (1 - squashed * squashed)
        to_gates = np.empty_like(gates[..., : 3 * size])
        np.multiply(g, i * (1 - i), out=to_gates[..., :size])
        np.multiply(
            _earlier(y[..., size:], first_cell), f * (1 - f), out=to_gates[..., size : 2 * size]
        )
        np.multiply(i, 1 - g * g, out=to_gates[..., 2 * size :])
        to_gates = to_gates.reshape(*x.shape[:2], 3, size)
        d = np.empty_like(gates)
        by_gate = d.reshape(*x.shape[:2], 4, size)
        after, after_cell = np.zeros_like(first), np.zeros_like(first_cell)
        for t in reversed(range(len(x))):
            dh = grad_output[t, :, :size] + after
            dc = dh * to_cell[t]
            dc += grad_output[t, :, size:]
            dc += after_cell
            np.multiply(dc[:, None], to_gates[t], out=by_gate[t, :, :3])
            np.multiply(dh, to_o[t], out=by_gate[t, :, 3])
            after = d[t] @ u
            after_cell = dc * f[t]
        total = _total(d)
        return (
            d @ w,
            after,
            after_cell,
            _weight_gradient(d, x),
            _weight_gradient(d, _earlier(y[..., :size], first)),
            total,
            total.copy(),
        )

    @staticmethod
    def formula(x: Any, h: Any, cell: Any, w: Any, u: Any, b: Any, c: Any) -> Any:
        size = h.shape[1]
        y = []
        for gate in linear(x, w, b):
            gate = gate + linear(h, u, c)
            i, f, o = (sigmoid(gate[:, k * size : (k + 1) * size]) for k in (0, 1, 3))
            cell = f * cell + i * np.tanh(gate[:, 2 * size : 3 * size])
            h = o * np.tanh(cell)
            y.append(np.concatenate([h, cell], 1))
        return np.stack(y)


rnn, gru, lstm = _Rnn.apply, _Gru.apply, _Lstm.apply
