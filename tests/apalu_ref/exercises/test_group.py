"""A class: everybody is graded, nothing is lost, and common mistakes are counted."""

import csv
import io
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


def test_a_report_that_was_deleted_is_made_again_without_grading(classroom, tmp_path, monkeypatch):
    out = tmp_path / "graded"
    check_class(classroom, ["derivatives"], out=out)
    before = {p.name: p.read_bytes() for p in out.iterdir()}
    (out / "ann.txt").unlink()
    (out / "bob.txt").write_text("with a teacher's remark")
    monkeypatch.setattr(module, "check", None)
    check_class(classroom, ["derivatives"], out=out)
    after = {p.name: p.read_bytes() for p in out.iterdir()}
    assert after == {**before, "bob.txt": b"with a teacher's remark"}


def graded(name, *statuses):
    parts = [Part(p, s) for p, s in zip(TASKS[0].parts, statuses, strict=True)]
    return Graded(
        name, [Result(TASKS[0], parts), Result(TASKS[1], [Part(p) for p in TASKS[1].parts])]
    )


def rows_of(report):
    return list(csv.reader(io.StringIO(report.as_csv(), newline="")))


def test_a_table_for_a_spreadsheet():
    begun = graded("Müller, Anna", "passed", "failed", "passed", "to do")
    begun.names = ["one.py was graded; two.py was not"]
    none = Graded("dan", error="has none of the files")
    report = ClassReport(TASKS[:2], [begun, graded("bob", *["to do"] * 4), none])
    assert rows_of(report) == [
        ["name", "1 derivatives (of 4)", "2 sigmoid (of 2)", "total (of 6)", "remarks"],
        ["Müller, Anna", "2", "2", "4", "one.py was graded; two.py was not"],
        ["bob", "", "2", "2", ""],
        ["dan", "", "", "", "has none of the files"],
    ]
    assert report.as_csv().startswith("name,1 derivatives (of 4),")
    assert '"Müller, Anna",2,2,4,' in report.as_csv()


@pytest.mark.parametrize(
    "name", ["=1+1", "+1", "-1", "@SUM(1)", " =1+1", "\t=1", "＝1", '=HYPERLINK("http://x","y")'],
)  # fmt: skip
def test_a_name_is_no_formula_of_a_spreadsheet(name):
    report = ClassReport(TASKS[:2], [graded(name, *["passed"] * 4), Graded("e", error=name)])
    rows = rows_of(report)
    assert rows[1][0] == rows[2][-1] == f"'{name}"


@pytest.mark.parametrize("name", ['a "b" c', "a,b", "a;b", "a\nb", "a-b", "O'Neil", "1"])
def test_a_name_with_other_signs_comes_back_as_it_was(name):
    report = ClassReport(TASKS[:2], [graded(name, *["passed"] * 4)])
    assert rows_of(report)[1] == [name, "4", "2", "6", ""]


WRONG_V = ("task1_derivatives", "return np.expm1(x)", "return np.exp(x)")
GY = ("task3_backward", "sum_to(g, shape):", "sum_to(g, shape):\n    return g")


def test_what_may_follow_from_an_earlier_task_is_not_counted_again(submission, tmp_path):
    submission([WRONG_V], "all/ann")
    submission([WRONG_V, GY], "all/bob")
    submission([], "all/cyd")
    report = check_class(tmp_path / "all", ["1", "3"], seconds=60)
    mistakes, following = report.mistakes(), report.following()
    assert [n for _, n in mistakes["derivatives"]] == [2]
    assert following == {"derivatives": [], "backward": [((1,), 2)]}
    parts = report.submissions[0].results[1].parts
    assert {part.passed: part.after for part in parts} == {True: [], False: [1]}
    # Only sum_to, which needs nothing of task 1, is a mistake of its own for certain.
    assert [(what.partition(",")[0], n) for what, n in mistakes["backward"]] == [("sum_to", 1)]
    said = report.text()
    assert (
        "    2 of 3  mistakes that may follow from task 1 are not listed: --with-reference grades "
        "each task by itself\n"
    ) in said
    assert report.as_json()["following"]["backward"] == [{"from": [1], "submissions": 2}]
    alone = check_class(tmp_path / "all", ["3"], with_reference=True)
    assert alone.following() == {"backward": []}
    assert alone.submissions[0].results[0].passed
    assert alone.mistakes()["backward"][0][1] == 1
