"""Modules are tested as they are imported: minigrad first, so that its parts find each other."""

import minigrad  # noqa: F401
