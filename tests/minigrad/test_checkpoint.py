"""save and load: everything comes back as it was, damage is refused, nothing is half written."""

import io
import json
import os
import zipfile

import numpy as np
import pytest

import minigrad
from minigrad import checkpoint
from minigrad.checkpoint import CheckpointError, load, save


def same(got, want):
    assert type(got) is type(want)
    if isinstance(want, dict):
        assert list(got) == list(want)
        for key in want:
            same(got[key], want[key])
    elif isinstance(want, (list, tuple)):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            same(g, w)
    elif isinstance(want, np.ndarray):
        assert (got.dtype, got.shape, got.tobytes()) == (want.dtype, want.shape, want.tobytes())
    else:
        assert got == want or (got != got and want != want)


def test_everything_comes_back_as_it_was(tmp_path):
    rng = np.random.default_rng(0)
    content = {
        "0.weight": rng.normal(size=(3, 4)).astype(np.float32),
        "half": np.float16([1.5, np.nan, np.inf]),
        "integers": np.arange(5, dtype=np.uint8),
        "flags": np.array([True, False]),
        "0-d": np.array(2.5),
        "empty": np.empty((0, 3)),
        "strided": np.arange(12.0)[::-2],
        "file": np.ones(1),
        "allow_pickle": np.ones(1),
        "a/b": np.zeros(1),
        "a": {"b": np.ones(1), 3: "integer keys", "": [1, (2.5, None), [], ()]},
        "tree.json": np.ones(2),
        "plain": [True, -(2**100), 0.1, float("inf"), "κ = 1.702"],
    }
    save(tmp_path / "f.npz", content)
    same(load(tmp_path / "f.npz"), content)


def test_tensors_and_numpy_numbers_are_saved_as_their_numbers(tmp_path):
    content = {"p": minigrad.tensor([1.0, 2.0], requires_grad=True), "x": np.float32(0.1)}
    save(tmp_path / "f.npz", content)
    same(load(tmp_path / "f.npz"), {"p": np.array([1.0, 2.0]), "x": float(np.float32(0.1))})


def test_numpy_reads_the_arrays(tmp_path):
    save(tmp_path / "f.npz", {"weight": np.eye(2), "bias": {"b": np.ones(3)}})
    with np.load(tmp_path / "f.npz", allow_pickle=False) as archive:
        assert np.array_equal(archive["weight"], np.eye(2))
        assert np.array_equal(archive["bias/b"], np.ones(3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": {"b": object()}}, r"\['a'\]\['b'\] is a object"),
        ({"a": [np.array([None])]}, r"\['a'\]\['0'\] is an array of objects"),
        ({"a": {(1, 2): 3}}, r"\['a'\] has the key \(1, 2\)"),
        ({"a": {1j}}, r"\['a'\] is a set"),
        ([1], "a mapping is saved, not a list"),
    ],
)
def test_what_cannot_be_saved_is_named_and_nothing_is_written(tmp_path, content, message):
    with pytest.raises(TypeError, match=message):
        save(tmp_path / "f.npz", content)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.npz"
    save(path, {"w": np.arange(6.0).reshape(2, 3), "step": 7})
    return path


def test_every_flipped_bit_is_noticed(file):
    whole = file.read_bytes()
    for i in range(len(whole)):
        damaged = bytearray(whole)
        damaged[i] ^= 1 << (i % 8)
        with pytest.raises(CheckpointError, match=r"model\.npz is"):
            checkpoint.from_bytes(bytes(damaged), "model.npz")


def test_every_truncation_is_noticed(file):
    whole = file.read_bytes()
    for length in range(len(whole)):
        with pytest.raises(CheckpointError, match=r"model\.npz is .*checksum"):
            checkpoint.from_bytes(whole[:length], "model.npz")
    file.write_bytes(whole[:-1])
    with pytest.raises(CheckpointError, match=r"model\.npz is damaged at its end"):
        load(file)


def test_other_files_are_refused(file):
    np.savez(file, w=np.ones(3))
    with pytest.raises(CheckpointError, match=r"model\.npz .*was not written by minigrad\.save"):
        load(file)
    file.write_text("hello")
    with pytest.raises(CheckpointError, match=r"model\.npz is not a file that minigrad\.save"):
        load(file)


def test_a_pickle_is_not_loaded(file):
    whole = checkpoint.to_bytes({"w": np.ones(1)})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        array = io.BytesIO()
        np.save(array, np.array([{}], dtype=object), allow_pickle=True)
        archive.writestr("w.npy", array.getvalue())
        with zipfile.ZipFile(io.BytesIO(whole)) as good:
            archive.writestr("tree.json.npy", good.read("tree.json.npy"))
        archive.comment = checkpoint._MARK + b"0" * 64
    body = buffer.getvalue()[:-64]
    file.write_bytes(body + checkpoint.hashlib.sha256(body).hexdigest().encode())
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load(file)


def test_a_later_format_is_refused_by_its_number(file, monkeypatch):
    monkeypatch.setattr(checkpoint, "FORMAT", 9)
    save(file, {"w": np.ones(1)})
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match=r"model\.npz has format 9, .* reads up to 1"):
        load(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize("failing", ["replace", "fsync"])
def test_a_failed_write_leaves_the_old_file_and_nothing_else(file, monkeypatch, failing):
    before = file.read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match="No space left"):
        save(file, {"w": np.zeros(3)})
    assert file.read_bytes() == before
    assert [p.name for p in file.parent.iterdir()] == ["model.npz"]


def test_a_link_stays_a_link(file):
    link = file.with_name("link.npz")
    link.symlink_to(file.name)
    save(link, {"w": np.zeros(3)})
    assert link.is_symlink()
    assert np.array_equal(load(file)["w"], np.zeros(3))


def test_the_file_may_be_read_by_others_as_the_umask_says(tmp_path):
    before = os.umask(0o022)
    try:
        save(tmp_path / "f.npz", {})
    finally:
        os.umask(before)
    assert (tmp_path / "f.npz").stat().st_mode & 0o777 == 0o644


def test_the_tree_is_json(file):
    with np.load(file, allow_pickle=False) as archive:
        tree = json.loads(archive["tree.json"].tobytes())
    assert tree["minigrad"] == checkpoint.FORMAT


def test_names_that_end_like_members_do(tmp_path):
    save(tmp_path / "f.npz", {"x": np.arange(3), "x.npy": np.arange(5)})
    assert len(load(tmp_path / "f.npz")["x.npy"]) == 5
