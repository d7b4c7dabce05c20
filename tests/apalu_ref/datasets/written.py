"""Writers of the formats that are read, straight from their descriptions."""

import struct
import zlib

import numpy as np

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def idx(array, code):
    header = bytes([0, 0, CODES[code], array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(code).tobytes()


def png(pixels, bits=8):
    """A PNG file of uint8 (H, W), (H, W, 3) or (H, W, 4), or uint16 (H, W) pixels."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    colour = {2: 0, 3: {3: 2, 4: 6}.get(pixels.shape[-1])}[pixels.ndim]
    height, width = pixels.shape[:2]
    big = pixels.astype(">u2") if bits == 16 else pixels
    rows = b"".join(b"\0" + row.tobytes() for row in big)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def defects(top, size=(6, 5), seed=0):
    """A folder as MVTec AD has them: 3 to train on; 2 good, 2 "dent", 1 "spot" to test on."""
    rng = np.random.default_rng(seed)
    for folder, count in (("train/good", 3), ("test/good", 2), ("test/dent", 2), ("test/spot", 1)):
        (top / folder).mkdir(parents=True)
        for k in range(count):
            (top / folder / f"{k:03}.png").write_bytes(png(rng.integers(0, 256, size, np.uint8)))
            if folder in ("test/dent", "test/spot"):
                truth = top / folder.replace("test", "ground_truth")
                truth.mkdir(parents=True, exist_ok=True)
                mask = np.zeros(size, np.uint8)
                mask[k, :2] = 255
                (truth / f"{k:03}_mask.png").write_bytes(png(mask))
    return top
