"""Nothing is timed for long, and no framework is there."""

import pytest

from apalu_ref.bench import machine, timing


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(timing, "_WARM_UP", 0.0)
    monkeypatch.setattr(timing, "_SPAN", 0.0)
    monkeypatch.setattr(machine, "_BYTES", 1 << 16)
    monkeypatch.setattr(machine, "_PIECE", 1 << 14)
    monkeypatch.setattr("apalu_ref.bench.peers.installed", lambda name: False)
