"""Whether backward is the derivative of the subject's own forward."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.elementwise import kinked
from apalu_ref.check.inputs import Call

Array = NDArray[Any]

# Relative to the slope's size: what backward itself may be off by in the type, and how wide
# an error bar may be before it tells nothing.
_SLACK = {"float64": 1e-6, "float32": 1e-3}
_TELLING = {"float64": 3e-4, "float32": 3e-3}


def compared(call: Call, got: dict[str, Array], own: dict[str, Array]) -> dict[str, str]:
    """``"agrees"``, ``"disagrees"`` or ``"inconclusive"`` for each gradient.

    Parameters
    ----------
    call : Call
        Elementwise: every input has the shape of y.
    got : dict
        The subject's answers.
    own : dict
        Its forward, measured; see :func:`apalu_ref.check.elementwise.measure`.
    """
    said = {}
    dtype = str(call.x.dtype)
    slack, telling = _SLACK[dtype], _TELLING[dtype]
    for name in call.inputs:
        quantity = f"d{name}"
        if quantity not in got or got[quantity].shape != call.gy.shape:
            said[quantity] = "disagrees"
            continue
        gy = call.gy.astype(np.float64)
        want, bar = gy * own[f"{name}.value"], np.abs(gy) * own[f"{name}.error"]
        # A slope may be far smaller than the function's changes nearby: digits are lost there.
        scale = np.abs(want) + np.abs(gy) * 1e-3
        off = np.abs(got[quantity] - want)
        wrong = ~(off <= bar + slack * scale)
        if name == "x":
            # At the kink any slope between the one-sided ones is a derivative of sorts.
            left, right = gy * own["x-.value"], gy * own["x+.value"]
            room = np.abs(gy) * (own["x-.error"] + own["x+.error"]) + slack * scale
            inside = (got[quantity] >= np.minimum(left, right) - room) & (
                got[quantity] <= np.maximum(left, right) + room
            )
            wrong &= ~(((call.x == 0) | kinked(own)) & inside)
        if (wrong & np.isfinite(bar)).any():
            said[quantity] = "disagrees"
        else:
            told = np.isfinite(bar) & (bar <= telling * scale)
            said[quantity] = "agrees" if told.mean() > 0.5 else "inconclusive"
    return said


def combined(found: Iterable[dict[str, str]]) -> dict[str, str]:
    """One word for each gradient: the worst that was said, if anything was."""
    order = ("disagrees", "agrees", "inconclusive")
    together: dict[str, str] = {}
    for said in found:
        for quantity, word in said.items():
            together[quantity] = min(together.get(quantity, word), word, key=order.index)
    return together
