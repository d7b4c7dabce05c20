"""Step 2: a profiler for NumPy calls, operators included."""

from collections import Counter
from time import perf_counter

import numpy as np

spent = Counter()

KINDS = {
    "choosing": ["where", "greater_equal", "right_shift", "invert", "bitwise_xor", "bitwise_and"],
    "exp, tanh": ["exp", "tanh"],
    "sums": ["add.reduce"],
    "the rest": ["the rest"],
}


class Watched(np.ndarray):
    """An array that notes how long each NumPy call on it takes."""

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return timed(name, getattr(ufunc, method), inputs, options)

    def __array_function__(self, function, types, inputs, options):
        return timed(function.__name__, function, inputs, options)


def timed(name, call, inputs, options):
    inputs, options = plain(inputs), {key: plain(value) for key, value in options.items()}
    start = perf_counter()
    result = call(*inputs, **options)
    spent[name] += perf_counter() - start
    return result.view(Watched) if isinstance(result, np.ndarray) else result


def plain(v):
    if isinstance(v, tuple):
        return tuple(map(plain, v))
    return v.view(np.ndarray) if isinstance(v, Watched) else v


def profile(run, *arrays):
    """The share of each call in the time; "the rest" is Python's, and what freeing memory takes."""
    spent.clear()
    start = perf_counter()
    run(*(t.view(Watched) for t in arrays))
    total = perf_counter() - start
    spent["the rest"] = total - sum(spent.values())
    return Counter({name: seconds / total for name, seconds in spent.items()})


def by_kind(shares):
    """The same for kinds of calls; what is in no list is arithmetic."""
    kinds = {kind: sum(shares[call] for call in calls) for kind, calls in KINDS.items()}
    return {"arithmetic": 1 - sum(kinds.values()), **kinds}
