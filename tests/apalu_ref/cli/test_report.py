"""``apalu-ref report`` as a user meets it."""

import json
import math

import pytest

from apalu_ref.cli import main

MINE = """
import math
import numpy as np

number = 3

def wave(x, k=1.0):
    return np.sin(k * x)

def slope(x, k=1.0):
    return 1.00001 * k * np.cos(k * x)

def relu(x):
    return np.maximum(x, 0)

def branch(x):
    return x if x > 0 else 0.0

def of_math(x):
    return math.tanh(x)

def dead(x):
    return 0 * x

def side_by_side(x):
    return np.tanh(x)
"""


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", list(__import__("sys").path))
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")


@pytest.fixture
def no_pictures(monkeypatch):
    """Sheets that are files, but nothing is drawn."""
    monkeypatch.setattr("apalu_ref.properties.sheet.sheet", lambda report, depth: "")
    monkeypatch.setattr("apalu_ref.properties.sheet.compare", lambda reports, depths: "")
    monkeypatch.setattr("apalu_ref.properties.sheet.save", lambda f, path: path.write_text(f))


SMALL = ["--depth", "3", "--width", "8", "--draws", "2"]


def files(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_card(capsys):
    assert main(["report", "apalu(a=1, b=1.5)"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("apalu(a=1, b=1.5)\n=================\n")
    assert "2.09984               proved" in out
    assert "C¹, not C²" in out


def test_several_are_put_side_by_side(capsys):
    assert main(["report", "relu", "mine.py:wave", "mine.py:wave(k=2)"]) == 0
    first = capsys.readouterr().out.splitlines()[0]
    assert first.split() == ["relu", "wave(k=1)", "wave(k=2)"]


def test_json(capsys):
    assert main(["report", "relu", "mine.py:wave(k=2)", "--format", "json"]) == 0
    relu, wave = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert relu["sections"]["under N(0, 1)"]["E f²"]["value"] == 0.5
    assert relu["sections"]["under N(0, 1)"]["E f²"]["how"] == "proved"
    assert (wave["activation"], wave["parameters"]) == ("wave", {"k": 2.0})
    square = wave["sections"]["under N(0, 1)"]["E f²"]["value"]
    assert square == pytest.approx((1 - math.exp(-8)) / 2, rel=1e-12)


def test_to_a_file(capsys, tmp_path):
    assert main(["report", "relu", "-o", "card.txt"]) == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "card.txt").read_text(encoding="utf-8").startswith("relu\n====\n")


def test_a_derivative(capsys):
    words = ["report", "mine.py:wave", "--derivative", "mine.py:slope", "--format", "json"]
    assert main(words) == 0
    (card,) = json.loads(capsys.readouterr().out)
    found = card["sections"]["shape"]["Lipschitz constant"]["value"]
    assert found == pytest.approx(1.00001, rel=1e-12)


def test_out_writes_a_sheet_a_card_and_json(capsys, tmp_path):
    assert main(["report", "relu", "--out", "new/cards", *SMALL]) == 0
    out, err = capsys.readouterr()
    folder = tmp_path / "new" / "cards"
    assert files(folder) == ["relu.json", "relu.png", "relu.txt"]
    assert (folder / "relu.txt").read_text(encoding="utf-8") == out
    assert err.splitlines()[-1].endswith("relu.{txt,json,png}")
    record = json.loads((folder / "relu.json").read_text("utf-8"), parse_constant=pytest.fail)
    simulation = record["simulation"]
    assert (simulation["width"], len(simulation["q"]), len(simulation["q"][0])) == (8, 2, 4)
    assert simulation["sigma_w"] == pytest.approx(math.sqrt(2))
    assert (folder / "relu.png").read_bytes().startswith(b"\x89PNG")


def test_seeds(tmp_path, no_pictures):
    records = []
    for seed, folder in (("1", "a"), ("1", "b"), ("2", "c")):
        main(["report", "tanh", "--out", folder, "--seed", seed, *SMALL])
        text = (tmp_path / folder / "tanh.json").read_text(encoding="utf-8")
        records.append(json.loads(text)["simulation"]["q"])
    assert records[0] == records[1] != records[2]


def test_without_a_simulation(tmp_path, no_pictures):
    words = ["report", "mine.py:dead", "elu", "--out", "o", "--no-simulation"]
    assert main([*words, "--picture-format", "svg"]) == 0
    assert "simulation" not in json.loads((tmp_path / "o" / "elu.json").read_text("utf-8"))
    assert {"dead.svg", "elu.svg", "side_by_side.svg", "side_by_side.txt"} <= set(
        files(tmp_path / "o")
    )


def test_what_lets_no_signal_through_is_not_simulated(tmp_path, no_pictures):
    assert main(["report", "mine.py:dead", "--out", "o", *SMALL]) == 0
    assert "simulation" not in json.loads((tmp_path / "o" / "dead.json").read_text("utf-8"))


def test_names_of_files_do_not_collide(tmp_path, no_pictures):
    names = ["relu", "mine.py:relu", "elu(alpha=1)", "elu(alpha=2.5)", "elu(alpha=2.5000000001)"]
    words = ["--out", "o", "--no-simulation", "--picture-format", "svg"]
    assert main(["report", *names, *words]) == 0
    cards = [n for n in files(tmp_path / "o") if n.endswith(".json")]
    assert cards == [
        "elu_alpha1.json",
        "elu_alpha2.5.json",
        "elu_alpha2.5_2.json",
        "relu.json",
        "relu_2.json",
    ]
    first = json.loads((tmp_path / "o" / "relu.json").read_text("utf-8"))
    second = json.loads((tmp_path / "o" / "relu_2.json").read_text("utf-8"))
    assert first["sections"]["shape"]["smoothness"]["how"] == "proved"
    assert second["sections"]["shape"]["smoothness"]["how"] == "sampled"


def test_equal_names_and_parameters_are_numbered():
    from apalu_ref.cli import report as command

    class Fake:
        class activation:
            name = "f"
            parameters = {"k": 1.0}  # noqa: RUF012

    assert command._file_names([Fake()] * 3) == ["f_k1", "f_k1_2", "f_k1_2_2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rleu"], "no activation is called 'rleu', did you mean 'relu'?"),
        (["elu(a=1)"], "elu has no parameter 'a'; there are: alpha"),
        (["elu(alpha=x)"], "is no parameter: write name=number"),
        (["elu(alpha"], "is not an activation"),
        (["nofile.py:f"], "no such file: nofile.py"),
        (["mine.py:nix"], "mine.py has no attribute 'nix'"),
        (["mine.py"], "is a module, not a function: file.py:name"),
        (["mine.py:number"], "mine.py:number is a int, not a function"),
        (["mine.py:branch"], "write np.where"),
        (["mine.py:of_math"], "in place of those of the module math"),
        (["relu", "tanh", "--derivative", "mine.py:slope"], "is for a single ACTIVATION"),
        (["relu", "--derivative", "mine.py:nix"], "no attribute 'nix'"),
        (["relu", "--out", "mine.py"], "--out: "),
        (["relu", "--out", "mine.py/below"], "--out: "),
    ],
)
def test_mistakes_are_told_on_standard_error(capsys, words, message):
    assert main(["report", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("apalu-ref report: ")
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["relu", "--depth", "0"],
        ["relu", "--width", "-1"],
        ["relu", "--draws", "many"],
        ["relu", "--seed", "x"],
        ["relu", "--format", "xml"],
        ["relu", "--picture-format", "gif"],
        ["relu", "-o", "nowhere/card.txt"],
    ],
)
def test_wrong_usage(capsys, words):
    with pytest.raises(SystemExit) as stopped:
        main(["report", *words])
    assert stopped.value.code == 2
    assert "usage: apalu-ref report" in capsys.readouterr().err


def test_an_activation_called_side_by_side(tmp_path, no_pictures):
    words = ["--out", "o", "--no-simulation", "--picture-format", "svg"]
    main(["report", "mine.py:side_by_side", "relu", *words])
    cards = list((tmp_path / "o").glob("*.txt"))
    assert len(cards) == 3


def test_a_negative_seed_is_refused(capsys):
    try:
        assert main(["report", "relu", "--out", "o", "--seed", "-1", *SMALL]) == 2
    except SystemExit as stopped:
        assert stopped.code == 2  # noqa: PT017


def test_networks_of_one_unit(capsys):
    try:
        status = main(["report", "relu", "--out", "o", "--depth", "3", "--width", "1"])
    except SystemExit as stopped:
        status = stopped.code
    assert status in (0, 2)


@pytest.mark.parametrize("text", ["def f(x) return", "1 / 0", "import no_such_module_at_all"])
def test_a_file_that_cannot_be_run(capsys, tmp_path, text):
    (tmp_path / "faulty.py").write_text(text, encoding="utf-8")
    assert main(["report", "faulty.py:f"]) == 2
    assert "fault in apalu-ref" not in capsys.readouterr().err


@pytest.mark.parametrize("text", ["elu(alpha=nan)", "apalu(a=inf)"])
def test_parameters_are_finite(text):
    assert main(["report", text]) == 2


def test_a_parameter_given_twice():
    assert main(["report", "elu(alpha=1, alpha=2)"]) == 2
