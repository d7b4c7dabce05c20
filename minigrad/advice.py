"""What to write instead: for functions without a rule, and for names from elsewhere."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

_INSTEAD_OF_FUNCTION = {
    "sort": "np.take_along_axis(x, np.argsort(x), axis=-1)",
    "cumprod": "np.exp(np.cumsum(np.log(x))) where x is positive, or np.prod",
    "median": "np.take_along_axis with np.argsort",
    "copyto": "np.where",
    "put": "np.where",
    "reduce": "np.sum, np.prod, np.max or np.min",
    "accumulate": "np.cumsum",
    "outer": "np.outer, or np.expand_dims and broadcasting",
    "at": "indexing and np.concatenate",
    "average": "(x * weights).sum() / weights.sum()",
}

_INSTEAD_OF_NAME = {
    "view": "x.reshape(...)",
    "view_as": "x.reshape(y.shape)",
    "unsqueeze": "np.expand_dims(x, axis)",
    "permute": "x.transpose(...), all axes in their new order",
    "expand": "np.broadcast_to(x, shape)",
    "cat": "np.concatenate([x, y], axis)",
    "numel": "x.size",
    "dim": "x.ndim",
    "t": "x.T",
    "norm": "np.linalg.norm(x)",
    "clamp": "x.clip(low, high)",
    "pow": "x ** n",
    "masked_fill": "np.where(mask, value, x)",
    "sigmoid": "minigrad.nn.functional.sigmoid(x)",
    "relu": "minigrad.nn.functional.relu(x)",
    "softmax": "minigrad.nn.functional.softmax(x, axis)",
    "float": "x.astype(np.float32)",
    "double": "x.astype(np.float64)",
    "long": "x.astype(np.int64)",
    "clone": "np.copy(x)",
    "zero_": "x.data[...] = 0",
    "contiguous": "x: the layout is a matter of speed only",
    "cuda": "x: there is one device",
    "cpu": "x: there is one device",
    "device": "nothing for it: there is one device",
    "to": "x.astype(dtype); there is one device",
}


def no_rule(name: str, key: str, rules: Iterable[Callable[..., Any]]) -> NotImplementedError:
    """The error for a NumPy function that cannot be differentiated."""
    near = difflib.get_close_matches(key, sorted({f.__name__ for f in rules}), 1, 0.75)
    advice = _INSTEAD_OF_FUNCTION.get(key) or (f"np.{near[0]}" if near else None)
    return NotImplementedError(
        f"minigrad has no derivative rule for np.{name}"
        + (f": write {advice} instead" if advice else "")
        + "; where only the numbers matter, pass x.detach().numpy()"
    )


def no_attribute(name: str) -> AttributeError:
    """The error for a method or attribute that Tensors do not have."""
    advice = _INSTEAD_OF_NAME.get(name)
    if advice is None and not name.startswith("_") and callable(getattr(np, name, None)):
        advice = f"np.{name}(x)"
    return AttributeError(f"Tensors have no {name!r}" + (f": write {advice}" if advice else ""))
