"""Other activations than APALU: checked against a reference of the user's, or themselves."""

import textwrap

import numpy as np
import pytest

from apalu_ref.check import SubjectError, check
from apalu_ref.check.elementwise import kinks_of
from apalu_ref.check.reference import Reference

from .activations import (
    REFERENCES,
    RIGHT,
    Port,
    elu,
    elu_slopes,
    hardswish,
    hardswish_slopes,
    leaky,
    leaky_slopes,
    port,
    sigmoid,
    sum_to,
    swish_slopes,
)

# The families of probes that look at values and slopes; what is left asks about memory and state.
FAMILIES = ("plain", "values", "scalars", "shapes/float64/per", "upstream", "differences")


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    path = tmp_path_factory.mktemp("against") / "references.py"
    path.write_text(REFERENCES, encoding="utf-8")
    return str(path)


@pytest.fixture(autouse=True)
def _quiet():
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("to", ["reference", "self"])
def test_right_ports_conform(check_here, references, name, to):
    against = f"{references}:{name}" if to == "reference" else "self"
    report = check_here(RIGHT[name], "quick", FAMILIES, against=against)
    assert [
        f"{f.quantity} {f.probe} {f.message}" for f in report.findings if f.level == "core"
    ] == []
    assert not {f.level for f in report.findings} & {"precision"}
    assert report.comparisons["dx"]["differences"] != "disagrees"


WRONG = {
    "wrong factor": ("hardswish", port(lambda x: hardswish(x) * 6 / 6.001, hardswish_slopes), "y"),
    "wrong slope": ("softplus", port(lambda x: np.logaddexp(0, x), lambda x: (sigmoid(-x),)), "dx"),
    "no inner derivative": (
        "swish",
        port(
            lambda x, beta: x * sigmoid(beta * x),
            lambda x, beta: (
                sigmoid(beta * x) + x * sigmoid(beta * x) * sigmoid(-beta * x),
                swish_slopes(x, beta)[1],
            ),
            "beta",
        ),
        "dx",
    ),
    "parameter not in the slope": (
        "elu",
        port(elu, lambda x, alpha: (elu_slopes(x, 1)[0], elu_slopes(x, alpha)[1]), "alpha"),
        "dx",
    ),
    "not masked": (
        "leaky_relu",
        port(leaky, lambda x, slope: (leaky_slopes(x, slope)[0], x), "slope"),
        "dslope",
    ),
    "0 at a kink between 1/2 and 1": (
        "two_slopes",
        port(
            RIGHT["two_slopes"].value,
            lambda x, right, left: (
                np.where(x == 0, 0, np.where(x > 0, right, left)),
                np.maximum(x, 0), np.minimum(x, 0),
            ),
            "right", "left",
        ),
        "dx",
    ),
    "wrong between the kinks' neighbours": (
        "hardswish",
        port(hardswish, lambda x: (np.where(np.abs(x) == 3, 7, hardswish_slopes(x)[0]),)), "dx",
    ),
    "far from zero": ("tanh", port(lambda x: np.where(np.abs(x) < 5, np.tanh(x), np.sign(x)),
                                   lambda x: (1 - np.tanh(x) ** 2,)), "y"),
    "swapped parameters": (
        "two_slopes",
        port(lambda x, right, left: RIGHT["two_slopes"].value(x, left, right),
             lambda x, right, left: RIGHT["two_slopes"].slopes(x, left, right), "right", "left"),
        "y",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_ports_are_caught(check_here, references, name):
    of, subject, quantity = WRONG[name]
    report = check_here(subject, "quick", "values/float64", against=f"{references}:{of}")
    findings = [f for f in report.findings if f.level == "core"]
    assert quantity in {f.quantity for f in findings} | {q for f in findings for q in f.also}
    for finding in findings:
        assert finding.cause
        said = f"{finding.cause} {finding.fix}"
        assert not any(word in said for word in ("APALU", "3a/2", "1.702", "κ", "expm1")), said


class Unreduced(Port):
    def forward(self, x, beta):
        return x * sigmoid(beta * x), (x, beta)

    def backward(self, ctx, gy):
        x, beta = ctx
        dx, dbeta = swish_slopes(x, beta)
        return sum_to(x, gy * dx), np.asarray(gy * dbeta, beta.dtype)


class NoUpstream(Unreduced):
    def backward(self, ctx, gy):
        x, beta = ctx
        one = np.ones_like(gy)
        return tuple(sum_to(t, one * s) for t, s in zip(ctx, swish_slopes(x, beta), strict=True))


@pytest.mark.parametrize("to", ["reference", "self"])
@pytest.mark.parametrize(
    ("subject", "quantity", "cause"),
    [(Unreduced(), "dbeta", "not reduced"), (NoUpstream(), "dx", "")],
)
def test_wrong_backwards(check_here, references, to, subject, quantity, cause):
    against = f"{references}:swish" if to == "reference" else "self"
    report = check_here(subject, "quick", "plain", against=against)
    found = [f for f in report.findings if f.level == "core" and quantity in f.quantity]
    assert found
    assert cause in found[0].cause


def test_many_ulp_beside_agrees_are_explained(check_here, references):
    note = "no number of digits is asked"
    swish = check_here(RIGHT["swish"], "quick", "values/float64", against=f"{references}:swish")
    assert swish.worst_ulp["y"]["float64"] > 1000
    assert note in swish.to_text()
    wrong = check_here(Unreduced(), "quick", "plain", against=f"{references}:swish")
    wrong.worst_ulp["y"]["float64"] = 0.0
    wrong.worst_ulp["dbeta"]["float64"] = 1e9
    assert note not in wrong.to_text()  # that one does not agree
    tanh = check_here(RIGHT["tanh"], "quick", "plain", against=f"{references}:tanh")
    assert tanh.exit_status == 0
    assert note not in tanh.to_text()
    tanh.worst_ulp["y"]["float64"] = 999.0
    assert note not in tanh.to_text()
    tanh.worst_ulp["y"]["float64"] = 1001.0
    assert note in tanh.to_text()
    tanh.against = "self"
    assert note not in tanh.to_text()
    tanh.against = "apalu"
    assert note not in tanh.to_text()


def test_self_does_not_see_a_consistent_other_function(check_here, references):
    subject = port(lambda x, beta: x * sigmoid(x), lambda x, beta: (
        sigmoid(x) + x * sigmoid(x) * sigmoid(-x), 0 * x), "beta")  # fmt: skip
    assert check_here(subject, "quick", "plain", against="self").verdict == "conforms"
    report = check_here(subject, "quick", "plain", against=f"{references}:swish")
    assert {f.quantity for f in report.findings} >= {"y"}


@pytest.mark.parametrize("name", ["swish", "leaky_relu", "tanh"])
def test_float32_ports(check_here, references, name):
    inner = RIGHT[name]
    single = port(inner.value, inner.slopes, *references_parameters(references, name))
    single.capabilities = {"dtypes": ["float32"]}
    report = check_here(single, "quick", against=f"{references}:{name}")
    assert report.exit_status == 0
    assert {p.split("/")[1] for p in report.probes if p.startswith("values")} == {"float32"}
    narrow = port(
        lambda *t: inner.value(*(u.astype("float16").astype("float32") for u in t)),
        inner.slopes, *references_parameters(references, name),
    )  # fmt: skip
    narrow.capabilities = single.capabilities
    report = check_here(narrow, "quick", "values", against=f"{references}:{name}")
    assert "y" in report.findings[0].quantity


def references_parameters(references, name):
    return Reference(f"{references}:{name}").names


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def f(x): raise ValueError('no')", r"it raises ValueError: no; it must take arrays"),
        ("def f(x): return x if x > 0 else 0 * x", "element by element"),
        ("def f(x): return x * np.nan", "it gives .*nan"),
        ("def f(x): return x.sum()", r"expected an array of floats of shape \(3,\)"),
        ("def f(x): return [1.0, 2.0, 3.0]", r"expected an array of floats .*, got list"),
        ("def f(x): return x > 0", "got bool"),
        ("def f(x, gy): return x", "must not be called gy"),
        ("def f(z, x): return x", "must not be called x"),
        ("def f(): return 1", "takes no input"),
        ("f = 3", "neither a function nor has it a forward; it defines g"),
        ("class f:\n    def __init__(self, n): pass", "cannot be made without arguments"),
        ("import no_such_module", "importing it: ModuleNotFoundError"),
        ("def f(x: return x", "importing it: SyntaxError"),
        ("", "has no attribute 'f'"),
        (None, "no such file"),
    ],
)
def test_references_that_do_not_work(tmp_path, body, message):
    path = tmp_path / "reference.py"
    if body is not None:
        path.write_text("import numpy as np\ndef g(x): return x\n" + body, encoding="utf-8")
    with pytest.raises(SubjectError, match=message) as caught:
        Reference(f"{path}:f")
    assert caught.value.exit_status == 2
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("--against")


def test_a_reference_that_does_not_work_ends_the_check(tmp_path):
    path = tmp_path / "subject.py"
    path.write_text(
        textwrap.dedent("""
        def f(x): return x
        def broken(x): raise ValueError("no")
    """)
    )
    with pytest.raises(SubjectError, match=r"--against .*broken: called with") as caught:
        check(f"{path}:f", against=f"{path}:broken")
    assert caught.value.exit_status == 2


def test_the_parameters_have_the_references_names(tmp_path, references):
    path = tmp_path / "subject.py"
    path.write_text("import numpy as np\ndef other(x, b): return x / (1 + np.exp(-b * x))")
    report = check(f"{path}:other", profile="quick", against=f"{references}:swish",
                   map={"beta": "b"}, capabilities={"dtypes": "float64"})  # fmt: skip
    assert report.forward_only
    assert not [f for f in report.findings if "overflow" not in f.cause and f.level == "core"]


@pytest.mark.parametrize(
    ("name", "places"),
    [("relu", [0]), ("leaky_relu", [0]), ("hardswish", [-3, 3]), ("tanh", []), ("softplus", []),
     ("elu", [0]), ("gelu", [])],
)  # fmt: skip
def test_kinks_of_references(references, name, places):
    assert Reference(f"{references}:{name}").kinks == places


@pytest.mark.parametrize(
    ("f", "places"),
    [
        (lambda x: np.clip(x, 0, 6), [0, 6]),
        (lambda x: np.clip(x, -1, 1), [-1, 1]),
        (lambda x: np.maximum(x, 0.1 * x), [0]),
        (lambda x: np.abs(x - 2.5), [2.5]),
        (lambda x: np.where(np.abs(x) > 0.5, x - np.sign(x) * 0.5, 0), [-0.5, 0.5]),
        (lambda x: np.maximum(x, 0) ** 2, []),
        (lambda x: np.sin(3 * x), []),
        (lambda x: x / (1 + np.abs(x)), []),
    ],
    ids=["relu6", "hardtanh", "leaky", "abs", "softshrink", "squared relu", "sine", "softsign"],
)
def test_kinks_of(f, places):
    assert kinks_of(f) == places


def test_kinks_are_visited(check_here, references):
    """A slope that is wrong next to a kink, at ±3, where no other x of the probes lies."""
    subject = port(
        hardswish,
        lambda x: (hardswish_slopes(x)[0] + 0.01 * ((np.abs(np.abs(x) - 3) < 2e-3) & (x != 3)),),
    )
    report = check_here(subject, "quick", "values/float64", against=f"{references}:hardswish")
    assert [f.quantity for f in report.findings if f.level == "core"] == ["dx"]
