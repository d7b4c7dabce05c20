"""The study of how a and b begin."""

import numpy as np
import pytest

from apalu_ref import datasets
from apalu_ref.studies import inits, sensitivity
from apalu_ref.studies.plan import outcome
from apalu_ref.studies.rates_by_init import by_rate, spreads

from .made_up import drawn, results, run, spoil, task

RATES = [0.001, 0.01, 0.1]
INITS = ("U[0,1]", "U[0,2]")
CARS = {"task": "auto-mpg", "init": "U[0,2]"}


def _made(scores):
    return outcome(
        float(np.mean(scores)), best=max(scores), worst=min(scores), failed=0.0, moved=0.2,
        turned=0.0, curves={"score": scores, "moved": [0.1, 0.2, 0.3]},
    )  # fmt: skip


def _lost():
    return outcome(None, diverged="NaN", failed=1.0, curves={"score": [0.1] * 3})


def _results(first, second, seeds=3, arms=("relu", "apalu"), other=None):
    """Scores by rate under two inits of one task; the other task has no differences."""
    rows = []
    for arm in arms:
        for init, scores in zip(INITS, (first, second), strict=True):
            made = _lost() if scores is None else _made(scores)
            rows.append((arm, {"task": "mnist", "init": init}, [made] * seeds))
            rows.append(
                (arm, {"task": "auto-mpg", "init": init}, [_made(other or [0.8] * 3)] * seeds)
            )
    return results("sensitivity", rows, settings={"rates": RATES})


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (_results([0.8, 0.9, 0.85], [0.79, 0.91, 0.5]), "holds"),
        (_results([0.8, 0.9, 0.7], [0.7, 0.8, 0.9]), "holds under a condition"),
        (_results([0.8, 0.9, 0.7], [0.7, 0.8, 0.7]), "does not hold"),
        (_results([0.8, 0.9, 0.7], None), "does not hold"),
        (_results([0.8, 0.9, 0.85], [0.79, 0.91, 0.5], seeds=1), "open"),
        (_results([0.8, 0.9, 0.85], [0.79, 0.91, 0.5], seeds=2), "open"),
        (_results([0.8, 0.9, 0.7], [0.7, 0.8, 0.7], seeds=2), "open"),
        (_results([0.8] * 3, [0.8] * 3, arms=("relu",)), "open"),
    ],
)
def test_the_verdict_is_the_one_that_was_said_beforehand(found, verdict):
    assert found.conclusion().verdict == verdict


def _spread(best, common=None, inits=INITS, noise=(-0.001, 0.0, 0.001)):
    """Scores of the first init at 0.9 for both rates, and of the others shifted, with noise."""
    common = best if common is None else common
    rows = []
    for init in inits:
        off = init != "U[0,2]"
        made = [
            _made([0.9 + off * (common + n), 0.9 + off * (best + n), 0.1]) for n in noise
        ]  # fmt: skip
        rows.append(("apalu", {"task": "mnist", "init": init}, made))
    return results("sensitivity", rows, settings={"rates": RATES})


def test_with_a_spread_only_what_is_surely_so_is_said():
    """t is 6.21 at two comparisons: the interval is the mean ± 6.21 · 0.001 / √3 = ± 0.0036."""
    assert _spread(0.0).conclusion().verdict == "holds"
    assert _spread(-0.0160).conclusion().verdict == "holds"
    assert _spread(-0.0168).conclusion().verdict == "open"
    assert _spread(0.0168).conclusion().verdict == "open"
    assert _spread(0.0232).conclusion().verdict == "open"
    assert _spread(-0.0232).conclusion().verdict == "open"
    assert _spread(-0.0240).conclusion().verdict == "does not hold"
    assert _spread(0.0240).conclusion().verdict == "does not hold"


def test_the_more_inits_the_wider_are_the_intervals():
    """t is 12.3 at eight comparisons, and then ± 0.0071."""
    five = (*INITS, "U[0,5]", "U[-1,1]", "constant 1")
    assert _spread(-0.0240, inits=five).conclusion().verdict == "open"
    assert _spread(-0.0280, inits=five).conclusion().verdict == "does not hold"


def test_equal_inits_with_noise_are_not_said_to_differ():
    """Six truly equal inits, whose means of three lie more than 0.02 apart in most draws."""
    rng = np.random.default_rng(0)
    cases = [{"task": "mnist", "init": init} for init in inits.INITS]
    verdicts, apart = [], []
    for _ in range(40):
        scores = rng.normal(0.8, 0.03, (6, 3))
        rows = [
            ("apalu", case, [_made([float(s)] * 3) for s in values])
            for case, values in zip(cases, scores, strict=True)
        ]
        verdicts.append(
            results("sensitivity", rows, settings={"rates": RATES}).conclusion().verdict
        )
        apart.append(np.ptp(scores.mean(1)) > 0.02)
    assert sum(apart) > 30
    assert verdicts.count("does not hold") <= 2


def test_without_the_papers_init_it_is_open():
    rows = [("apalu", {"task": "mnist", "init": i}, [_made([0.9] * 3)] * 3)
            for i in ("U[0,1]", "U[0,5]")]  # fmt: skip
    found = results("sensitivity", rows, settings={"rates": RATES})
    assert found.conclusion().verdict == "open"


def test_spreads_are_at_each_ones_best_rate_and_at_the_best_common_one():
    found = _results([0.8, 0.9, 0.7], [0.6, 0.75, 0.88])
    names, table = by_rate(found, "apalu", "mnist")
    assert names == list(INITS)
    assert np.allclose(table, [[0.8, 0.9, 0.7], [0.6, 0.75, 0.88]])
    # Means by rate are 0.7, 0.825 and 0.79: the second is the common one.
    assert spreads(found, "apalu", "mnist") == pytest.approx((0.02, 0.15))
    evidence = found.conclusion().evidence
    assert "(0.01: from 0.750 with U[0,2] to 0.900 with U[0,1])" in evidence
    assert "a and b move by 0.20" in evidence


@pytest.mark.parametrize(
    "found",
    [
        _results([0.8, 0.9, 0.7], None, arms=("relu", "apalu", "apalu-frozen", "relu-scaled")),
        _results(None, None, seeds=1),
        _results([0.8] * 3, [0.8] * 3, arms=("relu", "tanh")),
        _results([0.8] * 3, [0.8] * 3, arms=("apalu-frozen",)),
    ],
)
def test_a_figure_is_drawn_of_whatever_there_is(found):
    panels = drawn(found)
    assert len(panels) % 2 == 0
    assert all(p.images or p.texts or p.collections for p in panels)


def test_a_run_has_a_score_for_every_rate():
    made = run("sensitivity", case=CARS)
    scores = made["curves"]["score"]
    assert len(scores) == len(task("sensitivity").settings["rates"])
    assert made["best"] == pytest.approx(max(scores), abs=1e-4)
    assert made["worst"] == pytest.approx(min(scores), abs=1e-4)
    assert made["score"] == pytest.approx(np.mean(scores), abs=1e-4)
    # 9 inputs, for the origin is a class of three; a pair a neuron.
    assert made["parameters"] == 9 * 32 + 32 + 32 * 32 + 32 + 32 + 1 + 2 * 64


def test_the_same_seed_gives_the_same_bits():
    for case in (CARS, {"task": "mnist", "init": "U[-1,1]"}):
        assert run("sensitivity", case=case) == run("sensitivity", case=case)
        assert run("sensitivity", case=case) != run("sensitivity", case=case, seed=1)


def test_relu_is_the_same_under_all_inits_and_apalu_is_not():
    other = {**CARS, "init": "U[0,5]"}
    assert run("sensitivity", "relu", CARS) == run("sensitivity", "relu", other)
    for arm in ("apalu", "apalu-frozen", "relu-scaled"):
        assert run("sensitivity", arm, CARS)["score"] != run("sensitivity", arm, other)["score"]


def test_inits_and_arms_are_paired(monkeypatch):
    seen = []

    def train(model, loss, data, task, **more):
        weights = next(p.data.copy() for n, p in model.named_parameters() if p.ndim == 2)
        seen.append((weights, data[0], data[1]))
        return original(model, loss, data, task, **more)

    original = sensitivity.train
    monkeypatch.setattr(sensitivity, "train", train)
    for arm, init in (("apalu", "U[0,1]"), ("apalu", "constant 1"), ("tanh", "U[0,1]")):
        run("sensitivity", arm, {"task": "auto-mpg", "init": init}, rates=[0.01])
    for part in zip(*seen, strict=True):
        assert all(np.array_equal(part[0], other) for other in part[1:])


def test_a_run_that_fails_counts_as_a_guess():
    rows = [
        {"score": 0.9, "why": None, "parameters": 5, "moved": 0.4, "turned": 0.0, "opposed": 0.0},
        {"score": None, "why": "NaN", "parameters": 5},
        {"score": -3.0, "why": None, "parameters": 5, "moved": 0.2, "turned": 0.5, "opposed": 0.0},
    ]
    made = sensitivity._summed(rows, 0.0)
    assert made["score"] == pytest.approx(0.3)
    assert made["failed"] == pytest.approx(1 / 3, abs=1e-5)
    assert (made["best"], made["worst"]) == (0.9, 0.0)
    assert made["moved"] == pytest.approx(0.3)
    assert made["diverged"] is None


def test_only_if_all_fail_the_run_has_diverged():
    made = sensitivity._summed([{"score": None, "why": "loss is nan", "parameters": 5}] * 2, 0.1)
    assert made["score"] is None
    assert made["diverged"] == "loss is nan"
    assert made["failed"] == 1


def test_huge_rates_fail_and_are_counted():
    made = run("sensitivity", case=CARS, rates=[0.01, 1e30])
    assert made["failed"] == 0.5
    assert made["curves"]["score"][1] == 0


def test_r2_is_1_for_the_truth_and_0_for_the_mean():
    y = np.array([[1.0], [2.0], [6.0]])
    assert sensitivity._explained(y, y) == 1
    assert sensitivity._explained(np.full((3, 1), 3.0), y) == 0
    # Errors 1, 0, 1; deviations 2, 1, 3.
    assert sensitivity._explained(np.array([[2.0], [2.0], [5.0]]), y) == pytest.approx(1 - 2 / 14)
    assert sensitivity._explained(np.full((3, 1), np.nan), y) is None


def test_training_and_test_cars_are_apart_and_standardised():
    final, choice = (
        sensitivity._cars(task("sensitivity", case=CARS, final=f)) for f in (True, False)
    )
    total = len(datasets.auto_mpg(source="bundled").targets)
    assert len(final.y) == len(choice.y)
    assert len(final.judged_y) == round(0.25 * total)
    for split in (final, choice):
        assert np.allclose(split.x.mean(0), 0, atol=1e-5)
        assert np.allclose(split.y.std(), 1, atol=1e-5)
        rows = {row.tobytes() for row in np.hstack([split.x, split.y])}
        judged = {row.tobytes() for row in np.hstack([split.judged_x, split.judged_y])}
        assert not rows & judged


def test_choices_do_not_look_at_the_test_set(monkeypatch):
    case = {"task": "mnist", "init": "U[0,2]"}
    choice, final = run("sensitivity", case=case, final=False), run("sensitivity", case=case)
    spoil(monkeypatch, "mnist")
    assert run("sensitivity", case=case, final=False) == choice
    assert run("sensitivity", case=case)["score"] != final["score"]
