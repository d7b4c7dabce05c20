"""Subjects that misbehave: always a clear message and the right exit status."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from apalu_ref.check import SubjectError, check

RIGHT = """
    import os, sys, time
    import numpy as np
    from apalu_ref import apalu, apalu_grad

    class Right:
        def forward(self, x, a, b):
            return apalu(x, a, b), (x, a, b)
        def backward(self, ctx, gy):
            return apalu_grad(*ctx, gy)

    right = Right()
"""

# Where it does not matter what else is asked.
FEW = {"dtypes": "float64"}


@pytest.fixture
def write(tmp_path):
    def subject(body, name="subject.py", preamble=RIGHT):
        path = tmp_path / name
        path.write_text(textwrap.dedent(preamble) + textwrap.dedent(body), encoding="utf-8")
        return str(path)

    return subject


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ("def forward(x, a, b:", 3, r"importing it: SyntaxError: .* \(line"),
        ("import no_such_module", 3, "importing it: ModuleNotFoundError: No module named"),
        ("raise RuntimeError('first\\nsecond')", 3, "importing it: RuntimeError: first$"),
        ("sys.exit(0)", 3, "importing it: it exited"),
        ("os._exit(7)", 3, "importing it ended its process: it exited with status 7"),
        ("while True: pass", 3, "importing it did not return within 1 s"),
        ("x = 1", 2, "has neither forward nor backward.*it defines Right"),
        ("def forward(x, a, b): return x, None", 2, "has no backward"),
    ],
)
def test_modules_that_do_not_load(write, body, status, message):
    with pytest.raises(SubjectError, match=message) as caught:
        check(write(body), timeout=1 if "while True" in body else 60)
    assert caught.value.exit_status == status
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("raise ValueError('no')", "in the first plain call, forward: ValueError: no"),
        ("sys.exit(3)", r"forward: it exited \(SystemExit: 3\)"),
        ("os.abort()", "the first plain call ended its process: it was killed by SIGABRT"),
        ("time.sleep(60)", "the first plain call did not return within 1 s"),
        (
            "return [1.0, 2.0, 3.0], None",
            "forward returned a list of [13] for y, expected a NumPy array",
        ),
        ("return x", "forward returned a ndarray, expected a pair"),
        ("return None", "forward returned None, expected a pair"),
        ("return np.array([None] * 3), None", "an array of object for y"),
        ("return x, None", "backward returned a tuple of 2, expected three"),
    ],
)
def test_first_calls_that_fail(write, forward, message):
    body = f"""
        def forward(x, a, b):
            {forward}

        def backward(ctx, gy):
            return gy, gy
    """
    with pytest.raises(SubjectError, match=message) as caught:
        check(write(body), timeout=1 if "sleep" in forward else 60)
    assert caught.value.exit_status == 3
    assert "\n" not in str(caught.value)


def test_the_traceback_is_kept(write):
    with pytest.raises(SubjectError) as caught:
        check(write("raise RuntimeError('no')"))
    assert "Traceback" in caught.value.traceback
    assert "subject.py" in caught.value.traceback


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_file.py", "no such file: no_such_file.py"),
        ("no/such/file.py:f", "no such file: no/such/file.py"),
        ("no_such_module_at_all:f", "no module named 'no_such_module_at_all'"),
        ("json.no_such_part", "no module named 'json.no_such_part'"),
        ("json:no_such_attribute", "json has no attribute 'no_such_attribute'"),
        (":f", "names no file or module"),
    ],
)
def test_names_that_name_nothing(name, message):
    with pytest.raises(SubjectError, match=message) as caught:
        check(name)
    assert caught.value.exit_status == 2


LATE = """
    class Late(Right):
        def forward(self, x, a, b):
            if x.ndim == 4:
                {}
            return super().forward(x, a, b)
"""


@pytest.mark.parametrize(
    ("what", "message", "seconds"),
    [
        ("os._exit(5)", "ended its process: it exited with status 5", 10),
        ("time.sleep(60)", "did not return within 1 s", 1),
        ("raise KeyError('x')", "forward: KeyError: 'x'", 10),
        ("return [0.0], None", "forward returned a list of 1 for y", 10),
    ],
)
def test_later_calls_that_fail_are_findings_and_the_rest_goes_on(write, what, message, seconds):
    name = write(LATE.format(what)) + ":Late"
    report = check(name, profile="quick", timeout=seconds, capabilities=FEW)
    assert report.exit_status == 1
    assert [f.cause for f in report.findings] == [message] or [
        f.cause for f in report.findings if message in f.cause
    ]
    assert report.comparisons["dx"]["oracle"] == "agrees"
    assert report.not_run == 0


def test_a_subject_that_always_hangs_later_is_given_up(write):
    body = """
        class Hangs(Right):
            def forward(self, x, a, b):
                if x.size != 3:
                    time.sleep(60)
                return super().forward(x, a, b)
    """
    report = check(write(body) + ":Hangs", profile="quick", timeout=2)
    assert report.exit_status == 1
    assert report.not_run > 10
    assert f"{report.not_run} probes were not run" in report.to_text()


def test_what_it_prints_does_not_spoil_the_report(write):
    body = """
        print("imported")
        class Loud(Right):
            def forward(self, x, a, b):
                print("hello")
                os.write(1, b'{"event": "done"}\\n')
                sys.stderr.write("to the side\\n")
                sys.stdin.read()
                return super().forward(x, a, b)
    """
    report = check(write(body) + ":Loud", profile="quick", capabilities=FEW)
    assert report.exit_status == 0
    quiet = check(write("") + ":Right", profile="quick", capabilities=FEW)
    assert report.probes == quiet.probes
    assert "hello" not in report.to_text()
    assert "hello" in report.to_text(verbose=True)


def test_refusals_of_optional_inputs_are_not_errors(write):
    body = """
        class Picky(Right):
            def forward(self, x, a, b):
                if x.dtype.kind != "f":
                    raise TypeError("floating x only")
                if x.size == 0 or not x.flags.c_contiguous:
                    raise ValueError("contiguous arrays of 1 or more elements only")
                return super().forward(x, a, b)
    """
    report = check(write(body) + ":Picky")
    assert report.verdict == "conforms"
    assert {"integers", "empty", "strides"} <= set(report.not_offered)
    assert "Not offered: " in report.to_text()


def test_a_function_alone_is_checked_for_its_values(write):
    report = check(write("") + ":apalu", profile="quick")
    assert report.forward_only
    assert set(report.comparisons) == {"y"}
    assert "gradients were not checked" in report.to_text()


def test_modules_beside_the_file_and_packages_can_be_imported(write, tmp_path, monkeypatch):
    write("", name="helper_beside.py")
    name = write("from helper_beside import Right", name="main_subject.py", preamble="")
    assert check(name + ":Right", profile="quick", capabilities=FEW).verdict == "conforms"
    monkeypatch.chdir(tmp_path)
    report = check("helper_beside:right", profile="quick", capabilities=FEW)
    assert report.verdict == "conforms"


def test_what_earlier_calls_have_left_behind_is_told_by_a_fresh_process(write):
    body = """
        class Keeps(Right):
            first = {}
            def forward(self, x, a, b):
                a, b = self.first.setdefault((x.shape, a.shape, b.shape, x.dtype), (a, b))
                return super().forward(x, a, b)
    """
    report = check(write(body) + ":Keeps")
    assert report.exit_status == 1
    causes = {f.cause for f in report.findings if f.quantity == "y" and f.level == "core"}
    assert all(cause.startswith("answers depend on earlier calls") for cause in causes), causes
    assert causes


def test_nothing_is_claimed_of_slopes_far_out_against_itself(write):
    # At x = 1e6 a step of differences reaches over whole periods.
    body = """
        class Snake:
            def forward(self, x, w):
                return x + np.sin(w * x) ** 2, (x, w)
            def backward(self, ctx, gy):
                x, w = ctx
                dx, dw = gy * (1 + w * np.sin(2 * w * x)), gy * x * np.sin(2 * w * x)
                def sum_to(t, g):
                    g = g.sum(axis=tuple(range(g.ndim - t.ndim)))
                    axes = tuple(i for i, n in enumerate(t.shape) if n == 1)
                    return g.sum(axis=axes, keepdims=True).astype(t.dtype)
                return sum_to(x, dx), sum_to(w, dw)
    """
    report = check(write(body) + ":Snake", profile="quick", against="self", capabilities=FEW)
    assert [f for f in report.findings if f.level == "core"] == []


@pytest.mark.skipif(os.name == "nt", reason="processes are ended by other means there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_check_that_is_ended_ends_the_program_it_runs(tmp_path, name):
    pid = tmp_path / "pid"
    program = tmp_path / "hangs.py"
    program.write_text(
        f"import os, time, pathlib\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-m", "apalu_ref", "check", f"{sys.executable} {program}",
               "--adapter", "exec", "--timeout", "40"]  # fmt: skip
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    for _ in range(200):
        if pid.exists() and pid.read_text():
            break
        time.sleep(0.1)
    running.send_signal(getattr(signal, name))
    running.communicate(timeout=20)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


@pytest.mark.parametrize(
    ("count", "end"), [(8, "f7"), (9, "f7, and 1 more"), (11, "f7, and 3 more")]
)
def test_what_a_module_defines_is_not_cut_without_a_word(write, count, end):
    body = "\n".join(f"def f{i}(): pass" for i in range(count))
    with pytest.raises(SubjectError) as caught:
        check(write(body, preamble=""))
    assert str(caught.value).endswith(f"it defines f0, f1, f2, f3, f4, f5, f6, {end}")
