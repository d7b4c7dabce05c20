"""Running the kit without a process of its own: quick, and the subject may be any object."""

import inspect

import pytest

from apalu_ref.check import calls
from apalu_ref.check.adapters.arrays import NumPy
from apalu_ref.check.adapters.base import Options
from apalu_ref.check.plan import Request
from apalu_ref.check.session import Session
from apalu_ref.check.subject import Target
from apalu_ref.check.worker import Worker

# Probes of many elements, which only what goes wrong with many needs.
LONG = {
    *(f"sizes/float64/{n}" for n in ("300007", "tall", "wide", "elementwise-large", "65536")),
    *(f"sizes/{t}/around-powers-of-two" for t in ("float64", "float32")),
    *(f"sizes/{t}/65537" for t in ("float64", "float32")),
    "sizes/float64/per-channel-large", "sizes/float32/300007",
    "sizes/float32/accumulation", "sizes/float32/accumulation-per-feature",
    "state/repeated-large", "state/same-memory-of-x-large", "threads/large",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _exact_once(exact_once):
    pass


@pytest.fixture(scope="session")
def check_here():
    # Threads by their rounds alone, not for a time besides: few of the faults are theirs.
    calls._SECONDS = 0.0

    def check(target, profile="standard", only="", long=True, **options):
        request = Request("subject", profile, **options)
        names = ("a", "b") if request.against == "apalu" else None
        adapter = NumPy(Target("subject", target, None), Options(names))
        worker = Worker(request, adapter)
        session = Session(request)
        session.load(worker.plan)
        session.forward_only = adapter.forward_only
        for probe in worker.asked():
            if probe.id.startswith(only) and (long or probe.id not in LONG):
                answer, arrays = worker.run(probe)
                session.answer(probe, {"values": arrays, **answer})
        alone = session.doubtful()
        if alone and inspect.isclass(target):
            fresh = Worker(request, NumPy(Target("subject", target, None), Options(names)))
            answer, arrays = fresh.run(session.asked[alone])
            session.take_alone({"event": "answer", "probe": alone, "values": arrays, **answer})
        return session.report(0.0)

    return check
