"""Every planted fault is found, in the right place, and its cause is named."""

import pytest

from .mutants import MUTANTS, Right


def test_the_right_one_conforms_even_strictly(check_here):
    report = check_here(Right(), "strict")
    assert report.verdict == "conforms", report.to_text()
    assert report.findings == []
    assert {c["differences"] for q, c in report.comparisons.items() if q != "y"} == {"agrees"}


@pytest.mark.parametrize("name", MUTANTS)
def test_fault_is_found_and_named(name, check_here):
    subject, quantities, cause, level = MUTANTS[name]
    long = name in ("16-bit index", "block edge", "float16 sum", "float32 running sum", "window")
    report = check_here(subject, "standard" if level == "core" else "strict", long=long)
    found = [f for f in report.findings if f.level == level]
    assert report.exit_status == 1, report.to_text()
    if quantities:
        told = {q for f, named, _ in report.by_cause() if f.level == level for q in named}
        assert told == set(quantities.split()), report.to_text()
    if cause:
        others = [f for f in found if not any(c in f.cause for c in cause.split("|"))]
        assert others == [], report.to_text()
