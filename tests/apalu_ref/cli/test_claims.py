"""``apalu-ref claims``."""

import json

import pytest

from apalu_ref import claims
from apalu_ref.cli import main

ROWS = [
    claims.Row("f bends", "slopes", "holds under a condition", "1 | 2", "b = 3a/2"),
    claims.Row("f wins", "studies depth", "open", "depth: not run"),
]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(claims, "table", lambda studies, progress: ROWS)


@pytest.mark.usefixtures("quick")
def test_the_table_as_text(capsys):
    assert main(["claims"]) == 0
    said = capsys.readouterr().out
    assert "~ f bends\n    HOLDS UNDER A CONDITION: b = 3a/2\n    tested: slopes\n" in said
    assert "\n2 claims; holds under a condition: 1, open: 1\n" in said
    assert said.endswith("(+ holds, ~ holds under a condition, - does not hold, ? open)\n")


@pytest.mark.usefixtures("quick")
def test_the_table_as_json_and_markdown(capsys, tmp_path):
    target = tmp_path / "claims.json"
    assert main(["claims", "--format", "json", "-o", str(target)]) == 0
    assert json.loads(target.read_text(encoding="utf-8"))[1]["verdict"] == "open"
    assert main(["claims", "--format", "markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "| f bends | slopes | **holds under a condition**: b = 3a/2 | 1 \\| 2 |"


@pytest.mark.usefixtures("quick")
def test_the_figure(tmp_path, capsys):
    target = tmp_path / "claims.svg"
    assert main(["claims", "--figure", str(target)]) == 0
    assert target.read_text(encoding="utf-8").startswith("<?xml")
    assert main(["claims", "--figure", str(tmp_path / "claims.xyz")]) == 2
    assert "--figure must end in .png, .svg or .pdf" in capsys.readouterr().err


def test_a_damaged_study_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("apalu_ref.claims.evidence.CLAIMS", ())
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth" / "claim.json").write_text("half", encoding="utf-8")
    assert main(["claims", "--studies", str(tmp_path)]) == 2
    assert "claim.json is no result of a study" in capsys.readouterr().err
