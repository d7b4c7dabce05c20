"""Modules are tested as they are imported: minigrad first, so that its parts find each other."""

import gc
import os
import sys
import tempfile
from importlib.util import find_spec

# Arrays are small in tests: more threads for linear algebra would only stand in the way, above all
# with a worker for each processor. NumPy reads it when it is first imported, which is below.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import minigrad  # noqa: F401

# Modules named after a framework import it: without it their examples cannot be collected.
collect_ignore_glob = [
    f"apalu_ref/*/{name}.py" for name in ("autograd", "jax", "torch") if not find_spec(name)
]
if not find_spec("selenium"):
    collect_ignore_glob.append("tests/extras/explorer_page.py")


def pytest_configure(config):
    """Where compiled modules are not kept, each Python that a test starts would compile all."""
    if sys.dont_write_bytecode and not sys.pycache_prefix:
        kept = tempfile.TemporaryDirectory()
        config.add_cleanup(kept.cleanup)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = kept.name


def pytest_collection_finish():
    """What the tests are made of stays: it is not looked through for garbage again and again.

    Nor is the rest so often; tests of what is left behind collect it themselves.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
