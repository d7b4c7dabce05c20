"""The page on the vectors: its C program does what the page says, and it names every flag."""

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from apalu_ref.vectors import load, tsv
from apalu_ref.vectors.flags import NOTES

PAGE = (Path(__file__).parents[3] / "tutorials/site/vectors.rst").read_text(encoding="utf-8")
CC = shutil.which("cc")


def test_names_every_flag():
    table = PAGE[PAGE.index("What the flags mean") : PAGE.index("In C, without JSON")]
    assert {flag for flag in re.findall(r"\b[A-Z]\w+\b", table) if flag in NOTES} == set(NOTES)


@pytest.mark.skipif(CC is None, reason="no C compiler")
class TestConsumerInC:
    @pytest.fixture
    def consume(self, tmp_path):
        block = PAGE[PAGE.index(".. code-block:: c\n") :].split("\n", 1)[1]
        program = textwrap.dedent(block[: block.index("\n\nCompiled with")])

        def run(old="", new=""):
            assert old in program
            source = tmp_path / "consumer.c"
            source.write_text(program.replace(old, new, 1) if old else program, encoding="ascii")
            built = tmp_path / "consumer"
            command = [CC, "-std=c99", "-o", built, source, "-lm"]
            subprocess.run(command, check=True, capture_output=True)
            return subprocess.run([built], input=tsv(load()), capture_output=True, text=True)

        return run

    def test_a_right_one(self, consume):
        done = consume()
        assert done.returncode == 0
        assert re.search(r"^134 tests, 0 failed, \d warnings$", done.stdout, re.M), done.stdout

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("b * exp(x)", "exp(x)"),
            ("got[3] = left ? gy * v : 0;", "got[3] = gy * v;"),
            ("gy * x * (1 + s)", "x * (1 + s)"),
            ("-1.702", "-1.7"),
        ],
    )
    def test_wrong_ones(self, consume, old, new):
        done = consume(old, new)
        assert done.returncode == 1
        assert "FAIL test" in done.stdout

    def test_a_warning(self, consume):
        done = consume("expm1(x)", "exp(x) - 1")
        assert done.returncode == 0
        assert "warn test" in done.stdout
