"""Makes the calls of a probe, on the subject's side, and notes what the subject does besides."""

from __future__ import annotations

import itertools
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from apalu_ref.check.adapters.base import Adapter, NoBackwardError
from apalu_ref.check.inputs import Call, cotangents
from apalu_ref.check.probes import Probe
from apalu_ref.check.program import ProgramError
from apalu_ref.check.records import ExchangeError
from apalu_ref.check.subject import WrongReturnError

Array = NDArray[Any]
Arrays = dict[str, Array]

_ROUNDS, _SECONDS = 12, 0.05


def raised(where: str, error: BaseException) -> dict[str, Any]:
    """What an exception of the subject's says, in a line."""
    try:
        text = str(error).strip().splitlines()
    except Exception:  # it is not ours: even this may fail
        text = []
    message = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    if isinstance(error, SyntaxError) and error.lineno:
        message = f"{type(error).__name__}: {error.msg} (line {error.lineno})"
    if isinstance(error, SystemExit):
        message = f"it exited (SystemExit: {text[0] if text else error.code})"
    outside = isinstance(error, (ProgramError, ExchangeError))
    said = outside or isinstance(error, WrongReturnError)
    return {
        "message": str(error) if said else f"{where}: {message}",
        # A clear refusal, as of an unsupported input: one of these, with a message.
        "refusal": isinstance(error, (TypeError, ValueError, NotImplementedError))
        and not said
        and bool(text),
        "stopped": outside,
        "hung": getattr(error, "hung", False) is True,
        "traceback": "".join(traceback.format_exception(error)),
    }


class Caller:
    """Runs the calls of one probe, and notes what the subject writes to."""

    def __init__(self, adapter: Adapter) -> None:
        self.adapter = adapter
        self.written: list[str] = []
        self.overwritten: list[str] = []
        self.where = "forward"
        self._handed_out: Arrays = {}
        self._arrays: Arrays = {}

    def run(self, probe: Probe, calls: list[Call]) -> Arrays:
        """The answers, named ``call.quantity``. Raises what the subject raises."""
        if hasattr(self.adapter, "answer"):
            for i, answer in enumerate(self.adapter.answer(probe.id, calls)):
                self._keep(i, answer)
        elif probe.kind in ("interleaved", "stacked"):
            self._interleaved(calls, last_first=probe.kind == "stacked")
        elif probe.kind == "backward-twice":
            ctx = self._forward(0, calls[0])
            for i, call in enumerate(calls):
                self._backward(i, call, ctx)
        elif probe.kind == "same-memory":
            self._call(0, calls[0])
            for name, array in calls[0].arrays.items():
                array[...] = calls[1].arrays[name]
            self._call(1, calls[0])
        elif probe.kind == "edited-output":
            self._call(0, calls[0])
            ctx = self._forward(1, calls[1])
            y = self._handed_out["1.y"]
            inputs = calls[1].inputs.values()
            if y.flags.writeable and not any(np.shares_memory(y, t) for t in inputs):
                y[...] = np.nan
            self._backward(1, calls[1], ctx)
        elif probe.kind == "threads":
            self._threads(calls)
        elif probe.kind == "second":
            self.where = "second derivatives"
            self._keep(0, self.adapter.second(calls[0], cotangents(calls[0], probe.random())))
        else:
            for i, call in enumerate(calls):
                self._call(i, call)
        return self._arrays

    def _call(self, i: int, call: Call) -> None:
        self._backward(i, call, self._forward(i, call))

    def _forward(self, i: int, call: Call) -> Any:
        self.where = "forward"
        watched = self._watch(call.inputs)
        y, ctx = self.adapter.forward(call)
        self._compare("forward", call.inputs, watched)
        self._keep(i, {"y": y})
        return ctx

    def _backward(self, i: int, call: Call, ctx: Any) -> None:
        if self.adapter.forward_only:
            return
        self.where = "backward"
        watched = self._watch(call.arrays)
        try:
            gradients = self.adapter.backward(ctx, call.gy)
        except NoBackwardError:
            return
        self._compare("backward", call.arrays, watched)
        self._keep(i, gradients)

    def _watch(self, arrays: Arrays) -> dict[str, bytes]:
        return {name: array.tobytes() for name, array in arrays.items()}

    def _compare(self, where: str, arrays: Arrays, before: dict[str, bytes]) -> None:
        for name, array in arrays.items():
            if array.tobytes() != before[name]:
                self.written.append(f"{name} in {where}")

    def _keep(self, i: int, results: Arrays) -> None:
        # Copied at once: a later call may overwrite a buffer that was handed out.
        self._handed_out |= {f"{i}.{name}": t for name, t in results.items()}
        self._arrays |= {f"{i}.{name}": t.copy() for name, t in results.items()}

    def _interleaved(self, calls: list[Call], last_first: bool) -> None:
        """Both forwards before both backwards; notes results that a later call has changed."""
        contexts = [self._forward(i, call) for i, call in enumerate(calls)]
        pairs = list(enumerate(zip(calls, contexts, strict=True)))
        for i, (call, ctx) in reversed(pairs) if last_first else pairs:
            self._backward(i, call, ctx)
        for name, array in self._handed_out.items():
            if array.tobytes() != self._arrays[name].tobytes():
                self.overwritten.append(name.partition(".")[2])

    def _threads(self, calls: list[Call]) -> None:
        """Every call in a thread of its own, again and again; keeps an answer that strays."""
        alone = []
        for call in calls:
            alone.append(Caller(self.adapter))
            alone[-1]._call(0, call)
        start = threading.Barrier(len(calls))

        def work(i: int) -> Arrays:
            expected = {name: t.tobytes() for name, t in alone[i]._arrays.items()}
            start.wait()
            end = time.perf_counter() + _SECONDS
            for turn in itertools.count():
                if turn >= _ROUNDS and time.perf_counter() > end:
                    break
                caller = Caller(self.adapter)
                caller._call(0, calls[i])
                got = caller._arrays
                if {name: t.tobytes() for name, t in got.items()} != expected:
                    break
            return got

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)  # so that threads meet within a call
        try:
            with ThreadPoolExecutor(len(calls)) as pool:
                for i, got in enumerate(pool.map(work, range(len(calls)))):
                    self._keep(i, {name.partition(".")[2]: t for name, t in got.items()})
        finally:
            sys.setswitchinterval(interval)


def elementwise(adapter: Adapter, names: tuple[str, ...]) -> Callable[..., Array]:
    """The subject's own forward, as a function of plain arrays of one length."""

    def f(x: Array, *parameters: Array) -> Array:
        call = Call(x, dict(zip(names, parameters, strict=True)), np.zeros_like(x))
        # Copied: a subject that hands out one buffer must not look as if it were constant.
        y = adapter.forward(call)[0].copy()
        if y.shape != x.shape:
            raise WrongReturnError(f"forward returned shape {y.shape} for inputs of {x.shape}")
        return y

    return f
