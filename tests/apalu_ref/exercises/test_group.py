"""A class: everybody is graded, nothing is lost, and common mistakes are counted."""

import json
import shutil

import pytest

from apalu_ref.exercises import SubmissionError, check_class
from apalu_ref.exercises import group as module
from apalu_ref.exercises.figure import draw
from apalu_ref.exercises.group import ClassReport, Graded
from apalu_ref.exercises.result import Finding, Part, Result
from apalu_ref.exercises.tasks import TASKS, find

HALF = ("task1_derivatives", "return 1 + s + KAPPA * x * s * (1 - s)", "return 1 + s")
MISSING_TERM = "du: the second term of the product rule is missing: σ depends on x too"


@pytest.fixture
def classroom(submission, tmp_path):
    submission([HALF], "all/ann")
    submission([HALF], "all/bob/homework/mine")
    submission([], "all/cyd")
    (tmp_path / "all" / "dan").mkdir()
    (tmp_path / "all" / "notes.txt").write_text("not a submission")
    return tmp_path / "all"


def test_everybody_is_graded(classroom):
    seen = []
    report = check_class(classroom, ["derivatives"], progress=lambda *at: seen.append(at))
    assert [s.name for s in report.submissions] == ["ann", "bob", "cyd", "dan"]
    assert seen == [("ann", 1, 4), ("bob", 2, 4), ("cyd", 3, 4), ("dan", 4, 4)]
    assert [s.results[0].score for s in report.submissions[:3]] == [0.75, 0.75, 1]
    assert "none of the files" in report.submissions[3].error
    assert report.mistakes() == {"derivatives": [(MISSING_TERM, 2)]}
    said = report.text()
    assert f"2 of 3  {MISSING_TERM}" in said
    assert "3/4" in said
    whole = json.loads(json.dumps(report.as_json()))
    assert whole["mistakes"]["derivatives"] == [{"what": MISSING_TERM, "submissions": 2}]
    assert [s["name"] for s in whole["submissions"]] == ["ann", "bob", "cyd", "dan"]


def test_results_are_kept_as_they_come_and_used_again(classroom, tmp_path, monkeypatch):
    out = tmp_path / "graded"
    calls = []
    real = module.check

    def counted(folder, *rest, **options):
        if folder.name == "cyd" and "stop" in calls:
            raise KeyboardInterrupt
        calls.append(folder.name)
        return real(folder, *rest, **options)

    monkeypatch.setattr(module, "check", counted)
    calls.append("stop")
    with pytest.raises(KeyboardInterrupt):
        check_class(classroom, ["derivatives"], out=out)
    assert calls == ["stop", "ann", "mine"]
    assert sorted(p.name for p in out.iterdir()) == ["ann.json", "ann.txt", "bob.json", "bob.txt"]
    assert MISSING_TERM in " ".join((out / "ann.txt").read_text(encoding="utf-8").split())
    calls.clear()
    first = check_class(classroom, ["derivatives"], out=out)
    assert calls == ["cyd"]
    calls.clear()
    again = check_class(classroom, ["derivatives"], out=out)
    assert calls == []
    assert again.as_json() == first.as_json()
    # What has changed is graded again, and so is everything under other settings.
    shutil.copy(classroom / "cyd" / "task1_derivatives.py", classroom / "ann")
    changed = check_class(classroom, ["derivatives"], out=out)
    assert calls == ["ann"]
    assert changed.submissions[0].results[0].passed
    calls.clear()
    check_class(classroom, ["derivatives"], out=out, seconds=50)
    assert calls == ["ann", "mine", "cyd"]


def test_what_stops_one_submission_does_not_stop_the_class(classroom, tmp_path):
    (classroom / "bob" / "homework" / "mine" / "task2_sigmoid.py").write_text("-" * 200_000 + "1")
    (classroom / "cyd" / "v2").mkdir()
    for name in ("v1", "v2"):
        shutil.copytree(classroom / "cyd", classroom / "dan" / name, dirs_exist_ok=True)
    (classroom / "class").mkdir()
    (classroom / "__MACOSX").mkdir()
    report = check_class(classroom, ["sigmoid"], out=tmp_path / "graded")
    ann, bob, clash, cyd, dan = report.submissions
    assert ann.results[0].passed
    assert cyd.results[0].passed
    assert "nested too deeply" in bob.results[0].parts[0].findings[0].what
    assert "the report of the class is called class: rename it" in clash.error
    assert "more than once, in v1 and v2: leave one" in dan.error


def test_a_fault_of_the_grader_is_told_and_not_kept(classroom, tmp_path, monkeypatch):
    def check(folder, *rest, **options):
        results = real(folder, *rest, **options)
        results[0].fault = "Traceback: KeyError" if folder.name == "mine" else ""
        return results

    real = module.check
    monkeypatch.setattr(module, "check", check)
    report = check_class(classroom, ["sigmoid"], out=tmp_path / "graded")
    assert [bool(s.results[0].fault) for s in report.submissions[:3]] == [False, True, False]
    names = sorted(p.name for p in (tmp_path / "graded").iterdir())
    assert names == ["ann.json", "ann.txt", "cyd.json", "cyd.txt"]


def test_settings_reach_the_grader_and_decide_what_is_used_again(classroom, tmp_path, monkeypatch):
    asked = []

    def check(folder, names, **options):
        asked.append((folder.name, names, options))
        return [Result(task, [Part(p) for p in task.parts]) for task in map(find, names)]

    monkeypatch.setattr(module, "check", check)
    options = {"with_reference": True, "seconds": 7, "memory": 999}
    check_class(classroom, ["2", "derivatives"], out=tmp_path / "graded", **options)
    assert asked[0] == ("ann", ["derivatives", "sigmoid"], options)
    asked.clear()
    check_class(classroom, ["2", "derivatives"], out=tmp_path / "graded", **options)
    assert not asked
    monkeypatch.setattr("apalu_ref.__version__", "9.9")
    check_class(classroom, ["2", "derivatives"], out=tmp_path / "graded", **options)
    assert len(asked) == 3


def test_the_most_frequent_mistake_comes_first_and_what_is_to_do_is_none():
    def handed_in(*what):
        parts = [Part(p, "failed", [Finding(w)]) for p, w in zip(TASKS[0].parts, what, strict=True)]
        parts[3].status = "to do"
        return Graded("", [Result(TASKS[0], parts)])

    found = ClassReport([TASKS[0]], [handed_in("x", "y", "y", "z"), handed_in("a", "y", "w", "z")])
    assert found.mistakes() == {"derivatives": [("y", 2), ("a", 1), ("w", 1), ("x", 1)]}
    assert [line.split() for line in found.text().splitlines()[3:4]] == [["passed", "0"]]


@pytest.mark.parametrize("damage", ["{", "{}", '{"settings": 1, "results": []}', "\udcff"])
def test_a_damaged_result_is_named_or_made_again(damage, classroom, tmp_path):
    out = tmp_path / "graded"
    out.mkdir()
    (out / "ann.json").write_bytes(damage.encode("utf-8", "surrogateescape"))
    if damage.startswith('{"settings"'):  # of another version or other settings
        assert len(check_class(classroom, ["sigmoid"], out=out).submissions) == 4
        return
    with pytest.raises(SubmissionError, match=r"ann\.json is damaged .* delete it"):
        check_class(classroom, ["sigmoid"], out=out)


def test_the_folder_of_results_is_no_submission(classroom):
    report = check_class(classroom, ["sigmoid"], out=classroom / "graded")
    assert [s.name for s in report.submissions] == ["ann", "bob", "cyd", "dan"]


@pytest.mark.parametrize("empty", ["nowhere", "empty"])
def test_no_class_is_an_error(empty, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SubmissionError, match=r"there is no folder|has no folders"):
        check_class(tmp_path / empty)


def test_the_picture_shows_everybody(classroom):
    report = check_class(classroom, ["derivatives", "sigmoid"])
    figure = draw(report)
    ax = figure.axes[0]
    said = [t.get_text() for t in ax.texts]
    assert said == ["3/4", "2/2", "3/4", "2/2", "4/4", "2/2", "not graded"]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["ann", "bob", "cyd", "dan"]
    shown = ax.images[0].get_array()
    assert shown.tolist() == [[0.75, 1], [0.75, 1], [1, 1], [None, None]]
    few, many = (sum(ax.images[0].cmap(value)[:3]) for value in (0.1, 0.9))
    assert many < few, "more is darker"


def test_a_name_is_no_formula():
    report = ClassReport([TASKS[0]], [Graded("a$b_{$", error="empty")])
    draw(report).canvas.draw()
