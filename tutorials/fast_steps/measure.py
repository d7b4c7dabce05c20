"""What every step is measured with: is it right, and how long does it take?"""

from time import perf_counter

import numpy as np

from apalu_ref import formula

try:
    import resource
except ImportError:  # on Windows
    resource = None

EPS = np.finfo(np.float32).eps


def against_formula(x, a, b, gy):
    """A function that asserts that y, dx, da and db are right; it returns how far y, dx are off.

    Right is within 16 roundings of float32, of the exact result plus the parameter's share in it
    (of a sum: plus the sum of the magnitudes). Off is the largest error in ULP.
    """
    x, a, b, gy = (t.astype(np.float64) for t in (x, a, b, gy))
    exact = formula.apalu(x, a, b), *formula.apalu_grad(x, a, b, gy)
    parameter = np.where(x < 0, b, a)
    scales = parameter, parameter * np.abs(gy), *np.abs(formula.apalu_grad(x, a, b, np.abs(gy))[1:])

    def errors(results):
        off = [np.abs(got - want) for got, want in zip(results, exact, strict=True)]
        for error, want, scale in zip(off, exact, scales, strict=True):
            assert np.all(error <= 16 * EPS * (np.abs(want) + scale))
        return [
            np.max(error / np.spacing(np.abs(want).astype(np.float32)))
            for error, want in zip(off[:2], exact[:2], strict=True)
        ]

    return errors


def ns(call, n, repeats=9):
    """Nanoseconds for each of n elements: the least of several, for the others were disturbed."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times) / n * 1e9


def page_faults(call):
    """How many pages of memory the system has to hand out during a call; NaN where unknown."""
    if resource is None:
        return float("nan")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
