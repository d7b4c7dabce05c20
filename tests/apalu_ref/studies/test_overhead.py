"""The study of costs: operations counted by hand, ratios that are ratios."""

import json

import pytest

from apalu_ref.studies import operations
from apalu_ref.studies import overhead as study
from apalu_ref.studies.arms import activation
from apalu_ref.studies.plan import Task
from minigrad import nn

from .toy import results

CASE = {"network": "LeNet"}


def task(arm="relu", case=CASE):
    settings = {"rounds": 1, "patience": 0.0}
    return Task("overhead", "smoke", arm, case, None, 0, True, settings)


def test_operations_of_a_small_network_are_those_counted_by_hand():
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 5, bias=False)
    )  # fmt: skip
    # 3 channels of 4 x 4: each number 18 products, 17 sums and the bias; ReLU one each; pools of
    # 4 to 1 by three comparisons; 5 outputs of 12 products and 11 sums.
    expected = 48 * 36 + 48 + 12 * 3 + 5 * 23
    assert operations.of_network(net, (2, 6, 6), "relu") == expected


def test_operations_of_apalu_are_those_of_its_formula_written_out():
    """|x|, e^-k|x| and the logistic, (1 + s)·a·x, expm1·b: some ten, and at most one exp."""
    assert operations.of_activation("relu") == 1
    assert operations.of_activation("relu-scaled") == 2
    assert 6 <= operations.of_activation("apalu") <= 14
    assert operations.of_activation("apalu") == operations.of_activation("apalu-frozen")
    assert operations.of_activation("mine.py:f") is None


def test_every_arm_that_comes_with_the_package_is_counted():
    from apalu_ref.studies.arms import ARMS

    assert all(operations.of_activation(arm) for arm in ARMS)


@pytest.mark.parametrize("name", study.NETWORKS)
def test_networks_have_the_shapes_they_say(name):
    net = study.NETWORKS[name]
    small, wide = (net.build(activation("apalu", 0), width) for width in (1.0, 2.0))
    counts = [operations.of_network(made, net.shape, "apalu") for made in (small, wide)]
    assert counts[1] > 1.9 * counts[0]


class Clock:
    """Steps that take as long as they say."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def step(self, seconds):
        def run():
            self.now += seconds

        return run


def test_the_ratio_is_own_time_by_relus(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("apalu_ref.bench.timing.time", clock)
    calls = {"own": clock.step(0.03), "relu": clock.step(0.02)}
    ratio, seconds = study._ratio(calls, {"rounds": 3, "patience": 0.0})
    assert (ratio, seconds) == (pytest.approx(1.5), pytest.approx(0.03))


def test_a_run_measures_all_costs_and_counts_are_the_same_every_time():
    first, again = study.run(task("apalu")), study.run(task("apalu"))
    for name in ("operations", "parameters"):
        assert first[name] == again[name]
    assert first["operations"] > 1
    assert first["memory"] > 1
    assert all(first[name] > 0 for name in study.COSTS)
    assert study.run(task())["operations"] == 1
    json.dumps(first, allow_nan=False)


SMALL, LARGE = [1.02, 1.03, 1.01], [1.8, 1.9, 1.7]


def made(scores, cases=(CASE,)):
    """Results all of whose costs are the score."""
    found = results(scores, own=study.STUDY, cases=cases)
    for run in found.runs:
        run["outcome"] |= dict.fromkeys(study.COSTS, run["outcome"]["score"])
    return found


@pytest.mark.parametrize(
    ("apalu", "verdict"),
    [
        (SMALL, "holds"),
        (LARGE, "does not hold"),
        ([1.0, 1.1, 1.2], "open"),
        ([1.5], "open"),
        ([1.0, 1.0], "open"),
        ([1.5, 1.6], "open"),
    ],
)
def test_small_is_at_most_a_tenth_more_with_certainty(apalu, verdict):
    assert made({"relu": [1.0] * len(apalu), "apalu": apalu}).conclusion().verdict == verdict


def test_one_network_in_which_all_costs_are_small_is_a_condition():
    cases = (CASE, {"network": "MLP"})
    scores = {"relu": [SMALL, SMALL], "apalu": [LARGE, SMALL]}
    assert made(scores, cases).conclusion().verdict == "holds under a condition"


def test_one_cost_that_is_small_does_not_make_the_overhead_small():
    found = made({"relu": SMALL, "apalu": LARGE})
    for run in found.runs:
        run["outcome"]["memory"] = 1.0
    conclusion = found.conclusion()
    assert conclusion.verdict == "does not hold"
    assert "1 of 4 costs are at most 1.1 times ReLU's" in conclusion.evidence


def test_a_cost_that_is_not_known_is_not_small():
    found = made({"relu": SMALL, "apalu": SMALL})
    for run in found.runs:
        run["outcome"]["memory"] = None
    assert found.conclusion().verdict == "open"


@pytest.mark.parametrize(
    ("costs", "verdict"), [((LARGE, SMALL), "holds under a condition"),
                           ((LARGE, [1.0, 1.1, 1.2]), "open"), ((LARGE, LARGE), "does not hold")],
)  # fmt: skip
def test_networks_are_judged_as_the_answer_says(costs, verdict):
    cases = (CASE, {"network": "MLP"})
    assert made({"relu": [SMALL, SMALL], "apalu": costs}, cases).conclusion().verdict == verdict


@pytest.mark.parametrize("arms", [("relu", "apalu"), ("gelu",), ("apalu",)])
def test_it_concludes_and_draws_from_one_seed_of_any_arms(arms):
    found = made({arm: [1.5] for arm in arms})
    assert found.conclusion().verdict == "open"
    figure = study.draw(found)
    assert len(figure.axes) == 2
    figure.canvas.draw()
