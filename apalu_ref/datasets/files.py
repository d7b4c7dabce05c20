"""Files read whole: plain or gzip, IDX, CIFAR-10 records, PNG, npz."""

from __future__ import annotations

import gzip
import io
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.datasets.errors import DatasetError

Array = NDArray[Any]
PathLike = str | os.PathLike[str]


def read_bytes(path: PathLike) -> bytes:
    """The contents of a file, decompressed if it is a gzip file (by its first bytes).

    Raises
    ------
    DatasetError
        If a gzip file is cut short, damaged, or followed by something else.
    FileNotFoundError
        If there is no such file.
    """
    raw = Path(path).read_bytes()
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        return gzip.decompress(raw)
    except EOFError:
        raise DatasetError(f"{path}: the gzip file is cut short ({len(raw)} bytes)") from None
    except (gzip.BadGzipFile, zlib.error, struct.error) as error:
        raise DatasetError(f"{path}: the gzip file is damaged ({error})") from None


# The third byte of an IDX file names the type; numbers are big-endian.
_IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: PathLike) -> Array:
    """Read an IDX file, plain or gzip: the format of MNIST.

    Two zero bytes, a byte for the type, a byte for the number of axes, the length of each
    axis as a big-endian 32-bit number, then the elements, big-endian, the last axis fastest.

    Parameters
    ----------
    path : path

    Returns
    -------
    ndarray
        uint8, int8, int16, int32, float32 or float64 as the file says, in the machine's
        byte order; the caller's own.

    Raises
    ------
    DatasetError
        If the first bytes are not those of IDX, or the length does not fit the header.
    """
    data = read_bytes(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_TYPES:
        raise DatasetError(
            f"{path}: not an IDX file: expected it to start with 00 00, a type "
            f"(08 09 0b 0c 0d 0e) and a number of axes, found {data[:4].hex(' ') or 'nothing'}"
        )
    dtype, axes = np.dtype(_IDX_TYPES[data[2]]), data[3]
    start = 4 + 4 * axes
    if len(data) < start:
        raise DatasetError(
            f"{path}: cut short: expected a header of {start} bytes, found {len(data)}"
        )
    shape = struct.unpack(f">{axes}I", data[4:start])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise DatasetError(
            f"{path}: {_wrong_length(len(data), expected)}: shape {shape}, "
            f"type {dtype.name}, expected {expected} bytes, found {len(data)}"
        )
    return np.frombuffer(data, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _wrong_length(found: int, expected: int) -> str:
    return "cut short" if found < expected else "something follows the data"


RECORD = 1 + 3 * 32 * 32


def read_cifar10(path: PathLike) -> tuple[Array, Array]:
    """Read a file of the binary version of CIFAR-10.

    A record is a byte for the label and 3072 for the image: the red, green and blue planes,
    each row by row.

    Parameters
    ----------
    path : path

    Returns
    -------
    images : ndarray of uint8, shape (N, 3, 32, 32)
    labels : ndarray of int64, shape (N,)

    Raises
    ------
    DatasetError
        If the file is empty or not a whole number of records, or a label is not 0 to 9.
    """
    data = np.frombuffer(read_bytes(path), np.uint8)
    if data.size == 0 or data.size % RECORD:
        raise DatasetError(
            f"{path}: expected records of {RECORD} bytes, found {data.size} bytes: "
            f"{data.size // RECORD} records and {data.size % RECORD} bytes"
        )
    records = data.reshape(-1, RECORD)
    wrong = np.flatnonzero(records[:, 0] > 9)
    if wrong.size:
        raise DatasetError(
            f"{path}: expected labels 0 to 9, found {records[wrong[0], 0]} in record {wrong[0]}"
        )
    return records[:, 1:].reshape(-1, 3, 32, 32).copy(), records[:, 0].astype(np.int64)


_PNG = b"\x89PNG\r\n\x1a\n"


def read_png(path: PathLike) -> Array:
    """Read a PNG picture of 8 bits a channel (or fewer), grey or RGB.

    Parameters
    ----------
    path : path

    Returns
    -------
    ndarray of uint8, shape (1, H, W) or (3, H, W)
        Levels 0 to 255; pictures with fewer bits are stretched to that range.

    Raises
    ------
    DatasetError
        If it is not a PNG file, a checksum in it is wrong, it is cut short or followed by
        something else, or has 16 bits a channel or transparency.
    """
    # Imported here: matplotlib takes longer to import than the rest together.
    from matplotlib.image import imread

    data = Path(path).read_bytes()
    header = next(_chunks(data, path))
    if header[8] == 16:  # bits a channel
        raise DatasetError(f"{path}: expected 8 bits a channel, found 16")
    for _ in _chunks(data, path):
        pass
    try:
        pixels = np.asarray(imread(io.BytesIO(data), format="png"))
    except Exception as error:  # the decoder raises several types, SyntaxError among them
        raise DatasetError(f"{path}: the picture cannot be decoded ({error})") from None
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        raise DatasetError(f"{path}: expected grey or RGB, found a picture with transparency")
    planes = pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, 2, 0)
    # The decoder gives float32 k / 255; this gives back k exactly.
    return np.rint(planes * np.float32(255)).astype(np.uint8, order="C")


def _chunks(data: bytes, path: PathLike) -> Iterator[bytes]:
    """The chunks' contents, each after its checksum has been verified; the header first."""
    if not data.startswith(_PNG):
        raise DatasetError(f"{path}: not a PNG file: it starts with {data[:8].hex(' ')}")
    at, kind = len(_PNG), b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", data[at : at + 8].ljust(8, b"\0"))
        if at + 12 + length > len(data):
            raise DatasetError(f"{path}: the PNG file is cut short ({len(data)} bytes)")
        body = data[at + 8 : at + 8 + length]
        stored = int.from_bytes(data[at + 8 + length : at + 12 + length], "big")
        if zlib.crc32(body, zlib.crc32(kind)) != stored or (at == 8) != (kind == b"IHDR"):
            raise DatasetError(f"{path}: the PNG file is damaged at byte {at} (chunk {kind!r})")
        yield body
        at += 12 + length
    if at != len(data):
        raise DatasetError(f"{path}: {len(data) - at} bytes follow the end of the PNG file")


def read_npz(path: PathLike, names: Iterable[str]) -> dict[str, Array]:
    """Read the named arrays of an npz file; nothing is unpickled.

    Raises
    ------
    DatasetError
        If it is not an npz file, damaged, cut short or followed by something else, or lacks
        one of the arrays.
    """
    data = Path(path).read_bytes()
    if data[:4] != b"PK\x03\x04" or data[-22:-18] != b"PK\x05\x06":
        raise DatasetError(
            f"{path}: not a whole npz file: expected it to start with 50 4b 03 04 and to end "
            f"with the directory of a zip file, found {data[:4].hex(' ') or 'nothing'} and "
            f"{data[-22:-18].hex(' ') or 'nothing'}"
        )
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            missing = [name for name in names if name not in archive.files]
            if missing:
                raise DatasetError(f"{path}: no array {missing[0]!r}, found {archive.files}")
            return {name: archive[name] for name in names}
    except DatasetError:
        raise
    except (ValueError, OSError, EOFError, KeyError, MemoryError, NotImplementedError,
            zlib.error, zipfile.BadZipFile) as error:  # fmt: skip
        raise DatasetError(f"{path}: the npz file is damaged ({error})") from None
