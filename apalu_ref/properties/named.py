"""Activations as they are named on a command line: ``apalu(a=1, b=1.5)``, ``file.py:name``."""

from __future__ import annotations

import re
from fractions import Fraction

from apalu_ref.properties.activation import (
    NAMED,
    Activation,
    ActivationError,
    Function,
    unknown,
)

_CALL = re.compile(r"(?P<name>[^()]+?)\s*(?:\((?P<parameters>[^()]*)\))?\s*")


def found(text: str, derivative: str | Function | None = None) -> Activation:
    """The activation that a text names.

    Parameters
    ----------
    text : str
        A name of :data:`~apalu_ref.properties.activation.NAMED` or ``file.py:function``, and
        parameters in brackets.
    derivative : str or callable, optional
        f′, or ``file.py:function`` for it.

    Raises
    ------
    ActivationError
        If the text is none, or the activation cannot be looked at.
    SubjectError
        If there is no such file or function.

    Examples
    --------
    >>> found("elu(alpha=2)")
    elu(alpha=2)
    """
    match = _CALL.fullmatch(text)
    if match is None:
        raise ActivationError(
            f"{text!r} is not an activation: write a name or file.py:name, and parameters as in "
            "apalu(a=1, b=1.5)"
        )
    name = match["name"]
    given = _parameters(match["parameters"] or "", text)
    slope = _function(derivative) if isinstance(derivative, str) else derivative
    if name in NAMED:
        return Activation(name, slope).at(**given)
    if ":" not in name and not name.endswith(".py"):
        raise ActivationError(unknown(name))
    return Activation(_function(name), slope).at(**given)


def _function(name: str) -> Function:
    # Not at the top: it brings the whole check kit with it.
    from apalu_ref.check.subject import SubjectError, load

    try:
        target = load(name).value
    except SubjectError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise ActivationError(
            f"{name} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not callable(target):
        raise ActivationError(f"{name} is a {type(target).__name__}, not a function: file.py:name")
    return target


def _parameters(text: str, whole: str) -> dict[str, float]:
    given: dict[str, float] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        key, equals, value = (t.strip() for t in part.partition("="))
        try:
            if not equals or not key.isidentifier():
                raise ValueError
            number = float(Fraction(value)) if "/" in value else float(value)
        except (ValueError, ZeroDivisionError):
            raise ActivationError(
                f"{part!r} in {whole!r} is no parameter: write name=number"
            ) from None
        if key in given:
            raise ActivationError(f"{whole!r} has the parameter {key} twice")
        given[key] = number
    return given
