"""What a loader does to the inputs of a batch: conversion, normalisation, augmentation.

A transform is called with a whole batch, examples along the first axis, and a random generator:
``transform(inputs, rng)``. None writes into its input; images are ``(N, C, H, W)`` or
``(N, H, W)``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]
Transform = Callable[[Array, np.random.Generator], Array]


class Compose:
    """Several transforms, one after the other."""

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = list(transforms)

    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        """Apply them to a batch."""
        for transform in self.transforms:
            x = transform(x, rng)
        return x


class ToFloat:
    """Bytes (0 … 255) to float32 (0 … 1).

    Examples
    --------
    >>> ToFloat()(np.array([[0, 51, 255]], dtype=np.uint8))
    array([[0. , 0.2, 1. ]], dtype=float32)
    """

    def __call__(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        """Convert a batch."""
        if x.dtype != np.uint8:
            raise TypeError(f"ToFloat is for bytes (uint8), not {x.dtype}")
        return np.divide(x, 255, dtype=np.float32)


class Normalize:
    """Subtract a mean and divide by a standard deviation, each one number or one a channel.

    Parameters
    ----------
    mean, std : array_like
        Numbers, or arrays of shape ``(C,)`` along axis 1 of the batch.

    Raises
    ------
    ValueError
        If ``std`` is not above 0.

    Examples
    --------
    >>> Normalize(mean=[0.5, 1.0], std=[0.5, 2.0])(np.float32([[1.0, 5.0]]))
    array([[1., 2.]], dtype=float32)
    """

    def __init__(self, mean: ArrayLike, std: ArrayLike) -> None:
        self.mean, self.std = np.asarray(mean, dtype=float), np.asarray(std, dtype=float)
        if not (self.std > 0).all():
            raise ValueError(
                f"std must be above 0, not {self.std.tolist()}: where a channel is constant, use 1"
            )

    def __call__(self, x: Array, rng: np.random.Generator | None = None) -> Array:
        """Normalise a batch; its type stays."""
        if x.dtype.kind != "f":
            raise TypeError(f"Normalize is for floating numbers, not {x.dtype}: ToFloat() first")
        y = x - self._aligned(self.mean, x)
        y /= self._aligned(self.std, x)
        return y

    def _aligned(self, value: Array, x: Array) -> Array:
        value = value.astype(x.dtype)
        return value.reshape(value.shape + (1,) * (x.ndim - 2)) if value.ndim == 1 else value


class RandomHorizontalFlip:
    """Mirror each image, left and right, with probability ``p``."""

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"p must be from 0 to 1, not {p}")
        self.p = p

    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        """Flip some of a batch."""
        flip = rng.random(len(x)) < self.p
        return np.where(flip.reshape((-1,) + (1,) * (x.ndim - 1)), x[..., ::-1], x)


class RandomCrop:
    """Cut each image to a size at a place of its own.

    Parameters
    ----------
    size : int or (int, int)
        Height and width of what is left.
    padding : int
        How many pixels of ``fill`` are first put around the image.
    fill : float
        Their value.
    """

    def __init__(self, size: int | tuple[int, int], padding: int = 0, fill: float = 0) -> None:
        self.size = (size, size) if isinstance(size, int) else tuple(size)
        self.padding, self.fill = padding, fill
        if min(self.size) < 1 or padding < 0:
            raise ValueError(f"size must be 1 or more, padding 0 or more, not {size}, {padding}")

    def __call__(self, x: Array, rng: np.random.Generator) -> Array:
        """Crop a batch."""
        if self.padding:
            width = ((0, 0),) * (x.ndim - 2) + ((self.padding, self.padding),) * 2
            x = np.pad(x, width, constant_values=self.fill)
        rows, columns = x.shape[-2] - self.size[0], x.shape[-1] - self.size[1]
        if rows < 0 or columns < 0:
            raise ValueError(
                f"images of {x.shape[-2]} × {x.shape[-1]} pixels (with padding) cannot be cut to "
                f"{self.size[0]} × {self.size[1]}"
            )
        windows = np.lib.stride_tricks.sliding_window_view(x, self.size, axis=(-2, -1))
        top, left = rng.integers(rows + 1, size=len(x)), rng.integers(columns + 1, size=len(x))
        cropped: Array = windows[np.arange(len(x)), ..., top, left, :, :]
        return cropped
