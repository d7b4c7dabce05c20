"""Optimisers, schedules and clipping beside PyTorch's, in float64, over 50 steps."""

import numpy as np
import pytest

import minigrad
from minigrad import optim
from minigrad.optim import lr_scheduler

pytestmark = pytest.mark.extras
torch = pytest.importorskip("torch")

# A large parameter, small ones, a transposed one, a 0-d and an empty one.
SHAPES = [(150, 130), (7, 3), (11,), (), (0, 4), (160, 120)]
OPTIMISERS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.05, "betas": (0.7, 0.99), "eps": 1e-6, "weight_decay": 0.3}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.02, "alpha": 0.9, "eps": 1e-4, "weight_decay": 0.1, "momentum": 0.8}),
    ("RMSprop", {"centered": True, "momentum": 0.5}),
]


def pair(rng):
    """The same parameters in minigrad and in PyTorch."""
    arrays = [rng.normal(size=shape) for shape in SHAPES]
    arrays[-1] = np.asfortranarray(arrays[-1])
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    return [minigrad.Tensor(a, requires_grad=True) for a in arrays], theirs


def give_gradients(rng, ours, theirs, leave_out=()):
    for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
        g = rng.normal(size=p.shape)
        p.grad = None if i in leave_out else minigrad.Tensor(g)
        q.grad = None if i in leave_out else torch.tensor(g)


def equal(ours, theirs):
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("name", "settings"), OPTIMISERS)
def test_fifty_steps_with_groups_and_missing_gradients(name, settings):
    rng = np.random.default_rng(0)
    ours, theirs = pair(rng)

    def groups(p):
        return [{"params": p[:2]}, {"params": p[2:], "lr": 0.003, "weight_decay": 0.0}]

    a = getattr(optim, name)(groups(ours), **settings)
    b = getattr(torch.optim, name)(groups(theirs), **settings)
    for step in range(50):
        # Steps at which some parameters take no part: their counts fall behind.
        give_gradients(rng, ours, theirs, {10: [0, 2], 11: [2], 30: range(6)}.get(step, ()))
        a.step()
        b.step()
        if step == 20:  # a setting is changed on the way
            for optimizer in (a, b):
                optimizer.param_groups[1]["lr"] = 0.2
                if "momentum" in settings:
                    optimizer.param_groups[0]["momentum"] = 0.7
        equal(ours, theirs)


def test_float32_follows_pytorch_to_rounding():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(40, 30)).astype(np.float32)
    p = minigrad.tensor(a, requires_grad=True)
    q = torch.tensor(a, requires_grad=True)
    ours, theirs = optim.Adam([p], lr=1e-2), torch.optim.Adam([q], lr=1e-2)
    for _ in range(50):
        g = rng.normal(size=a.shape).astype(np.float32)
        p.grad, q.grad = minigrad.Tensor(g), torch.tensor(g)
        ours.step()
        theirs.step()
    assert p.dtype == np.float32
    np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=0, atol=2e-6)


SCHEDULES = [
    ("StepLR", {"step_size": 7, "gamma": 0.5}),
    ("CosineAnnealingLR", {"T_max": 60, "eta_min": 1e-3}),
    ("CosineAnnealingLR", {"T_max": 20}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.1, "end_factor": 0.7, "total_iters": 13}),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 51}),
    ("OneCycleLR", {"max_lr": [0.3, 0.1], "epochs": 17, "steps_per_epoch": 3,
                    "anneal_strategy": "linear", "pct_start": 0.2, "three_phase": True}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 60, "cycle_momentum": False,
                    "div_factor": 10.0, "final_div_factor": 100.0}),
    ("OneCycleLR", {"max_lr": 0.3, "total_steps": 55, "base_momentum": 0.6, "max_momentum": 0.8}),
]  # fmt: skip


def rates(optimizer):
    return [
        value
        for group in optimizer.param_groups
        for value in (group["lr"], group.get("momentum", group.get("betas", [0])[0]))
    ]


def both(name="SGD", **settings):
    p = [minigrad.Tensor(np.zeros(2), requires_grad=True) for _ in range(2)]
    q = [torch.zeros(2, requires_grad=True) for _ in range(2)]
    made = []
    for module, params in ((optim, p), (torch.optim, q)):
        groups = [{"params": params[:1]}, {"params": params[1:], "lr": 0.02}]
        made.append(getattr(module, name)(groups, lr=0.1, **settings))
    return made


def follow(ours, theirs, a, b, steps=50, value=None):
    assert rates(ours) == pytest.approx(rates(theirs), rel=1e-12, abs=1e-15)
    for t in range(steps):
        theirs.step()  # PyTorch warns otherwise
        for schedule in (a, b):
            schedule.step(*([] if value is None else [value(t)]))
        want = rates(theirs)
        assert rates(ours) == pytest.approx(want, rel=1e-10, abs=1e-14), f"after step {t}"
        assert a.get_last_lr() == pytest.approx(b.get_last_lr(), rel=1e-10, abs=1e-14)


@pytest.mark.parametrize("optimiser", [("SGD", {"momentum": 0.9}), ("Adam", {})])
@pytest.mark.parametrize(("name", "settings"), SCHEDULES)
def test_schedules(name, settings, optimiser):
    ours, theirs = both(optimiser[0], **optimiser[1])
    a = getattr(lr_scheduler, name)(ours, **settings)
    b = getattr(torch.optim.lr_scheduler, name)(theirs, **settings)
    follow(ours, theirs, a, b)


def test_warm_up_then_cosine():
    ours, theirs = both()
    a, b = (
        m.SequentialLR(
            o,
            [
                m.LinearLR(o, start_factor=0.1, total_iters=5),
                m.CosineAnnealingLR(o, T_max=20),
                m.StepLR(o, step_size=3),
            ],
            milestones=[5, 25],
        )
        for m, o in ((lr_scheduler, ours), (torch.optim.lr_scheduler, theirs))
    )
    follow(ours, theirs, a, b)


@pytest.mark.parametrize("mode", ["min", "max"])
def test_reduce_on_plateau(mode):
    ours, theirs = both()
    settings = {"mode": mode, "factor": 0.5, "patience": 2, "cooldown": 1, "min_lr": 1e-3}
    a = lr_scheduler.ReduceLROnPlateau(ours, **settings)
    b = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **settings)
    values = np.random.default_rng(2).uniform(1, 2, 60)
    values[:10] = np.linspace(3, 2, 10)
    follow(ours, theirs, a, b, value=lambda t: values[t])


@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, float("inf")])
@pytest.mark.parametrize("max_norm", [0.5, 1e6])
def test_clip_grad_norm(norm_type, max_norm):
    rng = np.random.default_rng(3)
    ours, theirs = pair(rng)
    ours, theirs = ours[:4], theirs[:4]
    give_gradients(rng, ours, theirs, leave_out=[1])
    got = optim.clip_grad_norm_(ours, max_norm, norm_type)
    want = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    assert got == pytest.approx(want.item(), rel=1e-12)
    for p, q in zip(ours, theirs, strict=True):
        if p.grad is None:
            assert q.grad is None
        else:
            np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-12)


def test_clip_grad_value():
    rng = np.random.default_rng(4)
    ours, theirs = pair(rng)
    give_gradients(rng, ours, theirs)
    optim.clip_grad_value_(ours, 0.4)
    torch.nn.utils.clip_grad_value_(theirs, 0.4)
    for p, q in zip(ours, theirs, strict=True):
        assert np.array_equal(p.grad.data, q.grad.numpy())
