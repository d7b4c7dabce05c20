"""AUROC against counting pairs, and the helpers of anomaly maps against closed forms."""

import json

import numpy as np
import pytest

from apalu_ref.studies.detection import (
    auroc,
    blur,
    enlarged,
    mahalanobis,
    pca_error,
    pixel_auroc,
    rounded,
    thumbnail,
)


def pairs(scores, truth):
    """The share of (anomaly, normal) pairs in the right order, equal ones counted half."""
    good = [s for s, t in zip(scores, truth, strict=True) if not t]
    bad = [s for s, t in zip(scores, truth, strict=True) if t]
    won = sum((b > g) + (b == g) / 2 for b in bad for g in good)
    return won / (len(bad) * len(good))


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_auroc_counts_pairs_and_ties_half(levels):
    rng = np.random.default_rng(levels)
    scores, truth = rng.integers(0, levels, 60) / 7, rng.random(60) < 0.3
    assert auroc(scores, truth) == pytest.approx(pairs(scores, truth), abs=1e-12)


def test_auroc_at_its_ends_by_hand():
    truth = [False, False, True, True]
    assert auroc([1, 2, 3, 4], truth) == 1
    assert auroc([4, 3, 2, 1], truth) == 0
    assert auroc([5, 5, 5, 5], truth) == 0.5
    assert auroc([1, 3, 2, 4], truth) == 0.75


def test_auroc_is_none_without_both_kinds_or_with_a_score_that_is_not_finite():
    assert auroc([1.0, 2.0], [True, True]) is None
    assert auroc([1.0, 2.0], [False, False]) is None
    assert auroc([1.0, np.nan], [False, True]) is None
    assert auroc([1.0, np.inf], [False, True]) is None
    with pytest.raises(ValueError, match="3 scores for 2 labels"):
        auroc([1, 2, 3], [True, False])


def test_auroc_does_not_change_under_a_rising_function():
    rng = np.random.default_rng(0)
    scores, truth = rng.standard_normal(50), rng.random(50) < 0.5
    assert auroc(scores, truth) == auroc(np.exp(3 * scores), truth)


def test_pixel_auroc_pools_the_pixels_of_all_images():
    rng = np.random.default_rng(1)
    maps, masks = rng.integers(0, 4, (3, 4, 5)), rng.random((3, 1, 4, 5)) < 0.4
    assert pixel_auroc(maps, masks) == pytest.approx(pairs(maps.ravel(), masks.ravel()))
    with pytest.raises(ValueError, match="do not fit"):
        pixel_auroc(maps, masks[:2])


def test_blur_keeps_constants_and_mass_and_has_the_variance_asked_for():
    assert np.allclose(blur(np.full((2, 9, 7), 3.0), 1.5), 3)
    spot = np.zeros((41, 41))
    spot[20, 20] = 1
    out = blur(spot, 2.0)
    assert out.sum() == pytest.approx(1)
    assert np.allclose(out, out.T)
    place = np.arange(41) - 20
    # Cutting at three sigma takes a little of the variance 4 away.
    assert (out.sum(0) * place**2).sum() == pytest.approx(4, rel=0.04)


def test_enlarged_is_linear_between_pixel_centres():
    assert np.allclose(enlarged(np.full((3, 2, 2), 7.0), (8, 6)), 7)
    # Halves: 0 and 1 at centres 0.5 and 1.5 become 0, 1/4, 3/4, 1.
    assert np.allclose(enlarged(np.array([[0.0, 1.0]]), (1, 4)), [[0, 0.25, 0.75, 1]])
    assert np.allclose(enlarged(np.array([[0.0], [1.0]]), (4, 1)).ravel(), [0, 0.25, 0.75, 1])


def test_thumbnail_is_small_whole_numbers_for_json():
    rows = thumbnail(np.arange(96 * 96.0).reshape(96, 96), 32)
    assert np.shape(rows) == (32, 32)
    assert json.loads(json.dumps(rows)) == rows
    assert (rows[0][0], rows[-1][-1]) == (0, 255)
    assert thumbnail(np.full((4, 4), 2.0)) == [[0] * 4] * 4
    assert thumbnail(np.array([[0.0, 1.0], [2.0, 4.0]])) == [[0, 64], [128, 255]]


def test_mahalanobis_of_whitened_rows_is_the_euclidean_distance():
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((500, 3)) @ np.array([[2.0, 0, 0], [1, 1, 0], [0, 3, 0.5]])
    judged = rng.standard_normal((5, 3)) + 1
    off = judged - rows.mean(0)
    direct = [v @ np.linalg.inv(np.cov(rows.T, bias=True)) @ v for v in off]
    assert np.allclose(mahalanobis(rows, judged, ridge=0), direct)
    # Fewer rows than columns: only the ridge makes it finite.
    assert np.isfinite(mahalanobis(rows[:2], judged)).all()


def test_pca_leaves_what_is_not_in_the_plane():
    rng = np.random.default_rng(3)
    plane = rng.standard_normal((100, 2)) @ rng.standard_normal((2, 6))
    assert np.allclose(pca_error(plane, plane, 2), 0, atol=1e-9)
    normal = np.linalg.svd(plane - plane.mean(0))[2][-1]
    assert np.allclose(pca_error(plane, plane[:4] + 3 * normal, 2), 9)
    assert np.allclose(pca_error(plane, plane[:4], 0), ((plane[:4] - plane.mean(0)) ** 2).sum(1))


def test_rounded_keeps_six_digits_and_no_infinity():
    assert rounded(1 / 3) == 0.333333
    assert rounded(None) is None
    assert rounded(float("nan")) is None


def test_the_ridge_is_a_share_of_the_mean_variance():
    # The corners of a rectangle: variances 4 and 1, no covariance. A tenth of their mean is 0.25.
    rows = np.array([[2.0, 1.0], [2.0, -1.0], [-2.0, 1.0], [-2.0, -1.0]])
    found = mahalanobis(rows, np.array([[1.0, 0.0], [0.0, 1.0], [1.0, -1.0]]), ridge=0.1)
    assert np.allclose(found, [1 / 4.25, 1 / 1.25, 1 / 4.25 + 1 / 1.25])
