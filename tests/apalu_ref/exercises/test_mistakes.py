"""Tasks 1, 2, 5 and 7: what people hand in is told apart, and what is right passes."""

import pytest

from apalu_ref.exercises.tasks import TASKS, find

from .mistakes.trial import STUBS, Case, cases, judge, require_told

ALL = [
    *cases("derivatives"), *cases("sigmoid"), *cases("tape", "tape", "tape_walk"),
    *cases("activation"),
]  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("case", ALL, ids=lambda c: f"{c.task} {c}")
def test_mistakes_and_other_ways(case, folder):
    require_told(folder, case)


@pytest.mark.parametrize("case", cases("", "odd"), ids=lambda c: c.name)
def test_odd_things(case, folder):
    task, _, name = case.name.partition(": ")
    require_told(folder, case._replace(task=task, name=name))


@pytest.mark.parametrize("task", ["derivatives", "sigmoid", "tape", "activation"])
def test_the_model_solution_is_right(task, folder):
    require_told(folder, Case(task, "the model solution", ""))


def test_of_what_writes_to_an_input_the_hint_names_every_way(folder):
    code = """
def exp(x):
    value = np.exp(x.value, out=x.value)
    return Var(value, (x,), lambda g: (g * value,))
"""
    (finding,) = judge(folder, Case("tape", "", code, "exp"))["exp"].findings
    assert finding.what == "exp changes the value of x"
    assert "out=" in finding.hint


@pytest.mark.parametrize("task", [task.name for task in TASKS])
def test_a_stub_is_to_do(task, folder):
    parts = judge(folder, Case(task, "the stub", ""), STUBS)
    assert {part.status for part in parts.values()} == {"to do"}


@pytest.mark.parametrize("task", [task.name for task in TASKS])
def test_every_task_has_mistakes_of_many_kinds(task):
    texts = {"backward": ("sum_to", "backward"), "tape": ("tape", "tape_walk")}.get(task, (task,))
    wrong = [case for case in cases(task, *texts) if case.part]
    assert len({case.says for case in wrong}) >= 10
    # apalu is made of the other parts, and fails with them.
    assert {case.part for case in wrong} == set(find(task).parts) - {"apalu"}


@pytest.mark.parametrize(
    "code",
    [
        "def v(x):\n    y = np.exp(x)\n    raise NotImplementedError",
        "def v(x): return helper(x)\ndef helper(x): raise NotImplementedError",
    ],
)
def test_what_is_not_finished_is_to_do(code, folder):
    part = judge(folder, Case("derivatives", "", code, "v"))["v"]
    assert part.status == "to do"
    assert "still to do" in part.findings[0].what
    assert "take away the line" in part.findings[0].hint
