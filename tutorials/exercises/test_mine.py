"""The grader as tests: ``python -m pytest tutorials/exercises``, ``-m tape`` for one task."""

from pathlib import Path

import pytest

from apalu_ref.exercises import TASKS, check

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def graded():
    results = {}

    def grade(task):
        if task not in results:
            (results[task],) = check(HERE / "mine", [task])
        return results[task]

    return grade


@pytest.mark.parametrize(
    ("task", "part"),
    [
        pytest.param(
            task.name, part, marks=getattr(pytest.mark, task.name), id=f"{task.name}-{part}"
        )
        for task in TASKS
        for part in task.parts
    ],
)
def test_part(graded, task, part):
    found = graded(task).part(part)
    if not found.passed:
        pytest.fail(found.text(), pytrace=False)
