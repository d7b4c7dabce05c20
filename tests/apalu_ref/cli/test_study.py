"""``apalu-ref study``."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from apalu_ref import studies
from apalu_ref.cli import main
from apalu_ref.datasets import DatasetError

COMMAND = [sys.executable, "-m", "apalu_ref", "study"]


def test_the_list_has_every_study_and_its_question(capsys):
    assert main(["study", "--list"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n{name}\n" in f"\n{text}" for name in studies.NAMES)
    assert text.count("?") >= len(studies.NAMES)


def test_the_list_as_json(capsys):
    assert main(["study", "--list", "--format", "json"]) == 0
    assert [row["name"] for row in json.loads(capsys.readouterr().out)] == list(studies.NAMES)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "name a study, or all"),
        (["all", "depth"], "all stands alone"),
        (["mnist"], "no study 'mnist': did you mean mnist-cnn?"),
        (["mnist-cnn", "--activations", "relu,galu"], "did you mean gelu?"),
        (["mnist-cnn", "--activations", "gone.py:f"], "gone.py"),
    ],
)
def test_wrong_arguments_are_told_before_any_work(arguments, told, capsys, tmp_path):
    assert main(["study", *arguments, "--out", str(tmp_path / "out")]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--seeds", "0"], ["--jobs", "-1"], ["--scale", "huge"]])
def test_numbers_and_choices_are_checked(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["study", "mnist-cnn", *arguments])
    assert ended.value.code == 2


def test_an_out_that_is_a_file_is_told(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["study", "mnist-cnn", "--scale", "smoke", "--out", str(tmp_path / "file")]) == 2
    assert "cannot be made" in capsys.readouterr().err


def test_missing_data_are_told(monkeypatch, capsys, tmp_path):
    def run(*_, **__):
        raise DatasetError("magnetic-tile: the full set is missing: get it there")

    monkeypatch.setattr(studies, "run", run)
    assert main(["study", "differnet", "--out", str(tmp_path)]) == 2
    assert "get it there" in capsys.readouterr().err


def test_a_study_from_start_to_end(tmp_path, capfd):
    options = ["--scale", "smoke", "--seeds", "1", "--source", "bundled", "--out", str(tmp_path)]
    assert main(["study", "mnist-cnn", *options, "--format", "json"]) == 0
    out, err = capfd.readouterr()
    (record,) = json.loads(out)
    assert record["study"] == "mnist-cnn"
    assert "6/6 " in err
    assert main(["study", "mnist-cnn", *options]) == 0
    out, err = capfd.readouterr()
    assert "6 of 6 runs are there from before" in err
    assert "test accuracy" in out.replace("\n", " ") or "accuracy, %" in out


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_keeps_what_was_made(number, tmp_path, capfd):
    arguments = ["mnist-cnn", "--scale", "smoke", "--source", "bundled", "--out", str(tmp_path)]
    child = subprocess.Popen([*COMMAND, *arguments], stderr=subprocess.PIPE, text=True)
    for line in child.stderr:
        if line.startswith("2/8"):
            break
    child.send_signal(number)
    rest = child.stderr.read()
    child.stderr.close()
    assert child.wait(30) == (130 if number == signal.SIGINT else 143)
    if number == signal.SIGINT:
        assert "runs are kept in" in rest
        assert "Traceback" not in rest
    kept = {p: p.stat().st_mtime_ns for p in (tmp_path / "mnist-cnn" / "runs").glob("*/*")}
    assert len(kept) >= 2
    time.sleep(0.01)
    assert main(["study", *arguments]) == 0
    assert "runs are there from before" in capfd.readouterr().err
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
