"""What a sample is, and the table that holds them."""

import math
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import numpy as np

_seed = count()


class Sample(NamedTuple):
    """A function with inputs at which it is smooth."""

    name: str
    f: Callable[..., Any]
    inputs: tuple[np.ndarray, ...]
    reference: Callable[..., Any] | None = None

    def expected(self, *inputs):
        """What is right, as an array."""
        return np.asarray((self.reference or self.f)(*(inputs or self.inputs)))


SAMPLES: dict[str, Sample] = {}


def sample(name, f, *inputs, reference=None):
    assert name not in SAMPLES, name
    SAMPLES[name] = Sample(name, f, tuple(np.asarray(x) for x in inputs), reference)


def each(kind, **functions):
    """Several functions of the same kind of inputs, which ``kind`` makes anew for each."""
    for name, f in functions.items():
        sample(name, f, *kind())


def numbers(*shape, low=-1.93, high=2.11):
    """Distinct numbers in no order, far apart from each other and from 0."""
    rng = np.random.default_rng(next(_seed))
    n = math.prod(shape)
    x = low + (high - low) * (np.arange(n) + rng.uniform(0.3, 0.7, n)) / max(n, 1)
    x = np.where(np.abs(x) < 0.05, np.copysign(0.05, x) + x, x)
    return np.asarray(rng.permutation(x).reshape(shape))
