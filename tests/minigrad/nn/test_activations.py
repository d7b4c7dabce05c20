"""Activations: closed forms, kinks, far tails, numbers of any size; their modules."""

import math

import numpy as np
import pytest

from minigrad import Tensor, grad, nn, tensor
from minigrad.nn import functional as F

from .samples import ALONG, ELEMENTWISE


def derivatives(f, x, order=1):
    """f and its derivatives of an elementwise f at x."""
    x = tensor(x, requires_grad=True)
    found = [f(x)]
    for _ in range(order):
        if found[-1].requires_grad:
            found += grad(found[-1], x, np.ones(x.shape, x.dtype), create_graph=True)
        else:  # the slopes are constants
            found += [Tensor(np.zeros_like(x.data))]
    return [t.data for t in found]


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x > -700 else math.exp(x)


def density(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def normal(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def gelu_tanh(x):
    u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return x * sigmoid(2 * u)


def mish_slope(x):
    w = math.tanh(math.log1p(math.exp(x)))
    return w + x * sigmoid(x) * (1 - w) * (1 + w)


# The function and its derivative with math's functions, each exact to some ulp for x <= 0.
CLOSED = {
    "elu": (math.expm1, math.exp),
    "gelu": (lambda x: x * normal(x), lambda x: normal(x) + x * density(x)),
    "gelu, tanh": (gelu_tanh, None),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x))),
    "swish, beta 1.7": (lambda x: x * sigmoid(1.7 * x), None),
    "mish": (lambda x: x * math.tanh(math.log1p(math.exp(x))), mish_slope),
    "softplus": (lambda x: math.log1p(math.exp(x)), sigmoid),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x)),
}
LEFT = np.array([-1e-9, -0.3, -1.0, -2.5, -5.0, -8.0, -12.0, -20.0, -30.0])


@pytest.mark.parametrize("name", CLOSED)
def test_left_tails_keep_their_digits(name):
    value, slope = CLOSED[name]
    y, dy = derivatives(ELEMENTWISE[name], LEFT)
    # e^(-x²/2) magnifies the rounding of its argument by up to x².
    np.testing.assert_allclose(y, [value(x) for x in LEFT], rtol=4e-13)
    if slope:
        np.testing.assert_allclose(dy, [slope(x) for x in LEFT], rtol=4e-13)


def test_gelu_at_minus_eight_has_all_its_digits():
    # -8 Φ(-8), from Φ(-8) = 6.22096057427178412351599517259e-16 (30 digits)
    assert F.gelu(np.array(-8.0)) == pytest.approx(
        -8 * 6.22096057427178412351599517259e-16, rel=4e-16
    )


AT_ZERO = {
    "relu": (0, 0),
    "leaky_relu": (0, 0.01),
    "elu": (0, 1),
    "elu, alpha 0.4": (0, 0.4),
    "selu": (0, 1.7580993408473766),
    "gelu": (0, 0.5),
    "gelu, tanh": (0, 0.5),
    "silu": (0, 0.5),
    "mish": (0, 0.6),
    "softplus": (math.log(2), 0.5),
    "sigmoid": (0.5, 0.25),
    "tanh": (0, 1),
}


@pytest.mark.parametrize("zero", [0.0, -0.0])
@pytest.mark.parametrize("name", AT_ZERO)
def test_value_and_slope_at_zero(name, zero):
    y, dy = derivatives(ELEMENTWISE[name], zero)
    assert (y, dy) == pytest.approx(AT_ZERO[name], abs=1e-16)


@pytest.mark.parametrize("name", ["elu", "selu", "silu", "mish", "gelu", "softplus"])
def test_second_derivative_at_zero_is_one_sides_not_a_mixture(name):
    f = ELEMENTWISE[name]
    *_, at_zero = derivatives(f, 0.0, order=2)
    *_, just_below = derivatives(f, -1e-9, order=2)
    assert at_zero == pytest.approx(just_below, abs=1e-6)


def extremes(dtype):
    info = np.finfo(dtype)
    sizes = [0, info.smallest_subnormal, info.tiny, 1e-3, 1, 5, 20, 80, 200, 1e3, 6e4]
    big = np.geomspace(1e3, float(info.max) ** 0.999, 30)
    positive = np.array([*sizes, *big, float(info.max) / 16])
    positive = positive[positive < info.max / 8].astype(dtype)
    return np.concatenate([positive, -positive])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_no_finite_number_makes_a_nan_a_warning_or_an_overflow(name, dtype):
    with np.errstate(all="raise", under="ignore"):
        for result in derivatives(ELEMENTWISE[name], extremes(dtype), order=2):
            assert np.isfinite(result).all()
            assert result.dtype == dtype


@pytest.mark.parametrize("beta", [1e-3, 1.0, -30.0, 1e3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_swish_of_any_number_and_beta(dtype, beta):
    x = Tensor(extremes(dtype), requires_grad=True)
    b = tensor([beta], dtype=dtype, requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        y = F.swish(x, b)
        gradients = grad(y, [x, b], np.full(y.shape, 1e-30, dtype))
    assert np.isfinite(y.data).all()
    assert all(np.isfinite(g.data).all() for g in gradients)


@pytest.mark.parametrize("name", ALONG)
def test_softmax_of_huge_numbers(name):
    x = np.array([[1e4, 0.0, -1e4], [-1e308, 1e308, 3.0], [-3e4, -3e4, -3e4]])
    with np.errstate(all="raise", under="ignore"):
        y, dy = (
            derivatives(lambda t: ALONG[name](t, 1), x)[:2]
            if name == "softmax"
            else (ALONG[name](x, 1), np.zeros(()))
        )
    want = {
        "softmax": [[1, 0, 0], [0, 1, 0], [1 / 3] * 3],
        "log_softmax": [[0, -1e4, -2e4], [-np.inf, 0, -1e308], [-math.log(3)] * 3],
        "logsumexp": [1e4, 1e308, -3e4 + math.log(3)],
    }[name]
    np.testing.assert_allclose(y, want, rtol=1e-15)
    assert np.isfinite(dy).all()


def test_logsumexp_of_infinities():
    assert F.logsumexp(np.array([np.inf, 2.0]), 0) == np.inf
    x = tensor([[-np.inf, -np.inf], [-np.inf, 2.0]], requires_grad=True)
    y = F.logsumexp(x, 1)
    (g,) = grad(y, x, np.ones(2))
    assert y.tolist() == [-np.inf, 2]
    assert g.tolist() == [[0, 0], [0, 1]]


def test_nan_goes_through_every_activation():
    for name, f in ELEMENTWISE.items():
        assert np.isnan(f(np.array(np.nan))), name


def test_an_unknown_approximation_is_refused():
    with pytest.raises(ValueError, match="'none' or 'tanh', not 'fast'"):
        F.gelu(np.ones(1), "fast")


# -- modules

MODULES = {
    nn.ReLU(): F.relu,
    nn.LeakyReLU(0.2): lambda x: F.leaky_relu(x, 0.2),
    nn.ELU(0.3): lambda x: F.elu(x, 0.3),
    nn.SELU(): F.selu,
    nn.GELU(): F.gelu,
    nn.GELU("tanh"): lambda x: F.gelu(x, "tanh"),
    nn.SiLU(): F.silu,
    nn.Mish(): F.mish,
    nn.Softplus(2.0, 5.0): lambda x: F.softplus(x, 2.0, 5.0),
    nn.Sigmoid(): F.sigmoid,
    nn.Tanh(): F.tanh,
    nn.Softmax(0): lambda x: F.softmax(x, 0),
    nn.LogSoftmax(0): lambda x: F.log_softmax(x, 0),
    nn.PReLU(): lambda x: F.leaky_relu(x, 0.25),
    nn.PReLU(5, 0.5): lambda x: F.leaky_relu(x, 0.5),
    nn.PELU(5): F.elu,
    nn.PELU(1, 2.0): lambda x: 2 * F.elu(x / 2),
    nn.Swish(): F.silu,
    nn.Swish(5, 1.5): lambda x: F.swish(x, 1.5),
}


@pytest.mark.parametrize("module", MODULES, ids=repr)
def test_module_is_its_function(module):
    x = np.linspace(-4, 4, 10, dtype=np.float32).reshape(2, 5)
    y = module(Tensor(x))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, MODULES[module](x), rtol=1e-6, atol=1e-7)


def test_pelu_keeps_its_parameters_from_falling_below_a_tenth():
    pelu = nn.PELU(3)
    pelu.a.data[:] = [-1, 0.05, 2]
    pelu.eval()(np.ones((1, 3)))
    assert pelu.a.data[0] == -1
    pelu.train()(np.ones((1, 3)))
    assert pelu.a.data == pytest.approx([0.1, 0.1, 2])


def test_pelu_is_smooth_at_zero_whatever_its_parameters():
    a, b = np.array([0.7]), np.array([1.9])
    for x in (-1e-12, 0.0, 1e-12):
        _, slope = derivatives(lambda x: F.pelu(x, a, b), x)
        assert slope == pytest.approx(0.7 / 1.9)
