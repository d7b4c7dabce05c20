"""The command line as a user meets it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

import apalu_ref
from apalu_ref.cli import main
from apalu_ref.cli.output import deliver

ROOT = Path(__file__).parents[3]
SUBJECTS = ROOT / "tutorials" / "subjects"


def run(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "apalu_ref", *map(str, arguments)],
        capture_output=True, text=True, encoding="utf-8", cwd=ROOT, **options,
    )  # fmt: skip


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def here(capfd, exact_once):
    """The command in this process, which need not start, nor ask the oracle anew."""

    def here(*arguments):
        try:
            status = main(list(map(str, arguments)))
        except SystemExit as end:
            status = end.code
        return Done(status, *capfd.readouterr())

    return here


class TestCheck:
    def test_careful_conforms(self):
        done = run("check", SUBJECTS / "careful.py")
        assert done.returncode == 0, done.stdout
        assert "CONFORMS  (" in done.stdout
        assert done.stderr == ""

    def test_careful_conforms_strictly(self, here):
        done = here("check", SUBJECTS / "careful.py", "--profile", "strict")
        assert done.returncode == 0, done.stdout
        assert "CONFORMS  (" in done.stdout
        assert done.stderr == ""

    def test_textbook_conforms_with_warnings_but_not_strictly(self, here):
        done = here("check", SUBJECTS / "textbook.py")
        assert done.returncode == 0, done.stdout
        assert "WARN precision y, db: e^x - 1 cancels just below zero" in done.stdout
        assert here("check", SUBJECTS / "textbook.py", "--profile", "strict").returncode == 1

    @pytest.mark.parametrize(
        ("name", "quantities", "cause"),
        [
            ("RoundedConstant", "y, dx, da", "κ = 1.7 in place of 1.702"),
            ("MissingTerm", "dx", "the term κx σ(1 - σ) is missing"),
            ("NotReduced", "da, db", "not reduced over the axes"),
            ("Averaged", "da, db", "averaged over the broadcast elements"),
            ("NotMasked", "da", "not masked"),
            ("NoUpstream", "db", "the upstream gradient gy is not multiplied in"),
            ("DeadAtZero", "dx", "wrong at x = 0 only"),
            ("OverflowToNaN", "y", "NaN or infinity from finite input"),
            ("WritesToInput", "x", "an argument is written to: x in forward"),
            ("SharedState", "dx, da, db", "calls share state"),
        ],
    )
    def test_each_wrong_one_fails_with_quantity_and_cause(self, here, name, quantities, cause):
        done = here("check", f"{SUBJECTS / 'wrong.py'}:{name}")
        assert done.returncode == 1
        found = [line for line in done.stdout.splitlines() if line.startswith("FAIL ")]
        assert len(found) == 1, done.stdout
        assert found[0].startswith(f"FAIL core {quantities}: {cause}")
        assert "     where  " in done.stdout
        assert "     repro  " in done.stdout

    def test_a_file_of_classes_is_not_taken_for_one_subject(self, here):
        done = here("check", SUBJECTS / "wrong.py")
        assert done.returncode == 2
        assert "it defines Careful, RoundedConstant" in done.stderr
        assert "DeadAtZero, and 3 more" in done.stderr

    def test_every_wrong_subject_is_tested_here(self):
        source = (SUBJECTS / "wrong.py").read_text(encoding="utf-8")
        classes = {line.split()[1].split("(")[0].rstrip(":") for line in source.splitlines()
                   if line.startswith("class ")}  # fmt: skip
        marks = TestCheck.test_each_wrong_one_fails_with_quantity_and_cause.pytestmark
        assert classes - {"Careful"} == {case[0] for case in marks[0].args[1]}

    def test_without_a_subject_the_package_checks_itself(self, here):
        done = here("check", "--profile", "strict")
        assert done.returncode == 0
        assert done.stdout.startswith("apalu_ref.check.own:Formula")

    def test_json_to_a_file(self, here, tmp_path):
        target = tmp_path / "report.json"
        done = here("check", SUBJECTS / "careful.py", "--profile", "quick", "--format", "json",
                    "-o", target)  # fmt: skip
        assert (done.returncode, done.stdout) == (0, "")
        assert json.loads(target.read_text(encoding="utf-8"))["verdict"] == "conforms"
        assert os.listdir(tmp_path) == ["report.json"]

    def test_failures_are_one_line_and_traceback_shows_more(self, here, tmp_path):
        broken = tmp_path / "broken.py"
        broken.write_text("import no_such_module\n", encoding="utf-8")
        done = run("check", broken)
        assert (done.returncode, done.stdout) == (3, "")
        assert len(done.stderr.splitlines()) == 1
        done = here("check", broken, "--traceback", "--format", "json")
        assert "Traceback" in done.stderr
        assert json.loads(done.stdout)["verdict"] == "error"

    @pytest.mark.parametrize(
        "arguments", [["check", "no_such.py"], ["check", "--profile", "lax"], ["nope"], [],
                      ["check", "x.py", "--timeout", "0"]],
    )  # fmt: skip
    def test_wrong_usage_is_status_2(self, here, arguments):
        done = here(*arguments)
        assert done.returncode == 2
        assert done.stdout == ""
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize(
        ("name", "message"),
        [("no/such/report.txt", "there is no folder"), ("", "is a folder: name a file")],
    )
    def test_a_file_that_cannot_be_written_is_refused_before_any_work(
        self, here, tmp_path, name, message
    ):
        subject = tmp_path / "subject.py"
        subject.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
        done = here("check", subject, "-o", tmp_path / name)
        assert done.returncode == 2
        assert message in done.stderr
        assert not (tmp_path / "ran").exists()


def test_accuracy_prints_a_row_for_every_promise(capsys):
    assert main(["accuracy", "--dtype", "float32"]) == 0
    lines = capsys.readouterr().out.splitlines()
    own = ["u", "du", "v", "dv", "y", "dx", "fused y", "fused dx"]
    assert [line[8:17].strip() for line in lines[2:]] == own
    assert main(["accuracy", "--dtype", "float64", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(row["worst"] <= row["limit"] for row in rows)


def test_bench_startup_prints_medians(here, monkeypatch):
    real, checks = subprocess.run, []

    def without_starting(command, **options):
        if command[:3] != [sys.executable, "-m", "apalu_ref"]:
            return real(command, **options)
        checks.append(main(command[3:]))

    monkeypatch.setattr(subprocess, "run", without_starting)
    done = here("bench", "startup", "--runs", "1")
    assert (done.returncode, checks) == (0, [0, 0])
    assert "import apalu_ref, after NumPy" in done.stdout
    assert "median" in done.stdout


def test_bench_engine_times_every_case(capsys, monkeypatch):
    monkeypatch.setattr("apalu_ref.bench.engine._WARM_UP", 0.0)
    monkeypatch.setattr("apalu_ref.bench.engine.ENGINES", ("minigrad",))
    monkeypatch.setattr("apalu_ref.bench.peers.installed", lambda name: False)
    assert main(["bench", "engine", "--runs", "1", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert len(report["steps"]) == 5
    assert all(0 < row["seconds"]["minigrad"] < 10 for row in report["steps"])
    assert report["optimizer"] == "sgd"
    assert main(["bench", "engine", "--runs", "1", "--optimizer", "adam"]) == 0
    text = capsys.readouterr().out
    assert "LeNet" in text
    assert "at most PyTorch's" in text


def test_bench_mnist_trains_on_what_there_is(capsys, monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)
    monkeypatch.setattr("apalu_ref.bench.peers.installed", lambda name: False)
    assert main(["bench", "mnist", "--epochs", "8", "--format", "json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert result["images"] == 1000
    assert result["accuracy"] > 0.85
    assert main(["bench", "mnist", "--epochs", "1", "--activation", "relu", "--seeds", "2"]) == 0
    text = capsys.readouterr().out
    assert "1000" in text
    assert "±" in text


def test_help_and_version(capsys):
    for arguments in (["--help"], *([c, "--help"] for c in ("check", "accuracy", "bench", "data"))):
        with pytest.raises(SystemExit) as done:
            main(arguments)
        assert done.value.code == 0
    assert "exit status" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"apalu-ref {apalu_ref.__version__}\n"


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "report.txt"
    target.write_text("old", encoding="utf-8")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        deliver("new", str(target))
    assert target.read_text(encoding="utf-8") == "old"
    assert os.listdir(tmp_path) == ["report.txt"]


def test_links_stay_and_devices_are_written_to(tmp_path):
    target, link = tmp_path / "report.txt", tmp_path / "link.txt"
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    deliver("new", str(link))
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"
    os.mkfifo(tmp_path / "pipe")
    reader = subprocess.Popen(["cat", str(tmp_path / "pipe")], stdout=subprocess.PIPE)
    deliver("through", str(tmp_path / "pipe"))
    assert reader.communicate(timeout=10)[0] == b"through"
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("environment", [{"PYTHONIOENCODING": "ascii"}, {}])
def test_any_encoding_will_do(environment):
    done = run("check", f"{SUBJECTS / 'wrong.py'}:RoundedConstant", "--profile", "quick",
               env={**os.environ, **environment})  # fmt: skip
    assert done.returncode == 1
    assert "FAIL core y, dx, da" in done.stdout


def test_an_empty_name_is_not_the_package(here):
    assert here("check", "").returncode == 2
    assert here("check", ".").returncode == 2


def test_a_fault_of_ours_does_not_look_like_a_verdict(monkeypatch, capsys):
    monkeypatch.setattr("apalu_ref.accuracy.measure", lambda *_: 1 / 0)
    assert main(["accuracy"]) == 70
    assert "please report it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [(signal.SIGINT, 130, "interrupted\n"), (signal.SIGTERM, 128 + signal.SIGTERM, "")],
)
def test_ending_it_ends_the_subject_too(tmp_path, sent, status, said):
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import os, pathlib, time\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\n"
        "time.sleep(60)\n",
        encoding="utf-8",
    )
    # A shell's background job ignores interrupts, and so would what it starts: undo that.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from apalu_ref.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "check", str(slow), "--timeout", "60"],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(sent)
    assert process.communicate(timeout=20)[1] == said
    assert process.returncode == status
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
