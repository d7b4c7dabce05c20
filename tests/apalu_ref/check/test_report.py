"""Reports: text for people, JSON for machines, and a line that reproduces a finding."""

import json
import shlex
import subprocess
import sys

import numpy as np
import pytest

from apalu_ref.check import reproduce
from apalu_ref.check.features import FEATURES
from apalu_ref.check.probes import PROFILES, probes

from .mutants import MUTANTS, Right

KEYS = {"schema", "suite", "subject", "adapter", "against", "profile", "verdict", "findings",
        "not_offered", "summary"}  # fmt: skip
FINDING = {"level", "quantity", "probe", "dtype", "index", "got", "want", "error_ulp", "message",
           "cause", "fix", "repro"}  # fmt: skip


@pytest.mark.parametrize("name", ["not reduced", "overflow", "always float64", "writes x"])
def test_json_has_the_documented_layout(check_here, name):
    report = check_here(MUTANTS[name].subject, "quick")
    document = json.loads(report.to_json(), parse_constant=pytest.fail)
    assert set(document) == KEYS
    assert document["verdict"] == "fails"
    for finding in document["findings"]:
        assert set(finding) >= FINDING
        assert all(isinstance(finding[k], str) for k in ("cause", "fix", "message", "repro"))
    assert document["summary"]["errors"] == report.told()[0] > 0


def test_text_names_quantity_place_cause_and_fix(check_here):
    text = check_here(MUTANTS["not reduced"].subject, "quick").to_text()
    assert "FAIL core da, db: not reduced over the axes along which its input was broadcast" in text
    assert "shape (3,), expected () for x (3,), a (), b ()" in text
    assert "here da = da.sum(axis=0)" in text
    assert "plain/float64" in text


def test_warnings_become_errors_under_strict(check_here):
    class Textbook(Right):
        def negative(self, x, a, b):
            return b * (np.exp(np.minimum(x, 0)) - 1)

    standard, strict = check_here(Textbook()), check_here(Textbook(), "strict")
    assert (standard.exit_status, strict.exit_status) == (0, 1)
    assert [f.cause for f in standard.warnings] == ["e^x - 1 cancels just below zero"]
    assert "WARN precision y" in standard.to_text()
    assert "FAIL precision y" in strict.to_text()


def test_consistently_wrong_is_told_apart_from_a_wrong_backward(check_here):
    consistent = check_here(MUTANTS["kappa 1.7"].subject, "quick")
    assert consistent.comparisons["dx"] == {"oracle": "wrong", "differences": "agrees"}
    assert "a gradient check alone cannot see it" in consistent.to_text()
    backward = check_here(MUTANTS["no product rule"].subject, "quick")
    assert backward.comparisons["dx"] == {"oracle": "wrong", "differences": "disagrees"}
    assert "differences of your own forward confirm it" in " ".join(
        f.message for f in backward.findings
    )


def test_the_repro_line_runs(tmp_path):
    path = tmp_path / "it's a subject.py"
    path.write_text("def f(x, a, b):\n    return a * x\n", encoding="utf-8")
    from apalu_ref.check import check

    finding = check(f"{path}:f", profile="quick").findings[0]
    command = shlex.split(finding.repro)
    assert command[:2] == ["apalu-ref", "check"]
    line = [sys.executable, "-m", "apalu_ref", *command[1:]]
    ran = subprocess.run(line, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert finding.message.split(":")[0] in ran.stdout


def test_reproduce_shows_the_numbers(capsys):
    reproduce("apalu_ref.check.own:Formula", "shapes/float64/per-channel", "db")
    out = capsys.readouterr().out
    assert "x float64 (2, 3, 5, 7), a float64 (3, 1, 1)" in out
    assert "db is right" in out
    with pytest.raises(ValueError, match="no probe 'nope'"):
        reproduce("apalu_ref.check.own:Formula", "nope")


class TestProbes:
    def test_ids_are_unique_and_profiles_grow(self):
        ids = {profile: [p.id for p in probes(profile)] for profile in PROFILES}
        assert all(len(set(found)) == len(found) for found in ids.values())
        assert set(ids["quick"]) < set(ids["standard"])
        assert ids["standard"] == ids["strict"]
        assert set(ids["strict"]) < set(ids["exhaustive"])
        with pytest.raises(ValueError, match="no profile 'lax': one of quick"):
            probes("lax")

    def test_inputs_are_the_same_every_time_and_fresh(self):
        for probe in probes():
            for one, two in zip(probe.calls(), probe.calls(), strict=True):
                for s, t in zip(one.arrays.values(), two.arrays.values(), strict=True):
                    assert s.tobytes() == t.tobytes()
                    assert s.strides == t.strides
                    assert not np.shares_memory(s, t)

    def test_upstream_gradients_are_never_ones_or_near_zero(self):
        for probe in probes():
            for call in probe.calls() if not probe.id.startswith("upstream/") else ():
                assert (np.abs(call.gy) >= 0.25).all()
                assert call.gy.size < 2 or len(np.unique(np.abs(call.gy))) > 1

    def test_float64_probes_have_digits_that_float32_has_not(self):
        call = {p.id: p for p in probes()}["values/float64/mixed"].calls()[0]
        for array in call.arrays.values():
            with np.errstate(over="ignore"):
                assert (array != array.astype("float32")).mean() > 0.4

    def test_layouts_are_what_they_say(self):
        known = {p.id: p.calls()[0] for p in probes()}
        assert known["layouts/float64/reversed-x"].x.strides[-1] < 0
        assert known["layouts/float64/zero-stride-gy"].gy.strides[0] == 0
        assert known["layouts/float64/transposed-x"].x.flags.f_contiguous
        assert not known["layouts/float32/read-only-x"].x.flags.writeable
        assert not known["layouts/float64/sliced-gy"].gy.flags.contiguous
        assert not known["layouts/float64/parameters"].parameters["a"].flags.contiguous
        assert known["layouts/float64/transposed-parameters"].parameters["a"].flags.f_contiguous

    def test_every_family_and_type_is_asked(self):
        """A need that nothing offers would silently drop a probe."""
        asked = {p.id for p in probes("exhaustive")}
        names = ("types/float32-x-float64-parameters", "types/int64-x", "threads/large",
                 "second/float64/elementwise", "exhaustive/bfloat16/generic",
                 "state/first-call-again")  # fmt: skip
        assert set(names) <= asked
        assert all(p.needs <= set(FEATURES) for p in probes("exhaustive"))

    def test_other_parameter_names_keep_the_shapes(self):
        for probe in probes("quick"):
            for names in ((), ("beta",), ("p", "q", "r")):
                for call in probe.calls(names):
                    assert tuple(call.parameters) == names
                    assert call.gy.shape == call.shape
