"""What holds for every function of nn, over the table of samples."""

from functools import cache

import numpy as np
import pytest

import minigrad
from minigrad import Tensor
from minigrad.core import Leaf
from minigrad.engine import OPS
from minigrad.gradcheck import gradcheck, gradgradcheck
from minigrad.nn import functional as F

from .samples import SAMPLES

every_sample = pytest.mark.parametrize("name", SAMPLES)


def tensors(inputs, dtype=None):
    return [Tensor(np.array(x, dtype), requires_grad=True) for x in inputs]


def cotangent(y):
    return np.asarray(np.random.default_rng(0).uniform(0.5, 1.5, y.shape), y.dtype)


def recorded(y):
    """The names of the ops in a graph."""
    names, stack = set(), [y._edge]
    while stack:
        node = stack.pop()
        if node is not None and type(node) is not Leaf:
            names.add(node.op.name)
            stack += node.edges
    return names


@cache
def ops_of(name):
    """The names of the ops in a sample's graph."""
    return recorded(SAMPLES[name].f(*tensors(SAMPLES[name].inputs)))


def own_ops():
    """The ops that nn adds to the table."""
    rules = {n: [r for r in op.rules if r is not None] for n, op in OPS.items()}
    return {n for n, rs in rules.items() if rs and rs[0].__module__.startswith("minigrad.nn.")}


def test_every_function_and_every_op_has_a_sample():
    assert {n for n in F.__all__ if not any(s.startswith(n) for s in SAMPLES)} == {
        "binary_cross_entropy_with_logits",  # called bce there
        "dropout",  # random: it has tests of its own
    }
    met = set().union(*map(ops_of, SAMPLES))
    assert own_ops() - met == set()
    assert len(own_ops()) > 20


@every_sample
def test_first_order(name):
    sample = SAMPLES[name]
    result = gradcheck(sample.f, sample.inputs)
    assert result.checked == sum(x.size for x in sample.inputs)
    assert not result.kinks


@every_sample
def test_second_order(name):
    sample = SAMPLES[name]
    assert not gradgradcheck(sample.f, sample.inputs).kinks


@every_sample
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_types_are_kept(name, dtype):
    sample = SAMPLES[name]
    narrow = [x.astype(dtype) for x in sample.inputs]
    xs = tensors(narrow)
    y = sample.f(*xs)
    assert y.dtype == dtype
    exact = tensors(narrow, np.float64)
    y64 = sample.f(*exact)
    gy = cotangent(y)
    close = {"rtol": 300 * np.finfo(dtype).eps, "atol": 300 * np.finfo(dtype).eps}
    np.testing.assert_allclose(y.data, y64.data, **close)
    right = minigrad.grad(y64, exact, gy.astype(np.float64))
    recorded = minigrad.grad(y, xs, gy, retain_graph=True, create_graph=True)
    for gradients in (minigrad.grad(y, xs, gy), recorded):
        for g, w in zip(gradients, right, strict=True):
            assert g.dtype == dtype
            np.testing.assert_allclose(g.data, w.data, **close)


@every_sample
def test_inputs_are_not_written_to_and_backward_may_run_again(name):
    sample = SAMPLES[name]
    xs = tensors(sample.inputs)
    y = sample.f(*xs)
    gy = cotangent(y)
    for array in (gy, *(x.data for x in xs)):
        array.flags.writeable = False
    y.backward(gy, retain_graph=True)
    once = [x.grad.data.copy() for x in xs]
    y.backward(gy)
    for x, g in zip(xs, once, strict=True):
        np.testing.assert_array_equal(x.grad.data, 2 * g)
        assert not any(np.shares_memory(x.grad.data, other.data) for other in xs)


def strided(x):
    wide = np.full([2 * n + 1 for n in x.shape], np.nan)
    view = wide[(..., *(slice(2 * n - 1, None, -2) if n else slice(0) for n in x.shape))]
    view[...] = x
    return view


@every_sample
@pytest.mark.parametrize("layout", [lambda x: x.copy("F"), strided])
def test_memory_layout_does_not_matter(name, layout):
    sample = SAMPLES[name]
    results = []
    for inputs in (sample.inputs, [layout(x) for x in sample.inputs]):
        xs = [Tensor(x, requires_grad=True) for x in inputs]
        y = sample.f(*xs)
        gy = cotangent(y) if inputs is sample.inputs else layout(cotangent(y))
        results.append([y, *minigrad.grad(y, xs, gy)])
    for got, want in zip(*results, strict=True):
        np.testing.assert_allclose(got.data, want.data, rtol=1e-13, atol=1e-14)


@every_sample
def test_plain_arrays_give_the_same_numbers(name):
    sample = SAMPLES[name]
    y = sample.f(*sample.inputs)
    want = sample.f(*tensors(sample.inputs))
    np.testing.assert_array_equal(getattr(y, "data", y), want.data)


RULES = [(n, i) for n in sorted(own_ops()) for i, r in enumerate(OPS[n].rules) if r is not None]


def like(rule, body):
    """A rule that names what ``rule`` names, and hands it to ``body``."""
    names = ", ".join(rule.__code__.co_varnames[: rule.__code__.co_argcount])
    return eval(f"lambda {names}: body({names})", {"body": body})


@pytest.mark.parametrize("second_only", [False, True])
@pytest.mark.parametrize(("name", "input"), RULES)
def test_a_fault_of_a_thousandth_in_any_rule_is_caught(name, input, second_only, monkeypatch):
    op = OPS[name]
    rule = op.rules[input]

    def wrong(g, *args):
        return rule(g, *args) * (1.001 if isinstance(g, Tensor) or not second_only else 1.0)

    rules = list(op.rules)
    rules[input] = like(rule, wrong)
    with_it = [s for s in SAMPLES.values() if name in ops_of(s.name)]
    with_it.sort(key=lambda s: sum(map(np.size, s.inputs)))  # a small one tells sooner
    monkeypatch.setattr(op, "rules", tuple(rules))
    monkeypatch.setattr(op, "_plans", {})
    check = gradgradcheck if second_only else gradcheck
    assert not all(check(s.f, s.inputs, raise_exception=False) for s in with_it)
