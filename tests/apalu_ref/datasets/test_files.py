"""The readers of single files: what they return, and what they refuse."""

import gzip
import io
import struct
import zlib

import numpy as np
import pytest

from apalu_ref.datasets import DatasetError, read_cifar10, read_idx, read_npz, read_png

from .written import CODES, idx, png


@pytest.fixture
def put(tmp_path):
    def write(content, name="file"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def refused(reader, path, *words):
    with pytest.raises(DatasetError) as caught:
        reader(path)
    for word in (str(path), *words):
        assert word in str(caught.value)


class TestIdx:
    @pytest.mark.parametrize("code", CODES)
    @pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 0, 3), (3, 4, 5), (1, 2, 1, 2, 2)])
    @pytest.mark.parametrize("compressed", [False, True])
    def test_every_type_and_shape(self, put, code, shape, compressed):
        array = np.random.default_rng(1).uniform(-100, 100, shape)
        array = np.abs(array).astype(code) if code == "u1" else array.astype(code)
        content = idx(array, code)
        read = read_idx(put(gzip.compress(content) if compressed else content))
        assert read.dtype == np.dtype(code).newbyteorder("=")
        assert read.dtype.isnative
        assert read.shape == shape
        np.testing.assert_array_equal(read, array)
        read[...] = 1  # it is the caller's

    def test_bytes_written_out(self, put):
        read = read_idx(put(bytes.fromhex("00000b02 00000002 00000001 0102 fffe")))
        np.testing.assert_array_equal(read, np.array([[258], [-2]], np.int16))

    @pytest.mark.parametrize("content", ["", "00", "00000a01", "00010801", "01000801", "89504e47"])
    def test_other_first_bytes(self, put, content):
        found = " ".join(content[i : i + 2] for i in range(0, len(content), 2)) or "nothing"
        refused(read_idx, put(bytes.fromhex(content)), "not an IDX file", "expected", found)

    @pytest.mark.parametrize("cut", [1, 5, 12])
    def test_cut_short(self, put, cut):
        content = idx(np.arange(12.0).reshape(3, 4), ">f4")
        refused(read_idx, put(content[:-cut]), "cut short", "expected 60", f"found {60 - cut}")

    def test_cut_in_the_header(self, put):
        refused(read_idx, put(idx(np.ones((2, 2)), "u1")[:9]), "header of 12 bytes", "found 9")

    def test_something_follows(self, put):
        refused(read_idx, put(idx(np.ones(3), "u1") + b"\n"), "something follows", "expected 11")

    def test_a_header_that_promises_too_much_is_refused_without_reserving_memory(self, put):
        content = bytes([0, 0, 0x0E, 3]) + b"\xff" * 12
        refused(read_idx, put(content), "cut short")

    def test_gzip_files(self, put):
        content = gzip.compress(idx(np.arange(1000), ">i4"))
        for cut in (len(content) // 2, len(content) - 3, 12):
            refused(read_idx, put(content[:cut]), "gzip file is cut short")
        refused(read_idx, put(content + b"more"), "gzip file is damaged")
        flipped = bytearray(content)
        flipped[len(content) // 2] ^= 0x10
        refused(read_idx, put(bytes(flipped)), "gzip file is")

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            read_idx(tmp_path / "none")


class TestCifar10:
    def test_records(self, put):
        rng = np.random.default_rng(2)
        labels, images = np.array([3, 0, 9]), rng.integers(0, 256, (3, 3, 32, 32), np.uint8)
        content = b"".join(
            bytes([label]) + image.tobytes() for label, image in zip(labels, images, strict=True)
        )
        got_images, got_labels = read_cifar10(put(content))
        assert (got_images.dtype, got_labels.dtype) == (np.uint8, np.int64)
        np.testing.assert_array_equal(got_images, images)
        np.testing.assert_array_equal(got_labels, labels)
        got_images[...] = 0

    def test_refused(self, put):
        record = b"\1" + bytes(3072)
        refused(read_cifar10, put(b""), "found 0 bytes")
        refused(read_cifar10, put(record[:-1]), "records of 3073 bytes", "found 3072 bytes")
        refused(read_cifar10, put(record * 2 + b"x"), "2 records and 1 bytes")
        refused(read_cifar10, put(record + b"\x0a" + bytes(3072)), "found 10 in record 1")


class TestPng:
    def test_all_levels_come_back_exactly(self, put):
        grey = np.arange(256, dtype=np.uint8).reshape(8, 32)
        read = read_png(put(png(grey)))
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, grey[None])
        rgb = np.random.default_rng(3).integers(0, 256, (4, 7, 3), np.uint8)
        read = read_png(put(png(rgb)))
        assert read.flags.c_contiguous
        np.testing.assert_array_equal(read, rgb.transpose(2, 0, 1))

    def test_refused(self, put):
        good = png(np.arange(12, dtype=np.uint8).reshape(3, 4))
        refused(read_png, put(b""), "not a PNG file")
        refused(read_png, put(b"GIF89a..."), "not a PNG file", "47 49 46")
        for cut in range(9, len(good)):
            refused(read_png, put(good[:cut]), "cut short")
        refused(read_png, put(good + b"\0"), "1 bytes follow the end")
        for at in range(8, len(good)):
            flipped = bytearray(good)
            flipped[at] ^= 0x01
            refused(read_png, put(bytes(flipped)))

    def test_pixels_that_do_not_decode(self, put):
        start = png(np.ones((3, 4), np.uint8))[:33]
        body = b"IDAT" + b"no zlib stream"
        data = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        refused(read_png, put(start + data + png(np.ones((1, 1), np.uint8))[-12:]), "decoded")

    def test_kinds_that_would_lose_something(self, put):
        refused(read_png, put(png(np.ones((2, 2), np.uint16), bits=16)), "found 16")
        refused(read_png, put(png(np.ones((2, 2, 4), np.uint8))), "transparency")


class TestNpz:
    def read(self, path):
        return read_npz(path, ("a", "b"))

    def content(self, **arrays):
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        return stream.getvalue()

    def test_arrays(self, put):
        read = self.read(put(self.content(b=np.ones(2), a=np.arange(3), c=np.zeros(1))))
        assert list(read) == ["a", "b"]
        np.testing.assert_array_equal(read["a"], np.arange(3))

    def test_refused(self, put):
        good = self.content(a=np.arange(300), b=np.ones(2))
        refused(self.read, put(b""), "found nothing")
        refused(self.read, put(b"text"), "found 74 65 78 74")
        refused(self.read, put(good[:-1]), "not a whole npz file")
        refused(self.read, put(good[: len(good) // 2]), "not a whole npz file")
        refused(self.read, put(good + b"x"), "not a whole npz file")
        flipped = bytearray(good)
        flipped[500] ^= 1
        refused(self.read, put(bytes(flipped)), "damaged")
        refused(self.read, put(self.content(a=np.ones(1))), "no array 'b'")

    def test_nothing_is_unpickled(self, put):
        objects = np.array([{}], dtype=object)
        refused(self.read, put(self.content(a=objects, b=objects)), "damaged", "allow_pickle")
