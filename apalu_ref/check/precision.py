"""What a floating type can hold, for NumPy's types and for bfloat16, which NumPy lacks."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from apalu_ref.oracle import FORMATS


class Precision(NamedTuple):
    """A floating type.

    ``eps`` is the spacing at 1, ``tiny`` the smallest normal number, ``smallest`` the
    smallest subnormal one, 2**``lowest``, and ``bits`` the significant bits.
    """

    name: str
    bits: int
    lowest: int
    eps: float
    tiny: float
    smallest: float
    max: float


@lru_cache
def precision(name: str) -> Precision:
    """The properties of ``"float64"``, ``"float32"``, ``"float16"`` or ``"bfloat16"``.

    Examples
    --------
    >>> precision("bfloat16").eps, precision("float16").max
    (0.0078125, 65504.0)
    """
    kept = FORMATS[name]
    bits, lowest = kept.precision, kept.smallest
    eps = 2.0 ** (1 - bits)
    top = (2.0 - eps) * 2.0 ** (2 ** (kept.exponent_bits - 1) - 1)
    return Precision(
        name, bits, lowest, eps, 2.0 ** (lowest + bits - 1), float(np.ldexp(1.0, lowest)), top
    )
