"""The process that runs a subject; :mod:`apalu_ref.check.child` starts it.

Reads one request from standard input and writes frames to what was standard output: a
line of JSON, followed by the bytes of the arrays it lists. The subject's own output goes
to standard error, so that nothing it prints can be taken for an answer.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.adapters import Adapter, Options, adapter_for, install
from apalu_ref.check.calls import Caller, elementwise, raised
from apalu_ref.check.elementwise import generic, kinks_of, measure
from apalu_ref.check.features import REFUSABLE, withheld
from apalu_ref.check.inputs import Call
from apalu_ref.check.plan import Plan, Request
from apalu_ref.check.probes import APALU, Probe, asked
from apalu_ref.check.program import end_all
from apalu_ref.check.reference import Reference
from apalu_ref.check.subject import SubjectError

Array = NDArray[Any]
Arrays = dict[str, Array]


def main() -> None:
    """Serve one request."""
    read = json.loads(sys.stdin.readline())
    skip = set(read.pop("skip"))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, lambda *_: end_all())
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.environ.setdefault("JAX_ENABLE_X64", "1")  # before the subject imports it
    try:
        worker = Worker(Request(**read))
    except SubjectError as error:
        _send(out, {"event": "refused", "message": str(error), "status": error.exit_status})
        return
    except BaseException as error:  # a subject may raise anything, SystemExit included
        said = raised("importing it", error)
        missing = getattr(error, "name", "") if isinstance(error, ModuleNotFoundError) else ""
        if missing in ("torch", "jax", "autograd"):
            said["message"] += f" ({install(missing)})"
        _send(out, {"event": "refused", "status": 3, **said})
        return
    _send(out, {"event": "loaded", "plan": asdict(worker.plan)})
    for probe in worker.asked():
        if probe.id in skip:
            continue
        _send(out, {"event": "start", "probe": probe.id})
        answer, arrays = worker.run(probe, lambda: _send(out, {"event": "measuring"}))
        answer["forward_only"] = worker.adapter.forward_only
        _send(out, {"event": "answer", "probe": probe.id, **answer}, arrays)
    _send(out, {"event": "done"})


def _send(out: BinaryIO, header: dict[str, Any], arrays: Arrays | None = None) -> None:
    arrays = arrays or {}
    header["arrays"] = [
        {"name": k, "dtype": v.dtype.str, "shape": list(v.shape), "bytes": v.nbytes}
        for k, v in arrays.items()
    ]
    out.write(json.dumps(header).encode() + b"\n")
    for array in arrays.values():
        out.write(array.tobytes())
    out.flush()


# Beyond, a step of differences may reach over whole periods of a function.
_FAR = 4096.0


def _forget_far(measured: Arrays, call: Call) -> None:
    """Claim nothing of slopes far out, where differences of the function are all there is."""
    far = np.abs(np.broadcast_to(call.x, call.shape)) > _FAR
    for name in call.inputs:
        measured[f"{name}.error"] = np.where(far, np.inf, measured[f"{name}.error"])


class Worker:
    """A loaded subject, what it is judged against, and what will be asked of it."""

    def __init__(self, request: Request, adapter: Adapter | None = None) -> None:
        names: tuple[str, ...] | None = APALU
        self._reference = None
        if request.against not in ("apalu", "self"):
            self._reference = Reference(request.against)
            names = self._reference.names
        elif request.against == "self":
            names = None
        if adapter is None:
            options = Options(names, request.map, request.device)
            adapter = adapter_for(request.subject, request.adapter, options, request.timeout)
        self.adapter = adapter
        self.request = request
        try:
            gone = withheld({**adapter.capabilities, **request.declared})
        except ValueError as error:
            raise SubjectError(f"{request.subject}: capabilities: {error}", 2) from None
        features = set(adapter.features)
        if request.profile == "exhaustive":
            features |= adapter.exhaustive
        if request.against != "apalu":
            features -= {"second order", "integers", "subnormals"}
        self._dtype = next(t for t in ("float64", "float32", "float16", "bfloat16")
                           if t in features - gone)  # fmt: skip
        self.plan = Plan(
            adapter=adapter.name,
            names=list(adapter.names),
            features=sorted(features - gone),
            withheld=sorted(gone & features),
            refusable=sorted({*REFUSABLE, *adapter.exhaustive}),
            kinks=self._kinks(),
        )

    def _kinks(self) -> list[float]:
        if self._reference is not None:
            return self._reference.kinks
        if self.request.against == "self" and not hasattr(self.adapter, "answer"):
            own = elementwise(self.adapter, self.adapter.names)
            with contextlib.suppress(Exception):  # the first plain call will say what is wrong
                count = len(self.adapter.names)
                found = kinks_of(lambda x: own(x, *generic(x, count)))
                return sorted({0.0, *found})
        return [0.0]

    def asked(self) -> list[Probe]:
        """The probes, in order."""
        return asked(self.request.profile, self.plan.features, self.request.against)

    def run(
        self, probe: Probe, answered: Callable[[], None] = lambda: None
    ) -> tuple[dict[str, Any], Arrays]:
        """One probe: what it answered, wrote to, or raised, and what to compare it with.

        ``answered`` is called when the subject has answered and is to be measured.
        """
        calls = probe.calls(tuple(self.plan.names), self.plan.kinks)
        caller = Caller(self.adapter)
        notes: dict[str, Any] = {"written": caller.written, "overwritten": caller.overwritten}
        # What it writes to must not move the questions.
        asked = [call.copy() for call in calls]
        try:
            arrays = caller.run(probe, calls)
            caller.where = "forward"
            answered()
            arrays = arrays | self._measured(probe, asked)
        except BaseException as error:  # whatever it raises is an answer to be reported
            said = raised(caller.where, error)
            said["refusal"] |= probe.kind == "second" and isinstance(error, Exception)
            return {**notes, "raised": said}, {}
        return notes, {k: np.asarray(v) for k, v in arrays.items()}

    def _measured(self, probe: Probe, calls: list[Call]) -> Arrays:
        """Differences of its own forward, and the reference's values, where they are needed."""
        found: Arrays = {}
        names = tuple(self.plan.names)
        own = elementwise(self.adapter, names)
        if self.request.against == "self":
            for i, call in enumerate(calls):
                measured = measure(own, call, self._dtype, self.plan.kinks)
                _forget_far(measured, call)
                found |= {f"{i}.want.{k}": t for k, t in measured.items()}
        elif self._reference is not None:
            for i, call in enumerate(calls):
                measured = self._reference.measure(call)
                found |= {f"{i}.want.{k}": t for k, t in measured.items()}
        forward_only = self.adapter.forward_only or not self.adapter.measurable
        if probe.kind == "differences" and not forward_only:
            dtype = probe.id.split("/")[1]
            measured = measure(own, calls[0], dtype, self.plan.kinks, units=False)
            found |= {f"0.own.{k}": t for k, t in measured.items()}
        return found
