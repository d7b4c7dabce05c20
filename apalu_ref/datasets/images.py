"""The sets of pictures with labels."""

from __future__ import annotations

import numpy as np

from apalu_ref.datasets.errors import DatasetError, one_of, whole
from apalu_ref.datasets.files import read_cifar10, read_idx, read_npz
from apalu_ref.datasets.loaded import Images
from apalu_ref.datasets.locate import find
from apalu_ref.datasets.tables import read_matrix

_DIGITS = tuple("0123456789")
_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
            "Bag", "Ankle boot")  # fmt: skip
_OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
            "truck")  # fmt: skip


def mnist(split: str = "train", source: str = "auto") -> Images:
    """MNIST: handwritten digits.

    Parameters
    ----------
    split : {"train", "test"}
    source : {"auto", "bundled", "full"}
        ``"auto"``: the full set where the data directory has it, else the bundled one.

    Returns
    -------
    Images
        uint8, (60000 or 10000, 1, 28, 28); bundled: the first 100 or 20 of each class.

    Examples
    --------
    >>> from apalu_ref import datasets
    >>> datasets.mnist("test", source="bundled")
    <mnist test, bundled, verified: images (200, 1, 28, 28), labels (200,)>
    """
    return _idx("mnist", split, source, _DIGITS)


def fashion_mnist(split: str = "train", source: str = "auto") -> Images:
    """Fashion-MNIST: articles of clothing; in every other respect as :func:`mnist`."""
    return _idx("fashion-mnist", split, source, _CLOTHES)


def _idx(name: str, split: str, source: str, classes: tuple[str, ...]) -> Images:
    one_of("split", split, ("train", "test"))
    found, pattern = find(name, source), {"train": "train-*", "test": "t10k-*"}[split]
    known = found.verify(pattern)
    images_path, labels_path = found.paths(pattern)
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.shape[1:] != (28, 28) or labels.shape != images.shape[:1]:
        raise DatasetError(
            f"{images_path}: expected (N, 28, 28) images with N labels, found {images.shape} "
            f"and {labels.shape}"
        )
    return Images(
        name=name,
        part=split,
        source=found.source,
        verified=known,
        images=images[:, None],
        labels=labels.astype(np.int64),
        classes=classes,
        levels=255,
    )


def cifar10(split: str = "train", source: str = "auto") -> Images:
    """CIFAR-10: photographs of ten kinds of things. Nothing of it comes with the package.

    Parameters
    ----------
    split : {"train", "test"}
    source : {"auto", "full"}

    Returns
    -------
    Images
        uint8, (50000 or 10000, 3, 32, 32). Fewer batches, or batches with fewer records, are
        read, too; the source is then ``"subset"``.
    """
    one_of("split", split, ("train", "test"))
    found, pattern = find("cifar10", source), {"train": "data_batch_*", "test": "test_*"}[split]
    known = found.verify(pattern)
    batches = [read_cifar10(path) for path in found.paths(pattern)]
    return Images(
        name="cifar10",
        part=split,
        source=found.source,
        verified=known,
        images=np.concatenate([images for images, _ in batches]),
        labels=np.concatenate([labels for _, labels in batches]),
        classes=_OBJECTS,
        levels=255,
    )


def digits(source: str = "auto") -> Images:
    """Digits of 8 x 8 pixels with levels 0 to 16; the bundled set is the whole one.

    Returns
    -------
    Images
        uint8, (1797, 1, 8, 8).
    """
    found = find("digits", source)
    (path,), known = found.paths(), found.verify()
    rows = read_matrix(path, 65)
    pixels, labels = rows[:, :64], rows[:, 64]
    if not (whole(pixels, 0, 16) and whole(labels, 0, 9)):
        raise DatasetError(f"{path}: expected levels 0 to 16 and labels 0 to 9, found others")
    return Images(
        name="digits",
        part="all",
        source=found.source,
        verified=known,
        images=pixels.astype(np.uint8).reshape(-1, 1, 8, 8),
        labels=labels.astype(np.int64),
        classes=_DIGITS,
        levels=16,
    )


def sign_digits(size: int = 32, source: str = "auto") -> Images:
    """Photographs of hands that show the digits 0 to 9. Nothing comes with the package.

    Parameters
    ----------
    size : {32, 64}
        Pixels a side.
    source : {"auto", "full"}

    Returns
    -------
    Images
        uint8, (2062, 1, size, size). ``groups`` holds the signer, inferred from the order of
        the photographs: split by it, so that no hand is in both training and test set.
    """
    one_of("size", size, (32, 64))
    found, pattern = find("sign-digits", source), f"*_{size}x{size}.npz"
    (path,), known = found.paths(pattern), found.verify(pattern)
    arrays = read_npz(path, ("images", "labels", "signer_inferred"))
    images, labels, signers = arrays.values()
    count = images.shape[:1]
    if not (
        images.dtype == np.uint8
        and images.shape[1:] == (size, size)
        and count == labels.shape == signers.shape
        and whole(labels, 0, 9)
    ):
        raise DatasetError(
            f"{path}: expected uint8 images (N, {size}, {size}), N labels 0 to 9 and N signers, "
            f"found {images.dtype} {images.shape}, {labels.shape} and {signers.shape}"
        )
    return Images(
        name="sign-digits",
        part=f"{size}x{size}",
        source=found.source,
        verified=known,
        images=images[:, None],
        labels=labels.astype(np.int64),
        classes=_DIGITS,
        levels=255,
        groups=signers.astype(np.int64),
    )
