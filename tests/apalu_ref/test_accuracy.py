"""The promised accuracy, on the hard grid, against the oracle."""

import numpy as np
import pytest

from apalu_ref import accuracy, formula, fused, oracle
from apalu_ref.accuracy import hard_grid, measure, scales


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_within_four_ulp(dtype, seed):
    for row in measure(dtype, seed):
        assert row.limit == 4
        assert row.worst <= row.limit, row.summary()
        if row.quantity.startswith("fused"):
            continue  # errors of underflow are waived, but what is not correctly rounded counts
        # A hair from a tie, 0.5 is what both the right and the wrong neighbour are off by.
        surely, perhaps = (np.count_nonzero(row.error > 0.5 + d) for d in (1e-12, -1e-12))
        assert surely <= row.not_correctly_rounded <= perhaps


@pytest.mark.parametrize("name", ["u", "du", "v", "dv"])
def test_float16_is_correctly_rounded(name):
    """One in seventeen; all of them, and y and dx, take longer."""
    sign = 0 if name in ("u", "du") else 1 << 15
    finite = np.arange(0, oracle.FORMATS["float16"].infinity, 17, dtype=np.uint16)
    x = oracle.from_bits(finite | np.uint16(sign), "float16")
    exact = [oracle.to_bits(oracle.FUNCTIONS[name](p, 40), "float16") for p in x]
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(getattr(formula, name)(x), oracle.from_bits(exact, "float16"))


@pytest.mark.slow
def test_every_float16():
    rows = {row.quantity: row for row in measure("float16")}
    for name in ("u", "du", "v", "dv"):
        assert rows[name].not_correctly_rounded == 0, rows[name].summary()
        assert len(rows[name].x) == 31745  # with zero and without infinity, one sign
    for name in ("y", "dx"):
        assert rows[name].worst <= 1, rows[name].summary()
        assert len(rows[name].x) == 2 * 31744


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_grid_goes_where_it_is_hard(dtype):
    x, info = hard_grid(dtype), np.finfo(dtype)
    size = np.abs(x)
    assert (size[size > 0] < info.tiny).any()
    assert np.signbit(x[x == 0]).tolist() == [False, True]
    assert np.isclose(x, 21.6).any()
    assert ((x < 0) & (size < info.eps)).any()
    tail = -np.log(float(info.tiny))
    assert ((-x > tail) & (-x < tail + 30)).any()
    p = np.abs(scales(dtype, 1000, 0))
    assert 2**-10 <= p.min() < 2**-9
    assert 2**9 < p.max() <= 2**10


@pytest.mark.parametrize(
    ("name", "broken", "quantity"),
    [
        ("v", lambda x: np.exp(x) - 1, "v"),
        ("du", lambda x: formula.u(x) / x, "du"),
        ("dv", lambda x: np.exp(x.astype(np.float32)).astype(np.float64), "dv"),
        ("u", lambda x: x * (1 + 1 / (1 + np.exp(-1.7020001 * x))), "u"),
    ],
)
def test_a_planted_fault_shows(monkeypatch, name, broken, quantity):
    monkeypatch.setattr(formula, name, broken)
    with np.errstate(all="ignore"):
        rows = {row.quantity: row for row in accuracy.measure("float64")}
    assert rows[quantity].worst > 4


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_fault_of_the_fused_path_shows(monkeypatch, dtype):
    def off(*arguments):
        dx, da, db = formula.apalu_grad(*arguments)
        return dx * dx.dtype.type(1 + 8 * np.finfo(dx.dtype).eps), da, db

    monkeypatch.setattr(fused, "apalu_grad", off)
    rows = {row.quantity: row for row in accuracy.measure(dtype)}
    assert rows["fused dx"].worst > rows["fused dx"].limit
    assert rows["fused y"].worst <= rows["fused y"].limit


def test_the_figure_is_drawn(tmp_path):
    accuracy.draw([*measure("float32"), *measure("float64")], str(tmp_path / "errors.svg"))
    picture = (tmp_path / "errors.svg").read_text(encoding="utf-8")
    assert picture.count("<image") >= 4  # the points of y and dx, in two panels
