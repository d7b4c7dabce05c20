"""Defects painted on photographs of textures: a set for anomaly detection without downloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.datasets.loaded import Defects

Array = NDArray[Any]

SIZE = 64
DEFECTS = ("hole", "scratch", "stain", "swap")
_TRAIN, _GOOD, _EACH = 120, 40, 15
_SPLIT = 0.625  # of the rows; crops to train on come from above, crops to test on from below
_SEED = 20240208


def make_defects(kind: str, photographs: Mapping[str, Array]) -> Defects:
    """Cut crops from a photograph and paint defects on some; always the same ones.

    Training and test crops share no row of the photograph. The defects, 15 of each: a dark
    ``hole``, a ``scratch`` lighter or darker than its surroundings, a ``stain`` through which
    the texture is seen, and a ``swap``, a disc cut from another texture.

    Parameters
    ----------
    kind : str
        One of the photographs.
    photographs : mapping of str to ndarray of uint8, shape (1, H, W)

    Returns
    -------
    Defects
        120 images to train on; 40 good ones and 60 with defects to test on, 64 x 64.
    """
    kinds = sorted(photographs)
    rng = np.random.default_rng([_SEED, kinds.index(kind)])
    photograph = photographs[kind][0]
    border = int(_SPLIT * photograph.shape[0])
    above, below = photograph[:border], photograph[border:]
    train = np.stack([_crop(above, rng) for _ in range(_TRAIN)])
    test = [_crop(below, rng) for _ in range(_GOOD)]
    masks = [np.zeros((SIZE, SIZE), bool) for _ in test]
    others = [photographs[other][0] for other in kinds if other != kind]
    for defect in DEFECTS:
        for _ in range(_EACH):
            crop = _crop(below, rng).astype(np.float64)
            if defect == "swap":
                mask = _disc(rng, 8, 14)
                painted = _crop(others[rng.integers(len(others))], rng)
            else:
                mask, painted = _PAINT[defect](crop, rng)
            test.append(np.where(mask, np.clip(painted, 0, 255), crop).astype(np.uint8))
            masks.append(mask)
    return Defects(
        name="textures",
        part=kind,
        source="bundled",
        verified=False,
        train=train[:, None],
        test=np.stack(test)[:, None],
        labels=np.repeat(np.arange(1 + len(DEFECTS)), [_GOOD] + [_EACH] * len(DEFECTS)),
        masks=np.stack(masks)[:, None],
        classes=("good", *DEFECTS),
    )


def _crop(photograph: Array, rng: np.random.Generator) -> Array:
    top, left = rng.integers(np.array(photograph.shape) - SIZE + 1)
    return photograph[top : top + SIZE, left : left + SIZE]


def _disc(rng: np.random.Generator, least: float, most: float) -> Array:
    """An ellipse whose half axes lie between ``least`` and ``most``, wholly inside."""
    axes = rng.uniform(least, most, 2)
    centre = rng.uniform(axes, SIZE - 1 - axes)
    y, x = np.indices((SIZE, SIZE))
    inside: Array = ((y - centre[0]) / axes[0]) ** 2 + ((x - centre[1]) / axes[1]) ** 2 <= 1
    return inside


def _hole(crop: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    return _disc(rng, 3, 6), rng.uniform(0, 25, crop.shape)


def _scratch(crop: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    angle, length = rng.uniform(0, np.pi), rng.uniform(25, 50)
    direction = np.array([np.sin(angle), np.cos(angle)])
    middle = rng.uniform(SIZE * 0.35, SIZE * 0.65, 2)
    y, x = np.indices(crop.shape) - middle[:, None, None]
    along, across = y * direction[0] + x * direction[1], x * direction[0] - y * direction[1]
    mask = (np.abs(along) <= length / 2) & (np.abs(across) <= rng.uniform(0.6, 1.2))
    # Away from the local level, so that it is seen on light and dark ground.
    return mask, crop + (70 if crop[mask].mean() < 128 else -70)


def _stain(crop: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    return _disc(rng, 7, 13), crop * rng.uniform(0.45, 0.65)


_PAINT: dict[str, Callable[[Array, np.random.Generator], tuple[Array, Array]]] = {
    "hole": _hole,
    "scratch": _scratch,
    "stain": _stain,
}
