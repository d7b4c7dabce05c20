"""How parameters begin: the usual distributions, and the gain an activation calls for.

A function whose name ends in ``_`` fills a Tensor in place and returns it. Numbers come from
``generator``, by default :func:`minigrad.random.default_generator`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minigrad.core import Tensor, plain
from minigrad.engine import changed
from minigrad.random import default_generator

Array = NDArray[Any]
Generator = np.random.Generator


def _fill(tensor: Tensor, values: Any) -> Tensor:
    tensor.data[...] = values
    changed(tensor)
    return tensor


def constant_(tensor: Tensor, val: float) -> Tensor:
    """``val`` everywhere."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """0 everywhere."""
    return _fill(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """1 everywhere."""
    return _fill(tensor, 1)


def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Uniform between ``a`` and ``b``."""
    return _fill(tensor, (generator or default_generator()).uniform(a, b, tensor.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Normal."""
    return _fill(tensor, (generator or default_generator()).normal(mean, std, tensor.shape))


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs each output has, and outputs each input: of a weight (out, in, …)."""
    if tensor.ndim < 2:
        raise ValueError(f"a weight of at least two axes is needed, not of shape {tensor.shape}")
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


def _uniform_of(tensor: Tensor, std: float, generator: Generator | None) -> Tensor:
    bound = math.sqrt(3) * std
    return uniform_(tensor, -bound, bound, generator)


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Uniform, of variance 2 gain² / (fan_in + fan_out) (Glorot, Bengio 2010)."""
    return _uniform_of(tensor, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal, of variance 2 gain² / (fan_in + fan_out) (Glorot, Bengio 2010)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), generator)


def _kaiming(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', not {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(fan, 1))


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform, of variance gain² / fan (He et al., arXiv 1502.01852).

    Parameters
    ----------
    tensor : Tensor
        A weight (out, in, …).
    a : float
        The slope of a leaky ReLU below 0.
    mode : str
        "fan_in" keeps the variance forward, "fan_out" backward.
    nonlinearity : str
        See :func:`calculate_gain`.
    generator : numpy.random.Generator, optional
        Where the numbers come from.
    """
    return _uniform_of(tensor, _kaiming(tensor, a, mode, nonlinearity), generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal, of variance gain² / fan; see :func:`kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming(tensor, a, mode, nonlinearity), generator)


def lecun_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Uniform, of variance 1 / fan_in (LeCun et al., *Efficient BackProp*, 1998)."""
    return _uniform_of(tensor, 1 / math.sqrt(max(fans(tensor)[0], 1)), generator)


def lecun_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Normal, of variance 1 / fan_in: what SELU wants."""
    return normal_(tensor, 0.0, 1 / math.sqrt(max(fans(tensor)[0], 1)), generator)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """``gain`` times a random matrix with orthonormal rows or columns, whichever are fewer.

    Axes after the first are taken as one (Saxe, McClelland, Ganguli, arXiv 1312.6120).
    """
    if tensor.ndim < 2:
        raise ValueError(f"a Tensor of at least two axes is needed, not of shape {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    normal = (generator or default_generator()).normal(
        size=(max(rows, columns), min(rows, columns))
    )
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diagonal(r))  # without this, not all orthogonal matrices are equally likely
    return _fill(tensor, gain * (q if rows >= columns else q.T).reshape(tensor.shape))


_GAINS = {
    "linear": 1.0, "identity": 1.0, "conv1d": 1.0, "conv2d": 1.0, "sigmoid": 1.0,
    "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4,
}  # fmt: skip


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The customary factor for a weight's deviation, by the name of the activation.

    ``param`` is the slope of "leaky_relu" below 0, by default 0.01. For any other function, and
    for the exact values, see :func:`gain`.

    Examples
    --------
    >>> calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2 / (1 + slope * slope))
    if nonlinearity not in _GAINS:
        known = ", ".join([*_GAINS, "leaky_relu"])
        raise ValueError(
            f"no gain is known for {nonlinearity!r}; there are {known}. For any function: "
            "nn.init.gain(f)"
        )
    return _GAINS[nonlinearity]


_REACH = 14  # beyond it the normal density is below 1e-43
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(20)


def gain(f: Callable[[Any], Any]) -> float:
    """1 / √(E f(z)²) for z ~ N(0, 1): weights scaled by it keep the second moment through f.

    Parameters
    ----------
    f : callable
        An activation that works on arrays element by element; Modules, too.

    Returns
    -------
    float
        Accurate to 1e-12, kinks and jumps in f included.

    Raises
    ------
    ValueError
        If E f(z)² is 0 or not finite.

    Notes
    -----
    The integral is taken by Gauss and Legendre's rule of 20 points on intervals that are halved
    until halving changes nothing, so that intervals close in on a kink wherever it is.

    Examples
    --------
    >>> import numpy as np
    >>> round(gain(lambda x: np.maximum(x, 0)), 12) == round(2**0.5, 12)
    True
    """
    left = np.arange(-_REACH, _REACH, dtype=np.float64)
    right = left + 1
    whole = _integrals(f, left, right)
    moment = 0.0
    for _ in range(60):
        middle = (left + right) / 2
        first, second = _integrals(f, left, middle), _integrals(f, middle, right)
        halves = first + second
        done = ~(np.abs(whole - halves) > 1e-15 * (moment + halves.sum()))
        moment += halves[done].sum().item()
        rest = ~done
        left = np.concatenate([left[rest], middle[rest]])
        right = np.concatenate([middle[rest], right[rest]])
        whole = np.concatenate([first[rest], second[rest]])
        if not left.size:
            break
    moment += whole.sum().item()
    if not (math.isfinite(moment) and moment > 0):
        raise ValueError(f"E f(z)² is {moment}: no weights keep the second moment through this f")
    return 1 / math.sqrt(moment)


def _integrals(f: Callable[[Any], Any], left: Array, right: Array) -> Array:
    """The integral of f² times the normal density over each interval."""
    half = (right - left)[:, None] / 2
    z = left[:, None] + half * (1 + _NODES)
    y = np.asarray(plain(f(z)), np.float64)
    if y.shape != z.shape:
        raise ValueError(f"f must work element by element: it made shape {y.shape} of {z.shape}")
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return (y * y * density * _WEIGHTS * half).sum(axis=1)
