"""``apalu-ref exercise``."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from apalu_ref.cli import main
from apalu_ref.exercises import ClassReport

ROOT = Path(__file__).resolve().parents[3]
EXERCISES = ROOT / "tutorials" / "exercises"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A copy of the exercises, as a learner makes it, with task 1 solved, and a term missing."""
    shutil.copytree(EXERCISES / "mine", tmp_path / "mine", ignore=shutil.ignore_patterns("__py*"))
    source = (EXERCISES / "solutions" / "task1_derivatives.py").read_text(encoding="utf-8")
    wrong = source.replace("return 1 + s + KAPPA * x * s * (1 - s)", "return 1 + s")
    (tmp_path / "mine" / "task1_derivatives.py").write_text(wrong, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_folder_mine_is_found_and_a_mistake_is_explained(place, capsys):
    assert main(["exercise", "check", "derivatives"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "du: the second term of the product rule is missing" in said
    assert "hint: " in said
    assert "answer: " not in said
    assert main(["exercise", "check", "1", "--answer"]) == 1
    assert "answer: 1 + s + KAPPA * x * s * (1 - s)" in " ".join(capsys.readouterr().out.split())


def test_all_right_is_status_0(capsys):
    assert main(["exercise", "check", "1", "2", "--in", str(EXERCISES / "solutions")]) == 0
    assert "2 of 2 tasks passed, 6 of 6 parts" in capsys.readouterr().out


def test_json_and_gradescope_go_to_a_file(place, capsys):
    assert main(["exercise", "check", "1", "--format", "json", "-o", "out.json"]) == 1
    whole = json.loads((place / "out.json").read_text(encoding="utf-8"))
    assert [part["status"] for part in whole["results"][0]["parts"]] == [
        "passed", "failed", "passed", "passed"
    ]  # fmt: skip
    assert main(["exercise", "check", "1", "--format", "gradescope", "-o", "results.json"]) == 1
    tests = json.loads((place / "results.json").read_text(encoding="utf-8"))["tests"]
    assert [t["score"] for t in tests] == [2.5, 0, 2.5, 2.5]
    assert capsys.readouterr().out == ""


def test_list(capsys):
    assert main(["exercise", "list"]) == 0
    assert "5 tape         a tape of your own" in capsys.readouterr().out
    assert main(["exercise", "list", "--format", "json"]) == 0
    assert [t["number"] for t in json.loads(capsys.readouterr().out)] == list(range(1, 8))


def test_a_class(place, capsys):
    shutil.copytree(place / "mine", place / "all" / "ann")
    shutil.copytree(EXERCISES / "solutions", place / "all" / "bob")
    wanted = ["exercise", "class", "all", "--tasks", "derivatives, 2", "--out", "graded"]
    assert main(wanted) == 1
    said = capsys.readouterr()
    assert "[1/2] ann" in said.err
    assert "3/4" in said.out
    names = sorted(p.name for p in (place / "graded").iterdir())
    assert names == ["ann.json", "ann.txt", "bob.json", "bob.txt", "class.csv", "class.json",
                     "class.png", "class.txt"]  # fmt: skip
    table = (place / "graded" / "class.csv").read_bytes()
    assert table.startswith(b"\xef\xbb\xbfname,")
    assert table.splitlines()[1:] == [b"ann,3,,3,", b"bob,4,2,6,"]
    assert (place / "graded" / "class.png").read_bytes()[:4] == b"\x89PNG"
    assert main([*wanted, "--format", "json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["submissions"]) == 2
    assert main([*wanted, "--format", "gradescope"]) == 1
    each = json.loads(capsys.readouterr().out)
    assert sum(t["score"] for t in each["bob"]["tests"]) == 20


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["check"], "the exercises are not here"), (["check", "9"], "there is no task '9'"),
     (["check", "--in", "nowhere"], "there is no folder nowhere"),
     (["class", "nowhere"], "there is no folder nowhere"),
     (["class", ".", "--tasks", "x"], "there is no task 'x'")],
)  # fmt: skip
def test_wrong_usage(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if "9" in arguments:
        monkeypatch.chdir(EXERCISES)
    assert main(["exercise", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_limits_reach_the_grader(place, monkeypatch, capsys):
    asked = []

    def check(folder, tasks, **options):
        asked.append(options)
        return []

    def check_class(folder, tasks, **options):
        asked.append(options)
        return ClassReport([])

    monkeypatch.setattr("apalu_ref.exercises.check", check)
    monkeypatch.setattr("apalu_ref.exercises.check_class", check_class)
    limits = ["--seconds", "9", "--memory", "777", "--with-reference"]
    assert main(["exercise", "check", *limits]) == 0
    assert main(["exercise", "class", "all", *limits]) == 0
    for options in asked:
        assert options["seconds"] == 9
        assert options["memory"] == 777
        assert options["with_reference"]
    assert len(asked) == 2


def test_an_upload_with_nothing_in_it_has_a_results_file(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    target = tmp_path / "results.json"
    wanted = ["exercise", "check", "--in", str(tmp_path / "empty"), "--format", "gradescope"]
    assert main([*wanted, "-o", str(target)]) == 2
    whole = json.loads(target.read_text(encoding="utf-8"))
    assert whole["score"] == 0
    assert "none of the files" in whole["output"]


def test_a_fault_of_the_grader_is_status_70_and_the_rest_is_delivered(place, monkeypatch, capsys):
    import apalu_ref.exercises.process as process

    broken = (
        "import apalu_ref.exercises.checks.derivatives as d; d.parts = lambda p: 1 / 0; "
        "from apalu_ref.exercises.worker import main; main()"
    )
    monkeypatch.setattr(process, "_START", broken)
    assert main(["exercise", "check", "1", "2"]) == 70
    said = capsys.readouterr()
    assert "2 sigmoid" in said.out
    assert "the grader itself failed" in said.out
    assert "Traceback" in said.err
    assert "please report it" in said.err


@pytest.mark.parametrize("limit", ["--seconds", "--memory"])
def test_limits_must_be_positive(limit, capsys):
    with pytest.raises(SystemExit):
        main(["exercise", "check", limit, "0"])
    assert "a whole number, at least 1" in capsys.readouterr().err


@pytest.mark.parametrize("action", [["check", "1"], ["class", "."]])
def test_memory_in_which_nothing_can_run_is_refused(action, place, capsys):
    assert main(["exercise", *action, "--memory", "10"]) == 2
    assert "10 MiB of memory are too few: at least 512 are needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--answers"], "unrecognized arguments: --answers: did you mean --answer?"),
     (["1", "--memroy=9"], "did you mean --memory?"), (["--xyz"], "arguments: --xyz\n")],
)  # fmt: skip
def test_an_unknown_option_is_told_with_the_usage_of_the_action(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["exercise", "check", *arguments])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("usage: ")
    assert "exercise check [-h]" in told.splitlines()[0]
    assert said in told


def stops_its_grader(place, signal_name):
    source = (EXERCISES / "solutions" / "task2_sigmoid.py").read_text(encoding="utf-8")
    stop = f"import os, signal, time\nos.kill(os.getppid(), signal.{signal_name})\ntime.sleep(60)\n"
    (place / "mine" / "task2_sigmoid.py").write_text(source + stop, encoding="utf-8")


def run(place, *arguments):
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, "-m", "apalu_ref", "exercise", "check", *arguments], cwd=place,
        capture_output=True, encoding="utf-8", timeout=120,
        env=os.environ | {"PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="the signals are POSIX's")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_interruption_leaves_what_was_graded(name, status, place):
    stops_its_grader(place, name)
    ran = run(place, "1", "2", "3")
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert "du: the second term of the product rule is missing" in " ".join(ran.stdout.split())
    assert "0 of 1 tasks passed, 3 of 4 parts" in ran.stdout
    assert ran.stdout.endswith("interrupted; not graded: 2 sigmoid, 3 backward\n")


@pytest.mark.skipif(os.name != "posix", reason="the signals are POSIX's")
def test_an_interruption_is_told_in_files_for_programs_too(place):
    stops_its_grader(place, "SIGINT")
    ran = run(place, "2", "1", "--format", "json")
    assert ran.returncode == 130
    whole = json.loads(ran.stdout)
    assert [result["task"] for result in whole["results"]] == ["derivatives"]
    assert whole["interrupted"] == ["sigmoid"]
    ran = run(place, "2", "--format", "gradescope")
    whole = json.loads(ran.stdout)
    assert whole["score"] == 0
    assert whole["output"] == "interrupted; not graded: 2 sigmoid"
    ran = run(place, "2")
    assert ran.stdout == "interrupted; not graded: 2 sigmoid\n"


def test_the_help_says_what_running_a_submission_means(capsys):
    with pytest.raises(SystemExit):
        main(["exercise", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "Grading runs the submitted code" in said
    assert "in a container" in said


def test_the_same_as_pytest(place):
    for name in ("test_mine.py", "pytest.ini"):
        shutil.copy(EXERCISES / name, place)
    command = [sys.executable, "-m", "pytest", "-m", "derivatives", "-p", "no:cacheprovider"]
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    ran = subprocess.run(
        command, cwd=place, capture_output=True, encoding="utf-8", timeout=60,
        env=os.environ | {"PYTHONPATH": paths, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "3 passed" in ran.stdout
    assert "1 failed" in ran.stdout
    assert "the second term of the product rule is missing" in ran.stdout


def test_a_folder_of_files_with_other_names_is_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "task1_derivatives (1).py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert main(["exercise", "check", "1"]) == 2
    assert "rename it to task1_derivatives.py" in capsys.readouterr().err
