"""The study of one hidden layer: errors against closed forms."""

import json
import math

import numpy as np
import pytest

from apalu_ref.claims.evidence import random_fit
from apalu_ref.studies import approximation as study
from apalu_ref.studies.plan import Task

from .toy import results

CASE = {"function": "kinked", "width": 8}
SETTINGS = {"points": 64, "epochs": 3, "batch": 32}


def task(arm="relu", seed=0, final=False, rate=0.01, case=CASE, **settings):
    return Task("approximation", "smoke", arm, case, rate, seed, final, SETTINGS | settings)


def test_the_functions_are_those_of_the_formulas():
    x = np.array([-2.0, -1.0, 0.0, 0.3, 1.0])
    expected = {
        "smooth": [math.sin(3 * v) for v in x],
        "kinked": [1, 0, 1, 0.7, 0],
        "oscillating": [math.sin(6 * v) for v in x],
        "step-like": [math.tanh(25 * v - 7.5) for v in x],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(study.FUNCTIONS[name](x), values, atol=1e-12)
    assert set(study.FORMULAS) == set(study.FUNCTIONS)


def test_the_error_is_measured_on_a_dense_grid_and_its_logarithm_given(monkeypatch):
    monkeypatch.setattr(study, "predict", lambda model, x: np.full_like(x, 0.5))
    found = study.run(task(final=True))
    # Over [-2, 2], |x| - 1 in size is spread evenly over [0, 1]: its variance is 1/12.
    assert found["score"] == pytest.approx(math.log10(math.sqrt(1 / 12)), abs=1e-3)
    assert found["largest"] == pytest.approx(math.log10(0.5), abs=1e-5)


def test_rates_are_chosen_at_other_points_than_the_answer_is_measured_at(monkeypatch):
    seen = []
    monkeypatch.setattr(study, "predict", lambda model, x: seen.append(x.ravel()) or 0 * x)
    study.run(task())
    study.run(task(final=True))
    assert seen[0].size == 64
    assert not np.isin(seen[0], seen[1]).any()
    np.testing.assert_allclose(np.diff(seen[1]), 0.002, rtol=1e-2)


def test_a_rectifier_that_has_the_kinks_fits_a_kinked_function_exactly():
    """With the kinks at -1, 0 and 1, ||x| - 1| is a sum of ReLUs."""
    x = np.linspace(-2, 2, 401)

    class Kinks:
        def choice(self, options, size):
            return np.ones(size)

        def uniform(self, low, high, size):
            return np.ones(size) if low == 1 else np.array([-2.0, -1.0, 0.0, 1.0])[:size]

    left = random_fit(x, study.FUNCTIONS["kinked"](x), 4, Kinks(), lambda z: np.maximum(z, 0))
    assert np.abs(left).max() < 1e-12
    left = random_fit(x, study.FUNCTIONS["kinked"](x), 3, Kinks(), lambda z: np.maximum(z, 0))
    assert np.abs(left).max() > 0.05


def test_least_squares_get_better_with_the_width_and_do_not_depend_on_the_rate():
    fits = [
        study.run(task("apalu", final=True, case={"function": "smooth", "width": w}))["fit"]
        for w in (4, 16, 64)
    ]
    assert fits[0] > fits[1] > fits[2]
    assert fits[2] < -1.5
    case = {"function": "smooth", "width": 4}
    assert study.run(task("apalu", final=True, case=case, rate=0.1))["fit"] == fits[0]


def test_training_makes_the_error_smaller():
    first, last = (study.run(task(final=True, epochs=e, rate=0.03))["score"] for e in (1, 60))
    assert last < first - 0.2


def test_the_same_seed_gives_the_same_bits_and_an_error_of_nothing_is_rounding():
    first = study.run(task("apalu", final=True))
    assert first == study.run(task("apalu", final=True))
    json.dumps(first, allow_nan=False)
    assert study._log(0.0) == -12
    assert study._log(None) is None


def test_a_run_that_diverges_has_no_score():
    found = study.run(task("apalu", final=True, rate=1e20))
    assert found["score"] is None
    assert found["largest"] is None


GOOD, BAD = [-3.0, -3.1, -2.9], [-1.0, -1.1, -0.9]


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ({"relu": BAD, "apalu": GOOD}, "holds"),
        ({"relu": GOOD, "apalu": BAD}, "does not hold"),
        ({"relu": GOOD, "apalu": [-2.9, -3.1, -3.0]}, "open"),
        ({"relu": BAD[:2], "apalu": GOOD[:2]}, "open"),
        ({"relu": [None] * 3, "apalu": [None] * 3}, "open"),
        ({"tanh": GOOD}, "open"),
    ],
)
def test_the_lower_error_is_the_better_one(scores, verdict):
    assert results(scores, own=study.STUDY, cases=(CASE,)).conclusion().verdict == verdict


def test_widths_at_which_it_is_better_are_counted_against_those_at_which_it_is_worse():
    cases = tuple({"function": "smooth", "width": w} for w in (8, 32))
    made = results({"relu": [BAD, GOOD], "apalu": [GOOD, BAD]}, own=study.STUDY, cases=cases)
    assert made.conclusion().verdict == "open"
    same = [-3.0, -3.1, -2.9]
    made = results({"relu": [BAD, GOOD], "apalu": [GOOD, same]}, own=study.STUDY, cases=cases)
    assert made.conclusion().verdict == "holds under a condition"


def test_the_evidence_says_how_errors_fall_with_the_width():
    cases = tuple({"function": "smooth", "width": w} for w in (128, 8))
    made = results({"relu": [GOOD, BAD]}, own=study.STUDY, cases=cases)
    assert "smooth, 8 to 128 units: relu 0.1 to 0.001" in made.conclusion().evidence


@pytest.mark.parametrize("arms", [("relu", "apalu"), ("prelu",)])
def test_the_figure_is_drawn_from_one_seed_of_any_arms_and_from_diverged_runs(arms):
    made = results({arm: [None] for arm in arms}, own=study.STUDY, cases=(CASE,))
    study.draw(made).canvas.draw()
    for run in made.runs:
        run["outcome"] = study.run(task(run["arm"], final=True))
    figure = study.draw(made)
    # the function, and a fit where the arm is among the shown ones
    assert len(figure.axes[1].lines) == 1 + len(arms)
    figure.canvas.draw()
