"""What holds for every op, over the whole table of samples."""

import numpy as np
import pytest

import minigrad
from minigrad import Tensor, core, methods, walk
from minigrad.engine import OPS, Op

from .samples import SAMPLES

REORDERED = ["prod", "std", "var", "einsum", "tensordot", "inner", "norm", "dot"]
"""Sums and products of the same terms as NumPy's, but taken in another order."""

every_sample = pytest.mark.parametrize("name", SAMPLES)


def tensors(inputs, dtype=None):
    return [Tensor(np.array(x, dtype), requires_grad=True) for x in inputs]


def cotangent(y):
    return np.asarray(np.random.default_rng(0).uniform(0.5, 1.5, y.shape), y.dtype)


def recorded(*outputs):
    """The names of all ops in the graphs of these Tensors."""
    names, stack, seen = set(), [t._edge for t in outputs], set()
    while stack:
        node = stack.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        stack += node.edges
        if type(node) is not core.Leaf:
            names.add(node.op.name)
    return names


def home(op):
    """The module that an Op was written in."""
    functions = [f for f in (*op.rules, op.forward) if hasattr(f, "__code__")]
    return functions[0].__module__ if functions else type(op).__module__


class TestNothingIsForgotten:
    """A new op, a new NumPy function or a new method without a sample fails here."""

    def test_every_op_is_recorded_by_a_sample(self):
        met = set()
        for sample in SAMPLES.values():
            met |= recorded(sample.f(*tensors(sample.inputs)))
        own = {
            name
            for name, op in OPS.items()
            if home(op).startswith(("minigrad.ops", "minigrad.engine"))
        }
        assert own - met == set()
        assert len(own) > 60

    def test_every_op_has_a_name_of_its_own(self):
        for module in (minigrad.engine, *vars(minigrad.ops).values()):
            for value in vars(module).values() if hasattr(module, "__file__") else ():
                if isinstance(value, Op):
                    assert OPS[value.name] is value

    def test_every_numpy_function_is_called_by_a_sample(self, monkeypatch):
        called = set()

        def counted(function, rule):
            def call(*args, **kwargs):
                called.add(function)
                return rule(*args, **kwargs)

            return call

        for function, rule in list(core.RULES.items()):
            monkeypatch.setitem(core.RULES, function, counted(function, rule))
        for sample in SAMPLES.values():
            sample.f(*tensors(sample.inputs))
        assert {f.__name__ for f in set(core.RULES) - called} == set()

    def test_every_method_is_called_by_a_sample(self, monkeypatch):
        called = set()

        def counted(name, method):
            def call(*args, **kwargs):
                called.add(name)
                return method(*args, **kwargs)

            return call

        # Changing in place is not recorded, and names that do not exist are not methods.
        others = {"__iadd__", "__isub__", "__imul__", "__itruediv__", "_in_place", "__getattr__"}
        mine = {n: m for n, m in vars(methods.Methods).items() if callable(m) or n in ("T", "mT")}
        mine = {n: m for n, m in mine.items() if n not in others}
        for name, method in mine.items():
            if isinstance(method, property):
                method = property(counted(name, method.fget))
            else:
                method = counted(name, method)
            monkeypatch.setattr(methods.Methods, name, method)
        for sample in SAMPLES.values():
            sample.f(*tensors(sample.inputs))
        assert set(mine) - called == set()


@every_sample
def test_values_are_numpys(name):
    sample = SAMPLES[name]
    want = sample.expected()
    got = sample.f(*tensors(sample.inputs))
    assert isinstance(got, Tensor)
    assert got.requires_grad
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    if sample.reference or any(word in name for word in REORDERED):
        assert np.allclose(got.data, want, rtol=1e-14, atol=1e-14)
    else:
        assert np.array_equal(got.data, want)


@every_sample
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_types_are_kept_by_every_rule(name, dtype, monkeypatch):
    sample = SAMPLES[name]
    inputs = [x.astype(dtype) for x in sample.inputs]
    converted = []
    fitted = walk._fitted

    def watched(node, edge, gradient):
        if gradient.dtype != edge.dtype and node.op.name != "astype":
            converted.append(f"{node.op.name}: {gradient.dtype}")
        return fitted(node, edge, gradient)

    monkeypatch.setattr(walk, "_fitted", watched)
    xs = tensors(inputs)
    y = sample.f(*xs)
    assert y.dtype == sample.expected(*inputs).dtype
    gy = Tensor(cotangent(y), requires_grad=True)
    first = minigrad.grad(y, xs, gy, create_graph=True)
    with np.errstate(over="ignore"):
        second = minigrad.grad(sum((g * g).sum() for g in first), [*xs, gy])
    plain = minigrad.grad(sample.f(*xs), xs, gy)
    assert {g.dtype for g in (*first, *second[:-1], *plain)} == {np.dtype(dtype)}
    if y.dtype == dtype:  # some samples have float64 constants in them
        assert converted == []
    exact = tensors([x.astype(np.float64) for x in inputs])
    y64 = sample.f(*exact)
    right = minigrad.grad(y64, exact, gy.data.astype(np.float64))
    tolerance = 100 * np.finfo(dtype).eps
    for g, h, w in zip(plain, first, right, strict=True):
        assert np.allclose(g.data, w.data, rtol=tolerance, atol=tolerance)
        assert np.allclose(h.data, w.data, rtol=tolerance, atol=tolerance)


@every_sample
def test_inputs_are_not_written_to_and_gradients_are_nobody_elses(name):
    sample = SAMPLES[name]
    xs = tensors(sample.inputs)
    for x in xs:
        x.data.flags.writeable = False
    y = sample.f(*xs)
    gy = cotangent(y)
    gy.flags.writeable = False
    y.backward(gy, retain_graph=True)
    y.backward(gy, retain_graph=True)
    once = minigrad.grad(y, xs, gy)
    arrays = [t.data for t in (*xs, *(x.grad for x in xs), *once)] + [gy]
    for i, a in enumerate(arrays):
        assert not any(np.shares_memory(a, b) for b in arrays[i + 1 :])
    for x, g in zip(xs, once, strict=True):
        assert x.grad.data.flags.writeable
        assert g.data.flags.writeable
        assert np.allclose(x.grad.data, 2 * g.data, rtol=1e-12, atol=1e-14)


def reversed_memory(x):
    flip = (slice(None, None, -1),) * x.ndim
    return x[flip].copy()[flip]


def strided(x):
    wide = np.full([2 * n + 1 for n in x.shape], np.nan)
    view = wide[(..., *(slice(1, 2 * n + 1, 2) for n in x.shape))]
    view[...] = x
    return view


@pytest.mark.parametrize("layout", [lambda x: x.copy("F"), reversed_memory, strided])
@every_sample
def test_memory_layout_does_not_matter(name, layout):
    sample = SAMPLES[name]
    results = []
    for inputs in (sample.inputs, [layout(x) for x in sample.inputs]):
        xs = [Tensor(x, requires_grad=True) for x in inputs]
        y = sample.f(*xs)
        gy = cotangent(y)
        gy = gy if inputs is sample.inputs else layout(gy)
        results.append([y, *minigrad.grad(y, xs, gy)])
    for got, want in zip(*results, strict=True):
        assert np.allclose(got.data, want.data, rtol=1e-13, atol=1e-14)
