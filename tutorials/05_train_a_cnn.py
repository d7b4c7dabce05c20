"""
Train a CNN on MNIST: ReLU and APALU
====================================

Which activation is better? A network that was trained once with each gives two numbers, and one of
them is larger. That is not an answer yet. This tutorial trains a small convolutional network (CNN)
to read digits, with ReLU and with APALU, and compares them so that the result means something.

What you'll do
--------------

Load the digits, build the network, train it, choose a learning rate, repeat the training with
several seeds, and compare the two activations on images that no decision has seen.

What you'll learn
-----------------

- what a training run consists of: loader, loss, optimiser, schedule;
- what the validation set is for, and why the test set is looked at once;
- how much a result depends on the seed, and how pairs of runs take some of that out;
- how to tell a difference from noise, and what to say when you cannot;
- how to interrupt a training run and go on.

What you need
-------------

About 60 minutes; the script itself runs for 18 seconds. NumPy and Matplotlib, this project; from
:doc:`the first tutorial <01_meet_apalu>` gradient descent and the variance of weights. How
:doc:`the last one <04_apalu_as_an_op>` made APALU an op does not matter. Names are PyTorch's.
"""

import math
import tempfile

import matplotlib.pyplot as plt
import numpy as np

from apalu_ref.datasets import mnist
from apalu_ref.layer import APALU, parameter_groups
from minigrad import Tensor, nn, no_grad
from minigrad.data import DataLoader, TensorDataset, random_split
from minigrad.optim import AdamW
from minigrad.optim.lr_scheduler import OneCycleLR
from minigrad.random import manual_seed
from minigrad.train import accuracy, fit
from minigrad.transforms import Compose, Normalize, ToFloat

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
plt.rcParams.update({
    "figure.figsize": (8, 3.6), "figure.constrained_layout.use": True, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "grid.alpha": 0.3,
    "lines.linewidth": 2, "lines.markersize": 5, "legend.frameon": False,
})  # fmt: skip
LOOKS = {"ReLU": (ORANGE, "s--"), "APALU": (BLUE, "o-")}

# %%
# Step 1: the data
# ----------------
#
# MNIST has 60,000 images for training and 10,000 for testing; 1,000 and 200 come with the project.

given, kept = mnist("train", source="bundled"), mnist("test", source="bundled")
print(given, kept, sep="\n")


def show(axes, images):
    """Draw one image into each of some axes."""
    for ax, image in zip(np.ravel(axes), images, strict=True):
        ax.imshow(image, cmap="gray_r")
        ax.axis("off")


fig, axes = plt.subplots(2, 10, figsize=(8, 1.9))
firsts = [np.flatnonzero(given.labels == digit)[:2] for digit in range(10)]
show(axes, given.images[np.transpose(firsts).ravel(), 0])
plt.show()

# %%
# Whatever was chosen because it did well on some images does better on them than on others. So we
# need three sets. 800 *training* images decide the weights. 200 *validation* images decide what we
# choose by hand, such as the learning rate. 200 *test* images decide nothing: they measure, when
# all is decided. If we chose by them, no number would be left that is not too good.

pool, test = (TensorDataset(data.images, data.labels) for data in (given, kept))
training, validation = random_split(pool, [800, 200], generator=0)

# %%
# Networks like numbers with mean 0 and variance 1. Mean and standard deviation are decisions, too,
# if small ones: they come from the training images. A *loader* shuffles the images, transforms
# them, and hands them out in *batches*, some at a time.

pixels = given.images[training.indices] / given.levels
prepare = Compose([ToFloat(), Normalize(pixels.mean(), pixels.std())])


def in_order(dataset):
    return DataLoader(dataset, batch_size=200, transform=prepare)


# %%
# Step 2: the network
# -------------------
#
# It is a small relative of LeNet-5 (LeCun and others, 1998). A *convolution* moves a window of 5 ×
# 5 weights over the image and adds up the products: a large sum says that its pattern is there. The
# first one has 8 windows, whose results are 8 *channels*, the second has 16. Each is followed by an
# activation and by *pooling*, which keeps the largest of 2 × 2 numbers. A linear layer reads ten
# scores from what is left. APALU draws its *a* and *b* from U(0, 2); as all weights are drawn
# before, with the same seed both networks start from the same ones. (Tutorial 1 wanted a variance
# of 1/(2.62n) for them. These layers take PyTorch's default, 1/(3n), which is small enough.)


def lenet(activation):
    first, second, last = nn.Conv2d(1, 8, 5), nn.Conv2d(8, 16, 5), nn.Linear(256, 10)
    return nn.Sequential(
        first, activation(8), nn.MaxPool2d(2),
        second, activation(16), nn.MaxPool2d(2),
        nn.Flatten(), last,
    )  # fmt: skip


ACTIVATIONS = {"ReLU": lambda channels: nn.ReLU(), "APALU": APALU}

manual_seed(0)
network = lenet(APALU)
print(network.summary((1, 1, 28, 28)))

# %%
# You should see 16 and 32 parameters for APALU: each channel has an *a* and a *b* of its own. That
# makes 48 numbers beside 5,994 weights.
#
# Step 3: one training run
# ------------------------
#
# - *Softmax* makes ten probabilities of the scores s: digit i gets e^sᵢ / Σ e^sⱼ, and all add up
#   to 1. The loss is the *cross-entropy*: -log of the probability that the right digit gets.
#   Guessing costs log 10 = 2.3.
# - The *optimiser* makes the steps. Adam (Kingma and Ba, 2014) keeps two running means for each
#   weight, of its gradient and of the gradient's square; a step goes by the first, divided by the
#   root of the second. AdamW adds *weight decay*, which pulls weights towards 0 a little. It should
#   not pull *a* and *b*, or the activation would fade: ``parameter_groups`` exempts them.
# - The *schedule* sets the learning rate, the size of the steps. One-cycle (Smith and Topin, 2017)
#   raises it to ``rate`` and lowers it to near 0.
#
# An *epoch* has seen all 800 images once, in batches of 50. Everything random follows from the
# seed: the weights, *a* and *b*, the order of the images. Still, your numbers may differ from
# these: machines add in different orders, and training magnifies it. You should see a loss that
# falls from more than 2 to less than 0.5, and an accuracy that rises to nearly 90 %.

EPOCHS = 6


def prepared(kind, rate, seed):
    """All that a run needs, as fit takes it."""
    manual_seed(seed)
    network = lenet(ACTIVATIONS[kind])
    optimizer = AdamW(parameter_groups(network), lr=rate, weight_decay=0.01)
    loader = DataLoader(training, 50, shuffle=True, generator=seed, transform=prepare)
    cycle = OneCycleLR(optimizer, rate, epochs=EPOCHS, steps_per_epoch=len(loader))
    return (network, nn.CrossEntropyLoss(), optimizer, loader), {
        "scheduler": cycle, "validation": in_order(validation),
        "metrics": {"accuracy": accuracy}, "progress": False,
    }  # fmt: skip


def train(kind, rate, seed):
    arguments, options = prepared(kind, rate, seed)
    history = fit(*arguments, epochs=EPOCHS, **options)
    return arguments[0], history


network, history = train("APALU", 0.003, seed=0)
for row in history.rows:
    print("epoch {epoch}: loss {loss:.3f}, on validation {val_loss:.3f}, ".format(**row)
          + "accuracy {val_accuracy:.1%}, learning rate {lr:.1e}".format(**row))  # fmt: skip
assert history["val_loss"][-1] < 1 < history["loss"][0]

fig, axes = plt.subplots(1, 2)
for ax, what, unit, scale in zip(axes, ("loss", "accuracy"), ("", ", %"), (1, 100), strict=True):
    for name, look, color in (("training", "o-", BLUE), ("validation", "s--", GREEN)):
        values = scale * np.array(history[what if name == "training" else "val_" + what])
        ax.plot(history["epoch"], values, look, color=color, label=name)
    ax.set(xlabel="epoch", title=what + unit)
axes[0].legend()
plt.show()

# %%
# In the end the network is better on the images it learns from than on others. (In the beginning it
# looks worse: the mean over an epoch is taken while it learns, validation comes after it.)
#
# Step 4: choose the learning rate
# --------------------------------
#
# The learning rate matters more than the activation. A comparison at one rate tells which
# activation likes that rate. So each gets the rate that suits it, from the same candidates, with
# the same effort: two seeds for each. We judge by what we want in the end, accuracy: on validation.

RATES = (0.001, 0.003, 0.01, 0.03, 0.1)
chosen = {}
fig, ax = plt.subplots()
for kind, (color, style) in LOOKS.items():
    found = np.array(
        [[train(kind, rate, seed)[1]["val_accuracy"][-1] for seed in (0, 1)] for rate in RATES]
    )
    means = found.mean(axis=1)
    chosen[kind] = RATES[means.argmax()]
    print(kind, *(f"{rate}: {m:.1%}" for rate, m in zip(RATES, means, strict=True)), sep="   ")
    ax.semilogx(RATES, 100 * means, style, color=color, label=f"{kind}, mean")
    ax.semilogx(RATES, 100 * found, style[0], color=color, alpha=0.5)
print("chosen:", chosen)
ax.axhline(10, linestyle=":", color=GREY, label="guessing")
ax.set(xlabel="highest learning rate", ylabel="validation accuracy, %", ylim=(0, 100))
ax.set_title("two seeds at each rate")
ax.legend(loc="center left")
plt.show()

# %%
# Too small a rate does not get far in 6 epochs; with too large a one it is luck whether the network
# learns. In between you should see a wide range where two seeds are too few to settle the choice.
#
# Step 5: what a seed is worth
# ----------------------------
#
# Now six seeds for each activation, at its rate: new ones, because with the old ones the chosen
# rate may just have been lucky.

SEEDS = range(10, 16)
runs = {kind: [train(kind, chosen[kind], seed) for seed in SEEDS] for kind in LOOKS}

fig, axes = plt.subplots(1, 2, sharey=True)
for ax, what, name in zip(axes, ("loss", "val_loss"), ("training", "validation"), strict=True):
    for kind, (color, style) in LOOKS.items():
        curves = np.array([history[what] for _, history in runs[kind]])
        epochs, mean, spread = np.arange(1, EPOCHS + 1), curves.mean(0), curves.std(0, ddof=1)
        ax.plot(epochs, mean, style[1:], color=color, label=kind)
        ax.fill_between(epochs, mean - spread, mean + spread, color=color, alpha=0.2, linewidth=0)
    ax.set(xlabel="epoch", title=f"{name} loss", ylim=(0, 2.6))
axes[0].set_ylabel("mean ± standard deviation")
axes[0].legend()
plt.show()

ends = {kind: np.array([h["val_accuracy"][-1] for _, h in runs[kind]]) for kind in LOOKS}
for kind, end in ends.items():
    print(f"{kind}, accuracy on validation: from {end.min():.1%} to {end.max():.1%}")
ahead = np.sign(ends["APALU"][:, None] - ends["ReLU"])
print("one run of each: APALU is ahead in {} of 36 pairs, ReLU in {}, {} are ties".format(
    *((ahead == sign).sum() for sign in (1, -1, 0))))  # fmt: skip
assert min(end.min() for end in ends.values()) > 0.7

# %%
# The last line tells what people find who train once with each. You should see bands that overlap.
# They show the *standard deviation* s by which runs differ, the root of the variance. (``ddof=1``
# divides by n - 1, since the mean is estimated, too.) The mean of six is known better: variances of
# independent runs add up, so that a sum of n has n·s², and a mean s²/n. The root of that, s/√n, is
# its *standard error*.
#
# Step 6: the test set, once
# --------------------------
#
# All is decided. Now we measure.


def correct(network):
    """For each test image, whether the network reads it right."""
    with no_grad():  # no way back follows: nothing need be kept
        scores = np.concatenate([network(x).data for x, _ in in_order(test)])
    return scores.argmax(axis=1) == kept.labels


right = {kind: np.array([correct(network) for network, _ in runs[kind]]) for kind in LOOKS}
for kind in LOOKS:
    of_seeds = right[kind].mean(axis=1)
    print(f"{kind}: {of_seeds.mean():.1%} ± {of_seeds.std(ddof=1):.1%} (mean ± standard deviation)")

# %%
# How sure is the difference? Runs with the same seed began with the same weights and saw the same
# batches, and all saw the same test images. So we look at differences of *pairs*: what both have in
# common cancels. There are two kinds of luck, that of the seeds and that of the images:
#
# - Would other seeds have given another result? Six differences, one for each seed.
# - Would 200 other test images? 200 differences, one for each image: the share of the networks with
#   APALU that read it right, minus that of the networks with ReLU.
#
# A mean d of n differences is nearly normally distributed: in 95 % of all cases it is within 1.96
# standard errors of the truth. As s is only estimated, from n numbers, it takes more than 1.96:
# *Student's t*, from a table, is 2.57 for n = 6 and 1.97 for n = 200. d ± t·s/√n is a *confidence
# interval*. (The six share their images, the 200 their seeds: each knows one kind of luck only.)

pairs = right["APALU"].astype(float) - right["ReLU"]
intervals = {}
for luck, differences, t in (("seeds", pairs.mean(1), 2.571), ("images", pairs.mean(0), 1.972)):
    d, half = differences.mean(), t * differences.std(ddof=1) / math.sqrt(differences.size)
    intervals[luck] = d - half, d + half
    print(f"APALU minus ReLU: {d:+.1%}, from {d - half:+.1%} to {d + half:+.1%} by other {luck}")
if all(low > 0 or high < 0 for low, high in intervals.values()):
    print("Both intervals exclude 0:", "APALU" if d > 0 else "ReLU", "is better in this setting.")
else:
    print("An interval includes 0: no difference could be shown in this setting.")

fig, (left, middle) = plt.subplots(1, 2)
for accuracies in zip(*(right[kind].mean(axis=1) for kind in LOOKS), strict=True):
    left.plot([0, 1], 100 * np.array(accuracies), "o-", color=GREY, linewidth=1.2)
left.set(xticks=[0, 1], xticklabels=list(LOOKS), xlim=(-0.3, 1.3), ylabel="test accuracy, %")
left.set_title("pairs with the same seed")
for y, (low, high) in enumerate(intervals.values()):
    middle.plot([100 * low, 100 * high], [y, y], color=BLUE)
    middle.plot(50 * (low + high), y, "o", color=BLUE)
middle.axvline(0, linestyle=":", color="black")
middle.set(yticks=[0, 1], yticklabels=["other seeds", "other images"], ylim=(-0.6, 1.6))
middle.set(xlabel="APALU minus ReLU, percentage points", title="95 % intervals")
plt.show()

# %%
# On the right you should see whether the intervals cross 0. Whatever the sentence says, mind its
# end: *in this setting*. Each of the 200 images is right (1) or wrong (0). If 90 % are right, that
# has the variance 0.9 · 0.1. So the accuracy of a single network has a standard error of about
# √(0.9 · 0.1 / 200) = 2 percentage points. Small differences cannot be seen here at all. And "no
# difference could be shown" is not "there is none".
#
# Step 7: look at the mistakes
# ----------------------------
#
# Here are the test images that most of the twelve networks got wrong. Below, the activations of the
# first 8 channels of one network, before (dashed) and after training.

wrong = (~np.concatenate(list(right.values()))).sum(axis=0)
hardest = np.argsort(-wrong, kind="stable")[:10]
fig, axes = plt.subplots(1, 10, figsize=(8, 1.4))
show(axes, kept.images[hardest, 0])
for ax, i in zip(axes, hardest, strict=True):
    ax.set_title(f"a {kept.labels[i]}\n{wrong[i]} of 12", fontsize="small")
plt.show()

x = np.linspace(-3, 3, 301, dtype=np.float32)
before, after = prepared("APALU", chosen["APALU"], SEEDS[0])[0][0], runs["APALU"][0][0]
fig, axes = plt.subplots(1, 8, figsize=(8, 1.7), sharey=True)
for network, style, color in ((before, "--", GREY), (after, "-", BLUE)):
    curves = network[1](Tensor(np.broadcast_to(x[:, None], (x.size, 8)).copy())).data
    for ax, curve in zip(axes, curves.T, strict=True):
        ax.plot(x, curve, style, color=color, linewidth=1.5)
        ax.set(xticks=[0], xlabel="x")
axes[0].set_ylabel("activation")
plt.show()

# %%
# Whoever improves the network now, having seen these mistakes, has used the test set to decide
# something. The improved network needs other test images.
#
# Step 8: stop and go on; and the full MNIST
# ------------------------------------------
#
# Longer runs get interrupted. Name a folder, and ``fit`` writes a checkpoint into it after each
# epoch. Call it again, and it goes on from there. Here we stop after half of the epochs and begin
# again with a new network, as a new process would:

with tempfile.TemporaryDirectory() as folder:
    for epochs in (EPOCHS // 2, EPOCHS):
        arguments, options = prepared("APALU", chosen["APALU"], SEEDS[0])
        resumed = fit(*arguments, epochs=epochs, checkpoint_dir=folder, **options)
straight = runs["APALU"][0][1]
print("straight: ", straight["val_loss"])
print("in halves:", resumed["val_loss"])
assert resumed["val_loss"] == straight["val_loss"]

# %%
# The same to the last bit, ups and downs included: a checkpoint has all that the next step depends
# on, the weights, Adam's means, the place in the cycle, and the random generators.
#
# For all 60,000 images there is a command, ``apalu-ref bench mnist``. ``apalu-ref data fetch mnist
# --to DIR`` gets them; set ``APALU_REF_DATA=DIR``, for without it the small set is used. In minutes
# it trains this network for 8 epochs. Expect about 99 %, with ``--activation relu``, too.
#
# On your own
# -----------
#
# 1. *Another criterion.* Choose the rates by the smallest loss on the validation set. When this was
#    written, APALU got 0.003, and ReLU came out ahead, with both intervals below 0! Decide on the
#    criterion before you see the result, and say which it was.
# 2. *More images.* Test on the 10,000 images of the full set. How much narrower does the interval
#    for other images get? (Expect a factor of about √50 = 7.)
# 3. *Another start.* Add ``lambda c: APALU(c, init="variance-preserving")`` as a third activation,
#    with as much effort as the others: choose its rate, then compare.
#
# Questions
# ---------
#
# **You tried 20 settings and report the best one, with its accuracy on the validation set. What is
# wrong?** It is the best of 20 lucky draws. Measure it once more, on images that had no part in it.
#
# **Your ten seeds give 90.5 % with a standard deviation of 1 %. A paper reports 91 % for something
# else, from one run. Is it better?** Unknown: as in step 5, single runs differ by more than that.
#
# In practice
# -----------
#
# - Give every candidate its own learning rate, chosen with the same effort, on validation images.
# - Report mean and standard deviation over seeds, and how many seeds. Compare in pairs.
# - Touch the test set once, when all is decided, and say so.
# - Keep *a* and *b* out of the weight decay. :doc:`The next tutorial <06_watch_a_and_b_learn>`
#   shows why, and what else can happen to them.
