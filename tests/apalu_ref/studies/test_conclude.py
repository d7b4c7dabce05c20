"""Verdicts on results that were made up: wins, losses, and what is no difference."""

import numpy as np
import pytest

from apalu_ref.studies import conclude

from .toy import results

RELU = [0.50, 0.60, 0.70, 0.80]
CASES = ({"depth": 5}, {"depth": 50})


def above(by):
    return [v + by + e for v, e in zip(RELU, (0.001, -0.001, 0.002, 0.0), strict=True)]


@pytest.mark.parametrize(
    ("apalu", "verdict"),
    [
        (above(0.05), "holds"),
        (above(-0.05), "does not hold"),
        (above(0.0), "open"),
        ([0.9, 0.1, 0.9, 0.6], "open"),
        ([None] * 4, "does not hold"),
    ],
    ids=["better", "worse", "alike", "scattered", "diverged"],
)
def test_a_clear_difference_decides_and_no_other(apalu, verdict):
    assert conclude.better(results({"relu": RELU, "apalu": apalu})).verdict == verdict


def test_where_less_is_better_signs_turn():
    found = results({"relu": RELU, "apalu": above(0.05)}, better="lower")
    assert conclude.better(found).verdict == "does not hold"
    assert conclude.gain(found, "apalu", "score") == -1


def test_a_baseline_that_diverges_loses():
    assert conclude.better(results({"relu": [None] * 4, "apalu": RELU})).verdict == "holds"


def test_both_diverged_is_no_difference():
    assert conclude.better(results({"relu": [None] * 4, "apalu": [None] * 4})).verdict == "open"


@pytest.mark.parametrize(
    ("second", "verdict"),
    [
        (above(0.05), "holds"),
        (above(0.0), "holds under a condition"),
        (above(-0.05), "open"),
    ],
)
def test_it_must_be_better_under_every_condition(second, verdict):
    found = results({"relu": [RELU, RELU], "apalu": [above(0.05), second]}, cases=CASES)
    assert conclude.better(found).verdict == verdict


def test_worse_somewhere_and_better_nowhere_does_not_hold():
    found = results({"relu": [RELU, RELU], "apalu": [above(0.0), above(-0.05)]}, cases=CASES)
    assert conclude.better(found).verdict == "does not hold"


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([1, 1], "holds"),
        ([1, 0, 0], "holds under a condition"),
        ([1, 1, -1], "holds under a condition"),
        ([1, -1, 0], "open"),
        ([1, -1, -1], "does not hold"),
        ([0, -1], "does not hold"),
        ([0, 0], "open"),
    ],
)
def test_wins_are_weighed_against_losses(gains, verdict):
    assert conclude.judged(gains) == verdict


def test_many_comparisons_need_clearer_differences():
    rng = np.random.default_rng(0)
    verdicts = []
    cases = tuple({"depth": d} for d in range(12))
    for _ in range(120):
        scores = {arm: rng.normal(size=(12, 4)).tolist() for arm in ("relu", "apalu")}
        verdicts.append(conclude.better(results(scores, cases=cases)).verdict)
    assert verdicts.count("open") > 0.88 * len(verdicts)  # without a difference: 95 %


def test_runs_without_a_number_cannot_make_an_arm_better():
    diverged = [None, None, *above(0.05)[2:], 0.9]
    own = results({"relu": [*RELU, 0.85], "apalu": diverged})
    assert own.difference("apalu").mean > 0
    assert conclude.gain(own, "apalu", "score") == 0
    assert conclude.better(own).verdict == "open"
    other = results({"relu": diverged, "apalu": [*RELU, 0.85]})
    assert conclude.gain(other, "apalu", "score") == 0  # and not worse, where ReLU has none


def test_one_seed_decides_nothing():
    assert conclude.better(results({"relu": [0.1], "apalu": [0.9]})).verdict == "open"


@pytest.mark.parametrize("arms", [("relu",), ("apalu",), ("tanh", "gelu")])
def test_without_both_arms_it_is_open(arms):
    assert conclude.better(results(dict.fromkeys(arms, RELU))).verdict == "open"


def test_the_evidence_has_the_numbers():
    # The differences are 5.1, 4.9, 5.2 and 5.0 %: their deviation is 0.129, and a half of it
    # times 3.182 is 0.205.
    said = conclude.better(results({"relu": RELU, "apalu": above(0.05)})).evidence
    assert "relu 65.0 ± 12.9" in said
    assert "difference +5.1 [4.8, 5.3]: better" in said


def test_controls_stand_beside_apalu_with_their_intervals():
    scores = {"relu": RELU, "apalu": RELU, "apalu-frozen": above(0.05), "relu-scaled": above(-0.05)}
    said = conclude.controls(results(scores))
    assert (
        said == "controls minus apalu: apalu-frozen +5.1 [4.8, 5.3], relu-scaled -5.0 [-5.2, -4.7]"
    )
    assert conclude.controls(results({"relu": RELU, "apalu": RELU})) == ""
    two = {"relu": [RELU] * 2, "apalu": [RELU] * 2, "relu-wide": [above(0.05), above(-0.05)]}
    said = conclude.controls(results(two, cases=CASES))
    assert said == "controls beside apalu, of 2 conditions: relu-wide better under 1, worse under 1"


def test_many_conditions_are_counted():
    cases = tuple({"depth": d} for d in (1, 2, 3, 4))
    scores = {"relu": [RELU] * 4, "apalu": [above(0.05)] * 3 + [above(-0.05)]}
    said = conclude.better(results(scores, cases=cases)).evidence
    assert "better than relu under 3 of 4 conditions (depth 1; depth 2; depth 3)" in said
    assert "worse under 1 (depth 4)" in said


@pytest.mark.parametrize(
    ("apalu", "end"),
    [
        (above(0.05), "+5.1 [4.8, 5.3]: better"),
        (above(-0.05), "-5.0 [-5.2, -4.7]: worse"),
        (above(0.0), "+0.1 [-0.2, 0.3]: no difference seen"),
        ([None] * 4, "-: worse, as no run of apalu has the number"),
        ([*above(0.05)[:2], None, None], "+5.0 [3.7, 6.3]: too few pairs to say"),
        (
            [*above(0.05)[:3], None],
            "+5.1 [4.7, 5.4]: undecided, as the one that seems better has fewer runs with the "
            "number",
        ),
        ([*above(-0.05)[:3], None], "-4.9 [-5.3, -4.6]: worse"),
    ],
    ids=["better", "worse", "alike", "diverged", "two pairs", "fewer", "fewer and worse"],
)
def test_in_words(apalu, end):
    said = conclude.compared(results({"relu": RELU, "apalu": apalu}), "apalu", "score")
    assert said.split("difference ", 1)[1] == end


def test_several_comparisons_widen_what_the_words_go_by():
    """Two runs more diverge: whether the rest seems better depends on the level."""
    # Four differences of 5 % with a deviation of 2.9: +-4.6 at 95 %, +-8.2 at 99 %.
    apalu = [v + d for v, d in zip(RELU, (0.02, 0.04, 0.06, 0.085), strict=True)] + [None]
    found = results({"relu": [*RELU, 0.85], "apalu": apalu})
    assert conclude.compared(found, "apalu", "score").endswith("fewer runs with the number")
    said = conclude.compared(found, "apalu", "score", comparisons=5)
    assert said.endswith("widened for 5 comparisons: no difference seen")


@pytest.mark.parametrize(
    ("relu", "apalu", "end"),
    [
        ([0.5, 0.6], [0.9, 1.0], "+40.0 [40.0, 40.0]: too few pairs to say"),
        ([0.5], [0.9], "+40.0 (one pair): too few pairs to say"),
        ([0.5, 0.6], [None, None], "-: no run of apalu has the number"),
        ([None, None], [0.5, 0.6], "-: no run of relu has the number"),
        ([None] * 4, RELU, "-: better, as no run of relu has the number"),
        ([None, None], [None, None], "-: neither has the number"),
    ],
)
def test_where_there_is_too_little_nobody_looked_for_a_difference(relu, apalu, end):
    said = conclude.compared(results({"relu": relu, "apalu": apalu}), "apalu", "score")
    assert said.split("difference ", 1)[1] == end


def test_missing_runs_are_told():
    found = results({"relu": RELU, "apalu": [0.5, None, 0.7, 0.8]})
    assert conclude.spread(found, "apalu", "score") == "66.7 ± 15.3 (1 of 4 without)"
    assert conclude.spread(results({"relu": [None] * 4}), "relu", "score") == "none"
    assert conclude.spread(results({"relu": [0.5]}), "relu", "score") == "50.0"
    assert conclude.interval(results({"relu": [0.5], "tanh": [0.6]}), "tanh", "score") == (
        "+10.0 (one pair)"
    )
