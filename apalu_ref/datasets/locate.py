"""Where the files of a data set are, and whether they are the known ones."""

from __future__ import annotations

import hashlib
import os
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from apalu_ref.datasets.catalogue import CATALOGUE, FOLDERS, Entry, File
from apalu_ref.datasets.errors import DatasetError, MissingDataError

BUNDLED = Path(__file__).parent / "bundled"
VARIABLE = "APALU_REF_DATA"


class Found(NamedTuple):
    """A data set that is there.

    ``source`` is as in :class:`~apalu_ref.datasets.loaded.Loaded`; ``files`` are known ones
    (none for a folder of pictures) with the paths they were found at.
    """

    entry: Entry
    source: str
    files: list[tuple[File, Path]]
    root: Path

    def verify(self, pattern: str = "*") -> bool:
        """Compare the files, or those whose names match ``pattern``, with their sha256.

        Returns
        -------
        bool
            False if files that may be other ones (converted ones, a subset) are.

        Raises
        ------
        DatasetError
            If files that must be the known ones are not.
        """
        if self.entry.full in FOLDERS and self.source != "bundled":
            return _folder_sha256(self.root, self.entry.full) == FOLDERS[self.entry.full]
        # All are looked at, so that no damaged file passes behind one that may differ.
        known = [self._known(*one) for one in self.files if fnmatch(one[1].name, pattern)]
        return all(known)

    def paths(self, pattern: str = "*") -> list[Path]:
        """The paths of the files whose names match, in the order of their names."""
        paths = sorted(path for _, path in self.files if fnmatch(path.name, pattern))
        if not paths:
            raise DatasetError(f"{self.entry.name}: there is no {pattern} in {self.root}")
        return paths

    def _known(self, file: File, path: Path) -> bool:
        size = path.stat().st_size
        if self.source == "subset" and size < file.size:
            return False  # fewer records than any file whose sha256 is known
        known = size == file.size and sha256_of(path) == file.sha256
        if not known and (self.entry.official or self.source == "bundled"):
            what = (
                f"{size} bytes, expected {file.size}"
                if size != file.size
                else f"the sha256 {sha256_of(path)}, expected {file.sha256}"
            )
            raise DatasetError(f"{path}: damaged or not the official file: it has {what}")
        return known


def data_directory() -> Path | None:
    """The folder the environment variable APALU_REF_DATA names, or None where it is not set.

    Raises
    ------
    DatasetError
        If there is no such folder.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    if not os.path.isdir(name):
        raise DatasetError(f"{VARIABLE} is {name}, and there is no such folder")
    return Path(name)


def find_bundled(entry: Entry) -> Found | None:
    """The part of a set that comes with the package."""
    files = [(file, BUNDLED / file.path) for file in entry.bundled_files]
    return Found(entry, "bundled", files, BUNDLED / entry.bundled) if files else None


def find_full(entry: Entry, root: Path) -> Found | None:
    """The full set, or a subset where that is accepted, in a data directory.

    Raises
    ------
    DatasetError
        If some of its files are there and others are not.
    """
    if entry.full in FOLDERS:
        return Found(entry, "full", [], root) if (root / entry.full).is_dir() else None
    for files in (entry.full_files, entry.subset_files):
        there = [(file, root / file.path) for file in files if (root / file.path).is_file()]
        if not there:
            continue
        missing = sorted(file.path for file in files if not (root / file.path).is_file())
        if missing and not entry.partial:
            raise DatasetError(f"{entry.name} is not complete in {root}: no {', '.join(missing)}")
        short = entry.partial and any(path.stat().st_size < file.size for file, path in there)
        whole = files == entry.full_files and not missing and not short
        return Found(entry, "full" if whole else "subset", there, root)
    return None


def find(name: str, source: str) -> Found:
    """Find a data set.

    Parameters
    ----------
    name : str
    source : {"auto", "bundled", "full"}
        ``"auto"``: the full set where it is there, else the bundled one.

    Raises
    ------
    MissingDataError
        If it is not there, saying how to get it.
    DatasetError
        If it is there in part, or the data directory is not.
    """
    if source not in ("auto", "bundled", "full"):
        raise ValueError(f'source must be "auto", "bundled" or "full", not {source!r}')
    entry = CATALOGUE[name]
    root = data_directory() if source != "bundled" else None
    found = find_full(entry, root) if root else None
    if found is None and source != "full":
        found = find_bundled(entry)
        if found is None and source == "bundled":
            raise MissingDataError(f"{name}: no part of it comes with the package")
    if found is None:
        place = f"there is no {entry.path} in {root}" if root else f"{VARIABLE} is not set"
        how = f"{entry.how} ({entry.page})"
        raise MissingDataError(f"{name}: the full set is missing: {place}. {how}")
    return found


# By path, length and time of the last change: a big file is read for this once a process.
_digests: dict[tuple[str, int, int], str] = {}


def sha256_of(path: Path) -> str:
    """The sha256 of a file, remembered until the file changes."""
    status = path.stat()
    key = (str(path.resolve()), status.st_size, status.st_mtime_ns)
    if key not in _digests:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        _digests[key] = digest.hexdigest()
    return _digests[key]


def _folder_sha256(root: Path, folder: str) -> str:
    files = {
        path.relative_to(root).as_posix(): path
        for path in (root / folder).rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }
    lines = "".join(f"{sha256_of(files[name])}  {name}\n" for name in sorted(files))
    return hashlib.sha256(lines.encode()).hexdigest()
