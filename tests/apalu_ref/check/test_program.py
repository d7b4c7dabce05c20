"""Programs that answer, and programs that misbehave: a clear message, in time, and no litter."""

import os
import re
import sys
import tempfile
import textwrap
import time

import numpy as np
import pytest

from apalu_ref import apalu, apalu_grad
from apalu_ref.check.exchange import Refusal
from apalu_ref.check.inputs import Call
from apalu_ref.check.program import Program, ProgramError

X = np.array([-1.5, 0.0, 2.0])
CALL = Call(X, {"a": np.array(1.25), "b": np.array(0.5)}, np.array([1.0, -2.0, 0.5]))

# Lines for the programs, written without the package: an import of NumPy for each takes too long.
ANSWER = "apalu-answer 1\\ny float64 3\\ndata\\n"
WRITE = f"open(sys.argv[2], 'wb').write(b'{ANSWER}' + bytes(24))"

posix = pytest.mark.skipif(os.name != "posix", reason="signals, forks and modes are POSIX's")


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files, which must be empty afterwards."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def program(tmp_path):
    def write(body, timeout=10.0):
        path = tmp_path / "subject.py"
        path.write_text("import os, sys, time\n" + textwrap.dedent(body), encoding="utf-8")
        return Program([sys.executable, "-S", str(path)], timeout)

    return write


def test_a_right_program_answers(tmp_path):
    path = tmp_path / "subject.py"
    path.write_text(
        textwrap.dedent("""
            import sys
            from apalu_ref import apalu, apalu_grad
            from apalu_ref.check.exchange import Refusal, read_request, write_answers

            def answer(call):
                if call.x.dtype == "float16":
                    return Refusal("no float16")
                a, b = call.parameters.values()
                dx, da, db = apalu_grad(call.x, a, b, call.gy)
                return {"y": apalu(call.x, a, b), "dx": dx, "da": da, "db": db}

            probe, calls = read_request(sys.argv[1])
            write_answers(sys.argv[2], map(answer, calls))
        """)
    )
    half = CALL._replace(x=X.astype("float16"))
    got, refused = Program([sys.executable, str(path)], 30).answer("plain", [CALL, half])
    assert refused == Refusal("no float16")
    wanted = (apalu(X, 1.25, 0.5), *apalu_grad(X, CALL.parameters["a"], np.array(0.5), CALL.gy))
    for name, want in zip(("y", "dx", "da", "db"), wanted, strict=True):
        np.testing.assert_array_equal(got[name], want, strict=True)


@pytest.mark.parametrize(
    "body",
    [
        f"{WRITE}; print('x' * 3_000_000); print('y' * 3_000_000, file=sys.stderr)",
        f"os.close(1); os.close(2); time.sleep(0.05); {WRITE}",
        f"print(repr(sys.stdin.read())); {WRITE}",
        pytest.param(f"{WRITE}\nif os.fork() == 0: time.sleep(60)", marks=posix),
        pytest.param(f"{WRITE}; os.chmod(os.path.dirname(sys.argv[2]), 0o500)", marks=posix),
    ],
    ids=["prints a lot", "closes its streams", "reads its input", "leaves a child", "locks folder"],
)
def test_odd_but_right(program, body, temporary):
    start = time.monotonic()
    (got,) = program(body).answer("plain", [CALL])
    assert got["y"].tolist() == [0, 0, 0]
    assert time.monotonic() - start < 30
    for left in temporary.iterdir():  # what the mode kept from being removed
        left.chmod(0o700)
        for file in left.iterdir():
            file.unlink()
        left.rmdir()


def test_what_it_started_is_ended(program, tmp_path):
    if os.name != "posix":
        pytest.skip("process groups are POSIX's")
    mark = tmp_path / "mark"
    body = f"{WRITE}\nif os.fork() == 0: time.sleep(0.4); open({str(mark)!r}, 'w')"
    program(body).answer("plain", [CALL])
    time.sleep(0.6)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("time.sleep(60)", "was not done after 0.4 s and was ended"),
        ("print('here', flush=True); time.sleep(60)", "was ended: here"),
        ("while True: print('x' * 10000)", "was not done after 0.4 s"),
        pytest.param("os.fork(); time.sleep(60)", "was not done", marks=posix),
        pytest.param(
            "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
            "was not done",
            marks=posix,
        ),
    ],
)
def test_hangs(program, body, message):
    start = time.monotonic()
    with pytest.raises(ProgramError, match=message):
        # The one that prints must have come to it.
        program(body, timeout=5 if "here" in body else 0.4).answer("plain", [CALL])
    assert time.monotonic() - start < 30


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit(3)", r"exited with status 3$"),
        ("sys.exit('cannot do it')", r"exited with status 1: cannot do it$"),
        ("print('on stdout'); sys.exit(2)", r"exited with status 2: on stdout$"),
        ("print('a\\x1b[31mb\\r\\n', file=sys.stderr); sys.exit(2)", r"status 2: a \[31mb$"),
        ("raise RuntimeError('first')", r"exited with status 1: RuntimeError: first$"),
        (f"{WRITE}; sys.exit(1)", r"exited with status 1$"),
        ("pass", "exited with status 0 and wrote no answer: it should"),
        ("open(sys.argv[2], 'w')", "the answer is empty, expected 'apalu-answer 1' first"),
        (f"open(sys.argv[2], 'w').write('{ANSWER}')", "record 1: .* 0 bytes are left, expected 24"),
        (
            f"{WRITE}; {WRITE.replace('wb', 'ab')}",
            r"has \d+ bytes after record 1, expected its end",
        ),
        (f"{WRITE.replace('y ', 'z ')}", "record 1: it holds 'z', expected y, dx, da, db"),
        ("open(sys.argv[2], 'w').write('[1.0, 2.0]')", "cut off in the header after '.1.0, 2.0.'"),
        ("os.mkdir(sys.argv[2])", "the answer is no regular file"),
        pytest.param("os.mkfifo(sys.argv[2])", "the answer is no regular file", marks=posix),
        pytest.param("os.symlink('gone', sys.argv[2])", "the answer cannot be read", marks=posix),
        pytest.param("os.symlink('/dev/zero', sys.argv[2])", "no regular file", marks=posix),
        pytest.param(f"{WRITE}; os.chmod(sys.argv[2], 0); os.abort()", "SIGABRT", marks=posix),
        pytest.param("os.kill(os.getpid(), 11)", r"was killed by SIGSEGV$", marks=posix),
        pytest.param("os.kill(os.getpid(), 40)", r"was killed by signal 40$", marks=posix),
        pytest.param("os.killpg(0, 9)", r"was killed by SIGKILL$", marks=posix),
        ("f = open(sys.argv[2], 'wb'); f.truncate(10**10)", "holds 10000000000 bytes, expected"),
    ],
)
def test_fails(program, body, message):
    with pytest.raises(ProgramError, match=message) as caught:
        program(body).answer("plain", [CALL])
    text = str(caught.value)
    assert "\n" not in text
    assert re.search("python[^ ]* -S", text)


def test_the_end_of_the_output_is_kept(program):
    with pytest.raises(ProgramError) as caught:
        program("print('x' * 10**6, 'last'); sys.exit(1)").answer("plain", [CALL])
    assert caught.value.said.endswith("x last")
    assert len(caught.value.said) < 10_000


@posix
@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        (None, 0, "no such program: .*/subject$"),
        ("#!/bin/sh\n", 0o600, r"is not executable: chmod \+x it"),
        ("#!/no/such/interpreter\n", 0o700, "the interpreter .* is not there"),
        ("\x7fELF nothing\n", 0o700, "no program for this machine"),
    ],
)
def test_cannot_be_run(tmp_path, text, mode, message):
    path = tmp_path / "subject"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    with pytest.raises(ProgramError, match=message):
        Program([str(path)], 10).answer("plain", [CALL])


@posix
def test_named_wrongly(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "subject-here").write_text("#!/bin/sh\n")
    (tmp_path / "subject-here").chmod(0o700)
    for name, message in (
        ("subject-here", "write ./subject-here"),
        ("subject-nowhere", "no such program: subject-nowhere$"),
        (str(tmp_path), "is a folder, not a program"),
    ):
        with pytest.raises(ProgramError, match=message):
            Program([name], 10).answer("plain", [CALL])
