"""The study of a and b over one long run."""

import numpy as np
import pytest

from apalu_ref.studies.plan import outcome

from .made_up import drawn, results, run, spoil

CONSTANT, CYCLE = {"schedule": "constant"}, {"schedule": "one-cycle"}


def _made(score=0.9, settled=1.0, **more):
    measures = {"settled": settled, "drifting": 1 - settled, "collapsed": 0.0, "opposed": 0.0}
    measures |= {"memory": 0.5, **more}
    paths = {"a": [[1.0, 1.2], [0.5, 0.4]], "b": [[1.0, 1.1], [0.2, 0.9]]}
    return outcome(score, curves={"loss": [2.0, 1.0]}, more=paths, **measures)


def _both(constant, cycle=None, vp=None, seeds=3):
    rows = []
    for case, made in ((CONSTANT, constant), (CYCLE, cycle or constant)):
        rows.append(("relu", case, [outcome(0.9)] * seeds))
        rows.append(("apalu", case, [made] * seeds))
        rows.append(("apalu-vp", case, [vp or made] * seeds))
    return results("stability", rows)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (_both(_made()), "holds"),
        (_both(_made(settled=0.6)), "open"),
        (_both(_made(settled=0.1), _made()), "holds under a condition"),
        (_both(_made(settled=0.1)), "does not hold"),
        (_both(_made(collapsed=0.2)), "does not hold"),
        (_both(_made(opposed=0.2)), "does not hold"),
        (_both(_made(collapsed=0.01)), "open"),
        (_both(_made(), vp=_made(0.95)), "open"),
        (_both(_made(), vp=_made(0.85)), "open"),
        (_both(_made(), vp=_made(0.905)), "holds"),
        (_both(None), "does not hold"),
        (_both(_made(), seeds=1), "open"),
        (_both(_made(), seeds=2), "open"),
        (_both(None, seeds=2), "open"),
        (results("stability", [("relu", CONSTANT, [outcome(0.9)] * 2)]), "open"),
    ],
)
def test_the_verdict_is_the_one_that_was_said_beforehand(found, verdict):
    conclusion = found.conclusion()
    assert conclusion.verdict == verdict
    assert "nan" not in conclusion.evidence


def _diverging(apalu, relu=(), seeds=5):
    """Five runs; those of apalu and of relu that are named diverge, what is left is calm."""
    rows = []
    for case in (CONSTANT, CYCLE):
        for arm, lost in (("relu", relu), ("apalu", apalu), ("apalu-vp", ())):
            runs = [None if seed in lost else _made() for seed in range(seeds)]
            rows.append((arm, case, runs))
    return results("stability", rows)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (_diverging(()), "holds"),
        (_diverging((0,)), "open"),
        (_diverging((0, 1)), "open"),
        (_diverging((0, 1, 2)), "does not hold"),
        # As many of ReLU's diverge: it is the training, and enough are left.
        (_diverging((0,), (0,)), "holds"),
        (_diverging((0, 1, 2), (0, 1, 2)), "open"),
    ],
)
def test_runs_that_diverge_do_not_help_those_that_are_left(found, verdict):
    conclusion = found.conclusion()
    assert conclusion.verdict == verdict
    if found.diverged("apalu", CONSTANT):
        assert f"{found.diverged('apalu', CONSTANT)} of 5 runs diverged" in conclusion.evidence


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("differences", "verdict"),
    [((0.002, 0.003, 0.004), "holds"), ((0.002, 0.005, 0.011), "open")],
    ids=["0.05 to 0.55 points", "-0.54 to 1.74 points"],
)
def test_the_whole_interval_between_inits_must_lie_within_a_point(differences, verdict, sign):
    rows = []
    for case in (CONSTANT, CYCLE):
        rows += [("relu", case, [outcome(0.9)] * 3), ("apalu", case, [_made(0.9)] * 3)]
        rows.append(("apalu-vp", case, [_made(0.9 + sign * d) for d in differences]))
    assert results("stability", rows).conclusion().verdict == verdict


def test_the_evidence_has_the_numbers():
    evidence = _both(_made(0.912, 0.75)).conclusion().evidence
    assert "75% of a and b settle, 25% drift" in evidence
    assert "correlates with where they started by 0.50 (schedule constant)" in evidence


@pytest.mark.parametrize(
    "found",
    [
        _both(_made()),
        _both(_made(), seeds=1),
        _both(None),
        results("stability", [("relu", CONSTANT, [outcome(0.9)])]),
        results("stability", [("apalu-vp", CYCLE, [_made()]), ("tanh", CYCLE, [outcome(0.9)])]),
    ],
)
def test_a_figure_is_drawn_of_whatever_there_is(found):
    assert len(drawn(found)) == 4 * len(found.cases)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first = run("stability", epochs=2)
    assert first == run("stability", epochs=2)
    assert first != run("stability", epochs=2, seed=1)


def test_paths_are_kept_whole_for_the_first_seed_and_begin_within_the_papers_range():
    made = run("stability", epochs=2)
    assert made["parameters"] == 1898 + 2 * 24
    for letter in "ab":
        paths = np.array(made["more"][letter])
        assert paths.shape[0] == 24
        assert paths.shape[1] > 5
        assert ((paths[:, 0] > 0) & (paths[:, 0] <= 2)).all()
    assert np.array(run("stability", epochs=2, seed=1)["more"]["a"]).shape == (24, 2)


def test_the_variance_preserving_pair_is_where_its_paths_begin():
    made = run("stability", "apalu-vp", epochs=1)
    assert np.allclose(np.array(made["more"]["a"])[:, 0], 0.683)
    assert made["kink"] > 0


def test_frozen_pairs_do_not_move_and_relu_has_none():
    frozen = run("stability", "apalu-frozen", epochs=1)
    assert frozen["moved"] == 0
    assert frozen["settled"] == 1
    assert np.array(frozen["more"]["a"]).shape == (24, 2)
    relu = run("stability", "relu", epochs=1)
    assert "moved" not in relu
    assert relu["more"] == {}


def test_a_cycle_brings_the_rate_down_and_a_and_b_to_rest():
    constant = run("stability", case=CONSTANT, epochs=10, rate=0.03)
    cycle = run("stability", case=CYCLE, epochs=10, rate=0.03)
    assert cycle["settled"] > constant["settled"]


def test_choices_do_not_look_at_the_test_set(monkeypatch):
    choice, final = run("stability", final=False, epochs=1), run("stability", epochs=1)
    spoil(monkeypatch, "mnist")
    assert run("stability", final=False, epochs=1) == choice
    assert run("stability", epochs=1)["score"] != final["score"]
