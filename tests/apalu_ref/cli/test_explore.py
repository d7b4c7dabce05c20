"""``apalu-ref explore`` as a user meets it, on a machine without a screen."""

import os
import subprocess
import sys

import matplotlib
import pytest
from matplotlib import pyplot
from matplotlib.image import imread

from apalu_ref.cli import main

OWN = """\
import numpy as np


def wave(x, k=1.0):
    return np.where(x < 0.3, 0.2 * np.sin(k * x), x - 0.3 + 0.2 * np.sin(0.3 * k))
"""


@pytest.fixture(autouse=True)
def no_screen():
    pyplot.switch_backend("agg")


@pytest.fixture
def said(capsys):
    def run(*arguments):
        status = main(["explore", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def saved(said, tmp_path):
    def run(*arguments):
        with matplotlib.rc_context({"svg.fonttype": "none"}):
            assert said(*arguments, "--save", tmp_path / "p.svg")[:2] == (0, "")
        return (tmp_path / "p.svg").read_text(encoding="utf-8")

    return run


def test_saves_a_picture_of_apalu(said, tmp_path):
    path = tmp_path / "window.png"
    assert said("--save", path) == (0, "", f"wrote {path}\n")
    assert [p.name for p in tmp_path.iterdir()] == ["window.png"]
    picture = imread(tmp_path / "window.png")
    assert picture.shape[1] == 1500
    assert picture.min() < 0.3
    assert pyplot.get_fignums() == []


def test_saves_what_was_asked_for(saved):
    text = saved()
    assert "apalu(a=1, b=1)" in text
    assert "kink at x = 0: slope 1 left, 1.5 right" in text
    text = saved("apalu(a=1.2)", "--lock")
    assert "apalu(a=1.2, b=1.8), locked: b = 3a/2" in text
    assert "no kink; slope 1.8 at x = 0" in text
    assert "swish(beta=2)" in saved("swish(beta=2)")
    assert "relu has no parameters to move" in saved("relu")


def test_saves_a_function_of_ones_own(saved, tmp_path):
    (tmp_path / "mine.py").write_text(OWN, encoding="utf-8")
    text = saved(f"{tmp_path / 'mine.py'}:wave(k=2)")
    assert "wave(k=2)" in text
    assert "kink at x = 0.3: slope 0.330134 left, 1 right" in text


def test_without_a_display_it_says_what_to_do(said):
    status, out, err = said()
    assert (status, out) == (2, "")
    assert err.startswith("apalu-ref explore: there is no display to open a window on")
    assert all(way in err for way in ("--save FILE", "MPLBACKEND", "pip install"))
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("kind", [ImportError, RuntimeError])
def test_with_a_backend_that_cannot_be_loaded(said, monkeypatch, kind):
    def fails():
        raise kind("Cannot load backend 'TkAgg': it requires 'tk'")

    monkeypatch.setattr(pyplot, "figure", fails)
    status, _, err = said("swish")
    assert status == 2
    assert "Cannot load backend 'TkAgg'" in err
    assert "--save FILE" in err


def test_with_a_backend_that_does_not_exist():
    environment = {**os.environ, "MPLBACKEND": "pear"}
    command = [sys.executable, "-m", "apalu_ref", "explore"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert "apalu-ref explore: matplotlib cannot be used" in done.stderr
    assert "'pear' is not a valid value" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nope"], "no activation is called 'nope'"),
        (["apalu(c=1)"], "apalu has no parameter 'c'"),
        (["nowhere.py:f"], "nowhere.py"),
        (["relu", "--lock"], "relu has no lock"),
        (["apalu(a=nan)"], "the parameter a of apalu must be a finite number"),
        (["--save", "x.nope"], "--save: Format 'nope' is not supported"),
    ],
)
def test_usage_errors(said, arguments, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, out, err = said(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("apalu-ref explore: ")
    assert text in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(capsys, tmp_path):
    with pytest.raises(SystemExit) as exit:
        main(["explore", "--save", str(tmp_path / "none" / "x.png")])
    assert exit.value.code == 2
    assert "there is no folder" in capsys.readouterr().err
