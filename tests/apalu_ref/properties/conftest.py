"""What is drawn here leaves matplotlib as it was for the tests that come after."""

import matplotlib
import pytest


@pytest.fixture(autouse=True)
def matplotlib_is_left_alone():
    before = dict(matplotlib.rcParams)
    yield
    after = dict(matplotlib.rcParams)
    assert {k: v for k, v in after.items() if v != before[k]} == {}
