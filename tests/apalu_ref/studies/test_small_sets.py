"""Test parts are the same for all seeds and never seen while rates are chosen."""

from dataclasses import replace

import numpy as np
import pytest

from apalu_ref.studies import small_sets
from apalu_ref.studies.plan import Scale, Task, outcome

LABELS = np.repeat(np.arange(5), 20)
GROUPS = np.arange(100) // 4


def task(arm="relu", seed=0, final=False, case=None, rate=0.01):
    return Task("sign-language", "smoke", arm, case or {"set": "x"}, rate, seed, final, {})


def split(of, **more):
    return small_sets.split(of, "x", 100, **{"test": 0.3, "validation": 0.2} | more)


@pytest.mark.parametrize("how", [{}, {"labels": LABELS}, {"groups": GROUPS}])
def test_no_seed_of_a_choice_sees_a_test_row_of_any_seed(how):
    seen, tested = set(), []
    for seed in range(6):
        choice, final = split(task(seed=seed), **how), split(task(seed=seed, final=True), **how)
        seen |= {*choice.train.tolist(), *choice.judged.tolist()}
        tested.append(sorted(final.judged.tolist()))
        assert not set(final.train.tolist()) & set(tested[0])
        assert not set(choice.train.tolist()) & set(choice.judged.tolist())
    assert tested == [tested[0]] * 6
    assert not seen & set(tested[0])
    assert seen | set(tested[0]) == set(range(100))


@pytest.mark.parametrize("how", [{}, {"labels": LABELS}])
def test_the_shares_are_those_asked_for_and_a_final_run_trains_on_as_many_rows(how):
    choice, final = split(task(), **how), split(task(final=True), **how)
    assert len(final.judged) == 30
    assert (len(choice.train), len(choice.judged)) == (55, 15) if how else (56, 14)
    assert len(final.train) == len(choice.train)


def test_arms_and_rates_share_their_split_and_seeds_do_not():
    first = split(task(final=True))
    np.testing.assert_array_equal(first.train, split(task("apalu", 0, True, rate=3)).train)
    assert set(first.train.tolist()) != set(split(task(seed=1, final=True)).train.tolist())


def test_every_class_has_its_share_of_every_part():
    for final in (False, True):
        found = split(task(final=final), labels=LABELS)
        for rows in found:
            counts = np.bincount(LABELS[rows], minlength=5)
            assert counts.min() == counts.max() > 0


def test_no_group_is_in_two_parts():
    choice, final = split(task(), groups=GROUPS), split(task(final=True), groups=GROUPS)
    parts = [set(GROUPS[rows].tolist()) for rows in (*choice, final.judged)]
    assert sum(map(len, parts)) == len(set.union(*parts))


def test_a_share_of_the_training_rows_leaves_the_test_part_as_it_is():
    whole = split(task(final=True), labels=LABELS)
    part = split(task(final=True, case={"set": "x", "share": 0.25}), labels=LABELS, share=0.25)
    np.testing.assert_array_equal(whole.judged, part.judged)
    # A quarter of the 11 rows of each class
    assert np.bincount(LABELS[part.train]).tolist() == [3] * 5
    assert len(part.train) == 15
    by_signer = split(task(final=True), groups=GROUPS, share=0.25)
    assert len(np.unique(GROUPS[by_signer.train])) == pytest.approx(14 / 4, abs=1)


def test_a_choice_rests_on_the_mean_of_several_splits_and_a_final_run_on_one():
    seeds = []

    def once(one):
        seeds.append(one.seed)
        return outcome(float(one.seed))

    assert small_sets.averaged(task(seed=2), once, 3)["score"] == pytest.approx(7)
    assert seeds == [6, 7, 8]
    assert small_sets.averaged(task(seed=2, final=True), once, 3)["score"] == 2
    assert seeds[3:] == [2]


def test_a_choice_of_which_one_split_diverged_has_diverged():
    def once(one):
        return outcome(None, diverged="NaN") if one.seed == 1 else outcome(0.5)

    found = small_sets.averaged(task(), once, 3)
    assert found["score"] is None
    assert found["diverged"] == "NaN"


def test_what_does_not_come_with_the_package_is_left_out_with_a_word(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)
    plan = Scale(("relu",), 1, cases=({"set": "libras"}, {"set": "sign-digits"}))
    cases, said = small_sets.cases_of(plan, "auto")
    assert cases == ({"set": "libras"},)
    assert "sign-digits" in said
    assert "`apalu-ref data` says more" in said
    only = replace(plan, cases=({"set": "libras"},))
    assert small_sets.cases_of(only, "auto") == (({"set": "libras"},), "")


def test_the_first_set_is_not_left_out(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)
    assert small_sets.optional(["sign-digits", "libras"], "auto") == (["sign-digits", "libras"], "")


def test_what_was_asked_for_in_full_is_not_left_out_quietly(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)
    plan = Scale(("relu",), 1, cases=({"set": "libras"}, {"set": "sign-digits"}))
    assert small_sets.cases_of(plan, "full") == (plan.cases, "")
