"""The sets of pictures with and without defects."""

from __future__ import annotations

from dataclasses import replace

from apalu_ref.datasets.errors import one_of
from apalu_ref.datasets.files import read_png
from apalu_ref.datasets.folders import read_defects
from apalu_ref.datasets.loaded import Defects
from apalu_ref.datasets.locate import Found, find
from apalu_ref.datasets.textures import make_defects


def magnetic_tile(source: str = "auto") -> Defects:
    """Surfaces of magnetic tiles, good and with defects. Nothing comes with the package.

    Parameters
    ----------
    source : {"auto", "full"}

    Returns
    -------
    Defects
        uint8, (N, 1, 96, 96): 761 to train on, 583 to test on, of which 191 are good.
    """
    found = find("magnetic-tile", source)
    return _from_folder(found, "mtd96/magnetic_tile", "all")


def textures(kind: str = "brick", source: str = "auto") -> Defects:
    """Textures with made-up defects, 64 x 64 pixels.

    Parameters
    ----------
    kind : {"brick", "grass", "gravel"}
    source : {"auto", "bundled", "full"}
        ``"bundled"``: made on the spot from the bundled photographs, always the same. The
        full set was made in the same way by another program: same counts and kinds of
        defect, other pixels.

    Returns
    -------
    Defects
        uint8, (N, 1, 64, 64): 120 to train on, 100 to test on, of which 40 are good.
    """
    one_of("kind", kind, ("brick", "grass", "gravel"))
    found = find("textures", source)
    if found.source != "bundled":
        return _from_folder(found, f"texture_ad/{kind}", kind)
    known = found.verify()
    photographs = {path.stem: read_png(path) for path in found.paths()}
    return replace(make_defects(kind, photographs), verified=known)


def _from_folder(found: Found, folder: str, part: str) -> Defects:
    known = found.verify()
    return replace(
        read_defects(found.root / folder),
        name=found.entry.name,
        part=part,
        source=found.source,
        verified=known,
    )
