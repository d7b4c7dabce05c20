"""Compares answers with exact values and files what is off under a level.

``core``
    Wrong: outside 16 eps (|exact| + s) + 16 η m, NaN or inf for a finite value, wrong shape
    or type, inputs written to, calls that affect each other, an exception.
``precision``
    Right, but more ULP off than careful code needs to be, or summed too narrowly.
``policy``
    At x = 0 a slope other than 3a/2, but one between it and b. A backward that leaves it to
    PyTorch to sum its gradients.
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
from apalu_ref.check.precision import Precision, precision
from apalu_ref.check.probes import Probe

Array = NDArray[Any]

CORE_EPS = 16
SUM_EPS = 4

ULP_LIMITS = {
    "float64": {"y": 4, "dx": 32, "da": 4, "db": 4},
    "float32": {"y": 4, "dx": 16, "da": 4, "db": 4},
    "float16": {"y": 4, "dx": 8, "da": 4, "db": 4},
    "bfloat16": {"y": 4, "dx": 8, "da": 4, "db": 4},
}
"""ULP above which a right value draws a warning (precision)."""

_ANY_LIMIT = 32


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

    @property
    def general(self) -> bool:
        """Whether its probe asks for plain values, not for how they are asked."""
        return self.probe.family in (
            "plain", "values", "scalars", "shapes", "upstream", "differences", "exhaustive"
        )  # fmt: skip

    @property
    def elementwise(self) -> bool:
        """Whether it shows, for many x, which are wrong."""
        return self.kind == "value" and self.want is not None and not self.want.summed and (
            self.probe.family in ("values", "exhaustive", "differences")
        )  # fmt: skip


def in_ulp(error: Array, values: Array, kept: Precision) -> Array:
    """Errors in units of the spacing of a type at the values."""
    with np.errstate(over="ignore"):
        return np.asarray(error / spacing(values, kept))


def spacing(values: Array, kept: Precision) -> Array:
    """The size of one ULP of a type at each value."""
    _, exponent = np.frexp(np.abs(values))
    return np.ldexp(1.0, np.maximum(exponent - kept.bits, kept.lowest))


def judged(call: Call) -> Precision:
    """The lowest precision among the floating inputs."""
    if call.storage:
        return precision(call.storage)
    floats = [t.dtype for t in call.inputs.values() if t.dtype.kind == "f"]
    return precision(str(min(floats, key=lambda d: d.itemsize)))


def expected_dtypes(call: Call) -> dict[str, np.dtype[Any]]:
    """The types the results should have: NumPy's promotion, and each input's own."""
    wide = np.dtype(np.float64)
    own = {n: t.dtype if t.dtype.kind == "f" else wide for n, t in call.arrays.items()}
    y = np.result_type(*(own[name] for name in call.inputs))
    first = {f"d{name}": own[name] for name in call.inputs}
    return {"y": y, **first, **{f"d2{name}": own[name] for name in own}}


def whole(call: Call, values: Array, shape: tuple[int, ...]) -> Array:
    """``values`` broadcast to the output, in the shape of a result that was not summed."""
    return np.broadcast_to(values, call.gy.shape).reshape(shape)


def judge(
    probe: Probe,
    call: Call,
    got: dict[str, Array],
    exact: dict[str, Answer],
    flushes: bool = False,
) -> Iterator[Mark]:
    """Compare the results of one call with the exact values.

    ``flushes`` says that the platform takes numbers below the normal ones for zero.
    """
    dtypes = expected_dtypes(call)
    for quantity, array in got.items():
        want = exact[quantity]
        base = Mark("", quantity, probe, "value", "", call, array, want)
        base.dtype = call.storage or str(array.dtype)
        if array.shape != want.value.high.shape:
            message = f"shape {array.shape}, expected {want.value.high.shape}"
            yield replace(base, level="core", kind="shape", message=message)
            continue
        if array.dtype != dtypes[quantity]:
            message = f"dtype {array.dtype}, expected {dtypes[quantity]}"
            yield replace(base, level="core", kind="dtype", message=message)
            if array.dtype.kind != "f":
                continue
        yield from _values(base, array, want, call, flushes)


def _off(got: Array, want: Answer) -> Array:
    """How far the answer is off for certain: NaN infinitely, an unknown value not at all."""
    error = np.abs(want.value.minus(got))
    bar = np.broadcast_to(want.bar, error.shape)
    with np.errstate(invalid="ignore"):
        error = np.maximum(np.where(np.isnan(error), np.inf, error) - bar, 0)
    return np.where(np.isfinite(bar), error, 0.0)


def _values(base: Mark, got: Array, want: Answer, call: Call, flushes: bool) -> Iterator[Mark]:
    finite = np.isfinite(call.x)
    if not finite.all():
        if want.limits is not None:
            yield from _nonfinite(base, got, want.limits, call)
        # A sum over an infinity or NaN is not judged; elements beside one are.
        if want.summed:
            return
    kept = judged(call)
    size = np.abs(want.value.high)
    overflow = size > (np.finfo(got.dtype).max if not call.storage else kept.max)
    error = _off(got, want)
    error = np.where(overflow & np.isinf(got), 0.0, error)
    if flushes:
        error = np.maximum(error - 4 * kept.tiny * want.unit, 0)
    if want.summed:
        # A plain running sum of n terms of one sign strays by some sqrt(n) roundings.
        limit = max(CORE_EPS, float(np.sqrt(want.count)))
        allowed = kept.eps * (want.scale + want.magnitude)
    else:
        limit = CORE_EPS
        allowed = kept.eps * (size + want.scale)
    core = error > limit * (allowed + kept.smallest * want.unit)
    if not want.summed:
        core &= whole(call, finite, core.shape)

    zero, tiny = _kink(base.quantity, got, want, call, kept)
    yield from _mark(base, "core", core & ~zero & ~tiny, error, kept)
    yield from _mark(base, "policy", core & zero, error, kept)
    yield from _mark(base, "subnormal", core & tiny & ~zero, error, kept)
    yield from _precision(base, core, error, want, call, kept)


def _precision(
    base: Mark, core: Array, error: Array, want: Answer, call: Call, kept: Precision
) -> Iterator[Mark]:
    if want.summed:
        narrow = error > SUM_EPS * kept.eps * (want.magnitude + want.scale)
        narrow &= error > 2 * kept.smallest * want.unit + spacing(want.value.high, kept)
        if not (~core & narrow).any():
            return
        for mark in _mark(base, "precision", ~core & narrow, error, kept):
            mark.kind = "accumulation"
            yield mark
        return
    if base.quantity.startswith("d2"):
        return  # near its roots a second derivative has no digits that anyone promises
    limit = ULP_LIMITS[kept.name].get(base.quantity, _ANY_LIMIT)
    ulp = in_ulp(error, want.value.high, kept)
    off = (ulp > limit) & (error > 2 * kept.smallest * want.unit)
    moderate = _counted(call, kept, error.shape)
    yield from _mark(base, "precision", ~core & off & moderate, error, kept)


def _counted(call: Call, kept: Precision, shape: tuple[int, ...]) -> Array:
    """Where ULP are counted: moderate a, b and gy; x normal (below, another level speaks)."""
    x = whole(call, call.x, shape)
    counted = np.isfinite(x) & (np.abs(x) >= kept.tiny)
    for scale in (*call.parameters.values(), call.gy):
        size = np.abs(whole(call, scale, shape))
        counted &= (size >= 2.0**-10) & (size <= 2.0**10)
    return counted


def _kink(
    quantity: str, got: Array, want: Answer, call: Call, kept: Precision
) -> tuple[Array, Array]:
    """Where x is at a kink, or subnormal, and the answer is one that some convention allows."""
    shape = want.value.high.shape
    if want.summed:
        return np.zeros(shape, bool), np.zeros(shape, bool)
    x = np.abs(whole(call, call.x, shape).astype(np.float64))
    normal = precision(call.storage or str(call.x.dtype)).tiny if call.x.dtype.kind == "f" else 1.0
    tiny = (x < normal) & (x > 0)
    if quantity != "dx" or want.ends is None:
        return np.zeros(shape, bool), tiny & (got == 0)
    ends = np.stack([end.reshape(shape) for end in want.ends])
    slack = 16 * kept.eps * np.abs(ends).max(axis=0)
    # Where there is no kink the ends are NaN, and nothing lies between them.
    between = (got >= ends.min(axis=0) - slack) & (got <= ends.max(axis=0) + slack)
    return ~tiny & between, tiny & (between | (got == 0))


def _nonfinite(base: Mark, got: Array, limits: Array, call: Call) -> Iterator[Mark]:
    x, limits = (whole(call, t, got.shape) for t in (call.x, limits))
    special = ~np.isfinite(x)
    with np.errstate(invalid="ignore"):
        right = (np.isnan(got) & np.isnan(limits)) | (got == limits)
        right |= np.abs(got - limits) <= 16 * judged(call).eps * np.abs(limits)
    wrong = special & ~right
    for i in np.argwhere(wrong):
        index = tuple(map(int, i))
        message = f"x = {x[index]}: got {got[index]}, expected {limits[index]}"
        yield replace(base, level="nonfinite", message=message, index=index, wrong=wrong)


_PLAIN = 0.05, 20.0  # sizes of x


def _mark(base: Mark, level: str, wrong: Array, error: Array, kept: Precision) -> Iterator[Mark]:
    if not wrong.any():
        return
    assert base.want is not None
    ulp = in_ulp(error, base.want.value.high, kept)
    shown = wrong
    if level == "core" and base.call is not None and not base.want.summed:
        # A place that a person can work out by hand, if it is wrong at one.
        x = np.abs(whole(base.call, base.call.x, ulp.shape))
        plain = wrong & (x >= _PLAIN[0]) & (x <= _PLAIN[1])
        shown = plain if plain.any() else wrong
    index = tuple(map(int, np.unravel_index(np.argmax(np.where(shown, ulp, -1)), ulp.shape)))
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
        small = exact[quantity].summed and bool((apart <= SUM_EPS * judged(call).eps * scale).all())
        yield Mark(
            "repeatability" if small else "core",
            quantity,
            probe,
            "repeated",
            f"two equal calls differ by up to {apart.max():.3g}",
            call=call,
            got=two.astype(np.float64) - one,
            want=exact[quantity],
            dtype=str(one.dtype),
        )


def judge_edited(
    probe: Probe, call: Call, plain: dict[str, Array], edited: dict[str, Array]
) -> Iterator[Mark]:
    """Compare gradients after the caller has edited y with those after it has not."""
    for quantity, one in plain.items():
        if quantity != "y" and one.tobytes() != edited[quantity].tobytes():
            message = "with y overwritten before backward it is another"
            yield Mark(
                "policy", quantity, probe, "edited", message, call=call, dtype=str(one.dtype)
            )


def errors_in_ulp(
    call: Call, got: dict[str, Array], exact: dict[str, Answer], flushes: bool = False
) -> Iterator[tuple[str, Array, Array, Array]]:
    """Of each elementwise quantity its x, its errors in ULP, and where the limits ask for them."""
    kept = judged(call)
    for quantity, array in got.items():
        want = exact[quantity]
        if want.summed or array.shape != want.value.high.shape or array.dtype.kind != "f":
            continue
        error = _off(array, want)
        counted = _counted(call, kept, array.shape)
        if flushes:
            error = np.maximum(error - 4 * kept.tiny * want.unit, 0)
        counted &= error > 2 * kept.smallest * want.unit
        ulp = np.nan_to_num(in_ulp(error, want.value.high, kept), nan=np.inf, posinf=np.inf)
        yield quantity, whole(call, call.x, array.shape), ulp, counted
