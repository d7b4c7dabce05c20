"""Tensor's operators and methods: each is an op from the table under NumPy's name."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.advice import no_attribute
from minigrad.modes import is_grad_enabled

ops: Any = None
changed: Any = None
"""The table of ops, and ``engine.changed``; ``core`` puts them here, for they need Tensor first."""


class Methods:
    """What a Tensor can do; the meaning is that of the same method of an array."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return ops.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return ops.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return ops.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return ops.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return ops.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return ops.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return ops.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return ops.divide(other, self)

    def __pow__(self, other: Any) -> Any:
        return ops.pow(self, other)

    def __rpow__(self, other: Any) -> Any:
        return ops.power(other, self)

    def __matmul__(self, other: Any) -> Any:
        return ops.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return ops.matmul(other, self)

    def __neg__(self) -> Any:
        return ops.negative(self)

    def __pos__(self) -> Any:
        return ops.positive(self)

    def __abs__(self) -> Any:
        return ops.absolute(self)

    def __eq__(self, other: Any) -> Any:
        return np.equal(self, other)

    def __ne__(self, other: Any) -> Any:
        return np.not_equal(self, other)

    def __lt__(self, other: Any) -> Any:
        return np.less(self, other)

    def __le__(self, other: Any) -> Any:
        return np.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return np.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return np.greater_equal(self, other)

    def __iadd__(self, other: Any) -> Any:
        return self._in_place(np.add, other)

    def __isub__(self, other: Any) -> Any:
        return self._in_place(np.subtract, other)

    def __imul__(self, other: Any) -> Any:
        return self._in_place(np.multiply, other)

    def __itruediv__(self, other: Any) -> Any:
        return self._in_place(np.divide, other)

    def _in_place(self: Any, ufunc: Any, other: Any) -> Any:
        """Change a parameter's own numbers, which takes no_grad(); make others anew."""
        if not (self.is_leaf and self.requires_grad):
            return NotImplemented  # then x += y is x = x + y
        if is_grad_enabled():
            raise RuntimeError(
                "a leaf that requires grad is not changed in place while operations are recorded: "
                "write x = x + y for a new Tensor, or change its numbers inside of no_grad()"
            )
        ufunc(self.data, other.data if isinstance(other, Methods) else other, out=self.data)
        changed(self)
        return self

    def __getattr__(self, name: str) -> Any:
        raise no_attribute(name)

    def __getitem__(self, index: Any) -> Any:
        return ops.getitem(self, index)

    @property
    def T(self) -> Any:
        """Its axes reversed."""
        return ops.transpose(self)

    @property
    def mT(self) -> Any:
        """Its last two axes exchanged."""
        return ops.swapaxes(self, -1, -2)

    def reshape(self, *shape: Any) -> Any:
        """The same elements in another shape; -1 is worked out."""
        return ops.reshape(self, *shape)

    def ravel(self) -> Any:
        """The elements along one axis."""
        return ops.ravel(self)

    def flatten(self) -> Any:
        """The elements along one axis."""
        return ops.ravel(self)

    def transpose(self, *axes: Any) -> Any:
        """Axes reversed, or in the order given (NumPy's meaning: name all of them)."""
        if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], (tuple, list))):
            axes = tuple(axes[0] or ())
        if axes and len(axes) != self.ndim:
            raise ValueError(
                f"transpose takes all axes in their new order, {self.ndim} of them: "
                "to exchange two, write .swapaxes(i, j)"
            )
        return ops.transpose(self, axes or None)

    def swapaxes(self, axis1: int, axis2: int) -> Any:
        """Two axes exchanged."""
        return ops.swapaxes(self, axis1, axis2)

    def squeeze(self, axis: Any = None) -> Any:
        """Without axes of length 1."""
        return ops.squeeze(self, axis)

    def repeat(self, repeats: Any, axis: int | None = None) -> Any:
        """Each element several times."""
        return ops.repeat(self, repeats, axis)

    def take(self, indices: Any, axis: int | None = None) -> Any:
        """Elements by position."""
        return ops.take(self, indices, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The diagonal of two axes."""
        return ops.diagonal(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
        """The sum of the diagonal."""
        return ops.trace(self, offset, axis1, axis2)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The sum over all axes, or those named."""
        return ops.sum(self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The mean over all axes, or those named."""
        return ops.mean(self, axis, keepdims)

    def var(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
        """The variance; ``ddof=1`` for an unbiased estimate."""
        return ops.var(self, axis, ddof, keepdims)

    def std(self, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
        """The standard deviation, with NumPy's ``ddof=0``; PyTorch's default is ``ddof=1``."""
        return ops.std(self, axis, ddof, keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The largest element; ties share the gradient evenly."""
        return ops.max(self, axis, keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The smallest element; ties share the gradient evenly."""
        return ops.min(self, axis, keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Any:
        """The product; right at zeros, too."""
        return ops.prod(self, axis, keepdims)

    def cumsum(self, axis: int | None = None) -> Any:
        """Running sums."""
        return ops.cumsum(self, axis)

    def clip(self, min: Any = None, max: Any = None) -> Any:
        """Values kept between two bounds."""
        return ops.clip(self, min, max)

    def dot(self, other: Any) -> Any:
        """The product of vectors or matrices."""
        return ops.dot(self, other)

    def astype(self, dtype: Any) -> Any:
        """The same numbers in another type; an integer type has no gradient."""
        return ops.astype(self, dtype)

    def argmax(self, axis: int | None = None) -> Any:
        """Where the largest element is, as a plain array."""
        return np.argmax(self, axis)

    def argmin(self, axis: int | None = None) -> Any:
        """Where the smallest element is, as a plain array."""
        return np.argmin(self, axis)
