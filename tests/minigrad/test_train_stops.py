"""What ends a training early: no progress, a callback, or numbers that are not finite."""

import math

import numpy as np
import pytest

from minigrad.data import DataLoader
from minigrad.train import Callback, EarlyStopping, NonFiniteError

from .training import Net, points, trained


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
