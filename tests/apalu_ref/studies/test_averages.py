"""The verdict on the mean over conditions, on results made up by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from apalu_ref.studies import averages, figures
from apalu_ref.studies.catalogue import find
from apalu_ref.studies.deep_svdd import STUDY
from apalu_ref.studies.plan import Task, outcome
from apalu_ref.studies.results import gather
from apalu_ref.studies.statistics import paired

CASES = ({"normal": 0}, {"normal": 1})


def made(values, cases=CASES):
    """Results in which ``values[arm][case]`` are the scores over the seeds."""
    arms = tuple(values)
    seeds = len(values[arms[0]][0])
    plan = replace(STUDY.scales["smoke"], arms=arms, cases=cases, seeds=seeds)
    done = []
    for arm in arms:
        for case, scores in zip(cases, values[arm], strict=True):
            for seed, score in enumerate(scores):
                task = Task("deep-svdd", "smoke", arm, case, 0.01, seed, True, {})
                found = outcome(score, diverged="it did" if score is None else None)
                done.append((task, found | {"seconds": 0.0}))
    return gather(STUDY, "smoke", plan, [], {}, done, [])


def test_means_are_taken_seed_by_seed_and_paired():
    results = made({"relu": [[0.5, 0.7], [0.7, 0.9]], "apalu": [[0.8, 0.8], [0.6, 1.0]]})
    assert averages.over_conditions(results, "relu") == pytest.approx([0.6, 0.8])
    assert averages.mean(results, "relu") == pytest.approx(0.7)
    assert averages.difference(results, "apalu", "relu") == paired([0.7, 0.9], [0.6, 0.8])


def test_a_seed_that_lacks_a_condition_has_no_mean():
    results = made({"relu": [[0.5, None], [0.7, 0.9]]})
    assert averages.over_conditions(results, "relu") == [pytest.approx(0.6), None]


@pytest.mark.parametrize(
    ("apalu", "verdict"),
    [
        ([[0.81, 0.82, 0.83], [0.81, 0.82, 0.83]], "holds"),
        ([[0.51, 0.52, 0.53], [0.51, 0.52, 0.53]], "does not hold"),
        ([[0.60, 0.80, 0.70], [0.80, 0.60, 0.70]], "open"),
        ([[0.95, 0.96, 0.97], [0.68, 0.69, 0.70]], "holds under a condition"),
        ([[None] * 3, [None] * 3], "does not hold"),
    ],
)
def test_the_verdict_follows_the_interval_of_the_mean(apalu, verdict):
    relu = [[0.70, 0.71, 0.72], [0.70, 0.71, 0.72]]
    assert averages.verdict(made({"relu": relu, "apalu": apalu})).verdict == verdict


def test_runs_that_diverged_do_not_help():
    """What is left is better: but it is what is left. And the same the other way round."""
    relu, apalu = [0.70, 0.71, 0.72, 0.71], [0.81, 0.82, 0.83, 0.82]
    lost = [*apalu[:3], None]
    assert averages.verdict(made({"relu": [relu] * 2, "apalu": [lost] * 2})).verdict == "open"
    swapped = made({"relu": [lost] * 2, "apalu": [relu] * 2})
    assert averages.verdict(swapped).verdict == "open"
    both = made({"relu": [[*relu[:3], None]] * 2, "apalu": [lost] * 2})
    assert averages.verdict(both).verdict == "holds"


def test_one_condition_of_two_is_not_lost_by_what_chance_does_to_one_of_them():
    """t is 4.30 for one and 6.21 for two: the second is lost by 5 standard errors."""
    off = np.array([-1.0, 0.0, 1.0]) * 0.01
    second = 0.7 - 5 * 0.01 / math.sqrt(3) + off
    apalu = [[0.90, 0.92, 0.94], second.tolist()]
    found = averages.verdict(made({"relu": [[0.7] * 3] * 2, "apalu": apalu}))
    assert found.verdict == "holds"
    lower = (second - 5 * 0.01 / math.sqrt(3)).tolist()
    found = averages.verdict(made({"relu": [[0.7] * 3] * 2, "apalu": [apalu[0], lower]}))
    assert found.verdict == "holds under a condition"


@pytest.mark.parametrize("name", ["deep-svdd", "differnet", "distillation-ad"])
def test_the_studies_that_use_this_rule_say_so(name):
    assert averages.RULE in find(name).answer


def test_one_seed_or_a_missing_arm_leaves_it_open():
    assert averages.verdict(made({"relu": [[0.7], [0.7]], "apalu": [[0.9], [0.9]]})).verdict == (
        "open"
    )
    assert averages.verdict(made({"relu": [[0.7, 0.7], [0.7, 0.7]]})).verdict == "open"
    both = made({"relu": [[None] * 2] * 2, "apalu": [[None] * 2] * 2})
    assert averages.verdict(both).verdict == "open"


def test_controls_are_compared_with_apalu():
    values = {
        "relu": [[0.7, 0.71, 0.72], [0.7, 0.71, 0.72]],
        "apalu": [[0.8, 0.81, 0.82], [0.8, 0.81, 0.82]],
        "relu-wide": [[0.85, 0.86, 0.87], [0.85, 0.86, 0.87]],
    }
    assert "relu-wide +5.00" in averages.verdict(made(values)).evidence


def test_constants_are_means_over_all_runs():
    results = made({"relu": [[0.5, 0.7], [0.7, 0.9]]})
    assert averages.constant(results, "score") == pytest.approx(0.7)
    assert averages.constant(results, "score", {"normal": 0}) == pytest.approx(0.6)
    assert math.isnan(averages.constant(results, "pca"))


def test_a_figure_has_the_arms_and_the_simple_method_on_one_scale():
    results = made({"relu": [[0.5, 0.7], [0.7, 0.9]], "apalu": [[0.6, 0.8], [None, None]]})
    for run in results.runs:
        run["outcome"]["pca"] = 0.75
    _, (panel,) = figures.panels(1)
    averages.by_condition(panel, results, "normal", "pca", "PCA")
    lines = {line.get_label(): line.get_ydata() for line in panel.lines}
    assert lines["PCA"] == pytest.approx([75, 75])
    points = [line.get_ydata() for line in panel.lines if line.get_marker() == "o"]
    assert [list(y) for y in points] == [pytest.approx([60, 80]), pytest.approx([70])]
    _, (panel,) = figures.panels(1)
    averages.dots(panel, results)
    assert panel.collections[0].get_offsets()[:, 0].tolist() == pytest.approx([60, 80])
