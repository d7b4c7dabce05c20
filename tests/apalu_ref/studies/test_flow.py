"""Gradients on the way: angles, sizes, and whether the loss rises."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from apalu_ref.studies.flow import EDGES, LEAST, Flow, angle, apart, decades, probed, rises
from minigrad import Tensor, nn, optim, random
from minigrad.nn import functional as F
from minigrad.train import fit


@pytest.mark.parametrize(
    ("second", "degrees"),
    [([3, 0], 0), ([0, 2], 90), ([-1, 0], 180), ([1, 1], 45), ([-1, math.sqrt(3)], 120)],
)
def test_angles_are_those_of_the_plane(second, degrees):
    assert angle(np.array([1.0, 0.0]), np.array(second, float)) == pytest.approx(degrees)


@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf])
def test_what_has_no_direction_has_no_angle(bad):
    assert angle(np.ones(2), np.full(2, bad)) is None


def test_equal_and_falling_losses_do_not_rise():
    assert rises([3, 2, 2, 1]) == 0
    assert rises([1, 2, 3]) == 1
    assert rises([2, 3, 1, 2, 1]) == 0.5
    assert rises([1.0]) is None


def test_decades_are_those_of_the_root_mean_square():
    assert decades(np.array([[30.0, -40.0]])) == pytest.approx(math.log10(math.sqrt(1250)))
    assert decades(np.full((2, 2), 1e-3, np.float32)) == pytest.approx(-3)
    assert decades(np.zeros((2, 2))) == math.log10(LEAST)


def test_layers_lie_apart_by_the_mean_of_largest_less_smallest():
    assert apart([[-1.0, -3.0, -2.0], [-1.0, -1.0, -2.0]]) == 1.5
    assert apart([]) is None
    assert apart([[math.inf, 1.0]]) is None


def _network():
    random.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))


def _rows(count=6):
    rng = np.random.default_rng(1)
    return rng.normal(size=(count, 3)).astype(np.float32), rng.integers(0, 2, count)


@pytest.mark.parametrize("training", [True, False])
def test_a_probe_leaves_the_network_as_it_is(training):
    network, rows = _network(), _rows()
    network.train(training)
    before = {k: np.array(v) for k, v in network.state_dict().items()}
    loss = probed(network, rows)
    for name, value in network.state_dict().items():
        assert np.array_equal(np.array(value), before[name]), name
    assert network.training is training
    # In training mode: batch norm goes by the rows themselves.
    network.train()
    assert loss == float(F.cross_entropy(network(Tensor(rows[0])), rows[1]).data)


def test_flow_records_what_training_does_and_does_not_change_it():
    ends = []
    for callbacks in ([], [Flow(2, _rows(4))]):
        network = _network()
        fit(
            network, F.cross_entropy, optim.SGD(network.parameters(), lr=0.1), [_rows()] * 5,
            epochs=1, callbacks=callbacks, progress=False,
        )  # fmt: skip
        ends.append(network.state_dict())
    flow = callbacks[0]
    assert all(np.array_equal(ends[0][k], ends[1][k]) for k in ends[0])
    assert len(flow.losses) == 6
    assert len(flow.angles) == 4
    assert len(flow.sizes) == len(flow.histograms) == 3
    # Two layers have weights; norm and biases are none.
    assert all(len(sizes) == 2 for sizes in flow.sizes)
    assert [sum(counts) for counts in flow.histograms[0]] == [12, 8]
    assert len(flow.histograms[0][0]) == len(EDGES) - 1


def test_sizes_by_layer_are_those_of_the_gradients_of_the_first_step():
    network, rows = _network(), _rows()
    F.cross_entropy(network(Tensor(rows[0])), rows[1]).backward()
    want = [decades(network[i].weight.grad.data) for i in (0, 3)]
    network, flow = _network(), Flow(1, rows)
    fit(network, F.cross_entropy, optim.SGD(network.parameters(), lr=0.1), [rows], epochs=1,
        callbacks=[flow], progress=False)  # fmt: skip
    assert flow.sizes[0] == want


def test_on_the_same_rows_a_small_step_goes_down_and_a_huge_one_up():
    for rate, share in ((0.01, 0.0), (1e4, 1.0)):
        network, rows = nn.Sequential(nn.Linear(3, 2)), _rows()
        network[0].weight.data[...] = 0
        flow = Flow(1, rows)
        fit(network, F.cross_entropy, optim.SGD(network.parameters(), lr=rate), [rows], epochs=1,
            callbacks=[flow], progress=False)  # fmt: skip
        assert rises(flow.losses) == share


def test_a_turn_is_that_from_the_gradient_of_the_step_before():
    network = nn.Sequential(nn.Linear(2, 1, bias=False))
    flow = Flow(1, _rows())
    for degrees in (0, 30, 90, 80):
        t = math.radians(degrees)
        network[0].weight.grad = Tensor(np.array([[math.cos(t), math.sin(t)]], np.float32))
        flow.on_backward(SimpleNamespace(model=network))
    assert flow.angles == pytest.approx([30, 60, 10], abs=1e-3)
