"""Tables and figures of results."""

import dataclasses

import pytest

from apalu_ref.studies import figures, report, tables
from apalu_ref.studies.plan import StudyError
from apalu_ref.studies.results import read

from .toy import results, study

SCORES = {"relu": [0.5, 0.6], "apalu": [0.7, None], "tanh": [None, None]}


def test_every_row_has_every_column():
    for cases in (({},), ({"depth": 5}, {"depth": 50, "net": "plain"})):
        scores = {arm: [v] * 2 if len(cases) > 1 else v for arm, v in SCORES.items()}
        found = results(scores, cases=cases, rates=())
        head = tables.header(found)
        assert all(len(row) == len(head) for row in tables.rows(found))
        assert len(tables.rows(found)) == 3 * len(cases)


def test_the_cells():
    head = tables.header(results(SCORES))
    rows = {row[0]: dict(zip(head, row, strict=True)) for row in tables.rows(results(SCORES))}
    assert rows["relu"]["accuracy, %"] == "55.0 ± 7.1"
    assert rows["relu"]["minus relu, 95 % interval"] == ""
    assert rows["apalu"]["minus relu, 95 % interval"] == "+20.0 (one pair)"
    assert rows["apalu"]["diverged"] == "1 of 2"
    assert rows["tanh"]["accuracy, %"] == "none"


def test_the_report_reads_well():
    text = tables.text(results(SCORES))
    assert text.startswith("A toy\n=====\n\nDoes it work?\n")
    assert "The claim: open." in text
    assert max(map(len, text.splitlines())) < 110


def test_without_the_baseline_there_are_no_differences():
    found = results({"apalu": [0.7, 0.8]})
    assert not any("minus" in h for h in tables.header(found))
    assert "0.7" not in tables.text(found) or "75.0" in tables.text(found)


def test_columns_stand_below_one_another():
    lines = tables.aligned(["name", "a long head indeed"], [["x", "1.5"], ["longer", "10.25"]])
    assert lines[-2].index("1.5") + 3 == lines[-1].index("10.25") + 5
    assert lines[-1].startswith("longer")


def test_the_notes_tell_of_edges_and_of_intervals():
    found = results(SCORES, rates=(0.1, 0.2))
    found.rates.append({"arm": "relu", "case": {}, "rate": 0.2, "edge": True})
    notes = " ".join(tables.notes(found))
    assert "end of the grid 0.1, 0.2" in notes
    assert "not widened" in notes


def test_an_own_activation_that_diverged_is_told_where_to_look():
    found = tables.text(results({"relu": [0.5, 0.6], "own.py:f": [0.7, None]}))
    assert "`apalu-ref report own.py:f` says where" in found
    two = results(
        {"relu": [[0.5, 0.6]] * 2, "own.py:f": [[0.7, 0.8], [0.7, None]]},
        cases=({"depth": 5}, {"depth": 50}),
    )
    assert tables.text(two).count("`apalu-ref report own.py:f`") == 1
    for scores in (SCORES, {"relu": [0.5, None], "own.py:f": [0.7, 0.8]}):
        assert "apalu-ref report" not in tables.text(results(scores))


def test_a_long_title_stays_within_the_picture(monkeypatch):
    own = dataclasses.replace(
        study(), title="Numbers from tables with a multilayer-perceptron, " * 2 + "and so on"
    )
    seen = []
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda figure, *_, **__: seen.append(figure)
    )
    report.picture(results(SCORES, own=own))
    (figure,) = seen
    figure.canvas.draw()
    box = figure._suptitle.get_window_extent()
    assert 0 < box.x0 < box.x1 < figure.bbox.x1
    assert figure.get_suptitle().replace("\n", " ") == f"{own.title} (quick scale)"
    above = max(panel.title.get_window_extent().y1 for panel in figure.axes)
    assert above < box.y0


def test_figures_draw_what_there_is():
    figure, panels = figures.panels(2)
    found = results(SCORES)
    figures.by_arm(panels[0], found)
    assert [t.get_text() for t in panels[0].get_yticklabels()] == list(SCORES)
    texts = [t.get_text() for t in panels[0].texts]
    assert texts == ["1 without", "2 without"]
    figures.curves(panels[1], found, "loss", "loss")
    assert not panels[1].lines
    figure.canvas.draw()


def test_lines_over_a_condition():
    cases = ({"depth": 5}, {"depth": 50}, {"depth": 500})
    found = results({"relu": [[0.1, 0.2], [0.2, 0.4], [None, None]]}, cases=cases)
    _, panels = figures.panels(1)
    figures.over(panels[0], found, "depth")
    line = panels[0].lines[0]
    assert line.get_xdata().tolist() == [5, 50]
    assert line.get_ydata() == pytest.approx([15, 30])


def test_an_arm_has_one_style_in_all_figures():
    a, b = results(SCORES), results({"tanh": [1, 2], "apalu": [1, 2], "relu": [2, 3]})
    assert all(figures.style(arm, a) == figures.style(arm, b) for arm in SCORES)


def test_json_has_a_line_a_run_and_is_read_back(tmp_path):
    found = results(SCORES)
    text = report.dumps(found.as_json())
    assert sum('"seed":' in line for line in text.splitlines()) == 6
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    assert read(path).runs == found.runs


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "other"}', "[1]"])
def test_a_damaged_file_is_named(tmp_path, text):
    path = tmp_path / "results.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=r"results\.json is damaged or no result of a study"):
        read(path)
    with pytest.raises(StudyError, match=r"gone\.json cannot be read"):
        read(tmp_path / "gone.json")
