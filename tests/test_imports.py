"""Imports go one way, and the light parts stay light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
STANDARD = sys.stdlib_module_names

# Which of our own modules a file may import, by the start of its dotted name.
ALLOWED = {
    "minigrad": ["minigrad"],
    "apalu_ref.arguments": [],
    "apalu_ref.formula": ["apalu_ref.arguments"],
    "apalu_ref.fused": ["apalu_ref.arguments", "apalu_ref.formula", "apalu_ref.fused"],
    "apalu_ref.oracle": [],
    "apalu_ref.ports": [],
    "apalu_ref.studies": ["apalu_ref", "minigrad"],
    "apalu_ref.exercises": ["apalu_ref", "minigrad"],
    "apalu_ref.cli": ["apalu_ref", "minigrad"],
    "apalu_ref": ["apalu_ref", "minigrad"],
}
# The one framework that a file may import, and is named after.
FRAMEWORKS = ("autograd", "jax", "torch")
BESIDE_A_FRAMEWORK = ("apalu_ref.ports", "apalu_ref.check.adapters")
# Packages that may be used only by what stands above them.
UPPER = {
    "apalu_ref.cli": ["apalu_ref.cli", "apalu_ref.__main__"],
    "apalu_ref.ports": ["apalu_ref.ports"],
}

FILES = sorted(
    path for package in ("minigrad", "apalu_ref") for path in (ROOT / package).rglob("*.py")
)


def module(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "absolute imports only"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def starts(name, prefix):
    return name == prefix or name.startswith(prefix + ".")


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_go_one_way(path):
    name = module(path)
    allowed = next(v for k, v in ALLOWED.items() if starts(name, k))
    for other in imported(path):
        top = other.split(".")[0]
        if top in ("minigrad", "apalu_ref"):
            assert any(starts(other, a) for a in allowed), f"{name} imports {other}"
            for upper, users in UPPER.items():
                assert not starts(other, upper) or any(starts(name, u) for u in users)
        else:
            package, _, own = name.rpartition(".")
            its_own = top == own and top in FRAMEWORKS and package in BESIDE_A_FRAMEWORK
            testing = name == "apalu_ref.check.conformance" and top == "pytest"
            cluster = name == "apalu_ref.studies.pool" and top == "distributed"
            optional = its_own or testing or cluster
            known = top in STANDARD or top in ("numpy", "matplotlib") or optional
            assert known, f"{name} imports {other}"


def test_importing_the_package_imports_numpy_and_the_standard_library_only():
    code = (
        "import sys, numpy; before = set(sys.modules); import apalu_ref\n"
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    others = {m for m in done.stdout.split() if m not in STANDARD and m != "numpy"}
    assert others == {"apalu_ref"}


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_port_without_its_framework_says_what_to_install(name):
    code = f"import sys; sys.modules['{name}'] = None; import apalu_ref.ports.{name}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert last.endswith(f'pip install "apalu-ref[{name}]"')


@pytest.mark.parametrize("path", FILES, ids=module)
def test_files_fit_in_a_head(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400
