"""Small images, where they come from, and the network for them."""

import numpy as np
import pytest

from apalu_ref import datasets
from apalu_ref.layer import APALU
from apalu_ref.studies import pictures
from apalu_ref.studies.training import count
from minigrad import Tensor, nn


def test_a_small_image_has_the_means_of_squares():
    images = datasets.mnist("test", source="bundled")
    small = pictures.reduced(images, 7)
    assert small.images.shape == (200, 1, 7, 7)
    square = images.images[17, 0, 8:12, 20:24]
    assert small.images[17, 0, 2, 5] == pytest.approx(square.mean())
    assert small.images.dtype == np.float32
    assert small.labels is images.labels
    assert pictures.reduced(images, 28) is images


def test_sides_that_do_not_divide_are_told():
    with pytest.raises(ValueError, match="28x28 cannot be made 9x9"):
        pictures.reduced(datasets.mnist("test", source="bundled"), 9)


@pytest.mark.parametrize(
    ("pairs", "places"), [("layer", 1 + 1), ("channel", 8 + 16), ("neuron", 8 * 144 + 16 * 16)]
)
def test_what_shares_a_pair_decides_how_many_there_are(pairs, places):
    plain = count(pictures.small_cnn(lambda n: nn.ReLU(), 1.0, 14, pairs))
    assert plain == 8 * 10 + 16 * 73 + 10 * 65
    side_14 = pictures.small_cnn(lambda n: APALU(n), 1.0, 14, pairs)
    if pairs == "neuron":
        places = 8 * 12 * 12 + 16 * 4 * 4
    assert count(side_14) == plain + 2 * places
    assert side_14(np.zeros((2, 1, 14, 14), np.float32)).shape == (2, 10)


def test_per_neuron_every_place_has_a_pair_of_its_own():
    activation = APALU(12, init=(1.0, 1.0))
    activation.a.data[...] = np.arange(12)
    x = np.ones((2, 3, 2, 2), np.float32)
    y = pictures.PerNeuron(activation)(Tensor(x)).data
    assert np.allclose(y[0].ravel() / y[0].ravel()[1], np.arange(12))
    assert y.shape == x.shape


def test_where_cifar10_is_not_there_fashion_mnist_is_taken(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)
    for source in ("bundled", "auto"):
        assert pictures.natural("test", source).facts()["name"] == "fashion-mnist"
        assert "Fashion-MNIST takes the place of CIFAR-10" in pictures.stand_in(source)


def test_unless_full_data_are_asked_for(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)
    with pytest.raises(datasets.DatasetError, match="cifar10"):
        pictures.natural("test", "full")
    with pytest.raises(datasets.DatasetError, match="cifar10"):
        pictures.stand_in("full")
