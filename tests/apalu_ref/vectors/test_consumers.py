"""Implementations against the vectors, as a consumer would compare them."""

from decimal import Decimal

import numpy as np
import pytest

from apalu_ref import formula
from apalu_ref.oracle import from_bits, to_bits

from .arithmetic import DTYPES, INPUTS, RESULTS, cases_of


def value(patterns, dtype):
    """NumPy's array of patterns; bfloat16 in float64, for want of a type."""
    numbers = np.array([int(p, 16) for p in np.ravel(patterns).tolist()], np.uint64)
    floats = from_bits(numbers, dtype)
    return (floats.astype(np.float64) if dtype == "bfloat16" else floats).reshape(
        np.shape(patterns)
    )


def as_bfloat16(numbers):
    bits = [to_bits(Decimal(float(number)), "bfloat16") for number in np.ravel(numbers)]
    return from_bits(np.array(bits, np.uint16), "bfloat16").reshape(np.shape(numbers))


def outside(kind, test, name, got, dtype):
    """Where an answer is further off than the file says it may be."""
    want = value(test[name], dtype).astype(np.float64).ravel()
    got = np.asarray(got, np.float64).ravel()
    with np.errstate(invalid="ignore"):
        near = np.abs(got - want) <= np.ravel(test[kind][name])
    return ~(near | (got == want))


class TestConsumers:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("kind", ["elementwise", "broadcast"])
    def test_the_formula_stays_within_core_and_precision(self, document, kind, dtype):
        for _, test in cases_of(document, kind, dtype):
            shapes = test.get("shapes", dict.fromkeys(INPUTS, ()))
            x, a, b, gy = (value(test[n], dtype).reshape(shapes[n]) for n in INPUTS)
            with np.errstate(over="ignore"):
                results = (formula.apalu(x, a, b), *formula.apalu_grad(x, a, b, gy))
            for name, got in zip(RESULTS, results, strict=True):
                if dtype == "bfloat16":
                    got = as_bfloat16(got)
                assert not outside("core", test, name, got, dtype).any(), (test["tcId"], name)
                if "precision" in test:
                    assert not outside("precision", test, name, got, dtype).any()

    def test_precision_sees_cancellation_and_a_lossy_sigmoid_passes(self, document):
        seen = set()
        for _, test in cases_of(document, "elementwise", "float64"):
            x, a, b, gy = (value(test[n], "float64") for n in INPUTS)
            with np.errstate(all="ignore"):
                s = 1 / (1 + np.exp(-1.702 * x))
                y = a * x * (1 + s) if x >= 0 else b * (np.exp(x) - 1)
                slope = a * (1 + s + 1.702 * x * s * (1 - s)) if x >= 0 else b * np.exp(x)
            if test["result"] == "valid":
                assert not outside("core", test, "y", y, "float64").any()
                assert not outside("core", test, "dx", gy * slope, "float64").any()
            if "precision" in test and test["result"] == "valid":
                assert not outside("precision", test, "dx", gy * slope, "float64").any()
                if outside("precision", test, "y", y, "float64").any():
                    seen |= {"CancellationBelowZero", "Tiny"} & set(test["flags"])
        assert "CancellationBelowZero" in seen

    @pytest.mark.parametrize(
        "wrong",
        [
            lambda x, a, b, gy: 1.7 * x,
            lambda x, a, b, gy: np.where(x >= 0, a * x * (1 + np.tanh(x)), b * np.expm1(x)),
            lambda x, a, b, gy: formula.apalu(x, b, a),
            lambda x, a, b, gy: formula.apalu(x, abs(a), b),
            lambda x, a, b, gy: formula.apalu(x.astype(np.float32), a, b),
            lambda x, a, b, gy: np.where(x == 0, 1e-7, formula.apalu(x, a, b)),
        ],
    )
    def test_wrong_values_are_outside(self, document, wrong):
        caught = 0
        for _, test in cases_of(document, "elementwise", "float64"):
            with np.errstate(all="ignore"):
                got = wrong(*(value(test[n], "float64") for n in INPUTS))
            caught += outside("core", test, "y", got, "float64").any()
        assert caught

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_not_finite(self, document, dtype):
        for _, test in cases_of(document, "nonfinite", dtype):
            with np.errstate(all="ignore"):
                x, a, b, gy, y, dx = (value(test[n], dtype) for n in (*INPUTS, "y", "dx"))
                np.testing.assert_equal(y, formula.apalu(x, a, b))
                np.testing.assert_allclose(dx, formula.apalu_grad(x, a, b, gy)[0], rtol=0.01)
            assert test["result"] == "acceptable"
            assert not {"da", "db"} & set(test)
