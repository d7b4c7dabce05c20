"""The study of a CNN on MNIST: the claim has two halves, accuracy and speed."""

import numpy as np
import pytest

from apalu_ref.studies import mnist_cnn
from apalu_ref.studies.plan import outcome

from .made_up import drawn, results, run, spoil

SMALL = {"images": 60, "validation": 20, "epochs": 1, "batch": 20}


def _arm(arm, score, steps, seeds=3):
    """Runs around a score and a number of steps."""
    around = (0.0, 0.001, -0.001)[:seeds]
    return arm, {}, [
        outcome(
            score + e, steps=None if steps is None else steps + 1000 * e, loss=0.1,
            curves={"loss": [2.0, 0.5, 0.1]},
        )
        for e in around
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("score", "steps", "verdict"),
    [
        (0.95, 80, "holds"),
        (0.95, 100, "holds under a condition"),
        (0.90, 80, "holds under a condition"),
        (0.90, 100, "open"),
        (0.95, 120, "open"),
        (0.85, 80, "open"),
        (0.85, 100, "does not hold"),
        (0.90, 120, "does not hold"),
        (0.90, None, "does not hold"),
    ],
)
def test_the_verdict_is_on_accuracy_and_on_steps(score, steps, verdict):
    made = results("mnist-cnn", [_arm("relu", 0.90, 100), _arm("apalu", score, steps)])
    assert made.conclusion().verdict == verdict


@pytest.mark.parametrize(
    "runs",
    [
        [_arm("relu", 0.9, 100, seeds=2), _arm("apalu", 0.95, 80, seeds=2)],
        [_arm("relu", 0.9, 100)],
        [_arm("apalu", 0.9, 100)],
        [("relu", {}, [None] * 3), ("apalu", {}, [None] * 3)],
    ],
    ids=["two seeds", "without apalu", "without relu", "all diverged"],
)
def test_what_cannot_be_compared_is_open_and_drawn_all_the_same(runs):
    made = results("mnist-cnn", runs)
    assert made.conclusion().verdict == "open"
    assert len(drawn(made)) == 3


def test_steps_are_counted_until_ten_of_them_have_a_mean_loss_below_the_level(monkeypatch):
    real = mnist_cnn.train

    def falling(*args, **more):
        # Its mean over ten steps is at 1 for the steps 6 to 15, of which five are at 2.
        return real(*args, **more)._replace(losses=[2.0] * 10 + [0.0] * 10)

    monkeypatch.setattr(mnist_cnn, "train", falling)
    assert run("mnist-cnn", level=1.0, **SMALL)["steps"] == 15
    assert run("mnist-cnn", level=-1.0, **SMALL)["steps"] is None


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first = run("mnist-cnn", **SMALL)
    assert first == run("mnist-cnn", **SMALL)
    assert first != run("mnist-cnn", seed=1, **SMALL)


def test_arms_begin_with_the_same_weights_and_see_the_same_images(monkeypatch):
    seen, real = [], mnist_cnn.train

    def watched(model, loss, data, *args, **more):
        weights = [p.data.copy() for p in model.parameters() if p.ndim >= 2]
        seen.append([*weights, *data])
        return real(model, loss, data, *args, **more)

    monkeypatch.setattr(mnist_cnn, "train", watched)
    relu, apalu = (run("mnist-cnn", arm, **SMALL) for arm in ("relu", "apalu"))
    for one, other in zip(*seen, strict=True):
        np.testing.assert_array_equal(one, other)
    # A pair for each of the 8 and 16 channels.
    assert apalu["parameters"] == relu["parameters"] + 2 * 24


def test_choices_do_not_look_at_the_test_set(monkeypatch):
    choice, final = run("mnist-cnn", final=False, **SMALL), run("mnist-cnn", **SMALL)
    spoil(monkeypatch, "mnist")
    assert run("mnist-cnn", final=False, **SMALL) == choice
    after = run("mnist-cnn", **SMALL)
    assert after["score"] != final["score"]
    assert after["curves"] == final["curves"]
