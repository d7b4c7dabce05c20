"""Deep SVDD: nothing in the network can shift, no test image is seen while choosing."""

from dataclasses import replace

import numpy as np
import pytest

from apalu_ref import datasets
from apalu_ref.studies import deep_svdd
from apalu_ref.studies.arms import activation
from apalu_ref.studies.deep_svdd import STUDY, split, spread
from apalu_ref.studies.models.svdd import centre, embedding, squared_distance
from apalu_ref.studies.plan import Task
from apalu_ref.studies.results import gather
from apalu_ref.studies.training import network
from minigrad import Tensor, no_grad

SETTINGS = STUDY.scales["smoke"].settings


def task(arm="relu", final=True, seed=0, **more):
    base = Task("deep-svdd", "smoke", arm, {"normal": 0}, 0.01, seed, final, SETTINGS, "bundled")
    return replace(base, **more)


@pytest.fixture
def images():
    return deep_svdd.data(SETTINGS, "bundled")


@pytest.mark.parametrize("arm", ["relu", "apalu", "gelu", "tanh"])
def test_the_network_maps_nothing_to_nothing(arm):
    """Without bias a blank image stays at 0: the network cannot reach a centre on its own."""
    model = embedding(activation(arm, 0), 1.0)
    model.eval()
    assert not [name for name, _ in model.named_parameters() if name.endswith("bias")]
    assert np.array_equal(
        model(Tensor(np.zeros((2, 1, 28, 28), np.float32))).data, np.zeros((2, 32))
    )


def test_the_centre_is_the_mean_kept_away_from_zero():
    points = np.array([[1.0, 0.02, -0.02, -3.0], [3.0, 0.04, -0.04, -5.0]])
    assert centre(points).tolist() == pytest.approx([2.0, 0.1, -0.1, -4.0])


def test_the_centre_is_that_of_the_normal_images_normalised_by_themselves(images, monkeypatch):
    """Before training the running means of batch norm are those of no image."""
    given = []

    def watched(points):
        given.append(points)
        return centre(points)

    monkeypatch.setattr(deep_svdd, "centre", watched)
    STUDY.train(task())
    model, seen = network(task(), deep_svdd.build), split(*images, task())
    found = {}
    for training in (False, True):
        model.train(training)
        with no_grad():
            found[training] = model(Tensor(seen.x)).data
    np.testing.assert_allclose(given[0], found[True], rtol=1e-5, atol=1e-6)
    assert np.abs(found[False] - found[True]).max() > 0.1


def test_the_loss_is_the_mean_squared_distance():
    points, middle = Tensor(np.array([[3.0, 4.0], [0.0, 1.0]])), np.zeros((2, 2))
    assert squared_distance(points, middle).item() == pytest.approx((25 + 1) / 2)


def test_spread_is_relative_to_the_centre_and_zero_after_a_collapse():
    assert spread(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([0.0, 2.0])) == pytest.approx(0.5)
    assert spread(np.ones((5, 3)), np.ones(3)) == 0


def test_only_the_normal_digit_is_trained_on_and_the_images_put_aside_never(images):
    train, test = images
    choice, final = split(train, test, task(final=False)), split(train, test, task())
    assert not final.anomalous[test.labels == 0].any()
    assert final.anomalous[test.labels != 0].all()
    assert len(final.judged) == len(test.labels)
    shown = {x.tobytes() for x in train.images[train.labels == 0]}
    pixels = choice.x - choice.x.min()
    whole = np.rint(pixels / pixels.max() * 255).astype(np.uint8)
    assert {x.tobytes() for x in whole} <= shown
    # The same standardised image would be the same bytes.
    assert not {x.tobytes() for x in choice.x} & {x.tobytes() for x in choice.judged}


def test_choosing_a_rate_does_not_look_at_the_test_set(images, monkeypatch):
    train, test = images
    before = STUDY.train(task(final=False))
    other = replace(test, images=255 - test.images, labels=(test.labels + 1) % 10)
    monkeypatch.setattr(deep_svdd, "_loaded", lambda *_: (train, other))
    assert STUDY.train(task(final=False)) == before
    assert STUDY.train(task())["score"] != STUDY.train(task(seed=1))["score"]


def test_runs_are_paired_and_repeat_to_the_bit(images):
    first, again = STUDY.train(task("apalu")), STUDY.train(task("apalu"))
    assert first == again
    relu = STUDY.train(task("relu"))
    # What does not depend on the arm shows that both saw the same images.
    assert (relu["pca"], relu["mean"]) == (first["pca"], first["mean"])
    assert relu["score"] != first["score"]


def test_a_score_is_the_auc_of_what_it_is_said_to_be(images, monkeypatch):
    """Turning the labels around turns the AUC around, for the network and for PCA."""
    found = STUDY.train(task())
    train, test = images
    turned = split(train, test, task())
    turned = turned._replace(anomalous=~turned.anomalous)
    monkeypatch.setattr(deep_svdd, "split", lambda *_: turned)
    other = STUDY.train(task())
    assert other["score"] == pytest.approx(1 - found["score"], abs=1e-5)
    assert other["pca"] == pytest.approx(1 - found["pca"], abs=1e-5)


def made(arms, seeds, scores):
    plan = replace(STUDY.scales["smoke"], arms=arms, seeds=seeds)
    done = []
    for arm in arms:
        for case in plan.cases:
            for seed in range(seeds):
                one = replace(task(arm, seed=seed), case=case)
                score = scores.get(arm)
                found = {
                    "score": score, "spread": 0.001, "collapsed": 1.0, "mean": 0.9, "pca": 0.95,
                    "parameters": 10, "diverged": None if score else "it did",
                    "curves": {"loss": [3.0, 1.0]}, "more": {}, "seconds": 1.0,
                }  # fmt: skip
                done.append((one, found))
    facts = [d.facts() for d in (datasets.mnist("train", source="bundled"),)]
    return gather(STUDY, "quick", plan, facts, {}, done, [])


def test_the_conclusion_names_collapse_and_the_simple_methods():
    said = STUDY.conclude(made(("relu", "apalu"), 3, {"relu": 0.8, "apalu": 0.9}))
    assert said.verdict == "holds"
    assert "collapsed: 12 of 12" in said.evidence
    assert "95.00 (what PCA" in said.evidence
    assert "best arm has 90.00" in said.evidence


@pytest.mark.parametrize(
    ("arms", "seeds", "scores"),
    [
        (("relu", "apalu"), 1, {"relu": 0.8, "apalu": 0.9}),
        (("apalu",), 2, {"apalu": 0.9}),
        (("relu", "gelu"), 2, {"relu": 0.8}),
        (("relu", "apalu"), 2, {}),
    ],
)
def test_it_concludes_and_draws_whatever_there_is(arms, seeds, scores):
    results = made(arms, seeds, scores)
    assert STUDY.conclude(results).verdict in ("open", "does not hold")
    STUDY.draw(results).canvas.draw()
