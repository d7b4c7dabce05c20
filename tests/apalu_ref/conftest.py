"""Exact answers take the oracle long: whichever test asks first works them out for all."""

import hashlib

import numpy as np
import pytest

from apalu_ref.check import cover, exact, session, signature

_KNOWN = {}


def _key(call):
    digest = hashlib.sha256(call.storage.encode())
    for name, array in call.arrays.items():
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.digest()


def _answers(call):
    key = _key(call)
    if key not in _KNOWN:
        _KNOWN[key] = exact.answers(call)
        for answer in _KNOWN[key].values():
            for array in (*answer.value, answer.terms, answer.magnitude, answer.scale, answer.unit):
                if isinstance(array, np.ndarray):
                    array.flags.writeable = False  # what is shared is not to be changed
    return _KNOWN[key]


@pytest.fixture(scope="module")
def exact_once():
    """The checks of a module, in this process, share what the oracle says of a call."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (cover, session, signature):
            patch.setattr(module, "answers", _answers)
        yield
