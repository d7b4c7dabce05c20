"""
Send a signal through 200 layers
================================

In the first tutorial a signal went through 15 layers with APALU, and grew. Here 200 layers make
small effects large: signals and gradients vanish or explode, and different inputs become the same.
Which of these will happen? Most of it can be predicted without a network.

What you'll do
--------------

Send random inputs through random networks, without training, and measure. Beside each measurement
put what a theory of one line says. See where it is right, and where it is not enough.

What you'll learn
-----------------

- how to compute what a layer does to the length of a signal, and to a gradient;
- where He's factor 2 comes from, and what takes its place for other activations;
- why one network strays from the theory, and by how much;
- why a length of 1 can be kept in theory and lost in practice;
- what becomes of the difference between two inputs, and what the *edge of chaos* is.

What you need
-------------

About 60 minutes; the script itself runs for 12 seconds. NumPy and Matplotlib, this project,
variance and correlation; from :doc:`the first tutorial <01_meet_apalu>` the second moment of APALU,
from :doc:`the last one <06_watch_a_and_b_learn>` its variance-preserving start.
"""

import math
from functools import partial

import matplotlib.pyplot as plt
import numpy as np

import minigrad
from apalu_ref import apalu, layer
from apalu_ref.properties import report
from apalu_ref.properties.meanfield import Maps, Network
from apalu_ref.properties.simulate import simulate

BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#777777"
plt.rcParams.update({
    "figure.figsize": (8, 3.6), "figure.constrained_layout.use": True, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "grid.alpha": 0.3,
    "lines.linewidth": 2, "lines.markersize": 5, "legend.frameon": False,
})  # fmt: skip
LOOKS = {
    "ReLU": (ORANGE, "--", "s"), "tanh": (GREEN, "-.", "^"), "sigmoid": (PURPLE, ":", "D"),
    "APALU": (BLUE, "-", "o"), "preserving APALU": ("black", (0, (7, 2, 1, 2)), "x"),
}  # fmt: skip

# %%
# Step 1: ten lines
# -----------------
#
# A layer applies the activation and multiplies by a matrix. Its weights have mean 0 and variance
# σ_w²/n, with n the number of units: LeCun's with σ_w = 1, He's with σ_w = √2. There are no biases.
# The mean square of what comes out, q, is the *length* of the signal. You should see four fates:

DEPTH = 200
FUNCTIONS = {
    "ReLU": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "APALU": apalu,
}


def send(f, sigma, z, depth=DEPTH, seed=1):
    rng = np.random.default_rng(seed)
    n = z.shape[1]
    yield z
    for _ in range(depth):
        z = f(z) @ rng.normal(scale=sigma / math.sqrt(n), size=(n, n))
        yield z


inputs = np.random.default_rng(0).normal(size=(20, 256))
lecun = {}
fig, ax = plt.subplots()
for name, f in FUNCTIONS.items():
    lecun[name] = [np.mean(z**2) for z in send(f, 1, inputs)]
    print(f"{name:8} q after 20 layers {lecun[name][20]:.2g}, after 200 {lecun[name][200]:.2g}")
    color, dashes, marker = LOOKS[name]
    ax.semilogy(lecun[name], marker, linestyle=dashes, color=color, markevery=20, label=name)
ax.set(xlabel="layer", ylabel="q, the mean square", title="LeCun's weights, 256 units")
ax.legend(loc="upper left")
plt.show()
assert lecun["ReLU"][-1] < 1e-58 < 1e58 < lecun["APALU"][-1]
assert 1e-3 < lecun["tanh"][-1] < 0.01 < 0.2 < lecun["sigmoid"][-1] < 0.4

# %%
# The weights are the same. ReLU's signal vanishes, APALU's explodes, both by some 60 powers of ten.
# That of tanh fades slowly. The sigmoid's looks best; step 4 will show that it is not.
#
# Step 2: one line of theory
# --------------------------
#
# Each output is a sum of n products with independent weights. With many units it is normal, and its
# variance is σ_w² times the mean square of what went in. If the last length was q, that was f(√q·z)
# with a standard normal z. So the next length is
#
# .. math::
#
#    q' = Q(q) = σ_w^2 \, E f(\sqrt q\,z)^2 .
#
# A fine grid computes the mean, if none of its points lies on the kink:

grid = (np.arange(-6000, 6000) + 0.5) / 500
weight = np.exp(-(grid**2) / 2)
weight /= weight.sum()


def second_moment(f, q=1.0):
    return weight @ f(math.sqrt(q) * grid) ** 2


def lengths(f, sigma, depth=DEPTH):
    found = [1.0]
    for _ in range(depth):
        found.append(sigma**2 * second_moment(f, found[-1]))
    return np.array(found)


# %%
# To keep q = 1, σ_w must be 1/√E f(z)². This number is the *gain* of an activation. For ReLU E f²
# is 1/2, since half of z² is lost. So σ_w² = 2. This is He's factor, made for ReLU.

gains = {name: 1 / math.sqrt(second_moment(f)) for name, f in FUNCTIONS.items()}
fig, (left, right) = plt.subplots(1, 2)
for name, f in FUNCTIONS.items():
    color, dashes, marker = LOOKS[name]
    kept = [np.mean(z**2) for z in send(f, gains[name], inputs)]
    left.semilogy(lengths(f, 1, 20), linestyle=dashes, color=color)
    left.semilogy(lecun[name][:21], marker, color=color, markevery=2, label=name)
    right.semilogy(kept, marker, color=color, markevery=10, markersize=4)
    print(f"{name:8} gain {gains[name]:.4f}, after 200 layers at the gain q = {kept[-1]:.2g}")
    assert np.abs(np.log(lecun[name][:21] / lengths(f, 1, 20))).max() < 1.5
left.set(xlabel="layer", ylabel="q", title="LeCun: 20 layers, and theory (lines)", ylim=(1e-7, 1e9))
left.legend(loc="upper left", ncols=2)
right.axhline(1, color="black", linewidth=1)
right.set(xlabel="layer", title="at the gain: 200 layers", ylim=(0.01, 100))
plt.show()

# %%
# On the left you should see markers on the lines: the theory is right. On the right it says 1 for
# ever. For tanh and the sigmoid that is so. ReLU and APALU stray, of which more in step 5.
#
# Step 3: the paper's start
# -------------------------
#
# The paper draws *a* and *b* from U(0, 2). As one half of APALU is 0 where the other is not, E f² =
# 1.8205a² + 0.1449b². The mean of a² and of b² is 4/3. So a layer multiplies q by 4/3 · 1.9655 =
# 2.62. For large q only the right half counts, with its 2ax: 4/3 · 2 = 2.67. With He's weights it
# is twice that. We measure, with a pair for each unit, then with one for a whole layer.


def drawn(seed, pairs):
    rng = np.random.default_rng(100 + seed)
    return lambda z: apalu(z, *rng.uniform(0, 2, (2, pairs)))


at_one = 4 / 3 * second_moment(apalu)
print(f"in theory {at_one:.2f} and {2 * at_one:.2f} at q = 1, 2.67 and 5.33 for large q")
for each, pairs in (("unit", 256), ("layer", 1)):
    for name, sigma in (("LeCun", 1), ("He", math.sqrt(2))):
        runs = [list(send(drawn(k, pairs), sigma, inputs, seed=k)) for k in (1, 2, 3)]
        ends = np.array([np.mean(run[-1] ** 2) for run in runs])
        rates = ends ** (1 / DEPTH)
        print(f"{each:5} {name:5} {rates.round(2)} times a layer, log10 q {np.log10(ends).round()}")
        assert np.allclose(rates, 8 / 3 * sigma**2, rtol=0.06) == (each == "unit")
assert np.allclose([at_one, 3 * math.log(2) - 2], [2.62, 0.08], atol=0.005)
assert round(2 * math.sqrt(200) / math.log(10)) == 12

# %%
# With a pair for each unit you should see what was computed. With one for a layer it is much less,
# and up to luck. A large signal is multiplied by 2a², with one *a* for all. The mean of that is
# 2.67. But a long product goes by the mean *logarithm*, log 2 + E log a² = 3 log 2 - 2 = 0.08, or
# 1.08 times a layer. In 200 layers its standard deviation grows to 2√200 = 28, 12 powers of ten.
#
# Step 4: the way back
# --------------------
#
# A gradient meets the same matrices on its way back, and f′ in the place of f. So a layer
# multiplies its mean square by
#
# .. math::
#
#    χ_1 = σ_w^2 \, E f'(\sqrt q\,z)^2 .
#
# (This takes the gradient to be independent of the weights that it passes; nearly it is, with many
# units.) The *report card* of step 8 has such means, to rounding. ``send`` takes Tensors, too, so
# minigrad gives us the gradients of all layers. What comes in at the end has mean square 1.

steady = {"a": 0.68252793, "b": 1.5 * 0.68252793}
cards = {name: report(name.lower()) for name in (*FUNCTIONS, "SELU", "GELU", "SiLU")}
cards["preserving APALU"] = report("apalu", **steady)
recorded = FUNCTIONS | {"APALU": layer.apalu, "preserving APALU": partial(layer.apalu, **steady)}


def maps(name, sigma=None):
    return Maps(cards[name].gaussian, Network("", sigma or cards[name]["gain"], 0.0))


def gradients(f, sigma):
    layers = list(send(f, sigma, minigrad.tensor(inputs, requires_grad=True)))
    g = np.random.default_rng(2).normal(size=inputs.shape)
    return [np.mean(g.numpy() ** 2) for g in minigrad.grad(layers[-1], layers, g)]


fig, axes = plt.subplots(1, 2)
for ax, title in zip(axes, ("LeCun", "at the gain"), strict=True):
    ax.set(xlabel="layer", title=title)
    for name in FUNCTIONS if title == "LeCun" else ("ReLU", "tanh", "preserving APALU"):
        theory = maps(name, 1.0 if title == "LeCun" else None)
        found, chi, q = gradients(recorded[name], theory.network.sigma_w), [], 1.0
        for _ in range(DEPTH):
            chi.append(theory.chi(q))
            q = theory.length(q)
        expected = np.cumprod([1.0, *chi[::-1]])[::-1]
        color, dashes, marker = LOOKS[name]
        ax.semilogy(expected, linestyle=dashes, color=color)
        ax.semilogy(found, marker, color=color, markevery=20, label=name)
        print(f"{title:11} {name:16} χ₁ from {chi[0]:.4f} to {chi[-1]:.4f}, gradient "
              f"{found[0]:.1e}, in theory {expected[0]:.1e}")  # fmt: skip
        assert abs(math.log(found[0] / expected[0])) < 4
axes[0].set(ylabel="gradient's mean square", ylim=(1e-130, 1e70), yticks=[1e-100, 1e-50, 1, 1e50])
axes[0].legend(loc="lower left")
axes[1].legend(loc="upper right")
plt.show()

# %%
# Read it from right to left; you should see markers close to their lines. With LeCun's weights the
# sigmoid, whose signal looked best, loses its gradient fastest: a factor of 18 a layer, far out of
# the picture. At the gain ReLU has χ₁ = 1: its slopes are constant on either side of 0, which makes
# E f² and E f′² the same. With tanh the gradient explodes at the very σ_w that keeps the signal.
# The *preserving* APALU (``init="variance-preserving"``: a = 0.6825 and b = 3a/2, which has gain 1
# and no kink) has χ₁ = 1.03. In 200 layers that is 420.
#
# Step 5: one network is not the theory
# -------------------------------------
#
# The theory is for infinitely many units. The mean of n squares f² has a relative variance of
#
# .. math::
#
#    \frac1n \left( \frac{E f^4}{(E f^2)^2} - 1 \right) .
#
# For ReLU E f⁴ is 3/2, so this is 5/n. Where a layer strays, the next one begins. With ReLU nothing
# draws q back, so the variances of log q add up: with n = 256, to 200 · 5/256 = 3.9. A larger batch
# does not help: all examples pass the same weights. More units do: 512 halve the variance.
#
# :func:`~apalu_ref.properties.simulate.simulate` draws networks and sends two inputs through them.
# It also computes a band for their width, which should have 19 of 20 in it.

assert np.allclose([cards["ReLU"].gaussian.fourth(), cards["ReLU"].gaussian.square()], [1.5, 0.5])
networks = {}
fig, panels = plt.subplots(2, 2, figsize=(8, 5.6), sharex=True)
for ax, name in zip(panels.ravel(), ("ReLU", "tanh", "APALU", "preserving APALU"), strict=True):
    card, network, (color, *_) = cards[name], maps(name).network, LOOKS[name]
    d = networks[name] = simulate(card.activation, card.gaussian, network, width=256, draws=6)
    low, high = d.theory.low, d.theory.high
    ax.fill_between(range(DEPTH + 1), low, high, color=color, alpha=0.2, linewidth=0)
    ax.semilogy(d.theory.lengths, ":", color="black")
    ax.semilogy(d.lengths.T, color=color, linewidth=1)
    ax.set(title=name, ylim=(1e-18, 1e6) if name == "APALU" else (0.001, 50))
    ends = ", ".join(f"{q:.2g}" for q in sorted(d.lengths[:, -1]))
    print(f"{name:16} band {low[-1]:.2g} to {high[-1]:.2g} has {d.share_inside:.0%}; q = {ends}")
    assert d.share_inside > 0.8
fig.supxlabel("layer")
fig.supylabel("q")
plt.show()

# %%
# Dotted: infinite width, 1 throughout. You should see lines that mostly stay in their bands. ReLU's
# networks wander, mostly downwards, as the mean of q stays 1 but that of log q does not. With tanh
# they stay near 1, with the preserving APALU in between. With a = b = 1 they run away: mind the
# scale.
#
# Step 6: a length of 1 that does not last
# ----------------------------------------
#
# All have Q(1) = 1. But does a length *near* 1 return? If q is a little off, Q(q) is off by Q′(1)
# times as much. So it does if Q′(1) < 1. Let us start from 0.9 and 1.1, without noise:

stable = {}
for name in ("tanh", "SELU", "preserving APALU", "ReLU", "APALU", "GELU", "SiLU"):
    theory, ends = maps(name), []
    for q in (0.9, 1.1):
        for _ in range(DEPTH):
            q = theory.length(q)
        ends.append(q)
    small, large = (theory.length(q) / q for q in (1e-6, 1e6))
    stable[name] = theory.length_slope(1.0)
    print(f"{name:16} Q′(1) = {stable[name]:.4f}, 0.9 → {ends[0]:.2g}, 1.1 → {ends[1]:.2g}; "
          f"small q {small:.3f}, large q {large:.3f} times a layer")  # fmt: skip
assert max(stable[n] for n in ("tanh", "SELU", "preserving APALU")) < 0.993
assert min(stable[n] for n in ("APALU", "GELU", "SiLU")) > 1.03
assert np.isclose(cards["preserving APALU"]["depth scale of lengths"], 125, atol=0.5)

# %%
# You should see lengths return to 1 with tanh and SELU. With the preserving APALU they do, too, but
# slowly: a deviation falls to 1/e in 125 layers. With ReLU they stay where they are. With GELU,
# SiLU and APALU at a = b = 1 they run away in both directions, although σ_w is right. So they do
# for the paper's U(0, 2): its E f² is 4/3 of that for a = b = 1, at every q.
#
# The last two columns tell why. GELU halves small signals, and lets large positive ones pass. APALU
# at a = b = 1 multiplies small positive signals by 1.5, large ones by 2. So small q are held back,
# and large ones driven on. A larger *b* helps the small ones, normalisation helps all.
#
# Step 7: two inputs
# ------------------
#
# Can the network still tell two inputs apart? Let them have length 1 and a correlation c. In the
# next layer it is C(c) = σ_w² E f(y) f(z), for normal y and z with correlation c. C(1) is 1, and
# the slope there is χ₁, as on the way back. If χ₁ ≤ 1 all inputs grow alike. If it is larger, even
# close ones are torn apart, until they are at a c below 1 where C(c) = c.

fig, (left, right) = plt.subplots(1, 2)
grid = np.append(np.linspace(0, 0.95, 20), [0.98, 0.99, 0.996, 1])
for name, d in networks.items():
    color, dashes, marker = LOOKS[name]
    theory, star = maps(name), cards[name]["C tends to"]
    change = [theory.correlation(c, 1.0) - c for c in grid]
    left.plot(grid, change, linestyle=dashes, color=color, label=name)
    left.plot(star, 0, marker, color=color, markersize=7, clip_on=False, zorder=3)
    right.plot(d.theory.correlations, linestyle=dashes, color=color)
    right.plot(np.median(d.correlations, 0), marker, color=color, markevery=20)
    print(f"{name:16} χ₁ = {theory.chi(1.0):.4f}, c tends to {star:.3f}")
left.axhline(0, color=GREY, linewidth=1)
left.set(xlabel="c", ylabel="C(c) - c", title="what a layer adds to c, at the gain")
left.legend(loc="upper right")
right.set(xlabel="layer", ylabel="c", title="from c = 0.5: theory, medians of 6")
plt.show()

close = np.stack([inputs[0], inputs[0] + 0.03 * inputs[1]])
c = [np.corrcoef(z)[0, 1] for z in send(np.tanh, gains["tanh"], close, 60)]
print(f"tanh, two inputs that are close: c = {c[0]:.4f}, after 60 layers {c[60]:.2f}")
edges = [cards[name]["edge of chaos, σ_b = 0"] for name in networks]
print("edge of chaos, σ_w:", np.round(edges, 3), "for", ", ".join(networks))
for q in (1e-3, 0.1, 1.0, 100.0):
    assert maps("APALU", edges[2]).length(q) > q > maps("preserving APALU", edges[3]).length(q)

# %%
# On the left you should see markers where c ends. ReLU makes all inputs alike, if slowly. tanh
# forgets that two were nearly the same. (On the right c strays, as q did in step 5.)
#
# χ₁ = 1 at a length that stays is the *edge of chaos*. Below it gradients vanish and inputs grow
# alike. Above it gradients explode and inputs are torn apart. ReLU is there with He's weights,
# whatever q. tanh is with σ_w = 1 and q → 0: hence the slow fading of step 1. So is the preserving
# APALU with σ_w = 0.977. For a = b = 1 it would be 0.784, but there all lengths grow.
#
# Step 8: the card
# ----------------
#
# All of this stands on the report card. Here is the part about depth:

text = cards["APALU"].text()
print(text[text.index("through depth") : text.index("\nwith a")])
found = 4 / 3 * cards["APALU"]["E f′²"], cards["APALU"]["χ₁"], cards["sigmoid"]["χ₁"]
assert np.allclose(found, [2.67, 1.02, 0.15], atol=0.005)
halves = [report("apalu", a=a, b=1 - a)[m] for m in ("E f²", "E f′²") for a in (1.0, 0.0)]
assert np.allclose(halves, [1.8205, 0.1449, 1.8343, 0.1681], atol=1e-4)

# %%
# On the command line it is ``apalu-ref report apalu``; ``--out cards`` adds a sheet of pictures.
#
# On your own
# -----------
#
# 1. *More units.* Let ``simulate`` take 1024. How far do ReLU's networks stray now? (You should get
#    a standard deviation of log q of about 1, in place of 2.)
# 2. *Biases.* Use ``Network("edge", 0.985, 0.1726)`` with the preserving APALU, in step 5. (You
#    should find χ₁ = 1 and Q′(1) = 0.96: an edge to which lengths return.)
# 3. *Residual.* In ``send``, add a tenth of the layer to z in place of replacing it, with ReLU and
#    He's weights. (You should get about 1.01²⁰⁰ = 7 in the end.)
#
# Questions
# ---------
#
# **How does the propagation of gradients through APALU differ from ReLU's?** ReLU multiplies them
# by exactly 1 or exactly 0: it never amplifies, and it kills. E f′² = 1/2 = E f², so that He's σ_w²
# = 2 suits both ways. APALU multiplies by 1.5a to 2.1a on the right: there it never kills, and
# amplifies if a > 2/3. On the left it multiplies by b·eˣ, which fades. E f² = 1.8205a² + 0.1449b²,
# E f′² = 1.8343a² + 0.1681b²: it needs a gain of its own, and there, with a = b = 1, χ₁ is 1.02.
# For U(0, 2) and LeCun's weights the mean square of gradients grows 2.67 times a layer.
#
# **At its gain the sigmoid keeps q = 1. What is wrong with it?** χ₁ = 0.15: soon all inputs look
# the same. Adam makes up for the size of gradients, but cannot bring back what told inputs apart.
#
# In practice
# -----------
#
# - Set σ_w to the gain. For APALU: ``init="variance-preserving"`` and σ_w = 1; U(0, 2) has 0.62.
# - Then look at χ₁ and Q′(1). If Q′(1) > 1, normalise, or do not go deep.
# - All of this holds for APALU as it should be. Is yours? :doc:`The next tutorial
#   <08_check_your_own>` finds out, and says what is wrong if not.
