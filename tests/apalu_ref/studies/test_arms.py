"""The activations compared, and that they do not disturb one another."""

import numpy as np
import pytest

from apalu_ref import apalu
from apalu_ref.layer import APALU
from apalu_ref.properties import report
from apalu_ref.studies.arms import ARMS, activation, arm
from minigrad import Tensor, nn, random

# What the issue of fair comparison asks for.
ASKED = (
    "apalu", "apalu-vp", "relu", "leaky-relu", "prelu", "elu", "pelu", "gelu", "silu", "swish",
    "tanh", "sigmoid", "apalu-frozen", "apalu-tied", "relu-scaled", "relu-wide",
)  # fmt: skip
X = np.linspace(-3, 3, 61).astype(np.float32)


def values(module):
    rows = np.repeat(X[:, None], 3, axis=1)
    return module(Tensor(rows)).data[:, 1]


def test_all_arms_are_there():
    assert set(ASKED) <= set(ARMS)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("relu", lambda x: np.maximum(x, 0)),
        ("leaky-relu", lambda x: np.where(x > 0, x, 0.01 * x)),
        ("elu", lambda x: np.where(x > 0, x, np.expm1(x))),
        ("silu", lambda x: x / (1 + np.exp(-x))),
        ("tanh", np.tanh),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("prelu", lambda x: np.where(x > 0, x, 0.25 * x)),
        ("pelu", lambda x: np.where(x > 0, x, np.expm1(x))),
        ("swish", lambda x: x / (1 + np.exp(-x))),
        ("apalu-vp", lambda x: apalu(x, 0.682527932356, 1.5 * 0.682527932356)),
        ("relu-wide", lambda x: np.maximum(x, 0)),
    ],
)
def test_an_arm_is_what_it_says(name, function):
    np.testing.assert_allclose(values(ARMS[name].make(3)), function(X), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "each"),
    [("apalu", 2), ("apalu-vp", 2), ("apalu-tied", 1), ("apalu-frozen", 0), ("relu", 0),
     ("apalu-vp-frozen", 0), ("prelu", 1), ("pelu", 2), ("swish", 1), ("relu-scaled", 0)],
)  # fmt: skip
def test_how_many_numbers_a_channel_has(name, each):
    trained = [p for p in ARMS[name].make(5).parameters() if p.requires_grad]
    assert sum(p.size for p in trained) == 5 * each


def test_the_scaled_relu_has_apalus_second_moment():
    by_a, by_b = report("apalu", a=1, b=0)["E f²"], report("apalu", a=0, b=1)["E f²"]
    gain = ARMS["relu-scaled"].make(1).gain
    assert report("relu")["E f²"] * gain**2 == pytest.approx(4 / 3 * (by_a + by_b), rel=1e-12)


def test_the_tied_arm_has_no_kink():
    layer = ARMS["apalu-tied"].make(4)
    np.testing.assert_allclose(layer.b.data, 1.5 * layer.a.data, rtol=1e-6)


def test_drawing_a_and_b_leaves_the_weights_as_they_are():
    found = []
    for name in ("relu", "apalu", "pelu"):
        random.manual_seed(3)
        make = activation(name, 7)
        network = nn.Sequential(nn.Linear(3, 4), make(4), nn.Linear(4, 2))
        found.append([network[0].weight.data, network[2].weight.data])
    for other in found[1:]:
        np.testing.assert_array_equal(other[0], found[0][0])
        np.testing.assert_array_equal(other[1], found[0][1])


def test_each_layer_draws_its_own_and_each_seed_others():
    make = activation("apalu", 1)
    first, second = make(4).a.data, make(4).a.data
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(activation("apalu", 1)(4).a.data, first)
    assert not np.array_equal(activation("apalu", 2)(4).a.data, first)


def test_frozen_and_trained_apalu_begin_alike():
    np.testing.assert_array_equal(
        activation("apalu", 5)(6).b.data, activation("apalu-frozen", 5)(6).b.data
    )


def test_a_function_of_ones_own(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import numpy as np\ndef wave(x, k=2.0):\n    return x + np.sin(k * x) / k\n")
    own = arm(f"{path}:wave")
    assert own.kind == "own"
    np.testing.assert_allclose(values(own.make(3)), X + np.sin(2 * X) / 2, atol=1e-6)
    assert own.make(3)(Tensor(X)).dtype == np.float32


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(ValueError, match=r"no activation 'apalu_vp': did you mean apalu-vp\?"):
        arm("apalu_vp")


def test_every_arm_has_words_and_the_name_of_its_key():
    assert all(a.name == key and a.text for key, a in ARMS.items())
    assert isinstance(ARMS["apalu"].make(2), APALU)
