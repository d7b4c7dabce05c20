"""Checking JAX subjects: the example, the package's own port, and what people get wrong."""

import textwrap
from pathlib import Path

import pytest

pytest.importorskip("jax")

from apalu_ref.check import SubjectError, check

pytestmark = pytest.mark.extras

EXAMPLE = str(Path(__file__).resolve().parents[2] / "tutorials" / "subjects" / "jax_custom_vjp.py")

PARTS = """
import jax
import jax.numpy as jnp
import numpy as np
K = 1.702

def pos(x, a, k=K):
    return a * x * (1 + jax.nn.sigmoid(k * x))

def neg(x, b):
    return b * jnp.expm1(jnp.where(x < 0, x, 0))

def right(x, a, b):
    return jnp.where(x < 0, neg(x, b), pos(x, a))
"""

# Compiling for each shape takes most of the time: a few probes tell.
FEW = {"dtypes": ["float64"], "parameters": ["elementwise", "scalar"], "layouts": [], "order": 1,
       "0-d": False, "empty": False, "threads": False}  # fmt: skip


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


def test_the_plain_example_conforms():
    report = check(f"{EXAMPLE}:plain")
    page = Path(EXAMPLE).parents[1] / "site" / "howto" / "jax.rst"
    said = f"{len(report.probes)} probes, {report.values:,} values"
    assert said in page.read_text(encoding="utf-8")
    assert (report.adapter, report.exit_status) == ("jax", 0)
    assert {f.level for f in report.findings} == {"precision", "nonfinite"}
    assert report.comparisons["dx"]["differences"] == "agrees"


@pytest.mark.parametrize("name", [f"{EXAMPLE}:apalu", "apalu_ref.ports.jax:apalu"])
def test_careful_ones_conform_strictly(name):
    report = check(name, profile="strict")
    assert (report.adapter, report.findings) == ("jax", [])
    assert {p.split("/")[1] for p in report.probes if p.startswith("values")} >= {
        "float64",
        "float32",
    }


WRONG = {
    "unclamped": ("return jnp.where(x < 0, b * (jnp.exp(x) - 1), pos(x, a))",
                  "NaN from the un-taken branch"),
    "kappa": ("return jnp.where(x < 0, neg(x, b), pos(x, a, 1.7))", "κ = 1.7 in place"),
    "gelu": ("return jnp.where(x < 0, neg(x, b), a * (x + jax.nn.gelu(x)))", "tanh form of GELU"),
    "stopped": ("return right(x, a, jax.lax.stop_gradient(b))", "b gets no gradient"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_functions_are_named(write, name):
    body, words = WRONG[name]
    report = check(write(f"def subject(x, a, b):\n    {body}\n"), profile="quick", capabilities=FEW)
    assert report.exit_status == 1
    assert words in told(report)


VJP = """
def local(x, a, b):
    below = x < 0
    left, z = jnp.where(below, x, 0), K * jnp.where(below, 0, x)
    s, c = jax.nn.sigmoid(z), jax.nn.sigmoid(-z)
    return (jnp.where(below, b * jnp.exp(left), a * (1 + s + z * s * c)), z / K * (1 + s),
            jnp.expm1(left))

def sum_to(g, t):
    added = g.ndim - t.ndim
    axes = (*range(added), *(added + i for i, n in enumerate(t.shape) if n == 1))
    return g.sum(axes).reshape(t.shape).astype(t.dtype)

subject = jax.custom_vjp(right)

def backward(kept, gy):
    x, a, b, slopes = kept
    dx, da, db = (sum_to(gy * s, t) for s, t in zip(slopes or local(x, a, b), (x, a, b)))
    return {}

subject.defvjp(lambda x, a, b: (right(x, a, b), (x, a, b, {})), backward)
"""


@pytest.mark.parametrize(
    ("returned", "words"),
    [("dx, db + 0 * a, da + 0 * b", "swapped"), ("dx, da * 2, db", "da"), ("gy * 0, da, db", "dx")],
)
def test_wrong_rules(write, returned, words):
    report = check(write(VJP.format(returned, None)), profile="quick", capabilities=FEW)
    assert report.exit_status == 1
    assert words in told(report)


def test_second_derivatives_that_are_wrong_in_silence(write):
    few = FEW | {"order": 2}
    name = write(VJP.format("dx, da, db", "jax.lax.stop_gradient(local(x, a, b))"))
    report = check(name, capabilities=few)
    assert {q[:2] for f in core(report) for q in f.quantity.split(", ")} == {"d2"}
    assert not core(check(write(VJP.format("dx, da, db", None)), capabilities=few))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def subject(x, a, b): return 1.0", "the function returned a float, expected a jax.Array"),
        ("def subject(x, a, b): return np.asarray(x)", "TracerArrayConversionError"),
        ("def subject(x, a, b): return right(x, a, b)[None].sum(1) * 1j", "complex"),
    ],
)
def test_first_calls_that_fail(write, body, message):
    with pytest.raises(SubjectError, match=message) as caught:
        check(write(body))
    assert caught.value.exit_status == 3


def test_no_such_device():
    with pytest.raises(SubjectError, match="no device 'nowhere'") as caught:
        check(f"{EXAMPLE}:plain", device="nowhere")
    assert caught.value.exit_status == 2
