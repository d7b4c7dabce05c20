"""A training run that is killed, interrupted or damaged: nothing is lost, nothing is guessed."""

import importlib.util
import os
import random as stdlib_random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from minigrad import nn, random
from minigrad.checkpoint import CheckpointError, load, save, to_bytes
from minigrad.data import DataLoader, TensorDataset
from minigrad.optim import SGD
from minigrad.train import Callback, EarlyStopping, Interrupted, TrainingWarning, fit

SCRIPT = Path(__file__).with_name("training_script.py")
ROOT = SCRIPT.parents[2]
STEPS = 24  # 4 epochs of 6

spec = importlib.util.spec_from_file_location("training_script", SCRIPT)
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """The result of a run that nobody disturbed."""
    return to_bytes(script.result(*script.train(tmp_path_factory.mktemp("straight") / "run")))


def start(folder, out, pause=0.01):
    return subprocess.Popen(
        [sys.executable, SCRIPT, folder, out, str(pause)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def reach(process, step):
    """Wait until the process has reported a number of its own steps."""
    for _ in range(step):
        process.stdout.readline()


def at_rest(folder):
    return sorted(p.name for p in folder.iterdir() if not p.name.endswith(".tmp"))


def test_killed_again_and_again_at_random_moments(tmp_path, straight):
    draw = stdlib_random.Random(0)
    run, out = tmp_path / "run", tmp_path / "out.npz"
    killed = 0
    while step_of(run) < STEPS - 4:
        process = start(run, out)
        reach(process, draw.randrange(1, 9))
        time.sleep(draw.uniform(0, 0.02))  # anywhere in a step, or in a write
        process.kill()
        process.communicate()
        killed += 1
        for name in at_rest(run):
            if name.endswith(".npz"):
                load(run / name)  # whole and sound at any moment
        assert killed < 40
    assert killed >= 2
    finish(run, out)
    assert to_bytes(load(out)) == straight
    assert at_rest(run) == ["best.npz", "last.npz", "lock"]


def step_of(folder):
    path = folder / "last.npz"
    return load(path)["step"] if path.exists() else 0


def finish(run, out):
    process = start(run, out, pause=0)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


@pytest.mark.parametrize("every", range(1, STEPS))
def test_stopped_after_any_step_it_goes_on_with_the_same_bits(tmp_path, straight, every):
    class Enough(Exception):
        pass

    class Stop(Callback):
        def on_step(self, run):
            if run.step == every:
                raise Enough

    # A callback without state, at the end, so that the lists of callbacks are alike.
    class Nothing(Callback):
        pass

    Nothing.__name__ = "Stop"
    with pytest.raises(Enough):
        script.train(tmp_path, callbacks=[Stop()])
    random.manual_seed(12345)
    model, optimizer, history = script.train(tmp_path, callbacks=[Nothing()])
    assert to_bytes(script.result(model, optimizer, history)) == straight


def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(tmp_path, straight):
    process = start(tmp_path / "run", tmp_path / "out.npz", pause=0.03)
    reach(process, 9)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode not in (0, None)
    assert "Interrupted: interrupted after step " in errors
    assert "to go on, call fit again with the same arguments" in errors
    assert 9 <= step_of(tmp_path / "run") < STEPS
    finish(tmp_path / "run", tmp_path / "out.npz")
    assert to_bytes(load(tmp_path / "out.npz")) == straight


class Press(Callback):
    """Presses Ctrl-C at a step, ``times`` times."""

    def __init__(self, step, times=1):
        self.step, self.times = step, times

    def on_step(self, run):
        if run.step == self.step:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)


def test_ctrl_c_hands_over_the_history_and_gives_the_handler_back(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught:
        script.train(tmp_path, callbacks=[Press(8)])
    assert isinstance(caught.value, Interrupted)
    assert len(caught.value.history) == 1
    assert load(tmp_path / "last.npz")["step"] == 8
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_does_not_wait():
    with pytest.raises(KeyboardInterrupt) as caught:
        script.train(None, callbacks=[Press(2, times=2)])
    assert not isinstance(caught.value, Interrupted)


def test_fit_runs_in_a_thread_too(tmp_path, straight):
    got = []
    thread = threading.Thread(target=lambda: got.append(script.result(*script.train(tmp_path))))
    thread.start()
    thread.join()
    assert to_bytes(got[0]) == straight


def test_a_complete_run_is_not_run_again_and_can_be_made_longer(tmp_path, straight):
    script.train(tmp_path, epochs=2)

    class Never(Callback):
        def on_step(self, run):
            raise AssertionError

    Never.__name__ = "Report"
    with pytest.warns(TrainingWarning, match="callbacks are not those of the saved run"):
        _, _, history = script.train(tmp_path, epochs=2, callbacks=[Never()])
    assert len(history) == 2
    assert to_bytes(script.result(*script.train(tmp_path, epochs=4))) == straight


def test_resume_false_begins_anew(tmp_path, straight, monkeypatch):
    script.train(tmp_path, epochs=1)
    fit = script.fit
    monkeypatch.setattr(script, "fit", lambda *args, **kw: fit(*args, **kw, resume=False))
    assert to_bytes(script.result(*script.train(tmp_path))) == straight


def test_the_clock_can_ask_for_checkpoints(tmp_path, monkeypatch):
    fit = script.fit

    def often(*args, **kwargs):
        return fit(*args, **{**kwargs, "checkpoint_steps": None, "checkpoint_seconds": 0.0})

    monkeypatch.setattr(script, "fit", often)
    with pytest.raises(ZeroDivisionError):
        script.train(tmp_path, callbacks=[Fail(9)])
    assert load(tmp_path / "last.npz")["step"] == 8


class Fail(Callback):
    def __init__(self, step):
        self.step = step

    def on_step(self, run):
        if run.step == self.step:
            raise ZeroDivisionError


# -- damage


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished") / "run"
    script.train(folder, epochs=2)
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return Path(shutil.copytree(finished, tmp_path / "run"))


def damage(path, how):
    content = path.read_bytes()
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "flipped":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif how == "foreign":
        np.savez(path, w=np.ones(3))
    elif how == "another kind":
        save(path, {"w": np.ones(3)})


@pytest.mark.parametrize("how", ["truncated", "empty", "flipped", "foreign", "another kind"])
def test_a_damaged_last_is_refused_by_name_and_the_best_is_named(run, how):
    damage(run / "last.npz", how)
    before = (run / "last.npz").read_bytes()
    with pytest.raises(CheckpointError) as caught:
        script.train(run)
    message = str(caught.value)
    assert message.startswith(f"{run / 'last.npz'} ")
    assert f"{run / 'best.npz'} is intact, from the end of epoch 2" in message
    assert "copy it over last.npz" in message
    assert (run / "last.npz").read_bytes() == before


def test_the_advice_works(run, straight):
    damage(run / "last.npz", "flipped")
    shutil.copy(run / "best.npz", run / "last.npz")
    assert to_bytes(script.result(*script.train(run))) == straight


def test_when_the_best_is_damaged_too_it_is_not_recommended(run):
    damage(run / "last.npz", "truncated")
    damage(run / "best.npz", "flipped")
    with pytest.raises(CheckpointError, match=r"best\.npz cannot be used either.*resume=False"):
        script.train(run)
    (run / "best.npz").unlink()
    with pytest.raises(CheckpointError, match=r"There is no best\.npz either"):
        script.train(run)


def test_a_checkpoint_of_another_model_is_refused(run, monkeypatch):
    class Wider(script.Hidden):
        def __init__(self):
            super().__init__()
            self.extra = script.nn.Parameter(np.zeros(3, np.float32))

    monkeypatch.setattr(script, "Hidden", Wider)
    with pytest.raises(ValueError, match=r"last\.npz is not of this run: (?s:.*)hidden\.extra"):
        script.train(run)


@pytest.mark.parametrize("failing", ["replace", "fsync"])
def test_a_full_disk_keeps_the_old_checkpoint_and_training(tmp_path, monkeypatch, failing):
    script.train(tmp_path, epochs=1)
    before = (tmp_path / "last.npz").read_bytes()

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.warns(TrainingWarning, match="No space left on device. The one before is as it"):
        _, _, history = script.train(tmp_path, epochs=2)
    assert len(history) == 2
    assert (tmp_path / "last.npz").read_bytes() == before
    assert at_rest(tmp_path) == ["best.npz", "last.npz", "lock"]


def test_leftovers_of_a_killed_run_are_swept_up(run):
    (run / ".last.npz.abc.tmp").write_bytes(b"half")
    (run / ".note.tmp").write_bytes(b"somebody else's")
    script.train(run)
    assert sorted(p.name for p in run.iterdir()) == [".note.tmp", "best.npz", "last.npz", "lock"]


def test_two_runs_in_one_folder_are_refused(tmp_path):
    class Second(Callback):
        refused = False

        def on_step(self, run):
            if run.step == 3:
                with pytest.raises(RuntimeError, match="another training run is using"):
                    script.train(tmp_path)
                self.refused = True

    second = Second()
    script.train(tmp_path, epochs=1, callbacks=[second])
    assert second.refused


def test_the_best_is_a_model_to_load(finished):
    best = load(finished / "best.npz")
    model = script.Net()
    model.load_state_dict(best["model"])
    rows = best["history"]["rows"]
    assert rows[-1]["val_loss"] == min(row["val_loss"] for row in rows)


def test_early_stopping_goes_on_waiting_where_it_was(tmp_path):
    def run(epochs):
        net = nn.Linear(2, 2)
        x = np.ones((8, 2), np.float32)
        loader = DataLoader(TensorDataset(x, np.zeros(8, int)), batch_size=8)
        return fit(
            net, nn.CrossEntropyLoss(), SGD(net.parameters(), lr=0.0), loader, epochs=epochs,
            early_stopping=EarlyStopping(monitor="loss", patience=3), checkpoint_dir=tmp_path,
            progress=False,
        )  # fmt: skip

    assert len(run(2)["loss"]) == 2
    assert len(run(20)["loss"]) == 4  # the first is the best, then three of patience
