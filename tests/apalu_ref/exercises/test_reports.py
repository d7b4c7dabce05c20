"""What graders and learners get to read."""

import json

from apalu_ref.exercises.reports import gradescope, text
from apalu_ref.exercises.result import FAILED, TO_DO, Finding, Part, Result, from_json
from apalu_ref.exercises.tasks import find

WRONG = Finding("du: a term is missing", "the product rule", "1 + s + …", "at x = 1")


def results():
    first = [
        Part("u"),
        Part("du", FAILED, [WRONG]),
        Part("v", TO_DO, [Finding("still to do")]),
        Part("dv", notes=["e^x is fine"]),
    ]
    second = [Part("sigmoid", FAILED, [WRONG]), Part("sigmoid_slope", FAILED, [WRONG])]
    return [
        Result(find("derivatives"), first, seconds=1.25, printed="debugging\n"),
        Result(find("sigmoid"), second, ["do task 1 first"], ["v (task 1)"], seconds=0.5),
    ]


def test_text_gives_the_hint_and_keeps_the_answer_back():
    said = text(results())
    assert "1 derivatives: the derivatives of u and v  [failed]" in said
    assert "du: a term is missing (at x = 1)" in said
    assert "hint: the product rule" in said
    assert "1 + s" not in said
    assert "--answer tells the answers" in said
    assert "note: e^x is fine" in said
    assert "| debugging" in said
    assert "with the reference for v (task 1)" in said
    assert "0 of 2 tasks passed, 2 of 6 parts" in said
    assert all(len(line) <= 100 for line in said.splitlines())


def test_the_answer_is_told_on_request():
    assert "answer: 1 + s + …" in text(results(), answer=True)


def test_the_same_finding_is_told_once_a_task():
    assert "as for sigmoid" in text(results())


def test_text_without_anything_wrong_offers_no_answers():
    fine = [Result(find("sigmoid"), [Part("sigmoid"), Part("sigmoid_slope")])]
    said = text(fine)
    assert "--answer" not in said
    assert "1 of 1 tasks passed, 2 of 2 parts" in said


def test_json_comes_back_as_it_was():
    for result in results():
        result.parts[0].after = [1, 2]
        again = from_json(json.loads(json.dumps(result.as_json())))
        assert again.as_json() == result.as_json()
        assert again.parts == result.parts


def test_gradescope_has_a_test_for_each_part_and_ten_points_a_task():
    whole = json.loads(json.dumps(gradescope(results())))
    tests = whole["tests"]
    assert [t["name"] for t in tests] == [
        "1 derivatives: u", "1 derivatives: du", "1 derivatives: v", "1 derivatives: dv",
        "2 sigmoid: sigmoid", "2 sigmoid: sigmoid_slope",
    ]  # fmt: skip
    assert [t["status"] for t in tests] == ["passed", "failed", "failed", "passed"] + ["failed"] * 2
    assert [t["score"] for t in tests] == [2.5, 0, 0, 2.5, 0, 0]
    assert tests[3]["output"].endswith("note: e^x is fine")
    assert whole["output"] == "task 2: do task 1 first"
    assert whole["stdout_visibility"] == "hidden"
    assert sum(t["max_score"] for t in tests) == 20
    assert len({t["number"] for t in tests}) == 6
    assert tests[1]["output"] == "du: a term is missing (at x = 1)\nhint: the product rule"
    assert "1 + s" not in json.dumps(tests)
    # The fields of the format, and no others.
    known = {
        "score",
        "max_score",
        "status",
        "name",
        "number",
        "output",
        "output_format",
        "visibility",
    }
    assert {key for t in tests for key in t} == known
    assert set(whole) == {"tests", "output", "execution_time", "stdout_visibility"}
    assert whole["execution_time"] == 1.8


def test_thirds_of_ten_points_add_up():
    parts = [Part(name) for name in find("activation").parts]
    tests = gradescope([Result(find("activation"), parts)])["tests"]
    assert abs(sum(t["score"] for t in tests) - 10) < 1e-12


def test_why_there_is_nothing_is_told_there_too():
    whole = gradescope([], "there is no file")
    assert whole["score"] == 0
    assert whole["tests"] == []
    assert whole["output"] == "there is no file"


def test_what_was_printed_is_shown_and_in_short_where_all_is_right():
    printed = "".join(f"line {i}\n" for i in range(9))
    wrong = Result(find("sigmoid"), [Part("sigmoid"), Part("sigmoid_slope", FAILED, [WRONG])])
    right = Result(find("sigmoid"), [Part("sigmoid"), Part("sigmoid_slope")])
    wrong.printed = right.printed = printed
    said = "".join(f"    | {line}\n" for line in printed.splitlines())
    assert f"  it printed:\n{said}" in text([wrong])
    short = "    | [… lines are left out]\n    | line 6\n    | line 7\n    | line 8\n"
    assert f"  it printed:\n{short}" in text([right])
    right.printed = "    one\n"
    assert "  it printed:\n    |     one\n" in text([right])
    right.printed = "\n"
    assert "it printed" not in text([right])


def test_what_is_printed_in_the_kits_process_is_said_not_to_be_shown():
    result = Result(find("backward"), [Part(name) for name in find("backward").parts])
    result.printed = "one\n"
    assert "it printed, the check kit's calls apart:" in text([result])


def test_remarks_are_told():
    assert "do task 1 first" in text(results())


def test_no_answers_are_offered_where_there_are_none():
    part = Part("sigmoid", FAILED, [Finding("it asks for input", "nobody answers")])
    assert "--answer" not in text([Result(find("sigmoid"), [part, Part("sigmoid_slope")])])
