"""Tasks 3, 4 and 6, which the check kit judges: a process for each submission that gets so far."""

from types import SimpleNamespace

import pytest

from apalu_ref.check import Finding as KitFinding
from apalu_ref.exercises.checks import kernel

from .mistakes.trial import STUBS, Case, cases, judge, require_told

# What fails before the kit has its turn, and little else; the others with -m slow.
_QUICK = {
    ("backward", "not summed"), ("backward", "dx, the mean"), ("op", "gy forgotten"),
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


@pytest.mark.parametrize(
    ("task", "name", "part"),
    [("backward", "zero on the left", "dx"), ("op", "formula, x = 0 on the left", "second order")],
)
def test_at_the_kink_the_other_slope_is_noted_and_costs_nothing(task, name, part, folder):
    (case,) = [c for c in cases(task) if c.name == name]
    found = judge(folder, case)
    assert all(p.passed for p in found.values())
    (note,) = found[part].notes
    assert note.startswith("at x = 0 the slope")
    assert "is not that of x >= 0, 3a/2, which is the convention" in note


@pytest.mark.parametrize("task", ["task3_backward", "task4_op"])
def test_the_stub_says_what_counts_at_the_kink(task):
    said = " ".join((STUBS / f"{task}.py").read_text(encoding="utf-8").split())
    assert "x = 0" in said
    assert "noted" in said


def test_at_the_kink_the_hint_is_about_the_kink(folder):
    (case,) = [c for c in cases("backward") if c.name == "both branches at 0"]
    (finding,) = judge(folder, case)["dx"].findings
    assert "x >= 0, and its opposite, x < 0" in finding.hint


@pytest.mark.parametrize("said", ["did not return within 5 s", "ended its process: it exited"])
def test_what_does_not_come_to_an_end_is_not_called_again(said, monkeypatch):
    def gradients(*inputs):
        called.append(inputs)

    called = []
    one = KitFinding("core", "y", "plain/a", "", [], "", "", None, "", said, "", "")
    monkeypatch.setattr(kernel, "run_kit", lambda *given, **more: SimpleNamespace(findings=[one]))
    parts = {part.name: part for part in kernel.by_kit("any", gradients, kernel)}
    assert not called
    assert said in parts["y"].findings[0].what
    one.cause = "reduced over the wrong axis"
    list(kernel.by_kit("any", gradients, kernel))
    assert called


def mistake(folder, old, new, code=""):
    text = f"-{old}\n+{new}\n{code}"
    return judge(folder, Case("backward", "", text))


def test_an_exception_of_backward_is_told_where_it_comes_from(folder):
    # Without gy the terms of da have the shape of x, which may be a shorter one than that of a.
    old = "    da = np.where(x < 0, 0, gy * u(above))"
    parts = mistake(folder, old, old.replace("gy * ", ""), NEWCOMERS_SUM)
    assert [name for name, part in parts.items() if not part.passed] == ["da"]
    first, second = parts["da"].findings
    assert "gy is not multiplied in" in first.what
    assert "da: sum_to raises an exception: what it is given has shape" in second.what
    assert "task3_backward.py, line " in second.where
    assert "is a factor missing, as gy?" in second.hint


NEWCOMERS_SUM = """
def sum_to(g, shape):
    extra = g.ndim - len(shape)
    axes = tuple(i for i in range(g.ndim) if i < extra or shape[i - extra] == 1)
    return g.sum(axis=axes).reshape(shape)
"""


def test_an_exception_of_backward_that_belongs_to_no_gradient_is_of_all(folder):
    old = "    x, a, b = ctx"
    parts = mistake(folder, old, f"{old}\n+    if a.ndim > x.ndim: raise KeyError(a.shape)")
    assert [name for name, part in parts.items() if not part.passed] == ["dx", "da", "db"]
    findings = [parts[name].findings for name in ("dx", "da", "db")]
    assert findings[0] == findings[1] == findings[2]
    (finding,) = findings[0]
    assert finding.what.startswith("backward raises KeyError")
    assert "with the shapes x (" in finding.where
    assert "x may have no axis" not in finding.hint


def test_an_exception_of_another_kind_is_not_lost(folder):
    # The empty array is the kit's; that of many shapes is told with its line.
    old = "    x, a, b = ctx"
    new = f"{old}\n+    if not x.size: raise IndexError\n+    if a.ndim > x.ndim: raise KeyError"
    parts = mistake(folder, old, new)
    for name in ("dx", "da", "db"):
        said = sorted(finding.what for finding in parts[name].findings)
        assert [text.partition(":")[0] for text in said] == [
            "backward raises IndexError", "backward raises KeyError"
        ]  # fmt: skip


@pytest.mark.parametrize(("by", "whose"), [("x.size", "x"), ("gy.size", "y"), ("a.size", "a")])
def test_a_sum_divided_by_a_number_of_elements_is_one_mistake(by, whose, folder):
    old = "sum_to(da, a.shape)"
    (finding,) = mistake(folder, old, f"{old} / max(1, {by})")["da"].findings
    assert finding.what == f"da: the sum is divided by the number of elements of {whose}"


def test_a_note_says_what_to_do(folder):
    notes = judge(folder, Case("backward", "the model solution", ""))["db"].notes
    (note,) = [n for n in notes if "too narrow a type" in n]
    said = (
        "too narrow a type: float32; sum in float64 and convert once: db.sum(..., dtype=np.float64)"
    )
    assert note == f"sums are accumulated in {said}"


@pytest.mark.parametrize(
    ("fix", "note"),
    [("sum in float64", "the cause; sum in float64"), ("", "the cause"),
     ("none is needed", "the cause"), ("or declare them away", "the cause")],
)  # fmt: skip
def test_a_note_has_its_fix_where_there_is_one(fix, note):
    one = KitFinding("precision", "y", "plain/a", "", [], "", "", None, "", "the cause", fix, "")
    assert kernel._noted(one) == note


def test_a_list_of_gradients_is_told_to_be_a_tuple(folder):
    code = """
-        return task3.backward(ctx.saved_tensors, gy)
+        return list(task3.backward(ctx.saved_tensors, gy))
"""
    (finding,) = judge(folder, Case("op", "a list", code.strip("\n"), "dx"))["dx"].findings
    assert "returned 1 gradients for 3 inputs" in finding.what
    assert "as a tuple (a list counts as one)" in finding.hint
