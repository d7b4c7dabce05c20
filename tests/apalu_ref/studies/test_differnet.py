"""DifferNet: whitening, likelihoods of copies, maps, and no defect seen before the test."""

from dataclasses import replace

import numpy as np
import pytest

from apalu_ref.studies import differnet, frozen
from apalu_ref.studies.differnet import STUDY, averaged, localised, run, split, whitening
from apalu_ref.studies.models.normalizing import Flow
from apalu_ref.studies.training import network, train
from minigrad import Tensor, manual_seed, no_grad

from .surfaces import made, spoiled, task

TILES = {"name": "magnetic-tile", "source": "full"}
BOTH = ({"surface": "magnetic-tile"}, {"surface": "brick"})


@pytest.fixture(scope="module")
def copies():
    return frozen.features("brick", STUDY.scales["smoke"].settings, "bundled")


def test_whitened_features_have_no_correlation_and_variance_one():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((400, 5)) @ rng.standard_normal((5, 5)) + 3
    rows = np.column_stack([rows, np.full(400, 2.0)])
    white = whitening(rows, 10)(rows)
    assert white.shape == (400, 5)
    assert np.allclose(white.mean(0), 0, atol=1e-4)
    assert np.allclose(white.T @ white / 400, np.eye(5), atol=1e-3)


def test_the_first_components_are_those_of_most_variance():
    rng = np.random.default_rng(1)
    shared = rng.standard_normal(500)
    rows = np.column_stack(
        [shared, shared + 0.1 * rng.standard_normal(500), rng.standard_normal(500)]
    )
    first = whitening(rows, 1)(rows)[:, 0]
    assert abs(np.corrcoef(first, shared)[0, 1]) > 0.95


def test_copies_of_an_image_are_averaged_together():
    assert averaged(np.array([1.0, 3.0, 10.0, 20.0]), 2).tolist() == [2.0, 15.0]


def test_images_put_aside_are_not_trained_on_and_whitening_knows_only_the_others(copies):
    choice, final = split(copies, task(STUDY, final=False)), split(copies, task(STUDY))
    assert len(choice.x) == len(final.x) == 4 * 100
    assert len(choice.judged) == 4 * 20
    assert len(final.judged) == 4 * 100
    aside = {row.tobytes() for row in choice.raw[1].reshape(len(choice.raw[1]), -1)}
    kept = {row.tobytes() for row in choice.raw[0].reshape(len(choice.raw[0]), -1)}
    assert not aside & kept
    again = whitening(choice.raw[0].reshape(400, -1), task(STUDY).settings["components"])
    assert np.array_equal(again.matrix, choice.whitening.matrix)


def test_choosing_a_rate_does_not_look_at_the_test_set(copies, monkeypatch):
    before = run(task(STUDY, final=False))
    brick = frozen.surface("brick", "bundled")
    monkeypatch.setattr(frozen, "surface", lambda *_: spoiled(brick))
    monkeypatch.setattr(frozen, "features", lambda *_: copies._replace(test=copies.test * np.nan))
    assert run(task(STUDY, final=False)) == before
    assert run(task(STUDY))["diverged"] == "a likelihood is not finite"


def test_runs_are_paired_and_repeat_to_the_bit():
    first = run(task(STUDY, "apalu"))
    assert run(task(STUDY, "apalu")) == first
    relu = run(task(STUDY))
    assert relu["gaussian"] == first["gaussian"]
    assert relu["score"] != first["score"]
    assert not differnet.drawn(task(STUDY, seed=1))
    assert {"image", "mask", "map"} <= set(first["more"])


def test_a_defect_is_where_the_score_depends_on_the_image(copies):
    """The map against finite differences of the score, at one pixel."""
    one = task(STUDY)
    seen = split(copies, one)
    flow = network(one, differnet.build(one.settings, seen.x.shape[1]))
    images = frozen.surface("brick", "bundled").test[:1]
    found = localised(
        flow, seen.whitening, replace(one, settings=dict(one.settings) | {"blur": 0.05}), images
    )
    extractor = frozen.extractor(one.settings, "bundled")
    x = frozen.own_contrast(images)
    size, places = frozen.corners(64)

    def scores(image):
        with no_grad():
            return [
                flow(seen.whitening(extractor.features(Tensor(np.ascontiguousarray(c))))).data[0]
                for c in frozen.crops(image)
            ]

    step = np.zeros_like(x)
    step[0, 0, 30, 33] = 0.01
    high, low = np.array(scores(x + step)), np.array(scores(x - step))
    assert found[0, 30, 33] == pytest.approx(np.abs((high - low) / 0.02).mean(), rel=0.05)
    assert size < 64
    assert len(places) == 4


def test_a_flow_learns_a_density_that_a_gaussian_cannot():
    """Two clusters: what lies between them is less likely than the clusters."""
    rng = np.random.default_rng(2)
    side = rng.choice([-1.5, 1.5], 600)
    rows = np.column_stack([side, np.zeros(600)]) + 0.25 * rng.standard_normal((600, 2))
    manual_seed(0)
    one = task(STUDY, "apalu", rate=0.02)
    flow = network(one, lambda act, width: Flow(act, 2, 4, 16, width))
    target = np.zeros(600, np.float32)
    train(flow, differnet.likelihood, (rows.astype(np.float32), target), one, epochs=15, batch=50)
    with no_grad():
        inside, between = flow(Tensor(np.float32([[1.5, 0], [0, 0]]))).data
    assert between > inside + 0.3


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ({"relu": 0.7, "apalu": 0.8}, "holds"),
        ({"relu": 0.8, "apalu": 0.7}, "does not hold"),
        ({"relu": 0.8, "apalu": 0.8}, "open"),
        ({"relu": None, "apalu": None}, "open"),
    ],
)
def test_the_verdict_stays_open_and_the_evidence_says_why_and_what_the_numbers_would(scores, words):
    found = STUDY.conclude(made(STUDY, scores))
    assert found.verdict == "open"
    assert "the rule by which rates are chosen was changed after test AUROCs" in found.evidence
    assert f'would say "{words}"' in found.evidence
    assert "open whatever the numbers are" in STUDY.answer


def test_the_published_figure_stands_beside_runs_on_the_tiles_only():
    tiles = STUDY.conclude(made(STUDY, {"relu": 0.7, "apalu": 0.8}, cases=BOTH, data=[TILES]))
    assert "published for DifferNet 97.70" in tiles.evidence
    assert "apalu 80.00 ± 0.00, the Gaussian 75.00" in tiles.evidence
    instead = STUDY.conclude(made(STUDY, {"relu": 0.7, "apalu": 0.8}, cases=BOTH))
    assert "published" not in instead.evidence
    assert "gravel stood in for magnetic-tile" in instead.evidence


@pytest.mark.parametrize(
    ("scores", "seeds", "cases"),
    [
        ({"relu": 0.7, "apalu": 0.8, "gelu": None}, 2, BOTH),
        ({"gelu": 0.7}, 1, BOTH[:1]),
        ({"relu": None, "apalu": None}, 2, BOTH),
    ],
)
def test_it_concludes_and_draws_whatever_there_is(scores, seeds, cases):
    results = made(STUDY, scores, seeds, cases)
    assert STUDY.conclude(results).evidence
    STUDY.draw(results).canvas.draw()
