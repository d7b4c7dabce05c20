"""The exact answers, against the oracle's own decimals and against fractions."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from apalu_ref import oracle
from apalu_ref.check.exact import Exact, answers, times
from apalu_ref.check.inputs import call, value_grid


def fraction(exact, index=()):
    return Fraction(float(exact.high[index])) + Fraction(float(exact.low[index]))


def test_products_carry_thirty_digits():
    rng = np.random.default_rng(0)
    high = rng.normal(size=300) * 2.0 ** rng.integers(-300, 300, 300)
    low = high * 2.0**-54 * rng.uniform(-1, 1, 300)
    factor = rng.normal(size=300) * 2.0 ** rng.integers(-300, 300, 300)
    product = times(Exact(high, low), factor)
    for i in range(300):
        want = fraction(Exact(high, low), i) * Fraction(float(factor[i]))
        assert abs(fraction(product, i) - want) <= abs(want) * Fraction(1, 10**30)


def test_elements_agree_with_the_oracle():
    rng = np.random.default_rng(1)
    x = value_grid("float64")
    x = x[np.abs(x) < 1e300]
    a, b, gy = rng.uniform(-2, 2, (3, x.size))
    found = answers(call(x, a, b, gy))
    with localcontext() as context:
        context.prec = 60
        for i in range(x.size):
            y = oracle.apalu(x[i], a[i], b[i])
            exact = (y, *oracle.apalu_grad(x[i], a[i], b[i], gy[i]))
            for name, want in zip(("y", "dx", "da", "db"), exact, strict=True):
                value = found[name].value
                got = Decimal(float(value.high[i])) + Decimal(float(value.low[i]))
                assert abs(got - want) <= abs(want) * Decimal("1e-30") + Decimal("1e-323")


@pytest.mark.parametrize(
    ("x", "a", "b"),
    [
        ((4, 5), (5,), (4, 1)),
        ((2, 3, 4), (3, 1), ()),
        ((5,), (3, 1), (2, 1, 1)),
        ((0, 3), (3,), ()),
    ],
)
def test_sums_are_correctly_rounded(x, a, b):
    rng = np.random.default_rng(2)
    x, a, b = rng.normal(size=x), rng.uniform(0.5, 2, a), rng.uniform(0.5, 2, b)
    shape = np.broadcast_shapes(x.shape, a.shape, b.shape)
    gy = rng.normal(size=shape)
    found = answers(call(x, a, b, gy))
    wide = [np.broadcast_to(t, shape) for t in (x, a, b)]
    for position, (name, t) in enumerate((("dx", x), ("da", a), ("db", b))):
        sums = np.full(t.shape, Fraction(0), dtype=object)
        for index in np.ndindex(shape):
            term = oracle.apalu_grad(*(float(w[index]) for w in wide), float(gy[index]))[position]
            at = index[len(shape) - t.ndim :]
            sums[tuple(0 if n == 1 else i for i, n in zip(at, t.shape, strict=True))] += Fraction(
                term
            )
        got = found[name].value.high
        assert got.shape == t.shape
        for index in np.ndindex(t.shape):
            assert float(got[index]) == pytest.approx(float(sums[index]), rel=3e-16, abs=1e-300)
