"""The table of claims: verdicts by known facts, and tests that can come out otherwise."""

import json

import numpy as np
import pytest

import apalu_ref
from apalu_ref import claims
from apalu_ref.claims import evidence, figure
from apalu_ref.properties import card


@pytest.fixture(autouse=True)
def _no_cards_kept():
    evidence._card.cache_clear()
    yield
    evidence._card.cache_clear()


@pytest.fixture(scope="module")
def rows():
    evidence._card.cache_clear()
    return {row.claim: row for row in claims.table()}


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("f is continuous", "holds"),
        ("f is monotonic", "holds under a condition"),
        ("f is differentiable", "holds under a condition"),
        ("f′ is bounded below", "does not hold"),
        ("gradients are bounded and smaller", "does not hold"),
        ("signals neither vanish nor explode", "does not hold"),
        ("the same, with the init that preserves", "holds under a condition"),
        ("one hidden layer approximates", "holds"),
        ("better accuracy on CIFAR-10", "open"),
    ],
)
def test_verdicts(rows, claim, verdict):
    (row,) = (r for c, r in rows.items() if c.startswith(claim))
    assert row.verdict == verdict
    assert row.tested
    assert row.evidence


def test_conditions_and_numbers(rows):
    def of(start):
        return next(r for c, r in rows.items() if c.startswith(start))

    assert of("f is monotonic").condition == "a and b of one sign"
    assert of("f is differentiable").condition.startswith("b = 3a/2")
    # P(max(2.0998 a, b) > 1) for a, b ~ U(0, 2).
    exact = 1 - (1 / 2.09983932) / 2 * 0.5
    assert f"{exact:.0%}" in of("gradients are bounded").evidence
    # 4/3 (1.82051243 + 0.14494542) and twice as much.
    assert "by 2.62 in each layer" in of("signals neither").evidence
    assert "by 5.24 under He's" in of("signals neither").evidence
    assert "E f² = 1 and" in of("the same").evidence


def line(x, a=1.0, b=1.0):
    return (a + 0 * b) * x


def test_a_line_would_be_judged_otherwise(monkeypatch):
    """Each test can come out the other way: a·x is smooth, and its slope is a."""
    monkeypatch.setattr(evidence, "apalu", line)
    monkeypatch.setattr(
        evidence, "apalu_grad", lambda x, a, b, gy: (gy * a * np.ones_like(x), None, None)
    )
    monkeypatch.setattr(evidence, "report", lambda _, **p: card.report(line, **p))
    assert evidence._monotonic().verdict == "holds"
    assert evidence._differentiable().verdict == "holds"
    assert evidence._bounded_below().verdict == "holds"
    assert evidence._deep().verdict == "does not hold"  # 4/3 a layer
    assert evidence._universal().verdict == "open"  # a line is a polynomial


def test_small_parameters_would_be_less_steep_than_relu(monkeypatch):
    monkeypatch.setattr(evidence, "drawn", lambda: np.full((2, 10), 0.3))
    assert evidence._smaller().verdict == "holds"


def test_a_jump_would_be_seen(monkeypatch):
    def broken(x, a=1.0, b=1.0):
        return np.where(x < 0, b * np.expm1(np.minimum(x, 0)) - 0.1, a * x)

    monkeypatch.setattr(evidence, "report", lambda _, **p: card.report(broken, **p))
    assert evidence._continuous().verdict == "does not hold"


def test_theory_that_a_network_contradicts_settles_nothing(monkeypatch):
    monkeypatch.setattr(evidence, "through_depth", lambda: 9.0)
    assert evidence._deep().verdict == "open"


def test_a_network_grows_as_the_moments_say():
    # The second moments of U(0, 2) are 4/3.
    expected = 4 / 3 * (1.82051243165663782 + 0.14494541749292386)
    grown = [evidence.through_depth(seed=s) for s in range(3)]
    assert abs(np.mean(grown) / expected - 1) < 0.05


def test_wider_layers_fit_better():
    errors = evidence.approximation((4, 16, 64))
    assert (np.diff(errors) < 0).all()
    assert errors[-1] < 0.02


class TestStudies:
    def write(self, folder, name, text):
        (folder / name).mkdir()
        (folder / name / "claim.json").write_text(text, encoding="utf-8")

    def row(self, folder, start):
        (study,) = (s for s in evidence.STUDIES if s[0].startswith(start))
        return claims._by_studies(*study, folder)

    def test_without_results_rows_are_open(self, tmp_path):
        row = self.row(tmp_path, "works at any depth")
        assert row.verdict == "open"
        assert row.evidence == "depth: not run"

    def test_a_result_decides(self, tmp_path):
        result = {"verdict": "does not hold", "evidence": "200 layers do not train"}
        self.write(tmp_path, "depth", json.dumps(result))
        row = self.row(tmp_path, "works at any depth")
        assert row.verdict == "does not hold"
        assert row.evidence == "depth: 200 layers do not train"

    def test_results_stand_in_for_a_claim_that_is_lost_and_what_is_not_finished_is_said(
        self, tmp_path
    ):
        (tmp_path / "depth" / "runs").mkdir(parents=True)
        row = self.row(tmp_path, "works at any depth")
        assert (row.verdict, row.evidence) == ("open", "depth: begun and not finished")
        result = {"verdict": "holds", "evidence": "200 layers"}
        (tmp_path / "depth" / "results.json").write_text(json.dumps(result), encoding="utf-8")
        assert self.row(tmp_path, "works at any depth").evidence == "depth: 200 layers"

    def test_of_several_all_must_have_been_run(self, tmp_path):
        self.write(tmp_path, "stability", '{"verdict": "holds", "evidence": "settled"}')
        row = self.row(tmp_path, "not sensitive")
        assert row.verdict == "open"
        assert row.evidence == "stability: settled; sensitivity: not run"
        self.write(tmp_path, "sensitivity", '{"verdict": "does not hold", "evidence": "NaN"}')
        row = self.row(tmp_path, "not sensitive")
        assert row.verdict == "holds under a condition"
        assert "not in all of these studies" in row.evidence

    @pytest.mark.parametrize(
        ("verdicts", "verdict"),
        [
            (("open", "does not hold"), "does not hold"),
            (("open", "holds"), "holds under a condition"),
            (("open", "open"), "open"),
            (("holds", "holds"), "holds"),
            (("holds under a condition", "does not hold"), "holds under a condition"),
        ],
    )
    def test_no_difference_in_one_study_is_no_win(self, tmp_path, verdicts, verdict):
        for name, said in zip(("stability", "sensitivity"), verdicts, strict=True):
            self.write(tmp_path, name, json.dumps({"verdict": said, "evidence": "x"}))
        assert self.row(tmp_path, "not sensitive").verdict == verdict

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"verdict": "yes", "evidence": "x"}'])
    def test_a_damaged_result_is_named(self, tmp_path, text):
        self.write(tmp_path, "depth", text)
        with pytest.raises(ValueError, match=r"depth.claim\.json is no result of a study: run"):
            self.row(tmp_path, "works at any depth")


def test_the_figure_is_drawn():
    drawn = figure.draw()
    assert [len(axes.lines) > 0 for axes in drawn.axes] == [True] * 3


def test_importing_the_package_draws_nothing_in():
    assert "claims" not in vars(apalu_ref) or apalu_ref.claims is claims


def test_an_init_that_does_not_keep_the_variance_would_be_seen(monkeypatch):
    monkeypatch.setattr("apalu_ref.layer.VARIANCE_PRESERVING", 0.9)
    assert evidence._kept().verdict == "does not hold"
