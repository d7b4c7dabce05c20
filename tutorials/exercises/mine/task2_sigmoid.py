"""Task 2: a stable sigmoid.

σ(z) = 1 / (1 + e^-z) is right on paper. In floating point e^-z overflows for z = -1000, and
1 - σ(z) loses all its digits where σ(z) is close to 1. Write the two functions so that

- no finite z gives NaN or a warning, from -1e300 to 1e300, nor does any z in float32;
- 14 digits are right, in the tails too: σ(-40) is 4.2e-18 and not 0, and so is 1 - σ(40);
- arrays of any shape come back in the same shape, and float32 comes back as float32.

NumPy and Python's own modules are all you may import.

    apalu-ref exercise check sigmoid
"""

import numpy as np

KAPPA = 1.702


def sigmoid(z):
    """σ(z)."""
    raise NotImplementedError


def sigmoid_slope(z):
    """σ′(z) = σ(z) (1 - σ(z)), also where σ(z) is close to 1."""
    raise NotImplementedError


# What task 1 found, with your functions in it. The later tasks use these two.


def u(x):
    """x (1 + σ(κx)), for x >= 0."""
    return x * (1 + sigmoid(KAPPA * x))


def du(x):
    """Its derivative. Far out nothing changes any more, and ∞ times 0 is not a number."""
    z = KAPPA * np.minimum(x, 500)
    return 1 + sigmoid(z) + z * sigmoid_slope(z)


if __name__ == "__main__":
    print(sigmoid(np.array([-1000.0, -1.0, 0.0, 1.0, 1000.0])))
