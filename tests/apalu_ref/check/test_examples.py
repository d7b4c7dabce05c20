"""The example programs in C and JavaScript, asked for awkward shapes and values."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from apalu_ref import apalu, apalu_grad, oracle
from apalu_ref.check.exchange import Refusal
from apalu_ref.check.inputs import Call
from apalu_ref.check.program import Program
from apalu_ref.vectors import PATH, load, tsv

SUBJECTS = Path(__file__).resolve().parents[3] / "tutorials" / "subjects"
CC, NODE = shutil.which("cc"), shutil.which("node")

SHAPES = [
    ((2, 3, 5, 7), (3, 1, 1), (3, 1, 1)),
    ((2, 3, 5, 7), (1, 3, 1, 1), ()),
    ((4, 5), (5,), (4, 1)),
    ((5,), (3, 1), (2, 1, 1)),
    ((5, 1), (1, 7), (7,)),
    ((1, 1), (1,), (1, 1, 1)),
    ((), (), ()),
    ((), (2,), (3, 1)),
    ((0,), (), ()),
    ((0, 3), (3,), (0, 1)),
    ((2, 0, 3), (1, 1), (1,)),
    ((1,) * 30 + (3, 2), (), (2,)),
    ((20_011,), (), (1,)),
]


def compiled(folder, *options, source=None):
    for name in ("apalu.h", "apalu.c"):
        text = (SUBJECTS / name).read_text(encoding="utf-8")
        folder.joinpath(name).write_text((source or (lambda t: t))(text), encoding="utf-8")
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror"]
    command = [CC, *strict, *(options or ("-O2",)), "-o", "apalu", "apalu.c", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    return [str(folder / "apalu")]


@pytest.fixture(scope="module", params=["c", "sanitized c", "javascript"])
def command(request, tmp_path_factory):
    if request.param == "javascript":
        if NODE is None:
            pytest.skip("node is not installed")
        return [NODE, str(SUBJECTS / "apalu.mjs")]
    if CC is None:
        pytest.skip("there is no C compiler named cc")
    folder = tmp_path_factory.mktemp("c")
    if request.param == "c":
        return compiled(folder)
    try:
        return compiled(folder, "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    except subprocess.CalledProcessError:
        pytest.skip("the C compiler has no address sanitizer")


def random_call(rng, shapes, dtypes):
    x, a, b = (np.asarray(3 * rng.normal(size=s), d) for s, d in zip(shapes, dtypes, strict=True))
    y = np.result_type(x, a, b)
    gy = np.asarray(rng.normal(size=np.broadcast_shapes(*shapes)), y)
    return Call(x, {"a": a, "b": b}, gy)


def expected(call):
    a, b = call.parameters.values()
    names = ("y", "dx", "da", "db")
    return dict(zip(names, (apalu(call.x, a, b), *apalu_grad(call.x, a, b, call.gy)), strict=True))


def compare(answer, call):
    assert not isinstance(answer, Refusal), answer
    # Σ|gy|(|term| + 1) is what a sum's tolerance is made of.
    scale = float(np.sum(np.abs(call.gy) * (2.0 * np.abs(call.x) + 1), dtype=np.float64))
    for name, want in expected(call).items():
        got = answer[name]
        assert (got.shape, got.dtype) == (want.shape, want.dtype), name
        eps = float(np.finfo(want.dtype).eps)
        within = 4 * eps * (scale if want.size < answer["y"].size else 4)
        np.testing.assert_allclose(got, want, rtol=4 * eps, atol=within, err_msg=name)


def test_shapes_and_types(command):
    rng = np.random.default_rng(5)
    calls = [
        random_call(rng, shapes, dtypes)
        for shapes in SHAPES
        for dtypes in (("f8",) * 3, ("f4",) * 3, ("f4", "f8", "f4"), ("f8", "f4", "f4"))
    ]
    for call, answer in zip(calls, Program(command, 10).answer("shapes", calls), strict=True):
        compare(answer, call)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_special_values(command, dtype):
    info = np.finfo(dtype)
    sizes = [0.0, info.smallest_subnormal, info.tiny, info.eps, 1, 21.6, 90, 710, 745.1, 1e4]
    sizes += [float(info.max) / 8, np.inf]
    x = np.array([s * n for n in sizes for s in (1, -1)] + [np.nan], dtype)
    a, b = np.full_like(x, 1.25), np.full_like(x, 0.75)
    call = Call(x, {"a": a, "b": b}, np.full_like(x, -0.5))
    (answer,) = Program(command, 10).answer("special", [call])
    for name, want in expected(call).items():
        np.testing.assert_allclose(
            answer[name], want, rtol=8 * info.eps, atol=4 * float(info.smallest_subnormal)
        )
    assert np.signbit(answer["y"][1])


def test_large_factors_do_not_overflow_on_the_way(command):
    x = np.array([1e308, -1000.0, -740.0, 500.0])
    a, b = np.array([0.25, 1.0, 1.0, 1e-3]), np.array([1.0, 1e300, 1e300, 1.0])
    gy = np.array([0.25, 1e100, 1e100, 1e300])
    (answer,) = Program(command, 10).answer("large", [Call(x, {"a": a, "b": b}, gy)])
    deep = [float(oracle.dv(t) * 10**400) for t in (-1000, -740)]
    wanted = {
        "y": [0.5e308, -1e300, -1e300, 1.0],
        "dx": [0.125, *deep, 2e297],
        "da": [0.5e308, 0, 0, 1e303],
        "db": [0, -1e100, -1e100, 0],
    }
    for name, want in wanted.items():
        np.testing.assert_allclose(answer[name], want, rtol=1e-13, err_msg=name)


def test_sums_lose_nothing(command):
    x = np.ones(20_001)
    gy = np.where(np.arange(x.size) % 2, 1e16, -1e16)
    gy[-1] = 1.0
    call = Call(x, {"a": np.array(1.0), "b": np.array(1.0)}, gy)
    (answer,) = Program(command, 10).answer("cancelling", [call])
    assert float(answer["da"]) == pytest.approx(1.8457957659328212, rel=1e-12)


def test_what_is_not_implemented_is_refused(command):
    one = np.ones(3)
    calls = [
        Call(one, {"a": one, "b": one}, one),
        *(Call(one.astype(d), {"a": one, "b": one}, one) for d in ("f2", "i4", "i8")),
        Call(one.astype("f4"), {n: one.astype("f4") for n in "ab"}, one.astype("f4"), "bfloat16"),
        Call(one, {"a": one}, one),
        Call(one, {"beta": one, "b": one}, one),
        Call(one, {"a": one, "b": one, "c": one}, one),
        Call(one, {"a": np.ones(2), "b": one}, one),
    ]
    first, *others = Program(command, 10).answer("types", calls)
    assert not isinstance(first, Refusal)
    reasons = [other.reason for other in others if isinstance(other, Refusal)]
    assert reasons == (
        ["only float64 and float32 are implemented"] * 4
        + ["the parameters are a and b"] * 3
        + ["the shapes of x, a and b do not broadcast"]
    )


def test_a_damaged_request_is_an_error(command, tmp_path):
    request, answer = tmp_path / "request", tmp_path / "answer"
    for data in (b"apalu-request 2\n", b"apalu-request 1\nprobe p\nx float64 3\ndata\n12345"):
        request.write_bytes(data)
        done = subprocess.run([*command, request, answer], capture_output=True, check=False)
        assert done.returncode == 1
        assert b"request" in done.stderr


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """The golden vectors for programs that have no JSON."""
    path = tmp_path_factory.mktemp("vectors") / "vectors.tsv"
    path.write_text(tsv(load()), encoding="ascii")
    return path


def check_vectors(command, table):
    path = PATH if NODE in command else table
    done = subprocess.run(
        [*command, "--vectors", path], capture_output=True, text=True, check=False
    )
    last = done.stdout.splitlines()[-1]
    checked, off = map(int, re.fullmatch(r"(\d+) vectors checked, (\d+) off, .*", last).groups())
    assert done.returncode == (off > 0)
    return checked, off


def test_golden_vectors(command, table):
    groups = [g for g in load()["testGroups"] if g["dtype"] in ("float64", "float32")]
    if NODE not in command:
        groups = [g for g in groups if g["type"] == "elementwise"]
    assert check_vectors(command, table) == (sum(len(g["tests"]) for g in groups), 0)


FAULTS = {
    "constant": (("1.702", "1.7"), ("1.702", "1.7")),
    "missing term": ((" + z * s * c)", ")"), (" + z * s * c)", ")")),
    "no gy": (("*db = gy * expm1(x)", "*db = expm1(x)"), ("gy * Math.expm1(x)", "Math.expm1(x)")),
    "left slope at 0": (("(x < 0)", "(x <= 0)"), ("(x < 0)", "(x <= 0)")),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("language", [0, 1], ids=["c", "javascript"])
def test_planted_faults_show(language, fault, tmp_path, table):
    right, wrong = FAULTS[fault][language]

    def plant(text):
        return text.replace(right, wrong)

    if language == 0:
        if CC is None:
            pytest.skip("there is no C compiler named cc")
        # A fault may leave a variable without a use, which -Werror would refuse.
        command = compiled(tmp_path, "-O0", "-w", source=plant)
    else:
        if NODE is None:
            pytest.skip("node is not installed")
        text = (SUBJECTS / "apalu.mjs").read_text(encoding="utf-8")
        assert right in text
        tmp_path.joinpath("apalu.mjs").write_text(plant(text), encoding="utf-8")
        command = [NODE, str(tmp_path / "apalu.mjs")]
    assert check_vectors(command, table)[1] > 0
