"""A training run that is killed and started again by test_resume.py.

Everything that has a state takes part: momentum, a schedule, shuffling, a transform, dropout and
noise from minigrad's generator, a buffer, watchers, early stopping. Prints its step numbers.
"""

import sys
import time

import numpy as np

from minigrad import nn, random
from minigrad.checkpoint import save
from minigrad.data import DataLoader, TensorDataset
from minigrad.optim import Adam, lr_scheduler
from minigrad.train import Callback, EarlyStopping, accuracy, fit
from minigrad.watch import WatchDeadUnits, WatchGradients, WatchParameters


class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        draw = random.default_generator()
        self.w = nn.Parameter(draw.normal(size=(2, 8)).astype(np.float32))
        self.register_buffer("mean", np.zeros(8, np.float32))

    def forward(self, x):
        y = np.tanh(x @ self.w)
        if self.training:
            self.mean[...] = 0.9 * self.mean + 0.1 * y.data.mean(axis=0)
            y = y * (random.default_generator().random(y.shape) < 0.8).astype(np.float32)
        return y - self.mean


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = Hidden()
        self.v = nn.Parameter(np.full((8, 2), 0.1, np.float32))

    def forward(self, x):
        return self.hidden(x) @ self.v


def loss(output, target):
    sign = np.stack([1 - 2 * target, 2 * target - 1], axis=1).astype(np.float32)
    return ((output - sign) ** 2).mean()


def jitter(x, rng):
    return x + 0.1 * rng.normal(size=x.shape)


class Report(Callback):
    """Says where training is, and takes its time, so that it can be killed."""

    def __init__(self, pause):
        self.pause = pause

    def on_step(self, run):
        print(run.step, flush=True)
        time.sleep(self.pause)


def train(folder, pause=0.0, epochs=4, callbacks=()):
    random.manual_seed(7)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 2))
    data = TensorDataset(x, (x[:, 0] > x[:, 1]).astype(int))
    model = Net()
    optimizer = Adam(
        [{"params": [model.v]}, {"params": [model.hidden.w], "lr": 0.02, "weight_decay": 0.0}],
        lr=0.01,
        weight_decay=0.01,
    )
    history = fit(
        model,
        loss,
        optimizer,
        DataLoader(data, 16, shuffle=True, transform=jitter),
        epochs=epochs,
        validation=DataLoader(data, 32),
        scheduler=lr_scheduler.OneCycleLR(optimizer, 0.1, epochs=8, steps_per_epoch=6),
        metrics={"accuracy": accuracy},
        callbacks=[
            WatchParameters("hidden.*", each=2),
            WatchGradients(each=3, bins=3),
            WatchDeadUnits("hidden"),
            Report(pause),
            *callbacks,
        ],
        early_stopping=EarlyStopping(patience=4),
        clip_grad_norm=1.0,
        checkpoint_dir=folder,
        checkpoint_steps=2,
        progress=False,
    )
    return model, optimizer, history


def result(model, optimizer, history):
    """Everything a run leaves that does not depend on the clock."""
    kept = history.state_dict()
    kept["rows"] = [{k: v for k, v in row.items() if k != "seconds"} for row in kept["rows"]]
    return {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "history": kept}


if __name__ == "__main__":
    save(sys.argv[2], result(*train(sys.argv[1], pause=float(sys.argv[3]))))
