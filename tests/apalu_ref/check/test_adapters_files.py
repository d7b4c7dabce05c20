"""Programs and folders of answers as subjects: whole, half, wrong, missing, late."""

import sys
from pathlib import Path

import pytest

from apalu_ref import apalu, apalu_grad
from apalu_ref.check import SubjectError, check
from apalu_ref.check.adapters.files import Answers
from apalu_ref.check.exchange import read_request, write_answers
from apalu_ref.check.folders import answer_path, request_path, write_requests

PROGRAM = """
import sys, time, os
from apalu_ref import apalu, apalu_grad
from apalu_ref.check.exchange import Refusal, read_request, write_answers

def answer(probe, call):
    a, b = call.parameters.values()
    dx, da, db = apalu_grad(call.x, a, b, call.gy)
    found = {"y": apalu(call.x, a, b), "dx": dx, "da": da, "db": db}
    special = probe.endswith("negative-a")
    %s
    return found

probe, calls = read_request(sys.argv[1])
write_answers(sys.argv[2], [answer(probe, call) for call in calls])
"""

# A Python program takes long to start: few probes are asked of it.
FEW = {
    "dtypes": "float64",
    "parameters": "scalar",
    "0-d": False,
    "empty": False,
    "subnormals": False,
}


@pytest.fixture
def command(tmp_path):
    def written(fault="pass"):
        path = tmp_path / "subject.py"
        path.write_text(PROGRAM % fault, encoding="utf-8")
        return f"{sys.executable} {path}"

    return written


def core(report):
    return [f"{f.quantity}: {f.cause}; {f.message}" for f in report.findings if f.level == "core"]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("pass", ""),
        ("if special: return Refusal('not these')", "not these"),
        ("if special: del found['db']", "lacks db"),
        ("if special: found = {'y': found['y']}", "y alone in some places"),
        ("if special: os._exit(3)", "exited with status 3"),
        ("if special: time.sleep(60)", "was not done after"),
        ("found['dx'] = found['dx'] * 1.01", "dx"),
    ],
)
def test_programs(command, fault, message):
    hangs = "sleep" in fault
    report = check(command(fault), profile="quick", capabilities=FEW, timeout=3 if hangs else 30)
    assert report.adapter == "exec"
    assert bool(core(report)) == bool(message)
    assert message in " ".join(core(report))
    assert not report.not_run


def test_a_program_that_gives_values_only(command):
    report = check(
        command("return {'y': found['y']}"), profile="quick", capabilities=FEW, timeout=30
    )
    assert report.forward_only
    assert report.verdict == "conforms"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("os._exit(3)", "in the first plain call, .* exited with status 3"),
        ("return Refusal('nothing')", "in the first plain call, .*nothing"),
        ("time.sleep(60)", "was not done after"),
    ],
)
def test_programs_that_never_answer(command, fault, message):
    with pytest.raises(SubjectError, match=message) as caught:
        check(command(fault), timeout=1.5 if "sleep" in fault else 30)
    assert caught.value.exit_status == 3


@pytest.fixture
def answered(tmp_path):
    def folder(change=lambda probe, answer: answer):
        for probe in write_requests(tmp_path, "quick", Answers.features):
            _, calls = read_request(request_path(tmp_path, probe.id))
            answers = []
            for x, parameters, gy, _ in calls:
                gradients = apalu_grad(x, *parameters.values(), gy)
                named = dict(zip(("dx", "da", "db"), gradients, strict=True))
                answers.append(change(probe.id, {"y": apalu(x, *parameters.values()), **named}))
            write_answers(answer_path(tmp_path, probe.id), answers)
        return str(tmp_path)

    return folder


def test_answers(answered):
    report = check(answered(), profile="quick")
    assert (report.adapter, report.verdict) == ("answers", "conforms")
    assert len(report.probes) > 20


def test_answers_that_are_wrong_missing_or_half(answered):
    def change(probe, answer):
        if probe.startswith("shapes"):
            answer["da"] = answer["da"] * 2
        if probe.startswith("upstream/"):
            del answer["dx"], answer["da"], answer["db"]
        return answer

    folder = answered(change)
    answer_path(folder, "scalars/float64").unlink(missing_ok=True)
    gone = [p for p in Path(folder, "answers").iterdir() if p.name.startswith("values__float64")]
    gone[0].unlink()
    said = " ".join(core(check(folder, profile="quick")))
    assert "da: " in said
    assert "y alone in some places" in said
    assert f"there is no answer: expected {gone[0]}" in said


def test_answers_of_another_activation_need_a_reference(answered):
    with pytest.raises(SubjectError, match="cannot be seen from outside") as caught:
        check(answered(), against="self")
    assert caught.value.exit_status == 2
