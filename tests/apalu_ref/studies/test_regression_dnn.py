"""The study of regression on tables, against closed forms; no test row is seen in a choice."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from apalu_ref import datasets
from apalu_ref.studies import regression_dnn as study
from apalu_ref.studies import small_sets
from apalu_ref.studies.plan import Task
from apalu_ref.studies.regression import least_squares, lower, rmse

from .toy import results

CASE = {"set": "auto-mpg"}
SETTINGS = {**study.STUDY.scales["smoke"].settings, "epochs": 3, "hidden": 4}


@pytest.fixture(autouse=True)
def bundled(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)


def task(arm="relu", seed=0, final=False, rate=0.01, **settings):
    return Task("regression-dnn", "smoke", arm, CASE, rate, seed, final, SETTINGS | settings)


def table(targets=None):
    given = datasets.auto_mpg(source="bundled")
    return given if targets is None else replace(given, targets=targets)


def test_rmse_is_the_root_of_the_mean_square():
    assert rmse(np.array([[1.0], [3.0]]), np.array([1.0, 0.0])) == pytest.approx(math.sqrt(4.5))
    assert rmse(np.array([np.nan]), np.array([1.0])) is None
    assert rmse(np.array([np.inf]), np.array([1.0])) is None


def test_least_squares_finds_a_line_again_and_its_constant():
    x = np.random.default_rng(0).normal(size=(20, 2))
    found = least_squares(x[:12], x[:12] @ [[2.0], [-1.0]] + 5, x[12:])
    np.testing.assert_allclose(found, x[12:] @ [[2.0], [-1.0]] + 5, rtol=1e-12)


def test_origin_is_a_class_and_not_a_quantity():
    x = study.features(table())
    assert x.shape == (392, 9)
    np.testing.assert_array_equal(x[:, -3:].sum(1), 1)
    assert x[:, -3:].sum(0).tolist() == [245, 68, 79]


def test_a_choice_does_not_change_with_the_test_rows_and_a_final_run_does(monkeypatch):
    given = table()
    rows = small_sets.split(task(final=True), "auto-mpg", 392, test=0.25, validation=0.2).judged
    before = study.run(task()), study.run(task(final=True))
    targets = given.targets.copy()
    targets[rows] += 100
    features = given.features.copy()
    features[rows, :-1] *= 3  # the last is origin
    monkeypatch.setattr(
        datasets, "load", lambda name, source: replace(given, targets=targets, features=features)
    )
    after = study.run(task()), study.run(task(final=True))
    assert before[0] == after[0]
    assert before[1]["curves"] == after[1]["curves"]
    assert after[1]["score"] > before[1]["score"] + 50


def test_errors_are_in_the_unit_of_the_target(monkeypatch):
    before = study.run(task(final=True))
    monkeypatch.setattr(datasets, "load", lambda name, source: table(table().targets * 1000 - 7))
    after = study.run(task(final=True))
    assert after["score"] == pytest.approx(1000 * before["score"], rel=1e-3)
    assert after["mse"] == pytest.approx(after["score"] ** 2, rel=1e-4)
    assert after["more"]["linear"] == pytest.approx(1000 * before["more"]["linear"], rel=1e-3)


def test_references_are_those_of_numpy():
    found = study.run(task(final=True))["more"]
    given = table()
    rows = small_sets.split(task(final=True), "auto-mpg", 392, test=0.25, validation=0.2)
    y, judged = given.targets[rows.train], given.targets[rows.judged]
    assert found["mean"] == pytest.approx(np.sqrt(((judged - y.mean()) ** 2).mean()), rel=1e-4)
    x = np.column_stack([study.features(given), np.ones(392)])
    weights = np.linalg.pinv(x[rows.train]) @ y
    off = x[rows.judged] @ weights - judged
    assert found["linear"] == pytest.approx(np.sqrt((off**2).mean()), rel=1e-3)


def test_a_trained_network_is_better_than_the_mean_far_from_zero(monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda name, source: table(table().targets + 500))
    found = study.run(task(final=True, epochs=20, rate=0.03))
    assert found["score"] < 0.7 * found["more"]["mean"]
    assert found["training"] < 0.7 * found["more"]["mean"]


def test_the_same_seed_gives_the_same_bits_and_arms_are_paired():
    assert study.run(task(final=True)) == study.run(task(final=True))
    first, other = study.run(task(final=True)), study.run(task("apalu", final=True))
    assert first["more"] == other["more"]
    assert study.run(task(seed=1, final=True))["more"] != first["more"]
    json.dumps(first, allow_nan=False)


def test_a_run_that_diverges_has_no_score():
    found = study.run(task("apalu", rate=1e20, final=True))
    assert found["score"] is None
    assert found["mse"] is None
    assert found["diverged"]


WIN, LOSS = [1.0, 1.1, 0.9], [3.0, 3.1, 2.9]


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ({"relu": LOSS, "tanh": LOSS, "apalu": WIN}, "holds"),
        # To be better than one and worse than the other is to have lost.
        ({"relu": LOSS, "tanh": [0.5, 0.6, 0.4], "apalu": WIN}, "does not hold"),
        ({"relu": [0.5, 0.6, 0.4], "tanh": LOSS, "apalu": WIN}, "does not hold"),
        ({"relu": WIN, "tanh": WIN, "apalu": LOSS}, "does not hold"),
        ({"relu": WIN, "tanh": LOSS, "apalu": WIN}, "open"),
        ({"relu": LOSS, "tanh": WIN, "apalu": WIN}, "open"),
        ({"relu": WIN, "tanh": WIN, "apalu": [1.1, 0.9, 1.0]}, "open"),
        ({"relu": LOSS, "apalu": WIN}, "open"),
        ({"relu": WIN, "tanh": WIN, "apalu": [None] * 3}, "does not hold"),
        ({"relu": [None] * 3, "tanh": [None] * 3, "apalu": [None] * 3}, "open"),
        ({"relu": LOSS[:1], "tanh": LOSS[:1], "apalu": WIN[:1]}, "open"),
        ({"relu": LOSS[:2], "tanh": LOSS[:2], "apalu": WIN[:2]}, "open"),
        ({"relu": WIN, "tanh": WIN, "apalu": [None] * 2}, "open"),
        ({"apalu": WIN, "tanh": LOSS}, "open"),
        ({"relu": WIN, "tanh": WIN}, "open"),
    ],
)
def test_the_verdict_is_against_relu_and_tanh(scores, verdict):
    made = results(scores, own=study.STUDY, cases=(CASE,))
    assert lower(made).verdict == verdict
    assert study.concluded(made).verdict == verdict


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        ((LOSS, LOSS, WIN), "holds"),
        ((WIN, LOSS, WIN), "holds under a condition"),
        ((WIN, WIN, LOSS), "open"),
    ],
)
def test_tables_that_are_won_are_counted_against_those_that_are_lost(second, verdict):
    """The first is won; the order of the second's scores is relu, tanh, apalu."""
    scores = {
        arm: [one, two]
        for arm, one, two in zip(("relu", "tanh", "apalu"), (LOSS, LOSS, WIN), second, strict=True)
    }
    made = results(scores, own=study.STUDY, cases=(CASE, {"set": "yacht"}))
    assert lower(made).verdict == verdict


def test_a_difference_that_one_comparison_would_show_is_not_enough_for_one_of_many():
    """t is 4.30 for one comparison and 8.86 for four: the mean is 6 standard errors from 0."""
    off = np.array([-1.0, 0.0, 1.0]) * 0.1
    near = (6 * 0.1 / math.sqrt(3) + off).tolist()
    one = {"relu": near, "tanh": LOSS, "apalu": [0.0] * 3}
    found = lower(results(one, own=study.STUDY, cases=(CASE,)))
    assert found.verdict == "open"
    assert "widened for 2 comparisons: no difference seen" in found.evidence
    far = (10 * 0.1 / math.sqrt(3) + off).tolist()
    two = {"relu": [far, far], "tanh": [LOSS, LOSS], "apalu": [[0.0] * 3] * 2}
    made = results(two, own=study.STUDY, cases=(CASE, {"set": "yacht"}))
    assert lower(made).verdict == "holds"
    two["relu"] = [near, far]
    made = results(two, own=study.STUDY, cases=(CASE, {"set": "yacht"}))
    assert lower(made).verdict == "holds under a condition"


def test_the_evidence_has_every_comparison():
    made = results({"relu": LOSS, "tanh": WIN, "apalu": WIN}, own=study.STUDY, cases=(CASE,))
    evidence = lower(made).evidence
    assert "apalu minus relu -2.000 [-2.000, -2.000], widened for 2 comparisons: better" in evidence
    assert "apalu minus tanh +0.000 [0.000, 0.000], widened" in evidence
    missing = lower(results({"relu": LOSS, "apalu": WIN}, own=study.STUDY, cases=(CASE,)))
    assert "tanh not run" in missing.evidence


def test_the_evidence_names_least_squares():
    made = results({"relu": LOSS, "apalu": WIN}, own=study.STUDY, cases=(CASE,))
    for run in made.runs:
        run["outcome"]["more"] = {"linear": 3.25, "mean": 7.5}
    assert (
        "least squares 3.250, the mean of the training targets 7.500" in made.conclusion().evidence
    )


@pytest.mark.parametrize("arms", [("relu", "apalu"), ("tanh",), ("apalu",)])
def test_the_figure_is_drawn_from_one_seed_of_any_arms_and_from_diverged_runs(arms):
    done = [study.run(task(arm, final=True, epochs=1)) for arm in arms]
    made = results({arm: [1.0] for arm in arms}, own=study.STUDY, cases=(CASE,))
    for run, one in zip(made.runs, done, strict=True):
        run["outcome"] = one
    assert len(study.draw(made).axes) == 2
    nothing = results({arm: [None] for arm in arms}, own=study.STUDY, cases=(CASE,))
    study.draw(nothing).canvas.draw()
