"""
Make APALU an op: NaN, zero, and the last digit
===============================================

An autograd differentiates any formula made of operations it knows. So why write a derivative by
hand? Because a formula can be right on paper, right in every value it returns, and still give
gradients that are not numbers, or half of what they should be. APALU, with its two branches, is a
good place to see how.

What you'll do
--------------

Give APALU to minigrad as a formula, run into three traps, and get out of each. Then write its
forward and backward functions by hand, make them one operation, an *op*, and check it, twice over.

What you'll learn
-----------------

- how the branch that ``np.where`` does *not* take can poison a gradient, and how to prevent it;
- what happens at 0, and why ``np.maximum`` is not the way to cut a function in two;
- where digits are lost near 0 and far from it, counted in ULP;
- how to write a :class:`minigrad.Function` whose parameters broadcast, and differentiate it twice.

What you need
-------------

About 60 minutes; the script itself runs for 2 seconds. NumPy and Matplotlib, this project, from
:doc:`the last tutorial <03_build_an_autograd>` what an autograd does with a rule, and from
:doc:`tutorial 2 <02_check_a_derivative>` the gradient check and ULP.
"""

import re
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np

import minigrad
from apalu_ref import apalu, apalu_grad, oracle
from apalu_ref.formula import apalu_second
from minigrad import Function
from minigrad.gradcheck import gradcheck, gradgradcheck

BLUE, ORANGE = "#0072B2", "#D55E00"
plt.rcParams.update({
    "figure.figsize": (8, 3.6), "figure.constrained_layout.use": True, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "grid.alpha": 0.3,
    "lines.linewidth": 2, "lines.markersize": 4, "legend.frameon": False,
})  # fmt: skip

KAPPA = 1.702

# %%
# Step 1: the formula as it stands
# --------------------------------
#
# APALU is a·x(1 + σ(κx)) for x ≥ 0 and b(eˣ - 1) for x < 0. Two branches: that is what ``np.where``
# is for. minigrad records NumPy formulas as they are.


def u(x):
    return x * (1 + 1 / (1 + np.exp(-KAPPA * x)))


def naive(x, a, b):
    return np.where(x >= 0, a * u(x), b * (np.exp(x) - 1))


def derivatives(f, *arrays):
    """The gradient of the sum of f, for each of its arguments."""
    inputs = [minigrad.tensor(t, requires_grad=True) for t in arrays]
    return [g.numpy() for g in minigrad.grad(np.sum(f(*inputs)), inputs)]


x = np.array([-2.0, -0.5, 0.0, 1.0, 3.0])
dx, da, db = derivatives(naive, x, 1.0, 1.0)
print("dx:", dx.round(6), "da:", da, "db:", db)
for got, wanted in zip((dx, da, db), apalu_grad(x, 1.0, 1.0, 1.0), strict=True):
    assert np.allclose(got, wanted, rtol=1e-14)

# %%
# All is well, it seems: you should see the slope 1.5 at 0, and b·eˣ to the left of it.
#
# Step 2: the branch that was not taken
# -------------------------------------
#
# Now one of the inputs is large:

x = np.array([-1.0, 1.0, 1000.0])
with np.errstate(over="ignore", invalid="ignore"):
    print("values:", naive(x, 1.0, 1.0))
    dx, da, db = derivatives(naive, x, 1.0, 1.0)
print("dx:", dx, "da:", da, "db:", db)
assert np.isnan([dx[2], db]).all()

# %%
# The values are right, every one of them. Among the gradients you should see two ``nan``: not a
# number. ``np.where`` does not choose which branch to *compute*. NumPy computes both, for all
# elements, and so e¹⁰⁰⁰ = ∞ stands in the branch that is not taken. It never reaches the result.
# But backward goes through both branches, too. The one not taken gets the gradient 0, the rule of
# ``exp`` multiplies it by eˣ, and 0 · ∞ is NaN. NaN plus the right gradient is NaN.
#
# And look at b. Its gradient is a sum over all inputs, and one of them has spoiled it. After the
# next step of gradient descent b is NaN, then everything. It does not take a thousand either: in
# float32 e⁸⁹ is infinite, and e^(-κx), which the sigmoid needs, is for x < -52.1.
#
# How does one find the line in a large program? :func:`minigrad.detect_anomaly` watches. First it
# meets the gradient of b. There the product multiplies 0 by its slope, eˣ - 1, which is infinite:

try:
    with np.errstate(over="ignore", invalid="ignore"), minigrad.detect_anomaly():
        derivatives(naive, x, 1.0, 1.0)
except FloatingPointError as error:
    print(re.sub(r"in .*[/\\]", "in ", str(error)))  # without the file's folder

# %%
# The cure is to give each branch only what it can digest: on the other half of the line, a harmless
# number. That takes a ``np.where`` inside and one outside, hence the name *double where*. In the
# figure you should see one curve on the white field, and only the dashed one in the orange ones.


def double_where(x, a, b):
    negative = x < 0
    above, below = np.where(negative, 0, x), np.where(negative, x, 0)
    return np.where(negative, b * (np.exp(below) - 1), a * u(above))


dx, da, db = derivatives(double_where, x, 1.0, 1.0)
print("dx:", dx, "da:", da, "db:", db)
assert np.allclose(dx, apalu_grad(x, 1.0, 1.0, 1.0)[0])
assert np.isnan(double_where(np.nan, 1.0, 1.0))

wide = np.linspace(-120, 120, 1201, dtype=np.float32)
one = np.float32(1)
with np.errstate(over="ignore", invalid="ignore"):
    by_naive = derivatives(naive, wide, one, one)[0]
fine = wide[np.isfinite(by_naive)]
print(f"naive, in float32: dx is a number from {fine[0]:.1f} to {fine[-1]:.1f}")
assert -52.2 < fine[0] < -51.9 < 88.5 < fine[-1] < 88.8

fig, ax = plt.subplots(figsize=(8, 3))
ax.plot(wide, derivatives(double_where, wide, one, one)[0], "--", color=BLUE, label="double where")
ax.plot(wide, by_naive, color=ORANGE, linewidth=5, alpha=0.6, label="naive")
for start, end in ((-120, fine[0]), (fine[-1], 120)):
    ax.axvspan(start, end, color=ORANGE, alpha=0.12, linewidth=0)
    ax.text((start + end) / 2, 1.4, "NaN", ha="center", color=ORANGE)
ax.set(xlabel="x", ylabel="∂f/∂x", title="the gradient in float32, a = b = 1", ylim=(-0.1, 2.6))
ax.legend(loc="upper left", ncols=2)
plt.show()

# %%
# Step 3: zero belongs to one side
# --------------------------------
#
# There is a shorter way to cut a function in two: ``np.maximum(x, 0)`` and ``np.minimum(x, 0)``.
# :doc:`The first tutorial <01_meet_apalu>` did it, for values. What about gradients? At 0 the slope
# is b from the left and 3a/2 from the right. Let a = b = 1, and try four formulas, all of which
# return the right values:


def with_maximum(x, a, b):
    above, below = np.maximum(x, 0), np.minimum(x, 0)
    return np.where(x < 0, b * (np.exp(below) - 1), a * u(above))


def added_up(x, a, b):
    return a * u(np.maximum(x, 0)) + b * (np.exp(np.minimum(x, 0)) - 1)


def masked(x, a, b):
    return a * u(x) * (x >= 0) + b * (np.exp(x) - 1) * (x <= 0)


x = np.array([-1.5, -0.5, 0.0, 0.5, 1.5])
for f in (double_where, with_maximum, added_up, masked):
    assert np.allclose(f(x, 1.0, 1.0), apalu(x))
    print(f"{f.__name__}: slope at 0 is {derivatives(f, x, 1.0, 1.0)[0][2]}")

# %%
# You should see four slopes. At 0 both arguments of ``np.maximum`` are equal, so minigrad gives
# each half of the gradient, as PyTorch and JAX do. Half of 3a/2 is 3a/4, and the other branch is
# not taken: it adds nothing. The result, 0.75, lies between no two slopes of f. Where both branches
# are added, the two halves make 1.25, the mean of the slopes, which one may defend. In the last one
# 0 belongs to both sides, and the slopes are added: 2.5.
#
# Is a single point worth the trouble? Behind a ReLU many inputs are exactly 0, and so are black
# pixels. A gradient check finds the mistake, if some inputs are 0:

for f, right in ((double_where, True), (with_maximum, False)):
    found = gradcheck(f, [x, 1.0, 1.0], kinks={0: [0.0]}, names="xab", raise_exception=False)
    print(f"{f.__name__}: {found}")
    assert bool(found) == right

# %%
# Again the numbers are slopes times a random g, here 0.541: it got 0.75, and wanted 1.5. Any slope
# between 1 and 1.5 would have been accepted. This project has f′(0) = 3a/2.
#
# Step 4: the last digits
# -----------------------
#
# Both of the next formulas are correct, too, and their gradients are finite. They lose digits. Near
# 0 eˣ is close to 1, and most of its digits go into saying so. The subtraction eˣ - 1 removes them
# and leaves what had been rounded. ``np.expm1`` was made for this. The oracle tells by how many ULP
# (spacings of floating-point numbers) each is off:

near = -np.geomspace(1e-17, 10, 400)
digits = {
    "exp(x) - 1": [abs(oracle.ulp_error(np.exp(t) - 1, oracle.v(t))) for t in near],
    "expm1(x)": [abs(oracle.ulp_error(np.expm1(t), oracle.v(t))) for t in near],
}


def textbook(x):
    s = 1 / (1 + np.exp(-KAPPA * x))
    return 1 + s + KAPPA * x * s * (1 - s)


def careful(x):
    t = np.exp(-KAPPA * x)
    s = 1 / (1 + t)
    return 1 + s + KAPPA * x * s * (t * s)


far = np.linspace(0, 40, 1601)
slope = {
    "1 - s": [abs(oracle.ulp_error(textbook(t), oracle.du(t))) for t in far],
    "t · s": [abs(oracle.ulp_error(careful(t), oracle.du(t))) for t in far],
}
for name, off in (digits | slope).items():
    print(f"{name}: off by up to {max(off):.2g} ULP")
assert max(digits["expm1(x)"]) < 1 < 1e15 < max(digits["exp(x) - 1"])
assert max(slope["t · s"]) < 2 < 8 < max(slope["1 - s"])

fig, (left, right) = plt.subplots(1, 2)
for ax, points, found in ((left, -near, digits), (right, far, slope)):
    for (name, off), color, style in zip(found.items(), (ORANGE, BLUE), "os", strict=True):
        ax.plot(points, off, style, markersize=2.5, color=color, label=name)
    ax.legend()
left.set(xscale="log", yscale="log", xlabel="-x", ylabel="ULP", ylim=(1e-3, 1e18))
left.set_title("error of eˣ - 1")
right.set(xlabel="x", title="error of u′, two ways to write 1 - σ")
plt.show()

# %%
# You should see orange dots that climb to 10¹⁶ as x comes close to 0. At x = -10⁻¹⁷ no digit is
# left: the formula returns 0. On the right it is the same subtraction in another place. Far out σ
# is close to 1, and 1 - σ has few digits. But with z = κx it is e^(-z)/(1 + e^(-z)), which needs no
# subtraction. There the harm is small, as κxσ(1 - σ) is only a part of the sum; u″ is proportional
# to it and loses everything. (See "On your own", 1.)
#
# Step 5: backward by hand
# ------------------------
#
# Now we know what to write. Forward, each branch gets its own half of the line, and ``expm1``.
# Backward comes from the slopes of :doc:`the first tutorial <01_meet_apalu>`, and a and b
# broadcast: a pair for each of three *channels*, the colours of n images say, has the shape (3, 1,
# 1), next to x of shape (n, 3, height, width). What was repeated on the way forward is summed on
# the way back. Each gradient gets the type of its input. You should see 24 + 3 + 3 = 30 agree.


def forward(x, a, b):
    negative = x < 0
    above, below = np.where(negative, 0, x), np.where(negative, x, 0)
    return np.where(negative, b * np.expm1(below), a * u(above))


def sum_to(g, shape):  # unbroadcast of tutorial 3
    extra = g.ndim - len(shape)
    axes = tuple(i for i in range(g.ndim) if i < extra or shape[i - extra] == 1)
    return g.sum(axis=axes).reshape(shape)


def backward(x, a, b, g):
    x, a, b = map(np.asarray, (x, a, b))  # each has a shape and a type, numbers too
    negative = x < 0
    above, below = np.where(negative, 0, x), np.where(negative, x, 0)
    slope = np.where(negative, b * np.exp(below), a * careful(above))
    da = np.where(negative, 0, g * u(above))
    db = np.where(negative, g * np.expm1(below), 0)
    pairs = (x, g * slope), (a, da), (b, db)
    return tuple(sum_to(d, t.shape).astype(t.dtype) for t, d in pairs)


rng = np.random.default_rng(0)
x = rng.normal(size=(2, 3, 2, 2))
x[0, :, 0, 0] = 0
a, b = rng.uniform(0.5, 2, (2, 3, 1, 1))
print(gradcheck(forward, [x, a, b], backward, kinks={0: [0.0]}, names="xab"))

# %%
# Step 6: an operation of minigrad
# --------------------------------
#
# A :class:`minigrad.Function` is this pair in a class. What backward will need, forward hands over
# through ``ctx`` (context). Both get arrays and numbers, never Tensors.


class Apalu(Function):
    @staticmethod
    def forward(ctx, x, a, b):
        ctx.save_for_backward(x, a, b)
        return forward(x, a, b)

    @staticmethod
    def backward(ctx, g):
        return backward(*ctx.saved_tensors, g)


print(gradcheck(Apalu.apply, [x, a, b], kinks={0: [0.0]}, names="xab"))
assert np.allclose(derivatives(Apalu.apply, x, a, b)[1], apalu_grad(x, a, b, 1)[1], rtol=1e-13)

# %%
# What has been won? No trap is left for anyone who uses it. And there is less to keep. A formula
# leaves an array behind for almost every operation, until backward has been there. The Function
# leaves its result. You should see 9 arrays, and 1:


def kept(f):
    inputs = [minigrad.tensor(t, requires_grad=True) for t in (np.linspace(-3, 3, 10**5), 1.0, 1.0)]
    tracemalloc.start()
    y = f(*inputs)
    size = tracemalloc.get_traced_memory()[0] / y.data.nbytes
    tracemalloc.stop()
    return size


by_formula, by_function = kept(double_where), kept(Apalu.apply)
print(f"arrays as large as x: formula {by_formula:.1f}, Function {by_function:.1f}")
assert by_function < 1.5 < 8 < by_formula

# %%
# Step 7: twice
# -------------
#
# Second derivatives? A backward function on plain arrays leaves no trace that could be followed:

t = minigrad.tensor(x, requires_grad=True)
try:
    minigrad.grad(Apalu.apply(t, 1.0, 1.0).sum(), t, create_graph=True)
except RuntimeError as error:
    print("RuntimeError:", error)

# %%
# So name the formula that stands in when the derivative itself is to be recorded. ``forward`` will
# do as it is: it runs on Tensors. (``gradgradcheck`` checks the derivatives of derivatives.)


class ApaluTwice(Apalu):
    formula = staticmethod(forward)


smooth = x[x != 0].reshape(3, 7)
a, b = rng.uniform(0.5, 2, (2, 7))
print(gradgradcheck(ApaluTwice.apply, [smooth, a, b], names="xab"))

t = minigrad.tensor(x, requires_grad=True)
(slope,) = minigrad.grad(ApaluTwice.apply(t, 1.0, 1.0).sum(), t, create_graph=True)
(bend,) = minigrad.grad(slope.sum(), t)
assert np.allclose(bend.numpy(), apalu_second(x)[0], rtol=1e-13)
print("f″ at 0:", bend.numpy()[0, 0, 0, 0], "= κ/2")

# %%
# You should see 0.851: at 0 the second derivative is that of the right branch, too. This is how the
# project itself does it. ``apalu_ref.fused`` is a fast version of the pair: :doc:`tutorial 9
# <09_make_numpy_fast>` arrives at it. ``apalu_ref.layer.APALU`` makes it a layer for your networks,
# with one pair (a, b) for the layer, for each channel or for each unit.
#
# On your own
# -----------
#
# 1. *The tail.* Compute u″ = κσ(1 - σ)(2 + κx(1 - 2σ)) at x = 30 as it is written, and without the
#    subtraction 1 - σ. (You should get 0, and -5.6·10⁻²¹.)
# 2. *Train κ, too.* Make it a fourth input of the Function. For x ≥ 0 its gradient is g·a·x²σ(1 -
#    σ). Let ``gradcheck`` and ``gradgradcheck`` judge.
# 3. *Another trap.* Softplus is log(1 + eˣ). Where do its value and its gradient break as written?
#    Write it with ``np.logaddexp``. (As written, the value is infinite from x = 710 on.)
#
# The exercises ``sigmoid``, ``backward`` and ``op`` grade versions of your own: ``apalu-ref
# exercise check sigmoid``, and so on (:doc:`how </exercises>`).
#
# Questions
# ---------
#
# **Could one replace the NaN in a gradient by 0, with** ``np.nan_to_num`` **?** Then the element
# that was right on the forward pass does not learn, a NaN that has another cause goes unseen, and
# the sum in b's gradient is lost all the same.
#
# **An input is NaN. What should APALU return?** NaN, so that it is seen. All comparisons with NaN
# are false. Here each ``np.where`` asks x < 0, so NaN goes right every time and stays. With x > 0
# inside and x < 0 outside it would silently become f(0) = 0.
#
# In practice
# -----------
#
# - Keep infinities out of the branch not taken: ``np.where`` inside *and* outside.
# - Cut with ``np.where`` on one condition, not with ``np.maximum`` and ``np.minimum``.
# - Subtract nothing from 1 that is close to it: ``expm1``, ``log1p``, σ(-z) for 1 - σ(z).
# - Test at 0, at ±1000, and at NaN.
# - Now the op is right. Is it any good? :doc:`The next tutorial <05_train_a_cnn>` trains a network
#   with it, and the same with ReLU.
