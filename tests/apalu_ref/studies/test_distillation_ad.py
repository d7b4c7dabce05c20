"""Teacher and student: targets, maps in closed form, and no defect seen before the test."""

from dataclasses import replace

import numpy as np
import pytest

from apalu_ref.studies import frozen
from apalu_ref.studies.distillation_ad import (
    STUDY,
    Teacher,
    Usual,
    anomaly_maps,
    by_stage,
    gaussian,
    run,
    split,
    usual,
    weights,
)

from .surfaces import made, spoiled, task

SHAPES = [(2, 4, 4), (3, 2, 2)]


def test_all_stages_count_alike_however_large_they_are():
    alike = weights(SHAPES)
    assert alike[:32].sum() == pytest.approx(0.5)
    assert alike[32:].sum() == pytest.approx(0.5)


def test_rows_are_cut_into_the_maps_they_were_made_of():
    maps = [np.random.default_rng(k).random((5, *shape)) for k, shape in enumerate(SHAPES)]
    rows = np.concatenate([m.reshape(5, -1) for m in maps], axis=1)
    assert all(np.array_equal(a, b) for a, b in zip(by_stage(rows, SHAPES), maps, strict=True))


def test_the_usual_is_a_mean_and_deviation_by_place():
    errors = np.zeros((2, 44))
    errors[0], errors[1] = 1.0, 3.0
    known = usual(errors, SHAPES)
    assert [m.shape for m in known.mean] == [(4, 4), (2, 2)]
    assert np.allclose(known.mean[0], 2)
    assert np.allclose(known.std[1], 1)


def test_maps_count_deviations_from_the_usual():
    known = Usual([np.full((4, 4), 0.3), np.full((2, 2), 7.0)], [np.ones((4, 4)), np.ones((2, 2))])
    errors = np.concatenate([np.full((2, 32), 0.3), np.full((2, 12), 7.0)], axis=1)
    assert np.allclose(anomaly_maps(errors, SHAPES, known, 8, 1.0), 0)
    # The first stage is four deviations off: two, averaged with the other.
    errors[1, :32] += 4
    assert np.allclose(anomaly_maps(errors, SHAPES, known, 8, 1.0)[1], 2)


def test_a_map_is_largest_where_the_error_is():
    known = Usual([np.zeros((4, 4)), np.zeros((2, 2))], [np.ones((4, 4)), np.ones((2, 2))])
    errors = np.zeros((1, 44))
    errors[0, 13] = 1.0  # channel 0 of the first stage, row 3, column 1 of 4 x 4
    found = anomaly_maps(errors, SHAPES, known, 8, 0.5)[0]
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert row in (6, 7)
    assert column in (2, 3)


def test_the_gaussian_reference_finds_the_place_that_is_off():
    rng = np.random.default_rng(3)
    good, judged = rng.standard_normal((40, 44)), rng.standard_normal((2, 44))
    judged[1, 32:] *= 8
    near, far = gaussian(good, judged, SHAPES)
    assert far > 3 * near


def test_the_teacher_is_standardised_on_the_images_trained_on():
    brick = frozen.surface("brick", "bundled")
    seen = split(brick.train, brick.test, task(STUDY))
    teacher = Teacher(frozen.extractor(task(STUDY).settings, "bundled"), seen.x)
    for maps in by_stage(teacher(seen.x), teacher.shapes):
        assert np.abs(maps.mean((0, 2, 3))).max() < 1e-2
        assert maps.std((0, 2, 3)).max() < 1.01


def test_images_put_aside_are_not_trained_on():
    brick = frozen.surface("brick", "bundled")
    choice = split(brick.train, brick.test, task(STUDY, final=False))
    final = split(brick.train, brick.test, task(STUDY))
    assert (len(choice.x), len(choice.judged), len(final.x), len(final.judged)) == (
        100, 20, 100, 100,
    )  # fmt: skip
    trained = {x.tobytes() for x in choice.x}
    assert not trained & {x.tobytes() for x in choice.judged}


def test_choosing_a_rate_does_not_look_at_the_test_set(monkeypatch):
    before = run(task(STUDY, final=False))
    brick = frozen.surface("brick", "bundled")
    monkeypatch.setattr(frozen, "surface", lambda *_: spoiled(brick))
    assert run(task(STUDY, final=False)) == before


def test_runs_are_paired_and_repeat_to_the_bit():
    first = run(task(STUDY, "apalu"))
    assert run(task(STUDY, "apalu")) == first
    relu = run(task(STUDY))
    assert relu["gaussian"] == first["gaussian"]
    assert relu["score"] != first["score"]
    assert run(task(STUDY, seed=1))["more"] == {}


def test_more_training_brings_the_student_nearer_to_the_teacher():
    short = run(task(STUDY, final=False))
    settings = dict(task(STUDY).settings) | {"steps": 60}
    longer = run(replace(task(STUDY, final=False), settings=settings))
    assert longer["score"] > short["score"] + 0.1


def test_a_run_that_blows_up_says_so():
    found = run(task(STUDY, rate=1e30))
    assert found["score"] is None
    assert found["diverged"]


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ({"relu": 0.7, "apalu": 0.8}, "holds"),
        ({"relu": 0.8, "apalu": 0.7}, "does not hold"),
        ({"relu": 0.8, "apalu": 0.8}, "open"),
        ({"relu": None, "apalu": None}, "open"),
    ],
)
def test_the_conclusion_follows_the_numbers(scores, verdict):
    found = STUDY.conclude(made(STUDY, scores))
    assert found.verdict == verdict
    if scores["relu"]:
        assert "teacher's features gives 75.00" in found.evidence


@pytest.mark.parametrize(
    ("scores", "seeds"),
    [({"relu": 0.7, "apalu": 0.8}, 1), ({"gelu": 0.7}, 2), ({"relu": None, "apalu": None}, 2)],
)
def test_it_concludes_and_draws_whatever_there_is(scores, seeds):
    results = made(STUDY, scores, seeds)
    assert STUDY.conclude(results).evidence
    STUDY.draw(results).canvas.draw()
