"""What is drawn here leaves matplotlib as it was for the tests that come after."""

import matplotlib
import pytest


def settings():
    """All but the backend, which tests choose."""
    return {name: value for name, value in matplotlib.rcParams.items() if name != "backend"}


@pytest.fixture(autouse=True)
def matplotlib_is_left_alone():
    before = settings()
    yield
    after = settings()
    assert {name: value for name, value in after.items() if value != before[name]} == {}
