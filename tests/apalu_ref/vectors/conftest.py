import pytest

from apalu_ref import vectors


@pytest.fixture(scope="session")
def document():
    return vectors.load()


@pytest.fixture(scope="session")
def fresh():
    return vectors.regenerate()
