"""Full sets: where they are found, what is verified, and what is said where they are not."""

import dataclasses
import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from apalu_ref import datasets
from apalu_ref.datasets import DatasetError, catalogue, locate
from apalu_ref.datasets.catalogue import CATALOGUE

from .written import defects, idx

FULL = os.environ.get("APALU_REF_DATA")
needs_full = pytest.mark.skipif(not FULL, reason="APALU_REF_DATA is not set")


@pytest.fixture(autouse=True)
def no_data_directory(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)


@pytest.fixture
def data(tmp_path, monkeypatch):
    """An empty data directory."""
    monkeypatch.setenv("APALU_REF_DATA", str(tmp_path))
    return tmp_path


def put(data, path, content):
    (data / path).parent.mkdir(parents=True, exist_ok=True)
    (data / path).write_bytes(content)


def known(monkeypatch, data, *paths):
    """Let the catalogue know the files that are at these paths now."""
    lines = []
    for path in paths:
        content = (data / path).read_bytes()
        lines.append(f"{hashlib.sha256(content).hexdigest()} {len(content)} {path}")
    monkeypatch.setattr(catalogue, "_FULL", "\n".join(lines))


class TestMissing:
    @pytest.mark.parametrize("name", CATALOGUE)
    def test_the_full_set_is_not_there(self, name):
        with pytest.raises(DatasetError) as caught:
            datasets.load(name, source="full")
        assert f"{name}: the full set is missing: APALU_REF_DATA is not set" in str(caught.value)
        assert CATALOGUE[name].page in str(caught.value)

    @pytest.mark.parametrize("name", [n for n, e in CATALOGUE.items() if not e.bundled])
    def test_nothing_of_it_is_bundled(self, name, data):
        with pytest.raises(DatasetError, match="no part of it comes with the package"):
            datasets.load(name, source="bundled")
        with pytest.raises(DatasetError) as caught:
            datasets.load(name)
        assert f"there is no {CATALOGUE[name].path} in {data}" in str(caught.value)

    def test_a_data_directory_that_is_not_there(self, monkeypatch):
        monkeypatch.setenv("APALU_REF_DATA", "/no/such/folder")
        with pytest.raises(DatasetError, match="APALU_REF_DATA is /no/such/folder"):
            datasets.mnist()
        assert datasets.mnist(source="bundled").source == "bundled"

    def test_an_empty_data_directory_leaves_the_bundled_sets(self, data):
        assert datasets.mnist().source == "bundled"

    def test_an_incomplete_set_is_not_mixed_with_the_bundled_one(self, data):
        put(data, "mnist/train-labels-idx1-ubyte.gz", b"x")
        with pytest.raises(DatasetError) as caught:
            datasets.mnist("test")
        assert "mnist is not complete" in str(caught.value)
        assert "no mnist/t10k-images-idx3-ubyte.gz" in str(caught.value)


class TestFull:
    NAMES = tuple(f.path for f in CATALOGUE["mnist"].full_files)

    @pytest.fixture
    def mnist(self, data, monkeypatch):
        rng = np.random.default_rng(4)
        for path in self.NAMES:
            shape = (7, 28, 28) if "images" in path else (7,)
            put(data, path, gzip.compress(idx(rng.integers(0, 10, shape), "u1")))
        known(monkeypatch, data, *self.NAMES)
        return data / "mnist"

    def test_auto_takes_the_full_set_where_it_is(self, mnist):
        part = datasets.mnist("test")
        assert (part.source, part.verified, part.images.shape) == ("full", True, (7, 1, 28, 28))
        assert datasets.mnist("test", source="bundled").images.shape == (200, 1, 28, 28)

    def test_official_files_are_verified(self, mnist):
        path = mnist / "t10k-images-idx3-ubyte.gz"
        content = bytearray(path.read_bytes())
        path.write_bytes(content[:-1])
        with pytest.raises(DatasetError) as caught:
            datasets.mnist("test")
        assert str(caught.value).startswith(f"{path}: damaged or not the official file")
        assert f"{len(content) - 1} bytes, expected {len(content)}" in str(caught.value)
        content[50] ^= 1
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=hashlib.sha256(content).hexdigest()):
            datasets.mnist("test")
        assert datasets.mnist("train").verified  # its own files are right

    def test_images_and_labels_must_fit(self, data, mnist, monkeypatch):
        put(data, "mnist/train-labels-idx1-ubyte.gz", gzip.compress(idx(np.ones(6), "u1")))
        known(monkeypatch, data, *self.NAMES)
        with pytest.raises(DatasetError, match="with N labels, found"):
            datasets.mnist("train")

    def test_a_file_is_read_for_its_sha256_once(self, mnist, monkeypatch):
        made = []
        real = hashlib.sha256
        monkeypatch.setattr(locate.hashlib, "sha256", lambda *a: made.append(1) or real(*a))
        datasets.mnist("train")
        assert len(made) == 2
        datasets.mnist("train")
        assert len(made) == 2
        path = mnist / "train-labels-idx1-ubyte.gz"
        os.utime(path, ns=(1, 1))
        datasets.mnist("train")
        assert len(made) == 3

    def test_converted_files_may_be_others(self, data):
        header = "lcb,prismatic_coefficient,length_displacement,beam_draught,length_beam,froude,"
        put(data, "regression/yacht.csv", f"{header}residuary_resistance\n1,2,3,4,5,6,7\n".encode())
        yacht = datasets.yacht()
        assert (yacht.source, yacht.verified) == ("full", False)
        np.testing.assert_array_equal(yacht.features, [[1, 2, 3, 4, 5, 6]])
        np.testing.assert_array_equal(yacht.targets, [7])

    def test_stocks_in_disorder(self, data):
        header = "Ticker,Date,Open,High,Low,Close,Volume,Adj Close\n"
        row = "A,2000-01-0{},1,2,3,4,5,6\n"
        put(data, "regression/stocks.csv.gz", (header + row.format(2) + row.format(1)).encode())
        with pytest.raises(DatasetError, match="expected the dates of A in order"):
            datasets.stocks("A")
        put(data, "regression/stocks.csv.gz", (header + row.format("x")).encode())
        with pytest.raises(DatasetError, match="expected dates such as 2000-03-01"):
            datasets.stocks("A")

    def test_sign_digits(self, data):
        rng = np.random.default_rng(5)
        for size in (32, 64):
            path = data / f"sign-language/sign_digits_{size}x{size}.npz"
            path.parent.mkdir(exist_ok=True)
            images = rng.integers(0, 256, (4, size, size), np.uint8)
            arrays = {
                "labels": np.arange(4, dtype=np.uint8),
                "signer_inferred": np.array([0, 0, 1, 1]),
            }
            np.savez_compressed(path, images=images, **arrays)
        part = datasets.sign_digits(64)
        assert (part.part, part.source, part.verified) == ("64x64", "full", False)
        np.testing.assert_array_equal(part.images[:, 0], images)
        assert part.groups.tolist() == [0, 0, 1, 1]
        np.savez(path, images=images, labels=np.full(4, 11), signer_inferred=np.zeros(4))
        with pytest.raises(DatasetError, match="labels 0 to 9"):
            datasets.sign_digits(64)

    def test_a_folder_of_pictures(self, data, monkeypatch):
        defects(data / "mtd96/magnetic_tile")
        (data / "mtd96/.DS_Store").write_bytes(b"x")
        assert not datasets.magnetic_tile().verified
        # The recipe of the digest, written out with sha256sum's format.
        paths = sorted(p.relative_to(data).as_posix() for p in (data / "mtd96").rglob("*.png"))
        lines = [f"{hashlib.sha256((data / p).read_bytes()).hexdigest()}  {p}\n" for p in paths]
        digest = hashlib.sha256("".join(lines).encode()).hexdigest()
        monkeypatch.setitem(catalogue.FOLDERS, "mtd96/", digest)
        tile = datasets.magnetic_tile()
        assert (tile.name, tile.source, tile.verified) == ("magnetic-tile", "full", True)
        assert tile.train.shape == (3, 1, 6, 5)


class TestCifar10:
    OFFICIAL = tuple(f.path for f in CATALOGUE["cifar10"].full_files)

    def records(self, n, seed=0):
        rng = np.random.default_rng(seed)
        return b"".join(bytes([k % 10]) + rng.bytes(3072) for k in range(n))

    def test_all_batches_in_order(self, data, monkeypatch):
        for k, path in enumerate(self.OFFICIAL):
            put(data, path, self.records(3, k))
        known(monkeypatch, data, *self.OFFICIAL)
        train, test = datasets.cifar10("train"), datasets.cifar10("test")
        assert (train.source, train.verified, train.images.shape) == ("full", True, (15, 3, 32, 32))
        assert (test.source, test.images.shape) == ("full", (3, 3, 32, 32))
        second = np.frombuffer(self.records(3, 1), np.uint8).reshape(3, 3073)
        np.testing.assert_array_equal(train.images[3:6].reshape(3, 3072), second[:, 1:])

    def test_fewer_records_are_a_subset(self, data):
        put(data, self.OFFICIAL[0], self.records(12))
        train = datasets.cifar10("train")
        assert (train.source, train.verified, len(train.images)) == ("subset", False, 12)
        with pytest.raises(DatasetError, match=r"cifar10: there is no test_\* in"):
            datasets.cifar10("test")
        put(data, self.OFFICIAL[0], self.records(12)[:-1])
        with pytest.raises(DatasetError, match="found 36875 bytes"):
            datasets.cifar10("train")

    def test_whole_batches_must_be_the_official_ones(self, data, monkeypatch):
        put(data, self.OFFICIAL[0], self.records(3))
        known(monkeypatch, data, self.OFFICIAL[0])
        put(data, self.OFFICIAL[0], self.records(3, 9))
        with pytest.raises(DatasetError, match="damaged or not the official file"):
            datasets.cifar10("train")

    def test_the_known_subset_is_named_as_such_even_when_verified(self, data, monkeypatch):
        folder = "cifar10-lossless-subset/cifar-10-batches-bin"
        paths = [f"{folder}/data_batch_1.bin", f"{folder}/test_batch.bin"]
        for path in paths:
            put(data, path, self.records(2))
        known(monkeypatch, data, *paths)
        train = datasets.cifar10("train", source="full")
        assert (train.source, train.verified, len(train.images)) == ("subset", True, 2)


@needs_full
class TestRealFullSets:
    """The whole sets, where a data directory has them."""

    @pytest.fixture(autouse=True)
    def there(self, no_data_directory, monkeypatch):
        monkeypatch.setenv("APALU_REF_DATA", FULL)

    def load(self, name, **options):
        if locate.find_full(CATALOGUE[name], Path(FULL)) is None:
            pytest.skip(f"the data directory has no {name}")
        loaded = datasets.load(name, source="full", **options)
        assert loaded.verified
        return loaded

    @pytest.mark.parametrize("name", CATALOGUE)
    def test_loads_and_is_verified(self, name):
        assert self.load(name).name == name

    @pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
    @pytest.mark.parametrize(
        ("split", "count", "each"), [("train", 60000, 100), ("test", 10000, 20)]
    )
    def test_the_bundled_images_are_the_first_of_each_class(self, name, split, count, each):
        whole, part = (
            self.load(name, split=split),
            datasets.load(name, split=split, source="bundled"),
        )
        assert len(whole.images) == count
        first = np.sort(
            np.concatenate([np.flatnonzero(whole.labels == k)[:each] for k in range(10)])
        )
        np.testing.assert_array_equal(part.images, whole.images[first])
        np.testing.assert_array_equal(part.labels, whole.labels[first])

    def test_bundled_tables_are_the_whole_ones(self):
        for name in ("libras", "auto-mpg", "digits", "stocks"):
            whole, part = self.load(name), datasets.load(name, source="bundled")
            for field in dataclasses.fields(whole):
                if isinstance(getattr(whole, field.name), np.ndarray):
                    np.testing.assert_array_equal(
                        getattr(whole, field.name), getattr(part, field.name)
                    )

    def test_counts(self):
        assert self.load("concrete").features.shape == (1030, 8)
        assert self.load("yacht").features.shape == (308, 6)
        assert self.load("stocks", ticker="FB").values.shape == (196, 6)
        tile = self.load("magnetic-tile")
        assert len(tile.train) == 761
        counts = dict(zip(tile.classes, np.bincount(tile.labels).tolist(), strict=True))
        assert counts == {
            "good": 191, "blowhole": 115, "break": 85, "crack": 57, "fray": 32, "uneven": 103,
        }  # fmt: skip
        for kind in ("brick", "grass", "gravel"):
            texture = self.load("textures", kind=kind)
            assert np.bincount(texture.labels).tolist() == [40, 15, 15, 15, 15]
        for size in (32, 64):
            hands = self.load("sign-digits", size=size)
            assert hands.images.shape == (2062, 1, size, size)
            assert len(set(hands.groups.tolist())) == 220


def test_what_importing_it_costs():
    code = (
        "import sys, apalu_ref; assert 'apalu_ref.datasets' not in sys.modules\n"
        "import apalu_ref.datasets; assert 'matplotlib' not in sys.modules\n"
        "assert 'urllib.request' not in sys.modules\n"
        "import apalu_ref.cli; assert 'matplotlib' not in sys.modules"
    )
    root = Path(datasets.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0, done.stderr
