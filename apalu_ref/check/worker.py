"""The process that runs a subject; :mod:`apalu_ref.check.child` starts it.

Reads one request from standard input and writes frames to what was standard output: a
line of JSON, followed by the bytes of the arrays it lists. The subject's own output goes
to standard error, so that nothing it prints can be taken for an answer.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.inputs import Call
from apalu_ref.check.probes import Probe, probes
from apalu_ref.check.subject import Subject, SubjectError, WrongReturnError, load
from minigrad.differences import derivative

Array = NDArray[Any]
Arrays = dict[str, Array]


def main() -> None:
    """Serve one request."""
    request = json.loads(sys.stdin.readline())
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    chosen = [p for p in probes(request["profile"]) if p.id not in request["skip"]]
    try:
        subject = load(request["subject"])
    except SubjectError as error:
        _send(out, {"event": "refused", "message": str(error), "status": error.exit_status})
        return
    except BaseException as error:  # a subject may raise anything, SystemExit included
        _send(out, {"event": "refused", "status": 3, **_raised("importing it", error)})
        return
    _send(out, {"event": "loaded", "forward_only": subject.forward_only})
    for probe in chosen:
        _send(out, {"event": "start", "probe": probe.id})
        answer, arrays = _run(subject, probe)
        _send(out, {"event": "answer", "probe": probe.id, **answer}, arrays)
    _send(out, {"event": "done"})


def _send(out: BinaryIO, header: dict[str, Any], arrays: Arrays | None = None) -> None:
    arrays = {k: np.ascontiguousarray(v) for k, v in (arrays or {}).items()}
    header["arrays"] = [
        # ascontiguousarray makes 0-d arrays 1-d: the shape comes from the original.
        {"name": k, "dtype": v.dtype.str, "shape": shape, "bytes": v.nbytes}
        for (k, v), shape in zip(arrays.items(), header.pop("shapes", ()), strict=True)
    ]
    out.write(json.dumps(header).encode() + b"\n")
    for array in arrays.values():
        out.write(array.tobytes())
    out.flush()


def _raised(where: str, error: BaseException) -> dict[str, Any]:
    try:
        text = str(error).strip().splitlines()
    except Exception:  # it is not ours: even this may fail
        text = []
    message = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    if isinstance(error, SyntaxError) and error.lineno:
        message = f"{type(error).__name__}: {error.msg} (line {error.lineno})"
    if isinstance(error, SystemExit):
        message = f"it exited (SystemExit: {text[0] if text else error.code})"
    return {
        "message": str(error) if isinstance(error, WrongReturnError) else f"{where}: {message}",
        # A clear refusal, as of an unsupported input: one of these, with a message.
        "refusal": isinstance(error, (TypeError, ValueError, NotImplementedError)) and bool(text),
        "traceback": "".join(traceback.format_exception(error)),
    }


class _Watch:
    """Runs calls of a subject and notes what it writes to."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.written: list[str] = []
        self.where = "forward"

    def forward(self, call: Call) -> tuple[Array, Any]:
        self.where = "forward"
        return self._guard("forward", {"x": call.x, "a": call.a, "b": call.b}, self.subject.forward)

    def backward(self, call: Call, ctx: Any) -> tuple[Array, Array, Array]:
        self.where = "backward"
        given = {"gy": call.gy}
        dx, da, db = self._guard(
            "backward", given, lambda gy: self.subject.backward(ctx, gy), keep=call
        )
        return dx, da, db

    def _guard(
        self, where: str, given: Arrays, function: Callable[..., Any], keep: Call | None = None
    ) -> Any:
        watched = dict(given) if keep is None else {**given, "x": keep.x, "a": keep.a, "b": keep.b}
        before = {name: array.tobytes() for name, array in watched.items()}
        result = function(*given.values())
        for name, array in watched.items():
            if array.tobytes() != before[name]:
                self.written.append(f"{name} in {where}")
        return result


def _run(subject: Subject, probe: Probe) -> tuple[dict[str, Any], Arrays]:
    """One probe: what it answered (arrays named ``call.quantity``), wrote to, or raised."""
    calls, watch = probe.calls(), _Watch(subject)
    notes: dict[str, Any] = {"written": watch.written, "overwritten": []}
    try:
        if probe.kind == "differences":
            arrays = _differences(watch, calls[0])
        elif probe.kind == "interleaved":
            arrays = _interleaved(watch, calls, notes["overwritten"])
        else:
            arrays = {}
            for i, call in enumerate(calls):
                y, ctx = watch.forward(call)
                arrays |= _copies(i, y=y, **_gradients(watch, call, ctx))
    except BaseException as error:  # whatever it raises is an answer to be reported
        return {**notes, "raised": _raised(watch.where, error), "shapes": []}, {}
    return {**notes, "shapes": [list(array.shape) for array in arrays.values()]}, arrays


def _copies(i: int, **arrays: Array) -> Arrays:
    # Copied at once: a later call may overwrite a buffer that was handed out.
    return {f"{i}.{name}": array.copy() for name, array in arrays.items()}


def _gradients(watch: _Watch, call: Call, ctx: Any) -> Arrays:
    if watch.subject.forward_only:
        return {}
    return dict(zip(("dx", "da", "db"), watch.backward(call, ctx), strict=True))


def _interleaved(watch: _Watch, calls: list[Call], overwritten: list[str]) -> Arrays:
    """Both forwards before both backwards; notes results that a later call has changed."""
    handed_out: Arrays = {}
    arrays: Arrays = {}
    contexts = []
    for i, call in enumerate(calls):
        y, ctx = watch.forward(call)
        contexts.append(ctx)
        handed_out[f"{i}.y"] = y
        arrays |= _copies(i, y=y)
    for i, (call, ctx) in enumerate(zip(calls, contexts, strict=True)):
        gradients = _gradients(watch, call, ctx)
        handed_out |= {f"{i}.{name}": gradient for name, gradient in gradients.items()}
        arrays |= _copies(i, **gradients)
    for name, array in handed_out.items():
        if array.tobytes() != arrays[name].tobytes():
            overwritten.append(name.partition(".")[2])
    return arrays


def _differences(watch: _Watch, call: Call) -> Arrays:
    """Backward, and differences of forward by x (kink at 0 spared), a and b."""
    given = Call(*(t.copy() for t in call))  # a subject that writes to x must not move the probe
    y, ctx = watch.forward(given)
    arrays = _copies(0, y=y, **_gradients(watch, given, ctx))

    def along(name: str) -> Callable[[Array], Array]:
        def f(t: Array) -> Array:
            # Fresh arrays each time, so that a subject that writes to them harms only itself.
            inputs = {"x": call.x.copy(), "a": call.a.copy(), "b": call.b.copy(), name: t.copy()}
            # Copied: a subject that hands out one buffer must not look as if it were constant.
            return watch.subject.forward(**inputs)[0].copy()

        return f

    watch.where = "forward"
    for name in ("x", "a", "b"):
        kinks = [0.0] if name == "x" else []
        estimate = derivative(along(name), getattr(call, name), kinks=kinks)
        arrays[f"fd.{name}.value"], arrays[f"fd.{name}.error"] = estimate
    left = derivative(along("x"), call.x, side=-1)
    arrays["fd.left.value"], arrays["fd.left.error"] = left
    return arrays
