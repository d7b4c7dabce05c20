"""Modules are tested as they are imported: minigrad first, so that its parts find each other."""

from importlib.util import find_spec

import minigrad  # noqa: F401

# Modules named after a framework import it: without it their examples cannot be collected.
collect_ignore_glob = [
    f"apalu_ref/*/{name}.py" for name in ("autograd", "jax", "torch") if not find_spec(name)
]
