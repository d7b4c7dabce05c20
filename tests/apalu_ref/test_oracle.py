"""The oracle, against arithmetic that shares nothing with it."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from apalu_ref import oracle
from apalu_ref.oracle import FORMATS, from_bits, rounded, to_bits, ulp_error

STEP = Decimal("1e-20")


def agree(got, want, digits):
    with localcontext() as context:
        context.prec = 400
        assert abs(got - want) <= abs(want) * Decimal(10) ** -digits


@pytest.mark.parametrize(
    ("f", "df", "sign"),
    [
        (oracle.u, oracle.du, 1),
        (oracle.du, oracle.d2u, 1),
        (oracle.v, oracle.dv, -1),
        (oracle.dv, oracle.dv, -1),
    ],
)
class TestAnchor:
    """Derivatives are differences of u and v in 80-digit arithmetic, to 30 digits."""

    @pytest.mark.parametrize("x", ["1e-6", "0.3", "1", "1.5", "2.75", "8", "21.6"])
    def test_central_differences(self, f, df, sign, x):
        x = sign * Decimal(x)
        with localcontext() as context:
            context.prec = 80
            difference = (f(x + STEP, 80) - f(x - STEP, 80)) / (2 * STEP)
            agree(difference, df(x, 60), 30 if x < 10 or f is oracle.u else 20)

    def test_one_sided_at_zero(self, f, df, sign):
        with localcontext() as context:
            context.prec = 80
            h = sign * STEP
            difference = (-3 * f(0, 80) + 4 * f(h, 80) - f(2 * h, 80)) / (2 * h)
            agree(difference, df(0, 60), 30)


class TestValues:
    def test_known_numbers(self):
        peak = Decimal("1.40972813191273070965495869406")
        agree(oracle.du(peak), Decimal("2.09983932012886691695818492432"), 29)
        assert abs(oracle.d2u(peak)) < Decimal("1e-29")
        assert (oracle.u(0), oracle.du(0), oracle.v(0), oracle.dv(0)) == (0, Decimal("1.5"), 0, 1)

    def test_exponential_from_its_series_in_fractions(self):
        x = Fraction(-3, 8)
        series, term = Fraction(0), Fraction(1)
        for k in range(1, 60):
            term *= x / k
            series += term
        agree(oracle.v("-0.375"), Decimal(series.numerator) / Decimal(series.denominator), 27)

    def test_the_far_tail_is_not_cut_off(self):
        # There 1 - σ(z) is e^-z to twice as many digits as are compared.
        z = oracle.KAPPA * 400
        with localcontext() as context:
            context.prec = 80
            agree(oracle.d2u(400), oracle.KAPPA * (2 - z) * (-z).exp(), 48)
            context.prec = 400
            agree(2 - oracle.u(400, 400) / 400, (-z).exp(), 48)

    @pytest.mark.parametrize("digits", [5, 50, 300])
    def test_more_digits_only_add_digits(self, digits):
        for f in (oracle.u, oracle.du, oracle.d2u):
            agree(f(1.40972813191273070965, digits), f(1.40972813191273070965, 400), digits - 1)
        for x in (-1e-300, -1e-7, -0.1, -0.1000001, -745.2):
            agree(oracle.v(x, digits), oracle.v(x, 400), digits - 1)

    def test_arguments_are_taken_exactly(self):
        tenth = np.float32(0.1)
        assert oracle.u(tenth) == oracle.u(float(tenth)) != oracle.u("0.1")

    def test_element_of_apalu(self):
        assert oracle.apalu(-0.0, 2, 3) == 0
        agree(oracle.apalu("-0.5", 2, 4) / 4, oracle.v("-0.5"), 27)
        dx, da, db = oracle.apalu_grad(0, 2, 3, 5)
        assert (dx, da, db) == (15, 0, 0)
        dx, da, db = oracle.apalu_grad(-1, 2, 3, 5)
        agree(dx / 15, oracle.dv(-1), 27)
        agree(db / 5, oracle.v(-1), 27)
        assert da == 0


class TestRounding:
    @pytest.mark.parametrize("fmt", ["float64", "float32", "float16"])
    def test_of_numbers_anywhere_agrees_with_numpy(self, fmt):
        rng = np.random.default_rng(0)
        dtype = np.dtype(fmt)
        numbers = rng.normal(size=300) * 2.0 ** rng.uniform(-26, 17, 300)
        if fmt == "float32":
            numbers = np.concatenate([numbers, rng.normal(size=50) * 2.0**-148])
        with np.errstate(over="ignore", under="ignore"):
            want = numbers.astype(dtype)
        got = from_bits([to_bits(Decimal(float(x)), fmt) for x in numbers], fmt)
        np.testing.assert_array_equal(
            got.view(f"u{dtype.itemsize}"), want.view(got.view(f"u{dtype.itemsize}").dtype)
        )

    def test_of_decimals_to_float64_agrees_with_python(self):
        rng = np.random.default_rng(0)
        for text in (
            f"{m}e{e}"
            for m, e in zip(rng.integers(1, 10**18, 300), rng.integers(-345, 300, 300), strict=True)
        ):
            assert from_bits(to_bits(Decimal(text))) == float(text)

    def test_ties_go_to_even_and_overflow_to_infinity(self):
        one = to_bits(Decimal(1), "bfloat16")
        half_ulp = Decimal(2) ** -8
        assert to_bits(1 + half_ulp, "bfloat16") == one
        assert to_bits(1 + half_ulp * Decimal("1.0000001"), "bfloat16") == one + 1
        assert to_bits(1 + 3 * half_ulp, "bfloat16") == one + 2
        assert from_bits(to_bits(Decimal(65519), "float16"), "float16") == 65504
        assert from_bits(to_bits(Decimal(-65520), "float16"), "float16") == -np.inf
        assert from_bits(to_bits(Decimal("1e999999999"))) == np.inf
        assert to_bits(Decimal("-1e-999999999")) == 1 << 63
        assert to_bits(Decimal(2) ** -1075) == 0
        assert to_bits(Decimal(2) ** -1075 * Decimal("1.01")) == 1

    def test_every_bit_pattern_survives(self):
        for fmt in ("float16", "bfloat16"):
            finite = np.arange(FORMATS[fmt].infinity, dtype=np.uint16)
            values = from_bits(finite, fmt).astype(float)
            step = 37  # every pattern takes seconds; a stride prime to 2**k meets all exponents
            assert [to_bits(Decimal(x), fmt) for x in values[::step]] == finite[::step].tolist()

    @pytest.mark.parametrize("fmt", list(FORMATS))
    @pytest.mark.parametrize("name", ["u", "du", "d2u", "v", "dv"])
    def test_rounded_is_the_nearest_of_three_neighbours(self, name, fmt):
        rng = np.random.default_rng(5)
        sign = 1 if "u" in name else -1
        points = sign * np.abs(rng.normal(size=12)) * 2.0 ** rng.integers(-20, 4, 12)
        points = from_bits([to_bits(Decimal(float(x)), fmt) for x in points], fmt).astype(float)
        bits = rounded(name, points, fmt).view(FORMATS[fmt].bits)
        for x, pattern in zip(points, bits, strict=True):
            exact = oracle.FUNCTIONS[name](x, 80)
            neighbours = from_bits([pattern - 1, pattern, pattern + 1], fmt).astype(float)
            off = [abs(Decimal(float(n)) - exact) for n in neighbours]
            assert off[1] == min(off)

    def test_values_a_hair_from_a_tie(self):
        # u(η) = 1.5 η + tiny, a tie but for the 300th digit: it rounds up, here and at 3 η.
        odd = np.arange(1, 400, 2)
        got = rounded("u", odd * 5e-324).view(np.uint64)
        assert got.tolist() == ((3 * odd + 1) // 2).tolist()

    def test_extreme_arguments(self):
        assert rounded("u", [1e308, 0.0, 1e300]).tolist() == [np.inf, 0.0, 2e300]
        assert rounded("v", [-1e308, -5e-324]).tolist() == [-1.0, -5e-324]
        assert rounded("dv", [-1e308, -745.13, -746.0]).tolist() == [0.0, 5e-324, 0.0]
        assert rounded("d2u", [1e308]).tolist() == [0.0]

    def test_bad_arguments(self):
        with pytest.raises(ValueError, match="'w': one of u, du"):
            rounded("w", 1.0)
        with pytest.raises(ValueError, match="'float8': one of float64"):
            rounded("u", 1.0, "float8")
        with pytest.raises(ValueError, match=r"0\.1 is not a finite float16"):
            rounded("u", [0.5, 0.1], "float16")
        with pytest.raises(ValueError, match="nan is not"):
            rounded("u", np.nan)


class TestUlp:
    def test_is_counted_in_the_spacing_at_the_exact_value(self):
        assert ulp_error(1 + 2**-52, Decimal(1)) == 1
        assert ulp_error(1 - 2**-52, Decimal(1)) == -1
        assert ulp_error(np.float16(0.5), Decimal("0.75"), "float16") == -512
        assert ulp_error(2.0, Decimal(2) + Decimal(2) ** -8, "bfloat16") == -0.25

    def test_below_the_normal_numbers_it_is_the_smallest_subnormal(self):
        assert ulp_error(0.0, Decimal(2) ** -1074) == pytest.approx(-1)
        assert ulp_error(5e-324, Decimal(0)) == 1
        assert ulp_error(0.0, Decimal("1e-99999")) == pytest.approx(0)

    def test_infinity_and_nan(self):
        assert ulp_error(np.inf, Decimal("1e400")) == 0
        assert ulp_error(-np.inf, Decimal("1e400")) == np.inf
        assert ulp_error(np.inf, Decimal("1e308")) == np.inf
        assert ulp_error(np.nan, Decimal(1)) == np.inf
