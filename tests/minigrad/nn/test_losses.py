"""Losses: closed forms, numbers of any size, and refusals. PyTorch's are in tests/extras."""

import math

import numpy as np
import pytest

from minigrad import Tensor, grad, nn, tensor
from minigrad.nn import functional as F


def test_cross_entropy_of_equal_logits_is_log_of_the_classes():
    assert F.cross_entropy(np.zeros((5, 7)), np.arange(5)).item() == pytest.approx(math.log(7))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_cross_entropy_of_huge_logits(dtype):
    x = tensor([[1e4, 0, -1e4], [1e4, 0, -1e4]], dtype=dtype, requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        each = F.cross_entropy(x, np.array([0, 2]), reduction="none")
        loss = F.cross_entropy(x, np.array([0, 2]))
        (g,) = grad(loss, x)
    assert each.tolist() == [0, 2e4]
    assert loss.item() == 1e4
    assert g.tolist() == [[0, 0, 0], [0.5, 0, -0.5]]
    assert loss.dtype == g.dtype == dtype


def test_cross_entropy_of_the_largest_numbers_there_are():
    x = tensor([[1.7e308, -1.7e308]], requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        loss = F.cross_entropy(x, [0])
        (g,) = grad(loss, x)
    assert loss.item() == 0
    assert g.tolist() == [[0, 0]]


def test_cross_entropy_keeps_the_digits_of_a_small_loss():
    loss = F.cross_entropy(np.array([[0.0, -30.0]]), [0])
    assert loss.item() == pytest.approx(math.log1p(math.exp(-30)), rel=1e-13)


@pytest.mark.parametrize("kind", [np.int64, np.int32, np.uint8, np.int8])
def test_labels_of_any_integer_type(kind):
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    loss = F.cross_entropy(Tensor(x, requires_grad=True), np.array([0, 1, 2, 1], kind))
    assert loss.dtype == np.float32
    want = F.cross_entropy(x.astype(np.float64), np.eye(3)[[0, 1, 2, 1]])
    assert loss.item() == pytest.approx(want.item(), rel=1e-6)
    loss.backward()


def test_labels_in_a_tensor_and_probabilities_of_zero_at_minus_infinity():
    x = np.array([[0.0, 0.0, -np.inf]])
    assert F.cross_entropy(x, tensor([1])).item() == pytest.approx(math.log(2))
    assert F.cross_entropy(x, np.array([[0.5, 0.5, 0.0]])).item() == pytest.approx(math.log(2))


def test_an_ignored_class_may_be_any_number():
    x = np.random.default_rng(0).normal(size=(3, 4))
    for ignored in (-100, 2, 99):
        both = F.cross_entropy(x, [1, ignored, 3], ignore_index=ignored)
        assert both.item() == pytest.approx(F.cross_entropy(x[[0, 2]], [1, 3]).item())


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([0, 3], "label 3 is out of range: there are 3 classes, from 0 to 2"),
        ([0, -1], "label -1 is out of range"),
        ([0, 1, 2], r"labels of shape \(2,\) go with an input of shape \(2, 3\), not \(3,\)"),
        ([[0], [1]], r"not \(2, 1\)"),
        (np.ones((2, 2)) / 2, "differ in shape"),
    ],
)
def test_wrong_targets_are_refused(target, message):
    with pytest.raises(ValueError, match=message):
        F.cross_entropy(np.zeros((2, 3)), target)


def test_booleans_are_no_labels():
    with pytest.raises(TypeError, match="class labels are integers, not bool"):
        F.cross_entropy(np.zeros((2, 3)), np.array([True, False]))


def test_other_refusals():
    x = np.zeros((2, 3))
    with pytest.raises(ValueError, match="no mean over nothing"):
        F.cross_entropy(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(ValueError, match="no mean over nothing"):
        F.cross_entropy(x, [-100, -100])
    with pytest.raises(ValueError, match="no mean over nothing"):
        F.mse_loss(np.zeros(0), np.zeros(0))
    with pytest.raises(ValueError, match="one for each of 3 classes"):
        F.cross_entropy(x, [0, 1], weight=[1.0, 2.0])
    with pytest.raises(ValueError, match="between 0 and 1, not"):
        F.cross_entropy(x, [0, 1], label_smoothing=1.5)
    with pytest.raises(ValueError, match="'mean', 'sum' or 'none', not 'average'"):
        F.mse_loss(x, x, reduction="average")
    with pytest.raises(ValueError, match=r"differ in shape: \(2, 1\) and \(2,\)"):
        F.mse_loss(np.zeros((2, 1)), np.zeros(2))
    with pytest.raises(ValueError, match="delta must be positive"):
        F.huber_loss(x, x, delta=0.0)
    with pytest.raises(ValueError, match="beta must not be negative"):
        F.smooth_l1_loss(x, x, beta=-1.0)


def test_empty_batches_have_an_empty_or_zero_loss():
    x, labels = tensor(np.zeros((0, 3)), requires_grad=True), np.zeros(0, int)
    assert F.cross_entropy(x, labels, reduction="none").shape == (0,)
    total = F.cross_entropy(x, labels, reduction="sum")
    total.backward()
    assert total.item() == 0
    assert x.grad.shape == (0, 3)


@pytest.mark.parametrize(("x", "t"), [(30.0, 1.0), (-30.0, 0.0), (700.0, 1.0), (-700.0, 0.0)])
def test_binary_cross_entropy_far_out_keeps_its_digits(x, t):
    logit = tensor(x, requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(logit, t)
    loss.backward()
    tail = math.exp(-abs(x))
    assert loss.item() == pytest.approx(math.log1p(tail), rel=1e-13)
    assert abs(logit.grad.item()) == pytest.approx(tail / (1 + tail), rel=1e-13)


def test_binary_cross_entropy_of_huge_logits():
    x = tensor([1e4, -1e4, 1e308, -1e308], requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        each = F.binary_cross_entropy_with_logits(x, np.array([0, 1, 1, 0]), reduction="none")
        (g,) = grad(each, x, np.ones(4))
    assert each.tolist() == [1e4, 1e4, 0, 0]
    assert g.tolist() == [1, -1, 0, 0]


def test_integer_targets_do_not_widen_float32():
    x = tensor([0.5, -0.5], dtype=np.float32, requires_grad=True)
    for loss in (F.mse_loss, F.l1_loss, F.huber_loss, F.binary_cross_entropy_with_logits):
        assert loss(x, np.array([1, 0])).dtype == np.float32
        assert loss(x, np.array([1.0, 0.0])).dtype == np.float32


def test_subgradients_where_input_and_target_are_equal():
    for loss in (F.l1_loss, F.mse_loss, F.huber_loss, F.smooth_l1_loss):
        x = tensor([2.0], requires_grad=True)
        loss(x, np.array([2.0])).backward()
        assert x.grad.item() == 0


def test_huber_is_quadratic_inside_and_linear_outside():
    loss = F.huber_loss(np.array([0.5, -3.0]), np.zeros(2), "none", 2.0)
    assert loss.tolist() == [0.125, 4.0]
    loss = F.smooth_l1_loss(np.array([0.5, -3.0]), np.zeros(2), reduction="none", beta=2.0)
    assert loss.tolist() == [0.0625, 2.0]


RNG = np.random.default_rng(3)
X, T = RNG.normal(size=(4, 3)), RNG.uniform(0, 1, (4, 3))
LABELS = np.array([0, 2, 1, 1])
MODULES = [
    (nn.CrossEntropyLoss(), F.cross_entropy, LABELS, {}),
    (
        nn.CrossEntropyLoss([1.0, 2.0, 3.0], ignore_index=1, label_smoothing=0.1, reduction="sum"),
        F.cross_entropy,
        LABELS,
        {"weight": [1.0, 2.0, 3.0], "ignore_index": 1, "label_smoothing": 0.1, "reduction": "sum"},
    ),
    (
        nn.NLLLoss([1.0, 2.0, 3.0], ignore_index=1),
        F.nll_loss,
        LABELS,
        {"weight": [1.0, 2.0, 3.0], "ignore_index": 1},
    ),
    (
        nn.BCEWithLogitsLoss(2.0, pos_weight=[1.0, 2.0, 3.0], reduction="sum"),
        F.binary_cross_entropy_with_logits,
        T,
        {"weight": 2.0, "pos_weight": [1.0, 2.0, 3.0], "reduction": "sum"},
    ),
    (nn.MSELoss(reduction="sum"), F.mse_loss, T, {"reduction": "sum"}),
    (nn.L1Loss(reduction="sum"), F.l1_loss, T, {"reduction": "sum"}),
    (nn.HuberLoss(delta=0.3), F.huber_loss, T, {"delta": 0.3}),
    (nn.SmoothL1Loss(beta=0.3), F.smooth_l1_loss, T, {"beta": 0.3}),
]


@pytest.mark.parametrize(("module", "f", "target", "how"), MODULES)
def test_module_is_its_function(module, f, target, how):
    assert module(X, target).item() == f(X, target, **how).item()


def test_floating_labels_are_told_apart_from_probabilities():
    with pytest.raises(ValueError, match="class labels must be integers"):
        F.cross_entropy(np.zeros((3, 4)), [1.0, 2.0, 3.0])


def test_many_classes_in_float16():
    x = tensor(np.zeros((4, 70_000), np.float16), requires_grad=True)
    loss = F.cross_entropy(x, np.zeros(4, int))
    assert loss.dtype == np.float16
    assert loss.item() == pytest.approx(np.log(70_000), rel=1e-3)
    loss.backward()
    assert np.isfinite(x.grad.data).all()
