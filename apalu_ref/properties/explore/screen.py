"""How the window comes to the screen."""

from __future__ import annotations

from typing import Any

import matplotlib
from matplotlib.backends.registry import BackendFilter, backend_registry

from apalu_ref.properties.activation import Activation
from apalu_ref.properties.explore.window import STEPS, Explorer


class NoDisplay(Exception):
    """There is no screen to open a window on; the message says what to do."""


def show(activation: Activation, lock: bool = False) -> None:
    """Open the window and return when it is closed.

    Raises
    ------
    NoDisplay
        If matplotlib cannot open one here.
    """
    try:
        from matplotlib import pyplot

        figure = pyplot.figure()
    except (ImportError, RuntimeError) as error:  # MPLBACKEND names one that is not for here
        raise NoDisplay(str(error)) from error
    registry: Any = backend_registry
    try:
        explorer = Explorer(activation, lock, figure)
        backend = matplotlib.get_backend()
        if backend.lower() in registry.list_builtin(BackendFilter.NON_INTERACTIVE):
            raise NoDisplay(f"matplotlib has only the backend {backend}, which opens no window")
        with matplotlib.rc_context(_without_our_keys()):
            try:
                pyplot.show()
            finally:  # within the context: a box puts back the settings it found
                explorer.close()
    finally:
        pyplot.close(figure)


def _without_our_keys() -> Any:
    """Settings in which our keys are not matplotlib's too: its l makes an axis logarithmic."""
    ours = {*STEPS, "l", "r"}
    return {
        key: [k for k in value if k not in ours]
        for key, value in matplotlib.rcParams.items()
        if key.startswith("keymap.")
    }
