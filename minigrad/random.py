"""The one source of random numbers: initial parameters, dropout and shuffling draw from it.

:func:`manual_seed` makes a program repeatable; :func:`get_state` and :func:`set_state` are what
a checkpoint needs so that training goes on as if it had not been interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_generator = np.random.Generator(np.random.PCG64())


def default_generator() -> np.random.Generator:
    """The generator that everything draws from which is not given one of its own.

    It is always the same object, so that a reference to it may be kept.
    """
    return _generator


def manual_seed(seed: int) -> np.random.Generator:
    """Start the default generator anew; returns it.

    Parameters
    ----------
    seed : int
        Not negative. The same seed gives the same numbers on every machine.

    Examples
    --------
    >>> from minigrad import random
    >>> first = random.manual_seed(0).normal()
    >>> random.manual_seed(0).normal() == first
    True
    """
    _generator.bit_generator.state = np.random.PCG64(seed).state
    return _generator


def get_state() -> dict[str, Any]:
    """The state of the default generator: a dict of numbers and text, which JSON can hold."""
    return dict(_generator.bit_generator.state)


def set_state(state: Mapping[str, Any]) -> None:
    """Put the default generator into a state that :func:`get_state` returned.

    Raises
    ------
    ValueError
        If it is not such a state; the generator is left as it was.
    """
    before = _generator.bit_generator.state
    try:
        _generator.bit_generator.state = dict(state)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        _generator.bit_generator.state = before
        raise ValueError(
            f"this is not a state of minigrad's random generator: {error!r}"
        ) from error
