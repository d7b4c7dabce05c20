"""The study of depth."""

import numpy as np
import pytest

from apalu_ref.studies import depth, reach
from apalu_ref.studies.arms import activation
from apalu_ref.studies.inits import matched
from apalu_ref.studies.plan import outcome
from minigrad import Tensor, no_grad, random

from .made_up import drawn, results, run, spoil


def _case(net="plain", layers=5, init="matched"):
    return {"net": net, "init": init, "depth": layers}


def _results(apalu, relu=(1, 1, 1), seeds=3, net="plain", **more):
    """Whether runs train at 5, 20 and 100 layers (None: diverged), per kind of network."""
    rows = []
    for arm, trains in (("relu", relu), ("apalu", apalu), *more.items()):
        for layers, ok in zip((5, 20, 100), trains, strict=False):
            made = (
                None if ok is None else outcome(0.1 + 0.8 * ok, trains=float(ok), steps=9.0, loss=1)
            )
            rows.append((arm, _case(net, layers), [made] * seeds))
    return rows


def _of(*rows):
    return results("depth", [row for part in rows for row in part])


RESIDUAL = {"net": "residual"}


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (_of(_results((1, 1, 1)), _results((1, 1, 1), **RESIDUAL)), "holds"),
        (_of(_results((1, 1, 0)), _results((1, 1, 1), **RESIDUAL)), "holds under a condition"),
        (_of(_results((1, 1, 0)), _results((0, 1, 1), **RESIDUAL)), "does not hold"),
        (_of(_results((1, 1, None))), "does not hold"),
        (_of(_results((1, 1, 0)), _results((1,), (1,), net="resnet")), "does not hold"),
        # Where the steps do not suffice for ReLU, either, nothing is known.
        (_of(_results((1, 1, 0), (1, 1, 0))), "open"),
        (_of(_results((1, 0, None), (1, 0, None))), "open"),
        (_of(_results((1, 0, 0), (1, 0, 0)), _results((1,), (1,), net="resnet")), "open"),
        (_of(_results((1, 0, 1), (1, 1, 0))), "does not hold"),
        (_of(_results((1, 1, 1), (1, 0, 0))), "holds"),
        (_of(_results((1, 1, 1), seeds=2)), "open"),
        (_of(_results((1, 1, 0), seeds=2)), "open"),
        (results("depth", [("relu", _case(), [outcome(0.9, trains=1.0)] * 3)]), "open"),
        (results("depth", [("apalu", _case(), [outcome(0.9, trains=0.0)] * 3)]), "open"),
    ],
)
def test_the_verdict_is_the_one_that_was_said_beforehand(found, verdict):
    assert found.conclusion().verdict == verdict


def test_a_depth_is_reached_if_all_runs_up_to_it_train():
    found = _of(_results((1, 0, 1), (1, 1, 0)))
    cases = depth.series(found)["plain"]
    assert reach.deepest(found, "apalu", cases) == 5
    assert reach.deepest(found, "relu", cases) == 20
    assert reach.deepest(found, "tanh", cases) == 0
    assert "train up to depth: relu 20, apalu 5" in found.conclusion().evidence


def test_one_seed_that_does_not_train_is_one_too_many():
    made = [outcome(0.9, trains=1.0), outcome(0.1, trains=0.0)]
    found = results("depth", [("apalu", _case(), made)])
    assert reach.deepest(found, "apalu", found.cases) == 0


def test_series_are_told_apart_by_net_and_weights_and_sorted():
    cases = [_case(layers=50), _case(), _case(init="he"), _case("resnet", 18, "he")]
    found = results("depth", [("relu", case, [outcome(0.5)]) for case in cases])
    kinds = depth.series(found)
    assert list(kinds) == ["plain", "plain, He's weights", "resnet"]
    assert [case["depth"] for case in kinds["plain"]] == [5, 50]


@pytest.mark.parametrize(
    "found",
    [
        _of(_results((1, 1, None)), _results((1, 0, 1), **RESIDUAL)),
        _of(_results((None, None, None), (None, None, None), seeds=1)),
        results("depth", [("tanh", _case("resnet", 18, "he"), [outcome(0.5, trains=1.0)])]),
    ],
)
def test_a_figure_is_drawn_of_whatever_there_is(found):
    assert len(drawn(found)) == 2 * len(depth.series(found))


def test_the_same_seed_gives_the_same_bits():
    for case in (_case(), _case("residual"), _case("resnet", 18, "he")):
        assert run("depth", case=case) == run("depth", case=case)


def test_parameters_are_those_of_the_layers():
    # 196-16-16-16-16-16-10, and a pair for each of 5·16 neurons.
    weights = 196 * 16 + 16 + 4 * (16 * 16 + 16) + 16 * 10 + 10
    assert run("depth", "relu")["parameters"] == weights
    assert run("depth", "apalu")["parameters"] == weights + 2 * 80


@pytest.mark.parametrize("arm", ["relu", "apalu", "apalu-vp", "apalu-tied", "tanh", "relu-scaled"])
def test_a_signal_neither_vanishes_nor_explodes_at_the_start(arm):
    for residual in (False, True):
        random.manual_seed(0)
        model = depth.deep(
            activation(arm, 3), 30, 128, 128, width=1.0, residual=residual, gain=matched(arm)
        )
        x = np.random.default_rng(0).normal(size=(200, 128)).astype(np.float32)
        with no_grad():
            signal = Tensor(x)
            for module in list(model)[:-1]:
                signal = module(signal)
        moment = float(np.square(signal.data).mean())
        assert 0.03 < moment < 30, residual


@pytest.mark.parametrize(
    ("arm", "within"),
    [
        ("relu", (-4, 1)), ("relu-scaled", (-4, 1)), ("apalu-vp", (-1, 1)),
        ("apalu-tied", (-1, 1)),
        ("elu", (-1, 1)), ("apalu", (-30, -5)), ("apalu-frozen", (-30, -5)), ("silu", (5, 60)),
    ],
)  # fmt: skip
def test_through_200_layers_matched_weights_suit_some_arms_only(arm, within):
    """What the protocol says of them: U(0, 2) loses the signal, b = 3a/2 keeps it."""
    random.manual_seed(0)
    model = depth.deep(
        activation(arm, 3), 200, 128, 128, width=1.0, residual=False, gain=matched(arm)
    )
    x = np.random.default_rng(0).normal(size=(50, 128)).astype(np.float32)
    low, high = within
    assert low < depth.growth(model, x) < high


def test_a_small_signal_of_apalu_shrinks_by_0_83_a_layer_and_grows_back_where_b_is_3a_2():
    """Slopes at 0 are 3a/2 and b: half the squares' sum, over E f² at variance 1."""
    assert matched("apalu") ** 2 * 4 / 3 * (2.25 + 1) / 2 == pytest.approx(0.827, abs=5e-4)
    assert matched("apalu-tied") ** 2 * 4 / 3 * (2.25 + 2.25) / 2 > 1


def test_growth_is_told_in_decades_from_the_first_hidden_layer_to_the_last():
    from minigrad import nn

    class Times(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def forward(self, x):
            return x * self.factor

    def net(*factors):
        return nn.Sequential(nn.Flatten(), *map(Times, factors), nn.Linear(3, 2))

    x = np.ones((4, 3), np.float32)
    assert depth.growth(net(7.0, 10.0, 0.1, 10.0), x) == pytest.approx(2, abs=1e-3)
    assert depth.growth(net(7.0, 0.0), x) is None
    assert depth.growth(net(7.0, 1e30, 1e30), x) is None


def test_to_measure_the_drift_changes_no_run(monkeypatch):
    seen = run("depth")
    assert seen["drift"] is not None
    assert run("depth", case=_case("resnet", 18, "he"))["drift"] is None
    monkeypatch.setattr(depth, "growth", lambda model, x: None)
    assert {**seen, "drift": None} == run("depth")


def test_the_evidence_tells_the_drift_of_each_arm_and_where_apalu_alone_fails():
    rows = _results((1, 0, 0), (1, 1, 0))
    for arm, case, made in rows:
        for one in made:
            one["drift"] = -0.1 * case["depth"] if arm == "apalu" else 0.0
    evidence = results("depth", rows).conclusion().evidence
    assert "to the last of 100 the second moment of the signal" in evidence
    assert "powers of ten: relu +0.0, apalu -10.0" in evidence
    assert "does not train where relu does under 1 of 3 conditions" in evidence
    assert "(net plain, init matched, depth 20)" in evidence


def test_hes_weights_explode_the_signal_of_apalu_and_not_of_relu():
    losses = {
        arm: run("depth", arm, _case(layers=50, init="he"))["loss"] for arm in ("relu", "apalu")
    }
    assert losses["relu"] < 10
    assert losses["apalu"] is None or losses["apalu"] > 1e6


def test_under_hes_weights_all_arms_begin_with_the_same_ones(monkeypatch):
    seen = {}

    def train(model, *args, **more):
        seen.setdefault(key, []).append([p.data.copy() for p in model.parameters() if p.ndim == 2])
        return original(model, *args, **more)

    original = depth.train
    monkeypatch.setattr(depth, "train", train)
    for key in ("he", "matched"):
        for arm in ("relu", "apalu"):
            run("depth", arm, _case(init=key))
    one, two = seen["he"]
    assert all(np.array_equal(p, q) for p, q in zip(one, two, strict=True))
    # Matched weights are the same but for the gain; the classifier has none.
    ratio = matched("apalu") / np.sqrt(2)
    for p, q in zip(*(w[:-1] for w in seen["matched"]), strict=True):
        assert np.allclose(q, p * ratio, rtol=1e-5)


def test_a_run_trains_by_its_last_losses(monkeypatch):
    from apalu_ref.studies.training import Trained

    def pretend(losses, why=None):
        monkeypatch.setattr(depth, "train", lambda *args, **more: Trained(losses, [], why))
        return run("depth")

    assert pretend([3.0] * 90 + [1.1] * 10)["trains"] == 1
    assert pretend([1.1] * 90 + [1.2] * 10)["trains"] == 0
    assert pretend([1.1] * 90 + [1.2] * 10)["steps"] == 10
    failed = pretend([1.0, 1.0], "loss is nan")
    assert (failed["trains"], failed["score"], failed["loss"]) == (0, None, None)


def test_choices_do_not_look_at_the_test_set(monkeypatch):
    cases = (_case(), _case("resnet", 18, "he"))
    choices = [run("depth", case=case, final=False) for case in cases]
    # MNIST for perceptrons, Fashion-MNIST in place of CIFAR-10.
    spoil(monkeypatch, "mnist")
    spoil(monkeypatch, "fashion_mnist")
    assert [run("depth", case=case, final=False) for case in cases] == choices
