"""fit: that it trains, what the history holds, and that what goes wrong is said."""

import contextlib
import io
import math

import numpy as np
import pytest

from minigrad import nn
from minigrad.data import DataLoader, TensorDataset
from minigrad.optim import SGD, Adam, lr_scheduler
from minigrad.train import Callback, EarlyStopping, accuracy, fit

from .training import Net, loss, points, trained


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
