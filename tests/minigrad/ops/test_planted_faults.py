"""The gradient check, checked: a fault in any rule of any op is caught on that op's samples."""

from functools import cache

import numpy as np
import pytest

from minigrad import Tensor, ops
from minigrad.engine import OPS, Part
from minigrad.gradcheck import GradcheckError, gradcheck, gradgradcheck
from minigrad.ops import elementwise, index, linalg, pool, reduce, shape

from .samples import SAMPLES
from .test_every_op import home, recorded, tensors

OWN = {n: op for n, op in OPS.items() if home(op).startswith(("minigrad.ops", "minigrad.engine"))}


@cache
def ops_of(name):
    """The names of the ops in a sample's graph."""
    return recorded(SAMPLES[name].f(*tensors(SAMPLES[name].inputs)))


def samples_with(op):
    """The samples in whose graph the op stands, smallest first."""
    found = [s for s in SAMPLES.values() if op.name in ops_of(s.name)]
    return sorted((s for s in found if s.inputs[0].size), key=lambda s: sum(map(np.size, s.inputs)))


def caught(op, check=gradcheck):
    """Whether any of the op's samples fails."""
    return any(
        not check(s.f, s.inputs, raise_exception=False) for s in samples_with(op)
    )  # fmt: skip


def scaled(gradient, factor):
    if isinstance(gradient, Part):
        return gradient._replace(value=gradient.value * factor)
    return gradient * factor


def like(rule, body):
    """A rule that names what ``rule`` names, and hands it to ``body``."""
    code = rule.__code__
    names = ", ".join(code.co_varnames[: code.co_argcount])
    return eval(f"lambda {names}: body({names})", {"body": body})


@pytest.fixture
def plant(monkeypatch):
    def plant(op, input, body):
        """Put ``body`` in the place of a rule; it is given the rule and what the rule is given."""
        rule = op.rules[input]
        rules = list(op.rules)
        rules[input] = like(rule, lambda *args: body(rule, *args))
        monkeypatch.setattr(op, "rules", tuple(rules))
        monkeypatch.setattr(op, "_plans", {})

    return plant


RULES = [(n, i) for n, op in OWN.items() for i, rule in enumerate(op.rules) if rule is not None]


@pytest.mark.parametrize(("name", "input"), RULES)
def test_a_thousandth_too_much(name, input, plant):
    plant(OWN[name], input, lambda rule, *args: scaled(rule(*args), 1.001))
    assert caught(OWN[name])


@pytest.mark.parametrize(("name", "input"), RULES)
def test_a_thousandth_too_much_in_second_order_only(name, input, plant):
    """A rule that runs right on arrays and wrong on Tensors."""

    def body(rule, g, *args):
        return scaled(rule(g, *args), 1.001 if isinstance(g, Tensor) else 1.0)

    plant(OWN[name], input, body)
    assert caught(OWN[name], gradgradcheck)


@pytest.mark.parametrize("op", [OWN["concatenate"], OWN["einsum"]])
@pytest.mark.parametrize("input", [0, 1])
def test_ops_with_any_number_of_inputs(op, input, monkeypatch):
    right = op.gradients

    def wrong(node, g, needed):
        for i, (edge, gradient) in enumerate(right(node, g, needed)):
            yield edge, gradient * 1.001 if i == input else gradient

    monkeypatch.setattr(op, "gradients", wrong)
    assert caught(op)


FAULTS = {
    "g forgotten": (elementwise.multiply, 0, lambda rule, g, x2: x2 + 0 * g),
    "the other factor": (elementwise.multiply, 0, lambda rule, g, x2: g),
    "sign": (elementwise.subtract, 1, lambda rule, g: g),
    "x for y": (elementwise.exp, 0, lambda rule, g, y: g * np.log(y)),
    "swapped branches": (elementwise.where, 1, lambda rule, g, c: np.where(c, 0, g)),
    "both branches": (elementwise.where, 1, lambda rule, g, c: g),
    "strict where it should not be": (elementwise.maximum, 0, lambda rule, g, a, b: g * (b > a)),
    "not divided by n": (reduce.mean, 0, lambda rule, g, s, axis, k: rule(g, s, axis, k) * 2),
    "averaged": (reduce.sum, 0, lambda rule, g, s, axis, k: rule(g, s, axis, k) / (s or (1,))[0]),
    "to all and not to the largest": (
        reduce.max, 0, lambda rule, g, a, y, axis, k: np.ones_like(a) * rule(g, a, y, axis, k).sum()
    ),
    "not flipped back": (reduce.cumsum, 0, lambda rule, g, s, axis: np.cumsum(g, axis).reshape(s)),
    "transposed once more": (linalg._matmul, 0, lambda rule, g, b: (g @ b) if b.shape[-1] == b.shape[-2] else rule(g, b)),  # noqa: E501
    "axes not inverted": (shape._transpose, 0, lambda rule, g, axes: np.transpose(g, axes) if len({*g.shape}) == 1 else rule(g, axes)),  # noqa: E501
    "written over and not added": (index._getitem, 0, lambda rule, g, i, s: rule(g, i, s)._replace(repeats=False)),  # noqa: E501
    "cropped at the wrong end": (shape._pad, 0, lambda rule, g, w, s: rule(g, [(b, a) for a, b in w], s)),  # noqa: E501
    "one broadcast axis not summed": (ops.broadcast_to, 0, lambda rule, g, s: rule(g, s) * 0 + g.reshape(-1)[0]),  # noqa: E501
    "the kernel turned round": (ops.conv2d, 0, lambda rule, g, w, *rest: rule(g, w[:, :, ::-1, ::-1], *rest)),  # noqa: E501
    "the image turned round": (ops.conv2d, 1, lambda rule, g, x, *rest: rule(g, x[:, :, ::-1], *rest)),  # noqa: E501
    "no bias for the first image": (ops.conv2d, 2, lambda rule, g: g[1:].sum((0, 2, 3))),
    "the first and not the largest": (pool._max_pool, 0, lambda rule, g, x, y, how: rule(g, x * 0, y * 0, how)),  # noqa: E501
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_other_faults(fault, plant):
    op, input, body = FAULTS[fault]
    plant(op, input, body)
    square = [Tensor(np.random.default_rng(0).normal(size=(3, 3)), requires_grad=True)]
    extra = {
        "transposed once more": lambda x: x @ np.arange(9.0).reshape(3, 3),
        "axes not inverted": lambda x: np.transpose(np.stack([x, x * 2, x * x]), (1, 2, 0)),
    }
    if fault in extra:
        assert not gradcheck(extra[fault], square, raise_exception=False)
    else:
        assert caught(op)


@pytest.mark.parametrize("name", ["divide", "power", "arctan2", "maximum", "where", "matmul"])
def test_rules_exchanged(name, monkeypatch):
    op = OWN[name]
    *before, first, second = op.rules
    if name == "matmul":  # each in the shape of the other's input
        first, second = (
            lambda g, a: linalg._mT(linalg._mT(a) @ g),
            lambda g, b: linalg._mT(g @ linalg._mT(b)),
        )
    else:
        # The names of what they ask for are exchanged, too.
        first, second = second, first
    monkeypatch.setattr(op, "rules", (*before, first, second))
    monkeypatch.setattr(op, "_plans", {})
    equal = [s for s in samples_with(op) if len({x.shape for x in s.inputs}) == 1]
    if name == "matmul":
        x = np.random.default_rng(0).normal(size=(3, 3))
        assert not gradcheck(lambda a, b: a @ b, [x, x.T], raise_exception=False)
    else:
        assert any(not gradcheck(s.f, s.inputs, raise_exception=False) for s in equal)


def test_broadcasting_not_undone(monkeypatch):
    monkeypatch.setattr(ops.add, "broadcasts", False)
    with pytest.raises(ValueError, match=r"add for input 1 returned .* \(2, 3\).* \(3,\)"):
        gradcheck(lambda x, y: x + y, [np.ones((2, 3)), np.ones(3)])


def test_broadcasting_undone_by_taking_one(monkeypatch):
    from minigrad import walk

    monkeypatch.setattr(walk, "unbroadcast", lambda x, to: x[0].reshape(to))
    with pytest.raises(GradcheckError, match="gradient of y is wrong in 3 places"):
        gradcheck(lambda x, y: x + y, [np.ones((2, 3)), np.ones(3)], names="xy")


def test_rules_replaced_by_themselves_are_not_caught(plant):
    plant(elementwise.power, 1, lambda rule, *args: rule(*args))
    assert not caught(elementwise.power)
