"""Checking HIPS autograd subjects."""

from pathlib import Path

import pytest

pytest.importorskip("autograd")

from apalu_ref.check import SubjectError, check

pytestmark = pytest.mark.extras

EXAMPLE = str(Path(__file__).resolve().parents[2] / "tutorials" / "subjects" / "autograd_numpy.py")


@pytest.fixture
def write(tmp_path):
    def subject(body):
        path = tmp_path / "subject.py"
        path.write_text("import autograd.numpy as np\n" + body, encoding="utf-8")
        return f"{path}:f"

    return subject


def core(report):
    return [f for f in report.findings if f.level == "core"]


def test_the_example_conforms():
    report = check(f"{EXAMPLE}:with_expm1")
    assert (report.adapter, report.exit_status) == ("autograd", 0)
    assert {f.level for f in report.findings} == {"precision", "nonfinite"}
    assert report.comparisons["dx"]["differences"] == "agrees"
    assert "second order" not in report.not_offered
    assert any(p.startswith("second") for p in report.probes)


def test_the_unclamped_branch_is_named():
    report = check(f"{EXAMPLE}:unclamped")
    assert report.exit_status == 1
    assert all("NaN from the un-taken branch" in f.cause for f in core(report))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("s = 1 / (1 + np.exp(-1.7 * np.maximum(x, 0)))", "κ = 1.7"),
        ("s = 1 / (1 + np.exp(-1.702 * np.maximum(x, 0))); a = np.maximum(a, 0)", "a"),
    ],
)
def test_wrong_functions_are_named(write, body, words):
    name = write(
        f"def f(x, a, b):\n    {body}\n"
        "    return np.where(x < 0, b * np.expm1(np.where(x < 0, x, 0)), a * x * (1 + s))\n"
    )
    report = check(name, profile="quick")
    assert report.exit_status == 1
    assert words in " ".join(f.cause for f in core(report))


def test_first_calls_that_fail(write):
    with pytest.raises(SubjectError, match="returned a list of 3 for y") as caught:
        check(write("def f(x, a, b): return [1.0, 2.0, 3.0]"), adapter="autograd")
    assert caught.value.exit_status == 3
    with pytest.raises(SubjectError, match="an autograd subject is a function") as caught:
        check(write("f = 3"), adapter="autograd")
    assert caught.value.exit_status == 2


def test_against_itself_and_a_reference(write, tmp_path):
    reference = tmp_path / "reference.py"
    reference.write_text("import numpy as np\ndef softplus(x): return np.logaddexp(0, x)\n")
    name = write("def f(x): return np.logaddexp(0, x)")
    assert not core(check(name, profile="quick", against=f"{reference}:softplus"))
    wrong = write("def f(x): return np.logaddexp(0, 1.01 * x)")
    assert core(check(wrong, profile="quick", against=f"{reference}:softplus"))
