"""The study of few samples."""

import math

import numpy as np
import pytest

from apalu_ref.studies import overfitting
from apalu_ref.studies.plan import outcome

from .made_up import drawn, results, run, spoil

PAIRS = ("layer", "channel", "neuron")
SMALL = {"steps": 4}


def _made(gap, score=0.8):
    return outcome(score, parameters=10, gap=gap, fitted=score + gap)


def _results(gaps, relu=(0.1, 0.11, 0.12)):
    """Gaps of apalu by case; those of relu are the same in all."""
    rows = []
    for pairs, values in zip(PAIRS, gaps, strict=False):
        case = {"samples": 100, "pairs": pairs}
        rows.append(("relu", case, [v if v is None else _made(v) for v in relu]))
        rows.append(("apalu", case, [v if v is None else _made(v) for v in values]))
    return results("overfitting", rows)


SAME, WIDER, NARROWER = (0.105, 0.11, 0.115), (0.2, 0.22, 0.21), (0.02, 0.03, 0.02)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (_results([NARROWER] * 3), "holds"),
        (_results([SAME, NARROWER, SAME]), "holds"),
        (_results([SAME, WIDER, WIDER]), "holds under a condition"),
        (_results([WIDER] * 3), "does not hold"),
        (_results([(0.0, 0.1, 0.3)] * 3), "open"),
        (_results([(0.0, 0.1, 0.2)] * 3), "open"),
        (_results([[None] * 3] * 3), "does not hold"),
        (_results([[None] * 3] * 3, [None] * 3), "open"),
        (_results([SAME[:1]], SAME[:1]), "open"),
        (results("overfitting", [("relu", {"samples": 9, "pairs": "layer"}, [_made(0.1)])]),
         "open"),
    ],
)  # fmt: skip
def test_the_verdict_is_the_one_that_was_said_beforehand(found, verdict):
    assert found.conclusion().verdict == verdict


def _with_scores(apalu, relu=(0.7, 0.71, 0.69), gap=0.1, lost=0):
    """Test accuracies, ReLU's with a gap of 0.2; APALU's last runs may be lost."""
    rows = []
    for pairs in PAIRS:
        case = {"samples": 100, "pairs": pairs}
        rows.append(("relu", case, [_made(0.2, score) for score in relu]))
        made = [_made(gap, score) for score in apalu]
        rows.append(("apalu", case, made[: len(made) - lost] + [None] * lost))
    return results("overfitting", rows)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        # What has learned nothing is as bad on the images it was trained on.
        (_with_scores((0.1, 0.1, 0.1), gap=0.0), "does not hold"),
        (_with_scores((0.7, 0.71, 0.7)), "holds"),
        (_with_scores((0.8, 0.81, 0.82)), "holds"),
        (_with_scores((0.8,) * 5, (0.7,) * 5, lost=2), "open"),
        (_with_scores((0.8,) * 2, (0.7,) * 2), "open"),
    ],
)
def test_a_small_gap_counts_only_with_an_accuracy_that_is_not_worse(found, verdict):
    assert found.conclusion().verdict == verdict


def test_conditions_are_named_where_they_differ():
    evidence = _results([SAME, WIDER, SAME]).conclusion().evidence
    assert (
        "under 2 of 3 conditions (samples 100, pairs layer / samples 100, pairs neuron)" in evidence
    )
    assert "wider beyond chance under 1 (samples 100, pairs channel)" in evidence
    assert "the test accuracy worse under 0" in evidence


@pytest.mark.parametrize(
    "found",
    [
        _results([SAME] * 3),
        _results([SAME[:1]], SAME[:1]),
        _results([[None] * 2] * 3, [None] * 2),
        results("overfitting", [("apalu-vp", {"samples": 9, "pairs": "neuron"}, [_made(0.1)])]),
    ],
)
def test_a_figure_is_drawn_of_whatever_there_is(found):
    assert len(drawn(found)) == 3


def _run(arm="apalu", pairs="channel", samples=50, **more):
    return run("overfitting", arm, {"samples": samples, "pairs": pairs}, **SMALL, **more)


def test_the_gap_is_what_training_is_better_by():
    made = _run()
    assert made["gap"] == pytest.approx(made["fitted"] - made["score"])
    assert 0 <= made["fitted"] <= 1


def test_what_shares_a_pair_is_counted():
    places = {"layer": 2, "channel": 24, "neuron": 8 * 144 + 16 * 16}
    for pairs, count in places.items():
        assert _run(pairs=pairs)["parameters"] == 1898 + 2 * count
        assert _run("relu-wide", pairs)["parameters"] >= 1898 + 2 * count
        assert _run("apalu-frozen", pairs)["parameters"] == 1898


def test_relu_is_the_same_whatever_shares_a_pair():
    assert _run("relu", "layer") == _run("relu", "neuron")
    assert _run("apalu", "layer") != _run("apalu", "neuron")


def test_the_same_seed_gives_the_same_bits():
    assert _run() == _run()
    assert _run() != _run(seed=1)


def test_samples_are_as_many_as_were_asked_for(monkeypatch):
    seen = []

    def train(model, loss, data, task, **more):
        seen.append((data[0].shape, more["epochs"], more["batch"], data[1].tolist()))
        return original(model, loss, data, task, **more)

    original = overfitting.train
    monkeypatch.setattr(overfitting, "train", train)
    for samples, pairs in ((20, "layer"), (150, "layer"), (150, "neuron")):
        _run(samples=samples, pairs=pairs)
    assert [shape for shape, *_ in seen] == [(20, 1, 14, 14)] + [(150, 1, 14, 14)] * 2
    # Four steps each, or what whole epochs make of them.
    assert [(epochs, batch) for _, epochs, batch, _ in seen] == [(4, 20), (2, 50), (2, 50)]
    assert seen[1][3] == seen[2][3]


def test_choices_do_not_look_at_the_test_set(monkeypatch):
    choice, final = _run(final=False), _run()
    spoil(monkeypatch, "fashion_mnist")
    assert _run(final=False) == choice
    spoiled = _run()
    assert spoiled["score"] != final["score"]
    assert spoiled["fitted"] == final["fitted"]


def test_the_test_loss_is_the_cross_entropy():
    outputs = np.array([[0.0, 0.0], [1.0, 3.0], [1000.0, -1000.0]], np.float32)
    want = (math.log(2) + math.log(1 + math.exp(2)) + 0) / 3
    assert overfitting._surprise(outputs, np.array([0, 0, 0])) == pytest.approx(want)
    assert overfitting._surprise(outputs * np.nan, np.array([0, 0, 0])) is None
