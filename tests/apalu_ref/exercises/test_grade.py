"""Grading: stubs fail, solutions pass, gaps are filled, and blame goes where it belongs."""

import shutil

import numpy as np
import pytest

from apalu_ref import formula
from apalu_ref.exercises import TASKS, SubmissionError, check, check_class, reference
from apalu_ref.exercises.tasks import find

WRONG_SUM = ("task3_backward", "g = g.sum(axis=tuple(range(extra)))", "return g")


def test_every_stub_is_to_do(stubs):
    for result in check(stubs):
        assert result.status == "to do"
        assert [part.name for part in result.parts] == list(result.task.parts)
        assert not any(part.passed for part in result.parts)
        assert result.score == 0


@pytest.mark.slow
def test_every_solution_passes(solutions):
    for result in check(solutions):
        assert result.passed, [part.text(answer=True) for part in result.parts]
        assert result.score == 1
        assert not result.remarks


def test_the_stubs_ask_for_what_the_tasks_ask_for(stubs, solutions):
    for folder in (stubs, solutions):
        assert sorted(p.stem for p in folder.glob("task*.py")) == [t.module for t in TASKS]


def test_tasks_are_found_by_name_number_and_file():
    assert find("tape") is find("5") is find("task5_tape") is TASKS[4]
    with pytest.raises(ValueError, match="there is no task 'tapes'; there are: 1 derivatives, 2"):
        find("tapes")


@pytest.mark.parametrize(
    "name",
    ["Tape", "TASK5", "task5", "task5_tape.py", "Task5_Tape.py", "mine/task5_tape.py", " 5"],
)
def test_a_task_is_found_by_what_can_only_mean_it(name):
    assert find(name) is TASKS[4]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("derivative", "derivatives"), ("Sigmiod", "sigmoid"), ("task3_back", "backward")],
)  # fmt: skip
def test_what_was_probably_meant_is_told(name, meant):
    with pytest.raises(ValueError, match=rf"there is no task '{name}'; .*; did you mean {meant}\?"):
        find(name)
    with pytest.raises(ValueError, match=r"7 activation$"):
        find("xyz")


def test_results_come_in_the_order_of_the_tasks(stubs):
    found = check(stubs, ["activation", "1", "1"])
    assert [result.task.name for result in found] == ["derivatives", "activation"]


def test_the_references_are_right():
    z = np.array([[-700.0, -30.0, -1.0], [0.0, 2.0, 700.0]])
    exact = 1 / (1 + np.exp(-z.astype(np.longdouble)))
    assert np.allclose(reference.sigmoid(z), exact.astype(float), rtol=1e-15, atol=0)
    slope = exact * np.exp(-z.astype(np.longdouble)) * exact
    assert np.allclose(reference.sigmoid_slope(z), slope.astype(float), rtol=1e-15, atol=0)
    assert reference.sigmoid(z.astype(np.float32)).dtype == np.float32
    g = np.arange(24.0).reshape(2, 3, 4)
    for shape in ((3, 1), (4,), (1, 1, 1), (), (2, 3, 4), (1, 4)):
        got = reference.sum_to(g, shape)
        assert got.shape == shape
        # The same by a gradient check in a sentence: broadcast ones, and count.
        assert np.isclose(got.sum(), g.sum())
        assert np.allclose((got * np.ones(shape)).sum(), (g * np.broadcast_to(1.0, g.shape)).sum())
    assert np.array_equal(reference.sum_to(g, (3, 1)), g.sum(axis=(0, 2))[:, None])
    x = np.linspace(-2, 2, 5)
    y, ctx = reference.forward(x, np.array(2.0), np.array(3.0))
    assert np.array_equal(y, formula.apalu(x, 2.0, 3.0))
    assert len(reference.backward(ctx, np.ones(5))) == 3


def test_an_earlier_mistake_is_named_and_the_later_task_can_be_judged_without_it(submission):
    folder = submission([WRONG_SUM])
    (alone,) = check(folder, ["tape"])
    assert not alone.part("mul").passed
    assert alone.remarks == [
        "this task uses sum_to of task 3, not right yet: do it first, or check with "
        "--with-reference"
    ]
    (filled,) = check(folder, ["tape"], with_reference=True)
    assert filled.passed, [part.text() for part in filled.parts]
    assert filled.filled == ["sum_to (task 3)"]
    assert not filled.remarks


def test_with_reference_does_not_mend_the_task_itself(submission):
    folder = submission([("task5_tape", "g * y.value, lambda", "g * x.value, lambda")])
    (result,) = check(folder, ["tape"], with_reference=True)
    assert not result.part("mul").passed
    assert not result.filled


@pytest.mark.parametrize("gap", ["missing file", "stub", "no Python", "does not import"])
def test_gaps_of_every_kind_are_filled(gap, submission, stubs):
    folder = submission(without=["task3_backward.py"] if gap == "missing file" else [])
    if gap == "stub":
        stub = (stubs / "task3_backward.py").read_text(encoding="utf-8")
        (folder / "task3_backward.py").write_text(stub, encoding="utf-8")
    elif gap == "no Python":
        (folder / "task3_backward.py").write_text("def sum_to(g, shape:\n", encoding="utf-8")
    elif gap == "does not import":
        path = folder / "task3_backward.py"
        path.write_text("1 / 0\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    (result,) = check(folder, ["tape"])
    assert not result.passed
    (result,) = check(folder, ["tape"], with_reference=True)
    assert result.passed, [part.text() for part in result.parts]


def test_a_missing_file_is_to_do_says_so_and_its_ready_made_parts_are_filled_too(submission):
    folder = submission(without=["task2_sigmoid.py", "task1_derivatives.py"])
    (first,) = check(folder, ["sigmoid"])
    assert first.status == "to do"
    assert first.parts[0].findings[0].what == "the file task2_sigmoid.py is not there"
    (third,) = check(folder, ["backward"])
    assert "needs task1_derivatives.py, which is not there" in third.parts[0].findings[0].what
    (third,) = check(folder, ["backward"], with_reference=True)
    assert third.passed, [part.text() for part in third.parts]


def test_a_missing_file_is_filled_where_what_is_imported_needs_it(submission):
    folder = submission(without=["task1_derivatives.py"])
    (fifth,) = check(folder, ["tape"], with_reference=True)
    assert fifth.passed, [part.text() for part in fifth.parts]
    (row,) = check_class(folder.parent, ["tape"], with_reference=True).submissions
    assert row.results[0].passed


def test_what_a_file_on_the_way_lacks_is_remarked_as_that(submission, stubs):
    folder = submission(without=["task1_derivatives.py", "task3_backward.py"])
    shutil.copy(stubs / "task3_backward.py", folder)
    (fifth,) = check(folder, ["tape"])
    also = "not right yet: do it first, or check with --with-reference"
    assert fifth.remarks == [
        f"this task uses sum_to of task 3, {also}",
        f"this task needs v and dv of task 1 for a file that it imports, {also}",
    ]


def test_a_file_that_imports_what_it_may_not_is_replaced_for_the_others(submission):
    old = "KAPPA = 1.702"
    folder = submission([("task1_derivatives", old, f"{old}\nimport no_such_library")])
    first, third = check(folder, ["derivatives", "backward"], with_reference=True)
    assert not any(part.passed for part in first.parts)
    assert third.passed, [part.text() for part in third.parts]


def test_a_missing_file_is_filled_where_a_file_of_ones_own_needs_it(submission):
    folder = submission([("task5_tape", "from .task3_backward", "from .helper")])
    (folder / "helper.py").write_text("from .task3_backward import sum_to\n", encoding="utf-8")
    for name in ("task1_derivatives", "task2_sigmoid"):
        (folder / f"{name}.py").unlink()
    (fifth,) = check(folder, ["tape"], with_reference=True)
    assert fifth.passed, [part.text() for part in fifth.parts]


def test_what_a_replaced_file_imports_is_not_filled(submission):
    folder = submission(without=["task1_derivatives.py"])
    path = folder / "task3_backward.py"
    path.write_text("1 / 0\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    (fifth,) = check(folder, ["tape"], with_reference=True)
    assert fifth.passed, [part.text() for part in fifth.parts]
    assert not any("task 1" in name for name in fifth.filled)


def test_what_has_no_reference_and_no_stub_is_not_said_to_have_one(submission):
    for module, hint in (
        ("task4_op", "copy the stub back"),
        ("helper", "a file of your own goes into the same folder"),
        ("task2_sigmoid", "or check with --with-reference"),
    ):
        change = ("task5_tape", "from .task3", f"from .{module} import *\nfrom .task3")
        folder = submission([change], module, without=[f"{module}.py"])
        finding = check(folder, ["tape"])[0].parts[0].findings[0]
        assert f"needs {module}.py, which is not there" in finding.what
        assert hint in finding.hint
        assert ("--with-reference" in finding.hint) == (module == "task2_sigmoid")


def test_what_earlier_tasks_get_wrong_unseen_is_remarked_beside_a_failure(submission):
    # A sigmoid that hands out one array: task 3 may notice it, in threads, or not.
    shared = """
_kept = {}


def one(y):
    kept = _kept.setdefault((y.shape, y.dtype), y)
    kept[...] = y
    return kept
"""
    value = "np.where(z >= 0, 1, t) / (1 + t)"
    folder = submission(
        [("task2_sigmoid", "KAPPA = 1.702", f"KAPPA = 1.702\n{shared}"),
         ("task2_sigmoid", value, f"one({value})"),
         ("task3_backward", "np.where(x < 0, 0, gy * u(above))", "gy * u(above) * 0")]
    )  # fmt: skip
    second, third = check(folder, ["sigmoid", "backward"])
    assert "hands out one and the same array" in second.part("sigmoid").findings[0].what
    assert not third.part("da").passed
    assert third.part("da").after == [2]
    assert third.remarks == [
        "this task uses sigmoid of task 2, not right yet: do it first, or check with "
        "--with-reference"
    ]


def test_nothing_is_remarked_where_nothing_is_wrong(submission):
    # sum_to is wrong, but not where the tape needs it.
    folder = submission([("task3_backward", "g.sum(axis=stretched, keepdims=True)", "g")])
    (result,) = check(folder, ["tape"])
    assert not check(folder, ["backward"])[0].part("sum_to").passed
    assert result.passed
    assert not result.remarks
    assert result.seconds > 0


def test_what_is_to_do_is_to_do_whatever_came_of_calling_it(submission):
    stub = "raise NotImplementedError\n"
    source = "        negative = np.less(x, 0)\n"
    folder = submission([("task4_op", source, f"        {stub}")])
    path = folder / "task4_op.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index(stub) + len(stub)], encoding="utf-8")
    (result,) = check(folder, ["op"])
    assert result.part("second order").status == "to do"
    assert result.part("y").passed


def test_a_part_that_is_not_written_does_not_hide_the_others(submission, stubs):
    folder = submission(
        [("task1_derivatives", "return np.exp(x)", "raise NotImplementedError")], "mine"
    )
    (result,) = check(folder, ["derivatives"])
    assert [part.status for part in result.parts] == ["passed", "passed", "passed", "to do"]
    assert result.status == "failed"


@pytest.mark.parametrize(
    ("folder", "said"),
    [("nowhere", "there is no folder"), (".", r"none of the files task1_derivatives\.py … task7")],
)
def test_nothing_to_grade_is_an_error_that_says_where_it_looked(folder, said, tmp_path):
    with pytest.raises(SubmissionError, match=said):
        check(tmp_path / folder)


def test_one_folder_too_high_is_recognised(submission):
    folder = submission()
    with pytest.raises(SubmissionError, match=r"did you mean .*mine"):
        check(folder.parent)


def own_sum(submission, folder="mine"):
    """A submission whose task 5 has a sum_to of its own, and whose task 3 has a wrong one."""
    path = submission([WRONG_SUM], folder) / "task5_tape.py"
    text = path.read_text(encoding="utf-8")
    line = "from .task3_backward import sum_to\n"
    assert line in text
    own = """

def sum_to(g, shape):
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for i, n in enumerate(shape):
        if n == 1 and g.shape[i] != 1:
            g = g.sum(axis=i, keepdims=True)
    return g


"""
    path.write_text(text.replace(line, own), encoding="utf-8")
    return path.parent


def test_a_task_that_does_without_an_earlier_one_is_not_told_of_it(submission):
    folder = own_sum(submission)
    path = folder / "task5_tape.py"
    text = path.read_text(encoding="utf-8")
    assert text.count("g * y.value, ") == 1
    path.write_text(text.replace("g * y.value, ", "g * x.value, "), encoding="utf-8")
    (result,) = check(folder, ["tape"])
    assert not result.part("mul").passed
    assert result.part("add").passed
    assert not result.remarks
    (result,) = check(folder, ["tape"], with_reference=True)
    assert not result.filled


def test_an_import_that_cannot_be_done_is_told_though_it_is_not_used(submission):
    folder = own_sum(submission)
    path = folder / "task5_tape.py"
    text = "from .task3_backward import sum_to\n" + path.read_text(encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    (result,) = check(folder, ["tape"])
    assert result.passed
    (folder / "task3_backward.py").write_text("def sum_to(g, shape:\n", encoding="utf-8")
    (result,) = check(folder, ["tape"])
    assert not result.passed
    assert "this task uses sum_to of task 3, not right yet" in result.remarks[0]
    (result,) = check(folder, ["tape"], with_reference=True)
    assert result.passed


@pytest.mark.parametrize("body", ["pass", "...", '"""Later."""', "raise NotImplementedError"])
def test_a_stub_of_any_kind_beside_written_functions_is_still_to_do(body, submission):
    folder = submission([("task1_derivatives", "return np.exp(x)", body)])
    part = check(folder, ["derivatives"])[0].part("dv")
    assert part.status == "to do"
    assert [finding.what for finding in part.findings] == ["still to do"]


def test_a_file_that_is_there_is_not_said_to_be_missing(submission):
    folder = submission(without=["task2_sigmoid.py"])
    third, fifth = check(folder, ["backward", "tape"])
    assert "needs task2_sigmoid.py, which is not there" in third.parts[0].findings[0].what
    assert third.part("sum_to").after == [2], "it cannot be tried without task 2"
    # Task 5 imports task 3, which is there, and which imports task 2.
    assert "needs task2_sigmoid.py, which is not there" in fifth.parts[0].findings[0].what
