"""What tutorial 9 measures with, and the versions it arrives at."""

import importlib
import mmap
from pathlib import Path

import numpy as np
import pytest

from apalu_ref import fused

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def steps(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tutorials"))
    names = "blocks", "in_place", "measure", "watched"
    return {name: importlib.import_module(f"fast_steps.{name}") for name in names}


@pytest.fixture
def inputs():
    x, gy = np.random.default_rng(0).standard_normal((2, 5000), np.float32)
    x[:8] = 0.0, -0.0, 1e-30, -1e-30, 20, -20, 50, -50
    return x, np.array(1.25, np.float32), np.array(0.75, np.float32), gy


def exact(x, a, b, gy):
    return fused.apalu(x, a, b), *fused.apalu_grad(x, a, b, gy)


# -- the test that the tutorial uses catches mistakes


def test_right_passes(steps, inputs):
    assert max(steps["measure"].against_formula(*inputs)(exact(*inputs))) < 4


@pytest.mark.parametrize("which", range(4), ids=["y", "dx", "da", "db"])
def test_each_result_is_looked_at(steps, inputs, which):
    results = [np.copy(v) for v in exact(*inputs)]
    results[which] += 0.1
    with pytest.raises(AssertionError):
        steps["measure"].against_formula(*inputs)(results)


def test_the_sign_of_minus_zero_matters(steps, inputs, monkeypatch):
    """The tutorial says what happens without ``x + 0``."""
    in_place, x = steps["in_place"], inputs[0]
    memory, y, dx = np.empty((5, x.size), np.float32), np.empty_like(x), np.empty_like(x)
    errors = steps["measure"].against_formula(*inputs)
    errors(in_place.run(*inputs, y, dx, memory))
    monkeypatch.setattr(in_place, "signs", lambda x, memory: x.view(np.int32) >> 31)
    with pytest.raises(AssertionError):
        errors(in_place.run(*inputs, y, dx, memory))


# -- blocks


@pytest.mark.parametrize("length", [1, 7, 999, 1000, 4999, 5000, 8192])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_blocks_of_any_length_in_any_number_of_threads(steps, inputs, length, threads):
    blocks, few = steps["blocks"], 5000 if length > 7 else 50
    x, a, b, gy = inputs
    few_inputs = x[:few], a, b, gy[:few]
    memory = np.empty((threads, 5, length), np.float32)
    found = []
    for each in (blocks.one_by_one, blocks.in_threads):
        y, dx = np.empty((2, few), np.float32)
        found.append(blocks.run(*few_inputs, y, dx, memory, each))
    assert max(steps["measure"].against_formula(*few_inputs)(found[0])) < 4
    for one, other in zip(*found, strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


# -- the profiler


def test_watching_changes_nothing_and_names_every_call(steps, inputs):
    watched = steps["watched"]
    kept = []

    def run(x, a, b, gy):
        x += 0
        kept.append(np.where(x < 0, np.exp(np.minimum(x, 0)) * b, a).sum(dtype=np.float64))

    x, a, b, gy = inputs
    shares = watched.profile(run, x, a, b, gy)
    run(x, a, b, gy)
    assert kept[0] == kept[1]
    assert set(shares) == {
        "add", "less", "minimum", "exp", "multiply", "where", "add.reduce", "the rest"
    }  # fmt: skip
    assert sum(shares.values()) == pytest.approx(1)
    kinds = watched.by_kind(shares)
    assert sum(kinds.values()) == pytest.approx(1)
    arithmetic = ("add", "less", "minimum", "multiply")
    assert kinds["arithmetic"] == pytest.approx(sum(shares[call] for call in arithmetic))


def test_page_faults_are_counted_where_they_can_be(steps):
    # Fresh from the system: an array may be given memory that is mapped already.
    fresh = np.frombuffer(mmap.mmap(-1, 1 << 26), np.uint8)
    faults = steps["measure"].page_faults(lambda: fresh[:: 1 << 12].fill(1))
    assert np.isnan(faults) or faults > 10
