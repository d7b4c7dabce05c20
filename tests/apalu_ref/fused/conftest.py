"""Blocks so small that arrays of a few elements take every way through the code."""

import threading

import pytest

from apalu_ref.fused import blocks, layout, whole, worker


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Blocks of 32 or 64 elements, rows short below 8, cells of 16 parameters, 5 pieces."""
    monkeypatch.setattr(layout, "BLOCK_BYTES", 256)
    monkeypatch.setattr(layout, "_CELL", 16)
    monkeypatch.setattr(layout, "_PIECES", 5)
    monkeypatch.setattr(layout, "_SUMS_BYTES", 400)
    monkeypatch.setattr(worker, "_SHORT", 8)
    monkeypatch.setattr(worker, "_own", threading.local())
    monkeypatch.setattr(blocks, "_ALONE", 0)
    monkeypatch.setattr(whole, "BLOCK_BYTES", 0)
    layout.plan.cache_clear()
    yield
    layout.plan.cache_clear()
