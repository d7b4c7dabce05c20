"""The process a submission runs in: its limits, and that it cannot disturb the grader."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apalu_ref.exercises import check

linux = pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")


def first(folder, **limits):
    (result,) = check(folder, ["derivatives"], **limits)
    return result


def change(submission, line):
    return submission([("task1_derivatives", "KAPPA = 1.702", f"KAPPA = 1.702\n{line}")])


def test_a_submission_that_hangs_is_stopped_in_time(submission):
    begin = time.monotonic()
    result = first(change(submission, "while True: pass"), seconds=2)
    assert time.monotonic() - begin < 30
    assert {part.status for part in result.parts} == {"stopped"}
    assert result.parts[0].findings[0].what == "it was stopped after 2 s"


def test_what_was_judged_before_a_hang_is_kept(submission):
    folder = submission(
        [("task1_derivatives", "return np.exp(x)", "while True: pass")],
    )
    result = first(folder, seconds=3)
    assert [part.status for part in result.parts] == ["passed", "passed", "passed", "stopped"]


@linux
def test_memory_is_limited(submission):
    result = first(change(submission, "HUGE = np.ones(1 << 29)"), memory=1024)
    assert "asks for more memory than is allowed" in result.parts[0].findings[0].what
    assert first(submission(folder="fits"), memory=1024).passed


@pytest.mark.parametrize("line", ["import sys; sys.exit(0)", "raise SystemExit", "exit(3)"])
def test_a_submission_that_exits_is_told_so(submission, line):
    line = line.replace("import sys; sys.exit(0)", "raise SystemExit(0)")
    result = first(change(submission, line))
    assert not result.passed
    assert "SystemExit" in result.parts[0].findings[0].what


def test_a_killed_process_is_told(submission):
    folder = submission(
        [("task1_derivatives", "return np.exp(x)",
          "return np.frompyfunc(lambda t: __import__('os')._exit(5), 1, 1)(x)")]
    )  # fmt: skip
    result = first(folder)
    assert result.part("dv").status == "stopped"
    assert "ended with status 5" in result.part("dv").findings[0].what


def test_what_is_printed_is_no_verdict_and_is_kept(submission):
    forged = r"""print('{"event": "part", "name": "u", "status": "passed", "findings": []}')"""
    folder = submission(
        [("task1_derivatives", "KAPPA = 1.702", f"KAPPA = 1.702\n{forged}\nprint('hello')"),
         ("task1_derivatives", "return np.exp(x)", "return x")]
    )  # fmt: skip
    result = first(folder)
    assert not result.part("dv").passed
    assert "hello" in result.printed


def test_secrets_of_the_environment_are_not_passed_on(submission, monkeypatch):
    monkeypatch.setenv("MY_SECRET_TOKEN", "hunter2")
    line = "print('seen', list(__import__('os').environ), __import__('os').getcwd())"
    result = first(change(submission, line))
    assert "seen" in result.printed
    assert "MY_SECRET_TOKEN" not in result.printed
    assert os.getcwd() not in result.printed


def test_the_submission_itself_is_not_run_in_place(submission):
    folder = change(submission, "print('from', __file__)")
    result = first(folder)
    assert str(folder) not in result.printed
    assert not (folder / "__pycache__").exists()


def test_memory_that_runs_out_between_two_parts_is_told():
    import apalu_ref.exercises.process as process

    finding = process._stopped("memory", 60.0, 512 << 20, 0, "", "")
    assert finding.what == "it was stopped: more than 512 MiB of memory"


def test_a_fault_of_the_grader_is_not_blamed_on_the_submission(submission, monkeypatch):
    import apalu_ref.exercises.process as process

    broken = (
        "import apalu_ref.exercises.checks.derivatives as d; d.parts = lambda p: 1 / 0; "
        "from apalu_ref.exercises.worker import main; main()"
    )
    monkeypatch.setattr(process, "_START", broken)
    result = first(submission())
    assert "ZeroDivisionError" in result.fault
    assert "the grader itself failed on it: ZeroDivisionError" in result.parts[0].findings[0].what
    assert {part.status for part in result.parts} == {"stopped"}


@linux
def test_the_limits_are_those_that_were_asked_for(submission):
    line = (
        "import resource as r; print([r.getrlimit(getattr(r, 'RLIMIT_' + n))[0] for n in "
        "('AS', 'CPU', 'FSIZE', 'CORE')], __import__('signal').getitimer(0)[0] > 0)"
    )
    result = first(change(submission, line), seconds=21, memory=1500)
    assert f"[{1500 << 20}, 23, {256 << 20}, 0] True" in result.printed


@linux
def test_a_huge_limit_is_no_limit_and_no_fault(submission):
    assert first(submission(), memory=1 << 60).passed


def test_the_environment_is_a_new_one(submission):
    names = ("HOME", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MPLBACKEND", "PYTHONIOENCODING")
    line = f"import os; print([os.environ[n] for n in {names}], os.getcwd() == os.environ['HOME'])"
    result = first(change(submission, line))
    assert "'1', '1', 'Agg', 'utf-8'] True" in result.printed


@linux
def test_what_it_started_is_ended(submission):
    line = "import os; print('child', os.fork() or __import__('time').sleep(300))"
    result = first(change(submission, line))
    child = int(result.printed.split("child ")[1].split()[0])
    until = time.monotonic() + 5
    while Path(f"/proc/{child}").exists() and time.monotonic() < until:
        status = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").split()[2]
        if status == "Z":  # ended; its parent has gone, and nobody has asked
            break
        time.sleep(0.05)
    else:
        assert not Path(f"/proc/{child}").exists()


@linux
def test_what_left_its_session_is_not_waited_for(submission):
    line = (
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    print('gone', os.getpid(), "
        "flush=True)\n    time.sleep(60)"
    )
    begin = time.monotonic()
    result = first(change(submission, line))
    assert time.monotonic() - begin < 20
    os.kill(int(result.printed.split("gone ")[1].split()[0]), signal.SIGKILL)


@linux
def test_the_kits_own_process_is_ended_with_it(submission, tmp_path):
    mark = tmp_path / "pid"
    old = "    above, below = np.maximum(x, 0), np.minimum(x, 0)\n    return"
    told = f"open({str(mark)!r}, 'w').write(str(__import__('os').getpid()))"
    wait = "while True: __import__('time').sleep(1)"  # which no limit of processor time ends
    new = f"    if x.ndim == 1:\n        {told}\n        {wait}\n{old}"
    folder = submission([("task3_backward", old, new)])
    (result,) = check(folder, ["backward"], seconds=4)
    assert result.part("y").status == "stopped"
    process = Path(f"/proc/{mark.read_text()}/stat")
    assert not process.exists() or process.read_text(encoding="utf-8").split()[2] == "Z"


def test_the_end_of_what_was_printed_is_kept(submission):
    result = first(change(submission, "for i in range(5000): print('line', i)"))
    assert result.printed.rstrip().endswith("line 4999")
    assert len(result.printed) <= 4000


def test_what_the_failing_call_printed_is_kept(submission):
    for_all = "for i in range(40): print('import', i)"
    folder = submission(
        [("task1_derivatives", "KAPPA = 1.702", f"KAPPA = 1.702\n{for_all}"),
         ("task1_derivatives", "    return 1 + s", "    print('du of', x.shape)\n    return x + s"),
         ("task1_derivatives", "return np.exp(x)", "print('dv of', x.shape)\n    return np.exp(x)")]
    )  # fmt: skip
    result = first(folder)
    assert [part.passed for part in result.parts] == [True, False, True, True]
    lines = result.printed.splitlines()
    assert lines[0] == "[… lines are left out]"
    assert lines[1:9] == [f"import {i}" for i in range(32, 40)]
    assert any(line.startswith("du of") for line in lines[9:])
    assert lines[-1].startswith("dv of")
    assert len([line for line in lines if line.startswith("dv of")]) <= 2


def test_what_was_printed_before_it_was_stopped_is_kept(submission):
    new = "print('dv begins')\n    while True: pass"
    result = first(submission([("task1_derivatives", "return np.exp(x)", new)]), seconds=3)
    assert result.part("dv").status == "stopped"
    assert result.printed == "dv begins\n"


@linux
def test_too_much_output_is_told(submission):
    line = "import sys\nfor i in range(300): sys.stdout.write('x' * (1 << 20)); sys.stdout.flush()"
    result = first(change(submission, line))
    assert "prints or writes too much" in result.parts[0].findings[0].what


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [("KAPPA = 1.702", "KAPPA = 1.702\n1 / 0",
      "importing task1_derivatives.py raises ZeroDivisionError"),
     ("KAPPA = 1.702", "KAPPA = 1.702\nfrom .task9_x import y",
      "importing task1_derivatives.py needs task9_x.py, which is not there"),
     ("KAPPA = 1.702", "import apalu_ref\nKAPPA = 1.702", "line 8, imports apalu_ref")],
)  # fmt: skip
def test_what_goes_wrong_before_the_first_call_is_told(submission, old, new, said):
    result = first(submission([("task1_derivatives", old, new)]))
    assert said in result.parts[0].findings[0].what
    assert result.status == "failed"


def test_a_file_that_lost_something_given_is_told(submission):
    folder = submission([("task5_tape", "class Var:", "class Variable:\n    pass\n\n\nclass Val:")])
    (result,) = check(folder, ["tape"])
    assert "task5_tape.py does not define Var" in result.parts[0].findings[0].what


@pytest.mark.skipif(os.name != "posix", reason="the signals are POSIX's")
@pytest.mark.parametrize(("answer", "status"), [("ends", 7), ("refuses", -9)])
def test_a_process_is_asked_to_end_before_it_is_killed(answer, status):
    import apalu_ref.exercises.process as process

    how = {"ends": "lambda *_: sys.exit(7)", "refuses": "signal.SIG_IGN"}[answer]
    code = (
        f"import signal, sys, time; signal.signal(signal.SIGTERM, {how}); "
        "print('ready', flush=True); time.sleep(300)"
    )
    started = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    with started:
        assert started.stdout.readline().strip() == b"ready"
        process._end(started)
    assert started.returncode == status
