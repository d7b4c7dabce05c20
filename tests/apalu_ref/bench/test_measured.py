"""The tables: rows, JSON, the picture, and what is left after Ctrl-C."""

import json

import pytest

from apalu_ref.bench import activations, contenders, figure, goals, machine, network

pytestmark = pytest.mark.usefixtures("quick")


def options(*only, **other):
    return activations.Options(
        contenders.chosen(only), **{"sizes": (100, 1000), "runs": 2, "threads": 2, **other}
    )


def interrupt_at(words):
    def told(what):
        if words in what:
            raise KeyboardInterrupt

    return told


class TestActivations:
    def test_a_row_for_each_that_is_there(self):
        report = activations.measure(options(dtypes=("float32", "float64")))
        names = [name for name in contenders.NAMES if name[1] not in contenders.FRAMEWORKS]
        assert len(report.rows) == len(names) * 3 * 2 * 2
        assert report.missing == dict.fromkeys(contenders.FRAMEWORKS, "not installed")
        assert not report.interrupted
        for row in report.rows:
            assert 0 < row.seconds.low <= row.seconds.median <= row.seconds.high
            assert row.nanoseconds == pytest.approx(1e9 * row.seconds.median / row.elements)
            assert row.rate == pytest.approx(row.bytes / row.seconds.median)
            assert row.extra is not None
            assert (row.counts is None) == (row.way == "formula")

    @pytest.mark.parametrize("shared", ["channel", "neuron", "element"])
    def test_parameters_of_every_kind(self, shared):
        names = options("apalu", "prelu", "relu", shared=shared, sizes=(2000, 2001))
        report = activations.measure(names)
        forward = {
            row.activation: row.bytes
            for row in report.rows
            if (row.stage, row.elements) == ("forward", 2000)
        }
        own = {"channel": 10, "neuron": 500, "element": 2000}[shared]
        assert len(report.rows) == (2 if shared == "element" else 1) * 5 * 3
        assert forward == {"apalu": 16000 + 8 * own, "relu": 16000, "prelu": 16000 + 4 * own}

    def test_json(self):
        report = activations.measure(options("relu", "prelu", "textbook", "fused"))
        found = json.loads(json.dumps(activations.document(report)))
        assert found["schema"] == 1
        assert found["configuration"]["sizes"] == [100, 1000]
        assert {"python", "numpy", "torch", "jax", "simd", "threads", "runs"} <= set(
            found["configuration"]
        )
        assert found["bandwidth"]["bytes_per_second"] == report.limit.best
        assert (found["not_timed"], found["interrupted"]) == ({}, False)
        row = found["rows"][0]
        assert (row["activation"], row["stage"], row["elements"]) == ("relu", "forward", 100)
        assert row["bytes_per_element"] == 8
        assert row["operations_per_element"] == {"arithmetic": 1, "transcendental": 0, "bits": 0}

    def test_an_interrupt_leaves_what_has_been_timed(self):
        report = activations.measure(
            options("relu", "fused", runs=3), interrupt_at("1,000 elements: round 2")
        )
        assert report.interrupted
        assert [row.elements for row in report.rows] == [100] * 3 + [1000] * 3
        assert report.rows[-1].seconds.low == report.rows[-1].seconds.high  # of one round
        assert activations.measure(options("relu"), interrupt_at("bandwidth")) is None

    def test_what_fails_is_said_and_the_rest_goes_on(self, monkeypatch):
        def broken(activation, case):
            raise RuntimeError("no compiler\nmore of it")

        monkeypatch.setitem(contenders._MAKERS, "torch.compile", broken)
        report = activations.measure(options("apalu", "torch.compile", "fused"))
        assert report.missing == {"apalu (torch.compile)": "RuntimeError: no compiler"}
        assert {row.way for row in report.rows} == {"fused"}


class TestFigure:
    @pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
    def test_it_is_written(self, tmp_path, ending):
        report = activations.measure(options("fused", "formula", "textbook", runs=1))
        target = tmp_path / f"activations.{ending}"
        figure.draw(report, str(target))
        start = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
        assert target.read_bytes().startswith(start)

    @pytest.mark.parametrize("only", [("relu", "fused"), ("apalu", "textbook")])
    def test_a_part_will_do(self, tmp_path, only):
        report = activations.measure(options(*only, runs=1, sizes=(100,)))
        figure.draw(report, str(tmp_path / "part.png"))
        assert (tmp_path / "part.png").stat().st_size > 1000

    def test_nothing_cannot_be_drawn(self):
        report = activations.Report(options(), machine.Limit(1, 1, 1, 1), [], {}, True)
        with pytest.raises(ValueError, match="nothing was timed"):
            figure.draw(report, "nothing.png")


class TestGoals:
    def test_all_of_them(self, monkeypatch):
        monkeypatch.setattr(goals, "LARGE", 5000)
        report = goals.measure(2)
        assert len(report.goals) == 11
        reached = {goal.what: goal.reached for goal in report.goals}
        for goal in report.goals:
            absent = "PyTorch" in goal.what or "jax" in goal.what
            assert (goal.measured is None) == (goal.note == "not installed") == absent
        assert reached["memory beside the results, a thread, float32"]
        assert reached["training step of the MNIST LeNet, as a multiple of ReLU's time"] is None
        found = json.loads(json.dumps(goals.document(report)))
        assert (found["schema"], len(found["goals"])) == (1, 11)
        assert {"low", "median", "high"} == set(found["goals"][0]["measured"])

    @pytest.mark.parametrize(
        ("measured", "least", "most", "reached"),
        [
            (None, 2, None, None), (3, None, None, None), (3, 2, None, True), (3, 4, None, False),
            (3, None, 4, True), (3, None, 2, False),
        ],
    )  # fmt: skip
    def test_reached_or_not(self, measured, least, most, reached):
        spread = measured and goals.Spread(*[measured] * 3)
        assert goals.Goal("it", spread, "x", least, most).reached is reached

    def test_an_interrupt_leaves_what_has_been_measured(self, monkeypatch):
        monkeypatch.setattr(goals, "LARGE", 5000)
        report = goals.measure(3, interrupt_at("float64, 5,000 elements: round 2"))
        assert report.interrupted
        textbook = [goal.what[-7:] for goal in report.goals if "textbook" in goal.what]
        assert textbook == ["float32", "float64"]

    def test_times_to_be_read(self):
        assert [goals.readable(s) for s in (1.5e-6, 2e-3, 1.25)] == ["1.5 µs", "2 ms", "1.25 s"]


class TestNetwork:
    def test_all_of_them(self, monkeypatch):
        monkeypatch.setattr(network, "CASES", [case._replace(batch=4) for case in network.CASES])
        report = network.measure(1)
        assert len(report.rows) == 2 * 3 * 4
        assert all(row.ratio == (1, 1, 1) for row in report.rows if row.activation == "ReLU")
        assert {row.network for row in report.rows} == {
            "LeNet 8c5-p2-16c5-p2-10",
            "MLP 784-512-512-10",
        }
        assert {row.activation for row in report.rows[12:]} == {
            "ReLU", "GELU", "APALU, a pair a layer", "APALU, a pair a neuron"
        }  # fmt: skip
        found = json.loads(json.dumps(network.document(report)))
        assert found["rows"][0]["task"] == "inference, batch of 1"

    def test_an_interrupt_leaves_what_has_been_timed(self):
        report = network.measure(1, interrupt_at("LeNet 8c5-p2-16c5-p2-10: inference, batch of 64"))
        assert report.interrupted
        assert len(report.rows) == 4
