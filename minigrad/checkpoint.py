"""Files that hold arrays and plain values: written atomically, checked when read, no pickle.

A file is an ordinary npz archive, which ``np.load`` reads, too: each array is a member, and a
member ``tree.json`` says how they and the plain values were nested. The archive's comment holds
the SHA-256 of everything before it, so that damage of any kind is found.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.core import Tensor

FORMAT = 1
"""The version of the format that is written; files of a later one are refused."""

_TREE = "tree.json"
_MARK = b"minigrad sha256:"
_DIGITS = 64
_RESERVED = ("file", "allow_pickle")  # parameters of np.savez


class CheckpointError(ValueError):
    """A file is damaged, of another kind, or does not fit; the message names it and says why."""


def save(path: str | os.PathLike[str], mapping: Mapping[Any, Any]) -> None:
    """Write a mapping of arrays and plain values to a file, all of it or nothing.

    Parameters
    ----------
    path : path-like
        The file. One that exists is replaced when the new one is complete and on the disk.
    mapping : mapping
        Arrays, Tensors (their numbers are kept), numbers, strings, None, and dicts, lists and
        tuples of such; keys are strings or integers. A module's or optimiser's ``state_dict()``
        is one.

    Raises
    ------
    TypeError
        If something else is in it; the message says where. Nothing is written.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
    >>> save(path, {"weight": np.eye(2), "epochs": 3})
    >>> load(path)
    {'weight': array([[1., 0.], [0., 1.]]), 'epochs': 3}
    """
    write_atomically(path, to_bytes(mapping))


def load(path: str | os.PathLike[str]) -> dict[Any, Any]:
    """Read what :func:`save` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    dict
        As it was saved: arrays (Tensors as arrays) of the same type, and plain values.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    CheckpointError
        If it is damaged, written by something else or by a later version. It is never unpickled.
    """
    return from_bytes(Path(path).read_bytes(), os.fspath(path))


def to_bytes(mapping: Mapping[Any, Any]) -> bytes:
    """The contents of the file that :func:`save` writes."""
    if not isinstance(mapping, Mapping):
        raise TypeError(f"a mapping is saved, not a {type(mapping).__name__}: {{'name': value}}")
    arrays: dict[str, Any] = {}
    tree = {"minigrad": FORMAT, "tree": _encode(mapping, (), arrays)}
    arrays[_TREE] = np.frombuffer(json.dumps(tree).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = _MARK + b"0" * _DIGITS
    content = buffer.getvalue()[:-_DIGITS]
    return content + hashlib.sha256(content).hexdigest().encode()


def from_bytes(content: bytes, name: str) -> dict[Any, Any]:
    """What :func:`to_bytes` packed; ``name`` is for messages."""
    body, digest = content[:-_DIGITS], content[-_DIGITS:]
    if not body.endswith(_MARK):
        if not content:
            what = "is empty"
        elif _MARK in content[-1000:]:
            what = "is damaged at its end"
        elif not content.startswith(b"PK"):
            what = "is not a file that minigrad.save wrote"
        else:
            what = "is incomplete, or was not written by minigrad.save"
        raise CheckpointError(f"{name} {what}: its checksum is missing")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise CheckpointError(f"{name} is damaged: its contents do not match its checksum")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        tree = json.loads(archive[_TREE].tobytes())
        if tree["minigrad"] > FORMAT:
            raise CheckpointError(
                f"{name} has format {tree['minigrad']}, this minigrad reads up to {FORMAT}: "
                "use the version of minigrad that wrote it, or a later one"
            )
        decoded: dict[Any, Any] = _decode(tree["tree"], archive)
    return decoded


# In the tree an array is {"array": member}; the other kinds are wrapped, too, where JSON would
# not give them back as they were.


def _encode(value: Any, path: tuple[str, ...], arrays: dict[str, Any]) -> Any:
    if isinstance(value, Tensor):
        value = value.data
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError(f"{_at(path)} is an array of objects: only plain numbers are saved")
        name = "/".join(path)
        # NumPy takes a member's ".npy" for its own.
        while name in arrays or name in (_TREE, *_RESERVED) or name.endswith(".npy"):
            name += "_"
        arrays[name] = value
        return {"array": name}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        items = [_encode(v, (*path, str(i)), arrays) for i, v in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, (str, int)) or isinstance(key, bool):
                raise TypeError(f"{_at(path)} has the key {key!r}: keys are strings or integers")
        return {"dict": [[k, _encode(v, (*path, str(k)), arrays)] for k, v in value.items()]}
    raise TypeError(
        f"{_at(path)} is a {type(value).__name__}: only arrays, Tensors, numbers, strings, None "
        "and dicts, lists and tuples of them are saved"
    )


def _at(path: tuple[str, ...]) -> str:
    return "".join(f"[{key!r}]" for key in path) or "it"


def _decode(value: Any, archive: Any) -> Any:
    if isinstance(value, list):
        return [_decode(v, archive) for v in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return archive[content]
    if kind == "tuple":
        return tuple([_decode(v, archive) for v in content])
    return {k: _decode(v, archive) for k, v in content}


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Replace a file in one go: whoever looks sees the old one or the new one, complete.

    A link stays, and what it points to is replaced. An error leaves the old file.
    """
    target = Path(path).resolve()
    # Beside the target: a rename is atomic only within one file system.
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # mkstemp makes private files
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
    if os.name == "posix":  # the new name, too, must outlive a power cut
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
