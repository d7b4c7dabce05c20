"""The module of the PyTorch port."""

import copy

import pytest

torch = pytest.importorskip("torch")

from apalu_ref.ports.torch import APALU, VARIANCE_PRESERVING, apalu  # noqa: E402

pytestmark = pytest.mark.extras


@pytest.mark.parametrize(
    ("options", "own", "parameter", "x"),
    [
        ((), (1,), (), (4, 5)),
        ((), (1,), (), ()),
        ((3,), (3,), (3, 1, 1), (2, 3, 4, 5)),
        ((5, -1), (5,), (5,), (2, 3, 5)),
        ((5,), (5,), (5,), (4, 5)),
        (((4, 5),), (4, 5), (4, 5), (2, 4, 5)),
    ],
)
def test_which_axis(options, own, parameter, x):
    layer = APALU(*options)
    assert layer.a.shape == layer.b.shape == own
    x = torch.randn(x, generator=torch.Generator().manual_seed(0))
    a, b = (p.detach().reshape(parameter) for p in (layer.a, layer.b))
    y = layer(x)
    assert torch.equal(y, apalu(x, a, b))
    y.sum().backward()
    assert layer.a.grad.shape == layer.a.shape


def test_wrong_shapes():
    for layer, x in ((APALU(3), (2, 4)), (APALU(3), (3,)), (APALU((4, 5)), (2, 5, 4))):
        with pytest.raises(ValueError, match="this APALU has"):
            layer(torch.ones(x))
    for wrong in (0, (), (3, -1)):
        with pytest.raises(ValueError, match="num_parameters"):
            APALU(wrong)
    for wrong in ("ones", (1.0, 2.0, 3.0)):
        with pytest.raises(ValueError, match="init is"):
            APALU(init=wrong)


def test_init():
    layer = APALU(20000, generator=torch.Generator().manual_seed(0))
    again = APALU(20000, generator=torch.Generator().manual_seed(0))
    for name in ("a", "b"):
        values = getattr(layer, name)
        assert 0 <= values.min() < 0.001
        assert 1.999 < values.max() <= 2
        assert values.mean().item() == pytest.approx(1, abs=0.02)
        assert torch.equal(values, getattr(again, name))
    assert not torch.equal(layer.a, layer.b)
    preserving = APALU(init="variance-preserving", dtype=torch.float64)
    assert (preserving.a.item(), preserving.b.item()) == (
        VARIANCE_PRESERVING,
        1.5 * VARIANCE_PRESERVING,
    )
    assert [p.tolist() for p in APALU(2, init=(1, 0.5)).parameters()] == [[1, 1], [0.5, 0.5]]
    meta = APALU(3, device="meta")
    assert meta(torch.ones(2, 3, device="meta").half()).shape == (2, 3)


def test_state_dict_copies_and_printing():
    layer, other = APALU(3, init=0.5), APALU(3)
    assert list(layer.state_dict()) == ["a", "b"]
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other.a, layer.a)
    assert torch.equal(copy.deepcopy(other).b, layer.b)
    assert repr(layer) == "APALU(3, init=0.5)"
    assert repr(APALU(4, channel_axis=-1)) == "APALU(4, channel_axis=-1)"


def test_autocast_keeps_the_type_of_the_input():
    layer, x = APALU(3), torch.ones(2, 3).bfloat16()
    assert layer(x).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(x).dtype == torch.bfloat16
        assert layer(x.float()).dtype == torch.float32


def test_training():
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(2, 16), APALU(16), torch.nn.Linear(16, 1))
    start = network[1].a.detach().clone(), network[1].b.detach().clone()
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    x = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y = torch.tensor([[0.0], [1], [1], [0]])
    for _ in range(200):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(network(x), y)
        loss.backward()
        optimizer.step()
    assert loss.item() < 1e-2
    assert not torch.equal(start[0], network[1].a)
    assert not torch.equal(start[1], network[1].b)
