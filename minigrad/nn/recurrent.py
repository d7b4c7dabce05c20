"""Recurrent layers: RNN, GRU, LSTM, with several layers and both directions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigrad.engine import Op
from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.functional.recurrent import gru, lstm, rnn
from minigrad.nn.layers import new_parameter
from minigrad.nn.module import Module

Array = NDArray[Any]

_backwards: Op = Op(
    lambda x, index: x[index], lambda g, index: _backwards(g, index), name="backwards"
)
"""Each sequence from its end to its beginning: twice, and it is as it was."""


class _Sequences(NamedTuple):
    """Where the sequences of a batch (T, N) lie."""

    inside: Array | None  # (T, N, 1), or None if all have full length
    backwards: Any  # the index that turns each around
    last: Any  # the index of each one's last step


def _sequences(lengths: ArrayLike | None, steps: int, batch: int) -> _Sequences:
    if lengths is None:
        return _Sequences(None, slice(None, None, -1), -1)
    n = np.asarray(lengths)
    if n.dtype.kind not in "iu" or n.shape != (batch,):
        raise ValueError(f"lengths must be {batch} integers, one a sequence: {lengths!r}")
    if batch and not (n.min() >= 1 and n.max() <= steps):
        raise ValueError(f"lengths must lie between 1 and {steps}: {lengths!r}")
    t = np.arange(steps)[:, None]
    inside, each = t < n, np.arange(batch)
    return _Sequences(inside[..., None], (np.where(inside, n - 1 - t, t), each), (n - 1, each))


class _Recurrent(Module):
    """What the three have in common; a subclass knows its gates and its step."""

    gates = 1
    states = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        if min(input_size, hidden_size, num_layers) < 1:
            raise ValueError("input_size, hidden_size and num_layers must be at least 1")
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout is a probability, from 0 to 1, not {dropout}")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = dropout
        self.bidirectional = bidirectional
        self._suffixes = [
            f"_l{layer}{direction}"
            for layer in range(num_layers)
            for direction in (("", "_reverse") if bidirectional else ("",))
        ]
        rows = self.gates * hidden_size
        for k, suffix in enumerate(self._suffixes):
            below = input_size if k < self.directions else hidden_size * self.directions
            setattr(self, f"weight_ih{suffix}", new_parameter(rows, below))
            setattr(self, f"weight_hh{suffix}", new_parameter(rows, hidden_size))
            setattr(self, f"bias_ih{suffix}", new_parameter(rows) if bias else None)
            setattr(self, f"bias_hh{suffix}", new_parameter(rows) if bias else None)
        self.reset_parameters()

    @property
    def directions(self) -> int:
        """1, or 2 if ``bidirectional``."""
        return 2 if self.bidirectional else 1

    def reset_parameters(self) -> None:
        """Draw all parameters anew: uniform within ±1/√hidden_size."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _run(self, x: Any, state: list[Any], weights: list[Any], inside: Array | None) -> Any:
        """One layer in one direction: all states, (T, N, states · H)."""
        raise NotImplementedError("RNN, GRU and LSTM say how a layer runs")

    def forward(self, input: Any, hx: Any = None, lengths: ArrayLike | None = None) -> Any:
        """All outputs, and the last states.

        Parameters
        ----------
        input : Tensor
            (N, T, input_size); (T, N, input_size) unless ``batch_first``; or one sequence,
            (T, input_size).
        hx : Tensor, optional
            The states to begin with, (num_layers · directions, N, hidden_size), for an LSTM a
            pair (h, c); for one sequence without N. Default 0.
        lengths : array_like of int, optional
            How long each of N padded sequences is. What comes after its end is not looked at,
            its outputs are 0, and its last state is that at its end.

        Returns
        -------
        output : Tensor
            (N, T, directions · hidden_size), or as the input is laid out.
        h_n : Tensor
            The last states, shaped as ``hx``; for an LSTM a pair (h_n, c_n).
        """
        single = input.ndim == 2
        x = self._steps_first(input)
        steps, batch, _ = x.shape
        if single and lengths is not None:
            raise ValueError("lengths go with a batch: this input is one sequence")
        where = _sequences(lengths, steps, batch)
        if where.inside is not None:
            x = np.where(where.inside, x, 0)
        first = self._first_states(hx, batch, single)
        last: list[list[Any]] = [[] for _ in range(self.states)]
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = F.dropout(x, self.dropout, self.training)
            outputs = []
            for k in range(layer * self.directions, (layer + 1) * self.directions):
                backwards = k - layer * self.directions
                y = self._run(
                    _backwards(x, where.backwards) if backwards else x,
                    [state[k] for state in first],
                    self._weights(k),
                    where.inside,
                )
                end = y[where.last]
                for s, states in enumerate(last):
                    part = slice(s * self.hidden_size, (s + 1) * self.hidden_size)
                    states.append(end[:, part] if self.states > 1 else end)
                y = y[..., : self.hidden_size] if self.states > 1 else y
                outputs.append(_backwards(y, where.backwards) if backwards else y)
            x = np.concatenate(outputs, 2) if self.bidirectional else outputs[0]
        if where.inside is not None:
            x = np.where(where.inside, x, 0)
        ends = [np.stack(states) for states in last]
        if single:
            x, ends = x[:, 0], [state[:, 0] for state in ends]
        elif self.batch_first:
            x = x.swapaxes(0, 1)
        return x, (ends[0] if self.states == 1 else tuple(ends))

    def _weights(self, k: int) -> list[Any]:
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return [getattr(self, name + self._suffixes[k]) for name in names]

    def _steps_first(self, input: Any) -> Any:
        shape = input.shape
        if len(shape) not in (2, 3) or shape[-1] != self.input_size:
            layout = "(N, T," if self.batch_first else "(T, N,"
            raise ValueError(
                f"{type(self).__name__} takes an input {layout} {self.input_size}) or "
                f"(T, {self.input_size}), not one of shape {shape}"
            )
        if len(shape) == 2:
            x = np.expand_dims(input, 1)
        else:
            x = input.swapaxes(0, 1) if self.batch_first else input
        if not x.shape[0]:
            raise ValueError("a sequence needs at least one step")
        return x

    def _first_states(self, hx: Any, batch: int, single: bool) -> list[Any]:
        count = len(self._suffixes)
        shape = (count, self.hidden_size) if single else (count, batch, self.hidden_size)
        if hx is None:
            dtype = next(self.parameters()).dtype
            return [np.zeros((count, batch, self.hidden_size), dtype)] * self.states
        given = [hx] if self.states == 1 else list(hx)
        if [np.shape(state) for state in given] != [shape] * self.states:
            what = f"of shape {shape}" if self.states == 1 else f"a pair of shape {shape} each"
            raise ValueError(f"hx must be {what}: not {[np.shape(state) for state in given]}")
        return [np.expand_dims(state, 1) if single else state for state in given]

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        parts += [f"num_layers={self.num_layers}"] if self.num_layers != 1 else []
        parts += [] if self.bias else ["bias=False"]
        parts += [f"batch_first={self.batch_first}"]
        parts += [f"dropout={self.dropout}"] if self.dropout else []
        parts += ["bidirectional=True"] if self.bidirectional else []
        return ", ".join(parts)


class RNN(_Recurrent):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), step by step.

    Parameters
    ----------
    input_size, hidden_size : int
        The lengths of x and h.
    num_layers : int
        Layers on top of one another, each fed with the outputs of the one below.
    nonlinearity : str
        "tanh" or "relu".
    bias : bool
        Whether there are biases.
    batch_first : bool
        Whether inputs are (N, T, …), which is the default here (in PyTorch it is not), or
        (T, N, …).
    dropout : float
        The probability of dropout between the layers.
    bidirectional : bool
        Whether a second set of weights reads the sequence from its end.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0 : Parameter
        Of layer 0; further layers have their numbers, second directions ``_reverse`` at the end.

    Notes
    -----
    See ``forward`` for inputs, states and padded batches.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"nonlinearity must be 'tanh' or 'relu', not {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        super().__init__(
            input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
        )

    def _run(self, x: Any, state: list[Any], weights: list[Any], inside: Array | None) -> Any:
        return rnn(x, *state, *weights, self.nonlinearity == "relu", inside)


class GRU(_Recurrent):
    """Gated recurrent unit: h' = (1 − z) n + z h.

    With reset gate r and update gate z, both σ(W x + b + U h + c) with their own weights, and
    n = tanh(W x + b + r (U h + c)). The rows of the weights are those of r, z and n. Parameters
    and attributes are :class:`RNN`'s, without ``nonlinearity``; the batch comes first by default.

    References
    ----------
    Cho et al., *Learning Phrase Representations using RNN Encoder-Decoder* (arXiv 1406.1078).
    """

    gates = 3

    def _run(self, x: Any, state: list[Any], weights: list[Any], inside: Array | None) -> Any:
        return gru(x, *state, *weights)


class LSTM(_Recurrent):
    """Long short-term memory: c' = f c + i g, h' = o tanh(c').

    The gates i, f and o are σ(W x + b + U h + c) with their own weights, g is tanh of the same.
    The rows of the weights are those of i, f, g and o. Parameters and attributes are
    :class:`RNN`'s, without ``nonlinearity``; the batch comes first by default. The state is a
    pair (h, c).

    References
    ----------
    Hochreiter, Schmidhuber, *Long Short-Term Memory*, Neural Computation 9 (1997); with the
    forget gate of Gers, Schmidhuber, Cummins (2000).
    """

    gates = 4
    states = 2

    def _run(self, x: Any, state: list[Any], weights: list[Any], inside: Array | None) -> Any:
        return lstm(x, *state, *weights)
