"""What is seen by reading a submission: stubs, imports, syntax; and what is copied."""

import os

import pytest

from apalu_ref.exercises.result import Finding
from apalu_ref.exercises.submission import Submission, SubmissionError
from apalu_ref.exercises.tasks import TASKS, find

FIRST = find("derivatives")


@pytest.fixture
def one(tmp_path):
    """A submission that consists of a first task with this text."""

    def write(text, task=FIRST):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / f"{task.module}.py").write_bytes(data)
        return Submission(tmp_path)

    return write


@pytest.mark.parametrize(
    "body",
    ["raise NotImplementedError", "raise NotImplementedError('later')", "pass", "...",
     '"""doc"""\n    raise NotImplementedError', '"""doc only"""', '"""doc"""\n    ...',
     '"""doc"""\n    pass', '"""doc"""\n    ...\n    raise NotImplementedError'],
)  # fmt: skip
def test_a_stub_is_recognised(body, one):
    assert "u" in one(f"def u(x):\n    {body}\n").to_do(FIRST)


@pytest.mark.parametrize(
    "text",
    ["def u(x):\n    return x\n", "u = lambda x: x\n", "from .task2_sigmoid import u\n",
     "def u(x):\n    y = x\n    raise NotImplementedError\n",
     "def f(x):\n    return x\n\nu = f\n", "if True:\n    def u(x):\n        return x\n"],
)  # fmt: skip
def test_what_is_written_is_no_stub(text, one):
    assert "u" not in one(text).to_do(FIRST)


def test_methods_of_the_op_are_looked_at_one_by_one(one):
    op = find("op")
    text = (
        "class Apalu:\n    def forward(ctx, x, a, b):\n        return x\n\n"
        "    def backward(ctx, gy):\n        raise NotImplementedError\n"
    )
    assert one(text, op).to_do(op) == ["backward", "formula"]


def test_a_card_of_nones_is_to_do_and_one_entry_begins_it(one):
    task = find("activation")
    assert "CARD" in one('CARD = {"gain": None, "kinks": None}\n', task).to_do(task)
    assert "CARD" not in one('CARD = {"gain": 1.0, "kinks": None}\n', task).to_do(task)


@pytest.mark.parametrize(
    ("line", "name"),
    [("import apalu_ref", "apalu_ref"), ("from apalu_ref.formula import u", "apalu_ref.formula"),
     ("import torch as t", "torch"), ("from scipy.special import expit", "scipy.special"),
     ("def f():\n    import jax.numpy", "jax.numpy")],
)  # fmt: skip
def test_other_peoples_solutions_are_not_imported(line, name, one):
    (finding,) = one(
        f"import math, itertools\nimport numpy as np\nfrom .x import y\n{line}\n"
    ).strangers(FIRST)
    assert f"imports {name}" in finding.what
    assert finding.hint


def test_minigrad_is_allowed_where_the_task_is_about_it(one):
    text = "from minigrad import Function\n"
    assert one(text).strangers(FIRST)
    assert not one(text, find("op")).strangers(find("op"))


def test_a_syntax_error_is_told_with_its_line(one):
    tree = one("def u(x):\n    return (x\n").tree(FIRST)
    assert isinstance(tree, Finding)
    assert "task1_derivatives.py, line 2, is no Python" in tree.what


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", "x = 1".encode("utf-16"), b"x = 1\x00\n"])
def test_a_file_that_is_no_text_is_told(data, one):
    found = one(data).tree(FIRST)
    assert isinstance(found, Finding)
    assert "is not a text file in UTF-8" in found.what


def test_a_byte_order_mark_is_no_harm(one):
    assert not isinstance(one("\ufeffu = 1\n".encode()).tree(FIRST), Finding)


def test_indentation_has_a_hint_of_its_own(one):
    assert "indented" in one("def u(x):\nreturn x\n").tree(FIRST).hint
    assert "bracket" in one("def u(x:\n").tree(FIRST).hint


def test_what_is_no_file_of_the_submission_is_passed_over(one, tmp_path):
    (tmp_path / ".#task1_derivatives.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.py").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.py")
    assert set(one("x = 1\n").sources) == {FIRST.module}


def test_a_huge_file_is_refused(one):
    with pytest.raises(SubmissionError, match="larger than a program of this course"):
        one("#" * (2 << 20))


def test_the_digest_changes_with_a_file_and_with_its_name(one, tmp_path):
    first = one("x = 1\n").digest
    assert one("x = 1\n").digest == first
    assert one("x = 2\n").digest != first
    (tmp_path / "helper.py").write_text("")
    assert one("x = 1\n").digest != first


def test_the_copy_has_everything_and_the_original_stays(one, tmp_path):
    submission = one("def u(x):\n    raise NotImplementedError\n")
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    target = tmp_path / "elsewhere"
    submission.copy_to(target, [(FIRST, "u"), (FIRST, "v"), (TASKS[2], "sum_to")])
    text = (target / "mine" / "task1_derivatives.py").read_text()
    assert text.startswith("def u(x)")
    assert "reference import u\n" in text
    assert "reference import v\n" in text
    assert (target / "mine" / "task3_backward.py").read_text().strip().endswith("import sum_to")
    assert {p: p.read_bytes() for p in before} == before


def test_what_cannot_be_imported_is_left_out_of_a_filled_file(one, tmp_path):
    submission = one("def u(x:\n")
    submission.copy_to(tmp_path / "c", [(FIRST, "u"), (FIRST, "v")], [FIRST.module])
    text = (tmp_path / "c" / "mine" / "task1_derivatives.py").read_text()
    assert "def u(x:" not in text
    assert text.count("import") == 2


def test_the_first_task_has_no_earlier_ones_to_import(one):
    (finding,) = one("import torch\n").strangers(FIRST)
    assert finding.hint == "the task is to be solved with numpy and Python's own modules"
    (finding,) = one("import torch\n", find("op")).strangers(find("op"))
    assert "numpy and minigrad and Python's own modules, and your own earlier" in finding.hint
