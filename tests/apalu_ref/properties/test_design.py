"""Parameters that meet wishes, judged by closed forms; and wishes that contradict each other."""

import json
import math

import numpy as np
import pytest

from apalu_ref.properties import Activation, ActivationError
from apalu_ref.properties.design import QUANTITIES, solve, wish

# E f², E f′² and E f of APALU, to 20 digits.
SQUARE = 1.82051243165663782050, 0.14494541749292386306
STEEP = 1.83431062844769845007, 0.16810200122317060643
MEAN = 0.73957869700854165388, -0.23842170813487662832


def pair(design):
    return design.activation.parameters["a"], design.activation.parameters["b"]


@pytest.fixture(scope="module")
def variance_preserving():
    return solve("apalu", ["c1", "second-moment=1"])


@pytest.fixture(scope="module")
def beyond_swish():
    """The slope at 0 of Swish is 1/2, whatever its parameter."""
    return solve("swish", ["slope-left=0.7"])


def test_the_variance_preserving_pair(variance_preserving):
    a, b = pair(variance_preserving)
    assert abs(a - 0.682527932356013844344407694737) < 1e-11
    assert abs(b - 1.5 * a) < 1e-11


def test_of_two_solutions_the_nearer_to_the_start_is_taken():
    for start, sign in (({"a": 1.0, "b": 1.0}, 1), ({"a": -1.0, "b": -1.0}, -1)):
        a, _ = pair(solve("apalu", ["c1", "second-moment=1"], **start))
        assert math.copysign(1, a) == sign


@pytest.mark.parametrize(
    ("wishes", "off"),
    [
        (
            ["mean=0", "variance=1"],
            lambda a, b: (
                MEAN[0] * a + MEAN[1] * b,
                SQUARE[0] * a * a + SQUARE[1] * b * b - 1,
            ),
        ),
        (["slope-left=0.4", "slope-right=0.9"], lambda a, b: (b - 0.4, 1.5 * a - 0.9)),
        (["slope-far-right=1", "slope-left=1"], lambda a, b: (2 * a - 1, b - 1)),
        (
            ["slope-moment=1", "c1"],
            lambda a, b: (STEEP[0] * a * a + STEEP[1] * b * b - 1, b - 1.5 * a),
        ),
        (["f(-1)=-2", "f(0.5)=1"], lambda a, b: (b * math.expm1(-1) + 2, a * 0.5 * _gate() - 1)),
    ],
)
def test_what_is_found_meets_the_wishes(wishes, off):
    design = solve("apalu", wishes)
    assert design.met
    assert max(map(abs, off(*pair(design)))) < 1e-8
    assert not design.together


def _gate():
    return 1 + 1 / (1 + math.exp(-1.702 * 0.5))


def test_other_activations():
    # E f² of ELU is 1/2 + α² c with c = E (e^z - 1)² over z < 0.
    c = math.exp(2) * _cdf(-2) - 2 * math.exp(0.5) * _cdf(-1) + 0.5
    found = solve("elu", ["second-moment=1"]).activation.parameters["alpha"]
    assert abs(found - math.sqrt(0.5 / c)) < 1e-8
    found = solve(lambda x, k=0.5: k * x, ["slope-moment=4"]).activation.parameters["k"]
    assert abs(found - 2) < 1e-8


def _cdf(x):
    return math.erfc(-x / math.sqrt(2)) / 2


def test_a_parameter_that_is_not_free_stays():
    design = solve("apalu", ["second-moment=2"], free=["a"], b=0.3)
    a, b = pair(design)
    assert b == 0.3
    assert abs(SQUARE[0] * a * a + SQUARE[1] * 0.09 - 2) < 1e-8


def test_directions_left_free(variance_preserving):
    design = solve("apalu", ["second-moment=1"])
    a, b = pair(design)
    (direction,) = design.free
    # Along the ellipse: the gradient of E f² has no part in it.
    along = SQUARE[0] * a * direction["a"] + SQUARE[1] * b * direction["b"]
    assert abs(along) < 1e-7
    assert not variance_preserving.free
    # χ of a function that scales with its input is 1 whatever its slope.
    assert len(solve("prelu", ["chi=1"]).free) == 1


def test_contradictions_are_told_with_what_is_left_over():
    design = solve("apalu", ["slope-right=1", "slope-far-right=2", "slope-left=1"])
    assert not design.met
    # Least squares by hand: (1.5a - 1)² + (2a - 2)² is least at a = 5.5/6.25.
    a, b = pair(design)
    assert abs(a - 5.5 / 6.25) < 1e-5
    assert abs(b - 1) < 1e-5
    np.testing.assert_allclose(design.values, [1.5 * a, 2 * a, b], rtol=1e-9)
    assert set(design.together) == {
        ("slope-right=1", "slope-left=1"),
        ("slope-far-right=2", "slope-left=1"),
    }
    said = design.text()
    assert said.startswith("the wishes contradict each other; nearest: apalu(")
    assert "slope-far-right=2        is 1.76         off by -0.24" in said
    assert "can be met together: slope-right=1, slope-left=1" in said


def test_a_wish_nothing_can_meet(beyond_swish):
    design = beyond_swish
    assert not design.met
    assert design.together == ()
    assert abs(design.values[0] - 0.5) < 1e-9


def test_equal_seeds_give_equal_designs():
    first, second = (solve("elu", ["slope-left=0.7", "mean=0"], seed=3).text() for _ in range(2))
    assert first == second


def test_json():
    record = json.loads(json.dumps(solve("apalu", ["c1", "f(1)=2"]).as_json(), allow_nan=False))
    assert record["met"] is True
    assert [w["wish"] for w in record["wishes"]] == ["c1", "f(1)=2"]


class TestWrong:
    @pytest.mark.parametrize("text", ["", "c2", "mean=x", "f(x)=1", "chi==1", "chi=inf"])
    def test_no_wish(self, text):
        with pytest.raises(
            ActivationError, match="is no wish: write name=number with a name of c1"
        ):
            wish(text)

    def test_nothing_to_change(self):
        with pytest.raises(ActivationError, match="relu has no parameter to change"):
            solve("relu", ["c1"])
        with pytest.raises(ActivationError, match="apalu has no parameter 'c'"):
            solve("apalu", ["c1"], free=["c"])

    def test_nothing_to_wish(self):
        with pytest.raises(ActivationError, match="state a wish"):
            solve(Activation("apalu"), [])


def test_every_wish_is_explained_in_the_help():
    from apalu_ref.cli import design

    for name in QUANTITIES:
        assert f"  {name:16} " in "  " + design._wishes()


def test_a_single_wish_is_not_said_to_contradict(beyond_swish):
    said = beyond_swish.text()
    assert said.startswith("nothing was found that meets the wish, from 7 starts; nearest: swish(")


def test_a_number_there_is_not():
    said = solve("swish", ["slope-far-right=1", "slope-left=0.5"]).text()
    assert said.startswith("all wishes are met")
    found = solve(lambda x, k=1.0: np.sin(k * x), ["slope-far-right=1"])
    assert not found.met
    assert "not met: there is no such number" in found.text()


def test_a_jump_at_0_is_no_smooth_join():
    def broken(x, h=0.5):
        return np.where(x < 0, x - h, x)

    found = solve(broken, ["c1"])
    assert abs(found.parameters["h"]) < 1e-8


def test_names_of_wishes_may_have_underscores():
    assert wish("second_moment=2").target == 2
    with pytest.raises(ActivationError, match="'mean' needs a number"):
        wish("mean")


@pytest.mark.parametrize(
    ("f", "wished", "p"),
    [
        # P(z > p) = 0.1, and P(-p < z < p) = 0.5.
        (lambda x, p=0.5: np.where(x > p, x - p, 0.0), "slope-moment=0.1", 1.2815515655446004),
        (lambda x, p=0.5: np.clip(x, -p, p), "slope-moment=0.5", 0.6744897501960817),
    ],
)
def test_kinks_that_move(f, wished, p):
    found = solve(f, [wished])
    assert found.met
    assert abs(abs(found.parameters["p"]) - p) < 1e-6


def test_a_wish_for_a_large_number():
    assert solve("elu", ["f(-1)=-1e9"]).met


def test_nearly_is_not_met():
    # 1.5a = 1 and 2a = 1.3334 are 1e-4 apart.
    found = solve("apalu", ["slope-right=1", "slope-far-right=1.3334"])
    assert not found.met
    assert "off by" in found.text()
