"""
Check your own: from a first version to one that passes
=======================================================

You have written APALU for your own program. Its curve looks right, and the gradient check passes.
Is it right? And if it is not, what exactly did you do wrong? That is what the project's check kit
answers: ``apalu-ref check`` on the command line, :func:`apalu_ref.check.check` in Python.

What you'll do
--------------

Write APALU the way most people write it first, mistakes included. Check it, read the report, and
mend one thing after the other, until the kit's strictest questions find nothing.

What you'll learn
-----------------

- why a gradient check can pass a function that is not APALU;
- how to read a report: level, cause, place, what to do, and the table below;
- the difference between an error and a warning, and when to care about a warning;
- how to check an activation of your own invention.

What you need
-------------

About 40 minutes; the script itself runs for 9 seconds. NumPy and Matplotlib, this project, and what
the first four tutorials explain: the function, gradient checks and the upstream gradient g, sums
over broadcast axes, and ULP. (Of :doc:`the last one <07_signal_through_200_layers>` nothing.) Your
own code may be in PyTorch, JAX, C or JavaScript: the same report comes out. :doc:`The how-to pages
<../howto/index>` have the command for each.
"""

import os
import re
import runpy
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from apalu_ref.check import check, reproduce
from minigrad.gradcheck import gradcheck

BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#777777"
plt.rcParams.update({
    "figure.constrained_layout.use": True, "axes.spines.top": False, "axes.spines.right": False,
})  # fmt: skip

# %%
# Step 1: write it down
# ---------------------
#
# The kit takes two functions on NumPy arrays. ``forward(x, a, b)`` returns y and, as ``ctx``,
# whatever backward will need. ``backward(ctx, gy)`` returns dx, da and db, the gradients of x, a
# and b; ``gy`` is the upstream gradient g, that of y. Here they are, in a file of their own, as the
# kit will import it in another process.

FIRST = """
import numpy as np

KAPPA = 1.7


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(x, a, b):
    y = np.where(x >= 0, a * x * (1 + sigmoid(KAPPA * x)), b * (np.exp(x) - 1))
    return y, (x, a, b)


def backward(ctx, gy):
    x, a, b = ctx
    s = sigmoid(KAPPA * x)
    dx = gy * np.where(x >= 0, a * (1 + s + KAPPA * x * s * (1 - s)), b * np.exp(x))
    da = gy * np.where(x >= 0, x * (1 + s), 0)
    db = gy * np.where(x >= 0, 0, np.exp(x) - 1)
    return dx, da.sum(), db.sum()
"""

folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "my_apalu.py")


def write(source):
    path.write_text(source, encoding="utf-8")


def mended(source, **changes):
    """The source with some text replaced: each old text has to be there."""
    for old, new in changes.values():
        assert old in source, old
        source = source.replace(old, new)
    return source


write(FIRST)

# %%
# Some things in it are wrong, others could be better. If you like, look for them first.
#
# Step 2: check its gradient
# --------------------------
#
# The usual test of a backward pass compares it with finite differences of the forward pass.
# (:doc:`Tutorial 2 <02_check_a_derivative>` builds one.)

mine = runpy.run_path(str(path))
x = np.linspace(-3, 3, 21)
found = gradcheck(
    lambda x, a, b: mine["forward"](x, a, b)[0],
    [x, 1.25, 0.75],
    lambda x, a, b, gy: mine["backward"]((x, a, b), gy),
    kinks={0: [0.0]},
    names="xab",
)
print(found)
assert found

# %%
# You should see that all 23 entries agree: 21 of dx, and da and db. It passes, and it has to: a
# gradient check compares a function with its own derivative. It cannot know which function you
# meant. It also saw one shape and one number type only.
#
# Step 3: check it against the truth
# ----------------------------------
#
# The kit compares with the project's oracle, which computes APALU in decimal arithmetic and rounds
# it once. It runs your file in a process of its own, so that a crash or an endless loop costs a
# message and not the report. How much is asked is a *profile*: *quick*, *standard* (what you get if
# you say nothing), *strict* or *exhaustive*.


def show(report):
    """Print it, without the temporary folder and the time that it took."""
    text = report.to_text().replace(folder.name + os.sep, "")
    print(re.sub(r", [\d.]+ s\)", ")", text))


report = check(str(path))
show(report)
assert report.told() == (5, 0)  # errors, warnings

# %%
# You should see five paragraphs that begin with ``FAIL``, a table, and a last line that counts
# them. Each paragraph is one *finding*: one cause, however many places show it.
#
# - ``FAIL core y, dx`` names the *level* and the quantities. *core* is an error.
# - The rest of that line is the probable **cause**. The kit has tried the mistakes that it knows;
#   this one explains the wrong values and contradicts no right one. It is κ: 1.7 for 1.702.
# - ``what`` shows one place, with numbers that you can try yourself.
# - ``where`` names the *probe*, the question that was asked. Its id says what was special about it.
# - ``fix`` says what to do, and ``repro`` asks that one probe again.
#
# Now look at the table. It says how many ULP you are off at worst, in float64 (f64), float32 and
# float16. Of y the oracle says *wrong*. Of dx the oracle says *wrong*, too, but differences of your
# own forward say *agrees*. So dx is the derivative of forward, and forward is another function.
# That is the mistake which the gradient check could not see.
#
# The other findings are about gradients. Leave them: as long as forward is wrong, all that is
# compared with the truth looks wrong as well. Mend the first finding first.
#
# Step 4: mend the errors
# -----------------------
#
# First the constant. (The profile *quick* asks less, and is quicker.) Two errors should be left,
# both about shapes, and the first warning shows up:

second = mended(FIRST, kappa=("KAPPA = 1.7\n", "KAPPA = 1.702\n"))
write(second)
report = check(str(path), profile="quick")
for finding, quantities, probes in report.by_cause():
    print(f"{finding.level} {', '.join(quantities)}: {finding.cause} ({len(probes)} probes)")
assert report.told() == (2, 1)
assert {f.quantity for f in report.errors} == {"dx", "da", "db"}

# %%
# Next: ``da.sum()`` is right if there is one a for all of x. If there is one for each channel, each
# must get the sum over its own elements. Our gradient check had one a, and so do many networks,
# until somebody asks for more. A finding's ``repro`` line asks its probe again. Here is the same in
# Python and in this process, where a debugger could stop: five a, for the five columns of x.

reproduce(str(path), "shapes/float64/per-feature", "da")

# %%
# With dx it is the other way round. Where a and b are wider than x, each x is used several times,
# and dx needs a sum, too. The rule for all three: sum over the axes that the input lacks, and over
# those where it has length 1. The same place is the right one to give each gradient its input's
# type: a float32 x next to float64 parameters wants a float32 gradient.

SUM_TO = """
def sum_to(t, g):
    extra = g.ndim - t.ndim
    g = g.sum(axis=tuple(range(extra)))
    stretched = tuple(i for i, n in enumerate(t.shape) if n == 1)
    return g.sum(axis=stretched, keepdims=True).astype(t.dtype if t.dtype.kind == "f" else float)
"""

third = SUM_TO + mended(
    second,
    sums=("return dx, da.sum(), db.sum()", "return sum_to(x, dx), sum_to(a, da), sum_to(b, db)"),
)
write(third)
report = check(str(path))
show(report)
assert report.told() == (0, 3)
third_report = report

# %%
# You should see ``CONFORMS: 3 warnings``: no error is left.
#
# Step 5: decide about the warnings
# ---------------------------------
#
# A warning is an answer that is right, or nearly, and could be better. This is what the three mean:
#
# - *precision*: just below zero eˣ - 1 subtracts nearly equal numbers. The error is small against
#   1, but large against the result.
# - *precision* again: a long sum in float32 loses digits with each addition.
# - *nonfinite*: an infinite x gives NaN. If your network never produces one you may not care. If it
#   does, you want to see the infinity and not a NaN that has come from it.
#
# ``--profile strict`` makes warnings errors. It is for a library that others build on. To pass it,
# do what :doc:`tutorial 4 <04_apalu_as_an_op>` did: use ``expm1``, give each branch its own half of
# the axis, write 1 - σ(z) as σ(-z). And compute and sum in float64, whatever comes in:

STRICT = '''
import numpy as np

KAPPA = 1.702


def halves(x):
    """x for each branch, then κx, σ(κx) and σ(-κx) for the right one."""
    left, right = np.minimum(x, 0), np.maximum(x, 0)
    z = KAPPA * np.minimum(right, 500)  # far out σ(-κx) is 0, and inf * 0 would be NaN
    t = np.exp(-z)
    return left, right, z, 1 / (1 + t), t / (1 + t)


def forward(x, a, b):
    dtype = np.result_type(x, a, b) if x.dtype.kind == "f" else np.float64
    wide = x.astype(np.float64)
    left, right, _, s, _ = halves(wide)
    y = np.where(wide < 0, b * np.expm1(left), a * right * (1 + s))
    return y.astype(dtype), (x, a, b)


def backward(ctx, gy):
    x, a, b = ctx
    wide, gy = x.astype(np.float64), gy.astype(np.float64)
    left, right, z, s, c = halves(wide)
    below = wide < 0
    dx = gy * np.where(below, b * np.exp(left), a * (1 + s + z * s * c))
    da = np.where(below, 0, gy * right * (1 + s))
    db = np.where(below, gy * np.expm1(left), 0)
    return sum_to(x, dx), sum_to(a, da), sum_to(b, db)
'''

write(SUM_TO + STRICT)
report = check(str(path), profile="strict")
show(report)
assert not report.findings

# %%
# ``CONFORMS`` without a warning, and *agrees* wherever something was compared.
#
# Step 6: see the errors
# ----------------------
#
# ``--picture FILE`` draws the errors against x. In Python ``report.points`` has them: for each
# probe the places x and how many ULP (spacings of floating-point numbers) y and dx are off there.
# Here is y in float64, before the last step and after it. The limit of *precision* is 4 ULP. You
# should see, in the left picture, a slope of errors that climbs to 10¹⁶ as x comes close to 0 from
# below, and in the right picture nothing that crosses the line.


def errors(report):
    """Where, and how far off; only where a, b and gy are moderate, as the limits ask."""
    chosen = [p for p in report.points if (p.quantity, p.dtype) == ("y", "float64")]
    x, ulp, counted = (
        np.concatenate([np.ravel(getattr(p, name)) for p in chosen])
        for name in ("x", "ulp", "counted")
    )
    return x[counted], ulp[counted]


fig, axes = plt.subplots(1, 2, figsize=(8, 3.6), sharey=True)
names = "before: exp(x) - 1", "after: expm1(x)"
for ax, done, name in zip(axes, (third_report, report), names, strict=True):
    x, ulp = errors(done)
    ax.plot(x, np.maximum(ulp, 0.1), "o", color=BLUE, markersize=3, alpha=0.6)
    ax.axhline(4, color=ORANGE, linestyle="--")
    ax.set_xscale("symlog", linthresh=1e-18, linscale=0.3)
    ax.set(yscale="log", xlabel="x", title=name, xlim=(-1e3, 1e3), ylim=(0.07, 1e17))
    ax.set_xticks([-1, -1e-6, -1e-12, 0, 1e-12, 1e-6, 1])
axes[0].set_ylabel("error of y in ULP (at least 0.1)")
axes[0].text(1e-16, 8, "limit: 4 ULP", color=ORANGE)
plt.show()

assert errors(third_report)[1].max() > 1e12
assert errors(report)[1].max() < 4

# %%
# Closest to 0 eˣ rounds to 1, the difference is 0, and y has lost all its digits. A plot of the
# function would never show it. (At the few dots below the slope eˣ happened to be rounded little.)
#
# Step 7: an activation of your own
# ---------------------------------
#
# The kit is not tied to APALU. Give it a NumPy formula that you trust, and it checks an
# implementation against that. The formula's slopes are computed for you. Here is a tanh with a
# trainable leak, and a backward pass with a typical mistake:

LEAKY = (
    SUM_TO
    + """
import numpy as np


def reference(x, leak):
    return np.tanh(x) + leak * x


class Mine:
    def forward(self, x, leak):
        y = np.tanh(x) + leak * x
        return y, (x, leak, y)

    def backward(self, ctx, gy):
        x, leak, y = ctx
        dx = gy * (1 - y * y + leak)
        return sum_to(x, dx), sum_to(leak, gy * x)
"""
)

write(LEAKY)
report = check(f"{path}:Mine", against=f"{path}:reference", profile="quick")
show(report)
assert {f.quantity for f in report.errors} == {"dx"}

# %%
# The kit knows no list of mistakes for your function, so that it names no cause. But it says where,
# and that differences of your own forward confirm it. So forward is right, and backward is not:
# 1 - y² is the slope of tanh only if y is tanh(x), without the leak. (``inf`` in the table: for a
# large x y² overflowed, and an infinite answer is infinitely many ULP off.) This mends it:

write(
    mended(
        LEAKY,
        kept=("return y, (x, leak, y)", "return y, (x, leak, np.tanh(x))"),
        named=("x, leak, y = ctx", "x, leak, t = ctx"),
        used=("1 - y * y + leak", "1 - t * t + leak"),
    )
)
report = check(f"{path}:Mine", against=f"{path}:reference", profile="quick")
print(report.verdict)
assert report.verdict == "conforms"

folder.cleanup()

# %%
# Without a reference, ``against="self"`` asks only whether backward is the derivative of forward.
#
# On your own
# -----------
#
# 1. *Guess first.* ``tutorials/subjects/wrong.py`` has ten classes with one mistake each. Read one,
#    write down what you expect, then run ``apalu-ref check tutorials/subjects/wrong.py:NotMasked``.
# 2. *Break it in a new way.* Take the strict version and make one change that you think the kit
#    will miss. If it does miss one, please tell us.
# 3. *Keep it right.* Put the check into your tests, one line with ``apalu_conformance``:
#    :doc:`../howto/ci` shows how.
#
# Questions
# ---------
#
# **Why did the check not stop at the first error?** Causes are told apart by where an
# implementation is wrong *and* where it is right: κ = 1.7 is wrong on x > 0 only, and right at 0.
# That needs all the answers.
#
# **In the last table of step 5 float32 is off by 0.5 ULP, which is the seventh digit. Is that an
# error?** No. Each answer is compared with the exact value for the inputs as they are, with the
# tolerance of their own type, and the nearest float32 can be half an ULP away.
#
# **Can I trust the oracle?** The table has a second witness, differences of your own forward, which
# know nothing of it: in step 5 both agree with dx, da and db. And the project's tests compute the
# oracle's values again in integer arithmetic, which shares no code with it.
#
# In practice
# -----------
#
# - A gradient check is worth having, but it cannot see a wrong function. Compare with the truth.
# - Test one parameter for each channel, not only one for all.
# - Let warnings be warnings in your own project, and errors in a library.
# - Read ``where`` before you debug: the probe's name is often half of the answer.
#   :doc:`../howto/reading_the_report` explains all the rest.
# - Right first, then fast, and then check again: :doc:`the next tutorial <09_make_numpy_fast>`.
