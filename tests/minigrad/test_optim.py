"""Optimisers: formulas written out by hand, state that can be saved, errors that explain.

The comparison with PyTorch is in tests/extras/test_optim_torch.py.
"""

import copy
import gc
import tracemalloc

import numpy as np
import pytest

import minigrad
from minigrad import checkpoint, optim
from minigrad.optim import SGD, Adam, AdamW, RMSprop, chunks


def parameter(value, **kwargs):
    return minigrad.tensor(value, requires_grad=True, **kwargs)


def with_gradient(value, gradient):
    p = parameter(value)
    p.grad = minigrad.tensor(gradient, dtype=p.dtype)
    return p


def made_of(shapes, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    return [parameter(rng.normal(size=s).astype(dtype)) for s in shapes]


def steps(optimizer, params, n, seed=1):
    rng = np.random.default_rng(seed)
    for _ in range(n):
        for p in params:
            p.grad = minigrad.Tensor(rng.normal(size=p.shape).astype(p.dtype))
        optimizer.step()


def test_sgd_by_hand():
    p = with_gradient([1.0, -2.0], [0.5, 1.0])
    optimizer = SGD([p], lr=0.1, momentum=0.9, weight_decay=0.1)
    optimizer.step()  # v = g + 0.1 p
    assert p.data == pytest.approx([1 - 0.1 * 0.6, -2 - 0.1 * 0.8])
    p.grad = minigrad.tensor([0.0, 0.0])
    optimizer.step()  # v = 0.9 v + 0.1 p
    v = [0.9 * 0.6 + 0.1 * 0.94, 0.9 * 0.8 - 0.1 * 2.08]
    assert p.data == pytest.approx([0.94 - 0.1 * v[0], -2.08 - 0.1 * v[1]])


def test_the_first_step_of_adam_is_the_sign_of_the_gradient():
    p = with_gradient([1.0, 1.0, 1.0], [1e-3, -40.0, 0.0])
    Adam([p], lr=0.01, eps=0.0 + 1e-300).step()
    assert p.data == pytest.approx([0.99, 1.01, 1.0])


def test_adamw_shrinks_a_parameter_without_gradient_signal():
    p = with_gradient([2.0], [0.0])
    AdamW([p], lr=0.1, weight_decay=0.5).step()
    assert p.data == pytest.approx([2.0 * 0.95])


def test_rmsprop_by_hand():
    p = with_gradient([1.0], [3.0])
    RMSprop([p], lr=0.1, alpha=0.75, eps=0.5).step()  # v = 0.25·9
    assert p.data == pytest.approx([1 - 0.1 * 3 / (1.5 + 0.5)])


ALL = [
    (SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (Adam, {"lr": 0.01, "weight_decay": 0.1}),
    (AdamW, {"lr": 0.01}),
    (RMSprop, {"lr": 0.01, "centered": True, "momentum": 0.5}),
]
every = pytest.mark.parametrize(("kind", "settings"), ALL, ids=[k.__name__ for k, _ in ALL])


@every
def test_each_parameter_goes_its_own_way_however_they_are_stretched(kind, settings, monkeypatch):
    shapes = [(3,), (40, 50), (), (0, 2), (7, 11), (2000,)]
    together = made_of(shapes)
    monkeypatch.setattr(chunks, "_SMALL", 100)
    monkeypatch.setattr(chunks, "_BLOCK", 333)
    monkeypatch.setattr(chunks, "_THREADED", 1000)
    monkeypatch.setattr(chunks, "_THREADED_BLOCK", 333)
    monkeypatch.setattr(chunks.os, "cpu_count", lambda: 3)
    steps(kind(together, **settings), together, 5)
    monkeypatch.undo()
    rng = np.random.default_rng(1)
    gradients = [[rng.normal(size=s) for s in shapes] for _ in range(5)]
    for i, p in enumerate(made_of(shapes)):
        optimizer = kind([p], **settings)
        for g in gradients:
            p.grad = minigrad.Tensor(g[i])
            optimizer.step()
        assert np.array_equal(p.data, together[i].data)


def sized(dtype):
    return np.dtype(dtype).itemsize


@every
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_types_stay_and_memory_is_updated_in_place(kind, settings, dtype):
    params = made_of([(3, 4), (200, 100)], dtype)
    data = [p.data for p in params]
    before = [d.copy() for d in data]
    optimizer = kind(params, **settings)
    steps(optimizer, params, 3)
    for p, d, old in zip(params, data, before, strict=True):
        assert p.data is d
        assert d.dtype == dtype
        assert (d != old).mean() > 0.9
        for value in optimizer.state[p].values():
            assert isinstance(value, int) or value.dtype == max(dtype, np.float32, key=sized)


@every
def test_gradients_are_not_written_to(kind, settings):
    params = made_of([(5,), (200, 100)])
    gradients = [np.ones(p.shape) for p in params]
    for p, g in zip(params, gradients, strict=True):
        p.grad = minigrad.Tensor(g)
    kind(params, **settings).step()
    assert all((g == 1).all() for g in gradients)


@every
def test_a_strided_parameter_is_updated_where_it_is(kind, settings):
    memory = np.zeros((300, 200))
    strided = minigrad.Tensor(memory[::2, ::-1], requires_grad=True)
    plain = parameter(np.zeros((150, 200)))
    steps(kind([strided], **settings), [strided], 3)
    steps(kind([plain], **settings), [plain], 3)
    assert np.array_equal(memory[::2, ::-1], plain.data)
    assert (memory[1::2] == 0).all()


@every
def test_the_order_of_a_gradient_in_memory_does_not_matter(kind, settings):
    g = np.random.default_rng(0).normal(size=(150, 300))
    results = []
    for order in "CF":
        p = parameter(np.ones(g.shape))
        optimizer = kind([p], **settings)
        for _ in range(2):
            p.grad = minigrad.Tensor(np.array(g, order=order))
            optimizer.step()
        results.append(p.data)
    assert np.array_equal(*results)


@every
def test_a_step_allocates_next_to_nothing(kind, settings):
    params = made_of([(300, 300), (300,)], np.float32)
    optimizer = kind(params, **settings)
    steps(optimizer, params, 2)
    gc.collect()
    tracemalloc.start()
    optimizer.step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000  # one temporary would be 360,000


@every
def test_saved_and_loaded_it_goes_on_to_the_last_bit(kind, settings, tmp_path):
    shapes = [(3, 2), (150, 120), ()]
    straight = made_of(shapes)
    one = kind(straight, **settings)
    steps(one, straight, 4)
    steps(one, straight, 4, seed=2)

    stopped = made_of(shapes)
    two = kind(stopped, **settings)
    steps(two, stopped, 4)
    checkpoint.save(tmp_path / "o.npz", two.state_dict())
    going_on = [parameter(p.data) for p in stopped]
    three = kind(going_on, lr=77.0)
    three.load_state_dict(checkpoint.load(tmp_path / "o.npz"))
    steps(three, going_on, 4, seed=2)
    for p, q in zip(straight, going_on, strict=True):
        assert p.data.tobytes() == q.data.tobytes()


def test_a_saved_state_does_not_change_with_the_optimiser():
    params = made_of([(3,)])
    optimizer = Adam(params)
    steps(optimizer, params, 1)
    saved = optimizer.state_dict()
    before = saved["state"][0]["exp_avg"].copy()
    steps(optimizer, params, 3)
    assert saved["state"][0]["step"] == 1
    assert np.array_equal(saved["state"][0]["exp_avg"], before)


def test_groups_have_settings_of_their_own():
    p, q = with_gradient([1.0], [1.0]), with_gradient([1.0], [1.0])
    optimizer = SGD([{"params": p}, {"params": [q], "lr": 0.5, "name": "q"}], lr=0.1)
    optimizer.step()
    assert (p.item(), q.item()) == (0.9, 0.5)
    r = with_gradient([1.0], [1.0])
    optimizer.add_param_group({"params": [r], "lr": 0.25})
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step()
    assert (p.item(), q.item(), r.item()) == (0.9, 0.0, 0.75)


def test_parameters_without_gradient_stay_and_do_not_age():
    p, q = with_gradient([1.0], [1.0]), parameter([1.0])
    optimizer = Adam([p, q], lr=0.1)
    optimizer.step()
    assert q.item() == 1.0
    assert q not in optimizer.state
    q.grad = minigrad.tensor([1.0])
    optimizer.step()
    assert q.item() == pytest.approx(0.9)  # its own first step
    assert (optimizer.state[p]["step"], optimizer.state[q]["step"]) == (2, 1)


def test_new_memory_for_a_parameter_is_noticed():
    p = with_gradient([1.0, 2.0], [1.0, 1.0])
    optimizer = SGD([p], lr=0.5)
    optimizer.step()
    p.data = np.array([10.0, 20.0])
    optimizer.step()
    assert p.data.tolist() == [9.5, 19.5]


def test_zero_grad():
    p = with_gradient([1.0], [1.0])
    optimizer = SGD([p])
    optimizer.zero_grad(set_to_none=False)
    assert p.grad.data.tolist() == [0.0]
    optimizer.zero_grad()
    assert p.grad is None


def test_backward_through_a_graph_from_before_the_step_is_refused():
    p = parameter([2.0])
    y = (p * p).sum()
    p.grad = minigrad.tensor([1.0])
    SGD([p], lr=0.1).step()
    with pytest.raises(RuntimeError, match="changed after multiply"):
        y.backward()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda p: SGD([]), ValueError, "given no parameters"),
        (lambda p: SGD(p), TypeError, r"pass model\.parameters\(\), or \[tensor\]"),
        (lambda p: SGD([p, p]), ValueError, r"parameter 1 \(shape \(2,\)\) is given twice"),
        (lambda p: SGD([{"params": p}, {"params": p}]), ValueError, "given twice"),
        (lambda p: SGD([("w", p)]), TypeError, r"is a tuple.*model\.parameters\(\)"),
        (lambda p: SGD([p.data]), TypeError, "is a ndarray"),
        (lambda p: SGD([p * 2]), ValueError, "was computed from others"),
        (lambda p: SGD([p], lr=-1), ValueError, "lr must be 0 or more, not -1"),
        (lambda p: SGD([p], lr=float("nan")), ValueError, "lr must be 0 or more"),
        (lambda p: SGD([p], nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda p: Adam([p], betas=(0.9, 1.0)), ValueError, "betas are two numbers"),
        (lambda p: Adam([p], eps=-1e-8), ValueError, "eps must be"),
        (lambda p: RMSprop([p], alpha=1.5), ValueError, "alpha must be"),
        (lambda p: SGD([{"params": p, "lrr": 1}]), ValueError, "no setting 'lrr': did you mean"),
        (lambda p: SGD([{"params": p, "lr": -1}]), ValueError, "lr must be 0 or more"),
        (lambda p: SGD([{"lr": 1}]), TypeError, 'a dict with "params"'),
    ],
)
def test_errors_say_what_to_do(make, error, message):
    with pytest.raises(error, match=message):
        make(parameter([1.0, 2.0]))


def test_a_state_that_does_not_fit_is_refused_and_nothing_changes():
    params = made_of([(2,), (3,)])
    optimizer = Adam(params, lr=0.5)
    steps(optimizer, params, 1)
    other = Adam(made_of([(2,)]))
    with pytest.raises(ValueError, match=r"groups of \[1\] parameters, this optimiser of \[2\]"):
        optimizer.load_state_dict(other.state_dict())
    shapes = made_of([(2,), (4,)])
    wrong = Adam(shapes)
    steps(wrong, shapes, 1)
    with pytest.raises(ValueError, match=r"exp_avg of parameter 1 has shape \(4,\)"):
        optimizer.load_state_dict(wrong.state_dict())
    with pytest.raises(ValueError, match="has no betas, eps: it is not that of Adam"):
        optimizer.load_state_dict(SGD(made_of([(2,), (3,)])).state_dict())
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.state[params[0]]["step"] == 1


def test_read_only_memory_is_refused():
    data = np.ones(2)
    data.flags.writeable = False
    p = minigrad.Tensor(data, requires_grad=True)
    p.grad = minigrad.tensor([1.0, 1.0])
    with pytest.raises(ValueError, match="read-only memory"):
        SGD([p]).step()


# -- clipping


def test_clipping_bounds_the_norm_of_all_together():
    p, q = with_gradient([0.0], [3.0]), with_gradient([0.0, 0.0], [0.0, 4.0])
    assert optim.clip_grad_norm_([p, q, parameter([1.0])], 1.0) == 5.0
    assert np.hypot(p.grad.item(), q.grad.data[1]) == pytest.approx(1.0, abs=1e-6)
    assert optim.clip_grad_norm_([p, q], 10.0) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("size", [1e-4, 1e3])
def test_the_norm_of_narrow_types_neither_overflows_nor_vanishes(dtype, size):
    scale = size if dtype == np.float16 else size**10
    p = parameter(np.zeros(4, dtype))
    p.grad = minigrad.Tensor(np.full(4, scale, dtype))
    norm = optim.clip_grad_norm_(p, max_norm=float("inf"))
    assert norm == pytest.approx(2 * float(dtype(scale)), rel=1e-6)


def test_a_norm_that_is_not_finite():
    p = with_gradient([0.0, 0.0], [np.nan, 1.0])
    with pytest.raises(RuntimeError, match="norm of the gradients is nan"):
        optim.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad.data[1] == 1.0
    assert np.isnan(optim.clip_grad_norm_(p, 1.0))


@pytest.mark.parametrize("size", [3, 40_000])
def test_a_copy_goes_on_by_itself(size):
    p = minigrad.tensor(np.ones(size), requires_grad=True)
    optimizer = Adam([p], lr=0.1)
    p.grad = minigrad.tensor(np.ones(size))
    optimizer.step()
    p2, optimizer2 = copy.deepcopy((p, optimizer))
    optimizer.step()
    optimizer2.step()
    np.testing.assert_array_equal(p2.data, p.data)
    assert p2.data is not p.data
