"""Functions whose shape is known, and what the card says of a shape."""

import numpy as np

from apalu_ref.properties.activation import Activation
from apalu_ref.properties.shape import Shape


def facts(f, **given):
    return Shape(Activation(f, **given)).section().facts


def value(f, name, **given):
    return facts(f, **given)[name].value


def hard_swish(x):
    return x * np.clip(x + 3, 0, 6) / 6


def step(x):
    return np.where(x < 0, 0.0, 1.0)


def softsign(x):
    return x / (1 + np.abs(x))


def cube(x):
    return x**3


def jump(x):
    return np.where(x < 1 / 3, x, x + 2)
