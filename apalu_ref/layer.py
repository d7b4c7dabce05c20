"""APALU as a layer of a minigrad network, with trainable a and b."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from apalu_ref import formula, fused
from minigrad import Function, Tensor, nn
from minigrad.nn import functional as F
from minigrad.random import default_generator

Array = NDArray[Any]

VARIANCE_PRESERVING = 0.682527932356013844344407694737
"""The a for which E f(z)² = 1 under z ~ N(0, 1), together with b = 3a/2."""


class _Apalu(Function):
    """f(x; a, b) with the analytic gradients; a and b are first given the shape ``view``."""

    @staticmethod
    def forward(ctx: Any, x: Array, a: Array, b: Array, view: tuple[int, ...] | None) -> Array:
        ctx.own = np.shape(a), np.shape(b)
        if view is not None:
            a, b = a.reshape(view), b.reshape(view)
        ctx.save_for_backward(x, a, b)
        return fused.apalu(x, a, b)

    @staticmethod
    def backward(ctx: Any, grad_output: Array) -> tuple[Any, ...]:
        x, a, b = ctx.saved_tensors
        dx, da, db = fused.apalu_grad(x, a, b, grad_output)
        return dx, da.reshape(ctx.own[0]), db.reshape(ctx.own[1]), None

    @staticmethod
    def formula(x: Any, a: Any, b: Any, view: tuple[int, ...] | None) -> Any:
        if view is not None:
            a, b = np.reshape(a, view), np.reshape(b, view)
        negative = np.less(x, 0)
        # where and not minimum: at 0, minimum would share the gradient between its arguments.
        above, below = np.where(negative, 0, x), np.where(negative, x, 0)
        return np.where(negative, b * formula.v(below), a * formula.u(above))


def apalu(x: Any, a: Any = 1.0, b: Any = 1.0) -> Tensor:
    """APALU of a Tensor: a·u(x) where x >= 0, b·v(x) where x < 0.

    Parameters
    ----------
    x, a, b : Tensor or array_like
        Of shapes that broadcast; see :func:`apalu_ref.apalu`, which is the same on arrays.

    Returns
    -------
    Tensor
        Differentiable to any order by ``x``, ``a`` and ``b``.

    Examples
    --------
    >>> import minigrad
    >>> x = minigrad.tensor([-1.0, 0.0, 1.0], requires_grad=True)
    >>> apalu(x, 2.0, 1.0).sum().backward()
    >>> x.grad
    tensor([0.36787944, 3.        , 4.13555921])
    """
    own = x.dtype if isinstance(x, Tensor) else np.asarray(x).dtype
    kind = own if own.kind == "f" else np.dtype(np.float64)
    # Python numbers follow x, as in NumPy.
    a, b = (
        p if isinstance(p, Tensor) else np.asarray(p, kind if isinstance(p, (int, float)) else None)
        for p in (a, b)
    )
    return _Apalu.apply(x if isinstance(x, Tensor) else np.asarray(x), a, b, None)


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
    positive : bool
        Keep a and b above 0, and so f increasing: they are the softplus of what is trained,
        the parameters ``raw_a`` and ``raw_b``.
    tied : bool
        b = 3a/2 throughout, so that f is differentiable at 0; only a is trained.
    frozen : bool
        Do not train a and b.
    dtype : data-type
        Of a and b; default float32.

    Attributes
    ----------
    a, b : Tensor
        As they enter the formula.

    Raises
    ------
    ValueError
        If an option does not make sense, or the input has not as many channels as there are
        pairs.

    Notes
    -----
    The forward pass is :func:`apalu_ref.fused.apalu`, the backward its analytic gradient. Under
    ``create_graph=True`` the plain NumPy formula stands in, so that derivatives of every order
    can be had. No weight decay is meant for a and b: give them a parameter group of their own,
    see :func:`parameter_groups`.

    With the paper's init the second moment of a signal grows 2.6 times a layer under LeCun's
    init of the weights (E a² = 4/3), and 5.2 times under He's; with the variance-preserving one
    and LeCun's it stays.

    Examples
    --------
    >>> import minigrad
    >>> layer = APALU(3, init=(1.0, 0.5))
    >>> layer
    APALU(3, init=(1.0, 0.5))
    >>> y = layer(minigrad.tensor(np.full((2, 3, 4, 4), -1.0, np.float32)))
    >>> y.shape, y.dtype
    ((2, 3, 4, 4), dtype('float32'))
    """

    def __init__(
        self,
        num_parameters: int | Sequence[int] = 1,
        channel_axis: int = 1,
        init: str | float | tuple[float, float] = "paper",
        *,
        positive: bool = False,
        tied: bool = False,
        frozen: bool = False,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        one_count = isinstance(num_parameters, (int, np.integer))
        shape = (int(num_parameters),) if one_count else tuple(num_parameters)  # type: ignore[arg-type]
        if not shape or any(n < 1 for n in shape):
            raise ValueError(
                f"num_parameters is a count or a shape of positive lengths, not {num_parameters!r}"
            )
        self.num_parameters, self.channel_axis, self.init = num_parameters, channel_axis, init
        self.positive, self.tied, self.frozen = positive, tied, frozen
        self._shape = shape
        values = dict(zip("ab", _initial(init, shape, tied), strict=True))
        for name in ("a",) if tied else ("a", "b"):
            value = values[name]
            if positive:
                if not np.all(value > 0):
                    raise ValueError(f"positive=True needs positive initial values, not {init!r}")
                # The inverse of softplus
                name, value = f"raw_{name}", value + np.log(-np.expm1(-value))
            parameter = nn.Parameter(value.astype(dtype))
            parameter.requires_grad_(not frozen)
            setattr(self, name, parameter)
        self._per_channel = one_count

    def __getattr__(self, name: str) -> Any:
        # Only what is not stored is asked for here: a and b where they are computed.
        raw = self.__dict__.get(f"raw_{name}") if name in ("a", "b") else None
        if raw is not None:
            # softplus underflows to 0; the smallest normal number is above it.
            return F.softplus(raw) + float(np.finfo(raw.dtype).tiny)
        if name == "b" and self.__dict__.get("tied"):
            return self.a * 1.5
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("a", "b") and "_per_channel" in self.__dict__:
            if f"raw_{name}" in self.__dict__:
                raise AttributeError(
                    f"{name} is the softplus of raw_{name} (positive=True): set that"
                )
            if name == "b" and self.tied:
                raise AttributeError("b is 3a/2 (tied=True): set a")
            if not isinstance(value, nn.Parameter) or value.shape != self._shape:
                raise TypeError(
                    f"{name} is an nn.Parameter of shape {self._shape}: assign one, or set .data"
                )
        super().__setattr__(name, value)

    def forward(self, x: Tensor) -> Tensor:
        """APALU of ``x``; see the class for which axis a and b belong to."""
        x = x if isinstance(x, Tensor) else Tensor(x)
        return _Apalu.apply(x, self.a, self.b, self._view(x.shape))

    def _view(self, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """The shape in which a and b broadcast against an input."""
        own = self._shape
        if not self._per_channel:
            if shape[-len(own) :] != own:
                raise ValueError(
                    f"this APALU has a pair for each place of {own}; an input of shape {shape} "
                    f"does not end in it"
                )
            return None
        if own == (1,):
            return ()
        axis = self.channel_axis
        if not -len(shape) <= axis < len(shape) or shape[axis] != own[0]:
            raise ValueError(
                f"this APALU has {own[0]} pairs along axis {axis}; the input has shape {shape}"
            )
        return (*own, *(1,) * (len(shape) - 1 - axis % len(shape)))

    def extra_repr(self) -> str:
        """What is not the default, for printing."""
        options = [str(self.num_parameters)]
        if self.channel_axis != 1:
            options.append(f"channel_axis={self.channel_axis}")
        if self.init != "paper":
            options.append(f"init={self.init!r}")
        return ", ".join(
            [*options, *(f"{o}=True" for o in ("positive", "tied", "frozen") if getattr(self, o))]
        )


def _initial(init: Any, shape: tuple[int, ...], tied: bool) -> tuple[Array, Array]:
    """The values a and b start from, in float64."""
    if isinstance(init, str):
        if init == "paper":
            rng = default_generator()
            # Drawn from (0, 2]: a 0 could not be kept positive.
            a, b = 2 - rng.uniform(0, 2, shape), 2 - rng.uniform(0, 2, shape)
        elif init == "variance-preserving":
            a = np.full(shape, VARIANCE_PRESERVING)
            b = 1.5 * a
        else:
            raise ValueError(
                f"init is 'paper', 'variance-preserving', a number or a pair, not {init!r}"
            )
    else:
        pair = np.asarray(init, np.float64)
        if pair.shape not in ((), (2,)) or not np.isfinite(pair).all():
            raise ValueError(f"init takes a finite number, or a pair of them, not {init!r}")
        a, b = (np.full(shape, value) for value in np.broadcast_to(pair, 2))
        if tied and pair.ndim and pair[1] != 1.5 * pair[0]:
            raise ValueError(f"tied=True means b = 3a/2: give a alone, not init={init!r}")
    return a, b


def parameter_groups(
    module: nn.Module, lr: float | None = None, weight_decay: float = 0.0
) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser: all a and b apart from the other parameters.

    Parameters
    ----------
    module : Module
        With APALU layers somewhere in it.
    lr : float, optional
        The learning rate of a and b; default the optimiser's. A schedule that sets rates, such
        as ``OneCycleLR``, wants one for each group: ``max_lr=[0.01, 0.001]``.
    weight_decay : float
        Of a and b. Decay would pull the activation towards 0.

    Returns
    -------
    list of dict
        For ``optim.Adam(parameter_groups(network), lr=...)``.

    Examples
    --------
    >>> network = nn.Sequential(nn.Linear(2, 4), APALU(4), nn.Linear(4, 1))
    >>> [len(group["params"]) for group in parameter_groups(network, lr=0.01)]
    [4, 2]
    """
    own = [p for m in module.modules() if isinstance(m, APALU) for p in m.parameters()]
    ids = {id(p) for p in own}
    group: dict[str, Any] = {"params": own, "weight_decay": weight_decay}
    if lr is not None:
        group["lr"] = lr
    return [{"params": [p for p in module.parameters() if id(p) not in ids]}, group]
