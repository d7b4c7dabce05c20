"""Files that lost their names on the way are recognised, told of, and not graded."""

import json

import pytest

from apalu_ref.exercises import SubmissionError, check, check_class
from apalu_ref.exercises.names import like
from apalu_ref.exercises.reports import gradescope, text
from apalu_ref.exercises.submission import Submission
from apalu_ref.exercises.tasks import TASKS

FIRST = "task1_derivatives.py"
COPIES = ["task1_derivatives (1).py", "task1_derivatives(2).py", "task1_derivatives-1.py",
          "task1_derivatives 2.py", "task1_derivatives copy.py", "task1_derivatives copy 2.py",
          "task1_derivatives - Copy.py", "task1_derivatives - Copy (3).py",
          "Copy of task1_derivatives.py", "task1_derivatives_v2.py", "task1_derivatives_final.py",
          "Task1_Derivatives.py", "task1-derivatives.py", "task1_derivatives.py.txt",
          "task1_derivatives.txt", "task1_derivatives (1).py.txt", "ann_12_task1_derivatives-1.py",
          "task1_derivatives.PY", "task1_derivatives (1) (1).py", "task1_derivatives .py",
          "task1_derivatives - Copy - Copy.py", "task1_derivatives – Kopie.py",
          "task01_derivatives.py",
          "task1_derivatives_v2_final.py", "task1_derivatives_2024-05-01.py"]  # fmt: skip


@pytest.mark.parametrize("name", COPIES)
def test_what_browsers_and_desktops_make_of_a_name_is_recognised(name):
    assert like(name) is TASKS[0]


@pytest.mark.parametrize(
    "name",
    [*(f"{task.module}.py" for task in TASKS), "helper.py", "__init__.py", "task1_derivatives",
     "test_task1_derivatives.py", "tests_task1_derivatives.py", "task1_derivatives_helpers.py",
     "task1.py",
     "task1_derivatives.pyc", ".#task1_derivatives.py", "task11_derivatives.py", "derivatives.py",
     "my_test_task1_derivatives.py", "conftest_task1_derivatives.py", ".task1_derivatives.py",
     "solution_task1_derivatives.py", "check.task1_derivatives.py",
     "task1_sigmoid.py", "notes.txt", "subtask1_derivatives.py"],
)  # fmt: skip
def test_what_is_something_else_is_not(name):
    assert like(name) is None


def test_a_missing_file_is_told_with_the_one_that_may_be_it(submission):
    folder = submission()
    (folder / FIRST).rename(folder / "task1_derivatives (1).py")
    (result,) = check(folder, ["1"])
    assert result.status == "to do"
    (finding,) = result.parts[0].findings
    assert finding.what == "the file task1_derivatives.py is not there"
    assert finding.hint == (
        "task1_derivatives (1).py is not taken for task1_derivatives.py: rename it to "
        "task1_derivatives.py"
    )
    assert "task1_derivatives (1).py is not taken for" in " ".join(text([result]).split())
    assert "task1_derivatives (1).py is not taken for" in gradescope([result])["tests"][0]["output"]
    (folder / "task1_derivatives copy.py").write_text("")
    (result,) = check(folder, ["1"])
    assert result.parts[0].findings[0].hint == (
        "task1_derivatives (1).py and task1_derivatives copy.py are not taken for "
        "task1_derivatives.py: rename the one that counts to task1_derivatives.py"
    )


@pytest.mark.parametrize("there", ["right", "a stub", "no Python"])
def test_where_both_are_there_it_is_told_which_was_graded(there, submission, stubs):
    folder = submission()
    source = (folder / FIRST).read_text(encoding="utf-8")
    (folder / "task1_derivatives-1.py").write_text(source, encoding="utf-8")
    if there == "a stub":
        (folder / FIRST).write_bytes((stubs / FIRST).read_bytes())
    elif there == "no Python":
        (folder / FIRST).write_text("def u(x:\n", encoding="utf-8")
    (result,) = check(folder, ["1"])
    assert result.status == {"right": "passed", "a stub": "to do", "no Python": "failed"}[there]
    said = (
        "task1_derivatives.py was graded; task1_derivatives-1.py, which is there as well, was not"
    )
    assert result.remarks == [said]
    assert said in " ".join(text([result]).split())
    (folder / "task1_derivatives-2.py").write_text("")
    assert Submission(folder).name_of(TASKS[0]) == (
        "task1_derivatives.py was graded; task1_derivatives-1.py and task1_derivatives-2.py, which "
        "are there as well, were not"
    )


def test_a_folder_of_such_files_only_is_told_what_to_do(tmp_path):
    (tmp_path / "task1_derivatives copy.py").write_text("")
    said = (
        r"none of the files .*; task1_derivatives copy\.py is not taken for task1_derivatives\.py: "
        r"rename it to task1_derivatives\.py"
    )
    with pytest.raises(SubmissionError, match=said):
        check(tmp_path)


def test_a_class_has_them_in_its_report(submission, tmp_path):
    for name in ("ann", "bob", "cyd", "dan"):
        submission(folder=f"all/{name}")
    whole = tmp_path / "all"
    (whole / "ann" / FIRST).rename(whole / "ann" / "task1_derivatives (1).py")
    (whole / "bob" / "task2_sigmoid copy.py").write_text("")
    for path in (whole / "cyd").glob("*.py"):
        path.unlink()
    (whole / "cyd" / "mine").mkdir()
    (whole / "cyd" / "mine" / "Task1_derivatives.py").write_text("")
    missing = (
        "task1_derivatives (1).py is not taken for task1_derivatives.py: rename it to "
        "task1_derivatives.py"
    )
    both = "task2_sigmoid.py was graded; task2_sigmoid copy.py, which is there as well, was not"
    out = tmp_path / "graded"
    for _ in ("first", "resumed"):
        report = check_class(whole, ["1", "2"], out=out)
        ann, bob, cyd, dan = report.submissions
        assert ann.names == [missing]
        assert ann.results[0].status == "to do"
        assert bob.names == [both]
        assert bob.results[1].passed
        assert "Task1_derivatives.py is not taken for task1_derivatives.py: rename" in cyd.error
        assert dan.names == []
        lines = report.text().splitlines()
        begin = lines.index("names of files:")
        assert lines[begin + 1 : begin + 3] == [f"  ann: {missing}", f"  bob: {both}"]
        told = json.loads(json.dumps(report.as_json()))["submissions"]
        assert [s["names"] for s in told] == [[missing], [both], [], []]
    # Only of the tasks that were asked for.
    assert check_class(whole, ["2"]).submissions[0].names == []


def test_a_new_name_is_graded_anew(submission, tmp_path):
    submission(folder="all/ann")
    folder, out = tmp_path / "all" / "ann", tmp_path / "graded"
    (folder / FIRST).rename(folder / f"{FIRST}.txt")
    (result,) = check_class(tmp_path / "all", ["1"], out=out).submissions[0].results
    assert "task1_derivatives.py.txt is not taken" in result.parts[0].findings[0].hint
    (folder / f"{FIRST}.txt").rename(folder / FIRST)
    (result,) = check_class(tmp_path / "all", ["1"], out=out).submissions[0].results
    assert result.passed
    assert not result.remarks
    (folder / "task1_derivatives (1).py.txt").write_text("")
    (result,) = check_class(tmp_path / "all", ["1"], out=out).submissions[0].results
    assert "task1_derivatives (1).py.txt, which is there as well, was not" in result.remarks[0]
