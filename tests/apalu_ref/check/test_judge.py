"""The tolerances, from both sides."""

import numpy as np
import pytest

from apalu_ref.check.exact import answers
from apalu_ref.check.inputs import call as call_of
from apalu_ref.check.judge import judge, spacing
from apalu_ref.check.precision import precision
from apalu_ref.check.probes import probes

PROBE = probes("quick")[0]


def call(x, a=1.25, b=0.75, gy=1.5, dtype="float64"):
    x = np.atleast_1d(np.array(x, dtype))
    return call_of(x, *(np.full_like(x, t) for t in (a, b, gy)))


def levels(given, quantity, off):
    """The levels found when ``quantity`` is off by ``off(exact answer)``."""
    exact = answers(given)
    want = exact[quantity]
    with np.errstate(over="ignore"):
        got = (want.value.high + off(want)).astype(given.x.dtype)
    return {mark.level for mark in judge(PROBE, given, {quantity: got}, exact)}


@pytest.mark.parametrize("quantity", ["y", "dx", "da", "db"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_core_begins_at_16_eps(quantity, dtype):
    given, eps = call([-0.7, 0.7], dtype=dtype), np.finfo(dtype).eps

    def off(by):
        return lambda w: by * eps * (np.abs(w.value.high) + w.scale)

    assert "core" in levels(given, quantity, off(20))
    assert "core" not in levels(given, quantity, off(14))


@pytest.mark.parametrize(
    ("quantity", "dtype", "limit"),
    [("y", "float64", 4), ("y", "float32", 4), ("dx", "float64", 32), ("dx", "float32", 16)],
)
def test_precision_begins_at_the_ulp_limit(quantity, dtype, limit):
    # Far to the left dx is small beside its scale |b gy|, which core goes by.
    given = call([-12.0 if quantity == "dx" else -1e-5], dtype=dtype)

    def off(by):
        return lambda w: by * spacing(w.value.high, precision(dtype))

    assert levels(given, quantity, off(1.5 * limit)) == {"precision"}
    assert levels(given, quantity, off(0.7 * limit)) == set()
    for large in ({"a": 2**11}, {"b": 2**-11}, {"gy": 2**11}):
        assert levels(call(given.x, dtype=dtype, **large), quantity, off(1.5 * limit)) == set()


def test_sums_are_judged_by_what_was_summed():
    x = np.linspace(-3, 3, 5000)
    given = call_of(x, np.array(1.25), np.array(0.75), np.where(np.arange(5000) % 2, 1.0, -1.0))
    # A running sum of n terms of one sign may stray by sqrt(n) = 70.7 roundings.
    for by, expected in ((3, set()), (6, {"precision"}), (60, {"precision"}), (80, {"core"})):
        found = levels(
            given, "da", lambda w, by=by: by * np.finfo(float).eps * (w.magnitude + w.scale)
        )
        assert found == expected


def test_infinity_is_right_only_where_the_exact_value_overflows():
    with np.errstate(over="ignore"):
        assert levels(call([60000.0], dtype="float16"), "y", lambda w: 0) == set()
    assert levels(call([100.0], dtype="float16"), "y", lambda w: np.inf) == {"core"}
    assert levels(call([100.0]), "y", lambda w: np.nan) == {"core"}


@pytest.mark.parametrize(("x", "level"), [(0.0, "policy"), (1e-310, "subnormal")])
def test_slopes_between_the_one_sided_ones(x, level):
    given = call([x])  # 3a/2 = 1.875, b = 0.75, times gy = 1.5
    for slope, expected in ((0.75, level), (1.2, level), (0.7, "core"), (1.9, "core")):
        assert levels(given, "dx", lambda w, s=slope: 1.5 * s - w.value.high) == {expected}
    flushed = levels(given, "dx", lambda w: -w.value.high)
    assert flushed == ({"subnormal"} if x else {"core"})
