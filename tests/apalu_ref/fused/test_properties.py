"""Whatever the shapes, layouts, types and threads: the formula's values, and the same bits."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apalu_ref import formula, fused

pytestmark = pytest.mark.usefixtures("tiny_blocks")

SPECIAL = [0.0, -0.0, 1e-40, -1e-40, 1e-300, -1e-300, 90.0, -90.0, -110.0, 800.0, -800.0, 1e30]


@st.composite
def laid_out(draw, shape, dtype, special=False):
    """An array of this shape, in some order of axes, reversed or with gaps, or repeated."""
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    order = draw(st.permutations(range(len(shape))))
    gaps = [draw(st.sampled_from([1, 1, 1, 2, -1])) for _ in shape]
    stored = [shape[i] * abs(gaps[i]) for i in order]
    values = rng.standard_normal(stored) * draw(st.sampled_from([0.1, 3.0]))
    if special and values.size:
        values.flat[rng.integers(0, values.size, 3)] = rng.choice(SPECIAL, 3)
    with np.errstate(over="ignore", under="ignore"):
        values = values.astype(dtype)
    values = values.transpose(np.argsort(order)) if shape else values
    return np.asarray(values[tuple(slice(None, None, gap) for gap in gaps)])


@st.composite
def part_of(draw, shape):
    """A shape that broadcasts to this one."""
    own = tuple(n if draw(st.booleans()) else 1 for n in shape)
    leading = 0
    while leading < len(own) and own[leading] == 1:
        leading += 1
    return own[draw(st.integers(0, leading)) :]


@st.composite
def calls(draw, dtypes=(np.float64, np.float32, np.float16), mixed=True):
    """x, a, b and gy."""
    shape = draw(
        st.lists(st.sampled_from([0, 1, 2, 3, 5, 9, 40]), max_size=4)
        .map(tuple)
        .filter(lambda s: np.prod(s) <= 2000)
    )
    of = st.sampled_from(dtypes)
    common = draw(of)
    kinds = [draw(of) if mixed and draw(st.integers(0, 3)) == 0 else common for _ in range(4)]
    shapes = [
        shape if draw(st.integers(0, 3)) else draw(part_of(shape)),
        draw(part_of(shape)),
        draw(part_of(shape)),
    ]
    shapes.append(np.broadcast_shapes(*shapes))
    return [
        draw(laid_out(s, kind, special=i == 0))
        for i, (s, kind) in enumerate(zip(shapes, kinds, strict=True))
    ]


def close(got, want, ulps):
    """Within some units in the last place of ``got``'s type; or both the same inf or NaN."""
    info = np.finfo(got.dtype)
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        rounded = want.astype(got.dtype)
        unit = np.maximum(np.abs(rounded) * info.eps, 4 * info.smallest_subnormal)
        near = np.abs(got.astype(np.float64) - want) <= ulps * unit.astype(np.float64)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    return bool((near | same).all())


@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(calls())
def test_values_and_gradients_are_the_formulas(call):
    before = [v.copy() for v in call]
    x, a, b, gy = call
    wide = [v.astype(np.float64) for v in call]
    y = fused.apalu(x, a, b, threads=2)
    exact = formula.apalu(*wide[:3])
    assert y.shape == exact.shape
    assert y.dtype == np.result_type(x, a, b)
    assert close(y, exact, 6)
    gradients = fused.apalu_grad(x, a, b, gy, threads=2)
    wanted = formula.apalu_grad(*wide)
    # What is summed may be off by the rounding of the terms, not more than of their sum's size.
    terms = _terms(*wide)
    for got, want, of, term in zip(gradients, wanted, call, terms, strict=False):
        assert got.shape == of.shape
        assert got.dtype == of.dtype
        if of.size == exact.size:
            assert close(got, want, 6)
        else:
            eps = max(np.finfo(np.result_type(*call, np.float32)).eps, np.finfo(got.dtype).eps)
            with np.errstate(over="ignore", invalid="ignore"):
                fine = np.abs(got - want) <= 8 * eps * term + 1e-43
                same = (got == want.astype(got.dtype)) | np.isnan(want)
            assert (fine | same).all()
    for value, earlier in zip(call, before, strict=True):
        np.testing.assert_array_equal(value, earlier)


def _terms(x, a, b, gy):
    """Sums of |terms|, in the shape of each input."""
    shape = np.broadcast_shapes(x.shape, a.shape, b.shape)
    full = [np.broadcast_to(v.astype(np.float64), shape) for v in (x, a, b, gy)]
    dx, da, db = formula.apalu_grad(*full)
    sums = []
    for value, term in zip((x, a, b), (dx, da, db), strict=True):
        size = np.abs(term) + np.abs(full[3])
        missing = len(shape) - value.ndim
        axes = tuple(i for i, n in enumerate(shape) if i < missing or value.shape[i - missing] != n)
        sums.append(size.sum(axis=axes).reshape(value.shape))
    return sums


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(calls(), st.integers(2, 4))
def test_any_number_of_threads_gives_the_same_bits(call, threads):
    x, a, b, gy = call
    one = (fused.apalu(x, a, b, threads=1), *fused.apalu_grad(x, a, b, gy, threads=1))
    several = (fused.apalu(x, a, b, threads=threads), *fused.apalu_grad(*call, threads=threads))
    for first, second in zip(one, several, strict=True):
        assert first.dtype == second.dtype
        assert first.tobytes() == second.tobytes()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(calls(), st.data())
def test_out_takes_the_same_bits(call, data):
    x, a, b, _ = call
    y = fused.apalu(x, a, b)
    gradients = fused.apalu_grad(*call)
    out = data.draw(laid_out(y.shape, y.dtype))
    assert fused.apalu(x, a, b, out=out) is out
    np.testing.assert_array_equal(out, y)
    outs = [data.draw(laid_out(g.shape, g.dtype)) for g in gradients]
    given_ = tuple(o if data.draw(st.booleans()) else None for o in outs)
    # How sums are cut depends on the layout of all arrays, those of out among them.
    same = all(o is None or o.strides == g.strides for o, g in zip(given_, gradients, strict=True))
    scales = _terms(*call)
    for got, want, place, scale in zip(
        fused.apalu_grad(*call, out=given_), gradients, given_, scales, strict=True
    ):
        assert place is None or got is place
        if same or want.size == y.size:
            np.testing.assert_array_equal(got, want)
        else:
            with np.errstate(invalid="ignore"):
                unit = np.spacing(np.abs(want)).astype(float)
                near = np.abs(got.astype(float) - want) <= unit + 1e-13 * scale
            assert (near | (got == want) | (np.isnan(got) & np.isnan(want))).all()


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(calls(dtypes=(np.float64, np.float32), mixed=False), st.sampled_from(["x", "a", "gy"]))
def test_results_may_be_written_over_inputs(call, which):
    names = ("x", "a", "b", "gy")
    call = [v.copy(order="K") for v in call]
    y, gradients = fused.apalu(*call[:3]), fused.apalu_grad(*call)
    fresh = dict(zip(names, (v.copy(order="K") for v in call), strict=True))
    place = fresh[which]
    if place.shape == y.shape:
        assert fused.apalu(fresh["x"], fresh["a"], fresh["b"], out=place) is place
        np.testing.assert_array_equal(place, y)
    fresh = dict(zip(names, (v.copy(order="K") for v in call), strict=True))
    place = fresh[which]
    if place.shape == gradients[0].shape:
        got = fused.apalu_grad(*fresh.values(), out=(place, None, None))
        assert got[0] is place
        for first, second in zip(got, gradients, strict=True):
            np.testing.assert_array_equal(first, second)
