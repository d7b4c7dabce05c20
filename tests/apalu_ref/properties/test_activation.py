"""What can be looked at, what is refused and with which words, and how it is differentiated."""

import inspect
import math

import numpy as np
import pytest

from apalu_ref.properties import NAMED, Activation, ActivationError, features, report
from apalu_ref.properties.named import found
from minigrad import nn
from minigrad.nn import activations, functional

X = np.array([-3.7, -1.3, -0.4, 0.3, 0.9, 2.6])


def classes():
    for name, kind in inspect.getmembers(activations, inspect.isclass):
        if issubclass(kind, nn.Module) and kind.__module__ == activations.__name__:
            yield pytest.param(name, kind, id=name)


@pytest.mark.parametrize(("name", "kind"), list(classes()))
def test_every_activation_of_minigrad_that_works_element_by_element_has_a_name(name, kind):
    if name in ("Softmax", "LogSoftmax"):
        return
    names = {n.replace("_", ""): n for n in NAMED}
    activation = Activation(names[name.lower()])
    np.testing.assert_allclose(activation(X), np.asarray(kind()(X).data), rtol=1e-12, atol=1e-15)


def test_the_names_are_no_others():
    own = {"apalu", "gelutanh", "identity"}
    modules = {p.values[0].lower() for p in classes()} - {"softmax", "logsoftmax"}
    assert {n.replace("_", "") for n in NAMED} == own | modules


CLOSED = {
    "elu": lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: x * np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in x]),
    "identity": lambda x: x,
    "leaky_relu": lambda x, negative_slope: np.where(x > 0, x, negative_slope * x),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "prelu": lambda x, weight: np.where(x > 0, x, weight * x),
    "relu": lambda x: np.where(x > 0, x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "softplus": lambda x, beta: np.log1p(np.exp(beta * x)) / beta,
    "swish": lambda x, beta: x / (1 + np.exp(-beta * x)),
    "tanh": lambda x: np.tanh(x),
    "apalu": lambda x, a, b: np.where(
        x < 0,
        b * np.expm1(np.minimum(x, 0)),
        a * x * (1 + 1 / (1 + np.exp(-1.702 * np.maximum(x, 0)))),
    ),
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}


@pytest.mark.parametrize("name", CLOSED)
def test_values_are_those_of_the_formula_whatever_the_parameters(name):
    for factor in (1.0, 1.7):
        given = {k: v * factor for k, v in NAMED[name][1].items()}
        activation = Activation(name, **given)
        np.testing.assert_allclose(activation(X), CLOSED[name](X, **given), rtol=1e-12)


@pytest.mark.parametrize("name", NAMED)
def test_slopes_and_curvatures_are_those_of_difference_quotients(name):
    f, h = Activation(name), 1e-5
    assert f.differences == ""
    np.testing.assert_allclose(f.slope(X), (f(X + h) - f(X - h)) / (2 * h), atol=1e-9)
    slopes = (f.slope(X + h) - f.slope(X - h)) / (2 * h)
    np.testing.assert_allclose(f.curvature(X), slopes, atol=1e-9)


def wave(x, k=2.0, shift=1):
    return np.sin(k * x) + shift


def test_parameters_are_arguments_whose_default_is_a_number():
    f = Activation(wave, k=3.0)
    assert f.parameters == {"k": 3.0, "shift": 1.0}
    assert (f.name, f.known, repr(f)) == ("wave", "", "wave(k=3, shift=1)")
    np.testing.assert_allclose(f(X), np.sin(3 * X) + 1, rtol=1e-15)
    np.testing.assert_allclose(f.slope(X), 3 * np.cos(3 * X), rtol=1e-13)
    np.testing.assert_allclose(f.curvature(X), -9 * np.sin(3 * X), rtol=1e-13)


def test_other_defaults_are_left_alone():
    def f(x, k=2.0, mode="up", flag=True, *, bend=3):
        assert (mode, flag) == ("up", True)
        return k * x + bend

    assert Activation(f).parameters == {"k": 2.0, "bend": 3.0}


def test_at_makes_another_and_leaves_the_first():
    f = Activation(wave)
    g = f.at(k=5.0)
    assert (f.parameters["k"], g.parameters["k"], g.parameters["shift"]) == (2.0, 5.0, 1.0)
    np.testing.assert_allclose(g.slope(X), 5 * np.cos(5 * X), rtol=1e-13)
    with pytest.raises(ActivationError, match="wave has no parameter 'q'; there are: k, shift"):
        f.at(q=1.0)


def test_a_name_may_be_given():
    assert repr(Activation(wave, name="my wave")) == "my wave(k=2, shift=1)"
    assert Activation("elu", name="mine").known == "elu"


def test_ufuncs_and_modules_can_be_looked_at():
    assert Activation(np.tanh).name == "tanh"
    assert Activation(np.tanh).known == ""
    np.testing.assert_allclose(Activation(nn.GELU())(X), CLOSED["gelu"](X), rtol=1e-12)


def test_a_constant_has_no_slope_and_is_no_error():
    f = Activation(lambda x: np.ones_like(np.asarray(x)))
    assert not f.slope(X).any()
    assert not f.curvature(X).any()


def test_a_line_has_no_curvature():
    assert not Activation("identity").curvature(X).any()


def branch(x):
    return x if x > 0 else 0.0


def of_math(x):
    return math.tanh(x)


def summed(x):
    return np.sum(np.maximum(x, 0))


def without_default(x, a):
    return a * x


def of_nothing():
    return 1.0


REFUSED = [
    (branch, "branch fails on an array: ValueError.*one number at a time: write np.where"),
    (of_math, "of_math fails on an array.*NumPy's functions in place of those of the module math"),
    (summed, r"summed makes shape \(\) of \(2, 3\): it must work element by element"),
    (without_default, "missing 1 required.*Parameters need a number as their default"),
    (of_nothing, "of_nothing fails on an array: TypeError"),
    (lambda x: x + 1j, "returns complex128: real numbers are needed"),
    (np.emath.sqrt, "returns complex128: real numbers are needed"),
    (lambda x: None, "returns no numbers: is a return missing"),
    (lambda x: 1.0, r"makes shape \(\) of \(2, 3\)"),
    (lambda x: functional.softmax(x, -1), "mixes elements"),
    (lambda x: functional.softmax(x, 0), "mixes elements"),
    (lambda x: x - np.mean(np.asarray(x)), "mixes elements"),
    (lambda x: x / np.max(np.abs(np.asarray(x))), "mixes elements"),
    ("rleu", "no activation is called 'rleu', did you mean 'relu'.*apalu, elu.*file.py:name"),
    (3, "an activation is a name or a function, not int"),
    (None, "an activation is a name or a function, not NoneType"),
]


@pytest.mark.parametrize(("f", "message"), REFUSED)
def test_a_mistake_is_told_with_what_to_do(f, message):
    with pytest.raises(ActivationError, match=message):
        Activation(f)


def test_a_wrong_parameter_is_told_with_those_there_are():
    with pytest.raises(ActivationError, match=r"elu has no parameter 'a'; there are: alpha$"):
        Activation("elu", a=2.0)
    with pytest.raises(ActivationError, match=r"relu has no parameter 'a'; it has none$"):
        Activation("relu", a=2.0)
    with pytest.raises(ActivationError, match="A parameter is an argument after x with a number"):
        Activation(lambda x, a=None: x, a=2.0)


def test_values_that_are_nan_are_no_mistake():
    f = Activation(np.sqrt)
    assert np.isnan(f(np.array([-1.0]))).all()


def test_a_derivative_that_is_given_is_taken():
    # A little off, to be told from what minigrad would find.
    f = Activation(wave, lambda x, k, shift: 1.00001 * k * np.cos(k * x))
    np.testing.assert_allclose(f.slope(X), 2.00002 * np.cos(2 * X), rtol=1e-15)
    np.testing.assert_allclose(f.curvature(X), -4.00004 * np.sin(2 * X), rtol=1e-6, atol=1e-9)
    assert f.at(k=1.0).slope(X) == pytest.approx(1.00001 * np.cos(X))
    assert f.differences == ""


def test_a_derivative_of_another_shape_is_refused():
    with pytest.raises(ActivationError, match=r"the derivative given for wave makes shape \(\)"):
        Activation(wave, lambda x, k, shift: k)


def test_finite_differences_stand_in_where_minigrad_cannot_differentiate():
    f = Activation(np.sinc)
    assert "np.sinc" in f.differences
    expected = (np.cos(np.pi * X) - np.sinc(X)) / X
    np.testing.assert_allclose(f.slope(X), expected, atol=1e-10)
    t = np.pi * X
    second = np.pi**2 * (-np.sin(t) / t - 2 * np.cos(t) / t**2 + 2 * np.sin(t) / t**3)
    np.testing.assert_allclose(f.curvature(X), second, atol=1e-7)
    assert np.sinc is not f.slope


@pytest.mark.parametrize("x", [1e-3, 1.0, 1e4, -1e4])
def test_differences_grow_with_the_place(x):
    f = Activation(lambda x: np.asarray(x) ** 2 + np.sinc(0 * np.asarray(x)))
    assert f.differences or f.slope(np.array([x]))[0] == pytest.approx(2 * x, rel=1e-9)
    assert f.slope(np.array([x]))[0] == pytest.approx(2 * x, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("relu", "relu"),
        (" elu ( alpha = 2 ) ", "elu(alpha=2)"),
        ("apalu(b=1.5)", "apalu(a=1, b=1.5)"),
        ("apalu(a=-1e-3,b=0)", "apalu(a=-0.001, b=0)"),
        ("gelu()", "gelu"),
    ],
)
def test_names_with_parameters_in_brackets(text, shown):
    assert repr(found(text.strip())) == shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("elu(alpha", "is not an activation: write a name"),
        ("elu)", "is not an activation"),
        ("", "is not an activation"),
        ("elu(2)", "'2' in .* is no parameter: write name=number"),
        ("elu(alpha=x)", "'alpha=x' in .* is no parameter"),
        ("elu(a b=1)", "is no parameter"),
        ("elu(beta=1)", "elu has no parameter 'beta'"),
        ("rleu", "no activation is called 'rleu', did you mean 'relu'"),
        ("apalu_ref.formula:KAPPA", "is a float, not a function"),
    ],
)
def test_texts_that_name_no_activation(text, message):
    with pytest.raises(ActivationError, match=message):
        found(text)


def test_a_function_of_a_module_is_found():
    f = found("apalu_ref.formula:apalu(b=2)") if _has_numbers() else found("numpy:tanh")
    assert f.known == ""


def _has_numbers():
    from apalu_ref import formula

    return all(
        type(p.default) in (int, float)
        for p in list(inspect.signature(formula.apalu).parameters.values())[1:3]
    )


def test_the_grid_stays_as_it_is_when_a_function_writes_into_what_it_returns():
    before = features.GRID.copy()
    report(lambda x: x)
    np.testing.assert_array_equal(features.GRID, before)


def test_the_grid_stays_as_it_is_when_a_function_works_in_place():
    def f(x):
        x[x < 0] = 0
        return x

    before = features.GRID.copy()
    try:
        report(f)
        same = np.array_equal(features.GRID, before)
    except ActivationError:
        same = True
    finally:
        features.GRID[:] = before
    assert same


def test_a_function_that_returns_booleans_is_a_step_or_refused():
    try:
        card = report(lambda x: np.asarray(x) > 0)
    except ActivationError:
        return
    assert card["kinks"] == [0.0]


@pytest.mark.parametrize(
    "derivative",
    [3, lambda x: x, lambda x, k, shift: 1 if x > 0 else 0, lambda x, k, shift: math.tanh(x)],
)
def test_a_derivative_that_fails_is_told_so(derivative):
    try:
        Activation(wave, derivative)
    except ActivationError:
        return
    pytest.fail("it was taken")


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_parameters_are_finite(value):
    with pytest.raises(ActivationError):
        Activation("apalu", a=value)


def test_a_parameter_that_is_no_number_is_told_so():
    try:
        Activation("elu", alpha="x")
    except ValueError as error:
        assert isinstance(error, ActivationError)  # noqa: PT017


def test_a_derivative_that_is_not_that_of_f_is_told():
    try:
        card = report(np.tanh, derivative=lambda x: 2 * x)
    except ActivationError:
        return
    assert any("derivative" in remark for remark in card.remarks)
