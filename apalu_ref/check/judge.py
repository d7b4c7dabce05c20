"""Compares answers with exact values and files what is off under a level.

``core``
    Wrong: outside 16 eps (|exact| + s) + 16 η m, NaN or inf for a finite value, wrong shape
    or type, inputs written to, calls that affect each other, an exception.
``precision``
    Right, but more ULP off than careful code needs to be, or summed too narrowly.
``policy``
    At x = 0 a slope other than 3a/2, but one between it and b.
``subnormal``
    The same, or flushed to zero, where x is below the smallest normal number.
``nonfinite``
    NaN or infinity in x not carried through.
``repeatability``
    Equal calls whose sums differ in the last bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.exact import Answer
from apalu_ref.check.inputs import Call
from apalu_ref.check.probes import Probe

Array = NDArray[Any]

CORE_EPS = 16
SUM_EPS = 4

ULP_LIMITS = {
    "float64": {"y": 4, "dx": 32, "da": 4, "db": 4},
    "float32": {"y": 4, "dx": 16, "da": 4, "db": 4},
    "float16": {"y": 4, "dx": 8, "da": 4, "db": 4},
}
"""ULP above which a right value draws a warning (precision)."""

GRADIENTS = {"dx": "x", "da": "a", "db": "b"}


@dataclass
class Mark:
    """Something off in one answer: the raw material of a finding."""

    level: str
    quantity: str
    probe: Probe
    kind: str  # "value", "shape", "dtype", "written", "overwritten", "raised", ...
    message: str
    call: Call | None = None
    got: Array | None = None
    want: Answer | None = None
    wrong: Array | None = None  # where, as a mask of the shape of ``got``
    index: tuple[int, ...] = ()
    error_ulp: float | None = None
    dtype: str = ""


def in_ulp(error: Array, values: Array, dtype: np.dtype[Any]) -> Array:
    """Errors in units of the spacing of ``dtype`` at the values."""
    with np.errstate(over="ignore"):
        return np.asarray(error / spacing(values, dtype))


def spacing(values: Array, dtype: np.dtype[Any]) -> Array:
    """The size of one ULP of ``dtype`` at each value."""
    info = np.finfo(dtype)
    _, exponent = np.frexp(np.abs(values))
    lowest = int(info.minexp) - int(info.nmant)
    return np.ldexp(1.0, np.maximum(exponent - 1 - int(info.nmant), lowest))


def judged_dtype(call: Call) -> np.dtype[Any]:
    """The lowest precision among the floating inputs."""
    floats = [t.dtype for t in (call.x, call.a, call.b) if t.dtype.kind == "f"]
    return min(floats, key=lambda d: d.itemsize)


def expected_dtypes(call: Call) -> dict[str, np.dtype[Any]]:
    """The types the results should have: NumPy's promotion, and each input's own."""
    wide = np.dtype(np.float64)
    own = {n: t.dtype if t.dtype.kind == "f" else wide for n, t in call._asdict().items()}
    y = np.result_type(own["x"], own["a"], own["b"])
    return {"y": y, **{d: own[i] for d, i in GRADIENTS.items()}}


def whole(call: Call, values: Array, shape: tuple[int, ...]) -> Array:
    """``values`` broadcast to the output, in the shape of a result that was not summed."""
    return np.broadcast_to(values, call.gy.shape).reshape(shape)


def judge(
    probe: Probe, call: Call, got: dict[str, Array], exact: dict[str, Answer]
) -> Iterator[Mark]:
    """Compare the results of one call with the exact values."""
    dtypes = expected_dtypes(call)
    for quantity, array in got.items():
        want = exact[quantity]
        base = Mark("", quantity, probe, "value", "", call, array, want)
        base.dtype = str(array.dtype)
        if array.shape != want.value.high.shape:
            message = f"shape {array.shape}, expected {want.value.high.shape}"
            yield replace(base, level="core", kind="shape", message=message)
            continue
        if array.dtype != dtypes[quantity]:
            message = f"dtype {array.dtype}, expected {dtypes[quantity]}"
            yield replace(base, level="core", kind="dtype", message=message)
            if array.dtype.kind != "f":
                continue
        yield from _values(base, array, want, call)


def _values(base: Mark, got: Array, want: Answer, call: Call) -> Iterator[Mark]:
    finite = np.isfinite(call.x)
    if not finite.all():
        yield from _nonfinite(base, got, call)
        # A sum over an infinity or NaN is not judged; elements beside one are.
        if want.summed:
            return
    dtype = judged_dtype(call)
    info = np.finfo(dtype)
    eta = float(info.smallest_subnormal)
    size = np.abs(want.value.high)
    with np.errstate(over="ignore"):
        overflow = size > float(np.finfo(got.dtype).max)
    error = np.array(np.abs(want.value.minus(got)))
    error[np.isnan(error)] = np.inf
    error[overflow & np.isinf(got)] = 0
    if want.summed:
        allowed = float(info.eps) * (want.scale + want.magnitude)
    else:
        allowed = float(info.eps) * (size + want.scale)
    core = error > CORE_EPS * (allowed + eta * want.unit)
    if not want.summed:
        core &= whole(call, finite, core.shape)

    zero, tiny = _kink(base.quantity, got, want, call)
    yield from _mark(base, "core", core & ~zero & ~tiny, error, dtype)
    yield from _mark(base, "policy", core & zero, error, dtype)
    yield from _mark(base, "subnormal", core & tiny & ~zero, error, dtype)
    yield from _precision(base, core, error, want, call, dtype)


def _precision(
    base: Mark, core: Array, error: Array, want: Answer, call: Call, dtype: np.dtype[Any]
) -> Iterator[Mark]:
    eta = float(np.finfo(dtype).smallest_subnormal)
    if want.summed:
        eps = float(np.finfo(dtype).eps)
        narrow = error > SUM_EPS * eps * (want.magnitude + want.scale)
        narrow &= error > 2 * eta * want.unit + spacing(want.value.high, dtype)
        if not (~core & narrow).any():
            return
        for mark in _mark(base, "precision", ~core & narrow, error, dtype):
            mark.kind = "accumulation"
            yield mark
        return
    moderate = _counted(call, dtype, error.shape)
    ulp = in_ulp(error, want.value.high, dtype)
    off = (ulp > ULP_LIMITS[str(dtype)][base.quantity]) & (error > 2 * eta * want.unit)
    yield from _mark(base, "precision", ~core & off & moderate, error, dtype)


def _counted(call: Call, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """Where ULP are counted: moderate a, b and gy; x normal (below, another level speaks)."""
    x = whole(call, call.x, shape)
    counted = np.isfinite(x) & (np.abs(x) >= float(np.finfo(dtype).tiny))
    for scale in (call.a, call.b, call.gy):
        size = np.abs(whole(call, scale, shape))
        counted &= (size >= 2.0**-10) & (size <= 2.0**10)
    return counted


def _kink(quantity: str, got: Array, want: Answer, call: Call) -> tuple[Array, Array]:
    """Where x is 0, or subnormal, and the answer is one that some convention allows there."""
    shape = want.value.high.shape
    if want.summed:
        return np.zeros(shape, bool), np.zeros(shape, bool)
    x = whole(call, call.x, shape).astype(np.float64)
    zero = x == 0
    normal = float(np.finfo(call.x.dtype).tiny) if call.x.dtype.kind == "f" else 1.0
    tiny = (np.abs(x) < normal) & ~zero
    if quantity != "dx":
        return np.zeros(shape, bool), tiny & (got == 0)
    a, b, gy = (whole(call, t, shape).astype(np.float64) for t in (call.a, call.b, call.gy))
    ends = np.stack([1.5 * a * gy, b * gy])
    slack = 16 * float(np.finfo(judged_dtype(call)).eps) * np.abs(ends).max(axis=0)
    between = (got >= ends.min(axis=0) - slack) & (got <= ends.max(axis=0) + slack)
    return zero & between, tiny & (between | (got == 0))


def _nonfinite(base: Mark, got: Array, call: Call) -> Iterator[Mark]:
    if base.quantity not in ("y", "dx"):
        return
    a, b, gy = (np.broadcast_to(t, call.x.shape) for t in (call.a, call.b, call.gy))
    limits = {"y": (a * np.inf, -b), "dx": (2 * a * gy, 0 * b)}[base.quantity]
    want = np.select([call.x == np.inf, call.x == -np.inf], limits, np.nan)
    special = ~np.isfinite(call.x)
    with np.errstate(invalid="ignore"):
        right = (np.isnan(got) & np.isnan(want)) | (got == want)
        right |= np.abs(got - want) <= 16 * np.finfo(got.dtype).eps * np.abs(want)
    for i in np.argwhere(special & ~right):
        index = tuple(map(int, i))
        message = f"x = {call.x[index]}: got {got[index]}, expected {want[index]}"
        wrong = special & ~right
        yield replace(base, level="nonfinite", message=message, index=index, wrong=wrong)


def _mark(
    base: Mark, level: str, wrong: Array, error: Array, dtype: np.dtype[Any]
) -> Iterator[Mark]:
    if not wrong.any():
        return
    assert base.want is not None
    ulp = in_ulp(error, base.want.value.high, dtype)
    index = tuple(map(int, np.unravel_index(np.argmax(np.where(wrong, ulp, -1)), ulp.shape)))
    yield replace(base, level=level, index=index, error_ulp=float(ulp[index]), wrong=wrong)


def judge_repeated(
    probe: Probe,
    call: Call,
    first: dict[str, Array],
    second: dict[str, Array],
    exact: dict[str, Answer],
) -> Iterator[Mark]:
    """Compare two equal calls: y and dx bit by bit, sums within their tolerance."""
    for quantity, one in first.items():
        two = second[quantity]
        if one.shape != two.shape or one.dtype != two.dtype or one.tobytes() == two.tobytes():
            continue  # different shapes are each reported where they are wrong
        scale = exact[quantity].magnitude
        apart = np.abs(one.astype(np.float64) - two.astype(np.float64))
        eps = float(np.finfo(one.dtype).eps)
        small = quantity in ("da", "db") and bool((apart <= SUM_EPS * eps * scale).all())
        yield Mark(
            "repeatability" if small else "core",
            quantity,
            probe,
            "repeated",
            f"two equal calls differ by up to {apart.max():.3g}",
            call=call,
            dtype=str(one.dtype),
        )


def ulp_seen(
    call: Call, got: dict[str, Array], exact: dict[str, Answer]
) -> Iterator[tuple[str, str, float]]:
    """The worst error in ULP of each quantity, where the limits ask for it."""
    dtype = judged_dtype(call)
    for quantity, array in got.items():
        want = exact[quantity]
        if want.summed or array.shape != want.value.high.shape or array.dtype.kind != "f":
            continue
        error = np.abs(want.value.minus(array))
        counted = _counted(call, dtype, array.shape)
        counted &= error > 2 * float(np.finfo(dtype).smallest_subnormal) * want.unit
        ulp = in_ulp(error, want.value.high, dtype)[counted]
        yield quantity, str(dtype), float(np.nan_to_num(ulp, nan=np.inf).max(initial=0.0))
