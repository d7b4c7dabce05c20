"""The study of how gradients flow."""

import numpy as np
import pytest

from apalu_ref.studies import gradient_flow
from apalu_ref.studies.catalogue import find
from apalu_ref.studies.plan import outcome

from .made_up import drawn, results, run, spoil

PLAIN, DENSE = {"net": "plain", "data": "mnist"}, {"net": "dense", "data": "cifar10"}


def _made(apart, rises=0.3, steps=20.0, whole=False):
    more = {
        "sizes": [[-1.0, -2.0, -3.0], [-1.5, -2.0, -2.0]],
        "histograms": [[[0] * 19 + [3], [1] * 20]] * 2,
    }
    return outcome(
        0.9, apart=apart, rises=rises, angle=80.0, steps=steps, curves={"probe": [2.0, 1.5, 1.0]},
        more=more if whole else {},
    )  # fmt: skip


LOST = {"net": "residual", "data": "mnist"}


def _arm(arm, level, case=PLAIN, seeds=3):
    return arm, case, [
        _made(level + 0.01 * k, 0.1 * level + 0.001 * k, 10 * level + k % 2 * 0.1, k == 0)
        for k in range(seeds)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        ([_arm("relu", 2.0), _arm("apalu", 1.0)], "holds"),
        ([_arm("relu", 1.0), _arm("apalu", 2.0)], "does not hold"),
        ([_arm("relu", 1.0), _arm("apalu", 1.0)], "open"),
        ([_arm("relu", 1.0), ("apalu", PLAIN, [None] * 3)], "does not hold"),
        ([_arm("relu", 1.0, seeds=1), _arm("apalu", 2.0, seeds=1)], "open"),
        ([_arm("relu", 1.0)], "open"),
        (
            [_arm(a, v, c) for c, v, w in ((PLAIN, 2.0, 1.0), (DENSE, 1.0, 2.0))
             for a, v in (("relu", v), ("apalu", w))],
            "open",
        ),
        (
            [_arm(a, v, c) for c, v, w in ((PLAIN, 2.0, 1.0), (DENSE, 2.0, 1.0), (LOST, 1.0, 2.0))
             for a, v in (("relu", v), ("apalu", w))],
            "holds under a condition",
        ),
    ],
)  # fmt: skip
def test_less_is_better_in_all_three(rows, verdict):
    assert results("gradient-flow", rows).conclusion().verdict == verdict


@pytest.mark.parametrize("worse", ["apart", "rises", "steps"])
def test_each_of_the_three_has_a_say(worse):
    rows = [_arm("relu", 2.0), _arm("apalu", 1.0)]
    for made, other in zip(rows[1][2], _arm("apalu", 4.0)[2], strict=True):
        made[worse] = other[worse]
    assert results("gradient-flow", rows).conclusion().verdict == "holds under a condition"


@pytest.mark.parametrize(
    "rows",
    [
        [_arm(arm, 1.0, case) for case in (PLAIN, DENSE) for arm in ("relu", "apalu", "apalu-vp")],
        [_arm("tanh", 1.0, seeds=1)],
        [("relu", PLAIN, [None]), ("apalu", PLAIN, [None])],
    ],
)
def test_a_figure_is_drawn_of_whatever_there_is(rows):
    found = results("gradient-flow", rows)
    assert len(drawn(found)) == 3 * len(found.cases)


@pytest.mark.parametrize("net", ["plain", "residual", "dense"])
def test_every_net_gives_sizes_by_layer_and_the_same_bits_again(net):
    made = run("gradient-flow", case={"net": net, "data": "mnist"})
    assert made == run("gradient-flow", case={"net": net, "data": "mnist"})
    start, end = made["more"]["sizes"]
    # 6 convolutions; stem, 3·2 and 2 projections; stem, 6·2 and 2 transitions; a classifier each.
    assert len(start) == len(end) == {"plain": 7, "residual": 10, "dense": 16}[net]
    assert 0 < made["angle"] < 180
    assert 0 <= made["rises"] <= 1
    assert made["apart"] > 0
    assert len(made["curves"]["probe"]) == 4


def test_looking_on_changes_nothing_and_only_final_runs_are_looked_at(monkeypatch):
    case = {"net": "residual", "data": "mnist"}
    looks = []

    class Told(gradient_flow.Flow):
        def on_start(self, run):
            looks.append(run)
            super().on_start(run)

    monkeypatch.setattr(gradient_flow, "Flow", Told)
    choice = run("gradient-flow", case=case, final=False)
    assert not looks
    assert (choice["rises"], choice["angle"], choice["apart"]) == (None, None, None)
    watched = run("gradient-flow", case=case)
    assert len(looks) == 1

    class Blind(Told):
        def on_start(self, run):
            pass

        on_backward = on_step = on_start

    monkeypatch.setattr(gradient_flow, "Flow", Blind)
    monkeypatch.setattr(gradient_flow, "_kept", lambda flow: {})
    blind = run("gradient-flow", case=case)
    assert blind["score"] == watched["score"]


def test_only_the_first_seed_keeps_histograms():
    assert run("gradient-flow", seed=1)["more"] == {}


def test_the_angle_is_the_mean_over_the_steps(monkeypatch):
    class Turned(gradient_flow.Flow):
        def on_end(self, run):
            self.angles = [10.0, 20.0, 60.0]

    monkeypatch.setattr(gradient_flow, "Flow", Turned)
    assert run("gradient-flow", case=PLAIN)["angle"] == pytest.approx(30)


@pytest.fixture
def begun(monkeypatch):
    """The weights that a run of an arm under a condition begins with."""

    def begun(arm, case):
        seen = {}

        def train(model, *args, **more):
            seen.update({n: p.data.copy() for n, p in model.named_parameters() if p.ndim >= 2})
            return original(model, *args, **more)

        monkeypatch.setattr(gradient_flow, "train", train)
        run("gradient-flow", arm, case)
        return seen

    original = gradient_flow.train
    return begun


def test_arms_begin_with_the_same_weights_where_they_have_the_same_gain(begun):
    one, two = (begun(arm, {"net": "dense", "data": "mnist"}) for arm in ("relu", "apalu"))
    assert all((one[name] == two[name]).all() for name in one)


@pytest.mark.parametrize(("arm", "moment"), [("apalu-vp", 1.0), ("apalu", 4 / 3 * 1.965457930)])
def test_in_the_plain_net_the_same_weights_are_scaled_to_the_second_moment(arm, moment, begun):
    one, two = begun("relu", PLAIN), begun(arm, PLAIN)
    for name, weights in one.items():
        # He's are √2 for a ReLU; the classifier, which no activation follows, is left alone.
        ratio = (2 * moment) ** 0.5 if weights.ndim == 4 else 1
        np.testing.assert_allclose(weights, ratio * two[name], rtol=1e-5)


def test_the_condition_names_the_data_it_really_has(monkeypatch):
    monkeypatch.delenv("APALU_REF_DATA", raising=False)
    plan = find("gradient-flow").scales["quick"]
    cases, said = gradient_flow.available(plan, "auto")
    assert {case["data"] for case in cases} == {"mnist", "fashion-mnist"}
    assert "Fashion-MNIST takes the place of CIFAR-10" in said
    monkeypatch.setattr(gradient_flow, "stand_in", lambda source: "")
    assert gradient_flow.available(plan, "auto") == (plan.cases, "")


def test_choices_do_not_look_at_the_test_set(monkeypatch):
    cases = (PLAIN, DENSE)
    choices = [run("gradient-flow", case=case, final=False) for case in cases]
    spoil(monkeypatch, "mnist")
    spoil(monkeypatch, "fashion_mnist")
    assert [run("gradient-flow", case=case, final=False) for case in cases] == choices
