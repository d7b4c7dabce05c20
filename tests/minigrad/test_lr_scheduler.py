"""Schedules: by hand, going on exactly, and refusing what makes no sense.

The comparison with PyTorch is in tests/extras/test_optim_torch.py.
"""

import numpy as np
import pytest

from minigrad import checkpoint, tensor
from minigrad.optim import SGD, Adam, lr_scheduler


def rates(schedule, n):
    values = []
    for _ in range(n):
        values += schedule.get_last_lr()
        schedule.step()
    return values


def one(lr=1.0, kind=SGD, **settings):
    return kind([tensor([0.0], requires_grad=True)], lr=lr, **settings)


def test_cosine_by_hand():
    got = rates(lr_scheduler.CosineAnnealingLR(one(), T_max=4, eta_min=0.2), 5)
    r = 0.4 / np.sqrt(2)
    assert got == pytest.approx([1.0, 0.6 + r, 0.6, 0.6 - r, 0.2])


def test_one_cycle_by_hand():
    optimizer = one(kind=Adam)
    schedule = lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=12, pct_start=0.5)
    got, momenta = [], []
    for _ in range(12):
        got.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["betas"][0])
        schedule.step()
    assert got[0] == pytest.approx(1 / 25)
    assert max(got) == got[5] == 1.0
    assert got[-1] == pytest.approx(1 / 25e4)
    assert momenta[0] == momenta[-1] == pytest.approx(0.95)
    assert min(momenta) == pytest.approx(0.85, abs=1e-12)
    with pytest.raises(ValueError, match="step 13 of a cycle of 12"):
        schedule.step()


SCHEDULES = {
    "step": lambda o: lr_scheduler.StepLR(o, 3),
    "lambda": lambda o: lr_scheduler.LambdaLR(o, lambda t: 0.9**t),
    "linear": lambda o: lr_scheduler.LinearLR(o, total_iters=8),
    "cosine": lambda o: lr_scheduler.CosineAnnealingLR(o, 20),
    "one cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.3, total_steps=20),
    "sequential": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.LinearLR(o, 0.1), lr_scheduler.CosineAnnealingLR(o, 10)], [5]
    ),
}


@pytest.mark.parametrize("make", SCHEDULES.values(), ids=SCHEDULES)
@pytest.mark.parametrize("when", [0, 4, 5, 7])
def test_schedules_go_on_exactly(make, when, tmp_path):
    optimizer = one(momentum=0.5)
    straight = make(optimizer)
    want = rates(straight, when)
    saved = {"o": optimizer.state_dict(), "s": straight.state_dict()}
    checkpoint.save(tmp_path / "s.npz", saved)
    want = rates(straight, 8)

    optimizer = one(lr=55.0, momentum=0.1)
    resumed = make(optimizer)
    saved = checkpoint.load(tmp_path / "s.npz")
    optimizer.load_state_dict(saved["o"])
    resumed.load_state_dict(saved["s"])
    assert rates(resumed, 8) == want


def test_the_plateau_goes_on_exactly():
    values = [1.0, 0.9, 0.95, 0.95, 0.95, 0.5, 0.6, 0.6, 0.6, 0.6]

    def make():
        return lr_scheduler.ReduceLROnPlateau(one(), factor=0.5, patience=1)

    straight = make()
    for v in values[:4]:
        straight.step(v)
    resumed = make()
    resumed.load_state_dict(straight.state_dict())
    resumed.optimizer.load_state_dict(straight.optimizer.state_dict())
    for v in values[4:]:
        straight.step(v)
        resumed.step(v)
        assert resumed.get_last_lr() == straight.get_last_lr()
    assert straight.get_last_lr() == [0.125]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda o: lr_scheduler.StepLR(o, 0), "step_size must be a whole number"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1), "give total_steps, or epochs and"),
        (lambda o: lr_scheduler.OneCycleLR(o, [0.1, 0.2], 5), "max_lr has 2 values for 1"),
        (lambda o: lr_scheduler.LinearLR(o, start_factor=0), "start_factor must be above 0"),
        (lambda o: lr_scheduler.LambdaLR(o, [abs, abs]), "2 functions for 1"),
        (
            lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(o, 1)], [3]),
            "1 schedules need 0 milestones",
        ),
        (
            lambda o: lr_scheduler.SequentialLR(
                o, [lr_scheduler.StepLR(o, 1), lr_scheduler.StepLR(one(), 1)], [3]
            ),
            "this same optimiser",
        ),
    ],
)
def test_schedules_refuse_what_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make(one())
