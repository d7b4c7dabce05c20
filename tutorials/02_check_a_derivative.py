"""
Check a derivative: by hand, by finite differences, by the complex step
=======================================================================

Whoever writes an activation for a neural network writes two functions: the activation and its
derivative. Mistakes in the second one rarely crash. The network still trains, only worse. How do
you check a derivative without relying on the person who derived it?

What you'll do
--------------

Derive the slope of APALU's positive half, get it wrong on purpose, and catch the mistake in three
ways. Then check whole gradients, the kink included, and see what no such check can find.

What you'll learn
-----------------

- why a difference quotient gets worse when its step gets too small, and which step is best;
- how Richardson's extrapolation and the complex step get almost all digits right;
- what happens at a kink, and why upstream gradients must be random, never ones;
- why a check of gradients alone is not enough.

What you need
-------------

About 70 minutes; the script itself runs for 1 second. NumPy and Matplotlib, this project, Taylor's
series, and for one step i² = -1. From :doc:`the last tutorial <01_meet_apalu>` you need u, the
positive half of APALU, and what a kink, the loss and its gradient are.
"""

import matplotlib.pyplot as plt
import numpy as np

from apalu_ref import apalu, apalu_grad, oracle
from minigrad.differences import complex_step, derivative
from minigrad.gradcheck import gradcheck

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
plt.rcParams.update({
    "figure.figsize": (8, 3.6), "figure.constrained_layout.use": True, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "grid.alpha": 0.3,
    "lines.linewidth": 2, "lines.markersize": 4, "legend.frameon": False,
})  # fmt: skip

# %%
# Step 1: by hand
# ---------------
#
# The function is u(x) = x · (1 + σ(κx)), with κ = 1.702 and the sigmoid σ(z) = 1 / (1 + e⁻ᶻ). From
# σ = (1 + e⁻ᶻ)⁻¹ follows σ′ = e⁻ᶻ / (1 + e⁻ᶻ)², which is σ(1 - σ). Now the product rule, and the
# chain rule for σ(κx):
#
# .. math::
#
#    u'(x) &= 1 \cdot (1 + σ(κx)) + x \cdot \frac{d}{dx} σ(κx) \\
#          &= 1 + σ + κx\,σ\,(1 - σ), \qquad σ = σ(κx)
#
# Here it is, and next to it a mistake that is easily made: the last term is forgotten.

KAPPA = 1.702


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def u(x, kappa=KAPPA):
    return x * (1 + sigmoid(kappa * x))


def du(x, kappa=KAPPA):
    s = sigmoid(kappa * x)
    return 1 + s + kappa * x * s * (1 - s)


def du_wrong(x):
    return 1 + sigmoid(KAPPA * x)


print(f"u'(1) = {du(1.0):.6f}, with the mistake {du_wrong(1.0):.6f}")

# %%
# Both are close to 2, and both look reasonable. Which one is right?
#
# Step 2: the difference quotient
# -------------------------------
#
# A derivative is the limit of a quotient. So take a small step h, forward or to both sides:


def forward(f, x, h):
    return (f(x + h) - f(x)) / h


def central(f, x, h):
    return (f(x + h) - f(x - h)) / (2 * h)


for h in (1e-1, 1e-2, 1e-3):
    print(f"h = {h}: forward {forward(u, 1.0, h):.6f}, central {central(u, 1.0, h):.6f}")
assert abs(central(u, 1.0, 1e-3) - du(1.0)) < 1e-6 < 0.1 < du(1.0) - du_wrong(1.0)

# %%
# You should see both tend to 2.0678, the first value of step 1: the mistake is found. And of the
# two quotients the central one is much closer. Taylor's series tells why:
#
# .. math::
#
#    \frac{u(x+h) - u(x)}{h} &= u' + \frac{h}{2}\,u'' + \ldots \\
#    \frac{u(x+h) - u(x-h)}{2h} &= u' + \frac{h^2}{6}\,u''' + \ldots
#
# The first error falls like h, the second like h². In the central quotient the terms with even
# powers cancel. So why not take h = 10⁻¹⁵ and be done?
#
# Step 3: the V
# -------------
#
# Because numbers are rounded. Each value of u carries an error of about ε\|u\|/2, where ε is the
# spacing of floating-point numbers at 1: 2·10⁻¹⁶ in float64, 10⁻⁷ in float32. The quotient divides
# this error by h. So there are two errors, and they pull against each other:
#
# ============  ===================  =================  ====================
# quotient      left out (Taylor)    rounded off        best h, of the order
# ============  ===================  =================  ====================
# forward       (h/2) \|u″\|         ε \|u\| / h        ε^(1/2)
# central       (h²/6) \|u‴\|        ε \|u\| / (2h)     ε^(1/3)
# ============  ===================  =================  ====================
#
# The sum of the two is smallest where its derivative by h is zero: at h² = 2ε\|u\| / \|u″\| for the
# forward quotient, h³ = 3ε\|u\| / (2\|u‴\|) for the central one. To measure errors we need the true
# value. :mod:`apalu_ref.oracle` has as many digits as we like. You should see two letters V in each
# picture: errors that fall, reach a bottom near a dotted line, and rise again.

print(f"u'(1) = {oracle.du(1.0, digits=30)}")
true = float(oracle.du(1.0))
d2, d3 = abs(central(du, 1.0, 1e-4)), abs(du(1.001) - 2 * du(1.0) + du(0.999)) / 1e-6

fig, panels = plt.subplots(1, 2, sharey=True, figsize=(8, 4.4))
for ax, dtype, halvings in zip(panels, (np.float64, np.float32), (48, 21), strict=True):
    # Powers of two: x + h is then exact, and only the rounding of u itself is left to see.
    h, rounded = 2.0 ** -np.arange(1, halvings), np.finfo(dtype).eps * u(1.0)
    for quotient, model, best, color, style in (
        (forward, h / 2 * d2 + rounded / h, (2 * rounded / d2) ** (1 / 2), ORANGE, "o"),
        (central, h**2 / 6 * d3 + rounded / h / 2, (1.5 * rounded / d3) ** (1 / 3), BLUE, "s"),
    ):
        name = quotient.__name__
        error = np.abs(quotient(u, dtype(1), h.astype(dtype)).astype(np.float64) - true)
        ax.loglog(h[error > 0], error[error > 0], style, color=color, label=f"{name}, measured")
        ax.loglog(h, model, color=color, linewidth=1.2, label=f"{name}, predicted")
        ax.axvline(best, color=color, linestyle=":", linewidth=1.2)
        print(f"{dtype.__name__}, {name}: predicted error {model.min():.0e}, at h = {best:.0e}")
        assert np.all(error < 8 * model)
    ax.set(xlabel="step h", title=dtype.__name__, ylim=(1e-13, 30))
panels[0].set_ylabel("error of the quotient")
panels[1].legend(loc="lower center", frameon=True)
plt.show()

# %%
# Read from right to left. (On logarithmic axes hⁿ is a line of slope n.) First the errors fall,
# with slope 1 and slope 2, as Taylor's series says. Then rounding takes over and they rise, with
# slope -1. The dotted lines are the predicted best steps.
#
# Remember: a central quotient in float64 gives about 10 digits, with h near 10⁻⁵. In float32 it
# gives 4 or 5, too few to find a small mistake. Check in float64, whatever you train in.
#
# Step 4: Richardson's extrapolation
# ----------------------------------
#
# The error of the central quotient is a series in h²: A(h) = u′ + c₁h² + c₂h⁴ + ... Halve the step,
# and its first term is a quarter of what it was. So this combination is free of it:
#
# .. math::
#
#    \frac{4\,A(h/2) - A(h)}{3} = u' - \frac{c_2}{4}\,h^4 + \ldots
#
# Repeat the trick with 16 instead of 4, then with 64. Each column starts from the one before:

h = 2.0 ** -np.arange(11)
column = central(u, 1.0, h)
fig, ax = plt.subplots()
names = ("central quotient", "extrapolated once", "twice", "three times")
looks = zip(("s-", "o--", "^-.", "D:"), (BLUE, ORANGE, GREEN, PURPLE), strict=True)
for k, (name, (style, color)) in enumerate(zip(names, looks, strict=True)):
    if k > 0:
        column = (4**k * column[1:] - column[:-1]) / (4**k - 1)
    error = np.abs(column - true)
    print(f"{name}: smallest error {error.min():.0e}")
    ax.loglog(h[k:][error > 0], error[error > 0], style, color=color, label=name)
ax.set(xlabel="smallest step used", ylabel="error", ylim=(1e-16, 1), title="extrapolating to h = 0")
ax.legend(loc="lower right")
plt.show()

# %%
# You should see errors that fall with slopes 2, 4, 6 and 8. The last ones reach the bottom while h
# is still large, so that rounding has not grown yet.
#
# Better still, neighbours in the table tell how far to trust it. If they agree to 12 digits, about
# 12 digits are right. :func:`minigrad.differences.derivative` builds such a table, picks the entry
# that its neighbours support best, and returns it with an error bar:

value, bar = derivative(u, 1.0)
print(f"derivative: {value:.15f} ± {bar:.0e}, really off by {abs(value - true):.0e}")
assert abs(value - true) <= bar < 1e-11

# %%
# Step 5: the complex step
# ------------------------
#
# The trouble is subtraction: two nearly equal numbers, of which only the last digits differ. There
# is a way without it. Step off the real axis, by ih with i² = -1:
#
# .. math::
#
#    u(x + ih) = u(x) + ih\,u'(x) - \frac{h^2}{2}\,u''(x) - \ldots
#
# The imaginary part is h·u′(x), up to a term with h³. Divide it by h. Nothing was subtracted, so
# nothing keeps h from being tiny:

for h in (1e-2, 1e-8, 1e-100):
    estimate = u(1.0 + 1j * h).imag / h
    print(f"h = {h:.0e}: {estimate:.16f}, off by {abs(estimate - true):.0e}")
assert np.isclose(complex_step(u, 1.0), true, rtol=1e-15)

# %%
# All digits, with one evaluation. The price: every piece of the function must be analytic, a smooth
# function of a complex number. ``exp``, ``sin``, powers, products and quotients are; ``abs`` and
# the complex conjugate are not. The slope of x·\|x\| at 2 is 4. By the complex step:

by_complex_step = ((2 + 1e-100j) * abs(2 + 1e-100j)).imag / 1e-100
print(by_complex_step, "and by differences", derivative(lambda x: x * np.abs(x), 2.0).value)

# %%
# You should see 2: half of the truth, and no warning. \|2 + ih\| is 2, and the step inside it is
# lost. So keep differences as a witness.
#
# Step 6: the kink
# ----------------
#
# All of this assumed a smooth function. What do differences make of the kink at 0, for a = b = 1?


def f(x):
    return apalu(x, 1.0, 1.0)


print("central, with h = 0.1, 0.01, 0.001:", central(f, 0.0, np.array([0.1, 0.01, 0.001])))
left, right = derivative(f, 0.0, side=-1).value, derivative(f, 0.0, side=1).value
print(f"from the left {left:.9f}, from the right {right:.9f}")
assert np.isclose(central(f, 0.0, 1e-6), (left + right) / 2)

# %%
# You should see the central quotient tend to 1.25, the mean of the two slopes, which is neither of
# them. One-sided differences give both. *Near* the kink there is the same trouble, and it is easier
# to overlook: as long as h is larger than x, the quotient at x reaches across.

for kinks in ((), (0.0,)):
    value, bar = derivative(f, 0.001, kinks=kinks)
    print(f"at 0.001, kinks={kinks}: {value:.6f} ± {bar:.0e}, off by {abs(value - du(0.001)):.0e}")
assert abs(value - du(0.001)) <= bar < 1e-10

# %%
# The first estimate is useless, and its error bar, of about 1, says so. But a kink much nearer to x
# would go unseen. So tell the tool where the kinks are.
#
# Step 7: whole gradients, and why ones will not do
# -------------------------------------------------
#
# In a network a function has many inputs xⱼ and many outputs yᵢ. All its derivatives ∂yᵢ/∂xⱼ make a
# matrix, but nobody writes that. The rest of the network makes one number, the loss, of y, and says
# by how much the loss changes with each yᵢ. Call that gᵢ. This is the *upstream gradient* g. A
# *backward* function gets g and returns the same for the inputs: for each xⱼ the sum over i of gᵢ ·
# ∂yᵢ/∂xⱼ. It is the gradient of Σ gᵢyᵢ, which is a single number. So we can check it with what we
# have, one input at a time. (``apalu_grad`` is a backward function; g is its last argument.)


def error_of(backward, f, x, g, h=1e-5):
    """Largest difference between a backward function and central quotients of sum(g * f(x))."""
    steps = h * np.eye(x.size)
    wanted = [np.sum(g * (f(x + step) - f(x - step))) / (2 * h) for step in steps]
    return np.abs(backward(g) - wanted).max()


# %%
# Which g? Ones sound natural. Try them on centring, y = x - mean(x). If one of n inputs, xⱼ, grows
# by δ, then yⱼ grows by δ, and every yᵢ falls by δ/n. So the right backward function returns, for
# xⱼ, gⱼ - mean(g): it is ``centre`` again, of g. A wrong one returns zeros:


def centre(x):
    return x - x.mean()


rng = np.random.default_rng(0)
x, ones, random = rng.normal(size=5), np.ones(5), rng.normal(size=5)
for name, backward in (("g - mean(g)", centre), ("zeros", np.zeros_like)):
    off = [error_of(backward, centre, x, g) for g in (ones, random)]
    print(f"backward returns {name}: off by {off[0]:.0e} with ones, by {off[1]:.0e} with random g")
assert off[0] < 1e-9 < 0.1 < off[1]

# %%
# With ones, zeros pass: of the four errors you should see only the last at 1. The sum of centred
# numbers is always 0, so its true gradient *is* zero, and ones are blind. The same holds wherever
# outputs have a fixed sum. A random g has no such blind spot, except with probability 0.
#
# Step 8: the gradient check at work
# ----------------------------------
#
# :func:`minigrad.gradcheck.gradcheck` does this with Richardson's error bars, the complex step
# where it works, one-sided differences at kinks, and a random g. First the right gradients of
# APALU, called dx, da and db for short. x has 3 rows, the examples, and 3 columns, the units, with
# a pair (a, b) for each unit. NumPy *broadcasts* a and b: each row uses them again. So da and db
# are sums over the rows. You should see that 15 entries agree, of which one lies right on the kink.

x = np.array([[-1.2, 0.4, 2.0], [0.7, -0.3, -2.1], [1.5, 0.9, 0.0]])
a, b = rng.uniform(0.5, 2.0, (2, 3))
print(gradcheck(apalu, [x, a, b], apalu_grad, names="xab"))

# %%
# Now some mistakes that people make. The fourth keeps the right shape, as both axes have length 3.
# The numbers in the messages are no slopes: each has been multiplied by the random g.


def wrong(x, a, b, g):
    dx, da, db = apalu_grad(x, a, b, g)
    fa, fb = np.where(x >= 0, u(x), 0), np.where(x < 0, np.expm1(x), 0)
    return {
        "a factor of 1.001": (1.001 * dx, da, db),
        "a term forgotten": (g * np.where(x >= 0, a * du_wrong(x), b * np.exp(x)), da, db),
        "a wrong sign": (dx, da, -db),
        "summed over the wrong axis": (dx, (g * fa).sum(axis=1), db),
        "upstream gradient forgotten": (dx, da, fb.sum(axis=0)),
    }


for fault in wrong(x, a, b, g=1.0):  # for the names alone

    def backward(*given, fault=fault):
        return wrong(*given)[fault]

    found = gradcheck(apalu, [x, a, b], backward, names="xab", raise_exception=False)
    print(f"{fault}:", *str(found).splitlines()[:2], sep="\n    ")
    assert not found

# %%
# You should see five faults, all caught. The last words, 1.001 and -1 times as much, even name two.
#
# Step 9: what a gradient check cannot see
# ----------------------------------------
#
# Someone remembers κ as 1.7 instead of 1.702. The function is wrong, and so is its derivative. But
# it is the derivative of that function:

x = np.linspace(0.1, 5, 50)
print(gradcheck(lambda x: u(x, 1.7), [x], lambda x, g: g * du(x, 1.7)))

# %%
# A gradient check compares a function with itself. It can say that the two parts fit together, not
# that they are the parts you wanted. For that you need an *oracle*, which computes the right values
# another way; ours uses decimal arithmetic with as many digits as it takes. It counts errors in
# *ULP*, units in the last place: the spacing of floating-point numbers at that value.

print(f"largest difference: {np.abs(u(x, 1.7) - u(x)).max():.4f}")
off = {k: max(abs(oracle.ulp_error(u(t, k), oracle.u(t))) for t in x) for k in (1.702, 1.7)}
print(f"off by up to {off[1.702]:.1f} ULP with κ = 1.702, {off[1.7]:.0e} ULP with κ = 1.7")
assert off[1.702] < 4 < 1e11 < off[1.7]

# %%
# No plot would show the difference. You should see it at 10¹² ULP.
#
# On your own
# -----------
#
# 1. *One more derivative.* Derive u″ by hand, write it down, and let ``gradcheck`` compare it with
#    ``du``. Then compare with :func:`apalu_ref.formula.d2u`.
# 2. *Half precision.* For float16, ε is 10⁻³. Predict the best h of the central quotient, and how
#    many digits it gets right. Then repeat step 3 with ``np.float16``.
# 3. *Find a blind spot.* Write softmax, exp(xᵢ) / Σ exp(xⱼ), and its backward function. Which wrong
#    backward functions pass with ones? Does ``gradcheck`` catch all of them?
#
# The exercise ``derivatives`` grades u, u′, v and v′ of your own: ``apalu-ref exercise check
# derivatives`` (:doc:`how </exercises>`).
#
# Questions
# ---------
#
# **A gradient check fails at a single element; the others agree to 12 digits. What is your first
# suspicion?** A kink at that element, or close to it: a zero in the input of a ReLU, say.
#
# **The gradient check passes. Is the implementation right?** Its backward function is the
# derivative of its forward function, at the points tested. In step 9 both were wrong, and fitted.
#
# In practice
# -----------
#
# - Check every backward function you write, in float64, on small arrays with unequal sides: they
#   give a sum over the wrong axis away. :mod:`minigrad.gradcheck` works on any NumPy function.
# - Use a random upstream gradient. Declare the kinks (``kinks={0: [0.0]}``), and test there too.
# - Then compare the values themselves with an oracle, as ``apalu-ref check`` does for APALU.
# - Backward functions need not be written one by one: :doc:`the next tutorial
#   <03_build_an_autograd>` builds a program that puts them together.
