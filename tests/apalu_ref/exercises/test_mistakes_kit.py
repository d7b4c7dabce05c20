"""Tasks 3, 4 and 6, which the check kit judges: a process for each submission that gets so far."""

import pytest

from .mistakes.trial import Case, cases, require_told

# What fails before the kit has its turn, and little else; the others with -m slow.
_QUICK = {
    ("backward", "not summed"), ("op", "gy forgotten"),
    ("fused", "last block lost"), ("fused", "written to a copy"), ("fused", "a buffer kept"),
    ("fused", "x written to"), ("fused", "κ rounded"), ("fused", "no return"),
    ("fused", "scratch too long"), ("fused", "in the order of memory"),
    ("fused", "first block only"),
}  # fmt: skip
_EARLY = ("saved", "order", "return", "self", "on ctx", "gradient", "not summed", "Function")


def _quick(case):
    if case.task == "op" and case.part in ("y", "dx") and any(w in case.name for w in _EARLY):
        return True  # before the kit has its turn
    return (case.task, case.name) in _QUICK


ALL = [*cases("backward"), *cases("op"), *cases("fused")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("case", cases("backward", "sum_to"), ids=str)
def test_the_sum_and_the_first_call(case, folder):
    if case.part:
        require_told(folder, case)


@pytest.mark.parametrize("case", [c for c in ALL if _quick(c)], ids=lambda c: f"{c.task} {c}")
def test_mistakes(case, folder):
    require_told(folder, case)


@pytest.mark.slow
@pytest.mark.parametrize("case", [c for c in ALL if not _quick(c)], ids=lambda c: f"{c.task} {c}")
def test_more_mistakes_and_other_ways(case, folder):
    require_told(folder, case)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["backward", "op", "fused"])
def test_the_model_solution_is_right(task, folder):
    require_told(folder, Case(task, "the model solution", ""))
