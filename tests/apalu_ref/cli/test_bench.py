"""``apalu-ref bench`` as a user meets it; what it measures is tested beside its parts."""

import json

import pytest

from apalu_ref.bench import goals, machine, timing
from apalu_ref.cli import bench_tables, main


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(timing, "_WARM_UP", 0.0)
    monkeypatch.setattr(timing, "_SPAN", 0.0)
    monkeypatch.setattr(machine, "_BYTES", 1 << 16)
    monkeypatch.setattr(machine, "_PIECE", 1 << 14)
    monkeypatch.setattr(goals, "LARGE", 5000)
    monkeypatch.setattr("apalu_ref.bench.peers.installed", lambda name: False)


def interrupt_at(monkeypatch, words):
    def told(what):
        if words in what:
            raise KeyboardInterrupt

    monkeypatch.setattr(bench_tables, "progress", told)


def test_without_a_word_it_measures_what_is_to_be_reached(capsys):
    assert main(["bench", "--runs", "1"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0].split() == ["measured", "(quartiles)", "goal", "reached"]
    assert "PyTorch, eager, float32" in lines[2]
    assert lines[2].endswith("not installed")
    assert ">= 6x" in lines[1]
    assert "<= 8 MiB  yes" in out
    assert "1 rounds" in out.replace("\n  ", " ")
    assert err.startswith("... float32, 5,000 elements: fused\n")


@pytest.mark.parametrize(
    "words",
    [
        ["bench", "goals", "--runs", "2", "--format", "json"],
        ["bench", "--format", "json", "--runs", "2"],
        ["bench", "--format", "json", "goals", "--runs", "2"],
        ["bench", "--runs", "2", "goals", "--format", "json"],
        ["bench", "--runs", "7", "goals", "--format", "json", "--runs", "2"],
    ],
)
def test_options_stand_before_or_after_what_is_timed(capsys, words):
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["configuration"]["runs"] == 2


def test_activations(capsys, tmp_path):
    words = ["--sizes", "1e2", "1000", "--runs", "1", "--threads", "2", "--parameters", "channel"]
    assert main(["bench", "activations", *words, "--figure", str(tmp_path / "speed.png")]) == 0
    out = capsys.readouterr().out
    assert (tmp_path / "speed.png").exists()
    blocks = out.split("\n\n")
    assert len(blocks) == 2  # 100 elements would be 1,000 with 10 channels
    assert blocks[0].startswith("float32, 1,000 elements ")
    rows = [line.split()[:3] for line in blocks[0].splitlines()[1:]]
    assert ["apalu", "fused", "both"] in rows
    assert ["gelu_erf", "fused", "backward"] in rows
    foot = " ".join(line.strip() for line in blocks[-1].splitlines())
    assert "Parameters: one a channel, of 10" in foot
    assert "GB/s of 2 threads" in foot
    assert "torch.compile: not installed" in foot


def test_activations_that_are_chosen_to_a_file(capsys, tmp_path):
    target = tmp_path / "speed.json"
    words = ["--sizes", "500", "--runs", "1", "--dtype", "float64", "float32", "float64"]
    only = ["--only", "relu,prelu", "fused"]
    output = ["--format", "json", "-o", str(target)]
    assert main(["bench", "activations", *words, *only, *output]) == 0
    assert capsys.readouterr().out == ""
    found = json.loads(target.read_text(encoding="utf-8"))
    assert [(row["activation"], row["dtype"]) for row in found["rows"][::3]] == [
        ("relu", "float64"), ("prelu", "float64"), ("relu", "float32"), ("prelu", "float32"),
    ]  # fmt: skip


def test_an_unknown_name_is_answered_with_those_there_are(capsys):
    assert main(["bench", "activations", "--only", "gelu"]) == 2
    err = capsys.readouterr().err
    assert "there is no 'gelu': activations are apalu, relu, leaky_relu" in err
    assert "ways to do them are fused, formula" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["activations", "--sizes", "1.5"], "a whole number from 1 to 1e9 is needed, such as"),
        (["activations", "--sizes", "0"], "not '0'"),
        (["activations", "--sizes", "many"], "not 'many'"),
        (["activations", "--sizes", "1e12"], "not '1e12'"),
        (["activations", "--figure", "speed.txt"], "must end in .png, .svg, .pdf"),
        (["activations", "--figure", "no/such/speed.png"], "there is no folder"),
        (["activations", "--dtype", "float16"], "invalid choice: 'float16'"),
        (["--runs", "0"], "at least 1"),
        (["everything"], "invalid choice: 'everything'"),
    ],
)
def test_wrong_usage_is_status_2(capsys, words, message):
    with pytest.raises(SystemExit) as done:
        main(["bench", *words])
    assert done.value.code == 2
    assert message in capsys.readouterr().err


def test_an_interrupt_prints_what_there_is(capsys, monkeypatch, tmp_path):
    interrupt_at(monkeypatch, "round 2")
    words = ["--sizes", "500", "--only", "relu", "--runs", "3"]
    picture = tmp_path / "speed.svg"
    assert main(["bench", "activations", *words, "--figure", str(picture)]) == 130
    out, err = capsys.readouterr()
    assert [line.split()[2] for line in out.splitlines()[1:4]] == ["forward", "backward", "both"]
    assert (err, picture.exists()) == ("interrupted\n", True)
    assert main(["bench", "--format", "json"]) == 130
    assert json.loads(capsys.readouterr().out)["interrupted"] is True
    interrupt_at(monkeypatch, "bandwidth")
    assert main(["bench", "activations"]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_network(capsys):
    assert main(["bench", "network", "--runs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "LeNet 8c5-p2-16c5-p2-10: inference, batch of 1" in lines
    assert "MLP 784-512-512-10: training step, batch of 256" in lines
    assert sum("APALU, a pair a layer" in line for line in lines) == 6
    assert sum("1.000x (1.000-1.000)" in line for line in lines) >= 6
