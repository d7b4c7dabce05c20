"""
Build an autograd in eight small steps
======================================

The backward functions of the last tutorial were written by hand. Nobody wants to do that for a
whole network. But a network consists of few kinds of operations, whose derivatives are known. How
can a program put them together by the chain rule? Such a program is called an *autograd*.

What you'll do
--------------

Grow an autograd for NumPy from 15 lines to about 120. Each of eight steps begins with something
that goes wrong, and adds some twenty lines that mend it. Each is a program of its own, in
``tutorials/autograd_steps``. Stop where you like: what you have works.

What you'll learn
-----------------

- how the chain rule becomes a walk through a graph, and in which order it must go;
- what to do where a value is used twice, where NumPy broadcasts, and where it sums;
- how ``np.exp`` can be made to record itself;
- why derivatives of derivatives cost hardly a line more.

What you need
-------------

About 120 minutes; the script itself runs for 1 second. NumPy and Matplotlib, this project, the
chain rule, how a Python class defines ``+`` (``__add__``), and from :doc:`the last tutorial
<02_check_a_derivative>` difference quotients, broadcasting, and the upstream gradient g. Have the
files of ``tutorials/autograd_steps`` open beside this page.
"""

import difflib
import inspect

import matplotlib.pyplot as plt
import numpy as np
from autograd_steps import step1, step2, step3, step4, step5, step6, step7, step8
from autograd_steps.pictures import graph

import minigrad
from apalu_ref.formula import d2u

BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
plt.rcParams.update({
    "figure.figsize": (8, 3.6), "figure.constrained_layout.use": True, "axes.grid": True,
    "axes.spines.top": False, "axes.spines.right": False, "grid.alpha": 0.3,
    "lines.markersize": 5, "legend.frameon": False,
})  # fmt: skip


def show(new, old=None):
    """Print what a step adds to the one before: lines with + are new, lines with - are gone."""
    texts = (inspect.getsource(s).splitlines()[2:] if s else [] for s in (old, new))
    for line in list(difflib.unified_diff(*texts, "", new.__file__[-8:], n=1, lineterm=""))[1:]:
        print("   ..." if line.startswith("@@") else line)


def slopes(f, x, h=1e-5):
    """The gradient of the sum of f(x), by central quotients."""
    steps = h * np.eye(x.size)
    return np.array([np.sum(f(x + step) - f(x - step)) for step in steps]) / (2 * h)


# %%
# Step 1: a Tensor that remembers
# -------------------------------
#
# What is wrong with difference quotients? Each input needs two evaluations of the function. For a
# network with a million weights that is two million evaluations, for ten digits at best.
#
# The chain rule needs one way forward and one way back. On the way forward remember what was
# computed from what. On the way back start with g = ∂y/∂y = 1, and turn the gradient of each result
# into the gradient of what it was computed from. For y = eˣ that is g · eˣ = g · y. Here is all of
# ``step1.py``, and a try with e to the power of eˣ. You should see the same three numbers twice:

show(step1)
x = np.array([-1.0, 0.0, 0.5])
t = step1.Tensor(x)
step1.backward(step1.exp(step1.exp(t)))
print("autograd:", t.grad, "differences:", slopes(lambda x: np.exp(np.exp(x)), x))
assert np.allclose(t.grad, slopes(lambda x: np.exp(np.exp(x)), x))

# %%
# A ``Tensor`` is an array that knows its source, and a rule. ``backward`` starts from ones, which
# gives the gradient of the sum of the outputs. (As a *check* ones may be blind: see tutorial 2.)
#
# Step 2: a table of operations
# -----------------------------
#
# Now multiply two of them:

try:
    t * t
except TypeError as error:
    print("TypeError:", error)

# %%
# A product has two inputs, so it needs two rules. What differs between operations is the NumPy
# function that computes them, and a rule for each input. That makes a row of a table, an ``Op``
# (operation). A rule gets the upstream gradient, the output and the inputs.

show(step2, step1)
a, b = step2.Tensor(x), step2.Tensor(x)
step2.backward(step2.sin(a) * step2.exp(b))
print("autograd:", a.grad, "by hand:", np.cos(x) * np.exp(x))
assert np.allclose([a.grad, b.grad], [np.cos(x) * np.exp(x), np.sin(x) * np.exp(x)])

# %%
# ``backward`` now calls itself for each input. Mind ``plain``: rules see arrays, not Tensors.
#
# Step 3: the walk
# ----------------
#
# Calling itself is how most people begin. It fails twice. First, Python gives up on long chains:


def long_chain(step):
    y = x = step.Tensor(1.0)
    for _ in range(5000):
        y = y + 0.001
    step.backward(y)
    return x.grad


try:
    long_chain(step2)
except RecursionError as error:
    print("RecursionError:", error)

# %%
# Second, where results are used twice it goes every way anew. Double a number 16 times by y = y +
# y. There are 16 additions. How often are their rules called? The table lets us count:


def calls(step):
    made = []

    def rule(g, y, a, b):
        made.append(g)
        return g

    y, add = step.Tensor(1.0), step.Op(np.add, rule, rule)
    for _ in range(16):
        y = add(y, y)
    step.backward(y)
    return len(made)


print("calls in step 2:", calls(step2), "and in step 3:", calls(step3))
assert calls(step3) == 2 * 16

# %%
# 131,070 calls, as 2 + 4 + 8 + ... add up: 60 doublings would take ages. Step 3 visits everything
# once, which takes 32. So a Tensor must wait until all that was computed from it has had its turn.
# A clock gives such an order, since a result is newer than its inputs: collect everything, with a
# list of what is still to be looked at instead of recursion, and go from the newest to the oldest.

show(step3, step2)
assert long_chain(step3) == 1

# %%
# Step 4: a value that is used twice
# ----------------------------------
#
# The walk is right, and its result is not. The derivative of x · x is 2x:

t = step3.Tensor(x)
step3.backward(t * t)
print("autograd:", t.grad, "differences:", slopes(lambda x: x * x, x))
assert np.allclose(t.grad, x)

# %%
# Half of it. A change of x changes y in two ways, and the effects add up. But ``x.grad = ...``
# keeps what came last. So gradients that meet must be added. Not in ``x.grad``, where an earlier
# ``backward`` may have left something: step 4 keeps them in a dictionary, and returns those that
# were asked for. Meanwhile the table grows: a new operation is a line.

show(step4, step3)
t = step4.Tensor(x)
(found,) = step4.grad(t * t, [t])
print("autograd:", found)
assert np.allclose(found, 2 * x)

# %%
# Here is the walk for u(x) = x (1 + σ(1.702 x)), the positive half of APALU, at x = 1. Such a
# picture of what was computed from what is a *graph*. Grey is the way forward with its values in
# black, orange the way back with its gradients. You should see two orange arrows that end at x,
# with 0.222 and 1.846. Their sum is the slope u′(1) = 2.068.

t = step4.Tensor(1.0)
chain = [t, t * -1.702]
for op in (step4.exp, lambda s: s + 1, lambda s: step4.divide(1, s), lambda s: s + 1):
    chain.append(op(chain[-1]))
chain.append(t * chain[-1])
names = ("x", "· (-1.702)", "exp", "+ 1", "1 / ·", "+ 1", "x · ·")
gradients = step4.grad(chain[-1], chain)
graph(chain, names, gradients, step4.plain)
assert np.isclose(gradients[0], 2.0677796)

# %%
# Step 5: broadcasting, and its reverse
# -------------------------------------
#
# NumPy multiplies each row of a matrix by a vector. Has the gradient the shape of its input?

matrix, vector = np.arange(12.0).reshape(4, 3), np.array([1.5, -0.5, 2.0])
m, v = step4.Tensor(matrix), step4.Tensor(vector)
print("shape of the vector:", v.data.shape, "of its gradient:", step4.grad(m * v, [v])[0].shape)

# %%
# No: broadcasting used each number of the vector four times, and what is used several times has its
# gradients added. So sum over the axes that NumPy added in front, and over those of length 1 that
# it stretched. One function does it, at one place, for all operations:

show(step5, step4)
m, v = step5.Tensor(matrix), step5.Tensor(vector)
found, wanted = *step5.grad(m * v, [v]), slopes(lambda v: matrix * v, vector)
print("autograd:", found, "differences:", wanted)
assert np.allclose(found, wanted)

# %%
# Two operations that choose have come along. At a tie ``maximum`` gives half to each side.
# :doc:`The next tutorial <04_apalu_as_an_op>` shows what that does to a careless formula.
#
# Step 6: sums, matrices, indices
# -------------------------------
#
# A network needs sums, and products of matrices. Try to put the sum into the table as it stands:

total = step5.Op(np.sum, lambda g, y, x: np.broadcast_to(g, x.shape))
try:
    total(m, axis=0)
except TypeError as error:
    print("TypeError:", error)

# %%
# An axis has no gradient. Arguments after the inputs are *options*, passed on to the function and
# to its rules. The rules themselves are hardly calculus. What a sum took together, its rule
# repeats; what was reshaped or swapped is reshaped or swapped back; what was picked by an index is
# added into zeros at that index (*scatter*). And in Y = A @ B, Yᵢₖ is the sum of AᵢⱼBⱼₖ over j. So
# Aᵢⱼ stands in each Yᵢₖ, with the factor Bⱼₖ, and its gradient is the sum of gᵢₖBⱼₖ over k: that is
# g @ Bᵀ. In the same way B gets Aᵀ @ g.

show(step6, step5)
v = step6.Tensor(vector)
y = step6.Tensor(matrix) @ step6.reshape(v[[0, 0, 2]], (3, 1))
found, wanted = *step6.grad(y * y, [v]), slopes(lambda v: (matrix @ v[[0, 0, 2]]) ** 2, vector)
print("autograd:", found, "differences:", wanted)
assert np.allclose(found, wanted)

# %%
# The first element was used twice. That is why ``scatter`` is written with ``np.add.at``:
# ``result[index] += g`` would add to it only once.
#
# Step 7: NumPy records itself
# ----------------------------
#
# So far one must write ``step6.exp(t)``. Formulas with ``np.exp``, as people have them, do not
# work. Worse, some seem to:

t = step6.Tensor(x)
try:
    np.exp(t)
except TypeError as error:
    print("TypeError:", error)
odd = np.array([t, t]) + t
print(type(odd).__name__, odd.dtype, odd.shape)

# %%
# An array of objects, and no error. NumPy has two doors for this. A *ufunc* such as ``np.exp`` that
# meets a class with ``__array_ufunc__`` leaves the work to it; other functions, such as ``np.sum``,
# ask for ``__array_function__``. There we look up the ``Op`` that stands for the function. The
# operators come free: NumPy has a class that makes ``+`` out of ``np.add``, and so on. Details:
#
# - ``__array__`` raises an error, so that no array of objects can come about.
# - ``PLAIN`` names functions with slope 0, such as comparisons: they return plain arrays.
# - A class with a new ``==`` loses its ``__hash__``, which ``pending``, a dictionary, needs.
# - ``np.matmul`` takes vectors, too. Our rules do not, so ``matmul`` makes rows or columns of them.

show(step7, step6)


def u(x):
    return x * (1 + 1 / (1 + np.exp(-1.702 * x)))


t = step7.Tensor(x)
print("autograd:", *step7.grad(np.where(t > 0, u(t), np.exp(t) - 1), [t]))

# %%
# The formula for u knows nothing of Tensors. (A function without a rule raises an error.)
#
# Step 8: derivatives of derivatives
# ----------------------------------
#
# ``grad`` returns arrays, which do not know where they came from. But the rules are NumPy formulas,
# and since step 7 those record themselves. So just give them Tensors instead of arrays: that is all
# that ``create_graph=True`` means. ``scatter`` must be an ``Op`` for it, one that returns an array
# when it is given one. The other lines are new rows of the table.

show(step8, step7)


def derivatives(f, x, count):
    t = step8.Tensor(x)
    orders = [f(t)]
    for _ in range(count):
        orders += step8.grad(orders[-1], [t], create_graph=True)
    return [y.data for y in orders]


x = np.linspace(0, 6, 241)
orders = derivatives(u, x, 5)
assert np.allclose(orders[2], d2u(x), rtol=1e-11, atol=1e-13)

fig, panels = plt.subplots(1, 2)
for k, y in enumerate(orders):
    ax, style, color = panels[k // 3], ("-", "--", "-.")[k % 3], (BLUE, ORANGE, GREEN)[k % 3]
    ax.plot(x, y, style, color=color, label="u" + "′" * k)
    if k:  # np.gradient takes central quotients of neighbouring points.
        ax.plot(x[11::20], np.gradient(orders[k - 1], x)[11::20], "o", color=color)
    ax.legend()
panels[0].set(xlabel="x", title="u and two derivatives", ylim=(-0.5, 6))
panels[1].set(xlabel="x", title="three more")
plt.show()

# %%
# Lines are autograd's, dots are difference quotients of the derivative before. You should see all
# dots on their lines. And Newton's method finds the peak of u′ in a few steps. (:doc:`The first
# tutorial <01_meet_apalu>` needed 60.)

peak = 1.0
for _ in range(6):
    _, _, second, third = derivatives(u, peak, 3)
    peak -= float(second / third)
print(f"u' peaks at {peak:.8f}")
assert np.isclose(peak, 1.40972813, atol=1e-8)

# %%
# Step 9: open minigrad and recognise it
# --------------------------------------
#
# :mod:`minigrad` is the same program, made for daily work. Do both say the same?

x = np.array([-1.0, 0.0, 0.5])
t, real = step8.Tensor(x), minigrad.tensor(x, requires_grad=True)
(ours,) = step8.grad(np.sum(u(t) * np.sin(t)), [t])
(theirs,) = minigrad.grad(np.sum(u(real) * np.sin(real)), real)
print("step 8:", ours, "minigrad:", theirs.numpy())
assert np.allclose(ours, theirs.numpy(), rtol=1e-14)

# %%
# ========================  =====================  =================================================
# in step 8                 in minigrad            what it does better
# ========================  =====================  =================================================
# ``inputs``, ``rules``     ``engine.Node``        points to nodes, not Tensors: memory is freed
# ``Op``                    ``engine.Op``          keeps only what rules name; records only if asked
# a row of the table        ``ops/*.py``           more of them; finite slopes at ties and zeros
# ``walk``, ``grad``        ``walk.propagate``     adds in place, in its buffers; frees the graph
# ``unbroadcast``           ``walk._fitted``       keeps types; names a rule with a wrong shape
# ``scatter``               ``engine.Part``        is added where it belongs, without the zeros
# ``__array_function__``    ``core.Tensor``        errors that say what to write instead
# ``given``                 ``Op.gradients``       nothing: it is the same idea
# ========================  =====================  =================================================
#
# ``requires_grad=True`` marks a Tensor that wants a gradient. And where you do not want to name the
# inputs, ``y.backward()`` leaves the gradient of each one so marked in its ``.grad``.
#
# On your own
# -----------
#
# 1. *A row of your own.* Add ``np.arctan`` and ``np.arctan2`` to step 8. (You should get 0.4 and
#    -0.2 for the slopes of ``np.arctan2(1, 2)``.)
# 2. *Cumulative sums.* Each input of ``np.cumsum`` is used in its own and all later sums. Write the
#    rule, with ``[::-1]``, so that it works twice. (From three ones you should get 3, 2 and 1.)
# 3. *Memory.* Every Tensor keeps its inputs alive. Which rules need them, which the output, which
#    neither? How would a program find out? (:class:`minigrad.engine.Op` does.)
#
# The exercise ``tape`` grades a tape of your own, another name for what you have built: ``apalu-ref
# exercise check tape --with-reference`` (:doc:`how </exercises>`). It uses ``sum_to`` from tutorial
# 4's exercises; the option lends you that. Its ``Var`` has no clock: add one or find another order.
#
# Questions
# ---------
#
# **Why backwards?** One way back gives the derivatives by all inputs, as in the picture of step 4.
# Carried forward they would take a pass for each input, as difference quotients do. Training has a
# million inputs and one output, the loss.
#
# **Could step 4 write** ``pending[x] += g`` **and save an array?** No. Both rules of ``add`` return
# the same array g: changed for one input, it is changed for the other.
#
# In practice
# -----------
#
# - Write formulas in NumPy; a composition of differentiable functions needs no rule.
# - Mind the memory: an autograd keeps what the way back needs until it has been gone.
# - Give a function a rule of its own where the composition is slow, or inaccurate: :doc:`the next
#   tutorial <04_apalu_as_an_op>` does that for APALU.
