"""erf, erfc and ndtr beside the standard library's, and beside thirty digits of the truth."""

import ast
import math
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import pytest

from minigrad import special
from minigrad.special import erf, erfc, ndtr

FUNCTIONS = [erf, erfc, ndtr]
WIDER = [np.longdouble(1)] if np.finfo(np.longdouble).bits > 64 else []
ALLOWED = {erf: 2, erfc: 5, ndtr: 6}  # units in the last place that float64 may be off

# At these exact binary numbers, with mpmath in 50 digits.
DIGITS = [
    (erf, 1e-300, "1.1283791670955126021723160763e-300"),
    (erf, 2.0**-30, "0.00000000105088499104186200869262336253"),
    (erf, 0.125, "0.140316204801333817393029446522"),
    (erf, 0.5, "0.520499877813046537682746653892"),
    (erf, 0.96875, "0.829319150593315127390411551111"),
    (erf, 1.0, "0.842700792949714869341220635083"),
    (erf, 1.0625, "0.867058269434952755383846452031"),
    (erf, 2.0, "0.995322265018952734162069256367"),
    (erf, 3.5, "0.999999256901627658587254476316"),
    (erf, 5.75, "0.999999999999999576786338257426"),
    (erfc, -3.0, "1.99997790950300141455862722387"),
    (erfc, -0.5, "1.52049987781304653768274665389"),
    (erfc, 2.0**-30, "0.999999998949115008958137991307"),
    (erfc, 0.5, "0.479500122186953462317253346108"),
    (erfc, 0.96875, "0.170680849406684872609588448889"),
    (erfc, 1.0, "0.157299207050285130658779364917"),
    (erfc, 1.0625, "0.132941730565047244616153547969"),
    (erfc, 2.5, "0.000406952017444958939564215739975"),
    (erfc, 5.0, "1.53745979442803485018834348538e-12"),
    (erfc, 10.0, "2.08848758376254475700078629496e-45"),
    (erfc, 20.3125, "1.79577376189975969029994310168e-181"),
    (erfc, 26.0, "5.66319240885614284647572789693e-296"),
    (erfc, 26.5, "2.21090766426373427592927902292e-307"),
    (erfc, 27.0, "5.23704892378925568501606768285e-319"),
    (ndtr, -38.25, "2.07968269339045110455911171836e-320"),
    (ndtr, -37.0, "5.72557122252457682268319254827e-300"),
    (ndtr, -25.0, "3.05669670638256091640274867126e-138"),
    (ndtr, -10.0, "7.6198530241605260659733432516e-24"),
    (ndtr, -5.0, "0.000000286651571879193911673752332875"),
    (ndtr, -2.0, "0.0227501319481792072002826371665"),
    (ndtr, -1.5, "0.0668072012688580660044940409799"),
    (ndtr, -1.375, "0.084565722351335719946395663507"),
    (ndtr, -1.0, "0.158655253931457051414767454368"),
    (ndtr, -0.25, "0.401293674317076275759146208419"),
    (ndtr, 0.75, "0.773372647623131800672937830617"),
    (ndtr, 3.0, "0.998650101968369905473348185232"),
]


def exact_ndtr(x):
    """The standard library's erfc at −x/√2, with the rounding of that argument put right."""
    with localcontext() as context:
        context.prec = 60
        argument = -Decimal(x) / Decimal(2).sqrt()
        z = float(argument)
        rest = float(argument - Decimal(z))
    # erfc(z + d) = erfc(z) − 2/√π e^(−z²) d + O(d²)
    return math.erfc(z) / 2 - rest * math.exp(-z * z) / math.sqrt(math.pi)


STANDARD = {erf: math.erf, erfc: math.erfc, ndtr: exact_ndtr}


def reference(function, x):
    flat = [STANDARD[function](v) for v in np.asarray(x, dtype=np.float64).ravel().tolist()]
    return np.array(flat, dtype=np.float64).reshape(np.shape(x))


def ulps(got, expected):
    return np.abs(got - expected) / np.spacing(np.abs(expected))


def name(function):
    return function.__name__


@pytest.mark.parametrize(
    ("function", "x", "digits"), DIGITS, ids=[f"{f.__name__}({x:.5g})" for f, x, _ in DIGITS]
)
def test_thirty_digits(function, x, digits):
    got = function(np.array([x]))[0]
    with localcontext() as context:
        context.prec = 60
        off = abs(Decimal(float(got)) - Decimal(digits)) / Decimal(math.ulp(float(digits)))
    assert off < ALLOWED[function]


# The standard library itself is off by up to about one unit.
GRIDS = {
    "centre": (-1.0, 1.0),
    "seam": (0.999, 1.001),
    "shoulder": (1.0, 6.5),
    "far": (6.0, 26.5),
    "where results are subnormal and then zero": (26.5, 28.5),
    "negative": (-7.0, -1.0),
    "lower tail of ndtr": (-38.0, -7.0),
}


@pytest.mark.parametrize("function", FUNCTIONS, ids=name)
@pytest.mark.parametrize("grid", GRIDS)
def test_float64_is_within_a_few_units_in_the_last_place(function, grid):
    low, high = GRIDS[grid]
    x = np.linspace(low, high, 4001) + np.random.default_rng(0).uniform(0, 1e-4, 4001)
    assert ulps(function(x), reference(function, x)).max() < ALLOWED[function] + 1


def test_erf_near_zero_keeps_every_digit_down_to_the_smallest_subnormal():
    x = np.concatenate([10.0 ** np.arange(-323, 0), [5e-324, 1e-323, np.finfo(float).tiny]])
    x = np.concatenate([x, -x])
    assert ulps(erf(x), reference(erf, x)).max() <= 2


def test_either_side_of_the_seam_the_functions_agree():
    x = np.nextafter(1.0, [0.0, 1.0, 2.0])
    for sign in (1, -1):
        assert ulps(erf(sign * x), reference(erf, sign * x)).max() <= 3
        assert ulps(erfc(sign * x), reference(erfc, sign * x)).max() <= 6


@pytest.mark.parametrize("function", FUNCTIONS, ids=name)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_are_rounded_once(function, dtype):
    x = np.linspace(-15, 15, 20001).astype(dtype)
    x = np.concatenate([x, np.linspace(-1.5, 1.5, 5001).astype(dtype)])
    truth = reference(function, x)
    off = np.abs(function(x).astype(np.float64) - truth)
    unit = np.spacing(np.abs(truth).astype(dtype)).astype(np.float64)
    assert function(x).dtype == dtype
    assert (off / unit).max() < 0.505


def test_every_float16():
    x = np.arange(2**16, dtype=np.uint16).view(np.float16)
    x = x[np.isfinite(x)]
    np.testing.assert_array_equal(erf(x), reference(erf, x).astype(np.float16))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_special_values(dtype):
    biggest = np.finfo(dtype).max
    x = np.array([-np.inf, -biggest, -0.0, 0.0, biggest, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(erf(x), np.array([-1, -1, -0.0, 0, 1, 1, np.nan], dtype))
    np.testing.assert_array_equal(np.signbit(erf(x[2:4])), [True, False])
    np.testing.assert_array_equal(erfc(x), np.array([2, 2, 1, 1, 0, 0, np.nan], dtype))
    np.testing.assert_array_equal(ndtr(x), np.array([0, 0, 0.5, 0.5, 1, 1, np.nan], dtype))


@pytest.mark.parametrize("function", FUNCTIONS, ids=name)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_no_input_warns_even_where_floating_point_errors_raise(function, dtype):
    info = np.finfo(dtype)
    tiny = [info.smallest_subnormal, info.tiny, info.tiny**0.5]
    x = np.array([0, *tiny, 5, 10, 14, 26.6, 27, 38, 39, info.max, np.inf, np.nan], dtype)
    with np.errstate(all="raise"):
        function(x)
        function(-x)


@pytest.mark.parametrize("function", FUNCTIONS, ids=name)
class TestShapesAndTypes:
    def test_a_scalar_gives_a_numpy_scalar(self, function):
        for x in (0.7, np.float64(0.7), np.array(0.7)):
            assert type(function(x)) is np.float64
            assert function(x) == function(np.array([0.7]))[0]
        assert type(function(np.float32(0.7))) is np.float32
        assert type(function(np.float16(0.7))) is np.float16

    @pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.int64])
    def test_integers_become_float64(self, function, dtype):
        x = np.array([0, 1, 1], dtype)
        got = function(x)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, function(x.astype(np.float64)))

    def test_lists_are_arrays(self, function):
        np.testing.assert_array_equal(function([[0, 2]]), function(np.array([[0.0, 2.0]])))

    @pytest.mark.parametrize("shape", [(0,), (3, 0), (0, 2, 5)])
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_empty(self, function, shape, dtype):
        got = function(np.empty(shape, dtype))
        assert got.shape == shape
        assert got.dtype == dtype

    # The larger one is computed in several pieces, and no piece may be lost or misplaced.
    @pytest.mark.parametrize("shape", [(4, 6, 10), (40, 30, 50)])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_layouts_and_pieces(self, function, shape, dtype):
        whole = (np.random.default_rng(1).normal(size=shape) * 3).astype(dtype)
        expected = function(whole.ravel().copy()).reshape(shape)
        for view in (
            np.s_[::2, :, 1:9],
            np.s_[:, ::-1, ::3],
            np.s_[1, :, :],
            np.s_[:, 2:3, ::-2],
        ):
            np.testing.assert_array_equal(function(whole[view]), expected[view])
        np.testing.assert_array_equal(function(whole.T), expected.T)
        np.testing.assert_array_equal(function(np.asfortranarray(whole)), expected)
        spread = np.broadcast_to(whole[0, 0], shape)
        np.testing.assert_array_equal(function(spread), np.broadcast_to(expected[0, 0], shape))

    def test_a_large_array_agrees_with_the_standard_library_in_every_piece(self, function):
        x = np.linspace(-8, 8, 3 * special._BLOCK + 7)
        every = slice(None, None, 13)
        got = function(x)
        np.testing.assert_allclose(got[every], reference(function, x[every]), rtol=1e-14)
        assert (np.diff(got) * (-1 if function is erfc else 1) >= -1e-15).all()

    def test_foreign_byte_order(self, function):
        x = np.array([-2.0, 0.3, 1.7])
        got = function(x.astype(">f8"))
        assert got.dtype == np.dtype("=f8")
        np.testing.assert_array_equal(got, function(x))

    def test_unaligned(self, function):
        x = np.array([-2.0, 0.3, 1.7])
        raw = np.zeros(25, np.uint8)
        raw[1:] = x.view(np.uint8)
        np.testing.assert_array_equal(function(raw[1:].view(np.float64)), function(x))

    def test_the_input_is_not_written_to(self, function):
        x = np.random.default_rng(2).normal(size=1000) * 5
        before = x.copy()
        x.flags.writeable = False
        got = function(x)
        np.testing.assert_array_equal(x, before)
        assert not np.shares_memory(got, x)
        assert got.flags.writeable

    @pytest.mark.parametrize("x", [1j, "one", None, *WIDER], ids=repr)
    def test_other_types_are_refused(self, function, x):
        with pytest.raises(TypeError, match=f"{function.__name__} takes real numbers"):
            function(x)


def test_the_functions_complement_each_other():
    x = np.linspace(-6, 6, 2001)
    np.testing.assert_allclose(erf(x) + erfc(x), 1, rtol=4e-16)
    np.testing.assert_allclose(ndtr(x) + ndtr(-x), 1, rtol=4e-16)
    np.testing.assert_array_equal(erf(-x), -erf(x))


def test_the_module_stands_alone():
    tree = ast.parse(Path(special.__file__).read_text(encoding="utf-8"))
    names = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert not any(str(n).startswith(("minigrad", "apalu_ref", "scipy")) for n in names)
