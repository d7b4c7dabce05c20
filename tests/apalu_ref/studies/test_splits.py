"""Nothing is in two parts, and nothing of the test set in what is trained on."""

import numpy as np
import pytest

from apalu_ref.datasets import Images
from apalu_ref.studies.plan import Task
from apalu_ref.studies.splits import by_group, official, parts, standardised, stratified


def task(arm="relu", rate=0.1, seed=0, final=True):
    return Task("mnist-cnn", "smoke", arm, {}, rate, seed, final, {})


def images(n, split):
    # Each image is of one grey, its number: it can be recognised.
    pixels = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 1, 2, 2))
    return Images(
        name="x", part=split, source="bundled", verified=True, images=pixels.copy(),
        labels=np.arange(n), classes=tuple("abc"), levels=255,
    )  # fmt: skip


def test_parts_are_disjoint_and_all():
    found = parts(103, (0.6, 0.2), np.random.default_rng(0))
    assert [len(p) for p in found] == [62, 21, 20]
    assert sorted(np.concatenate(found)) == list(range(103))


def test_stratified_parts_have_their_share_of_each_class():
    labels = np.repeat([0, 1, 2], [40, 20, 5])
    first, second = stratified(labels, 0.25, np.random.default_rng(0))
    assert np.bincount(labels[second]).tolist() == [10, 5, 1]
    assert sorted(np.concatenate([first, second])) == list(range(65))


def test_groups_are_not_torn():
    groups = np.random.default_rng(0).integers(0, 20, 300)
    first, second = by_group(groups, 0.2, np.random.default_rng(1))
    assert not set(groups[first]) & set(groups[second])
    assert len(set(groups[second])) == 4
    assert len(first) + len(second) == 300


def test_a_rate_is_chosen_on_images_of_the_training_set_that_are_not_trained_on():
    train, test = images(100, "train"), images(30, "test")
    split = official(train, test, task(final=False), 60, 20)
    assert len(split.y) == 60
    assert len(split.judged_y) == 20
    assert not set(split.y) & set(split.judged_y)


def test_a_choice_does_not_depend_on_the_test_set():
    train = images(100, "train")
    found = [official(train, images(n, "test"), task(final=False), 60, 20) for n in (30, 31)]
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_final_run_is_judged_by_the_whole_test_set():
    train, test = images(100, "train"), images(30, "test")
    split = official(train, test, task(), 60, 20)
    np.testing.assert_array_equal(split.judged_y, np.arange(30))
    assert len(split.y) == 60


def test_the_mean_and_deviation_are_those_of_the_training_part():
    split = official(images(100, "train"), images(30, "test"), task(), 60, 20)
    assert split.x.mean() == pytest.approx(0, abs=1e-5)
    assert split.x.std() == pytest.approx(1, abs=1e-5)
    # The same formula for the others: grey 0 and grey 1 differ as they do in the training part.
    step = (split.judged_x[1] - split.judged_x[0]).ravel()
    rows = split.x[np.argsort(split.y)].reshape(60, -1)
    greys = np.sort(split.y)
    expected = (rows[-1] - rows[0]) / (greys[-1] - greys[0])
    np.testing.assert_allclose(step, expected, rtol=1e-4)
    assert split.x.dtype == split.judged_x.dtype == np.float32


def test_arms_and_rates_have_the_same_split_and_seeds_others():
    data = images(100, "train"), images(30, "test")
    first, same, other = (
        official(*data, t, 60, 20).y for t in (task(), task("apalu", 0.3), task(seed=1))
    )
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_where_there_are_few_a_sixth_is_put_aside():
    split = official(images(60, "train"), images(30, "test"), task(final=False), 55_000, 5_000)
    assert (len(split.y), len(split.judged_y)) == (50, 10)


def test_columns_that_do_not_vary_are_no_trouble():
    x = np.column_stack([np.arange(5.0), np.full(5, 3.0)])
    own, other = standardised(x, x + 1)
    assert own[:, 1].tolist() == [0] * 5
    assert np.isfinite(other).all()
    np.testing.assert_allclose(own[:, 0].std(), 1, rtol=1e-6)
