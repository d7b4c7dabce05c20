"""Every entry of the catalogue, planted, is killed and named by its own cause."""

import re

import pytest

from apalu_ref.check.catalogue import REDUCTIONS, implementations
from apalu_ref.check.catalogue.habits import THREADS

ENTRIES = {wrong.name: wrong for wrong in implementations()}

FORMULAS = [name for name in ENTRIES if re.match(r"(y|dx|da|db)[+-] ", name)]

# What an entry changes shows in these; asking them alone is quick.
_VALUES = ("plain/float64", "values/float64", "differences/float64", "state/first")
_SHAPES = ("plain", "values/float64", "scalars/float64", "shapes", "differences/float64")


def _asked(name):
    if name in FORMULAS:
        return _VALUES
    return _SHAPES if name in {wrong.name for wrong in REDUCTIONS} else ""


def test_there_are_many_over_all_classes():
    assert len(ENTRIES) >= 80
    assert len({wrong.cause for wrong in ENTRIES.values()}) >= 80
    assert 150 < len(FORMULAS) < len(ENTRIES) - 40


# Threads meet by chance: that one is tried below, and may take several tries.
@pytest.mark.parametrize("name", [n for n in ENTRIES if n != THREADS.name])
def test_entry_is_killed_and_named(name, check_here):
    wrong = ENTRIES[name]
    long = any(word in name for word in ("counts", "index", "chunk", "sums", "remainder"))
    report = check_here(type(wrong.make()), only=_asked(name), long=long)
    assert report.exit_status == 1, report.to_text()
    found = {f.cause for f in report.findings if f.level == "core"}
    assert found == {wrong.cause}, report.to_text()


def test_threads_that_share_a_scratch_buffer_are_named(check_here):
    for _ in range(20):
        report = check_here(type(THREADS.make()), only=("plain", "threads"))
        if report.findings:
            break
    assert {f.cause for f in report.findings} == {THREADS.cause}, report.to_text()
