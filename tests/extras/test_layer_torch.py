"""The APALU layer, and the LeNet of the benchmark, beside the same in PyTorch."""

import numpy as np
import pytest

import minigrad
from apalu_ref.bench import engine, peers
from apalu_ref.layer import APALU
from minigrad.nn import functional as F

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.extras


def formula(x, a, b):
    right = a * x * (1 + torch.sigmoid(1.702 * x))
    return torch.where(x >= 0, right, b * torch.expm1(x.clamp(max=0)))


@pytest.mark.parametrize(
    ("count", "shape", "view"),
    [
        (1, (5, 3), ()),
        (3, (5, 3), (3,)),
        (3, (2, 3, 4, 5), (3, 1, 1)),
        ((3, 4, 5), (2, 3, 4, 5), (3, 4, 5)),
    ],
)
def test_values_and_derivatives_of_both_orders_to_1e_12_of_a_and_b(count, shape, view):
    rng = np.random.default_rng(0)
    layer = APALU(count, dtype=np.float64)
    values = rng.standard_normal(shape) * 3
    gy, v = rng.standard_normal((2, *shape))
    x = minigrad.tensor(values, requires_grad=True)
    tx = torch.tensor(values, requires_grad=True)
    ta, tb = (torch.tensor(p.data, requires_grad=True) for p in (layer.a, layer.b))
    y, ty = layer(x), formula(tx, ta.reshape(view), tb.reshape(view))
    scale = max(np.abs(layer.a.data).max(), np.abs(layer.b.data).max())

    def agree(got, want):
        # Sums over the batch: relative to the number of terms, too.
        tolerance = 1e-12 * scale * values.size
        np.testing.assert_allclose(got.data, want.detach().numpy(), rtol=0, atol=tolerance)

    np.testing.assert_allclose(y.data, ty.detach().numpy(), rtol=0, atol=1e-12 * scale * 4)
    ours = [x, layer.a, layer.b]
    theirs = [tx, ta, tb]
    first = minigrad.grad(y, ours, gy, create_graph=True)
    first_torch = torch.autograd.grad(ty, theirs, torch.tensor(gy), create_graph=True)
    np.testing.assert_allclose(
        first[0].data, first_torch[0].detach().numpy(), rtol=0, atol=1e-12 * scale * 10
    )
    for got, want in zip(first, first_torch, strict=True):
        agree(got, want)
    second = minigrad.grad((first[0] * v).sum() + (first[1] ** 2).sum(), ours)
    total = (first_torch[0] * torch.tensor(v)).sum() + (first_torch[1] ** 2).sum()
    for got, want in zip(second, torch.autograd.grad(total, theirs), strict=True):
        np.testing.assert_allclose(got.data, want.numpy(), rtol=1e-11, atol=1e-11)


def test_the_benchmarks_networks_are_the_same_network():
    theirs, ours = peers.torch_lenet(), engine.lenet()
    given = {name: value.detach().numpy() for name, value in theirs.named_parameters()}
    state = {name: given[name].reshape(p.shape) for name, p in ours.named_parameters()}
    ours.load_state_dict(state)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((16, 1, 28, 28)).astype(np.float32)
    labels = rng.integers(0, 10, 16)
    loss = F.cross_entropy(ours(minigrad.tensor(x)), labels)
    wanted = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(labels))
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-5)
    loss.backward()
    wanted.backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        want = q.grad.numpy().reshape(p.shape)
        np.testing.assert_allclose(p.grad.data, want, rtol=1e-3, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("case", engine.CASES, ids=lambda case: case.what)
def test_every_case_of_the_benchmark_runs(case):
    for optimizer in ("sgd", "adam"):
        step = engine.steps_for(case, "torch", optimizer)
        assert np.isfinite(step().item())
