"""MobileNet, GoogLeNet and ResNet-50 on CIFAR-10, and what stands in for it."""

import numpy as np
import pytest

from apalu_ref import datasets, studies
from apalu_ref.studies import cifar10
from apalu_ref.studies.plan import Task
from apalu_ref.studies.splits import official
from apalu_ref.studies.sweep import perform
from minigrad import nn

NAMES = ("mobilenet", "googlenet", "resnet50")


def task(name, arm, seed=0, final=True):
    scale = studies.find(name).scales["smoke"]
    return Task(name, "smoke", arm, {}, 0.003, seed, final, scale.settings, "bundled")


@pytest.fixture
def no_data(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)


def test_fashion_mnist_stands_in_and_the_facts_say_so(no_data):
    for source in ("auto", "bundled"):
        train, test = cifar10.images(source)
        assert train.images.shape[1:] == test.images.shape[1:] == (3, 32, 32)
        assert train.facts()["name"] == "fashion-mnist"
    grey = datasets.fashion_mnist("train", source="bundled").images
    np.testing.assert_array_equal(train.images[:, 1, 2:30, 2:30], grey[:, 0])
    assert train.images[:, :, :2].max() == 0


def test_the_full_set_has_no_stand_in(no_data):
    with pytest.raises(datasets.DatasetError, match="cifar10: the full set is missing"):
        cifar10.images("full")


def test_a_damaged_set_is_told_and_not_replaced(tmp_path, monkeypatch):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for name in ("data_batch_1.bin", "test_batch.bin"):
        (folder / name).write_bytes(b"\0" * 3000)
    monkeypatch.setenv("APALU_REF_DATA", str(tmp_path))
    with pytest.raises(datasets.DatasetError, match=r"data_batch_1\.bin"):
        cifar10.images("auto")


@pytest.mark.parametrize("name", NAMES)
def test_a_and_b_of_every_layer_are_followed(name, no_data):
    made = perform(task(name, "apalu"))
    a, b = made["more"]["a"], made["more"]["b"]
    assert len(a) == len(b) == 2  # at the start, and after the epoch
    assert len(a[0]) > 5
    assert a[0] != a[1]
    frozen = perform(task(name, "apalu-frozen"))["more"]
    assert frozen["a"][0] == frozen["a"][1] == a[0]
    assert perform(task(name, "relu"))["more"] == {}
    assert perform(task(name, "apalu", final=False))["more"] == {}


def test_the_figure_and_the_conclusion_work_without_apalu(no_data):
    study = studies.find("mobilenet")
    made = perform(task(study.name, "relu"))
    runs = [{"arm": "relu", "case": {}, "rate": 0.003, "seed": 0, "outcome": made}]
    plan = studies.Scale(("relu",), 1, (0.003,), ({},), {}, "")
    results = studies.Results(study, "smoke", plan, [], {}, [], [], runs, 1.0)
    assert study.conclude(results).verdict == "open"
    study.draw(results).canvas.draw()


def test_a_and_b_are_recorded_under_their_own_names(no_data):
    made = perform(task("mobilenet", "apalu-vp"))["more"]
    # The variance-preserving pair is 0.683 and, without a kink, half as much again.
    np.testing.assert_allclose(made["a"][0], 0.683, atol=5e-4)
    np.testing.assert_allclose(made["b"][0], 1.5 * 0.683, atol=1e-3)


def test_some_training_images_are_mirrored_and_no_image_that_is_judged(no_data):
    seen = {True: [], False: []}

    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 10)

        def forward(self, x):
            seen[self.training] += [image.tobytes() for image in x.data]
            return self.layer(x.mean((2, 3)))

    own = task("mobilenet", "relu", final=False)
    cifar10.study("mobilenet", "MobileNet", lambda *args, **more: Watched(), {}, "").train(own)
    split = official(*cifar10.images("bundled"), own, 64, 32)
    whole = {x.tobytes() for x in split.x}
    turned = {x[..., ::-1].tobytes() for x in split.x}
    assert len(seen[True]) == len(whole) == 64
    assert set(seen[True]) <= whole | turned
    assert 16 < sum(x in turned for x in seen[True]) < 48
    assert seen[False] == [x.tobytes() for x in split.judged_x]
