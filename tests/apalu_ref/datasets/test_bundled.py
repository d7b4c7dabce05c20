"""What comes with the package: counts, balance, licences, and that it is what it was."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest

from apalu_ref import datasets
from apalu_ref.datasets import DatasetError, locate
from apalu_ref.datasets.catalogue import CATALOGUE


@pytest.fixture(autouse=True)
def no_data_directory(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)


@pytest.mark.parametrize("name", [n for n, e in CATALOGUE.items() if e.bundled])
def test_loads_without_a_data_directory_and_says_so(name):
    loaded = datasets.load(name)
    assert (loaded.name, loaded.source, loaded.verified) == (name, "bundled", True)
    facts = loaded.facts()
    assert json.loads(json.dumps(facts)) == facts


def test_every_file_is_in_the_catalogue_with_a_notice_beside_it():
    files = {p for p in locate.BUNDLED.rglob("*") if p.is_file() and p.suffix != ".txt"}
    listed = {locate.BUNDLED / f.path for e in CATALOGUE.values() for f in e.bundled_files}
    assert files == listed
    for path in files:
        notice = (path.parent / "NOTICE.txt").read_text(encoding="utf-8")
        assert "icence" in notice
        assert path.stat().st_size < 1_000_000
        if "LICENSE.txt" in notice:
            assert "WARRANT" in (path.parent / "LICENSE.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize(("split", "each"), [("train", 100), ("test", 20)])
def test_images_are_balanced(name, split, each):
    part = datasets.load(name, split=split)
    assert part.part == split
    assert (part.images.dtype, part.images.shape) == (np.uint8, (10 * each, 1, 28, 28))
    assert (part.labels.dtype, Counter(part.labels.tolist())) == (
        np.int64, dict.fromkeys(range(10), each),
    )  # fmt: skip
    assert len(part.classes) == 10
    assert (part.images.min(), part.images.max(), part.levels) == (0, 255, 255)


def test_digits():
    digits = datasets.digits()
    assert (digits.images.dtype, digits.images.shape) == (np.uint8, (1797, 1, 8, 8))
    assert (digits.images.max(), digits.levels) == (16, 16)
    # The counts that scikit-learn's documentation gives.
    assert np.bincount(digits.labels).tolist() == [
        178, 182, 177, 183, 181, 182, 181, 179, 174, 180,
    ]  # fmt: skip


def test_libras_without_its_duplicates():
    whole, once = datasets.libras(drop_duplicates=False), datasets.libras()
    assert whole.sequences.shape == (360, 45, 2)
    assert np.bincount(whole.labels).tolist() == [24] * 15
    assert once.sequences.shape == (330, 45, 2)
    rows = [row.tobytes() for row in whole.sequences]
    first = [i for i, row in enumerate(rows) if row not in rows[:i]]
    np.testing.assert_array_equal(once.sequences, whole.sequences[first])
    np.testing.assert_array_equal(once.labels, whole.labels[first])
    assert (once.sequences.min(), once.sequences.max()) == (0, 1)
    # The first line of the file.
    assert once.sequences[0, :2].tolist() == [[0.79691, 0.38194], [0.79691, 0.37731]]
    assert once.labels[0] == 0
    assert len(once.classes) == 15


def test_auto_mpg():
    cars = datasets.auto_mpg()
    assert cars.features.shape == (392, 7)
    assert cars.feature_names == ("cyl", "displ", "hp", "weight", "accel", "yr", "origin")
    assert cars.features[0].tolist() == [8, 307, 130, 3504, 12, 70, 1]
    assert (cars.target_name, cars.targets[0]) == ("mpg", 18)
    assert set(cars.features[:, 6]) == {1, 2, 3}


def test_stocks():
    for ticker in ("AAPL", "IBM", "MSFT"):
        stock = datasets.stocks(ticker)
        assert (stock.part, stock.values.shape) == (ticker, (3270, 6))
        assert (np.diff(stock.dates) > np.timedelta64(0)).all()
    assert str(stock.dates[-1]) == "2013-03-01"
    assert stock.values[-1].tolist() == [27.72, 27.98, 27.52, 27.95, 34849700, 24.684342419163]
    with pytest.raises(ValueError, match="ticker must be one of 'AAPL', 'IBM', 'MSFT'"):
        datasets.stocks("GOOG")


def test_textures_are_made_from_the_photographs():
    photographs = {
        path.stem: datasets.read_png(path) for path in (locate.BUNDLED / "textures").glob("*.png")
    }
    assert {p.shape for p in photographs.values()} == {(1, 512, 512)}
    seen = []
    for kind in ("brick", "grass", "gravel"):
        made, again = datasets.textures(kind), datasets.textures(kind)
        assert made.train.shape == (120, 1, 64, 64)
        assert np.bincount(made.labels).tolist() == [40, 15, 15, 15, 15]
        assert made.classes == ("good", "hole", "scratch", "stain", "swap")
        for field in ("train", "test", "labels", "masks"):
            np.testing.assert_array_equal(getattr(made, field), getattr(again, field))
        painted = made.masks.sum((1, 2, 3))
        assert (painted[made.labels == 0] == 0).all()
        assert (painted[made.labels > 0] >= 20).all()
        assert (painted < 64 * 64 / 4).all()
        windows = np.lib.stride_tricks.sliding_window_view(photographs[kind][0], (64, 64))
        for images, rows in ((made.train, slice(0, 257)), (made.test[:40], slice(320, 449))):
            corners = windows[rows, :, 0, :8]  # found by their first pixels, then compared
            for image in images[:, 0]:
                at = np.argwhere((corners == image[0, :8]).all(-1))
                assert any((windows[rows][y, x] == image).all() for y, x in at)
        seen.append(made.train.tobytes())
    assert len(set(seen)) == 3


def test_defects_change_pixels_only_under_their_masks_and_visibly():
    made = datasets.textures("gravel")
    image, mask = made.test[:, 0].astype(float), made.masks[:, 0]
    holes = made.labels == made.classes.index("hole")
    assert image[holes][mask[holes]].max() <= 25
    assert image[holes][~mask[holes]].mean() > 60


def test_unknown_names_and_options():
    with pytest.raises(ValueError, match="name must be one of 'mnist', "):
        datasets.load("mnits")
    with pytest.raises(ValueError, match="split must be one of 'train', 'test', not 'val'"):
        datasets.mnist("val")
    with pytest.raises(ValueError, match='source must be "auto", "bundled" or "full"'):
        datasets.mnist(source="web")
    with pytest.raises(ValueError, match="kind must be one of 'brick', 'grass', 'gravel'"):
        datasets.textures("wood")
    with pytest.raises(ValueError, match="size must be one of 32, 64"):
        datasets.sign_digits(16)
    assert list(datasets.sets._FUNCTIONS) == list(CATALOGUE)


def test_a_damaged_installation_is_noticed(tmp_path, monkeypatch):
    shutil.copytree(locate.BUNDLED, tmp_path / "bundled")
    path = tmp_path / "bundled" / "auto-mpg" / "auto-mpg.csv"
    path.write_bytes(path.read_bytes().replace(b"18,8,307", b"19,8,307"))
    monkeypatch.setattr(locate, "BUNDLED", tmp_path / "bundled")
    with pytest.raises(DatasetError, match="damaged or not the official file"):
        datasets.auto_mpg()
