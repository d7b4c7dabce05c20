"""The eight autograds of tutorial 3: each is complete, small, and right in all that it offers."""

import ast
import difflib
import importlib
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad
from minigrad.gradcheck import gradcheck

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "tutorials" / "autograd_steps" / f"step{k}.py" for k in range(1, 9)]


def load(name, path, **options):
    spec = importlib.util.spec_from_file_location(name, path, **options)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


STEPS = [load(f"_autograd_steps_{path.stem}", path) for path in FILES]
LAST = STEPS[-1]
OPS = ROOT / "tests" / "minigrad" / "ops"
load("_samples_of_minigrad", OPS / "__init__.py", submodule_search_locations=[str(OPS)])
SAMPLES = importlib.import_module("_samples_of_minigrad.samples").SAMPLES


def since(first):
    """A test of all steps from the one that can do it first."""
    return pytest.mark.parametrize("step", STEPS[first - 1 :], ids=lambda s: s.__name__[-5:])


# -- each is a complete program, some twenty lines longer than the one before


def code(path):
    """Lines that are neither empty nor comments nor documentation."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    return [line for line in lines if line.split("#")[0].strip()]


def test_some_twenty_lines_are_added_at_each_step():
    added = []
    for old, new in zip([[], *map(code, FILES)], map(code, FILES), strict=False):
        changes = [line[0] for line in difflib.ndiff(old, new)]
        added.append(changes.count("+"))
        assert changes.count("-") <= 12
    assert all(10 <= n <= 30 for n in added), added
    assert 15 <= sum(added) / len(added) <= 25
    assert len(code(FILES[0])) == 15
    assert 110 <= len(code(FILES[-1])) <= 125


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_needs_numpy_and_nothing_else(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert {name.name for node in imported for name in node.names} <= {
        "numpy", "itertools", "operator"
    }  # fmt: skip


def test_what_the_tutorial_names_in_minigrad_is_there():
    tutorial = (ROOT / "tutorials" / "03_build_an_autograd.py").read_text(encoding="utf-8")
    table = tutorial.split("in step 8  ")[1].split("# On your own")[0]
    named = re.findall(r"``(engine|walk|core|Op)\.(\w+)``", table)
    assert len(named) == 7
    for module, name in named:
        holder = (
            minigrad.engine.Op if module == "Op" else importlib.import_module(f"minigrad.{module}")
        )
        assert hasattr(holder, name), f"{module}.{name}"


# -- each against differences of what it computes


def gradients(step, f, *arrays):
    """The gradients of the sum of f, the way that the step offers them."""
    tensors = [step.Tensor(x) for x in arrays]
    y = f(*tensors)
    if hasattr(step, "grad"):
        return step.grad(y, tensors)
    step.backward(y)
    return [t.grad for t in tensors]


def check(step, f, plain, *arrays):
    """f, written for the step's Tensors, against differences of plain, written for arrays."""
    found = gradients(step, f, *arrays)
    for i, (g, x) in enumerate(zip(found, arrays, strict=True)):
        assert g.shape == x.shape
        for index in np.ndindex(x.shape):
            moved = [x.copy() for x in arrays]
            ends = []
            for h in (1e-5, -1e-5):
                moved[i][index] = x[index] + h
                ends.append(np.sum(plain(*moved)))
            assert np.isclose(g[index], (ends[0] - ends[1]) / 2e-5, rtol=1e-7, atol=1e-7)


X, Y = np.array([0.7, -1.3, 0.4]), np.array([1.1, 0.6, -0.8])
M, N = np.arange(6.0).reshape(2, 3) / 5 - 0.3, np.arange(12.0).reshape(3, 4) / 7 - 0.9


@since(1)
def test_a_chain_of_functions(step):
    check(step, lambda x: step.exp(step.exp(x)), lambda x: np.exp(np.exp(x)), X)
    check(step, step.exp, np.exp, np.array(0.5))
    check(step, step.exp, np.exp, np.zeros((0, 3)))


@since(2)
def test_operations_of_two_inputs(step):
    check(
        step,
        lambda x, y: step.sin(x) * (step.cos(y) + 2.0),
        lambda x, y: np.sin(x) * (np.cos(y) + 2),
        X, Y,
    )  # fmt: skip


@since(3)
def test_a_long_chain_and_a_chain_of_doublings(step):
    def long(x):
        for _ in range(5000):
            x = x + 0.001
        return x

    def doubled(x):
        for _ in range(60):
            x = x + x
        return x

    assert gradients(step, long, X)[0].tolist() == [1, 1, 1]
    # Before step 4 gradients that meet are lost.
    assert gradients(step, doubled, X)[0].tolist() == [2.0**60 if step in STEPS[3:] else 1] * 3


@since(4)
def test_values_used_more_than_once(step):
    check(
        step,
        lambda x, y: step.divide(step.sin(x) * x, y) + step.tanh(x * y) * x,
        lambda x, y: np.sin(x) * x / y + np.tanh(x * y) * x,
        X, Y,
    )  # fmt: skip
    check(
        step,
        lambda x: step.subtract(step.log(x * x + 1.0), step.negative(x)),
        lambda x: np.log(x * x + 1) + x,
        X,
    )


@since(4)
def test_results_do_not_depend_on_what_was_asked_before(step):
    x, other = step.Tensor(X), step.Tensor(Y)
    z = step.exp(x)
    y = z * z + x
    first = [g.copy() for g in step.grad(y, [x, z, y, other])]
    for got, want in zip(step.grad(y, [x, z, y, other]), first, strict=True):
        assert np.array_equal(got, want)
    assert np.allclose(first[1], 2 * np.exp(X))
    assert first[2].tolist() == [1, 1, 1]
    assert first[3].tolist() == [0, 0, 0]


@since(5)
@pytest.mark.parametrize(
    "shapes", [((2, 3), (3,)), ((3,), (2, 1)), ((), (2, 3)), ((2, 1, 3), (4, 1)), ((3, 1), (1, 0))]
)
def test_broadcasting_is_undone(step, shapes):
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(0.5, 2, shape) for shape in shapes)
    check(step, lambda a, b: step.divide(a, b) * a, lambda a, b: a / b * a, a, b)


@since(5)
def test_choosing(step):
    check(step, lambda x, y: step.maximum(x, y) * x, lambda x, y: np.maximum(x, y) * x, X, Y)
    chosen = np.array([True, False, True])
    check(
        step,
        lambda x, y: step.where(chosen, x * x, y),
        lambda x, y: np.where(chosen, x * x, y),
        X,
        Y,
    )
    (nothing,) = gradients(step, lambda c: step.where(c, X, Y), np.array([1.0, 0.0, 2.0]))
    assert nothing.tolist() == [0, 0, 0]
    tie = gradients(step, step.maximum, np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    assert [g.tolist() for g in tie] == [[0.5, 0], [0.5, 1]]


@since(6)
def test_sums_products_shapes_and_indices(step):
    total, turned = step.sum, lambda m: step.reshape(step.swapaxes(m, 0, 1), (2, 3))
    check(step, lambda m: total(m * m, axis=0) * X, lambda m: np.sum(m * m, 0) * X, M)
    check(step, lambda m: m * total(m, -1, keepdims=True), lambda m: m * m.sum(1, keepdims=True), M)
    check(step, lambda m: total(m) * m, lambda m: np.sum(m) * m, M)
    check(step, lambda m, n: (m @ n) * (m @ n), lambda m, n: (m @ n) ** 2, M, N)
    check(step, lambda m: m * turned(m), lambda m: m * m.T.reshape(2, 3), M)
    check(step, lambda m: m[[1, 1, 0], :2] * m[0, 1:], lambda m: m[[1, 1, 0], :2] * m[0, 1:], M)


@since(7)
def test_numpy_formulas_run_on_tensors(step):
    def f(x, m):
        u = x / (1 + np.exp(-1.702 * x)) + x
        y = np.where(x >= 0, u, np.exp(np.where(x >= 0, 0, x)) - 1)
        return np.sum(m * y, axis=1) @ M - np.log(X**2 + 1) * np.maximum(x, Y)

    check(step, f, f, X, M)
    t = step.Tensor(X)
    assert isinstance(t > 0, np.ndarray)
    for refused in (lambda: np.cumsum(t), lambda: np.arctan(t), lambda: np.add.reduce(t)):
        with pytest.raises(TypeError, match=r"cumsum|arctan|add"):
            refused()
    with pytest.raises(TypeError, match=r"\.data"):
        np.asarray(t)
    with pytest.raises(TypeError):
        t += 1.0


def test_the_last_one_keeps_float32():
    x, m = LAST.Tensor(X.astype(np.float32)), LAST.Tensor(M.astype(np.float32))
    y = np.mean(np.tanh(m * x + 1) ** 2, axis=0) * np.where(x > 0, x, np.expm1(x))
    for g in LAST.grad(y, [x, m], create_graph=True) + LAST.grad(y, [x, m]):
        assert LAST.plain(g).dtype == np.float32


# -- the last one on the samples that minigrad is tested with


def lacking(sample):
    """The error that tells what step 8 does not have of all that the sample calls."""
    try:
        y = sample.f(*map(LAST.Tensor, sample.inputs))
    except (AttributeError, TypeError, NotImplementedError) as error:
        return error
    return None if isinstance(y, LAST.Tensor) else TypeError("not differentiable")


LACKING = {name: lacking(sample) for name, sample in SAMPLES.items()}
each_sample = pytest.mark.parametrize(
    "sample",
    [sample for name, sample in SAMPLES.items() if LACKING[name] is None],
    ids=lambda sample: sample.name,
)


def test_it_runs_the_samples_of_all_its_functions_and_of_indexing():
    functions = [f"np.{f.__name__}" for f in LAST.RULES if getattr(np, f.__name__, None) is f]
    assert len(functions) >= 20
    for name in [*functions, "x["]:
        samples = [k for k in SAMPLES if re.match(re.escape(name) + r"(?!\w)", k) or k[:2] == name]
        assert samples, name
        for k in samples:
            # Methods, such as x.reshape, it does not have.
            assert LACKING[k] is None or isinstance(LACKING[k], AttributeError), k
    assert sum(error is None for error in LACKING.values()) > 150


def first(sample, inputs, seed, **how):
    """The output of step 8, and its gradients under the upstream gradient seed."""
    tensors = [LAST.Tensor(x) for x in inputs]
    y = sample.f(*tensors)
    return y.data, tensors, LAST.grad(y * seed, tensors, **how)


def second(sample, inputs, seed, weights):
    """A weighted sum of the gradients and the inputs, and its own gradients.

    The inputs are there so that not all of these are zero: there would be nothing to measure by.
    """
    _, tensors, gradients = first(sample, inputs, seed, create_graph=True)
    total = LAST.Tensor(0.0)
    for g, x, w in zip(gradients, tensors, weights, strict=True):
        total = total + np.sum((g + x) * w)
    return float(total.data), [np.asarray(g) for g in LAST.grad(total, tensors)]


def seeds(sample):
    rng = np.random.default_rng(1)
    return [rng.normal(size=x.shape) for x in (sample.expected(), *sample.inputs)]


@each_sample
def test_it_agrees_with_minigrad(sample):
    seed, *weights = seeds(sample)
    y, _, ours = first(sample, sample.inputs, seed)
    np.testing.assert_allclose(y, sample.expected(), rtol=1e-13, atol=1e-15)

    tensors = [minigrad.tensor(x, requires_grad=True) for x in sample.inputs]
    theirs = minigrad.grad(sample.f(*tensors), tensors, seed, create_graph=True)
    total = minigrad.tensor(0.0)
    for g, x, w in zip(theirs, tensors, weights, strict=True):
        total = total + np.sum((g + x) * w)
    theirs += minigrad.grad(total, tensors)
    ours += second(sample, sample.inputs, seed, weights)[1]
    for got, want in zip(ours, theirs, strict=True):
        assert np.shape(got) == want.shape
        np.testing.assert_allclose(got, want.detach().numpy(), rtol=1e-10, atol=1e-12)


@each_sample
def test_it_agrees_with_differences(sample):
    seed, *weights = seeds(sample)

    def value(*inputs):
        # The inputs are added for the same reason as in ``second``.
        added = [np.sum(x * w) for x, w in zip(inputs, weights, strict=True)]
        return sum(added, np.sum(sample.expected(*inputs) * seed))

    def slope(*given):
        *inputs, g = given
        found = first(sample, inputs, seed)[2]
        return tuple(g * (f + w) for f, w in zip(found, weights, strict=True))

    def bend(*given):
        *inputs, g = given
        return tuple(g * f for f in second(sample, inputs, seed, weights)[1])

    gradcheck(value, sample.inputs, slope)
    gradcheck(lambda *inputs: second(sample, inputs, seed, weights)[0], sample.inputs, bend)
