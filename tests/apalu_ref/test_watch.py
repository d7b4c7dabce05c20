"""WatchAPALU: a and b as they were, and each way to fail told with layer, channel and step."""

import warnings

import numpy as np
import pytest

from apalu_ref.layer import APALU
from apalu_ref.watch import WatchAPALU
from minigrad import nn
from minigrad.data import DataLoader, TensorDataset
from minigrad.optim import SGD
from minigrad.train import Callback, NonFiniteError, TrainingWarning, fit


class Net(nn.Module):
    def __init__(self, units=4, **kwargs):
        super().__init__()
        rng = np.random.default_rng(0)
        self.w = nn.Parameter(rng.normal(size=(2, units)).astype(np.float32))
        self.act = APALU(units, **{"init": (1.0, 1.5), **kwargs})

    def forward(self, x):
        return self.act(x @ self.w)


class Set(Callback):
    """Writes into a and b at a step."""

    def __init__(self, step, index, a=None, b=None):
        self.step, self.index, self.a, self.b = step, index, a, b

    def on_step(self, run):
        if run.step == self.step:
            for p, value in ((run.model.act.a, self.a), (run.model.act.b, self.b)):
                if value is not None:
                    p.data[self.index] = value


def trained(*callbacks, net=None, lr=0.0):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 2))
    net = net or Net()
    return fit(
        net,
        lambda out, target: (out.sum(axis=1) - target).mean() ** 2,
        SGD(net.parameters(), lr=lr),
        DataLoader(TensorDataset(x, x[:, 0]), batch_size=8),
        epochs=2,
        callbacks=callbacks,
        progress=False,
    )


def test_a_b_and_the_kink_are_recorded_from_the_start():
    class Copy(Callback):
        seen = ()

        def on_step(self, run):
            self.seen = (*self.seen, [run.model.act.a.data.copy(), run.model.act.b.data.copy()])

    copy = Copy()
    table = trained(copy, WatchAPALU(each=5), lr=0.01).records["apalu"]
    assert table["step"] == [0, 5, 10]
    assert table["act.a"][0] == [1.0] * 4
    assert table["act.kink"][0] == 0.0
    a, b = copy.seen[4]
    assert np.array_equal(np.float32(table["act.a"][1]), a)
    assert np.array_equal(np.float32(table["act.b"][1]), b)
    assert table["act.kink"][1] == pytest.approx(np.abs(b - 1.5 * a).mean(), rel=1e-5)


def test_of_many_values_the_quartiles_are_recorded():
    net = Net(units=200, init="paper")
    a = net.act.a.data.astype(float)
    table = trained(WatchAPALU(), net=net).records["apalu"]
    assert table["act.a"][0] == pytest.approx(np.percentile(a, [0, 25, 50, 75, 100]))


@pytest.mark.parametrize("options", [{"positive": True}, {"tied": True}, {"frozen": True}])
def test_every_kind_of_layer_can_be_watched(options):
    kwargs = {"init": 1.0} if options.get("tied") else {}
    history = trained(WatchAPALU(), net=Net(**kwargs, **options), lr=0.01)
    assert history.records["apalu"]["act.a"][0] == pytest.approx([1.0] * 4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_stops(value):
    message = rf"b of layer act, channel 2 is {value} at step 7 \(epoch 2, batch 2\); give a and b"
    with pytest.raises(NonFiniteError, match=message):
        trained(Set(7, 2, b=value), WatchAPALU(each=1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            Set(3, 1, a=1e-5, b=-2e-4),
            "layer act, channel 1 is dead, its output about 0 for every input: a = 1e-05 and b = "
            "-0.0002 at step 3 (epoch 1, batch 3); take a and b out of the weight decay",
        ),
        (
            Set(3, slice(1, 3), a=0.0, b=0.0),
            "layer act, channel 1 is dead, its output about 0 for every input: a = 0 and b = 0 at "
            "step 3 (epoch 1, batch 3) (and 1 more of 4);",
        ),
        (
            Set(6, slice(None), a=2e-4),
            "layer act lets nothing through for x ≥ 0: the largest |a| is 0.0002 at step 6 (epoch "
            "2, batch 1); take a and b out of the weight decay",
        ),
        (
            Set(3, 3, b=-0.25),
            "layer act, channel 3 is not monotonic any more, a and b having opposite signs: a = 1 "
            "and b = -0.25 at step 3 (epoch 1, batch 3); take APALU(positive=True)",
        ),
        (
            Set(3, 0, a=-1.0, b=-0.5),
            "layer act, channel 0 is a decreasing function now, a and b being negative: a = -1 "
            "and b = -0.5 at step 3",
        ),
        (
            Set(3, 2, a=12.5),
            "a of layer act, channel 2 has grown to 12.5 at step 3 (epoch 1, batch 3): the layer "
            "multiplies its input by about 25; give a and b a smaller learning rate",
        ),
        (
            Set(3, 2, b=-30.0, a=-1.0),
            "b of layer act, channel 2 has grown to -30 at step 3",
        ),
    ],
)
def test_each_failure_is_told_with_place_value_and_remedy(change, message):
    with pytest.warns(TrainingWarning) as caught:
        history = trained(change, WatchAPALU(each=1))
    assert str(caught[0].message).startswith(message)
    assert history.warnings == [str(w.message) for w in caught]


def test_a_failure_that_lasts_is_told_once():
    with pytest.warns(TrainingWarning) as caught:
        trained(Set(2, 0, b=-1.0), WatchAPALU(each=1))
    assert len(caught) == 1


def test_healthy_training_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trained(WatchAPALU(each=1), lr=0.001).warnings == []


def test_a_model_without_apalu_is_refused():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(np.ones((2, 2), np.float32))

        def forward(self, x):
            return x @ self.w

    with pytest.raises(ValueError, match="no APALU layer"):
        trained(WatchAPALU(), net=Plain())


def test_the_picture_shows_every_value_over_the_steps(tmp_path):
    watch = WatchAPALU(each=2)
    with pytest.raises(ValueError, match="nothing to draw"):
        watch.plot()
    history = trained(watch, lr=0.01)
    figure = watch.plot(tmp_path / "ab.png")
    assert (tmp_path / "ab.png").read_bytes().startswith(b"\x89PNG")
    assert [panel.get_title() for panel in figure.axes] == ["layer act: a", "layer act: b"]
    table = history.records["apalu"]
    line = figure.axes[1].lines[2]
    assert line.get_xdata().tolist() == table["step"]
    assert line.get_ydata().tolist() == [row[2] for row in table["act.b"]]
