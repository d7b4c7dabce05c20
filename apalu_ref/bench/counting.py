"""How much a formula computes: its NumPy calls are counted while it runs, not its source.

The arrays it is given belong to a subclass that NumPy asks at every call of a ufunc
(``__array_ufunc__``). What counts is how many numbers come out (of a reduction, how many go in),
divided by the number of elements, in whole numbers:

* *arithmetic*: additions, multiplications, divisions, minima and the like, whose results are
  floating: one each, whatever a division costs;
* *transcendental*: ``exp``, ``tanh`` and their kin, one each, which takes as long as some three to
  ten of the former;
* *bits*: operations on integers and on masks, comparisons, choices by ``np.where``.

Copies and conversions are not counted, nor are sums over the array: the terms of the gradients of
parameters are added up by the kernels' drivers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref.fused.blocks import Kernel

Array = NDArray[Any]

_TRANSCENDENTAL = {"exp", "exp2", "expm1", "log", "log1p", "power", "tanh"}
_ELEMENTS = 64


class Counts(NamedTuple):
    """Operations, by kind."""

    arithmetic: int
    transcendental: int
    bits: int


def count(function: Callable[..., Any], *arrays: Array) -> Counts:
    """Operations of a function for each element of its first array.

    Parameters
    ----------
    function : callable
        Given the arrays, or lists of such, each of a subclass that counts. If it makes plain ones
        of them (``np.asarray``), what it does with these is not seen.
    *arrays : ndarray or list of ndarray

    Returns
    -------
    Counts
    """
    tally = dict.fromkeys(Counts._fields, 0)

    class Counted(np.ndarray[Any, Any]):
        def __array_ufunc__(
            self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any
        ) -> Any:
            if out is not None:
                options["out"] = tuple(plain(v) for v in out)
            result = getattr(ufunc, method)(*map(plain, inputs), **options)
            if ufunc is not np.add or method == "__call__":
                many = np.size(result if method == "__call__" else inputs[0])
                tally[_kind(ufunc, result)] += many
            return counted(result) if out is None else out[0]

        def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
            result = func(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})
            if func is np.where:
                tally["bits"] += np.size(result)
            return counted(result)

    def plain(v: Any) -> Any:
        return v.view(np.ndarray) if isinstance(v, Counted) else v

    def counted(v: Any) -> Any:
        if isinstance(v, (list, tuple)):
            return [counted(w) for w in v]
        return np.asarray(v).view(Counted) if isinstance(v, (np.ndarray, np.generic)) else v

    function(*map(counted, arrays))
    return Counts(*(round(n / arrays[0].size) for n in tally.values()))


def _kind(ufunc: Any, result: Any) -> str:
    if np.asarray(result).dtype.kind != "f":
        return "bits"
    return "transcendental" if ufunc.__name__ in _TRANSCENDENTAL else "arithmetic"


def count_stages(
    forward: Callable[..., Any], backward: Callable[..., Any], parameters: int
) -> dict[str, Counts]:
    """Operations an element of ``y, kept = forward(x, ...)`` and ``backward(kept, gy)``."""
    z = np.random.default_rng(0).standard_normal(_ELEMENTS)
    given = [np.ones(())] * parameters
    first = count(forward, z, *given)
    kept = forward(z, *given)[1]
    second = count(lambda gy, *kept: backward(kept, gy), np.ones_like(z), *kept)
    return _stages(first, second)


def count_kernel(kernel: Kernel, parameters: int, dtype: str = "float32") -> dict[str, Counts]:
    """Operations of a kernel for an element: forward, backward and both.

    Parameters
    ----------
    kernel : Kernel
        What is done to a block.
    parameters : int
        How many trained parameters it has.
    dtype : str
        float32 or float64: fits may be longer for the latter.

    Returns
    -------
    dict of str to Counts
    """
    z = np.random.default_rng(0).standard_normal(_ELEMENTS).astype(dtype)
    given: Any = [np.ones((), dtype)] * parameters
    terms: Any = [np.empty_like(z) for _ in range(parameters)]
    scratch: Any = [np.empty_like(z) for _ in range(kernel.scratch)]
    forward = count(
        lambda z, given, out, scratch: kernel.forward(z, tuple(given), out, scratch),
        *(z, given, np.empty_like(z), scratch),
    )
    backward = count(
        lambda z, given, gy, *rest: kernel.backward(z, tuple(given), gy, *rest),
        *(z, given, np.ones_like(z), np.empty_like(z), terms, scratch),
    )
    return _stages(forward, backward)


def _stages(forward: Counts, backward: Counts) -> dict[str, Counts]:
    both = Counts(*map(sum, zip(forward, backward, strict=True)))
    return {"forward": forward, "backward": backward, "both": both}
