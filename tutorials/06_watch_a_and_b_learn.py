"""
Watch a and b learn: how APALU fails, and what helps
====================================================

APALU's two parameters learn along with the weights. Mostly that goes well. But they can run away,
fade to nothing, or turn the function upside down, and the loss does not tell which. What does, and
what helps? Here each of these is made to happen, so that you recognise it.

What you'll do
--------------

Train single units and small networks under the eyes of a *watcher*, which records *a* and *b* and
speaks up. Provoke four failures, read what it says, and cure each one.

What you'll learn
-----------------

- how fast *a* and *b* learn, and from which learning rate on they diverge;
- what raw targets and weight decay do to them, and what the start does to a deep network;
- what ``positive``, ``tied`` and ``frozen`` are for, and what they cost.

What you need
-------------

About 45 minutes; the script itself runs for 15 seconds. NumPy and Matplotlib, this project; from
:doc:`the first tutorial <01_meet_apalu>` the function and its second moment, from :doc:`the last
one <05_train_a_cnn>` loader, batch, epoch, optimiser and weight decay.
"""

import textwrap
import warnings
from functools import partial

import matplotlib.pyplot as plt
import numpy as np

from apalu_ref import apalu, datasets
from apalu_ref.formula import u, v
from apalu_ref.layer import APALU, parameter_groups
from apalu_ref.watch import WatchAPALU
from minigrad import Tensor, nn, no_grad
from minigrad.data import DataLoader, TensorDataset, random_split
from minigrad.nn import functional as F
from minigrad.optim import SGD, Adam
from minigrad.random import manual_seed
from minigrad.train import Callback, NonFiniteError, TrainingWarning, accuracy, fit

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777"
plt.rcParams.update({
    "figure.figsize": (8, 3.6), "figure.constrained_layout.use": True, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "grid.alpha": 0.3,
    "lines.linewidth": 2, "lines.markersize": 5, "legend.frameon": False,
})  # fmt: skip

# %%
# Step 1: one unit, watched
# -------------------------
#
# :class:`apalu_ref.watch.WatchAPALU` is a callback: :func:`minigrad.train.fit` calls it after each
# step. It finds the APALU layers and records their *a* and *b*. It speaks by way of Python's
# warnings. We print these, and keep the record where training is stopped.


class Keep(Callback):
    def on_start(self, run):
        self.history = run.history


def watched(model, loss, optimizer, loader, epochs, each=1, say=True, **options):
    """Train, print what the watcher says, return the history."""
    keep = Keep()
    with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
        warnings.simplefilter("ignore", TrainingWarning)
        said = []
        try:
            fit(model, loss, optimizer, loader, epochs=epochs, progress=False,
                callbacks=[keep, WatchAPALU(each=each)], **options)  # fmt: skip
        except NonFiniteError as error:
            said = [f"STOPPED: {error}"]
    for sentence in keep.history.warnings + said if say else ():
        print(textwrap.fill(sentence, 95, initial_indent="  - ", subsequent_indent="    "))
    return keep.history


# %%
# As in the first tutorial, a unit starts from a = b = 1 and is to learn a = 0.5 and b = 2 from
# normally distributed examples. All 1,000 of them are one batch, so an epoch is a step.

z = np.random.default_rng(0).normal(size=(1000, 1)).astype(np.float32)


def learn(model, target, rate, steps=100):
    loader = DataLoader(TensorDataset(z, target), batch_size=len(z))
    return watched(model, nn.MSELoss(), SGD(model.parameters(), lr=rate), loader, steps)


def path(history, layer="APALU"):
    """The steps, and a and b at these steps."""
    table = history.records["apalu"]
    return table["step"], np.array(table[f"{layer}.a"]), np.array(table[f"{layer}.b"])


smooth = apalu(z, 0.5, 2.0)
steps, a, b = path(learn(APALU(1, init=1.0), smooth, rate=0.1))
for k in (0, 5, 20, 100):
    print(f"step {steps[k]:3}: a = {a[k, 0]:.4f}, b = {b[k, 0]:.4f}")

# %%
# You should see *a* there at once; *b* takes its time. Both are predictable. The loss is the mean
# of ((a - 0.5)u + (b - 2)v)², where u or v is 0. So its second derivatives are 2·mean(u²) and
# 2·mean(v²). A step multiplies the error of *a* by 1 - rate · 2·mean(u²), that of *b* likewise:

curvature_a = 2 * np.mean(u(np.maximum(z, 0)) ** 2, dtype=float)
curvature_b = 2 * np.mean(v(np.minimum(z, 0)) ** 2, dtype=float)
factor_a, factor_b = 1 - 0.1 * curvature_a, 1 - 0.1 * curvature_b
print(f"a step multiplies the error of a by {factor_a:.3f}, of b by {factor_b:.3f}")
assert np.allclose(a[:20, 0], 0.5 + 0.5 * factor_a ** np.arange(20), atol=1e-5)
assert np.allclose(b[:, 0], 2 - factor_b ** np.arange(101), atol=1e-4)

# %%
# Step 2: too large a rate, and NaN
# ---------------------------------
#
# If the rate is above 2/(2·mean(u²)), the factor is below -1: *a* jumps across its goal, each time
# to a place further away, until the numbers end. You should see two errors that fall (the lower one
# down to where float32 ends) and one that rises in a straight line; and the watcher speaks up:

limit = 2 / curvature_a
print(f"limit for a: {limit:.3f}, for b: {2 / curvature_b:.3f}")
fig, ax = plt.subplots()
for share, color, style in ((0.3, GREEN, "-."), (0.95, BLUE, "--"), (1.3, ORANGE, "-")):
    print(f"{share} times the limit:")
    steps, a, _ = path(learn(APALU(1, init=1.0), smooth, rate=share * limit, steps=150))
    off = np.abs(a[:60, 0] - 0.5)
    ax.semilogy(steps[:60], np.maximum(off, 1e-8), style, color=color, label=f"{share} × limit")
assert len(steps) < 150
ax.set(xlabel="step", ylabel="error of a, |a - 0.5|", title="a and the learning rate")
ax.legend(loc="upper left")
plt.show()

# %%
# The watcher spoke at the first wrong sign, long before the loss was infinite. In a network there
# are limits, too, but nobody knows them, and they change with the weights. If *a* keeps you from a
# rate that suits the weights, give it a smaller one: ``parameter_groups(model, lr=...)``.
#
# Step 3: opposite signs
# ----------------------
#
# With a > 0 and b > 0 the function rises everywhere: it is *monotonic*. But let the target be
# \|z\|, and try two options, promises. ``positive=True`` makes *a* and *b* the softplus of what is
# trained, log(1 + eʳ), which is above 0. ``tied=True`` sets b = 3a/2: no kink. You should see only
# the free unit cross the line b = 0, and come near the target on the left:

fig, (left, right) = plt.subplots(1, 2)
x = np.linspace(-3, 3, 301, dtype=np.float32)
right.plot(x, np.abs(x), ":", color="black", label="the target")
cases = (("free", {}, BLUE, "-"), ("positive", {"positive": True}, ORANGE, "--"),
         ("tied", {"tied": True}, GREEN, "-."))  # fmt: skip
for name, options, color, style in cases:
    print(f"{name}:")
    model = APALU(1, init=1.0, **options)
    history = learn(model, np.abs(z), rate=0.3, steps=150)
    _, a, b = path(history)
    left.plot(a, b, style, color=color, label=name)
    left.plot(a[-1], b[-1], "o", color=color)
    with no_grad():
        right.plot(x, model(Tensor(x)).data, style, color=color)
    print(f"  loss {history['loss'][-1]:.3f}, a = {a[-1, 0]:.3f}, b = {b[-1, 0]:.3f}")
    assert (b.min() < 0) == (name == "free")
left.axhline(0, color="black", linewidth=1)
left.set(xlabel="a", ylabel="b", title="on the way from a = 1", xlim=(0, 1.1))
left.legend()
right.set(xlabel="z", ylabel="output", title="what was learned")
right.legend()
plt.show()

# %%
# Is it a failure? The free unit has the smallest loss. But if you count on a rising function, as
# the paper does, it is one. What a promise costs depends on the problem; here it costs a lot.
#
# Step 4: running away
# --------------------
#
# Now a linear layer before the unit, and the target 40·max(z, 0): prices, say, that nobody scaled.
# You should see a run that stops after a few steps, and one that learns:

raw = 40 * np.maximum(z, 0)
for name, target in (("raw", raw), ("divided by their standard deviation", raw / raw.std())):
    print(f"targets {name}:")
    manual_seed(0)
    history = learn(nn.Sequential(nn.Linear(1, 1), APALU(1, init=1.0)), target, rate=0.1)
    assert (len(history) < 100) == (name == "raw")
print(f"  loss {history['loss'][0]:.3f}, in the end {history['loss'][-1]:.3f}")

# %%
# To reach such targets *a* must grow, which alone is no harm. But to a weight before the unit the
# loss now curves with a²: the larger *a*, the lower the limit for its rate. So scale the targets.
#
# Step 5: fading to nothing
# -------------------------
#
# Weight decay pulls every parameter towards 0. *b* suffers most, because little else pulls on it
# (exercise 2). In a network it gets worse: if one layer passes on less, the gradients of all others
# get smaller, and decay wins there, too. Here are 8 × 8 digits and three layers of 32 units, with a
# decay that is far too large: first on all parameters, then with *a* and *b* left out. You should
# see all lines go to 0 on the left, and none on the right.

digits = datasets.digits()
inputs = digits.images.reshape(-1, 64) / digits.levels
dataset = TensorDataset((inputs - inputs.mean()) / inputs.std(), digits.labels)
training, validation = random_split(dataset, [1400, 397], generator=0)


def network(depth, activation, width=32):
    sizes = [64] + [width] * depth
    layers = [m for n in sizes[:-1] for m in (nn.Linear(n, width), activation(width))]
    return nn.Sequential(*layers, nn.Linear(width, 10))


def classify(model, optimizer, epochs, seed=0, say=True):
    loader = DataLoader(training, 64, shuffle=True, generator=seed)
    judge = {"validation": DataLoader(validation, 397), "metrics": {"accuracy": accuracy}}
    return watched(model, nn.CrossEntropyLoss(), optimizer, loader, epochs, 5, say, **judge)


fig, axes = plt.subplots(1, 2, sharey=True)
ends = []
for ax, name in zip(axes, ("decay on everything", "a and b left out"), strict=True):
    print(f"{name}:")
    manual_seed(0)
    model = network(3, lambda c: APALU(c, init=1.0))
    groups = model.parameters() if "every" in name else parameter_groups(model)
    history = classify(model, SGD(groups, lr=0.05, weight_decay=0.3), epochs=25)
    steps, a, b = path(history, "1")
    ax.plot(steps, a, color=BLUE, linewidth=1)
    ax.plot(steps, b, color=ORANGE, linewidth=1, linestyle="--")
    ax.set(xlabel="step", title=name)
    ends.append(history["val_loss"][-1])
    print(f"  loss {ends[-1]:.2f}, accuracy on validation {history['val_accuracy'][-1]:.0%}")
axes[0].set_ylabel("a (blue), b (orange) of the first layer")
plt.show()
assert np.isclose(ends[0], np.log(10), atol=0.02)
assert ends[1] < 2.2

# %%
# With *a* and *b* at 0 the network cannot tell its inputs apart. It guesses, at a loss of log 10 =
# 2.30, and with gradients of 0 nothing brings it back. Left out, *a* grows, and makes up for a part
# of what the weights lose: even so the decay is too large.
#
# Step 6: the start, in a deep network
# ------------------------------------
#
# The paper draws *a* and *b* from U(0, 2). With weights of variance σ_w²/n a layer then multiplies
# the mean square of a signal by 2.62·σ_w², as the first tutorial found: by 2.6 with LeCun's σ_w² =
# 1, by 5.2 with He's 2. ``init="variance-preserving"`` sets a = 0.6825 and b = 3a/2, for which it
# is σ_w². And minigrad's layers, as PyTorch's, draw weights between ±1/√n unless told otherwise, so
# that σ_w² is 1/3. Ten layers of 64 units, means of three seeds:


def deep(activation, fill, seed):
    manual_seed(seed)
    model = network(10, activation, width=64)
    for layer in model:
        if isinstance(layer, nn.Linear) and fill is not None:
            fill(layer.weight)
            nn.init.zeros_(layer.bias)
    return model


preserving = {"init": "variance-preserving"}
he, lecun = partial(nn.init.kaiming_normal_, nonlinearity="relu"), nn.init.lecun_normal_
starts = {
    "U(0, 2), He": (APALU, he, PURPLE, "D-"),
    "U(0, 2), LeCun": (APALU, lecun, BLUE, "o-"),
    "U(0, 2), ±1/√n": (APALU, None, GREEN, "^-."),
    "preserving, LeCun": (partial(APALU, **preserving), lecun, "black", "x-."),
    "ReLU, He": (lambda c: nn.ReLU(), he, ORANGE, "s--"),
}
batch, labels = next(iter(DataLoader(training, 500)))


def at_start(model):
    """For each linear layer, the mean square of what it gives and of its weights' gradient."""
    linear, squares = [m for m in model if isinstance(m, nn.Linear)], []
    for layer in linear:
        layer.register_forward_hook(lambda layer, x, y: squares.append(np.mean(y.data**2)))
    loss = F.cross_entropy(model(batch), labels)
    loss.backward()
    return squares, [np.mean(m.weight.grad.data**2) for m in linear], loss.item()


growths = []
fig, (left, right) = plt.subplots(1, 2)
for name, (activation, fill, color, style) in starts.items():
    found = [at_start(deep(activation, fill, seed)) for seed in range(3)]
    squares, gradients = (np.exp(np.mean(np.log([f[i] for f in found]), axis=0)) for i in (0, 1))
    growth, loss = (squares[9] / squares[0]) ** (1 / 9), np.mean([f[2] for f in found])
    for ax, values in ((left, squares), (right, gradients)):
        ax.semilogy(np.arange(1, 12), values, style, color=color, label=name)
    growths.append(growth)
    print(f"{name:18} {growth:.2f} times a layer, loss {loss:.3g}")
left.set(xlabel="linear layer", title="mean square of its output")
right.set(xlabel="linear layer", title="mean square of its weights' gradient")
left.legend(fontsize="small")
plt.show()
assert np.allclose(growths, [5.24, 2.62, 0.87, 1, 1], rtol=0.3)

# %%
# You should see two lines high above the others. With U(0, 2) and LeCun's or He's weights the
# network begins far above the loss of guessing, 2.3, and with huge gradients: signals grow on the
# way forward, what comes back grows on the way back, and their product, here to be seen, is huge in
# all layers. With small weights U(0, 2) happens to fit. Adam makes up for the scale of gradients.
# Does the start still matter? Take the best of three rates:

for name in ("U(0, 2), LeCun", "U(0, 2), ±1/√n", "preserving, LeCun"):
    found = np.zeros((3, 3))
    for i, rate in enumerate((0.0003, 0.001, 0.003)):
        for seed in range(3):
            model = deep(*starts[name][:2], seed)
            history = classify(model, Adam(parameter_groups(model), lr=rate), 6, seed, say=False)
            found[i, seed] = history["val_accuracy"][-1]
    best = found[found.mean(axis=1).argmax()]
    print(f"{name:18} accuracy {best.mean():.1%} ± {best.std(ddof=1):.1%}")

# %%
# It does, within 6 epochs: the first line should be some percent below the others.
#
# Step 7: a and b in a network, and what a promise costs
# ------------------------------------------------------
#
# At last a healthy network: three layers, small weights. Each line is a unit on its way from the
# dot, in the plane of *a* and *b*. Where a grey axis is crossed, a sign changes.

manual_seed(0)
model = network(3, APALU)
history = classify(model, Adam(parameter_groups(model), lr=0.01), epochs=10)
fig, axes = plt.subplots(1, 3, sharey=True)
for number, (ax, layer) in enumerate(zip(axes, "135", strict=True), 1):
    _, a, b = path(history, layer)
    ax.plot(a, b, color=BLUE, linewidth=1.2)
    ax.plot(a[0], b[0], "o", color=BLUE, markersize=3)
    ax.plot([0, 1.5], [0, 2.25], ":", color="black")
    ax.plot([-0.6, 2.6, np.nan, 0, 0], [0, 0, np.nan, -0.6, 2.6], color=GREY)
    ax.set(xlabel="a", title=f"layer {number}", xlim=(-0.6, 2.6), ylim=(-0.6, 2.6))
axes[0].set_ylabel("b")
axes[0].text(1.6, 2.1, "b = 3a/2:\nno kink")
plt.show()

# %%
# You should see units that stay near where they were drawn; nothing draws them to the dotted line.
# Those next to an axis may cross it. Now the options; ``frozen=True`` leaves *a* and *b* untrained.

for name, options in {
    "U(0, 2)": {},
    "U(0, 2), positive": {"positive": True},
    "preserving": preserving,
    "preserving, tied": preserving | {"tied": True},
    "preserving, frozen": preserving | {"frozen": True},
}.items():
    found, turned = [], 0
    for seed in range(3):
        manual_seed(seed)
        model = network(3, partial(APALU, **options))
        optimizer = Adam(parameter_groups(model), lr=0.003)
        found.append(classify(model, optimizer, 10, seed, say=False)["val_accuracy"][-1])
        pairs = [(m.a.data, m.b.data) for m in model if isinstance(m, APALU)]
        turned += sum(int(np.sum(a * b < 0)) for a, b in pairs)
    print(f"{name:18} accuracy {np.mean(found):.1%} ± {np.std(found, ddof=1):.1%}, "
          f"opposite signs in {turned} of 288 units")  # fmt: skip
    assert turned == 0 or name in ("U(0, 2)", "preserving")

# %%
# The promises are kept. Here, unlike in step 3, they cost little compared with what a seed does.
#
# On your own
# -----------
#
# 1. *Two rates.* In step 1, give *a* and *b* rates of their own (two groups, each with ``"params"``
#    and ``"lr"``), such that both are right after one step. (You should need 0.31 and 3.4.)
# 2. *Decay.* A decay of d adds d/2 · (a² + b²) to the loss. Where do *a* and *b* of step 1 end with
#    d = 0.3? Compute it from the curvatures, then try. (You should get 0.457 and 0.995.)
# 3. *Normalise.* Put ``nn.BatchNorm1d(width)`` before each activation of step 6: what changes?
#
# Questions
# ---------
#
# **Why not put** ``positive=True`` **everywhere?** It forbids functions that may fit better (step
# 3), and what is close to 0 learns slowly: the slope of the softplus is small there.
#
# **Which of the failures would you have seen in the loss alone?** The two that ended in inf, and
# the faded network, stuck at 2.30, though not why. The valley of step 3 had the smallest loss.
#
# In practice
# -----------
#
# - Watch (``callbacks=[WatchAPALU()]``). Scale inputs and targets.
# - Use ``parameter_groups``: no decay for *a* and *b*, and a smaller rate if *a* is what diverges.
# - Promise (``positive``, ``tied``, ``frozen``) what you need, no more.
# - Start deep networks with ``init="variance-preserving"`` and LeCun's weights. What else depth
#   does, :doc:`the next tutorial <07_signal_through_200_layers>` shows in 200 layers.
