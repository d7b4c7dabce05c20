"""What is proved agrees with what is computed, whatever the parameters."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from apalu_ref.properties import Activation, proved, report
from apalu_ref.properties.card import _prove
from apalu_ref.properties.facts import Fact
from apalu_ref.properties.proved import STEEPEST, agrees, proofs
from apalu_ref.properties.shape import Shape

inf = math.inf
numbers = st.one_of(
    st.just(0.0), st.floats(-3, -0.01), st.floats(0.01, 3), st.sampled_from([1.0, -1.0, 100.0])
)


def shape_of(name, **given):
    activation = Activation(name, **given)
    sections = {"shape": Shape(activation).section()}
    _prove(activation, sections)
    return sections["shape"].facts


def test_the_steepest_slope_of_u():
    """u′ = 1 + s + κx s(1 - s) with s = σ(κx), where u″ is 0, in 50 digits."""
    with localcontext() as context:
        context.prec = 50
        kappa, low, high = Decimal("1.702"), Decimal(1), Decimal(2)
        for _ in range(120):
            x = (low + high) / 2
            s = 1 / (1 + (-kappa * x).exp())
            rises = 2 + kappa * x * (1 - 2 * s) > 0
            low, high = (x, high) if rises else (low, x)
        steepest = 1 + s + kappa * x * s * (1 - s)
    assert float(x) == pytest.approx(1.40972813191273070965495869406, rel=1e-15)
    assert float(steepest) == pytest.approx(2.09983932012886691695818492432, rel=1e-15)
    assert pytest.approx(float(steepest), rel=1e-15) == STEEPEST


@settings(max_examples=8, deadline=None, derandomize=True)
@given(a=numbers, b=numbers)
@example(a=1.0, b=1.5)
@example(a=-1.0, b=-1.5)
@example(a=0.1, b=0.15)
@example(a=0.0, b=0.0)
@example(a=0.0, b=-1.0)
@example(a=0.5, b=0.0)
@example(a=0.5, b=3.0)
@example(a=-0.5, b=1.0)
def test_proofs_for_apalu_agree_with_what_is_computed(a, b):
    facts = shape_of("apalu", a=a, b=b)
    for name in {key for section, key in proofs("apalu", {"a": a, "b": b}) if section == "shape"}:
        assert name in facts
        assert facts[name].how == "proved", (name, facts[name])
        assert "please report" not in facts[name].text
    assert facts["Lipschitz constant"].value == pytest.approx(
        max(2.09983932012886691695818492432 * abs(a), abs(b)), rel=1e-14
    )
    smooth = facts["smoothness"].value
    if a == b == 0:
        assert smooth == "C² at least"
    elif abs(b - 1.5 * a) < 1e-13:
        assert smooth == "C¹, not C²"
    else:
        assert smooth == "continuous, not C¹"
    if a > 0 and b > 0:
        assert facts["infimum of f′"].value == 0
        assert facts["monotone"].value == "increasing"


@settings(max_examples=25, deadline=None, derandomize=True)
@given(a=numbers, b=numbers)
def test_proofs_for_apalu_agree_with_a_brute_grid(a, b):
    found = proofs("apalu", {"a": a, "b": b})
    low, high = np.linspace(-40, 0, 4001), np.linspace(0, 40, 40_001)
    s = 1 / (1 + np.exp(-1.702 * high))
    slopes = np.concatenate([b * np.exp(low), a * (1 + s * (1 + 1.702 * high * (1 - s)))])
    size = max(abs(a), abs(b), 1e-9)
    assert found["shape", "infimum of f′"][0] == pytest.approx(slopes.min(), abs=1e-6 * size)
    assert found["shape", "supremum of f′"][0] == pytest.approx(slopes.max(), abs=1e-6 * size)
    steepest = np.abs(slopes).max()
    assert found["shape", "Lipschitz constant"][0] == pytest.approx(steepest, abs=1e-6 * size)
    if ("shape", "range") in found:
        values = np.concatenate([b * np.expm1(low), a * high * (1 + s)])
        ends = found["shape", "range"][0]
        assert ends[0] == -inf or ends[0] == pytest.approx(values.min(), abs=1e-6 * size)
        assert ends[1] == inf or ends[1] == pytest.approx(values.max(), abs=1e-6 * size)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(slope=st.one_of(st.sampled_from([0.0, 1.0, -1.0, 2.0]), st.floats(-4, 4)))
def test_proofs_for_two_lines_agree_with_what_is_computed(slope):
    if 0 < min(abs(slope), abs(slope - 1)) < 1e-3:
        return
    for name, parameter in (("leaky_relu", "negative_slope"), ("prelu", "weight")):
        card = report(name, **{parameter: slope})
        for section, fact in proofs(name, {parameter: slope}):
            assert card.sections[section].facts[fact].how == "proved", (name, fact)
        assert card["E f²"] == pytest.approx((1 + slope**2) / 2, rel=1e-14)
        assert card["E f"] == pytest.approx((1 - slope) / math.sqrt(2 * math.pi), abs=1e-14)
        assert card["E f′²"] == pytest.approx((1 + slope**2) / 2, rel=1e-14)
        assert card["gain"] == pytest.approx(math.sqrt(2 / (1 + slope**2)), rel=1e-14)
        assert (card["χ₁"], card["Q′(1)"]) == (1, 1)
        assert card["Lipschitz constant"] == max(1, abs(slope))
        assert card["infimum of f′"] == min(1, slope)
        assert card["supremum of f′"] == max(1, slope)


@pytest.mark.parametrize("name", ["apalu", "relu"])
def test_functions_of_ones_own_have_no_proofs_whatever_their_name(name):
    def mine(x, a=1.0, b=1.0):
        return a * np.tanh(b * x)

    mine.__name__ = name
    for card in (report(mine), report(mine, name=name)):
        assert card.activation.name == name
        how = {f.how for s in card.sections.values() for f in s.facts.values()}
        assert how == {"computed", "sampled"}
        assert "please report" not in card.text()


def test_a_proof_that_is_wrong_is_told_on_the_card(monkeypatch):
    monkeypatch.setitem(
        proved._KNOWN,
        "relu",
        lambda: {
            ("shape", "Lipschitz constant"): (1.001, "a slip of the pen"),
            ("under N(0, 1)", "E f²"): (0.5 + 1e-8, "another"),
            ("shape", "smoothness"): ("C¹, not C²", "a third"),
            ("shape", "supremum of f′"): (1.0, "right"),
            ("nowhere", "E f²"): (3.0, "of no section"),
            ("shape", "no such fact"): (3.0, "of no fact"),
        },
    )
    card = report("relu")
    for section, name, wrong in (
        ("shape", "Lipschitz constant", "1.001"),
        ("under N(0, 1)", "E f²", "0.50000001"),
        ("shape", "smoothness", "C¹, not C²"),
    ):
        fact = card.sections[section].facts[name]
        assert fact.how == "computed"
        assert f"but {wrong} is proved" in fact.text
        assert "please report this fault" in fact.text
    assert card["Lipschitz constant"] == 1
    assert card.sections["shape"].facts["supremum of f′"] == Fact(1.0, "proved", "right")
    assert "no such fact" not in card.sections["shape"].facts


@pytest.mark.parametrize(
    ("computed", "expected", "same"),
    [
        (1.0, 1.0 + 1e-12, True),
        (1.0, 1.0 + 1e-8, False),
        (1e6, 1e6 + 1e-4, True),
        (inf, inf, True),
        (math.nan, 1.0, False),
        ("increasing", "increasing", True),
        ("increasing", "decreasing", False),
        ([1.0, inf], [1.0, inf], True),
        ([1.0, 2.0], [1.0, 3.0], False),
        ([1.0], [1.0, 1.0], False),
        (1.0, [1.0], False),
        (None, 1.0, False),
    ],
)
def test_what_agrees(computed, expected, same):
    assert agrees(computed, expected) is same


def test_where_slopes_are_steepest_is_told():
    facts = shape_of("apalu")
    assert facts["supremum of f′"].text == "2.0998·a, at x = 1.40973"
    assert facts["infimum of f′"].text == "b·eˣ → 0 as x → -∞, not reached"
    assert shape_of("apalu", a=-1.0)["supremum of f′"].text == "b, at x = 0 from the left"
    assert shape_of("apalu", b=5.0)["supremum of f′"].text == "b, at x = 0 from the left"
    assert facts["asymptote left"].value == "y = -1"
    assert facts["asymptote right"].value == "y = 2·x"
    assert shape_of("apalu", a=0.5)["asymptote right"].value == "y = x"
    assert shape_of("apalu", a=-0.5)["asymptote right"].value == "y = -x"


def test_other_names_have_no_proofs():
    assert proofs("gelu", {}) == {}
    assert proofs("", {"a": 1.0, "b": 1.0}) == {}


@pytest.mark.parametrize(("computed", "expected"), [(inf, -inf), (1.0, inf), (-inf, inf)])
def test_what_is_infinite_agrees_with_itself_alone(computed, expected):
    assert not agrees(computed, expected)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("apalu", {"a": float(np.float32(0.7)), "b": float(np.float32(1.5) * np.float32(0.7))}),
        ("apalu", {"a": 1.0, "b": 1.500000001}),
        ("apalu", {"a": 1e-9, "b": 1e-9}),
        ("apalu", {"a": 10.0, "b": 1e-12}),
        ("leaky_relu", {"negative_slope": 1.0000001}),
        ("prelu", {"weight": 0.99999999}),
    ],
)
def test_kinks_too_fine_to_be_seen_are_proved_all_the_same(name, parameters):
    card = report(name, **parameters)
    assert "fault" not in card.text()
    assert card["smoothness"] == "continuous, not C¹"
