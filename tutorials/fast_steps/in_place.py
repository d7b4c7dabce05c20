"""Step 5: forward and backward as NumPy calls that write only into given memory.

``memory`` has five rows as long as x; what is in them before does not matter. All is float32.
"""

import numpy as np


def forward(x, a, b, y, memory):
    """Write the values to y."""
    t, w = memory[:2]
    np.multiply(x, -1.702, out=t)
    np.minimum(x, t, out=t)
    np.multiply(t, 0.5, out=t)
    np.tanh(t, out=t)
    np.multiply(t, -0.5, out=w)
    np.add(w, 0.5, out=w)  # (1 - t) / 2
    np.divide(t, w, out=t)
    np.multiply(t, b, out=t)  # the left branch
    np.add(w, 1, out=w)
    np.multiply(x, a, out=y)
    np.multiply(y, w, out=y)  # the right one
    choose(signs(x, w), t, y)


def backward(x, a, b, gy, dx, memory):
    """Write the slope times gy to dx; return, in memory, what a and b get from each element."""
    e, s, da, db, bits = memory
    np.multiply(x, -1.702, out=dx)
    np.minimum(x, dx, out=dx)  # m
    np.multiply(dx, 0.5, out=db)
    np.tanh(db, out=db)
    np.exp(dx, out=e)
    np.add(e, 1, out=s)
    np.divide(1, s, out=s)
    np.multiply(dx, e, out=dx)
    np.multiply(dx, s, out=dx)
    np.multiply(dx, s, out=dx)  # m e s²
    np.add(s, 1, out=s)
    np.subtract(s, dx, out=dx)
    np.multiply(dx, a, out=dx)  # on the right
    np.multiply(e, b, out=e)  # on the left
    mask = signs(x, bits)
    choose(mask, e, dx)
    np.multiply(dx, gy, out=dx)
    # b: e^x - 1 on the left, else 0
    np.multiply(db, -0.5, out=e)
    np.add(e, 0.5, out=e)
    np.divide(db, e, out=db)
    np.multiply(db, gy, out=db)
    keep(mask, db)
    # a: x (1 + σ) on the right, else 0
    np.multiply(x, gy, out=da)
    np.multiply(da, s, out=da)
    np.invert(mask, out=mask)
    keep(mask, da)
    return da, db


def signs(x, memory):
    """A mask: ones where x < 0."""
    mask = memory.view(np.int32)
    np.add(x, 0, out=memory)
    return np.right_shift(mask, 31, out=mask)


def choose(mask, left, right):
    """Write left into right where the mask is set; left is used up."""
    left, right = left.view(np.int32), right.view(np.int32)
    np.bitwise_xor(left, right, out=left)
    np.bitwise_and(left, mask, out=left)
    np.bitwise_xor(left, right, out=right)


def keep(mask, t):
    """Write 0 into t where the mask is not set."""
    bits = t.view(np.int32)
    np.bitwise_and(bits, mask, out=bits)


def run(x, a, b, gy, y, dx, memory):
    """Write to y and dx; return them and the gradients of a and b."""
    forward(x, a, b, y, memory)
    return y, dx, *(terms.sum() for terms in backward(x, a, b, gy, dx, memory))
