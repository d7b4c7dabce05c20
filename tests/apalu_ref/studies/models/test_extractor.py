"""The frozen extractor, and the student that learns from it."""

import numpy as np
import pytest

from apalu_ref.studies.arms import activation
from apalu_ref.studies.models.extractor import CHANNELS, Extractor, own_contrast
from apalu_ref.studies.models.student import Student
from minigrad import Tensor, manual_seed


@pytest.fixture
def extractor():
    manual_seed(0)
    return Extractor(10).freeze()


def test_contrast_and_brightness_of_a_photograph_do_not_matter():
    image = np.random.default_rng(0).integers(0, 90, (2, 1, 8, 8))
    x = own_contrast(image.astype(np.uint8))
    assert np.allclose(x.mean((1, 2, 3)), 0, atol=1e-5)
    brighter = own_contrast((image + 100).astype(np.uint8))
    assert np.allclose(x, brighter, atol=1e-4)
    assert x.dtype == np.float32
    assert not own_contrast(np.full((1, 3, 4, 4), 7, np.uint8)).any()


def test_features_are_the_statistics_of_the_maps(extractor):
    x = np.random.default_rng(1).standard_normal((2, 1, 32, 32)).astype(np.float32)
    found = extractor.features(Tensor(x), scales=(2,)).data
    halved = x.reshape(2, 1, 16, 2, 16, 2).mean((3, 5))
    expected = []
    for maps in extractor.maps(Tensor(halved)):
        h = maps.data.astype(float)
        expected += [h.mean((2, 3)), h.std((2, 3)), h.max((2, 3))]
    assert np.allclose(found, np.concatenate(expected, axis=1), atol=2e-4)
    assert extractor.features(Tensor(x)).shape == (2, 9 * sum(CHANNELS))


def test_frozen_means_that_nothing_is_trained_but_the_image_has_a_gradient(extractor):
    assert not any(p.requires_grad for p in extractor.parameters())
    x = Tensor(np.random.default_rng(2).standard_normal((1, 1, 32, 32)), requires_grad=True)
    before = {k: v.copy() for k, v in extractor.state_dict().items()}
    extractor.features(x).sum().backward()
    assert np.abs(x.grad.data).max() > 0
    assert all(np.array_equal(before[k], v) for k, v in extractor.state_dict().items())


@pytest.mark.parametrize("size", [32, 64, 96])
def test_the_student_answers_in_the_shapes_of_the_teacher(extractor, size):
    manual_seed(0)
    x = Tensor(np.zeros((2, 1, size, size), np.float32))
    taught = [h.shape for h in extractor.maps(x)]
    student = Student(activation("apalu", 0), width=1.3)
    assert [h.shape for h in student.maps(x)] == taught
    assert student(x).shape == (2, sum(np.prod(s[1:]) for s in taught))
