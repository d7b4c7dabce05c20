"""The studies' networks beside the same in PyTorch, in float64: outputs and gradients."""

import numpy as np
import pytest

from apalu_ref.studies.models.densenet import densenet
from apalu_ref.studies.models.googlenet import LocalResponseNorm, googlenet
from apalu_ref.studies.models.mobilenet import mobilenet
from apalu_ref.studies.models.resnet import resnet
from minigrad import Tensor, nn, random
from minigrad.nn import functional as F

torch = pytest.importorskip("torch")
tn = torch.nn
pytestmark = pytest.mark.extras


@pytest.fixture(autouse=True)
def one_thread():
    """On a busy machine PyTorch's threads wait for one another far longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def conv(n, m, k, stride=1, groups=1):
    """Convolution and batch norm, as a list."""
    convolution = tn.Conv2d(n, m, k, stride, (k - 1) // 2, groups=groups, bias=False)
    return [convolution, tn.BatchNorm2d(m)]


class Block(tn.Module):
    def __init__(self, branch, shortcut):
        super().__init__()
        self.branch = tn.Sequential(*branch)
        self.shortcut = tn.Sequential(*shortcut)

    def forward(self, x):
        return torch.relu(self.branch(x) + self.shortcut(x))


def basic(n, m, stride=1):
    branch = [*conv(n, m, 3, stride), tn.ReLU(), *conv(m, m, 3)]
    return Block(branch, [] if (n, stride) == (m, 1) else conv(n, m, 1, stride))


def bottleneck(n, m, stride=1):
    branch = [*conv(n, m, 1), tn.ReLU(), *conv(m, m, 3, stride), tn.ReLU(), *conv(m, 4 * m, 1)]
    return Block(branch, [] if (n, stride) == (4 * m, 1) else conv(n, 4 * m, 1, stride))


def pair(n, m, stride=1):
    return [*conv(n, n, 3, stride, n), tn.ReLU(), *conv(n, m, 1), tn.ReLU()]


def end(n):
    return [tn.AdaptiveAvgPool2d(1), tn.Flatten(), tn.Linear(n, 10)]


def relu(channels):
    return nn.ReLU()


def basic_pair():
    ours = resnet("basic", (1, 2), relu, 10, width=0.125, stem="cifar")
    blocks = [basic(8, 8), basic(8, 16, 2), basic(16, 16)]
    return ours, tn.Sequential(*conv(3, 8, 3), tn.ReLU(), *blocks, *end(16))


def bottleneck_pair():
    ours = resnet("bottleneck", (2, 1, 1), relu, 10, width=0.0625)
    start = [*conv(3, 4, 7, 2), tn.ReLU(), tn.MaxPool2d(3, 2, 1)]
    blocks = [bottleneck(4, 4), bottleneck(16, 4), bottleneck(16, 8, 2), bottleneck(32, 16, 2)]
    return ours, tn.Sequential(*start, *blocks, *end(64))


def mobilenet_pair():
    ours = mobilenet(relu, 10, width=0.125, depth=0.5, stem="cifar")
    pairs = [pair(4, 8), pair(8, 16, 2), pair(16, 32, 2), pair(32, 64, 2)]
    pairs += [pair(64, 64), pair(64, 64), pair(64, 128, 2)]
    layers = [layer for each in pairs for layer in each]
    return ours, tn.Sequential(*conv(3, 4, 3), tn.ReLU(), *layers, *end(128))


class Join(tn.Module):
    """What the branches make, channel after channel."""

    def __init__(self, *branches):
        super().__init__()
        self.branches = tn.ModuleList([tn.Sequential(*branch) for branch in branches])

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.branches], 1)


def biased(n, m, k):
    return [tn.Conv2d(n, m, k, 1, (k - 1) // 2), tn.ReLU()]


def inception(n, one, r3, three, r5, five, pool):
    return Join(
        biased(n, one, 1),
        [*biased(n, r3, 1), *biased(r3, three, 3)],
        [*biased(n, r5, 1), *biased(r5, five, 5)],
        [tn.MaxPool2d(3, 1, 1), *biased(n, pool, 1)],
    )


def googlenet_pair():
    ours = googlenet(relu, 10, width=0.125, depth=0.1, stem="cifar", dropout=0)
    start = [*biased(3, 8, 3), tn.LocalResponseNorm(5), *biased(8, 8, 1), *biased(8, 24, 3)]
    rows = [(24, 16, 16, 24, 4, 12, 8), (60, 32, 20, 40, 4, 16, 16), (104, 48, 24, 48, 6, 16, 16)]
    stages = [part for row in rows for part in (tn.MaxPool2d(3, 2, 1), inception(*row))]
    return ours, tn.Sequential(*start, tn.LocalResponseNorm(5), *stages, *end(128))


def dense(n, inside, added):
    before = [tn.BatchNorm2d(n), tn.ReLU(), tn.Conv2d(n, inside, 1, bias=False)]
    after = [tn.BatchNorm2d(inside), tn.ReLU(), tn.Conv2d(inside, added, 3, 1, 1, bias=False)]
    return Join([], [*before, *after])


def densenet_pair():
    ours = densenet((2, 1), 4, relu, 10)
    start = [*conv(3, 8, 7, 2), tn.ReLU(), tn.MaxPool2d(3, 2, 1)]
    between = [tn.BatchNorm2d(16), tn.ReLU(), tn.Conv2d(16, 8, 1, bias=False), tn.AvgPool2d(2)]
    blocks = [dense(8, 16, 4), dense(12, 16, 4), *between, dense(8, 16, 4)]
    return ours, tn.Sequential(*start, *blocks, tn.BatchNorm2d(12), tn.ReLU(), *end(12))


PAIRS = [basic_pair, bottleneck_pair, mobilenet_pair, googlenet_pair, densenet_pair]


@pytest.mark.parametrize("build", PAIRS)
@pytest.mark.parametrize("training", [True, False])
def test_output_and_gradients(build, training):
    random.manual_seed(0)
    ours, theirs = build()
    ours.to(np.float64).train(training)
    theirs.double().train(training)
    rng = np.random.default_rng(0)
    for name, buffer in ours.named_buffers():
        if name.endswith("running_var"):
            buffer[...] = rng.uniform(0.5, 2, buffer.shape)
    # In both, layers stand in the order of the computation, a shortcut after its branch.
    state = list(ours.state_dict().values())
    names = list(theirs.state_dict())
    assert len(names) == len(state)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in zip(names, state, strict=True)})

    x, labels = rng.standard_normal((4, 3, 32, 32)), np.arange(4)
    input, given = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, want = ours(input), theirs(given)
    np.testing.assert_allclose(y.data, want.detach().numpy(), rtol=1e-9, atol=1e-11)
    F.cross_entropy(y, labels).backward()
    tn.functional.cross_entropy(want, torch.tensor(labels)).backward()
    pairs = zip([input, *ours.parameters()], [given, *theirs.parameters()], strict=True)
    for mine, their in pairs:
        np.testing.assert_allclose(mine.grad, their.grad.numpy(), rtol=1e-7, atol=1e-10)


def test_local_response_norm():
    x = np.random.default_rng(0).standard_normal((2, 7, 3, 4))
    input, given = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y = LocalResponseNorm(alpha=0.5)(input)
    want = tn.LocalResponseNorm(5, alpha=0.5)(given)
    np.testing.assert_allclose(y.data, want.detach().numpy(), rtol=1e-12)
    (y * y).sum().backward()
    (want * want).sum().backward()
    np.testing.assert_allclose(input.grad, given.grad.numpy(), rtol=1e-10, atol=1e-12)
