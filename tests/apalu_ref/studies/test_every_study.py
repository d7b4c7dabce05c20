"""Every study, whole: at smoke scale on bundled data, and the results that are kept."""

import json

import pytest

from apalu_ref import studies
from apalu_ref.claims.evidence import STUDIES
from apalu_ref.studies import tables
from apalu_ref.studies.arms import ARMS
from apalu_ref.studies.catalogue import KEPT

NAMES = pytest.mark.parametrize("name", studies.NAMES)
FAIR = {"relu", "apalu", "apalu-vp"}


@pytest.mark.slow
@NAMES
def test_it_runs_at_smoke_scale(name, tmp_path, monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)
    results = studies.run(name, "smoke", out=tmp_path)
    folder = tmp_path / name
    record = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    plan = results.plan
    assert len(record["runs"]) == len(plan.cases) * len(plan.arms) * plan.seeds
    assert all(d["source"] == "bundled" for d in record["data"])
    assert (folder / "figure.png").stat().st_size > 5_000
    assert len(tables.rows(results)) == len(plan.cases) * len(plan.arms)
    # It goes on from what is there: nothing is left to do, and the results are the same.
    again = studies.run(name, "smoke", out=tmp_path)
    assert again.as_json() == results.as_json()


@NAMES
def test_it_says_what_it_asks_and_what_would_answer(name):
    study = studies.find(name)
    assert study.name == name
    assert study.question.endswith("?")
    assert study.protocol
    assert study.answer
    assert study.measures[0].name == "score"
    assert set(study.scales) == {"smoke", "quick", "full"}
    for scale in study.scales.values():
        assert set(scale.arms) <= set(ARMS)
        assert study.baseline in scale.arms
        assert len(scale.rates) in (0, 1) or list(scale.rates) == sorted(scale.rates)
    assert study.scales["smoke"].note
    assert study.scales["quick"].seeds >= 3
    assert set(study.scales["full"].arms) >= FAIR


@NAMES
def test_quick_results_are_kept_and_say_what_the_study_says_of_them(name):
    results = studies.read(KEPT / name / "results.json")
    assert results.scale == "quick"
    plan, scale = results.plan, studies.find(name).scales["quick"]
    assert (plan.arms, plan.seeds, plan.rates) == (scale.arms, scale.seeds, scale.rates)
    assert json.loads(json.dumps([plan.settings, list(plan.cases)])) == json.loads(
        json.dumps([dict(scale.settings), [dict(c) for c in scale.cases]])
    )
    assert all(d["source"] in ("full", "subset") and d["verified"] for d in results.data)
    claim = json.loads((KEPT / name / "claim.json").read_text(encoding="utf-8"))
    conclusion = results.conclusion()
    assert (claim["verdict"], claim["evidence"]) == (conclusion.verdict, conclusion.evidence)
    record = json.loads((KEPT / name / "results.json").read_text(encoding="utf-8"))
    assert record["summary"] == json.loads(json.dumps(list(results.rows())))
    results.study.draw(results).draw_without_rendering()  # laid out, and no pixels made


def test_every_study_is_behind_a_claim_or_an_open_question():
    behind = {name for _, names in STUDIES for name in names}
    assert behind | {"approximation"} == set(studies.NAMES)
