"""Running the kit without a process of its own: quick, and the subject may be any object."""

import pytest

from apalu_ref.check.probes import probes
from apalu_ref.check.run import _Session
from apalu_ref.check.subject import Subject
from apalu_ref.check.worker import _run


@pytest.fixture(scope="session")
def check_here():
    def check(target, profile="standard", only=""):
        subject = Subject(target, "subject")
        session = _Session("subject", 10)
        asked = {p.id: p for p in probes(profile) if p.id.startswith(only)}
        session.take({"event": "loaded", "forward_only": subject.forward_only}, asked)
        for probe in asked.values():
            answer, arrays = _run(subject, probe)
            session.take({"event": "answer", "probe": probe.id, "values": arrays, **answer}, asked)
        return session.report(profile, 0.0)

    return check
