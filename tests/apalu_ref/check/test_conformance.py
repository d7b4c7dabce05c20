"""The probes as pytest tests: run by pytest in a process of its own, outside this project."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from apalu_ref.check import own
from apalu_ref.check.conformance import apalu_conformance
from apalu_ref.check.probes import probes

QUICK = [probe.id for probe in probes("quick")]
FIVE, CHANNEL, NOT_ASKED = (
    "shapes/float64/five-axes",
    "shapes/float64/per-channel",
    "plain/bfloat16",
)

SUBJECTS = """
import numpy as np
from apalu_ref.check.own import Formula as Right

class FiveAxes(Right):
    def forward(self, x, a, b):
        y, ctx = super().forward(x, a, b)
        return (2 * y if y.ndim == 5 else y), ctx

class Refuses(Right):
    def forward(self, x, a, b):
        if x.ndim == 0:
            raise TypeError("x needs an axis")
        return super().forward(x, a, b)

class Cancels(Right):
    def forward(self, x, a, b):
        y, ctx = super().forward(x, a, b)
        return np.where(x < 0, b * (np.exp(np.minimum(x, 0)) - 1), y).astype(y.dtype), ctx
"""

TESTS = """
from apalu_ref.check.conformance import apalu_conformance
from apalu_ref.check.own import Formula
import port

class Mine(Formula):
    pass

test_right = apalu_conformance("port.py:Right", profile="quick")
test_mine = apalu_conformance(Mine, profile="quick")
test_wrong = apalu_conformance(port.FiveAxes, profile="quick")
test_known = apalu_conformance("port.py:FiveAxes", profile="quick", xfail="known.txt")
test_stale = apalu_conformance("port.py:Refuses", profile="quick", xfail="known.txt")
test_warns = apalu_conformance(port.Cancels, profile="quick")
test_none = apalu_conformance("port.py:Nothing", profile="quick", xfail="known.txt")
"""


def run(folder, *options):
    """Pytest's output, and each test's outcome and message by function and id."""
    # In a folder of its own, so that relative names cannot be found by luck.
    (folder / "tests/port.py").write_text(SUBJECTS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=out.xml",
         "-W", "error", *options, "tests"],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip
    found = {}
    for case in ET.parse(folder / "out.xml").iter("testcase"):
        name, _, id = case.get("name").rstrip("]").partition("[")
        result = next((e for e in case if e.tag in ("failure", "error", "skipped")), None)
        kind = "passed" if result is None else result.tag
        if kind == "skipped" and result.get("type") == "pytest.xfail":
            kind = "xfailed"
        said = "" if result is None else result.text if kind == "failure" else result.get("message")
        found[name, id] = kind, said, case
    return done.stdout, found


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "tests").mkdir()
    (folder / "tests/test_port.py").write_text(TESTS, encoding="utf-8")
    known = f"# what is known\n\n{FIVE}   # doubled # in five axes\n"
    (folder / "tests/known.txt").write_text(known, encoding="utf-8")
    return run(folder, "-vvv", "-rfEsP")


def kinds(found, name):
    return Counter(kind for (test, _), (kind, _, _) in found.items() if test == name)


def test_one_test_a_probe(ran):
    _, found = ran
    names = ("right", "mine", "wrong", "known", "stale", "warns", "none")
    assert list(found) == [(f"test_{name}", id) for name in names for id in QUICK]


def test_a_right_subject_passes_and_what_it_is_not_asked_is_skipped(ran):
    _, found = ran
    for name in ("test_right", "test_mine", "test_warns"):
        assert kinds(found, name) == {"passed": len(QUICK) - 3, "skipped": 3}
    assert "not asked of numpy subjects" in found["test_right", NOT_ASKED][1]


def test_a_wrong_one_fails_where_it_is_wrong(ran):
    out, found = ran
    assert kinds(found, "test_wrong") == {"passed": len(QUICK) - 4, "skipped": 3, "failure": 1}
    kind, message, _ = found["test_wrong", FIVE]
    assert kind == "failure"
    assert "core y" in message
    assert f"port.py:FiveAxes --repro {FIVE}:y" in message
    assert f"FAILED tests/test_port.py::test_wrong[{FIVE}]" in out
    assert "Traceback" not in out
    assert "<- " not in out  # a test's place is where the caller wrote it


def test_what_is_known_to_fail_is_expected_to(ran):
    _, found = ran
    assert kinds(found, "test_known") == {"passed": len(QUICK) - 4, "skipped": 3, "xfailed": 1}
    assert found["test_known", FIVE][:2] == ("xfailed", "doubled # in five axes")


def test_what_is_known_to_fail_and_passes_fails(ran):
    _, found = ran
    assert kinds(found, "test_stale") == {"passed": len(QUICK) - 5, "skipped": 4, "failure": 1}
    assert f"{FIVE} passes: remove it from known.txt:3" in found["test_stale", FIVE][1]
    assert "not offered: 0-d" in found["test_stale", "shapes/float64/0-d"][1]


def test_warnings_are_output_and_properties(ran):
    out, found = ran
    cases = [case for (name, _), (_, _, case) in found.items() if name == "test_warns"]
    told = [p.get("value") for case in cases for p in case.iter("property")]
    assert any(said.startswith("precision y: e^x - 1 cancels") for said in told)
    assert "warning: precision y: e^x - 1 cancels" in out
    assert "fix    use expm1(x)" in out


def test_a_subject_that_cannot_be_checked_fails_every_test_with_a_line(ran):
    _, found = ran
    assert kinds(found, "test_none") == {"failure": len(QUICK)}
    (message,) = {message for (name, _), (_, message, _) in found.items() if name == "test_none"}
    assert "port.py has no attribute 'Nothing'; it defines FiveAxes, Refuses, Cancels" in message
    assert "\n" not in message


WRONG_LINES = {
    "typo": ("shapes/float64/per-chanel # typo", f"did you mean '{CHANNEL}'?"),
    "other": (
        "layouts/float64/reversed-x", "is a probe of the profile 'standard', not of 'quick'"
    ),
    "twice": (f"{CHANNEL}\n{CHANNEL}", f"twice.txt:3: {CHANNEL} is there a second time"),
}  # fmt: skip


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """Pytest's output on a file for each wrong line."""
    tests = (
        "from apalu_ref.check.conformance import apalu_conformance\n"
        "test = apalu_conformance('port.py:Right', profile='quick', xfail='{}.txt')\n"
    )
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "tests").mkdir()
    for name, (line, _) in WRONG_LINES.items():
        (folder / "tests" / f"{name}.txt").write_text(f"# header\n{line}\n", encoding="utf-8")
        (folder / "tests" / f"test_{name}.py").write_text(tests.format(name), encoding="utf-8")
    return run(folder)[0]


@pytest.mark.parametrize("name", WRONG_LINES)
def test_a_wrong_line_stops_the_collection(refused, name):
    assert f"{len(WRONG_LINES)} errors" in refused
    _, _, told = refused.partition(f"ERROR collecting tests/test_{name}.py")
    told = told.split("ERROR collecting")[0]
    assert WRONG_LINES[name][1] in told
    assert f"{name}.txt:" in told
    assert "Traceback" not in refused


def made_inside():
    class Inside(own.Formula):
        pass

    return Inside


class Replaced(own.Formula):
    pass


Hidden, Replaced = Replaced, own.Formula


class TestObjects:
    @pytest.mark.parametrize(
        ("subject", "said"),
        [
            (lambda x, a, b: x, "is a lambda, .* cannot import it: define it at the top"),
            (made_inside(), "Inside is defined inside a function, .* 'file.py:attribute'"),
            (Hidden, "Replaced is not what .*test_conformance has under this name"),
            (own.Formula(), "is not a class, function or module: give the subject's name"),
            (3, "3 is not a class, function or module"),
        ],
    )
    def test_those_another_process_cannot_import_are_refused(self, subject, said):
        with pytest.raises(TypeError, match=said):
            apalu_conformance(subject)

    def test_what_was_made_at_a_prompt_is_refused(self):
        code = (
            "from apalu_ref.check.conformance import apalu_conformance\n"
            "def f(x, a, b): return x\n"
            "apalu_conformance(f)\n"
        )
        done = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True)
        assert "TypeError: f was defined at a prompt" in done.stderr

    @pytest.mark.parametrize(
        ("options", "error"),
        [
            ({"profile": "lax"}, ValueError),
            ({"timeot": 3}, TypeError),
            ({"capabilities": {"order": 3}}, ValueError),
            ({"require": ["speed"]}, ValueError),
        ],
    )
    def test_wrong_options_are_refused_at_once(self, options, error):
        with pytest.raises(error):
            apalu_conformance("port.py", **options)

    def test_no_such_file_of_known_failures(self):
        with pytest.raises(pytest.Collector.CollectError, match=r"nowhere\.txt"):
            apalu_conformance("port.py", xfail="nowhere.txt")


def test_only_this_module_needs_pytest():
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "import apalu_ref.check, apalu_ref.cli\n"
        "import apalu_ref.check.conformance"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(own.__file__).parents[2],
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert last.endswith("pip install 'apalu-ref[test]'")
