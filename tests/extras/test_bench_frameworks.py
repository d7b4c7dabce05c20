"""What is timed in PyTorch and JAX is the same as what is timed in NumPy."""

import numpy as np
import pytest

from apalu_ref.bench import activations, contenders, peers
from apalu_ref.bench.cases import draw
from apalu_ref.bench.frameworks import Unavailable

pytestmark = pytest.mark.extras


def results(name, case):
    if name[1] != "fused" and not peers.installed(name[1].split(".")[0]):
        pytest.skip("not installed")
    found = {}
    for stage, (run, before) in contenders.tasks(name, case).items():
        found[stage] = run() if before is None else run(before())
    return found


@pytest.mark.parametrize("shared", ["scalar", "channel", "neuron"])
@pytest.mark.parametrize(
    "name",
    [name for name in contenders.NAMES if name[1] in ("torch", "jax.jit")],
    ids="-".join,
)
def test_values_and_gradients(name, shared):
    case = draw(2000, contenders.parameters(name[0]), "float64", shared, threads=2)
    wanted, got = (results((name[0], way), case) for way in ("fused", name[1]))
    flat = [got["forward"], *_flat(got["backward"])]
    for mine, theirs in zip((wanted["forward"], *wanted["backward"]), flat, strict=True):
        theirs = np.asarray(theirs.detach() if hasattr(theirs, "detach") else theirs)
        np.testing.assert_allclose(theirs.reshape(mine.shape), mine, rtol=1e-9, atol=1e-12)
        assert theirs.dtype == mine.dtype


def _flat(gradients):
    return [g for part in gradients for g in (part if isinstance(part, tuple) else (part,))]


def test_what_a_framework_has_not_is_said():
    if not peers.installed("torch"):
        pytest.skip("not installed")
    case = draw(100, 1, "float32", "element")
    with pytest.raises(Unavailable, match="a weight a channel"):
        contenders.tasks(("prelu", "torch"), case)


def test_frameworks_have_rows_without_counts():
    options = activations.Options(
        contenders.chosen(["apalu", "fused", "torch", "jax.jit"]), sizes=(100,), runs=1
    )
    report = activations.measure(options)
    for row in report.rows:
        if row.way in contenders.FRAMEWORKS:
            assert (row.counts, row.extra) == (None, None)
            assert row.seconds.median > 0
