"""What a task's file uses of earlier ones."""

import pytest

from apalu_ref.exercises import reference
from apalu_ref.exercises.submission import Submission
from apalu_ref.exercises.tasks import TASKS, find
from apalu_ref.exercises.uses import imports, uses

SUM = [(3, "sum_to")]
ALL_3 = [(3, "sum_to"), (3, "forward"), (3, "backward")]


def numbered(pairs):
    return [(task.number, name) for task, name in pairs]


@pytest.fixture
def of_text(tmp_path):
    """A function: what a fifth task with this text uses, beside these other files."""

    def used(text, **others):
        files = {"task3_backward": "def sum_to(g, s): return g\ndef forward(): pass", **others}
        for name, source in {"task5_tape": text, **files}.items():
            (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        return numbered(uses(Submission(tmp_path), find("tape")))

    return used


def test_the_solutions_use_what_they_should(solutions):
    submission = Submission(solutions)
    assert numbered(uses(submission, find("tape"))) == SUM
    assert numbered(uses(submission, find("fused"))) == [
        (1, "v"), (1, "dv"), (2, "sigmoid"), (2, "sigmoid_slope"), *ALL_3
    ]  # fmt: skip
    assert numbered(uses(submission, find("op"))) == numbered(uses(submission, find("fused")))
    assert not uses(submission, find("sigmoid"))
    for task in TASKS:
        for before, name in [*uses(submission, task), *imports(submission, task)]:
            assert name in reference.__all__, f"{task.name} needs {name} of {before.name}"


@pytest.mark.parametrize(
    ("text", "used"),
    [("from .task3_backward import sum_to\ndef add(x): return sum_to(x, ())", SUM),
     ("from .task3_backward import sum_to as s\ndef add(x): return s(x, ())", SUM),
     ("from . import task3_backward\ndef add(x): return task3_backward.sum_to(x, ())", SUM),
     ("from . import task3_backward as t\ndef add(x): return helper(x)\ndef helper(x):\n"
      "    return lambda g: t.sum_to(g, ())", SUM),
     ("def add(x):\n    from .task3_backward import sum_to\n    return sum_to(x, ())", SUM),
     ("from .task3_backward import sum_to\nback = sum_to\ndef add(x): return back(x, ())", SUM),
     ("from .task3_backward import sum_to\nadd = sum_to", SUM),
     ("from .task3_backward import sum_to\nif __name__ == '__main__':\n    print(sum_to)", []),
     ("from .task3_backward import sum_to\n'A text.'\nx: int = 3\ny = 4\ndef add(x): pass", []),
     ("from .task3_backward import sum_to as add", SUM),
     ("from .task3_backward import sum_to\nsum_to = np.vectorize(sum_to)\n"
      "def add(x): return sum_to(x, ())", SUM),
     ("from .task3_backward import sum_to\nclass Var:\n    def up(self): return sum_to", SUM),
     ("try:\n    from .task3_backward import sum_to\nexcept ImportError:\n"
      "    def sum_to(g, s): return g\ndef add(x): return sum_to(x, ())", SUM),
     ("from .task3_backward import *\ndef add(x): return sum_to(x, ())", ALL_3),
     ("import importlib\nt = importlib.import_module('.task3_backward', __package__)\n"
      "def add(x): return t.sum_to(x, ())", ALL_3),
     ("from . import task3_backward as t\ndef add(x): return getattr(t, 'sum' + '_to')", ALL_3),
     # Not used:
     ("def sum_to(g, s): return g\ndef add(x): return sum_to(x, ())", []),
     ("from .task3_backward import sum_to\ndef add(x): return x", []),
     ("from .task3_backward import sum_to\ndef sum_to(g, s): return g\n"
      "def add(x): return sum_to(x, ())", []),
     ("from . import task3_backward as t\ndef add(x): return t.u(x)", []),
     ('"""As in task3_backward, but other."""\ndef add(x): return x', []),
     ("from .task3_backward import sum_to\ndef add(x): return x\n"
      "if __name__ == '__main__':\n    print(sum_to(1, ()))", []),
     ("def add(x:", [])],
)  # fmt: skip
def test_what_is_used_is_seen(text, used, of_text):
    assert of_text(text) == used


def test_it_is_followed_through_other_files(of_text):
    text = "from .helper import undo\ndef add(x): return undo(x)"
    helper = "from .task3_backward import sum_to\ndef undo(g): return sum_to(g, ())\ndef more(): 0"
    assert of_text(text, helper=helper) == SUM
    assert of_text("from .helper import more\ndef add(x): return more()", helper=helper) == []
    assert of_text("from . import helper\ndef add(x): return helper", helper=helper) == SUM
    gone = "from .task2_sigmoid import u\ndef undo(g): return u(g)"
    assert of_text(text, helper=gone) == [(2, "sigmoid"), (2, "sigmoid_slope")]
    three = "from .task2_sigmoid import u\ndef sum_to(g, s): return u(g)"
    two = "def sigmoid(z): return z\ndef sigmoid_slope(z): return z\ndef u(x): return sigmoid(x)"
    text = "from .task3_backward import sum_to\ndef add(x): return sum_to(x, ())"
    assert of_text(text, task3_backward=three, task2_sigmoid=two) == [(2, "sigmoid"), *SUM]


def test_what_is_imported_counts_where_it_is_not_used(of_text, tmp_path):
    assert of_text("from .task3_backward import sum_to\ndef add(x): return x") == []
    assert numbered(imports(Submission(tmp_path), find("tape"))) == SUM


@pytest.mark.parametrize(
    "way",
    [
        "R['add'] = sum_to", "R.update(add=sum_to)", "R |= {'add': sum_to}",
        "Var.up = lambda g: sum_to(g, ())", "for back in (sum_to,): pass", "if (s := sum_to): pass",
        "with sum_to as s: pass", "match 1:\n    case 1:\n        R['add'] = sum_to",
        "try: R['add'] = sum_to\nfinally: pass", "if True: pass\nelse: R['add'] = sum_to",
        "try: pass\nexcept ValueError: R['add'] = sum_to",
    ],
)  # fmt: skip
def test_what_runs_when_the_file_is_imported_counts(of_text, way):
    start = (
        "from .task3_backward import sum_to\nR = {}\nclass Var: pass\ndef add(x): return R[0](x)\n"
    )
    assert of_text(start) == []
    assert of_text(start + way) == SUM


def test_a_file_that_is_nested_too_deeply_is_left_out(of_text):
    deep = "if x:\n    pass\n" + "elif x:\n    pass\n" * 2500
    text = "from .task3_backward import sum_to\ndef add(x): return sum_to(x, ())"
    assert of_text(text, helper=deep) == SUM
