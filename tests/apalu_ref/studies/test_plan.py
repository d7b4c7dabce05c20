"""What a run's random numbers depend on, and which chosen rates lie at an end of the grid."""

from dataclasses import replace

import pytest

from apalu_ref.studies import sweep
from apalu_ref.studies.plan import Task, outcome

from .toy import Here, study

RUN = Task("mnist-cnn", "quick", "relu", {"depth": 5, "net": "plain"}, 0.01, 0, True, {})


@pytest.mark.parametrize(
    "other",
    [{"arm": "apalu"}, {"rate": 0.1}, {"rate": None}, {"case": {"net": "plain", "depth": 5}}],
    ids=["arm", "rate", "no rate", "order of words"],
)
def test_arms_and_rates_share_their_random_numbers(other):
    assert replace(RUN, **other).entropy == RUN.entropy


def test_any_other_study_condition_seed_or_stage_has_numbers_of_its_own():
    others = [
        replace(RUN, study="cifar10"),
        replace(RUN, case={}),
        replace(RUN, case={"depth": 50, "net": "plain"}),
        replace(RUN, case={"depth": 5, "net": "residual"}),
        replace(RUN, seed=1),
        # While a rate is chosen nothing may be as in the runs that are judged.
        replace(RUN, final=False),
        replace(RUN, final=False, seed=1),
    ]
    assert len({run.entropy for run in [RUN, *others]}) == 1 + len(others)


@pytest.mark.parametrize(("best", "edge"), [(0.001, True), (0.01, False), (0.1, True)])
def test_a_rate_at_either_end_of_the_grid_is_marked(best, edge, monkeypatch):
    own = study(train=lambda task: outcome(float(task.rate == best)))
    monkeypatch.setattr(sweep, "find", lambda name: own)
    results = sweep.run("mnist-cnn", "smoke", executor=Here())
    for arm in ("relu", "apalu"):
        assert (results.rate(arm)["rate"], results.rate(arm)["edge"]) == (best, edge)
