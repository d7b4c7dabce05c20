"""How far the formulas are from exact: every figure is computed by this module when asked.

In float64 and float32 on a hard grid (subnormal numbers, ±0, both tails, just below zero,
around x = 21.6 where the textbook derivative is at its worst, and random values) with
|a|, |b| and |gy| within 2^±10; in float16 for every finite x. Errors are in ULP of the
exact value; where a result underflows, the ULP is that of the subnormal numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from apalu_ref import formula, oracle

Array = NDArray[Any]

LIMITS: dict[str, dict[str, float]] = {
    "float64": {"u": 4, "du": 4, "v": 4, "dv": 4, "y": 4, "dx": 4},
    "float32": {"u": 4, "du": 4, "v": 4, "dv": 4, "y": 4, "dx": 4},
    "float16": {"u": 0.5, "du": 0.5, "v": 0.5, "dv": 0.5, "y": 1, "dx": 1},
}
"""What the project promises, in ULP; 0.5 means correctly rounded."""


class Row(NamedTuple):
    """The worst error of one quantity in one format."""

    quantity: str
    dtype: str
    values: int
    worst: float  # ULP
    x: float  # where the worst is; a (or b) and gy as well for y and dx
    parameter: float
    gy: float
    not_correctly_rounded: int
    limit: float


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


def _row(
    quantity: str, dtype: str, x: Array, p: Array, gy: Array, got: Array, exact: list[Decimal]
) -> Row:
    error: Array = np.abs([oracle.ulp_error(g, e, dtype) for g, e in zip(got, exact, strict=True)])
    nearest = oracle.from_bits([oracle.to_bits(e, dtype) for e in exact], dtype)
    at = int(error.argmax())
    return Row(
        quantity,
        dtype,
        len(x),
        float(error[at]),
        float(x[at]),
        float(p[at]),
        float(gy[at]),
        int(np.count_nonzero(got != nearest)),
        LIMITS[dtype][quantity],
    )


def measure(dtype: str = "float64", seed: int = 0) -> list[Row]:
    """Measure :mod:`apalu_ref.formula` against :mod:`apalu_ref.oracle`.

    Parameters
    ----------
    dtype : {"float64", "float32", "float16"}
    seed : int
        Of the random x, a, b and gy.

    Returns
    -------
    list of Row
        One for each of u, u′, v, v′ (alone), y and dx.

    Examples
    --------
    >>> worst = max(row.worst for row in measure("float32"))
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
        rows = [_row(n, dtype, p, ones, ones, got, exact) for n, p, got, exact in univariate]

        # Both halves, each with parameters of its own.
        _, above, _, u = univariate[0]
        _, below, _, v = univariate[2]
        below, v = below[below < 0], [e for e, p in zip(v, below, strict=True) if p < 0]
        x = np.concatenate([above, below])
        du = [*univariate[1][3], *map(partial(oracle.dv, digits=40), below)]
        p, gy = scales(dtype, len(x), seed + 1), scales(dtype, len(x), seed + 2)
        y = formula.apalu(x, p, p)
        dx, _, _ = formula.apalu_grad(x, p, p, gy)
    exact_p, exact_gy = [Decimal(float(t)) for t in p], [Decimal(float(t)) for t in gy]
    exact_y = [q * e for q, e in zip(exact_p, [*u, *v], strict=True)]
    exact_dx = [g * q * e for g, q, e in zip(exact_gy, exact_p, du, strict=True)]
    rows.append(_row("y", dtype, x, p, gy, y, exact_y))
    rows.append(_row("dx", dtype, x, p, gy, dx, exact_dx))
    return rows
