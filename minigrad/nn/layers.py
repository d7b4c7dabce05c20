"""Linear, convolution, pooling, dropout, flatten, identity."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.nn import functional as F
from minigrad.nn import init
from minigrad.nn.functional.layer import pair
from minigrad.nn.module import Module, Parameter


def new_parameter(*shape: int) -> Parameter:
    """A float32 parameter, to be filled."""
    return Parameter(np.empty(shape, np.float32))


def _fill_uniformly(weight: Parameter, bias: Parameter | None) -> None:
    """PyTorch's default: uniform within ±1/√fan_in, the bias too."""
    bound = 1 / math.sqrt(max(init.fans(weight)[0], 1))
    init.uniform_(weight, -bound, bound)
    if bias is not None:
        init.uniform_(bias, -bound, bound)


class Linear(Module):
    """x Wᵀ + b.

    Parameters
    ----------
    in_features, out_features : int
        The lengths of the last axis before and after.
    bias : bool
        Whether there is a b.

    Attributes
    ----------
    weight : Parameter
        (out_features, in_features), at first uniform within ±1/√in_features.
    bias : Parameter or None
        (out_features,), likewise.

    Examples
    --------
    >>> import numpy as np
    >>> Linear(20, 30)(np.zeros((128, 20), np.float32)).shape
    (128, 30)
    """

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = new_parameter(out_features, in_features)
        self.bias = new_parameter(out_features) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        _fill_uniformly(self.weight, self.bias)

    def forward(self, input: Any) -> Any:
        """(…, in_features) to (…, out_features)."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Conv2d(Module):
    """Convolution in two dimensions; see :func:`~minigrad.nn.functional.conv2d`.

    Parameters
    ----------
    in_channels, out_channels : int
        The lengths of axis 1 before and after.
    kernel_size, stride, padding, dilation : int or pair of int
        For height and width; ``padding`` may also be "same" or "valid".
    groups : int
        In how many groups, which do not see one another, the channels are divided.
    bias : bool
        Whether a bias for each output channel is added.

    Attributes
    ----------
    weight : Parameter
        (out_channels, in_channels / groups, kh, kw), at first uniform within ±1/√fan_in.
    bias : Parameter or None
        (out_channels,), likewise.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"groups={groups} must divide in_channels={in_channels} and "
                f"out_channels={out_channels}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair(kernel_size, "kernel_size")
        self.stride = pair(stride, "stride")
        self.padding = padding if isinstance(padding, str) else pair(padding, "padding", 0)
        self.dilation = pair(dilation, "dilation")
        self.groups = groups
        self.weight = new_parameter(out_channels, in_channels // groups, *self.kernel_size)
        self.bias = new_parameter(out_channels) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        _fill_uniformly(self.weight, self.bias)

    def forward(self, input: Any) -> Any:
        """(N, in_channels, H, W) to (N, out_channels, H', W')."""
        return F.conv2d(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        """The sizes, and what is not as usual."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"]
        parts += [f"stride={self.stride}"]
        parts += [f"padding={self.padding!r}"] if self.padding != (0, 0) else []
        parts += [f"dilation={self.dilation}"] if self.dilation != (1, 1) else []
        parts += [f"groups={self.groups}"] if self.groups != 1 else []
        parts += ["bias=False"] if self.bias is None else []
        return ", ".join(parts)


class MaxPool2d(Module):
    """The largest value of each window; see :func:`~minigrad.nn.functional.max_pool2d`."""

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation

    def forward(self, input: Any) -> Any:
        """(N, C, H, W) to (N, C, H', W')."""
        return F.max_pool2d(input, self.kernel_size, self.stride, self.padding, self.dilation)

    def extra_repr(self) -> str:
        """The window."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}"
        )


class AvgPool2d(Module):
    """The mean of each window; see :func:`~minigrad.nn.functional.avg_pool2d`."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        *,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.count_include_pad = count_include_pad

    def forward(self, input: Any) -> Any:
        """(N, C, H, W) to (N, C, H', W')."""
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            count_include_pad=self.count_include_pad,
        )

    def extra_repr(self) -> str:
        """The window."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """The mean over bins; see :func:`~minigrad.nn.functional.adaptive_avg_pool2d`."""

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Any:
        """(N, C, H, W) to (N, C) and the lengths ``output_size``."""
        return F.adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        """The number of bins."""
        return f"output_size={self.output_size}"


class Dropout(Module):
    """In training, each element is 0 with probability ``p``, else divided by 1 − p.

    The masks come from :func:`minigrad.random.default_generator`, so that
    :func:`minigrad.random.manual_seed` makes them repeatable.
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"p is a probability, from 0 to 1, not {p}")
        self.p = p

    def forward(self, input: Any) -> Any:
        """Elementwise."""
        return F.dropout(input, self.p, self.training)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class Flatten(Module):
    """Axes from ``start_dim`` to ``end_dim`` as one; by default all but the first."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Any) -> Any:
        """(N, …) to (N, all the rest)."""
        shape = input.shape
        start, end = (d + len(shape) if d < 0 else d for d in (self.start_dim, self.end_dim))
        if not 0 <= start <= end < len(shape):
            raise ValueError(
                f"Flatten from axis {self.start_dim} to {self.end_dim} does not go with shape "
                f"{shape}"
            )
        inside = math.prod(shape[start : end + 1])
        return input.reshape((*shape[:start], inside, *shape[end + 1 :]))

    def extra_repr(self) -> str:
        """The axes."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """The input itself: in place of a layer that is not wanted."""

    def forward(self, input: Any) -> Any:
        """The input."""
        return input
