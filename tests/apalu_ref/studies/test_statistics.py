"""Means, paired differences, and Student's quantiles against printed tables."""

import math

import numpy as np
import pytest

from apalu_ref.studies.statistics import Interval, paired, student, summary


# Two-sided 95 % quantiles as tables print them; the last is 1.96 of the normal distribution.
@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.30265), (3, 3.18245), (4, 2.77645), (5, 2.57058), (7, 2.36462),
     (8, 2.30600), (30, 2.04227), (61, 1.99962), (100_000, 1.95999)],
)  # fmt: skip
def test_quantiles_are_those_of_printed_tables(freedom, quantile):
    assert student(freedom) == pytest.approx(quantile, rel=2e-5)


def test_quantiles_of_another_level():
    assert student(10, 0.99) == pytest.approx(3.16927, rel=1e-5)
    assert student(1, 0.5) == pytest.approx(1.0)  # of a Cauchy variable half lies within 1


def test_an_interval_by_hand():
    # Differences 1, 2, 3: mean 2, deviation 1, standard error 1/√3.
    found = paired([2.0, 4.0, 6.0], [1.0, 2.0, 3.0])
    reach = 4.30265 / math.sqrt(3)
    assert found.mean == 2
    assert found.low == pytest.approx(2 - reach, rel=1e-5)
    assert found.high == pytest.approx(2 + reach, rel=1e-5)
    assert found.sign == 0


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    own = rng.normal(0.3, 1, (4000, 4))
    base = np.zeros(4)
    held = [p.low <= 0.3 <= p.high for p in (paired(row, base) for row in own)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.011)  # three standard errors


def test_pairing_takes_out_what_runs_share():
    shared = np.array([0.0, 10.0, 20.0, 30.0])
    found = paired(shared + np.array([1.0, 1.1, 0.9, 1.0]), shared)
    assert found.sign == 1
    assert found.high - found.low < 0.3


def test_pairs_of_which_one_is_missing_are_left_out():
    assert paired([1.0, None, 3.0, math.nan], [0.0, 0.0, 2.0, 1.0]) == Interval(1.0, 1.0, 1.0, 2)
    assert paired([None, 1.0], [1.0, None]).n == 0


def test_one_pair_has_a_difference_and_no_interval():
    found = paired([2.0], [1.0])
    assert found.mean == 1
    assert math.isnan(found.low)
    assert found.sign == 0


@pytest.mark.parametrize(("low", "high", "sign"), [(0.1, 1, 1), (-1, -0.1, -1), (-1, 1, 0)])
def test_the_sign_is_that_of_an_interval_without_0(low, high, sign):
    assert Interval(0.0, low, high, 3).sign == sign


def test_two_equal_differences_are_no_finding():
    assert paired([1.0, 2.0], [0.5, 1.5]).low > 0
    assert paired([1.0, 2.0], [0.5, 1.5]).sign == 0
    assert paired([1.0, 2.0, 3.0], [0.5, 1.5, 2.5]).sign == 1


def test_missing_numbers_are_counted():
    found = summary([1.0, None, 3.0, math.inf])
    assert (found.mean, found.n, found.missing) == (2.0, 2, 2)
    assert found.std == pytest.approx(math.sqrt(2))
    assert math.isnan(summary([None]).mean)
    assert math.isnan(summary([1.0]).std)
