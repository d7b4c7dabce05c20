"""Activations as modules, for Sequential; the trained ones hold their parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.core import Tensor
from minigrad.engine import changed
from minigrad.nn import functional as F
from minigrad.nn.module import Module, Parameter


def _filled(num_parameters: int, value: float) -> Parameter:
    if num_parameters < 1:
        raise ValueError(f"num_parameters must be at least 1, not {num_parameters}")
    return Parameter(np.full(num_parameters, value, np.float32))


class ReLU(Module):
    """max(0, x); see :func:`~minigrad.nn.functional.relu`."""

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.relu(input)


class LeakyReLU(Module):
    """x or ``negative_slope`` · x; see :func:`~minigrad.nn.functional.leaky_relu`."""

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        """The slope."""
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """x where x > 0, else ``weight`` · x; see :func:`~minigrad.nn.functional.prelu`.

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels (axis 1).
    init : float
        The slopes to begin with.
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = _filled(num_parameters, init)

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of slopes."""
        return f"num_parameters={self.num_parameters}"


class ELU(Module):
    """x where x > 0, else ``alpha`` · (e^x − 1); see :func:`~minigrad.nn.functional.elu`."""

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.elu(input, self.alpha)

    def extra_repr(self) -> str:
        """The scale below 0."""
        return f"alpha={self.alpha}"


class PELU(Module):
    """(a/b) · x where x >= 0, else a · (e^(x/b) − 1); see :func:`~minigrad.nn.functional.pelu`.

    As in its paper a and b are kept from falling below 0.1: in training, ``forward`` first
    raises those that an optimiser step has brought below.

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels (axis 1): of pairs (a, b).
    init : float
        What all a and b begin with.
    """

    LEAST = 0.1

    def __init__(self, num_parameters: int = 1, init: float = 1.0) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.a = _filled(num_parameters, init)
        self.b = _filled(num_parameters, init)

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        if self.training:
            self._raise(self.a)
            self._raise(self.b)
        return F.pelu(input, self.a, self.b)

    def _raise(self, parameter: Tensor) -> None:
        if (parameter.data < self.LEAST).any():
            np.maximum(parameter.data, self.LEAST, out=parameter.data)
            changed(parameter)

    def extra_repr(self) -> str:
        """The number of pairs."""
        return f"num_parameters={self.num_parameters}"


class SELU(Module):
    """Scaled ELU; see :func:`~minigrad.nn.functional.selu`."""

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.selu(input)


class GELU(Module):
    """x · Φ(x); see :func:`~minigrad.nn.functional.gelu`."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        """Exact or by tanh."""
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """x · σ(x); see :func:`~minigrad.nn.functional.silu`."""

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.silu(input)


class Swish(Module):
    """x · σ(beta · x) with trained beta; see :func:`~minigrad.nn.functional.swish`.

    Parameters
    ----------
    num_parameters : int
        1, or the number of channels (axis 1).
    init : float
        What beta begins with.
    """

    def __init__(self, num_parameters: int = 1, init: float = 1.0) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.beta = _filled(num_parameters, init)

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.swish(input, self.beta)

    def extra_repr(self) -> str:
        """The number of betas."""
        return f"num_parameters={self.num_parameters}"


class Mish(Module):
    """x · tanh(softplus(x)); see :func:`~minigrad.nn.functional.mish`."""

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.mish(input)


class Softplus(Module):
    """log(1 + e^(beta · x)) / beta; see :func:`~minigrad.nn.functional.softplus`."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """The sharpness, and where it becomes the identity."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Sigmoid(Module):
    """1 / (1 + e^−x)."""

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.sigmoid(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.tanh(input)


class Softmax(Module):
    """e^x / Σ e^x along axis ``dim``."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Along the axis."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """x − log Σ e^x along axis ``dim``."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        """Along the axis."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"
