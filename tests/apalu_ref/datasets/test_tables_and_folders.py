"""The readers of comma-separated values and of folders of pictures."""

import gzip

import numpy as np
import pytest

from apalu_ref.datasets import DatasetError, read_defects, read_matrix, read_table

from .written import defects, png


@pytest.fixture
def put(tmp_path):
    def write(text, compressed=False):
        path = tmp_path / "table.csv"
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(gzip.compress(content) if compressed else content)
        return path

    return write


class TestMatrix:
    @pytest.mark.parametrize("compressed", [False, True])
    def test_numbers(self, put, compressed):
        read = read_matrix(put("1,2.5\r\n-3e2, 4\r\n", compressed), 2)
        assert read.dtype == np.float64
        np.testing.assert_array_equal(read, [[1, 2.5], [-300, 4]])

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "empty"),
            ("1,2\n3\n", "line 2: expected 2 columns, found 1"),
            ("1,2\n3,4,5\n", "line 2: expected 2 columns, found 3"),
            ("1,2\n\n3,4\n", "line 2: expected 2 columns, found 0"),
            ("1,2\n3,x\n", "line 2: expected numbers, could not convert string to float: 'x'"),
            ("1,\n", "line 1: expected numbers"),
            ("1,nan\n", "line 1: expected finite numbers"),
            ("1,2\n3,4", "cut short: expected a line end at the end of line 2"),
            (b"\xff\xfe1,2\n", "not comma-separated text in UTF-8"),
        ],
    )
    def test_refused(self, put, text, message):
        path = put(text)
        with pytest.raises(DatasetError) as caught:
            read_matrix(path, 2)
        assert str(path) in str(caught.value)
        assert message in str(caught.value)


class TestTable:
    def test_numbers_and_text(self, put):
        table = read_table(put('a,b,c\n1,"x, y",2\n3,z,4\n'), ("a", "b", "c"), text=("b",))
        np.testing.assert_array_equal(table["a"], [1.0, 3.0])
        np.testing.assert_array_equal(table["c"], [2.0, 4.0])
        assert table["b"].tolist() == ["x, y", "z"]

    def test_refused(self, put):
        with pytest.raises(DatasetError, match="expected the header a,c, found a,b"):
            read_table(put("a,b\n1,2\n"), ("a", "c"))
        with pytest.raises(DatasetError, match="rows under the header, found none"):
            read_table(put("a,b\n"), ("a", "b"))
        with pytest.raises(DatasetError, match="line 3: expected 2 columns, found 1"):
            read_table(put("a,b\n1,2\n3\n"), ("a", "b"))


class TestDefects:
    def test_pictures_masks_and_labels(self, tmp_path):
        size = (6, 5)
        read = read_defects(defects(tmp_path / "screws", size))
        assert (read.name, read.source, read.verified) == ("screws", "folder", False)
        assert read.train.shape == (3, 1, *size)
        assert read.test.shape == (5, 1, *size)
        assert read.classes == ("good", "dent", "spot")
        np.testing.assert_array_equal(read.labels, [0, 0, 1, 1, 2])
        assert (read.train.dtype, read.labels.dtype, read.masks.dtype) == (
            np.uint8, np.int64, np.bool_,
        )  # fmt: skip
        wanted = np.zeros((5, 1, *size), bool)
        wanted[2, 0, 0, :2] = wanted[3, 0, 1, :2] = wanted[4, 0, 0, :2] = True
        np.testing.assert_array_equal(read.masks, wanted)

    def test_rgb(self, tmp_path):
        top = defects(tmp_path / "screws")
        colours = {}
        for k, path in enumerate(sorted(top.glob("t*/*/*.png"))):
            colours[path] = np.full((6, 5, 3), (k, 100, 200), np.uint8)
            path.write_bytes(png(colours[path]))
        read = read_defects(top)
        assert read.test.shape == (5, 3, 6, 5)
        assert read.masks.shape == (5, 1, 6, 5)
        good = [
            colours[top / "test/good" / name].transpose(2, 0, 1) for name in ("000.png", "001.png")
        ]
        np.testing.assert_array_equal(read.test[:2], good)

    def test_hidden_and_other_files_do_not_count(self, tmp_path):
        top = defects(tmp_path / "screws")
        (top / "train/good/.DS_Store").write_bytes(b"x")
        (top / "train/good/.000.png").write_bytes(b"x")
        (top / "test/readme.txt").write_bytes(b"x")
        assert len(read_defects(top).train) == 3

    def refused(self, top, where, message):
        with pytest.raises(DatasetError) as caught:
            read_defects(top)
        assert str(caught.value).startswith(str(where))
        assert message in str(caught.value)

    def test_refused(self, tmp_path):
        self.refused(tmp_path / "none", tmp_path / "none" / "test", "there is no such folder")
        top = defects(tmp_path / "a")
        (top / "ground_truth/dent/001_mask.png").unlink()
        self.refused(top, top / "ground_truth/dent/001_mask.png", "there is no such mask")
        top = defects(tmp_path / "b")
        (top / "test/dent/001.png").unlink()
        self.refused(top, top / "ground_truth/dent/001_mask.png", "a mask without a picture")
        top = defects(tmp_path / "c")
        (top / "test/good/001.png").write_bytes(png(np.ones((6, 4), np.uint8)))
        self.refused(top, top / "test/good/001.png", "expected 1 channel of 6 x 5 pixels")
        top = defects(tmp_path / "d")
        (top / "test/spot/000.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        self.refused(top, top / "test/spot/000.png", "cut short")
        top = defects(tmp_path / "e")
        for path in (top / "train/good").iterdir():
            path.unlink()
        self.refused(top, top / "train/good", "expected .png pictures, found none")
