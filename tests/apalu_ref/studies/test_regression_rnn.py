"""The study of forecasts: nothing of the future is seen, and the naive forecast is beside it."""

import json
from dataclasses import replace

import numpy as np
import pytest

from apalu_ref import datasets
from apalu_ref.studies import regression_rnn as study
from apalu_ref.studies.plan import Task

from .toy import results

CASE = {"ticker": "IBM"}
SETTINGS = {"tickers": ("IBM",), "window": 4, "hidden": 3, "epochs": 1, "batch": 128}
PRICES = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.02, 101)))


@pytest.fixture(autouse=True)
def bundled(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)


def task(arm="relu", seed=0, final=False, rate=0.01, **settings):
    return Task("regression-rnn", "smoke", arm, CASE, rate, seed, final, SETTINGS | settings)


def returns(scaled, found):
    return scaled * found.unit + found.middle


def test_a_window_holds_the_days_before_its_target_in_order():
    r = np.diff(np.log(PRICES))
    found = study.days(PRICES, 4, False)
    np.testing.assert_allclose(returns(found.x[0, :, 0], found), r[:4], atol=1e-8)
    np.testing.assert_allclose(returns(found.y[0, 0], found), r[4], atol=1e-8)
    np.testing.assert_allclose(returns(found.x[-1, :, 0], found), r[55:59], atol=1e-8)
    assert (len(found.y), len(found.judged_y)) == (56, 15)
    assert len(study.days(PRICES, 4, True).judged_y) == 25


def test_parts_follow_each_other_in_time_and_share_no_target():
    r = np.diff(np.log(PRICES))
    choice, final = study.days(PRICES, 4, False), study.days(PRICES, 4, True)
    targets = np.concatenate([part[:, 0] for part in (choice.y, choice.judged_y, final.judged_y)])
    np.testing.assert_allclose(returns(targets, choice), r[4:], atol=1e-8)
    np.testing.assert_array_equal(choice.y, final.y)


def test_the_future_changes_neither_training_nor_choice():
    later = PRICES.copy()
    later[76:] *= 9  # the first test target is the return to day 76
    for before, after in zip(
        study.days(PRICES, 4, False), study.days(later, 4, False), strict=True
    ):
        np.testing.assert_array_equal(before, after)
    before, after = study.days(PRICES, 4, True), study.days(later, 4, True)
    np.testing.assert_array_equal(before.x, after.x)
    assert before.judged_y[0] != after.judged_y[0]
    validation = PRICES.copy()
    validation[61:] *= 9
    assert study.days(validation, 4, False).unit == study.days(PRICES, 4, False).unit


def test_standardisation_is_by_the_training_part():
    r = np.diff(np.log(PRICES))[:60]
    found = study.days(PRICES, 4, True)
    assert (found.middle, found.unit) == (pytest.approx(r.mean()), pytest.approx(r.std()))


def test_today_is_the_price_before_the_target():
    found = study.days(PRICES, 4, True)
    tomorrow = found.today * np.exp(returns(found.judged_y[:, 0], found))
    np.testing.assert_allclose(tomorrow, PRICES[76:], rtol=1e-6)


@pytest.mark.parametrize("kind", ["nothing", "tomorrow"])
def test_a_forecast_of_no_change_has_error_1_and_one_that_knows_has_0(kind, monkeypatch):
    """Also the sign: a forecast of the other direction has twice the naive error."""
    series = datasets.stocks("IBM", source="bundled")
    prices = series.values[:, series.columns.index("Adj Close")]
    found = study.days(prices, 4, True)
    knows = {"nothing": np.full_like(found.judged_y, -found.middle / found.unit)}
    knows["tomorrow"] = found.judged_y
    monkeypatch.setattr(study, "predict", lambda model, x: knows[kind])
    outcome = study.run(task(final=True))
    assert outcome["score"] == pytest.approx(float(kind == "nothing"), abs=1e-4)
    if kind == "tomorrow":
        assert outcome["direction"] == 1
    monkeypatch.setattr(
        study, "predict", lambda model, x: -found.judged_y - 2 * found.middle / found.unit
    )
    assert study.run(task(final=True))["score"] == pytest.approx(2, rel=1e-4)


def test_the_prices_are_adjusted_for_splits(monkeypatch):
    """A column other than the adjusted close has no influence."""
    series = datasets.stocks("IBM", source="bundled")
    values = series.values.copy()
    values[:, :5] = 1
    before = study.run(task())
    monkeypatch.setattr(datasets, "stocks", lambda ticker, source: replace(series, values=values))
    assert study.run(task()) == before


def test_the_same_seed_gives_the_same_bits_and_the_references_are_those_of_all_arms():
    first = study.run(task(final=True))
    assert first == study.run(task(final=True))
    other = study.run(task("apalu", seed=1, final=True))
    keys = ("naive", "linear", "drift")
    assert [first["more"][k] for k in keys] == [other["more"][k] for k in keys]
    assert 0.99 < first["more"]["drift"] < 1.01
    json.dumps(first, allow_nan=False)


GOOD, BAD = [0.9, 0.91, 0.89], [1.1, 1.12, 1.09]


def test_the_verdict_is_on_arms_and_the_evidence_on_the_naive_forecast():
    made = results({"relu": BAD, "tanh": BAD, "apalu": GOOD}, own=study.STUDY, cases=(CASE,))
    found = made.conclusion()
    assert found.verdict == "holds"
    assert "1 of 3 arms and stocks (apalu on IBM) at least 1% better" in found.evidence
    made = results({"relu": GOOD, "tanh": BAD, "apalu": BAD}, own=study.STUDY, cases=(CASE,))
    assert made.conclusion().verdict == "does not hold"


def test_an_arm_that_is_hardly_better_than_naive_does_not_count_as_better():
    made = results({"relu": BAD, "apalu": [0.9991, 0.9992, 0.9993]}, own=study.STUDY, cases=(CASE,))
    assert "0 of 2 arms" in made.conclusion().evidence


@pytest.mark.parametrize(
    ("scores", "counted"),
    [([0.96, 0.97, 0.98], 1), ([0.945, 0.97, 0.995], 0), ([0.97], 0)],
    ids=["error 0.006", "error 0.014", "one run"],
)
def test_better_is_by_more_than_two_standard_errors(scores, counted):
    made = results({"relu": BAD, "apalu": scores}, own=study.STUDY, cases=(CASE,))
    assert f"{counted} of 2 arms" in made.conclusion().evidence


def test_nothing_but_diverged_runs_is_open():
    made = results({"relu": [None] * 2, "apalu": [None] * 2}, own=study.STUDY, cases=(CASE,))
    assert made.conclusion().verdict == "open"
    study.draw(made).canvas.draw()


@pytest.mark.parametrize("arms", [("apalu",), ("relu", "tanh")])
def test_the_figure_is_drawn_from_one_seed_of_any_arms(arms):
    made = results({arm: [1.0] for arm in arms}, own=study.STUDY, cases=(CASE,))
    for run in made.runs:
        run["outcome"] = study.run(task(run["arm"], final=True))
    figure = study.draw(made)
    assert len(figure.axes[1].lines) == 3
    figure.canvas.draw()
