"""The values of the vectors, against integers and differences of f."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from apalu_ref.vectors.exact import settle, terms

from . import arithmetic
from .arithmetic import DTYPES, INPUTS, RESULTS, cases_of

# Further out e^x and 1 - σ are below what the fixed point of the tests resolves.
REACH = 1000

PRECISION = {dtype: bits for dtype, (bits, _) in arithmetic.FORMATS.items()}


@pytest.mark.parametrize("dtype", DTYPES)
class TestIndependently:
    def test_elementwise(self, document, dtype):
        for _, test in cases_of(document, "elementwise", dtype):
            x, a, b, gy = (arithmetic.decode(test[n], dtype) for n in INPUTS)
            if abs(x) > REACH:
                continue
            y = arithmetic.f(x, a, b)
            unit = arithmetic.f(x, Fraction(1), Fraction(1))
            want = {
                "y": y,
                "dx": gy * arithmetic.slope(x, a, b),
                "da": gy * unit * (x >= 0),
                "db": gy * unit * (x < 0),
            }
            for name, value in want.items():
                where = (test["tcId"], name)
                assert arithmetic.is_nearest(test[name], value, dtype), where
                quoted = Fraction(Decimal(test["decimal"][name]))
                assert abs(quoted - value) <= abs(value) * Fraction(1, 10**39), where
                core, _, floor = arithmetic.tolerances(x, a, b, gy, value, name, dtype)
                if name == "dx" and "dxOther" in test:
                    other = gy * (a * 3 / 2 if x < 0 else b)
                    across = (-x or -1, a, b, gy, other, name, dtype)
                    core = max(core, arithmetic.tolerances(*across)[0])
                assert arithmetic.about(test["core"][name], core), where
                if "precision" in test:
                    limit = arithmetic.LIMITS[dtype] if name == "dx" else 4
                    careful = max(limit * arithmetic.ulp(test[name], dtype), floor)
                    assert arithmetic.about(test["precision"][name], careful), where
            moderate = all(Fraction(1, 1024) <= abs(t) <= 1024 for t in (a, b, gy))
            normal = abs(x) >= arithmetic.decode("0x1", dtype) * 2 ** (PRECISION[dtype] - 1)
            assert ("precision" in test) == (moderate and normal)

    def test_slopes_on_both_sides_of_zero(self, document, dtype):
        found = 0
        for _, test in cases_of(document, "elementwise", dtype):
            x, a, b, gy = (arithmetic.decode(test[n], dtype) for n in INPUTS)
            assert ("dxOther" in test) == bool({"Kink", "Subnormal"} & set(test["flags"]))
            if "dxOther" in test:
                right, left = gy * a * 3 / 2, gy * b
                own, other = (left, right) if x < 0 else (right, left)
                assert arithmetic.is_nearest(test["dxOther"], other, dtype)
                # x is so close to 0 that rounding hides the slope's change.
                smallest = arithmetic.decode("0x1", dtype)
                gap = arithmetic.decode(test["dx"], dtype) - own
                assert abs(gap) <= abs(own) / 2 ** (arithmetic.FORMATS[dtype][0] - 1) + smallest
                found += 1
        assert found == 13

    def test_far_out_the_branches_are_lines(self, document, dtype):
        found = 0
        for _, test in cases_of(document, "elementwise", dtype):
            x, a, b, gy = (arithmetic.decode(test[n], dtype) for n in INPUTS)
            if abs(x) <= REACH:
                continue
            slope, zero = (0, 0) if x < 0 else (2 * a * gy, 0)
            want = (-b, slope, zero, -gy) if x < 0 else (2 * a * x, slope, 2 * gy * x, zero)
            for name, value in zip(RESULTS, want, strict=True):
                assert arithmetic.is_nearest(test[name], Fraction(value), dtype)
            found += 1
        assert found >= 4

    def test_sums(self, document, dtype):
        """The broadcast tests, from the definition."""
        for _, test in cases_of(document, "broadcast", dtype):
            shape = tuple(test["shapes"]["y"])
            arrays = {}
            for name in INPUTS:
                values = [arithmetic.decode(p, dtype) for p in test[name]]
                own = np.array([*values, None], object)[:-1].reshape(test["shapes"][name])
                arrays[name] = np.broadcast_to(own, shape)
            one = Fraction(1)
            terms = {name: np.zeros(shape, object) for name in RESULTS}
            allowed = {name: np.zeros((3, *shape), object) for name in RESULTS}
            for i in np.ndindex(*shape):
                x, a, b, gy = (arrays[name][i] for name in INPUTS)
                unit = arithmetic.f(x, one, one)
                terms["y"][i] = arithmetic.f(x, a, b)
                terms["dx"][i] = gy * arithmetic.slope(x, a, b)
                terms["da"][i] = gy * unit * (x >= 0)
                terms["db"][i] = gy * unit * (x < 0)
                for name in RESULTS:
                    call = (x, a, b, gy, terms[name][i], name, dtype)
                    allowed[name][(slice(None), *i)] = arithmetic.tolerances(*call)
            for name, source in zip(RESULTS, ("y", "x", "a", "b"), strict=True):
                to = tuple(test["shapes"][source])
                padded = (1,) * (len(shape) - len(to)) + to
                axes = tuple(i for i, n in enumerate(padded) if n == 1)
                sums = np.ravel(terms[name].sum(axis=axes))
                assert len(sums) == len(test[name])
                limits = allowed[name].sum(axis=tuple(i + 1 for i in axes)).reshape(3, -1)
                summed = math.prod(to) != math.prod(shape)
                for at, (core, wide, floor) in enumerate(limits.T.tolist()):
                    assert arithmetic.about(test["core"][name][at], core), (test["tcId"], name)
                    spacing = arithmetic.ulp(test[name][at], dtype)
                    limit = arithmetic.LIMITS[dtype] if name == "dx" else 4
                    careful = max(wide, floor + spacing) if summed else max(limit * spacing, floor)
                    assert arithmetic.about(test["precision"][name][at], careful)
                for pattern, value in zip(test[name], sums.tolist(), strict=True):
                    assert arithmetic.is_nearest(pattern, Fraction(value), dtype), test["tcId"]


def test_exact_cancellation_is_exactly_zero():
    up, down = (terms(-0.3, 1.0, 2.0, gy)["db"] for gy in (0.7, -0.7))
    exact = settle([up, down], "float64")
    assert (exact.bits, exact.decimal) == (0, "0")
    assert float(exact.magnitude) == pytest.approx(-1.4 * np.expm1(-0.3))
