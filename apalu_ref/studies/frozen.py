"""One extractor for all arms of the studies of defects, and what it makes of the surfaces."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref import datasets
from apalu_ref.studies.models.extractor import Extractor, own_contrast
from apalu_ref.studies.plan import StudyError, Task
from apalu_ref.studies.results import Results
from apalu_ref.studies.training import cross_entropy, train
from minigrad import Tensor, no_grad
from minigrad.random import get_state, manual_seed, set_state

Array = NDArray[Any]

TILES = "magnetic-tile"
INSTEAD = "gravel"
"""The bundled texture that stands in for the magnetic tiles where they are not to be had."""

EXPLAINED = (
    "The frozen extractor is trained in the project, from a fixed seed, to tell the ten kinds of "
    "clothes in the training images of Fashion-MNIST from one another. It has three convolutions "
    "with ReLU, is the same for all arms, and has seen no surface and no defect. Each image is "
    "standardised by its own mean and contrast."
)
FALLBACK = (
    "Magnetic tiles do not come with the package. Where the data directory does not have them, the "
    f"condition {TILES} is run on the bundled texture {INSTEAD} instead, and the list of data "
    "shows it."
)

SURFACES = tuple({"surface": name} for name in (TILES, "brick", "grass", "gravel"))


def surface(name: str, source: str) -> datasets.Defects:
    """Images of a surface, good ones to train on, good and bad ones to test on.

    Parameters
    ----------
    name : str
        ``"magnetic-tile"`` or a kind of texture.
    source : {"auto", "bundled", "full"}

    Raises
    ------
    DatasetError
        If the tiles are missing and ``source`` is ``"full"``.
    """
    return _surface(name, source, os.environ.get("APALU_REF_DATA"))


@lru_cache(maxsize=8)
def _surface(name: str, source: str, directory: str | None) -> datasets.Defects:
    if name != TILES:
        return datasets.textures(name, source)
    if source == "bundled":
        return datasets.textures(INSTEAD, source)
    try:
        return datasets.magnetic_tile(source)
    except datasets.MissingDataError:
        if source != "auto":
            raise
        return datasets.textures(INSTEAD, source)


def data(settings: Mapping[str, Any], source: str) -> Sequence[datasets.Loaded]:
    """What the extractor is trained on, and the surfaces ``settings["surfaces"]``."""
    return [
        datasets.fashion_mnist("train", source=source),
        *(surface(name, source) for name in settings["surfaces"]),
    ]


def extractor(settings: Mapping[str, Any], source: str) -> Extractor:
    """The extractor: trained at the first call in a process, always to the same weights.

    Parameters
    ----------
    settings : mapping
        ``clothes``, how many images of Fashion-MNIST it is trained on, and ``clothes_epochs``.
    source : {"auto", "bundled", "full"}
    """
    return _extractor(
        settings["clothes"], settings["clothes_epochs"], source, os.environ.get("APALU_REF_DATA")
    )


@lru_cache(maxsize=2)
def _extractor(count: int, epochs: int, source: str, directory: str | None) -> Extractor:
    clothes = datasets.fashion_mnist("train", source=source)
    state = get_state()
    manual_seed(0)
    try:
        network = Extractor(len(clothes.classes))
        task = Task("extractor", "", "relu", {}, 0.003, 0, True, {})
        trained = train(
            network, cross_entropy, (own_contrast(clothes.images[:count]), clothes.labels[:count]),
            task, epochs=epochs, batch=100,
        )  # fmt: skip
    finally:
        # What a run draws must not depend on whether it was the first of its process.
        set_state(state)
    if trained.diverged:
        raise StudyError(f"the extractor could not be trained: {trained.diverged}")
    return network.freeze()


def corners(size: int) -> tuple[int, list[tuple[int, int]]]:
    """The four crops that count as copies of an image: how large, and their upper left corners.

    Large crops look like the image, so that likelihoods of all copies are on one scale. Mirror
    images do not: light and grain have a direction on the tiles.

    Examples
    --------
    >>> corners(96)
    (88, [(0, 0), (0, 8), (8, 0), (8, 8)])
    """
    least = size * 15 // 16 // 4 * 4
    rest = size - least
    return least, [(0, 0), (0, rest), (rest, 0), (rest, rest)]


def crops(images: Array) -> list[Array]:
    """The four crops of square images: (N, C, S, S) to four arrays."""
    size, places = corners(images.shape[-1])
    return [images[..., top : top + size, left : left + size] for top, left in places]


class Copies(NamedTuple):
    """Features of the four crops of all images: (N, 4, D)."""

    train: Array
    test: Array


def features(name: str, settings: Mapping[str, Any], source: str) -> Copies:
    """The features of a surface; computed at the first call in a process."""
    return _features(
        name, settings["clothes"], settings["clothes_epochs"], source,
        os.environ.get("APALU_REF_DATA"),
    )  # fmt: skip


@lru_cache(maxsize=4)
def _features(name: str, count: int, epochs: int, source: str, directory: str | None) -> Copies:
    network = _extractor(count, epochs, source, directory)
    images = _surface(name, source, directory)
    both = []
    for part in (images.train, images.test):
        x = own_contrast(part)
        both.append(np.stack([_pooled(network, crop) for crop in crops(x)], axis=1))
    return Copies(*both)


def _pooled(network: Extractor, images: Array, batch: int = 100) -> Array:
    rows = []
    with no_grad():
        for start in range(0, len(images), batch):
            part = np.ascontiguousarray(images[start : start + batch])
            rows.append(network.features(Tensor(part)).data)
    return np.concatenate(rows)


def has_tiles(results: Results) -> bool:
    """Whether the results hold runs on the magnetic tiles themselves."""
    asked = {"surface": TILES} in [dict(c) for c in results.cases]
    return asked and TILES in {d["name"] for d in results.data}


def missing(results: Results) -> str:
    """That another surface stood in for the tiles, if one did."""
    asked = {"surface": TILES} in [dict(c) for c in results.cases]
    return f"{INSTEAD} stood in for {TILES}" if asked and not has_tiles(results) else ""
