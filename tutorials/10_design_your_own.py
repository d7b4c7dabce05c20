"""
Design your own activation: from an idea to its report card
===========================================================

Anybody can write down a new activation. What is hard to see is what it will do: to a signal, to
gradients, fifty layers on. Can you know it before you train a network? Much of it, from the *report
card*: ``apalu-ref report`` on the command line, :func:`apalu_ref.properties.report` in Python. It
takes any function written in NumPy.

What you'll do
--------------

Invent an activation with two parameters, make the mistakes most people make first, read its card,
and let a solver choose the parameters by what you wish for.

What you'll learn
-----------------

- what makes a function fit to be an activation, and how its card says where it is not;
- what *proved*, *computed* and *sampled* mean, and why a card should tell them apart;
- to read the card: kinks, slopes, moments, and what depth makes of them;
- to state wishes, and to see when they contradict each other.

What you need
-------------

About 40 minutes; the script itself runs for 4 seconds. NumPy and Matplotlib, this project, and
:doc:`the tutorial on depth <07_signal_through_200_layers>`, where the gain, lengths and Q(q),
correlations and C(c), and χ₁ come from. (:doc:`The last tutorial <09_make_numpy_fast>` is not
needed.)
"""

import matplotlib.pyplot as plt
import numpy as np

from apalu_ref.properties import ActivationError, report
from apalu_ref.properties.design import solve
from apalu_ref.properties.meanfield import Network
from apalu_ref.properties.sheet import sheet
from apalu_ref.properties.simulate import simulate
from minigrad.special import ndtr

BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
plt.rcParams.update({
    "figure.constrained_layout.use": True, "axes.spines.top": False, "axes.spines.right": False,
})  # fmt: skip

# %%
# Step 1: an idea
# ---------------
#
# ReLU kills half of its inputs; ELU's left side fades like eˣ, so that gradients are gone by
# x = -10. Let the left side fade more slowly: a line a·x on the right, and b·x/(1 - x) on the left,
# which tends to -b, but like 1/x. Call it *slow*. The first version, as one would write it for one
# number:


def slow(x, a=1.0, b=1.0):
    if x >= 0:
        return a * x
    return b * x / (1 - x)


try:
    report(slow)
except ActivationError as error:
    print(error)

# %%
# You should see two sentences: NumPy's complaint, and how to mend it. An activation works on whole
# arrays, element by element. The next version does, and has another flaw:


def slow(x, a=1.0, b=1.0):
    return np.where(x >= 0, a * x, b * x / (1 - x))


card = report(slow)
print(*card.remarks, sep="\n")

# %%
# A *remark* is what the card has to say about the formula itself. ``np.where`` computes both sides
# everywhere and then chooses. At x = 1 the side that is not taken divides by zero. The values come
# out right, for inf is not chosen; but its derivative is multiplied by 0, and 0·∞ is NaN.
# (:doc:`Tutorial 4 <04_apalu_as_an_op>` met the same trap. Its other one, ``np.maximum`` at a tie,
# is no danger below: at 0 the right side is taken, and that has x as it is.) The left side should
# only ever see its own half of the axis:


def slow(x, a=1.0, b=1.0):
    left = np.minimum(x, 0)
    return np.where(x >= 0, a * x, b * left / (1 - left))


card = report(slow)
assert not card.remarks

# %%
# Step 2: the card
# ----------------

print(card.text())

# %%
# You should see five groups. *shape* is about f and its slopes. *under N(0, 1)* is about an input
# with a standard normal distribution: the mean E f, the second moment E f², and so on. *through
# depth* has what :doc:`tutorial 7 <07_signal_through_200_layers>` measured. *with a*, *with b* say
# how these numbers change with a parameter: ∂ means the derivative by it.
#
# Each line has a name, a value, and how it came to be known:
#
# - *computed*: by an integral, or by closing in on a place; good to rounding, if no kink was
#   missed.
# - *sampled*: seen at some thousand places. Between them it may be otherwise, though for a function
#   one writes by hand that is rare.
# - *proved*: from the formula. Your own function has no proofs; ``report("apalu")`` has a dozen,
#   each checked against what was computed.
#
# What does it say? With a = b = 1 the function has no kink: both sides leave 0 with slope 1, though
# the second derivative jumps. (C¹ means that the first derivative is continuous, C² that the second
# one is as well.) It never turns. It is never steeper than 1. The share of inputs whose slope is
# next to nothing, *saturated*, is small, and that of slope 0, *dead*, is 0. Compare its neighbours:

others = {name: report(name) for name in ("relu", "elu")}
for name in ("infimum of f′", "saturated share", "dead share", "E f", "χ₁"):
    row = [f"{c[name]:8.3g}" for c in (card, *others.values())]
    print(f"{name:18}", *row)
assert card["saturated share"] < others["relu"]["saturated share"]
assert card["dead share"] == 0

# %%
# You should see three columns: slow, ReLU, ELU. The slope's infimum, the number it comes down to,
# is 0 for all three: a function that levels off cannot do otherwise. How fast it gets there
# differs, and a single number hides that:

x = np.array([-2.0, -5.0, -10.0, -20.0])
print("slow f′:", card.activation.slope(x))
print("ELU  f′:", others["elu"].activation.slope(x))
assert (card.activation.slope(x) > others["elu"].activation.slope(x))[1:].all()

# %%
# At x = -20 the slope of slow is 0.002; ELU's is a millionth of that.
#
# Step 3: the sheet
# -----------------
#
# The same as one picture, with random networks beside the theory. (On the command line:
# ``apalu-ref report mine.py:slow --out cards``.)

gain = Network("gain", card["gain"], 0.0)
depth = simulate(card.activation, card.gaussian, gain, depth=200, width=256, draws=5)
figure = sheet(card, depth, figure=plt.figure(figsize=(10.5, 7)))
figure.axes[5].set_ylim(0.25, 2.7)  # room for the legend
plt.show()

# %%
# You should see six panels; read them from left to right. Above: the function and its asymptote;
# its slopes, with the jump of f″ at 0; the family, where a moves the right side and b the left.
# Below: by how much a layer multiplies a signal's length q, for three ways to draw weights, of
# which the one with the gain crosses 1 at the dot, q = 1; what becomes of the correlation c of two
# inputs, which ends at the dot; and five random networks of 200 layers at the gain, which wander
# inside the band. Lengths return here, because Q′(1) is below 1:

print(f"Q′(1) = {card['Q′(1)']:.3f}, χ₁ = {card['χ₁']:.3f}, C tends to {card['C tends to']:.3f}")
print(f"{depth.share_inside:.0%} of the networks' lengths lie within the band")
assert card["Q′(1)"] < 1 < card["χ₁"]
assert depth.share_inside > 0.9

# %%
# The third number, 0.744, says that all pairs of inputs end with the same correlation, below 1: χ₁
# above 1 keeps inputs apart, and makes gradients grow by 4 % a layer.
#
# Step 4: wishes
# --------------
#
# Which a and b should it begin with? Say what you want instead of guessing. No kink (``c1``), and a
# second moment of 1, so that with LeCun's weights lengths stay 1:

found = solve(slow, ["c1", "second-moment=1"])
print(found.text())
assert found.met
assert np.allclose(list(found.activation.parameters.values()), card["gain"])

# %%
# You should see a = b = 1.30, which is the gain of step 2: f is multiplied by it, in place of the
# weights. Two wishes, two parameters, one answer with positive numbers. With one wish a direction
# is left free, and the solver names it; it takes the solution nearest to where it began:

print(solve(slow, ["second-moment=1"]).text())

# %%
# Now something greedier: outputs with mean 0 as well. (SELU's authors wanted that.)

greedy = solve(slow, ["c1", "second-moment=1", "mean=0"])
print(greedy.text())
assert not greedy.met
assert ("second-moment=1", "mean=0") in greedy.together

# %%
# They contradict each other: the parameters given come nearest in the sense of least squares, each
# wish says how far off it is, and the last lines say which could be had together. Mean 0 and second
# moment 1 can, at the price of a kink. That is a choice no solver can make for you.

with_kink = solve(slow, ["second-moment=1", "mean=0"])
print(with_kink.text())
fig, axes = plt.subplots(1, 2, figsize=(8, 3.4))
x = np.linspace(-4, 3, 1401)
for design, label, color, dashes in (
    (found, "no kink", BLUE, "-"),
    (with_kink, "mean 0", ORANGE, (0, (5, 2))),
):
    f = design.activation
    axes[0].plot(x, f(x), color=color, linestyle=dashes, label=f"{label}: {f!r}")
    slope = f.slope(x)
    slope[np.abs(x) < 0.003] = np.nan
    axes[1].plot(x, slope, color=color, linestyle=dashes)
axes[0].set(xlabel="x", ylabel="f(x)", title="two answers to two wishes each", ylim=(-2, 5))
axes[1].set(xlabel="x", ylabel="f′(x)", title="their slopes")
axes[0].legend(frameon=False, fontsize=9, loc="upper left")
plt.show()

# %%
# On the right you should see one slope without a gap, and one that jumps from 2.2 down to 1.1 at 0:
# to bring the mean to 0, the left side had to be made steep.
#
# Step 5: does it bend where you think?
# -------------------------------------
#
# A card also tells what you did not ask. Suppose somebody clips the left side at -0.9, to be safe:


def clipped(x, a=1.0, b=1.0):
    left = np.minimum(x, 0)
    return np.where(x >= 0, a * x, np.maximum(b * left / (1 - left), -0.9))


after = report(clipped)
print("kinks at", after["kinks"], "dead share", f"{after['dead share']:.2g}")
assert after["kinks"] == [-9.0]
assert 0 < after["dead share"] < 1e-18

# %%
# You should see a new kink, at x = -9, found to the last digit; and inputs beyond it are dead.
# Under N(0, 1) that is a share of 1e-19, which nobody will ever see. Where the standard deviation
# of the signal has grown threefold in each of three layers, it is more than a third: a card is
# about a distribution, too. (``ndtr`` is Φ, the distribution function of the normal distribution.)

beyond = ndtr(-9 / 3**3)
print(f"dead share for inputs of deviation 27: {beyond:.2f}")
assert beyond > 1 / 3

# %%
# On your own
# -----------
#
# 1. *Play.* ``apalu-ref explore`` opens a window with sliders for a and b, and one for any function
#    of yours: ``apalu-ref explore mine.py:slow``.
# 2. *Break it.* Give your function a jump of 0.01 somewhere. Does the card find it? And a jump of
#    1e-8? (Jumps below a ten-millionth of the function's size are taken for rounding.)
# 3. *Wish for χ₁ = 1* with APALU: ``solve("apalu", ["chi=1"])``. What does it say, and why can
#    PReLU do it with any slope? (A function that scales with its input has E f′² = E f².)
# 4. *Invent one* that is C², has E f = 0 and E f² = 1. The exercise ``activation`` grades one of
#    your own, with its report card: ``apalu-ref exercise check activation`` (:doc:`how
#    </exercises>`).
#
# Questions
# ---------
#
# **Is a better card a better activation?** No. A card says what a function does to signals and
# gradients at the start of training: in step 3 random networks did what it said. Whether it learns
# better is an experiment, of the kind that :doc:`tutorial 5 <05_train_a_cnn>` makes.
#
# **Why is the derivative not asked for?** minigrad differentiates what is written in NumPy. If you
# have a formula for it, give it: ``report(f, derivative=df)``. Where minigrad cannot, finite
# differences stand in, and the card says so.
#
# **How does the derivative differ over the pieces, and what does that do to gradients?** On the
# right it is a for every x, so a gradient passes with the same factor. On the left it is
# b/(1 - x)²: a quarter at x = -1, a hundredth at x = -9. ELU's is e^x, a ten-thousandth there.
#
# In practice
# -----------
#
# - Write ``np.where`` so that each side sees its own half, as with ``np.minimum(x, 0)``.
# - Look at Q′(1) and χ₁ before you stack fifty layers; the gain alone is not enough.
# - Say what you wish for, and let the contradiction come out on paper and not in training.
# - Then do not promise more than you know: :doc:`the next tutorial <11_audit_a_paper>` takes a
#   paper at its word, sentence by sentence.
