"""``apalu-ref data`` as a user meets it."""

import json
import os

import pytest

from apalu_ref.cli import main
from apalu_ref.datasets.catalogue import CATALOGUE

PLACES = {name: entry.page for name, entry in CATALOGUE.items()}


@pytest.fixture(autouse=True)
def no_data_directory(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)


@pytest.fixture
def said(capsys):
    def run(*arguments):
        status = main(["data", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def blocks(out):
    """The text of each set by its name."""
    return {block.split(":")[0]: block for block in out.split("\n\n")[1:]}


def test_lists_every_set(said):
    status, out, err = said()
    assert (status, err) == (0, "")
    assert out.startswith("data directory: none (set APALU_REF_DATA to a folder)\n")
    assert max(map(len, out.splitlines())) <= 110
    listed = blocks(out)
    assert list(listed) == list(CATALOGUE)
    for name, entry in CATALOGUE.items():
        assert entry.page in listed[name]
        assert entry.licence.split(" ")[0] in listed[name]
        assert ("may not be" in listed[name]) == (not entry.may_be_redistributed)
        assert ("  bundled  there: " in listed[name]) == bool(entry.bundled)
        assert "  full     missing: " in listed[name]
    assert "apalu-ref data fetch mnist" in listed["mnist"]
    assert "https://ossci-datasets.s3.amazonaws.com/mnist/" in listed["mnist"]


def test_the_two_sets_that_may_not_be_redistributed_are_not_bundled():
    assert {n for n, e in CATALOGUE.items() if not e.may_be_redistributed} == {
        "cifar10", "magnetic-tile",
    }  # fmt: skip
    assert not any(e.bundled for e in CATALOGUE.values() if not e.may_be_redistributed)


def test_json(said, tmp_path):
    assert said("--verify", "--format", "json", "-o", tmp_path / "list.json") == (0, "", "")
    document = json.loads((tmp_path / "list.json").read_text(encoding="utf-8"))
    assert document["data_directory"] is None
    rows = {row["name"]: row for row in document["sets"]}
    assert rows["libras"]["bundled"] == {
        "holds": "the whole set: 360 sequences, 330 of them different",
        "there": "bundled",
        "verified": True,
    }
    assert rows["cifar10"]["full"]["there"] is None
    assert rows["cifar10"]["url"] == "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
    assert rows["cifar10"]["may_be_redistributed"] is False


def test_what_the_data_directory_holds(said, tmp_path, monkeypatch):
    monkeypatch.setenv("APALU_REF_DATA", str(tmp_path))
    for path, content in {
        "regression/auto-mpg.csv": b"no\n",
        "cifar-10-batches-bin/data_batch_1.bin": bytes(3073),
        "mnist/train-labels-idx1-ubyte.gz": b"x",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    status, out, _ = said()
    listed = {name: " ".join(block.split()) for name, block in blocks(out).items()}
    assert status == 1
    assert f"data directory: {tmp_path}" in out
    assert "full there: the same, in regression/auto-mpg.csv" in listed["auto-mpg"]
    assert "full there in part; the whole: 50,000" in listed["cifar10"]
    assert "full WRONG: mnist is not complete" in listed["mnist"]
    for name in os.listdir(tmp_path / "mnist"):
        (tmp_path / "mnist" / name).unlink()
    assert said()[0] == 0
    status, out, _ = said("--verify")
    listed = {name: " ".join(block.split()) for name, block in blocks(out).items()}
    assert status == 0  # these need not be the known files
    assert "full there, not the files whose sha256 is known: the same" in listed["auto-mpg"]
    assert "there in part, not the files whose sha256 is known; the whole" in listed["cifar10"]
    assert "bundled there, sha256 right" in listed["mnist"]


def test_a_damaged_official_file_is_found_by_verify(said, tmp_path, monkeypatch):
    monkeypatch.setenv("APALU_REF_DATA", str(tmp_path))
    for file in CATALOGUE["mnist"].full_files:
        (tmp_path / file.path).parent.mkdir(exist_ok=True)
        (tmp_path / file.path).write_bytes(b"x")
    assert said()[0] == 0
    status, out, _ = said("--verify")
    assert status == 1
    text = " ".join(blocks(out)["mnist"].split())
    assert "full WRONG: " in text
    assert "damaged or not the official file: it has 1 bytes, expected 1648877" in text


def test_a_data_directory_that_is_not_there(said, monkeypatch):
    monkeypatch.setenv("APALU_REF_DATA", "/no/such/folder")
    assert said() == (
        2, "", "apalu-ref data: APALU_REF_DATA is /no/such/folder, and there is no such folder\n",
    )  # fmt: skip


class TestFetch:
    def test_wrong_usage(self, said, tmp_path):
        status, out, err = said("fetch", "mnits", "--to", tmp_path)
        assert (status, out) == (2, "")
        assert err.startswith("apalu-ref data: name must be one of 'mnist', ")
        status, _, err = said("fetch", "mnist")
        assert status == 2
        assert "name a folder for the files (--to), or set APALU_REF_DATA" in err
        status, _, err = said("fetch", "yacht", "--to", tmp_path)
        assert status == 2
        assert PLACES["yacht"] in err
        (tmp_path / "file").write_bytes(b"")
        assert said("fetch", "mnist", "--to", tmp_path / "file")[0] == 2

    def test_without_a_network(self, said, tmp_path, monkeypatch):
        def refuse(*_, **__):
            raise OSError("no network")

        monkeypatch.setattr("urllib.request.urlopen", refuse)
        status, out, err = said("fetch", "mnist", "--to", tmp_path)
        assert (status, out, len(err.splitlines())) == (1, "", 1)
        url = "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-images-idx3-ubyte.gz"
        assert f"cannot download {url} (no network)" in err
        assert f"put it into {tmp_path / 'mnist'}" in err

    def test_says_what_came_and_how_to_use_it(self, said, tmp_path, monkeypatch):
        came = tmp_path / "mnist" / "one.gz"
        came.parent.mkdir()
        came.write_bytes(b"12345")
        monkeypatch.setattr("apalu_ref.datasets.fetch.fetch", lambda *_: [came])
        status, out, _ = said("fetch", "mnist", "--to", tmp_path)
        assert status == 0
        assert out == (
            f"{came}: 5 bytes, sha256 right\nto use it: set APALU_REF_DATA to {tmp_path}\n"
        )
        monkeypatch.setenv("APALU_REF_DATA", f"{tmp_path}/mnist/..")
        monkeypatch.setattr("apalu_ref.datasets.fetch.fetch", lambda *_: [])
        status, out, _ = said("fetch", "mnist", "--to", tmp_path)
        assert (status, out) == (0, "mnist: all files are there already, sha256 right\n")
