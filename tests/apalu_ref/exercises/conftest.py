"""Submissions to grade: the model solutions, with whatever a test changes in them."""

import shutil
from pathlib import Path

import pytest

EXERCISES = Path(__file__).resolve().parents[3] / "tutorials" / "exercises"


@pytest.fixture
def stubs():
    return EXERCISES / "mine"


@pytest.fixture
def solutions():
    return EXERCISES / "solutions"


@pytest.fixture
def submission(tmp_path, solutions):
    """A function that writes a submission: the solutions, with texts replaced in some files."""

    def write(changes=(), folder="mine", without=()):
        target = tmp_path / folder
        shutil.copytree(solutions, target, ignore=shutil.ignore_patterns("__pycache__", *without))
        for name, old, new in changes:
            path = target / f"{name}.py"
            source = path.read_text(encoding="utf-8")
            assert source.count(old) == 1, f"{old!r} is {source.count(old)} times in {name}"
            path.write_text(source.replace(old, new), encoding="utf-8")
        return target

    return write
