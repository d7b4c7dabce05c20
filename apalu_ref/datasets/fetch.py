"""Downloads of full sets from where their publishers put them."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath

from apalu_ref.datasets.catalogue import CATALOGUE, File
from apalu_ref.datasets.errors import DatasetError, one_of
from apalu_ref.datasets.locate import VARIABLE, data_directory, sha256_of

Report = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that have come, and those to come in all."""

_BLOCK = 1 << 16
_SECONDS = 30  # without a byte, and the connection counts as lost


def fetch(
    name: str, to: str | os.PathLike[str] | None = None, report: Report | None = None
) -> list[Path]:
    """Download the full set into a data directory.

    Files that are there already and have the right sha256 stay; others are replaced. A file
    gets its name only when it is whole and its sha256 right: an interrupt leaves no half file.

    Parameters
    ----------
    name : str
        A data set with files to download; others say how to get them by hand.
    to : path, optional
        The data directory, made if needed; default: what APALU_REF_DATA names.
    report : callable, optional
        Told about the progress.

    Returns
    -------
    list of Path
        The files that came.

    Raises
    ------
    DatasetError
        If the network fails, or what came is not the file.
    ValueError
        If there is no such set, it cannot be downloaded, or no folder is named.
    """
    one_of("name", name, tuple(CATALOGUE))
    entry = CATALOGUE[name]
    root = Path(to) if to is not None else data_directory()
    if root is None:
        raise ValueError(f"name a folder for the files (--to), or set {VARIABLE} to one")
    if not entry.url:
        raise ValueError(f"{name} cannot be downloaded. {entry.how} ({entry.page})")
    absent = [file for file in entry.full_files if not _is(root / file.path, file)]
    if entry.archive and absent:
        root.mkdir(parents=True, exist_ok=True)
        by_hand = f"get {entry.url} by hand and unpack it in {root}"
        with _download(entry.url, root, entry.archive, by_hand, report) as archive:
            _extract(archive, absent, root)
    elif not entry.archive:
        for file in absent:
            target = root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            url = entry.url + target.name
            by_hand = f"get {url} by hand and put it into {target.parent}"
            with _download(url, target.parent, file, by_hand, report) as whole:
                os.replace(whole, target)
    return [root / file.path for file in absent]


def _is(path: Path, file: File) -> bool:
    there = path.is_file() and path.stat().st_size == file.size
    return there and sha256_of(path) == file.sha256


@contextmanager
def _temporary(folder: Path, name: str) -> Iterator[Path]:
    """A new, empty file in a folder that is gone afterwards, unless it was renamed."""
    handle, path = tempfile.mkstemp(dir=folder, prefix=f"{name}.", suffix=".part")
    os.close(handle)
    try:
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(path, 0o666 & ~umask)  # mkstemp makes private files
        yield Path(path)
    finally:
        Path(path).unlink(missing_ok=True)


@contextmanager
def _download(
    url: str, folder: Path, file: File, by_hand: str, report: Report | None
) -> Iterator[Path]:
    """Download to a temporary file in the folder and hand out its path once it is right."""
    name = PurePosixPath(file.path).name
    with _temporary(folder, name) as path:
        digest, come = hashlib.sha256(), 0
        # One byte more than there should be tells of a file that is too long.
        blocks = _blocks(url, file.size + 1, by_hand)
        with path.open("wb") as stream, closing(blocks):
            for block in blocks:
                stream.write(block)
                digest.update(block)
                come += len(block)
                if report:
                    report(name, come, file.size)
        if come < file.size:
            found = f"the connection was cut after {come} of {file.size} bytes"
        elif come > file.size:
            found = f"expected {file.size} bytes, and more came"
        elif digest.hexdigest() != file.sha256:
            found = f"expected the sha256 {file.sha256}, found {digest.hexdigest()}"
        else:
            yield path
            return
        raise DatasetError(
            f"what came from {url} is not the file: {found}. Try again, or {by_hand}"
        )


def _blocks(url: str, most: int, by_hand: str) -> Generator[bytes, None, None]:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as response:
            while block := response.read(min(_BLOCK, most)):
                most -= len(block)
                yield block
    except http.client.IncompleteRead:
        return  # which Python versions raise this varies; the length tells the same
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(error, urllib.error.HTTPError):
            reason = str(error)
            error.close()  # it is the answer, too
        raise DatasetError(
            f"cannot download {url} ({reason}). Where there is a network, {by_hand}"
        ) from None


def _extract(archive: Path, files: list[File], root: Path) -> None:
    """Take the known files out of an archive, whatever else and whatever paths it holds."""
    wanted = {file.path: file for file in files}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.name not in wanted or not member.isfile():
                continue
            file = wanted.pop(member.name)
            content = tar.extractfile(member)
            assert content is not None  # as it is a file
            target = root / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            with _temporary(target.parent, target.name) as path:
                with path.open("wb") as stream:
                    shutil.copyfileobj(content, stream)
                if not _is(path, file):
                    raise DatasetError(f"{archive.name}: {member.name} is not the official file")
                os.replace(path, target)
    if wanted:
        raise DatasetError(f"{archive.name}: there is no {', '.join(wanted)} in it")
