"""The file of the vectors: what is in it, and that damage to it is found."""

import copy
import json
import math
import random
import re

import pytest

from apalu_ref.vectors import PATH, VectorsError, differences, dumps, load, tsv
from apalu_ref.vectors.exact import Limits, settle, terms
from apalu_ref.vectors.flags import NOTES, Element, flags_of

from .arithmetic import DTYPES, INPUTS, RESULTS, cases_of, decode


class TestTheFile:
    def test_is_what_the_oracle_makes(self, document, fresh):
        assert differences(document, fresh) == []
        assert PATH.read_text(encoding="ascii") == dumps(fresh)

    def test_is_small_enough_to_ship(self):
        assert PATH.stat().st_size < 300_000

    def test_has_every_kind_for_every_format(self, document):
        kinds = {(g["type"], g["dtype"]) for g in document["testGroups"]}
        assert kinds == {(k, d) for k in ("elementwise", "nonfinite", "broadcast") for d in DTYPES}

    def test_every_flag_is_used_in_every_format(self, document):
        for dtype in DTYPES:
            used = {
                flag
                for group in document["testGroups"]
                if group["dtype"] == dtype
                for test in group["tests"]
                for flag in test["flags"]
            }
            assert used == set(NOTES)

    def test_inputs_tell_mistakes_apart(self, document):
        for dtype, test in cases_of(document, "elementwise"):
            a, b, gy = (abs(decode(test[n], dtype)) for n in ("a", "b", "gy"))
            if "a = b" in test["comment"] or test["comment"].startswith("a = 1"):
                continue
            assert gy != 1
            assert a != b or not a

    def test_maker_refuses_what_digits_do_not_decide(self):
        with pytest.raises(ArithmeticError, match="too close to a boundary"):
            settle([terms(2.0**120 * 1.1015625, 1.5, 1.0, 1.0)["y"]], "bfloat16")

    def test_the_table(self, document):
        table = tsv(document).splitlines()
        names = table[0].split("\t")
        tests = {test["tcId"]: (dtype, test) for dtype, test in cases_of(document, "elementwise")}
        assert len(table) == 1 + len(tests)
        for line in table[1:]:
            assert " " not in line
            row = dict(zip(names, line.split("\t"), strict=True))
            assert all(row.values())
            dtype, test = tests[int(row["tcId"])]
            assert row["dtype"] == dtype
            assert [row[n] for n in (*INPUTS, *RESULTS)] == [test[n] for n in (*INPUTS, *RESULTS)]
            assert row["dxOther"] == test.get("dxOther", test["dx"])
            assert float(row["core_da"]) == test["core"]["da"]
            assert float(row["precision_y"]) == test.get("precision", test["core"])["y"]
            assert row["flags"] == (",".join(test["flags"]) or "-")


def refused_or_loaded(path):
    try:
        return load(path)
    except VectorsError as error:
        return error


@pytest.mark.parametrize(
    ("x", "given", "flags"),
    [
        (0.0, {"b": 2.25}, "Zero"),
        (-0.0, {}, "Zero NegativeZero Kink"),
        (-(2.0**-130), {}, "Subnormal CancellationBelowZero"),
        (2.0**-126, {}, "Tiny"),
        (-0.12, {}, "CancellationBelowZero"),
        (-0.13, {}, ""),
        (1.0, {}, ""),
        (1.0, {"a": 0.0, "b": -1.0}, "NegativeParameter ZeroParameter"),
        (9.774, {}, "SigmoidTail"),
        (12.0, {}, "Tail"),
        (-16.0, {}, ""),
        (-17.0, {}, "Tail"),
        (600.0, {}, "LargeX"),
        (2.0**125, {}, "LargeX NearOverflow"),
        (1.0, {"gy": 2.0**125}, "NearOverflow ExtremeScale"),
        (1.0, {"gy": 0.0}, "ZeroUpstream"),
        (1.0, {"a": 1025.0}, "ExtremeScale"),
        (math.inf, {"a": -1.0}, "NegativeParameter Infinity"),
        (math.nan, {}, "NaN"),
    ],
)
def test_flags(x, given, flags):
    numbers = {"a": 1.5, "b": 0.5, "gy": 0.25, **given}
    assert flags_of(Element(x=x, limits=Limits("float32"), **numbers)) == flags.split()


class TestDamage:
    def test_a_flipped_bit_is_found_by_test_and_field(self, document, fresh):
        rng = random.Random(1)
        for group in range(len(document["testGroups"])):
            other = copy.deepcopy(document)
            test = rng.choice(other["testGroups"][group]["tests"][:-3])
            name = rng.choice([n for n in (*INPUTS, *RESULTS) if n in test])
            values = test if isinstance(test[name], str) else test[name]
            at = name if values is test else 0
            width = len(values[at])
            flipped = int(values[at], 16) ^ (1 << rng.randrange(4 * (width - 2)))
            values[at] = f"0x{flipped:0{width - 2}x}"
            (found,) = differences(other, fresh)
            assert found.where.startswith(f"tcId {test['tcId']} (")
            assert found.field == (name if at == name else f"{name}[0]")

    def test_lost_and_invented_tests_are_found(self, document):
        other = copy.deepcopy(document)
        lost = other["testGroups"][2]["tests"].pop()
        (found,) = differences(other, document)
        assert str(found).startswith(f"tcId {lost['tcId']} (broadcast float64) test: nothing, ")
        (found,) = differences(document, other)
        assert str(found).endswith("expected nothing")

    def test_any_damage_is_reported_and_nothing_else_is_raised(self, document, fresh, tmp_path):
        content = PATH.read_bytes()
        rng = random.Random(2)
        path = tmp_path / "vectors.json"
        refused = 0
        for _ in range(60):
            damaged = bytearray(content)
            damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            path.write_bytes(damaged)
            other = refused_or_loaded(path)
            refused += isinstance(other, VectorsError)
            if isinstance(other, VectorsError):
                assert str(other).startswith(f"{path}: ")
            else:  # 1e-5 and 1E-5 are the same number
                assert other == document or differences(other, fresh)
        assert 10 < refused < 60

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda d: d.update(format="other"), "not APALU vectors"),
            (lambda d: d.update(formatVersion=2), "formatVersion is 2, this release reads 1"),
            (lambda d: d.pop("notes"), "no 'notes'"),
            (lambda d: d.update(numberOfTests=3), "numberOfTests is 3, there are"),
            (lambda d: d["testGroups"][0].update(type="new"), "unknown type of tests 'new'"),
            (lambda d: d["testGroups"][0].update(dtype="float8"), "unknown dtype 'float8'"),
            (lambda d: d["testGroups"][0].update(dtype="float32"), "tcId 1: x is '0x0000000000"),
            (lambda d: d["testGroups"][0]["tests"][4].pop("dx"), "tcId 5: no 'dx'"),
            (lambda d: d["testGroups"][0]["tests"][4].update(tcId=1), "a tcId occurs twice"),
            (lambda d: d["testGroups"][0]["tests"][4].update(y=1.5), "tcId 5: y is 1.5, not a"),
            (lambda d: d["testGroups"][0]["tests"][4].update(result="ok"), "result is 'ok'"),
            (lambda d: d["testGroups"][0]["tests"][4].update(flags=["A"]), "'A' has no note"),
            (lambda d: d["testGroups"][0]["tests"][4]["core"].update(y=-1.0), "core of y is -1.0"),
            (lambda d: d["testGroups"][2]["tests"][1]["x"].pop(), "x has 5 values, its shape 6"),
            (lambda d: d["testGroups"][2]["tests"][1]["core"]["y"].pop(), "5 numbers for 6 values"),
            (lambda d: d.update(testGroups=[1]), "not a file of APALU vectors"),
        ],
    )
    def test_what_is_wrong_is_said(self, document, tmp_path, change, message):
        other = copy.deepcopy(document)
        change(other)
        path = tmp_path / "vectors.json"
        path.write_text(json.dumps(other), encoding="utf-8")
        with pytest.raises(VectorsError, match=re.escape(str(path))) as raised:
            load(path)
        assert message in str(raised.value)

    @pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[1, 2]", b"{", b"[" * 100_000])
    def test_what_is_no_such_document(self, tmp_path, content):
        path = tmp_path / "vectors.json"
        path.write_bytes(content)
        with pytest.raises(VectorsError, match=re.escape(str(path))):
            load(path)

    def test_a_missing_file(self, tmp_path):
        with pytest.raises(VectorsError, match=r"none\.json: cannot be read"):
            load(tmp_path / "none.json")
