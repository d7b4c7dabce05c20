"""What the pages show is real: commands, files, keys."""

import argparse
import ast
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from apalu_ref.check.report import Finding, Report, failure
from apalu_ref.check.subject import SubjectError, split_name
from apalu_ref.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "tutorials" / "site"
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "tutorials").glob("*.py")),
    *sorted((ROOT / "tutorials" / "subjects").iterdir()),
    *sorted(SITE.glob("*.rst")),
    *sorted(SITE.glob("howto/*.rst")),
]

# Names that stand for a file of the reader's own.
OWN = ("port.py", "./apalu", "./your-program", "questions/", "java -jar port.jar", "node apalu.mjs")


def commands():
    """Every ``apalu-ref`` command of a page: (page, arguments)."""
    for path in (p for p in PAGES if p.is_file()):
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(
            r"^(?:[ *#/|-]|- run:|python -m pdb -m)*(apalu[-_]ref [a-z]+ .*)$",
            text,
            re.M,
        )
        inline = re.findall(r"(?<=`)(apalu-ref [a-z]+ [^`]+)(?=`)", text)
        for line in dict.fromkeys([*blocks, *inline]):
            # A report's text, in which names are told, is none of ours to parse.
            line = line.partition("``:")[0].partition("`` ")[0].strip("`|")
            words = shlex.split(re.split(r"  +| \(", line)[0], comments=True)
            if "--help" in words:
                continue
            yield pytest.param(words[1:], id=f"{path.name}: {' '.join(words[1:])}")


def parser():
    made = argparse.ArgumentParser()
    subparsers = made.add_subparsers()
    for command in COMMANDS:
        command.add_to(subparsers)
    return made


def require_there(name):
    """The file is there, and so is the attribute."""
    source, attribute = split_name(name)
    if any(source.startswith(own) for own in OWN):
        return
    if " " in name:
        assert (ROOT / name.split()[-1]).is_file(), name
        return
    path = ROOT / source
    if not source.endswith(".py"):
        path = ROOT / (source.replace(".", "/") + ".py")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    defined = {getattr(node, "name", None) for node in tree.body}
    assert not attribute or attribute in defined, name


ALL = list(commands())


def test_they_are_found():
    assert len(ALL) > 60


@pytest.mark.parametrize("words", ALL)
def test_a_command_is_real(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # files to write are named there
    (tmp_path / "results").mkdir()
    arguments = parser().parse_args(words)
    for name in (getattr(arguments, "subject", None), getattr(arguments, "against", None)):
        if name not in (None, "apalu", "self"):
            require_there(name)


def test_every_key_of_the_json_is_explained():
    page = (SITE / "check.rst").read_text(encoding="utf-8")
    page = page[page.index("\nJSON\n") :]
    report = Report("s", "numpy", "apalu", "quick", False, [], [], {}, {}, [], 0, 0, 0.0)
    document = report.to_dict()
    error = failure("s", "quick", SubjectError("", 2))
    keys = {*document, *document["summary"], *error, *error["summary"]}
    keys |= {field.name for field in fields(Finding)}
    assert not {key for key in keys if f"``{key}``" not in page}


def test_every_page_is_in_the_index():
    index = (SITE / "howto" / "index.rst").read_text(encoding="utf-8")
    for path in SITE.glob("howto/*.rst"):
        assert path.stem == "index" or f"\n   {path.stem}\n" in index
