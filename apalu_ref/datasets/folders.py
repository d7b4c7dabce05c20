"""Folders of pictures laid out as in MVTec AD."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.datasets.errors import DatasetError
from apalu_ref.datasets.files import PathLike, read_png
from apalu_ref.datasets.loaded import Defects

Array = NDArray[Any]


def read_defects(folder: PathLike) -> Defects:
    """Read a folder of pictures with and without defects, laid out as in MVTec AD.

    ``train/good/*.png``, ``test/good/*.png``, ``test/KIND/*.png`` and for each of the last a
    mask ``ground_truth/KIND/*_mask.png``. In each folder pictures are taken in the order of
    their names.

    Parameters
    ----------
    folder : path

    Returns
    -------
    Defects
        With source ``"folder"``, not verified. A mask is True where its picture is not 0.

    Raises
    ------
    DatasetError
        If a folder or a mask is missing, a mask has no picture, a picture is damaged, or
        sizes or channels differ.
    """
    top = Path(folder)
    kinds = sorted(p.name for p in _listed(top / "test") if p.is_dir() and p.name != "good")
    train = _read(_pictures(top / "train" / "good"))
    shape = train.shape[1:]
    parts, masks, labels = [], [], []
    for label, kind in enumerate(("good", *kinds)):
        paths = _pictures(top / "test" / kind)
        parts.append(_read(paths, shape))
        if kind == "good":
            masks.append(np.zeros((len(paths), 1, *shape[1:]), bool))
        else:
            masks.append(_read(_masks(top / "ground_truth" / kind, paths), (1, *shape[1:])) > 0)
        labels.append(np.full(len(paths), label))
    return Defects(
        name=top.resolve().name,
        part="all",
        source="folder",
        verified=False,
        train=train,
        test=np.concatenate(parts),
        labels=np.concatenate(labels).astype(np.int64),
        masks=np.concatenate(masks),
        classes=("good", *kinds),
    )


def _listed(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise DatasetError(
            f"{folder}: there is no such folder; expected train/good, test/good, test/KIND and "
            "ground_truth/KIND in it, as in MVTec AD"
        )
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def _pictures(folder: Path) -> list[Path]:
    paths = sorted(path for path in _listed(folder) if path.suffix == ".png")
    if not paths:
        raise DatasetError(f"{folder}: expected .png pictures, found none")
    return paths


def _masks(folder: Path, pictures: list[Path]) -> list[Path]:
    there = {path.name for path in _pictures(folder)}
    expected = [f"{path.stem}_mask.png" for path in pictures]
    for name in expected:
        if name not in there:
            raise DatasetError(f"{folder / name}: there is no such mask")
    extra = sorted(there.difference(expected))
    if extra:
        raise DatasetError(f"{folder / extra[0]}: a mask without a picture")
    return [folder / name for name in expected]


def _read(paths: list[Path], shape: tuple[int, ...] | None = None) -> Array:
    pictures = []
    for path in paths:
        picture = read_png(path)
        shape = shape or picture.shape
        if picture.shape != shape:
            raise DatasetError(
                f"{path}: expected {_size(shape)} as before, found {_size(picture.shape)}"
            )
        pictures.append(picture)
    return np.stack(pictures)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} channel{'s' if shape[0] > 1 else ''} of {shape[1]} x {shape[2]} pixels"
