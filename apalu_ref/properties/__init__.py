"""The report card of an activation: its measured and proved properties.

:func:`report` looks at any function written in NumPy syntax. The parts:

* :mod:`~apalu_ref.properties.activation`: the function, its parameters and derivatives
* :mod:`~apalu_ref.properties.shape`: range, zeros, pieces, kinks, slopes, asymptotes
* :mod:`~apalu_ref.properties.gaussian`: moments under N(0, 1)
* :mod:`~apalu_ref.properties.meanfield`: what depth does to lengths and correlations
* :mod:`~apalu_ref.properties.card`: all of it, as an object, text and JSON
"""

from apalu_ref.properties.activation import NAMED, Activation, ActivationError
from apalu_ref.properties.card import Report, report, side_by_side

__all__ = ["NAMED", "Activation", "ActivationError", "Report", "report", "side_by_side"]
