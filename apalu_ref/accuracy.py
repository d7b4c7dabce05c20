"""How far the two paths are from exact: every figure is computed by this module when asked.

In float64 and float32 on a hard grid (subnormal numbers, ±0, both tails, just below zero,
around x = 21.6 where the textbook derivative is at its worst, and random values) with
|a|, |b| and |gy| within 2^±10; in float16 for every finite x. Errors are in ULP of the
exact value; where a result underflows, the ULP is that of the subnormal numbers.

Of :mod:`apalu_ref.formula` no error is overlooked. Of :mod:`apalu_ref.fused`, which does not leave
the type it computes in, those are that the check kit waives: within 2·η·m, with η the smallest
subnormal number and m = max(1, |a| or |b|)·max(1, |gy|).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref import formula, fused, oracle

Array = NDArray[Any]

_QUANTITIES = ("u", "du", "v", "dv", "y", "dx", "fused y", "fused dx")

LIMITS: dict[str, dict[str, float]] = {
    "float64": dict.fromkeys(_QUANTITIES, 4),
    "float32": dict.fromkeys(_QUANTITIES, 4),
    "float16": dict(zip(_QUANTITIES, (0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1), strict=True)),
}
"""What the project promises, in ULP; 0.5 means correctly rounded."""


@dataclass(frozen=True)
class Measured:
    """The errors of one quantity in one format: ``error`` in ULP at every x.

    ``parameter`` (a where x >= 0, b where x < 0) and ``gy`` are ones where they do not enter.
    """

    quantity: str
    dtype: str
    x: Array
    parameter: Array
    gy: Array
    error: Array
    not_correctly_rounded: int

    @property
    def limit(self) -> float:
        """What is promised, in ULP."""
        return LIMITS[self.dtype][self.quantity]

    @property
    def worst(self) -> float:
        """The largest error."""
        return float(self.error.max())

    def summary(self) -> dict[str, Any]:
        """The figures, and where the worst error is, in plain types."""
        at = int(self.error.argmax())
        return {
            "quantity": self.quantity,
            "dtype": self.dtype,
            "values": len(self.x),
            "worst": self.worst,
            "limit": self.limit,
            "not_correctly_rounded": self.not_correctly_rounded,
            "x": float(self.x[at]),
            "parameter": float(self.parameter[at]),
            "gy": float(self.gy[at]),
        }


def hard_grid(dtype: str, seed: int = 0, random: int = 600) -> Array:
    """The x to look at: both signs, every region where something could go wrong."""
    info = np.finfo(dtype)
    rng = np.random.default_rng(seed)
    lowest = float(np.log(float(info.smallest_subnormal)))
    magnitudes = np.concatenate(
        [
            [0.0, info.smallest_subnormal, 3 * info.smallest_subnormal, info.tiny, info.eps, 1],
            [info.tiny * 0.7, info.max / 4, 1.40972813191273, 21.6, 40, 500],
            np.geomspace(float(info.tiny), 1, 60),
            np.linspace(20, 23, 60),
            np.linspace(-lowest - 20, -lowest + 1, 60),
            np.abs(rng.normal(size=random)) * 2,
            rng.uniform(0, -lowest, random // 2),
        ]
    ).astype(dtype)
    return np.concatenate([magnitudes, -magnitudes])


def scales(dtype: str, count: int, seed: int) -> Array:
    """Random parameters or upstream gradients: either sign, magnitude within 2^±10."""
    rng = np.random.default_rng(seed)
    return (rng.choice([-1, 1], count) * 2.0 ** rng.uniform(-10, 10, count)).astype(dtype)


def _univariate(dtype: str, x: Array) -> Iterator[tuple[str, Array, Array, list[Decimal]]]:
    for name in ("u", "du", "v", "dv"):
        points = x[x >= 0] if name in ("u", "du") else x[x <= 0]
        exact = [oracle.FUNCTIONS[name](p, 40) for p in points]
        yield name, points, getattr(formula, name)(points), exact


def _measured(
    quantity: str, dtype: str, x: Array, p: Array, gy: Array, got: Array, exact: list[Decimal]
) -> Measured:
    error = np.abs([oracle.ulp_error(g, e, dtype) for g, e in zip(got, exact, strict=True)])
    if quantity.startswith("fused"):
        tiny = 2 * float(np.finfo(dtype).smallest_subnormal)
        upstream = gy if quantity == "fused dx" else np.ones(len(x))
        waived = tiny * np.maximum(1, np.abs(p, dtype=float)) * np.maximum(1, np.abs(upstream))
        off = [abs(Decimal(float(g)) - e) for g, e in zip(got, exact, strict=True)]
        near = [o.is_finite() and o <= Decimal(float(w)) for o, w in zip(off, waived, strict=True)]
        error[near] = 0
    nearest = oracle.from_bits([oracle.to_bits(e, dtype) for e in exact], dtype)
    return Measured(quantity, dtype, x, p, gy, error, int(np.count_nonzero(got != nearest)))


def measure(dtype: str = "float64", seed: int = 0) -> list[Measured]:
    """Measure :mod:`apalu_ref.formula` and ``fused`` against :mod:`apalu_ref.oracle`.

    Parameters
    ----------
    dtype : {"float64", "float32", "float16"}
    seed : int
        Of the random x, a, b and gy.

    Returns
    -------
    list of Measured
        One for each of u, u′, v, v′ (alone), y and dx, and y and dx of the fused path.

    Examples
    --------
    >>> worst = {m.quantity: m.worst for m in measure("float32")}["dx"]
    >>> bool(0.49 < worst < 0.51)
    True
    """
    if dtype == "float16":
        finite = np.arange(oracle.FORMATS[dtype].infinity, dtype=np.uint16)
        x = oracle.from_bits(np.concatenate([finite, finite | np.uint16(1 << 15)]), dtype)
    else:
        x = hard_grid(dtype, seed)
    ones = np.ones(len(x))
    with np.errstate(over="ignore"):
        univariate = list(_univariate(dtype, x))
        found = [_measured(n, dtype, p, ones, ones, got, exact) for n, p, got, exact in univariate]

        # Both halves, each with parameters of its own.
        _, above, _, u = univariate[0]
        _, below, _, v = univariate[2]
        below, v = below[below < 0], [e for e, p in zip(v, below, strict=True) if p < 0]
        x = np.concatenate([above, below])
        du = [*univariate[1][3], *map(partial(oracle.dv, digits=40), below)]
        p, gy = scales(dtype, len(x), seed + 1), scales(dtype, len(x), seed + 2)
        y, fused_y = formula.apalu(x, p, p), fused.apalu(x, p, p)
        dx, fused_dx = formula.apalu_grad(x, p, p, gy)[0], fused.apalu_grad(x, p, p, gy)[0]
    exact_p, exact_gy = [Decimal(float(t)) for t in p], [Decimal(float(t)) for t in gy]
    exact_y = [q * e for q, e in zip(exact_p, [*u, *v], strict=True)]
    exact_dx = [g * q * e for g, q, e in zip(exact_gy, exact_p, du, strict=True)]
    for prefix, values, slopes in (("", y, dx), ("fused ", fused_y, fused_dx)):
        found.append(_measured(prefix + "y", dtype, x, p, gy, values, exact_y))
        found.append(_measured(prefix + "dx", dtype, x, p, gy, slopes, exact_dx))
    return found


def draw(found: Sequence[Measured], path: str) -> None:
    """Draw the errors of y and dx against x, a panel a format, with what is promised.

    Parameters
    ----------
    found : sequence of Measured
    path : str
        The picture to write; its ending chooses the format (``.png``, ``.svg``, ``.pdf``).
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [m for m in found if m.quantity in ("y", "dx")]
    dtypes = list(dict.fromkeys(m.dtype for m in shown))
    figure = Figure(figsize=(4.2 * len(dtypes) + 0.6, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(dtypes), sharey=True, squeeze=False)[0]
    for panel, dtype in zip(panels, dtypes, strict=True):
        for m, marker, color in zip(
            (m for m in shown if m.dtype == dtype), "ox", ("#0072B2", "#D55E00"), strict=True
        ):
            near = np.abs(m.x) <= 1000  # beyond, f is a straight line and the errors tell nothing
            style = {"color": color, "ms": 3, "alpha": 0.5, "rasterized": True}
            panel.plot(m.x[near], m.error[near], marker, label=m.quantity, **style)
            panel.axhline(m.limit, color="black", lw=1, ls="--")
        panel.axhline(0.5, color="black", lw=1, ls=":")
        panel.set_xscale("symlog", linthresh=1e-2)
        panel.set(title=f"{dtype} (dashed: promised)", xlabel="x", ylim=(0, 4.2))
        panel.set_xticks([-1e2, -1, 0, 1, 1e2])
    panels[0].legend(loc="upper left", bbox_to_anchor=(0, 0.9), framealpha=1)
    panels[0].set_ylabel("error in ULP (dotted: correctly rounded)")
    figure.savefig(path, dpi=120)
