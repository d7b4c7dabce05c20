"""
Meet APALU: two slopes and one kink
===================================

An *activation function* is the bend in a neural network: without it, a stack of layers is one
linear map. APALU is a bend that is trained along with the weights, by two numbers of its own: *a*
for positive inputs, *b* for negative ones. What do they change, and what becomes of a signal that
passes through many layers with it? (It was published by Subramanian, Jeyaraj and Ugli: *APALU: A
Trainable, Adaptive Activation Function for Deep Learning Networks*, `arXiv 2402.08244
<https://arxiv.org/abs/2402.08244>`_.)

What you'll do
--------------

Build APALU from its parts in a few lines of NumPy, draw it, take its slopes, and measure what it
does to a signal that passes through many layers.

What you'll learn
-----------------

- where its two halves come from, and which activations are its relatives;
- what *a* and *b* do, and which inputs each of them learns from;
- how steep it can get, where it has a kink, and where its gradient vanishes;
- why deep networks with APALU need smaller weights than deep networks with ReLU.

What you need
-------------

About 60 minutes; the script itself runs for 1 second. NumPy and Matplotlib, this project, the
product rule, partial derivatives, and what a mean and a variance are; no neural network and no
tutorial before this one. (When the script opens a figure, it waits until you close it.)
"""

import math

import matplotlib.pyplot as plt
import numpy as np

from apalu_ref import apalu, apalu_grad

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777"
plt.rcParams.update({
    "figure.figsize": (8, 3.6), "figure.constrained_layout.use": True, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "grid.alpha": 0.3,
    "lines.linewidth": 2, "legend.frameon": False,
})  # fmt: skip

# %%
# Step 1: write it down
# ---------------------
#
# APALU is *a* times one function where x ≥ 0, and *b* times another one where x < 0:
#
# .. math::
#
#    f(x; a, b) = \begin{cases}
#        a\,u(x), \quad u(x) = x\,(1 + σ(κx)) & x \ge 0 \\
#        b\,v(x), \quad v(x) = e^x - 1        & x < 0
#    \end{cases}
#
# Here σ(z) = 1 / (1 + e⁻ᶻ) is the sigmoid, which rises from 0 to 1, and κ = 1.702 is a fixed
# number; step 2 tells where it comes from. In NumPy:

KAPPA = 1.702


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def u(x):
    return x * (1 + sigmoid(KAPPA * x))


def v(x):
    return np.expm1(x)  # e^x - 1, without losing digits near 0


def f(x, a=1.0, b=1.0):
    # np.where computes both sides, then picks. So each gets its own half: e^1000 would overflow.
    above, below = np.maximum(x, 0), np.minimum(x, 0)
    return np.where(x >= 0, a * u(above), b * v(below))


# %%
# (The project's own is :func:`apalu_ref.apalu`.) Let a = b = 1. You should see a blue curve that
# arrives at 0 with *slope* (that is, derivative) 1 and leaves it with slope 3/2. Such a jump of the
# slope is a *kink*. Far to the left it flattens out at -b; far to the right σ nears 1, and f 2ax.

x = np.linspace(-4, 3, 1401)
print("f at -2, -1, 0, 1 and 2:", f(np.arange(-2, 3)).round(4))
assert np.allclose(f(x, 0.7, 1.3), apalu(x, 0.7, 1.3), rtol=1e-14)

fig, ax = plt.subplots(figsize=(8, 4))
ax.plot(x, f(x), color=BLUE, linewidth=3, label="f(x; 1, 1)")
ax.plot([-1.6, 0.8], [-1.6, 0.8], "--", color=ORANGE, label="slope on the left: b = 1")
ax.plot([-0.8, 1.4], [-1.2, 2.1], "-.", color=GREEN, label="slope on the right: 3a/2 = 1.5")
ax.plot([0, 3], [0, 6], ":", color=GREY, label="far right: 2ax")
ax.axhline(-1, linestyle=":", color=PURPLE, label="far left: -b")
ax.plot(0, 0, "o", color="black", zorder=3)
ax.annotate("the kink", (0, 0), (0.4, -0.65), arrowprops={"arrowstyle": "->"})
ax.set(xlabel="x", ylabel="f(x)", ylim=(-1.6, 5), title="APALU with a = b = 1")
ax.legend(loc="upper left")
plt.show()

# %%
# Step 2: where the two halves come from
# --------------------------------------
#
# The left half, eˣ - 1, is the negative side of ELU (Clevert and others, 2015). The right half is a
# sum, u(x) = x + xσ(κx). The first part is the identity. The second is Swish, xσ(βx), with β =
# 1.702 (Hendrycks and Gimpel, 2016; Ramachandran and others, 2017). That number was chosen to come
# close to GELU, xΦ(x), where Φ is the distribution function of the normal distribution. How close?

gelu = np.array([t * 0.5 * (1 + math.erf(t / math.sqrt(2))) for t in x])
swish = x * sigmoid(KAPPA * x)
print(f"largest |Swish - GELU|: {np.abs(swish - gelu).max():.4f}")
assert np.abs(swish - gelu).max() < 0.021

fig, (left, right) = plt.subplots(1, 2)
half = x >= 0
left.plot(x[half], u(x[half]), color=BLUE, linewidth=3, label="u(x), their sum")
left.plot(x[half], x[half], "--", color=ORANGE, label="x, the identity")
left.plot(x[half], swish[half], "-.", color=GREEN, label="xσ(1.702x), Swish")
left.plot(x[half], gelu[half], ":", color="black", label="GELU")
left.set(xlabel="x", ylabel="value", title="the right half, x ≥ 0")
left.legend(loc="upper left")
right.plot(x, f(x), color=BLUE, linewidth=3, label="APALU, a = b = 1")
right.plot(x, np.maximum(x, 0), "--", color=ORANGE, label="ReLU")
right.plot(x, np.where(x > 0, x, v(np.minimum(x, 0))), "-.", color=PURPLE, label="ELU")
right.plot(x, swish, ":", color=GREEN, label="Swish, β = 1.702")
right.set(xlabel="x", title="APALU and fixed activations", ylim=(-1.3, 5))
right.legend(loc="upper left")
plt.show()

# %%
# On the left Swish and GELU lie on each other. On the right (ReLU is max(x, 0)) you should see that
# APALU rises about twice as fast as the others; see step 7. Relatives with trainable parameters:
#
# =========  =======================  =========================  ============================
# name       x ≥ 0                    x < 0                      slopes at 0, left and right
# =========  =======================  =========================  ============================
# PReLU      x                        αx                         α and 1
# PELU       (α/β)x                   α(e^(x/β) - 1)             α/β and α/β: no kink
# Swish-β    xσ(βx)                   xσ(βx)                     1/2 and 1/2: no kink
# APALU      a·x(1 + σ(κx))           b(eˣ - 1)                  b and 3a/2
# =========  =======================  =========================  ============================
#
# Step 3: the family of curves
# ----------------------------
#
# *a* scales the right half only, *b* the left half only. The other half should stand still:

fig, (left, middle, right) = plt.subplots(1, 3, sharey=True, figsize=(8, 3.4))
styles, colors = ("-", "--", "-.", ":"), (BLUE, ORANGE, GREEN, PURPLE)
for value, color, style in zip((2.0, 1.0, 0.5, 0.0), colors, styles, strict=True):
    left.plot(x, f(x, a=value), style, color=color, label=f"a = {value}")
    middle.plot(x, f(x, b=value), style, color=color, label=f"b = {value}")
for (a, b), color, style in zip(((1, -1), (-1, 1), (-1, -1)), colors, styles, strict=False):
    right.plot(x, f(x, a, b), style, color=color, label=f"a = {a}, b = {b}")
left.set(ylabel="f(x)", ylim=(-5, 7))
for ax, title in (left, "a changes, b = 1"), (middle, "b changes, a = 1"), (right, "signs change"):
    ax.set(xlabel="x", title=title)
    ax.legend(loc="upper left")
plt.show()

# %%
# The paper calls APALU monotonic. With a and b positive it is: it rises everywhere. But training
# does nothing to keep them positive. With opposite signs the curve has a valley or a peak at 0, and
# with both negative it falls. Move *a* and *b* yourself in :doc:`the explorer </explorer>`: open
# ``tutorials/site/explorer/index.html`` in a browser.
#
# Step 4: the slopes
# ------------------
#
# On the left the derivative of b(eˣ - 1) is b·eˣ. It tends to b as x nears 0. On the right, the
# product rule for x · (1 + σ(κx)), with σ′ = σ(1 - σ), gives
#
# .. math::
#
#    u'(x) = 1 + σ + κx\,σ\,(1 - σ), \qquad σ = σ(κx).
#
# (:doc:`The next tutorial <02_check_a_derivative>` does it step by step.) At 0 we have σ = 1/2, so
# u′(0) = 3/2, and the slope of f just to the right of 0 is 3a/2. There is a kink, unless b = 3a/2.


def du(x):
    s = sigmoid(KAPPA * x)
    return 1 + s + KAPPA * x * s * (1 - s)


def slope(x, a=1.0, b=1.0):
    return np.where(x >= 0, a * du(np.maximum(x, 0)), b * np.exp(np.minimum(x, 0)))


print(f"slope just left of 0: {slope(-1e-12):.4f}, just right of 0: {slope(1e-12):.4f}")

# %%
# How steep can it get? Where u′ is largest, its derivative is 0. With z = κx, u′ is 1 + σ + zσ′,
# where σ = σ(z). From σ′ = σ(1 - σ) follows σ″ = σ′(1 - σ) - σσ′ = σ′(1 - 2σ). So by the chain rule
#
# .. math::
#
#    u''(x) = κ\,(σ' + σ' + z\,σ'') = κ\,σ\,(1 - σ)\,(2 + z\,(1 - 2σ)).
#
# That is 0 where z(2σ - 1) = 2. Now 2σ - 1 is (1 - e⁻ᶻ) / (1 + e⁻ᶻ); multiply above and below by
# e^(z/2), and it is tanh(z/2). As z tanh(z/2) grows with z > 0, there is one solution. Halving an
# interval again and again finds it. (At x = 0 u″ is κ/2: it jumps there, even if b = 3a/2.)

low, high = 0.0, 10.0
for _ in range(60):
    z = (low + high) / 2
    low, high = (z, high) if z * math.tanh(z / 2) < 2 else (low, z)
peak = z / KAPPA
print(f"u' peaks at x = {peak:.8f} with value {du(peak):.8f}")
assert np.allclose([peak, du(peak)], [1.40972813, 2.09983932], atol=1e-8)

# %%
# The peak is above the limit far to the right, which is 2. So for a, b ≥ 0 the steepest slope
# anywhere is the larger of 2.0998a and b, the *Lipschitz constant*: no chord between two points is
# steeper. ReLU's is 1, so APALU is steeper than ReLU as soon as a > 1/2.0998 = 0.476.
#
# Step 5: where the gradient vanishes
# -----------------------------------
#
# The paper says that f′ is bounded below by a positive constant that depends on *a*, so that
# *gradients*, which are what a network learns by (step 6), do not vanish. On the right that is
# true: u′ rises from 3/2 to its peak, then falls towards 2. On the left the slope is b·eˣ: it
# halves every time x falls by 0.69, without an end. Its logarithm should be a straight line:

fig, (left, right) = plt.subplots(1, 2)
x = np.linspace(-6, 4, 2001)
# NaN at 0 breaks the line, so that a jump does not look like a steep slope.
gap = np.where(np.abs(x) < 1e-9, np.nan, 0)
left.plot(x, slope(x, 1, 2.5) + gap, "--", color=ORANGE, label="b = 2.5 > 3a/2")
left.plot(x, slope(x, 1, 1.5), "-.", color=GREEN, label="b = 1.5 = 3a/2: no jump")
left.plot(x, slope(x, 1, 1.0) + gap, color=BLUE, label="b = 1.0 < 3a/2")
left.plot(peak, du(peak), "o", color="black")
left.text(peak, du(peak) + 0.1, f"{du(peak):.4f}")
left.set(xlabel="x", ylabel="f′(x)", title="the slope, a = 1", ylim=(0, 4))
left.legend(loc="upper left")
right.semilogy(x, slope(x) + gap, color=BLUE, label="a = b = 1")
right.axhline(1.5, linestyle="-.", color=GREEN, label="3a/2, a bound for x ≥ 0 only")
right.set(xlabel="x", title="the same, logarithmic", ylim=(1e-3, 20))
right.legend(loc="upper left")
plt.show()

# %%
# So APALU *saturates* on the left: it flattens out, as ELU does. ReLU's slope is exactly 0 there.
# With APALU a *unit* (one neuron of a layer) whose input is a little negative still learns.
#
# Step 6: what *a* and *b* see
# ----------------------------
#
# f is linear in *a* and in *b*. So ∂f/∂a is u(x) for x ≥ 0, else 0; ∂f/∂b is eˣ - 1 for x < 0, else
# 0: *a* learns from positive inputs alone, and *b* from negative ones alone. And while u grows
# without end, eˣ - 1 stays between -1 and 0: nothing pulls hard on *b*.
#
# Let us learn a = 0.5 and b = 2 back from examples, starting from a = b = 1. What should become
# small is called the *loss*: here it is the mean squared error. Its derivatives by all that can be
# changed are its *gradient*. *Gradient descent* takes a small step against it, again and again.
# :func:`apalu_ref.apalu_grad` is told how the loss changes with each f(x), here 2·error/n. It
# returns how the loss changes with x, a and b; for a and b it adds up what all examples say.


def learn(x, steps=60, rate=0.1):
    target = apalu(x, 0.5, 2.0)
    a = b = 1.0
    path = [(a, b)]
    for _ in range(steps):
        error = apalu(x, a, b) - target
        _, da, db = apalu_grad(x, a, b, 2 * error / x.size)
        a, b = a - rate * float(da), b - rate * float(db)
        path.append((a, b))
    return np.array(path)


z = np.random.default_rng(0).normal(size=1000)  # 0 is the seed: each run draws the same
paths = {"both signs": learn(z), "x ≥ 0 only": learn(np.abs(z)), "x < 0 only": learn(-np.abs(z))}
for name, path in paths.items():
    print(f"examples with {name}: a = {path[-1, 0]:.4f}, b = {path[-1, 1]:.4f}")
assert np.allclose(paths["both signs"][-1], [0.5, 1.84], atol=0.005)
assert paths["x ≥ 0 only"][-1, 1] == paths["x < 0 only"][-1, 0] == 1.0

fig, (left, right) = plt.subplots(1, 2)
x = np.linspace(-4, 3, 1401)
left.plot(x, np.where(x >= 0, u(np.maximum(x, 0)), 0), color=BLUE, label="∂f/∂a")
left.plot(x, np.where(x < 0, v(np.minimum(x, 0)), 0), "--", color=ORANGE, label="∂f/∂b")
left.set(xlabel="x", ylabel="derivative", title="what a and b see")
left.legend(loc="upper left")
for (name, path), style in zip(paths.items(), ("-", "--", ":"), strict=True):
    right.plot(path[:, 0], style, color=BLUE, label=f"a, {name}")
    right.plot(path[:, 1], style, color=ORANGE, label=f"b, {name}")
right.set(xlabel="step", title="learning a = 0.5 and b = 2", ylim=(0.3, 3.2))
right.legend(loc="upper center", ncols=2, fontsize="small")
plt.show()

# %%
# You should see *a* at 0.5 in a few steps, and *b* still at 1.84 after 60. With examples of one
# sign one of the parameters never moves.
#
# Step 7: what it does to the scale of a signal
# ---------------------------------------------
#
# Networks are started so that the signal neither explodes nor dies out on its way through the
# layers. A layer computes z = Wh, with W a matrix of *weights*, from the n outputs h of the layer
# before. So each z is a sum Σ wⱼhⱼ. Draw the weights independently, with mean 0, variance σ_w²/n.
# (This σ with an index is a standard deviation, and no sigmoid.) Then two things are known of z:
#
# - Its mean square is σ_w² times that of h. For in (Σ wⱼhⱼ)² the mixed terms wᵢhᵢwⱼhⱼ have mean 0,
#   and each of the n squares has mean hⱼ²σ_w²/n.
# - It is nearly normally distributed, as sums of many independent terms are.
#
# Then comes f. If z has mean 0 and variance 1, what is the mean of f(z)²? It is written E f(z)²,
# the *second moment*. The normal density e^(-z²/2)/√(2π) says how often each z occurs. So the mean
# is the integral of f(z)² times the density. We add it up on a fine grid, half by half:

grid = np.linspace(0, 12, 24_001)
density = np.exp(-(grid**2) / 2) / math.sqrt(2 * math.pi)
mean_u2 = float(np.trapezoid(u(grid) ** 2 * density, grid))
mean_v2 = float(np.trapezoid(v(-grid) ** 2 * density, grid))
print(f"E f(z)² = {mean_u2:.8f} a² + {mean_v2:.8f} b²")
assert np.allclose([mean_u2, mean_v2], [1.82051243165663782, 0.14494541749292386])
assert np.isclose(1 / math.sqrt(mean_u2 + 9 / 4 * mean_v2), 0.68252793)  # "On your own", 1

# %%
# In the paper *a* and *b* start from U(0, 2): anywhere between 0 and 2, with density 1/2. The mean
# of a² is then the integral of a²/2 from 0 to 2, which is 4/3. So one layer multiplies the mean
# square by 4/3 · (1.8205 + 0.1449) = 2.62, times σ_w². Two choices are usual: σ_w² = 1 ("LeCun")
# and 2 ("He", made for ReLU, which throws half of the mean square away). A third, 1/2.62, should
# keep the signal. Try all three on 15 layers, a pair for each unit. You should see two lines that
# rise, and one that stays about level:

one_layer = 4 / 3 * (mean_u2 + mean_v2)
print(f"growth a layer: {one_layer:.2f} with LeCun's weights, {2 * one_layer:.2f} with He's")


def mean_squares(variance, depth=15, n=400, examples=100):
    rng = np.random.default_rng(1)
    z = rng.normal(size=(examples, n))
    found = [np.mean(z**2)]
    for _ in range(depth):
        a, b = rng.uniform(0, 2, (2, n))
        weights = rng.normal(scale=math.sqrt(variance / n), size=(n, n))
        z = apalu(z, a, b) @ weights
        found.append(np.mean(z**2))
    return np.array(found)


fig, ax = plt.subplots()
for s, color, style in ((2, ORANGE, "o--"), (1, GREEN, "s-."), (1 / one_layer, BLUE, "D-")):
    found = mean_squares(s)
    ax.semilogy(found, style, color=color, label=rf"$\sigma_w^2$ = {s:.2f}")
    growth = (found[-1] / found[0]) ** (1 / 15)
    print(f"σ_w² = {s:.2f}: mean square in the end {found[-1]:.3g}, {growth:.2f} times a layer")
    assert np.isclose(growth, s * one_layer, rtol=0.1)
ax.set(xlabel="layer", ylabel="mean square of z", title="a signal on its way through 15 layers")
ax.legend(loc="upper left")
plt.show()

# %%
# The estimate is close. (A signal that has grown large sees u(x) ≈ 2x and no longer the gentler
# start of u: that makes 4/3 · 2 = 2.67.) The rest is chance: with another seed the level line may
# end at half of where it began, or at twice.
#
# On your own
# -----------
#
# 1. *Smooth and steady.* Find the a for which b = 3a/2 (no kink) and E f(z)² = 1 hold together. Put
#    b = 3a/2 into the formula of step 7 and solve for a. (You should get a = 0.68252793.)
# 2. *The way back.* Gradients pass through the layers too, and each one multiplies them by f′.
#    Compute E f′(z)² as in step 7, and how their mean square grows with LeCun's weights. (You
#    should get 1.83431063a² + 0.16810200b², and 2.67 times a layer.)
# 3. *Another κ.* Set κ to 1 and look for the peak of u′ again. The peak moves to x = 2.3994, but
#    its height stays 2.09983932. Why? (Look at the equation for z in step 4.)
#
# Questions
# ---------
#
# **How does the derivative differ over the pieces, and what does that do to the flow of
# gradients?** For x ≥ 0 it is a·u′(x), between 1.5a and 2.0998a (far out it tends to 2a). It is
# never 0 if a is not: nothing that passes there is lost, and with a = 1 it even grows. For x < 0 it
# is b·eˣ, which tends to 0: there gradients fade, as with ELU.
#
# **What is f′(0)?** Unless b = 3a/2 there is none: the slope is b from the left and 3a/2 from the
# right. A program must return something. This project counts 0 as positive and returns 3a/2; any
# number between the two slopes is defensible.
#
# **A network with ReLU trains well. You replace ReLU by APALU with a = b = 1 and change nothing
# else. What should you expect?** Slopes of 1.5 to 2.1 instead of 1 on the right, so signals and
# gradients that grow with every layer.
#
# In practice
# -----------
#
# - Scale the weights for APALU, or start with a = 0.68 and b = 1.02 and LeCun's weights.
# - Watch *a* and *b* during training. If their signs part, the activation has a valley or a peak.
# - Where inputs of one sign are missing, one parameter does not learn: let more units share a pair.
# - All of this rests on u′ being right. How do you make sure of a derivative? :doc:`The next
#   tutorial <02_check_a_derivative>` knows three ways, and what none of them can see.
