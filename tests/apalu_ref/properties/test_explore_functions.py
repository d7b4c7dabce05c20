"""The window on other functions than APALU, the awkward ones too."""

import math

import numpy as np
import pytest

from apalu_ref.properties import Activation, ActivationError
from apalu_ref.properties.explore.scale import scales
from apalu_ref.properties.explore.view import look

from .window import curve, explore, press, said


def test_ranges():
    assert {(s.low, s.high) for s in scales(Activation("apalu")).values()} == {(-2, 4)}
    far = scales(Activation("apalu", a=10.0, b=-3.0))
    assert far["a"].low <= -2
    assert far["a"].high >= 10
    assert far["b"].low <= -3
    assert far["b"].high >= 4
    for value in (1e-9, 0.01, -0.3, 0.0, 7.0, -1234.5, 3e7):
        (scale,) = scales(Activation("swish", beta=value)).values()
        assert scale.low < value < scale.high
        assert scale.high - scale.low >= 2 * abs(value)
        assert 100 <= (scale.high - scale.low) / scale.step <= 1000
    with pytest.raises(ActivationError, match=r"beta is .*: there is no slider"):
        explore(Activation("swish", beta=1e200))


def test_without_parameters():
    explorer = explore("relu")
    assert explorer.knobs == {}
    assert said(explorer, "relu has no parameters to move")
    assert said(explorer, "kink at x = 0: slope 0 left, 1 right")
    press(explorer, "tab", "left", "up", "l", "r")
    assert explorer.view.moments["E f²"] == pytest.approx(0.5)
    explorer.set_lock(True)
    assert not explorer.locked
    with pytest.raises(ActivationError, match="relu has no lock"):
        explore("relu", lock=True)


def test_only_apalu_itself_has_a_lock():
    def apalu(x, a=1.0, b=1.0):
        return np.where(x < 0, b * x, a * x)

    explorer = explore(apalu)
    press(explorer, "l")
    assert not explorer.locked
    assert not said(explorer, "lock")
    assert explorer.values == {"a": 1, "b": 1}


def test_a_kink_that_a_parameter_moves():
    def bent(x, place=0.5, *, up=1):
        return np.where(x < place, 0.0 * x, up * (x - place))

    explorer = explore(bent)
    for place in (0.5, -0.2345, 0.3):
        explorer.move("place", place)
        assert [k.x for k in explorer.view.kinks] == pytest.approx([place], abs=1e-12)
        # E max(z - t, 0)² = (1 + t²) Φ(-t) - t φ(t)
        tail, density = 0.5 * math.erfc(place / 2**0.5), math.exp(-place * place / 2)
        square = (1 + place**2) * tail - place * density / math.sqrt(2 * math.pi)
        assert explorer.view.moments["E f²"] == pytest.approx(square, rel=1e-12)
        assert explorer.view.moments["E f′²"] == pytest.approx(tail, rel=1e-12)
    explorer.move("up", 0)
    assert said(explorer, "E f² is 0: no gain")
    assert "χ₁" not in explorer.view.moments


def test_jumps():
    def steps(x, n=0.5):
        return np.floor(x + n)

    explorer = explore(steps)
    assert said(explorer, "jump at x = 0.5: f goes from 0 to 1")
    assert said(explorer, "more")
    assert explorer.view.moments["E f′²"] == explorer.view.moments["χ₁"] == math.inf
    x, y = curve(explorer)
    assert np.isnan(y[x == 0.5]).all()


def test_where_f_is_not_finite_the_window_says_so():
    explorer = explore(Activation(lambda x, c=1.0: np.sqrt(x + c), name="root"))
    assert said(explorer, "f is not finite from x = -14 to -1.00781: no moments")
    x, y = curve(explorer)
    assert np.isnan(y[x < -1]).all()
    np.testing.assert_allclose(y[x > -0.99], np.sqrt(x[x > -0.99] + 1))
    explorer = explore(Activation(lambda x, c=1.0: x + c * np.nan, name="nothing"))
    assert said(explorer, "f is not finite from x = -14 to 14: no moments")
    explorer.move("c", 0.5)
    assert np.isnan(curve(explorer)[1]).all()


@pytest.mark.parametrize(
    ("f", "text"),
    [
        (lambda x: 1 / x, "f is not finite at x = 0: no moments"),
        (lambda x: 1 / (x * (x - 1)), "f is not finite at x = 0 and 1 places more: no moments"),
        (lambda x: np.sqrt(abs(x)), "f′ has no bound at x = 0: no E f′²"),
        (lambda x: 0 * x, "E f² is 0: no gain"),
    ],
)
def test_remarks(f, text):
    view = look(Activation(f))
    assert text in view.remarks
    assert "χ₁" not in view.moments


def test_a_function_that_fails_on_the_way():
    def odd(x, k=1.0):
        return x * (1 / k) + (0 if k else 0 * len("$"))

    explorer = explore(odd)
    explorer.move("k", 0)
    assert said(explorer, "f fails: ZeroDivisionError: float division by zero")
    assert curve(explorer)[0].size <= 2
    explorer.move("k", 0.5)
    assert not said(explorer, "f fails")
    assert explorer.view.moments["E f²"] == pytest.approx(4)


def test_a_function_that_is_not_differentiable_for_minigrad():
    def f(x, k=1.0):
        return np.vectorize(lambda v: k * math.atan(v))(x)

    explorer = explore(f)
    assert said(explorer, "kinks do not show: f′ is a finite difference")
    x, slopes = curve(explorer, "f′(x)")
    np.testing.assert_allclose(slopes, 1 / (1 + x * x), atol=1e-8)
