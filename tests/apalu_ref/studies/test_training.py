"""One way of training for all arms: paired, and honest about runs that fail."""

import numpy as np
import pytest

from apalu_ref.studies.plan import Task
from apalu_ref.studies.training import (
    accuracy,
    count,
    cross_entropy,
    network,
    predict,
    steps_to,
    thinned,
    train,
)
from minigrad import nn
from minigrad.train import Callback


def task(arm="relu", rate=0.01, seed=0, final=True, **case):
    return Task("mnist-cnn", "smoke", arm, case, rate, seed, final, {})


def build(activation, width):
    hidden = round(10 * width)
    return nn.Sequential(nn.Linear(4, hidden), activation(hidden), nn.Linear(hidden, 3))


def data(n=120):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 4)).astype(np.float32)
    return x, np.abs(x[:, :3]).argmax(1)


def test_arms_begin_with_the_same_weights():
    first = [network(task(name), build) for name in ("relu", "apalu", "tanh", "prelu")]
    for other in first[1:]:
        np.testing.assert_array_equal(other[0].weight.data, first[0][0].weight.data)
        np.testing.assert_array_equal(other[2].weight.data, first[0][2].weight.data)


def test_rates_share_their_weights_and_seeds_do_not():
    same = [network(task(rate=r), build)[0].weight.data for r in (0.1, 0.01)]
    np.testing.assert_array_equal(*same)
    others = [task(seed=1), task(final=False), task(depth=3)]
    assert not any(np.array_equal(network(o, build)[0].weight.data, same[0]) for o in others)


def test_a_wide_network_has_no_fewer_parameters_and_hardly_more():
    apalu, relu, wide = (count(network(task(n), build)) for n in ("apalu", "relu", "relu-wide"))
    unit = 4 + 1 + 3  # what one more hidden unit brings
    assert apalu == relu + 20
    assert apalu <= wide < apalu + unit


def test_training_learns_and_repeats_to_the_last_bit():
    runs = []
    for _ in range(2):
        own = task("apalu", 0.05)
        model = network(own, build)
        trained = train(model, cross_entropy, data(), own, epochs=20, batch=30)
        runs.append((trained.losses, predict(model, data()[0])))
    assert runs[0][0] == runs[1][0]
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
    assert np.mean(runs[0][0][-4:]) < 0.7 * runs[0][0][0]
    assert len(runs[0][0]) == 80


def test_arms_and_rates_see_the_data_in_the_same_order_and_seeds_in_another():
    seen = []
    for own in (task(), task("apalu"), task(rate=0.1), task(seed=1)):
        order = []

        def spy(batch, rng, order=order):
            order.append(batch[:, 0].copy())
            return batch

        train(network(own, build), cross_entropy, data(), own, epochs=1, batch=30, transform=spy)
        seen.append(np.concatenate(order))
    np.testing.assert_array_equal(seen[1], seen[0])
    np.testing.assert_array_equal(seen[2], seen[0])
    assert not np.array_equal(seen[3], seen[0])


def _rates_of_the_steps(**options):
    rates = []

    class Told(Callback):
        def on_backward(self, run):
            rates.append(run.optimizer.param_groups[0]["lr"])

    train(
        network(task(), build), cross_entropy, data(), task(rate=0.05), epochs=5, batch=30,
        callbacks=[Told()], **options,
    )  # fmt: skip
    return rates


def test_the_rate_goes_up_to_the_one_chosen_and_down_to_nearly_nothing():
    rates = _rates_of_the_steps()
    assert len(rates) == 20
    # Up by half a cosine over three tenths of the 20 steps, down by another over the rest.
    assert rates[0] == pytest.approx(0.05 / 25)
    assert rates[5] == max(rates) == pytest.approx(0.05)
    assert rates[12] == pytest.approx(0.05 / 2, rel=1e-4)
    assert rates[19] == pytest.approx(0.05 / 25 / 1e4)


def test_without_a_schedule_and_where_told_the_rate_is_constant():
    assert _rates_of_the_steps(schedule=False) == [0.05] * 20
    assert _rates_of_the_steps(schedule=False, rate=0.2) == [0.2] * 20


def test_a_run_that_diverges_says_why():
    model = network(task(), build)
    with np.errstate(all="ignore"):
        trained = train(
            model, cross_entropy, (data()[0] * 1e30, data()[1]), task(rate=1e30), epochs=3, batch=30
        )
    assert trained.diverged
    assert "\n" not in trained.diverged


def test_validation_is_looked_at_after_each_epoch():
    trained = train(
        network(task(), build), cross_entropy, data(), task(), epochs=3, batch=30,
        validation=data(20),
    )  # fmt: skip
    assert len(trained.validation) == 3


def test_without_a_rate_there_is_no_training():
    with pytest.raises(ValueError, match="has no learning rate"):
        train(network(task(), build), cross_entropy, data(), task(rate=None), epochs=1, batch=30)


def test_outputs_that_are_not_finite_have_no_accuracy():
    outputs = np.array([[0.0, 1.0], [2.0, 1.0]])
    assert accuracy(outputs, np.array([1, 1])) == 0.5
    outputs[0, 0] = np.nan
    assert accuracy(outputs, np.array([1, 1])) is None


def test_a_thinned_curve_keeps_its_mean():
    values = list(np.random.default_rng(0).random(200))
    short = thinned(values, 50)
    assert len(short) == 50
    assert np.mean(short) == pytest.approx(np.mean(values))
    assert thinned([1.0, 2.0], 50) == [1.0, 2.0]


def test_steps_to_a_level_by_hand():
    losses = [4.0, 3.0, 2.0, 1.0, 0.0]
    assert steps_to(losses, 2.0, window=3) == 4  # the mean of the steps 2, 3, 4
    assert steps_to(losses, 5.0, window=3) == 3
    assert steps_to(losses, 0.5, window=3) is None
    assert steps_to([1.0], 2.0, window=3) is None


def test_predictions_are_those_of_evaluation_mode_in_the_order_of_the_rows():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))
    model.train()
    x = data()[0]
    # Untrained, batch norm in evaluation mode takes out a mean of 0 and a variance of 1.
    expected = (x @ model[0].weight.data.T + model[0].bias.data) / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(predict(model, x, batch=50), expected, rtol=1e-5, atol=1e-6)
