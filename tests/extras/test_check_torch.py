"""Checking PyTorch subjects: the examples, the package's own port, and what people get wrong."""

import textwrap
from pathlib import Path

import pytest

pytest.importorskip("torch")

from apalu_ref.check import SubjectError, check

pytestmark = pytest.mark.extras

TUTORIALS = Path(__file__).resolve().parents[2] / "tutorials"
SUBJECTS = TUTORIALS / "subjects"
MODULE, FUSED = (str(SUBJECTS / f"torch_{name}.py") for name in ("module", "fused"))
NAMES = {"a": "alpha", "b": "beta"}


def require_printed(page, report):
    text = (TUTORIALS / "site" / "howto" / f"{page}.rst").read_text(encoding="utf-8")
    assert f"{len(report.probes)} probes, {report.values:,} values" in text


PARTS = """
import torch
import torch.nn.functional as F
K = 1.702

def pos(x, a):
    return a * x * (1 + torch.sigmoid(K * x))

def neg(x, b):
    return b * torch.expm1(x.clamp(max=0))

def right(x, a, b):
    return torch.where(x < 0, neg(x, b), pos(x, a))

def slopes(x, a, b):
    s, c, below, left = torch.sigmoid(K * x), torch.sigmoid(-K * x), x < 0, x.clamp(max=0)
    return (torch.where(below, b * torch.exp(left), a * (1 + s + K * x * s * c)),
            torch.where(below, 0, x * (1 + s)), torch.where(below, torch.expm1(left), 0))

class Base(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, a, b):
        ctx.save_for_backward(x, a, b)
        return right(x, a, b)

def summed(gradients, inputs):
    return tuple(g.sum_to_size(t.shape) for g, t in zip(gradients, inputs))
"""


@pytest.fixture
def write(tmp_path):
    def subject(body):
        path = tmp_path / "subject.py"
        path.write_text(PARTS + textwrap.dedent(body), encoding="utf-8")
        return f"{path}:subject"

    return subject


def core(report):
    return [f for f in report.findings if f.level == "core"]


def told(report):
    return " ".join(f"{f.cause} {f.fix} {f.message}" for f in core(report))


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        (f"{MODULE}:with_exp", {"precision", "nonfinite"}),
        (f"{MODULE}:with_expm1", {"precision", "nonfinite"}),
        (f"{MODULE}:with_elu", {"nonfinite"}),
        (f"{FUSED}:FusedOnce", set()),
    ],
)
def test_examples_conform(name, levels):
    report = check(name)
    assert (report.adapter, report.exit_status) == ("torch", 0)
    assert {f.level for f in report.findings} == levels
    if name.endswith("FusedOnce"):
        require_printed("pytorch", report)
    assert report.comparisons["dx"]["differences"] == "agrees"


@pytest.mark.parametrize(
    "name",
    [
        f"{FUSED}:Fused",
        f"{FUSED}:fused",
        "apalu_ref.ports.torch:apalu",
        "apalu_ref.ports.torch:APALU",
        "apalu_ref.ports.torch:APALUFunction",
    ],
)
def test_careful_ones_conform_strictly(name):
    report = check(name, profile="strict")
    assert (report.adapter, report.findings) == ("torch", [])


def test_the_port_conforms_for_every_16_bit_number():
    report = check("apalu_ref.ports.torch:apalu", profile="exhaustive")
    assert report.findings == []
    assert report.not_offered == []
    for quantity in ("y", "dx"):
        assert {"float16", "bfloat16"} <= set(report.worst_ulp[quantity])


def test_the_unclamped_branch_is_named():
    report = check(f"{MODULE}:unclamped")
    require_printed("ci", report)
    assert report.exit_status == 1
    assert {f.cause.split(" of where")[0] for f in core(report)} == {"NaN from the un-taken branch"}
    assert report.comparisons["y"]["oracle"] != "wrong"


def test_modules():
    report = check(f"{MODULE}:Activation", map=NAMES)
    assert report.exit_status == 0
    with pytest.raises(SubjectError, match="has no parameter 'a': it has alpha, beta; --map a="):
        check(f"{MODULE}:Activation")
    with pytest.raises(SubjectError, match="no parameter 'gamma'"):
        check(f"{MODULE}:Activation", map={"a": "gamma"})


def test_a_module_that_needs_arguments(write):
    body = """
        class subject(torch.nn.Module):
            def __init__(self, size):
                super().__init__()
                self.a = self.b = torch.nn.Parameter(torch.ones(size))
    """
    with pytest.raises(SubjectError, match="cannot be made without arguments") as caught:
        check(write(body))
    assert caught.value.exit_status == 2


# What a backward written by hand may return.
BACKWARDS = {
    "not reduced": "tuple(gy * f for f in slopes(x, a, b))",
    "mean": "gy * slopes(x, a, b)[0], (gy * slopes(x, a, b)[1]).mean(0), db",
    "detached": "summed((gy * f for f in slopes(*(t.detach() for t in (x, a, b)))), (x, a, b))",
    "swapped": "dx, db, da",
    "double": "dx, da.double(), db.double()",
}


def function(write, returned, decorator=""):
    return write(f"""
        class subject(Base):
            @staticmethod
            {decorator}
            def backward(ctx, gy):
                x, a, b = ctx.saved_tensors
                dx, da, db = summed((gy * f for f in slopes(x, a, b)), (x, a, b))
                return {returned}
    """)


def test_an_unreduced_gradient_shows_though_pytorch_sums_it(write):
    name = function(write, BACKWARDS["not reduced"])
    report = check(name, profile="quick")
    assert report.exit_status == 1
    assert {f.cause for f in core(report)} == {
        "not reduced over the axes along which its input was broadcast"
    }
    assert {f.quantity for f in core(report)} == {"dx", "da", "db"}


def test_a_gradient_of_a_shape_that_pytorch_refuses_is_diagnosed(write):
    report = check(function(write, "dx.reshape(-1)[:2], da, db"), profile="quick")
    assert report.exit_status == 1
    assert any(
        "shape (2,), expected (3,)" in f.message and f.quantity == "dx" for f in core(report)
    )


def test_a_gradients_type_is_pytorchs_affair(write):
    assert core(check(function(write, BACKWARDS["double"]), profile="quick")) == []


def test_swapped_gradients(write):
    assert "swapped" in told(check(function(write, BACKWARDS["swapped"]), profile="quick"))


def test_second_derivatives_are_wrong_in_silence_or_refused(write):
    silent = check(function(write, BACKWARDS["detached"]))
    assert {f.quantity.partition(",")[0] for f in core(silent)} <= {"d2x", "d2a", "d2b"}
    assert "second derivative" in told(silent)
    honest = check(
        function(write, BACKWARDS["detached"], "@torch.autograd.function.once_differentiable")
    )
    assert honest.exit_status == 0
    assert "second order" in honest.not_offered
    assert "second order" not in check(function(write, "dx, da, db")).not_offered


WRONG = {
    "kappa": ("return torch.where(x < 0, neg(x, b), a * x * (1 + torch.sigmoid(1.7 * x)))",
              "κ = 1.7 in place"),
    "silu": ("return torch.where(x < 0, neg(x, b), a * (x + F.silu(x)))", "κ = 1 in place"),
    "gelu": ("return torch.where(x < 0, neg(x, b), a * (x + F.gelu(x)))", "GELU"),
    "detached gate": ("return torch.where(x < 0, neg(x, b), a * x * (pos(x, 1) / x).detach())",
                      "σ depends on x"),
    "detached a": ("return torch.where(x < 0, neg(x, b), pos(x, a.detach()))", "a gets no grad"),
    "type": ("return right(x, a, b).double()", "type"),
    "in place on x": ("x.mul_(2)\n    return right(x / 2, a, b)", "x in forward"),
    "data in place": ("y = right(x * 1, a, b)\n    x.data.mul_(2)\n    return y", "x in forward"),
    "parameters": ("a.data.abs_()\n    return right(x, a, b)", "a in forward"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_functions_are_named(write, name):
    body, words = WRONG[name]
    report = check(write(f"def subject(x, a, b):\n    {body}\n"), profile="quick")
    assert report.exit_status == 1
    assert words in told(report)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return right(x, a, b).detach()", "cut off from its inputs: look for .detach()"),
        ("return right(x, a, b).detach().numpy()", "returned a ndarray, expected a torch.Tensor"),
        ("return right(x, a, b), x", "returned a tuple of 2, expected a torch.Tensor"),
        ("return torch.from_numpy(x.numpy())", "forward: RuntimeError: Can't call numpy"),
    ],
)
def test_first_calls_that_fail(write, body, message):
    with pytest.raises(SubjectError, match=message) as caught:
        check(write(f"def subject(x, a, b):\n    {body}\n"))
    assert caught.value.exit_status == 3


def test_what_no_torch_subject_is(write):
    for body in ("subject = torch.ones(3)", "class subject(torch.optim.SGD): pass"):
        with pytest.raises(SubjectError) as caught:
            check(write(body), adapter="torch")
        assert caught.value.exit_status == 2
    with pytest.raises(SubjectError, match="nowhere"):
        check(f"{MODULE}:with_elu", device="nowhere")


def test_against_another_activation(write, tmp_path):
    (tmp_path / "reference.py").write_text(
        "import numpy as np\ndef elu(x, alpha):\n"
        "    return np.where(x >= 0, x, alpha * np.expm1(np.where(x < 0, x, 0)))\n"
    )
    against = f"{tmp_path / 'reference.py'}:elu"
    right = "def subject(x, alpha):\n    return torch.where(x < 0, alpha * F.elu(x), x)\n"
    assert core(check(write(right), profile="quick", against=against)) == []
    assert core(check(write(right), profile="quick", against="self")) == []
    wrong = "def subject(x, alpha):\n    return torch.where(x < 0, alpha * F.selu(x), x)\n"
    report = check(write(wrong), profile="quick", against=against)
    assert "y" in {q for f in core(report) for q in f.quantity.split(", ")}
