"""What the README and the metadata say is so."""

import doctest
import re
from pathlib import Path

import apalu_ref

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_programs_it_names_exist():
    """Its links are followed in tutorials/test_links.py."""
    named = re.findall(r"tutorials/[\w/]+\.py", README)
    assert named
    for path in named:
        assert (ROOT / path).exists(), path


def test_its_examples_run():
    failed, tried = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert tried > 10
    assert not failed


def test_the_version_is_one():
    version = apalu_ref.__version__
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(rf"^## {re.escape(version)}\b", changes, re.M)
    assert f"version: {version}\n" in citation
