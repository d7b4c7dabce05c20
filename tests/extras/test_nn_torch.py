"""nn beside PyTorch in float64: outputs, and gradients of inputs and parameters."""

import numpy as np
import pytest

from minigrad import Tensor, nn, random, tensor
from minigrad.nn import functional as F

torch = pytest.importorskip("torch")
TF = torch.nn.functional
pytestmark = pytest.mark.extras

RNG = np.random.default_rng(0)
torch.manual_seed(0)
random.manual_seed(0)


@pytest.fixture(autouse=True)
def seeded():
    RNG.bit_generator.state = np.random.PCG64(0).state
    random.manual_seed(0)
    torch.manual_seed(0)


def close(got, want, what="value"):
    got = got.data if isinstance(got, Tensor) else np.asarray(got)
    want = want.detach().numpy()
    assert got.shape == want.shape, what
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-10, err_msg=what)


def compare(ours, theirs, *arrays):
    """Both functions at these arrays: the output, and the gradient of each floating array."""
    floating = [a.dtype.kind == "f" for a in arrays]
    xs = [tensor(a, requires_grad=f) for a, f in zip(arrays, floating, strict=True)]
    ts = [torch.tensor(a, requires_grad=f) for a, f in zip(arrays, floating, strict=True)]
    y, want = ours(*xs), theirs(*ts)
    close(y, want)
    gy = np.random.default_rng(1).normal(size=y.shape)
    y.backward(gy)
    want.backward(torch.tensor(gy))
    for k, (x, t) in enumerate(zip(xs, ts, strict=True)):
        if floating[k]:
            close(x.grad, t.grad, f"gradient of input {k}")


def both(name, **how):
    """The function of this name, ours and PyTorch's, with settings."""
    ours, theirs = getattr(F, name), getattr(TF, name)
    return lambda *xs: ours(*xs, **how), lambda *xs: theirs(*xs, **how)


# -- activations; the kinks at 0 and the tails among them

X = np.concatenate(
    [RNG.normal(size=50) * 3, [0.0, -0.0, 1e-9, -1e-9, 30, -30, 100, -100, 1e4, -1e4]]
)
ACTIVATIONS = [
    "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "softplus", "sigmoid", "tanh",
]  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    compare(getattr(F, name), getattr(TF, name), X.reshape(2, 30))
    compare(getattr(F, name), getattr(TF, name), np.array(-0.7))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("leaky_relu", {"negative_slope": 0.3}),
        ("leaky_relu", {"negative_slope": -1.5}),
        ("elu", {"alpha": 0.3}),
        ("gelu", {"approximate": "tanh"}),
        ("softplus", {"beta": 2.0, "threshold": 5.0}),
        ("softplus", {"beta": 0.1}),
    ],
)
def test_activation_with_settings(name, arguments):
    compare(*both(name, **arguments), X)


@pytest.mark.parametrize("shape", [(6,), (4, 6), (2, 6, 3), (2, 6, 3, 2)])
def test_prelu(shape):
    x = RNG.normal(size=shape)
    x.ravel()[0] = 0
    compare(F.prelu, TF.prelu, x, np.array([0.3]))
    if len(shape) > 1:
        compare(F.prelu, TF.prelu, x, RNG.normal(size=6))


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp"])
def test_along_an_axis(name, dim):
    theirs = torch.logsumexp if name == "logsumexp" else getattr(TF, name)
    x = RNG.normal(size=(3, 4, 5)) * 10
    compare(lambda x: getattr(F, name)(x, dim), lambda x: theirs(x, dim), x)


def test_logsumexp_keeps_axes_and_takes_several():
    x = RNG.normal(size=(3, 4, 5))
    compare(lambda x: F.logsumexp(x, (0, 2), True), lambda x: torch.logsumexp(x, (0, 2), True), x)
    compare(lambda x: F.logsumexp(x, (0, 2)), lambda x: torch.logsumexp(x, (0, 2)), x)


# -- losses

REDUCTIONS = ["mean", "sum", "none"]


def with_weight(name, weighted, **how):
    """A loss over 5 classes, ours and PyTorch's, perhaps with weights of the classes."""
    if not weighted:
        return both(name, **how)
    weight = RNG.uniform(0.5, 2, 5)
    return both(name, weight=weight, **how)[0], both(name, weight=torch.tensor(weight), **how)[1]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(5,), (7, 5), (3, 5, 4), (2, 5, 2, 3)])
@pytest.mark.parametrize("ignore", [-100, 2])
def test_cross_entropy_with_labels(shape, weighted, smoothing, reduction, ignore):
    x = RNG.normal(size=shape) * 3
    rest = shape[1:] if len(shape) == 1 else (shape[0], *shape[2:])
    labels = RNG.integers(0, 5, rest) if rest else np.array(1)
    if rest:
        labels.ravel()[:2] = 2, 3
    how = {"ignore_index": ignore, "reduction": reduction, "label_smoothing": smoothing}
    compare(*with_weight("cross_entropy", weighted, **how), x, labels)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(5,), (7, 5), (3, 5, 4)])
def test_cross_entropy_with_probabilities(shape, weighted, smoothing, reduction):
    x = RNG.normal(size=shape) * 3
    target = RNG.uniform(0.1, 1, shape)
    target /= target.sum(min(1, len(shape) - 1), keepdims=True)
    how = {"reduction": reduction, "label_smoothing": smoothing}
    compare(*with_weight("cross_entropy", weighted, **how), x, target)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_nll_loss(weighted, reduction):
    labels = np.array([[0, 4, -1], [2, 2, 1]])
    how = {"ignore_index": -1, "reduction": reduction}
    compare(*with_weight("nll_loss", weighted, **how), RNG.normal(size=(2, 5, 3)), labels)


def test_cross_entropy_of_huge_logits():
    x = np.array([[1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]])
    compare(F.cross_entropy, TF.cross_entropy, x, np.array([0, 0]))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("huber_loss", {}),
        ("huber_loss", {"delta": 0.4}),
        ("smooth_l1_loss", {}),
        ("smooth_l1_loss", {"beta": 0.3}),
        ("smooth_l1_loss", {"beta": 0}),
        ("binary_cross_entropy_with_logits", {}),
    ],
)
def test_elementwise_loss(name, how, reduction):
    x, t = RNG.normal(size=(2, 4, 3)), RNG.uniform(0, 1, (4, 3))
    x = x[0] * 2
    x[0, 0] = t[0, 0]
    x[0, 1] = t[0, 1] + 1
    how = {**how, "reduction": reduction}
    compare(*both(name, **how), x, t)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_binary_cross_entropy_with_weights(reduction):
    x, t = RNG.normal(size=(4, 3)) * 10, RNG.integers(0, 2, (4, 3)).astype(float)
    how = {"weight": RNG.uniform(0.5, 2, (4, 1)), "pos_weight": RNG.uniform(0.5, 2, 3)}
    theirs = {k: torch.tensor(v) for k, v in how.items()}
    name = "binary_cross_entropy_with_logits"
    ours, _ = both(name, **how, reduction=reduction)
    compare(ours, both(name, **theirs, reduction=reduction)[1], x, t)


# -- layers: with the same state they compute the same, and so do their gradients


def same(ours, theirs, *arrays, call=lambda layer, *xs: layer(*xs), steps=1):
    """Layers with PyTorch's state: outputs, all gradients, and the state after some steps."""
    ours.to(np.float64)
    theirs.double()
    for k, parameter in enumerate(theirs.parameters()):
        # Not the first values: weights of 1 and biases of 0 would hide mistakes.
        noise = np.random.default_rng(k).normal(size=parameter.shape)
        parameter.data += torch.tensor(0.3 * noise)
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    assert [k for k, _ in ours.named_parameters()] == [k for k, _ in theirs.named_parameters()]
    for _ in range(steps):
        compare(lambda *xs: call(ours, *xs), lambda *xs: call(theirs, *xs), *arrays)
    state = ours.state_dict()
    for name, value in theirs.state_dict().items():
        close(state[name], value, name)
    gradients = dict(ours.named_parameters())
    for name, parameter in theirs.named_parameters():
        close(gradients[name].grad, parameter.grad, f"gradient of {name}")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(3,), (4, 3), (2, 5, 3), (0, 3)])
def test_linear(shape, bias):
    same(nn.Linear(3, 2, bias), torch.nn.Linear(3, 2, bias), RNG.normal(size=shape))


CONVOLUTIONS = [
    {},
    {"stride": 2},
    {"padding": 1},
    {"padding": (2, 1), "stride": (1, 2)},
    {"dilation": 2, "padding": 1},
    {"padding": "same"},
    {"padding": "same", "kernel_size": (2, 4), "dilation": (1, 3)},
    {"padding": "valid"},
    {"groups": 2},
    {"groups": 4, "padding": 1, "stride": 2},
    {"groups": 4, "out": 8, "dilation": (1, 2)},
    {"kernel_size": 1},
    {"bias": False},
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("how", CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("shape", [(2, 4, 7, 8), (4, 7, 8)])
def test_conv2d(shape, how):
    how = {"kernel_size": 3, **how}
    out = how.pop("out", 4)
    same(nn.Conv2d(4, out, **how), torch.nn.Conv2d(4, out, **how), RNG.normal(size=shape))


@pytest.mark.parametrize("shape", [(2, 3, 7, 8), (3, 7, 8)])
@pytest.mark.parametrize(
    "how",
    [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": 2, "padding": 1},
        {"kernel_size": (2, 3), "stride": (2, 1), "padding": (1, 0)},
    ],
    ids=str,
)
def test_pooling(shape, how):
    x = RNG.normal(size=shape)
    same(nn.MaxPool2d(**how), torch.nn.MaxPool2d(**how), x)
    same(nn.MaxPool2d(**how, dilation=2), torch.nn.MaxPool2d(**how, dilation=2), x)
    same(nn.AvgPool2d(**how), torch.nn.AvgPool2d(**how), x)
    how = {**how, "count_include_pad": False}
    same(nn.AvgPool2d(**how), torch.nn.AvgPool2d(**how), x)


@pytest.mark.parametrize("size", [1, 2, 3, (3, 5), (None, 2), 10])
def test_adaptive_pooling(size):
    x = RNG.normal(size=(2, 3, 7, 8))
    same(nn.AdaptiveAvgPool2d(size), torch.nn.AdaptiveAvgPool2d(size), x)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (2, 3, 4, 5)])
def test_batch_norm(shape, momentum, affine, train):
    x = RNG.normal(size=shape) * 2 + 1
    ours, theirs = (
        (lib.BatchNorm2d if len(shape) == 4 else lib.BatchNorm1d)(3, 1e-3, momentum, affine)
        for lib in (nn, torch.nn)
    )
    theirs.double()(torch.tensor(x))  # other running statistics than 0 and 1
    ours.train(train)
    theirs.train(train)
    same(ours, theirs, x, steps=3)


def test_batch_norm_without_running_statistics():
    x = RNG.normal(size=(6, 3))
    ours, theirs = (lib.BatchNorm1d(3, track_running_stats=False) for lib in (nn, torch.nn))
    same(ours.eval(), theirs.eval(), x)


@pytest.mark.parametrize("how", [{}, {"bias": False}, {"elementwise_affine": False}], ids=str)
@pytest.mark.parametrize("over", [5, (4, 5), [3, 4, 5]])
def test_layer_norm(over, how):
    x = RNG.normal(size=(3, 4, 5)) * 2 + 1
    same(nn.LayerNorm(over, **how), torch.nn.LayerNorm(over, **how), x)


RECURRENT = [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("GRU", {}), ("LSTM", {})]


def joined(result, lib):
    """Outputs and last states as one vector, so that all of them have gradients to pass on."""
    y, last = result
    parts = [y, *(last if isinstance(last, tuple) else (last,))]
    join = torch.cat if lib is torch else np.concatenate
    return join([part.reshape(-1) for part in parts])


@pytest.mark.parametrize("name_how", RECURRENT, ids=str)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("two_ways", [False, True])
@pytest.mark.parametrize("shape", [(3, 5, 4), (5, 4)])
@pytest.mark.parametrize("bias", [True, False])
def test_recurrent(name_how, layers, two_ways, shape, bias):
    name, how = name_how
    how = {**how, "num_layers": layers, "bidirectional": two_ways, "bias": bias}
    how["batch_first"] = True
    ours, theirs = getattr(nn, name)(4, 3, **how), getattr(torch.nn, name)(4, 3, **how)
    count = layers * (2 if two_ways else 1)
    state = RNG.normal(size=(count, 3) if len(shape) == 2 else (count, 3, 3))
    x = RNG.normal(size=shape)
    if name == "LSTM":
        arrays = (x, state, RNG.normal(size=state.shape))
        same(ours, theirs, *arrays, call=lambda m, x, h, c: joined(m(x, (h, c)), lib_of(m)))
    else:
        same(ours, theirs, x, state, call=lambda m, x, h: joined(m(x, h), lib_of(m)))


def lib_of(layer):
    return torch if isinstance(layer, torch.nn.Module) else np


@pytest.mark.parametrize("name_how", RECURRENT, ids=str)
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("two_ways", [False, True])
def test_padded_batches_are_packed_sequences(name_how, batch_first, two_ways):
    name, how = name_how
    how = {**how, "num_layers": 2, "bidirectional": two_ways, "batch_first": batch_first}
    lengths = [2, 6, 1, 4]
    x = RNG.normal(size=(4, 6, 4) if batch_first else (6, 4, 4))
    rnn = torch.nn.utils.rnn

    def call(layer, x):
        if lib_of(layer) is np:
            return joined(layer(x, lengths=lengths), np)
        packed = rnn.pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
        y, last = layer(packed)
        y, _ = rnn.pad_packed_sequence(y, batch_first)
        return joined((y, last), torch)

    same(getattr(nn, name)(4, 3, **how), getattr(torch.nn, name)(4, 3, **how), x, call=call)


# -- initial values and looks


@pytest.mark.parametrize(
    "name", ["linear", "conv2d", "sigmoid", "tanh", "relu", "selu", "leaky_relu"]
)
def test_calculate_gain(name):
    assert nn.init.calculate_gain(name) == torch.nn.init.calculate_gain(name)
    assert nn.init.calculate_gain("leaky_relu", 0.2) == torch.nn.init.calculate_gain(
        "leaky_relu", 0.2
    )


@pytest.mark.parametrize(
    "make",
    [lambda nn: nn.Linear(50, 400), lambda nn: nn.Conv2d(4, 300, 3), lambda nn: nn.LSTM(50, 64)],
)
def test_first_values_have_the_same_range(make):
    theirs = make(torch.nn).parameters()
    for (name, p), q in zip(make(nn).named_parameters(), theirs, strict=True):
        assert p.dtype == np.float32
        assert abs(p.data).max() == pytest.approx(q.abs().max().item(), rel=0.05), name
        assert p.data.std() == pytest.approx(q.std().item(), rel=0.15), name


REPRS = [
    lambda nn: nn.Linear(2, 3, bias=False),
    lambda nn: nn.Conv2d(4, 4, 3, 2, (1, 0), groups=2, bias=False),
    lambda nn: nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Flatten()), nn.Tanh()),
    lambda nn: nn.BatchNorm2d(3),
    lambda nn: nn.LayerNorm(3),
    lambda nn: nn.MaxPool2d(2),
    lambda nn: nn.PReLU(3),
    lambda nn: nn.GELU("tanh"),
    lambda nn: nn.GRU(2, 3, num_layers=2, batch_first=True),
]


@pytest.mark.parametrize("make", REPRS)
def test_repr(make):
    theirs = repr(make(torch.nn)).replace(", ceil_mode=False", "").replace(", bias=True", "")
    assert repr(make(nn)).replace(", bias=True", "") == theirs
