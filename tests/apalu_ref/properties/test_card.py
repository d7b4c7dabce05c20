"""The card: its numbers, its text, its JSON, and what it says of mistakes."""

import json
import math
from functools import cache

import numpy as np
import pytest

from apalu_ref.properties import NAMED, Activation, ActivationError, report
from apalu_ref.properties.card import side_by_side
from apalu_ref.properties.facts import Fact, Section, number, shown

ROOT = math.sqrt(2 * math.pi)
A2, B2 = 1.82051243165663782050108021387, 0.144945417492923863063461440338
A1, B1 = 0.739578697008541653878841192028, 0.238421708134876628318156163154
AA, BB = 1.83431062844769845006695589978, 0.168102001223170606427149114029
STEEPEST = 2.09983932012886691695818492432

card_of = cache(report)


def ramp(x, k=1.5, shift=0.0):
    return np.maximum(k * x, 0) + shift


def wave(x, k=0.8):
    return np.sin(k * x)


def step(x):
    return np.where(x < 0, 0.0, 1.0)


def naive(x):
    return np.where(x < 0, np.exp(x) - 1, x * 1.0)


OWN = {
    "ramp": ramp,
    "wave": wave,
    "step": step,
    "naive": naive,
    "log": np.log,
    "sqrt": np.sqrt,
    "sinc": np.sinc,
    "dead": lambda x: 0 * x,
    "cube": lambda x: x**3,
    "hole": lambda x: np.where(np.abs(x - 0.5) < 0.2, np.nan, x),
}


def test_the_numbers_of_apalu():
    card = card_of("apalu")
    square = A2 + B2
    assert card["E f"] == pytest.approx(A1 - B1, rel=1e-12)
    assert card["E f²"] == pytest.approx(square, rel=1e-12)
    assert card["Var f"] == pytest.approx(square - (A1 - B1) ** 2, rel=1e-12)
    assert card["E f′²"] == pytest.approx(AA + BB, rel=1e-12)
    assert card["gain"] == pytest.approx(square**-0.5, rel=1e-12)
    assert card["χ₁"] == pytest.approx((AA + BB) / square, rel=1e-12)
    assert card["C(0)"] == pytest.approx((A1 - B1) ** 2 / square, rel=1e-12)
    assert card["Lipschitz constant"] == pytest.approx(STEEPEST, rel=1e-12)
    assert (card["infimum of f′"], card["smoothness"]) == (0, "continuous, not C¹")
    assert card["LeCun: Q(1)"] == pytest.approx(1.9655, abs=5e-5)


def test_apalu_with_parameters_that_preserve_the_second_moment():
    a = 0.682527932356013844344407694737
    card = report("apalu", a=a, b=1.5 * a)
    assert card["E f²"] == pytest.approx(1, abs=1e-12)
    assert card["gain"] == pytest.approx(1, abs=1e-12)
    assert card["smoothness"] == "C¹, not C²"
    assert card["kinks"] == []
    assert card["slope at 0"] == pytest.approx(1.5 * a, rel=1e-12)


def test_how_the_moments_of_apalu_move_with_its_parameters():
    for given in ({"a": 1.0, "b": 1.0}, {"a": 0.5, "b": -1.2}):
        a, b = given["a"], given["b"]
        card = report("apalu", **given)
        mean, square, slope = A1 * a - B1 * b, A2 * a * a + B2 * b * b, AA * a * a + BB * b * b
        for p, dm, ds, dd in (
            ("a", A1, 2 * A2 * a, 2 * AA * a),
            ("b", -B1, 2 * B2 * b, 2 * BB * b),
        ):
            expected = {
                "∂ E f": dm,
                "∂ E f²": ds,
                "∂ Var f": ds - 2 * mean * dm,
                "∂ E f′²": dd,
                "∂ gain": -0.5 * square**-1.5 * ds,
                "∂ χ₁": (dd * square - slope * ds) / square**2,
            }
            for name, value in expected.items():
                assert card[f"with {p}: {name}"] == pytest.approx(value, abs=2e-9), (p, name)
        steepest_a = STEEPEST * abs(a) > abs(b)
        assert card["with a: ∂ Lipschitz constant"] == pytest.approx(
            math.copysign(STEEPEST, a) if steepest_a else 0, abs=1e-8
        )
        assert card["with b: ∂ Lipschitz constant"] == pytest.approx(
            0 if steepest_a else math.copysign(1, b), abs=1e-8
        )


@pytest.mark.parametrize(
    ("f", "parameter", "value"),
    [
        ("elu", "alpha", 0.7),
        (wave, "k", 0.8),
        (ramp, "k", -1.5),
        (ramp, "shift", 0.3),
    ],
)
def test_how_facts_move_is_the_difference_quotient_of_cards(f, parameter, value):
    h = 1e-4
    low, high = (report(f, **{parameter: value + s * h}) for s in (-1, 1))
    card = report(f, **{parameter: value})
    names = ["E f", "E f²", "Var f", "E f′²", "gain", "χ₁", "Lipschitz constant"]
    for name in names:
        quotient = (high[name] - low[name]) / (2 * h)
        assert card[f"with {parameter}: ∂ {name}"] == pytest.approx(quotient, abs=2e-6), name


def test_with_sines_derivatives_are_those_of_the_formula():
    k = 0.8
    card = report(wave)
    assert card["with k: ∂ E f²"] == pytest.approx(2 * k * math.exp(-2 * k * k), abs=1e-8)
    slope = k + k * math.exp(-2 * k * k) - 2 * k**3 * math.exp(-2 * k * k)
    assert card["with k: ∂ E f′²"] == pytest.approx(slope, abs=1e-8)
    assert card["with k: ∂ E f"] == 0.0
    assert card["with k: ∂ Lipschitz constant"] == pytest.approx(1, abs=1e-8)


def test_facts_by_name_and_by_section():
    card = card_of("elu")
    assert card["E f²"] == card["under N(0, 1): E f²"]
    assert card["LeCun: fixed q"] is None
    with pytest.raises(KeyError, match="no fact is called 'gian'; there are range, zeros"):
        card["gian"]


def test_sections():
    assert list(card_of("apalu").sections) == [
        "shape",
        "under N(0, 1)",
        "through depth",
        "with a",
        "with b",
    ]
    assert list(report(np.log).sections) == ["shape", "under N(0, 1)"]
    assert "through depth" not in report(lambda x: 0 * x).sections


@pytest.mark.parametrize("name", [*NAMED, *OWN])
def test_lines_are_at_most_100_columns_and_json_is_strict(name):
    card = report(OWN[name], name=name) if name in OWN else card_of(name)
    text = card.text()
    assert max(map(len, text.splitlines())) <= 100
    assert text.endswith("sampled: at many places\n")
    assert not any(line != line.rstrip() for line in text.splitlines())
    record = json.loads(json.dumps(card.as_json(), allow_nan=False))
    assert record["schema"] == 1
    assert record["activation"] == name
    assert record["parameters"] == card.activation.parameters
    assert record["remarks"] == card.remarks
    assert list(record["sections"]) == list(card.sections)
    for title, section in card.sections.items():
        assert title in text
        for fact_name, fact in section.facts.items():
            assert fact_name in text
            assert record["sections"][title][fact_name]["how"] == fact.how
            assert fact.how in ("proved", "computed", "sampled")


def test_numbers_of_the_text_are_those_of_the_facts():
    lines = card_of("gelu").text().splitlines()
    (line,) = [line for line in lines if line.strip().startswith("E f²")]
    assert line.split()[2:] == ["0.425221", "computed"]
    assert lines[:2] == ["gelu", "===="]
    assert any(line.split()[:3] == ["range", "-0.169971", "to"] for line in lines)


def test_infinities_are_text_in_json():
    record = report("relu").as_json()["sections"]
    assert record["shape"]["range"]["value"] == [0.0, "inf"]
    assert record["through depth"]["depth scale of lengths"]["value"] == "inf"


REMARKS = [
    (np.log, "f is NaN or infinite from -10000 to 0"),
    (lambda x: 1 / x, "f is NaN or infinite at 0"),
    (naive, "f is finite but its derivative is NaN from 727.744 to 10000: where the branch"),
    (step, "f is not continuous: it jumps at x = 0, where it has no gradient"),
    (lambda x: np.where(x < 1 / 3, x, x + 1), "it jumps at x = 0.333333"),
    (lambda x: 0 * x, "f is 0 wherever a normal number comes: no signal gets through"),
    (np.sinc, "f could not be differentiated by minigrad, so f′ is a finite difference"),
    (lambda x: np.where(np.abs(x - 2) < 0.1, np.nan, x), "f is NaN or infinite from 1.90625"),
]


@pytest.mark.parametrize(("f", "remark"), REMARKS)
def test_what_a_reader_should_know_first(f, remark):
    card = report(f)
    assert any(remark in r for r in card.remarks)
    assert "\n! " in card.text()


@pytest.mark.parametrize("name", NAMED)
def test_on_no_card_a_proof_disagrees(name):
    card = card_of(name)
    assert "please report" not in card.text()
    how = [f.how for s in card.sections.values() for f in s.facts.values()]
    assert ("proved" in how) == (name in ("apalu", "identity", "leaky_relu", "prelu", "relu"))


@pytest.mark.parametrize("name", NAMED)
def test_there_is_nothing_to_remark_on_known_activations(name):
    assert card_of(name).remarks == []


def test_a_function_that_is_nan_where_normal_numbers_come_has_no_moments():
    card = report(np.sqrt)
    assert card["moments"] is None
    assert "gain" not in card.text()


def test_an_activation_may_be_given():
    activation = Activation("elu", alpha=2.0)
    assert repr(report(activation).activation) == repr(activation)
    assert report(activation)["Lipschitz constant"] == 2.0
    with pytest.raises(ActivationError, match="no parameter 'beta'"):
        report("elu", beta=1.0)


def test_a_derivative_may_be_given():
    card = report(np.tanh, derivative=lambda x: 1 - np.tanh(x) ** 2, name="own")
    assert card.activation.name == "own"
    assert card.remarks == []
    assert card["Lipschitz constant"] == 1
    assert card["E f′²"] == pytest.approx(report("tanh")["E f′²"], rel=1e-12)


def test_finite_differences_come_close():
    by_difference = report(lambda x: np.tanh(x) + 0 * np.sinc(x))
    assert by_difference.activation.differences
    assert by_difference["E f′²"] == pytest.approx(report("tanh")["E f′²"], rel=1e-9)
    assert by_difference["Lipschitz constant"] == pytest.approx(1, rel=1e-9)


def test_cards_are_the_same_each_time():
    assert report(wave).text() == report(wave).text()


def test_side_by_side():
    text = side_by_side([card_of("apalu"), card_of("relu"), report(step)])
    lines = text.splitlines()
    assert lines[0].split() == ["apalu(a=1,", "b=1)", "relu", "step"]
    (row,) = [line for line in lines if line.strip().startswith("E f²")]
    assert row.split()[2:] == ["1.96546", "0.5", "0.5"]
    (row,) = [line for line in lines if line.strip().startswith("χ₁")]
    assert row.split() == ["χ₁", "1.0188", "1", "∞"]
    assert text.count("\nshape\n") == text.count("\nunder N(0, 1)\n") == 1
    assert "\n! step: f is not continuous" in text
    assert "with a" not in text
    assert not any(line != line.rstrip() for line in lines)


def test_side_by_side_leaves_places_empty_where_there_is_no_such_fact():
    lines = side_by_side([report(np.log), card_of("relu")]).splitlines()
    (row,) = [line for line in lines if line.startswith("  gain  ")]
    assert row.split() == ["gain", "1.41421"]
    start = lines[0].index("relu")
    assert row[start:].strip() == "1.41421"
    for title in ("shape", "under N(0, 1)", "through depth"):
        assert lines.count(title) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        (False, "no"),
        (-0.0, "0"),
        (0.1 + 0.2, "0.3"),
        (math.inf, "∞"),
        (-math.inf, "-∞"),
        (123456789.0, "1.23457e+08"),
        ([], "none"),
        ([1.0, "x", None], "1, x, none"),
        ("words", "words"),
    ],
)
def test_values_as_they_are_shown(value, text):
    assert shown(value) == text


def test_facts_as_text_and_json():
    assert str(Fact(0.5, "computed", "why")) == "0.5  why"
    assert str(Fact(None, "sampled")) == "none"
    record = Section("t", {"x": Fact([math.nan, -math.inf, 1.0], "sampled", "w")}).as_json()
    assert record == {"x": {"value": ["nan", "-inf", 1.0], "how": "sampled", "text": "w"}}
    assert number(-1e-30) == "-1e-30"


def test_long_names_are_broken_to_100_columns():
    name = "a_name_of_many_words_" * 6
    assert max(map(len, report("relu", name=name).text().splitlines())) <= 100


@pytest.mark.parametrize(
    ("f", "fact", "value"),
    [
        (lambda x, k=0.4: np.maximum(x - k, 0), "∂ E f′²", -math.exp(-0.08) / ROOT),
        (lambda x, k=0.4: np.where(x > k, 1.0, 0.0), "∂ E f", -math.exp(-0.08) / ROOT),
    ],
)
def test_kinks_that_move_with_a_parameter(f, fact, value):
    section = report(f).sections["with k"].facts
    assert fact not in section or section[fact].value == pytest.approx(value, rel=1e-6)


def test_facts_with_a_colon_by_name_and_section():
    assert card_of("elu")["through depth: LeCun: fixed q"] is None


def test_a_wrong_derivative_for_a_known_activation_is_no_fault_of_ours():
    try:
        text = report("relu", derivative=lambda x: 2 * x).text()
    except ActivationError:
        return
    assert "fault of apalu-ref" not in " ".join(text.split())


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("chi", "χ₁"),
        ("E f2", "E f²"),
        ("E f'2", "E f′²"),
        ("Q'(1)", "Q′(1)"),
        ("C' there", "C′ there"),
    ],
)
def test_names_can_be_typed(typed, name):
    card = card_of("tanh")
    assert card[typed] == card[name]


def test_a_card_prints_as_text():
    card = card_of("relu")
    assert str(card) == card.text()


def test_a_table_is_as_wide_as_a_terminal():
    table = side_by_side([report(name) for name in ("apalu", "gelu", "tanh", "relu", "elu")])
    assert max(map(len, table.splitlines())) <= 100
    assert all(
        name in table for name in ("apalu(a=1, b=1)", "gelu", "tanh", "relu", "elu(alpha=1)")
    )
