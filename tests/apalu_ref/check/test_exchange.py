"""What is written is read back; whatever else is in a file is refused with a clear message."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from apalu_ref.check.exchange import (
    Answer,
    ExchangeError,
    Refusal,
    read_answers,
    read_request,
    write_answers,
    write_request,
)
from apalu_ref.check.inputs import Call, as_bfloat16

ONE = np.array([0.5, -2.0])
CALL = Call(ONE, {"a": np.array(3.0), "b": np.array(4.0)}, ONE)
ALONE = Call(ONE, {}, ONE)
DTYPES = ("float64", "float32", "float16", "int64", "int32")

quick = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file"


def header(*lines, magic="apalu-answer 1"):
    return "".join(f"{line}\n" for line in (magic, *lines)).encode("latin-1")


def same(one, two):
    return (one.dtype, one.shape, one.tobytes()) == (two.dtype, two.shape, two.tobytes())


def arrays(dtypes=DTYPES):
    shapes = npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
    return st.sampled_from(dtypes).flatmap(lambda d: npst.arrays(d, shapes))


names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(
    lambda n: n not in ("x", "y", "gy", "probe", "data", "refused")
)
calls = st.builds(Call, arrays(), st.dictionaries(names, arrays(), max_size=3), arrays())


@quick
@given(given_calls=st.lists(calls, min_size=1, max_size=3))
def test_requests_come_back(path, given_calls):
    write_request(path, "a probe/with=signs", given_calls)
    probe, got = read_request(path)
    assert probe == "a probe/with=signs"
    assert len(got) == len(given_calls)
    for one, two in zip(got, given_calls, strict=True):
        assert one.storage == ""
        assert list(one.arrays) == list(two.arrays)
        assert all(map(same, one.arrays.values(), two.arrays.values()))


@quick
@given(given_calls=st.lists(calls, min_size=1, max_size=3), data=st.data())
def test_answers_come_back(path, given_calls, data):
    written = []
    for call in given_calls:
        wanted = ["y", *(f"d{n}" for n in call.inputs)]
        kind = data.draw(st.sampled_from(["all", "y", "refused"]))
        chosen = data.draw(st.permutations(wanted)) if kind == "all" else ["y"]
        answer = Refusal("not offered") if kind == "refused" else None
        written.append(answer or {n: data.draw(arrays()) for n in chosen})
    write_answers(path, written)
    for one, two in zip(read_answers(path, given_calls), written, strict=True):
        if isinstance(two, Refusal):
            assert one == two
        else:
            assert list(one) == list(two)
            assert all(map(same, one.values(), two.values()))


def test_the_layout_is_as_documented(path):
    x = np.arange(6, dtype=">f4").reshape(2, 3).T  # neither little-endian nor C-contiguous
    write_request(path, "p", [Call(x, {"k": np.array(-1, np.int32)}, np.zeros((0, 2)))])
    assert path.read_bytes() == (
        b"apalu-request 1\nprobe p\nx float32 3 2\nk int32\ngy float64 0 2\ndata\n"
        + np.array([0, 3, 1, 4, 2, 5], "<f4").tobytes()
        + b"\xff\xff\xff\xff"
    )
    assert read_request(path)[1][0].x.flags.writeable


def test_bfloat16(path):
    values = as_bfloat16(np.array([1.0, -np.pi, np.inf, np.nan, 1e-40, -0.0], np.float32))
    scalar = np.array(1.5, np.float32)
    call = Call(values, {"a": scalar, "n": np.array(3)}, values, "bfloat16")
    write_request(path, "p", [call])
    assert b"a bfloat16\n" in path.read_bytes()
    assert b"n int64\n" in path.read_bytes()
    (got,) = read_request(path)[1]
    assert got.storage == "bfloat16"
    assert all(map(same, got.arrays.values(), call.arrays.values()))
    write_answers(path, [Answer({"y": values}, ["y"]), {"y": values}])
    narrow, wide = read_answers(path, [call, call])
    assert same(narrow["y"], values)
    assert (narrow.bfloat16, wide.bfloat16) == ({"y"}, set())
    with pytest.raises(ValueError, match="round it"):
        write_request(path, "p", [call._replace(x=np.array(np.pi, np.float32))])


@pytest.mark.parametrize(
    ("reason", "read"),
    [
        ("two\nlines", "two lines"),
        (" ", "for no reason"),
        ("π", r"\u03c0"),
        ("refused", "refused"),
        ("x" * 5000, "x" * 500),
    ],
)
def test_any_reason_is_one_line(path, reason, read):
    write_answers(path, [Refusal(reason)])
    assert read_answers(path, [CALL]) == [Refusal(read)]


@pytest.mark.parametrize(
    ("probe", "call", "error"),
    [
        ("p", ALONE._replace(x=ONE.astype(complex)), "x has dtype complex128 .* a file holds"),
        ("p", ALONE._replace(x=ONE > 0), "x has dtype bool"),
        ("p", ALONE._replace(x=np.zeros((1,) * 33)), "33 axes"),
        ("p", ALONE._replace(parameters={"gy": ONE}), "a parameter named 'gy' cannot"),
        ("p", ALONE._replace(parameters={"α": ONE}), "rename it"),
        ("p\nq", ALONE, "not one short line"),
        ("", ALONE, "not one short line"),
        ("p", None, "at least one call"),
    ],
)
def test_what_cannot_be_written(path, probe, call, error):
    with pytest.raises((TypeError, ValueError), match=error):
        write_request(path, probe, [] if call is None else [call])
    assert not path.exists()


Y = ("y float64 2", "data")
FULL = ("y float64 2", "dx float64 2", "da float64", "db float64", "data")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty, expected 'apalu-answer 1' first"),
        (b"\x00\x01\x02" * 9, "record 1: it is cut off in the header after .* 'apalu-answer 1'"),
        (b"\xff\xfe\n", "record 1: it has .*, which is not ASCII text, expected 'apalu-answer 1'"),
        (b"x" * 2000, "has no end of line after 'xxx.*', expected 'apalu-answer 1'"),
        (b"[0.5, 2.0]\n", "record 1: it begins with '.0.5, 2.0.', expected 'apalu-answer 1'"),
        (header(*Y, magic="apalu-answer 2"), "begins with 'apalu-answer 2', expected 'ap.* 1'"),
        (header(*Y, magic="apalu-request 1"), "begins with 'apalu-request 1', expected"),
        (header(*Y).replace(b"\n", b"\r\n"), "expected .n alone: write the file as binary"),
        (b"apalu-answer 1\ny float6", "cut off in the header after 'y float6', expected 'name"),
        (header("y float64 2"), "cut off in the header after '', expected 'name dtype sizes"),
        (header(*Y) + bytes(15), r"the data: 15 bytes are left, expected 16 for y of float64 \(2,"),
        (header(*Y) + bytes(17), "has 1 bytes after record 1, expected its end"),
        ((header(*Y) + bytes(16)) * 2, "bytes after record 1, expected its end: one record"),
        (header("data"), "record 1: it lacks y, dx, da, db, expected y, dx, da, db"),
        (header("dx float64 2", "data") + bytes(16), "lacks y, da, db, expected"),
        (header("y float64", "da float64", "data") + bytes(16), "lacks dx, db, expected"),
        (header("y float64", "y float64", "data") + bytes(16), "holds 'y' again, expected it once"),
        (header("y float64", "dc float64", "data") + bytes(16), "holds 'dc', expected y, dx, da"),
        (header("y float128 2", "data"), "y of dtype 'float128', expected one of float64, float"),
        (header("y <f8 2", "data"), "y of dtype '<f8', expected one of"),
        (header("y float64 -2", "data"), "y of sizes '-2', expected numbers, 0 or more"),
        (header("y float64  2", "data"), "y of sizes ' 2', expected numbers"),
        (header("y float64 ²", "data"), "not ASCII text"),
        (header("y float64 (2,)", "data"), r"y of sizes '\(2,\)', expected numbers"),
        (header("y float64" + " 1" * 33, "data"), "y of 33 axes, expected at most 32"),
        (header("y float64 " + "9" * 600, "data"), "y of sizes '999.*, expected less than 2"),
        (header("y float64 0 999999999999999999", "data"), "expected less than 2"),
        (header("y float64 99999999999", "data"), "expected 799999999992 for y"),
        (header("y", "data"), "has the line 'y', expected 'name dtype sizes"),
        (header("1y float64", "data"), "has the line '1y float64', expected"),
        (header("refused"), "it refuses, expected a reason as well"),
        (header("refused \x1b[31mred"), "which is not ASCII text"),
        (header("refused because")[:-1], "cut off in the header after 'refused because'"),
        (header("refused because") + b"data\n", "has 5 bytes after record 1"),
        (b"\n" * 2**24 + b"\n" * 10**6, "holds 17777216 bytes, expected at most 16780"),
    ],
)
def test_malformed_answers(path, data, message):
    path.write_bytes(data)
    with pytest.raises(ExchangeError, match=message) as caught:
        read_answers(path, [CALL])
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_records_are_counted(path):
    write_answers(path, [{"y": ONE}, Refusal("no"), {"y": ONE}])
    with pytest.raises(ExchangeError, match="ends after record 3, expected 4: one a call"):
        read_answers(path, [CALL] * 4)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ExchangeError, match="record 3: it is cut off in the data: 15 bytes"):
        read_answers(path, [CALL] * 3)


def test_files_that_are_not_there(path, tmp_path):
    with pytest.raises(ExchangeError, match="file cannot be read: No such file"):
        read_answers(path, [CALL])
    with pytest.raises(ExchangeError, match="is no regular file"):
        read_answers(tmp_path, [CALL])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["x float64", "gy float64", "data"], "record 1: it is not of one probe"),
        (["probe ", "x float64", "gy float64", "data"], "not of one probe"),
        (["probe p", "gy float64", "x float64", "data"], "holds gy, x, expected x first and gy"),
        (["probe p", "x float64", "data"], "holds x, expected x first and gy last"),
        (["probe p", "x float64", "y float64", "gy float64", "data"], "has a parameter y, expect"),
        (["probe p", "x float32", "gy bfloat16", "data"], "mixes float32 and bfloat16"),
    ],
)
def test_malformed_requests(path, lines, message):
    path.write_bytes(header(*lines, magic="apalu-request 1") + bytes(24))
    with pytest.raises(ExchangeError, match=message):
        read_request(path)


def test_a_request_is_of_one_probe(path):
    write_request(path, "p", [ALONE])
    first = path.read_bytes()
    path.write_bytes(first + first.replace(b"probe p", b"probe q"))
    with pytest.raises(ExchangeError, match="record 2: it is not of one probe, expected 'probe p'"):
        read_request(path)


def test_a_lying_header_costs_no_memory(path):
    path.write_bytes(header("y float64 30000000000", "data") + bytes(100))
    tracemalloc.start()
    try:
        with pytest.raises(ExchangeError, match="100 bytes are left"):
            read_answers(path, [CALL])
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


right = header(*FULL) + bytes(48)
pieces = st.sampled_from(
    b"\n| |-|data\n|y float64 |dx float64 2\n|refused |refused\n|apalu-answer 1\n|9999999999|"
    b"bfloat16|\xff|\x00\x00\x00\x00\x00\x00\x00\x00|1|0 ".split(b"|")
)


@settings(quick, max_examples=300)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, len(right)), st.integers(0, 12), st.binary(max_size=4) | pieces),
        max_size=3,
    ),
    kept=st.integers(0, len(right)) | st.just(10**6),
)
def test_damage_is_found_or_harmless(path, edits, kept):
    data = right
    for place, dropped, put in edits:
        data = data[:place] + put + data[place + dropped :]
    path.write_bytes(data[:kept])
    message = ""
    try:
        (answer,) = read_answers(path, [CALL])
    except ExchangeError as error:
        message = str(error)
    if message:
        assert message.startswith(str(path))
        assert "\n" not in message
        assert "expected" in message
    elif not isinstance(answer, Refusal):
        assert set(answer) in ({"y"}, {"y", "dx", "da", "db"})
        assert sum(t.nbytes for t in answer.values()) <= 2 * len(data)


@settings(quick, max_examples=100)
@given(data=st.binary(max_size=60) | st.lists(pieces, max_size=8).map(b"".join))
def test_noise_is_refused_by_both_readers(path, data):
    path.write_bytes(data)
    with pytest.raises(ExchangeError):
        read_request(path)
    path.write_bytes(b"apalu-answer 1\n" + data + b"\xff")
    with pytest.raises(ExchangeError):
        read_answers(path, [CALL])
