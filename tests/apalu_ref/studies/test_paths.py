"""Paths of a and b: what is recorded, and what is said of how they end."""

import numpy as np
import pytest

from apalu_ref.layer import APALU
from apalu_ref.studies.paths import Paths, collapsed, fates, kinks, memory, opposed, pairs
from minigrad import nn, optim
from minigrad.train import fit

T = np.linspace(0, 1, 41)


@pytest.mark.parametrize(
    ("path", "fate"),
    [
        (1 - np.exp(-20 * T), "settled"),
        (np.full(41, 0.3), "settled"),
        (1 + 0.009 * np.cos(50 * T), "settled"),
        (T, "drifting"),
        (-3 * T, "drifting"),
        (np.sqrt(T), "drifting"),
        (np.sin(16 * np.pi * T), "wandering"),
        (T + 0.5 * np.sin(16 * np.pi * T), "wandering"),
        # In the last quarter up by 1 and down again: to a half, or to nine tenths, of the band.
        (np.interp(T, [0, 0.75, 0.9, 1], [0, 0, 1, 0.5]), "wandering"),
        (np.interp(T, [0, 0.75, 0.9, 1], [0, 0, 1, 0.9]), "drifting"),
    ],
)
def test_a_path_settles_drifts_or_wanders(path, fate):
    found = fates(path[:, None])
    assert getattr(found, fate) == 1
    assert sum(found) == 1


def test_a_late_jump_is_seen_and_an_early_one_is_not():
    late = np.where(T < 0.9, 0.0, 1.0)
    early = np.where(T < 0.5, 0.0, 1.0)
    assert fates(late[:, None]).settled == 0
    assert fates(early[:, None]).settled == 1


def test_no_paths_have_no_fate():
    assert fates(np.zeros((41, 0))) is None
    assert fates(np.zeros((3, 2))) is None


def test_pairs_collapse_only_if_both_are_nothing():
    a, b = np.array([0.0, 0.009, 0.0, -0.005]), np.array([0.0, -0.009, 1.0, 0.02])
    assert collapsed(a, b).tolist() == [True, True, False, False]


def test_signs_are_opposed_only_beyond_nothing():
    a, b = np.array([1.0, -1.0, -1.0, 1.0, 1.0]), np.array([-1.0, 1.0, -1.0, 1.0, -0.001])
    assert opposed(a, b).tolist() == [True, True, False, False, False]


def test_the_kink_is_gone_where_b_is_three_halves_a():
    assert kinks(np.array([2.0, 1.0]), np.array([3.0, 1.0])).tolist() == [0.0, 0.5]


def test_memory_is_a_correlation():
    start = np.array([0.1, 1.0, 1.7, 0.4])
    assert memory(start, 2 * start + 1) == pytest.approx(1)
    assert memory(start, -start) == pytest.approx(-1)
    assert memory(np.ones(4), start) is None


def test_pairs_of_all_layers_are_found_tied_ones_too():
    network = nn.Sequential(
        APALU(2, init=(1.0, 0.5)), nn.PELU(3), nn.Sequential(APALU(1, init=2.0, tied=True))
    )
    a, b = pairs(network)
    assert a.tolist() == [1, 1, 2]
    assert b.tolist() == [0.5, 0.5, 3]
    assert pairs(nn.Sequential(nn.PReLU(), nn.ReLU()))[0].size == 0


@pytest.mark.parametrize("frozen", [False, True])
def test_records_begin_before_the_first_step_and_are_evenly_apart(frozen):
    network = nn.Sequential(nn.Linear(2, 3), APALU(3, init=(1.0, 0.5), frozen=frozen))
    x = np.random.default_rng(0).normal(size=(8, 2)).astype(np.float32)
    paths = Paths(2)
    weights = [p for p in network.parameters() if p.requires_grad]
    fit(
        network, nn.functional.mse_loss, optim.SGD(weights, lr=0.01),
        [(x, np.zeros((8, 3), np.float32))] * 3, epochs=3, callbacks=[paths], progress=False,
    )  # fmt: skip
    assert paths.a.shape == paths.b.shape == (5, 3)
    assert (paths.a[0] == 1).all()
    assert (paths.b[0] == 0.5).all()
    assert (paths.a[-1] != 1).any() == (not frozen)
    # A record is a copy, not what training goes on changing.
    assert (paths.a[1] != paths.a[2]).any() == (not frozen)
