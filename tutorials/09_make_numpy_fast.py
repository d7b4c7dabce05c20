"""
Make NumPy fast: from textbook to fused
=======================================

The textbook version of APALU is a few lines of NumPy, and it is right. It is also several times
slower than it has to be. Where does the time go? Hardly anyone guesses it. So this tutorial
measures before it changes something, and checks afterwards that the answer is still right.

What you'll do
--------------

Start from the textbook's forward and backward pass, and in nine small steps, with a test and a
stopwatch, arrive at what :mod:`apalu_ref.fused` does: no compiler, nothing but NumPy.

What you'll learn
-----------------

- how to find out which NumPy calls the time goes to;
- how to choose between two branches without ``np.where``, many times faster;
- how to write into memory that is there, in blocks that stay in the processor's cache;
- what a second thread brings, when it brings nothing, and how the bits stay the same;
- where all this is not worth it.

What you need
-------------

About 60 minutes; the script itself runs for 7 seconds. NumPy and Matplotlib, this project, and from
:doc:`the last tutorial <08_check_your_own>` what a ULP is and what the check does. The timings are
the machine's that built this page. Yours will differ; how to find out what is slow stays the same.
"""

import inspect
import math
import tempfile
import timeit
from functools import partial
from pathlib import Path

import numpy as np
from fast_steps import blocks, in_place, pictures, watched
from fast_steps.measure import against_formula, ns, page_faults
from subjects import textbook

from apalu_ref import fused
from apalu_ref.check import check

N = 2_000_000


def show(*functions):
    print(*map(inspect.getsource, functions), sep="\n")


# %%
# Step 1: the textbook, and a test
# --------------------------------
#
# These are the formulas as they stand in the paper:

show(textbook.forward, textbook.backward)

# %%
# Whoever makes something faster needs a test first. Ours compares with :mod:`apalu_ref.formula` in
# float64: each result has to be as close as the check's level *core* asks. It returns by how many
# ULP y and dx are off. And we need a stopwatch, in nanoseconds (ns) for each element of x. Both are
# in ``tutorials/fast_steps/measure.py``.

rng = np.random.default_rng(0)
x, gy = rng.standard_normal((2, N), np.float32)
x[:8] = 0.0, -0.0, 1e-30, -1e-30, 20, -20, 50, -50  # where things tend to go wrong
a, b = np.array(1.25, np.float32), np.array(0.75, np.float32)
y, dx = np.empty((2, N), np.float32)
errors = against_formula(x, a, b, gy)


def textbook_way(x, a, b, gy):
    y, ctx = textbook.forward(x, a, b)
    return y, *textbook.backward(ctx, gy)


time = ns(lambda: textbook_way(x, a, b, gy), N)
print("y is off by up to {:,.0f} ULP, dx by {:.1f}".format(*errors(textbook_way(x, a, b, gy))))
print(f"it takes {time:.1f} ns an element; a copy {ns(lambda: np.copyto(y, x), N):.2f}")

# %%
# You should see some 16 million ULP for y, an old acquaintance: just below zero eˣ - 1 loses its
# digits. And the time? A copy reads x and writes y as well. What is all the rest?
#
# Step 2: a profile
# -----------------
#
# A *profile* of a program (not of the check) tells which part takes how much of the time. Python's
# profiler knows functions, and ``a * x`` is none. But NumPy asks a class with ``__array_ufunc__``
# what to do (:doc:`tutorial 3 <03_build_an_autograd>`). Ours says: as always, but by the clock.

show(watched.Watched, watched.timed, watched.plain, watched.profile)
shares = watched.profile(textbook_way, x, a, b, gy)
slow = {call: time * share for call, share in shares.most_common(9)}
pictures.bars(slow, "the textbook version: time by NumPy call")

# %%
# Did you guess it? You should see ``where`` far ahead: when this was written it took more than
# half, and ``exp`` less than a tenth, with four calls of each.
#
# Step 3: what calls cost, and a choice by bits
# ---------------------------------------------
#
# Here are the prices of single calls, on arrays that fit the *cache*, the processor's fast memory:

p, q, r = rng.standard_normal((3, 1 << 16), np.float32)
p64, r64, below = p.astype(float), np.empty(p.size), p < 0
calls = {
    "multiply, by an array": lambda: np.multiply(p, q, out=r),
    "multiply, by np.float64(1.5)": lambda: p * np.float64(1.5),
    "divide": lambda: np.divide(p, q, out=r),
    "minimum, of two arrays": lambda: np.minimum(p, q, out=r),
    "minimum, of an array and 0": lambda: np.minimum(p, 0, out=r),
    "exp": lambda: np.exp(p, out=r),
    "exp, in float64": lambda: np.exp(p64, out=r64),
    "expm1": lambda: np.expm1(p, out=r),
    "tanh": lambda: np.tanh(p, out=r),
    "where": lambda: np.where(below, p, q),
    "copyto(where=...)": lambda: np.copyto(r, p, where=below),
    "bitwise_and": lambda: np.bitwise_and(p.view(np.int32), 1, out=r.view(np.int32)),
}
prices = {name: ns(call, p.size, repeats=20) for name, call in calls.items()}
pictures.bars(prices, "one call, for an array in the cache", height=4)

# %%
# You should see two long bars. ``where`` and ``copyto`` decide for each element. The processor
# guesses ahead, and where signs are random it guesses wrong every other time. The other calls
# decide nothing and take several numbers at once. (Also: ``np.float64(1.5)`` makes the result
# float64, and all that follows dearer. ``minimum`` with a number is slower than with an array.)
#
# Can one choose without deciding? The topmost of the 32 bits of a float32 is its sign. Shift it, as
# an integer, by 31 places to the right, and it fills them all: 32 ones for a negative number, else
# 32 zeros. With such a *mask*, ((left ^ right) & mask) ^ right is ``left`` where there are ones, as
# right ^ right cancels, and ``right`` elsewhere. (``^`` is exclusive or. An inf or NaN on the other
# side is gone without a trace; if we multiplied by 0 and 1 it would not be.)

ZERO = np.array(0, np.float32)


def choose(x, left, right):
    """``left`` where x < 0, else ``right``."""
    mask = (x + 0).view(np.int32) >> 31
    left, right = left.view(np.int32), right.view(np.int32)
    return (((left ^ right) & mask) ^ right).view(np.float32)


def bits_way(x, a, b, gy):
    s = 1 / (1 + np.exp(-1.702 * x))
    y = choose(x, b * (np.exp(x) - 1), a * x * (1 + s))
    # backward
    dx = gy * choose(x, b * np.exp(x), a * (1 + s + 1.702 * x * s * (1 - s)))
    da = gy * choose(x, ZERO, x * (1 + s))
    db = gy * choose(x, np.exp(x) - 1, ZERO)
    return y, dx, da.sum(), db.sum()


# %%
# Why ``x + 0``? -0.0 has its sign bit set and is not below zero. Adding 0 makes it 0.0. Without
# that dx would be b there, and not 3a/2, and our test would not pass. From here on each version is
# tested, timed, and profiled by kinds of calls:

steps = {}


def step(name, run, *arrays):
    """Test a version, measure it, print and keep what comes out."""
    off, time = errors(run(*arrays)), ns(lambda: run(*arrays), N)
    kinds = watched.by_kind(watched.profile(run, *arrays))
    print(f"{name}: {time:.1f} ns; y is off by {off[0]:.2g} ULP, dx by {off[1]:.2g}")
    print("   ", ", ".join(f"{kind} {share:.0%}" for kind, share in kinds.items()))
    steps[name] = {kind: time * share for kind, share in kinds.items()}


step("textbook", textbook_way, x, a, b, gy)
step("choice by bits", bits_way, x, a, b, gy)

# %%
# The ULP are the same, as only the choosing has changed: its share should have shrunk.
#
# Step 4: digits, with one function for both branches
# ---------------------------------------------------
#
# Now the digits. ``expm1(x)`` has them. It costs what ``exp`` does where NumPy has code of its own
# for the processor, and many times as much elsewhere. ``tanh`` never gets as dear, and one call is
# enough for both branches: with t = tanh(z/2), eᶻ - 1 = 2t/(1 - t) and σ(-z) = (1 - t)/2. Let z be
# x on the left, -κx on the right. That is min(x, -κx), never positive, and 1 - t cancels nothing.


def digits_way(x, a, b, gy):
    t = np.tanh(np.minimum(x, -1.702 * x) / 2)
    w = (1 - t) / 2
    y = choose(x, b * (t / w), a * x * (1 + w))
    # backward
    m = np.minimum(x, -1.702 * x)
    e = np.exp(m)
    s = 1 / (1 + e)
    dx = gy * choose(x, b * e, a * (1 + s - m * e * s * s))
    t = np.tanh(m / 2)
    da = gy * choose(x, ZERO, x * (1 + s))
    db = gy * choose(x, 2 * t / (1 - t), ZERO)
    return y, dx, da.sum(), db.sum()


step("digits", digits_way, x, a, b, gy)

# %%
# From millions of ULP to about 3, for some more arithmetic, which the next steps make cheap. But
# why ``exp`` in backward, when eˣ = (eˣ - 1) + 1 is one addition away? We plant that well-known
# trick into ``tutorials/subjects/careful.py``, which is right, and ask the check:

careful = Path(textbook.__file__).with_name("careful.py").read_text(encoding="utf-8")
trick = careful.replace("np.exp(negative)", "(np.expm1(negative) + 1)")
assert trick != careful
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "trick.py")
    path.write_text(trick, encoding="utf-8")
    report = check(str(path), profile="quick")
for finding, quantities, _ in report.by_cause():
    print(f"{finding.level}, {', '.join(quantities)}: {finding.cause}. Fix:\n{finding.fix}")
assert {finding.quantity for finding in report.findings} == {"dx"}

# %%
# Far left eˣ - 1 is -1 but for the last digits: all that is left when 1 is added.
#
# Step 5: memory that is there
# ----------------------------
#
# Each operation makes a new array. Where is its memory from? What was freed before is used again,
# if it was kept. If not, the system hands out new pages and clears them, each when it is touched
# first: a *page fault*. Very large arrays are not kept: fresh memory should show faults, given
# memory none. (Some systems do not tell: Windows shows nan, a container may show 0 for both.)

large, given = np.ones((2, 10_000_000), np.float32)
for name, out in (("fresh", None), ("given", given)):
    call = partial(np.square, large, out)
    print(f"{name} memory: {ns(call, large.size):.2f} ns; page faults: {page_faults(call):,}")

# %%
# So write into given memory, with ``out=``, and use the same five arrays for all that comes up on
# the way. The formulas of step 4 become a list of calls, no joy to read. The ULP should stay.

show(in_place.forward, in_place.backward, in_place.signs, in_place.choose, in_place.keep)
step("given memory", in_place.run, x, a, b, gy, y, dx, np.empty((5, N), np.float32))

# %%
# Step 6: blocks that stay in the cache
# -------------------------------------
#
# From one call to the next the arrays go out to memory and come in again, and memory is slow. The
# cache next to each processor is fast, but holds only some hundred thousand numbers. So do all
# calls for one block of x before the next block begins.

show(blocks.one_by_one, blocks.run)

lengths = 1 << np.arange(10, 21)


def curve(threads, each):
    """The time for each length of a block."""
    memories = [np.empty((threads, 5, length), np.float32) for length in lengths]
    calls = [partial(blocks.run, x, a, b, gy, y, dx, memory, each) for memory in memories]
    return [ns(call, N, repeats=5) for call in calls]


labels = "KiB of x in a block", "ns an element", "forward and backward, by the size of a block"
found = {"one thread": curve(1, blocks.one_by_one)}
pictures.curves(found, 4 * lengths / 1024, *labels)
step("blocks", blocks.run, x, a, b, gy, y, dx, np.empty((1, 5, 1 << 17), np.float32))

# %%
# You should see a valley. On its left the time goes to calling NumPy, which takes a good part of a
# microsecond, whatever the length. On its right blocks do not fit the cache. In between it matters
# little. Why we take 512 KiB and not less, step 8 will tell.
#
# Step 7: sums in float64, in a fixed order
# -----------------------------------------
#
# a and b get sums of two million terms. Here are those of a, added in four ways:

terms = in_place.backward(x, a, b, gy, dx, np.empty((5, N), np.float32))[0]
ways = {
    "float32, one after the other": lambda: np.cumsum(terms)[-1],
    "float32, sum()": lambda: terms.sum(),
    "float64, astype(float).sum()": lambda: terms.astype(float).sum(),
    "float64, sum(dtype=float)": lambda: terms.sum(dtype=float),
    "exact": lambda: math.fsum(terms),
}
for name, call in ways.items():
    print(f"{name:30s}{call():.9f}  {ns(call, N, repeats=3):6.2f} ns")

# %%
# ``sum()`` adds in pairs, and pairs of pairs, which loses little. In float64 you should see all
# digits of the exact sum, and ``dtype=float`` converts a little at a time: no copy is made.
# ``blocks.run`` adds each block that way, and then the sums of the blocks. In which order?

sums = np.add.reduceat(terms, range(0, N, 1 << 17), dtype=float)
print("100 orders,", len({np.cumsum(rng.permutation(sums))[-1] for _ in range(100)}), "results")

# %%
# More than one: it matters, in the last bits. Threads must not leave the order to chance.
#
# Step 8: two threads
# -------------------
#
# In most builds of Python one thread at a time runs: the one that holds the interpreter's *lock*.
# NumPy lets go of it while it works on an array. So two threads, each with blocks and memory of its
# own, can work side by side. Their sums go to a list, each to the place of its block.

show(blocks.in_threads)
found["two threads"] = curve(2, blocks.in_threads)
pictures.curves(found, 4 * lengths / 1024, *labels)

memory, bits = np.empty((2, 5, 1 << 17), np.float32), []
for each in (blocks.one_by_one, blocks.in_threads):
    call = partial(blocks.run, x, a, b, gy, y, dx, memory, each)
    bits.append([np.asarray(result).tobytes() for result in call()])
assert bits[0] == bits[1]
steps["two threads"] = {"not watched": ns(call, N)}

# %%
# The results are the same to the last bit. And you should see the curves cross, if a second
# processor is idle. With small blocks the threads wait for the lock most of the time, and two lose.
# With large ones the second helps, as far as memory keeps up. So take large ones that still fit.
#
# Step 9: beside fused, and where it ends
# ---------------------------------------
#
# :mod:`apalu_ref.fused` is made like this: its ``kernel.py`` is steps 3 to 5, ``layout.py`` and
# ``blocks.py`` are 6, ``sums.py`` is 7, ``threads.py`` is 8. And it takes what a library should: a
# and b for each channel or unit, any layout and type, NaN and inf.


def fused_way(x, a, b, gy, threads=1):
    return fused.apalu(x, a, b, threads=threads), *fused.apalu_grad(x, a, b, gy, threads=threads)


for threads in (1, 2):
    call, name = partial(fused_way, x, a, b, gy, threads), f"fused, threads={threads}"
    print(f"{name}: off by {max(errors(call())):.1f} ULP at most")
    steps[name] = {"not watched": ns(call, N)}
pictures.steps(steps)

# %%
# You should see the bars get shorter down to *blocks*, but for the digits, which cost a bit;
# threads help if a processor is idle; fused, which can do more, comes near. Choosing depends on how
# regular the signs are, exp and tanh on NumPy's code for your processor, arithmetic on the cache.
#
# And small arrays, where calling takes longer than computing?

sizes = 10 ** np.arange(1, 6)
ways = {"textbook": textbook_way, "given memory": in_place.run, "fused": fused_way}
found = {name: [] for name in ways}
for n in sizes:
    given, number = (y[:n], dx[:n], np.empty((5, n), np.float32)), 1 + 20_000 // n
    for name, way in ways.items():
        call = partial(way, x[:n], a, b, gy[:n], *(given if way is in_place.run else ()))
        found[name].append(min(timeit.repeat(call, number=number, repeat=5)) / number * 1e6)
pictures.curves(found, sizes, "numbers in x", "µs", "forward and backward, by the size of x")

# %%
# They should meet on the left: up to a thousand numbers the textbook is as good, and clearer.
#
# On your own
# -----------
#
# 1. *Sort x* before step 3 measures ``where``. (It gets several times faster: the processor's
#    guesses come true. The operations on bits do not care.)
# 2. *Another processor.* ``np.show_config()`` lists what NumPy has found in yours. Set the variable
#    ``NPY_DISABLE_CPU_FEATURES`` to the names that stand for AVX-512, and begin again. (On one
#    machine ``expm1`` took 30 times as long, ``tanh`` 5 times, ``exp`` 1.7 times.)
# 3. *Make GELU fast:* x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))). Write it as it stands, with
#    ``x**3`` and ``np.sqrt``; look at its type; profile it. (The power takes most of the time, and
#    ``np.sqrt(2 / np.pi)`` makes it float64. With x·x·x, Python numbers, (1 + tanh w)/2 = σ(2w), in
#    place and in blocks, 49 ns became 0.7.)
# 4. *float64.* What has to change in ``in_place.py``, and what will it cost? (int64, and a shift by
#    63; twice the time, without AVX-512 three times.)
# 5. *All of it.* The exercise ``fused`` grades a kernel of your own: ``apalu-ref exercise check
#    fused`` (:doc:`how </exercises>`).
#
# Questions
# ---------
#
# **Would a compiler do better?** Yes. Step 6 gained by keeping what comes up on the way in cache. A
# compiled loop keeps it in registers, nearer still, and reads each number once.
#
# **Why the least of several timings, and not the mean?** Other programs only ever add to it. And
# why only shares from the profile? To watch a call takes a microsecond or two of its own.
#
# In practice
# -----------
#
# - First a test, then a profile. Change what is largest, then profile again.
# - Decide nothing element by element. Keep float32 float32: Python numbers, not ``np.float64``.
# - Large arrays: ``out=``, and blocks of some hundred KiB. Small ones: fewer calls.
# - Add in float64, in an order that no thread decides. ``apalu_ref.apalu`` does all this for you.
# - :doc:`The next tutorial <10_design_your_own>` is about functions that are still to be invented.
