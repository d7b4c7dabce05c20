"""The gradient check: is a backward function the derivative of a forward function?

The golden judge of the project, and so kept independent of everything it judges: it sees
two functions of NumPy arrays, knows no derivative rule, and gets its own answer from
differences of the forward function (:mod:`minigrad.differences`), with error bars. A function
of Tensors is made into two such functions first (:mod:`minigrad.vjp`).

What it asks is the vector-Jacobian product: with ``y = f(*inputs)`` and an upstream
gradient ``gy``, each input's gradient is ``sum(gy * ∂y/∂input)``. ``gy`` is random and
seeded: an upstream gradient of ones would pass, for one, a normalisation whose backward
returns zero, since the sum of normalised values is constant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minigrad.judge import GradcheckResult, Judge

Array = NDArray[Any]

# Differences whose error bar is a larger share of the sum they estimate are no answer. In
# float64 a factor of 1.001, the smallest fault the check promises to find, would hide in
# them; float32 cannot promise as much.
_CONCLUSIVE = {8: 3e-4, 4: 3e-2, 2: 1e-1}


class GradcheckError(AssertionError):
    """A gradient is wrong or could not be judged; the message says which, where and how far."""


def gradcheck(
    f: Callable[..., ArrayLike],
    inputs: Sequence[ArrayLike],
    grad: Callable[..., Any] | None = None,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    kinks: Mapping[int, Sequence[float]] | None = None,
    names: Sequence[str] | None = None,
    seed: int = 0,
    raise_exception: bool = True,
) -> GradcheckResult:
    """Check a gradient against finite differences of the function it belongs to.

    Parameters
    ----------
    f : callable
        ``f(*inputs)`` returns an array (any shape). Without ``grad`` it is a function of
        Tensors, one for each floating input, and its gradient is :func:`minigrad.grad`'s.
    inputs : sequence of array_like
        Where to check. Floating inputs are perturbed element by element in their own type;
        integer ones are held fixed. float64 gives the sharpest answer.
    grad : callable, optional
        ``grad(*inputs, gy)`` returns the gradients, one per floating input in order (a
        single array if there is one), each of its input's shape and type.
    rtol, atol : float, optional
        Allowed disagreement, relative to the sum of magnitudes ``sum(|gy * ∂y/∂input|)``
        and absolute (times the input's largest gradient, where that is below 1). Default
        1e-6 and 1e-9 in float64; 1e-3 and 1e-5 if an input is float32, 3e-2 and 1e-3 if one
        is float16.
    kinks : mapping of int to sequence of float, optional
        For the input at that position, values where f has a kink. Differences do not reach
        across; at the kink itself any slope between the left and the right one is accepted.
        Kinks that are not declared are found where the one-sided derivatives differ, but not
        at points nearer to one than about 1e-8 (3e-4 in float32): those come out wrong.
    names : sequence of str, optional
        The inputs' names in messages; default ``input0``, ``input1``, ...
    seed : int
        Of the random upstream gradient.
    raise_exception : bool
        False to get the result instead of an exception.

    Returns
    -------
    GradcheckResult

    Raises
    ------
    GradcheckError
        If an entry is wrong, an input was written to, a shape, type or count does not fit,
        or differences cannot tell.

    Examples
    --------
    >>> x = np.array([0.5, 1.5])
    >>> bool(gradcheck(np.tanh, [x], lambda x, gy: gy * (1 - np.tanh(x) ** 2)))
    True
    >>> gradcheck(np.tanh, [x], lambda x, gy: gy * (1 - np.tanh(x)), names="x")
    Traceback (most recent call last):
        ...
    minigrad.gradcheck.GradcheckError: the gradient of x is wrong in 2 places:
      dx[0]: got -0.611552184, want -0.894160941 (± 9e-15), 0.68394 times as much
      dx[1]: got -0.0730156141, want -0.13910557 (± 1e-15), 0.524894 times as much
    >>> bool(gradcheck(lambda t: (t @ t).sum() * np.exp(t), [x]))  # t is a Tensor
    True
    """
    arrays = _arrays(inputs)
    if grad is None:
        from minigrad.vjp import of_arrays

        f, grad = of_arrays(f)
    names = list(names) if names is not None else [f"input{i}" for i in range(len(arrays))]
    if len(names) != len(arrays):
        raise ValueError(f"{len(arrays)} inputs but {len(names)} names")
    for name, array in zip(names, arrays, strict=True):
        if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
            raise TypeError(
                f"{name} has dtype {array.dtype}: give float64, float32, float16 or int"
            )
    checked = [i for i, array in enumerate(arrays) if array.dtype.kind == "f"]
    if not checked:
        raise ValueError("no input is floating: there is nothing to differentiate by")
    coarsest = min(arrays[i].dtype.itemsize for i in checked)
    rtol = {8: 1e-6, 4: 1e-3, 2: 3e-2}[coarsest] if rtol is None else rtol
    atol = {8: 1e-9, 4: 1e-5, 2: 1e-3}[coarsest] if atol is None else atol
    known = _kinks(kinks, len(arrays))
    result = GradcheckResult()

    for i in checked:
        if not np.isfinite(arrays[i]).all():
            raise ValueError(
                f"{names[i]} holds NaN or an infinity: there is no derivative to check"
            )
    y = np.asarray(f(*(array.copy() for array in arrays)))
    if not np.array_equal(y, f(*(array.copy() for array in arrays)), equal_nan=True):
        raise ValueError(
            "f gives different values for the same inputs: seed it, or switch its randomness off "
            "(dropout: .eval())"
        )
    gy = _cotangent(y, seed)
    gradients = _gradients(grad, arrays, gy, [(names[i], arrays[i]) for i in checked], result)
    judge = Judge(f, arrays, y, gy, rtol, atol, _CONCLUSIVE[coarsest], result)
    for i, got in zip(checked, gradients, strict=False):
        if got.shape != arrays[i].shape:
            continue  # already reported
        judge.input(i, got, names[i], known.get(i, ()))
    if raise_exception and not result:
        raise GradcheckError(str(result))
    return result


def gradgradcheck(
    f: Callable[..., Any],
    inputs: Sequence[ArrayLike],
    *,
    names: Sequence[str] | None = None,
    seed: int = 0,
    **options: Any,
) -> GradcheckResult:
    """Check the second derivatives of a function of Tensors.

    The gradient that the engine computes with plain arrays is differenced, and compared with
    the derivative of the gradient that it records (``create_graph=True``), by every input and
    by the upstream gradient, which is called ``gy`` in messages.

    Parameters
    ----------
    f, inputs, names, seed
        As for :func:`gradcheck` without ``grad``.
    **options
        ``rtol``, ``atol``, ``kinks`` (here of the gradient, too) and ``raise_exception``, the same.

    Returns
    -------
    GradcheckResult

    Examples
    --------
    >>> bool(gradgradcheck(lambda x, y: np.sin(x) * y, [np.array([0.5, 1.5]), np.array(2.0)]))
    True
    """
    from minigrad.vjp import gradient_of, of_arrays

    arrays = _arrays(inputs)
    names = list(names) if names is not None else [f"input{i}" for i in range(len(arrays))]
    gy = _cotangent(of_arrays(f)[0](*arrays), seed + 1)
    return gradcheck(gradient_of(f), [*arrays, gy], names=[*names, "gy"], seed=seed, **options)


def _arrays(inputs: Sequence[Any]) -> list[Array]:
    """Copies, also of Tensors."""
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            f"inputs is a list with an entry for each input of f, not {type(inputs).__name__}: "
            "for a single one write [x]"
        )
    return [np.array(x.detach() if hasattr(x, "detach") else x) for x in inputs]


def _cotangent(y: Array, seed: int) -> Array:
    """A random upstream gradient, none of it small."""
    rng = np.random.default_rng(seed)
    gy = rng.uniform(0.5, 1.5, y.shape) * rng.choice([-1.0, 1.0], y.shape)
    return np.asarray(gy, y.dtype if y.dtype.kind == "f" else None)


def _kinks(kinks: Any, inputs: int) -> dict[int, tuple[float, ...]]:
    """The declared kinks, or an error that says how to declare them."""
    if not isinstance(kinks or {}, Mapping):
        raise TypeError(f"kinks maps an input's position to numbers, {{0: [0.0]}}: not {kinks!r}")
    known = {}
    for position, values in (kinks or {}).items():
        if position not in range(inputs):
            raise ValueError(f"kinks are given by input position, 0 to {inputs - 1}: {position!r}")
        try:
            known[position] = tuple(float(value) for value in values)
        except (TypeError, ValueError):
            raise TypeError(
                f"the kinks of input {position} are a list of numbers, not {values!r}"
            ) from None
    return known


def _gradients(
    grad: Callable[..., Any],
    arrays: list[Array],
    gy: Array,
    wanted: list[tuple[str, Array]],
    result: GradcheckResult,
) -> list[Array]:
    """Call the gradient on copies and report what is wrong before any value is compared."""
    given = [array.copy() for array in (*arrays, gy)]
    returned = grad(*given)
    for array, before in zip(given, (*arrays, gy), strict=True):
        if not np.array_equal(array, before, equal_nan=True):
            result.problems.append("the gradient function wrote to its arguments: copy them first")
            break
    gradients = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    if len(gradients) != len(wanted):
        named = ", ".join(name for name, _ in wanted)
        result.problems.append(
            f"{len(gradients)} gradients were returned for {len(wanted)} floating inputs ({named})"
        )
    gradients = [np.asarray(g) for g in gradients]
    for (name, array), got in zip(wanted, gradients, strict=False):
        if got.shape != array.shape:
            result.problems.append(
                f"the gradient of {name} has shape {got.shape}, its input has {array.shape}"
            )
        elif got.dtype != array.dtype:
            result.problems.append(
                f"the gradient of {name} has dtype {got.dtype}, its input has {array.dtype}"
            )
    return gradients
