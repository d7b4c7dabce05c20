"""``apalu-ref design``."""

import json

from apalu_ref.cli import main


def test_wishes_that_can_be_met(capsys):
    assert main(["design", "apalu", "c1", "slope-right=1"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("all wishes are met by apalu(a=0.666666666667, b=1)\n")


def test_wishes_that_cannot(capsys):
    assert main(["design", "swish", "slope-left=0.7"]) == 1
    assert "off by -0.2" in capsys.readouterr().out


def test_json_and_free_parameters(capsys, tmp_path):
    target = tmp_path / "design.json"
    wanted = ["design", "apalu(b=0.5)", "slope-right=3", "--free", "a", "--format", "json"]
    assert main([*wanted, "-o", str(target)]) == 0
    found = json.loads(target.read_text(encoding="utf-8"))["parameters"]
    assert found["b"] == 0.5
    assert abs(found["a"] - 2) < 1e-12
    assert capsys.readouterr().out == ""


def test_a_function_of_ones_own(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text("def wave(x, k=1.0):\n    return k * x\n")
    assert main(["design", f"{path}:wave", "slope-moment=9"]) == 0
    assert "wave(k=3)" in capsys.readouterr().out


def test_wrong_usage(capsys):
    for wrong in (["apalu", "c9"], ["nope", "c1"], ["relu", "c1"], ["apalu", "c1", "--free", "z"]):
        assert main(["design", *wrong]) == 2
        assert capsys.readouterr().err.startswith("apalu-ref design: ")
