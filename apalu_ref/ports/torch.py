r"""APALU for PyTorch: a function with analytic gradients, and a module.

.. math::

    f(x; a, b) = \begin{cases}
        a\,x\,(1 + \sigma(\kappa x)) & x \ge 0 \\
        b\,(e^x - 1)                 & x < 0
    \end{cases}
    \qquad \kappa = 1.702,\ \sigma(z) = 1 / (1 + e^{-z})

The same function as :mod:`apalu_ref.formula`, which explains it; what differs:

* float32 is computed in float32, float16 and bfloat16 too, rounded once at the end. Sums for
  the gradients of a and b are formed in float64.
* Only the inputs are kept for backward, not what is computed from them. Backward is made of
  recorded ops, so derivatives of any order can be had.
* One ``expm1`` in forward and one ``exp`` in backward serve both branches.

Measured against the oracle on a CPU, compiled or not, y is within 3 ULP and dx within 4 in float32
and float64, and 1 in float16. The file depends on nothing but PyTorch and may be copied.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import factorial
from typing import Any, ClassVar

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise ImportError(
        'apalu_ref.ports.torch needs PyTorch: pip install "apalu-ref[torch]"'
    ) from error

__all__ = ["APALU", "APALUFunction", "apalu"]

KAPPA = 1.702

VARIANCE_PRESERVING = 0.682527932356013844344407694737
"""The a for which E f(z)² = 1 under z ~ N(0, 1), together with b = 3a/2."""

# exp(-KAPPA * 500) is 0 in float64; the cap keeps x * exp(-KAPPA * x) from being inf * 0.
_CAP = 500.0


def _dtypes(x: Tensor, a: Tensor, b: Tensor) -> tuple[torch.dtype, torch.dtype]:
    """The type of the result, and the one to compute in."""
    for name, t in (("x", x), ("a", a), ("b", b)):
        if t.dtype == torch.bool or t.dtype.is_complex:
            raise TypeError(f"{name} has dtype {t.dtype}: APALU takes floating tensors or integers")
    floats = [t for t in (x, a, b) if t.dtype.is_floating_point]
    # As in x * a * b: a tensor without axes does not widen those that have some.
    dtypes = [t.dtype for t in floats if t.ndim] or [t.dtype for t in floats]
    dtype = reduce(torch.promote_types, dtypes or [torch.get_default_dtype()])
    return dtype, torch.float64 if dtype == torch.float64 else torch.float32


def _sum_to(like: Tensor, terms: Tensor) -> Tensor:
    """Sum ``terms`` over the axes along which ``like`` was broadcast, in the type of ``like``."""
    extra = terms.ndim - like.ndim
    axes = list(range(extra))
    axes += [extra + i for i, n in enumerate(like.shape) if n == 1 != terms.shape[extra + i]]
    if axes:
        # Apple's GPUs have no float64.
        wide = terms.dtype if terms.device.type == "mps" else torch.float64
        terms = terms.sum(axes, keepdim=True, dtype=wide)
    return terms.reshape(like.shape).to(like.dtype)


def _expm1(x: Tensor) -> Tensor:
    """e^x - 1 for x <= 0."""
    if not torch.compiler.is_compiling():
        return torch.expm1(x)
    # torch.compile writes expm1 as exp(x) - 1 on CPUs, which has no digits left near zero. Down
    # to -1/2 the terms of the series (fused: no pass over memory each); below, -1 cancels none.
    near = x > -0.5
    small = torch.where(near, x, 0)
    rest = torch.zeros_like(x)
    for k in range(18 if x.dtype == torch.float64 else 11, 1, -1):
        rest = rest * small + 1 / factorial(k)
    return torch.where(near, small + small * (small * rest), torch.exp(x) - 1)


class APALUFunction(torch.autograd.Function):
    """APALU as a ``torch.autograd.Function``: ``APALUFunction.apply(x, a, b)``.

    Takes three tensors that broadcast; :func:`apalu` takes numbers too.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """The values: a·x·(1 + σ(κx)) where x >= 0, b·(e^x - 1) where x < 0."""
        dtype, wide = _dtypes(x, a, b)
        x, a, b = x.to(wide), a.to(wide), b.to(wide)
        # Left of zero e^x - 1; right of it e^{-κx} - 1, so that σ(κx) = 1 / (2 + t).
        t = _expm1(torch.minimum(x, -KAPPA * x))
        # (a * x) * gate and not a * (x * gate), which may overflow where the value does not.
        return torch.where(x < 0, b * t, (a * x) * (1 + 1 / (2 + t))).to(dtype)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor], output: Tensor) -> None:
        """Keep the inputs, and nothing else."""
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of x, a and b, each in its own shape and type; None if not wanted."""
        own = ctx.saved_tensors
        x, a, b, gy = (t.to(_dtypes(*own)[1]) for t in (*own, grad_output))
        # Every factor is finite on the other side too, so that where takes no 0 * inf back.
        negative, above, below = x < 0, x.clamp(min=0), x.clamp(max=0)
        z = KAPPA * above.clamp(max=_CAP)
        e = torch.exp(torch.where(negative, x / 2, -z))
        # σ = 1 / (1 + e), and eσ for 1 - σ: no digits cancel in the tail, in derivatives neither.
        s = 1 / (1 + e)
        dx = da = db = None
        if ctx.needs_input_grad[0]:
            # e^x may underflow where gy * b * e^x does not: its root e goes to both factors.
            slopes = (gy * e) * (b * e), (gy * a) * (1 + s + z * s * (e * s))
            dx = _sum_to(own[0], torch.where(negative, *slopes))
        if ctx.needs_input_grad[1]:
            da = _sum_to(own[1], torch.where(negative, 0, gy) * above * (1 + s))
        if ctx.needs_input_grad[2]:
            db = _sum_to(own[2], torch.where(negative, gy, 0) * _expm1(below))
        return dx, da, db


def apalu(x: Tensor, a: Tensor | float = 1.0, b: Tensor | float = 1.0) -> Tensor:
    """APALU: a·x·(1 + σ(κx)) where x >= 0, b·(e^x - 1) where x < 0.

    Parameters
    ----------
    x : Tensor
        Input, any shape, floating or integer.
    a, b : Tensor or float
        Parameters; must broadcast against ``x``. One pair per channel of an (N, C, H, W) input
        has shape (C, 1, 1). Numbers are taken in the type of a floating ``x``.

    Returns
    -------
    Tensor
        Of the broadcast shape, in the type of ``x * a * b`` (of integers alone, the default
        type). float16 and bfloat16 are computed in float32 and rounded once.

    Raises
    ------
    TypeError
        If ``x`` is not a tensor, or one of the three is bool or complex.
    RuntimeError
        If the shapes do not broadcast.

    Notes
    -----
    Differentiable to any order by ``x``, ``a`` and ``b``. Each gradient has the shape and type of
    its input, summed over broadcast axes in float64 (in float32 on ``mps``). x = 0 and x = -0.0
    belong to the positive branch: the slope there is 3a/2. NaN gives NaN; +inf gives a·inf with
    slope 2a, -inf gives -b with slope 0. Works under ``torch.compile`` without a graph break, and
    under ``torch.func``'s ``vmap``, ``grad`` and ``jacrev``; not in forward mode, for which
    ``torch.compile`` has no support: a Hessian is ``jacrev(jacrev(...))``.

    Examples
    --------
    >>> x = torch.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    >>> apalu(x, 2.0).sum().backward()
    >>> x.grad
    tensor([0.3679, 3.0000, 4.1356])
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"x is a {type(x).__name__}: make it a tensor with torch.as_tensor(x)")
    own = x.dtype if x.dtype.is_floating_point else torch.get_default_dtype()
    a, b = (
        p if isinstance(p, Tensor) else torch.tensor(p, dtype=own, device=x.device) for p in (a, b)
    )
    return APALUFunction.apply(x, a, b)


class APALU(nn.Module):
    r"""APALU with trainable a and b, one pair for the layer, a channel or a neuron.

    Parameters
    ----------
    num_parameters : int or tuple of int
        1: one pair for the whole layer. C: one pair for each of C channels, along
        ``channel_axis`` (with input of shape (N, C), that is one for each neuron). A tuple: one
        pair for each place of the input's last axes, such as (C, H, W): one for each neuron.
    channel_axis : int
        Which axis of the input the channels lie along; 1 as in ``nn.PReLU``.
    init : str, float or pair of float
        ``"paper"``: a and b drawn from U(0, 2). ``"variance-preserving"``: a = 0.6825... and
        b = 3a/2, which make f differentiable at 0 and E f(z)² = 1 for z ~ N(0, 1). A number, or
        a pair of them, for a and b.
    device, dtype
        Of a and b, as for PyTorch's own layers.
    generator : torch.Generator, optional
        Draws the initial values; default PyTorch's own.

    Attributes
    ----------
    a, b : nn.Parameter
        Of shape ``(num_parameters,)``, or the tuple given.

    Raises
    ------
    ValueError
        If an option does not make sense, or the input has not as many channels as there are
        pairs.

    Notes
    -----
    The result has the type of :func:`apalu`; under autocast, that of the input. Weight decay
    would pull the activation towards 0: give a and b a parameter group without it. With the
    paper's init the second moment of a signal grows 2.6 times a layer under LeCun's init of the
    weights and 5.2 times under He's; with the variance-preserving one and LeCun's it stays.

    Examples
    --------
    >>> layer = APALU(3, init=(1.0, 0.5))
    >>> layer
    APALU(3, init=(1.0, 0.5))
    >>> layer(torch.full((2, 3, 4, 4), -1.0)).shape
    torch.Size([2, 3, 4, 4])
    """

    capabilities: ClassVar = {"parameters": ["scalar"]}  # what the check kit may ask of it

    def __init__(
        self,
        num_parameters: int | Sequence[int] = 1,
        channel_axis: int = 1,
        init: str | float | tuple[float, float] = "paper",
        *,
        device: Any = None,
        dtype: torch.dtype | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self._per_channel = isinstance(num_parameters, int)
        shape = (num_parameters,) if isinstance(num_parameters, int) else tuple(num_parameters)
        if not shape or any(n < 1 for n in shape):
            raise ValueError(f"num_parameters is a count or a shape, not {num_parameters!r}")
        self.num_parameters, self.channel_axis, self.init = num_parameters, channel_axis, init
        self.a = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.b = nn.Parameter(torch.empty(shape, device=device, dtype=dtype))
        self.reset_parameters(generator)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Give a and b their initial values anew."""
        if self.init == "paper":
            for p in (self.a, self.b):
                nn.init.uniform_(p, 0, 2, generator=generator)
            return
        if isinstance(self.init, (int, float)):
            a = b = self.init
        elif isinstance(self.init, tuple) and len(self.init) == 2:
            a, b = self.init
        elif self.init == "variance-preserving":
            a, b = VARIANCE_PRESERVING, 1.5 * VARIANCE_PRESERVING
        else:
            raise ValueError(
                f"init is 'paper', 'variance-preserving', a number or a pair, not {self.init!r}"
            )
        nn.init.constant_(self.a, a)
        nn.init.constant_(self.b, b)

    def forward(self, x: Tensor) -> Tensor:
        """APALU of ``x``; see the class for which axis a and b belong to."""
        y = apalu(x, self._fit(self.a, x), self._fit(self.b, x))
        # a and b stay in float32 under autocast, and so would y, at twice the memory.
        if x.dtype in (torch.float16, torch.bfloat16) and not x.is_meta:
            y = y.to(x.dtype) if torch.is_autocast_enabled(x.device.type) else y
        return y

    def _fit(self, p: Tensor, x: Tensor) -> Tensor:
        """A parameter in a shape that broadcasts against an input."""
        if p.numel() == 1:
            return p.reshape((1,) * x.ndim)
        if not self._per_channel:
            if x.shape[-p.ndim :] == p.shape:
                return p
            where = f"a pair for each place of {tuple(p.shape)}"
            raise ValueError(
                f"this APALU has {where}; an input of {tuple(x.shape)} does not end so"
            )
        axis = self.channel_axis
        if not -x.ndim <= axis < x.ndim or x.shape[axis] != p.shape[0]:
            where = f"{p.shape[0]} pairs along axis {axis}"
            raise ValueError(f"this APALU has {where}; the input has shape {tuple(x.shape)}")
        return p.reshape(p.shape[0], *(1,) * (x.ndim - 1 - axis % x.ndim))

    def extra_repr(self) -> str:
        """What is not the default, for printing."""
        axis = "" if self.channel_axis == 1 else f", channel_axis={self.channel_axis}"
        init = "" if self.init == "paper" else f", init={self.init!r}"
        return f"{self.num_parameters}{axis}{init}"
