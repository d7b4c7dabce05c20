"""A kernel that takes little, says so, and refuses the rest: float32, contiguous, not empty.

    apalu-ref check tutorials/subjects/float32_kernel.py
    apalu-ref check tutorials/subjects/float32_kernel.py --profile strict
    apalu-ref check tutorials/subjects/float32_kernel.py --require float64

It is NumPy here and could as well be a call into C or CUDA: one value of a and b for each row
or for all, one pass over memory. What is not offered is not wrong: ``capabilities`` tells the
check not to ask for it, and the verdict lists it. (``--require`` insists.) What is wrong is an
answer to a question that was not understood, so everything else is refused with an error that
says what to do.
"""

import numpy as np

KAPPA = np.float32(1.702)

capabilities = {
    "dtypes": ["float32"],
    "parameters": ["scalar", "elementwise"],
    "layouts": [],  # contiguous only
    "mixed types": False,
    "integers": False,
    "0-d": False,
    "empty": False,
    "order": 1,
}


def require(name, t):
    """Refuse what the kernel would read wrongly."""
    if t.dtype != np.float32:
        raise TypeError(f"{name} is {t.dtype}: convert it, {name}.astype(np.float32)")
    if not t.flags.c_contiguous:
        raise ValueError(f"{name} is not contiguous: np.ascontiguousarray({name})")
    if t.size == 0:
        raise ValueError(f"{name} is empty: there is nothing to compute")


def forward(x, a, b):
    """The values, and what backward needs."""
    for name, t in (("x", x), ("a", a), ("b", b)):
        require(name, t)
    if x.ndim == 0:
        raise ValueError("x is a single number: use x.reshape(1)")
    for name, t in (("a", a), ("b", b)):
        if t.shape not in ((), x.shape):
            raise ValueError(f"{name} is one number, or of x's shape {x.shape}, not {t.shape}")
    left, right, s, _ = pieces(x)
    y = np.where(x < 0, b * np.expm1(left), a * right * (1 + s))
    return y, (x.copy(), a.copy(), b.copy())  # the caller may reuse its memory


def backward(ctx, gy):
    """The gradients of x, a and b."""
    require("gy", gy)
    x, a, b = ctx
    left, right, s, c = pieces(x)
    z = KAPPA * np.minimum(right, np.float32(500))
    dx = gy * np.where(x < 0, b * np.exp(left), a * (1 + s + z * s * c))
    da = np.where(x < 0, np.float32(0), gy * right * (1 + s))
    db = np.where(x < 0, gy * np.expm1(left), np.float32(0))
    return dx, total(da, a), total(db, b)


def pieces(x):
    """x for each branch, and σ(κx) and σ(-κx) for the right one."""
    left, right = np.minimum(x, np.float32(0)), np.maximum(x, np.float32(0))
    t = np.exp(-KAPPA * np.minimum(right, np.float32(500)))
    return left, right, 1 / (1 + t), t / (1 + t)


def total(gradient, parameter):
    """The sum over what a single number was used for, formed in float64 and rounded once."""
    if parameter.shape == gradient.shape:
        return gradient
    return np.asarray(gradient.sum(dtype=np.float64), np.float32)
