"""
Audit a paper: what is claimed, what is true
============================================

The paper that introduced APALU says that it is differentiable and monotonic, that its gradients are
bounded below and so do not vanish, that they are bounded and smaller and so training is steady, and
that one hidden layer of it approximates anything. Which of these sentences are true? To find out
takes no more than what you have built in this course.

What you'll do
--------------

Take the claims one by one; turn each into something that can come out either way; look; write down
a verdict. Then let the project do it again, and compare.

What you'll learn
-----------------

- to tell a claim that holds from one that holds under a condition, and from one that does not;
- to look for the condition instead of stopping at "false";
- what a universal approximation theorem promises, and what it does not;
- which claims no amount of mathematics can settle.

What you need
-------------

About 35 minutes; the script itself runs for 9 seconds. NumPy and Matplotlib, this project, the
slopes of APALU from :doc:`the first tutorial <01_meet_apalu>`, the second moment and what depth
does to it from :doc:`tutorial 7 <07_signal_through_200_layers>`, and the report card from :doc:`the
last one <10_design_your_own>`.
"""

import matplotlib.pyplot as plt
import numpy as np

from apalu_ref import apalu, apalu_grad
from apalu_ref.claims import table
from apalu_ref.layer import APALU
from apalu_ref.properties import report
from minigrad import manual_seed, no_grad, optim, tensor
from minigrad.nn import Linear, Sequential
from minigrad.nn import functional as F

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
plt.rcParams.update({
    "figure.constrained_layout.use": True, "axes.spines.top": False, "axes.spines.right": False,
})  # fmt: skip

# %%
# Step 1: "differentiable"
# ------------------------
#
# A function is differentiable at a point if the slopes from both sides agree. Away from 0 there is
# nothing to doubt. At 0 the left side has slope b·e⁰ = b, the right side a·(1 + σ(0)) = 3a/2. So it
# is differentiable if b = 3a/2. How often is that so? The paper draws a and b from U(0, 2):

rng = np.random.default_rng(0)
a, b = rng.uniform(0, 2, (2, 10_000))
kink = np.abs(b - 1.5 * a)
print(
    f"slopes within 0.001 of each other: {np.mean(kink < 0.001):.2%}; mean jump {kink.mean():.2f}"
)
assert np.mean(kink < 0.001) < 0.001

# %%
# You should see less than one pair in a thousand. Verdict: **holds under a condition**, b = 3a/2,
# that random parameters never meet exactly. Does it matter? Not much: ReLU has a kink, too, and
# trains. But a gradient check that knows of no kink will fail at 0, and "differentiable" is no
# virtue that APALU has over ReLU.
#
# Step 2: "monotonic"
# -------------------
#
# u′ is at least 1.5 and eˣ is positive, so f increases where a and b are positive. Nothing in
# training keeps them so. The report card says what becomes of it for other signs:

for pair in ((1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)):
    print(pair, report("apalu", a=pair[0], b=pair[1])["monotone"])

# %%
# You should see one direction for equal signs (with two negative ones it is down), and a turn at 0
# for opposite signs. Verdict: **holds under a condition**, a and b of one sign. :doc:`Tutorial 6
# <06_watch_a_and_b_learn>` watched b cross zero in training. ``APALU(positive=True)`` rules it out.
#
# Step 3: "bounded below, so gradients do not vanish"
# ---------------------------------------------------
#
# The sentence has two parts. Is f′ bounded below by a positive number?

x = np.array([-20.0, -10.0, -5.0, 0.0, 5.0])
slopes = apalu_grad(x, 1.0, 1.0, np.ones_like(x))[0]
for place, slope in zip(x, slopes, strict=True):
    print(f"f′({place:g}) = {slope:.2g}")
assert slopes[0] < 1e-8

# %%
# On the right, yes, by 3a/2. On the left f′ = b·eˣ goes to 0 as ELU's does. What follows for
# gradients can be measured as well: how much of a normal input lies where f′ is below a tenth?

z = rng.standard_normal(1_000_000)
for scale in (1, 3, 10):
    slopes = apalu_grad(scale * z, 1.0, 1.0, np.ones_like(z))[0]
    print(f"inputs of deviation {scale}: {np.mean(slopes < 0.1):.0%} have f′ < 0.1")
assert np.mean(slopes < 0.1) > 0.4

# %%
# You should see the share grow with the scale, towards one half. Verdict: **does not hold**. It
# would be true of the right side alone, and half of the inputs are on the left. What can be said:
# where ReLU passes nothing, APALU passes something, most of it near 0.
#
# Step 4: "bounded, smaller gradients"
# ------------------------------------
#
# Bounded they are: by max(2.0998·a, b). Smaller than whose? ReLU's slope is at most 1. And what a
# layer does to the mean square of a signal, its E f² tells, with E a² = E b² = 4/3 for U(0, 2):

top = np.maximum(2.09983932 * a, b)
print(f"steeper than ReLU: {np.mean(top > 1):.0%} of the pairs; mean {top.mean():.2f}")
card = report("apalu", a=1.0, b=0.0)
growth = 4 / 3 * (card["E f²"] + report("apalu", a=0.0, b=1.0)["E f²"])
print(f"a layer multiplies the second moment by {growth:.2f} under LeCun's weights")
assert np.mean(top > 1) > 0.8
assert 2.6 < growth < 2.7

# %%
# You should see that nearly nine units in ten are steeper than ReLU's, and 2.62, which tutorial 1
# found by an integral. Verdict: **does not hold**. Drawn as the paper draws them, units are
# steep, and signals grow by 2.62 a layer: ten layers are a factor of 15,000. The condition under
# which a length of 1 is kept is one of scale: a = 0.6825, b = 3a/2.
#
# Step 5: "one hidden layer approximates any continuous function"
# ---------------------------------------------------------------
#
# *Hidden layer* means: sums of n units, each a number times f(wx + c). That such sums come as close
# as one likes to any continuous function on a closed interval (in more dimensions: on a *compact*
# set, one that is closed and bounded) is a theorem. It asks of a continuous f just one thing, that
# f is no polynomial (Leshno, Lin, Pinkus and Schocken, 1993). So look whether APALU can be one:
#
# - Far left f tends to -b. A polynomial that is not constant tends to infinity there, and one that
#   is constant must be 0, as f(0) = 0. So if b is not 0, f is no polynomial.
# - If b is 0, f is 0 on the whole left side. A polynomial with infinitely many zeros is 0
#   everywhere, and a·u(x) is so only if a is 0, too.
#
# So f is a polynomial only for a = b = 0, and for all other pairs the claim holds. It also holds
# for ReLU, tanh, and the sine.
#
# What does it look like? Draw the inner weights of n units, fit the outer ones by least squares:

places = np.linspace(-2, 2, 801)


def target(x):
    return np.sin(3 * x) + np.abs(x) / 2


def fitted(width, seed):
    """A function from one hidden layer: drawn inside, fitted outside."""
    draw = np.random.default_rng(seed)
    w = draw.choice([-1, 1], width) * draw.uniform(1, 4, width)
    c = draw.uniform(-2, 2, width)

    def features(x):
        return np.column_stack([apalu(w * (x[:, None] - c), 1.0, 1.0), np.ones_like(x)])

    weights = np.linalg.lstsq(features(places), target(places), rcond=1e-10)[0]
    return lambda x: features(x) @ weights


widths = [4, 8, 16, 32, 64, 128]
errors = np.array([
    [np.abs(fitted(n, seed)(places) - target(places)).max() for seed in range(5)] for n in widths
])  # fmt: skip
for n, row in zip(widths, errors, strict=True):
    print(f"{n:4} units: largest error {np.median(row):.1e}  ({row.min():.1e} to {row.max():.1e})")
assert np.median(errors[-1]) < 0.02 * np.median(errors[0])

# %%
# You should see the error fall from 1 to less than a hundredth, as units are added. (Five draws for
# each number: the median, the least, the largest.)
#
# Step 6: what the theorem does not promise
# -----------------------------------------
#
# The theorem says that weights *exist*. It does not say that gradient descent finds them. Here is
# a layer of 64 units, trained by Adam for 2000 steps, five times:


def trained(width, seed):
    manual_seed(seed)
    net = Sequential(Linear(1, width), APALU(width, init="variance-preserving"), Linear(width, 1))
    optimizer = optim.Adam(net.parameters(), lr=1e-2)
    x = tensor(places[:, None].astype(np.float32))
    y = tensor(target(places)[:, None].astype(np.float32))
    for _ in range(2000):
        optimizer.zero_grad()
        F.mse_loss(net(x), y).backward()
        optimizer.step()

    def values(x):
        with no_grad():
            return net(tensor(x[:, None].astype(np.float32))).data[:, 0]

    return values


nets = [trained(64, seed) for seed in range(5)]
found = [np.abs(net(places) - target(places)).max() for net in nets]
least = np.median(errors[widths.index(64)])
print(f"trained: {min(found):.1e} to {max(found):.1e}; fitted by least squares: {least:.1e}")
assert min(found) > least

# %%
# Even the best of the five should be further off than the fit. Nor does the theorem say anything
# outside of the interval. There both curves do as they like, and further out they become straight
# lines, as both sides of APALU do, whatever the target does:

wide = np.linspace(-5, 5, 1001)
fig, axes = plt.subplots(1, 2, figsize=(8, 3.6), width_ratios=(1, 1.2))
axes[0].loglog(widths, np.median(errors, axis=1), "o-", color=BLUE, label="fitted (median of 5)")
axes[0].fill_between(widths, errors.min(axis=1), errors.max(axis=1), color=BLUE, alpha=0.15)
axes[0].plot([64] * 5, found, "s", color=ORANGE, mfc="none", label="trained, five times")
axes[0].set_xticks(widths, [str(n) for n in widths])
axes[0].xaxis.set_minor_formatter(lambda value, _: "")
axes[0].set(xlabel="units in the hidden layer", ylabel="largest error on [-2, 2]", ylim=(1e-3, 10))
axes[0].set_title("more units, smaller errors", fontsize=10)
axes[0].legend(frameon=False, fontsize=9)
axes[1].axvspan(-2, 2, color=GREY, alpha=0.12, linewidth=0)
axes[1].plot(wide, target(wide), color="black", linewidth=1, label="target")
axes[1].plot(wide, fitted(64, 0)(wide), color=BLUE, linestyle=(0, (5, 2)), label="fitted")
axes[1].plot(wide, nets[0](wide), color=ORANGE, linestyle=(0, (1.5, 1.5)), label="trained")
axes[1].set(xlabel="x", ylabel="y", ylim=(-4, 6))
axes[1].set_title("grey: where it was fitted", fontsize=10)
axes[1].legend(frameon=False, fontsize=9, loc="upper left")
plt.show()

outside = np.abs(fitted(64, 0)(wide) - target(wide))[np.abs(wide) > 4].max()
assert outside > 10 * least

# %%
# You should see, on the left, orange squares above the blue line; on the right, one curve inside
# the grey band, where three lie on each other, and three that part outside of it. Nor does the
# theorem tell how many units it takes. Verdict: **holds**, and says nothing in favour of APALU.
#
# Step 7: the table
# -----------------
#
# The project tests the same claims, each time it is asked; ``apalu-ref claims`` prints the table,
# with ``--figure`` for the picture. Nothing in it was typed in: every verdict follows from numbers
# that could have come out otherwise.

rows = {row.claim: row.verdict for row in table()}
for claim, verdict in rows.items():
    print(f"{verdict:24} {claim}")
ours = {
    "f is differentiable": "holds under a condition",
    "f is monotonic": "holds under a condition",
    "f′ is bounded below by a positive constant, so gradients do not vanish": "does not hold",
    "gradients are bounded and smaller, so that training is steadier": "does not hold",
    "one hidden layer approximates any continuous function": "holds",
}
assert all(rows[claim] == verdict for claim, verdict in ours.items())

# %%
# You should find our five verdicts among the first eight rows. The rows below, on accuracy and
# cost, are of another kind. "Better accuracy on CIFAR-10" is no theorem. It takes an experiment:
# the same network for each *arm* (one of the things compared: ReLU, APALU, APALU with a and b
# frozen, ...), a learning rate chosen for each arm in the same way, several seeds, the spread
# beside the mean, and arms that are *controls*, without which "adaptive" cannot be told from "a
# larger gain". These rows rest on the studies that come with the package, at a small scale. There
# *does not hold* says that it came out otherwise, and *open* that no difference was seen, not that
# there is none. ``apalu-ref claims`` has the numbers.
#
# On your own
# -----------
#
# 1. *Find another paper* about an activation, and pick three sentences that sound like mathematics.
#    What would have to be true for each?
# 2. *The same audit for GELU.* "Smooth"? "Bounded below"? "Monotonic"? ``report("gelu")``.
# 3. *Give ReLU the same treatment* in the last claim: how many units does it need? (In one
#    dimension each unit gives one bend.)
#
# Questions
# ---------
#
# **Can one hidden layer of APALU approximate any continuous function?** On a compact set, as
# closely as one likes, with enough units: yes, for f is continuous and not a polynomial, unless a =
# b = 0 (step 5). The theorem says nothing about how many units that takes, nothing about whether
# training finds their weights (it fell short in step 6), and nothing about what happens outside of
# the set.
#
# **If only one claim of five holds as it stands, is APALU bad?** No. These are claims about why it
# should work. Whether it works is measured, and a function can be good for other reasons than those
# given.
#
# **Why test what can be proved?** Because a proof is about what was written down, and a test is
# about what is computed. Had the network of step 5 stayed at an error of 1, we would have looked
# for a mistake in the program, or in our reading of the theorem.
#
# In practice
# -----------
#
# - Ask of every claim: what would I see if it were false?
# - Report the condition, not only the verdict.
# - A theorem about existence is not one about training.
# - "Open" is a result. It is better than a number nobody can repeat.
# - Next, make such an experiment: :doc:`the next tutorial <12_learn_from_little_data>` takes up the
#   sentence about sign language, with data so few that it is easy to fool oneself.
