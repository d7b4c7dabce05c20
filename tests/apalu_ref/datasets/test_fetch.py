"""Downloads from a server on this machine: whole, wrong, cut, interrupted."""

import dataclasses
import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from apalu_ref import datasets
from apalu_ref.datasets import DatasetError, catalogue
from apalu_ref.datasets.catalogue import CATALOGUE, File
from apalu_ref.datasets.fetch import fetch

ROOT = Path(datasets.__file__).parents[2]
NAMES = [Path(f.path).name for f in CATALOGUE["mnist"].full_files]


@pytest.fixture(autouse=True)
def no_data_directory(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)


class Server(ThreadingHTTPServer):
    """Serves ``contents`` by name; cuts or stalls after ``cut`` bytes; counts requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents, self.asked = {}, []
        self.cut, self.stall = None, threading.Event()
        self.stall.set()
        self.url = f"http://127.0.0.1:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, name = self.server, self.path[1:]
        server.asked.append(name)
        if name not in server.contents:
            self.send_error(404)
            return
        content = server.contents[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: server.cut])
        self.wfile.flush()
        server.stall.wait(20)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.stall.set()
    server.shutdown()
    thread.join()
    server.server_close()


def table(contents):
    return "\n".join(
        f"{hashlib.sha256(content).hexdigest()} {len(content)} {path}"
        for path, content in contents.items()
    )


@pytest.fixture
def mnist(server, monkeypatch):
    """The server holds files that the catalogue takes for MNIST; returns their contents."""
    rng = np.random.default_rng(6)
    server.contents = {name: rng.bytes(200_000 + k) for k, name in enumerate(NAMES)}
    known = table({f"mnist/{name}": content for name, content in server.contents.items()})
    monkeypatch.setattr(catalogue, "_FULL", known)
    monkeypatch.setitem(CATALOGUE, "mnist", dataclasses.replace(CATALOGUE["mnist"], url=server.url))
    return dict(server.contents)


def files(folder):
    return {path.name for path in folder.rglob("*") if path.is_file()}


class TestFiles:
    def test_they_come_whole_with_progress_and_ordinary_permissions(self, mnist, server, tmp_path):
        told = []
        came = fetch("mnist", tmp_path / "new" / "data", lambda *progress: told.append(progress))
        assert {path.name for path in came} == set(NAMES) == files(tmp_path)
        umask = os.umask(0)
        os.umask(umask)
        for path in came:
            assert path.read_bytes() == mnist[path.name]
            assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
            steps = [come for name, come, of in told if name == path.name]
            assert steps == sorted(set(steps))
            assert len(steps) > 1
            assert steps[-1] == len(mnist[path.name])

    def test_into_the_data_directory(self, mnist, tmp_path, monkeypatch):
        with pytest.raises(ValueError, match="name a folder"):
            fetch("mnist")
        monkeypatch.setenv("APALU_REF_DATA", str(tmp_path))
        assert len(fetch("mnist")) == 4
        assert files(tmp_path / "mnist") == set(NAMES)

    def test_only_what_is_missing_or_wrong_is_fetched_again(self, mnist, server, tmp_path):
        fetch("mnist", tmp_path)
        (tmp_path / "mnist" / NAMES[0]).unlink()
        wrong = bytearray(mnist[NAMES[1]])
        wrong[7] ^= 1
        (tmp_path / "mnist" / NAMES[1]).write_bytes(wrong)
        server.asked.clear()
        fetch("mnist", tmp_path)
        assert server.asked == NAMES[:2]
        assert (tmp_path / "mnist" / NAMES[1]).read_bytes() == mnist[NAMES[1]]
        server.asked.clear()
        assert fetch("mnist", tmp_path) == []
        assert server.asked == []

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda content: content[:-1] + b"\0", "expected the sha256"),
            (lambda content: content + b"\0", "and more came"),
            (lambda content: content[:-1], "the connection was cut after 200000 of 200001 bytes"),
        ],
    )
    def test_what_is_not_the_file_leaves_nothing(self, mnist, server, tmp_path, change, message):
        server.contents[NAMES[1]] = change(mnist[NAMES[1]])
        with pytest.raises(DatasetError) as caught:
            fetch("mnist", tmp_path)
        text = str(caught.value)
        assert message in text
        assert server.url + NAMES[1] in text
        assert f"put it into {tmp_path / 'mnist'}" in text
        assert "\n" not in text
        assert files(tmp_path) == {NAMES[0]}  # the one that came before is whole and stays

    def test_a_wrong_download_leaves_the_old_file(self, mnist, server, tmp_path):
        (tmp_path / "mnist").mkdir()
        (tmp_path / "mnist" / NAMES[0]).write_bytes(b"old")
        server.contents[NAMES[0]] = b"wrong"
        with pytest.raises(DatasetError):
            fetch("mnist", tmp_path)
        assert (tmp_path / "mnist" / NAMES[0]).read_bytes() == b"old"
        assert files(tmp_path) == {NAMES[0]}

    def test_a_cut_connection(self, mnist, server, tmp_path):
        server.cut = 100_000
        with pytest.raises(DatasetError, match="the connection was cut after 100000 of 200000"):
            fetch("mnist", tmp_path)
        assert files(tmp_path) == set()
        server.cut = None
        assert len(fetch("mnist", tmp_path)) == 4

    def test_a_stalled_connection(self, mnist, server, tmp_path, monkeypatch):
        monkeypatch.setattr("apalu_ref.datasets.fetch._SECONDS", 0.2)
        server.cut = 100_000
        server.stall.clear()
        with pytest.raises(DatasetError, match=r"cannot download .* \(timed out\)"):
            fetch("mnist", tmp_path)
        assert files(tmp_path) == set()

    def test_no_such_address_and_no_network(self, mnist, server, tmp_path):
        del server.contents[NAMES[0]]
        with pytest.raises(DatasetError, match=r"HTTP Error 404: Not Found\)\. Where there is"):
            fetch("mnist", tmp_path)
        server.shutdown()
        server.server_close()
        with pytest.raises(DatasetError, match=r"\(\[Errno \d+\] Connection refused\)"):
            fetch("mnist", tmp_path)
        assert files(tmp_path) == set()

    def test_a_full_disk(self, mnist, tmp_path):
        def full(*_):
            raise OSError(28, "No space left on device")

        with pytest.raises(OSError, match="No space left"):
            fetch("mnist", tmp_path, full)
        assert files(tmp_path) == set()

    @pytest.mark.parametrize("name", [n for n, e in CATALOGUE.items() if not e.url])
    def test_sets_without_a_download_say_how_to_get_them(self, name, tmp_path):
        with pytest.raises(ValueError, match="cannot be downloaded") as caught:
            fetch(name, tmp_path)
        assert CATALOGUE[name].by_hand in str(caught.value)
        assert CATALOGUE[name].page in str(caught.value)

    def test_no_such_set(self, tmp_path):
        with pytest.raises(ValueError, match="name must be one of"):
            fetch("mnits", tmp_path)


class TestArchive:
    PATHS = tuple(f.path for f in CATALOGUE["cifar10"].full_files)

    @pytest.fixture
    def pack(self, server, monkeypatch):
        """Let the server hold an archive; the catalogue knows it and the ``official`` files."""

        def pack(members, official):
            stream = io.BytesIO()
            with tarfile.open(fileobj=stream, mode="w:gz") as tar:
                for path, content in members.items():
                    info = tarfile.TarInfo(path)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
            content = stream.getvalue()
            name = "cifar-10-binary.tar.gz"
            server.contents = {name: content}
            archive = File(name, len(content), hashlib.sha256(content).hexdigest())
            entry = dataclasses.replace(
                CATALOGUE["cifar10"], url=server.url + name, archive=archive
            )
            monkeypatch.setitem(CATALOGUE, "cifar10", entry)
            monkeypatch.setattr(catalogue, "_FULL", table(official))

        return pack

    @pytest.fixture
    def official(self):
        rng = np.random.default_rng(7)
        return {path: b"".join(b"\1" + rng.bytes(3072) for _ in range(4)) for path in self.PATHS}

    def test_known_files_are_taken_and_nothing_else(self, pack, official, tmp_path):
        pack({"../evil": b"x", "cifar-10-batches-bin/readme.html": b"x", **official}, official)
        came = fetch("cifar10", tmp_path / "data")
        assert {path.relative_to(tmp_path / "data").as_posix() for path in came} == set(official)
        assert files(tmp_path) == {Path(path).name for path in official}
        for path, content in official.items():
            assert (tmp_path / "data" / path).read_bytes() == content

    def test_they_load(self, pack, official, tmp_path, monkeypatch):
        pack(official, official)
        fetch("cifar10", tmp_path)
        monkeypatch.setenv("APALU_REF_DATA", str(tmp_path))
        train = datasets.cifar10()
        assert (train.source, train.verified, len(train.images)) == ("full", True, 20)

    def test_an_archive_without_a_file_or_with_another(self, pack, official, tmp_path):
        pack({path: official[path] for path in self.PATHS[1:]}, official)
        with pytest.raises(
            DatasetError, match=r"there is no cifar-10-batches-bin/data_batch_1\.bin"
        ):
            fetch("cifar10", tmp_path / "a")
        pack(official | {self.PATHS[0]: b"other"}, official)
        with pytest.raises(DatasetError, match=r"data_batch_1\.bin is not the official file"):
            fetch("cifar10", tmp_path / "b")
        assert files(tmp_path / "b") == set()

    def test_a_wrong_archive_is_not_opened(self, pack, official, server, tmp_path):
        pack(official, official)
        server.contents = {name: content[:-9] for name, content in server.contents.items()}
        with pytest.raises(DatasetError, match="the connection was cut") as caught:
            fetch("cifar10", tmp_path)
        assert f"unpack it in {tmp_path}" in str(caught.value)
        assert files(tmp_path) == set()


@pytest.mark.parametrize(
    ("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 128 + signal.SIGTERM)]
)
def test_an_interrupt_leaves_no_half_file(mnist, server, tmp_path, sent, status):
    server.cut = 100_000
    server.stall.clear()
    code = (
        "import dataclasses, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from apalu_ref.datasets import catalogue\n"
        f"catalogue._FULL = {catalogue._FULL!r}\n"
        "entry = catalogue.CATALOGUE['mnist']\n"
        f"catalogue.CATALOGUE['mnist'] = dataclasses.replace(entry, url={server.url!r})\n"
        "from apalu_ref.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "data", "fetch", "mnist", "--to", str(tmp_path)],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not any(path.stat().st_size for path in tmp_path.rglob("*.part")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(sent)
    _, said = process.communicate(timeout=20)
    assert process.returncode == status
    assert "Traceback" not in said
    assert files(tmp_path) == set()
