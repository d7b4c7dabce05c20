"""One extractor for all arms: deterministic, and without a look at surfaces or defects."""

import numpy as np
import pytest

from apalu_ref import datasets
from apalu_ref.studies import frozen
from apalu_ref.studies.frozen import corners, crops
from minigrad.random import get_state, manual_seed

SETTINGS = {"surfaces": ["brick"], "clothes": 100, "clothes_epochs": 1}


def weights(network):
    return np.concatenate([p.data.ravel() for p in network.parameters()])


def test_the_extractor_is_trained_once_and_always_to_the_same_weights():
    frozen._extractor.cache_clear()
    manual_seed(1)
    first = frozen.extractor(SETTINGS, "bundled")
    assert frozen.extractor(SETTINGS, "bundled") is first
    frozen._extractor.cache_clear()
    manual_seed(2)
    again = frozen.extractor(SETTINGS, "bundled")
    assert again is not first
    assert np.array_equal(weights(first), weights(again))
    assert not any(p.requires_grad for p in again.parameters())


def test_training_it_leaves_the_random_numbers_of_a_run_as_they_were():
    frozen._extractor.cache_clear()
    manual_seed(3)
    before = repr(get_state())
    frozen.extractor(SETTINGS, "bundled")
    assert repr(get_state()) == before


def test_it_is_trained_on_clothes_alone(monkeypatch):
    frozen._extractor.cache_clear()

    def never(*_):
        raise AssertionError("a surface was looked at")

    monkeypatch.setattr(datasets, "textures", never)
    monkeypatch.setattr(datasets, "magnetic_tile", never)
    frozen.extractor(SETTINGS, "bundled")


@pytest.mark.parametrize("size", [64, 96])
def test_the_crops_are_the_four_corners_and_cover_the_image(size):
    image = np.arange(size * size).reshape(1, 1, size, size)
    least, places = corners(size)
    assert least % 4 == 0
    seen = np.zeros((size, size), int)
    for (top, left), crop in zip(places, crops(image), strict=True):
        assert crop.shape == (1, 1, least, least)
        assert crop[0, 0, 0, 0] == image[0, 0, top, left]
        seen[top : top + least, left : left + least] += 1
    assert seen.min() == 1
    assert seen[size // 2, size // 2] == 4


def test_without_the_tiles_a_texture_stands_in_and_the_facts_say_so(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)
    for source in ("auto", "bundled"):
        assert frozen.surface("magnetic-tile", source).facts()["name"] == "textures"
    with pytest.raises(datasets.DatasetError):
        frozen.surface("magnetic-tile", "full")
    facts = [d.facts()["name"] for d in frozen.data(SETTINGS, "bundled")]
    assert facts == ["fashion-mnist", "textures"]


def test_features_have_a_row_for_each_image_and_crop():
    found = frozen.features("brick", SETTINGS, "bundled")
    assert found.train.shape[:2] == (120, 4)
    assert found.test.shape[:2] == (100, 4)
    assert np.isfinite(found.test).all()
