"""Builds the vectors from the oracle."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np

from apalu_ref import oracle
from apalu_ref.check.judge import ULP_LIMITS
from apalu_ref.vectors import cases, exact
from apalu_ref.vectors.cases import Arrays, Case
from apalu_ref.vectors.document import FORMAT, INPUTS, RESULTS, VERSION
from apalu_ref.vectors.exact import Limits, Term
from apalu_ref.vectors.flags import ACCEPTABLE, NOTES, Element, flags_of

GENERATOR_VERSION = "1"
"""Raised when tests are added, removed or changed."""

HEADER = [
    "f(x; a, b) = a u(x) for x >= 0 and b v(x) for x < 0; u(x) = x (1 + sigma(kappa x)), "
    "v(x) = e^x - 1, sigma(z) = 1 / (1 + e^-z), kappa = 1.702 (the decimal number).",
    "dx, da, db are the gradients of the sum of gy * y.",
    "Numbers are bit patterns, written as hexadecimal integers, most significant digit first. "
    "Inputs are the exact numbers they say; y, dx, da and db are the exact results, rounded once "
    "to the nearest number of the dtype (ties to even).",
    "core: an answer that is further than this from the value given is wrong. Where the value is "
    "infinite the answer must be. precision: careful code stays within this; more is worth a "
    "warning. Absent where it is not asked. The sign of a zero is not judged.",
    "core is 16 eps (|exact| + s) + 16 eta m, with eps the spacing at 1, eta the smallest "
    "subnormal number, s = |a| for x >= 0 and |b| for x < 0 for y, the same times |gy| for dx, "
    "|gy| for da and db; m = max(1, |a| or |b|), max(1, |gy|), or their product. For sums, the sum "
    "of that over the terms. precision is ulpLimits in units of the last place, or 2 eta m if that "
    "is more; for sums 4 eps sum(|term| + s), or an ULP and 2 eta sum(m) if that is more.",
    "result: valid, or acceptable, where another answer may be accepted: the flags say which.",
    "decimal: 40 significant digits, rounded to nearest; 0 is exactly 0 or below 1e-1000000; with "
    "arrays only those that are sums.",
    "Arrays are listed in C order: the last index varies fastest.",
]


def regenerate() -> dict[str, Any]:
    """Make the document of the vectors, from the oracle.

    Returns
    -------
    dict
        What :func:`~apalu_ref.vectors.load` reads from the file.

    Examples
    --------
    >>> regenerate()["testGroups"][0]["tests"][0]["comment"]
    'plus zero'
    """
    groups = []
    for dtype in oracle.FORMATS:
        limits = Limits(dtype)
        for kind, tests in (
            ("elementwise", [_single(case) for case in cases.elementwise(limits)]),
            ("nonfinite", [_not_finite(*case) for case in cases.not_finite(limits)]),
            ("broadcast", [_arrays(case, limits) for case in cases.broadcast(limits)]),
        ):
            groups.append({**_group(kind, limits), "tests": tests})
    count = 0
    for group in groups:
        group["tests"] = [
            {"tcId": number, **test} for number, test in enumerate(group["tests"], count + 1)
        ]
        count += len(group["tests"])
    return {
        "format": FORMAT,
        "formatVersion": VERSION,
        "generatorVersion": GENERATOR_VERSION,
        "algorithm": "APALU",
        "numberOfTests": count,
        "header": HEADER,
        "notes": NOTES,
        "testGroups": groups,
    }


def _group(kind: str, limits: Limits) -> dict[str, Any]:
    return {
        "type": kind,
        "dtype": limits.name,
        "bits": 4 * limits.width,
        "eps": limits.eps,
        "eta": limits.eta,
        "ulpLimits": ULP_LIMITS[limits.name],
    }


def _single(case: Case) -> dict[str, Any]:
    e, f = case.element, case.element.limits
    terms = exact.terms(e.x, e.a, e.b, e.gy)
    values = {name: exact.settle([term], f.name) for name, term in terms.items()}
    flags = flags_of(e)
    other = _other_slope(e) if {"Kink", "Subnormal"} & set(flags) else None
    settled = exact.settle([other], f.name) if other else None
    core = {name: exact.core(values[name], [terms[name]], f.name) for name in RESULTS}
    test: dict[str, Any] = {"comment": case.comment, "flags": flags}
    test |= {name: f.encode(getattr(e, name)) for name in INPUTS}
    test |= {name: f.hex(value.bits) for name, value in values.items()}
    if other and settled:
        test["dxOther"] = f.hex(settled.bits)
        # Between the two slopes, each with the rounding errors of the larger one.
        widened = settled.magnitude + Decimal(float(other.scale))
        core["dx"] = exact.core(values["dx"], [terms["dx"]], f.name, widened)
    test["core"] = core
    if exact.precision_asked(e.x, e.a, e.b, e.gy, f.name):
        test["precision"] = {
            name: exact.precision(values[name], [terms[name]], name, f.name) for name in RESULTS
        }
    test["decimal"] = {name: value.decimal for name, value in values.items()}
    test["result"] = _result(flags)
    return test


def _other_slope(e: Element) -> Term:
    """The limit of dx from the other side of 0."""
    across = exact.terms(0.0 if e.x < 0 else -1.0, e.a, e.b, e.gy)["dx"]
    return across._replace(x=0.0)


def _result(flags: list[str]) -> str:
    return "acceptable" if ACCEPTABLE & set(flags) else "valid"


def _not_finite(case: Case, x: int) -> dict[str, Any]:
    e, f = case.element, case.element.limits
    y, dx = math.nan, math.nan
    if e.x == math.inf:
        y, dx = e.a * math.inf, 2 * e.a * e.gy
    elif e.x == -math.inf:
        y, dx = -e.b, 0.0
    flags = flags_of(e)
    quiet = f.hex(f.format.infinity | 1 << (f.format.precision - 2))
    test: dict[str, Any] = {"comment": case.comment, "flags": flags, "x": f.hex(x)}
    test |= {name: f.encode(getattr(e, name)) for name in INPUTS[1:]}
    for name, value in (("y", y), ("dx", dx)):
        test[name] = quiet if math.isnan(value) else f.encode(value)
    test["core"] = {
        "y": exact.core_at_infinity(y, f.name),
        "dx": exact.core_at_infinity(dx, f.name),
    }
    return {**test, "result": _result(flags)}


def _arrays(case: Arrays, limits: Limits) -> dict[str, Any]:
    shapes = case.shapes
    place = {name: _places(shapes[name], shapes["y"]) for name in INPUTS}
    x, a, b, gy = ([case.values[name][at] for at in place[name]] for name in INPUTS)
    elements = [Element(*four, limits) for four in zip(x, a, b, gy, strict=True)]
    terms = [exact.terms(*e[:4]) for e in elements]
    results = dict[str, list[str]]()
    core, precision, decimals = dict[str, Any](), dict[str, Any](), dict[str, Any]()
    flags = set[str]().union(*map(flags_of, elements))
    if not elements:
        flags.add("Empty")
    for name, source in zip(RESULTS, ("gy", "x", "a", "b"), strict=True):
        sums: list[list[Term]] = [[] for _ in case.values[source]]
        for at, term in zip(place[source], terms, strict=True):
            sums[at].append(term[name])
        values = [exact.settle(s, limits.name) for s in sums]
        results[name] = [limits.hex(v.bits) for v in values]
        both = list(zip(values, sums, strict=True))
        core[name] = [exact.core(v, s, limits.name) for v, s in both]
        precision[name] = [exact.precision(v, s, name, limits.name) for v, s in both]
        if any(len(s) != 1 for s in sums):
            decimals[name] = [v.decimal for v in values]
            flags.add("SumOverBroadcast")
            if any(16 * v.size < v.magnitude for v in values):
                flags.add("SumCancels")
    return {
        "comment": case.comment,
        "flags": [flag for flag in NOTES if flag in flags],
        "shapes": {name: list(shape) for name, shape in shapes.items()},
        **{name: [limits.encode(v) for v in case.values[name]] for name in INPUTS},
        **results,
        "core": core,
        "precision": precision,
        "decimal": decimals,
        "result": "valid",
    }


def _places(shape: tuple[int, ...], to: tuple[int, ...]) -> list[int]:
    """Which element of an array of ``shape`` each element of y is made from."""
    own = np.arange(math.prod(shape)).reshape(shape)
    places: list[int] = np.broadcast_to(own, to).ravel().tolist()
    return places
