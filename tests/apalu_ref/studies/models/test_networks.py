"""What holds for every network: shapes, activations, gradients, state, training."""

from functools import partial

import numpy as np
import pytest

from apalu_ref.studies.models.densenet import densenet, densenet121
from apalu_ref.studies.models.googlenet import googlenet
from apalu_ref.studies.models.mobilenet import mobilenet
from apalu_ref.studies.models.plain import deep_mlp, lenet, plain_convnet
from apalu_ref.studies.models.resnet import resnet18, resnet50, resnet152
from minigrad import Tensor, nn, optim, random
from minigrad.nn import functional as F

from .common import Recorded, no_values, relu, total

with_norm = partial(googlenet, batch_norm=True)
with_norm.__name__ = "googlenet_bn"
STEMMED = [resnet18, resnet50, resnet152, mobilenet, googlenet, with_norm, densenet121]


def tiny(build, stem):
    def of(activation, num_classes=10, **how):
        how = {"width": 0.125, "depth": 0.1, "stem": stem, **how}
        return build(activation, num_classes, 3, **how)

    return of


NETWORKS = {f"{b.__name__}-{s}": tiny(b, s) for b in STEMMED for s in ("imagenet", "cifar")}
NETWORKS |= {
    "lenet": lambda a, n=10: lenet(a, n, 3, image_size=32),
    "plain": lambda a, n=10: plain_convnet(a, n, channels=4),
    "plain-bn": lambda a, n=10: plain_convnet(a, n, channels=4, batch_norm=True),
    "deep": lambda a, n=10: deep_mlp(a, n, 3072, layers=5, neurons=16),
    "deep-residual": lambda a, n=10: deep_mlp(a, n, 3072, layers=5, neurons=16, residual=True),
}
every_network = pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)


@pytest.fixture(autouse=True)
def seeded():
    random.manual_seed(0)


def batch(n=4, size=32):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 3, size, size)).astype(np.float32), np.arange(n) % 10


def losses(network, x, labels, steps, lr=0.01):
    optimiser = optim.Adam(network.parameters(), lr=lr)
    seen = []
    for _ in range(steps):
        optimiser.zero_grad()
        loss = F.cross_entropy(network(Tensor(x)), labels)
        loss.backward()
        optimiser.step()
        seen.append(loss.item())
    return seen


@every_network
def test_output_shape(build):
    assert build(relu, 7)(batch()[0]).shape == (4, 7)


@pytest.mark.parametrize("build", STEMMED, ids=lambda b: b.__name__)
@pytest.mark.parametrize("size", [28, 32])
def test_small_images_with_the_cifar_stem(build, size):
    network = build(relu, 10, 1, width=0.1, depth=0.1, stem="cifar")
    assert network(np.zeros((2, 1, size, size), np.float32)).shape == (2, 10)


@every_network
def test_each_activation_is_called_once_with_its_channels(build):
    recorded = Recorded()
    network = build(recorded)
    calls = []
    for made in recorded.made:
        made.register_forward_hook(lambda m, x, y: calls.append((id(m), y.shape[1])))
    network(batch()[0])
    assert sorted(calls) == sorted((id(m), m.num_parameters) for m in recorded.made)


@every_network
def test_every_parameter_has_a_finite_gradient(build):
    network = build(Recorded())
    x, labels = batch()
    F.cross_entropy(network(Tensor(x)), labels).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert np.isfinite(parameter.grad).all(), name
        # A slope has none if nothing below 0 came along.
        assert parameter.ndim == 1 or np.any(parameter.grad), name


@every_network
def test_loss_falls(build):
    x, labels = batch(8)
    seen = losses(build(relu), x, labels, 12)
    assert min(seen[-3:]) < 0.9 * seen[0]


@every_network
def test_eval_and_state(build):
    x, labels = batch()
    network = build(Recorded())
    losses(network, x, labels, 2)
    network.eval()
    y = network(Tensor(x)).data
    np.testing.assert_array_equal(network(Tensor(x)).data, y)
    # Each image by itself: the batch does not matter any more.
    alone = np.concatenate([network(Tensor(x[k : k + 1])).data for k in range(4)])
    np.testing.assert_allclose(alone, y, rtol=1e-3, atol=1e-4)
    other = build(Recorded()).eval()
    assert not np.array_equal(other(Tensor(x)).data, y)
    other.load_state_dict(network.state_dict())
    np.testing.assert_array_equal(other(Tensor(x)).data, y)


@pytest.mark.parametrize("build", STEMMED, ids=lambda b: b.__name__)
def test_wrong_arguments(build):
    for wrong in ({"width": 0}, {"width": -0.5}, {"depth": 0}, {"stem": "mnist"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            build(relu, 10, **wrong)
    with pytest.raises(ValueError, match="num_classes"):
        build(relu, 0)


THIN = {f.__name__: partial(f, depth=0.1, stem="cifar") for f in STEMMED}
THIN |= {
    "densenet": partial(densenet, (3, 3), 8, stem="cifar"),
    "lenet": lenet,
    "plain": plain_convnet,
    "deep": partial(deep_mlp, in_features=50, layers=4, neurons=64),
}


@pytest.mark.parametrize("build", THIN.values(), ids=THIN)
def test_count_rises_with_width_in_small_steps(build):
    # Only a LeNet has so few channels that one more is a great step.
    limit = 1.2 if build is lenet else 1.1
    widths = [0.01, 0.03, *(0.3 * 1.013**k for k in range(40))]
    with no_values():
        counts = [total(build(relu, num_classes=10, width=w)) for w in widths]
    assert counts == sorted(counts)
    assert max(np.divide(counts[3:], counts[2:-1])) < limit


@pytest.mark.parametrize("build", [resnet50, mobilenet, googlenet], ids=lambda b: b.__name__)
def test_training_step_in_full_size(build):
    x, labels = batch(2)
    network = build(lambda channels: nn.PReLU(channels), 10, stem="cifar")
    seen = losses(network, x, labels, 2, lr=1e-4)
    assert np.isfinite(seen).all()
    assert all(np.isfinite(p.grad).all() for p in network.parameters())
