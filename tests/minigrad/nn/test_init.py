"""Initial values: their moments, and the gain of an activation from its own moments."""

import math

import numpy as np
import pytest

from minigrad import Tensor, nn, random
from minigrad.nn import functional as F
from minigrad.nn import init

RNG = np.random.default_rng


def weight(*shape):
    return Tensor(np.empty(shape, np.float32), requires_grad=True)


MOMENTS = [
    # function, arguments, variance, largest magnitude if bounded; of (300, 20, 2, 5)
    (init.uniform_, (-3.0, 3.0), 3.0, 3.0),
    (init.normal_, (0.0, 2.0), 4.0, None),
    (init.xavier_uniform_, (), 2 / 3200, math.sqrt(6 / 3200)),
    (init.xavier_normal_, (3.0,), 18 / 3200, None),
    (init.kaiming_uniform_, (), 2 / 200, math.sqrt(6 / 200)),
    (init.kaiming_uniform_, (math.sqrt(5),), 1 / 3 / 200, 1 / math.sqrt(200)),
    (init.kaiming_normal_, (0.0, "fan_out", "relu"), 2 / 3000, None),
    (init.kaiming_normal_, (0.0, "fan_in", "linear"), 1 / 200, None),
    (init.lecun_uniform_, (), 1 / 200, math.sqrt(3 / 200)),
    (init.lecun_normal_, (), 1 / 200, None),
]


@pytest.mark.parametrize(("fill", "arguments", "variance", "bound"), MOMENTS)
def test_moments(fill, arguments, variance, bound):
    w = weight(300, 20, 2, 5)
    assert fill(w, *arguments, generator=RNG(0)) is w
    assert w.dtype == np.float32
    assert w.data.var() == pytest.approx(variance, rel=0.02)
    assert abs(w.data.mean()) < 4 * math.sqrt(variance / w.size)
    if bound:
        assert 0.999 * bound < abs(w.data).max() <= bound * (1 + 1e-6)
    # Normal or uniform, by the fourth moment.
    kurtosis = (w.data.astype(float) ** 4).mean() / w.data.astype(float).var() ** 2
    assert kurtosis == pytest.approx(1.8 if bound else 3.0, rel=0.05)


def test_constants():
    w = weight(2, 3)
    assert (init.constant_(w, 2.5).data == 2.5).all()
    assert not init.zeros_(w).data.any()
    assert init.ones_(w).data.all()


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (4, 2, 3), (6, 1, 2, 2)])
def test_orthogonal(shape):
    w = Tensor(np.empty(shape))
    init.orthogonal_(w, 3.0, RNG(0))
    matrix = w.data.reshape(shape[0], -1)
    fewer = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(fewer, 9 * np.eye(len(fewer)), atol=1e-13)


def test_orthogonal_matrices_are_equally_likely():
    """The mean of the trace is 0; without care about signs it is not."""
    rng, w = RNG(0), Tensor(np.empty((3, 3)))
    mean = np.mean([np.trace(init.orthogonal_(w, generator=rng).data) for _ in range(2000)])
    assert abs(mean) < 0.1  # the trace has variance 1


def test_the_default_generator_is_used():
    random.manual_seed(3)
    first = init.normal_(weight(4, 4)).tolist()
    assert init.normal_(weight(4, 4)).tolist() != first
    random.manual_seed(3)
    assert init.normal_(weight(4, 4)).tolist() == first


def test_layers_are_repeatable():
    def parameters():
        random.manual_seed(5)
        model = nn.Sequential(nn.Linear(3, 4), nn.Conv2d(2, 3, 2), nn.GRU(2, 3))
        return np.concatenate([p.data.ravel() for p in model.parameters()])

    first, second = parameters(), parameters()
    assert (first == second).all()
    assert len(np.unique(first)) == first.size


def test_changes_are_announced():
    linear = nn.Linear(2, 2)
    x = Tensor(np.ones((1, 2), np.float32), requires_grad=True)
    y = linear(x).sum()
    init.zeros_(linear.weight)
    with pytest.raises(RuntimeError, match="was changed"):
        y.backward()


def test_refusals():
    with pytest.raises(ValueError, match="at least two axes"):
        init.xavier_normal_(weight(3))
    with pytest.raises(ValueError, match="at least two axes"):
        init.orthogonal_(weight(3))
    with pytest.raises(ValueError, match="'fan_in' or 'fan_out', not 'fan'"):
        init.kaiming_normal_(weight(3, 3), mode="fan")
    with pytest.raises(ValueError, match="no gain is known for 'gelu'"):
        init.calculate_gain("gelu")


# -- gain(f) = 1 / sqrt(E f(z)^2)


def apalu(a, b):
    def f(x):
        negative = b * np.expm1(np.minimum(x, 0))
        return np.where(x >= 0, a * x * (1 + 1 / (1 + np.exp(-1.702 * x))), negative)

    return f


C1 = 0.682527932356013844344407694737
NORMAL_AT_1 = 0.5 * math.erfc(-1 / math.sqrt(2))
MOMENT_OF = [
    # E f(z)^2 in closed form, or to 30 digits
    ("identity", lambda x: x, 1.0),
    ("relu", F.relu, 0.5),
    ("leaky relu", lambda x: F.leaky_relu(x, 0.2), 0.52),
    ("square", np.square, 3.0),
    ("exp", np.exp, math.exp(2)),
    ("sine", np.sin, (1 - math.exp(-2)) / 2),
    ("a step at 1", lambda x: np.where(x > 1, 1.0, 0.0), 1 - NORMAL_AT_1),
    ("a kink at 1", lambda x: np.maximum(x - 1, 0),
        2 * (1 - NORMAL_AT_1) - math.exp(-0.5) / math.sqrt(2 * math.pi)),
    ("a kink at 0.3", lambda x: np.abs(x - 0.3), 1.09),
    ("apalu, a", apalu(1.0, 0.0), 1.82051243165663782050108021387),
    ("apalu, b", apalu(0.0, 1.0), 0.144945417492923863063461440338),
    ("apalu, C1", apalu(C1, 1.5 * C1), 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "f", "moment"), MOMENT_OF, ids=[m[0] for m in MOMENT_OF])
def test_gain(name, f, moment):
    assert init.gain(f) == pytest.approx(1 / math.sqrt(moment), rel=1e-12)


def test_gain_of_selu_is_one_and_of_modules():
    assert init.gain(F.selu) == pytest.approx(1, rel=1e-12)
    assert init.gain(nn.ReLU()) == pytest.approx(math.sqrt(2), rel=1e-12)
    assert init.gain(nn.PReLU(init=0.5)) == pytest.approx(math.sqrt(2 / 1.25), rel=1e-12)


def test_gain_keeps_the_second_moment():
    rng = RNG(0)
    x = rng.normal(size=(500, 1000))
    w = init.lecun_normal_(Tensor(np.empty((1000, 1000))), rng)
    y = F.gelu(x) @ w.data.T
    assert (y * y).mean() < 0.5
    assert ((init.gain(F.gelu) * y) ** 2).mean() == pytest.approx(1, rel=0.1)


def test_gain_refuses_what_has_none():
    with pytest.raises(ValueError, match=r"is 0\.0: no weights"):
        init.gain(np.zeros_like)
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(ValueError, match="no weights"),
    ):
        init.gain(lambda x: np.exp(x**4))
    with pytest.raises(ValueError, match="element by element"):
        init.gain(np.sum)
