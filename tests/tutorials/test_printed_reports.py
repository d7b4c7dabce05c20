"""The reports that pages print count as many probes and values as a check asks for now."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from apalu_ref.check import check

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = ROOT / "tutorials" / "subjects"
PAGES = [ROOT / "README.md", *sorted((ROOT / "tutorials" / "site").rglob("*.rst"))]

# Those of PyTorch and JAX are in tests/extras. A C program is asked what any program is.
PRINTED = {
    "careful.py": {"README.md", "numpy.rst", "reading_the_report.rst"},
    "float32_kernel.py": {"numpy.rst"},
    "swish.py:Wrong": {"your_own_activation.rst"},
    "apalu.c": {"another_language.rst", "c.rst", "javascript.rst", "explorer.rst"},
    "torch_fused.py:FusedOnce": {"pytorch.rst"},
    "torch_module.py:unclamped": {"ci.rst"},
    "jax_custom_vjp.py:plain": {"jax.rst"},
}


def counts():
    """(page, "so many probes, so many values") for every report that is printed."""
    for path in PAGES:
        if "gallery" not in path.parts:
            for count in re.findall(r"\d+ probes, [\d,]+ values", path.read_text(encoding="utf-8")):
                yield path.name, count


def test_all_are_known():
    assert {page for page, _ in counts()} == set().union(*PRINTED.values())
    assert len(set(counts())) == sum(map(len, PRINTED.values()))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.slow if n.startswith("swish") else ())
        for n in PRINTED
        if not n.startswith(("torch", "jax"))
    ],
)
def test_counts(name, tmp_path):
    subject, against = SUBJECTS / name, "apalu"
    if name == "apalu.c":
        if not (compiler := shutil.which("cc")):
            pytest.skip("no C compiler")
        source, subject = subject, tmp_path / "apalu"
        subprocess.run([compiler, "-O2", "-o", subject, source, "-lm"], check=True)
    if name == "swish.py:Wrong":
        against = f"{SUBJECTS / 'swish.py'}:swish"
    report = check(str(subject), against=against)
    found = f"{len(report.probes)} probes, {report.values:,} values"
    assert {page for page, count in counts() if count == found} >= PRINTED[name]
