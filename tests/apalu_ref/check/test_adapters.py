"""Ways of calling a subject: minigrad; which adapter fits; what is declared and required."""

import importlib.util
import sys
import textwrap
from pathlib import Path

import pytest

from apalu_ref.check import SubjectError, check
from apalu_ref.check.adapters import Options, adapter_for, file_kind, install
from apalu_ref.check.own import Formula

SUBJECTS = Path(__file__).resolve().parents[3] / "tutorials" / "subjects"
KERNEL = str(SUBJECTS / "float32_kernel.py")
FORMULA = str(SUBJECTS / "minigrad_formula.py")

RIGHT = """
import numpy as np
from apalu_ref import apalu, apalu_grad

class Right:
    def forward(self, x, a, b):
        return apalu(x, a, b), (x, a, b)
    def backward(self, ctx, gy):
        return apalu_grad(*ctx, gy)
"""


@pytest.fixture
def write(tmp_path):
    def subject(body, name="subject.py", preamble=RIGHT):
        path = tmp_path / name
        path.write_text(preamble + textwrap.dedent(body), encoding="utf-8")
        return str(path)

    return subject


def core(report):
    return [f"{f.quantity}: {f.cause}; {f.message}" for f in report.findings if f.level == "core"]


# ---- minigrad -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["formula", "with_functional"])
def test_minigrad_functions(name):
    report = check(f"{FORMULA}:{name}", profile="quick")
    assert (report.adapter, core(report)) == ("minigrad", [])


def test_minigrad_modules_and_their_parameters():
    names = {"a": "alpha", "b": "beta"}
    report = check(f"{FORMULA}:Activation", profile="quick", map=names)
    assert (report.adapter, core(report)) == ("minigrad", [])
    with pytest.raises(SubjectError, match="has no parameter 'a': it has alpha, beta; --map a="):
        check(f"{FORMULA}:Activation")
    swapped = check(f"{FORMULA}:Activation", profile="quick", map={"a": "beta", "b": "alpha"})
    assert "swapped" in swapped.findings[0].cause


def test_minigrad_modules_inside_modules(write):
    name = write(
        """
        from minigrad import nn
        from apalu_ref.layer import APALU
        outer = nn.Sequential(nn.Identity(), APALU())
        """
    )
    report = check(f"{name}:outer", profile="quick", map={"a": "1.a", "b": "1.b"},
                   capabilities={"parameters": "scalar"})  # fmt: skip
    assert core(report) == []


@pytest.mark.parametrize("name", ["apalu_ref.layer:apalu"])
def test_the_layers_function_conforms_strictly(name):
    assert check(name, profile="strict").verdict == "conforms"


# ---- which adapter ------------------------------------------------------------------------


def test_programs_and_folders_are_recognised(tmp_path, write):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\n")
    assert file_kind(str(program)) == ""  # neither a module nor executable
    program.chmod(0o755)
    assert file_kind(str(program)) == "exec"
    assert file_kind(f"{sys.executable} port.py") == "exec"
    assert file_kind(str(tmp_path)) == "answers"
    assert file_kind(write("") + ":Right") == ""
    assert file_kind("package.module:f") == ""
    with pytest.raises(SubjectError, match="no such program: no-such-program"):
        file_kind("no-such-program port")
    (tmp_path / "port.c").write_text("int main;")
    with pytest.raises(SubjectError, match="compile it"):
        file_kind(str(tmp_path / "port.c"))
    assert file_kind("an unclosed ' quote") == ""


@pytest.mark.parametrize(
    ("body", "attribute", "kind"),
    [
        ("", "Right", "numpy"),
        ("", "apalu", "numpy"),
        ("from minigrad.nn import functional as F\ndef f(x, a, b): return apalu(x, a, b)", "f",
         "numpy"),
        ("import minigrad\nfrom apalu_ref.layer import apalu", "apalu", "minigrad"),
        ("from apalu_ref.layer import APALU", "APALU", "minigrad"),
        ("from apalu_ref.layer import APALU\nlayer = APALU()", "layer", "minigrad"),
        ("from apalu_ref.layer import _Apalu", "_Apalu", "minigrad"),
    ],
)  # fmt: skip
def test_python_subjects_are_recognised(write, body, attribute, kind):
    adapter = adapter_for(f"{write(body)}:{attribute}", "auto", Options(), 10)
    assert adapter.name == kind


@pytest.mark.parametrize("framework", ["torch", "jax", "autograd"])
def test_a_missing_framework_is_one_line_that_names_the_extra(write, framework, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == framework else found(name)
    )
    with pytest.raises(SubjectError, match="needs") as caught:
        adapter_for(f"{write('')}:apalu", framework, Options(), 10)
    assert caught.value.exit_status == 3
    assert install(framework) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("framework", ["torch", "jax", "autograd"])
def test_a_subject_that_imports_a_missing_framework(write, framework):
    hide = f"""
        import sys
        class Hidden:
            def find_spec(self, name, *rest):
                if name == {framework!r}:
                    raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        sys.meta_path.insert(0, Hidden())
        sys.modules.pop({framework!r}, None)
        import {framework}
    """
    with pytest.raises(SubjectError, match="No module named") as caught:
        check(write(hide))
    assert caught.value.exit_status == 3
    assert install(framework) in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda"}, "the numpy adapter has no --device"),
        ({"adapter": "minigrad", "device": "cuda"}, "the minigrad adapter has no --device"),
        ({"adapter": "exec", "device": "cuda"}, "the exec adapter has no --device"),
        ({"adapter": "answers"}, "no such folder"),
    ],
)
def test_wrong_usage(write, options, message):
    with pytest.raises(SubjectError, match=message) as caught:
        check(write("") + ":Right", **options)
    assert caught.value.exit_status == 2


# ---- names, capabilities, requirements ----------------------------------------------------


def test_parameters_by_other_names(write):
    body = """
        class Other(Right):
            def forward(self, x, beta, alpha):
                return super().forward(x, alpha, beta)
            def backward(self, ctx, gy):
                return super().backward(ctx, gy)
    """
    name = write(body) + ":Other"
    assert check(name, profile="quick", map={"a": "alpha", "b": "beta"}).verdict == "conforms"
    assert "swapped" in check(name, profile="quick").findings[0].cause
    with pytest.raises(SubjectError, match="unexpected keyword argument 'gamma'"):
        check(name, map={"a": "gamma"})


@pytest.mark.parametrize(
    ("declared", "absent"),
    [
        ({"dtypes": "float64"}, {"float32", "float16"}),
        ({"dtypes": ("float32", "float64")}, {"float16"}),
        ({"parameters": {"scalar"}}, {"broadcast parameters", "elementwise parameters"}),
        ({"parameters": ["scalar parameters", "broadcast"]}, {"elementwise parameters"}),
        ({"layouts": [], "empty": False, "0-d": True},
         {"strides", "negative strides", "zero strides", "read-only", "empty"}),
        ({"order": 2}, set()),
        ({}, set()),
        (None, set()),
    ],
)  # fmt: skip
def test_capabilities(check_here, declared, absent):
    class Declared(Formula):
        capabilities = declared

    report = check_here(Declared, "quick")
    assert report.verdict == "conforms"
    assert set(report.not_offered) == absent


def test_capabilities_of_a_file(write):
    body = 'class Declared(Right):\n    capabilities = {"dtypes": "float64"}\n'
    report = check(write(body) + ":Declared", profile="quick")
    assert report.verdict == "conforms"
    assert set(report.not_offered) == {"float32", "float16"}


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (["float32"], "capabilities is a list of 1, expected a dictionary"),
        (3, "capabilities is a int, expected a dictionary"),
        ({"dtype": ["float32"]}, "no capability 'dtype': did you mean 'dtypes'"),
        ({1: 2}, "no capability 1"),
        ({"dtypes": 5}, "dtypes is a list of what is offered: 5"),
        ({"dtypes": ["float8"]}, "dtypes has no 'float8'"),
        ({"dtypes": []}, "nothing is left to ask"),
        ({"parameters": []}, "nothing is left to ask"),
        ({"order": 3}, "order is 1 or 2"),
        ({"empty": "no"}, "empty is True or False"),
    ],
)
def test_capabilities_that_make_no_sense(check_here, declared, message):
    class Declared(Formula):
        capabilities = declared

    with pytest.raises(SubjectError, match=message) as caught:
        check_here(Declared)
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)


def test_capabilities_of_a_file_that_make_no_sense(write):
    with pytest.raises(SubjectError, match="order is 1 or 2") as caught:
        check(write("class Declared(Right):\n    capabilities = {'order': 3}\n") + ":Declared")
    assert caught.value.exit_status == 2


def test_a_kernel_that_declares_what_it_takes():
    for profile in ("standard", "strict"):
        report = check(KERNEL, profile=profile)
        assert report.findings == []
        assert {"float64", "strides", "empty", "broadcast parameters"} <= set(report.not_offered)


def test_requirements(write):
    assert check(KERNEL, profile="quick", require=["float32", "threads"]).verdict == "conforms"
    (finding,) = check(KERNEL, profile="quick", require=["float64"]).findings
    assert finding.level == "core"
    assert "float64: it is declared as not offered" in finding.cause
    body = """
        class Refuses(Right):
            def forward(self, x, a, b):
                if x.size == 0:
                    raise ValueError("give me something")
                return super().forward(x, a, b)
    """
    name = write(body) + ":Refuses"
    assert check(name, profile="quick").verdict == "conforms"
    (finding,) = check(name, profile="quick", require=["empty"]).findings
    assert "it refuses: forward: ValueError: give me something" in finding.cause
    with pytest.raises(SubjectError, match="this numpy subject cannot be asked that") as caught:
        check(name, profile="quick", require=["bfloat16"])
    assert caught.value.exit_status == 2
    with pytest.raises(ValueError, match="no feature 'emty': did you mean 'empty'"):
        check(name, require=["emty"])
