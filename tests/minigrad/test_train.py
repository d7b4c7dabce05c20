"""fit: that it trains, what the history holds, and that what goes wrong is said."""

import contextlib
import io
import math

import numpy as np
import pytest

from minigrad import nn, random
from minigrad.data import DataLoader, TensorDataset
from minigrad.optim import SGD, Adam, lr_scheduler
from minigrad.train import (
    Callback,
    EarlyStopping,
    NonFiniteError,
    accuracy,
    fit,
)


class Net(nn.Module):
    """Two layers, written out, that count their calls."""

    def __init__(self, inside=8):
        super().__init__()
        rng = np.random.default_rng(0)
        self.w = nn.Parameter(rng.normal(size=(2, inside)).astype(np.float32))
        self.v = nn.Parameter(rng.normal(size=(inside, 2)).astype(np.float32) / 3)
        self.modes = []

    def forward(self, x):
        self.modes.append(self.training)
        return np.tanh(x @ self.w) @ self.v


def points(n=200, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 2))
    return TensorDataset(x, (x[:, 0] + 0.5 * x[:, 1] > 0).astype(int))


def loss(output, target):
    """Mean squared distance from ±1: enough to learn two classes."""
    sign = np.stack([1 - 2 * target, 2 * target - 1], axis=1).astype(np.float32)
    return ((output - sign) ** 2).mean()


def trained(epochs=3, net=None, data=None, lr=0.05, loss=loss, optimizer=None, **kwargs):
    random.manual_seed(0)
    net = net or Net()
    optimizer = optimizer or Adam(net.parameters(), lr=lr)
    loader = DataLoader(points() if data is None else data, batch_size=32, shuffle=True)
    kwargs.setdefault("progress", False)
    return net, fit(net, loss, optimizer, loader, epochs=epochs, **kwargs)


def test_it_learns():
    validation = DataLoader(points(500, seed=1), batch_size=64)
    _, history = trained(12, validation=validation, metrics={"accuracy": accuracy})
    assert history["val_accuracy"][-1] > 0.97
    assert history["accuracy"][-1] > 0.97
    assert history["loss"][0] > 2 * history["loss"][-1]
    assert history["epoch"] == list(range(1, 13))


def test_the_loss_of_an_epoch_is_the_mean_over_examples():
    net = Net()
    _, history = trained(1, net=net, optimizer=SGD(net.parameters(), lr=0.0))
    data = points()
    want = loss(Net()(data.tensors[0].astype(np.float32)), data.tensors[1]).item()
    assert history["loss"] == pytest.approx([want], rel=1e-5)  # the last batch has 8 of 32


def test_the_validation_loss_is_the_mean_over_examples():
    data = points(70)
    net, history = trained(1, validation=DataLoader(data, batch_size=32))
    want = loss(net(data.tensors[0].astype(np.float32)), data.tensors[1]).item()
    assert history["val_loss"] == pytest.approx([want], rel=1e-5)  # the last batch has 6 of 32


def test_validation_metrics_see_all_examples_at_once():
    sizes = []

    def spread(output, target):
        sizes.append(len(output))
        return output.max() - output.min()

    validation = DataLoader(points(70), batch_size=32)
    trained(1, validation=validation, metrics={"spread": spread})
    assert sizes == [32] * 6 + [8] + [70]


def test_the_model_trains_in_training_mode_and_is_left_in_evaluation_mode():
    validation = DataLoader(points(64), batch_size=32)
    net, _ = trained(2, validation=validation)
    assert net.modes == ([True] * 7 + [False] * 2) * 2
    assert not net.training


def test_several_inputs_go_to_the_model_and_the_last_is_the_target():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(np.ones(1, np.float32))

        def forward(self, x, y):
            return self.w * x + y

    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 100))
    net = Sum()
    fit(
        net,
        lambda out, target: ((out - target) ** 2).mean(),
        SGD(net.parameters(), lr=0.2),
        DataLoader(TensorDataset(x, y, 3 * x + y), batch_size=10),
        epochs=3,
        progress=False,
    )
    assert net.w.item() == pytest.approx(3, abs=0.01)


def test_without_progress_nothing_is_printed(capsys):
    trained(1)
    assert capsys.readouterr() == ("", "")


def test_seeds_reproduce():
    a, first = trained()
    b, second = trained()
    assert a.w.data.tobytes() == b.w.data.tobytes()
    assert first["loss"] == second["loss"]


# -- schedules and clipping


def test_schedules_step_each_epoch_and_one_cycle_each_step():
    net = Net()
    optimizer = SGD(net.parameters(), lr=1e-3)
    schedule = lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    _, history = trained(3, net=net, optimizer=optimizer, scheduler=schedule)
    assert history["lr"] == pytest.approx([1e-3, 5e-4, 2.5e-4])
    schedule = lr_scheduler.OneCycleLR(optimizer, 1e-3, epochs=2, steps_per_epoch=7)
    trained(2, net=net, optimizer=optimizer, scheduler=schedule)
    assert schedule.last_epoch == 14
    schedule = lr_scheduler.LinearLR(optimizer, total_iters=20)
    trained(2, net=net, optimizer=optimizer, scheduler=schedule, scheduler_interval="step")
    assert schedule.last_epoch == 14


def test_the_plateau_schedule_is_given_what_is_watched():
    net = Net()
    optimizer = SGD(net.parameters(), lr=0.0)
    schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, threshold=0.01)
    _, history = trained(3, net=net, optimizer=optimizer, scheduler=schedule)
    assert schedule.best == history["loss"][0]


def test_clipping_bounds_what_the_optimiser_sees():
    class Norms(Callback):
        seen = ()

        def on_step(self, run):
            norm = math.sqrt(sum((p.grad.data**2).sum() for p in run.model.parameters()))
            self.seen = (*self.seen, norm)

    norms = Norms()
    trained(1, clip_grad_norm=0.01, callbacks=[norms])
    assert max(norms.seen) == pytest.approx(0.01, rel=1e-3)


# -- early stopping


class Scripted(Callback):
    """Makes the validation loss what the test wants, and marks the model with the epoch."""

    def __init__(self, values):
        self.values = values

    def on_epoch(self, run, row):
        row["val_loss"] = self.values[run.epoch - 1]
        run.model.w.data[...] = run.epoch


def stopped(values, **kwargs):
    return trained(
        len(values),
        validation=DataLoader(points(8), batch_size=8),
        callbacks=[Scripted(values)],
        early_stopping=EarlyStopping(**kwargs),
    )


def test_early_stopping_waits_and_restores_the_best():
    net, history = stopped([5.0, 3.0, 4.0, 2.0, 2.5, 2.5, 1.0], patience=2)
    assert len(history) == 6
    assert history.best_epoch == 4
    assert (net.w.data == 4).all()
    assert history.stopped == "val_loss has not got better for 2 epochs (best 2 in epoch 4)"


def test_the_best_is_restored_after_the_last_epoch_too_unless_not_wanted():
    net, history = stopped([3.0, 1.0, 2.0], patience=5)
    assert (net.w.data == 2).all()
    assert history.stopped is None
    net, _ = stopped([3.0, 1.0, 2.0], patience=5, restore_best=False)
    assert (net.w.data == 3).all()


def test_more_can_be_better_little_can_count_as_nothing_and_nan_is_never_better():
    assert stopped([1.0, 2.0, 1.5, 1.0], patience=2, mode="max")[1].best_epoch == 2
    assert len(stopped([1.0, 0.95, 0.91, 0.5], patience=2, min_delta=0.1)[1]) == 3
    assert stopped([math.nan, 2.0, math.nan], patience=5)[1].best_epoch == 2


def test_a_callback_can_stop_training():
    class Enough(Callback):
        def on_step(self, run):
            if run.step == 9:
                run.stop("enough")

    _, history = trained(5, callbacks=[Enough()])
    assert history.stopped == "enough"
    assert len(history) == 2


def test_early_stopping_refuses_what_makes_no_sense():
    for settings in ({"mode": "less"}, {"patience": 0}, {"min_delta": -1}):
        with pytest.raises(ValueError, match=r"must be|mode is"):
            EarlyStopping(**settings)


# -- callbacks


def test_callbacks_are_called_in_order_with_the_state_they_are_promised():
    calls = []

    class Log(Callback):
        def on_start(self, run):
            calls.append("start")

        def on_backward(self, run):
            assert all(p.grad is not None for p in run.model.parameters())
            self.before = run.model.w.data.copy()
            calls.append(f"backward {run.step}")

        def on_step(self, run):
            assert not np.array_equal(run.model.w.data, self.before)
            assert math.isfinite(run.loss)
            calls.append(f"step {run.step} {run.epoch} {run.batch}")

        def on_epoch(self, run, row):
            calls.append(f"epoch {row['epoch']}")
            row["mine"] = 7

        def on_end(self, run):
            calls.append("end")

    _, history = trained(2, data=points(64), callbacks=[Log()])
    assert calls == [
        "start",
        *("backward 1", "step 1 1 1", "backward 2", "step 2 1 2", "epoch 1"),
        *("backward 3", "step 3 2 1", "backward 4", "step 4 2 2", "epoch 2"),
        "end",
    ]
    assert history["mine"] == [7, 7]


def test_on_end_is_called_after_an_error_too():
    class Log(Callback):
        ended = False

        def on_step(self, run):
            raise ZeroDivisionError

        def on_end(self, run):
            self.ended = True

    with pytest.raises(ZeroDivisionError):
        trained(callbacks=[log := Log()])
    assert log.ended


# -- NaN and infinities


def test_a_loss_that_is_nan_stops_and_names_the_parameter():
    class Spoil(Callback):
        def on_step(self, run):
            if run.step == 9:
                run.model.v.data[3, 1] = np.nan

    with pytest.raises(NonFiniteError) as caught:
        trained(callbacks=[Spoil()])
    assert str(caught.value) == (
        "v has 1 NaN of 16 elements, the first at [3, 1], at step 10 (epoch 2, batch 3); try a "
        "smaller learning rate, clip_grad_norm=1.0, or a warm-up"
    )


def test_a_parameter_that_is_nan_at_the_end_of_an_epoch_stops():
    class Spoil(Callback):
        def on_epoch(self, run, row):
            run.model.w.data[...] = np.inf

    with pytest.raises(NonFiniteError, match=r"w has 16 infinite of 16 elements.*epoch 1, batch 7"):
        trained(callbacks=[Spoil()])


def test_data_that_are_nan_are_named():
    data = points()
    data.tensors[0][17, 1] = np.nan
    with pytest.raises(NonFiniteError, match=r"the loss is nan: input 0 of the batch has 1 NaN"):
        trained(data=data)


def test_an_overflow_in_the_loss_is_named():
    def overflowing(output, target):
        return (np.exp(output * 1e4) * 0).sum()

    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(NonFiniteError, match=r"loss is nan, though parameters.*detect_anomaly"),
    ):
        trained(loss=overflowing)


def test_a_gradient_that_is_not_finite_is_named_when_clipping():
    net = Net()

    def steep(output, target):
        return np.sqrt((output * 0).sum())  # ∞ · 0 in backward

    with (
        np.errstate(all="ignore"),
        pytest.raises(NonFiniteError, match=r"the gradient of [wv] has .* at step 1 "),
    ):
        trained(net=net, loss=steep, clip_grad_norm=1.0)
    assert np.array_equal(net.w.data, Net().w.data)  # no step was taken


# -- wrong use


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs must be a whole number, 1 or more, not 0"),
        ({"scheduler_interval": "batch"}, ValueError, "'epoch' or 'step', not 'batch'"),
        ({"validation": iter([])}, TypeError, "validation must give its batches anew"),
        ({"validation": []}, ValueError, "validation has no examples"),
        ({"early_stopping": EarlyStopping(monitor="acc")}, ValueError, "there will be loss"),
        ({"early_stopping": EarlyStopping(monitor="val_loss")}, ValueError, "'val_loss'"),
        ({"early_stopping": {"patience": 1}}, TypeError, "an EarlyStopping, not a dict"),
        ({"metrics": {"lr": accuracy}}, ValueError, "metrics cannot be named lr"),
        ({"loss": lambda out, target: out}, TypeError, r"one number, not shape \(32, 2\)"),
        ({"loss": lambda out, target: 1.0}, TypeError, "one number, not float"),
        ({"data": TensorDataset(np.zeros((0, 2)), np.zeros(0))}, ValueError, "has no batches"),
        ({"data": TensorDataset(np.zeros((4, 2)))}, TypeError, "the target last"),
    ],
)
def test_errors_say_what_is_wrong(kwargs, error, message):
    with pytest.raises(error, match=message):
        trained(**kwargs)


# -- progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_one_line_an_epoch_on_standard_error():
    shown = io.StringIO()
    with contextlib.redirect_stderr(shown):
        trained(2, progress=True, metrics={"accuracy": accuracy})
    lines = shown.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    assert "accuracy 0." in lines[0]


def test_progress_is_one_line_rewritten_on_a_terminal():
    shown = Terminal()
    with contextlib.redirect_stderr(shown):
        trained(2, progress=True)
    text = shown.getvalue()
    assert "\repoch 1/2  batch 1/7  loss" in text
    assert text.count("\n") == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_loader": points()}, "pass DataLoader"),
        ({"validation": (np.zeros((3, 2)), np.zeros(3))}, "pass DataLoader"),
        ({"loss": "cross_entropy"}, "loss is a function"),
        ({"loss": nn.CrossEntropyLoss}, "loss is a function"),
        ({"optimizer": Adam}, "optimizer must be one"),
        ({"optimizer": Adam(Net().parameters())}, "none of the model's parameters"),
        ({"metrics": ["accuracy"]}, "metrics maps names"),
    ],
)
def test_wrong_kinds_of_arguments_are_told(change, message):
    net = Net()
    arguments = {
        "model": net,
        "loss": loss,
        "optimizer": Adam(net.parameters()),
        "train_loader": DataLoader(points(), batch_size=32),
        "epochs": 1,
        "progress": False,
    }
    with pytest.raises((TypeError, ValueError), match=message):
        fit(**arguments | change)
