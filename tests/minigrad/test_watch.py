"""Watchers: what they record is what was there, and what they warn of has happened."""

import json
import warnings

import numpy as np
import pytest

from minigrad import nn
from minigrad.data import DataLoader, TensorDataset
from minigrad.optim import SGD
from minigrad.train import Callback, NonFiniteError, TrainingWarning, fit
from minigrad.watch import WatchDeadUnits, WatchGradients, WatchParameters


class Relu(nn.Module):
    def forward(self, x):
        return np.maximum(x, 0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        rng = np.random.default_rng(0)
        self.w = nn.Parameter(rng.normal(size=(2, 4)).astype(np.float32))
        self.relu = Relu()
        self.v = nn.Parameter(rng.normal(size=(4, 1)).astype(np.float32))

    def forward(self, x):
        return self.relu(x @ self.w) @ self.v


class Copies(Callback):
    """What there was to be seen."""

    def __init__(self):
        self.w, self.gradients = [], []

    def on_backward(self, run):
        self.gradients.append(run.model.w.grad.data.copy())

    def on_step(self, run):
        self.w.append(run.model.w.data.copy())


def trained(*callbacks, epochs=2, net=None, lr=0.01, scale=1.0):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 2))
    net = net or Net()
    history = fit(
        net,
        lambda out, target: ((out - target) ** 2).mean() * scale,
        SGD(net.parameters(), lr=lr),
        DataLoader(TensorDataset(x, x[:, :1]), batch_size=8),
        epochs=epochs,
        callbacks=callbacks,
        progress=False,
    )
    return history


def test_values_of_parameters():
    copies = Copies()
    history = trained(copies, WatchParameters("w", each=4, statistics=None))
    table = history.records["parameters"]
    assert table["step"] == [1, 4, 8]
    assert np.array_equal(np.float32(table["w"]), [copies.w[i - 1] for i in table["step"]])


def test_statistics_of_parameters():
    copies = Copies()
    names = ["mean", "std", "min", "max", "norm", "p25"]
    history = trained(copies, WatchParameters(["w", "?"], statistics=names, name="table"))
    table = history.records["table"]
    assert sorted(table) == sorted(["step", *(f"{p}.{s}" for p in "wv" for s in names)])
    for i, w in enumerate(np.float64(copies.w)):
        want = [w.mean(), w.std(), w.min(), w.max(), np.linalg.norm(w), np.percentile(w, 25)]
        assert [table[f"w.{s}"][i] for s in names] == pytest.approx(want, abs=1e-6)


def test_norms_and_histograms_of_gradients():
    copies = Copies()
    history = trained(copies, WatchGradients(each=1, bins=5))
    table = history.records["gradients"]
    assert table["w"] == pytest.approx([np.linalg.norm(g) for g in copies.gradients], rel=1e-6)
    counts, edges = table["w.histogram"][3]
    want = np.histogram(copies.gradients[3], 5)
    assert counts == want[0].tolist()
    assert edges == pytest.approx(want[1], rel=1e-6)


def test_records_go_into_the_json_file(tmp_path):
    history = trained(WatchGradients(bins=2), WatchParameters(each=3))
    history.to_json(tmp_path / "h.json")
    assert json.loads((tmp_path / "h.json").read_text())["records"] == history.records


def test_a_parameter_that_has_a_gradient_only_later_has_none_before():
    class Freeze(Callback):
        def on_start(self, run):
            run.model.v.requires_grad_(False)

        def on_step(self, run):
            run.model.v.requires_grad_(run.step >= 2)

    table = trained(Freeze(), WatchGradients(each=1), epochs=1).records["gradients"]
    assert [v is None for v in table["v"]] == [True, True, False, False, False]
    assert all(v is not None for v in table["w"])


def test_exploding_gradients_are_warned_of_once_a_parameter():
    with pytest.warns(TrainingWarning) as caught:
        history = trained(WatchGradients(each=1, exploding=10.0), lr=0.0, scale=1e3)
    messages = [str(w.message) for w in caught]
    assert len(messages) == 2
    assert messages[0].startswith("the gradient of w explodes: its norm is ")
    assert "at step 1 (epoch 1, batch 1)" in messages[0]
    assert "clip_grad_norm" in messages[0]
    assert history.warnings == messages


def test_vanishing_gradients_are_warned_of_after_some_looks_in_a_row():
    with pytest.warns(TrainingWarning) as caught:
        trained(WatchGradients(each=1, vanishing=1e-6, patience=3), scale=1e-12)
    assert len(caught) == 2
    for name, warning in zip("wv", caught, strict=True):
        message = str(warning.message)
        assert message.startswith(f"the gradient of {name} vanishes: its root mean square")
        assert "3 looks in a row" in message
        assert "at step 3 (epoch 1, batch 3)" in message


def test_healthy_gradients_are_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trained(WatchGradients(each=1), WatchDeadUnits("relu", worst=0.9)).warnings == []


def test_a_gradient_that_is_not_finite_stops_before_the_step():
    class Spoil(Callback):
        def on_backward(self, run):
            if run.step == 7:
                run.model.v.grad.data[2, 0] = np.inf

    net = Net()
    message = (
        r"the gradient of v has 1 infinite of 4 elements, the first at \[2, 0\], at step 7 "
        r"\(epoch 2, batch 2\)"
    )
    with pytest.raises(NonFiniteError, match=message):
        trained(Spoil(), WatchGradients(each=1), net=net)
    assert np.isfinite(net.v.data).all()


def test_units_that_are_never_active_are_counted_and_warned_of():
    net = Net()
    net.w.data[...] = [[1, -1, 1e-3, 0], [0, 0, 0, 0]]
    net.w.data[:, [0, 3]] = 0  # ReLU(0): dead
    with pytest.warns(TrainingWarning) as caught:
        history = trained(WatchDeadUnits("re*", worst=0.3), lr=0.0, net=net)
    assert history.records["dead units"] == {"step": [5, 10], "relu": [0.5, 0.5]}
    assert len(caught) == 1
    assert str(caught[0].message).startswith(
        "2 of 4 units of relu gave the same output throughout epoch 1 (the first: unit 0, 0);"
    )


def test_a_unit_that_is_active_once_in_an_epoch_is_alive():
    net = Net()
    net.w.data[...] = 0
    net.w.data[0] = 1
    x = np.full((40, 2), -1.0)
    x[17, 0] = 1.0
    history = fit(
        net,
        lambda out, target: (out * 0).sum(),
        SGD(net.parameters(), lr=0.0),
        DataLoader(TensorDataset(x, x[:, :1]), batch_size=8),
        epochs=1,
        callbacks=[WatchDeadUnits("relu")],
        progress=False,
    )
    assert history.records["dead units"]["relu"] == [0.0]


def test_channels_of_images_are_units():
    class Channels(nn.Module):
        def __init__(self):
            super().__init__()
            self.k = nn.Parameter(np.float32([1, -1, 0]).reshape(3, 1, 1))
            self.relu = Relu()

        def forward(self, x):
            return self.relu(x * self.k)

    net = Channels()
    x = np.random.default_rng(0).normal(size=(8, 1, 5, 5))
    history = fit(
        net,
        lambda out, target: out.mean(),
        SGD(net.parameters(), lr=0.0),
        DataLoader(TensorDataset(x, np.zeros(8)), batch_size=4),
        epochs=1,
        callbacks=[WatchDeadUnits("relu")],
        progress=False,
    )
    assert history.records["dead units"]["relu"] == pytest.approx([1 / 3])


def test_hooks_are_gone_afterwards():
    net = Net()
    trained(WatchDeadUnits("relu", worst=1.0), net=net)
    assert not net.relu._forward_hooks


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (lambda: WatchParameters("u*"), r"no parameter is called u\*: there are w, v"),
        (lambda: WatchDeadUnits("tanh"), "no module is called tanh: there are relu"),
        (lambda: WatchParameters(statistics=["median"]), "unknown statistic 'median'"),
        (lambda: WatchParameters(statistics=["p101"]), "unknown statistic 'p101'"),
        (lambda: WatchGradients(each=0), "each must be a whole number"),
    ],
)
def test_wrong_names_are_refused_before_training(callback, message):
    with pytest.raises(ValueError, match=message):
        trained(callback())


def test_a_warning_is_issued_once_and_kept():
    class Complain(Callback):
        def on_step(self, run):
            run.warn("strange", once="strange")

    with pytest.warns(TrainingWarning, match="strange") as caught:
        history = trained(Complain())
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert history.warnings == ["strange"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TrainingWarning):
            trained(Complain())
