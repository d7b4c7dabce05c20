"""The default generator: seeded, saved, restored."""

import json

import pytest

from minigrad import random


def draw():
    return random.default_generator().normal(size=3).tolist()


def test_seeds():
    random.manual_seed(1)
    first = draw()
    random.manual_seed(2)
    assert draw() != first
    assert random.manual_seed(1) is random.default_generator()
    assert draw() == first
    with pytest.raises(ValueError, match="non-negative"):
        random.manual_seed(-1)


def test_state_goes_through_json():
    random.manual_seed(1)
    draw()
    state = json.loads(json.dumps(random.get_state()))
    first = draw()
    draw()
    random.set_state(state)
    assert draw() == first


def test_the_state_is_a_copy():
    random.manual_seed(1)
    state = random.get_state()
    first = draw()
    state["state"]["state"] = 0
    random.manual_seed(1)
    assert draw() == first


@pytest.mark.parametrize(
    "wrong",
    [{}, {"bit_generator": "MT19937"}, {"bit_generator": "PCG64", "state": {"state": "x"}}],
)
def test_a_wrong_state_is_refused_and_nothing_changes(wrong):
    random.manual_seed(1)
    before = random.get_state()
    with pytest.raises(ValueError, match="not a state of minigrad's random generator"):
        random.set_state(wrong)
    assert random.get_state() == before
